//! TM02, TM03, TM04: every role on every route in every state, here and elsewhere, against the table.

use std::collections::{BTreeMap, BTreeSet};

use http::Response;
use lambda_http::Body;
use lead_export_core::access::Role;
use lead_export_core::record::Status;

use crate::apps::{Apps, SOURCES, event, marked};
use crate::http_api::{body, raw, text};
use crate::model::{
    Function, Needs, OPEN, OPERATION, ROUTES, Route, STATES, State, rank, stronger,
};

const ROLES: [Option<Role>; 4] = [
    None,
    Some(Role::Viewer),
    Some(Role::Exporter),
    Some(Role::Admin),
];

/// Calls that change something, or give something away.
pub(crate) const WRITES: [&str; 16] = [
    "exports.create",
    "exports.add",
    "exports.charge",
    "exports.replace",
    "exports.end",
    "audit.record",
    "signer.sign",
    "presets.put",
    "presets.remove",
    "queue.send",
    "pieces.delete_file",
    "pieces.put",
    "notifier.tell",
    "leads.page",
    "index.find",
    "index.read",
];

#[test]
fn every_route_is_in_the_model() {
    let known: BTreeSet<&str> = ROUTES.iter().map(|route| route.key).collect();
    let functions = [request_export::ROUTES, download_export::ROUTES].concat();
    let closed = functions
        .into_iter()
        .filter(|key| !OPEN.contains(key))
        .collect();
    assert_eq!(
        known, closed,
        "a new route joins tests/security/model.rs by one line"
    );
}

/// The source of a cell, as seen from `acme`: where `home` grants count, where only those on `*` do, and where none can.
const PLACES: [(&str, &str); 4] = [
    ("acme", "home-insurance"),
    ("acme", "secret-source"),
    ("globex", "home-insurance"),
    ("acme", "no-such"),
];

/// The role that a user with these grants has there.
fn role_at(place: (&str, &str), home: Option<Role>, every: Option<Role>) -> Option<Role> {
    match place {
        ("acme", "home-insurance") => stronger(home, every),
        ("acme", "secret-source") => every,
        _ => None,
    }
}

/// The leads that one with these grants may be answered with: of the place alone, or of wherever they are exporter.
fn exported(
    place: (&str, &str),
    anywhere: bool,
    home: Option<Role>,
    every: Option<Role>,
) -> Vec<String> {
    let may =
        |place| role_at(place, home, every).is_some_and(|role| rank(role) >= rank(Role::Exporter));
    SOURCES
        .into_iter()
        .filter(|source| may(*source) && (anywhere || *source == place))
        .map(|(of, name)| marked(of, name))
        .collect()
}

struct Cell<'a> {
    route: &'a Route,
    user: &'a str,
    place: (&'a str, &'a str),
    role: Option<Role>,
    own: bool,
    state: State,
    /// The leads that an answer may hold.
    leads: Vec<String>,
}

/// The leads in a CSV: each is named by the source it is of.
fn leads_of(answer: &Response<Body>) -> Vec<String> {
    let mut lines = text(answer).lines();
    assert_eq!(lines.next(), Some("Name"));
    let mut leads: Vec<String> = lines.map(str::to_owned).collect();
    assert_eq!(answer.headers()["x-export-count"], leads.len().to_string());
    leads.sort();
    leads
}

/// What was seen of all cells.
#[derive(Default)]
struct Seen {
    cells: u32,
    by_status: BTreeMap<u16, u32>,
    /// The whole answers of all 404s, by the form that the contract gives them.
    absent: BTreeMap<&'static str, BTreeSet<String>>,
    /// The sources whose leads were answered with, at once.
    answered: BTreeSet<Vec<String>>,
    /// The calls made for a 404, by route.
    reads: BTreeMap<&'static str, BTreeSet<Vec<&'static str>>>,
}

