//! Buckets, objects and uploads on disk.
//!
//! ```text
//! lock                                      held by the process that has it open
//! blobs/<uuid>                              bytes; see `blob`
//! buckets/<bucket>/bucket.json
//! buckets/<bucket>/objects/<sha256 of the key>.json
//! buckets/<bucket>/uploads/<id>/upload.json, <part number>.json
//! new/                                      records being written
//! ```
//!
//! A record appears by one rename, after the bytes it names: a kill at any moment leaves the state before or the state
//! after. What it leaves besides (bytes that no record names) the next start removes. There is no fsync: a crash of the
//! machine, unlike one of the process, may lose what was acknowledged.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::Context as _;
use s3s::{S3Result, s3_error};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::blob::{Blob, Writer};
use super::conditions::Conditions;
use super::digest::Algorithm;
use super::fault;
use super::record::{Millis, Object, ObjectRecord, Part, PartRecord, Upload, UploadRecord};

/// Tells the time; tests set their own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The buckets of one directory, with all their objects and open uploads.
///
/// Its methods wait for the disk: call them before the runtime starts or where blocking is allowed.
pub struct Storage {
    root: PathBuf,
    clock: Clock,
    buckets: Mutex<Buckets>,
    /// Held, never read: two processes on one directory would not see each other's writes.
    _lock: File,
}

pub(super) type Buckets = BTreeMap<String, Bucket>;

pub(super) struct Bucket {
    pub(super) created: Millis,
    pub(super) objects: BTreeMap<String, Arc<Object>>,
    /// By key and id; ids grow with time, so this is the order of ListMultipartUploads.
    pub(super) uploads: BTreeMap<(String, String), Upload>,
}

impl Bucket {
    pub(super) fn object(&self, key: &str) -> S3Result<&Arc<Object>> {
        self.objects
            .get(key)
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
    }
}

#[derive(Serialize, Deserialize)]
struct BucketRecord {
    name: String,
    created: Millis,
}

impl Storage {
    /// Opens a directory, creating it where it is missing, and repairs what a killed process left half done.
    ///
    /// # Errors
    /// The directory cannot be written, is open in another process, or holds a record that is damaged.
    pub fn open(root: impl Into<PathBuf>) -> anyhow::Result<Self> {
        Self::open_with_clock(root, Arc::new(SystemTime::now))
    }

    /// As [`open`](Self::open), with a clock for Last-Modified and for the end of presigned URLs.
    ///
    /// A clock set back does not prolong a presigned URL: its end is also held against the real time.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(root: impl Into<PathBuf>, clock: Clock) -> anyhow::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        let lock = File::create(root.join("lock"))
            .with_context(|| format!("cannot write in {}", root.display()))?;
        lock.try_lock()
            .with_context(|| format!("{} is open in another process", root.display()))?;
        let new = root.join("new");
        if new.exists() {
            fs::remove_dir_all(&new).with_context(|| format!("cannot empty {}", new.display()))?;
        }
        for dir in ["new", "blobs", "buckets"] {
            let dir = root.join(dir);
            fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        let mut found = Found::new(&root)?;
        let mut buckets = Buckets::new();
        for dir in entries(&root.join("buckets"))? {
            let record: BucketRecord = read(&dir.join("bucket.json"))?;
            buckets.insert(record.name, found.bucket(&dir, record.created)?);
        }
        found.remove_rest()?;
        Ok(Self {
            root,
            clock,
            buckets: Mutex::new(buckets),
            _lock: lock,
        })
    }

    /// Creates a bucket. `false`: it was there already.
    ///
    /// # Errors
    /// A name against S3's rules ("General purpose bucket naming rules"); the disk refuses.
    pub fn create_bucket(&self, name: &str) -> anyhow::Result<bool> {
        anyhow::ensure!(
            s3s::path::check_bucket_name(name),
            "{name:?} is no name for a bucket"
        );
        self.add_bucket(name)
            .with_context(|| format!("cannot create the bucket {name}"))
    }

