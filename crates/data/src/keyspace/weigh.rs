//! How much lies in which slot, for whoever looks for the middle.

use super::Keyspace;
use crate::object::Object;
use synod_types::Slot;

impl Keyspace {
    /// How many bytes the objects of a slot take, by up to `sample` of them that lie at even distances; 0 for a slot of another
    /// partition.
    #[must_use]
    pub fn slot_bytes(&self, slot: Slot, sample: usize) -> usize {
        let Some(table) = self.table(slot) else { return 0 };
        let step = table.len().div_ceil(sample.max(1)).max(1);
        let looked_at = table.objects().iter().step_by(step);
        let (count, bytes) = looked_at.fold((0, 0), |(count, bytes), object: &Object| {
            (count + 1, bytes + object.heap_bytes())
        });
        (bytes * table.len()).checked_div(count).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, lookup};
    use synod_types::{SLOT_COUNT, key_slot};

    #[test]
    fn a_slot_weighs_what_its_objects_do_or_about_that() {
        let mut keyspace = Keyspace::new(Slot(0)..=Slot(SLOT_COUNT - 1));
        for n in 0..100 {
            let (key, value) = (format!("{{a}}{n}"), "v".repeat(1_000));
            let args = [b"SET".as_slice(), key.as_bytes(), value.as_bytes()];
            let set = lookup(b"SET").expect("a command");
            keyspace.execute_write(set, &args, &Context::default(), &mut ());
        }
        let slot = key_slot(b"a");
        assert_eq!(keyspace.slot_bytes(slot, 1_000), keyspace.object_bytes());
        let about = keyspace.slot_bytes(slot, 7) as f64 / keyspace.object_bytes() as f64;
        assert!((0.9..1.1).contains(&about), "{about}");
        assert_eq!(keyspace.slot_bytes(Slot(slot.0 + 1), 7), 0);
        assert_eq!(Keyspace::new(Slot(1)..=Slot(2)).slot_bytes(Slot(3), 7), 0);
    }
}
