//! Items of a DynamoDB table as leads: DynamoDB JSON, an item a line, gzipped or not – as an export to S3 writes it
//! (`{"Item": {"id": {"S": "7"}, …}}`), an incremental one (`NewImage`), or the bare item.
//!
//! Attributes are headers, and their values keep their types: a new field is a number, a boolean or an attribute of several values
//! where all items have it so, else a text. Keys of our own tables, and what belongs to them alone, are left out.

mod read;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;
use lead_export_core::fields::{CustomKind, Source};
use lead_export_core::lead::{Lead, Value};
use lead_export_core::time::Instant;

use super::Report;
use super::cells::{Customs, shown_value};
use super::maker::{LEAD_BYTES, Maker, NotTaken, READ_BYTES};
use super::mapping::{Guess, Mapping, Target};
use super::skip::Skip;

/// An item: its attributes by name.
pub(super) type Item = BTreeMap<String, Value>;

/// The first two bytes of a gzip member (RFC 1952 §2.3.1).
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The keys of our own leads' table.
const OUR_KEYS: [&str; 4] = ["PK", "SK", "ID_PK", "SAMPLE_PK"];

/// Files of items, their attributes known.
#[derive(Debug)]
pub(super) struct Items {
    files: Vec<PathBuf>,
    names: Vec<String>,
    guesses: Vec<Guess>,
    total: u64,
}

impl Items {
    /// Opens a file of items, or a folder of such, and looks at all of them for their attributes.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let files = if path.is_dir() {
            files_in(path)?
        } else {
            vec![path.to_owned()]
        };
        let mut seen: Vec<(String, Seen)> = Vec::new();
        let mut at: BTreeMap<String, usize> = BTreeMap::new();
        let mut total = 0;
        let mut lines = Lines::new(&files);
        while let Some(line) = lines.next()? {
            total += 1;
            let Ok(item) = line.item else { continue };
            for (name, value) in item {
                let index = *at.entry(name.clone()).or_insert_with(|| {
                    seen.push((name, Seen::default()));
                    seen.len() - 1
                });
                seen[index].1.look(&value);
            }
        }
        let is_ours = ["PK", "SK", "ID_PK", "lead_id", "created_at"]
            .iter()
            .all(|name| at.contains_key(*name));
        seen.retain(|(name, _)| !(is_ours && OUR_KEYS.contains(&name.as_str())));
        if seen.is_empty() {
            bail!(
                "{} has no items of a DynamoDB table: DynamoDB JSON, an item a line, is wanted",
                path.display()
            );
        }
        let guesses = seen.iter().map(|(_, seen)| seen.guess()).collect();
        Ok(Self {
            files,
            names: seen.into_iter().map(|(name, _)| name).collect(),
            guesses,
            total,
        })
    }

    /// The attributes: those of the first item by name, then each further one as it came up.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// What each attribute's values look like.
    pub(super) fn guesses(&self) -> &[Guess] {
        &self.guesses
    }

    /// How many lines there are, and each item shown.
    pub(super) fn count(&self, look: &mut dyn FnMut(&Item)) -> anyhow::Result<u64> {
        let mut lines = Lines::new(&self.files);
        while let Some(line) = lines.next()? {
            if let Ok(item) = line.item {
                look(&item);
            }
        }
        Ok(self.total)
    }
}

/// The files of items in a folder, by name. An export to S3 has them in its folder `data`.
fn files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let below = folder.join("data");
    let folder = if below.is_dir() { &below } else { folder };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)
        .with_context(|| format!("the folder {} cannot be read", folder.display()))?
    {
        let path = entry?.path();
        let name = path.to_string_lossy();
        if path.is_file() && (name.ends_with(".json") || name.ends_with(".json.gz")) {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!(
            "{} is a folder without files .json or .json.gz",
            folder.display()
        );
    }
    files.sort();
    Ok(files)
}

/// What an attribute's values look like so far; nothing before the first.
#[derive(Debug, Default)]
struct Seen(Option<Guess>);

