//! The description of the API against the API: its routes, its examples, and whether answers are as it says.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, but not in their helpers

mod released;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use lead_export_aws::openapi::{
    EXPORT_EXAMPLES, OPERATION_EXAMPLES, PRESET_NAME, SOURCE, document,
};
use lead_export_local::identity::Claims;
use lead_export_local::stack::{Stack, StackOptions};
use reqwest::{Method, Response};
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

use crate::util::{World, client, options};

/// The export in the answer.
const OPERATION: &str = "POST /api/v1/operations/export";

static DOCUMENT: LazyLock<Json> = LazyLock::new(document);

/// The schema with every object closed, so that a member that nobody described is an error. Where alternatives share the members
/// of an object, none is closed by itself.
fn closed(schema: &Json) -> Json {
    match schema {
        Json::Object(members) => {
            let mut members: Map<String, Json> = members
                .iter()
                .map(|(name, value)| (name.clone(), closed(value)))
                .collect();
            if members.get("type") == Some(&json!("object")) && members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            Json::Object(members)
        }
        Json::Array(items) => items.iter().map(closed).collect(),
        other => other.clone(),
    }
}

/// What the document says of an answer: an error in words if the answer is not so.
pub(crate) fn check(
    route: &str,
    status: u16,
    media: Option<&str>,
    body: &[u8],
) -> Result<(), String> {
    let (method, path) = route.split_once(' ').unwrap();
    let operation = &DOCUMENT["paths"][path][method.to_ascii_lowercase()];
    if operation.is_null() {
        return Err(format!("{route} is not described"));
    }
    let mut answer = &operation["responses"][status.to_string()];
    if let Some(reference) = answer["$ref"].as_str() {
        answer = DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap();
    }
    if answer.is_null() {
        return Err(format!("{route} does not answer {status}"));
    }
    let Some(content) = answer["content"].as_object() else {
        return if body.is_empty() {
            Ok(())
        } else {
            Err(format!("{route}: {status} has no body"))
        };
    };
    let media = media.unwrap_or_default().split(';').next().unwrap().trim();
    let schema = &content
        .get(media)
        .ok_or_else(|| format!("{route}: {status} is not {media}"))?["schema"];
    if !media.ends_with("json") {
        return Ok(());
    }
    let body: Json = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut schema = closed(schema);
    schema["components"] = closed(&DOCUMENT["components"]);
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(format!("{route}: {status}: {errors:?}: {body}"))
    }
}

/// The answer's status and body, which are as the document says.
async fn checked(route: &str, answer: Response) -> (u16, Json) {
    let status = answer.status().as_u16();
    let media = answer
        .headers()
        .get("content-type")
        .map(|it| it.to_str().unwrap().to_owned());
    assert!(
        answer.headers().contains_key("x-request-id") || status == 401,
        "{route}: {status}"
    );
    let body = answer.bytes().await.unwrap();
    check(route, status, media.as_deref(), &body).unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Json::Null))
}

/// The demo, with which the examples are made.
async fn demo() -> World {
    let dir = TempDir::new().unwrap();
    let stack = Stack::start(StackOptions {
        leads: 60,
        ..options(&dir)
    })
    .await
    .unwrap();
    World {
        stack,
        dir,
        client: client(),
    }
}

/// A call of a route by a user with an e-mail address.
async fn call(
    world: &World,
    user: &str,
    route: &str,
    id: &str,
    query: &str,
    body: Option<&str>,
) -> (u16, Json) {
    let claims = Claims {
        sub: user.to_owned(),
        org: Some("acme".to_owned()),
        email: Some(format!("{user}@example.com")),
        ..Claims::default()
    };
    let (method, path) = route.split_once(' ').unwrap();
    let path = path
        .replace("{source}", SOURCE)
        .replace("{name}", PRESET_NAME)
        .replace("{id}", id);
    let url = format!("{}{path}{query}", world.stack.file().url);
    let method: Method = method.parse().unwrap();
    let mut request = world
        .client
        .request(method, url)
        .bearer_auth(world.token_of(&claims));
    request = request.header("accept", "application/json");
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_owned());
    }
    checked(route, request.send().await.unwrap()).await
}

