//! Members are cut by rows alone, whatever happens between two of them.

use std::io::Read;

use flate2::bufread::{GzDecoder, MultiGzDecoder};
use proptest::prelude::*;

use super::*;

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

/// What each member holds.
fn members(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut members = Vec::new();
    while !bytes.is_empty() {
        let mut decoder = GzDecoder::new(bytes);
        let mut plain = Vec::new();
        decoder.read_to_end(&mut plain).unwrap();
        members.push(plain);
        bytes = decoder.into_inner();
    }
    members
}

fn push(members: &mut Members, row: &[u8]) {
    members.row(|bytes| bytes.extend_from_slice(row));
}

fn once(member_bytes: Option<usize>, header: &[u8], rows: &[Vec<u8>]) -> Vec<u8> {
    let mut members = Members::beginning(member_bytes, header.to_vec());
    for row in rows {
        push(&mut members, row);
    }
    members.into_end(true)
}

/// What is stored of a file, and how many rows it holds.
#[derive(Clone)]
struct Saved {
    pieces: Vec<u8>,
    tail: Option<(Vec<u8>, u64)>,
    rows: usize,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Go,
    Pause,
    Crash,
}

/// The same file in pieces, paused and crashed by `events`, one for each row written. Each run has its own size of pieces: a build
/// may have another than the one before.
fn broken_off(
    member_bytes: Option<usize>,
    header: &[u8],
    rows: &[Vec<u8>],
    piece_bytes: &[usize],
    events: &[Event],
) -> Vec<u8> {
    let mut events = events.iter().copied().chain(std::iter::repeat(Event::Go));
    let mut saved = Saved {
        pieces: Vec::new(),
        tail: None,
        rows: 0,
    };
    let mut sizes = piece_bytes.iter().copied().cycle();
    'run: loop {
        let piece_bytes = sizes.next().unwrap();
        let mut buffer = match saved.tail.clone() {
            Some((tail, open)) => Members::taken_up(member_bytes, tail, open).unwrap(),
            None if saved.rows == 0 => Members::beginning(member_bytes, header.to_vec()),
            None => Members::beginning(member_bytes, Vec::new()),
        };
        let mut pieces = saved.pieces.clone();
        for (number, row) in rows.iter().enumerate().skip(saved.rows) {
            push(&mut buffer, row);
            if buffer.holds(piece_bytes) {
                let piece = buffer.cut(Vec::new());
                assert!(piece.len() >= piece_bytes);
                pieces.extend(piece);
                saved = Saved {
                    pieces: pieces.clone(),
                    tail: None,
                    rows: number + 1,
                };
            }
            match events.next() {
                Some(Event::Pause) => {
                    saved = Saved {
                        tail: Some(buffer.take_tail()),
                        pieces,
                        rows: number + 1,
                    };
                    continue 'run;
                }
                Some(Event::Crash) => continue 'run,
                Some(Event::Go) | None => {}
            }
        }
        let end = buffer.into_end(pieces.is_empty());
        pieces.extend(end);
        return pieces;
    }
}

fn row() -> impl Strategy<Value = Vec<u8>> {
    "([a-e]{0,30}|.{0,60})\r\n".prop_map(String::into_bytes)
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => Just(Event::Go),
        1 => Just(Event::Pause),
        1 => Just(Event::Crash),
    ]
}

