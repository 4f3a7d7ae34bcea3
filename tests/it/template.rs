//! `template.yaml` and the code, held together: what one says, the other must mean.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, but not in their helpers

use std::collections::BTreeSet;
use std::time::Duration;

use lead_export_aws::config::duration;
use lead_export_aws::objects::object_key;
use lead_export_aws::tables::{self, Holds, KeyAttribute, TableDefinition};
use lead_export_core::limits;
use lead_export_core::ports::ObjectKey;
use lead_export_core::record::{ExportId, RunId};
use serde_json::{Value, json};
use uuid::Uuid;

mod environment;
mod events;
mod limits_table;
pub(crate) mod reading;
mod roles;
mod runbook;

use reading::{Template, listed};

/// What the crate of a function says of itself: its binary, the variables it reads, the routes it answers.
const FUNCTIONS: [(&str, &[&str], &[&str]); 4] = [
    (
        "request-export",
        request_export::VARIABLES,
        request_export::ROUTES,
    ),
    ("run-export", run_export::VARIABLES, &[]),
    (
        "download-export",
        download_export::VARIABLES,
        download_export::ROUTES,
    ),
    ("sweep-exports", sweep_exports::VARIABLES, &[]),
];

fn set<'a>(items: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs(value.as_u64().unwrap())
}

#[test]
fn every_function_is_deployed() {
    let template = Template::load();
    let folders = std::fs::read_dir(reading::root().join("functions")).unwrap();
    let folders: BTreeSet<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let functions = template.functions();
    assert_eq!(functions.keys().cloned().collect::<BTreeSet<_>>(), folders);
    assert_eq!(set(FUNCTIONS.map(|(binary, ..)| binary)), folders);
    for (binary, name) in functions {
        let function = template.properties(name);
        // cargo-lambda calls every binary so, and the runtime looks for it.
        assert_eq!(function["Handler"], "bootstrap", "{name}");
        assert_eq!(function["Runtime"], "provided.al2023", "{name}");
        // The workspace's default member is another: from its root cargo would not find the binary.
        assert_eq!(function["CodeUri"], format!("functions/{binary}"));
        let called = template.text(&function["FunctionName"]);
        assert_eq!(called, format!("AWS::StackName-{binary}"));
    }
}

#[test]
fn routes_are_those_that_functions_answer() {
    let template = Template::load();
    let functions = template.functions();
    let mut routes = BTreeSet::new();
    for name in template.of_type("AWS::ApiGatewayV2::Route") {
        let route = template.properties(name);
        let key = route["RouteKey"].as_str().unwrap();
        if download_export::OPEN_ROUTES.contains(&key) {
            assert_eq!(route["AuthorizationType"], "NONE", "{key}");
        } else {
            assert_eq!(route["AuthorizationType"], "JWT", "{key}");
            assert_eq!(route["AuthorizerId"], json!({ "Ref": "Authorizer" }));
            // The gateway checks the scope as well, where there is one.
            assert_eq!(
                route["AuthorizationScopes"],
                json!({ "Fn::If": ["HasScope", [{ "Ref": "RequiredScope" }], { "Ref": "AWS::NoValue" }] }),
                "{key}"
            );
        }
        let target = template.text(&route["Target"]);
        let integration = template.properties(target.strip_prefix("integrations/").unwrap());
        assert_eq!(integration["PayloadFormatVersion"], "2.0");
        let function = template.text(&integration["IntegrationUri"]);
        assert!(routes.insert((function, key.to_owned())), "{key} twice");
    }
    let answered: BTreeSet<_> = FUNCTIONS
        .iter()
        .flat_map(|(binary, _, routes)| {
            let function = functions[*binary].to_owned();
            routes
                .iter()
                .map(move |route| (function.clone(), (*route).to_owned()))
        })
        .chain(download_export::OPEN_ROUTES.iter().map(|route| {
            let function = functions["download-export"].to_owned();
            (function, (*route).to_owned())
        }))
        .collect();
    assert_eq!(routes, answered);
    let permitted: BTreeSet<_> = template
        .of_type("AWS::Lambda::Permission")
        .into_iter()
        .map(|name| template.text(&template.properties(name)["FunctionName"]))
        .collect();
    let called = routes.into_iter().map(|(function, _)| function).collect();
    assert_eq!(permitted, called);
}

