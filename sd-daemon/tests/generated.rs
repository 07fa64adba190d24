//! The committed man page is what the program says of itself.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;
use sd_daemon::config::Cli;

const REWRITE: &str = "UPDATE_GENERATED=1 cargo test -p sd-daemon --test generated";

#[test]
fn the_man_page_is_current() {
    let mut expected = Vec::new();
    let command = Cli::command().disable_help_subcommand(true);
    let page = clap_mangen::Man::new(command)
        .section("8")
        .manual("spin-docker")
        .date("");
    page.render(&mut expected).expect("memory takes everything");

    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../man/sd-daemon.8");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&file, &expected).expect("the man page can be written");
    }
    let committed = fs::read(&file).unwrap_or_default();
    assert!(
        committed == expected,
        "man/sd-daemon.8 is not current: run {REWRITE}"
    );
}
