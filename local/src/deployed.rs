//! A deployed stack, found by its name with the operator's own AWS credentials.
//!
//! It is one call, CloudFormation's `DescribeStacks`, signed with the SDK's own signer. The generated client has some ninety
//! operations and `aws-config` brings three services more (STS, SSO and its tokens): minutes of compiling for one call and a look
//! into two small files. So keys come from the environment or from a profile that holds them; whoever signs in otherwise is told
//! the `aws` line that puts the keys into the environment.

use std::time::SystemTime;

use anyhow::{Context as _, anyhow, bail, ensure};
use aws_credential_types::Credentials;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_runtime::env_config::source;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use aws_types::os_shim_internal::{Env, Fs};
use lead_export_aws::clients::Aws;
use lead_export_aws::tables::TableNames;

use crate::connection::Clients;

/// What puts an operator's keys into the environment, however they sign in.
const SIGN_IN: &str = "eval \"$(aws configure export-credentials --format env)\"";

/// The variables that name services elsewhere, as all AWS tools read them; the last stands for all.
const ENDPOINTS: [&str; 5] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_CLOUDFORMATION",
    "AWS_ENDPOINT_URL",
];

/// A deployed stack's stores, as far as the template names them among its outputs.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// Clients that speak for the operator.
    pub clients: Clients,
    /// The tables.
    pub tables: TableNames,
    /// The bucket of files.
    pub bucket: String,
    /// The queue of hints.
    pub queue_url: String,
}

impl Deployed {
    /// Finds the stack of this name in the operator's account and region.
    ///
    /// # Errors
    /// One sentence for missing keys or region, for a stack that is not there or not ours, and for a refusal of AWS.
    pub async fn find(name: &str) -> anyhow::Result<Self> {
        Self::find_in(name, &Env::real(), &Fs::real()).await
    }

    async fn find_in(name: &str, env: &Env, fs: &Fs) -> anyhow::Result<Self> {
        let operator = Operator::read(env, fs).await?;
        let outputs = operator.outputs(name).await?;
        let output = |key: &str| {
            let found = outputs.iter().find(|(known, _)| known == key);
            found.map(|(_, value)| value.clone()).with_context(|| {
                format!("the stack {name} has no output {key}: it is no lead-export, or an old one")
            })
        };
        let tables = TableNames {
            leads: output("LeadsTable")?,
            sources: output("SourcesTable")?,
            exports: output("ExportsTable")?,
            audit: output("AuditTable")?,
        };
        Ok(Self {
            tables,
            bucket: output("FilesBucket")?,
            queue_url: output("ExportsQueueUrl")?,
            clients: operator.clients()?,
        })
    }
}

/// Who asks, and where.
struct Operator {
    region: String,
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
    endpoints: Vec<(&'static str, String)>,
}

impl Operator {
    /// Reads the environment, and where it holds no keys or region the profile's part of `~/.aws`.
    async fn read(env: &Env, fs: &Fs) -> anyhow::Result<Self> {
        let files = EnvConfigFiles::default();
        let files = source::load(env, fs, &files)
            .await
            .context("the AWS configuration cannot be read")?;
        let profile =
            EnvConfigSections::parse(files).context("the AWS configuration cannot be read")?;
        let variable = |name: &str| env.get(name).ok().filter(|value| !value.is_empty());
        let of_profile = |key: &str| profile.get(key).map(str::to_owned);
        let region = variable("AWS_REGION")
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .or_else(|| of_profile("region"))
            .context("the AWS region is not known: set AWS_REGION")?;
        let keys = |read: &dyn Fn(&str) -> Option<String>, names: [&str; 3]| {
            Some((read(names[0])?, read(names[1])?, read(names[2])))
        };
        // Keys belong together: a profile's secret does not go with another key's name.
        let (access_key, secret_key, session_token) = keys(
            &variable,
            [
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
            ],
        )
        .or_else(|| {
            keys(
                &of_profile,
                [
                    "aws_access_key_id",
                    "aws_secret_access_key",
                    "aws_session_token",
                ],
            )
        })
        .with_context(|| {
            format!(
                "there are no AWS keys in the environment or in the profile '{}': {SIGN_IN}",
                profile.selected_profile()
            )
        })?;
        let endpoints = ENDPOINTS
            .into_iter()
            .filter_map(|name| Some((name, variable(name)?)))
            .collect();
        Ok(Self {
            region,
            access_key,
            secret_key,
            session_token,
            endpoints,
        })
    }

    /// Where a service is, if it is elsewhere.
    fn endpoint(&self, name: &str) -> Option<&str> {
        let of = |name: &str| self.endpoints.iter().find(|(known, _)| *known == name);
        of(name)
            .or_else(|| of("AWS_ENDPOINT_URL"))
            .map(|(_, url)| url.as_str())
    }

    fn clients(&self) -> anyhow::Result<Clients> {
        let aws = Aws::from_variables(|name| match name {
            "AWS_REGION" => Some(self.region.clone()),
            "AWS_ACCESS_KEY_ID" => Some(self.access_key.clone()),
            "AWS_SECRET_ACCESS_KEY" => Some(self.secret_key.clone()),
            "AWS_SESSION_TOKEN" => self.session_token.clone(),
            name if name.starts_with("AWS_ENDPOINT_URL_") => self.endpoint(name).map(str::to_owned),
            _ => None,
        })?;
        Ok(Clients {
            dynamodb: aws.dynamodb(),
            s3: aws.s3(),
            sqs: aws.sqs(),
        })
    }

