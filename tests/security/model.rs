//! Who may do what, as a table: contract §1 and §3, written apart from the code.
//!
//! **A new route joins by one line of [`ROUTES`]**; `matrix::every_route_is_in_the_model` fails without it.

use lead_export_core::access::Role;
use lead_export_core::record::Status;

use crate::http_api::NOT_FOUND;

/// The function that a route leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Request,
    Download,
}

/// The least that a caller must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Anybody with a good token.
    Token,
    /// So much on the source that the path or body names, or that the export is of.
    Role(Role),
    /// So much on one source at least; what is answered is of all of those. It names none, so that none can be absent.
    Somewhere(Role),
    /// Exporter for what one requested oneself, admin for what others did.
    OwnOrAdmin,
}

/// What one who may is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    Always(u16),
    ByState(fn(State) -> u16),
}

/// What an export has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Is(Status),
    /// Completed, its file's time is over, and the sweeper has not come by.
    Overdue,
    /// Completed in the answer to its request.
    Inline,
}

pub(crate) const STATES: [State; 8] = [
    State::Is(Status::Pending),
    State::Is(Status::Processing),
    State::Is(Status::Completed),
    State::Is(Status::Failed),
    State::Is(Status::Cancelled),
    State::Is(Status::Expired),
    State::Overdue,
    State::Inline,
];

/// A route of the API that wants a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) key: &'static str,
    pub(crate) function: Function,
    pub(crate) needs: Needs,
    pub(crate) answer: Answer,
    /// A body that is accepted; `"{source}"` stands for a source's name.
    pub(crate) body: &'static str,
    /// Asked with `Prefer: respond-async`.
    pub(crate) later: bool,
}

/// Export to CSV, whose refusals have a form of their own (contract §6).
pub(crate) const OPERATION: &str = "POST /api/v1/operations/export";
/// The only body of its 404.
const ABSENT: &str =
    r#"{"error":{"code":"NOT_FOUND","message":"There is no such source, or you may not see it."}}"#;
/// A body for it over all sources, and one for the source named.
const ALL: &str = r#"{"selection":{"mode":"bulk","filters":{}},"exportFields":["name"]}"#;
const NAMED: &str =
    r#"{"selection":{"mode":"bulk","filters":{}},"exportFields":["name"],"source":"{source}"}"#;

const fn operation(needs: Needs, body: &'static str) -> Route {
    route(OPERATION, Request, needs, Always(200), body)
}

const fn later(body: &'static str) -> Route {
    Route {
        later: true,
        ..route(OPERATION, Request, EXPORTER, Always(202), body)
    }
}

const fn route(
    key: &'static str,
    function: Function,
    needs: Needs,
    answer: Answer,
    body: &'static str,
) -> Route {
    Route {
        key,
        function,
        needs,
        answer,
        body,
        later: false,
    }
}

use self::Answer::{Always, ByState};
use self::Function::{Download, Request};
use self::Needs::{OwnOrAdmin, Token};

const VIEWER: Needs = Needs::Role(Role::Viewer);
const EXPORTER: Needs = Needs::Role(Role::Exporter);

/// Every route: what it needs, what it answers, a body that is good.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    route("GET /sources",                             Download, Token,      Always(200),         ""),
    route("GET /sources/{source}/fields",             Download, VIEWER,     Always(200),         ""),
    route("GET /sources/{source}/exports",            Download, VIEWER,     Always(200),         ""),
    route("POST /sources/{source}/exports",           Request,  EXPORTER,   Always(202),         "{}"),
    route("POST /sources/{source}/exports/preview",   Request,  EXPORTER,   Always(200),         "{}"),
    route("GET /sources/{source}/usage",              Download, VIEWER,     Always(200),         ""),
    route("GET /sources/{source}/presets",            Download, VIEWER,     Always(200),         ""),
    route("GET /sources/{source}/presets/{name}",     Download, VIEWER,     Always(200),         ""),
    route("PUT /sources/{source}/presets/{name}",     Request,  EXPORTER,   Always(200),         "{}"),
    route("DELETE /sources/{source}/presets/{name}",  Request,  EXPORTER,   Always(204),         ""),
    route("GET /exports/{id}",                        Download, VIEWER,     Always(200),         ""),
    route("GET /exports/{id}/download",               Download, EXPORTER,   ByState(download),   ""),
    route("DELETE /exports/{id}",                     Download, OwnOrAdmin, Always(200),         ""),
    operation(Needs::Somewhere(Role::Exporter), ALL),
    operation(EXPORTER, NAMED),
    later(NAMED),
];

/// Routes that anybody may ask without a token: contract §3.
pub(crate) const OPEN: [&str; 4] = [
    "GET /",
    "GET /openapi.json",
    "GET /config.json",
    "GET /assets/{name}",
];

/// Contract §3: "Download while pending or processing …".
fn download(state: State) -> u16 {
    match state {
        State::Is(Status::Completed) => 303,
        State::Is(Status::Expired) | State::Overdue => 410,
        State::Is(_) | State::Inline => 409,
    }
}

impl Route {
    pub(crate) fn is_of_export(&self) -> bool {
        self.key.contains("{id}")
    }

    pub(crate) fn is_of_source(&self) -> bool {
        self.key.contains("{source}") || self.body.contains("{source}")
    }

    /// The only body of a 404.
    pub(crate) fn absent(&self) -> &'static str {
        if self.key == OPERATION {
            ABSENT
        } else {
            NOT_FOUND
        }
    }

    pub(crate) fn method(&self) -> &'static str {
        self.key.split_once(' ').unwrap().0
    }

    /// The status that a caller gets who has this role where the path or body leads – or, if it leads nowhere, at most anywhere in
    /// the organization; `own`: they requested the export themselves.
    pub(crate) fn status(&self, role: Option<Role>, own: bool, state: State) -> u16 {
        let least = match self.needs {
            Needs::Token => None,
            Needs::Somewhere(least) if role.is_none_or(|role| rank(role) < rank(least)) => {
                return 403;
            }
            Needs::Role(least) | Needs::Somewhere(least) => Some(least),
            Needs::OwnOrAdmin if own => Some(Role::Exporter),
            Needs::OwnOrAdmin => Some(Role::Admin),
        };
        match (least, role) {
            (Some(_), None) => 404,
            (Some(least), Some(role)) if rank(role) < rank(least) => 403,
            _ => match self.answer {
                Always(status) => status,
                ByState(of) => of(state),
            },
        }
    }
}

/// Not `Role`'s own order: that is what is tested.
pub(crate) fn rank(role: Role) -> u8 {
    match role {
        Role::Viewer => 1,
        Role::Exporter => 2,
        Role::Admin => 3,
    }
}

/// The stronger of the grant on a source and the one on `*`.
pub(crate) fn stronger(own: Option<Role>, every: Option<Role>) -> Option<Role> {
    match (own, every) {
        (Some(own), Some(every)) if rank(own) < rank(every) => Some(every),
        (Some(own), _) => Some(own),
        (None, every) => every,
    }
}