#[test]
fn pages_of_other_origins_may_read_the_headers_of_the_contract() {
    let template = Template::load();
    let cors = &template.properties("Api")["CorsConfiguration"]["Fn::If"];
    assert_eq!(cors[0], "HasOrigins");
    assert_eq!(cors[1]["AllowOrigins"]["Ref"], "AllowedOrigins");
    let exposed = listed(&cors[1]["ExposeHeaders"]).iter();
    assert_eq!(
        exposed
            .map(|header| template.text(header))
            .collect::<BTreeSet<_>>(),
        set([
            "X-Export-Count",
            "Content-Disposition",
            "Location",
            "Retry-After",
            "Idempotency-Replayed",
            "X-Request-Id"
        ])
    );
    // A method that a route has and CORS has not would work everywhere but in a browser.
    let methods: BTreeSet<_> = FUNCTIONS
        .iter()
        .flat_map(|(_, _, routes)| routes.iter())
        .map(|route| route.split(' ').next().unwrap().to_owned())
        .collect();
    let allowed = listed(&cors[1]["AllowMethods"]).iter();
    assert_eq!(
        allowed
            .map(|method| template.text(method))
            .collect::<BTreeSet<_>>(),
        methods
    );
}

fn definitions(attributes: &[KeyAttribute]) -> BTreeSet<(String, String)> {
    let of = |attribute: &KeyAttribute| match attribute {
        KeyAttribute::Text(name) => ((*name).to_owned(), "S".to_owned()),
        KeyAttribute::Number(name) => ((*name).to_owned(), "N".to_owned()),
    };
    attributes.iter().map(of).collect()
}

fn schema(partition: KeyAttribute, sort: Option<KeyAttribute>) -> Value {
    let mut schema = vec![json!({ "AttributeName": partition.name(), "KeyType": "HASH" })];
    schema.extend(sort.map(|sort| json!({ "AttributeName": sort.name(), "KeyType": "RANGE" })));
    schema.into()
}

#[test]
fn tables_are_those_of_the_code() {
    let template = Template::load();
    let tables: [(&str, TableDefinition); 4] = [
        ("Leads", tables::LEADS),
        ("Sources", tables::SOURCES),
        ("Exports", tables::EXPORTS),
        ("Audit", tables::AUDIT),
    ];
    let mut all = template.of_type("AWS::DynamoDB::Table");
    all.sort_unstable();
    assert_eq!(all, ["Audit", "Exports", "Leads", "Sources"]);
    for (name, definition) in tables {
        let table = template.properties(name);
        let [partition, sort] = TableDefinition::KEY;
        assert_eq!(table["KeySchema"], schema(partition, Some(sort)), "{name}");
        let attributes = listed(&table["AttributeDefinitions"]).iter().map(|it| {
            let text = |member: &str| it[member].as_str().unwrap().to_owned();
            (text("AttributeName"), text("AttributeType"))
        });
        assert_eq!(
            attributes.collect::<BTreeSet<_>>(),
            definitions(&definition.key_attributes()),
            "{name}"
        );
        let indexes = definition.indexes.iter().map(|index| {
            json!({
                "IndexName": index.name,
                "KeySchema": schema(index.partition, index.sort),
                "Projection": match index.holds {
                    Holds::Keys => json!({ "ProjectionType": "KEYS_ONLY" }),
                    Holds::Also(attribute) =>
                        json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": [attribute] }),
                },
            })
        });
        let indexes: Vec<Value> = indexes.collect();
        let given = &table["GlobalSecondaryIndexes"];
        let given = given.as_array().cloned().unwrap_or_default();
        assert_eq!(given, indexes, "{name}");
        let expires = definition.expires_by.map_or(
            Value::Null,
            |attribute| json!({ "AttributeName": attribute, "Enabled": true }),
        );
        assert_eq!(table["TimeToLiveSpecification"], expires, "{name}");
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{name}");
        let recovery = &table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(recovery, true, "{name}");
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{name}");
    }
}

#[test]
fn objects_lie_where_roles_and_lifecycle_look() {
    let (export, run) = (ExportId(Uuid::from_u128(1)), RunId(Uuid::from_u128(2)));
    for (key, prefix) in [
        (ObjectKey::Piece(export, run, 0), "work/"),
        (ObjectKey::Tail(export, run), "work/"),
        (ObjectKey::File(export, run), "files/"),
    ] {
        assert!(object_key(key).starts_with(prefix), "{key:?}");
    }
    let template = Template::load();
    let bucket = template.properties("Files");
    let rules = listed(&bucket["LifecycleConfiguration"]["Rules"]);
    let rule = |prefix: &str| rules.iter().find(|rule| rule["Prefix"] == prefix).unwrap();
    assert_eq!(rule("work/")["ExpirationInDays"], 1);
    assert_eq!(
        rule("files/")["ExpirationInDays"],
        json!({ "Fn::FindInMap": ["Backstop", { "Ref": "Retention" }, "Days"] })
    );
    for retention in template.allowed("Retention") {
        // Lifecycle must not take a file that a record still promises.
        let days = template
            .mapped("Backstop", &retention, "Days")
            .as_u64()
            .unwrap();
        let kept = Duration::from_secs(days * 86_400);
        assert!(
            kept >= duration(&retention).unwrap() + Duration::from_hours(24),
            "{retention}"
        );
    }
    let uploads = rules.iter().find(|rule| rule["Prefix"].is_null()).unwrap();
    assert_eq!(
        uploads["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"],
        1
    );
    assert!(rules.iter().all(|rule| rule["Status"] == "Enabled"));
}

