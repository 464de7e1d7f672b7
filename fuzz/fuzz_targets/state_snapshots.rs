//! libFuzzer's way into `synod_fuzz::state::snapshots`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("state_snapshots"),
    |input: &[u8]| synod_fuzz::state::snapshots(input)
);
