//! The README's table of limits, `limits.rs` and the template say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lead_export_core::limits;

use super::reading::{Template, root};

/// Numbers that no caller or operator meets: how the work is done inside.
const INNER: [&str; 34] = [
    "SHARDS",
    "SAMPLE_ONE_IN",
    "MIN_PART_BYTES",
    "UPLOADS_AT_ONCE",
    "UPLOAD_BYTES",
    "THROTTLED_AT_MOST",
    "COPIES_AT_ONCE",
    "STOP_BEFORE_DEADLINE",
    "LEASE",
    "LEASE_GRACE",
    "TELL_GRACE",
    "COMMIT_EVERY",
    "HEARTBEAT",
    "FIRST_DUE",
    "SWEEP_BACKOFF",
    "SWEEP_LIMIT",
    "DUE_SHARDS",
    "GZIP_MEMBER_BYTES",
    "VOLUME_KEPT",
    "MAIL_BACKOFF",
    "ADDRESS_LOCAL_CHARS",
    "MAIL_WORD_CHARS",
    "EVENT_DETAIL_BYTES",
    "DAILY_VOLUME_EVENT",
    "PAGE_BYTES",
    "PAGE_LEADS",
    "ANSWER_BYTES",
    "ANSWER_LEADS_AHEAD",
    "READS_AT_ONCE",
    "PREVIEW_PAGE_LEADS",
    "PREVIEW_READS",
    "PREVIEW_ESTIMATED_BY",
    "TIMELINE_STEPS",
    "TIMELINE_FIRST",
];

/// The README's rows: each name with its value.
fn table() -> BTreeMap<String, String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once("## Limits and defaults").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let mut table = BTreeMap::new();
    for row in rows.skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, value, name] = cells[..] else {
            panic!("a row of three cells: {row}");
        };
        let bare = |cell: &str| cell.trim_matches('`').to_owned();
        let before = table.insert(bare(name), bare(value));
        assert_eq!(before, None, "{name} twice");
    }
    table
}

/// The constants of `limits.rs`, by name.
fn constants() -> BTreeSet<String> {
    let path = root().join("shared/core/src/limits.rs");
    let text = std::fs::read_to_string(path).unwrap();
    let names = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("pub const ")?;
        rest.split_once(':').map(|(name, _)| name.to_owned())
    });
    names.collect()
}