#[test]
fn document_describes_the_routes_that_are_answered_and_no_other() {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_ascii_uppercase()))
        })
        .collect();
    let answered = request_export::ROUTES
        .iter()
        .chain(download_export::ROUTES)
        .chain(download_export::OPEN_ROUTES);
    assert_eq!(
        described,
        answered.map(|route| (*route).to_owned()).collect()
    );
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let route = format!("{} {path}", method.to_ascii_uppercase());
            let open = operation["security"] == json!([]);
            assert_eq!(
                open,
                download_export::OPEN_ROUTES.contains(&route.as_str()),
                "{route}"
            );
            // Every variable of the path is described, and every reference leads somewhere.
            let variables: BTreeSet<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let named: BTreeSet<&str> = parameters
                .filter(|it| it["in"] == "path")
                .map(|it| it["name"].as_str().unwrap())
                .collect();
            assert_eq!(named, variables, "{route}");
        }
    }
    let mut ids = BTreeSet::new();
    let text = DOCUMENT.to_string();
    for reference in text
        .split("\"$ref\":\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
    {
        assert!(
            DOCUMENT
                .pointer(reference.trim_start_matches('#'))
                .is_some(),
            "{reference}"
        );
        ids.insert(reference);
    }
    assert!(ids.len() > 20, "{ids:?}");
}

