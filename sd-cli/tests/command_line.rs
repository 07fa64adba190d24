//! Help texts and usage errors. These commands send no request.

#[test]
fn help_and_usage_errors_match_their_snapshots() {
    let cases = trycmd::TestCases::new();
    // An empty variable counts as unset: the settings of the developer must not affect the tests.
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
