//! The canned S3: the calls that exports make, over HTTP.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;

use crate::serve::{Answer, Asked, answer};
use crate::sink::Sink;

/// The name of the bucket.
pub const BUCKET: &str = "canned-files";

/// The bucket, as a server.
#[derive(Default)]
pub struct CannedS3 {
    sink: Mutex<Sink>,
}

const CRC: &str = "x-amz-checksum-crc64nvme";

fn crc_text(crc: u64) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

fn with(mut answer: Answer, name: &'static str, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    answer
}

fn refused(error: &anyhow::Error) -> Answer {
    let code = error.to_string();
    let status = if code.starts_with("NoSuch") {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::BAD_REQUEST
    };
    answer(status, format!("<Error><Code>{code}</Code></Error>"))
}

/// The bytes of an `aws-chunked` body: chunks behind lines of their sizes, and trailers.
fn unchunked(body: &[u8]) -> Bytes {
    let (mut rest, mut out) = (body, Vec::with_capacity(body.len()));
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let line = String::from_utf8_lossy(&rest[..end]);
        let size = line.split(';').next().unwrap_or_default();
        let Ok(size @ 1..) = usize::from_str_radix(size, 16) else {
            break;
        };
        let from = end + 2;
        let to = (from + size).min(rest.len());
        out.extend_from_slice(&rest[from..to]);
        rest = rest.get(to + 2..).unwrap_or_default();
    }
    out.into()
}

/// What stands between `<tag>` and `</tag>`, each time.
fn between<'a>(xml: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let behind = xml.split(open.as_str()).skip(1);
    behind
        .filter_map(|rest| rest.split(close.as_str()).next())
        .collect()
}

impl CannedS3 {
    /// Looks into the bucket.
    pub fn with<T>(&self, look: impl FnOnce(&mut Sink) -> T) -> T {
        look(&mut self.sink.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Answers a call.
    #[expect(clippy::needless_pass_by_value, reason = "as a server calls it")]
    pub fn handle(self: Arc<Self>, asked: Asked) -> std::future::Ready<Answer> {
        std::future::ready(self.answer(&asked))
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let path = percent_decode_str(asked.uri.path()).decode_utf8_lossy();
        let key = path.trim_start_matches('/').split_once('/');
        let key = key.map_or_else(String::new, |(_, key)| key.to_owned());
        let upload = asked.query("uploadId");
        let part: Option<u32> = asked.query("partNumber").and_then(|part| part.parse().ok());
        match (&asked.method, upload, part) {
            (&Method::PUT, Some(id), Some(number)) => self.put_part(asked, id, number),
            (&Method::PUT, None, None) => {
                let bytes = body(asked);
                match self.with(|sink| sink.put(&key, &bytes, asked.header(CRC))) {
                    Ok(etag) => with(answer(StatusCode::OK, ""), "etag", &etag),
                    Err(error) => refused(&error),
                }
            }
            (&Method::POST, None, _) if asked.query("uploads").is_some() => {
                let id = self.with(|sink| sink.open(&key));
                answer(
                    StatusCode::OK,
                    format!(
                        "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                    ),
                )
            }
            (&Method::POST, Some(id), _) => self.complete(asked, id, &key),
            (&Method::GET | &Method::HEAD, None, _) => self.object(asked, &key),
            _ => answer(StatusCode::NOT_IMPLEMENTED, ""),
        }
    }

    fn put_part(&self, asked: &Asked, id: &str, number: u32) -> Answer {
        let source = asked.header("x-amz-copy-source");
        if source.is_empty() {
            let bytes = body(asked);
            return match self.with(|sink| sink.part(id, number, &bytes, asked.header(CRC))) {
                Ok(etag) => with(answer(StatusCode::OK, ""), "etag", &etag),
                Err(error) => refused(&error),
            };
        }
        let source = percent_decode_str(source.trim_start_matches('/')).decode_utf8_lossy();
        let source = source.split_once('/').map_or("", |(_, key)| key);
        match self.with(|sink| sink.copy(id, number, source)) {
            Ok((etag, crc)) => answer(
                StatusCode::OK,
                format!(
                    "<CopyPartResult><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{etag}</ETag><ChecksumCRC64NVME>{}</ChecksumCRC64NVME></CopyPartResult>",
                    crc_text(crc)
                ),
            ),
            Err(error) => refused(&error),
        }
    }

    fn complete(&self, asked: &Asked, id: &str, key: &str) -> Answer {
        let xml = String::from_utf8_lossy(&asked.body).replace("&quot;", "\"");
        let numbers = between(&xml, "PartNumber").into_iter();
        let numbers = numbers.map(|number| number.parse().unwrap_or(0));
        let named: Vec<(u32, String)> = numbers
            .zip(between(&xml, "ETag").into_iter().map(str::to_owned))
            .collect();
        let size = asked.header("x-amz-mp-object-size").parse().ok();
        match self.with(|sink| sink.complete(id, &named, asked.header(CRC), size)) {
            Ok(()) => answer(
                StatusCode::OK,
                format!(
                    "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>"
                ),
            ),
            Err(error) => refused(&error),
        }
    }

    fn object(&self, asked: &Asked, key: &str) -> Answer {
        let Some(object) = self.with(|sink| sink.object(key).cloned()) else {
            return refused(&anyhow::anyhow!("NoSuchKey"));
        };
        let crc = crc_text(object.crc);
        if asked.method == Method::HEAD {
            let head = with(answer(StatusCode::OK, ""), CRC, &crc);
            return with(head, "content-length", &object.size.to_string());
        }
        match object.bytes {
            Some(bytes) => with(answer(StatusCode::OK, bytes), CRC, &crc),
            None => answer(StatusCode::GONE, "<Error><Code>Forgotten</Code></Error>"),
        }
    }

    /// What is known of all files, as JSON.
    pub fn files(&self) -> String {
        self.with(|sink| {
            let mut json = String::from("[");
            for (key, object) in sink.files() {
                let comma = if json.len() > 1 { "," } else { "" };
                // Writing into a String cannot fail.
                let _ = write!(
                    json,
                    "{comma}{{\"key\":\"{key}\",\"size_bytes\":{},\"sha256\":\"{}\",\"crc64nvme\":\"{}\"}}",
                    object.size, object.sha256, crc_text(object.crc)
                );
            }
            json + "]"
        })
    }
}

fn body(asked: &Asked) -> Bytes {
    if asked
        .header("x-amz-content-sha256")
        .starts_with("STREAMING-")
    {
        unchunked(&asked.body)
    } else {
        asked.body.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunked_bodies_are_joined() {
        let body =
            b"4;chunk-signature=x\r\nab\r\n\r\n3\r\ncde\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n";
        assert_eq!(&unchunked(body)[..], b"ab\r\ncde");
    }

    #[test]
    fn tags_are_found_each_time() {
        let xml = "<P><ETag>a</ETag></P><P><ETag>b</ETag></P>";
        assert_eq!(between(xml, "ETag"), ["a", "b"]);
    }
}
