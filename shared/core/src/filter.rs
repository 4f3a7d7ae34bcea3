//! Which leads are wanted.

use serde::{Deserialize, Serialize};

/// Conditions that all hold. (Replaced as a whole by the branch that parses them.)
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Filter {}
