//! The reference: what a file must hold, told from the leads and the caller's words alone. It shares no line with the code it
//! judges: no plan, no filter, no encoder, no pieces.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::write::GzEncoder;

use crate::lead::{Lead, LeadId, Value};
use crate::time::Instant;

/// Stands in every lead and must stand nowhere but in files (I14).
pub(crate) const CANARY: &str = "CANARY";

/// What a caller asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Only leads of this status.
    pub(crate) status: Option<&'static str>,
    pub(crate) descending: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) gzip: bool,
    /// Three columns, one with a header of the caller's own.
    pub(crate) few: bool,
}

/// A lead whose name needs quotes, a guard, or neither; every third is sold, every fourth has a phone.
pub(crate) fn odd_lead(number: u32, created_at: Instant) -> Lead {
    let name = match number % 5 {
        0 => format!("Ann, \"{number}\" {CANARY}"),
        1 => format!("=SUM({number}) {CANARY}"),
        2 => format!(" blank {CANARY}"),
        3 => format!("line\r\n{CANARY}"),
        _ => format!("Zoë {CANARY} {number}"),
    };
    let status = if number.is_multiple_of(3) {
        "sold"
    } else {
        "active"
    };
    let mut values = BTreeMap::from([
        ("first_name".to_owned(), Value::Text(name)),
        ("status".to_owned(), Value::from(status)),
    ]);
    if number.is_multiple_of(4) {
        let phone = format!("+1 555 {number:04}");
        values.insert("phone".to_owned(), Value::Text(phone));
    }
    Lead {
        id: LeadId::parse(format!("l-{}", number % 97 * 1000 + number)).unwrap(),
        created_at,
        values,
    }
}

const KEYS: &str = "lead_id,name,first_name,last_name,email,emails,phone,phones,address,city,state,zip,country,status,\
                    created_at,updated_at,source_id\r\n";

fn text<'a>(lead: &'a Lead, key: &str) -> &'a str {
    match lead.values.get(key) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// A cell: guarded if a spreadsheet would compute it, quoted if a reader would break it.
fn cell(text: &str) -> String {
    let bare = text.trim_start_matches([' ', '\'']);
    let is_phone = text.starts_with('+')
        && text[1..]
            .chars()
            .all(|digit| digit == ' ' || digit.is_ascii_digit());
    let guard = if bare.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !is_phone {
        "'"
    } else {
        ""
    };
    let text = format!("{guard}{text}");
    if text.contains([',', '"', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

impl Asked {
    /// The body of the request.
    pub(crate) fn body(&self) -> String {
        let mut members = Vec::new();
        if let Some(status) = self.status {
            members.push(format!(r#""filters": {{"status": ["{status}"]}}"#));
        }
        if self.descending {
            members.push(r#""order": "-created_at""#.to_owned());
        }
        if let Some(limit) = self.limit {
            members.push(format!(r#""limit": {limit}"#));
        }
        if self.gzip {
            members.push(r#""format": {"compression": "gzip"}"#.to_owned());
        }
        if self.few {
            let fields = r#"["status", {"key": "first_name", "header": "=Given, 1st"}, "lead_id"]"#;
            members.push(format!(r#""fields": {fields}"#));
        }
        format!("{{{}}}", members.join(", "))
    }

    /// Whether the lead is wanted, as it is here, by a request of `requested_at`.
    pub(crate) fn wants(&self, lead: &Lead, requested_at: Instant) -> bool {
        lead.created_at <= requested_at
            && self
                .status
                .is_none_or(|status| text(lead, "status") == status)
    }

    pub(crate) fn header(&self) -> &'static str {
        if self.few {
            "status,\"'=Given, 1st\",lead_id\r\n"
        } else {
            KEYS
        }
    }

    pub(crate) fn row(&self, lead: &Lead) -> String {
        let (id, name, status) = (
            lead.id.as_str(),
            text(lead, "first_name"),
            text(lead, "status"),
        );
        let cells = if self.few {
            vec![cell(status), cell(name), id.to_owned()]
        } else {
            let phone = cell(text(lead, "phone"));
            let mut cells = vec![id.to_owned(), cell(name), cell(name)];
            cells.extend(["", "", ""].map(str::to_owned));
            cells.extend([phone.clone(), phone]);
            cells.extend(["", "", "", "", ""].map(str::to_owned));
            cells.extend([cell(status), lead.created_at.to_string()]);
            cells.extend(["", "crm"].map(str::to_owned));
            cells
        };
        cells.join(",") + "\r\n"
    }

    /// The leads of `all` that are wanted, in the order asked for, as many as asked for.
    pub(crate) fn chosen<'a>(&self, all: &'a [Lead], requested_at: Instant) -> Vec<&'a Lead> {
        let wanted = all.iter().filter(|lead| self.wants(lead, requested_at));
        let mut chosen: Vec<&Lead> = wanted.collect();
        chosen.sort_by_key(|lead| lead.key());
        if self.descending {
            chosen.reverse();
        }
        chosen.truncate(self.limit.unwrap_or(usize::MAX));
        chosen
    }

    /// The file of these rows.
    pub(crate) fn file<'a>(
        &self,
        rows: impl Iterator<Item = &'a str>,
        member_bytes: usize,
    ) -> Vec<u8> {
        let rows = std::iter::once(self.header()).chain(rows);
        if !self.gzip {
            return rows.collect::<String>().into_bytes();
        }
        let mut members: Vec<String> = Vec::new();
        for row in rows {
            match members.last_mut() {
                Some(last) if last.len() < member_bytes => last.push_str(row),
                _ => members.push(row.to_owned()),
            }
        }
        let pack = |plain: &String| {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(plain.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        members.iter().flat_map(pack).collect()
    }
}
