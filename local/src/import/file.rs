//! A CSV file that is read more than once.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;

use super::items::GZIP;

/// Bytes of the file in which its first row is looked for to tell the delimiter.
const LOOK_BYTES: u64 = 64 * 1024;

/// What separates cells, the likeliest first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// An open CSV file, its first row read. One reader at a time: they share the place in the file.
#[derive(Debug)]
pub(super) struct CsvFile {
    path: PathBuf,
    file: File,
    delimiter: u8,
    headers: Vec<String>,
}

impl CsvFile {
    /// Opens a file and reads its first row. What can be read only once, or is gzipped, is copied first.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let cannot = || format!("{name} cannot be read");
        let mut file = File::open(path).with_context(cannot)?;
        let mut start = [0; 2];
        let copied = || tempfile::tempfile().context("no temporary file can be made");
        if !file.metadata().with_context(cannot)?.is_file() {
            let mut copy = copied()?;
            std::io::copy(&mut file, &mut copy).with_context(cannot)?;
            file = copy;
            file.seek(SeekFrom::Start(0))?;
        }
        let is_gzip = file.read(&mut start).with_context(cannot)? == 2 && start == GZIP;
        file.seek(SeekFrom::Start(0))?;
        if is_gzip {
            let mut copy = copied()?;
            std::io::copy(&mut MultiGzDecoder::new(&file), &mut copy)
                .with_context(|| format!("{name} is gzipped and damaged"))?;
            file = copy;
        }
        let mut opened = Self {
            path: path.to_owned(),
            file,
            delimiter: b',',
            headers: Vec::new(),
        };
        opened.delimiter = opened.guess_delimiter()?;
        let mut first = ByteRecord::new();
        let is_there = opened.reader()?.read_byte_record(&mut first);
        if !is_there.with_context(cannot)? {
            bail!("{name} is empty: a first row of headers is needed");
        }
        for header in &first {
            let Ok(header) = std::str::from_utf8(header) else {
                bail!("{name} is no CSV file in UTF-8: its first row cannot be read");
            };
            ensure!(
                !header.contains('\0'),
                "{name} is no CSV file: its first row is not text"
            );
            opened.headers.push(header.to_owned());
        }
        Ok(opened)
    }

    /// The cells of the first row.
    pub(super) fn headers(&self) -> &[String] {
        &self.headers
    }

    /// Whether numbers may have a decimal comma: where `;` is needed between cells because of it.
    pub(super) fn has_decimal_commas(&self) -> bool {
        self.delimiter == b';'
    }

    /// Counts the rows behind the first, and shows each.
    pub(super) fn count(&self, mut look: impl FnMut(&ByteRecord)) -> anyhow::Result<u64> {
        let mut rows = self.rows()?;
        let mut row = ByteRecord::new();
        let mut count = 0;
        while rows.read(&mut row)?.is_some() {
            look(&row);
            count += 1;
        }
        Ok(count)
    }

    /// The rows behind the first, from the start.
    pub(super) fn rows(&self) -> anyhow::Result<FileRows> {
        let mut rows = FileRows {
            reader: self.reader()?,
            file: self.file.try_clone()?,
            path: self.path.clone(),
        };
        rows.read(&mut ByteRecord::new())?;
        Ok(rows)
    }

    fn reader(&self) -> anyhow::Result<csv::Reader<File>> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .buffer_capacity(1 << 20)
            .from_reader(file))
    }

    /// The delimiter that the first row has most of, outside of quotes.
    fn guess_delimiter(&self) -> anyhow::Result<u8> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        let mut start = Vec::new();
        file.take(LOOK_BYTES).read_to_end(&mut start)?;
        let mut counts = [0_usize; DELIMITERS.len()];
        let mut quoted = false;
        let blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
        for byte in start.into_iter().skip_while(blank) {
            match byte {
                b'"' => quoted = !quoted,
                b'\r' | b'\n' if !quoted => break,
                _ if !quoted => {
                    if let Some(index) = DELIMITERS.iter().position(|one| *one == byte) {
                        counts[index] += 1;
                    }
                }
                _ => {}
            }
        }
        let most = counts.iter().max().copied().unwrap_or(0);
        let index = counts.iter().position(|count| *count == most);
        Ok(DELIMITERS[index.unwrap_or(0)])
    }
}

/// Where a row lies, nearly: the parser's own count leaves out the line ends that it has not yet passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    line: u64,
    byte: u64,
}

/// The rows of a file, one after another.
pub(super) struct FileRows {
    reader: csv::Reader<File>,
    /// The same file, and the same place in it.
    file: File,
    path: PathBuf,
}

impl FileRows {
    /// Reads the next row and gives its place; none at the end.
    pub(super) fn read(&mut self, row: &mut ByteRecord) -> anyhow::Result<Option<Place>> {
        let is_there = self
            .reader
            .read_byte_record(row)
            .with_context(|| format!("{} cannot be read", self.path.display()))?;
        let place = row
            .position()
            .map_or(Place { line: 0, byte: 0 }, |at| Place {
                line: at.line(),
                byte: at.byte(),
            });
        Ok(is_there.then_some(place))
    }

    /// The line on which the row at `place` begins, from 1: behind all line ends that stand there.
    pub(super) fn line(&mut self, place: Place) -> u64 {
        let mut line = place.line;
        // A line that is not quite right is better than none.
        let _ = self.pass_line_ends(place.byte, &mut line);
        line
    }

    fn pass_line_ends(&mut self, from: u64, line: &mut u64) -> std::io::Result<()> {
        let here = self.file.stream_position()?;
        self.file.seek(SeekFrom::Start(from))?;
        let mut bytes = [0; 512];
        'blocks: loop {
            let count = self.file.read(&mut bytes)?;
            if count == 0 {
                break;
            }
            for byte in &bytes[..count] {
                match byte {
                    b'\n' => *line += 1,
                    b'\r' => {}
                    _ => break 'blocks,
                }
            }
        }
        self.file.seek(SeekFrom::Start(here))?;
        Ok(())
    }
}