impl Seen {
    fn look(&mut self, value: &Value) {
        let guess = match value {
            Value::Null => return,
            Value::Number(_) => Guess::Custom(CustomKind::Number),
            Value::Bool(_) => Guess::Custom(CustomKind::Boolean),
            Value::List(_) | Value::Set(_) => Guess::Attribute,
            Value::Text(_) | Value::Binary(_) | Value::Map(_) => Guess::Custom(CustomKind::Text),
        };
        self.0 = Some(match self.0 {
            // Of what holds several values once, one alone is a list of one.
            Some(Guess::Attribute) => Guess::Attribute,
            Some(before) if before != guess && guess != Guess::Attribute => {
                Guess::Custom(CustomKind::Text)
            }
            _ => guess,
        });
    }

    fn guess(&self) -> Guess {
        self.0.unwrap_or(Guess::Custom(CustomKind::Text))
    }
}

/// A line, and what it holds.
struct Line {
    /// The file, from 0.
    file: usize,
    /// Its number in the file, from 1.
    number: u64,
    /// Its length.
    bytes: usize,
    item: Result<Item, Skip>,
}

/// The lines of files, one file after another; blank ones are passed over.
struct Lines {
    files: Vec<PathBuf>,
    file: usize,
    reader: Option<Box<dyn BufRead + Send>>,
    number: u64,
    line: Vec<u8>,
}

impl Lines {
    fn new(files: &[PathBuf]) -> Self {
        Self {
            files: files.to_vec(),
            file: 0,
            reader: None,
            number: 0,
            line: Vec::new(),
        }
    }

    fn next(&mut self) -> anyhow::Result<Option<Line>> {
        loop {
            let Some(path) = self.files.get(self.file) else {
                return Ok(None);
            };
            let cannot = || format!("{} cannot be read", path.display());
            let reader = match &mut self.reader {
                Some(reader) => reader,
                none => none.insert(open(path).with_context(cannot)?),
            };
            self.line.clear();
            let bytes = reader
                .read_until(b'\n', &mut self.line)
                .with_context(cannot)?;
            if bytes == 0 {
                self.reader = None;
                self.number = 0;
                self.file += 1;
                continue;
            }
            self.number += 1;
            if self.line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return Ok(Some(Line {
                file: self.file,
                number: self.number,
                bytes,
                item: read::item(&self.line),
            }));
        }
    }
}

fn open(path: &Path) -> std::io::Result<Box<dyn BufRead + Send>> {
    let mut file = File::open(path)?;
    let mut start = [0; 2];
    let is_gzip = file.read(&mut start)? == 2 && start == GZIP;
    file.seek(SeekFrom::Start(0))?;
    Ok(if is_gzip {
        Box::new(BufReader::with_capacity(1 << 20, MultiGzDecoder::new(file)))
    } else {
        Box::new(BufReader::with_capacity(1 << 20, file))
    })
}

/// Turns items into leads, in their order.
pub(super) struct ItemRows<'a> {
    lines: Lines,
    items: &'a Items,
    mapping: &'a Mapping,
    maker: Maker<(usize, u64)>,
    /// The file that was last named.
    named: Option<usize>,
}

impl<'a> ItemRows<'a> {
    /// The items of these files, of which `total` are there; none is to be younger than `start`.
    pub(super) fn new(
        items: &'a Items,
        mapping: &'a Mapping,
        source: &Source,
        zone: TimeZone,
        start: Instant,
    ) -> Self {
        let customs = Customs {
            zone,
            decimal_comma: false,
        };
        Self {
            lines: Lines::new(&items.files),
            items,
            mapping,
            maker: Maker::new(source.id.clone(), customs, start, items.total),
            named: None,
        }
    }

