//! Every number of the service: its unit, its reason, its source.

use std::time::Duration;

/// Characters of an organization's id at most: it is part of keys (DynamoDB: partition keys up to 2 048 bytes).
pub const ORG_ID_CHARS: usize = 128;
/// Characters of a lead's id at most: 24 + 1 + 128 × 4 bytes = 537 fits a sort key (DynamoDB: 1 024 bytes).
pub const LEAD_ID_CHARS: usize = 128;
/// Characters of the key of a custom field or attribute at most: it is the name of an attribute of the lead's item (DynamoDB: 64 KB, and
/// every name counts for the item's size).
pub const KEY_CHARS: usize = 64;
/// Characters of a key that is made of a header: four are left for `_2` to `_999`, which tell headers apart that are cut to the same.
pub const HEADER_KEY_CHARS: usize = KEY_CHARS - 4;
/// Key-shards of a source unless it says otherwise: one DynamoDB partition yields 3 000 read units/s, 12 MB/s strongly consistent.
pub const SHARDS: u16 = 8;
/// Key-shards of a source at most: a run holds two pages of 1 MiB of each, 64 MiB of its 512.
pub const SHARDS_MAX: u16 = 32;
/// Leads of a page of an export at most: leads of 512 bytes fill DynamoDB's 1 MiB with it.
///
/// Of smaller ones a page would need more memory for its cells than for its bytes: 17 000 leads of 60 bytes and 25 columns of 12 bytes are
/// 5 MB. And stand-ins of DynamoDB read a partition to its end for each page, unless they are told how many items are wanted.
pub const PAGE_LEADS: u32 = 2048;
/// One lead in so many is in the sampled index.
pub const SAMPLE_ONE_IN: u64 = 1024;

/// A piece of a file, cut at the first row end at or after so many bytes: 5 MiB, the least that S3 takes.
///
/// S3 takes 10 000 parts (qfacts.html): 10 000 × 5 MiB = 48 GiB. Larger pieces would allow larger files, and a run holds two of them.
pub const PIECE_BYTES: usize = 5 << 20;
/// The least S3 takes for a part that is not the last: 5 MiB.
pub const MIN_PART_BYTES: u64 = 5 << 20;
/// The most parts S3 takes for an object.
pub const MAX_PARTS: usize = 10_000;
/// Uploads of pieces under way at once, as far as [`UPLOAD_BYTES`] allow.
pub const UPLOADS_AT_ONCE: usize = 2;
/// Bytes of pieces under way at once, be it a single one: of pieces of 5 MiB one travels while the next is filled, 2 × 5 MiB in all.
///
/// 5 MiB of CSV are some 14 MB of leads: 0.2 s at the 75 MB/s of a Lambda's network, in which a piece has arrived.
pub const UPLOAD_BYTES: usize = 9 << 20;
/// Copies of pieces under way at once in the assembly (`promises.md` P8b).
pub const COPIES_AT_ONCE: usize = 32;

