//! Our own API only grows: what the last release described is described still, and as it was.
//!
//! `released.txt` holds a line for every operation, parameter, header, member, type and choice of the last release. At a release
//! `UPDATE_RELEASED=1 cargo test -p e2e --test it released` adds what has come since; a line never goes.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, but not in their helpers

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::DOCUMENT;

/// The document as lines.
struct Lines<'a> {
    document: &'a Json,
    described: BTreeSet<String>,
    /// What must be given, and of what it is a part.
    required: BTreeMap<String, String>,
}

/// Which way a schema goes: what is asked may take more, what is answered may not become something else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Asked,
    Answered,
}

fn lines(document: &Json) -> Lines<'_> {
    let mut all = Lines {
        document,
        described: BTreeSet::new(),
        required: BTreeMap::new(),
    };
    let asked = asked(document);
    for (path, methods) in members(&document["paths"]) {
        for (method, operation) in members(methods) {
            all.operation(
                &format!("{} {path}", method.to_ascii_uppercase()),
                operation,
            );
        }
    }
    for (name, schema) in members(&document["components"]["schemas"]) {
        let way = if asked.contains(name) {
            Way::Asked
        } else {
            Way::Answered
        };
        all.schema(name, schema, way);
    }
    all
}

fn members(object: &Json) -> impl Iterator<Item = (&String, &Json)> {
    object.as_object().into_iter().flat_map(Map::iter)
}

fn texts(list: &Json) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
}

/// The name of the schema that a reference leads to.
fn referred(schema: &Json) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The names in `value`, at any depth.
fn references(value: &Json, found: &mut BTreeSet<String>) {
    found.extend(referred(value).map(str::to_owned));
    match value {
        Json::Object(members) => members.values().for_each(|value| references(value, found)),
        Json::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// The schemas that requests are made of.
fn asked(document: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, methods) in members(&document["paths"]) {
        for (_, operation) in members(methods) {
            references(&operation["requestBody"], &mut found);
        }
    }
    loop {
        let before = found.len();
        for name in found.clone() {
            references(&document["components"]["schemas"][name], &mut found);
        }
        if found.len() == before {
            return found;
        }
    }
}

impl Lines<'_> {
    /// As they stand in the file.
    fn all(&self) -> impl Iterator<Item = String> {
        self.described.iter().chain(self.required.keys()).cloned()
    }

    fn add(&mut self, line: String) {
        self.described.insert(line);
    }

    fn require(&mut self, what: &str, of: &str) {
        self.required
            .insert(format!("{what} required"), of.to_owned());
    }

    fn operation(&mut self, route: &str, operation: &Json) {
        let id = operation["operationId"].as_str().unwrap();
        self.add(format!("{route} {id}"));
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (place, name) = (parameter["in"].as_str(), parameter["name"].as_str());
            let at = format!("{route} ?{}.{}", place.unwrap(), name.unwrap());
            if parameter["required"] == true {
                self.require(&at, route);
            }
            self.schema(&at, &parameter["schema"], Way::Asked);
        }
        let body = &operation["requestBody"];
        if body["required"] == true {
            self.require(&format!("{route} <"), route);
        }
        for (media, content) in members(&body["content"]) {
            self.schema(&format!("{route} <{media}"), &content["schema"], Way::Asked);
        }
        for (status, answer) in members(&operation["responses"]) {
            // Refusals may go; what they look like is among the schemas.
            if status.starts_with(['4', '5']) {
                continue;
            }
            let answer = match answer["$ref"].as_str() {
                Some(at) => self.document.pointer(at.trim_start_matches('#')).unwrap(),
                None => answer,
            };
            self.add(format!("{route} >{status}"));
            for (name, _) in members(&answer["headers"]) {
                self.add(format!("{route} >{status} {name}"));
            }
            for (media, content) in members(&answer["content"]) {
                let at = format!("{route} >{status} {media}");
                self.schema(&at, &content["schema"], Way::Answered);
            }
        }
    }

    fn schema(&mut self, at: &str, schema: &Json, way: Way) {
        let mut types = BTreeSet::new();
        self.alternative(at, schema, way, &mut types);
        match way {
            Way::Asked => types
                .iter()
                .for_each(|one| self.add(format!("{at}: {one}"))),
            Way::Answered => {
                let types: Vec<String> = types.into_iter().collect();
                self.add(format!("{at}: {}", types.join("|")));
            }
        }
    }

    /// One of the alternatives at a place, whose types stand beside those of the others.
    fn alternative(&mut self, at: &str, schema: &Json, way: Way, types: &mut BTreeSet<String>) {
        types.extend(referred(schema).map(str::to_owned));
        types.extend(schema["type"].as_str().map(str::to_owned));
        types.extend(texts(&schema["type"]).map(str::to_owned));
        for choice in schema["enum"].as_array().into_iter().flatten() {
            self.add(format!("{at} = {choice}"));
        }
        for alternative in schema["anyOf"].as_array().into_iter().flatten() {
            self.alternative(at, alternative, way, types);
        }
        for (name, member) in members(&schema["properties"]) {
            self.schema(&format!("{at}.{name}"), member, way);
        }
        for name in texts(&schema["required"]) {
            match way {
                Way::Asked => self.require(&format!("{at}.{name}"), at),
                Way::Answered => self.add(format!("{at}.{name} always")),
            }
        }
        if schema["items"].is_object() {
            self.schema(&format!("{at}[]"), &schema["items"], way);
        }
        if schema["additionalProperties"].is_object() {
            self.schema(&format!("{at}.*"), &schema["additionalProperties"], way);
        }
    }
}

