//! The profiles of contract §4, resolved into what the encoder asks.

use crate::format::Profile;

/// What a profile means for a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Between two cells.
    pub(super) delimiter: u8,
    /// Whether cells are guarded against being read as formulas.
    pub(super) guard: bool,
    /// Whether the file is for Excel: byte order mark, `="…"`, instants without `T` and offset.
    pub(super) excel: bool,
    /// Whether numbers have a decimal comma.
    pub(super) decimal_comma: bool,
}

impl Dialect {
    /// The dialect of `profile`.
    pub(super) const fn of(profile: Profile) -> Self {
        let standard = Self {
            delimiter: b',',
            guard: true,
            excel: false,
            decimal_comma: false,
        };
        match profile {
            Profile::Standard => standard,
            Profile::Raw => Self {
                guard: false,
                ..standard
            },
            Profile::Excel => Self {
                excel: true,
                ..standard
            },
            Profile::ExcelSemicolon => Self {
                delimiter: b';',
                excel: true,
                decimal_comma: true,
                ..standard
            },
            Profile::Tsv => Self {
                delimiter: b'\t',
                ..standard
            },
        }
    }
}
