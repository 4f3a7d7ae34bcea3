//! TM02: random callers, objects and routes, grants that come and go; each answer against the table.

use std::collections::BTreeMap;

use lead_export_core::access::Role;

use crate::apps::{Apps, SOURCES, marked};
use crate::cases;
use crate::dice::Dice;
use crate::http_api::text;
use crate::model::{Needs, OPERATION, ROUTES, Route, STATES, State, rank, stronger};

const USERS: [&str; 5] = ["alice", "bob", "vera", "adam", "gina"];
/// Calls after which a new world is made: records pile up.
const PER_WORLD: u32 = 400;

/// The grants of the model: organization, user, source or all.
type Grants = BTreeMap<(&'static str, &'static str, Option<&'static str>), Role>;

struct Round {
    apps: Apps,
    grants: Grants,
    /// Exports: organization, source, requester, state, id.
    exports: Vec<(&'static str, &'static str, &'static str, State, String)>,
}

impl Round {
    async fn new(dice: &mut Dice) -> Self {
        let mut round = Self {
            apps: Apps::plain().await,
            grants: Grants::new(),
            exports: Vec::new(),
        };
        // What the world of all handlers grants is taken back: the model knows nothing of it.
        for of in ["acme", "globex"] {
            for user in USERS {
                for place in [None, Some("home-insurance"), Some("solar")] {
                    round.apps.grant(of, user, place, None);
                }
            }
        }
        for _ in 0..12 {
            round.turn_a_grant(dice);
        }
        for _ in 0..40 {
            let (of, name) = *dice.pick(&SOURCES);
            let (user, state) = (*dice.pick(&USERS), *dice.pick(&STATES));
            let id = round.apps.put(of, name, user, state).await.to_string();
            round.exports.push((of, name, user, state, id));
        }
        round
    }

    fn turn_a_grant(&mut self, dice: &mut Dice) {
        let (of, name) = *dice.pick(&SOURCES);
        let (user, name) = (*dice.pick(&USERS), (dice.below(4) > 0).then_some(name));
        let role = *dice.pick(&[
            None,
            Some(Role::Viewer),
            Some(Role::Exporter),
            Some(Role::Admin),
        ]);
        self.apps.grant(of, user, name, role);
        match role {
            Some(role) => self.grants.insert((of, user, name), role),
            None => self.grants.remove(&(of, user, name)),
        };
    }

    fn role(&self, of: &'static str, user: &'static str, name: &'static str) -> Option<Role> {
        if !SOURCES.contains(&(of, name)) {
            return None;
        }
        let grant = |place| self.grants.get(&(of, user, place)).copied();
        stronger(grant(Some(name)), grant(None))
    }

    /// The leads that an answer to this user holds.
    fn leads(
        &self,
        route: &Route,
        of: &'static str,
        user: &'static str,
        name: &str,
    ) -> Vec<String> {
        let mut leads: Vec<String> = SOURCES
            .into_iter()
            .filter(|(its, known)| *its == of && (!route.is_of_source() || *known == name))
            .filter(|(_, known)| {
                let role = self.role(of, user, known);
                role.is_some_and(|role| rank(role) >= rank(Role::Exporter))
            })
            .map(|(of, name)| marked(of, name))
            .collect();
        leads.sort();
        leads
    }

    async fn call(&mut self, dice: &mut Dice) -> u16 {
        let route = dice.pick(ROUTES);
        let (of, user) = (*dice.pick(&["acme", "globex"]), *dice.pick(&USERS));
        let at = dice.below(self.exports.len());
        let (export_of, export_source, requester, state, id) = self.exports[at].clone();
        let (name, role, own) = if route.is_of_export() {
            let role = (export_of == of)
                .then(|| self.role(of, user, export_source))
                .flatten();
            (export_source, role, requester == user)
        } else {
            let name = dice.pick(&SOURCES).1;
            let role = match route.needs {
                Needs::Somewhere(_) => SOURCES
                    .into_iter()
                    .filter(|(its, _)| *its == of)
                    .fold(None, |most, (_, name)| {
                        stronger(most, self.role(of, user, name))
                    }),
                _ => self.role(of, user, name),
            };
            (name, role, true)
        };
        let answer = self.apps.call(route, (name, &id), (of, user)).await;
        let status = answer.status().as_u16();
        let expected = route.status(role, own, state);
        // A preset that an earlier call has deleted is absent for everybody.
        let deleted = route.key.ends_with("/presets/{name}") && expected < 300 && status == 404;
        assert!(
            status == expected || deleted,
            "{of}/{user} ({role:?}, own {own}) {} {name} {id} {state:?}: {status}, not {expected}",
            route.key
        );
        if status == 404 {
            assert_eq!(text(&answer), route.absent());
        }
        if route.key == OPERATION && status == 200 {
            let mut lines: Vec<&str> = text(&answer).lines().skip(1).collect();
            lines.sort_unstable();
            assert_eq!(lines, self.leads(route, of, user, name));
        }
        if route.key == "GET /sources" {
            let shown = crate::http_api::body(&answer);
            for source in shown["sources"].as_array().unwrap() {
                let name = source["source_id"].as_str().unwrap();
                let (_, known) = SOURCES.iter().find(|known| **known == (of, name)).unwrap();
                let role = self.role(of, user, known).unwrap();
                assert_eq!(source["role"], role.as_str());
            }
        }
        if route.key == "DELETE /exports/{id}" && status == 200 {
            // It has moved on; another takes its place.
            let state = *dice.pick(&STATES);
            let id = self
                .apps
                .put(export_of, export_source, requester, state)
                .await;
            self.exports[at].3 = state;
            self.exports[at].4 = id.to_string();
        }
        status
    }
}

#[tokio::test]
async fn random_callers_get_what_the_model_says() {
    let mut dice = Dice(2);
    let mut by_status = BTreeMap::<u16, u32>::new();
    let all = cases(50_000);
    let mut round = Round::new(&mut dice).await;
    for number in 0..all {
        if number % PER_WORLD == PER_WORLD - 1 {
            round = Round::new(&mut dice).await;
        }
        if dice.below(8) == 0 {
            round.turn_a_grant(&mut dice);
        }
        *by_status.entry(round.call(&mut dice).await).or_default() += 1;
    }
    println!("{all} calls: {by_status:?}");
    for status in [200, 202, 204, 303, 403, 404, 409, 410] {
        assert!(by_status[&status] > 50, "{by_status:?}");
    }
}
