//! libFuzzer's way into `synod_fuzz::state::cluster_map`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("state_cluster_map"),
    |input: &[u8]| synod_fuzz::state::cluster_map(input)
);
