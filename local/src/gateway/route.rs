//! Which function a request is for.

use std::cmp::Ordering;

use anyhow::{Context as _, ensure};
use http::Method;
use percent_encoding::percent_decode_str;

/// The method of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteMethod {
    /// `ANY`: every method no more specific route takes.
    Any,
    /// This one. `GET` does not take `HEAD`.
    Only(Method),
}

/// One route of the API: what a template's `AWS::ApiGatewayV2::Route` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: RouteMethod,
    /// The path, such as `/sources/{source}/exports`; a last segment `{proxy+}` takes all that follows.
    pub path: String,
    /// The function's name.
    pub function: String,
    /// Whether it is reachable without a token.
    pub open: bool,
}

impl Route {
    /// Reads a route key, `GET /exports/{id}` or `ANY /{proxy+}`.
    ///
    /// # Errors
    /// There is no blank between method and path, or the method is none. The path is checked when the API is served.
    pub fn parse(key: &str, function: impl Into<String>, open: bool) -> anyhow::Result<Self> {
        let (method, path) = key
            .split_once(' ')
            .with_context(|| format!("the route key {key:?} is not METHOD /path"))?;
        let method = match method {
            "ANY" => RouteMethod::Any,
            method => RouteMethod::Only(
                method
                    .parse()
                    .with_context(|| format!("the route key {key:?} names no method"))?,
            ),
        };
        Ok(Self {
            method,
            path: path.to_owned(),
            function: function.into(),
            open,
        })
    }

    /// The route key, as events and templates spell it.
    pub fn key(&self) -> String {
        match &self.method {
            RouteMethod::Any => format!("ANY {}", self.path),
            RouteMethod::Only(method) => format!("{method} {}", self.path),
        }
    }
}

/// A segment of a route's path; the order is that of precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Variable(String),
    Greedy(String),
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Variable(_) => 1,
            Self::Greedy(_) => 2,
        }
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let Some(inner) = text.strip_prefix('{') else {
            ensure!(
                !text.contains(['{', '}']),
                "a brace in the middle of {text:?}"
            );
            return Ok(Self::Literal(text.to_owned()));
        };
        let name = inner
            .strip_suffix('}')
            .with_context(|| format!("the brace of {text:?} is not closed"))?;
        let (name, greedy) = name
            .strip_suffix('+')
            .map_or((name, false), |name| (name, true));
        ensure!(
            !name.is_empty() && !name.contains(['{', '}', '+']),
            "{text:?} names no variable"
        );
        Ok(if greedy {
            Self::Greedy(name.to_owned())
        } else {
            Self::Variable(name.to_owned())
        })
    }
}

#[derive(Debug)]
struct Entry {
    route: Route,
    segments: Vec<Segment>,
}

/// The routes of an API, checked.
#[derive(Debug)]
pub(super) struct Routes(Vec<Entry>);

/// The route of a request, and its path parameters in the path's order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match<'a> {
    pub(super) route: &'a Route,
    pub(super) parameters: Vec<(&'a str, String)>,
}

impl Routes {
    /// Checks the routes.
    ///
    /// # Errors
    /// A path does not begin with `/`, a variable is malformed or named twice, `{…+}` is not last, or two routes have
    /// one key but for the names of their variables.
    pub(super) fn new(routes: Vec<Route>) -> anyhow::Result<Self> {
        let mut entries: Vec<Entry> = Vec::with_capacity(routes.len());
        for route in routes {
            let segments = segments(&route.path)
                .with_context(|| format!("the route {} is malformed", route.key()))?;
            let twin = entries.iter().find(|entry| {
                entry.route.method == route.method
                    && entry.segments.len() == segments.len()
                    && entry.segments.iter().zip(&segments).all(|pair| match pair {
                        (Segment::Literal(a), Segment::Literal(b)) => a == b,
                        (a, b) => a.rank() == b.rank(),
                    })
            });
            if let Some(twin) = twin {
                anyhow::bail!("the routes {} and {} clash", twin.route.key(), route.key());
            }
            entries.push(Entry { route, segments });
        }
        Ok(Self(entries))
    }

