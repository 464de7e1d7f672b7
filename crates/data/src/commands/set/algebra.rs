//! SINTER, SUNION, SDIFF key..., and each with STORE and a destination in front

use crate::commands::prelude::*;
use crate::number::I64Text;
use crate::value::View;
use crate::value::set::Set;
use synod_types::Millis;

#[rustfmt::skip] // this is a table
pub(crate) const ROWS: &[Command] = &[
    Command::read(Group::Set, "sdiff", -2, sdiff).extent(Extent::Whole).keys(1, -1, 1)
        .syntax("key...")
        .about("1.0.0", "Returns the difference of multiple sets."),
    Command::write(Group::Set, "sdiffstore", -3, sdiffstore).extent(Extent::Whole).flags(Flags::DENYOOM).keys(1, -1, 1).accesses(Access::OVERWRITE, Access::READ)
        .syntax("destination key...")
        .about("1.0.0", "Stores the difference of multiple sets in a key."),
    Command::read(Group::Set, "sinter", -2, sinter).extent(Extent::Whole).keys(1, -1, 1)
        .syntax("key...")
        .about("1.0.0", "Returns the intersect of multiple sets."),
    Command::write(Group::Set, "sinterstore", -3, sinterstore).extent(Extent::Whole).flags(Flags::DENYOOM).keys(1, -1, 1).accesses(Access::UPDATE, Access::READ)
        .syntax("destination key...")
        .about("1.0.0", "Stores the intersect of multiple sets in a key."),
    Command::read(Group::Set, "sunion", -2, sunion).extent(Extent::Whole).keys(1, -1, 1)
        .syntax("key...")
        .about("1.0.0", "Returns the union of multiple sets."),
    Command::write(Group::Set, "sunionstore", -3, sunionstore).extent(Extent::Whole).flags(Flags::DENYOOM).keys(1, -1, 1).accesses(Access::OVERWRITE, Access::READ)
        .syntax("destination key...")
        .about("1.0.0", "Stores the union of multiple sets in a key."),
];

#[derive(Clone, Copy)]
enum Operation {
    Intersect,
    Unite,
    Subtract,
}

fn sinter(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let set = combine(keyspace, Operation::Intersect, &args[1..], ctx.now)?;
    reply(&set, out);
    Ok(())
}

fn sinterstore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let set = combine(keyspace, Operation::Intersect, &args[2..], ctx.now)?;
    store(keyspace, args[1], set, ctx.now, out);
    Ok(())
}

fn sunion(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let set = combine(keyspace, Operation::Unite, &args[1..], ctx.now)?;
    reply(&set, out);
    Ok(())
}

fn sunionstore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let set = combine(keyspace, Operation::Unite, &args[2..], ctx.now)?;
    store(keyspace, args[1], set, ctx.now, out);
    Ok(())
}

fn sdiff(keyspace: &Keyspace, args: &Args<'_>, ctx: &Context, out: &mut dyn ReplySink) -> Outcome {
    let set = combine(keyspace, Operation::Subtract, &args[1..], ctx.now)?;
    reply(&set, out);
    Ok(())
}

fn sdiffstore(
    keyspace: &mut Keyspace,
    args: &Args<'_>,
    ctx: &Context,
    out: &mut dyn ReplySink,
) -> Outcome {
    let set = combine(keyspace, Operation::Subtract, &args[2..], ctx.now)?;
    store(keyspace, args[1], set, ctx.now, out);
    Ok(())
}

fn reply(set: &Set, out: &mut dyn ReplySink) {
    let view = View::Full(set);
    out.set(view.len());
    view.each(|member| member.reply(out));
}

fn store(keyspace: &mut Keyspace, key: &[u8], set: Set, now: Millis, out: &mut dyn ReplySink) {
    out.integer(View::Full(&set).len() as i64);
    keyspace.store(key, now, set.pack());
}

/// The sets at the keys. All of them are asked for their type before any is looked into.
pub(super) fn operands<'k>(
    keyspace: &'k Keyspace,
    keys: &[&[u8]],
    now: Millis,
) -> Result<Vec<Option<View<'k, Set>>>, Failure> {
    keys.iter().map(|key| keyspace.view::<Set>(key, now)).collect()
}

/// Hands the members that all sets have to `f`. None when a set is absent.
pub(super) fn intersect(sets: Vec<Option<View<'_, Set>>>, mut f: impl FnMut(&[u8])) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<_>>>() else { return };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    smallest.each(|member| {
        let mut text = I64Text::new(0);
        let member = member.text(&mut text);
        if others.iter().all(|set| set.contains(member)) {
            f(member);
        }
    });
}

fn combine(
    keyspace: &Keyspace,
    operation: Operation,
    keys: &[&[u8]],
    now: Millis,
) -> Result<Set, Failure> {
    let sets = operands(keyspace, keys, now)?;
    let mut result = Set::default();
    match operation {
        Operation::Intersect => intersect(sets, |member| result.insert(member)),
        Operation::Unite => {
            for set in sets.into_iter().flatten() {
                set.each(|member| result.insert(member.text(&mut I64Text::new(0))));
            }
        }
        Operation::Subtract => {
            let mut sets = sets.into_iter();
            let Some(first) = sets.next().flatten() else { return Ok(result) };
            let others: Vec<_> = sets.flatten().collect();
            first.each(|member| {
                let mut text = I64Text::new(0);
                let member = member.text(&mut text);
                if !others.iter().any(|set| set.contains(member)) {
                    result.insert(member);
                }
            });
        }
    }
    Ok(result)
}
