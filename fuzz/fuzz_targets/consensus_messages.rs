//! libFuzzer's way into `synod_fuzz::peer::messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("consensus_messages"),
    |input: &[u8]| synod_fuzz::peer::messages(input)
);
