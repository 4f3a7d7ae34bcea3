//! The oracle: what must be true of an export, whatever happened.

use std::io::{Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{World, org, source_id};
use crate::format::{Compression, Format};
use crate::lead::Lead;
use crate::page::{PageBuilder, Slots};
use crate::piece::{Hashes, crc64_text};
use crate::ports::ObjectKey;
use crate::record::{Export, ExportId, Status};

/// Encodes leads one by one, by the plainest way.
struct Plain {
    slots: Slots,
    encoder: crate::csv::Encoder,
    header: Vec<u8>,
}

impl Plain {
    fn new(export: &Export) -> Self {
        let plan = &export.plan;
        let slots = Slots::new(crate::csv::attributes(&plan.columns));
        let encoder =
            crate::csv::Encoder::new(&plan.columns, &plan.format, &slots, &plan.source).unwrap();
        let mut header = Vec::new();
        encoder.header(&mut header);
        Self {
            slots,
            encoder,
            header,
        }
    }

    fn row(&mut self, lead: &Lead) -> Vec<u8> {
        let mut builder = PageBuilder::new(bytes::Bytes::new(), &self.slots);
        crate::value::push_lead(&mut builder, &self.slots, lead);
        let mut bytes = Vec::new();
        self.encoder.row(&builder.finish().row(0), &mut bytes);
        bytes
    }
}

impl World {
    /// The bytes of a completed export's file.
    pub(crate) fn file(&self, id: ExportId) -> Vec<u8> {
        let head = self.export(id).head;
        assert_eq!(head.status, Status::Completed, "{:?}", head.failure);
        let file = head.file.unwrap();
        self.pieces.objects()[&ObjectKey::File(id, file.run)]
            .bytes
            .to_vec()
    }

    /// Of an export that has come to rest after completion: all of [`World::check_rest`], and the bytes are those of the leads as they
    /// are, by the plainest way (I3).
    pub(crate) fn check(&self, id: ExportId, wanted: impl Fn(&Lead) -> bool) {
        self.check_rest(id);
        let export = self.export(id);
        let mut plain = Plain::new(&export);
        let mut rows = vec![plain.header.clone()];
        let mut leads = self.leads.leads(&org(), &source_id());
        if export.plan.order == crate::plan::Order::Descending {
            leads.reverse();
        }
        for lead in leads {
            if lead.created_at <= export.plan.requested_at && wanted(&lead) {
                rows.push(plain.row(&lead));
            }
        }
        let expected = self.packed(&export.plan.format, &rows);
        let file = self.file(id);
        assert!(
            file == expected,
            "I3: {}, not {}",
            String::from_utf8_lossy(&file),
            String::from_utf8_lossy(&expected)
        );
    }

    /// The file of these rows: as they are, or in gzip members by the plainest way.
    fn packed(&self, format: &Format, rows: &[Vec<u8>]) -> Vec<u8> {
        if format.compression == Compression::None {
            return rows.concat();
        }
        let mut members: Vec<Vec<u8>> = Vec::new();
        for row in rows {
            match members.last_mut() {
                Some(last) if last.len() < self.member_bytes => last.extend(row),
                _ => members.push(row.clone()),
            }
        }
        let pack = |plain: &Vec<u8>| {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        };
        members.iter().flat_map(pack).collect()
    }

    /// Of an export that has come to rest in whichever state: I1, I2, I4 to I6, I11, I12, I15.
    pub(crate) fn check_rest(&self, id: ExportId) {
        let export = self.export(id);
        let head = &export.head;
        assert!(head.status.is_terminal(), "I7: {:?}", head.status);
        let objects: Vec<_> = self
            .pieces
            .objects()
            .into_iter()
            .filter(|(key, _)| match key {
                ObjectKey::Piece(of, ..) | ObjectKey::Tail(of, _) | ObjectKey::File(of, _) => {
                    *of == id
                }
            })
            .collect();
        if head.status == Status::Completed {
            let file = head.file.as_ref().unwrap();
            let [(key, object)] = objects.as_slice() else {
                panic!(
                    "I6: {:?}",
                    objects.iter().map(|(key, _)| key).collect::<Vec<_>>()
                );
            };
            assert_eq!(*key, ObjectKey::File(id, file.run), "I6");
            let mut hashes = Hashes::default();
            hashes.take(&object.bytes);
            assert_eq!(file.size_bytes, object.bytes.len() as u64, "I1");
            assert_eq!(file.sha256, Some(hashes.sha256()), "I1");
            assert_eq!(file.crc64nvme, crc64_text(hashes.crc()), "I1");
            let mut plain = Vec::new();
            match head.format.compression {
                Compression::None => plain.extend_from_slice(&object.bytes),
                Compression::Gzip => {
                    let mut decoder = MultiGzDecoder::new(object.bytes.as_ref());
                    decoder.read_to_end(&mut plain).unwrap();
                }
            }
            let mut reader = csv::Reader::from_reader(plain.as_slice());
            let rows = reader.records().map(Result::unwrap).count() as u64;
            assert_eq!(head.lead_count, Some(rows), "I4");
        } else {
            assert!(objects.is_empty(), "I6: {:?}", objects[0].0);
        }
        let mut uploads = self.pieces.uploads().into_values();
        assert!(
            !uploads.any(|open| matches!(open.key, ObjectKey::File(of, _) if of == id)),
            "I6: an open upload"
        );
        assert!(
            self.pieces.overwritten().is_empty(),
            "nothing in the store is overwritten"
        );
        assert!(!self.told(id).is_empty(), "I11");
        assert!(
            self.told(id)
                .iter()
                .all(|event| *event == export.event_id()),
            "I11: {:?}",
            self.told(id)
        );
        assert!(!self.exports.active(&org()).contains(&id), "I15");
        self.check_line(id);
    }

    /// The ids of the events told of an export.
    pub(crate) fn told(&self, id: ExportId) -> Vec<String> {
        let told = self.notifier.told();
        told.iter()
            .filter(|export| export.id() == id)
            .map(Export::event_id)
            .collect()
    }

    /// As [`World::check_line`], of every export there is.
    pub(crate) fn check_line_of_all(&self) {
        for export in self.exports.all() {
            self.check_line(export.id());
        }
    }

    /// I2, I5 and I12, over every state ever written.
    fn check_line(&self, id: ExportId) {
        let states = self.exports.states(&org(), id);
        for pair in states.windows(2) {
            assert_eq!(pair[0].version + 1, pair[1].version, "I12");
            let (a, b) = (pair[0].head.progress, pair[1].head.progress);
            assert!(
                a.leads_read <= b.leads_read && a.leads_written <= b.leads_written,
                "I12: {a:?} to {b:?}"
            );
            let (from, to) = (pair[0].status(), pair[1].status());
            assert!(from == to || from.may_become(to), "I5: {from:?} to {to:?}");
            let is_frozen = pair[0].head.file.is_none() || pair[0].head.file == pair[1].head.file;
            assert!(is_frozen, "I2");
            assert_eq!(pair[0].plan, pair[1].plan, "I10");
        }
    }
}
