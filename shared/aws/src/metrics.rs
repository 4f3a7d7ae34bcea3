//! Figures for CloudWatch: lines in its embedded metric format, which Lambda's log turns into metrics without a call.
//!
//! They count and name functions, states and outcomes; nothing of a lead, a filter, a user or an organization is in them. (The crates
//! for this format bring a registry and a thread that flushes it; a frozen sandbox wants one line at once.)

use std::io::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use lead_export_core::mail::Address;
use lead_export_core::ports::{Clock, Notifier, StoreError};
use lead_export_core::record::Export;
use lead_export_core::time::Instant;
use serde_json::{Map, Value, json};

/// The namespace of all figures.
pub const NAMESPACE: &str = "lead-export";
/// The dimension that all figures have.
const FUNCTION: &str = "FunctionName";

/// A figure: its name, its unit as CloudWatch spells it, its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// What is counted.
    pub name: &'static str,
    /// `Count`, `Bytes`, `Milliseconds`.
    pub unit: &'static str,
    /// How much.
    pub value: u64,
}

/// So many.
pub fn count(name: &'static str, value: u64) -> Figure {
    Figure {
        name,
        unit: "Count",
        value,
    }
}

/// A line that tells figures of a function, and if there is one under a further dimension, such as `Status` and `completed`.
///
/// Its shape is CloudWatch's ("Specification: Embedded metric format"): figures and dimensions are members of the line, `_aws` says which
/// is what. Each is told by function, and by function and that dimension.
pub fn line(
    function: &str,
    now: Instant,
    dimension: Option<(&str, &str)>,
    figures: &[Figure],
) -> String {
    let named: Vec<Value> = figures
        .iter()
        .map(|figure| json!({ "Name": figure.name, "Unit": figure.unit }))
        .collect();
    let mut dimensions = vec![vec![FUNCTION]];
    let mut members = Map::new();
    dimensions.extend(dimension.map(|(name, _)| vec![FUNCTION, name]));
    members.insert(
        "_aws".into(),
        json!({
            "Timestamp": now.millis(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": dimensions,
                "Metrics": named,
            }],
        }),
    );
    members.insert(FUNCTION.into(), function.into());
    members.extend(dimension.map(|(name, is)| (name.to_owned(), is.into())));
    for figure in figures {
        members.insert(figure.name.into(), figure.value.into());
    }
    Value::Object(members).to_string()
}

/// Tells figures of this function, now. A log that cannot be written stops nothing.
pub fn tell(now: Instant, dimension: Option<(&str, &str)>, figures: &[Figure]) {
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let line = line(&function, now, dimension, figures);
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Tells figures of each terminal state that another notifier has told: exports, leads and bytes written, how long it took.
///
/// At least once, as the telling itself.
pub struct MeasuringNotifier {
    /// Tells the state.
    pub inner: Arc<dyn Notifier>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Notifier for MeasuringNotifier {
    async fn tell(&self, export: &Export) -> Result<(), StoreError> {
        self.inner.tell(export).await?;
        tell(
            self.clock.now(),
            Some(("Status", export.head.status.as_str())),
            &figures(export),
        );
        Ok(())
    }

    async fn mail(&self, export: &Export, to: &Address) -> Result<(), StoreError> {
        self.inner.mail(export, to).await
    }
}

fn figures(export: &Export) -> Vec<Figure> {
    let head = &export.head;
    let mut figures = vec![count("Exports", 1)];
    if let (Some(leads), Some(file)) = (head.lead_count, &head.file) {
        figures.push(count("Leads", leads));
        figures.push(Figure {
            name: "Bytes",
            unit: "Bytes",
            value: file.size_bytes,
        });
    }
    if let Some(end) = head.completed_at {
        let took = end.since(head.requested_at).as_millis();
        figures.push(Figure {
            name: "Duration",
            unit: "Milliseconds",
            value: u64::try_from(took).unwrap_or(u64::MAX),
        });
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let now = Instant::from_millis(1_763_782_980_123);
        let took = Figure {
            name: "Duration",
            unit: "Milliseconds",
            value: 1500,
        };
        let line = line(
            "prod-run-export",
            now,
            Some(("Status", "completed")),
            &[count("Exports", 1), took],
        );
        let read: Value = serde_json::from_str(&line).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(
            read,
            json!({
                "_aws": {
                    "Timestamp": 1_763_782_980_123_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "lead-export",
                        "Dimensions": [["FunctionName"], ["FunctionName", "Status"]],
                        "Metrics": [
                            { "Name": "Exports", "Unit": "Count" },
                            { "Name": "Duration", "Unit": "Milliseconds" },
                        ],
                    }],
                },
                "FunctionName": "prod-run-export",
                "Status": "completed",
                "Exports": 1,
                "Duration": 1500,
            })
        );
        let line = super::line("prod-sweep-exports", now, None, &[count("Hinted", 2)]);
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            read["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
            json!([["FunctionName"]])
        );
        assert_eq!(read["Hinted"], 2);
    }
}
