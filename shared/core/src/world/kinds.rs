//! Faults and events as data: what happens at which call, in words that fit on a command line.

use std::fmt;
use std::str::FromStr;

use crate::ports::StoreErrorKind;

/// What happens at a call: the faults F1 to F21 of `promises.md` §4.2, and what people do meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `F1`: the caller dies before the call is applied.
    CrashBefore,
    /// `F2`: the caller dies after it.
    CrashAfter,
    /// `F3`: no answer, and it is not applied.
    Silent,
    /// `F4`: applied, and the answer is lost.
    LostAnswer,
    /// `F5.n`: this and the next calls of the name are throttled, n of them; `F5.9`: until the invocation ends.
    Throttled(u64),
    /// `F6`: 500, a reset, a broken answer, twice in a row.
    Broken,
    /// `F6.c`: the transaction meets another one and writes nothing.
    Contended,
    /// `F7.j`: no answer now, applied j calls later.
    Late(u64),
    /// `F8`: the message is delivered a second time, beside.
    Duplicate,
    /// `F9`: the indexes show no write for the next calls, for a minute at most.
    Stale,
    /// `F10`: an answer of 200 that holds an error.
    FalseSuccess,
    /// `F11`: frozen until the export has ended by another's work.
    Frozen,
    /// `F12.s`: the slice is over here.
    SoftDeadline,
    /// `F12.h`: the function's timeout kills it here.
    HardDeadline,
    /// `F13.+`, `F13.-`: from here on the caller's clock is so many minutes off.
    Skewed(i64),
    /// `F14.d`, `.n`, `.c`: from here on every call of the name is refused: permission, bucket or key, content.
    Refused(StoreErrorKind),
    /// `F15`: the SDK sends it again after a lost answer; the second answer counts.
    Twice,
    /// `F16.f`, `F16.s`: the next invocation gets a neighbour that fails or succeeds.
    Neighbour(bool),
    /// `F17`: a byte flips on the wire.
    Flipped,
    /// `F18.j`: a copy of the call arrives j calls later.
    Copied(u64),
    /// `F19`: the sweeper runs here.
    Sweep,
    /// `F20`: a second run begins beside, as if the lease had ended.
    Beside,
    /// `F21`: frozen for 14 minutes, so that it wakes among what others have ended and cleaned.
    Zombie,
    /// `cancel`: the requester cancels.
    Cancel,
    /// `revoke`: the requester loses the grant.
    Revoke,
    /// `gone`: the source is deleted.
    Gone,
    /// `change.n`: a lead comes, goes or changes, as n says.
    Change(u64),
    /// `rename`: the source's fields change.
    Rename,
}

/// The faults that need no number.
const PLAIN: [(&str, Kind); 27] = [
    ("F1", Kind::CrashBefore),
    ("F2", Kind::CrashAfter),
    ("F3", Kind::Silent),
    ("F4", Kind::LostAnswer),
    ("F6", Kind::Broken),
    ("F6.c", Kind::Contended),
    ("F8", Kind::Duplicate),
    ("F9", Kind::Stale),
    ("F10", Kind::FalseSuccess),
    ("F11", Kind::Frozen),
    ("F12.s", Kind::SoftDeadline),
    ("F12.h", Kind::HardDeadline),
    ("F13.+", Kind::Skewed(15)),
    ("F13.-", Kind::Skewed(-15)),
    ("F14.d", Kind::Refused(StoreErrorKind::Denied)),
    ("F14.n", Kind::Refused(StoreErrorKind::NotFound)),
    ("F14.c", Kind::Refused(StoreErrorKind::Corrupt)),
    ("F15", Kind::Twice),
    ("F16.f", Kind::Neighbour(false)),
    ("F16.s", Kind::Neighbour(true)),
    ("F17", Kind::Flipped),
    ("F19", Kind::Sweep),
    ("F20", Kind::Beside),
    ("F21", Kind::Zombie),
    ("cancel", Kind::Cancel),
    ("revoke", Kind::Revoke),
    ("gone", Kind::Gone),
];

impl Kind {
    /// Every fault, with each of its numbers: what a search over single faults goes through.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<Self> = PLAIN[..24].iter().map(|(_, kind)| *kind).collect();
        all.extend([1, 2, 3, 9].map(Self::Throttled));
        all.extend((1..=5).map(Self::Late));
        all.extend([1, 3, 5, 20, 60].map(Self::Copied));
        all
    }

    /// Whether the outcome of the export may be other than completed.
    pub(crate) fn is_for_good(self) -> bool {
        matches!(
            self,
            Self::Refused(_) | Self::Cancel | Self::Revoke | Self::Gone
        )
    }

    /// How many calls it can fail that each cost a recovery of its own.
    pub(crate) fn weight(self) -> u32 {
        match self {
            Self::Throttled(9) | Self::Contended => 3,
            Self::Throttled(n) => u32::try_from(n).unwrap(),
            Self::Broken => 2,
            _ => 1,
        }
    }

    /// Whether a run dies of it without a word.
    pub(crate) fn kills(self) -> bool {
        matches!(
            self,
            Self::CrashBefore | Self::CrashAfter | Self::HardDeadline | Self::Frozen | Self::Zombie
        )
    }

    /// Whether it does anything at a call of this name.
    pub(crate) fn strikes(self, name: &str) -> bool {
        let is_write = WRITES.contains(&name);
        match self {
            Self::Late(_) | Self::Copied(_) | Self::Twice => is_write,
            Self::Contended => matches!(name, "exports.create" | "exports.end"),
            Self::FalseSuccess => matches!(name, "pieces.complete" | "pieces.copy_part"),
            Self::Flipped => {
                matches!(name, "pieces.put" | "pieces.put_part" | "pieces.copy_part")
            }
            _ => true,
        }
    }
}

/// Calls that change something: they can be late, doubled, copied.
pub(super) const WRITES: [&str; 13] = [
    "exports.create",
    "exports.replace",
    "exports.end",
    "exports.postpone",
    "pieces.put",
    "pieces.open",
    "pieces.copy_part",
    "pieces.put_part",
    "pieces.complete",
    "pieces.clean",
    "pieces.delete_file",
    "notifier.tell",
    "queue.send",
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled(n) => write!(f, "F5.{n}"),
            Self::Late(n) => write!(f, "F7.{n}"),
            Self::Copied(n) => write!(f, "F18.{n}"),
            Self::Change(n) => write!(f, "change.{n}"),
            Self::Rename => f.write_str("rename"),
            other => {
                let known = PLAIN.iter().find(|(_, kind)| kind == other);
                f.write_str(known.map_or("?", |(name, _)| name))
            }
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, kind)) = PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(*kind);
        }
        if text == "rename" {
            return Ok(Self::Rename);
        }
        let numbered = text.split_once('.').and_then(|(name, number)| {
            let number = number.parse().ok()?;
            Some(match name {
                "F5" => Self::Throttled(number),
                "F7" => Self::Late(number),
                "F18" => Self::Copied(number),
                "change" => Self::Change(number),
                _ => return None,
            })
        });
        numbered.ok_or_else(|| format!("{text} is no fault"))
    }
}
