//! What must be true after every step: each new state of the record, each object, each link.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::actors::{Actor, Role};
use super::kinds::Kind;
use super::stage::Stage;
use super::{org, source_id};
use crate::download::{DownloadError, Link};
use crate::format::Compression;
use crate::lead::LeadKey;
use crate::limits;
use crate::piece::{Hashes, PartOf, crc64_text, plan};
use crate::ports::ObjectKey;
use crate::record::{Checkpoint, Export, ExportId, Status};
use crate::time::Instant;

/// What has been seen so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Exports recorded, and ended.
    pub(super) begun: usize,
    pub(super) ended: usize,
    pub(super) begun_at: Option<Instant>,
    pub(super) ended_at: Option<Instant>,
    writes: u64,
    states: BTreeMap<ExportId, usize>,
    /// An end that is still to be told, and since when.
    pub(super) pending: bool,
    pending_since: Option<Instant>,
    /// A fault fell, or a person acted, while an end was to be told: it may be told twice (I11).
    pub(super) disturbed: bool,
    struck: u64,
}

impl Stage {
    /// After every step.
    pub(super) fn watch(&mut self) {
        let links = self.world.signer.signed().len();
        assert!(
            links <= self.world.audit.all().len(),
            "I9: a link without its audit row"
        );
        let was_pending = self.seen.pending;
        if self.world.exports.writes() != self.seen.writes {
            self.seen.writes = self.world.exports.writes();
            let all = self.world.exports.all();
            assert!(all.len() <= 1, "I8: {} exports of one key", all.len());
            for export in all {
                self.watch_states(&export);
            }
        }
        // Steps that came to pass, and the further calls that they fail.
        let script = &self.world.script;
        let struck = u64::try_from(script.struck().len()).unwrap() + script.faults();
        let pending = was_pending || self.seen.pending;
        let happened = struck != self.seen.struck;
        self.seen.struck = struck;
        // Whoever ended it may get on more slowly than the sweeper waits.
        let now = self.now();
        let since = self.seen.pending_since.unwrap_or(now);
        self.seen.pending_since = self.seen.pending.then_some(since);
        let is_slow = self.seen.pending && now.since(since) >= limits::TELL_GRACE;
        // A person's delete writes the record that the teller wants to note the telling in.
        let cancels = |actor: &Actor| actor.role == Role::Cancel;
        self.seen.disturbed |= is_slow || pending && (happened || self.actors.iter().any(cancels));
    }

    fn watch_states(&mut self, now: &Export) {
        let id = now.id();
        // The last state seen, and those written since.
        let from = self.seen.states.get(&id).copied().unwrap_or(0);
        let states = self
            .world
            .exports
            .states_from(&org(), id, from.saturating_sub(1));
        let known = usize::from(from > 0);
        self.seen.states.insert(id, from + states.len() - known);
        for (index, next) in states.iter().enumerate().skip(known) {
            self.note_state(next);
            match index.checked_sub(1).map(|before| &states[before]) {
                None => {
                    self.seen.begun += 1;
                    self.seen.begun_at = Some(self.now());
                }
                Some(before) => self.watch_move(before, next),
            }
            self.watch_state(next);
        }
        self.seen.pending = now.notify;
        let is_active = self.world.exports.active(&org()).contains(&id);
        assert!(
            is_active != now.status().is_terminal(),
            "I15: {:?} and active: {is_active}",
            now.status()
        );
    }

    /// I2, I5, I10, I12: what may follow on a state.
    fn watch_move(&mut self, before: &Export, next: &Export) {
        assert!(before.version + 1 == next.version, "I12: no line");
        let (a, b) = (before.head.progress, next.head.progress);
        assert!(
            a.leads_read <= b.leads_read && a.leads_written <= b.leads_written,
            "I12: progress goes back: {a:?} to {b:?}"
        );
        let (from, to) = (before.status(), next.status());
        assert!(from == to || from.may_become(to), "I5: {from:?} to {to:?}");
        let frozen = |export: &Export| {
            let head = &export.head;
            (head.file.clone(), head.lead_count, head.completed_at)
        };
        assert!(
            !from.is_terminal() || frozen(before) == frozen(next),
            "I2: an end changed"
        );
        assert!(before.plan == next.plan, "I10: the plan changed");
        if !from.is_terminal() && to.is_terminal() {
            self.seen.ended += 1;
            self.seen.ended_at = Some(self.now());
        }
        if next.slices > before.slices {
            let late = |(_, kind, _): &(u64, Kind, _)| {
                matches!(
                    kind,
                    Kind::Late(_) | Kind::Copied(_) | Kind::Frozen | Kind::Zombie
                )
            };
            if !self.world.script.struck().iter().any(late) {
                let began = self.worker().map(|actor| actor.after_call);
                let lost = self.lost_at.zip(began);
                assert!(
                    lost.is_none_or(|(lost, began)| lost > began),
                    "TM04: a run took the lease for one who had lost the grant"
                );
            }
        }
    }

