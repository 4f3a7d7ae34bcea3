use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;

use super::*;

const STACK: &str = r#"<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <DescribeStacksResult><Stacks><member>
    <StackName>exports</StackName>
    <Parameters><member><ParameterKey>Retention</ParameterKey><ParameterValue>7d</ParameterValue></member></Parameters>
    <Outputs>
      <member><Description>Where.</Description><OutputKey>ApiUrl</OutputKey><OutputValue>https://x.example</OutputValue></member>
      <member><OutputKey>LeadsTable</OutputKey><OutputValue>leads-1</OutputValue></member>
      <member><OutputKey>SourcesTable</OutputKey><OutputValue>sources-1</OutputValue></member>
      <member><OutputKey>ExportsTable</OutputKey><OutputValue>exports-1</OutputValue></member>
      <member><OutputKey>AuditTable</OutputKey><OutputValue>audit-1</OutputValue></member>
      <member><OutputKey>FilesBucket</OutputKey><OutputValue>files-1</OutputValue></member>
      <member><OutputKey>ExportsQueueUrl</OutputKey><OutputValue>https://sqs.example/1?a=1&amp;b=2</OutputValue></member>
    </Outputs>
  </member></Stacks></DescribeStacksResult></DescribeStacksResponse>"#;

const ABSENT: &str = r#"<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>
  <Code>ValidationError</Code><Message>Stack with id exports does not exist</Message></Error><RequestId>r</RequestId></ErrorResponse>"#;

/// What came: its headers and its body.
type Calls = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A CloudFormation that always gives this answer.
async fn cloud_formation(status: u16, answer: &'static str) -> (String, Calls) {
    let calls = Calls::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let take = async move |State(calls): State<Calls>, headers: HeaderMap, body: String| {
        calls.lock().unwrap().push((headers, body));
        (StatusCode::from_u16(status).unwrap(), answer)
    };
    let routes = Router::new()
        .route("/", post(take))
        .with_state(Arc::clone(&calls));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, calls)
}

fn env(url: &str, more: &[(&str, &str)]) -> Env {
    let mut variables = vec![("HOME", "/home/op"), ("AWS_ENDPOINT_URL", url)];
    variables.extend(more);
    Env::from_slice(&variables)
}

const KEYS: [(&str, &str); 3] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKID"),
    ("AWS_SECRET_ACCESS_KEY", "hidden"),
];

#[tokio::test]
async fn a_stack_is_found_by_its_outputs_with_a_signed_call() {
    let (url, calls) = cloud_formation(200, STACK).await;
    let keys = [KEYS.as_slice(), &[("AWS_SESSION_TOKEN", "session")]].concat();
    let found = Deployed::find_in("exports", &env(&url, &keys), &Fs::from_slice(&[]))
        .await
        .unwrap();
    assert_eq!(
        (found.tables.leads.as_str(), found.tables.audit.as_str()),
        ("leads-1", "audit-1")
    );
    assert_eq!(found.bucket, "files-1");
    assert_eq!(found.queue_url, "https://sqs.example/1?a=1&b=2");
    let calls = calls.lock().unwrap();
    let (headers, body) = &calls[0];
    assert_eq!(
        body,
        "Action=DescribeStacks&Version=2010-05-15&StackName=exports"
    );
    let signature = headers["authorization"].to_str().unwrap();
    assert!(
        signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")
            && signature.contains("/eu-central-1/cloudformation/aws4_request")
            && signature.contains("content-type;host;x-amz-date"),
        "{signature}"
    );
    assert_eq!(headers["x-amz-security-token"], "session");
}

#[tokio::test]
async fn keys_come_from_a_profile_where_the_environment_has_none() {
    let (url, calls) = cloud_formation(200, STACK).await;
    let fs = Fs::from_map(
        [
            (
                "/home/op/.aws/config",
                "[default]\nregion = us-west-2\n[profile prod]\nregion = eu-west-1\n",
            ),
            (
                "/home/op/.aws/credentials",
                "[default]\naws_access_key_id = A\naws_secret_access_key = S\n[prod]\naws_access_key_id = P\naws_secret_access_key = S\n",
            ),
        ]
        .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
        .into(),
    );
    for (more, expected) in [
        (&[][..], "Credential=A/"),
        (&[("AWS_PROFILE", "prod")][..], "Credential=P/"),
        // Keys belong together: half a pair in the environment is none.
        (&[("AWS_ACCESS_KEY_ID", "X")][..], "Credential=A/"),
        (&KEYS[..], "Credential=AKID/"),
    ] {
        let env = env(&url, more);
        Deployed::find_in("exports", &env, &fs).await.unwrap();
        let calls = calls.lock().unwrap();
        let signature = calls.last().unwrap().0["authorization"].to_str().unwrap();
        assert!(signature.contains(expected), "{expected}: {signature}");
    }
}

#[tokio::test]
async fn what_cannot_be_found_is_one_sentence() {
    let no_files = Fs::from_slice(&[]);
    let find = async |status: u16, answer: &'static str, keys: &[(&str, &str)]| {
        let (url, _) = cloud_formation(status, answer).await;
        match Deployed::find_in("exports", &env(&url, keys), &no_files).await {
            Ok(_) => panic!("found"),
            Err(error) => format!("{error:#}"),
        }
    };
    for (status, answer, keys, expected) in [
        (
            400,
            ABSENT,
            &KEYS[..],
            "eu-central-1: Stack with id exports does not exist",
        ),
        (
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
            &KEYS[..],
            "CloudFormation refuses (AccessDenied): no",
        ),
        (500, "<html>", &KEYS[..], "CloudFormation answered 500"),
        (200, "not xml", &KEYS[..], "cannot be read"),
        (
            200,
            "<DescribeStacksResponse/>",
            &KEYS[..],
            "is not there in eu-central-1",
        ),
        (
            200,
            "<R><DescribeStacksResult><Stacks><member/></Stacks></DescribeStacksResult></R>",
            &KEYS[..],
            "the stack exports has no output LeadsTable",
        ),
        (200, STACK, &KEYS[1..], "set AWS_REGION"),
        (200, STACK, &KEYS[..1], "aws configure export-credentials"),
    ] {
        let error = find(status, answer, keys).await;
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}

#[test]
fn names_of_stacks_follow_their_rule() {
    for good in [
        "lead-export",
        "A1",
        "arn:aws:cloudformation:eu-central-1:1:stack/x/y",
    ] {
        assert!(stack_name(good).is_ok(), "{good}");
    }
    for bad in ["", "1a", "a b", "a&b", "a/b"] {
        assert!(stack_name(bad).is_err(), "{bad}");
    }
}
