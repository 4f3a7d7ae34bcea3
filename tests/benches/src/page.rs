//! The hot path alone: a page's bytes to rows of CSV, filter and guard included, in one thread and without any I/O.

use bytes::Bytes;
use lead_export_aws::page::decode;
use lead_export_core::ask::Asked;
use lead_export_core::export::Selection;
use lead_export_core::lead::OrgId;
use lead_export_core::time::Instant;

use crate::job;
use crate::leads::{self, ORG, PAGE};

/// A page, and what is made of it.
pub struct PageToCsv {
    body: Bytes,
    selection: Selection,
    out: Vec<u8>,
}

impl PageToCsv {
    /// The canned page under the request of all benches.
    ///
    /// # Errors
    /// None in practice: the request is well formed.
    pub fn new() -> anyhow::Result<Self> {
        let mut body = format!("{{\"Count\":{PAGE},\"Items\":[").into_bytes();
        for (place, template) in (0..PAGE).zip(leads::templates(None)) {
            if place > 0 {
                body.push(b',');
            }
            template.append(place, &leads::key(place), &mut body);
        }
        body.extend_from_slice(format!("],\"ScannedCount\":{PAGE}}}").as_bytes());
        let source = leads::source(PAGE)?;
        let now = Instant::parse("2026-01-01T00:00:00Z")?;
        let asked = Asked::parse(job::REQUEST.as_bytes(), &source, now, &|_| None)?;
        Ok(Self {
            body: body.into(),
            selection: Selection::new(&OrgId::parse(ORG)?, &asked.plan)?,
            out: Vec::with_capacity(1 << 20),
        })
    }

    /// Bytes of the page.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether the page has no bytes: never.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Does it once; the bytes of CSV.
    ///
    /// # Errors
    /// The page is malformed.
    pub fn turn(&mut self) -> anyhow::Result<usize> {
        self.out.clear();
        let decoded = decode(&self.body, &self.selection.slots)?;
        for row in decoded.page.rows() {
            if self.selection.matcher.matches(&row) {
                self.selection.encoder.row(&row, &mut self.out);
            }
        }
        Ok(self.out.len())
    }
}
