//! The folder in which a local stack keeps its data, held by one program at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long a lock is waited for. A program that is killed while it starts a child leaves the lock to that child until the child has become
/// another program: some milliseconds, more on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// A folder that is locked: two stacks over one data would not know of each other. The lock ends with this value.
pub struct Folder {
    path: PathBuf,
    _lock: fs::File,
}

impl Folder {
    /// Makes the folder if it is not there, and locks it.
    ///
    /// # Errors
    /// One sentence each for a folder that cannot be made or written, and for one in use.
    pub fn lock(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path)
            .with_context(|| format!("the folder {} cannot be made", path.display()))?;
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .with_context(|| format!("the folder {} cannot be written", path.display()))?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    std::thread::sleep(PATIENCE / 100);
                }
                Err(fs::TryLockError::WouldBlock) => bail!(
                    "the folder {} is in use by a running lead-export; stop it or choose another with --data",
                    path.display()
                ),
                Err(fs::TryLockError::Error(error)) => {
                    return Err(error).context("the data folder cannot be locked");
                }
            }
        }
        Ok(Self {
            path: path.canonicalize().context("the data folder is gone")?,
            _lock: lock,
        })
    }

    /// The folder, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Deletes everything in the folder but the lock.
    ///
    /// # Errors
    /// A folder that cannot be read, or something in it that cannot be deleted.
    pub fn clear(&self) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() == "lock" {
                continue;
            }
            let path = entry.path();
            let gone = if entry.file_type()?.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            gone.with_context(|| format!("{} cannot be deleted", path.display()))?;
        }
        Ok(())
    }

    /// The secret key of the local endpoints: drawn at the first start, readable by its owner alone.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn secret(&self) -> anyhow::Result<String> {
        let path = self.path.join("secret");
        if let Ok(secret) = fs::read_to_string(&path) {
            return Ok(secret);
        }
        let secret = uuid::Uuid::new_v4().simple().to_string();
        crate::connection::write_private(&path, secret.as_bytes())?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_outlives_its_program_for_a_moment_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        // As a child holds it that is being started: the file that its program had open.
        let left = fs::File::create(dir.path().join("lock")).unwrap();
        left.lock().unwrap();
        let child = std::thread::spawn(move || {
            std::thread::sleep(PATIENCE / 10);
            drop(left);
        });
        Folder::lock(dir.path()).unwrap();
        child.join().unwrap();
    }

    #[test]
    fn a_folder_in_use_is_refused_in_one_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::lock(dir.path()).unwrap();
        let error = Folder::lock(dir.path()).err().unwrap().to_string();
        assert!(
            error.contains("is in use by a running lead-export"),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1);
        drop(first);
        Folder::lock(dir.path()).unwrap();
    }
}