/// What callers of the release would miss.
fn broken(released: &BTreeSet<String>, now: &Lines) -> Vec<String> {
    // What must be given no more may still be given.
    let gone = released
        .iter()
        .filter(|line| !line.ends_with(" required") && !now.described.contains(*line))
        .map(|line| format!("gone: {line}"));
    // A part of what is new itself may be required.
    let is_known = |whole: &str| {
        let rests = released.iter().filter_map(|line| line.strip_prefix(whole));
        rests
            .into_iter()
            .any(|rest| rest.starts_with([' ', '.', ':']))
    };
    let wanted = now
        .required
        .iter()
        .filter(|(line, whole)| !released.contains(*line) && is_known(whole))
        .map(|(line, _)| format!("new: {line}"));
    gone.chain(wanted).collect()
}

#[test]
fn what_was_released_is_described_still() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/it/openapi/released.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let released: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let now = lines(&DOCUMENT);
    assert_eq!(broken(&released, &now), Vec::<String>::new());
    if std::env::var_os("UPDATE_RELEASED").is_some() {
        let all: BTreeSet<String> = released.iter().cloned().chain(now.all()).collect();
        let all: Vec<String> = all.into_iter().collect();
        std::fs::write(path, all.join("\n") + "\n").unwrap();
    }
    assert!(released.len() > 300, "{}", released.len());
}

#[test]
fn what_breaks_callers_is_seen_and_what_is_added_is_not() {
    let released: BTreeSet<String> = lines(&DOCUMENT).all().collect();
    let after = |pointer: &str, change: &dyn Fn(&mut Json)| {
        let mut document = DOCUMENT.clone();
        change(
            document
                .pointer_mut(pointer)
                .unwrap_or_else(|| panic!("{pointer}")),
        );
        broken(&released, &lines(&document))
    };
    let without = |name: &'static str| {
        move |object: &mut Json| {
            object.as_object_mut().unwrap().remove(name).unwrap();
        }
    };
    let with =
        |name: &'static str, value: Json| move |object: &mut Json| object[name] = value.clone();
    let push =
        |value: Json| move |list: &mut Json| list.as_array_mut().unwrap().push(value.clone());
    let pop = |list: &mut Json| {
        list.as_array_mut().unwrap().pop().unwrap();
    };
    let schema = "/components/schemas";
    let ask = "/paths/~1sources~1{source}~1exports/post";
    let list = "/paths/~1sources~1{source}~1exports/get";
    let export = &format!("{schema}/Export");
    let request = &format!("{schema}/ExportRequest");
    let number = json!({"type": "number"});
    let object =
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
    for (pointer, change) in [
        ("/paths", &without("/sources") as &dyn Fn(&mut Json)),
        ("/paths/~1exports~1{id}", &without("delete")),
        (ask, &with("operationId", json!("other"))),
        (&format!("{list}/parameters"), &pop),
        (
            &format!("{list}/parameters/1"),
            &with("required", json!(true)),
        ),
        (
            &format!("{ask}/requestBody"),
            &with("required", json!(true)),
        ),
        (&format!("{ask}/responses"), &without("202")),
        (
            &format!("{ask}/responses/202/headers"),
            &without("Location"),
        ),
        (schema, &without("Preview")),
        (&format!("{export}/properties"), &without("warnings")),
        (&format!("{export}/required"), &pop),
        (
            &format!("{export}/properties"),
            &with("lead_count", number.clone()),
        ),
        (
            &format!("{export}/properties/file_name"),
            &with("type", json!(["string", "null"])),
        ),
        (&format!("{export}/properties/status/enum"), &pop),
        (&format!("{request}/properties"), &without("limit")),
        (
            &format!("{request}/properties/limit"),
            &with("type", json!("integer")),
        ),
        (&format!("{request}/properties/order/enum"), &pop),
        (request, &with("required", json!(["fields"]))),
    ] {
        assert!(!after(pointer, change).is_empty(), "{pointer}");
    }
    for (pointer, change) in [
        (
            "/paths",
            &with("/more", json!({"get": {"operationId": "more"}})) as &dyn Fn(&mut Json),
        ),
        (
            &format!("{list}/parameters"),
            &push(json!({"in": "query", "name": "more", "schema": number})),
        ),
        (
            &format!("{export}/properties"),
            &with("more", number.clone()),
        ),
        (&format!("{export}/required"), &push(json!("more"))),
        (
            &format!("{export}/properties/status/enum"),
            &push(json!("more")),
        ),
        (&format!("{request}/properties"), &with("more", object)),
        (
            &format!("{request}/properties/limit/type"),
            &push(json!("string")),
        ),
        (&format!("{schema}/Column/anyOf/1/required"), &pop),
    ] {
        assert_eq!(after(pointer, change), Vec::<String>::new(), "{pointer}");
    }
}
