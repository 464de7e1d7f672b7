//! libFuzzer's way into `synod_fuzz::peer::hello`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("peer_hello"),
    |input: &[u8]| synod_fuzz::peer::hello(input)
);
