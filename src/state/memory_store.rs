//! Documents in memory only: for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::change_log::ChangeLog;
use super::precondition::{self, Documents};
use super::{BoxFuture, Change, CommitError, Document, DocumentStore, Key, Precondition, Revision, StateError, Write};

/// Documents that live as long as the process.
#[derive(Debug)]
pub struct MemoryStore {
    content: Mutex<Content>,
}

#[derive(Debug)]
struct Content {
    documents: BTreeMap<Key, Document>,
    changes: ChangeLog,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        let content = Content { documents: BTreeMap::new(), changes: ChangeLog::starting_at(0) };
        MemoryStore { content: Mutex::new(content) }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl Documents for BTreeMap<Key, Document> {
    fn has(&self, key: &str, document: Option<&[u8]>) -> Result<bool, StateError> {
        Ok(self.get(key).is_some_and(|found| document.is_none_or(|document| found == document)))
    }

    fn count(&self, prefix: &str, most: usize) -> Result<usize, StateError> {
        Ok(below(self, prefix).take(most).count())
    }
}

fn below<'a>(documents: &'a BTreeMap<Key, Document>, prefix: &'a str) -> impl Iterator<Item = (&'a Key, &'a Document)> {
    documents.range(prefix.to_owned()..).take_while(move |(key, _)| key.starts_with(prefix))
}

impl DocumentStore for MemoryStore {
    fn get(&self, key: &str) -> Result<Option<Document>, StateError> {
        Ok(self.content().documents.get(key).cloned())
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(Key, Document)>, StateError> {
        Ok(below(&self.content().documents, prefix).map(|(key, document)| (key.clone(), document.clone())).collect())
    }

    fn commit<'a>(
        &'a self,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> BoxFuture<'a, Result<Revision, CommitError>> {
        Box::pin(async move {
            let mut content = self.content();
            precondition::check(&preconditions, &content.documents)?;
            for write in &writes {
                match write {
                    Write::Put(key, document) => content.documents.insert(key.clone(), document.clone()),
                    Write::Delete(key) => content.documents.remove(key),
                };
            }
            let revision = content.changes.newest() + 1;
            content.changes.push(revision, writes);
            Ok(revision)
        })
    }

    fn changes(&self, since: Revision) -> Result<Option<Vec<Change>>, StateError> {
        Ok(self.content().changes.since(since))
    }
}
