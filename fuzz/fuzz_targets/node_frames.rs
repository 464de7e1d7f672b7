//! libFuzzer's way into `synod_fuzz::node::frames`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("node_frames"),
    |input: &[u8]| synod_fuzz::node::frames(input)
);
