//! What functions read of their environment.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{ExitStatus, Stdio};

use lead_export_aws::config::{Config, duration};
use lead_export_core::limits;
use lead_export_core::volume::DailyVolume;
use lead_export_local::stack::{FUNCTION_COMMAND, Settings};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::reading::Template;
use super::{FUNCTIONS, set};

#[test]
fn functions_are_given_the_variables_they_read() {
    let template = Template::load();
    let functions = template.functions();
    for (binary, variables, _) in FUNCTIONS {
        let given: BTreeSet<_> = template
            .environment(functions[binary])
            .into_keys()
            .collect();
        assert_eq!(given, set(variables.iter().copied()), "{binary}");
    }
}

#[test]
fn defaults_of_parameters_are_those_of_the_code() {
    let template = Template::load();
    let all: BTreeMap<String, String> = template
        .functions()
        .into_values()
        .flat_map(|name| template.environment(name))
        .collect();
    let config = Config::from_iter(all);
    assert_eq!(config.retention().unwrap(), limits::RETENTION);
    assert_eq!(config.download_ttl().unwrap(), limits::DOWNLOAD_TTL);
    assert_eq!(
        config.max_active_exports().unwrap(),
        limits::MAX_ACTIVE_EXPORTS
    );
    let volume = DailyVolume::new(limits::DAILY_VOLUME);
    assert_eq!(config.daily_volume().unwrap(), volume);
    assert_eq!(config.slice().unwrap(), limits::SLICE);
    assert!(config.reads_consistently().unwrap());
    assert_eq!(config.read_units().unwrap(), None);
    let rules = config.claim_rules().unwrap();
    assert_eq!(rules.org_claim, "org_id");
    assert_eq!(
        (rules.single_org, rules.token_use, rules.required_scope),
        (None, None, None)
    );
    let telling = config.telling().unwrap();
    assert_eq!(
        (telling.bus.as_str(), telling.page_url.as_str()),
        ("default", "https://Api")
    );
    assert_eq!(telling.mail_from, None);
    for (name, resource) in [
        (config.leads_table(), "Leads"),
        (config.sources_table(), "Sources"),
        (config.exports_table(), "Exports"),
        (config.audit_table(), "Audit"),
        (config.files_bucket(), "Files"),
        (config.exports_queue_url(), "ExportsQueue"),
    ] {
        assert_eq!(name.unwrap(), resource);
    }
    for value in template.allowed("Retention") {
        assert!(duration(&value).is_some(), "{value}");
    }
    for value in template.allowed("ReadConsistency") {
        let config = Config::from_iter([("READ_CONSISTENCY", value)]);
        config.reads_consistently().unwrap();
    }
}

#[test]
fn local_stack_has_the_defaults_of_the_template() {
    let template = Template::load();
    let environments = template.functions().into_values();
    let all: BTreeMap<String, String> = environments
        .flat_map(|name| template.environment(name))
        .collect();
    let settings = Settings::default();
    let mut count = 0;
    for (name, value) in settings.iter() {
        if name == "MAIL_FROM" {
            // Here no mail leaves the machine, and one who tries it sees it in the outbox.
            assert_eq!(all[name], "");
            assert!(!value.is_empty());
        } else {
            assert_eq!(all.get(name).map(String::as_str), Some(value), "{name}");
        }
        count += 1;
    }
    // The others are names of resources, which each deployment draws, and the issuer, which each has.
    let named = |name: &&String| {
        !name.ends_with("_TABLE")
            && !name.starts_with("FILES_")
            && !name.ends_with("_URL")
            && *name != "JWT_ISSUER"
    };
    assert_eq!(count, all.keys().filter(named).count());
}

/// How a function's process began.
#[derive(Debug)]
enum Began {
    /// It asked for its first event.
    Ready,
    /// It ended, with these words.
    Ended(ExitStatus, String),
}

/// Starts a function with this environment and nothing else.
async fn start(function: &str, environment: &BTreeMap<String, String>) -> Began {
    let runtime_api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = runtime_api.local_addr().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stack-under-test"))
        .args([FUNCTION_COMMAND, function])
        .env_clear()
        .envs(environment)
        .envs([
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
            ("AWS_LAMBDA_RUNTIME_API", &address.to_string()),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // Held: a function ends with its stack, whose end it sees by this pipe's.
    let _stack = child.stdin.take();
    let mut words = child.stderr.take().unwrap();
    tokio::select! {
        asked = runtime_api.accept() => {
            asked.unwrap();
            Began::Ready
        }
        ended = child.wait() => {
            let mut said = String::new();
            words.read_to_string(&mut said).await.unwrap();
            Began::Ended(ended.unwrap(), said)
        }
    }
}

/// `VARIABLES` is written by hand: the functions themselves say whether it is true.
#[tokio::test]
async fn functions_start_with_these_variables_and_with_none_of_them_missing() {
    let template = Template::load();
    let functions = template.functions();
    for (binary, variables, _) in FUNCTIONS {
        let whole = template.environment(functions[binary]);
        let began = start(binary, &whole).await;
        assert!(matches!(began, Began::Ready), "{binary}: {began:?}");
        for variable in variables {
            let mut without = whole.clone();
            without.remove(*variable).unwrap();
            match start(binary, &without).await {
                Began::Ended(status, said) => {
                    assert!(!status.success(), "{binary} without {variable}");
                    let missing = format!("the environment variable {variable} is not set");
                    assert!(said.contains(&missing), "{binary}: {said}");
                }
                Began::Ready => panic!("{binary} does not read {variable}"),
            }
        }
    }
}
