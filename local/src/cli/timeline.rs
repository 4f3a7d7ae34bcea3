//! `show --timeline`: what became of an export, step by step.

use std::time::Duration;

use lead_export_core::ports::Download;
use lead_export_core::record::{Export, Status};
use lead_export_core::time::Instant;
use lead_export_core::timeline::{Step, What};
use serde_json::{Value, json};

use super::output::{self, Column, thousands};

/// The timeline as programs read it.
pub(super) fn json(export: &Export, downloads: &[Download]) -> Value {
    json!({
        "id": export.id(),
        "status": export.status(),
        "requested_at": export.head.requested_at,
        "requested_by": export.head.requested_by,
        "steps": export.timeline.steps,
        "left_out": export.timeline.left_out,
        "downloads": downloads.iter().map(|given| json!({"by": given.by, "at": given.at})).collect::<Vec<_>>(),
        "slices": export.slices,
        "tries": export.tries,
        "lease": export.lease,
        "due_at": export.due_at,
        "clean_at": export.clean_at,
        "to_be_told": export.notify,
    })
}

/// The timeline as people read it.
pub(super) fn text(export: &Export, downloads: &[Download], now: Instant) -> String {
    let head = &export.head;
    let mut lines = vec![(
        head.requested_at,
        format!("requested by {}", head.requested_by.name),
    )];
    let steps = &export.timeline.steps;
    let mut parts = 0;
    for (at, step) in steps.iter().enumerate() {
        let next = steps.get(at + 1);
        lines.push((step.at, sentence(export, step, next, parts, now)));
        if step.what == What::Slice {
            parts += step.pieces;
        }
        if at + 1 == lead_export_core::limits::TIMELINE_FIRST && export.timeline.left_out > 0 {
            let left_out = export.timeline.left_out;
            lines.push((step.at, format!("… {left_out} further steps …")));
        }
    }
    if steps.is_empty() {
        // A record of an earlier release: what its head knows.
        let known = |at: Option<Instant>, what: &str| at.map(|at| (at, what.to_owned()));
        lines.extend(known(head.started_at, "the first slice began"));
        lines.extend(known(head.completed_at, head.status.as_str()));
    }
    lines.extend(downloads.iter().map(|given| {
        let name = &given.by.name;
        (given.at, format!("a link to the file for {name}"))
    }));
    // Stable: what happened at the same time stays in its order.
    lines.sort_by_key(|(at, _)| *at);
    lines.push((now, standing(export, now)));
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(at, what)| {
            vec![
                moment(at),
                format!("+{}", span(at.since(head.requested_at))),
                what,
            ]
        })
        .collect();
    let columns = [
        Column::Text("When"),
        Column::Number("After"),
        Column::Text("What"),
    ];
    output::table(&columns, &rows)
}

fn moment(at: Instant) -> String {
    at.to_string().replacen('T', " ", 1)
}

/// A length of time, short.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.1}s", time.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// One step in words. `next`: the one behind it. `parts`: those that earlier slices stored.
fn sentence(export: &Export, step: &Step, next: Option<&Step>, parts: u32, now: Instant) -> String {
    let head = &export.head;
    let by = || head.ended_by.as_ref().map(|by| format!(" by {}", by.name));
    match step.what {
        What::Slice => slice(export, step, next, parts, now),
        What::Completed => {
            let size = head.file.as_ref().map_or(0, |file| file.size_bytes);
            let of = match step.pieces {
                0 => "in one part".to_owned(),
                1 => "of 1 stored part and the rest".to_owned(),
                more => format!("of {more} stored parts and the rest"),
            };
            format!(
                "completed: {} rows, {} bytes, {of}",
                thousands(step.rows),
                thousands(size)
            )
        }
        What::Failed => match &head.failure {
            Some(failure) => {
                let code = json!(failure.code);
                format!("failed: {}", code.as_str().unwrap_or_default())
            }
            None => "failed".to_owned(),
        },
        What::Cancelled => format!("cancelled{}", by().unwrap_or_default()),
        What::Expired => match by() {
            Some(by) => format!("deleted{by}"),
            None => "expired: its time has passed".to_owned(),
        },
        What::Retried => "made due again by an operator".to_owned(),
    }
}

fn slice(export: &Export, step: &Step, next: Option<&Step>, parts: u32, now: Instant) -> String {
    let mut words = vec![format!("slice {}", step.slice)];
    if step.tries > 1 {
        words.push(format!(", try {} of the same work", step.tries));
    }
    if let Some(run) = step.run {
        words.push(format!(" (run {run})"));
    }
    words.push(format!(
        ": {} leads read, {} rows stored",
        thousands(step.leads_read),
        thousands(step.rows)
    ));
    match step.pieces {
        0 => {}
        1 => words.push(format!(", part {}", parts + 1)),
        more => words.push(format!(", parts {}–{}", parts + 1, parts + more)),
    }
    let lease = export.lease.filter(|lease| step.run == Some(lease.run));
    // A cancel ends the work of whoever had it: the run finds out when it next looks at the record, and writes nothing more.
    let cancelled = next.filter(|next| next.what == What::Cancelled);
    words.push(match (step.until, cancelled, lease) {
        (Some(until), ..) => format!("; over after {}", span(until.since(step.at))),
        (None, Some(end), _) => format!("; cancelled after {}", span(end.at.since(step.at))),
        (None, None, Some(lease)) if next.is_none() && lease.until > now => "; at work".to_owned(),
        _ => "; the run did not come back".to_owned(),
    });
    words.concat()
}

/// What is next.
fn standing(export: &Export, now: Instant) -> String {
    let status = export.status().as_str();
    let mut words = vec![format!("now: {status}")];
    if let Some(due_at) = export.due_at {
        let when = if due_at > now {
            format!("looked at again in {}", span(due_at.since(now)))
        } else {
            format!("due since {}", span(now.since(due_at)))
        };
        words.push(when);
    }
    if export.notify {
        words.push("its end is still to be told".to_owned());
    }
    if export.clean_at.is_some() {
        words.push("leftovers are still to be cleaned".to_owned());
    }
    if let (Status::Completed, Some(at)) = (export.status(), export.head.file_expires_at) {
        words.push(format!("the file goes at {}", moment(at)));
    }
    words.join("; ")
}

#[cfg(test)]
pub(super) mod tests;
