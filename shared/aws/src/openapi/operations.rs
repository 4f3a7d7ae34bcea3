//! The table of operations.

use super::{Answer, Operation, Takes};

const fn ok(schema: &'static str, says: &'static str) -> Answer {
    Answer {
        status: 200,
        says,
        schema: Some(schema),
        media: &[],
        headers: &[],
    }
}

const fn file(says: &'static str, media: &'static [&'static str]) -> Answer {
    Answer {
        status: 200,
        says,
        schema: None,
        media,
        headers: &[],
    }
}

const RETRY_AFTER: (&str, &str) = ("Retry-After", "Seconds after which to look again.");

/// Every operation there is.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        route: "GET /sources",
        id: "listSources",
        summary: "Lists the sources that you have a grant on.",
        tag: "sources",
        takes: Takes::Nothing,
        answers: &[ok("Sources", "The sources, by id.")],
        refusals: &[],
    },
    Operation {
        route: "GET /sources/{source}/fields",
        id: "listFields",
        summary: "Lists the fields of a source's leads.",
        tag: "sources",
        takes: Takes::Nothing,
        answers: &[ok(
            "Fields",
            "The fields, in the order of the default columns.",
        )],
        refusals: &[],
    },
    Operation {
        route: "POST /sources/{source}/exports",
        id: "requestExport",
        summary: "Asks for a file of the source's leads.",
        tag: "exports",
        takes: Takes::Request,
        answers: &[Answer {
            status: 202,
            says: "The export is recorded and will come to an end.",
            schema: Some("Export"),
            media: &[],
            headers: &[
                ("Location", "The export."),
                RETRY_AFTER,
                (
                    "Idempotency-Replayed",
                    "true, if an earlier request with this key made it.",
                ),
            ],
        }],
        refusals: &[],
    },
    Operation {
        route: "GET /sources/{source}/exports",
        id: "listExports",
        summary: "Lists the source's exports, newest first.",
        tag: "exports",
        takes: Takes::History,
        answers: &[ok(
            "History",
            "A page, which may be short while next_cursor is not null.",
        )],
        refusals: &[422],
    },
    Operation {
        route: "GET /sources/{source}/usage",
        id: "showUsage",
        summary: "Counts the source's exports and downloads by day or by user.",
        tag: "exports",
        takes: Takes::Usage,
        answers: &[ok("Usage", "Days oldest first, or users by their leads.")],
        refusals: &[422],
    },
    Operation {
        route: "GET /exports/{id}",
        id: "showExport",
        summary: "Shows one export, with its progress.",
        tag: "exports",
        takes: Takes::Nothing,
        answers: &[Answer {
            headers: &[(
                "Retry-After",
                "Seconds after which to look again, while it runs.",
            )],
            ..ok("Export", "The export.")
        }],
        refusals: &[],
    },
    Operation {
        route: "GET /exports/{id}/download",
        id: "downloadExport",
        summary: "Gives a link to the file, for a few minutes, to whoever holds it.",
        tag: "exports",
        takes: Takes::Nothing,
        answers: &[
            ok(
                "Link",
                "The link, to those whose Accept names application/json.",
            ),
            Answer {
                status: 303,
                says: "The link, as a redirect.",
                schema: Some("Link"),
                media: &[],
                headers: &[("Location", "The file.")],
            },
        ],
        refusals: &[403, 409, 410],
    },
    Operation {
        route: "DELETE /exports/{id}",
        id: "endExport",
        summary: "Cancels an export that runs, deletes the file of a completed one.",
        tag: "exports",
        takes: Takes::Nothing,
        answers: &[ok("Export", "The export as it is now.")],
        refusals: &[403],
    },
    Operation {
        route: "GET /sources/{source}/presets",
        id: "listPresets",
        summary: "Lists the source's presets.",
        tag: "presets",
        takes: Takes::Nothing,
        answers: &[ok(
            "Presets",
            "The presets, by name, without their requests.",
        )],
        refusals: &[],
    },
    Operation {
        route: "PUT /sources/{source}/presets/{name}",
        id: "savePreset",
        summary: "Saves a request under a name, over what is there.",
        tag: "presets",
        takes: Takes::Preset,
        answers: &[ok("Preset", "The preset.")],
        refusals: &[],
    },
    Operation {
        route: "GET /sources/{source}/presets/{name}",
        id: "showPreset",
        summary: "Shows a preset.",
        tag: "presets",
        takes: Takes::Nothing,
        answers: &[ok("Preset", "The preset.")],
        refusals: &[],
    },
    Operation {
        route: "DELETE /sources/{source}/presets/{name}",
        id: "deletePreset",
        summary: "Deletes a preset.",
        tag: "presets",
        takes: Takes::Nothing,
        answers: &[Answer {
            status: 204,
            says: "It is gone.",
            schema: None,
            media: &[],
            headers: &[],
        }],
        refusals: &[403],
    },
    Operation {
        route: "POST /sources/{source}/exports/preview",
        id: "previewExport",
        summary: "Says what a request would give: its size and its first rows.",
        tag: "exports",
        takes: Takes::Preset,
        answers: &[ok(
            "Preview",
            "Counted; or, where exact is false, estimated.",
        )],
        refusals: &[],
    },
    Operation {
        route: "POST /api/v1/operations/export",
        id: "exportInAnswer",
        summary: "Answers with the CSV itself, of up to 1 000 leads.",
        tag: "exports",
        takes: Takes::Operation,
        answers: &[
            Answer {
                headers: &[
                    ("X-Export-Count", "Data rows."),
                    ("Content-Disposition", "The name of the file."),
                ],
                ..file("The file.", &["text/csv", "text/tab-separated-values"])
            },
            Answer {
                status: 202,
                says: "The export of a file is recorded, as Prefer asked for.",
                schema: Some("Export"),
                media: &[],
                headers: &[
                    ("Location", "The export."),
                    RETRY_AFTER,
                    ("Preference-Applied", "respond-async."),
                    (
                        "Idempotency-Replayed",
                        "true, if an earlier request with this key made it.",
                    ),
                ],
            },
        ],
        refusals: &[],
    },
    Operation {
        route: "GET /",
        id: "page",
        summary: "Serves the page of exports.",
        tag: "page",
        takes: Takes::Open,
        answers: &[file("The page.", &["text/html"])],
        refusals: &[],
    },
    Operation {
        route: "GET /assets/{name}",
        id: "asset",
        summary: "Serves a file of the page.",
        tag: "page",
        takes: Takes::Open,
        answers: &[
            file(
                "The file.",
                &["text/javascript", "text/css", "image/svg+xml"],
            ),
            Answer {
                status: 304,
                says: "It is as you have it.",
                schema: None,
                media: &[],
                headers: &[],
            },
        ],
        refusals: &[],
    },
    Operation {
        route: "GET /config.json",
        id: "config",
        summary: "Says where users of the page sign in.",
        tag: "page",
        takes: Takes::Open,
        answers: &[ok("PageConfig", "Where to sign in.")],
        refusals: &[],
    },
    Operation {
        route: "GET /openapi.json",
        id: "describe",
        summary: "Describes this API.",
        tag: "description",
        takes: Takes::Open,
        answers: &[ok("OpenApi", "This document.")],
        refusals: &[],
    },
];
