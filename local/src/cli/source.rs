//! `source` and `field`.

use anyhow::{bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use lead_export_core::access::{Grant, Role};
use lead_export_core::fields::{Attribute, CustomField, CustomKind, Source, key_of_header};
use lead_export_core::filter::zone;
use lead_export_core::lead::SourceId;
use lead_export_core::limits;
use serde_json::{Value, json};

use super::output::{Column, usage};
use super::stores::{Deployment, Stores, with_stores};
use super::{Who, output};
use crate::generate::plain_source;
use crate::import::TypeName;

/// Tries of a change that others come before.
const TRIES: u32 = 5;

/// `source`: makes and changes sources.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lead-export source set crm --name 'Customers' --time-zone Europe/Berlin --people on\n  lead-export source set crm --shards 16 --stack lead-export --org acme\n  lead-export source list"
)]
pub(super) struct SourceCommand {
    #[command(subcommand)]
    act: SourceAct,
}

#[derive(Debug, Subcommand)]
enum SourceAct {
    /// Makes a source, or changes one.
    #[command(
        after_help = "A source that is made gets --user as its admin. More shards take new leads alone: before your application follows, see OPERATING.md.\n\nExample:\n  lead-export source set crm --name 'Customers' --time-zone Europe/Berlin --people on"
    )]
    Set(Set),
    /// Lists the sources of the organization.
    #[command(after_help = "Example:\n  lead-export source list --org acme --json")]
    List(List),
}

#[derive(Debug, Args)]
struct Set {
    /// The source.
    #[arg(value_parser = super::source)]
    source: SourceId,
    /// What people read.
    #[arg(long, value_parser = words)]
    name: Option<String>,
    /// The zone in which days of filters are days, such as America/New_York.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Whether its leads have people and company fields.
    #[arg(long)]
    people: Option<Switch>,
    /// Key-shards for its leads; for a source that is there never fewer than before.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=i64::from(limits::SHARDS_MAX)))]
    shards: Option<u16>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Debug, Args)]
struct List {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

/// `field`: adds fields to a source.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lead-export field add --source crm --label 'Roof Type' --type dropdown --option tile --option slate"
)]
pub(super) struct FieldCommand {
    #[command(subcommand)]
    act: FieldAct,
}

#[derive(Debug, Subcommand)]
enum FieldAct {
    /// Adds a custom field or an attribute.
    #[command(
        after_help = "Keys are unique over all fields of a source. An attribute holds none, one or several values.\n\nExamples:\n  lead-export field add --source crm --label 'Roof Type' --type dropdown --option tile --option slate\n  lead-export field add --source crm --label Campaign --attribute"
    )]
    Add(Add),
}