proptest! {
    #[test]
    fn neither_pieces_nor_pauses_nor_crashes_show_in_the_file(
        header in prop_oneof![Just(Vec::new()), row()],
        rows in prop::collection::vec(row(), 0..60),
        member_bytes in prop_oneof![Just(None), (1usize..400).prop_map(Some)],
        piece_bytes in prop::collection::vec(1usize..600, 1..4),
        events in prop::collection::vec(event(), 0..200),
    ) {
        let one_shot = once(member_bytes, &header, &rows);
        let other = broken_off(member_bytes, &header, &rows, &piece_bytes, &events);
        prop_assert_eq!(&one_shot, &other);
        let mut plain = header.clone();
        plain.extend(rows.concat());
        let read = if member_bytes.is_some() { gunzip(&one_shot) } else { one_shot };
        prop_assert_eq!(read, plain);
    }

    #[test]
    fn a_member_ends_at_the_first_row_end_that_fills_it(
        rows in prop::collection::vec(row(), 1..60),
        member_bytes in 1usize..400,
    ) {
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for row in &rows {
            match expected.last_mut() {
                Some(last) if last.len() < member_bytes => last.extend_from_slice(row),
                _ => expected.push(row.clone()),
            }
        }
        // The header is a row like others.
        prop_assert_eq!(members(&once(Some(member_bytes), &rows[0], &rows[1..])), expected);
    }
}

#[test]
fn members_of_an_export_close_at_the_first_row_end_after_a_mebibyte() {
    const MEBIBYTE: usize = 1_048_576;
    let row = |bytes: usize| [vec![b'a'; bytes - 2], b"\r\n".to_vec()].concat();
    for (rows, expected) in [
        (vec![row(MEBIBYTE), row(5)], vec![MEBIBYTE, 5]),
        (
            vec![row(MEBIBYTE - 1), row(100), row(5)],
            vec![MEBIBYTE + 99, 5],
        ),
        (vec![row(MEBIBYTE - 10), row(5)], vec![MEBIBYTE - 5]),
    ] {
        let file = once(Some(crate::limits::GZIP_MEMBER_BYTES), b"", &rows);
        let lengths: Vec<usize> = members(&file).iter().map(Vec::len).collect();
        assert_eq!(lengths, expected);
    }
}

#[test]
fn a_file_without_rows_is_one_member() {
    let header = b"lead_id,name\r\n";
    for member_bytes in [1, header.len(), 1 << 20] {
        assert_eq!(
            members(&once(Some(member_bytes), header, &[])),
            [header.to_vec()]
        );
    }
    assert_eq!(members(&once(Some(10), b"", &[])), [b"".to_vec()]);
    assert_eq!(once(None, b"", &[]), b"");
}

#[test]
fn a_file_that_ends_with_a_piece_gets_no_empty_member() {
    let mut members = Members::beginning(Some(5), b"header\r\n".to_vec());
    push(&mut members, b"row 1\r\n");
    assert!(!members.cut(Vec::new()).is_empty());
    assert_eq!(members.into_end(false), b"");
}

#[test]
fn within_an_open_member_no_piece_is_cut() {
    let mut members = Members::beginning(Some(20), b"a header of 20 bytes".to_vec());
    assert!(members.holds(1));
    push(&mut members, b"a row\r\n");
    assert!(!members.holds(1));
    push(&mut members, b"a row that is longer\r\n");
    assert!(members.holds(1));
}

#[test]
fn a_tail_that_is_none_is_refused() {
    assert!(Members::taken_up(Some(20), b"12345".to_vec(), 6).is_none());
    assert!(Members::taken_up(Some(20), b"12345".to_vec(), u64::MAX).is_none());
    assert!(Members::taken_up(None, b"12345".to_vec(), 1).is_none());
    assert!(Members::taken_up(Some(20), b"12345".to_vec(), 5).is_some());
}

/// Whoever sees this fail has changed the compressor: then `pieces::ENCODER_VERSION` counts up, and the numbers here follow.
#[test]
fn the_bytes_of_a_member_are_known() {
    let rows = (0..6000u32).fold(String::new(), |rows, n| {
        let dice = n.wrapping_mul(2_654_435_761);
        rows + &format!("l-{n},{dice:x},\"Ann, {}\",active\r\n", dice % 977)
    });
    let file = once(Some(64 << 10), b"", &[rows.into_bytes()]);
    // RFC 1952, 2.3: deflate, no flags, no time, neither best nor fastest, unknown system.
    assert_eq!(file[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    assert_eq!(
        (file.len(), crate::piece::crc64(&file)),
        (63_052, 9_090_945_502_354_187_781)
    );
}
