//! What becomes of the bytes that are put into the canned S3: hashes, sizes, and nothing else, but for tails.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lead_export_core::piece::{crc64, crc64_joined};
use sha2::{Digest as _, Sha256};

/// What is known of an object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its length.
    pub size: u64,
    /// CRC-64/NVME of its bytes.
    pub crc: u64,
    /// SHA-256 of its bytes, as hex.
    pub sha256: String,
    /// The bytes, of tails alone.
    pub bytes: Option<Bytes>,
}

/// Bytes that come in parts, one behind the other in the end, though not on their way.
#[derive(Default)]
struct Chain {
    sha: Sha256,
    /// What was taken in, in order.
    taken: Vec<String>,
    /// The name of what comes next, and the part of its name that counts.
    next: Option<(String, u64)>,
    waiting: HashMap<String, Bytes>,
}

impl Chain {
    /// Takes in the part `number` of `group`. A group follows the one before it when its part 0 comes.
    fn add(&mut self, group: &str, number: u64, bytes: Bytes) {
        let name = format!("{group}/{number}");
        if self.taken.contains(&name) {
            return;
        }
        self.waiting.insert(name, bytes);
        if number == 0 {
            self.next = Some((group.to_owned(), 0));
        }
        while let Some((group, number)) = &mut self.next {
            let name = format!("{group}/{number}");
            let Some(bytes) = self.waiting.remove(&name) else {
                break;
            };
            self.sha.update(&bytes);
            self.taken.push(name);
            *number += 1;
        }
    }
}

/// A part of an upload.
struct Part {
    etag: String,
    size: u64,
    crc: u64,
    /// The piece that was copied, if it was.
    copied: Option<String>,
}

/// An open upload.
struct Upload {
    key: String,
    parts: BTreeMap<u32, Part>,
    chain: Chain,
    /// Bytes of the parts behind copied ones: the rest of a file.
    rest: Vec<Bytes>,
}

/// The bucket.
#[derive(Default)]
pub struct Sink {
    objects: BTreeMap<String, Object>,
    uploads: HashMap<String, Upload>,
    /// The pieces of each export.
    pieces: HashMap<String, Chain>,
    counter: u64,
}

