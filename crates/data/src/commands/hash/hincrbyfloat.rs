//! HINCRBYFLOAT key field increment

use crate::commands::prelude::*;
use crate::decimal;
use crate::number::I64Text;
use crate::value::hash::Hash;

pub(crate) fn hincrbyfloat(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    const NOT_FLOAT: Failure = Failure("ERR hash value is not a float");
    const INFINITE: Failure = Failure("ERR value is NaN or Infinity");
    if !args::float(args[3])?.is_finite() {
        return Err(INFINITE);
    }
    let sum = keyspace.edit_or_create::<Hash, _>(args[1], ctx.now, |hash| {
        let sum = match hash.view().get(args[2]) {
            None => decimal::add(b"0", args[3])?,
            Some(value) => {
                let mut text = I64Text::new(0);
                let before = value.text(&mut text);
                args::float(before).map_err(|_| NOT_FLOAT)?;
                decimal::add(before, args[3])?
            }
        };
        hash.put(args[2], sum.as_bytes());
        Ok(sum)
    })?;
    out.bulk(sum.as_bytes());
    Ok(())
}
