//! What people and programs see.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use indicatif::ProgressDrawTarget;
use unicode_width::UnicodeWidthStr as _;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set or it is a dumb one.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether standard output is coloured, once it is decided.
static COLOURED: OnceLock<bool> = OnceLock::new();

/// Decides on colours, for as long as the program runs.
pub(super) fn decide(colour: Colour) {
    let terminal = io::stdout().is_terminal();
    let _ = COLOURED.set(colours(colour, terminal, |name| std::env::var_os(name)));
}

fn colours(colour: Colour, terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        // <https://no-color.org>
        Colour::Auto => {
            terminal
                && variable("NO_COLOR").is_none_or(|value| value.is_empty())
                && variable("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Where bars are drawn: on standard error, and nowhere if that is no terminal.
pub(super) fn bars() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr()
}

fn coloured() -> bool {
    COLOURED.get().copied().unwrap_or(false)
}

/// Prints a result.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints a result as people or as programs read it.
pub(super) fn result(
    as_json: bool,
    json: impl FnOnce() -> serde_json::Value,
    text: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    if as_json {
        print(&json().to_string())
    } else {
        print(&text())
    }
}

/// Says something that is no result.
pub(super) fn note(text: &str) {
    // Nobody is left to hear that standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether the error is that nobody reads standard output any more.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A command that makes no sense: its end is that of one that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// Refuses a command that makes no sense.
pub(super) fn usage<T>(message: impl Into<String>) -> anyhow::Result<T> {
    Err(Usage(message.into()).into())
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    /// Texts, which begin below each other.
    Text(&'static str),
    /// Numbers, which end below each other.
    Number(&'static str),
}

/// A table: a row of headers, and cells below each other.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    draw(columns, rows, coloured())
}

fn draw(columns: &[Column], rows: &[Vec<String>], coloured: bool) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| visible(cell)).collect())
        .collect();
    let header = |column: &Column| match *column {
        Column::Text(header) | Column::Number(header) => header,
    };
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            let widths = cells.map(|cell| cell.as_str().width());
            widths.fold(header(column).width(), usize::max)
        })
        .collect();
    let line = |cells: &[&str], style: &dyn Fn(&str) -> Style| {
        let mut line = String::new();
        for ((at, cell), column) in cells.iter().enumerate().zip(columns) {
            let blanks = " ".repeat(widths[at].saturating_sub(cell.width()));
            let style = style(cell);
            let cell = if coloured && style != Style::new() {
                format!("{style}{cell}{style:#}")
            } else {
                (*cell).to_owned()
            };
            if at > 0 {
                line.push_str("  ");
            }
            match column {
                Column::Text(_) => line.extend([cell, blanks]),
                Column::Number(_) => line.extend([blanks, cell]),
            }
        }
        line.trim_end().to_owned()
    };
    let headers: Vec<&str> = columns.iter().map(header).collect();
    let mut lines = vec![line(&headers, &|_| Style::new().bold())];
    lines.extend(rows.iter().map(|row| {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        line(&cells, &style_of)
    }));
    lines.join("\n")
}

/// Names and what they have, below each other; what is empty is left out.
pub(super) fn sheet(rows: &[(&str, String)]) -> String {
    let filled = || rows.iter().filter(|(_, value)| !value.is_empty());
    let width = filled().map(|(name, _)| name.width()).max().unwrap_or(0);
    let bold = Style::new().bold();
    let lines: Vec<String> = filled()
        .map(|(name, value)| {
            let blanks = " ".repeat(width - name.width());
            let value = visible(value);
            if coloured() {
                let style = style_of(&value);
                format!("{bold}{name}{bold:#}{blanks}  {style}{value}{style:#}")
            } else {
                format!("{name}{blanks}  {value}")
            }
        })
        .collect();
    lines.join("\n")
}

/// The style of a cell that is a status; every other one is plain.
fn style_of(cell: &str) -> Style {
    let of = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match cell {
        "Completed" => of(AnsiColor::Green),
        "Pending" | "Processing" => of(AnsiColor::Cyan),
        "Failed" => of(AnsiColor::Red),
        "Cancelled" | "Expired" => Style::new().dimmed(),
        _ => Style::new(),
    }
}

/// The text without what would move a terminal's cursor: names come from others.
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// A number with its thousands apart.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [Column::Text("User"), Column::Number("Count")];

    #[test]
    fn tables_are_aligned_and_harmless() {
        let rows = vec![
            vec!["Zoë\u{1b}[31m".to_owned(), "1".to_owned()],
            vec!["日本".to_owned(), "22".to_owned()],
            vec![String::new(), String::new()],
        ];
        assert_eq!(
            draw(&COLUMNS, &rows, false),
            "User      Count\nZoë\u{fffd}[31m      1\n日本         22\n"
        );
    }

    #[test]
    fn colours_change_no_letter() {
        let rows = vec![vec!["Failed".to_owned(), "1".to_owned()]];
        let coloured = draw(&COLUMNS, &rows, true);
        assert!(
            coloured.contains("\u{1b}[31mFailed\u{1b}[0m"),
            "{coloured:?}"
        );
        let mut plain = coloured;
        while let Some(from) = plain.find('\u{1b}') {
            let to = plain[from..].find('m').unwrap();
            plain.replace_range(from..=from + to, "");
        }
        assert_eq!(plain, draw(&COLUMNS, &rows, false));
    }

    #[test]
    fn colours_are_for_terminals_unless_something_says_otherwise() {
        let none: &[(&str, &str)] = &[];
        for (colour, terminal, variables, coloured) in [
            (Colour::Auto, true, none, true),
            (Colour::Auto, false, none, false),
            (Colour::Auto, true, &[("NO_COLOR", "1")], false),
            (Colour::Auto, true, &[("NO_COLOR", "")], true),
            (Colour::Auto, true, &[("TERM", "dumb")], false),
            (Colour::Auto, true, &[("TERM", "xterm")], true),
            (Colour::Always, false, &[("NO_COLOR", "1")], true),
            (Colour::Never, true, none, false),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(
                colours(colour, terminal, variable),
                coloured,
                "{colour:?} {terminal} {variables:?}"
            );
        }
    }

    #[test]
    fn numbers_have_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn sheets_leave_out_what_is_empty() {
        let rows = [
            ("File", "a\u{7}b".to_owned()),
            ("Failure", String::new()),
            ("Status", "Failed".to_owned()),
        ];
        assert_eq!(sheet(&rows), "File    a\u{fffd}b\nStatus  Failed");
    }
}
