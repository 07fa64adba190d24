//! The table of containers: one line each, fitted to the width of the terminal.
//!
//! The time is an argument, so that the same containers always give the same table. Colours never
//! carry information that the text does not.

use std::time::SystemTime;

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Row, Table, Width};
use sd_client::api::{Container, Status};

use super::escape::printable;
use super::human;

const HEADER: [&str; 8] = [
    "CONTAINER ID",
    "NAME",
    "IMAGE",
    "STATUS",
    "ACTIVE",
    "SSH",
    "APP",
    "STOPS IN",
];
/// The columns that are shortened on a narrow terminal.
const NAME: usize = 1;
const IMAGE: usize = 2;
/// Minimum width of a shortened column. On a narrower terminal, lines are wider than the terminal.
const MIN_SHORTENED: u16 = 8;
/// Spaces between two columns.
const GAP: u16 = 2;
/// The text of an absent value.
const NONE: &str = "-";
/// Characters of a short id, as in Docker.
const SHORT_ID: usize = 12;

/// Whether ids are shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// The first twelve characters.
    Short,
    /// Complete ids. Names and images are not shortened either.
    Full,
}

/// The layout of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    ids: Ids,
    width: Option<u16>,
    colour: bool,
}

impl Layout {
    /// The layout for a terminal of this width, or for a file if the width is `None`.
    pub(crate) fn new(ids: Ids, width: Option<u16>, colour: bool) -> Self {
        Self { ids, width, colour }
    }
}

/// Columns of the terminal at stdout. Returns `None` if stdout is not a terminal.
pub(crate) fn terminal_width() -> Option<u16> {
    // A pseudo-terminal without a size reports 0.
    Table::new()
        .width()
        .map(|width| if width == 0 { 80 } else { width })
}

/// Longer lines are hard to read, even on a wide terminal.
const WIDEST_PARAGRAPH: u16 = 100;

/// Wraps sentences between words, for a terminal of this width.
pub(crate) fn paragraph(text: &str, width: u16) -> String {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width.min(WIDEST_PARAGRAPH))
        .add_row([text]);
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    lines_of(&table)
}

fn lines_of(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A header, and one line per container.
pub(crate) fn containers(containers: &[Container], now: SystemTime, layout: Layout) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).force_no_tty();
    if layout.colour {
        table.enforce_styling();
    }
    table.set_header(one_line(HEADER.map(Cell::new)));
    for container in containers {
        table.add_row(one_line(cells(container, now, layout)));
    }
    fit(&mut table, layout);
    lines_of(&table)
}

/// Cells that do not fit end in `…` and do not wrap.
fn one_line(cells: [Cell; HEADER.len()]) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
}

/// Shortens names and images only. The other columns are short.
fn fit(table: &mut Table, layout: Layout) {
    let widths = table.column_max_content_widths();
    for (column, width) in table.column_iter_mut().zip(widths) {
        column.set_padding((0, GAP));
        column.set_constraint(if [NAME, IMAGE].contains(&column.index) {
            ColumnConstraint::LowerBoundary(Width::Fixed(width.min(MIN_SHORTENED) + GAP))
        } else {
            ColumnConstraint::ContentWidth
        });
    }
    match layout.width {
        Some(width) if layout.ids == Ids::Short => table
            .set_width(width)
            .set_content_arrangement(ContentArrangement::Dynamic),
        _ => table.set_content_arrangement(ContentArrangement::Disabled),
    };
}

fn cells(container: &Container, now: SystemTime, layout: Layout) -> [Cell; HEADER.len()] {
    [
        Cell::new(printable(shown_id(&container.container_id, layout.ids))),
        Cell::new(printable(shown_name(container))),
        Cell::new(printable(&container.image)),
        status(&container.status),
        Cell::new(container.active),
        port(container.ssh_port),
        port(container.app_port),
        Cell::new(stops_in(container, now)),
    ]
}

fn shown_id(id: &str, ids: Ids) -> &str {
    match ids {
        Ids::Short => id.get(..SHORT_ID).unwrap_or(id),
        Ids::Full => id,
    }
}

/// The name without the leading slash of the engine.
pub(crate) fn shown_name(container: &Container) -> &str {
    container.name.strip_prefix('/').unwrap_or(&container.name)
}

fn status(status: &Status) -> Cell {
    let text = status.to_string();
    let cell = Cell::new(printable(&text));
    match status {
        Status::Running => cell.fg(Color::Green),
        Status::Starting | Status::Stopping | Status::Paused => cell.fg(Color::Yellow),
        Status::Stopped | Status::Other(_) => cell,
    }
}

fn port(port: Option<u16>) -> Cell {
    port.map_or_else(|| Cell::new(NONE), Cell::new)
}

