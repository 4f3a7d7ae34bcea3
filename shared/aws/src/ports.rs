//! The ports of a function over AWS, made from its environment: each function asks for those its use-cases need, and for no
//! variable that it does not use.

use std::sync::Arc;

use lead_export_core::ports::{
    AuditStore, Clock, Dice, ExportQueue, ExportStore, LeadIndex, LeadSample, LeadSource, Notifier,
    PieceStore, PresetStore, SourceStore, UrlSigner,
};

use crate::audit::DynamoAudit;
use crate::clients::Aws;
use crate::clock::{SystemClock, SystemDice};
use crate::config::{Config, ConfigError};
use crate::exports::DynamoExports;
use crate::leads::{DynamoLeadIndex, DynamoLeads, PacedLeads};
use crate::metrics::MeasuringNotifier;
use crate::notifier::AwsNotifier;
use crate::objects::{S3Pieces, S3Signer};
use crate::presets::DynamoPresets;
use crate::queue::SqsQueue;
use crate::sources::DynamoSources;

/// Makes ports. Clients are made once, in `main`, never per event.
pub struct Ports {
    /// The function's parameters.
    pub config: Config,
    aws: Aws,
}

impl Ports {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`ConfigError`] if the region or the credentials are missing.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self {
            config: Config::from_env(),
            aws: Aws::from_env()?,
        })
    }

    fn dynamo_leads(&self) -> Result<DynamoLeads, ConfigError> {
        let consistent = self.config.reads_consistently()?;
        let table = self.config.leads_table()?;
        Ok(DynamoLeads::new(self.aws.dynamodb(), table, consistent))
    }

    /// Leads, for callers that read a page or two and do not wait.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable; likewise below.
    pub fn leads(&self) -> Result<Arc<dyn LeadSource>, ConfigError> {
        Ok(Arc::new(self.dynamo_leads()?))
    }

    /// Leads, for runs: within their share of the table's reads, and patient with a table that has no more to give.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn paced_leads(&self) -> Result<Arc<dyn LeadSource>, ConfigError> {
        let units = self.config.read_units()?;
        Ok(Arc::new(PacedLeads::new(self.dynamo_leads()?, units)))
    }

    /// Leads by their ids.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn lead_index(&self) -> Result<Arc<dyn LeadIndex>, ConfigError> {
        Ok(Arc::new(DynamoLeadIndex::new(
            self.aws.dynamodb(),
            self.config.leads_table()?,
        )))
    }

    /// How many leads there are, about.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn sample(&self) -> Result<Arc<dyn LeadSample>, ConfigError> {
        let consistent = self.config.reads_consistently()?;
        Ok(Arc::new(DynamoLeads::new(
            self.aws.dynamodb(),
            self.config.leads_table()?,
            consistent,
        )))
    }

    /// Sources and grants.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn sources(&self) -> Result<Arc<dyn SourceStore>, ConfigError> {
        Ok(Arc::new(DynamoSources::new(
            self.aws.dynamodb(),
            self.config.sources_table()?,
        )))
    }

    /// Presets, which lie beside sources and grants.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn presets(&self) -> Result<Arc<dyn PresetStore>, ConfigError> {
        Ok(Arc::new(DynamoPresets::new(
            self.aws.dynamodb(),
            self.config.sources_table()?,
        )))
    }

    /// Records of exports.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn exports(&self) -> Result<Arc<dyn ExportStore>, ConfigError> {
        Ok(Arc::new(DynamoExports::new(
            self.aws.dynamodb(),
            self.config.exports_table()?,
        )))
    }

    /// Audit rows.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn audit(&self) -> Result<Arc<dyn AuditStore>, ConfigError> {
        Ok(Arc::new(DynamoAudit::new(
            self.aws.dynamodb(),
            self.config.audit_table()?,
        )))
    }

    /// Hints.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn queue(&self) -> Result<Arc<dyn ExportQueue>, ConfigError> {
        Ok(Arc::new(SqsQueue::new(
            self.aws.sqs(),
            self.config.exports_queue_url()?,
        )))
    }

    /// Pieces and files.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn pieces(&self) -> Result<Arc<dyn PieceStore>, ConfigError> {
        Ok(Arc::new(S3Pieces::new(
            self.aws.s3(),
            self.config.files_bucket()?,
        )))
    }

    /// Links to files.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn signer(&self) -> Result<Arc<dyn UrlSigner>, ConfigError> {
        Ok(Arc::new(S3Signer::new(
            self.aws.s3(),
            self.config.files_bucket()?,
        )))
    }

    /// Tells terminal states, and counts them.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub fn notifier(&self) -> Result<Arc<dyn Notifier>, ConfigError> {
        let telling = self.config.telling()?;
        Ok(Arc::new(MeasuringNotifier {
            inner: Arc::new(AwsNotifier::new(self.aws.clone(), telling)),
            clock: self.clock(),
        }))
    }

    /// Time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// Randomness.
    pub fn dice(&self) -> Arc<dyn Dice> {
        Arc::new(SystemDice)
    }
}
