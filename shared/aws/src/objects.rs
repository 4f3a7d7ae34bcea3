//! Pieces, tails and files in S3, and the links to files.

use lead_export_core::ports::ObjectKey;
use lead_export_core::record::ExportId;

mod cleaning;
mod pieces;
mod signer;

pub use pieces::S3Pieces;
pub use signer::S3Signer;

const STORE: &str = "pieces";

/// The key of an object in the bucket.
pub fn object_key(key: ObjectKey) -> String {
    match key {
        ObjectKey::Piece(export, run, n) => format!("{}{run}/{n}", work_prefix(export)),
        ObjectKey::Tail(export, run) => format!("{}{run}/tail", work_prefix(export)),
        ObjectKey::File(export, run) => format!("{}{run}", files_prefix(export)),
    }
}

/// What the keys of an export's pieces and tails begin with.
fn work_prefix(export: ExportId) -> String {
    format!("work/{export}/")
}

/// What the keys of an export's files begin with.
fn files_prefix(export: ExportId) -> String {
    format!("files/{export}/")
}

fn owner(key: ObjectKey) -> ExportId {
    match key {
        ObjectKey::Piece(export, ..) | ObjectKey::Tail(export, _) | ObjectKey::File(export, _) => {
            export
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lead_export_core::record::RunId;
    use uuid::Uuid;

    #[test]
    fn keys_hold_export_and_run() {
        let export = ExportId(Uuid::from_u128(0xe));
        let run = RunId(Uuid::from_u128(0xa));
        let (e, r) = (
            "00000000-0000-0000-0000-00000000000e",
            "0000000000000000000000000000000a",
        );
        for (key, expected) in [
            (ObjectKey::Piece(export, run, 0), format!("work/{e}/{r}/0")),
            (
                ObjectKey::Piece(export, run, 12),
                format!("work/{e}/{r}/12"),
            ),
            (ObjectKey::Tail(export, run), format!("work/{e}/{r}/tail")),
            (ObjectKey::File(export, run), format!("files/{e}/{r}")),
        ] {
            assert_eq!(object_key(key), expected);
            assert_eq!(owner(key), export);
        }
    }
}
