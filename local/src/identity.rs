//! The local identity provider: one RSA key, the tokens signed with it, and the documents others need to check them.
//!
//! It stands where the customer's OpenID provider stands in a deployment. The key is made at the first start and stays in
//! the data folder, so a token outlives a restart.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::gateway::Authorizer;

/// The key's file in the data folder.
const FILE: &str = "identity.pem";

/// What an HTTP API's authorizer and RFC 7518 §3.3 ask for at least.
const KEY_BITS: usize = 2048;

/// Who a token is for: the claims that are not the issuer's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claims {
    /// The user, `sub`.
    pub sub: String,
    /// The organization, `org_id`; left out if `None`.
    pub org: Option<String>,
    /// The user's address, `email`; left out if `None`.
    pub email: Option<String>,
    /// The display name, `name`; left out if `None`.
    pub name: Option<String>,
    /// Further claims. A name that this module sets itself is ignored here.
    pub extra: Map<String, Value>,
}

/// A signing key, and the name (`kid`) others know it by.
pub struct Identity {
    signing: EncodingKey,
    kid: String,
    modulus: String,
    exponent: String,
}

/// Shows the key's name alone: the key must not reach a log.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Opens the key kept in `dir`, or makes one there (RSA 2048, PKCS #8 PEM, mode 0600).
    ///
    /// The file appears whole or not at all, and of two processes that start at once both use the same key.
    ///
    /// # Errors
    /// The folder cannot be made, read or written, or the file in it is no RSA private key of 2048 bits or more.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(FILE);
        let pem = match fs::read_to_string(&path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                create(dir, &path).with_context(|| {
                    format!("the signing key {} could not be made", path.display())
                })?;
                fs::read_to_string(&path)
                    .with_context(|| format!("{} could not be read", path.display()))?
            }
            Err(error) => {
                return Err(error).with_context(|| format!("{} could not be read", path.display()));
            }
        };
        Self::from_pem(&pem).with_context(|| {
            format!(
                "{} is not a usable signing key; remove it to have a new one made",
                path.display()
            )
        })
    }

    /// Reads a PKCS #8 PEM.
    fn from_pem(pem: &str) -> anyhow::Result<Self> {
        let private = RsaPrivateKey::from_pkcs8_pem(pem)?;
        ensure!(
            private.size() * 8 >= KEY_BITS,
            "the key has {} bits, {KEY_BITS} are needed",
            private.size() * 8
        );
        let public = RsaPublicKey::from(&private);
        let modulus = URL_SAFE_NO_PAD.encode(public.n().to_bytes_be());
        let exponent = URL_SAFE_NO_PAD.encode(public.e().to_bytes_be());
        // RFC 7638: the members in this order, without white space.
        let thumbprint = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        Ok(Self {
            signing: EncodingKey::from_rsa_pem(pem.as_bytes())?,
            kid: URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint.as_bytes())),
            modulus,
            exponent,
        })
    }

    /// The key's name: the SHA-256 thumbprint of its public half (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs an access token: `iss aud sub iat exp token_use`, and what `claims` adds. Valid from `now` for `ttl`, whole
    /// seconds.
    ///
    /// # Errors
    /// The token would end after the year 292 277 026 596, or signing fails.
    pub fn token(
        &self,
        claims: &Claims,
        issuer: &str,
        audience: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> anyhow::Result<String> {
        let now = now.as_second();
        let expires = i64::try_from(ttl.as_secs())
            .ok()
            .and_then(|ttl| now.checked_add(ttl))
            .context("the token's time to live is too long")?;
        let mut body = claims.extra.clone();
        for (name, value) in [
            ("org_id", &claims.org),
            ("email", &claims.email),
            ("name", &claims.name),
        ] {
            body.remove(name);
            if let Some(value) = value {
                body.insert(name.to_owned(), value.as_str().into());
            }
        }
        for (name, value) in [
            ("iss", issuer.into()),
            ("aud", audience.into()),
            ("sub", claims.sub.as_str().into()),
            ("iat", now.into()),
            ("exp", expires.into()),
            ("token_use", "access".into()),
        ] {
            body.insert(name.to_owned(), value);
        }
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &body, &self.signing).context("the token could not be signed")
    }

    /// The check of tokens that `issuer` signed with this key for `audience`.
    ///
    /// # Errors
    /// The public key is refused by the library that checks signatures.
    pub fn authorizer(&self, issuer: &str, audience: &str) -> anyhow::Result<Authorizer> {
        Authorizer::new(issuer, [audience.to_owned()], &self.jwks())
    }

    /// The public key as a JSON Web Key Set (RFC 7517 §5).
    pub fn jwks(&self) -> Value {
        json!({ "keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": self.modulus,
            "e": self.exponent,
        }]})
    }

    /// The open local-only routes by which others find the key: `/.well-known/openid-configuration` and
    /// `/.well-known/jwks.json`, as OpenID Connect Discovery 1.0 §4 has them below `issuer`.
    ///
    /// There is no authorization endpoint: tokens come from the command line.
    pub fn discovery(&self, issuer: &str) -> Router {
        let jwks = self.jwks();
        let configuration = json!({
            "issuer": issuer,
            "jwks_uri": format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        });
        Router::new()
            .route(
                "/.well-known/jwks.json",
                get(move || async move { axum::Json(jwks) }),
            )
            .route(
                "/.well-known/openid-configuration",
                get(move || async move { axum::Json(configuration) }),
            )
    }
}

