//! libFuzzer's way into `synod_fuzz::log::recovery`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("log_recovery"),
    |input: &[u8]| synod_fuzz::log::recovery(input)
);
