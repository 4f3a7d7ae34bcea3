//! Cells of files (BI1, BI2).

use std::collections::BTreeMap;

use bytes::Bytes;
use lead_export_core::csv::{Encoder, attributes, read_back};
use lead_export_core::fields::{Column, Kind};
use lead_export_core::format::{Format, Header, Profile};
use lead_export_core::lead::{SourceId, Value};
use lead_export_core::page::{PageBuilder, Slots};
use lead_export_core::value::push_row;

use crate::guard_model;

/// A text, as a value and as a header, in every profile: it stays one cell, is guarded as the model says, and reads back.
pub(crate) fn cell(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let column = |key: &str, header: &str| Column {
        key: key.into(),
        header: header.into(),
        given: true,
        kind: Kind::Text,
    };
    let columns = [column("x", text), column("y", "y")];
    for (profile, delimiter) in [
        (Profile::Standard, b','),
        (Profile::Raw, b','),
        (Profile::Excel, b','),
        (Profile::ExcelSemicolon, b';'),
        (Profile::Tsv, b'\t'),
    ] {
        let format = Format {
            profile,
            header: Header::Keys,
            ..Format::default()
        };
        let slots = Slots::new(attributes(&columns));
        let mut builder = PageBuilder::new(Bytes::new(), &slots);
        let values = BTreeMap::from([
            ("x".to_owned(), Value::from(text)),
            ("y".to_owned(), "end".into()),
        ]);
        push_row(&mut builder, &slots, "2026-01-01T00:00:00.000Z#l", &values);
        let page = builder.finish();
        let source = SourceId::parse("crm").unwrap();
        let mut encoder = Encoder::new(&columns, &format, &slots, &source).unwrap();
        let mut out = Vec::new();
        encoder.header(&mut out);
        encoder.row(&page.row(0), &mut out);
        let body = out
            .strip_prefix("\u{feff}".as_bytes())
            .filter(|_| matches!(profile, Profile::Excel | Profile::ExcelSemicolon));
        let rows = guard_model::parse(body.unwrap_or(&out), delimiter);
        assert_eq!((rows.len(), rows[0].len(), rows[1].len()), (2, 2, 2));
        for (row, header) in [(&rows[0], true), (&rows[1], false)] {
            let written = std::str::from_utf8(&row[0]).unwrap();
            if profile == Profile::Raw {
                assert_eq!(written, text);
                continue;
            }
            let constant = !header && written.starts_with("=\"");
            let guarded = written.len() == text.len() + 1 && written.starts_with('\'');
            assert!(
                constant || guarded == guard_model::guarded(text),
                "{profile:?} {written:?}"
            );
            assert!(!constant || matches!(profile, Profile::Excel | Profile::ExcelSemicolon));
            assert_eq!(
                read_back(written, Kind::Text),
                text,
                "{profile:?} {written:?}"
            );
        }
    }
}