    /// Who has just acted, if it is a run.
    fn worker(&self) -> Option<&Actor> {
        let actor = self.current_actor()?;
        (actor.role == Role::Run).then_some(actor)
    }

    /// The duty that the record carries, and what it claims to be stored.
    fn watch_state(&self, next: &Export) {
        let head = &next.head;
        if head.status.is_terminal() {
            assert!(
                next.lease.is_none() && next.checkpoint.is_none(),
                "I5: an end that is still at work"
            );
            let expires = head
                .file_expires_at
                .filter(|_| head.status == Status::Completed);
            let duties = next.clean_at.into_iter().chain(expires).min();
            assert!(
                next.notify && next.due_at.is_some()
                    || !next.notify
                        && (duties.is_none() || next.due_at <= duties)
                        && next.due_at.is_some() == duties.is_some(),
                "I7: nobody will look again: due {:?}, to be done {duties:?}",
                next.due_at
            );
        } else {
            let latest = next
                .lease
                .map(|lease| lease.until.plus(limits::LEASE_GRACE));
            assert!(
                next.due_at
                    .is_some_and(|due_at| latest.is_none_or(|at| due_at <= at)),
                "I7: nobody will look again: due {:?}, lease {:?}",
                next.due_at,
                next.lease
            );
        }
        if let Some(known) = &next.checkpoint {
            self.watch_checkpoint(next, known);
        }
        if head.status == Status::Completed {
            self.watch_file(next);
        }
    }

    /// (B): pieces and tail are stored, and hold exactly the rows of the decided leads.
    fn watch_checkpoint(&self, export: &Export, known: &Checkpoint) {
        let objects = self.world.pieces.objects();
        let stored = |key: ObjectKey| {
            let object = objects.get(&key);
            assert!(
                object.is_some(),
                "B: a checkpoint names {key:?}, which is not stored"
            );
            object
                .map(|object| object.bytes.to_vec())
                .unwrap_or_default()
        };
        let mut bytes = Vec::new();
        for (_, part) in plan(export.id(), &known.runs, 0) {
            if let PartOf::Piece(key) = part {
                bytes.extend(stored(key));
            }
        }
        assert!(
            bytes.len() as u64 == known.bytes,
            "B: {} bytes",
            known.bytes
        );
        let mut hashes = Hashes::default();
        hashes.take(&bytes);
        assert!(
            hashes.save() == (known.sha_state.clone(), known.crc.clone()),
            "B: hashes"
        );
        let mut open = Vec::new();
        if let Some(tail) = known.tail {
            let mut tail_bytes = stored(ObjectKey::Tail(export.id(), tail.run));
            let closed = tail_bytes.len() - usize::try_from(tail.open_bytes).unwrap();
            if export.head.format.compression == Compression::Gzip {
                open = tail_bytes.split_off(closed);
            }
            bytes.extend(tail_bytes);
        }
        if !self.scenario.is_frozen() || known.cursor.is_none() {
            return;
        }
        let mut plain = bytes;
        if export.head.format.compression == Compression::Gzip {
            let mut unpacked = Vec::new();
            let mut decoder = MultiGzDecoder::new(plain.as_slice());
            decoder
                .read_to_end(&mut unpacked)
                .expect("B: a broken member");
            plain = unpacked;
        }
        plain.extend(open);
        let asked = self.scenario.profile.asked;
        let all = self.expected_rows(export.head.requested_at);
        let cursor = known.cursor.as_ref();
        let decided = |(key, _): &&(LeadKey, String)| {
            cursor.is_some_and(|cursor| {
                if asked.descending {
                    key >= cursor
                } else {
                    key <= cursor
                }
            })
        };
        let rows: Vec<&str> = all
            .iter()
            .take_while(decided)
            .map(|(_, row)| row.as_str())
            .collect();
        assert!(
            rows.len() as u64 == known.rows,
            "B: {} rows, not {}",
            known.rows,
            rows.len()
        );
        let expected = if rows.is_empty() && plain.is_empty() {
            String::new()
        } else {
            asked.header().to_owned() + &rows.concat()
        };
        assert!(
            plain == expected.as_bytes(),
            "B: up to {:?}: {}, not {expected}",
            known.cursor,
            String::from_utf8_lossy(&plain)
        );
    }

