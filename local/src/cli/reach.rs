//! Where an export is looked for: this machine, a deployed service by its API, or a deployed stack by its tables.

use clap::Args;

use super::session::Remote;
use super::stores::Deployment;

/// This machine unless one of them is given.
#[derive(Debug, Clone, Args)]
pub(super) struct Reach {
    /// By the API.
    #[command(flatten)]
    pub(super) remote: Remote,
    /// By the tables.
    #[command(flatten)]
    pub(super) deployment: Deployment,
}

impl Reach {
    /// Whether the tables of a deployed stack are meant. A stack that is named wins over an address from the environment.
    pub(super) fn is_stack(&self) -> bool {
        self.deployment.stack.is_some()
    }
}
