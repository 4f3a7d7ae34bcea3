//! Checksums as S3 keeps them: which there are, how they are computed on the way in, how those of parts become the object's.
//!
//! Sources: "Checking object integrity in Amazon S3" and the API pages of CreateMultipartUpload and
//! CompleteMultipartUpload.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use s3s::crypto::Checksum as _;
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A checksum algorithm of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// How an object's checksum came about: over all its bytes, or over the checksums of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Kind {
    FullObject,
    Composite,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    pub(super) fn parse(name: &str) -> S3Result<Self> {
        match name {
            "FULL_OBJECT" => Ok(Self::FullObject),
            "COMPOSITE" => Ok(Self::Composite),
            _ => Err(s3_error!(
                InvalidRequest,
                "Value for x-amz-checksum-type header is invalid."
            )),
        }
    }
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    pub(super) fn parse(name: &str) -> S3Result<Self> {
        Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
        })
    }

    fn size(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Whether `value` is base64 of as many bytes as this algorithm gives.
    pub(super) fn fits(self, value: &str) -> bool {
        STANDARD
            .decode(value)
            .is_ok_and(|bytes| bytes.len() == self.size())
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// The kind an upload gets that names none; refuses the pairs that the page of CreateMultipartUpload refuses.
    pub(super) fn kind(self, asked: Option<Kind>) -> S3Result<Kind> {
        let (default, other) = match self {
            Self::Crc64Nvme => (Kind::FullObject, false),
            Self::Crc32 | Self::Crc32c => (Kind::Composite, true),
            Self::Sha1 | Self::Sha256 => (Kind::Composite, false),
        };
        match asked {
            Some(asked) if asked != default && !other => Err(s3_error!(
                InvalidRequest,
                "The {} checksum type cannot be used with the {} checksum algorithm.",
                asked.name(),
                self.name().to_ascii_lowercase()
            )),
            asked => Ok(asked.unwrap_or(default)),
        }
    }
}

/// A checksum with its algorithm; the value is base64, with `-n` behind it where it is composite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) algorithm: Algorithm,
    pub(super) value: String,
}

enum State {
    Crc(crc_fast::Digest, usize),
    Sha1(s3s::crypto::Sha1),
    Sha256(sha2::Sha256),
}

/// Looks at each byte once, for the MD5 and for every algorithm asked for.
pub(super) struct Hasher {
    size: u64,
    md5: Md5,
    states: Vec<(Algorithm, State)>,
}

/// What a [`Hasher`] found.
#[derive(Clone, Debug)]
pub(super) struct Digests {
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    pub(super) sums: Vec<Sum>,
}

impl Digests {
    pub(super) fn sum(&self, algorithm: Algorithm) -> Option<&Sum> {
        self.sums.iter().find(|sum| sum.algorithm == algorithm)
    }
}

impl Hasher {
    pub(super) fn new(algorithms: &[Algorithm]) -> Self {
        let states = algorithms
            .iter()
            .map(|&algorithm| {
                let state = match algorithm.crc() {
                    Some(crc) => State::Crc(crc_fast::Digest::new(crc), algorithm.size()),
                    None if algorithm == Algorithm::Sha1 => State::Sha1(s3s::crypto::Sha1::new()),
                    None => State::Sha256(sha2::Sha256::new()),
                };
                (algorithm, state)
            })
            .collect();
        Self {
            size: 0,
            md5: Md5::new(),
            states,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
        for (_, state) in &mut self.states {
            match state {
                State::Crc(digest, _) => digest.update(bytes),
                State::Sha1(digest) => digest.update(bytes),
                State::Sha256(digest) => sha2::Digest::update(digest, bytes),
            }
        }
    }

    pub(super) fn finish(self) -> Digests {
        let sums = self
            .states
            .into_iter()
            .map(|(algorithm, state)| {
                let bytes = match state {
                    State::Crc(digest, size) => {
                        digest.finalize().to_be_bytes()[8 - size..].to_vec()
                    }
                    State::Sha1(digest) => digest.finalize().to_vec(),
                    State::Sha256(digest) => sha2::Digest::finalize(digest).to_vec(),
                };
                Sum {
                    algorithm,
                    value: STANDARD.encode(bytes),
                }
            })
            .collect();
        Digests {
            size: self.size,
            md5: self.md5.finalize().into(),
            sums,
        }
    }
}

/// The ETag of a multipart object: the MD5 of its parts' MD5s, and their number.
///
/// # Errors
/// An MD5 that is not hexadecimal, which only a damaged record holds.
pub(super) fn multipart_etag<'a>(parts: impl Iterator<Item = &'a str>) -> S3Result<String> {
    let mut hasher = Md5::new();
    let mut count = 0;
    for etag in parts {
        hasher.update(hex::decode(etag).map_err(|error| s3_error!(error, InternalError))?);
        count += 1;
    }
    Ok(format!("{}-{count}", hex::encode(hasher.finalize())))
}

