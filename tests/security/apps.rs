//! Both functions that answer the API, over one world in memory.
#![allow(dead_code, reason = "the fuzz targets use their part")]

use std::sync::Arc;
use std::time::Duration;

use download_export::Page;
use http::Response;
use lambda_http::{Body, Request};
use lead_export_aws::config::SignIn;
use lead_export_aws::http::ClaimRules;
use lead_export_core::access::{Grant, Person, Role};
use lead_export_core::answer::AnswerExport;
use lead_export_core::ask::Asked;
use lead_export_core::download::DownloadExport;
use lead_export_core::end::EndExport;
use lead_export_core::fields::Source;
use lead_export_core::history::ReadHistory;
use lead_export_core::lead::{Lead, LeadId, Value};
use lead_export_core::limits;
use lead_export_core::memory::{Faulty, MemoryPresets};
use lead_export_core::moves::Finish;
use lead_export_core::ports::{Clock as _, Created, Dice as _, ExportStore as _, Written};
use lead_export_core::presets::{ReadPresets, SavePreset};
use lead_export_core::preview::PreviewExport;
use lead_export_core::record::{
    Delivery, Export, ExportId, FailureCode, File, Progress, RunId, Status,
};
use lead_export_core::request::RequestExport;
use lead_export_core::time::Instant;
use lead_export_core::usage::ReadUsage;
use lead_export_core::volume::DailyVolume;
use serde_json::json;

use crate::http_api::Http;
use crate::model::{Function, Route, State};
use crate::world::{World, org, source, source_id};

/// Where all of it happens.
pub(crate) struct Apps {
    pub(crate) world: World,
    request: request_export::App,
    download: download_export::App,
}

/// The organizations' sources. The same name may be there twice; each source has the preset `weekly`.
pub(crate) const SOURCES: [(&str, &str); 4] = [
    ("acme", "home-insurance"),
    ("acme", "secret-source"),
    ("globex", "solar"),
    ("globex", "home-insurance"),
];

impl Apps {
    #[expect(clippy::too_many_lines, reason = "a list of ports")]
    pub(crate) async fn new(rules: ClaimRules) -> Self {
        let world = World::new();
        let presets = Arc::new(Faulty::new(
            Arc::new(MemoryPresets::new()),
            Arc::clone(&world.plan),
        ));
        let asking = RequestExport {
            sources: world.sources.clone(),
            exports: world.exports.clone(),
            presets: presets.clone(),
            queue: world.queue.clone(),
            clock: world.clock.clone(),
            dice: world.dice.clone(),
            max_active: 1_000_000,
            volume: DailyVolume::default(),
            sends_mails: false,
        };
        let request = request_export::App {
            answer: AnswerExport {
                request: asking.clone(),
                leads: world.leads.clone(),
                index: world.leads.clone(),
            },
            presets: SavePreset {
                sources: world.sources.clone(),
                exports: world.exports.clone(),
                presets: presets.clone(),
                clock: world.clock.clone(),
                sends_mails: false,
            },
            preview: PreviewExport {
                sources: world.sources.clone(),
                exports: world.exports.clone(),
                presets: presets.clone(),
                leads: world.leads.clone(),
                sample: world.leads.clone(),
                clock: world.clock.clone(),
                read_bytes: limits::PREVIEW_READ_BYTES,
                member_bytes: limits::GZIP_MEMBER_BYTES,
            },
            request: asking,
            rules: rules.clone(),
        };
        let download = download_export::App {
            history: ReadHistory {
                sources: world.sources.clone(),
                exports: world.exports.clone(),
                audit: world.audit.clone(),
                clock: world.clock.clone(),
            },
            usage: ReadUsage {
                sources: world.sources.clone(),
                exports: world.exports.clone(),
                audit: world.audit.clone(),
                clock: world.clock.clone(),
            },
            presets: ReadPresets {
                sources: world.sources.clone(),
                presets: presets.clone(),
            },
            download: DownloadExport {
                sources: world.sources.clone(),
                exports: world.exports.clone(),
                audit: world.audit.clone(),
                signer: world.signer.clone(),
                clock: world.clock.clone(),
                dice: world.dice.clone(),
                ttl: limits::DOWNLOAD_TTL,
            },
            end: EndExport {
                sources: world.sources.clone(),
                exports: world.exports.clone(),
                audit: world.audit.clone(),
                pieces: world.pieces.clone(),
                notifier: world.notifier.clone(),
                clock: world.clock.clone(),
                dice: world.dice.clone(),
            },
            page: Page::new(SignIn {
                issuer: "https://issuer.example.com".into(),
                client_id: None,
                scope: "openid".into(),
                audience: None,
                origins: vec![],
            }),
            rules,
        };
        let apps = Self {
            world,
            request,
            download,
        };
        for (of, name) in SOURCES {
            let made: Source = source(of, name);
            apps.put_lead(&made);
            apps.world.sources.inner().put_source(made);
            apps.grant(of, "founder", None, Some(Role::Admin));
            let path = format!("/sources/{name}/presets/weekly");
            let save = Http::of("get-sources").method("PUT").path(&path).body("{}");
            let saved = apps
                .answer(Function::Request, &save.claims(apps.claims(of, "founder")))
                .await;
            assert_eq!(saved.status(), 200);
        }
        apps
    }

