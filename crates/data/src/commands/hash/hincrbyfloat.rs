//! HINCRBYFLOAT key field increment

use crate::commands::prelude::*;
use crate::decimal;
use crate::number::I64Text;
use crate::value::hash::Hash;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::write(Group::Hash, "hincrbyfloat", 4, hincrbyfloat).flags(Flags::DENYOOM.and(Flags::FAST)).access(Access::READ_UPDATE)
        .syntax("key field increment:double")
        .about("2.6.0", "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist."),
];

fn hincrbyfloat(
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
        hash.put_keeping(args[2], sum.as_bytes());
        Ok(sum)
    })?;
    out.bulk(sum.as_bytes());
    Ok(())
}
