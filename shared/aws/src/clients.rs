//! The SDK's clients: one HTTP client, credentials and endpoints from the environment, patience set on purpose.

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedHttpClient};
use aws_smithy_http_client::tls;

use crate::config::ConfigError;

/// Outlives one lost first packet (sent again after 1 s: RFC 6298 §2), not two; the SDK's retry follows.
const CONNECT: Duration = Duration::from_secs(2);
/// A DynamoDB or SQS call of this service takes milliseconds, a page of 1 MB some tens. Three attempts and the waits between
/// fit [`CALL`], and that fits an HTTP API's 30 s and the pause before a run's deadline.
const CALL_ATTEMPT: Duration = Duration::from_secs(5);
/// See [`CALL_ATTEMPT`].
const CALL: Duration = Duration::from_secs(12);
/// A piece is 5 MiB: even at 1 MB/s it arrives in a quarter of this.
const OBJECT_ATTEMPT: Duration = Duration::from_secs(20);
/// Two slow attempts, and the function's timeout stays out of reach: it lies 60 s behind a slice's end.
const OBJECT: Duration = Duration::from_secs(40);
/// Attempts of one call in all: the only retry layer.
const ATTEMPTS: u32 = 3;

/// Where AWS is, who we are, and how we speak.
#[derive(Clone)]
pub struct Aws {
    http: SharedHttpClient,
    region: Region,
    credentials: Credentials,
    dynamodb: Option<String>,
    s3: Option<String>,
    sqs: Option<String>,
    eventbridge: Option<String>,
    sesv2: Option<String>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("region", &self.region)
            .field("dynamodb", &self.dynamodb)
            .field("s3", &self.s3)
            .field("sqs", &self.sqs)
            .field("eventbridge", &self.eventbridge)
            .field("sesv2", &self.sesv2)
            .finish_non_exhaustive()
    }
}

/// A client's configuration. Each SDK crate has a type of its own for it; what they share, `aws_types::SdkConfig`, sets other retries on
/// the way to some of them.
macro_rules! config {
    ($aws:expr, $sdk:ident, $endpoint:expr, $attempt:expr, $call:expr) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version(behavior())
            .region($aws.region.clone())
            .credentials_provider($aws.credentials.clone())
            .http_client($aws.http.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(patience($attempt, $call));
        config.set_endpoint_url($endpoint.clone());
        config
    }};
}

impl Aws {
    /// Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and, where a local stack stands in,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, `_S3`, `_SQS`, `_EVENTBRIDGE`, `_SESV2`. Lambda sets the first four and replaces the sandbox before they expire.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] without region or credentials.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`Aws::from_env`], from variables told by a function.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] without region or credentials.
    pub fn from_variables(
        variable: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let any = |name| variable(name).filter(|value| !value.is_empty());
        let must = |name| any(name).ok_or(ConfigError::Missing(name));
        let credentials = Credentials::new(
            must("AWS_ACCESS_KEY_ID")?,
            must("AWS_SECRET_ACCESS_KEY")?,
            any("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        Ok(Self {
            http,
            region: Region::new(must("AWS_REGION")?),
            credentials,
            dynamodb: any("AWS_ENDPOINT_URL_DYNAMODB"),
            s3: any("AWS_ENDPOINT_URL_S3"),
            sqs: any("AWS_ENDPOINT_URL_SQS"),
            eventbridge: any("AWS_ENDPOINT_URL_EVENTBRIDGE"),
            sesv2: any("AWS_ENDPOINT_URL_SESV2"),
        })
    }

    /// The same, but what is said goes through `http`: for tests that break the wire.
    #[must_use]
    pub fn with_http_client(self, http: SharedHttpClient) -> Self {
        Self { http, ..self }
    }

    /// The HTTP client that all clients speak through.
    pub fn http_client(&self) -> &SharedHttpClient {
        &self.http
    }

    /// A client of DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = config!(self, aws_sdk_dynamodb, self.dynamodb, CALL_ATTEMPT, CALL);
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of S3. An endpoint of one's own serves its buckets by path: their names are no hosts there.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = config!(self, aws_sdk_s3, self.s3, OBJECT_ATTEMPT, OBJECT);
        aws_sdk_s3::Client::from_conf(config.force_path_style(self.s3.is_some()).build())
    }

    /// A client of SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = config!(self, aws_sdk_sqs, self.sqs, CALL_ATTEMPT, CALL);
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// A client of EventBridge.
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        let config = config!(
            self,
            aws_sdk_eventbridge,
            self.eventbridge,
            CALL_ATTEMPT,
            CALL
        );
        aws_sdk_eventbridge::Client::from_conf(config.build())
    }

    /// A client of SES.
    pub fn sesv2(&self) -> aws_sdk_sesv2::Client {
        let config = config!(self, aws_sdk_sesv2, self.sesv2, CALL_ATTEMPT, CALL);
        aws_sdk_sesv2::Client::from_conf(config.build())
    }
}

/// Pinned by its date: an update of the SDK changes no default of ours.
fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// without these an attempt and a call wait for ever. The read timeout, to the answer's first byte, is the attempt's.
fn patience(attempt: Duration, call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(call)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 3] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];

    fn aws(variables: &[(&str, &str)]) -> Result<Aws, ConfigError> {
        Aws::from_variables(|name| {
            let mut found = variables.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn region_and_credentials_are_needed() {
        assert!(aws(&ALL).is_ok());
        for (missing, _) in ALL {
            let rest: Vec<_> = ALL
                .into_iter()
                .filter(|(name, _)| *name != missing)
                .collect();
            assert_eq!(aws(&rest).unwrap_err(), ConfigError::Missing(missing));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", aws(&ALL).unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn every_client_has_patience_and_three_attempts() {
        let aws = aws(&ALL).unwrap();
        let (dynamodb, s3, sqs) = (aws.dynamodb(), aws.s3(), aws.sqs());
        let (events, mails) = (aws.eventbridge(), aws.sesv2());
        for (timeouts, retries) in [
            (
                dynamodb.config().timeout_config(),
                dynamodb.config().retry_config(),
            ),
            (s3.config().timeout_config(), s3.config().retry_config()),
            (sqs.config().timeout_config(), sqs.config().retry_config()),
            (
                events.config().timeout_config(),
                events.config().retry_config(),
            ),
            (
                mails.config().timeout_config(),
                mails.config().retry_config(),
            ),
        ] {
            let timeouts = timeouts.unwrap();
            assert!(timeouts.connect_timeout() < timeouts.operation_attempt_timeout());
            assert!(timeouts.operation_attempt_timeout() < timeouts.operation_timeout());
            // A function's timeout lies 60 s behind the end of a slice.
            assert!(timeouts.operation_timeout() < Some(Duration::from_mins(1)));
            assert!(timeouts.read_timeout().is_some());
            assert_eq!(retries.unwrap().max_attempts(), 3);
        }
    }
}