    pub(super) fn add_bucket(&self, name: &str) -> io::Result<bool> {
        let mut buckets = self.buckets();
        if buckets.contains_key(name) {
            return Ok(false);
        }
        let created = self.now();
        let new = self
            .root
            .join("new")
            .join(Uuid::new_v4().simple().to_string());
        for dir in ["objects", "uploads"] {
            fs::create_dir_all(new.join(dir))?;
        }
        let record = BucketRecord {
            name: name.to_owned(),
            created,
        };
        fs::write(new.join("bucket.json"), serde_json::to_vec(&record)?)?;
        fs::rename(new, self.bucket_dir(name))?;
        let bucket = Bucket {
            created,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
        };
        buckets.insert(name.to_owned(), bucket);
        Ok(true)
    }

    /// Removes an empty bucket; open uploads in it end with it.
    pub(super) fn remove_bucket(&self, name: &str) -> S3Result<()> {
        let mut buckets = self.buckets();
        if !bucket(&mut buckets, name)?.objects.is_empty() {
            return Err(s3_error!(
                BucketNotEmpty,
                "The bucket you tried to delete is not empty"
            ));
        }
        let old = self
            .root
            .join("new")
            .join(Uuid::new_v4().simple().to_string());
        fs::rename(self.bucket_dir(name), &old).map_err(fault::disk)?;
        if let Some(bucket) = buckets.remove(name) {
            for part in bucket
                .uploads
                .values()
                .flat_map(|upload| upload.parts.values())
            {
                part.blob.discard();
            }
        }
        fs::remove_dir_all(old).map_err(fault::disk)
    }

    pub(super) fn now(&self) -> Millis {
        Millis::of((self.clock)())
    }

    pub(super) fn clock(&self) -> Clock {
        Arc::clone(&self.clock)
    }

    pub(super) fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn object(&self, name: &str, key: &str) -> S3Result<Arc<Object>> {
        bucket(&mut self.buckets(), name)?.object(key).cloned()
    }

    pub(super) fn writer(&self, algorithms: &[Algorithm]) -> S3Result<Writer> {
        Writer::create(&self.root.join("blobs"), algorithms).map_err(fault::disk)
    }

    /// Makes `object` the one under its key, if `conditions` hold at that moment.
    pub(super) fn put(&self, name: &str, object: Object, conditions: &Conditions) -> S3Result<()> {
        let mut buckets = self.buckets();
        let bucket = bucket(&mut buckets, name)?;
        conditions.check_write(bucket.objects.get(&object.record.key))?;
        self.insert(bucket, name, object)
    }

    /// The part of [`put`](Self::put) after the checks.
    pub(super) fn insert(&self, bucket: &mut Bucket, name: &str, object: Object) -> S3Result<()> {
        self.write(&self.object_path(name, &object.record.key), &object.record)?;
        object.keep();
        if let Some(old) = bucket
            .objects
            .insert(object.record.key.clone(), Arc::new(object))
        {
            old.discard();
        }
        Ok(())
    }

    /// Removes what is under `key`, be there something or not, if `check` lets it.
    pub(super) fn delete(
        &self,
        name: &str,
        key: &str,
        check: impl FnOnce(Option<&Object>) -> S3Result<()>,
    ) -> S3Result<()> {
        let mut buckets = self.buckets();
        let bucket = bucket(&mut buckets, name)?;
        check(bucket.objects.get(key).map(AsRef::as_ref))?;
        if bucket.objects.contains_key(key) {
            fs::remove_file(self.object_path(name, key)).map_err(fault::disk)?;
        }
        if let Some(old) = bucket.objects.remove(key) {
            old.discard();
        }
        Ok(())
    }

