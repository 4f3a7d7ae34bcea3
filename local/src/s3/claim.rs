//! What a client says of the bytes it sends (Content-MD5, a checksum as a header or as a trailer), and whether it is true.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use s3s::{S3Result, TrailingHeaders, s3_error};

use super::digest::{Algorithm, Digests};

/// The claims of one request.
pub(super) struct Claim {
    md5: Option<[u8; 16]>,
    sum: Option<(Algorithm, Source)>,
}

enum Source {
    Header(String),
    Trailer,
}

impl Claim {
    /// Reads the claims out of a request's headers.
    ///
    /// # Errors
    /// `InvalidDigest` for a Content-MD5 that is none; `InvalidRequest` for two checksums, a malformed one, or an
    /// algorithm named without a value.
    pub(super) fn of(headers: &HeaderMap) -> S3Result<Self> {
        let md5 = text(headers, "content-md5")?
            .map(|value| {
                let bytes = STANDARD
                    .decode(value)
                    .ok()
                    .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
                bytes.ok_or_else(|| {
                    s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid.")
                })
            })
            .transpose()?;
        let mut sum = None;
        for algorithm in Algorithm::ALL {
            let Some(value) = text(headers, algorithm.header())? else {
                continue;
            };
            if sum.is_some() {
                return Err(several());
            }
            if !algorithm.fits(value) {
                return Err(s3_error!(
                    InvalidRequest,
                    "Value for {} header is invalid.",
                    algorithm.header()
                ));
            }
            sum = Some((algorithm, Source::Header(value.to_owned())));
        }
        if let Some(names) = text(headers, "x-amz-trailer")? {
            for name in names.split(',').map(str::trim) {
                let algorithm = Algorithm::ALL
                    .into_iter()
                    .find(|it| it.header().eq_ignore_ascii_case(name));
                let algorithm = algorithm.ok_or_else(|| {
                    s3_error!(
                        InvalidRequest,
                        "The value specified in the x-amz-trailer header is not supported"
                    )
                })?;
                if sum.is_some() {
                    return Err(several());
                }
                sum = Some((algorithm, Source::Trailer));
            }
        }
        if let Some(name) = text(headers, "x-amz-sdk-checksum-algorithm")? {
            let named = Algorithm::parse(name)?;
            match &sum {
                None => {
                    return Err(s3_error!(
                        InvalidRequest,
                        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
                    ));
                }
                Some((algorithm, _)) if *algorithm != named => {
                    return Err(s3_error!(
                        InvalidRequest,
                        "Value for x-amz-sdk-checksum-algorithm header is invalid."
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(Self { md5, sum })
    }

    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.sum.as_ref().map(|(algorithm, _)| *algorithm)
    }

    /// Holds the claims against what arrived; `trailers` are there once the body was read to its end.
    ///
    /// # Errors
    /// `BadDigest` where a claim is false, `MalformedTrailerError` where an announced trailer is missing.
    pub(super) fn verify(
        &self,
        digests: &Digests,
        trailers: Option<&TrailingHeaders>,
    ) -> S3Result<()> {
        if self.md5.is_some_and(|md5| md5 != digests.md5) {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
        let Some((algorithm, source)) = &self.sum else {
            return Ok(());
        };
        let claimed = match source {
            Source::Header(value) => value.clone(),
            Source::Trailer => trailers
                .and_then(TrailingHeaders::take)
                .and_then(|map| map.get(algorithm.header())?.to_str().ok().map(|it| it.trim().to_owned()))
                .ok_or_else(|| {
                    super::fault::named("MalformedTrailerError", 400, "The request contained trailing data that was not well-formed or did not conform to our published schema.")
                })?,
        };
        if !algorithm.fits(&claimed) {
            return Err(s3_error!(
                InvalidRequest,
                "Value for {} header is invalid.",
                algorithm.header()
            ));
        }
        match digests.sum(*algorithm) {
            Some(sum) if sum.value == claimed => Ok(()),
            _ => Err(s3_error!(
                BadDigest,
                "The {} you specified did not match the calculated checksum.",
                algorithm.name()
            )),
        }
    }
}

fn several() -> s3s::S3Error {
    s3_error!(
        InvalidRequest,
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    )
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> S3Result<Option<&'a str>> {
    headers
        .get(name)
        .map(|value| {
            value
                .to_str()
                .map_err(|_| s3_error!(InvalidRequest, "Value for {name} header is invalid."))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::super::digest::Hasher;
    use super::*;

    fn claim(pairs: &[(&'static str, &str)]) -> S3Result<Claim> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        Claim::of(&headers)
    }

    fn code(result: S3Result<impl Sized>) -> String {
        result
            .err()
            .map_or_else(String::new, |error| error.code().as_str().to_owned())
    }

    #[test]
    fn claims_that_contradict_themselves_are_refused() {
        for (pairs, expected) in [
            (&[("content-md5", "bm90IDE2")][..], "InvalidDigest"),
            (
                &[("x-amz-checksum-crc32", "AAAAAAAAAAA=")],
                "InvalidRequest",
            ),
            (
                &[
                    ("x-amz-checksum-crc32", "AAAAAA=="),
                    ("x-amz-trailer", "x-amz-checksum-sha1"),
                ],
                "InvalidRequest",
            ),
            (
                &[
                    ("x-amz-checksum-crc32", "AAAAAA=="),
                    ("x-amz-sdk-checksum-algorithm", "SHA1"),
                ],
                "InvalidRequest",
            ),
            (
                &[("x-amz-sdk-checksum-algorithm", "SHA1")],
                "InvalidRequest",
            ),
            (&[("x-amz-trailer", "x-amz-meta-a")], "InvalidRequest"),
            (
                &[
                    ("x-amz-sdk-checksum-algorithm", "CRC32"),
                    ("x-amz-trailer", "x-amz-checksum-crc32"),
                ],
                "",
            ),
        ] {
            assert_eq!(code(claim(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_trailer_that_never_came_is_no_proof() {
        let claim = claim(&[("x-amz-trailer", "x-amz-checksum-crc32")]).unwrap();
        let digests = Hasher::new(&[Algorithm::Crc32]).finish();
        assert_eq!(code(claim.verify(&digests, None)), "MalformedTrailerError");
    }
}