    /// As [`super::rows::Rows::read`].
    pub(super) fn read(
        &mut self,
        wanted: usize,
        leads: &mut Vec<Lead>,
        report: &mut dyn Report,
    ) -> anyhow::Result<bool> {
        let mut bytes = 0;
        while leads.len() < wanted && bytes < READ_BYTES {
            let Some(line) = self.lines.next()? else {
                return Ok(false);
            };
            if self.items.files.len() > 1 && self.named != Some(line.file) {
                self.named = Some(line.file);
                let name = self.items.files[line.file].file_name().unwrap_or_default();
                report.opened(&name.to_string_lossy());
            }
            self.maker.at += 1;
            bytes += line.bytes;
            let place = (line.file, line.number);
            match line.item.and_then(|item| self.lead(item, place)) {
                Ok(lead) => leads.push(lead),
                Err(reason) => report.skipped(line.number, &reason),
            }
        }
        Ok(true)
    }

    /// Items looked at so far.
    pub(super) fn looked_at(&self) -> u64 {
        self.maker.at
    }

    /// Whether an item that was taken fills a people field.
    pub(super) fn fills_people(&self) -> bool {
        self.maker.people
    }

    fn lead(&mut self, mut item: Item, place: (usize, u64)) -> Result<Lead, Skip> {
        let made_of = self.made_of(&item);
        let mut id = None;
        let mut created_at = None;
        let mut values = BTreeMap::new();
        let mut people = false;
        let mut bytes = 0;
        for (name, column) in self.items.names.iter().zip(&self.mapping.columns) {
            let value = item.remove(name).unwrap_or(Value::Null);
            match &column.target {
                Target::Nowhere => {}
                Target::Id => match value {
                    Value::Text(text) | Value::Number(text) => id = Some(text),
                    Value::Null => id = Some(String::new()),
                    _ => return Err(Skip::NotAnId(column.header.clone())),
                },
                Target::CreatedAt => {
                    let text = shown_value(&value);
                    let at = self.maker.customs.moment(&value);
                    let at = at.ok_or_else(|| Skip::BadInstant {
                        header: column.header.clone(),
                        cell: text.clone(),
                    })?;
                    created_at = Some(self.maker.past(at, &column.header, &text)?);
                }
                Target::Field { key, how, .. } => {
                    let value = self.maker.customs.typed(value, how, &column.header)?;
                    if let Some(value) = value {
                        bytes += key.len() + size(&value) + 3;
                        people |= column.people;
                        values.insert(key.clone(), value);
                    }
                }
            }
        }
        if values.is_empty() && id.as_deref().is_none_or(str::is_empty) {
            return Err(Skip::Empty);
        }
        if bytes > LEAD_BYTES {
            return Err(Skip::TooLarge);
        }
        let id = match id {
            None => self.maker.make([made_of.as_bytes()])?,
            Some(id) => self.maker.take(&id, place).map_err(|reason| match reason {
                NotTaken::Bad(reason) => reason,
                NotTaken::Taken((file, line)) if file == place.0 => Skip::RepeatedId { id, line },
                NotTaken::Taken((file, line)) => Skip::RepeatedElsewhere {
                    id,
                    file: self.items.files[file].display().to_string(),
                    line,
                },
            })?,
        };
        self.maker.people |= people;
        Ok(Lead {
            id,
            created_at: created_at.unwrap_or_else(|| self.maker.place()),
            values,
        })
    }

    /// What an id is made of where no attribute is the id: the whole item, by the names of its attributes.
    fn made_of(&self, item: &Item) -> String {
        let has_id = self
            .mapping
            .columns
            .iter()
            .any(|column| column.target == Target::Id);
        if has_id {
            String::new()
        } else {
            format!("{item:?}")
        }
    }
}

/// The bytes of a value, nearly as DynamoDB counts them ("Item size", Developer Guide).
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Text(text) | Value::Number(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::List(items) | Value::Set(items) => items.iter().map(|item| size(item) + 1).sum(),
        Value::Map(members) => {
            let members = members.iter();
            members.map(|(key, item)| key.len() + size(item) + 1).sum()
        }
    }
}
