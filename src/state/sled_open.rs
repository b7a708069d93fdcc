//! Opens sled with guard rails. What is known to go wrong with sled 0.34 and what is done about it:
//!
//! | damage | sled by itself | here |
//! | --- | --- | --- |
//! | a left-over `snap.*.generating` | refuses to open | removed first |
//! | a snapshot emptied or changed | refuses to open | `snap.*` moved aside, opened again |
//! | log and snapshots cut | panics | caught; a new database from the newest export |
//! | bytes changed inside | may hang | given up after a while; a new database from the newest export |
//! | opens, but lacks commits that an export has | says nothing | a new database from the newest export |
//!
//! Opening runs on a thread of its own, so that a panic ends only that and a hang can be walked away from. A
//! hung thread cannot be ended from inside the process: it stays until the process ends, on files that were
//! moved aside, and the log says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, SystemTime};

use super::export::Export;
use super::{Revision, sled_store};

/// sled's page cache, in bytes. Documents are few and small.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// Why the state cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A new database cannot be made: mostly permissions or a full disk.
    #[error("the state store in {folder} cannot be opened: {reason}")]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What failed.
        reason: String,
    },
    /// Damaged, and there is no export to go back to.
    #[error(
        "the state store in {folder} is damaged ({reason}) and there is no export to restore it from; to start empty, \
         move the folder away"
    )]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What failed.
        reason: String,
    },
}

/// Opens the database in `folder`, repairing what can be repaired; `exports` is where exports lie and
/// `patience` how long an open may take.
pub(super) fn open(folder: &Path, exports: &Path, patience: Duration) -> Result<sled::Db, OpenError> {
    open_with(folder, exports, patience, open_and_read)
}

/// How a database is opened; the sentence of an error says why it is not.
type Opener = fn(&Path) -> Result<sled::Db, String>;

fn open_with(folder: &Path, exports: &Path, patience: Duration, opener: Opener) -> Result<sled::Db, OpenError> {
    let unusable = |error: std::io::Error| OpenError::Unusable { folder: folder.to_owned(), reason: error.to_string() };
    fs::create_dir_all(folder).map_err(unusable)?;
    let is_new = !folder.join("db").exists();
    for path in snapshots(folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "generating")) {
        tracing::warn!(file = %path.display(), "removing an unfinished snapshot of the state store");
        fs::remove_file(&path).map_err(unusable)?;
    }

    let mut outcome = attempt(folder, patience, opener);
    if let Err(Failure::Refused(reason) | Failure::Panicked(reason)) = &outcome
        && !snapshots(folder).is_empty()
    {
        tracing::warn!(reason, "the state store does not open: moving its snapshots aside and trying again");
        move_snapshots_aside(folder).map_err(unusable)?;
        outcome = attempt(folder, patience, opener);
    }
    let newest = Export::newest(exports);
    let reason = match outcome {
        Ok(database) => match lost_commits(&database, newest.as_ref().map(|(_, export)| export.revision)) {
            None => return Ok(database),
            Some(reason) => reason,
        },
        Err(Failure::Refused(reason)) if is_new && newest.is_none() => {
            return Err(OpenError::Unusable { folder: folder.to_owned(), reason });
        }
        Err(Failure::Refused(reason) | Failure::Panicked(reason)) => reason,
        Err(Failure::Hung) => {
            tracing::error!("a thread that hangs in the damaged state store stays until the server is restarted");
            format!("opening it takes longer than {} s", patience.as_secs_f32())
        }
    };

    let Some((export_path, export)) = newest else {
        return Err(OpenError::Damaged { folder: folder.to_owned(), reason });
    };
    let aside = aside_name(folder, "damaged");
    fs::rename(folder, &aside).map_err(unusable)?;
    tracing::error!(
        reason,
        kept = %aside.display(),
        export = %export_path.display(),
        revision = export.revision,
        documents = export.documents.len(),
        "the state store is damaged: restoring the newest export, commits after it are lost"
    );
    fs::create_dir_all(folder).map_err(unusable)?;
    let database = attempt(folder, patience, opener)
        .map_err(|failure| OpenError::Unusable { folder: folder.to_owned(), reason: failure.to_string() })?;
    sled_store::fill(&database, &export)
        .map_err(|error| OpenError::Unusable { folder: folder.to_owned(), reason: error.to_string() })?;
    Ok(database)
}

/// Why one attempt failed.
enum Failure {
    Refused(String),
    Panicked(String),
    Hung,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Refused(reason) | Failure::Panicked(reason) => formatter.write_str(reason),
            Failure::Hung => formatter.write_str("it does not open in time"),
        }
    }
}

/// Opens and reads every row: damage may show only there.
fn open_and_read(folder: &Path) -> Result<sled::Db, String> {
    let opened = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).open();
    let read = opened.and_then(|database| database.iter().find_map(Result::err).map_or(Ok(database), Err));
    read.map_err(|error| error.to_string())
}

/// Opens on a thread of its own.
fn attempt(folder: &Path, patience: Duration, opener: Opener) -> Result<sled::Db, Failure> {
    let (sender, receiver) = channel();
    let path = folder.to_owned();
    let thread = std::thread::Builder::new()
        .name("state-open".to_owned())
        .spawn(move || {
            // Nobody listens any more if it took too long.
            let _ = sender.send(opener(&path));
        })
        .map_err(|error| Failure::Refused(error.to_string()))?;
    match receiver.recv_timeout(patience) {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(reason)) => Err(Failure::Refused(reason)),
        Err(RecvTimeoutError::Timeout) => Err(Failure::Hung),
        Err(RecvTimeoutError::Disconnected) => Err(Failure::Panicked(match thread.join() {
            Err(panic) => format!("it panics: {}", panic_text(panic.as_ref())),
            Ok(()) => "its opening ended without a result".to_owned(),
        })),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a text").chars().take(200).collect()
}

/// sled cuts what it cannot read off its log without a word; an export that knows more tells.
fn lost_commits(database: &sled::Db, exported: Option<Revision>) -> Option<String> {
    let stored = match sled_store::stored_revision(database) {
        Ok(stored) => stored,
        Err(error) => return Some(error.to_string()),
    };
    let exported = exported?;
    (stored < exported).then(|| format!("its last commit is {stored}, but an export knows {exported}"))
}

fn snapshots(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    entries.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."))).collect()
}

fn move_snapshots_aside(folder: &Path) -> std::io::Result<()> {
    let aside = aside_name(folder, "snapshots");
    fs::create_dir_all(&aside)?;
    for path in snapshots(folder) {
        if let Some(name) = path.file_name() {
            fs::rename(&path, aside.join(name))?;
        }
    }
    Ok(())
}

/// A name beside `folder` that nothing has yet.
fn aside_name(folder: &Path, what: &str) -> PathBuf {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let base = folder.with_extension(format!("{what}-{seconds}"));
    let mut name = base.clone();
    let mut number = 1u32;
    while name.exists() {
        name = base.with_extension(format!("{what}-{seconds}-{number}"));
        number = number.saturating_add(1);
    }
    name
}

#[cfg(test)]
#[path = "sled_open_tests.rs"]
mod tests;
