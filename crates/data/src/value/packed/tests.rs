//! Every element comes back, in one spelling only.

use super::*;
use proptest::prelude::*;

fn spelled(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Encoded::of(text).put(&mut out);
    assert_eq!(out.len(), Encoded::of(text).size());
    out
}

#[test]
fn integers_at_every_width_come_back() {
    for bits in 0..64 {
        for n in [1i64 << bits, (1i64 << bits).wrapping_sub(1), (1i64 << bits).wrapping_neg()] {
            let text = n.to_string();
            let out = spelled(text.as_bytes());
            assert_eq!(item_at(&out), Item::Int(n));
            assert_eq!(size_at(&out), out.len());
            assert_eq!(take_checked(&mut &out[..]), Some(Item::Int(n)), "{n}");
            assert_eq!(take_checked(&mut &out[..out.len() - 1]), None);
        }
    }
}

#[test]
fn an_integer_at_a_wrong_width_is_refused() {
    assert_eq!(take_checked(&mut &[INT16, 1, 0][..]), None);
    assert_eq!(take_checked(&mut &[0x81, b'7'][..]), None);
    assert_eq!(take_checked(&mut &[0xff, 1, 1][..]), None);
}

#[test]
fn strings_of_every_length_class_come_back() {
    for len in [0, 1, 63, 64, 4095, 4096, 70_000] {
        let text = vec![b'x'; len];
        let out = spelled(&text);
        assert_eq!(item_at(&out), Item::Bytes(&text));
        assert_eq!(take_checked(&mut &out[..]), Some(Item::Bytes(&text)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn scores_come_back(x in proptest::num::f64::NORMAL | proptest::num::f64::ZERO
        | proptest::num::f64::INFINITE | proptest::num::f64::SUBNORMAL) {
        let mut out = Vec::new();
        Encoded::score(x).put(&mut out);
        prop_assert_eq!(item_at(&out).score().to_bits(), (x + 0.0).to_bits(), "-0 is 0");
        prop_assert!(take_checked(&mut &out[..]).is_some());
    }

    #[test]
    fn garbage_is_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        for stride in [1, 2] {
            if check(&bytes, stride) {
                prop_assert_eq!(Items::of(&bytes).count(), count(&bytes) * stride);
            }
        }
    }
}
