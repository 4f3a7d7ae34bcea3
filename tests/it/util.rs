//! What every test starts from: a stack of its own, callers with tokens, leads.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lead_export_core::access::{Grant, Role};
use lead_export_core::fields::{Attribute, CustomField, CustomKind, Source};
use lead_export_core::lead::{Lead, LeadId, OrgId, SourceId, Value};
use lead_export_core::time::Instant;
use lead_export_local::connection::StackFile;
use lead_export_local::identity::{Claims, Identity};
use lead_export_local::stack::{Settings, Stack, StackOptions};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A stack of one test's own: nothing is shared, so tests run side by side.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) dir: TempDir,
    pub(crate) client: Client,
}

/// Options of a stack under test: no demo, any ports, a sweeper that does not wait a minute.
pub(crate) fn options(dir: &TempDir) -> StackOptions {
    StackOptions {
        leads: 0,
        command: Some(PathBuf::from(env!("CARGO_BIN_EXE_stack-under-test"))),
        sweep_every: Duration::from_secs(1),
        ..StackOptions::new(dir.path().join("data"))
    }
}

/// A client that follows no redirect.
pub(crate) fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// A bearer token for the stack over this data.
pub(crate) fn token(data: &Path, file: &StackFile, org: &str, user: &str) -> String {
    let claims = Claims {
        sub: user.to_owned(),
        org: Some(org.to_owned()),
        ..Claims::default()
    };
    token_of(data, file, &claims)
}

