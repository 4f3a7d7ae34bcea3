//! `grant` and `grants`.

use anyhow::bail;
use clap::{Args, ValueEnum};
use lead_export_core::access;
use lead_export_core::lead::SourceId;

use super::output::{Column, usage};
use super::stores::{Deployment, Stores, with_stores};
use super::{Who, output};

/// `grant`: gives a role, or takes it away.
#[derive(Debug, Args)]
#[command(
    after_help = "The user is the one of --user.\n\nExample:\n  lead-export grant --source crm --user vera --role viewer\n  lead-export grant --source '*' --user adam --role admin\n  lead-export grant --stack lead-export --org acme --source '*' --user 6f1c… --role admin"
)]
pub(super) struct Grant {
    /// The source, or `*` for every one of the organization.
    #[arg(long, value_parser = place)]
    source: Place,
    /// What the user may do: see; also export and download; also cancel and delete anybody's; nothing.
    #[arg(long)]
    role: Role,
    /// The display name, where the token has none.
    #[arg(long)]
    name: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

/// One source, or all.
#[derive(Debug, Clone)]
enum Place {
    Every,
    One(SourceId),
}

fn place(text: &str) -> Result<Place, String> {
    match text {
        "*" => Ok(Place::Every),
        one => super::source(one).map(Place::One),
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Viewer,
    Exporter,
    Admin,
    None,
}

/// `grants`: who may do what.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lead-export grants --org acme")]
pub(super) struct Grants {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

pub(super) async fn run(who: &Who, args: &Grant) -> anyhow::Result<()> {
    let role = match args.role {
        Role::Viewer => Some(access::Role::Viewer),
        Role::Exporter => Some(access::Role::Exporter),
        Role::Admin => Some(access::Role::Admin),
        Role::None => None,
    };
    let source = match &args.source {
        Place::Every => None,
        Place::One(id) => Some(id),
    };
    if args.deployment.stack.is_some() && !who.named.user {
        return usage("--stack wants --user: whose grant it is");
    }
    with_stores(who, &args.deployment, async |stores: &Stores| {
        let sources = stores.sources();
        if let Some(id) = source
            && sources.get_source(&who.org, id).await?.is_none()
        {
            bail!("the organization {} has no source '{id}'", who.org);
        }
        let Some(role) = role else {
            return Ok(sources.remove_grant(&who.org, &who.user, source).await?);
        };
        // A display name that is there is this command's to change, not to take away.
        let all = sources.list_grants(&who.org).await?;
        let old = all
            .into_iter()
            .find(|to| to.user == who.user && to.source.as_ref() == source);
        let name = args.name.clone().or(old.and_then(|to| to.grant.name));
        let grant = access::Grant { role, name };
        Ok(sources
            .put_grant(&who.org, &who.user, source, &grant)
            .await?)
    })
    .await?;
    let on = source.map_or("every source", SourceId::as_str);
    output::result(
        args.json,
        || {
            let source = source.map_or("*", SourceId::as_str);
            let role = role.map_or("none", access::Role::as_str);
            serde_json::json!({"user": who.user, "org_id": who.org, "source_id": source, "role": role})
        },
        || {
            let role = role.map_or("no role of their own", access::Role::as_str);
            let user = output::visible(&who.user);
            format!("{user} has {role} on {on} of {}", who.org)
        },
    )
}

pub(super) async fn list(who: &Who, args: &Grants) -> anyhow::Result<()> {
    let grants = with_stores(who, &args.deployment, async |stores: &Stores| {
        Ok(stores.sources().list_grants(&who.org).await?)
    })
    .await?;
    let place =
        |source: &Option<SourceId>| source.as_ref().map_or("*", SourceId::as_str).to_owned();
    if args.json {
        let grants: Vec<_> = grants
            .iter()
            .map(|to| serde_json::json!({"user": to.user, "source_id": place(&to.source), "role": to.grant.role, "name": to.grant.name}))
            .collect();
        return output::print(&serde_json::json!({ "grants": grants }).to_string());
    }
    let rows: Vec<Vec<String>> = grants
        .iter()
        .map(|to| {
            let name = to.grant.name.clone().unwrap_or_default();
            vec![
                to.user.clone(),
                place(&to.source),
                to.grant.role.as_str().to_owned(),
                name,
            ]
        })
        .collect();
    let columns = ["User", "Source", "Role", "Name"].map(Column::Text);
    output::print(&output::table(&columns, &rows))
}
