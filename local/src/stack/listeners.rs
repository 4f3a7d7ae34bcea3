//! Where the stack listens: on loopback, and nowhere else.

use std::net::Ipv4Addr;

use anyhow::Context;
use lead_export_aws::tables::TableNames;
use tokio::net::TcpListener;

use super::{ACCESS_KEY, AUDIENCE, BUCKET, QUEUE, REGION};
use crate::connection::StackFile;

/// The listeners of the gateway and the four AWS endpoints.
pub(super) struct Listeners {
    pub(super) gateway: TcpListener,
    pub(super) dynamodb: TcpListener,
    pub(super) s3: TcpListener,
    pub(super) sqs: TcpListener,
    pub(super) events: TcpListener,
}

impl Listeners {
    /// Takes the gateway's port and the four behind it; 0: any free ones.
    pub(super) async fn bind(port: u16) -> anyhow::Result<Self> {
        let bind = async |offset: u16| {
            let port = if port == 0 {
                0
            } else {
                port.checked_add(offset).context("the port is too high")?
            };
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(|| {
                format!("port {port} is taken or not allowed; choose another with --port (the AWS endpoints take the four behind it)")
            })
        };
        Ok(Self {
            gateway: bind(0).await?,
            dynamodb: bind(1).await?,
            s3: bind(2).await?,
            sqs: bind(3).await?,
            events: bind(4).await?,
        })
    }

    /// What a command is to know of the stack that listens here.
    pub(super) fn describe(&self, secret: &str) -> anyhow::Result<StackFile> {
        let url = |listener: &TcpListener| anyhow::Ok(format!("http://{}", listener.local_addr()?));
        let (gateway, sqs) = (url(&self.gateway)?, url(&self.sqs)?);
        Ok(StackFile {
            pid: std::process::id(),
            issuer: gateway.clone(),
            url: gateway,
            dynamodb: url(&self.dynamodb)?,
            s3: url(&self.s3)?,
            queue_url: format!("{sqs}/{}/{QUEUE}", crate::sqs::ACCOUNT),
            sqs,
            events: url(&self.events)?,
            access_key: ACCESS_KEY.to_owned(),
            secret_key: secret.to_owned(),
            region: REGION.to_owned(),
            audience: AUDIENCE.to_owned(),
            tables: TableNames {
                leads: "lead-export-leads".to_owned(),
                sources: "lead-export-sources".to_owned(),
                exports: "lead-export-exports".to_owned(),
                audit: "lead-export-audit".to_owned(),
            },
            bucket: BUCKET.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_is_on_loopback() {
        // Taken apart, so that one that is added is looked at too.
        let Listeners {
            gateway,
            dynamodb,
            s3,
            sqs,
            events,
        } = Listeners::bind(0).await.unwrap();
        for listener in [gateway, dynamodb, s3, sqs, events] {
            let address = listener.local_addr().unwrap();
            assert!(address.ip().is_loopback(), "{address}");
        }
    }
}
