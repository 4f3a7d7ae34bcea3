//! [`PieceStore`]: objects, and the cleaning.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use futures_util::{FutureExt as _, TryStreamExt as _};

use super::{export_id, must, run};
use crate::ports::{FileKind, ObjectHead, ObjectKey, PieceStore, StoreError, StoreErrorKind};

/// What all objects here are written as.
pub(super) const CSV: FileKind = FileKind {
    content_type: "text/csv; charset=utf-8",
};

/// Every claim of this module.
pub async fn all(store: &dyn PieceStore) {
    join_all([
        object_reads_back(store).boxed_local(),
        wrong_checksum_is_refused(store).boxed_local(),
        absent_object_is_not_found(store).boxed_local(),
        put_may_be_repeated(store).boxed_local(),
        cleaning_leaves_exactly_the_kept_file(store).boxed_local(),
        cleaning_reaches_beyond_one_listing(store).boxed_local(),
        file_is_deleted_alone_and_again(store).boxed_local(),
    ])
    .await;
}

pub(super) fn crc(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

pub(super) async fn put(store: &dyn PieceStore, key: ObjectKey, bytes: &Bytes) {
    let answer = store.put(key, bytes.clone(), crc(bytes), &CSV).await;
    must(answer, "put");
}

pub(super) async fn head(store: &dyn PieceStore, key: ObjectKey) -> Option<ObjectHead> {
    must(store.head(key).await, "head")
}

/// Asserts that the object is there with these bytes, by its head and by reading it.
pub(super) async fn assert_holds(store: &dyn PieceStore, key: ObjectKey, bytes: &Bytes) {
    let Some(head) = head(store, key).await else {
        panic!("{key:?} is not there");
    };
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    assert_eq!(
        head.size_bytes, length,
        "{key:?}: the head tells the length"
    );
    if let Some(text) = head.crc64nvme {
        let expected = STANDARD.encode(crc(bytes).to_be_bytes());
        assert_eq!(text, expected, "{key:?}: the head tells the checksum");
    }
    let found = must(store.get(key).await, "get");
    assert!(found == *bytes, "{key:?}: the bytes are those written");
}

/// Asserts that this answer says that something is not there.
pub(super) fn assert_not_found<T>(answer: Result<T, StoreError>, what: &str) {
    match answer {
        Ok(_) => panic!("{what}: it is not there, but the store does not say so"),
        Err(error) => assert_eq!(error.kind, StoreErrorKind::NotFound, "{what}: {error}"),
    }
}

/// Objects of all three names hold what was put, from no byte on; names that differ in any part are different objects.
pub async fn object_reads_back(store: &dyn PieceStore) {
    let (export, other, run_a, run_b) = (export_id(), export_id(), run(), run());
    let keys = [
        ObjectKey::Piece(export, run_a, 0),
        ObjectKey::Piece(export, run_a, 1),
        ObjectKey::Piece(export, run_a, 10),
        ObjectKey::Piece(export, run_b, 1),
        ObjectKey::Piece(other, run_a, 1),
        ObjectKey::Tail(export, run_a),
        ObjectKey::Tail(export, run_b),
        ObjectKey::File(export, run_a),
        ObjectKey::File(export, run_b),
    ];
    let contents: Vec<Bytes> = (0..keys.len())
        .map(|index| Bytes::from("\"ü\"\r\n\0".repeat(index)))
        .collect();
    for (key, bytes) in keys.iter().zip(&contents) {
        put(store, *key, bytes).await;
    }
    for (key, bytes) in keys.iter().zip(&contents) {
        assert_holds(store, *key, bytes).await;
    }
}

/// F17: bytes that do not have the checksum are refused, and there is no object.
pub async fn wrong_checksum_is_refused(store: &dyn PieceStore) {
    let key = ObjectKey::Piece(export_id(), run(), 0);
    let bytes = Bytes::from_static(b"a,b\r\n");
    for wrong in [crc(b"a,c\r\n"), crc(&bytes).swap_bytes(), 0] {
        let answer = store.put(key, bytes.clone(), wrong, &CSV).await;
        assert!(answer.is_err(), "{wrong:016x} is not the checksum");
        assert_eq!(head(store, key).await, None, "nothing was stored");
    }
    put(store, key, &bytes).await;
    assert_holds(store, key, &bytes).await;
}

/// Reading what is not there says so; asking for its head is no error.
pub async fn absent_object_is_not_found(store: &dyn PieceStore) {
    let (export, run) = (export_id(), run());
    for key in [
        ObjectKey::Piece(export, run, 0),
        ObjectKey::Tail(export, run),
        ObjectKey::File(export, run),
    ] {
        assert_not_found(store.get(key).await, "get");
        assert_eq!(head(store, key).await, None, "there is no head");
    }
}

/// The same bytes under the same key, again.
pub async fn put_may_be_repeated(store: &dyn PieceStore) {
    let key = ObjectKey::Tail(export_id(), run());
    let bytes = Bytes::from_static(b"again\r\n");
    put(store, key, &bytes).await;
    put(store, key, &bytes).await;
    assert_holds(store, key, &bytes).await;
}

/// P9b, I6: all objects and open uploads of the export go but the kept file; those of others stay. Again is no error.
pub async fn cleaning_leaves_exactly_the_kept_file(store: &dyn PieceStore) {
    let (export, other, keep, dead) = (export_id(), export_id(), run(), run());
    let bytes = Bytes::from_static(b"row\r\n");
    let kept = ObjectKey::File(export, keep);
    let gone = [
        ObjectKey::Piece(export, keep, 0),
        ObjectKey::Piece(export, dead, 0),
        ObjectKey::Piece(export, dead, 1),
        ObjectKey::Tail(export, keep),
        ObjectKey::Tail(export, dead),
        ObjectKey::File(export, dead),
    ];
    // The same runs, to find a store that goes by the run alone.
    let foreign = [
        ObjectKey::Piece(other, dead, 0),
        ObjectKey::Tail(other, keep),
        ObjectKey::File(other, dead),
    ];
    for key in gone.iter().chain(&foreign).chain([&kept]) {
        put(store, *key, &bytes).await;
    }
    let mut aborted = Vec::new();
    for run in [dead, keep, run()] {
        let key = ObjectKey::File(export, run);
        let upload = must(store.open(key, &CSV).await, "open");
        let part = store.put_part(&upload, 1, bytes.clone(), crc(&bytes)).await;
        aborted.push((upload, must(part, "put_part")));
    }
    let theirs = ObjectKey::File(other, run());
    let upload = must(store.open(theirs, &CSV).await, "open");
    let part = store.put_part(&upload, 1, bytes.clone(), crc(&bytes)).await;
    let part = must(part, "put_part");

    for _ in 0..2 {
        must(store.clean(export, Some(keep)).await, "clean");
        for key in gone {
            assert_eq!(head(store, key).await, None, "{key:?} is gone");
        }
        assert_holds(store, kept, &bytes).await;
        for key in foreign {
            assert_holds(store, key, &bytes).await;
        }
    }
    for (upload, part) in &aborted {
        let answer = store.put_part(upload, 2, bytes.clone(), crc(&bytes)).await;
        assert!(answer.is_err(), "an aborted upload takes no part");
        let part = std::slice::from_ref(part);
        let answer = store.complete(upload, part, crc(&bytes), 5).await;
        assert!(answer.is_err(), "an aborted upload is not completed");
    }
    for key in gone {
        assert_eq!(head(store, key).await, None, "{key:?} does not come back");
    }
    let answer = store.complete(&upload, &[part], crc(&bytes), 5).await;
    must(answer, "the upload of another export goes on");
    assert_holds(store, theirs, &bytes).await;

    must(store.clean(export, None).await, "clean all");
    assert_eq!(head(store, kept).await, None, "nothing is kept");
    must(store.clean(export_id(), None).await, "clean what never was");
}

/// More objects than one listing of S3 tells and one deletion takes: 1 000 each.
pub async fn cleaning_reaches_beyond_one_listing(store: &dyn PieceStore) {
    let (export, run) = (export_id(), run());
    let kept = ObjectKey::File(export, run);
    let bytes = Bytes::from_static(b".");
    put(store, kept, &bytes).await;
    let key = |number| ObjectKey::Piece(export, run, number);
    let bytes = &bytes;
    let puts = (0..1005).map(|number| store.put(key(number), bytes.clone(), crc(bytes), &CSV));
    let answer: Result<Vec<()>, StoreError> =
        stream::iter(puts).buffer_unordered(32).try_collect().await;
    must(answer, "put many");
    must(store.clean(export, Some(run)).await, "clean");
    let heads = (0..1005).map(|number| store.head(key(number)));
    let heads: Result<Vec<_>, StoreError> =
        stream::iter(heads).buffer_unordered(32).try_collect().await;
    let left = must(heads, "head").into_iter().flatten().count();
    assert_eq!(left, 0, "no piece is left");
    assert_holds(store, kept, bytes).await;
}

/// One file goes; pieces, and files of other runs and exports, stay. That it is gone already is no error.
pub async fn file_is_deleted_alone_and_again(store: &dyn PieceStore) {
    let (export, run_a, run_b) = (export_id(), run(), run());
    let bytes = Bytes::from_static(b"row\r\n");
    let file = ObjectKey::File(export, run_a);
    let others = [
        ObjectKey::File(export, run_b),
        ObjectKey::File(export_id(), run_a),
        ObjectKey::Piece(export, run_a, 0),
        ObjectKey::Tail(export, run_a),
    ];
    for key in others.iter().chain([&file]) {
        put(store, *key, &bytes).await;
    }
    for _ in 0..2 {
        must(store.delete_file(export, run_a).await, "delete_file");
        assert_eq!(head(store, file).await, None, "the file is gone");
        for key in others {
            assert_holds(store, key, &bytes).await;
        }
    }
}
