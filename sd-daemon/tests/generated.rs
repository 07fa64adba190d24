//! The committed man page and OpenAPI document equal the generated ones.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use sd_daemon::settings::{Cli, MANUAL};

const REWRITE: &str = "UPDATE_GENERATED=1 cargo test -p sd-daemon --test generated";

#[test]
fn man_page_is_current() {
    let page = page().expect("writing to memory does not fail");
    assert!(page.is_ascii(), "some versions of troff read ASCII only");
    assert_current("man/sd-daemon.8", &page);
}

#[test]
fn openapi_document_is_current() {
    let document = sd_daemon::http::openapi_document();
    assert_current("docs/openapi.json", document.as_bytes());
}

/// Compares a committed file with its generated content, or rewrites it.
fn assert_current(name: &str, generated: &[u8]) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&file, generated).expect("the generated file is writable");
    }
    let committed = fs::read(&file).unwrap_or_default();
    assert!(committed == generated, "{name} is not current: run `{REWRITE}`");
}

/// The page without a date, so that it does not change from day to day.
fn page() -> io::Result<Vec<u8>> {
    let command = Cli::command().disable_help_subcommand(true).after_help("");
    let man = Man::new(command).section("8").manual("spin-docker").date("");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    commands_and_more().to_writer(&mut page)?;
    Ok(page)
}

fn commands_and_more() -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["COMMANDS"]);
    for command in Cli::command().get_subcommands() {
        let about = command.get_about().map(ToString::to_string);
        entry(&mut page, command.get_name(), &about.unwrap_or_default());
        for option in command.get_arguments() {
            let help = option.get_help().map(ToString::to_string);
            let term = format!(
                "{} --{}",
                command.get_name(),
                option.get_long().unwrap_or_default()
            );
            entry(&mut page, &term, &help.unwrap_or_default());
        }
    }
    for (heading, entries) in MANUAL {
        page.control("SH", [heading]);
        for (term, text) in entries {
            entry(&mut page, term, text);
        }
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("sd"), roman("(1)")]);
    page
}

fn entry(page: &mut Roff, term: &str, text: &str) {
    page.control("TP", []);
    page.text([bold(term)]);
    page.text([roman(text)]);
}