impl Seen {
    async fn check(&mut self, apps: &Apps, cell: &Cell<'_>) {
        let id = if cell.route.is_of_export() && cell.place.1 != "no-such" {
            let requester = if cell.own { cell.user } else { "somebody" };
            apps.put(cell.place.0, cell.place.1, requester, cell.state)
                .await
                .to_string()
        } else {
            "0b0c2d3e-4b5a-4c6d-8e7f-901a2b3c4d5e".to_owned()
        };
        // A source of another organization has a name that one's own may have as well: its own organization's cannot be named.
        let name = if cell.place.0 == "acme" {
            cell.place.1
        } else {
            "solar"
        };
        let before = apps.world.plan.calls().len();
        let caller = ("acme", cell.user);
        let answer = apps.call(cell.route, (name, &id), caller).await;
        let calls: Vec<&str> = apps.world.plan.calls()[before..]
            .iter()
            .map(|call| call.name)
            .collect();
        let status = answer.status().as_u16();
        let expected = cell.route.status(cell.role, cell.own, cell.state);
        assert_eq!(
            status, expected,
            "{} as {} ({:?}, own {}) at {:?} in {:?}: {answer:?}",
            cell.route.key, cell.user, cell.role, cell.own, cell.place, cell.state
        );
        self.cells += 1;
        *self.by_status.entry(status).or_default() += 1;
        if matches!(status, 403 | 404) {
            let written: Vec<_> = calls.iter().filter(|call| WRITES.contains(*call)).collect();
            assert!(written.is_empty(), "{}: {written:?}", cell.route.key);
        }
        if !matches!(status, 200 | 303) || !cell.route.key.ends_with("/download") {
            assert!(!calls.contains(&"signer.sign"));
        }
        if status == 404 {
            let body = cell.route.absent();
            assert_eq!(text(&answer), body);
            self.absent.entry(body).or_default().insert(raw(&answer));
            self.reads.entry(cell.route.key).or_default().insert(calls);
        }
        if cell.route.key.starts_with("DELETE /sources") && status == 204 {
            let put = ROUTES
                .iter()
                .find(|route| route.key.starts_with("PUT /sources"))
                .unwrap();
            assert_eq!(
                apps.call(put, (name, ""), ("acme", "founder"))
                    .await
                    .status(),
                200
            );
        }
        if cell.route.key == OPERATION && status == 200 {
            let leads = leads_of(&answer);
            assert_eq!(leads, cell.leads, "{}", cell.user);
            self.answered.insert(leads);
        }
    }
}

#[tokio::test]
async fn every_role_on_every_route_in_every_state_is_as_the_table_says() {
    let apps = Apps::plain().await;
    let mut seen = Seen::default();
    for home in ROLES {
        for every in ROLES {
            let user = format!("{home:?}-{every:?}");
            apps.grant("acme", &user, Some("home-insurance"), home);
            apps.grant("acme", &user, None, every);
            // Grants elsewhere, of the strongest kind, help nobody here.
            apps.grant("globex", &user, None, Some(Role::Admin));
            for route in ROUTES {
                // A route that leads to no source has one place: all of those where the user may export.
                let anywhere = matches!(route.needs, Needs::Somewhere(_));
                for place in &PLACES[..if anywhere { 1 } else { PLACES.len() }] {
                    let states: &[State] = if route.is_of_export() {
                        &STATES
                    } else {
                        &STATES[..1]
                    };
                    for state in states {
                        for own in [true, false] {
                            if !own && !route.is_of_export() {
                                continue;
                            }
                            let role = if anywhere {
                                stronger(home, every)
                            } else {
                                role_at(*place, home, every)
                            };
                            let cell = Cell {
                                route,
                                user: &user,
                                place: *place,
                                role,
                                own,
                                state: *state,
                                leads: exported(*place, anywhere, home, every),
                            };
                            seen.check(&apps, &cell).await;
                        }
                    }
                }
            }
        }
    }
    let Seen {
        cells,
        by_status,
        absent,
        answered,
        reads,
    } = seen;
    assert!(cells > 3_000, "{cells}");
    for status in [200, 202, 204, 303, 403, 404, 409, 410] {
        assert!(by_status[&status] > 5, "{by_status:?}");
    }
    assert_eq!(absent.len(), 2, "a form for §3 and one for §6");
    for answers in absent.values() {
        assert_eq!(
            answers.len(),
            1,
            "all that is not there looks the same: {answers:#?}"
        );
    }
    // One source, the other, both: never a third, never another organization's.
    assert_eq!(answered.len(), 3, "{answered:?}");
    for (route, reads) in reads {
        assert_eq!(
            reads.len(),
            1,
            "{route} asks the stores for the same, there or not: {reads:?}"
        );
    }
}

