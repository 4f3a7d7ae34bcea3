//! `grant` and `grants`.

use anyhow::bail;
use clap::{Args, ValueEnum};
use lead_export_core::access;
use lead_export_core::lead::SourceId;

use super::{Who, output, session};
use crate::connection::StackFile;
use crate::depot::{Depot as _, LocalDepot};

/// `grant`: gives a role, or takes it away.
#[derive(Debug, Args)]
#[command(
    after_help = "The user is the one of --user.\n\nExample:\n  lead-export grant --source crm --user vera --role viewer\n  lead-export grant --source '*' --user adam --role admin"
)]
pub(super) struct Grant {
    /// The source, or `*` for every one of the organization.
    #[arg(long, value_parser = place)]
    source: Place,
    /// What the user may do: see; also export and download; also cancel and delete anybody's; nothing.
    #[arg(long)]
    role: Role,
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
    session::with_stack(&who.data, async |stack: &StackFile| {
        let depot = LocalDepot::new(stack)?;
        if let Some(id) = source
            && depot.source(&who.org, id).await?.is_none()
        {
            bail!("the organization {} has no source '{id}'", who.org);
        }
        let sources = depot.sources();
        let Some(role) = role else {
            return Ok(sources.remove_grant(&who.org, &who.user, source).await?);
        };
        // The display name is not this command's to take away.
        let all = sources.list_grants(&who.org).await?;
        let old = all
            .into_iter()
            .find(|to| to.user == who.user && to.source.as_ref() == source);
        let name = old.and_then(|to| to.grant.name);
        depot
            .put_grant(&who.org, &who.user, source, &access::Grant { role, name })
            .await
    })
    .await?;
    let on = source.map_or("every source", SourceId::as_str);
    let role = role.map_or("no role of their own", access::Role::as_str);
    output::print(&format!(
        "{} has {role} on {on} of {}",
        output::visible(&who.user),
        who.org
    ))
}

pub(super) async fn list(who: &Who, args: &Grants) -> anyhow::Result<()> {
    let grants = session::with_stack(&who.data, async |stack: &StackFile| {
        Ok(LocalDepot::new(stack)?
            .sources()
            .list_grants(&who.org)
            .await?)
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
    output::print(&output::table(&["User", "Source", "Role", "Name"], &rows))
}
