//! Completions and manual pages are generated from the definition of the command line, and committed.
//!
//! Each test compares the committed files with the definition, and rewrites them if
//! `UPDATE_GENERATED=1` is set.

#![expect(clippy::unwrap_used, reason = "a failing test helper fails the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::{Generator, Shell};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use sd_cli::{Cli, Exit, help};

const REWRITE: &str = "UPDATE_GENERATED=1 cargo test -p sd-cli --test generated";

#[test]
fn committed_completions_are_up_to_date() {
    let mut scripts = BTreeMap::new();
    for shell in [
        Shell::Bash,
        Shell::Elvish,
        Shell::Fish,
        Shell::PowerShell,
        Shell::Zsh,
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "sd", &mut script);
        scripts.insert(shell.file_name("sd"), String::from_utf8(script).unwrap());
    }
    assert_committed("completions", &scripts, |_| true);
}

#[test]
fn committed_manual_pages_are_up_to_date() {
    // Headings of manual pages are in capitals. A page for `sd help` would repeat the other pages.
    let mut command = Cli::documented_command()
        .disable_help_subcommand(true)
        .subcommand_help_heading("COMMANDS");
    command.build();
    let mut pages = BTreeMap::from([("sd.1".to_owned(), main_page(&command))]);
    for subcommand in command.get_subcommands() {
        pages.insert(
            format!("sd-{}.1", subcommand.get_name()),
            command_page(subcommand),
        );
    }
    let is_generated =
        |name: &str| name == "sd.1" || name.starts_with("sd-") && !name.starts_with("sd-daemon");
    assert_committed("man", &pages, is_generated);
}

/// Asserts that the folder contains exactly these generated files.
fn assert_committed(folder: &str, expected: &BTreeMap<String, String>, is_generated: impl Fn(&str) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut committed = read_folder(&folder);
    committed.retain(|name, _| is_generated(name));
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        rewrite(&folder, &committed, expected);
        return;
    }
    for (name, text) in expected {
        let current = committed.get(name) == Some(text);
        assert!(current, "{name} is out of date: run `{REWRITE}`");
    }
    let surplus: Vec<&String> = committed
        .keys()
        .filter(|name| !expected.contains_key(*name))
        .collect();
    assert!(surplus.is_empty(), "no command for {surplus:?}: run `{REWRITE}`");
}

fn read_folder(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    let files = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file());
    files
        .map(|path| (name_of(&path), fs::read_to_string(&path).unwrap()))
        .collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn rewrite(folder: &PathBuf, committed: &BTreeMap<String, String>, expected: &BTreeMap<String, String>) {
    fs::create_dir_all(folder).unwrap();
    for name in committed.keys().filter(|name| !expected.contains_key(*name)) {
        fs::remove_file(folder.join(name)).unwrap();
    }
    for (name, text) in expected {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn main_page(command: &Command) -> String {
    let mut page = reference(command);
    page.extend(rendered(
        &|man, page| man.render_subcommands_section(page),
        command,
    ));
    let mut more = Roff::new();
    examples(&mut more, command);
    environment(&mut more);
    files(&mut more);
    exit_status(&mut more);
    finish(page, &more)
}

fn command_page(command: &Command) -> String {
    let page = reference(command);
    let mut more = Roff::new();
    examples(&mut more, command);
    more.control("SH", ["SEE ALSO"]);
    more.text([
        bold("sd"),
        roman("(1), for the global options, environment, files and exit status"),
    ]);
    finish(page, &more)
}

/// The sections that `clap_mangen` renders.
fn reference(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    for render in [
        Man::render_title,
        Man::render_name_section,
        Man::render_synopsis_section,
        Man::render_description_section,
        Man::render_options_section,
    ] {
        page.extend(rendered(&|man, page| render(man, page), command));
    }
    page
}

type Render<'a> = &'a dyn Fn(&Man, &mut dyn std::io::Write) -> std::io::Result<()>;

fn rendered(render: Render<'_>, command: &Command) -> Vec<u8> {
    // Without a date: a page changes only if the definition changes.
    let man = Man::new(command.clone())
        .source(concat!("sd ", env!("CARGO_PKG_VERSION")))
        .manual("spin-docker");
    let mut section = Vec::new();
    render(&man, &mut section).unwrap();
    section
}

fn finish(mut page: Vec<u8>, more: &Roff) -> String {
    more.to_writer(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.is_ascii(), "some troff versions read only ASCII");
    page
}

fn examples(page: &mut Roff, command: &Command) {
    let text = command.get_before_help().unwrap().to_string();
    page.control("SH", ["EXAMPLES"]);
    verbatim(page, text.lines().skip(1).map(str::trim_start));
}

fn environment(page: &mut Roff) {
    page.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in help::ENVIRONMENT {
        entry(page, name, meaning);
    }
}

fn files(page: &mut Roff) {
    page.control("SH", ["FILES"]);
    entry(page, help::CONFIG_FILE, help::CONFIG_FILE_TEXT);
    page.control("IP", []);
    verbatim(page, help::CONFIG_FILE_EXAMPLE.lines());
}

fn exit_status(page: &mut Roff) {
    page.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        entry(page, &exit.code().to_string(), exit.meaning());
    }
    page.control("PP", []);
    page.text([roman(help::WORST)]);
}

fn entry(page: &mut Roff, term: &str, text: &str) {
    page.control("TP", []);
    page.text([bold(term)]);
    page.text([roman(text)]);
}

fn verbatim<'a>(page: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    page.control("nf", []);
    for line in lines {
        page.text([roman(line)]);
    }
    page.control("fi", []);
}
