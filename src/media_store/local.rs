//! The media store on a local disk.
//!
//! ```text
//! <root>/objects/<channel>/<input>/<object>   one file per object, written aside, flushed and renamed into place
//! <root>/journals/<channel>.journal           see `journal_format`
//! <root>/journals/<channel>.archive           the same format, records only
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::journal_file::{JournalFile, failed, is_full};
use super::journal_format::OnDamage;
use super::{BoxFuture, MediaStore, ObjectKey, OpenObject, Replay, StoreError};

/// When a write counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Flushed to the disk: survives a power cut.
    #[default]
    PowerCut,
    /// Handed to the operating system: survives `kill -9`, loses the last seconds in a power cut.
    ProcessEnd,
}

/// Settings of a [`LocalStore`].
#[derive(Debug, Clone, Copy)]
pub struct LocalStoreSettings {
    /// When a write counts as done.
    pub durability: Durability,
    /// Bytes of recent objects kept in memory; taken only as objects come.
    pub cache_bytes: u64,
    /// Pass over damage in journals that no crash leaves, instead of refusing them.
    pub repair: bool,
}

impl Default for LocalStoreSettings {
    fn default() -> Self {
        LocalStoreSettings { durability: Durability::PowerCut, cache_bytes: 64 * 1024 * 1024, repair: false }
    }
}

/// Weighs objects by their bytes.
#[derive(Clone)]
struct ByBytes;

impl Weighter<ObjectKey, Bytes> for ByBytes {
    fn weight(&self, key: &ObjectKey, payload: &Bytes) -> u64 {
        (key.len() + payload.len()) as u64
    }
}

type RecentObjects = Cache<ObjectKey, Bytes, ByBytes>;

/// A journal and its archive, each with a lock that keeps its writes one after the other.
#[derive(Debug)]
struct OpenJournal {
    journal: Mutex<JournalFile>,
    archive: Mutex<JournalFile>,
}

/// The media store on a local disk. One process only may use a folder at a time; who opens it sees to that.
pub struct LocalStore {
    objects: LocalFileSystem,
    objects_folder: PathBuf,
    journals_folder: PathBuf,
    journals: Mutex<HashMap<String, Arc<OpenJournal>>>,
    recent: RecentObjects,
    fsync: bool,
    on_damage: OnDamage,
}

impl LocalStore {
    /// Opens the store in a folder, which is made if it is not there.
    pub fn open(root: &Path, settings: LocalStoreSettings) -> Result<Self, StoreError> {
        let fsync = settings.durability == Durability::PowerCut;
        let objects_folder = root.join("objects");
        let journals_folder = root.join("journals");
        for folder in [&objects_folder, &journals_folder] {
            std::fs::create_dir_all(folder).map_err(|error| failed("made", folder, &error))?;
        }
        if fsync {
            let synced = File::open(root).and_then(|folder| folder.sync_all());
            synced.map_err(|error| failed("flushed", root, &error))?;
        }
        let objects = LocalFileSystem::new_with_prefix(&objects_folder)
            .map_err(|error| store_error(&error, &objects_folder.display().to_string()))?
            .with_fsync(fsync);
        // One shard: with more, each has its share of the budget, and a large segment would fit in none.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(64)
            .weight_capacity(settings.cache_bytes)
            .build()
            .map_err(|error| StoreError::Io(format!("a cache of {} bytes: {error}", settings.cache_bytes)))?;
        let recent = Cache::with_options(options, ByBytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        let on_damage = if settings.repair { OnDamage::Skip } else { OnDamage::Refuse };
        Ok(LocalStore {
            objects,
            objects_folder,
            journals_folder,
            journals: Mutex::default(),
            recent,
            fsync,
            on_damage,
        })
    }

    fn journal(&self, name: &str) -> Result<Arc<OpenJournal>, StoreError> {
        let journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
        journals.get(name).cloned().ok_or_else(|| StoreError::Io(format!("journal {name} was not opened")))
    }
}

/// A key as a path below the objects' folder. Keys are made by us; should one ever try to leave, it is refused.
fn object_path(key: &str) -> Result<ObjectPath, StoreError> {
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if !key.split('/').all(is_plain) {
        return Err(StoreError::Io(format!("{key:?} is no object key")));
    }
    ObjectPath::parse(key).map_err(|error| StoreError::Io(error.to_string()))
}

/// A journal's or channel's name as a file name.
fn checked_name(name: &str) -> Result<&str, StoreError> {
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_plain.then_some(name).ok_or_else(|| StoreError::Io(format!("{name:?} is no journal name")))
}

fn locked(journal: &Mutex<JournalFile>) -> MutexGuard<'_, JournalFile> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs file operations on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Io(format!("a file operation died: {error}")))?
}

