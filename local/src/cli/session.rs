//! How a command reaches the system: the one that runs, one of its own, or a deployed one.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::Who;
use super::api::Api;
use super::output::note;
use crate::connection::StackFile;
use crate::identity::{Claims, Identity};
use crate::stack::{Stack, StackOptions};

/// How long a command's own token is good.
const TOKEN_TTL: Duration = Duration::from_hours(12);

/// A deployed service instead of this machine's.
#[derive(Debug, Clone, Args)]
pub(super) struct Remote {
    /// The address of a deployed service, instead of the system on this machine.
    #[arg(long, value_name = "URL", requires = "token", env = "LEAD_EXPORT_URL")]
    pub(super) url: Option<String>,
    /// The bearer token for it.
    #[arg(
        long,
        value_name = "TOKEN",
        requires = "url",
        env = "LEAD_EXPORT_TOKEN",
        hide_env_values = true
    )]
    pub(super) token: Option<String>,
}

/// Does something with the system that runs over this data, or else with one started for as long as it takes.
pub(super) async fn with_stack<T>(
    data: &Path,
    act: impl AsyncFnOnce(&StackFile) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    if let Some(running) = StackFile::find(data)? {
        return act(&running).await;
    }
    let stack = Stack::start(StackOptions::new(data)).await?;
    let done = act(stack.file()).await;
    let stopped = stack.stop().await;
    let done = done?;
    stopped.context("done, but the system did not stop as it should")?;
    Ok(done)
}

/// Does something through the API, as the user.
pub(super) async fn with_api<T>(
    who: &Who,
    remote: &Remote,
    act: impl AsyncFnOnce(&Api) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    if let (Some(url), Some(token)) = (&remote.url, &remote.token) {
        return act(&Api::deployed(url, token)?).await;
    }
    with_stack(&who.data, async |stack: &StackFile| {
        let token = token(who, &stack.issuer, &stack.audience, TOKEN_TTL)?;
        act(&Api::local(&stack.url, &token)?).await
    })
    .await
}

/// A token for the user, signed with the key in the data folder.
pub(super) fn token(
    who: &Who,
    issuer: &str,
    audience: &str,
    ttl: Duration,
) -> anyhow::Result<String> {
    let email = if who.user.contains('@') {
        who.user.clone()
    } else {
        format!("{}@example.com", who.user)
    };
    let claims = Claims {
        sub: who.user.clone(),
        org: Some(who.org.to_string()),
        email: Some(email),
        ..Claims::default()
    };
    Identity::open(&who.data)?.token(&claims, issuer, audience, jiff::Timestamp::now(), ttl)
}

/// How this program is called: from its sources, or by its name once it is installed.
pub(super) fn program() -> &'static str {
    let built = std::env::current_exe()
        .is_ok_and(|path| path.components().any(|part| part.as_os_str() == "target"));
    if built {
        "cargo run -q --"
    } else {
        "lead-export"
    }
}

/// A word as a shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Says how to run another command of this program, with the same data and user.
pub(super) fn again(who: &Who, remote: &Remote, command: &str) -> String {
    let mut words = vec![format!("{} {command}", program())];
    if let Some(url) = &remote.url {
        words.push(format!("--url {} --token …", quoted(url)));
        return words.join(" ");
    }
    if who.data != Path::new(".local") {
        words.push(format!("--data {}", quoted(&who.data.to_string_lossy())));
    }
    if who.org.as_str() != "acme" {
        words.push(format!("--org {}", quoted(who.org.as_str())));
    }
    if who.user != "alice" {
        words.push(format!("--user {}", quoted(&who.user)));
    }
    words.join(" ")
}

/// Tells a person who waits.
pub(super) fn tell(text: &str) {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        note(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_from_a_shell() {
        for (word, shown) in [
            ("leads.csv", "leads.csv"),
            ("my leads.csv", "'my leads.csv'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }

    #[test]
    fn a_command_to_paste_keeps_data_organization_and_user() {
        let who = Who {
            data: "my data".into(),
            org: lead_export_core::lead::OrgId::parse("globex").unwrap(),
            user: "gina o'hara".to_owned(),
            color: super::super::output::Colour::default(),
            named: super::super::Named::default(),
        };
        let mut remote = Remote {
            url: None,
            token: None,
        };
        let program = program();
        assert_eq!(
            again(&who, &remote, "list"),
            format!(r"{program} list --data 'my data' --org globex --user 'gina o'\''hara'")
        );
        remote.url = Some("https://x.example".to_owned());
        assert_eq!(
            again(&who, &remote, "list"),
            format!("{program} list --url https://x.example --token …")
        );
    }
}
