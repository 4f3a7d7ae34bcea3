//! OPERATING.md has a row for each alarm, and no other.

use std::collections::BTreeSet;

use super::reading::{Template, root};
use super::set;

/// The names between backticks in the first cell of each row below the heading.
fn alarms(operating: &str) -> BTreeSet<String> {
    let (_, below) = operating.split_once("## When an alarm rings\n").unwrap();
    let below = below.split("\n## ").next().unwrap();
    let rows = below.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        assert!(
            cells.len() == 3 && cells.iter().all(|cell| cell.len() > 10),
            "a row has an alarm, what it means and what to do: {row}"
        );
        cells[0].to_owned()
    });
    cells
        .flat_map(|cell| {
            let names = cell.split(", ").map(|name| name.replace('`', ""));
            names.collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_alarm_has_its_row_in_the_runbook() {
    let template = Template::load();
    let operating = std::fs::read_to_string(root().join("OPERATING.md")).unwrap();
    let alarmed = set(template.of_type("AWS::CloudWatch::Alarm"));
    assert!(alarmed.len() > 10, "{alarmed:?}");
    assert_eq!(alarms(&operating), alarmed);
}
