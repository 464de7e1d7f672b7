//! libFuzzer's way into `synod_fuzz::log::identity`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("log_identity"),
    |input: &[u8]| synod_fuzz::log::identity(input)
);
