use std::collections::BTreeSet;

use super::*;

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("page")
}

fn is_script(file: &File) -> bool {
    kind(file.name).starts_with("text/javascript")
}

#[test]
fn every_file_of_the_folder_is_served() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "index.html")
        .collect();
    let served: BTreeSet<String> = ASSETS.iter().map(|file| file.name.to_owned()).collect();
    assert_eq!(served, files);
}

#[test]
fn whatever_the_page_names_is_there_and_its_own() {
    let served: BTreeSet<&str> = ASSETS.iter().map(|file| file.name).collect();
    let mut named = 0;
    for file in ASSETS.iter().filter(|file| is_script(file)) {
        for line in file.text.lines() {
            let Some((_, rest)) = line.split_once(" from \"") else {
                continue;
            };
            let name = rest.strip_prefix("./").unwrap();
            let name = name.split('"').next().unwrap();
            assert!(served.contains(name), "{}: {name}", file.name);
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
    for part in INDEX.split("=\"assets/").skip(1) {
        assert!(served.contains(part.split('"').next().unwrap()), "{part}");
    }
}

/// What the policy would stop, and what would make it weaker.
#[test]
fn nothing_is_inline_foreign_or_parsed_from_text() {
    let all = ASSETS.iter().map(|file| (file.name, file.text));
    for (name, text) in all.chain([("index.html", INDEX)]) {
        for bad in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            " style=",
            "<style",
            "onclick=",
            "@import",
            "javascript:",
        ] {
            assert!(!text.contains(bad), "{name}: {bad}");
        }
        let foreign = |part: &str| !part.starts_with("www.w3.org/2000/svg");
        let mut links = text
            .split("http://")
            .skip(1)
            .chain(text.split("https://").skip(1));
        assert!(!links.any(foreign), "{name} names another host");
        assert!(text.lines().count() <= 400, "{name} is long");
    }
}

#[test]
fn policy_names_the_provider_and_nobody_else() {
    let page = Page::new(SignIn {
        issuer: "https://id.example.com:8443/pool/1".into(),
        client_id: Some("page".into()),
        scope: "openid".into(),
        audience: None,
        origins: vec!["https://login.example.com".into(), "https://bad; x/".into()],
    });
    let policy = page.policy.to_str().unwrap();
    assert!(policy.contains(
        "connect-src 'self' https://id.example.com:8443 https://login.example.com; base-uri"
    ));
    assert!(!policy.contains("unsafe") && !policy.contains("bad"));
}