    /// The outputs of the stack of this name.
    async fn outputs(&self, stack: &str) -> anyhow::Result<Vec<(String, String)>> {
        let url = if let Some(url) = self.endpoint("AWS_ENDPOINT_URL_CLOUDFORMATION") {
            format!("{}/", url.trim_end_matches('/'))
        } else {
            // "Service endpoints" of the AWS General Reference.
            let domain = if self.region.starts_with("cn-") {
                "amazonaws.com.cn"
            } else {
                "amazonaws.com"
            };
            format!("https://cloudformation.{}.{domain}/", self.region)
        };
        let name = percent_encoding::utf8_percent_encode(stack, percent_encoding::NON_ALPHANUMERIC);
        let body = format!("Action=DescribeStacks&Version=2010-05-15&StackName={name}");
        let mut call = reqwest::Client::new()
            .post(&url)
            .header(reqwest::header::CONTENT_TYPE, FORM);
        for (name, value) in self.signature(&url, &body)? {
            call = call.header(name, value);
        }
        let answer = call
            .body(body)
            .send()
            .await
            .context("CloudFormation does not answer")?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .context("CloudFormation's answer broke off")?;
        if status.is_success() {
            let outputs = outputs_of(&text).context("CloudFormation's answer cannot be read")?;
            return outputs
                .with_context(|| format!("the stack {stack} is not there in {}", self.region));
        }
        match refusal_of(&text) {
            Some((code, message)) if code == "ValidationError" => {
                bail!("{}: {}", self.region, super::cli::output::visible(&message))
            }
            Some((code, message)) => bail!(
                "CloudFormation refuses ({}): {}",
                super::cli::output::visible(&code),
                super::cli::output::visible(&message)
            ),
            None => bail!("CloudFormation answered {status}"),
        }
    }

    /// The headers that sign this call.
    fn signature(&self, url: &str, body: &str) -> anyhow::Result<Vec<(String, String)>> {
        let identity: Identity = Credentials::new(
            &self.access_key,
            &self.secret_key,
            self.session_token.clone(),
            None,
            "operator",
        )
        .into();
        let params: SigningParams<'_> = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("cloudformation")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = std::iter::once(("content-type", FORM));
        let call = SignableRequest::new("POST", url, headers, SignableBody::Bytes(body.as_bytes()))
            .map_err(|error| anyhow!(error))?;
        let (signed, _) = sign(call, &params)?.into_parts();
        let headers = signed.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// The outputs in an answer of `DescribeStacks`; none if it has no stack.
fn outputs_of(answer: &str) -> Result<Option<Vec<(String, String)>>, XmlDecodeError> {
    let mut document = Document::new(answer);
    let mut root = document.root_element()?;
    let mut found = None;
    within(
        &mut root,
        &["DescribeStacksResult", "Stacks", "member"],
        &mut |stack| {
            let outputs = found.get_or_insert_with(Vec::new);
            within(stack, &["Outputs", "member"], &mut |output| {
                let (mut key, mut value) = (String::new(), String::new());
                while let Some(mut tag) = output.next_tag() {
                    let place = match tag.start_el().local() {
                        "OutputKey" => &mut key,
                        "OutputValue" => &mut value,
                        _ => continue,
                    };
                    *place = try_data(&mut tag)?.into_owned();
                }
                outputs.push((key, value));
                Ok(())
            })
        },
    )?;
    Ok(found)
}

/// Does something with every element at this path.
fn within(
    element: &mut ScopedDecoder<'_, '_>,
    path: &[&str],
    act: &mut dyn FnMut(&mut ScopedDecoder<'_, '_>) -> Result<(), XmlDecodeError>,
) -> Result<(), XmlDecodeError> {
    let Some((name, rest)) = path.split_first() else {
        return act(element);
    };
    while let Some(mut tag) = element.next_tag() {
        if tag.start_el().local() == *name {
            within(&mut tag, rest, act)?;
        }
    }
    Ok(())
}

/// Code and message of a refusal.
fn refusal_of(answer: &str) -> Option<(String, String)> {
    let mut document = Document::new(answer);
    let mut root = document.root_element().ok()?;
    let mut found = None;
    within(&mut root, &["Error"], &mut |error| {
        let (mut code, mut message) = (String::new(), String::new());
        while let Some(mut tag) = error.next_tag() {
            let place = match tag.start_el().local() {
                "Code" => &mut code,
                "Message" => &mut message,
                _ => continue,
            };
            *place = try_data(&mut tag)?.into_owned();
        }
        found = Some((code, message));
        Ok(())
    })
    .ok()?;
    found
}

/// Refuses a name that CloudFormation could not have.
///
/// # Errors
/// The rule, as a sentence ("Stack name", CloudFormation User Guide; an ARN is taken as well).
pub fn stack_name(text: &str) -> anyhow::Result<String> {
    let is_name = text.len() <= 128
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    ensure!(
        is_name || text.starts_with("arn:"),
        "a stack's name has letters, digits and '-', a letter first"
    );
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
