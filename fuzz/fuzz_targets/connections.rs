//! libFuzzer's way into `synod_fuzz::connection::pieces`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("connections"),
    |input: &[u8]| synod_fuzz::connection::pieces(input)
);