    /// Writes a record so that it is there whole or not at all.
    pub(super) fn write(&self, to: &Path, record: &impl Serialize) -> S3Result<()> {
        let new = self
            .root
            .join("new")
            .join(Uuid::new_v4().simple().to_string());
        let written = serde_json::to_vec(record)
            .map_err(io::Error::from)
            .and_then(|json| fs::write(&new, json))
            .and_then(|()| fs::rename(&new, to));
        written.map_err(fault::disk)
    }

    fn bucket_dir(&self, name: &str) -> PathBuf {
        self.root.join("buckets").join(name)
    }

    fn object_path(&self, name: &str, key: &str) -> PathBuf {
        let hash = hex::encode(Sha256::digest(key.as_bytes()));
        self.bucket_dir(name)
            .join("objects")
            .join(format!("{hash}.json"))
    }

    pub(super) fn upload_dir(&self, name: &str, id: &str) -> PathBuf {
        self.bucket_dir(name).join("uploads").join(id)
    }
}

pub(super) fn bucket<'a>(buckets: &'a mut Buckets, name: &str) -> S3Result<&'a mut Bucket> {
    buckets
        .get_mut(name)
        .ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
}

/// The blobs on disk while a directory is opened: each record takes those it names.
struct Found {
    dir: PathBuf,
    ids: HashSet<Uuid>,
}

impl Found {
    fn new(root: &Path) -> anyhow::Result<Self> {
        let dir = root.join("blobs");
        let ids = entries(&dir)?
            .iter()
            .map(|path| {
                let id = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .and_then(|name| name.parse().ok());
                id.with_context(|| format!("{} is no file of the local S3", path.display()))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { dir, ids })
    }

    fn take(&mut self, id: Uuid) -> anyhow::Result<Arc<Blob>> {
        anyhow::ensure!(
            self.ids.remove(&id),
            "the bytes {} are missing or named twice",
            id.simple()
        );
        Ok(Blob::recorded(&self.dir, id))
    }

    fn bucket(&mut self, dir: &Path, created: Millis) -> anyhow::Result<Bucket> {
        let mut objects = BTreeMap::new();
        let mut finished = HashSet::new();
        for path in entries(&dir.join("objects"))? {
            let record: ObjectRecord = read(&path)?;
            let blobs = record
                .blobs
                .iter()
                .map(|(id, size)| Ok((self.take(*id)?, *size)));
            let blobs = blobs
                .collect::<anyhow::Result<_>>()
                .with_context(|| path.display().to_string())?;
            finished.extend(record.upload.as_ref().map(|upload| upload.id.clone()));
            objects.insert(record.key.clone(), Arc::new(Object { record, blobs }));
        }
        let mut uploads = BTreeMap::new();
        for dir in entries(&dir.join("uploads"))? {
            // Killed while it began or ended: without its record it never was.
            if !dir.join("upload.json").exists() {
                fs::remove_dir_all(&dir)?;
                continue;
            }
            let record: UploadRecord = read(&dir.join("upload.json"))?;
            if finished.contains(&record.id) {
                fs::remove_dir_all(&dir)?;
                continue;
            }
            let mut parts = BTreeMap::new();
            for path in entries(&dir)?
                .into_iter()
                .filter(|path| !path.ends_with("upload.json"))
            {
                let record: PartRecord = read(&path)?;
                let blob = self
                    .take(record.blob)
                    .with_context(|| path.display().to_string())?;
                parts.insert(record.number, Part { record, blob });
            }
            uploads.insert(
                (record.key.clone(), record.id.clone()),
                Upload { record, parts },
            );
        }
        Ok(Bucket {
            created,
            objects,
            uploads,
        })
    }

    fn remove_rest(self) -> io::Result<()> {
        self.ids
            .iter()
            .try_for_each(|id| fs::remove_file(self.dir.join(id.simple().to_string())))
    }
}

fn entries(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    Ok(read
        .map(|entry| entry.map(|it| it.path()))
        .collect::<io::Result<_>>()?)
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let damaged = || format!("{} is damaged", path.display());
    serde_json::from_slice(&fs::read(path).with_context(damaged)?).with_context(damaged)
}
