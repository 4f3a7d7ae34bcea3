//! [`PieceStore`]: files assembled of parts.

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::pieces::{CSV, assert_holds, assert_not_found, crc, head, put};
use super::{export_id, must, run};
use crate::limits;
use crate::ports::{ObjectKey, Part, PieceStore, StoreErrorKind, Upload};

/// Every claim of this module. They hold some 60 MiB at once.
pub async fn all(store: &dyn PieceStore) {
    join_all([
        file_is_assembled_of_pieces_and_rest(store).boxed_local(),
        copy_of_a_missing_piece_is_not_found(store).boxed_local(),
        part_with_a_wrong_checksum_is_refused(store).boxed_local(),
        part_sent_again_counts_once(store).boxed_local(),
        parts_out_of_order_are_refused(store).boxed_local(),
        part_below_the_least_size_is_refused(store).boxed_local(),
        wrong_checksum_or_size_of_the_whole_is_refused(store).boxed_local(),
        completing_twice_leaves_the_file(store).boxed_local(),
        uploads_of_one_file_do_not_meet(store).boxed_local(),
    ])
    .await;
}

/// Bytes that differ by place and by `seed`: parts that change places change the whole.
fn filled(length: usize, seed: u8) -> Bytes {
    let line: Vec<u8> = (0..=250)
        .map(|byte: u8| byte.wrapping_mul(7) ^ seed)
        .collect();
    line.iter().copied().cycle().take(length).collect()
}

/// A piece that is just large enough to be a part.
fn piece(seed: u8) -> Bytes {
    filled(usize::try_from(limits::MIN_PART_BYTES).unwrap_or(0), seed)
}

fn joined(parts: &[&Bytes]) -> Bytes {
    let mut whole = BytesMut::new();
    for part in parts {
        whole.extend_from_slice(part);
    }
    whole.freeze()
}

async fn open(store: &dyn PieceStore) -> Upload {
    let key = ObjectKey::File(export_id(), run());
    let upload = must(store.open(key, &CSV).await, "open");
    assert_eq!(upload.key, key, "an upload names its object");
    upload
}

async fn put_part(store: &dyn PieceStore, upload: &Upload, number: u32, bytes: &Bytes) -> Part {
    let part = store
        .put_part(upload, number, bytes.clone(), crc(bytes))
        .await;
    let part = must(part, "put_part");
    assert_eq!(part.number, number, "a part tells its number");
    part
}

async fn complete(store: &dyn PieceStore, upload: &Upload, parts: &[Part], whole: &Bytes) {
    let size = u64::try_from(whole.len()).unwrap_or(u64::MAX);
    let answer = store.complete(upload, parts, crc(whole), size).await;
    must(answer, "complete");
    assert_holds(store, upload.key, whole).await;
}

async fn refuses(
    store: &dyn PieceStore,
    upload: &Upload,
    parts: &[Part],
    crc: u64,
    size: usize,
    what: &str,
) {
    let size = u64::try_from(size).unwrap_or(u64::MAX);
    let answer = store.complete(upload, parts, crc, size).await;
    assert!(answer.is_err(), "{what}: must be refused");
    assert_eq!(
        head(store, upload.key).await,
        None,
        "{what}: there is no file"
    );
}

/// P8b: copies in any order of arrival, and a rest of any size, give the whole under its checksum.
pub async fn file_is_assembled_of_pieces_and_rest(store: &dyn PieceStore) {
    let upload = open(store).await;
    let ObjectKey::File(export, run) = upload.key else {
        panic!("an upload of a file");
    };
    let pieces = [piece(1), filled(piece(2).len() + 1, 2)];
    let rest = filled(3, 3);
    let mut asked = Vec::new();
    for (number, bytes) in (0..).zip(&pieces) {
        put(store, ObjectKey::Piece(export, run, number), bytes).await;
        asked.push((number + 1, ObjectKey::Piece(export, run, number)));
    }
    let last = put_part(store, &upload, 3, &rest).await;
    asked.reverse();
    let calls = asked
        .into_iter()
        .map(|(number, piece)| store.copy_part(&upload, number, piece));
    let mut parts = Vec::new();
    for answer in join_all(calls).await {
        parts.push(must(answer, "copy_part"));
    }
    parts.reverse();
    parts.push(last);
    let numbers: Vec<u32> = parts.iter().map(|part| part.number).collect();
    assert_eq!(numbers, [1, 2, 3], "parts tell their numbers");
    assert_eq!(
        head(store, upload.key).await,
        None,
        "no file before the end"
    );
    let whole = joined(&[&pieces[0], &pieces[1], &rest]);
    complete(store, &upload, &parts, &whole).await;
    for (number, bytes) in (0..).zip(&pieces) {
        assert_holds(store, ObjectKey::Piece(export, run, number), bytes).await;
    }
}

/// A piece that the cleaning took is told apart from a store that does not answer; the upload goes on.
pub async fn copy_of_a_missing_piece_is_not_found(store: &dyn PieceStore) {
    let upload = open(store).await;
    let missing = ObjectKey::Piece(export_id(), run(), 0);
    assert_not_found(store.copy_part(&upload, 1, missing).await, "copy_part");
    let bytes = filled(9, 1);
    let part = put_part(store, &upload, 1, &bytes).await;
    complete(store, &upload, &[part], &bytes).await;
}

