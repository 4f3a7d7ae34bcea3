//! A verifier of presigned URLs, written from "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" alone.

use sha2::{Digest as _, Sha256};

/// What a request is checked against.
pub(crate) struct Verifier {
    pub(crate) access_key: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) session: Option<&'static str>,
    pub(crate) region: &'static str,
}

/// A request as it comes in, with no header but `host`.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) host: String,
    /// As it was sent: percent-encoded.
    pub(crate) path: String,
    /// As it was sent: percent-encoded pairs in their order.
    pub(crate) query: Vec<(String, String)>,
}

impl Asked {
    /// A GET of a URL.
    pub(crate) fn get(url: &str) -> Self {
        let rest = url.split_once("://").unwrap().1;
        let (host, rest) = rest.split_once('/').unwrap();
        let (path, query) = rest.split_once('?').unwrap();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        };
        Self {
            method: "GET",
            host: host.to_owned(),
            path: format!("/{path}"),
            query: query.split('&').map(pair).collect(),
        }
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(more.get(..2)?).ok()?;
            out.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &more[2..];
        } else {
            out.push(*first);
            rest = more;
        }
    }
    Some(out)
}

/// `UriEncode` of the documentation.
fn encoded(bytes: &[u8], slash: bool) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(*byte).to_string()
            }
            b'/' if !slash => "/".to_owned(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digits = |byte: &u8| {
        [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]
    };
    bytes.iter().flat_map(digits).collect()
}

/// HMAC-SHA-256, RFC 2104.
pub(crate) fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8, text: &[u8]| {
        let mut sha = Sha256::new();
        sha.update(block.map(|byte| byte ^ pad));
        sha.update(text);
        sha.finalize().to_vec()
    };
    keyed(0x5c, &keyed(0x36, text))
}

/// Seconds since 1970 of `20261122T024300Z`.
fn seconds(date: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    Some(
        time.to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_second(),
    )
}

impl Verifier {
    /// Lets a request in at an instant, or says why not.
    pub(crate) fn check(&self, asked: &Asked, now: i64) -> Result<(), &'static str> {
        let mut pairs = Vec::new();
        for (name, value) in &asked.query {
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                return Err("not percent-encoded");
            };
            pairs.push((name, value));
        }
        let one = |wanted: &str| {
            let mut found = pairs.iter().filter(|(name, _)| name == wanted.as_bytes());
            let value = found
                .next()
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned());
            match (value, found.next()) {
                (Some(value), None) => Ok(value),
                _ => Err("a parameter is missing, or there twice"),
            }
        };
        if one("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
            return Err("algorithm");
        }
        if one("X-Amz-SignedHeaders")? != "host" {
            return Err("a header would be needed");
        }
        if self
            .session
            .is_some_and(|session| one("X-Amz-Security-Token").as_deref() != Ok(session))
        {
            return Err("session");
        }
        let date = one("X-Amz-Date")?;
        let day = date.get(..8).ok_or("date")?;
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        if one("X-Amz-Credential")? != format!("{}/{scope}", self.access_key) {
            return Err("credential");
        }
        let lives: i64 = one("X-Amz-Expires")?.parse().map_err(|_| "expires")?;
        let start = seconds(&date).ok_or("date")?;
        if !(1..=604_800).contains(&lives) || now > start + lives {
            return Err("expired");
        }
        let signature = one("X-Amz-Signature")?;
        pairs.retain(|(name, _)| name != b"X-Amz-Signature");
        let mut canonical: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name, true), encoded(value, true)))
            .collect();
        canonical.sort();
        let path = decoded(&asked.path).ok_or("not percent-encoded")?;
        let request = format!(
            "{}\n{}\n{}\nhost:{}\n\nhost\nUNSIGNED-PAYLOAD",
            asked.method,
            encoded(&path, false),
            canonical.join("&"),
            asked.host
        );
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            hex(&Sha256::digest(request.as_bytes()))
        );
        let mut key = hmac(format!("AWS4{}", self.secret).as_bytes(), day.as_bytes());
        for part in [self.region, "s3", "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        if hex(&hmac(&key, to_sign.as_bytes())) == signature {
            Ok(())
        } else {
            Err("signature")
        }
    }
}

#[test]
fn hmac_is_that_of_rfc_4231() {
    assert_eq!(
        hex(&hmac(&[0x0b; 20], b"Hi There")),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    );
    assert_eq!(
        hex(&hmac(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First"
        )),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}

/// The worked example of the page: the verifier is right about what it lets in.
#[test]
fn verifier_knows_amazons_own_example() {
    let url = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let verifier = Verifier {
        access_key: "AKIAIOSFODNN7EXAMPLE",
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        session: None,
        region: "us-east-1",
    };
    let asked = Asked::get(url);
    let start = 1_369_353_600;
    assert_eq!(verifier.check(&asked, start), Ok(()));
    assert_eq!(verifier.check(&asked, start + 86_400), Ok(()));
    assert_eq!(verifier.check(&asked, start + 86_401), Err("expired"));
}
