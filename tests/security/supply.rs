//! TM26: every crate that a deployed function names is in `SECURITY.md`, with the reason it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names below `[dependencies]`.
fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = read(manifest);
    let section = text.split("\n[dependencies]\n").nth(1).unwrap();
    section
        .lines()
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| line.split(['.', ' ', '=']).next().unwrap().to_owned())
        .filter(|name| !name.starts_with("lead-export"))
        .collect()
}

/// Who names each crate: `core`, `aws`, `functions`.
fn named() -> BTreeMap<String, BTreeSet<&'static str>> {
    let root = root();
    let functions = std::fs::read_dir(root.join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let manifests = functions.map(|folder| ("functions", folder)).chain([
        ("core", root.join("shared/core")),
        ("aws", root.join("shared/aws")),
    ]);
    let mut all = BTreeMap::<String, BTreeSet<&str>>::new();
    for (who, folder) in manifests {
        for name in dependencies(&folder.join("Cargo.toml")) {
            all.entry(name).or_default().insert(who);
        }
    }
    all
}

/// The rows of the table: crate, who names it, why.
fn explained() -> Vec<(String, BTreeSet<String>, String)> {
    let text = read(&root().join("SECURITY.md"));
    let section = text.split("## Crates in what is deployed").nth(1).unwrap();
    section
        .split("\n## ")
        .next()
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [names, who, why] = cells[..] else {
                panic!("{line}")
            };
            let who: BTreeSet<String> = who.split(", ").map(str::to_owned).collect();
            let each = names
                .split(", ")
                .map(|name| name.trim_matches('`').to_owned());
            each.map(|name| (name, who.clone(), why.to_owned()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_crate_of_what_is_deployed_is_explained() {
    let explained = explained();
    let table: BTreeMap<String, BTreeSet<String>> = explained
        .iter()
        .map(|(name, who, _)| (name.clone(), who.clone()))
        .collect();
    assert_eq!(table.len(), explained.len(), "no crate stands there twice");
    let named: BTreeMap<String, BTreeSet<String>> = named()
        .into_iter()
        .map(|(name, who)| (name, who.into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(
        table, named,
        "SECURITY.md, left, says of each crate who names it and why"
    );
    assert!(explained.iter().all(|(_, _, why)| why.len() > 10));
    assert!(table.len() > 20 && table.contains_key("aws-sdk-s3"));
}

/// Versions are locked, and come from the registry alone: no crate from a place that can change under us.
#[test]
fn lock_file_names_the_registry_and_a_checksum_for_every_crate() {
    let lock = read(&root().join("Cargo.lock"));
    let mut sources = BTreeSet::new();
    let mut outside = 0;
    for package in lock.split("\n[[package]]\n").skip(1) {
        let line = |name: &str| {
            let start = format!("{name} = \"");
            package.lines().find_map(|line| {
                line.strip_prefix(&start)
                    .map(|rest| rest.trim_end_matches('"'))
            })
        };
        if let Some(source) = line("source") {
            assert!(source.starts_with("registry+https://"), "{package}");
            sources.insert(source.to_owned());
            assert_eq!(line("checksum").map(str::len), Some(64), "{package}");
            outside += 1;
        }
    }
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(outside > 200, "{outside}");
}

/// Each threat and each kind of bad input has its line, and what the line names is there.
#[test]
fn every_threat_names_tests_that_there_are() {
    let text = read(&root().join("SECURITY.md"));
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| TM") || line.starts_with("| BI"))
        .collect();
    let ids = lines.iter().flat_map(|line| {
        let first = line.split('|').nth(1).unwrap();
        first.split_whitespace().map(str::to_owned)
    });
    let ids: Vec<String> = ids.collect();
    let threats = (1..=26).map(|number| format!("TM{number:02}"));
    let inputs = (1..=14).map(|number| format!("BI{number}"));
    let expected: BTreeSet<String> = threats.chain(inputs).collect();
    assert_eq!(ids.len(), expected.len());
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected);
    let mut looked_for = 0;
    for line in lines {
        // Every second part stands between backticks.
        for (named, before) in line
            .split('`')
            .skip(1)
            .step_by(2)
            .zip(line.split('`').step_by(2))
        {
            let place = if let Some(module) = named.strip_prefix("security::") {
                format!("tests/security/{module}.rs")
            } else if Path::new(named).extension().is_some_and(|it| it == "rs") {
                named.to_owned()
            } else if before.ends_with("fuzz target ") {
                format!("tests/fuzz/seeds/{named}")
            } else {
                continue;
            };
            looked_for += 1;
            assert!(root().join(&place).exists(), "{line}: there is no {place}");
        }
    }
    assert!(looked_for > 30, "{looked_for}");
}
