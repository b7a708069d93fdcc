//! Documents in sled 0.34: small ones only, opened with guard rails and exported regularly.
//!
//! One tree: `d` + key → document, `m` + `revision` → number of the last commit, 8 bytes big-endian. A commit
//! is one batch, which sled recovers wholly or not at all; our lock makes its preconditions part of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::change_log::ChangeLog;
use super::export::Export;
use super::precondition::{self, Documents};
use super::sled_flush::Flusher;
use super::sled_open::{self, OpenError};
use super::{BoxFuture, Change, CommitError, Document, DocumentStore, Key, Precondition, Revision, StateError, Write};

const DOCUMENT: u8 = b'd';
const REVISION: &[u8] = b"mrevision";

/// How the store works.
#[derive(Debug, Clone, Copy)]
pub struct SledSettings {
    /// Commits wait until they would survive a power cut; otherwise they may be lost for half a second.
    pub flush: bool,
    /// Export after this many commits, or as many as there were documents in the last export if that is more.
    pub export_after_commits: u64,
    /// Export after this time, if anything was committed.
    pub export_after: Duration,
    /// How long sled may take to open before its database counts as damaged.
    pub open_patience: Duration,
}

impl Default for SledSettings {
    fn default() -> Self {
        SledSettings {
            flush: true,
            export_after_commits: 1000,
            export_after: Duration::from_secs(60),
            open_patience: Duration::from_secs(20),
        }
    }
}

/// Documents in sled.
pub struct SledStore {
    shared: Arc<Shared>,
    flusher: Option<Flusher>,
    exporter: Option<JoinHandle<()>>,
}

struct Shared {
    database: sled::Db,
    settings: SledSettings,
    exports: PathBuf,
    commits: Mutex<Commits>,
    /// Wakes the exporter.
    enough: Condvar,
}

struct Commits {
    changes: ChangeLog,
    exported: Revision,
    /// Documents in the last export.
    exported_documents: u64,
    closing: bool,
}

impl Commits {
    /// Whether so much was committed since the last export that the next should not wait. An export costs as
    /// much as there are documents, so it is spread over as many commits.
    fn export_is_due(&self, settings: &SledSettings) -> bool {
        let missing = self.changes.newest().saturating_sub(self.exported);
        missing >= settings.export_after_commits.max(self.exported_documents)
    }
}

impl SledStore {
    /// Opens the store: the database in `folder/sled`, exports in `folder/exports`.
    pub fn open(folder: &Path, settings: SledSettings) -> Result<Self, OpenError> {
        let unusable = |error: StateError| OpenError::Unusable { folder: folder.to_owned(), reason: error.to_string() };
        let (database_folder, exports) = (folder.join("sled"), folder.join("exports"));
        let database = sled_open::open(&database_folder, &exports, settings.open_patience)?;
        let revision = stored_revision(&database).map_err(unusable)?;
        let (exported, exported_documents) =
            Export::newest(&exports).map_or((0, 0), |(_, export)| (export.revision, export.documents.len() as u64));
        let flusher = Flusher::start(database.clone(), &database_folder).map_err(unusable)?;
        let commits =
            Commits { changes: ChangeLog::starting_at(revision), exported, exported_documents, closing: false };
        let shared =
            Arc::new(Shared { database, settings, exports, commits: Mutex::new(commits), enough: Condvar::new() });
        let exporter = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("state-export".to_owned())
                .stack_size(512 * 1024)
                .spawn(move || shared.export_regularly())
                .map_err(|error| unusable(StateError::new(format!("starting the exporter: {error}"))))?
        };
        Ok(SledStore { shared, flusher: Some(flusher), exporter: Some(exporter) })
    }

    async fn flushed(&self) -> Result<(), StateError> {
        match &self.flusher {
            Some(flusher) if self.shared.settings.flush => flusher.flushed().await,
            _ => Ok(()),
        }
    }
}

impl Drop for SledStore {
    /// Writes a last export and flushes.
    fn drop(&mut self) {
        self.shared.commits().closing = true;
        self.shared.enough.notify_all();
        if self.exporter.take().is_some_and(|exporter| exporter.join().is_err()) {
            tracing::error!("the exporter of the state store panicked");
        }
        self.flusher = None;
        if let Err(error) = self.shared.database.flush() {
            tracing::error!(%error, "the state store could not be flushed while closing");
        }
    }
}

impl Shared {
    fn commits(&self) -> MutexGuard<'_, Commits> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks and writes; not yet durable when it returns.
    fn write(&self, preconditions: &[Precondition], writes: Vec<Write>) -> Result<Revision, CommitError> {
        let mut commits = self.commits();
        precondition::check(preconditions, &self.database)?;
        let revision = commits.changes.newest() + 1;
        let mut batch = sled::Batch::default();
        for write in &writes {
            match write {
                Write::Put(key, document) => batch.insert(document_key(key), document.as_slice()),
                Write::Delete(key) => batch.remove(document_key(key)),
            }
        }
        batch.insert(REVISION, &revision.to_be_bytes());
        self.database.apply_batch(batch).map_err(|error| failed("commit", &error))?;
        commits.changes.push(revision, writes);
        if commits.export_is_due(&self.settings) {
            self.enough.notify_one();
        }
        Ok(revision)
    }

