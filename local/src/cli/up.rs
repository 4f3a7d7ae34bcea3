//! `up`.

use anyhow::Context as _;
use clap::Args;
use lead_export_aws::config::Config;
use tokio::signal::unix::{SignalKind, signal};

use super::{Who, output, session};
use crate::connection::StackFile;
use crate::stack::{Settings, Stack, StackOptions};

/// `up`: starts everything.
#[derive(Debug, Args)]
#[command(
    after_help = "The environment may set RETENTION (7d), DOWNLOAD_TTL (5m), MAX_ACTIVE_EXPORTS (20), DAILY_VOLUME (0: off), SLICE (300s), READ_CONSISTENCY (strong), READ_UNITS (0: as many as there are) and MAIL_FROM (exports@lead-export.example; empty for no mails).\n\nExample:\n  lead-export up --port 4000 --fresh"
)]
pub(super) struct Up {
    /// The API's port; DynamoDB, S3, SQS and EventBridge with SES take the four behind it. 0: any free ones.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Deletes the data first.
    #[arg(long)]
    fresh: bool,
    /// Sample leads made at the first start; 0 for no demo.
    #[arg(long, default_value_t = 1000)]
    leads: usize,
}

pub(super) async fn run(who: &Who, args: &Up) -> anyhow::Result<()> {
    // Asked for before the start, so that an early Ctrl-C is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let settings = Settings::from_fn(|name| std::env::var(name).ok());
    check(&settings)?;
    let options = StackOptions {
        port: args.port,
        fresh: args.fresh,
        leads: args.leads,
        settings,
        ..StackOptions::new(&who.data)
    };
    let stack = Stack::start(options).await?;
    let file = stack.file().clone();
    output::note(&welcome(who, &file));
    let ready = output::print(&format!("ready {}", file.url));
    if ready.is_ok() {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        session::tell("stopping …");
    }
    stack
        .stop()
        .await
        .context("the system did not stop as it should")?;
    ready
}

/// Finds out now what every function would find out at its start.
fn check(settings: &Settings) -> anyhow::Result<()> {
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let config: Config = settings.iter().map(own).collect();
    config.retention()?;
    config.download_ttl()?;
    config.max_active_exports()?;
    config.daily_volume()?;
    config.slice()?;
    config.reads_consistently()?;
    config.read_units()?;
    config.mail_from()?;
    Ok(())
}

/// What a newcomer wants to know.
fn welcome(who: &Who, file: &StackFile) -> String {
    let StackFile {
        url,
        dynamodb,
        s3,
        sqs,
        events,
        access_key,
        secret_key,
        region,
        bucket,
        ..
    } = file;
    let data = match who.data.to_str() {
        Some(".local") | None => String::new(),
        Some(data) => format!(" --data {}", session::quoted(data)),
    };
    let program = session::program();
    format!(
        "\
Page    {url}/
Users   alice (exporter), vera (viewer) and adam (admin) of acme; gina (exporter) of globex
API     {url}
        curl -H \"Authorization: Bearer $({program} token --user alice{data})\" {url}/sources
AWS     DynamoDB {dynamodb}   S3 {s3}   SQS {sqs}   EventBridge, SES {events}
        AWS_ACCESS_KEY_ID={access_key} AWS_SECRET_ACCESS_KEY={secret_key} AWS_REGION={region} \\
          aws --endpoint-url {s3} s3 ls s3://{bucket} --recursive
Outbox  {url}/local/outbox   events told and mails sent
A CSV   {program} export --source home-insurance --status active -o leads.csv{data}
        {program} import leads.csv --source mine{data}
        {program} export --source mine -o mine.csv{data}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_settings_are_found_before_the_start() {
        assert!(check(&Settings::default()).is_ok());
        for (name, value) in [
            ("RETENTION", "soon"),
            ("DOWNLOAD_TTL", "1y"),
            ("MAX_ACTIVE_EXPORTS", "-1"),
            ("DAILY_VOLUME", "-1"),
            ("SLICE", ""),
            ("READ_CONSISTENCY", "weak"),
            ("READ_UNITS", "all"),
            ("MAIL_FROM", "me"),
        ] {
            let error = check(&Settings::default().with(name, value)).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn parameters_are_those_of_the_contract_and_the_environment_sets_each() {
        let of = |settings: &Settings, name: &str| {
            let mut all = settings.iter();
            all.find(|(known, _)| *known == name)
                .map(|(_, value)| value.to_owned())
        };
        for (name, default) in [
            ("RETENTION", "7d"),
            ("DOWNLOAD_TTL", "5m"),
            ("MAX_ACTIVE_EXPORTS", "20"),
            ("SLICE", "300s"),
            ("READ_CONSISTENCY", "strong"),
        ] {
            let unset = Settings::from_fn(|_| None);
            assert_eq!(of(&unset, name).as_deref(), Some(default), "{name}");
            let set = Settings::from_fn(|asked| (asked == name).then(|| "1m".to_owned()));
            assert_eq!(of(&set, name).as_deref(), Some("1m"), "{name}");
        }
    }

    #[test]
    fn welcome_names_what_a_newcomer_wants() {
        let who = Who {
            data: "/tmp/x".into(),
            org: lead_export_core::lead::OrgId::parse("acme").unwrap(),
            user: "alice".into(),
            color: output::Colour::default(),
            named: super::super::Named::default(),
        };
        let text = welcome(
            &who,
            &crate::cli::tests::stack_file("http://127.0.0.1:3000"),
        );
        for word in [
            "http://127.0.0.1:3000/",
            "alice",
            "gina",
            "http://dynamodb",
            "http://s3",
            "http://sqs",
            "http://events",
            "/local/outbox",
            "aws --endpoint-url",
            "export --source home-insurance",
            "--data /tmp/x",
        ] {
            assert!(text.contains(word), "{word}\n{text}");
        }
    }
}
