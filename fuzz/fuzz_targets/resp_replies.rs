//! libFuzzer's way into `synod_fuzz::resp::replies`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("resp_replies"),
    |input: &[u8]| synod_fuzz::resp::replies(input)
);
