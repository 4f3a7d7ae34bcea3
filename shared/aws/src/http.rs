//! HTTP API events in, answers out: who calls, what for, and how answers look.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};
use lead_export_core::access::Principal;
use lead_export_core::lead::OrgId;
use lead_export_core::ports::StoreError;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::problem::Problem;
use crate::trace::{self, TraceId};

/// How the authorizer's claims are read: the template's parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimRules {
    /// The claim that names the organization.
    pub org_claim: String,
    /// The organization of every valid token, whatever it claims.
    pub single_org: Option<OrgId>,
    /// What the claim `token_use` must be.
    pub token_use: Option<String>,
    /// A scope that the token must hold.
    pub required_scope: Option<String>,
}

impl ClaimRules {
    /// Reads who calls. Anything missing or malformed is nobody (fail closed: TM01).
    pub fn principal(&self, claims: &HashMap<String, String>) -> Option<Principal> {
        let claim = |name: &str| {
            claims
                .get(name)
                .map(String::as_str)
                .filter(|value| is_single(value))
        };
        if let Some(wanted) = &self.token_use
            && claim("token_use") != Some(wanted)
        {
            return None;
        }
        if let Some(wanted) = &self.required_scope
            && !["scope", "scp"]
                .iter()
                .filter_map(|name| claims.get(*name))
                .any(|scopes| has_word(scopes, wanted))
        {
            return None;
        }
        let org = match &self.single_org {
            Some(org) => org.clone(),
            None => OrgId::parse(claim(&self.org_claim)?).ok()?,
        };
        Some(Principal {
            org,
            user: claim("sub")?.to_owned(),
            name: claim("email").or_else(|| claim("name")).map(str::to_owned),
            // Whoever may name any address to the provider must not have mails sent there: only a checked one counts, or one of a
            // provider that does not say (OpenID Connect Core 1.0 §5.1, `email_verified`).
            email: claim("email")
                .filter(|_| claims.get("email_verified").is_none_or(|it| it == "true"))
                .map(str::to_owned),
        })
    }
}

/// Whether a claim is one value: an HTTP API hands an array over as the text `[a b]`, which must not pass for a name.
fn is_single(value: &str) -> bool {
    !value.trim().is_empty()
        && !value.starts_with('[')
        && value.chars().count() <= 256
        && !value.chars().any(char::is_control)
}

/// Whether `word` is among the words of a claim that lists some: `a b` as OAuth writes scopes, or the array form `[a b]`. Half a
/// bracket is neither, so nothing is in it.
fn has_word(claim: &str, word: &str) -> bool {
    let inside = match claim.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']'),
        None if claim.ends_with(']') => None,
        None => Some(claim),
    };
    inside.is_some_and(|inside| inside.split(' ').any(|known| known == word))
}

/// A call of the API.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path as it came, without the stage.
    pub path: String,
    /// The path's parts, percent-decoded; a part that is not UTF-8 names nothing that exists.
    pub parts: Vec<String>,
    /// The query's parameters, decoded; a name that comes several times holds its values joined by commas.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// The gateway's name of the request.
    pub request_id: String,
    /// The claims that the authorizer has checked.
    pub claims: Option<HashMap<String, String>>,
}

impl Call {
    /// Takes the event apart.
    pub fn new(request: Request) -> Self {
        let (claims, request_id) = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                let jwt = context
                    .authorizer
                    .as_ref()
                    .and_then(|authorizer| authorizer.jwt.as_ref());
                (
                    jwt.map(|jwt| jwt.claims.clone()),
                    context.request_id.clone(),
                )
            }
            _ => (None, None),
        };
        let stage = request
            .request_context_ref()
            .and_then(|context| match context {
                RequestContext::ApiGatewayV2(context) => context.stage.clone(),
                _ => None,
            });
        let path = without_stage(request.raw_http_path(), stage.as_deref());
        let mut query: Vec<(String, String)> = Vec::new();
        for (name, value) in request
            .query_string_parameters_ref()
            .into_iter()
            .flat_map(|map| map.iter())
        {
            match query.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => {
                    values.push(',');
                    values.push_str(value);
                }
                None => query.push((name.to_owned(), value.to_owned())),
            }
        }
        query.sort();
        let parts = path
            .split('/')
            .skip(1)
            .map(|part| {
                percent_decode_str(part)
                    .decode_utf8()
                    .map_or_else(|_| "\u{FFFD}".to_owned(), Into::into)
            })
            .collect();
        let (head, body) = request.into_parts();
        let body = match body {
            Body::Text(text) => text.into_bytes(),
            Body::Binary(bytes) => bytes,
            _ => Vec::new(),
        };
        Self {
            method: head.method,
            path,
            parts,
            query,
            headers: head.headers,
            body,
            request_id: request_id.unwrap_or_default(),
            claims,
        }
    }

    /// Who calls.
    ///
    /// # Errors
    /// 401 if the event names nobody.
    pub fn principal(&self, rules: &ClaimRules) -> Result<Principal, Problem> {
        self.claims
            .as_ref()
            .and_then(|claims| rules.principal(claims))
            .ok_or_else(Problem::unauthorized)
    }

    /// The trace that API Gateway gave the call.
    pub fn trace(&self) -> Option<TraceId> {
        TraceId::parse(&self.header(&HeaderName::from_static(trace::CALL_HEADER))?)
    }

    /// A header's value, if it is there; one that comes several times holds its values joined by commas. What is not ASCII stays in
    /// it: a header that cannot be understood must be refused, not overlooked.
    pub fn header(&self, name: &HeaderName) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// The path's parts, to be matched.
    pub fn route(&self) -> Vec<&str> {
        self.parts.iter().map(String::as_str).collect()
    }
}

