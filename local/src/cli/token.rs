//! `token`.

use std::time::Duration;

use clap::Args;
use lead_export_aws::config::duration;

use super::{Who, output, session};
use crate::connection::StackFile;
use crate::stack::AUDIENCE;

/// `token`: prints a bearer token, nothing else.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  curl -H \"Authorization: Bearer $(lead-export token)\" http://127.0.0.1:3000/sources"
)]
pub(super) struct Token {
    /// How long it is good: a number with s, m, h or d.
    #[arg(long, default_value = "12h", value_parser = ttl)]
    ttl: Duration,
}

fn ttl(text: &str) -> Result<Duration, String> {
    let ttl = duration(text).filter(|ttl| !ttl.is_zero());
    ttl.ok_or_else(|| format!("'{text}' is no duration such as 90s, 30m, 12h or 7d"))
}

/// Where `up` listens unless told otherwise: the issuer of tokens made while nothing runs.
const URL: &str = "http://127.0.0.1:3000";

pub(super) fn run(who: &Who, token: &Token) -> anyhow::Result<()> {
    let running = StackFile::find(&who.data)?;
    let (issuer, audience) = match &running {
        Some(stack) => (stack.issuer.as_str(), stack.audience.as_str()),
        None => (URL, AUDIENCE),
    };
    output::print(&session::token(who, issuer, audience, token.ttl)?)
}
