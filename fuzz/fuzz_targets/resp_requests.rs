//! libFuzzer's way into `synod_fuzz::resp::requests`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("resp_requests"),
    |input: &[u8]| synod_fuzz::resp::requests(input)
);
