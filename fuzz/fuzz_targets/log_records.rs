//! libFuzzer's way into `synod_fuzz::log::records`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("log_records"),
    |input: &[u8]| synod_fuzz::log::records(input)
);
