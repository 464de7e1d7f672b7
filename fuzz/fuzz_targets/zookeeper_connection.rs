//! libFuzzer's way into `synod_fuzz::zookeeper::connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("zookeeper_connection"),
    |input: &[u8]| synod_fuzz::zookeeper::connection(input)
);
