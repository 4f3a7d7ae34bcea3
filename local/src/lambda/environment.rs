//! The environment of a function's process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use super::FunctionSpec;

/// The region when the spec names none.
const REGION: &str = "us-east-1";

/// What the process may inherit. Not `HOME`: behind it lie the user's own AWS profiles, and an SDK would read them.
const INHERITED: [&str; 2] = ["PATH", "TMPDIR"];

/// The variables of one process: what Lambda defines
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>), and the spec's.
pub(super) fn variables(
    spec: &FunctionSpec,
    runtime_api: SocketAddr,
    log_stream: &str,
    inherited: impl Fn(&str) -> Option<OsString>,
) -> BTreeMap<String, OsString> {
    let mut variables: BTreeMap<String, OsString> = INHERITED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), inherited(name)?)))
        .collect();
    let region = region(spec);
    for (name, value) in [("TZ", ":UTC"), ("LANG", "en_US.UTF-8")] {
        variables.insert(name.to_owned(), value.into());
    }
    variables.extend(
        spec.env
            .iter()
            .map(|(name, value)| (name.clone(), value.into())),
    );
    let task_root = spec.command.parent().unwrap_or(Path::new(""));
    let identity: [(&str, OsString); 12] = [
        ("AWS_REGION", region.into()),
        ("AWS_DEFAULT_REGION", region.into()),
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string().into()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone().into()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            spec.memory_mb.to_string().into(),
        ),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", spec.name).into(),
        ),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.into()),
        ("_HANDLER", "bootstrap".into()),
        ("LAMBDA_TASK_ROOT", task_root.into()),
        ("LAMBDA_RUNTIME_DIR", task_root.into()),
    ];
    variables.extend(identity.map(|(name, value)| (name.to_owned(), value)));
    variables
}

/// The region a function lives in.
pub(super) fn region(spec: &FunctionSpec) -> &str {
    spec.env.get("AWS_REGION").map_or(REGION, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spec: &FunctionSpec) -> BTreeMap<String, OsString> {
        let parent = |name: &str| Some(OsString::from(format!("parent's {name}")));
        variables(
            spec,
            SocketAddr::from(([127, 0, 0, 1], 9001)),
            "stream",
            parent,
        )
    }

    #[test]
    fn nothing_but_path_and_tmpdir_is_inherited() {
        let variables = of(&FunctionSpec::new("f", "/opt/app/bootstrap"));
        let leaked: Vec<_> = variables
            .iter()
            .filter(|(_, value)| value.to_string_lossy().starts_with("parent's"))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(leaked, ["PATH", "TMPDIR"]);
        assert_eq!(variables["LAMBDA_TASK_ROOT"], "/opt/app");
        assert_eq!(variables["AWS_REGION"], "us-east-1");
    }

    #[test]
    fn spec_wins_over_defaults_but_not_over_identity() {
        let mut spec = FunctionSpec::new("f", "bootstrap");
        for name in [
            "AWS_REGION",
            "TZ",
            "PATH",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_RUNTIME_API",
        ] {
            spec.env.insert(name.to_owned(), "eu-west-1".to_owned());
        }
        let variables = of(&spec);
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "TZ", "PATH"] {
            assert_eq!(variables[name], "eu-west-1", "{name}");
        }
        assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "f");
        assert_eq!(variables["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:9001");
    }
}