fn time(value: Duration) -> String {
    let seconds = value.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let unit = units.iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    match unit {
        // People say 24 hours of a key, and 7 days of a file.
        Some((86_400, _)) if seconds == 86_400 => "24h".to_owned(),
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// The constants that the table shows, as it shows them.
fn shown() -> Vec<(&'static str, String)> {
    vec![
        ("DOWNLOAD_TTL_MAX", time(limits::DOWNLOAD_TTL_MAX)),
        ("BODY_BYTES", format!("{}KiB", limits::BODY_BYTES >> 10)),
        ("IDEMPOTENCY", time(limits::IDEMPOTENCY)),
        (
            "IDEMPOTENCY_KEY_CHARS",
            limits::IDEMPOTENCY_KEY_CHARS.to_string(),
        ),
        ("CONTENTION", time(limits::CONTENTION)),
        ("FILTER_VALUES", limits::FILTER_VALUES.to_string()),
        ("SEARCH_CHARS", limits::SEARCH_CHARS.to_string()),
        ("HEADER_CHARS", limits::HEADER_CHARS.to_string()),
        (
            "PREVIEW_READ_BYTES",
            format!("{}MiB", limits::PREVIEW_READ_BYTES >> 20),
        ),
        ("PREVIEW_ROWS", limits::PREVIEW_ROWS.to_string()),
        ("HISTORY_DEFAULT", limits::HISTORY_DEFAULT.to_string()),
        ("HISTORY_LIMIT", limits::HISTORY_LIMIT.to_string()),
        ("PRESETS", limits::PRESETS.to_string()),
        ("PRESET_NAME_CHARS", limits::PRESET_NAME_CHARS.to_string()),
        ("USAGE_DAYS", limits::USAGE_DAYS.to_string()),
        ("USAGE_DAYS_MAX", limits::USAGE_DAYS_MAX.to_string()),
        ("USAGE_ENTRIES", limits::USAGE_ENTRIES.to_string()),
        ("ORG_ID_CHARS", limits::ORG_ID_CHARS.to_string()),
        ("LEAD_ID_CHARS", limits::LEAD_ID_CHARS.to_string()),
        ("KEY_CHARS", limits::KEY_CHARS.to_string()),
        ("HEADER_KEY_CHARS", limits::HEADER_KEY_CHARS.to_string()),
        ("SHARDS_MAX", limits::SHARDS_MAX.to_string()),
        ("MAX_TRIES", limits::MAX_TRIES.to_string()),
        ("MAX_AGE", time(limits::MAX_AGE)),
        ("MAX_SLICES", limits::MAX_SLICES.to_string()),
        ("MAX_PARTS", limits::MAX_PARTS.to_string()),
        ("PIECE_BYTES", format!("{}MiB", limits::PIECE_BYTES >> 20)),
        ("EXCEL_ROWS", limits::EXCEL_ROWS.to_string()),
        ("EXCEL_CELL_CHARS", limits::EXCEL_CELL_CHARS.to_string()),
        ("CLEAN_AFTER", time(limits::CLEAN_AFTER)),
        ("MAIL_PATIENCE", time(limits::MAIL_PATIENCE)),
        ("ADDRESS_CHARS", limits::ADDRESS_CHARS.to_string()),
        ("ANSWER_LEADS", limits::ANSWER_LEADS.to_string()),
        (
            "ANSWER_BODY_BYTES",
            format!("{}KiB", limits::ANSWER_BODY_BYTES >> 10),
        ),
        ("ANSWER_TIME", time(limits::ANSWER_TIME)),
    ]
}

/// `MaxActiveExports` as a constant or a variable is called.
fn as_constant(parameter: &str) -> String {
    let mut name = String::new();
    for (index, letter) in parameter.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[test]
fn table_of_limits_is_that_of_the_code_and_of_the_template() {
    let table = table();
    let template = Template::load();
    let mut known = BTreeSet::new();
    for (name, value) in shown() {
        assert_eq!(table.get(name), Some(&value), "{name}");
        known.insert(name.to_owned());
    }
    let groups = template.groups();
    for (label, parameters) in &groups {
        if ["Who may call", "The page", "Who is told"].contains(&label.as_str()) {
            continue;
        }
        for parameter in parameters.iter().filter(|name| *name != "AlarmTopic") {
            let default = template.text(template.default_of(parameter));
            assert_eq!(table.get(parameter), Some(&default), "{parameter}");
            known.insert(parameter.clone());
        }
    }
    let named: BTreeSet<String> = table.into_keys().collect();
    assert_eq!(named, known, "the table has these rows and no others");
    // Each number of the code is there, under its own name or its parameter's, or is nobody's business.
    let parameters: BTreeSet<String> = known.iter().map(|name| as_constant(name)).collect();
    for constant in constants() {
        assert!(
            known.contains(&constant)
                || parameters.contains(&constant)
                || INNER.contains(&constant.as_str()),
            "{constant} of limits.rs is neither in the README's table nor an inner number"
        );
    }
}

#[test]
fn parameters_that_functions_read_are_called_as_their_variables() {
    let template = Template::load();
    for name in template.functions().into_values() {
        let variables = &template.properties(name)["Environment"]["Variables"];
        for (variable, value) in variables.as_object().unwrap() {
            let Some(referred) = value["Ref"].as_str() else {
                continue;
            };
            if template.is_parameter(referred) {
                assert_eq!(&as_constant(referred), variable, "{name}");
            }
        }
    }
}
