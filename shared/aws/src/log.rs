//! A function's log: JSON lines, and nothing in them that is a lead's, a filter's, a token or a link (TM14).
//!
//! The SDK, its HTTP client and the Lambda runtime write whole bodies and headers at `debug` and `trace`. An operator who asks for
//! more (`AWS_LAMBDA_LOG_LEVEL`, set by the function's logging configuration, or `RUST_LOG`) gets more of this service's own lines;
//! what others may say is fixed here.

use std::panic::PanicHookInfo;

use lambda_http::tracing::subscriber::filter::{EnvFilter, LevelFilter};
use lambda_http::tracing::subscriber::fmt;

/// The crates whose lines are ours. Each keeps the rule of `CONTRIBUTING.md`: identifiers and counts alone.
const OURS: [&str; 6] = [
    "lead_export_core",
    "lead_export_aws",
    "request_export",
    "run_export",
    "download_export",
    "sweep_exports",
];

/// What all others may say, whatever is asked for.
const OTHERS: LevelFilter = LevelFilter::WARN;

/// Starts the log, and makes panics tell their place alone.
///
/// Called once, first thing in `main`.
pub fn start() {
    let asked = std::env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| std::env::var("RUST_LOG"));
    let filter = EnvFilter::new(directives(asked.ok().as_deref()));
    fmt()
        .json()
        .with_target(false)
        .without_time()
        .with_env_filter(filter)
        .init();
    std::panic::set_hook(Box::new(panicked));
    tracing::trace!("the log takes all lines of ours");
}

/// The filter for a level asked for: one of the five words. Anything else, such as directives of one's own, counts as `info`.
fn directives(asked: Option<&str>) -> String {
    let ours: LevelFilter = asked
        .map(str::trim)
        // The parser takes nothing for `error`.
        .filter(|level| !level.is_empty())
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let others = ours.min(OTHERS);
    let mut all = vec![
        others.to_string(),
        // Its span carries the invocation's id into every line.
        format!("lambda_runtime={}", ours.min(LevelFilter::INFO)),
        // Says in full what it could not read of an event.
        "lambda_runtime::layers::api_response=off".to_owned(),
    ];
    all.extend(OURS.iter().map(|name| format!("{name}={ours}")));
    all.join(",")
}

/// A panic's message may quote what it stumbled over; its place is enough to find it.
fn panicked(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    let place = place.as_deref().unwrap_or("an unknown place");
    tracing::error!(place, "panicked at {place}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn others_never_say_more_than_warnings() {
        for (asked, ours, runtime, others) in [
            (None, "info", "info", "warn"),
            (Some("trace"), "trace", "info", "warn"),
            (Some("TRACE"), "trace", "info", "warn"),
            (Some("DEBUG"), "debug", "info", "warn"),
            (Some("WARN"), "warn", "warn", "warn"),
            (Some("error"), "error", "error", "error"),
            (Some("off"), "off", "off", "off"),
            (Some("aws_smithy_runtime=trace"), "info", "info", "warn"),
            (Some("hyper=trace,warn"), "info", "info", "warn"),
            (Some(""), "info", "info", "warn"),
        ] {
            let directives = directives(asked);
            let parts: Vec<&str> = directives.split(',').collect();
            assert_eq!(parts[0], others, "{asked:?}");
            assert_eq!(parts[1], format!("lambda_runtime={runtime}"));
            assert_eq!(parts[2], "lambda_runtime::layers::api_response=off");
            assert_eq!(parts[3], format!("lead_export_core={ours}"));
            assert_eq!(parts.len(), 3 + OURS.len());
            // All of it is understood.
            let filter = EnvFilter::builder().parse(&directives).unwrap();
            assert_eq!(
                filter.to_string().split(',').count(),
                parts.len(),
                "{filter}"
            );
        }
    }

    /// In a process of its own, since log and hook are the process's.
    #[test]
    fn panic_and_chatter_tell_no_value() {
        if std::env::var_os("LOG_CHILD").is_some() {
            start();
            tracing::trace!(target: "aws_smithy_runtime::client", "canary body");
            tracing::debug!(target: "hyper::proto", "canary header");
            tracing::error!(target: "lambda_runtime::layers::api_response", "canary event");
            tracing::warn!(target: "aws_smithy_runtime", "a warning");
            let text = "canary é".to_owned();
            let caught = std::panic::catch_unwind(|| text[..8].to_owned());
            assert!(caught.is_err());
            return;
        }
        let run = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "log::tests::panic_and_chatter_tell_no_value",
            ])
            .envs([("LOG_CHILD", "1"), ("RUST_LOG", "trace")])
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap();
        assert!(run.status.success(), "{said}");
        assert!(!said.contains("canary"), "{said}");
        for wanted in [
            "the log takes all lines of ours",
            "a warning",
            "panicked at",
            "log.rs",
        ] {
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
    }
}