/// F17 on a part.
pub async fn part_with_a_wrong_checksum_is_refused(store: &dyn PieceStore) {
    let upload = open(store).await;
    let (bytes, others) = (filled(9, 1), filled(9, 2));
    let answer = store
        .put_part(&upload, 1, bytes.clone(), crc(&others))
        .await;
    assert!(answer.is_err(), "these bytes have another checksum");
    let part = put_part(store, &upload, 1, &bytes).await;
    complete(store, &upload, &[part], &bytes).await;
}

/// A part whose answer was lost is sent again, with the same bytes or after others: the last one counts.
pub async fn part_sent_again_counts_once(store: &dyn PieceStore) {
    let upload = open(store).await;
    let (bytes, others) = (filled(9, 1), filled(10, 2));
    let first = put_part(store, &upload, 1, &others).await;
    put_part(store, &upload, 1, &bytes).await;
    let part = put_part(store, &upload, 1, &bytes).await;
    refuses(
        store,
        &upload,
        &[first],
        crc(&others),
        10,
        "a part written over",
    )
    .await;
    complete(store, &upload, &[part], &bytes).await;
}

/// S-4, S-6: parts stand in order, from 1, each of this upload; there is at least one. A refused try spoils nothing.
pub async fn parts_out_of_order_are_refused(store: &dyn PieceStore) {
    let upload = open(store).await;
    let (first, second) = (piece(1), piece(2));
    let a = put_part(store, &upload, 1, &first).await;
    let b = put_part(store, &upload, 2, &second).await;
    let whole = joined(&[&first, &second]);
    let swapped = joined(&[&second, &first]);
    let (sum, size) = (crc(&whole), whole.len());
    refuses(store, &upload, &[b.clone(), a.clone()], sum, size, "2, 1").await;
    let swap = crc(&swapped);
    refuses(
        store,
        &upload,
        &[b.clone(), a.clone()],
        swap,
        size,
        "2, 1 as such",
    )
    .await;
    refuses(store, &upload, &[], crc(b""), 0, "no parts").await;
    let twice = [a.clone(), a.clone(), b.clone()];
    refuses(store, &upload, &twice, sum, size, "1, 1, 2").await;
    let mut unknown = b.clone();
    unknown.number = 3;
    let more = [a.clone(), b.clone(), unknown];
    refuses(store, &upload, &more, sum, size, "a part never sent").await;
    let mut forged = b.clone();
    forged.etag.clone_from(&a.etag);
    forged.crc64nvme.clone_from(&a.crc64nvme);
    let more = [a.clone(), forged];
    refuses(store, &upload, &more, sum, size, "another content").await;
    complete(store, &upload, &[a, b], &whole).await;
}

/// S-5: a part that is not the last has 5 MiB at least. It can still be sent again, larger.
pub async fn part_below_the_least_size_is_refused(store: &dyn PieceStore) {
    let upload = open(store).await;
    let (enough, last) = (piece(1), filled(1, 2));
    let small = enough.slice(1..);
    let a = put_part(store, &upload, 1, &small).await;
    let b = put_part(store, &upload, 2, &last).await;
    let whole = joined(&[&small, &last]);
    let parts = [a, b.clone()];
    refuses(
        store,
        &upload,
        &parts,
        crc(&whole),
        whole.len(),
        "too small",
    )
    .await;
    let a = put_part(store, &upload, 1, &enough).await;
    let whole = joined(&[&enough, &last]);
    complete(store, &upload, &[a, b], &whole).await;
}

/// S-3: the store compares the whole with the checksum and the size it is given; the right ones then make the file.
pub async fn wrong_checksum_or_size_of_the_whole_is_refused(store: &dyn PieceStore) {
    let upload = open(store).await;
    let (first, last) = (piece(1), filled(5, 2));
    let parts = [
        put_part(store, &upload, 1, &first).await,
        put_part(store, &upload, 2, &last).await,
    ];
    let whole = joined(&[&first, &last]);
    let (sum, size) = (crc(&whole), whole.len());
    refuses(store, &upload, &parts, sum ^ 1, size, "a wrong checksum").await;
    refuses(store, &upload, &parts, sum, size - 1, "a smaller size").await;
    refuses(store, &upload, &parts, sum, size + 1, "a larger size").await;
    refuses(store, &upload, &parts[..1], sum, size, "a part left out").await;
    complete(store, &upload, &parts, &whole).await;
}

/// S-8: a completion sent twice is done again or finds no upload; either way the file is the same.
pub async fn completing_twice_leaves_the_file(store: &dyn PieceStore) {
    let upload = open(store).await;
    let bytes = filled(9, 1);
    let parts = [put_part(store, &upload, 1, &bytes).await];
    complete(store, &upload, &parts, &bytes).await;
    if let Err(error) = store.complete(&upload, &parts, crc(&bytes), 9).await {
        assert_eq!(
            error.kind,
            StoreErrorKind::NotFound,
            "the upload is gone: {error}"
        );
    }
    assert_holds(store, upload.key, &bytes).await;
}

/// An upload whose answer was lost stays open beside the one used; parts of one are none of the other.
pub async fn uploads_of_one_file_do_not_meet(store: &dyn PieceStore) {
    let used = open(store).await;
    let lost = must(store.open(used.key, &CSV).await, "open");
    assert_ne!(used.id, lost.id, "each upload has its own name");
    let (bytes, others) = (filled(9, 1), filled(9, 2));
    put_part(store, &lost, 1, &others).await;
    let part = put_part(store, &used, 1, &bytes).await;
    complete(store, &used, &[part], &bytes).await;
    let ObjectKey::File(export, run) = used.key else {
        panic!("an upload of a file");
    };
    must(store.clean(export, Some(run)).await, "clean");
    assert_holds(store, used.key, &bytes).await;
}
