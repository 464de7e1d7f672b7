//! libFuzzer's way into `synod_fuzz::state::operations`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("state_operations"),
    |input: &[u8]| synod_fuzz::state::operations(input)
);
