//! The file as Python's `csv` reads it: a reader that nobody here has written.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::corpus::{HARMLESS, HOSTILE, PAYLOADS, PHONES};
use super::*;

/// Reads a file with the delimiter that it is given, strictly, and prints its rows as JSON. A reader of text must be told the
/// encoding; `utf-8-sig` takes a byte order mark off if there is one.
const READER: &str = r#"
import csv, io, json, sys
csv.field_size_limit(1 << 30)
text = sys.stdin.buffer.read().decode("utf-8-sig")
rows = csv.reader(io.StringIO(text, newline=""), delimiter=sys.argv[1], strict=True)
json.dump(list(rows), sys.stdout)
"#;

/// The rows as Python reads them; none where there is no Python.
fn read(file: &[u8], delimiter: u8) -> Option<Vec<Vec<String>>> {
    let delimiter = char::from(delimiter).to_string();
    let child = Command::new("python3")
        .args(["-c", READER, &delimiter])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no python3 on this machine");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let bytes = file.to_vec();
    // Beside the reading: two full pipes would wait for each other.
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "Python refuses the file");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn python_reads_back_what_was_stored_less_the_guard() {
    // NUL is left to the other readers: Python's takes it from 3.11 on.
    let mut texts: Vec<String> = [&PHONES[..], &PAYLOADS, &HARMLESS, &HOSTILE]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut runner = TestRunner::deterministic();
    let any = prop_oneof![any::<String>(), "[ -~]{0,20}", "[,;\"\r\n\t '=+@a-]{0,8}"];
    for _ in 0..3000 {
        texts.push(any.new_tree(&mut runner).unwrap().current());
    }
    texts.retain(|text| !text.contains('\0') && !text.is_empty());
    let columns = ["a", "b"].map(|key| column(key, key, Kind::Text));
    let leads: Vec<Lead> = texts
        .iter()
        .zip(texts.iter().rev())
        .map(|(a, b)| lead([("a", a.as_str().into()), ("b", b.as_str().into())]))
        .collect();
    for profile in PROFILES {
        let dialect = Dialect::of(profile);
        let out = file(&columns, &format(profile, Header::Keys), &leads);
        let Some(rows) = read(&out, dialect.delimiter) else {
            return;
        };
        assert_eq!(rows[0], ["a", "b"]);
        assert_eq!(rows.len(), texts.len() + 1);
        for (row, pair) in rows[1..].iter().zip(texts.iter().zip(texts.iter().rev())) {
            assert_eq!(row.len(), 2);
            for (cell, text) in row.iter().zip([pair.0, pair.1]) {
                if dialect.guard {
                    assert_eq!(&read_back(cell, Kind::Text), text, "{profile:?}");
                } else {
                    assert_eq!(cell, text, "{profile:?}");
                }
            }
        }
    }
}