/// `in 1h 52m`, `now` if the stop is due, `never` without idle timeout, `-` if the container is not running.
fn stops_in(container: &Container, now: SystemTime) -> String {
    let is_ending = matches!(container.status, Status::Stopping | Status::Stopped);
    match container.stops_at {
        _ if is_ending => NONE.to_owned(),
        None if container.idle_timeout.is_none() => "never".to_owned(),
        None => NONE.to_owned(),
        Some(stops_at) => match SystemTime::from(stops_at).duration_since(now) {
            Ok(left) if left.as_secs() > 0 => format!("in {}", human::duration(left)),
            _ => "now".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sd_client::api::Timestamp;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> SystemTime {
        at("2026-03-01T12:00:00Z").into()
    }

    fn container(first_digit: char, name: &str, status: Status) -> Container {
        let id = format!("{first_digit}cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e");
        Container {
            uri: format!("/v1/containers/{id}"),
            container_id: id,
            name: format!("/{name}"),
            image: "atbaker/sd-postgres".to_owned(),
            status,
            active: 0,
            ssh_port: None,
            app_port: None,
            ports: BTreeMap::new(),
            created_at: None,
            started_at: None,
            last_active_at: None,
            idle_timeout: Some(9_000),
            stops_at: None,
            max_lifetime: None,
            remove_after: None,
            removes_at: None,
            stop_reason: None,
        }
    }

    fn some_containers() -> Vec<Container> {
        vec![
            Container {
                active: 3,
                ssh_port: Some(49_155),
                app_port: Some(49_156),
                stops_at: Some(at("2026-03-01T13:52:30Z")),
                ..container('2', "hungry_bell", Status::Running)
            },
            Container {
                app_port: Some(49_158),
                idle_timeout: None,
                ..container('b', "pinned", Status::Running)
            },
            Container {
                stops_at: Some(at("2026-03-01T11:59:59Z")),
                ..container('c', "overdue", Status::Paused)
            },
            Container {
                stops_at: Some(at("2026-03-01T13:00:00Z")),
                ..container('d', "going", Status::Stopping)
            },
            container('e', "coming", Status::Starting),
            container('0', "desperate_poincare", Status::Stopped),
            Container {
                image: "evil\u{1b}[2J".to_owned(),
                ..container('f', "red\u{202e}der", Status::Other("frozen\n".to_owned()))
            },
        ]
    }

    #[test]
    fn table_shows_every_status() {
        let layout = Layout::new(Ids::Short, None, false);
        let expected = r"
CONTAINER ID  NAME                IMAGE                STATUS    ACTIVE  SSH    APP    STOPS IN
2cd8a1b037d8  hungry_bell         atbaker/sd-postgres  running   3       49155  49156  in 1h 52m
bcd8a1b037d8  pinned              atbaker/sd-postgres  running   0       -      49158  never
ccd8a1b037d8  overdue             atbaker/sd-postgres  paused    0       -      -      now
dcd8a1b037d8  going               atbaker/sd-postgres  stopping  0       -      -      -
ecd8a1b037d8  coming              atbaker/sd-postgres  starting  0       -      -      -
0cd8a1b037d8  desperate_poincare  atbaker/sd-postgres  stopped   0       -      -      -
fcd8a1b037d8  red\u{202e}der      evil\u{1b}[2J        frozen\n  0       -      -      -
";
        let table = containers(&some_containers(), now(), layout);
        assert_eq!(format!("\n{table}"), expected);
    }

    #[test]
    fn narrow_terminal_shortens_only_names_and_images() {
        let layout = Layout::new(Ids::Short, Some(80), false);
        let table = containers(&some_containers()[..1], now(), layout);
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
        assert_eq!(table.lines().count(), 2, "{table}");
        for whole in ["2cd8a1b037d8 ", " running ", " 49156 ", " in 1h 52m"] {
            assert!(table.contains(whole), "{table}");
        }
        assert!(table.contains('…'), "{table}");
    }

    #[test]
    fn very_narrow_terminal_still_shows_names() {
        let layout = Layout::new(Ids::Short, Some(20), false);
        let table = containers(&some_containers()[..1], now(), layout);
        assert_eq!(table.lines().count(), 2, "{table}");
        assert!(table.contains("hungry_…"), "{table}");
    }

    #[test]
    fn full_ids_disable_shortening() {
        let layout = Layout::new(Ids::Full, Some(40), false);
        let table = containers(&some_containers()[..1], now(), layout);
        assert!(
            table.contains("2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e  hungry_bell")
        );
        assert!(!table.contains('…'), "{table}");
    }

    #[test]
    fn empty_table_has_a_header() {
        let table = containers(&[], now(), Layout::new(Ids::Short, None, false));
        assert_eq!(
            table,
            "CONTAINER ID  NAME  IMAGE  STATUS  ACTIVE  SSH  APP  STOPS IN\n"
        );
    }

    #[test]
    fn colour_does_not_replace_text() {
        let coloured = containers(
            &some_containers()[..1],
            now(),
            Layout::new(Ids::Short, None, true),
        );
        assert!(coloured.contains("\u{1b}["), "{coloured:?}");
        assert!(coloured.contains("running"), "{coloured:?}");
    }
}