#[test]
fn numbers_fit_the_limits() {
    let template = Template::load();
    let run = template.properties("RunExport");
    let timeout = seconds(&run["Timeout"]);
    // An attempt at an upload may take as long again as what is kept free before the deadline.
    assert!(timeout >= limits::SLICE + 2 * limits::STOP_BEFORE_DEADLINE);
    assert!(timeout < limits::CLEAN_AFTER);
    assert_eq!(run["RecursiveLoop"], "Allow", "Q-5");

    let mapping = &run["Events"]["Hints"]["Properties"];
    assert_eq!(template.text(&mapping["Queue"]), "ExportsQueue");
    assert_eq!(mapping["BatchSize"], 1);
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    let concurrency = &mapping["ScalingConfig"]["MaximumConcurrency"];
    assert!(template.text(concurrency).parse::<u16>().unwrap() >= 2);
    let queue = template.properties("ExportsQueue");
    assert_eq!(seconds(&queue["VisibilityTimeout"]), 6 * timeout, "Q-1");
    assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], 8, "Q-1");
    let letters = &queue["RedrivePolicy"]["deadLetterTargetArn"];
    assert_eq!(template.text(letters), "DeadLetters");

    let sweep = template.properties("SweepExports");
    let mapping = &sweep["Events"]["GivenUp"]["Properties"];
    assert_eq!(template.text(&mapping["Queue"]), "DeadLetters");
    assert_eq!(
        mapping["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    let visible = seconds(&template.properties("DeadLetters")["VisibilityTimeout"]);
    assert_eq!(visible, 6 * seconds(&sweep["Timeout"]), "Q-1");
    let schedule = &sweep["Events"]["Minute"]["Properties"]["Schedule"];
    assert_eq!(schedule, "rate(1 minute)");
    assert_eq!(limits::SWEEP_BACKOFF, Duration::from_mins(1));
    // No answer is given after the gateway has given up.
    for name in ["RequestExport", "DownloadExport"] {
        let timeout = seconds(&template.properties(name)["Timeout"]);
        assert!(timeout < Duration::from_secs(30), "{name}");
    }

    let policy = template.properties("FilesPolicy");
    let old = &policy["PolicyDocument"]["Statement"][1]["Condition"]["NumericGreaterThan"];
    let age = template.text(&old["s3:signatureAge"]);
    assert_eq!(
        age,
        limits::DOWNLOAD_TTL_MAX.as_millis().to_string(),
        "TM11"
    );
}

/// TM25: the word that both functions log where a daily volume is met is counted, and the count rings the alarm.
#[test]
fn daily_volume_has_its_metric_and_alarm() {
    let template = Template::load();
    let alarm = template.properties("DailyVolumeAlarm");
    let mut watched = BTreeSet::new();
    for name in template.of_type("AWS::Logs::MetricFilter") {
        let filter = template.properties(name);
        if filter["FilterPattern"] != limits::DAILY_VOLUME_EVENT {
            continue;
        }
        let metric = &filter["MetricTransformations"][0];
        assert_eq!(metric["MetricName"], alarm["MetricName"], "{name}");
        assert_eq!(metric["MetricNamespace"], alarm["Namespace"], "{name}");
        assert_eq!(metric["MetricValue"], "1", "{name}");
        let logs = template.text(&filter["LogGroupName"]);
        let group = template.properties(&logs);
        watched.insert(template.text(&group["LogGroupName"]));
    }
    let logs = |function: &str| {
        let group = &template.properties(function)["LoggingConfig"]["LogGroup"];
        template.text(&template.properties(&template.text(group))["LogGroupName"])
    };
    let writers = BTreeSet::from([logs("RequestExport"), logs("RunExport")]);
    assert_eq!(watched, writers);
    assert_eq!(
        (&alarm["Threshold"], &alarm["ComparisonOperator"]),
        (&json!(0), &json!("GreaterThanThreshold"))
    );
}