/// The object's checksum out of those of its parts, each with its size in bytes.
///
/// # Errors
/// A checksum that is not base64 of the right size, which only a damaged record holds.
pub(super) fn combine<'a>(
    algorithm: Algorithm,
    kind: Kind,
    parts: impl Iterator<Item = (&'a str, u64)>,
) -> S3Result<Sum> {
    let decode = |value: &str| {
        STANDARD
            .decode(value)
            .map_err(|error| s3_error!(error, InternalError))
    };
    let value = if let (Kind::FullObject, Some(crc)) = (kind, algorithm.crc()) {
        let mut whole = None;
        for (value, size) in parts {
            let bytes = decode(value)?;
            let mut wide = [0; 8];
            let start = 8_usize
                .checked_sub(bytes.len())
                .ok_or_else(|| s3_error!(InternalError))?;
            wide[start..].copy_from_slice(&bytes);
            let part = u64::from_be_bytes(wide);
            whole = Some(match whole {
                None => part,
                Some(before) => crc_fast::checksum_combine(crc, before, part, size),
            });
        }
        STANDARD.encode(&whole.unwrap_or_default().to_be_bytes()[8 - algorithm.size()..])
    } else {
        let mut hasher = Hasher::new(&[algorithm]);
        let mut count = 0;
        for (value, _) in parts {
            hasher.update(&decode(value)?);
            count += 1;
        }
        let digests = hasher.finish();
        let sum = digests
            .sum(algorithm)
            .ok_or_else(|| s3_error!(InternalError))?;
        format!("{}-{count}", sum.value)
    };
    Ok(Sum { algorithm, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(bytes: &[u8]) -> Digests {
        let mut hasher = Hasher::new(&Algorithm::ALL);
        hasher.update(bytes);
        hasher.finish()
    }

    #[test]
    fn check_values_are_those_of_the_catalogues() {
        // "123456789": the CRC catalogue of Greg Cook; RFC 3174 and FIPS 180 give no such line, so coreutils did.
        let found = sums(b"123456789");
        let hex_of = |algorithm| {
            hex::encode(
                STANDARD
                    .decode(&found.sum(algorithm).unwrap().value)
                    .unwrap(),
            )
        };
        assert_eq!(hex_of(Algorithm::Crc32), "cbf43926");
        assert_eq!(hex_of(Algorithm::Crc32c), "e3069283");
        assert_eq!(hex_of(Algorithm::Crc64Nvme), "ae8b14860a799888");
        assert_eq!(
            hex_of(Algorithm::Sha1),
            "f7c3bc1d808e04732adf679965ccc34ca7ae3441"
        );
        assert_eq!(hex::encode(found.md5), "25f9e794323b453885f5181f1b624d0b");
        assert_eq!(found.size, 9);
    }

    #[test]
    fn crcs_of_parts_combine_to_that_of_the_whole() {
        let (head, tail) = (b"12345".as_slice(), b"6789".as_slice());
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let (a, b) = (sums(head), sums(tail));
            let parts = [(&a, 5), (&b, 4)]
                .map(|(it, size)| (it.sum(algorithm).unwrap().value.as_str(), size));
            let whole = combine(algorithm, Kind::FullObject, parts.into_iter()).unwrap();
            assert_eq!(&whole, sums(b"123456789").sum(algorithm).unwrap());
        }
    }

    #[test]
    fn composite_is_the_checksum_of_checksums_with_their_number() {
        let (a, b) = (sums(b"a"), sums(b"b"));
        let values = [&a, &b].map(|it| it.sum(Algorithm::Sha256).unwrap().value.clone());
        let joined: Vec<u8> = values
            .iter()
            .flat_map(|it| STANDARD.decode(it).unwrap())
            .collect();
        let expected = format!("{}-2", sums(&joined).sum(Algorithm::Sha256).unwrap().value);
        let found = combine(
            Algorithm::Sha256,
            Kind::Composite,
            values.iter().map(|it| (it.as_str(), 1)),
        )
        .unwrap();
        assert_eq!(found.value, expected);
    }

    #[test]
    fn pairs_that_s3_refuses_are_refused() {
        assert!(Algorithm::Crc64Nvme.kind(Some(Kind::Composite)).is_err());
        assert!(Algorithm::Sha256.kind(Some(Kind::FullObject)).is_err());
        assert_eq!(Algorithm::Crc32.kind(None).unwrap(), Kind::Composite);
        assert_eq!(
            Algorithm::Crc32.kind(Some(Kind::FullObject)).unwrap(),
            Kind::FullObject
        );
        assert_eq!(Algorithm::Crc64Nvme.kind(None).unwrap(), Kind::FullObject);
        assert!(Algorithm::parse("MD4").is_err());
    }
}
