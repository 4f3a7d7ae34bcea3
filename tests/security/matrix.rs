//! TM02, TM03, TM04: every role on every route in every state, here and elsewhere, against the table.

use std::collections::{BTreeMap, BTreeSet};

use lead_export_core::access::Role;
use lead_export_core::record::Status;

use crate::apps::{Apps, path};
use crate::http_api::{NOT_FOUND, raw, text};
use crate::model::{Needs, OPEN, OVER_ALL_SOURCES, ROUTES, Route, STATES, State, stronger};

const ROLES: [Option<Role>; 4] = [
    None,
    Some(Role::Viewer),
    Some(Role::Exporter),
    Some(Role::Admin),
];

/// Calls that change something, or give something away.
const WRITES: [&str; 12] = [
    "exports.create",
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
];

#[test]
fn every_route_is_in_the_model() {
    let known: BTreeSet<&str> = ROUTES.iter().map(|route| route.key).collect();
    let functions = [request_export::ROUTES, download_export::ROUTES].concat();
    let closed = functions
        .into_iter()
        .filter(|key| !OPEN.contains(key) && *key != OVER_ALL_SOURCES)
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

struct Cell<'a> {
    route: &'a Route,
    user: &'a str,
    place: (&'a str, &'a str),
    role: Option<Role>,
    own: bool,
    state: State,
}

/// What was seen of all cells.
#[derive(Default)]
struct Seen {
    cells: u32,
    by_status: BTreeMap<u16, u32>,
    /// The whole answers of all 404s.
    absent: BTreeSet<String>,
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
        let path = path(cell.route, name, &id);
        let before = apps.world.plan.calls().len();
        let answer = apps.call(cell.route, &path, ("acme", cell.user)).await;
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
            assert_eq!(text(&answer), NOT_FOUND);
            self.absent.insert(raw(&answer));
            self.reads.entry(cell.route.key).or_default().insert(calls);
        }
        if cell.route.key.starts_with("DELETE /sources") && status == 204 {
            let put = ROUTES
                .iter()
                .find(|route| route.key.starts_with("PUT /sources"))
                .unwrap();
            assert_eq!(
                apps.call(put, &path, ("acme", "founder")).await.status(),
                200
            );
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
                for place in PLACES {
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
                            let cell = Cell {
                                route,
                                user: &user,
                                place,
                                role: role_at(place, home, every),
                                own,
                                state: *state,
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
        reads,
    } = seen;
    assert!(cells > 3_000, "{cells}");
    for status in [200, 202, 204, 303, 403, 404, 409, 410] {
        assert!(by_status[&status] > 5, "{by_status:?}");
    }
    assert_eq!(
        absent.len(),
        1,
        "all that is not there looks the same: {absent:#?}"
    );
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
            let path = path(route, "home-insurance", &id);
            let answer = apps.call(route, &path, (of, user)).await;
            let status = answer.status().as_u16();
            assert!(
                matches!(status, 401 | 404),
                "{of:?}/{user:?} {}: {status}",
                route.key
            );
        }
        let list = apps.call(&ROUTES[0], "/sources", (of, user)).await;
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
            let answer = apps
                .call(route, &path(route, name, name), ("acme", "founder"))
                .await;
            assert_eq!(
                (answer.status().as_u16(), text(&answer)),
                (404, NOT_FOUND),
                "{} {name}",
                route.key
            );
        }
    }
}
