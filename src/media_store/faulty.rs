//! A media store that fails when it is told to: what every user of a store must live with, tried at every point.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::{BoxFuture, MediaStore, ObjectKey, Replay, StoreError};

/// When a failing operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    /// Before anything happened.
    Before,
    /// After everything happened, as when the disk does not confirm it.
    After,
}

/// A store of which one writing operation fails.
pub(crate) struct FaultyStore {
    inner: Arc<dyn MediaStore>,
    /// Writing operations until the one that fails.
    until: AtomicUsize,
    fails: Fails,
    error: fn() -> StoreError,
}

impl FaultyStore {
    /// A store whose writing operation `number`, counted from 0, fails.
    pub(crate) fn new(inner: Arc<dyn MediaStore>, number: usize, fails: Fails, error: fn() -> StoreError) -> Self {
        FaultyStore { inner, until: AtomicUsize::new(number), fails, error }
    }

    /// The operation has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.until.load(Ordering::SeqCst) == usize::MAX
    }

    fn write<'a>(&'a self, operation: BoxFuture<'a, Result<(), StoreError>>) -> BoxFuture<'a, Result<(), StoreError>> {
        let before = self.until.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |until| match until {
            0 => Some(usize::MAX),
            usize::MAX => None,
            until => Some(until - 1),
        });
        if before != Ok(0) {
            return operation;
        }
        Box::pin(async move {
            if self.fails == Fails::After {
                operation.await?;
            }
            Err((self.error)())
        })
    }
}

impl MediaStore for FaultyStore {
    fn put<'a>(&'a self, key: &'a str, payload: Bytes) -> BoxFuture<'a, Result<(), StoreError>> {
        self.write(self.inner.put(key, payload))
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        self.inner.get(key)
    }

    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        self.inner.get_range(key, range)
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.write(self.inner.delete(key))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<ObjectKey>, StoreError>> {
        self.inner.list(prefix)
    }

    fn open_journal<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Replay, StoreError>> {
        self.inner.open_journal(name)
    }

    fn append<'a>(&'a self, name: &'a str, records: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.write(self.inner.append(name, records))
    }

    fn archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.write(self.inner.archive(name, blocks))
    }

    fn rewrite_archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.write(self.inner.rewrite_archive(name, blocks))
    }

    fn checkpoint<'a>(&'a self, name: &'a str, checkpoint: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.write(self.inner.checkpoint(name, checkpoint))
    }

    fn remove_all<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.write(self.inner.remove_all(name))
    }
}