#[derive(Debug, Args)]
struct Add {
    /// The source.
    #[arg(long, value_parser = super::source)]
    source: SourceId,
    /// What people read.
    #[arg(long, value_parser = words)]
    label: String,
    /// Its key; made of the label if not given.
    #[arg(long)]
    key: Option<String>,
    /// What it holds: text, number, date, dropdown or boolean.
    #[arg(long = "type", value_name = "TYPE", default_value = "text", value_parser = kind)]
    kind: CustomKind,
    /// A choice of a dropdown; give it for each.
    #[arg(long = "option", value_name = "CHOICE", value_parser = words)]
    options: Vec<String>,
    /// An attribute instead of a custom field.
    #[arg(long, conflicts_with_all = ["kind", "options"])]
    attribute: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

fn kind(text: &str) -> Result<CustomKind, String> {
    text.parse::<TypeName>().map(|name| name.0)
}

/// Something that people read, on one line.
fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("words on one line are wanted".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) async fn run(who: &Who, command: &SourceCommand) -> anyhow::Result<()> {
    match &command.act {
        SourceAct::Set(set) => run_set(who, set).await,
        SourceAct::List(list) => run_list(who, list).await,
    }
}

async fn run_set(who: &Who, args: &Set) -> anyhow::Result<()> {
    let time_zone = match &args.time_zone {
        None => None,
        Some(name) => match zone(name) {
            Some((_, name)) => Some(name),
            None => {
                return usage(format!(
                    "'{name}' is no IANA time zone such as Europe/Berlin"
                ));
            }
        },
    };
    let change = |source: &mut Source| {
        if let Some(name) = &args.name {
            source.name.clone_from(name);
        }
        if let Some(zone) = &time_zone {
            source.time_zone.clone_from(zone);
        }
        if let Some(people) = args.people {
            source.people = people == Switch::On;
        }
        if let Some(shards) = args.shards {
            source.shards = shards;
        }
    };
    let is_stack = args.deployment.stack.is_some();
    let (source, made) = with_stores(who, &args.deployment, async |stores: &Stores| {
        let sources = stores.sources();
        let mut made = plain_source(&who.org, &args.source, args.source.as_str(), "UTC");
        change(&mut made);
        if sources.get_source(&who.org, &args.source).await?.is_none() {
            if is_stack && !who.named.user {
                return usage("a source that is made gets an admin: name one with --user");
            }
            if sources.create_source(&made).await?.is_some() {
                let grant = Grant {
                    role: Role::Admin,
                    name: None,
                };
                let on = Some(&args.source);
                sources.put_grant(&who.org, &who.user, on, &grant).await?;
                return Ok((made, true));
            }
        }
        let source = update(who, stores, &args.source, |source| {
            // Leads stay where they lie, and a reader looks at so many shards as the source says.
            ensure!(
                args.shards.is_none_or(|shards| shards >= source.shards),
                "the source {} has {} shards: with fewer, leads would be out of sight",
                source.id,
                source.shards
            );
            change(source);
            Ok(())
        })
        .await?;
        Ok((source, false))
    })
    .await?;
    let done = if made { "made" } else { "set" };
    output::result(
        args.json,
        || view(&source),
        || format!("{done} the source {} of {}", source.id, source.org),
    )
}

/// Changes a source as it is now, however many others do so at the same time.
async fn update(
    who: &Who,
    stores: &Stores,
    id: &SourceId,
    change: impl Fn(&mut Source) -> anyhow::Result<()>,
) -> anyhow::Result<Source> {
    let sources = stores.sources();
    for _ in 0..TRIES {
        let Some((mut source, seen)) = sources.get_source(&who.org, id).await? else {
            bail!("the organization {} has no source '{id}'", who.org);
        };
        change(&mut source)?;
        if sources.update_source(&source, seen).await?.is_some() {
            return Ok(source);
        }
    }
    bail!("the source {id} is changed by others all the time")
}

/// A source as JSON.
fn view(source: &Source) -> Value {
    json!({
        "source_id": source.id,
        "name": source.name,
        "time_zone": source.time_zone,
        "people": source.people,
        "shards": source.shards,
        "lead_count": source.lead_count,
        "custom": source.custom,
        "attributes": source.attributes,
    })
}

async fn run_list(who: &Who, args: &List) -> anyhow::Result<()> {
    let sources = with_stores(who, &args.deployment, async |stores: &Stores| {
        Ok(stores.sources().list_sources(&who.org).await?)
    })
    .await?;
    let columns = [
        Column::Text("Source"),
        Column::Text("Name"),
        Column::Text("Time Zone"),
        Column::Text("People"),
        Column::Number("Leads"),
        Column::Number("Shards"),
    ];
    let row = |source: &Source| {
        let people = if source.people { "on" } else { "off" };
        vec![
            source.id.to_string(),
            source.name.clone(),
            source.time_zone.clone(),
            people.to_owned(),
            source
                .lead_count
                .map_or_else(String::new, output::thousands),
            source.shards.to_string(),
        ]
    };
    output::result(
        args.json,
        || json!({ "sources": sources.iter().map(view).collect::<Vec<_>>() }),
        || output::table(&columns, &sources.iter().map(row).collect::<Vec<_>>()),
    )
}

pub(super) async fn field(who: &Who, command: &FieldCommand) -> anyhow::Result<()> {
    let FieldAct::Add(args) = &command.act;
    let added = with_stores(who, &args.deployment, async |stores: &Stores| {
        let source = update(who, stores, &args.source, |source| add(source, args)).await?;
        let fields = source.fields();
        let key = key(args);
        let added = fields.into_iter().find(|field| field.key == key);
        added.ok_or_else(|| anyhow::anyhow!("the field '{key}' was taken away at once"))
    })
    .await?;
    output::result(
        args.json,
        || json!(added),
        || {
            format!(
                "added the field {} to the source {}",
                added.key, args.source
            )
        },
    )
}

fn key(args: &Add) -> String {
    let of_label = || key_of_header(&args.label, 1, |_| false);
    args.key.clone().unwrap_or_else(of_label)
}

fn add(source: &mut Source, args: &Add) -> anyhow::Result<()> {
    let (key, label) = (key(args), args.label.clone());
    if args.attribute {
        source.add_attribute(Attribute { key, label })?;
        return Ok(());
    }
    for (at, option) in args.options.iter().enumerate() {
        let lower = option.to_lowercase();
        let twice = args.options[..at]
            .iter()
            .any(|other| other.to_lowercase() == lower);
        ensure!(!twice, "the choice '{option}' is given twice");
    }
    source.add_custom(CustomField {
        key,
        label,
        kind: args.kind,
        options: args.options.clone(),
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lead_export_core::lead::OrgId;

    fn add_to(source: &mut Source, label: &str, options: &[&str]) -> Result<(), String> {
        let args = Add {
            source: source.id.clone(),
            label: label.to_owned(),
            key: None,
            kind: if options.is_empty() {
                CustomKind::Text
            } else {
                CustomKind::Dropdown
            },
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            attribute: false,
            json: false,
            deployment: Deployment { stack: None },
        };
        add(source, &args).map_err(|error| error.to_string())
    }

    #[test]
    fn clashes_are_refused_in_a_sentence() {
        let org = OrgId::parse("acme").unwrap();
        let id = SourceId::parse("crm").unwrap();
        let mut source = plain_source(&org, &id, "CRM", "UTC");
        assert_eq!(add_to(&mut source, "Roof Type", &["tile", "slate"]), Ok(()));
        for (label, options, why) in [
            ("roof type", &[][..], "the key 'roof_type' is taken"),
            ("E-mail", &[], ""),
            ("Email", &[], "the key 'email' is taken"),
            ("Colour", &["Red", "red"], "the choice 'red' is given twice"),
        ] {
            let refused = add_to(&mut source, label, options);
            assert_eq!(refused.is_err(), !why.is_empty(), "{label}: {refused:?}");
            if let Err(sentence) = refused {
                assert!(sentence.contains(why), "{sentence}");
            }
        }
        assert_eq!(source.custom.len(), 2);
    }
}
