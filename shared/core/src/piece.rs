//! Pieces of a file: their checksums, and how an object is assembled of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

use crate::ports::ObjectKey;
use crate::record::{ExportId, RunPieces};

/// CRC-64/NVME of these bytes: the checksum that S3 keeps of a whole object.
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

/// CRC-64/NVME of two runs of bytes joined, the second `second_len` bytes long.
pub fn crc64_joined(first: u64, second: u64, second_len: u64) -> u64 {
    crc_fast::checksum_combine(CrcAlgorithm::Crc64Nvme, first, second, second_len)
}

/// A checksum as S3 writes it: base64 of its eight bytes, the highest first.
pub fn crc64_text(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

/// The running hashes over the bytes of a file so far. They can be saved between runs.
#[derive(Clone)]
pub struct Hashes {
    sha: Sha256,
    crc: u64,
}

impl Default for Hashes {
    fn default() -> Self {
        Self {
            sha: Sha256::new(),
            crc: crc64(b""),
        }
    }
}

impl Hashes {
    /// Takes in the file's next bytes; answers with their own CRC-64/NVME.
    pub fn take(&mut self, bytes: &[u8]) -> u64 {
        self.sha.update(bytes);
        let crc = crc64(bytes);
        self.crc = crc64_joined(self.crc, crc, bytes.len() as u64);
        crc
    }

    /// The CRC-64/NVME of all bytes so far.
    pub fn crc(&self) -> u64 {
        self.crc
    }

    /// The SHA-256 of all bytes so far, as hex.
    pub fn sha256(&self) -> String {
        hex(&self.sha.clone().finalize())
    }

    /// The state, to be saved: the SHA-256 midstate and the checksum, both as hex.
    pub fn save(&self) -> (String, String) {
        (hex(&self.sha.serialize()), format!("{:016x}", self.crc))
    }

    /// Takes up a saved state; none if it is malformed.
    pub fn load(sha: &str, crc: &str) -> Option<Self> {
        let bytes = unhex(sha)?;
        let state = bytes.as_slice().try_into().ok()?;
        Some(Self {
            sha: Sha256::deserialize(&state).ok()?,
            crc: u64::from_str_radix(crc, 16).ok()?,
        })
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// Where a part of the assembled object comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartOf {
    /// A stored piece, copied on the store's side.
    Piece(ObjectKey),
    /// The rest that no piece holds, sent by the run that assembles.
    Rest,
}

/// The parts of a file, in order, numbered from 1: its pieces, then the rest if there is one.
///
/// Every piece is at least [`crate::limits::PIECE_BYTES`] long, above the least size of a part, and the rest is last.
pub fn plan(export: ExportId, runs: &[RunPieces], rest_bytes: usize) -> Vec<(u32, PartOf)> {
    let pieces = runs.iter().flat_map(|run| {
        (0..run.pieces).map(|n| PartOf::Piece(ObjectKey::Piece(export, run.run, n)))
    });
    let rest = (rest_bytes > 0).then_some(PartOf::Rest);
    (1..).zip(pieces.chain(rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RunId;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[test]
    fn checksums_of_published_vectors() {
        // CRC-64/NVME check value of the catalogue of parametrised CRC algorithms; SHA-256 of FIPS 180-2.
        assert_eq!(crc64(b"123456789"), 0xae8b_1486_0a79_9888);
        assert_eq!(crc64_text(0xae8b_1486_0a79_9888), "rosUhgp5mIg=");
        let mut hashes = Hashes::default();
        hashes.take(b"abc");
        assert_eq!(
            hashes.sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(crc64_text(Hashes::default().crc()), crc64_text(crc64(b"")));
    }

    #[test]
    fn parts_are_numbered_from_one_and_the_rest_is_last() {
        let (export, a, b) = (
            ExportId(Uuid::from_u128(1)),
            RunId(Uuid::from_u128(2)),
            RunId(Uuid::from_u128(3)),
        );
        let runs = [
            RunPieces { run: a, pieces: 2 },
            RunPieces { run: b, pieces: 1 },
        ];
        let piece = |run, n| PartOf::Piece(ObjectKey::Piece(export, run, n));
        assert_eq!(
            plan(export, &runs, 7),
            [
                (1, piece(a, 0)),
                (2, piece(a, 1)),
                (3, piece(b, 0)),
                (4, PartOf::Rest)
            ]
        );
        assert_eq!(plan(export, &runs, 0).len(), 3);
        assert_eq!(plan(export, &[], 0), []);
    }

    proptest! {
        #[test]
        fn hashes_saved_anywhere_end_the_same(bytes: Vec<u8>, cuts: Vec<prop::sample::Index>) {
            let mut once = Hashes::default();
            once.take(&bytes);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(bytes.len());
            let (mut hashes, mut from) = (Hashes::default(), 0);
            for cut in cuts {
                prop_assert_eq!(hashes.take(&bytes[from..cut]), crc64(&bytes[from..cut]));
                let (sha, crc) = hashes.save();
                hashes = Hashes::load(&sha, &crc).unwrap();
                from = cut;
            }
            prop_assert_eq!(hashes.sha256(), once.sha256());
            prop_assert_eq!(hashes.crc(), crc64(&bytes));
        }

        #[test]
        fn malformed_states_are_refused(sha in "\\PC{0,220}", crc in "\\PC{0,17}") {
            prop_assume!(sha.len() != 208);
            prop_assert!(Hashes::load(&sha, &crc).is_none());
        }
    }
}
