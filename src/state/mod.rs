//! Durable documents behind one trait: small control-plane documents, never media and never a row per segment.

mod change_log;
mod data_folder;
mod export;
mod memory_store;
mod precondition;
mod sled_flush;
mod sled_open;
mod sled_store;
#[cfg(test)]
mod suite;

use std::future::Future;
use std::pin::Pin;

pub use data_folder::{DataFolder, DataFolderError};
pub use memory_store::MemoryStore;
pub use sled_open::OpenError;
pub use sled_store::{SledSettings, SledStore};

/// Where a document lives: path-like, such as `live/000000000000/us-east-1/channels/arena`.
pub type Key = String;

/// What is stored: JSON text with a `schema` number.
pub type Document = Vec<u8>;

/// Counts commits; every commit gets the next number.
pub type Revision = u64;

/// What must hold for a commit to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// No document has this key.
    Absent(Key),
    /// A document has this key.
    Present(Key),
    /// The document of this key has exactly these bytes.
    Unchanged(Key, Document),
    /// No document's key starts with this.
    NoneWithPrefix(Key),
    /// Fewer than this many documents' keys start with this.
    FewerThan(Key, usize),
}

/// One change of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Adds or replaces.
    Put(Key, Document),
    /// Removes; removing what is absent changes nothing.
    Delete(Key),
}

/// A committed write, as [`DocumentStore::changes`] tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The commit that it belongs to.
    pub revision: Revision,
    /// The write.
    pub write: Write,
}

/// Why a commit did not happen. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A precondition did not hold; its index in the commit's list.
    #[error("precondition {0} of the commit does not hold")]
    PreconditionFailed(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StateError),
}

/// The store itself failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("state store: {message}")]
pub struct StateError {
    /// What happened, naming file and operation.
    pub message: String,
}

impl StateError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        StateError { message: message.into() }
    }
}

/// A boxed future, so that the trait can be used as an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Durable documents. All implementations pass one property suite.
pub trait DocumentStore: Send + Sync + 'static {
    /// The document of this key.
    fn get(&self, key: &str) -> Result<Option<Document>, StateError>;

    /// All documents whose keys start with the prefix, in key order.
    fn scan(&self, prefix: &str) -> Result<Vec<(Key, Document)>, StateError>;

    /// Applies all writes if all preconditions hold, or nothing. Durable once it returns `Ok`.
    fn commit<'a>(
        &'a self,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> BoxFuture<'a, Result<Revision, CommitError>>;

    /// The newest writes after `since`, oldest first; `None` if the store no longer knows that far back.
    fn changes(&self, since: Revision) -> Result<Option<Vec<Change>>, StateError>;
}
