//! `events/*.json`, the inputs for `sam local invoke`: what the functions they are for read.

use std::collections::BTreeMap;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::SqsEvent;
use lambda_http::request::from_str;
use lead_export_aws::http::{Call, ClaimRules};
use lead_export_aws::queue::parse_hint;
use serde_json::Value;

use super::reading::{Template, root};

fn text(name: &str) -> String {
    std::fs::read_to_string(root().join("events").join(name)).unwrap()
}

/// The events of the API: the file, and the function it is for.
fn calls() -> BTreeMap<String, String> {
    let others = [
        "run-export.json",
        "sweep-exports.json",
        "sweep-exports-given-up.json",
    ];
    let files = std::fs::read_dir(root().join("events")).unwrap();
    files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !others.contains(&name.as_str()) && !name.ends_with(".schema.json"))
        .map(|name| (name.clone(), text(&name)))
        .collect()
}

#[test]
fn events_of_the_api_are_calls_of_its_routes() {
    let template = Template::load();
    let routes: Vec<String> = template
        .of_type("AWS::ApiGatewayV2::Route")
        .into_iter()
        .map(|name| template.text(&template.properties(name)["RouteKey"]))
        .collect();
    let rules = ClaimRules {
        org_claim: template.text(template.default_of("OrgClaim")),
        ..ClaimRules::default()
    };
    let calls = calls();
    assert!(calls.len() >= 5, "{calls:?}");
    for (file, text) in calls {
        let event: Value = serde_json::from_str(&text).unwrap();
        let route = event["routeKey"].as_str().unwrap();
        assert!(routes.iter().any(|known| known == route), "{file}: {route}");
        assert_eq!(event["requestContext"]["routeKey"], route, "{file}");
        assert!(
            event["headers"]["authorization"].is_null(),
            "{file} holds a token"
        );

        let call = Call::new(from_str(&text).unwrap());
        let (method, path) = route.split_once(' ').unwrap();
        assert_eq!(call.method.as_str(), method, "{file}");
        assert_eq!(call.path, event["rawPath"].as_str().unwrap(), "{file}");
        // The path with its variables' values is the request's.
        let parameters = event["pathParameters"].as_object();
        let filled = parameters
            .into_iter()
            .flatten()
            .fold(path.to_owned(), |path, (name, value)| {
                path.replace(&format!("{{{name}}}"), value.as_str().unwrap())
            });
        assert_eq!(call.path, filled, "{file}");
        let query = event["rawQueryString"].as_str().unwrap();
        let pairs: Vec<String> = call
            .query
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(pairs.join("&"), query, "{file}");
        let principal = call.principal(&rules).unwrap();
        assert_eq!(
            (principal.org.as_str(), principal.user.as_str()),
            ("acme", "alice"),
            "{file}"
        );
    }
}

#[test]
fn events_of_the_queues_are_hints() {
    for file in ["run-export.json", "sweep-exports-given-up.json"] {
        let event: SqsEvent = serde_json::from_str(&text(file)).unwrap();
        let [message] = &event.records[..] else {
            panic!("{file}: the mapping's batches hold one message");
        };
        let (org, _) = parse_hint(message.body.as_deref().unwrap()).unwrap();
        assert_eq!(org.as_str(), "acme");
        assert!(message.message_id.is_some());
    }
}

#[test]
fn event_of_the_schedule_is_one() {
    let event: EventBridgeEvent = serde_json::from_str(&text("sweep-exports.json")).unwrap();
    assert_eq!(event.detail_type, "Scheduled Event");
    assert_eq!(event.source, "aws.events");
}