/// A bearer token with these claims for the stack over this data.
pub(crate) fn token_of(data: &Path, file: &StackFile, claims: &Claims) -> String {
    let identity = Identity::open(data).unwrap();
    identity
        .token(
            claims,
            &file.issuer,
            &file.audience,
            jiff::Timestamp::now(),
            Duration::from_hours(1),
        )
        .unwrap()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        let dir = TempDir::new().unwrap();
        let stack = Stack::start(StackOptions {
            settings,
            ..options(&dir)
        })
        .await
        .unwrap();
        Self {
            stack,
            dir,
            client: client(),
        }
    }

    /// A bearer token of `user` in `org`.
    pub(crate) fn token(&self, org: &str, user: &str) -> String {
        token(&self.dir.path().join("data"), self.stack.file(), org, user)
    }

    /// A bearer token with these claims.
    pub(crate) fn token_of(&self, claims: &Claims) -> String {
        token_of(&self.dir.path().join("data"), self.stack.file(), claims)
    }

    /// A request by `user` of `acme`.
    pub(crate) fn call(&self, user: &str, method: Method, path: &str) -> RequestBuilder {
        self.call_as("acme", user, method, path)
    }

    pub(crate) fn call_as(
        &self,
        org: &str,
        user: &str,
        method: Method,
        path: &str,
    ) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.stack.file().url))
            .bearer_auth(self.token(org, user))
    }

    pub(crate) async fn get(&self, user: &str, path: &str) -> Response {
        self.call(user, Method::GET, path).send().await.unwrap()
    }

    /// Makes a source of `acme`, changed by `change`.
    pub(crate) async fn source(&self, id: &str, change: impl FnOnce(&mut Source)) -> Source {
        let mut source = Source {
            org: OrgId::parse("acme").unwrap(),
            id: SourceId::parse(id).unwrap(),
            name: id.to_owned(),
            time_zone: "America/New_York".to_owned(),
            people: false,
            shards: 8,
            lead_count: None,
            custom: vec![],
            attributes: vec![],
        };
        change(&mut source);
        self.sources().put_source(&source).await.unwrap();
        source
    }

    pub(crate) fn sources(&self) -> lead_export_aws::sources::DynamoSources {
        let file = self.stack.file();
        lead_export_aws::sources::DynamoSources::new(
            file.clients().unwrap().dynamodb,
            file.tables.sources.clone(),
        )
    }

    pub(crate) async fn grant(&self, org: &str, user: &str, source: &str, role: Role) {
        let org = OrgId::parse(org).unwrap();
        let source = (source != "*").then(|| SourceId::parse(source).unwrap());
        self.sources()
            .put_grant(&org, user, source.as_ref(), &Grant { role, name: None })
            .await
            .unwrap();
    }

    /// Loads leads as an application would have written them.
    pub(crate) async fn load(&self, source: &Source, leads: &[Lead]) {
        let file = self.stack.file();
        let writer = lead_export_aws::lead_writer::DynamoLeadWriter::new(
            file.clients().unwrap().dynamodb,
            file.tables.leads.clone(),
        );
        writer
            .write(&source.org, &source.id, source.shards, leads)
            .await
            .unwrap();
    }

    /// Requests an export; the answer must be 202.
    pub(crate) async fn request(&self, user: &str, source: &str, body: &Json) -> Json {
        let answer = self
            .call(user, Method::POST, &format!("/sources/{source}/exports"))
            .json(body)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let json: Json = answer.json().await.unwrap();
        assert_eq!(status, 202, "{json}");
        json
    }

    /// Asks until the export has ended.
    pub(crate) async fn ended(&self, user: &str, id: &str) -> Json {
        for _ in 0..2400 {
            let export: Json = self
                .get(user, &format!("/exports/{id}"))
                .await
                .json()
                .await
                .unwrap();
            if !matches!(export["status"].as_str(), Some("pending" | "processing")) {
                return export;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("export {id} does not end");
    }

    /// The file's bytes, by the link in the JSON answer.
    pub(crate) async fn download(&self, user: &str, id: &str) -> Vec<u8> {
        let answer = self
            .call(user, Method::GET, &format!("/exports/{id}/download"))
            .header("accept", "application/json")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let link: Json = answer.json().await.unwrap();
        let file = reqwest::get(link["url"].as_str().unwrap()).await.unwrap();
        assert_eq!(file.status(), 200);
        file.bytes().await.unwrap().to_vec()
    }

    /// Requests, waits and downloads: the export and the file's rows, the header among them.
    pub(crate) async fn export(
        &self,
        user: &str,
        source: &str,
        body: &Json,
    ) -> (Json, Vec<Vec<String>>) {
        let asked = self.request(user, source, body).await;
        let id = asked["id"].as_str().unwrap();
        let export = self.ended(user, id).await;
        assert_eq!(export["status"], "completed", "{export}");
        let bytes = self.download(user, id).await;
        (export, rows(&bytes))
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.stack.stop().await.unwrap();
        self.dir
    }
}

/// The rows of a CSV, by another program's reader.
pub(crate) fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    reader
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

/// A lead with these values, created `seconds` after the start of 2026.
pub(crate) fn lead(id: &str, seconds: i64, values: &[(&str, Value)]) -> Lead {
    Lead {
        id: LeadId::parse(id).unwrap(),
        created_at: Instant::from_millis(1_767_225_600_000 + seconds * 1000),
        values: values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
    }
}

pub(crate) fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

pub(crate) fn list(values: &[&str]) -> Value {
    Value::List(values.iter().map(|value| text(value)).collect())
}

/// The source that most tests use: two custom fields, two attributes, six leads, an exporter `alice` and a viewer `vera`.
pub(crate) async fn small_world(world: &World) -> Source {
    let source = world
        .source("home-insurance", |source| {
            let custom = |key: &str, label: &str, kind: CustomKind, options: &[&str]| CustomField {
                key: key.into(),
                label: label.into(),
                kind,
                options: options.iter().map(|option| (*option).to_owned()).collect(),
            };
            source.custom = vec![
                custom("annual_income", "Annual Income", CustomKind::Number, &[]),
                custom(
                    "roof_type",
                    "Roof Type",
                    CustomKind::Dropdown,
                    &["tile", "slate", "metal"],
                ),
                custom("opted_in", "Opted In", CustomKind::Boolean, &[]),
            ];
            source.attributes = ["homeowner", "campaign"]
                .map(|key| Attribute {
                    key: key.into(),
                    label: key.to_uppercase(),
                })
                .into_iter()
                .collect();
            source.lead_count = Some(6);
        })
        .await;
    let number = |value: &str| Value::Number(value.to_owned());
    let leads = [
        lead(
            "l-1",
            1,
            &[
                ("first_name", text("Jane")),
                ("last_name", text("Doe")),
                ("status", text("active")),
                ("email", text("jane@example.com")),
                ("phone", text("+1 (555) 010-0001")),
                ("annual_income", number("50000")),
                ("homeowner", list(&["Yes"])),
            ],
        ),
        lead(
            "l-2",
            2,
            &[
                ("name", text("=1+1")),
                ("status", text("Sold")),
                ("annual_income", number("49999.99")),
                ("homeowner", list(&["No"])),
                ("campaign", list(&["a", "b"])),
            ],
        ),
        lead(
            "l-3",
            3,
            &[
                ("first_name", text("ÅSA")),
                ("status", text("sold")),
                ("emails", list(&["asa@example.com", "a2@example.com"])),
                ("roof_type", text("tile")),
                ("opted_in", Value::Bool(true)),
            ],
        ),
        lead(
            "l-4",
            3,
            &[
                ("first_name", text("a \"quoted\", name")),
                ("status", text("rejected")),
                ("opted_in", Value::Bool(false)),
            ],
        ),
        lead(
            "l-5",
            4,
            &[
                ("first_name", text("line\r\nbreak")),
                ("status", text("active")),
                ("annual_income", number("1E+5")),
            ],
        ),
        lead("l-6", 5, &[]),
    ];
    world.load(&source, &leads).await;
    world
        .grant("acme", "alice", "home-insurance", Role::Exporter)
        .await;
    world
        .grant("acme", "vera", "home-insurance", Role::Viewer)
        .await;
    source
}