/// `rawPath` of a named stage begins with its name.
fn without_stage(path: &str, stage: Option<&str>) -> String {
    let stage = stage.filter(|stage| *stage != "$default");
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => path.to_owned(),
    }
}

/// An answer in JSON.
pub fn json(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = Response::new(Body::Text(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    answer
}

/// Ends a call: the answer, or the problem in its place; its cause is logged here, once; the request's id goes along.
pub fn finish(request_id: &str, result: Result<Response<Body>, Problem>) -> Response<Body> {
    let answer = match result {
        Ok(answer) => answer,
        Err(problem) => {
            if let Some(cause) = problem.cause() {
                log_failure(request_id, problem.status(), cause);
            }
            problem.answer(request_id)
        }
    };
    with_id(answer, request_id)
}

/// Logs what went wrong inside: once, where the call ends.
pub fn log_failure(request_id: &str, status: StatusCode, cause: &StoreError) {
    let source = std::error::Error::source(cause).map(chain);
    tracing::error!(
        request.id = request_id,
        status = status.as_u16(),
        store = cause.store,
        cause = source,
        "request {request_id} failed: {cause}"
    );
}

/// The answer with the request's id.
pub fn with_id(mut answer: Response<Body>, request_id: &str) -> Response<Body> {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        answer
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), id);
    }
    answer
}

/// An error and its causes in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> ClaimRules {
        ClaimRules {
            org_claim: "org_id".into(),
            ..ClaimRules::default()
        }
    }

    fn claims(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn claims_name_the_caller_or_nobody() {
        let good = claims(&[
            ("sub", "u-1"),
            ("org_id", "acme"),
            ("email", "a@b.c"),
            ("name", "Ann"),
        ]);
        let principal = rules().principal(&good).unwrap();
        assert_eq!(
            (
                principal.user.as_str(),
                principal.org.as_str(),
                principal.name.as_deref()
            ),
            ("u-1", "acme", Some("a@b.c"))
        );
        for (name, value) in [
            ("sub", ""),
            ("sub", "[u-1]"),
            ("org_id", "[acme globex]"),
            ("org_id", "[acme]"),
            ("org_id", "a#b"),
            ("org_id", " "),
            ("sub", "a\nb"),
        ] {
            let mut bad = good.clone();
            bad.insert(name.into(), value.into());
            assert!(rules().principal(&bad).is_none(), "{name}={value:?}");
        }
        for missing in ["sub", "org_id"] {
            let mut bad = good.clone();
            bad.remove(missing);
            assert!(rules().principal(&bad).is_none(), "{missing}");
        }
    }

    #[test]
    fn mails_go_to_no_address_that_nobody_has_checked() {
        let email = |verified: &[(&str, &str)]| {
            let base = [("sub", "u"), ("org_id", "o"), ("email", "a@b.c")];
            let principal = rules().principal(&claims(&[&base[..], verified].concat()));
            let principal = principal.unwrap();
            assert_eq!(principal.name.as_deref(), Some("a@b.c"), "still a name");
            principal.email
        };
        assert!(email(&[]).is_some());
        assert!(email(&[("email_verified", "true")]).is_some());
        for not in ["false", "", "1", "[true]"] {
            assert_eq!(email(&[("email_verified", not)]), None, "{not}");
        }
    }

    #[test]
    fn scope_and_use_are_checked_where_set() {
        let rules = ClaimRules {
            required_scope: Some("export".into()),
            token_use: Some("access".into()),
            ..rules()
        };
        let base = [("sub", "u"), ("org_id", "o")];
        let with = |more: &[(&str, &str)]| {
            rules
                .principal(&claims(&[&base[..], more].concat()))
                .is_some()
        };
        assert!(with(&[("token_use", "access"), ("scope", "read export")]));
        assert!(with(&[("token_use", "access"), ("scp", "[read export]")]));
        assert!(!with(&[("token_use", "access"), ("scope", "exports")]));
        assert!(!with(&[("token_use", "id"), ("scope", "export")]));
        assert!(!with(&[("scope", "export")]));
        assert!(!with(&[("token_use", "access")]));
        for half in ["[read export", "read export]", "[export", "export]"] {
            assert!(!with(&[("token_use", "access"), ("scope", half)]), "{half}");
        }
    }

    #[test]
    fn organization_is_the_claim_that_the_parameter_names() {
        let rules = ClaimRules {
            org_claim: "custom:tenant".into(),
            ..rules()
        };
        let org = |pairs: &[(&str, &str)]| {
            let principal = rules.principal(&claims(pairs));
            principal.map(|principal| principal.org.as_str().to_owned())
        };
        let both = [
            ("sub", "u"),
            ("custom:tenant", "acme"),
            ("org_id", "globex"),
        ];
        assert_eq!(org(&both).as_deref(), Some("acme"));
        assert_eq!(org(&[("sub", "u"), ("org_id", "globex")]), None);
    }

    #[test]
    fn single_org_takes_every_token() {
        let rules = ClaimRules {
            single_org: Some(OrgId::parse("only").unwrap()),
            ..rules()
        };
        assert_eq!(
            rules
                .principal(&claims(&[("sub", "u"), ("org_id", "other")]))
                .unwrap()
                .org
                .as_str(),
            "only"
        );
    }

    #[test]
    fn stages_are_no_part_of_the_path() {
        assert_eq!(without_stage("/prod/exports/1", Some("prod")), "/exports/1");
        assert_eq!(without_stage("/exports/1", Some("$default")), "/exports/1");
        assert_eq!(without_stage("/production", Some("prod")), "/production");
    }
}
