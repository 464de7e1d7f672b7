//! libFuzzer's way into `synod_fuzz::peer::frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("peer_frames"),
    |input: &[u8]| synod_fuzz::peer::frames(input)
);