    /// I1, I3, I4 and C1 to C4: the file is there from the moment it is recorded, and is the right one.
    pub(super) fn watch_file(&self, export: &Export) {
        let head = &export.head;
        let file = head.file.as_ref().expect("I1: completed without a file");
        let objects = self.world.pieces.objects();
        let object = objects.get(&ObjectKey::File(export.id(), file.run));
        let bytes = &object.expect("I1: no object under the file's key").bytes;
        let mut hashes = Hashes::default();
        hashes.take(bytes);
        assert!(file.size_bytes == bytes.len() as u64, "I1: size");
        assert!(file.sha256 == Some(hashes.sha256()), "I1: sha256");
        assert!(file.crc64nvme == crc64_text(hashes.crc()), "I1: crc64nvme");
        let asked = self.scenario.profile.asked;
        if self.scenario.is_frozen() {
            let rows = self.expected_rows(head.requested_at);
            assert!(
                head.lead_count == Some(rows.len() as u64),
                "I4: {:?}",
                head.lead_count
            );
            let rows = rows.iter().map(|(_, row)| row.as_str());
            let expected = asked.file(rows, self.world.member_bytes);
            assert!(
                expected == bytes.as_ref(),
                "I3: {}, not {}",
                String::from_utf8_lossy(bytes),
                String::from_utf8_lossy(&expected)
            );
        } else {
            let mut plain = bytes.to_vec();
            if head.format.compression == Compression::Gzip {
                plain.clear();
                let mut decoder = MultiGzDecoder::new(bytes.as_ref());
                decoder
                    .read_to_end(&mut plain)
                    .expect("I3: a broken member");
            }
            self.watch_changed(&plain, head.requested_at, head.lead_count);
        }
    }

    /// The rows of the file, of leads that stay as they are.
    fn expected_rows(&self, requested_at: Instant) -> &[(LeadKey, String)] {
        self.expected.get_or_init(|| {
            let asked = self.scenario.profile.asked;
            let leads = self.world.leads.leads(&org(), &source_id());
            let chosen = asked.chosen(&leads, requested_at).into_iter();
            chosen.map(|lead| (lead.key(), asked.row(lead))).collect()
        })
    }

    /// C1 to C4 of leads that changed meanwhile.
    fn watch_changed(&self, bytes: &[u8], requested_at: Instant, lead_count: Option<u64>) {
        let asked = self.scenario.profile.asked;
        let mut rest = bytes
            .strip_prefix(asked.header().as_bytes())
            .expect("I10: header");
        let versions = self.world.versions.lock().unwrap();
        let mut keys: Vec<_> = versions.iter().collect();
        if asked.descending {
            keys.reverse();
        }
        let mut rows = 0;
        for (key, versions) in keys {
            let wanted = versions.iter().flatten();
            let wanted = wanted.filter(|lead| asked.wants(lead, requested_at));
            let mut row_of: Vec<String> = wanted.map(|lead| asked.row(lead)).collect();
            row_of.dedup();
            let found = row_of.iter().find(|row| rest.starts_with(row.as_bytes()));
            if let Some(row) = found {
                rest = &rest[row.len()..];
                rows += 1;
            }
            assert!(
                found.is_some() || versions.len() > 1 || row_of.is_empty() || asked.limit.is_some(),
                "C1: {key} matched all the while and is not there"
            );
        }
        assert!(
            rest.is_empty(),
            "C2 to C4: there twice, or should not be there: {}",
            String::from_utf8_lossy(rest)
        );
        assert!(lead_count == Some(rows), "I4: {lead_count:?} of {rows}");
    }

    /// I9: a link only for one who may, to what is there.
    pub(super) fn check_link(&self, actor: &Actor, link: &Result<Link, DownloadError>) {
        let Ok(link) = link else { return };
        let export = self.world.export(link.export.id());
        let lost = self.lost_at.is_some_and(|lost| lost <= actor.after_call);
        assert!(!lost, "I9: a link for one who had lost the grant");
        assert!(
            export.head.file.as_ref() == Some(&link.file),
            "I2: a link to another file"
        );
        let path = format!("/files/{}/{}?", export.id(), link.file.run);
        assert!(link.url.contains(&path), "I2: {}", link.url);
        let gone = export.status() != Status::Completed
            && self.seen.ended_at.is_some_and(|at| at < actor.began)
            && !self.has_struck(|kind| kind == Kind::Cancel);
        assert!(!gone, "I9: a link to what is {:?}", export.status());
    }
}