/// A token with every odd but good claim is a user like any other; one of another organization never is.
#[tokio::test]
async fn users_are_told_apart_to_the_last_character() {
    let apps = Apps::plain().await;
    let id = apps
        .put(
            "acme",
            "home-insurance",
            "alice",
            State::Is(Status::Completed),
        )
        .await
        .to_string();
    let others = [
        ("acme", "Alice"),
        ("acme", "alice "),
        ("acme", " alice"),
        ("acme", "alice\u{200b}"),
        ("acme", "аlice"),
        ("acme", "ａlice"),
        ("acme", "alicé"),
        ("acme", "alice#home-insurance"),
        ("acme", "alice%23"),
        ("acme", "*"),
        ("acme", "founder#*"),
        ("acme", "null"),
        ("acme", "alice,adam"),
        ("Acme", "alice"),
        ("acme ", "alice"),
        ("acme\u{200b}", "alice"),
        ("аcme", "alice"),
        ("acme/globex", "alice"),
        ("*", "founder"),
        ("globex", "alice"),
    ];
    for (of, user) in others {
        for route in ROUTES.iter().filter(|route| route.needs != Needs::Token) {
            let at = ("home-insurance", id.as_str());
            let answer = apps.call(route, at, (of, user)).await;
            let status = answer.status().as_u16();
            let absent = route.status(None, false, State::Is(Status::Completed));
            assert!(
                status == 401 || status == absent,
                "{of:?}/{user:?} {}: {status}",
                route.key
            );
        }
        let list = apps.call(&ROUTES[0], ("", ""), (of, user)).await;
        assert!(
            list.status() == 401 || text(&list) == r#"{"sources":[]}"#,
            "{of:?}/{user:?}"
        );
    }
    assert!(apps.world.audit.inner().all().is_empty());
}

/// Ids and names that are none, on every route, by one who may do anything.
#[tokio::test]
async fn malformed_names_are_absent_too() {
    let apps = Apps::plain().await;
    let id = apps
        .put(
            "acme",
            "home-insurance",
            "alice",
            State::Is(Status::Completed),
        )
        .await
        .to_string();
    let spoiled = [
        String::new(),
        id.to_uppercase(),
        id.replace('-', ""),
        format!("{{{id}}}"),
        format!("urn:uuid:{id}"),
        format!("{id}%00"),
        format!("{id}%20"),
        "%ff".into(),
        "%2e%2e".into(),
        "*".into(),
        "acme%23home-insurance".into(),
        "a".repeat(5000),
    ];
    for route in ROUTES
        .iter()
        .filter(|route| route.is_of_export() || route.is_of_source())
    {
        for name in &spoiled {
            let answer = apps.call(route, (name, name), ("acme", "founder")).await;
            assert_eq!(
                (answer.status().as_u16(), text(&answer)),
                (404, route.absent()),
                "{} {name}",
                route.key
            );
        }
    }
}

/// `Prefer: respond-async` without a source: one who may export from several is told of those, and of no others.
#[tokio::test]
async fn later_over_several_sources_names_those_of_the_caller_alone() {
    let apps = Apps::plain().await;
    for name in ["third", "fourth"] {
        let made = crate::world::source("acme", name);
        apps.world.sources.inner().put_source(made);
    }
    let (viewer, exporter) = (Some(Role::Viewer), Some(Role::Exporter));
    for (home, third, every, expected) in [
        (None, None, None, Err(403)),
        (viewer, None, viewer, Err(403)),
        (exporter, None, None, Err(202)),
        (exporter, viewer, None, Err(202)),
        (None, exporter, viewer, Err(202)),
        (exporter, exporter, None, Ok("home-insurance, third")),
        (exporter, exporter, viewer, Ok("home-insurance, third")),
        (
            viewer,
            None,
            exporter,
            Ok("fourth, home-insurance, secret-source, third"),
        ),
    ] {
        apps.grant("acme", "rita", Some("home-insurance"), home);
        apps.grant("acme", "rita", Some("third"), third);
        apps.grant("acme", "rita", None, every);
        apps.grant("globex", "rita", None, Some(Role::Admin));
        let all = ROUTES
            .iter()
            .find(|route| matches!(route.needs, Needs::Somewhere(_)))
            .unwrap();
        let event = event(all, "", "")
            .header("prefer", "respond-async")
            .claims(apps.claims("acme", "rita"));
        let answer = apps.answer(Function::Request, &event).await;
        let status = answer.status().as_u16();
        match expected {
            Err(expected) => assert_eq!(status, expected, "{home:?} {third:?} {every:?}"),
            Ok(names) => {
                assert_eq!(status, 400);
                let message = format!("source is required: you may export from {names}");
                assert_eq!(body(&answer)["error"]["message"], message);
            }
        }
    }
}
