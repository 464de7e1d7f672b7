//! libFuzzer's way into `synod_fuzz::state::commands`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: synod_fuzz::plant_seeds("state_commands"),
    |input: &[u8]| synod_fuzz::state::commands(input)
);
