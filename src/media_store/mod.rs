//! Durable payload and journals. Does not know what the bytes mean.
//!
//! * An *object* is written once, whole or not at all, and never changes: one pushed segment.
//! * A *journal* is an append-only list of records per channel that starts with a checkpoint: replaying the
//!   checkpoint and the records after it gives the channel's presentation.
//! * A journal's *archive* holds what would make its checkpoints large and never changes: blocks that are written once
//!   and that the checkpoints need not repeat.

pub mod bucket;
#[cfg(test)]
pub(crate) mod faulty;
mod journal_file;
mod journal_format;
mod local;
mod memory;
#[cfg(test)]
mod properties;

use std::fs::File;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

pub use local::{Durability, LocalStore, LocalStoreSettings};
pub use memory::MemoryStore;

/// Where an object lives: path-like, such as `3f…/1/0000000042`. Made by us, never by a client.
pub type ObjectKey = String;

/// A boxed future, so that the trait can be used as an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No object has this key.
    #[error("object {0} is not in the store")]
    NotFound(ObjectKey),
    /// The disk is full: the write did not happen.
    #[error("the disk is full: {0} was not written")]
    Full(String),
    /// A file holds what no crash leaves there.
    #[error("{0}; started with --repair, the server keeps what is good of it")]
    Damaged(String),
    /// Anything else, naming file and operation.
    #[error("media store: {0}")]
    Io(String),
}

/// What a journal held when it was opened.
#[derive(Debug, Default)]
pub struct Replay {
    /// The newest checkpoint, if one was ever written.
    pub checkpoint: Option<Vec<u8>>,
    /// The records after it, oldest first. A torn last record is cut off.
    pub records: Vec<Vec<u8>>,
    /// The blocks of the archive, oldest first; damaged ones are left out.
    pub archive: Vec<Vec<u8>>,
}

/// An object as an open file.
#[derive(Debug, Clone)]
pub struct OpenObject {
    /// The file; it holds the object from its first byte on.
    pub file: Arc<File>,
    /// Bytes in the object.
    pub size: u64,
}

/// Durable payload and journals.
pub trait MediaStore: Send + Sync + 'static {
    /// Writes an object; durable once it returns. Writing a key again with the same bytes changes nothing.
    fn put<'a>(&'a self, key: &'a str, payload: Bytes) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Reads a whole object; recent ones come from memory and cost no copy.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, StoreError>>;

    /// Reads a part of an object.
    fn get_range<'a>(&'a self, key: &'a str, range: Range<u64>) -> BoxFuture<'a, Result<Bytes, StoreError>>;

    /// The object as an open file, if the store keeps objects as files: for payload that goes
    /// from the page cache to a socket. The file keeps its bytes while it is open, also when the object is deleted.
    fn open_file<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<OpenObject>, StoreError>> {
        let _ = key;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Removes an object; removing what is absent is no error.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Keys of all objects below a prefix, for finding what no journal knows.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<ObjectKey>, StoreError>>;

    /// Opens a journal and its archive and reads all of them; cuts off torn tails.
    fn open_journal<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Replay, StoreError>>;

    /// Appends records to an opened journal; all of them are durable once it returns, or none is acknowledged.
    fn append<'a>(&'a self, name: &'a str, records: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Appends blocks to an opened journal's archive; all of them are durable once it returns.
    fn archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Replaces an opened journal's archive by these blocks, atomically.
    fn rewrite_archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Replaces the journal by a checkpoint with no records after it, atomically.
    fn checkpoint<'a>(&'a self, name: &'a str, checkpoint: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes a channel's journal and all its objects.
    fn remove_all<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}