    fn export_regularly(&self) {
        let mut commits = self.commits();
        loop {
            let rests = |commits: &mut Commits| !commits.closing && !commits.export_is_due(&self.settings);
            let waited = self.enough.wait_timeout_while(commits, self.settings.export_after, rests);
            commits = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(commits, _)| commits);
            let closing = commits.closing;
            let revision = commits.changes.newest();
            if revision > commits.exported {
                // Under the lock, so that the export is of one moment; sled hands out references, not copies.
                let rows: Result<Vec<_>, _> = self.database.scan_prefix([DOCUMENT]).collect();
                // Even if writing fails: the next attempt waits for its turn instead of spinning.
                commits.exported = revision;
                commits.exported_documents = rows.as_ref().map_or(0, |rows| rows.len() as u64);
                drop(commits);
                match rows.map_err(|error| failed("export", &error)).and_then(|rows| self.export(revision, rows)) {
                    Ok(path) => tracing::debug!(export = %path.display(), revision, "state exported"),
                    Err(error) => tracing::error!(%error, revision, "the state could not be exported"),
                }
                commits = self.commits();
            }
            if closing {
                return;
            }
        }
    }

    fn export(&self, revision: Revision, rows: Vec<(sled::IVec, sled::IVec)>) -> Result<PathBuf, StateError> {
        let documents = rows.into_iter().map(document).collect::<Result<Vec<_>, _>>()?;
        let export = Export { revision, documents };
        export.write(&self.exports).map_err(|error| StateError::new(format!("export: {error}")))
    }
}

/// The number of the last commit in a database; 0 if it is new.
pub(super) fn stored_revision(database: &sled::Db) -> Result<Revision, StateError> {
    match database.get(REVISION).map_err(|error| failed("reading the revision", &error))? {
        None => Ok(0),
        Some(bytes) => match <[u8; 8]>::try_from(bytes.as_ref()) {
            Ok(bytes) => Ok(Revision::from_be_bytes(bytes)),
            Err(_) => Err(StateError::new(format!("the stored revision has {} bytes, not 8", bytes.len()))),
        },
    }
}

/// Writes all documents of an export into a new database, durably.
pub(super) fn fill(database: &sled::Db, export: &Export) -> Result<(), StateError> {
    let mut batch = sled::Batch::default();
    for (key, document) in &export.documents {
        batch.insert(document_key(key), document.as_slice());
    }
    batch.insert(REVISION, &export.revision.to_be_bytes());
    database.apply_batch(batch).map_err(|error| failed("restore", &error))?;
    database.flush().map_err(|error| failed("restore", &error))?;
    Ok(())
}

fn failed(what: &str, error: &sled::Error) -> StateError {
    StateError::new(format!("{what}: {error}"))
}

fn document_key(key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + 1);
    bytes.push(DOCUMENT);
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

fn document((key, value): (sled::IVec, sled::IVec)) -> Result<(Key, Document), StateError> {
    let key = key.get(1..).unwrap_or_default();
    let key = std::str::from_utf8(key).map_err(|_| StateError::new("a stored key is no text"))?;
    Ok((key.to_owned(), value.to_vec()))
}

impl Documents for sled::Db {
    fn has(&self, key: &str, document: Option<&[u8]>) -> Result<bool, StateError> {
        let found = self.get(document_key(key)).map_err(|error| failed("reading", &error))?;
        Ok(found.is_some_and(|found| document.is_none_or(|document| found == document)))
    }

    fn count(&self, prefix: &str, most: usize) -> Result<usize, StateError> {
        let mut count = 0;
        for row in self.scan_prefix(document_key(prefix)).take(most) {
            row.map_err(|error| failed("counting", &error))?;
            count += 1;
        }
        Ok(count)
    }
}

impl DocumentStore for SledStore {
    fn get(&self, key: &str) -> Result<Option<Document>, StateError> {
        let found = self.shared.database.get(document_key(key)).map_err(|error| failed("reading", &error))?;
        Ok(found.map(|document| document.to_vec()))
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(Key, Document)>, StateError> {
        let rows = self.shared.database.scan_prefix(document_key(prefix));
        rows.map(|row| row.map_err(|error| failed("scanning", &error)).and_then(document)).collect()
    }

    fn commit<'a>(
        &'a self,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> BoxFuture<'a, Result<Revision, CommitError>> {
        Box::pin(async move {
            let revision = self.shared.write(&preconditions, writes)?;
            self.flushed().await?;
            Ok(revision)
        })
    }

    fn changes(&self, since: Revision) -> Result<Option<Vec<Change>>, StateError> {
        Ok(self.shared.commits().changes.since(since))
    }
}
