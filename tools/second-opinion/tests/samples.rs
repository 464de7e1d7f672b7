//! Porcupine's published histories get the verdicts they are published with, from both judges.

#![allow(clippy::unwrap_used)] // a test may panic

use synod_checker::linear::{self, STEPS_MAX};
use synod_second_opinion::porcupine;
use synod_second_opinion::samples::{Sample, Text, etcd, key_value, package};

#[test]
fn registers_of_etcd_under_partitions() {
    let samples = etcd(&package());
    assert_eq!(samples.len(), 102, "the package has other samples now");
    for Sample { name, linearizable, history } in samples {
        assert!(history.len() > 60, "{name} was not understood");
        assert_eq!(linear::check(&history, STEPS_MAX).passed(), linearizable, "ours: {name}");
        assert_eq!(porcupine::is_linearizable(&history), Some(linearizable), "theirs: {name}");
    }
}

#[test]
fn texts_of_a_key_value_store() {
    for Sample { name, linearizable, history } in key_value(&package()) {
        assert!(history.len() > 30, "{name} was not understood");
        println!("{name}: {} operations", history.len());
        let ours = linear::check_model::<Text>(&history, STEPS_MAX);
        assert_eq!(ours.passed(), linearizable, "ours: {name}: {:?}", ours.failures);
        println!("ours: {} steps", ours.steps);
        let theirs = porcupine::is_linearizable_text(&history);
        assert_eq!(theirs, Some(linearizable), "theirs: {name}");
    }
}