    /// The most specific route for a decoded path: compared from the left a literal goes before a variable and that
    /// before a greedy one, then the method's own route before `ANY`
    /// ([routing](https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html)).
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Match<'_>> {
        let asked: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        self.0
            .iter()
            .filter(|entry| match &entry.route.method {
                RouteMethod::Any => true,
                RouteMethod::Only(only) => only == method,
            })
            .filter_map(|entry| Some((entry, entry.parameters(&asked)?)))
            .min_by(|(a, _), (b, _)| a.precedence(b))
            .map(|(entry, parameters)| Match {
                route: &entry.route,
                parameters,
            })
    }
}

impl Entry {
    fn precedence(&self, other: &Self) -> Ordering {
        let ranks = |entry: &Self| entry.segments.iter().map(Segment::rank).collect::<Vec<_>>();
        let any = |entry: &Self| entry.route.method == RouteMethod::Any;
        ranks(self)
            .cmp(&ranks(other))
            .then_with(|| any(self).cmp(&any(other)))
    }

    fn parameters(&self, asked: &[&str]) -> Option<Vec<(&str, String)>> {
        let mut parameters = Vec::new();
        let mut rest = asked;
        for segment in &self.segments {
            let (first, others) = rest.split_first()?;
            match segment {
                Segment::Literal(text) if text == first => {}
                Segment::Variable(name) if !first.is_empty() => {
                    parameters.push((name.as_str(), (*first).to_owned()));
                }
                Segment::Greedy(name) if rest != [""] => {
                    parameters.push((name.as_str(), rest.join("/")));
                    return Some(parameters);
                }
                _ => return None,
            }
            rest = others;
        }
        rest.is_empty().then_some(parameters)
    }
}

fn segments(path: &str) -> anyhow::Result<Vec<Segment>> {
    let path = path.strip_prefix('/').context("a path begins with /")?;
    let segments: Vec<_> = path
        .split('/')
        .map(Segment::parse)
        .collect::<anyhow::Result<_>>()?;
    let mut names = Vec::new();
    for (place, segment) in segments.iter().enumerate() {
        let name = match segment {
            Segment::Literal(_) => continue,
            Segment::Greedy(name) => {
                ensure!(place + 1 == segments.len(), "{{{name}+}} is not last");
                name
            }
            Segment::Variable(name) => name,
        };
        ensure!(!names.contains(&name), "{{{name}}} comes twice");
        names.push(name);
    }
    Ok(segments)
}

/// The path as an HTTP API gives it to functions, or `None` where it refuses the request.
///
/// It decodes twice, and cuts at a question mark between the two: captured from a live HTTP API
/// (`vokerhttp/testdata/ingress-paths.json` of github.com/hotsock/voker). That routes are matched on this decoded path,
/// and so that `%2F` parts segments, is inferred.
pub(super) fn decoded(path: &str) -> Option<String> {
    let once = unescaped(path)?;
    let path = once.split('?').next()?;
    unescaped(path)
}