/// Makes a key and puts it at `path`, unless another process was faster.
fn create(dir: &Path, path: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir)?;
    let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, KEY_BITS)?;
    let pem = key.to_pkcs8_pem(LineEnding::LF)?;
    // A named temporary file has mode 0600 from its first byte on.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(pem.as_bytes())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(lost) if lost.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(failed) => Err(failed.error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims_of(token: &str) -> Value {
        let body = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
    }

    #[test]
    fn the_key_outlives_a_restart_and_only_its_owner_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("not/yet/there");
        let first = Identity::open(&data).unwrap();
        let again = Identity::open(&data).unwrap();
        assert_eq!(first.jwks(), again.jwks());
        assert_eq!(first.kid(), again.kid());
        let mode = fs::metadata(data.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(&data).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_key_that_lost_the_race_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let first = Identity::open(dir.path()).unwrap();
        create(dir.path(), &dir.path().join(FILE)).unwrap();
        assert_eq!(Identity::open(dir.path()).unwrap().kid(), first.kid());
    }

    #[test]
    fn a_file_that_is_no_key_is_named_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "half a k").unwrap();
        let error = format!("{:#}", Identity::open(dir.path()).unwrap_err());
        assert!(error.contains("identity.pem"), "{error}");
        assert!(!error.contains("half a k"), "{error}");
        assert_eq!(
            fs::read_to_string(dir.path().join(FILE)).unwrap(),
            "half a k"
        );
    }

    #[test]
    fn a_short_key_is_refused() {
        let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
        let error = Identity::from_pem(&key.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap_err();
        assert!(error.to_string().contains("1024 bits"), "{error}");
    }

    #[test]
    fn a_token_says_who_and_until_when() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::open(dir.path()).unwrap();
        let now: Timestamp = "2026-03-01T00:00:00.9Z".parse().unwrap();
        let claims = Claims {
            sub: "alice".into(),
            org: Some("acme".into()),
            email: Some("alice@acme.example".into()),
            name: None,
            extra: json!({ "scope": "exports", "sub": "mallory", "exp": 1, "name": "Mallory" })
                .as_object()
                .unwrap()
                .clone(),
        };
        let token = identity
            .token(
                &claims,
                "http://issuer",
                "web",
                now,
                Duration::from_secs(90),
            )
            .unwrap();
        let header: Value = serde_json::from_slice(
            &URL_SAFE_NO_PAD
                .decode(token.split('.').next().unwrap())
                .unwrap(),
        )
        .unwrap();
        assert_eq!(
            header,
            json!({ "typ": "JWT", "alg": "RS256", "kid": identity.kid() })
        );
        assert_eq!(
            claims_of(&token),
            json!({
                "iss": "http://issuer", "aud": "web", "sub": "alice", "org_id": "acme",
                "email": "alice@acme.example", "token_use": "access", "scope": "exports",
                "iat": now.as_second(), "exp": now.as_second() + 90,
            })
        );
    }

    #[test]
    fn an_endless_token_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::open(dir.path()).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        assert!(
            identity
                .token(&Claims::default(), "i", "a", now, Duration::MAX)
                .is_err()
        );
    }

    #[test]
    fn debug_shows_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::open(dir.path()).unwrap();
        assert_eq!(
            format!("{identity:?}"),
            format!("Identity {{ kid: {:?}, .. }}", identity.kid())
        );
    }
}
