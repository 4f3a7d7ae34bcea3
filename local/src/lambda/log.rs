//! Where a function's output goes, line by line, so that the terminal stays for what the user asked.

use std::path::PathBuf;

use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::UnboundedSender;

/// A longer line is split: a process that never ends its line must not fill our memory. 256 KiB is CloudWatch's classic bound
/// of one event.
const LINE_LIMIT_BYTES: u64 = 256 * 1024;

/// Where the lines of a function go.
#[derive(Debug, Clone)]
pub enum LogSink {
    /// Nowhere.
    Discard,
    /// Appended to this file, which is created with its folders if need be. Lines of several processes do not mix.
    File(PathBuf),
    /// To a receiver, as the function's name and the line without its end.
    Lines(UnboundedSender<(String, String)>),
}

enum Target {
    Nothing,
    File(File),
    Lines(UnboundedSender<(String, String)>),
}

/// One writer into a sink.
pub(super) struct Log {
    function: String,
    target: Target,
}

impl Log {
    /// Opens the sink. A file that cannot be opened is reported once and the lines are dropped: a function must not hang on
    /// a full pipe because its log is missing.
    pub(super) async fn open(sink: &LogSink, function: &str) -> Self {
        let target = match sink {
            LogSink::Discard => Target::Nothing,
            LogSink::Lines(lines) => Target::Lines(lines.clone()),
            LogSink::File(path) => match append(path).await {
                Ok(file) => Target::File(file),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "the log of {function} cannot be opened");
                    Target::Nothing
                }
            },
        };
        Self {
            function: function.to_owned(),
            target,
        }
    }

    /// Writes one line.
    pub(super) async fn line(&mut self, line: &str) {
        let failed = match &mut self.target {
            Target::Nothing => return,
            Target::Lines(lines) => lines
                .send((self.function.clone(), line.to_owned()))
                .map_err(|_| None),
            // One write for the line and its end: in append mode that keeps lines of several processes apart.
            Target::File(file) => write(file, format!("{line}\n").as_bytes())
                .await
                .map_err(Some),
        };
        if let Err(error) = failed {
            if let Some(error) = error {
                tracing::warn!(%error, "the log of {} cannot be written", self.function);
            }
            self.target = Target::Nothing;
        }
    }

    /// Copies a child's pipe, line by line, until it closes.
    pub(super) async fn follow(mut self, pipe: impl AsyncRead + Unpin) {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut pipe)
                .take(LINE_LIMIT_BYTES)
                .read_until(b'\n', &mut line)
                .await;
            if !matches!(read, Ok(1..)) {
                return;
            }
            let text = String::from_utf8_lossy(&line);
            self.line(text.trim_end_matches(['\n', '\r'])).await;
        }
    }
}

async fn append(path: &std::path::Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .await
}

async fn write(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes).await?;
    file.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines_of(written: &[u8]) -> Vec<String> {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        Log::open(&LogSink::Lines(sender), "f")
            .await
            .follow(written)
            .await;
        let mut lines = Vec::new();
        while let Some((function, line)) = receiver.recv().await {
            assert_eq!(function, "f");
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn output_is_cut_into_lines() {
        assert_eq!(
            lines_of(b"one\r\n\ntwo\nlast").await,
            ["one", "", "two", "last"]
        );
        assert_eq!(lines_of(b"").await, [""; 0]);
        assert_eq!(lines_of(b"\xff\n").await, ["\u{fffd}"]);
    }

    #[tokio::test]
    async fn endless_line_is_split() {
        let limit = usize::try_from(LINE_LIMIT_BYTES).unwrap();
        let lines = lines_of(&vec![b'x'; limit * 2 + 1]).await;
        assert_eq!(
            lines.iter().map(String::len).collect::<Vec<_>>(),
            [limit, limit, 1]
        );
    }

    #[tokio::test]
    async fn file_is_appended_to_and_its_folder_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/f.log");
        for text in [&b"a\n"[..], b"b"] {
            Log::open(&LogSink::File(path.clone()), "f")
                .await
                .follow(text)
                .await;
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\nb\n");
    }

    #[tokio::test]
    async fn unusable_file_still_drains_the_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let sink = LogSink::File(folder.path().to_owned());
        let (mut writer, reader) = tokio::io::duplex(4);
        let log = Log::open(&sink, "f").await;
        let (written, ()) = tokio::join!(
            async {
                let written = writer.write_all(b"more than four bytes\n").await;
                drop(writer);
                written
            },
            log.follow(reader)
        );
        written.unwrap();
    }
}
