//! libFuzzer's way into `synod_fuzz::log::snapshots`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("log_snapshots"),
    |input: &[u8]| synod_fuzz::log::snapshots(input)
);