#[test]
fn schemas_of_the_document_are_schemas() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let checked = jsonschema::draft202012::meta::validate(schema);
        assert!(checked.is_ok(), "{name}");
    }
    // The checks of this file see what is wrong.
    let person =
        br#"{"sources": [{"source_id": "a", "name": "b", "role": "viewer", "time_zone": "UTC"}]}"#;
    let route = "GET /sources";
    assert_eq!(check(route, 200, Some("application/json"), person), Ok(()));
    for (status, media, body) in [
        (200, "text/plain", &person[..]),
        (201, "application/json", person),
        (200, "application/json", br#"{"sources": [{"source_id": "a", "name": "b", "role": "boss", "time_zone": "UTC"}]}"#),
        (200, "application/json", br#"{"sources": [], "more": 1}"#),
        (404, "application/problem+json", br#"{"type": "/problems/other", "title": "", "status": 404, "detail": ""}"#),
    ] {
        assert!(check(route, status, Some(media), body).is_err(), "{status} {media}");
    }
}

#[tokio::test]
async fn every_example_is_executed_and_every_answer_is_as_described() {
    let world = demo().await;
    // Open: no token.
    let url = format!("{}/openapi.json", world.stack.file().url);
    let answer = world.client.get(url).send().await.unwrap();
    let (status, served) = checked("GET /openapi.json", answer).await;
    assert_eq!((status, &served), (200, &*DOCUMENT));
    let asset = &DOCUMENT["paths"]["/assets/{name}"]["get"]["parameters"][0]["example"];
    let url = format!(
        "{}/assets/{}",
        world.stack.file().url,
        asset.as_str().unwrap()
    );
    let answer = world.client.get(url).send().await.unwrap();
    assert_eq!(checked("GET /assets/{name}", answer).await.0, 200);

    // Every request's body that the document shows, under both routes that show them.
    let operation = &DOCUMENT["paths"]["/sources/{source}/exports"]["post"];
    let examples = operation["requestBody"]["content"]["application/json"]["examples"]
        .as_object()
        .unwrap();
    assert_eq!(
        examples.len(),
        EXPORT_EXAMPLES.len(),
        "every example is JSON"
    );
    let mut ids = Vec::new();
    for (name, example) in examples {
        let body = example["value"].to_string();
        let (status, export) = call(
            &world,
            "alice",
            "POST /sources/{source}/exports",
            "",
            "",
            Some(&body),
        )
        .await;
        assert_eq!(status, 202, "{name}: {export}");
        ids.push(export["id"].as_str().unwrap().to_owned());
        let put = call(
            &world,
            "alice",
            "PUT /sources/{source}/presets/{name}",
            "",
            "",
            Some(&body),
        )
        .await;
        assert_eq!(put.0, 200, "{name}: {}", put.1);
    }
    for id in &ids {
        assert_eq!(world.ended("alice", id).await["status"], "completed");
    }
    let id = ids[0].as_str();
    let operation = &DOCUMENT["paths"]["/api/v1/operations/export"]["post"];
    let examples = &operation["requestBody"]["content"]["application/json"]["examples"];
    for (name, _, _) in OPERATION_EXAMPLES {
        let body = examples[name]["value"].to_string();
        let (status, answer) = call(&world, "alice", OPERATION, "", "", Some(&body)).await;
        assert_eq!(status, 200, "{name}: {answer}");
    }
    // Every operation once, with the parameters' examples; those that end something last.
    let mut routes: Vec<&str> = request_export::ROUTES
        .iter()
        .chain(download_export::ROUTES)
        .copied()
        .collect();
    routes.sort_by_key(|route| route.starts_with("DELETE"));
    for route in routes {
        if route == OPERATION {
            continue;
        }
        let body = matches!(route.split(' ').next(), Some("POST" | "PUT")).then_some("{}");
        let (status, answer) = call(&world, "alice", route, id, "", body).await;
        assert!((200..300).contains(&status), "{route}: {status} {answer}");
    }
    world.stop().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one line for each answer")]
async fn refusals_are_as_described() {
    let world = demo().await;
    let nobody = "0b0c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e";
    let exports = "POST /sources/{source}/exports";
    let large = format!("\"{}\"", "x".repeat(70_000));
    let mut seen = BTreeSet::new();
    for (user, route, id, query, body, expected) in [
        ("alice", exports, "", "", Some("{"), 400),
        ("alice", exports, "", "", Some(r#"{"limit": "1"}"#), 400),
        (
            "alice",
            exports,
            "",
            "",
            Some(r#"{"limit": 0, "more": 1}"#),
            422,
        ),
        ("alice", exports, "", "", Some(large.as_str()), 413),
        ("alice", OPERATION, "", "", Some("{}"), 400),
        (
            "alice",
            OPERATION,
            "",
            "",
            Some(r#"{"selection": {"mode": "manual", "includedIds": []}}"#),
            400,
        ),
        (
            "vera",
            OPERATION,
            "",
            "",
            Some(r#"{"selection": {"mode": "bulk", "filters": {}}}"#),
            403,
        ),
        ("vera", exports, "", "", Some("{}"), 403),
        ("mallory", exports, "", "", Some("{}"), 404),
        (
            "alice",
            "GET /sources/{source}/exports",
            "",
            "?limit=0&page=2",
            None,
            422,
        ),
        (
            "alice",
            "GET /sources/{source}/exports",
            "",
            "?cursor=x",
            None,
            400,
        ),
        (
            "alice",
            "GET /sources/{source}/exports",
            "",
            "?status=completed,failed&limit=1",
            None,
            200,
        ),
        ("alice", "GET /exports/{id}", nobody, "", None, 404),
        ("alice", "GET /exports/{id}", "..%2f", "", None, 404),
        ("vera", "DELETE /exports/{id}", nobody, "", None, 404),
        (
            "alice",
            "GET /sources/{source}/presets/{name}",
            "",
            "",
            None,
            404,
        ),
        (
            "vera",
            "DELETE /sources/{source}/presets/{name}",
            "",
            "",
            None,
            403,
        ),
    ] {
        let claims = Claims {
            sub: user.to_owned(),
            org: Some("acme".to_owned()),
            ..Claims::default()
        };
        let (method, path) = route.split_once(' ').unwrap();
        let path = path
            .replace("{source}", SOURCE)
            .replace("{name}", PRESET_NAME)
            .replace("{id}", id);
        let url = format!("{}{path}{query}", world.stack.file().url);
        let request = world
            .client
            .request(method.parse().unwrap(), url)
            .bearer_auth(world.token_of(&claims));
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_owned()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let media = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let body = answer.bytes().await.unwrap();
        assert_eq!(
            status,
            expected,
            "{user} {route} {query}: {}",
            String::from_utf8_lossy(&body)
        );
        check(route, status, Some(&media), &body).unwrap();
        seen.insert(status);
    }
    // Without a token; a file that is not there yet, is there, and is gone.
    let answer = world
        .client
        .get(format!("{}/sources", world.stack.file().url))
        .send()
        .await
        .unwrap();
    assert_eq!(checked("GET /sources", answer).await.0, 401);
    let (_, export) = call(&world, "alice", exports, "", "", Some("{}")).await;
    let id = export["id"].as_str().unwrap();
    world.ended("alice", id).await;
    let download = "GET /exports/{id}/download";
    assert_eq!(call(&world, "alice", download, id, "", None).await.0, 200);
    let redirect = world.get("alice", &format!("/exports/{id}/download")).await;
    assert_eq!(checked(download, redirect).await.0, 303);
    assert_eq!(
        call(&world, "alice", "DELETE /exports/{id}", id, "", None)
            .await
            .0,
        200
    );
    assert_eq!(call(&world, "alice", download, id, "", None).await.0, 410);
    assert_eq!(seen, BTreeSet::from([200, 400, 403, 404, 413, 422]));
    world.stop().await;
}
