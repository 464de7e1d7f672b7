//! libFuzzer's way into `synod_fuzz::zookeeper::tree`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("zookeeper_tree"),
    |input: &[u8]| synod_fuzz::zookeeper::tree(input)
);