/// How long one invocation reads before it pauses.
pub const SLICE: Duration = Duration::from_mins(5);
/// What is kept free before the function's own deadline for the last upload and commit.
pub const STOP_BEFORE_DEADLINE: Duration = Duration::from_secs(20);
/// How long one page is asked for while the table refuses it for its load: less than a function has after its slice's begin, so that the
/// next run goes on with a fresh one.
pub const THROTTLED_AT_MOST: Duration = Duration::from_mins(4);
/// A run's lease. It saves work and protects nothing (`promises.md` §0.5).
pub const LEASE: Duration = Duration::from_secs(90);
/// Behind the lease's end, when the sweeper looks again.
pub const LEASE_GRACE: Duration = Duration::from_secs(15);
/// Commits come at most so often (but for the first) …
pub const COMMIT_EVERY: Duration = Duration::from_secs(2);
/// … and at least so often: the heartbeat that renews the lease, shows progress and meets a cancel.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// Tries of an export without progress before it fails.
pub const MAX_TRIES: u32 = 5;
/// Slices of an export at most: 12 hours of [`MAX_AGE`] are 144 of 300 s and 43 200 of 1 s, the shortest a parameter may ask for. More are no
/// export that takes long but one that goes in circles.
pub const MAX_SLICES: u32 = 50_000;
/// An export older than this fails: the chain of its runs has been broken for good.
pub const MAX_AGE: Duration = Duration::from_hours(12);
/// After a terminal state, when leftovers are cleaned: longer than any invocation lives (15 minutes).
pub const CLEAN_AFTER: Duration = Duration::from_mins(20);
/// After a terminal state, when the sweeper tells it if nobody has: whoever wrote the state tells it at once, and in a calm world nobody
/// is told twice (I11). A telling is two calls; the SDK gives each up before this.
pub const TELL_GRACE: Duration = Duration::from_secs(15);
/// When a new export is first looked at by the sweeper, should its message be lost.
pub const FIRST_DUE: Duration = Duration::from_secs(30);
/// The sweeper looks again at what it has seen after this long.
pub const SWEEP_BACKOFF: Duration = Duration::from_mins(1);
/// Waits between tries of a mail grow up to this: 30 tries fit [`MAIL_PATIENCE`].
pub const MAIL_BACKOFF: Duration = Duration::from_hours(1);
/// A mail that could not be sent for this long after the export's end is given up.
pub const MAIL_PATIENCE: Duration = Duration::from_hours(24);
/// Characters of an e-mail address at most (RFC 5321 §4.5.3.1.3: a path of 256, less its brackets).
pub const ADDRESS_CHARS: usize = 254;
/// Characters before the `@` at most (RFC 5321 §4.5.3.1.1).
pub const ADDRESS_LOCAL_CHARS: usize = 64;
/// Characters of a name or sentence that a mail repeats.
pub const MAIL_WORD_CHARS: usize = 300;
/// Bytes of an event's detail at most: EventBridge took entries of 256 KiB for most of its life, names and time among them.
pub const EVENT_DETAIL_BYTES: usize = 255 << 10;
/// Exports one sweep looks at.
pub const SWEEP_LIMIT: usize = 100;
/// The hash partitions of the sparse index of what is due.
pub const DUE_SHARDS: u8 = 8;

/// Steps of a timeline at most: of at most 230 bytes each, 24 are 5.5 KB, and the record stays under 10 KB (`promises.md` §4.2).
pub const TIMELINE_STEPS: usize = 24;
/// The first steps of a timeline that stay when others are left out: how it began.
pub const TIMELINE_FIRST: usize = 4;