fn store_error(error: &object_store::Error, key: &str) -> StoreError {
    if matches!(error, object_store::Error::NotFound { .. }) {
        return StoreError::NotFound(key.to_owned());
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(is_full) {
            return StoreError::Full(format!("object {key}"));
        }
        cause = error.source();
    }
    StoreError::Io(format!("object {key}: {error}"))
}

/// Folders below a channel's that objects lie in: `<input>/<series>/<folder>`.
const OBJECT_FOLDER_DEPTH: u32 = 3;

/// How long before the journal's last change a folder must have changed to be looked into after a crash.
const SWEPT: Duration = Duration::from_secs(3600);

/// Removes what a crash left of unfinished objects: object_store writes `<name>#<number>` before it renames. Folders of
/// objects that were not touched `since` are left alone: after two weeks there are very many.
fn remove_unfinished_objects(folder: &Path, depth: u32, since: SystemTime) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if depth + 1 < OBJECT_FOLDER_DEPTH || entry.metadata()?.modified()? >= since {
                remove_unfinished_objects(&entry.path(), depth + 1, since)?;
            }
        } else if entry.file_name().to_string_lossy().contains('#') {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl MediaStore for LocalStore {
    fn put<'a>(&'a self, key: &'a str, payload: Bytes) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let path = object_path(key)?;
            self.objects.put(&path, payload.clone().into()).await.map_err(|error| store_error(&error, key))?;
            self.recent.insert(key.to_owned(), payload);
            Ok(())
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        Box::pin(async move {
            if let Some(payload) = self.recent.get(key) {
                return Ok(payload);
            }
            let path = object_path(key)?;
            let found = self.objects.get(&path).await.map_err(|error| store_error(&error, key))?;
            let payload = found.bytes().await.map_err(|error| store_error(&error, key))?;
            self.recent.insert(key.to_owned(), payload.clone());
            Ok(payload)
        })
    }

    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        Box::pin(async move {
            let outside = || StoreError::Io(format!("object {key} has no bytes {}..{}", range.start, range.end));
            if range.is_empty() {
                return if range.start == range.end { Ok(Bytes::new()) } else { Err(outside()) };
            }
            let part = match self.recent.get(key) {
                Some(payload) => {
                    let inside = range.end <= payload.len() as u64;
                    return inside.then(|| payload.slice(range.start as usize..range.end as usize)).ok_or_else(outside);
                }
                None => self.objects.get_range(&object_path(key)?, range.clone()).await,
            };
            let part = part.map_err(|error| store_error(&error, key))?;
            // The file may be shorter than asked for.
            if part.len() as u64 == range.end - range.start { Ok(part) } else { Err(outside()) }
        })
    }

    fn open_file<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<OpenObject>, StoreError>> {
        Box::pin(async move {
            let path = self.objects_folder.join(object_path(key)?.as_ref());
            let key = key.to_owned();
            blocking(move || {
                let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
                match opened {
                    Ok((metadata, file)) if metadata.is_file() => {
                        Ok(Some(OpenObject { file: Arc::new(file), size: metadata.len() }))
                    }
                    Ok(_) => Err(StoreError::NotFound(key)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::NotFound(key)),
                    Err(error) => Err(failed("opened", &path, &error)),
                }
            })
            .await
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let path = object_path(key)?;
            self.recent.remove(key);
            match self.objects.delete(&path).await.map_err(|error| store_error(&error, key)) {
                Ok(()) | Err(StoreError::NotFound(_)) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<ObjectKey>, StoreError>> {
        Box::pin(async move {
            let path = object_path(prefix)?;
            let found: Vec<_> =
                self.objects.list(Some(&path)).try_collect().await.map_err(|error| store_error(&error, prefix))?;
            let mut keys: Vec<ObjectKey> = found.into_iter().map(|object| object.location.to_string()).collect();
            keys.sort_unstable();
            Ok(keys)
        })
    }

    fn open_journal<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Replay, StoreError>> {
        Box::pin(async move {
            let path = self.journals_folder.join(format!("{}.journal", checked_name(name)?));
            let archive_path = path.with_extension("archive");
            let channel_folder = self.objects_folder.join(name);
            let (fsync, on_damage) = (self.fsync, self.on_damage);
            let (journal, replay) = blocking(move || {
                // Without a journal everything is looked into.
                let written = std::fs::metadata(&path).and_then(|journal| journal.modified());
                let since =
                    written.ok().and_then(|written| written.checked_sub(SWEPT)).unwrap_or(SystemTime::UNIX_EPOCH);
                remove_unfinished_objects(&channel_folder, 0, since)
                    .map_err(|error| failed("swept", &channel_folder, &error))?;
                let (journal, mut replay) = JournalFile::open(path, fsync, on_damage)?;
                // A lost block is a hole in the past; that is no reason to play nothing.
                let (archive, blocks) = JournalFile::open(archive_path, fsync, OnDamage::Skip)?;
                replay.archive = blocks.records;
                Ok((OpenJournal { journal: Mutex::new(journal), archive: Mutex::new(archive) }, replay))
            })
            .await?;
            let mut journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
            journals.insert(name.to_owned(), Arc::new(journal));
            Ok(replay)
        })
    }

    fn append<'a>(&'a self, name: &'a str, records: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let journal = self.journal(name)?;
            blocking(move || locked(&journal.journal).append(&records)).await
        })
    }

    fn checkpoint<'a>(&'a self, name: &'a str, checkpoint: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let journal = self.journal(name)?;
            blocking(move || locked(&journal.journal).checkpoint(&checkpoint)).await
        })
    }

    fn archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let journal = self.journal(name)?;
            blocking(move || locked(&journal.archive).append(&blocks)).await
        })
    }

    fn rewrite_archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let journal = self.journal(name)?;
            blocking(move || locked(&journal.archive).rewrite(&blocks)).await
        })
    }

    fn remove_all<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let journal = self.journals_folder.join(format!("{}.journal", checked_name(name)?));
            let folder = self.objects_folder.join(name);
            self.journals.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
            let prefix = format!("{name}/");
            self.recent.retain(|key, _| !key.starts_with(&prefix));
            blocking(move || {
                let ignore_absent = |path: &Path, removed: io::Result<()>| match removed {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removed", path, &error)),
                    _ => Ok(()),
                };
                // The journal goes first: objects without a journal are swept away later, not the reverse.
                ignore_absent(&journal, std::fs::remove_file(&journal))?;
                let archive = journal.with_extension("archive");
                ignore_absent(&archive, std::fs::remove_file(&archive))?;
                ignore_absent(&folder, std::fs::remove_dir_all(&folder))
            })
            .await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_key_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path(), LocalStoreSettings::default()).unwrap();
        for key in ["", "/a", "../a", "a/../b", "a//b", "a/.", "a\0b", "a\\b", "a%2f..", ".hidden", "a#1"] {
            assert!(store.put(key, Bytes::from_static(b"x")).await.is_err(), "{key:?}");
        }
        for name in ["", "..", "a/b", "a.b", "a\0"] {
            assert!(store.open_journal(name).await.is_err(), "{name:?}");
            assert!(store.remove_all(name).await.is_err(), "{name:?}");
        }
    }

    #[tokio::test]
    async fn an_object_that_a_crash_left_unfinished_is_swept_when_its_journal_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path(), LocalStoreSettings::default()).unwrap();
        store.put("c/1/a", Bytes::from_static(b"whole")).await.unwrap();
        let unfinished = folder.path().join("objects/c/1/b#1");
        std::fs::write(&unfinished, b"hal").unwrap();
        assert_eq!(store.list("c").await.unwrap(), ["c/1/a"]);
        store.open_journal("c").await.unwrap();
        assert!(!unfinished.exists());
        assert_eq!(store.get("c/1/a").await.unwrap(), "whole");
    }

    #[tokio::test]
    async fn memory_holds_no_more_than_its_budget() {
        let folder = tempfile::tempdir().unwrap();
        let settings = LocalStoreSettings {
            durability: Durability::ProcessEnd,
            cache_bytes: 10_000,
            ..LocalStoreSettings::default()
        };
        let store = LocalStore::open(folder.path(), settings).unwrap();
        for number in 0..50 {
            store.put(&format!("c/1/{number}"), Bytes::from(vec![number; 1_000])).await.unwrap();
            assert!(store.recent.weight() <= 10_000);
        }
        store.put("c/1/large", Bytes::from(vec![7; 20_000])).await.unwrap();
        assert!(store.recent.weight() <= 10_000);
        for number in 0..50u8 {
            assert_eq!(store.get(&format!("c/1/{number}")).await.unwrap(), vec![number; 1_000]);
        }
        assert_eq!(store.get("c/1/large").await.unwrap().len(), 20_000);
    }

    /// Prints what a PUT's two durable writes cost on the disk of the folder in `TMPDIR`.
    #[tokio::test]
    #[ignore = "a measurement"]
    async fn time_of_a_put_and_an_append() {
        let folder = tempfile::tempdir().unwrap();
        for durability in [Durability::PowerCut, Durability::ProcessEnd] {
            let settings = LocalStoreSettings { durability, ..LocalStoreSettings::default() };
            let store = LocalStore::open(folder.path(), settings).unwrap();
            store.open_journal("c").await.unwrap();
            let payload = Bytes::from(vec![0x47; 1_500_000]);
            let mut times = Vec::new();
            for number in 0..200 {
                let begin = std::time::Instant::now();
                store.put(&format!("c/1/{number}"), payload.clone()).await.unwrap();
                let stored = begin.elapsed();
                store.append("c", vec![vec![1; 300]]).await.unwrap();
                times.push((begin.elapsed(), stored));
            }
            times.sort();
            println!("{durability:?}: p50 {:?} (object {:?}), p99 {:?}", times[100].0, times[100].1, times[198].0);
            store.remove_all("c").await.unwrap();
        }
    }
}