/// The two last parts of a piece's key `work/{export}/{run}/{n}`, and its export.
fn piece(key: &str) -> Option<(&str, &str, u64)> {
    let mut parts = key.strip_prefix("work/")?.split('/');
    let (export, run, number) = (parts.next()?, parts.next()?, parts.next()?);
    Some((export, run, number.parse().ok()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Checks a checksum that came with some bytes.
fn check(said: &str, crc: u64) -> anyhow::Result<()> {
    let right = STANDARD.encode(crc.to_be_bytes());
    ensure!(said.is_empty() || said == right, "BadDigest");
    Ok(())
}

impl Sink {
    fn etag(&mut self) -> String {
        self.counter += 1;
        format!("\"{:032x}\"", self.counter)
    }

    /// PutObject; the ETag.
    ///
    /// # Errors
    /// The checksum is not that of the bytes.
    pub fn put(&mut self, key: &str, bytes: &Bytes, crc64nvme: &str) -> anyhow::Result<String> {
        let crc = crc64(bytes);
        check(crc64nvme, crc)?;
        if let Some((export, run, number)) = piece(key) {
            let chain = self.pieces.entry(export.to_owned()).or_default();
            chain.add(&format!("work/{export}/{run}"), number, bytes.clone());
        }
        let object = Object {
            size: bytes.len() as u64,
            crc,
            sha256: hex(&Sha256::digest(bytes)),
            bytes: key.ends_with("/tail").then(|| bytes.clone()),
        };
        self.objects.insert(key.to_owned(), object);
        Ok(self.etag())
    }

    /// An object.
    pub fn object(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// All files: what lies below no `work/`.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Object)> {
        let files = self.objects.iter();
        files
            .filter(|(key, _)| !key.starts_with("work/"))
            .map(|(key, object)| (key.as_str(), object))
    }

    /// CreateMultipartUpload; the upload's id.
    pub fn open(&mut self, key: &str) -> String {
        self.counter += 1;
        let id = format!("upload-{}", self.counter);
        let upload = Upload {
            key: key.to_owned(),
            parts: BTreeMap::new(),
            chain: Chain::default(),
            rest: Vec::new(),
        };
        self.uploads.insert(id.clone(), upload);
        id
    }

    /// UploadPart; the ETag.
    ///
    /// # Errors
    /// No such upload, or the checksum is not that of the bytes.
    pub fn part(
        &mut self,
        id: &str,
        number: u32,
        bytes: &Bytes,
        crc64nvme: &str,
    ) -> anyhow::Result<String> {
        let crc = crc64(bytes);
        check(crc64nvme, crc)?;
        let etag = self.etag();
        let upload = self.uploads.get_mut(id).context("NoSuchUpload")?;
        if upload.parts.values().any(|part| part.copied.is_some()) {
            upload.rest.push(bytes.clone());
        } else {
            upload
                .chain
                .add("part", u64::from(number) - 1, bytes.clone());
        }
        let part = Part {
            etag: etag.clone(),
            size: bytes.len() as u64,
            crc,
            copied: None,
        };
        upload.parts.insert(number, part);
        Ok(etag)
    }

    /// UploadPartCopy; the ETag and the checksum.
    ///
    /// # Errors
    /// No such upload or piece.
    pub fn copy(&mut self, id: &str, number: u32, source: &str) -> anyhow::Result<(String, u64)> {
        let (size, crc) = {
            let object = self.objects.get(source).context("NoSuchKey")?;
            (object.size, object.crc)
        };
        let etag = self.etag();
        let upload = self.uploads.get_mut(id).context("NoSuchUpload")?;
        let part = Part {
            etag: etag.clone(),
            size,
            crc,
            copied: Some(source.to_owned()),
        };
        upload.parts.insert(number, part);
        Ok((etag, crc))
    }

    /// CompleteMultipartUpload, of parts named by number and ETag.
    ///
    /// # Errors
    /// As S3 refuses: unknown or too small parts, another checksum or size.
    pub fn complete(
        &mut self,
        id: &str,
        named: &[(u32, String)],
        crc64nvme: &str,
        said_size: Option<u64>,
    ) -> anyhow::Result<()> {
        let mut upload = self.uploads.remove(id).context("NoSuchUpload")?;
        ensure!(named.is_sorted_by(|a, b| a.0 < b.0), "InvalidPartOrder");
        let (mut size, mut crc, mut copied) = (0, crc64(b""), Vec::new());
        for (index, (number, etag)) in named.iter().enumerate() {
            let part = upload.parts.get(number).context("InvalidPart")?;
            ensure!(part.etag == *etag, "InvalidPart");
            ensure!(
                part.size >= 5 << 20 || index + 1 == named.len(),
                "EntityTooSmall"
            );
            size += part.size;
            crc = crc64_joined(crc, part.crc, part.size);
            copied.extend(part.copied.clone());
        }
        check(crc64nvme, crc)?;
        ensure!(said_size.is_none_or(|said| said == size), "InvalidRequest");
        let mut sha = upload.chain.sha;
        if !copied.is_empty() {
            let export = upload.key.split('/').nth(1).unwrap_or_default();
            let chain = self.pieces.get(export).context("InvalidPart")?;
            ensure!(chain.taken == copied, "the pieces do not follow each other");
            sha = chain.sha.clone();
            // Only the last part may be one that was sent.
            ensure!(upload.rest.len() <= 1, "more than one rest");
            for rest in upload.rest.drain(..) {
                sha.update(&rest);
            }
        }
        let object = Object {
            size,
            crc,
            sha256: hex(&sha.finalize()),
            bytes: None,
        };
        self.objects.insert(upload.key, object);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_a_rest_are_one_file_whatever_came_first() {
        let mut sink = Sink::default();
        let big = |byte: u8| Bytes::from(vec![byte; 5 << 20]);
        let rest = Bytes::from_static(b"rest");
        sink.put("work/e/r1/1", &big(b'b'), "").unwrap();
        sink.put("work/e/r1/0", &big(b'a'), "").unwrap();
        sink.put("work/e/r1/0", &big(b'a'), "").unwrap();
        sink.put("work/e/r2/0", &big(b'c'), "").unwrap();
        let id = sink.open("files/e/r2");
        let mut named: Vec<(u32, String)> = (1..)
            .zip(["work/e/r1/0", "work/e/r1/1", "work/e/r2/0"])
            .map(|(number, source)| (number, sink.copy(&id, number, source).unwrap().0))
            .collect();
        named.push((4, sink.part(&id, 4, &rest, "").unwrap()));
        let whole: Vec<u8> = [&big(b'a')[..], &big(b'b'), &big(b'c'), &rest].concat();
        let crc = STANDARD.encode(crc64(&whole).to_be_bytes());
        sink.complete(&id, &named, &crc, Some(whole.len() as u64))
            .unwrap();
        let file = sink.object("files/e/r2").unwrap();
        assert_eq!(file.sha256, hex(&Sha256::digest(&whole)));
        assert_eq!((file.size, file.crc), (whole.len() as u64, crc64(&whole)));
    }

    #[test]
    fn wrong_checksums_orders_and_small_parts_are_refused() {
        let mut sink = Sink::default();
        let bytes = Bytes::from_static(b"small");
        let right = STANDARD.encode(crc64(&bytes).to_be_bytes());
        assert!(sink.put("a", &bytes, "AAAAAAAAAAA=").is_err());
        assert!(sink.put("a", &bytes, &right).is_ok());
        let id = sink.open("files/e/r");
        let first = sink.part(&id, 1, &bytes, "").unwrap();
        let second = sink.part(&id, 2, &bytes, "").unwrap();
        let refused = sink.complete(&id, &[(1, first), (2, second)], "", None);
        assert_eq!(refused.unwrap_err().to_string(), "EntityTooSmall");
        sink.put("work/e/r1/0", &Bytes::from(vec![b'a'; 5 << 20]), "")
            .unwrap();
        sink.put("work/e/r1/1", &Bytes::from(vec![b'b'; 5 << 20]), "")
            .unwrap();
        let id = sink.open("files/e/r1");
        let two = sink.copy(&id, 1, "work/e/r1/1").unwrap().0;
        let one = sink.copy(&id, 2, "work/e/r1/0").unwrap().0;
        assert!(sink.complete(&id, &[(1, two), (2, one)], "", None).is_err());
    }
}
