//! The job that all variants do: which leads, which columns, and where everything is.

use anyhow::Context as _;

/// The filter of the job, as a request has it: nine leads in ten.
pub const REQUEST: &str = r#"{"filters": {"status": ["active", "sold", "duplicate"], "custom": {"annual_income": {"min": 20000}}}}"#;
/// The states that the filter takes, in lower case.
pub const STATUS: [&str; 3] = ["active", "sold", "duplicate"];
/// The least income that the filter takes.
pub const INCOME: u64 = 20_000;
/// The last key that the filter lets through.
pub const LAST_KEY: &str = "2025";

/// The endpoint of a service from the environment, as the functions have it.
///
/// # Errors
/// The variable is not set.
pub fn endpoint(service: &str) -> anyhow::Result<String> {
    let name = format!("AWS_ENDPOINT_URL_{service}");
    std::env::var(&name).with_context(|| format!("{name} is not set"))
}

/// The number of leads from the command line.
///
/// # Errors
/// There is none, or it is no number.
pub fn leads() -> anyhow::Result<u64> {
    let text = std::env::args().nth(1).context("how many leads?")?;
    text.parse().context("that is no number of leads")
}
