//! Help and usage errors, as a user sees them. None of them touches the network.

#[test]
fn help_and_usage_errors_read_well() {
    let cases = trycmd::TestCases::new();
    // Whoever runs the tests may have settings of their own; an empty variable says nothing.
    for variable in [
        "SD_USER",
        "SD_PASSWORD",
        "SD_PASSWORD_FILE",
        "SD_SERVER",
        "SD_FORMAT",
    ] {
        cases.env(variable, "");
    }
    cases
        .env("SD_URL", "http://127.0.0.1:9")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .register_bin("sd", trycmd::schema::Bin::Path(env!("CARGO_BIN_EXE_sd").into()))
        .env("COLUMNS", "100")
        .case("tests/cmd/*.trycmd");
}