/// Days a file is kept.
pub const RETENTION: Duration = Duration::from_hours(168);
/// How long a download link lives.
pub const DOWNLOAD_TTL: Duration = Duration::from_mins(5);
/// How long a download link may live at most: the session token that signs it may end sooner (S-1).
pub const DOWNLOAD_TTL_MAX: Duration = Duration::from_mins(15);
/// How long an idempotency key is remembered.
pub const IDEMPOTENCY: Duration = Duration::from_hours(24);
/// Characters of an idempotency key at most.
pub const IDEMPOTENCY_KEY_CHARS: usize = 255;
/// Exports of an organization pending or processing at once.
pub const MAX_ACTIVE_EXPORTS: usize = 20;
/// Leads that a user may take in a UTC day, in files and answers; 0 is off.
pub const DAILY_VOLUME: u64 = 0;
/// The word in the log by which the template's alarm sees that a user has met the daily volume (TM25).
pub const DAILY_VOLUME_EVENT: &str = "EXPORT_VOLUME";
/// How long after its end a day's count is kept: an export is given up at 12 hours ([`MAX_AGE`]), and its last run may be slow.
pub const VOLUME_KEPT: Duration = Duration::from_hours(48);
/// How long contention in the request's transaction is fought before 503.
pub const CONTENTION: Duration = Duration::from_secs(2);
/// A request's body at most: 64 KiB.
pub const BODY_BYTES: usize = 64 << 10;
/// What a preview reads of the leads at most: 16 MiB, some 16 000 leads of 1 KB.
pub const PREVIEW_READ_BYTES: u64 = 16 << 20;
/// Leads that a preview asks for in one page. The first rows wait for a page of every shard: of 8 that is 1 600 leads, where whole pages
/// of 1 MiB would be 8 MiB, half of what may be read, and on a slow table all the time there is.
pub const PREVIEW_PAGE_LEADS: u32 = 200;
/// What one page of leads holds at most: 1 MiB (DynamoDB: Query).
pub const PAGE_BYTES: u64 = 1 << 20;
/// How long a preview reads leads: it answers within 2 s, of which half a second is kept for the grant before it and the sample and
/// the answer after it.
pub const PREVIEW_READS: Duration = Duration::from_millis(1_300);
/// From the start of a preview, when the sample must have answered.
pub const PREVIEW_ESTIMATED_BY: Duration = Duration::from_millis(1_700);
/// Rows that a preview shows.
pub const PREVIEW_ROWS: usize = 5;
/// Values in one filter list at most.
pub const FILTER_VALUES: usize = 100;
/// Characters of a search at most.
pub const SEARCH_CHARS: usize = 200;
/// Characters of a header that the caller gives.
pub const HEADER_CHARS: usize = 255;
/// Entries of a history page at most.
pub const HISTORY_LIMIT: usize = 100;
/// Entries of a history page unless asked.
pub const HISTORY_DEFAULT: usize = 50;
/// Days of a usage answer unless asked.
pub const USAGE_DAYS: i64 = 30;
/// Days of a usage answer at most: a leap year.
pub const USAGE_DAYS_MAX: i64 = 366;
/// Exports, and downloads, that one usage answer counts at most: some 100 pages of 1 MB each, 10 s of the gateway's 30.
pub const USAGE_ENTRIES: usize = 100_000;
/// Presets of a source at most.
pub const PRESETS: usize = 100;
/// Characters of a preset's name at most.
pub const PRESET_NAME_CHARS: usize = 64;
/// Rows of data that Excel shows: 1 048 576 less the header.
pub const EXCEL_ROWS: u64 = 1_048_575;
/// Characters (UTF-16 units) that an Excel cell holds.
pub const EXCEL_CELL_CHARS: usize = 32_767;
/// Uncompressed bytes of CSV at which a gzip member is closed, at the first row end there or behind: 1 MiB.
///
/// The bytes of files depend on it: see [`crate::pieces::ENCODER_VERSION`].
pub const GZIP_MEMBER_BYTES: usize = 1 << 20;

/// Leads of an export in the answer at most, and ids that a selection may name (contract §6).
pub const ANSWER_LEADS: usize = 1000;
/// The body of a request for an export in the answer at most: 256 KiB.
///
/// Its ids are frozen once and its filters, of which [`BODY_BYTES`] are taken, twice: 256 + 64 KiB and what a record holds
/// besides fit an item (DynamoDB: 400 KB).
pub const ANSWER_BODY_BYTES: usize = 256 << 10;
/// Bytes of a CSV, as it is carried, in an answer at most. A function's answer has 6 MB (Lambda quotas: 6 291 556 bytes, "Response
/// payload size exceeded maximum allowed payload size"); 8 KiB of it are left for status and headers.
///
/// As base64 it carries 4.49 MiB of CSV, whatever it holds: 4 MiB always fit.
pub const ANSWER_BYTES: u64 = (6 << 20) - (8 << 10);
/// How long an answer may take: the gateway waits 30 s, and the function must say so before.
pub const ANSWER_TIME: Duration = Duration::from_secs(25);
/// Leads that an answer's reads hold at once, all shards of all sources together: at 1 KB each and a page ahead of each, 32 MB.
pub const ANSWER_LEADS_AHEAD: u64 = 16_384;
/// Reads of leads under way at once: sources have 8 shards, an answer may be over many sources. Lambda has 1 024 file descriptors.
pub const READS_AT_ONCE: usize = 128;
