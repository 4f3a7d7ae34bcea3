//! How a file is written: the choices of contract §4.

use serde::{Deserialize, Serialize};

use crate::ports::FileKind;

/// A dialect of CSV (contract §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Comma, guarded: for programs.
    #[default]
    Standard,
    /// Comma, no guard: machine to machine.
    Raw,
    /// For Excel in English regions.
    Excel,
    /// For Excel in continental regions.
    ExcelSemicolon,
    /// TAB: for databases.
    Tsv,
}

/// What the first row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// The fields' keys.
    #[default]
    Keys,
    /// The fields' labels.
    Labels,
    /// There is none.
    None,
}

/// Whether the file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Plain.
    #[default]
    None,
    /// A series of gzip members.
    Gzip,
}

/// How the file is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The dialect.
    #[serde(default)]
    pub profile: Profile,
    /// The first row.
    #[serde(default)]
    pub header: Header,
    /// The zone in which instants are written, by its IANA name.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Compression.
    #[serde(default)]
    pub compression: Compression,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Default for Format {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            header: Header::default(),
            time_zone: utc(),
            compression: Compression::default(),
        }
    }
}

impl Format {
    /// What a file of this format is stored and served as.
    pub fn file_kind(&self) -> FileKind {
        let content_type = match (self.compression, self.profile) {
            (Compression::Gzip, _) => "application/gzip",
            (Compression::None, Profile::Tsv) => "text/tab-separated-values; charset=utf-8",
            (Compression::None, _) => "text/csv; charset=utf-8",
        };
        FileKind { content_type }
    }
}
