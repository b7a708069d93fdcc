//! The media store in memory: for tests, and for servers whose media may go with the process.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{BoxFuture, MediaStore, ObjectKey, Replay, StoreError};

/// The media store in memory. Clones share their contents, so that a clone is what a restart finds.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    objects: BTreeMap<ObjectKey, Bytes>,
    journals: BTreeMap<String, Journal>,
}

#[derive(Debug, Clone, Default)]
struct Journal {
    checkpoint: Option<Vec<u8>>,
    records: Vec<Vec<u8>>,
    archive: Vec<Vec<u8>>,
}

impl MemoryStore {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

fn not_opened(name: &str) -> StoreError {
    StoreError::Io(format!("journal {name} was not opened"))
}

impl MediaStore for MemoryStore {
    fn put<'a>(&'a self, key: &'a str, payload: Bytes) -> BoxFuture<'a, Result<(), StoreError>> {
        self.contents().objects.insert(key.to_owned(), payload);
        ready(Ok(()))
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        let found = self.contents().objects.get(key).cloned();
        ready(found.ok_or_else(|| StoreError::NotFound(key.to_owned())))
    }

    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        let found = self.contents().objects.get(key).cloned();
        ready(found.ok_or_else(|| StoreError::NotFound(key.to_owned())).and_then(|payload| {
            if range.start <= range.end && range.end <= payload.len() as u64 {
                Ok(payload.slice(range.start as usize..range.end as usize))
            } else {
                Err(StoreError::Io(format!("object {key} has no bytes {}..{}", range.start, range.end)))
            }
        }))
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.contents().objects.remove(key);
        ready(Ok(()))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<ObjectKey>, StoreError>> {
        let folder = format!("{prefix}/");
        ready(Ok(self.contents().objects.keys().filter(|key| key.starts_with(&folder)).cloned().collect()))
    }

    fn open_journal<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Replay, StoreError>> {
        let Journal { checkpoint, records, archive } =
            self.contents().journals.entry(name.to_owned()).or_default().clone();
        ready(Ok(Replay { checkpoint, records, archive }))
    }

    fn append<'a>(&'a self, name: &'a str, records: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        ready(match self.contents().journals.get_mut(name) {
            Some(journal) => {
                journal.records.extend(records);
                Ok(())
            }
            None => Err(not_opened(name)),
        })
    }

    fn checkpoint<'a>(&'a self, name: &'a str, checkpoint: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        ready(match self.contents().journals.get_mut(name) {
            Some(journal) => {
                journal.checkpoint = Some(checkpoint);
                journal.records.clear();
                Ok(())
            }
            None => Err(not_opened(name)),
        })
    }

    fn archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        ready(match self.contents().journals.get_mut(name) {
            Some(journal) => {
                journal.archive.extend(blocks);
                Ok(())
            }
            None => Err(not_opened(name)),
        })
    }

    fn rewrite_archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        ready(match self.contents().journals.get_mut(name) {
            Some(journal) => {
                journal.archive = blocks;
                Ok(())
            }
            None => Err(not_opened(name)),
        })
    }

    fn remove_all<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let folder = format!("{name}/");
        let mut contents = self.contents();
        contents.journals.remove(name);
        contents.objects.retain(|key, _| !key.starts_with(&folder));
        ready(Ok(()))
    }
}
