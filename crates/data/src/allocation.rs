//! What a value takes on the heap, as the allocator counts.

/// What the allocator hands out for a request of `len` bytes: steps of 16 up to 128, then four classes for each doubling
/// (jemalloc(3), "SIZE CLASSES"; most allocators do much the same). A value of 128 KiB and a byte takes 160 KiB.
pub(crate) const fn allocation(len: usize) -> usize {
    match len {
        0..=128 => len.next_multiple_of(16),
        _ => len.next_multiple_of(1 << ((len - 1).ilog2() - 2)),
    }
}