    /// A world whose tokens name organization and user, and need nothing else.
    pub(crate) async fn plain() -> Self {
        Self::new(ClaimRules {
            org_claim: "org_id".into(),
            ..ClaimRules::default()
        })
        .await
    }

    /// A lead whose name tells where it belongs.
    fn put_lead(&self, of: &Source) {
        let name = marked(of.org.as_str(), of.id.as_str());
        let lead = Lead {
            id: LeadId::parse("l-1").unwrap(),
            created_at: self.world.clock.now().minus(Duration::from_mins(1)),
            values: [("name".to_owned(), Value::from(name.as_str()))].into(),
        };
        let leads = self.world.leads.inner();
        leads.put(&of.org, &of.id, of.shards, lead);
    }

    /// Good claims, whatever rules are set.
    #[expect(clippy::unused_self, reason = "reads like the rest")]
    pub(crate) fn claims(&self, of: &str, user: &str) -> serde_json::Value {
        json!({ "org_id": of, "sub": user, "token_use": "access", "scope": "exports:run" })
    }

    /// Gives, changes or takes a grant, on a source or on every one.
    pub(crate) fn grant(&self, of: &str, user: &str, name: Option<&str>, role: Option<Role>) {
        let place = name.map(source_id);
        let sources = self.world.sources.inner();
        match role {
            Some(role) => {
                let grant = Grant { role, name: None };
                sources.put_grant(&org(of), user, place.as_ref(), grant);
            }
            None => sources.remove_grant(&org(of), user, place.as_ref()),
        }
    }

    pub(crate) async fn answer(&self, function: Function, event: &Http) -> Response<Body> {
        self.answer_to(function, event.request()).await
    }

    pub(crate) async fn answer_to(&self, function: Function, request: Request) -> Response<Body> {
        match function {
            Function::Request => request_export::handle(&self.request, request).await,
            Function::Download => download_export::handle(&self.download, request).await,
        }
    }

    /// Calls a route as somebody, of a source and an export.
    pub(crate) async fn call(
        &self,
        route: &Route,
        (source, id): (&str, &str),
        (of, user): (&str, &str),
    ) -> Response<Body> {
        let event = event(route, source, id).claims(self.claims(of, user));
        self.answer(route.function, &event).await
    }

    /// Writes an export in some state.
    pub(crate) async fn put(&self, of: &str, name: &str, user: &str, state: State) -> ExportId {
        let (now, by) = (self.world.clock.now(), RunId(self.world.dice.uuid()));
        let id = ExportId(self.world.dice.uuid());
        let asked = Asked::parse(b"{}", &source(of, name), now, &|_| None).unwrap();
        let person = Person {
            id: user.into(),
            name: user.into(),
        };
        let pending = Export::new(
            id,
            org(of),
            by,
            person.clone(),
            asked.plan,
            asked.file_name,
            None,
        );
        let store = self.world.exports.inner();
        let created = store.create(&pending, None, usize::MAX).await.unwrap();
        assert_eq!(created, Created::New);
        let status = match state {
            State::Is(status) => status,
            State::Overdue | State::Inline => Status::Completed,
        };
        if status == Status::Pending {
            return id;
        }
        let leased = pending.leased(by, now);
        assert_eq!(store.replace(&leased).await.unwrap(), Written::Done);
        let mut next = match status {
            Status::Processing => return id,
            Status::Failed => leased.failed(by, FailureCode::Internal, now),
            Status::Cancelled => leased.cancelled(by, person, now),
            _ => leased.finished(finish(by), now, limits::RETENTION),
        };
        match state {
            State::Overdue => {
                next.head.file_expires_at = Some(Instant::from_millis(now.millis() - 1));
            }
            State::Inline => {
                next.head.delivery = Delivery::Inline;
                next.head.file = None;
            }
            State::Is(_) => {}
        }
        assert_eq!(store.end(&next).await.unwrap(), Written::Done);
        if status == Status::Expired {
            let gone = next.expired(by, None, now);
            assert_eq!(store.replace(&gone).await.unwrap(), Written::Done);
        }
        id
    }
}

fn finish(run: RunId) -> Finish {
    Finish {
        file: File {
            run,
            size_bytes: 3,
            sha256: None,
            crc64nvme: "AAAAAAAAAAA=".into(),
        },
        rows: 1,
        truncated: false,
        pieces: 0,
        progress: Progress::default(),
        warnings: vec![],
    }
}

/// The name of a source's lead.
pub(crate) fn marked(of: &str, source: &str) -> String {
    format!("{of} {source}")
}

/// The event of a route with its parameters filled in.
pub(crate) fn event(route: &Route, source: &str, id: &str) -> Http {
    let (_, path) = route.key.split_once(' ').unwrap();
    let path = path
        .replace("{source}", source)
        .replace("{id}", id)
        .replace("{name}", "weekly");
    let mut event = Http::of("get-sources").method(route.method()).path(&path);
    if route.later {
        event = event.header("prefer", "respond-async");
    }
    if route.body.is_empty() {
        return event;
    }
    let source = json!(source).to_string();
    event.body(route.body.replace("\"{source}\"", &source))
}