/// Decodes percent escapes; `None` for a stray `%` or bytes that are not UTF-8.
fn unescaped(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        let escape = after.as_bytes().get(..2)?;
        if !escape.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        rest = after;
    }
    percent_decode_str(text)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> anyhow::Result<Routes> {
        Routes::new(
            keys.iter()
                .map(|key| Route::parse(key, "f", false).unwrap())
                .collect(),
        )
    }

    #[test]
    fn the_most_specific_route_wins() {
        // The table of the AWS page, and what it leaves open.
        let routes = routes(&[
            "ANY /{proxy+}",
            "GET /pets/{proxy+}",
            "GET /pets/dog/{id}",
            "GET /pets/dog/1",
            "ANY /pets/dog/{id}",
            "GET /",
            "GET /a/{x}/c",
            "GET /a/b/{y}",
        ])
        .unwrap();
        for (method, path, key) in [
            ("GET", "/pets/dog/1", "GET /pets/dog/1"),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
            ("PUT", "/pets/dog/1", "ANY /pets/dog/{id}"),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
            ("GET", "/pets/dog/1/2", "GET /pets/{proxy+}"),
            ("POST", "/test/5", "ANY /{proxy+}"),
            ("HEAD", "/pets/cat/1", "ANY /{proxy+}"),
            ("GET", "/pets/", "ANY /{proxy+}"),
            ("GET", "/", "GET /"),
            ("GET", "/a/b/c", "GET /a/b/{y}"),
        ] {
            let found = routes.find(&method.parse().unwrap(), path);
            assert_eq!(
                found.map(|found| found.route.key()).as_deref(),
                Some(key),
                "{method} {path}"
            );
        }
        assert_eq!(routes.find(&Method::POST, "/"), None);
    }

    #[test]
    fn a_route_takes_its_own_paths_and_methods_only() {
        let routes = routes(&["GET /sources", "GET /sources/{source}/exports"]).unwrap();
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/sources/"),
            ("GET", "/Sources"),
            ("GET", "/sources//exports"),
            ("GET", "/sources/s/exports/"),
            ("GET", "/sources/s"),
            ("HEAD", "/sources"),
            ("POST", "/sources"),
            ("GET", "*"),
        ] {
            assert_eq!(
                routes.find(&method.parse().unwrap(), path),
                None,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn parameters_are_the_variables_of_the_route() {
        let routes = routes(&["GET /s/{source}/presets/{name}", "GET /files/{rest+}"]).unwrap();
        let found = routes.find(&Method::GET, "/s/a b/presets/ü").unwrap();
        assert_eq!(
            found.parameters,
            [("source", "a b".to_owned()), ("name", "ü".to_owned())]
        );
        let found = routes.find(&Method::GET, "/files/x/y/").unwrap();
        assert_eq!(found.parameters, [("rest", "x/y/".to_owned())]);
    }

    #[test]
    fn malformed_routes_are_refused() {
        for keys in [
            &["GET sources"][..],
            &["GET /{a"],
            &["GET /{}"],
            &["GET /{+}"],
            &["GET /a{b}"],
            &["GET /{a+}/b"],
            &["GET /{a}/{a}"],
            &["GET /{a}", "GET /{b}"],
            &["ANY /a", "ANY /a"],
        ] {
            assert!(routes(keys).is_err(), "{keys:?}");
        }
        assert!(Route::parse("/sources", "f", true).is_err());
        assert!(Route::parse("G(ET /sources", "f", true).is_err());
    }

    #[test]
    fn paths_are_decoded_as_a_live_http_api_does() {
        for (sent, given) in [
            ("/capture/plain", Some("/capture/plain")),
            ("/capture/space%20value", Some("/capture/space value")),
            ("/capture/a+b", Some("/capture/a+b")),
            ("/capture/question%3Fvalue", Some("/capture/question")),
            ("/capture/percent%25done", None),
            ("/capture/hash%23value", Some("/capture/hash#value")),
            ("/capture/slash%2Fvalue", Some("/capture/slash/value")),
            ("/capture/%CE%BB-%E4%B8%96", Some("/capture/λ-世")),
            ("/capture/literal%252Fvalue", Some("/capture/literal/value")),
            ("/capture/literal%253Fvalue", Some("/capture/literal?value")),
            ("/capture/literal%2525value", Some("/capture/literal%value")),
            ("/capture/%", None),
            ("/capture/%4", None),
            ("/capture/%zz", None),
            ("/capture/%FF", None),
        ] {
            assert_eq!(decoded(sent).as_deref(), given, "{sent}");
        }
    }
}
