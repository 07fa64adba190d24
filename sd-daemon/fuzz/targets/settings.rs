#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sd_daemon::fuzz::settings(bytes));
