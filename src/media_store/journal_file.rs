//! One journal on disk: blocking; the caller keeps it off the async threads.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::journal_format::{self, FILE_HEADER_BYTES};
use super::{Replay, StoreError};

/// A journal that is open for appending.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    /// Length of what was acknowledged; the file is never longer, except after a failed append.
    good_bytes: u64,
    /// A failed append could not be taken back, or the disk did not confirm one: nothing is appended any more.
    broken: bool,
    fsync: bool,
}

impl JournalFile {
    /// Opens or makes the file and reads all of it; cuts off a torn tail.
    pub(super) fn open(path: PathBuf, fsync: bool) -> Result<(Self, Replay), StoreError> {
        // A checkpoint that was not finished.
        match std::fs::remove_file(unfinished(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("removed", &unfinished(&path), &error));
            }
            _ => {}
        }
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed("opened", &path, &error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| failed("read", &path, &error))?;
        let contents = journal_format::read(&bytes)
            .map_err(|damage| StoreError::Io(format!("journal {}: {damage}", path.display())))?;
        let mut journal = JournalFile { path, file, good_bytes: contents.good_bytes as u64, broken: false, fsync };
        if contents.good_bytes < bytes.len() {
            tracing::warn!(
                journal = %journal.path.display(),
                offset = contents.good_bytes,
                bytes = bytes.len() - contents.good_bytes,
                "the journal's torn tail was cut off: a write that nobody was told of had not ended"
            );
        }
        let prepared = (|| {
            if contents.good_bytes != bytes.len() {
                journal.file.set_len(journal.good_bytes)?;
            }
            if contents.good_bytes < FILE_HEADER_BYTES {
                journal.file.rewind()?;
                journal.file.write_all(&journal_format::file_header())?;
                journal.good_bytes = FILE_HEADER_BYTES as u64;
            }
            journal.sync(File::sync_all)?;
            if is_new { journal.sync_folder() } else { Ok(()) }
        })();
        prepared.map_err(|error| failed("prepared", &journal.path, &error))?;
        Ok((journal, contents.replay))
    }

    /// Appends records as one frame; durable once it returns.
    pub(super) fn append(&mut self, records: &[Vec<u8>]) -> Result<(), StoreError> {
        let frame = journal_format::records_frame(records).map_err(|error| StoreError::Io(error.to_string()))?;
        if self.broken {
            return Err(StoreError::Io(format!(
                "journal {} takes no more records: the disk failed on an earlier one",
                self.path.display()
            )));
        }
        let written = self
            .file
            .seek(SeekFrom::Start(self.good_bytes))
            .and_then(|_| self.file.write_all(&frame))
            .and_then(|()| self.sync(File::sync_data));
        match written {
            Ok(()) => {
                self.good_bytes += frame.len() as u64;
                Ok(())
            }
            Err(error) => {
                // After a failed fsync only a full disk leaves what was there before in a known state.
                let taken_back = is_full(&error)
                    && self.file.set_len(self.good_bytes).and_then(|()| self.sync(File::sync_all)).is_ok();
                self.broken = !taken_back;
                Err(failed("appended to", &self.path, &error))
            }
        }
    }

    /// Replaces the file by one that holds the checkpoint alone; a crash leaves the one or the other.
    pub(super) fn checkpoint(&mut self, checkpoint: &[u8]) -> Result<(), StoreError> {
        let frame = journal_format::checkpoint_frame(checkpoint).map_err(|error| StoreError::Io(error.to_string()))?;
        let path = unfinished(&self.path);
        let written = (|| {
            let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
            file.write_all(&journal_format::file_header())?;
            file.write_all(&frame)?;
            if self.fsync {
                file.sync_all()?;
            }
            std::fs::rename(&path, &self.path)?;
            Ok(file)
        })();
        match written {
            Ok(file) => {
                self.file = file;
                self.good_bytes = (FILE_HEADER_BYTES + frame.len()) as u64;
                self.broken = false;
                self.sync_folder().map_err(|error| {
                    self.broken = true;
                    failed("renamed", &self.path, &error)
                })
            }
            Err(error) => {
                // Best effort: it is removed when the journal is opened again, too.
                let _ = std::fs::remove_file(&path);
                Err(failed("written", &path, &error))
            }
        }
    }

    fn sync(&self, sync: fn(&File) -> io::Result<()>) -> io::Result<()> {
        if self.fsync { sync(&self.file) } else { Ok(()) }
    }

    fn sync_folder(&self) -> io::Result<()> {
        match self.path.parent() {
            Some(folder) if self.fsync => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }
}

/// Where a checkpoint is written before it takes the journal's place.
fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("unfinished")
}

/// True if the error says that there is no room left.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// The store's error for a file operation.
pub(super) fn failed(verb: &str, path: &Path, error: &io::Error) -> StoreError {
    if is_full(error) {
        StoreError::Full(path.display().to_string())
    } else {
        StoreError::Io(format!("{} could not be {verb}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(file: &Path) -> Vec<Vec<u8>> {
        JournalFile::open(file.to_owned(), true).unwrap().1.records
    }

    #[test]
    fn a_tail_torn_at_any_byte_is_cut_and_appending_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let (mut journal, _) = JournalFile::open(path.clone(), true).unwrap();
        journal.append(&[b"first".to_vec()]).unwrap();
        let kept = std::fs::metadata(&path).unwrap().len();
        journal.append(&[b"second".to_vec(), b"third".to_vec()]).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for length in kept..whole.len() as u64 {
            std::fs::write(&path, &whole[..length as usize]).unwrap();
            let (mut journal, replay) = JournalFile::open(path.clone(), false).unwrap();
            assert_eq!(replay.records, [b"first".to_vec()], "cut at {length}");
            journal.append(&[b"again".to_vec()]).unwrap();
            drop(journal);
            assert_eq!(records(&path), [b"first".to_vec(), b"again".to_vec()], "cut at {length}");
        }
    }

    #[test]
    fn a_damaged_middle_names_file_and_offset() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.journal");
        let (mut journal, _) = JournalFile::open(path.clone(), true).unwrap();
        journal.append(&[b"first".to_vec()]).unwrap();
        journal.append(&[b"second".to_vec()]).unwrap();
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[FILE_HEADER_BYTES + 15] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = JournalFile::open(path, true).unwrap_err().to_string();
        assert!(error.contains("b.journal") && error.contains("offset 8 "), "{error}");
    }

    #[test]
    fn an_unfinished_checkpoint_is_as_if_it_had_never_begun() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.journal");
        let (mut journal, _) = JournalFile::open(path.clone(), true).unwrap();
        journal.append(&[b"first".to_vec()]).unwrap();
        drop(journal);
        std::fs::write(unfinished(&path), b"OMPJ").unwrap();
        assert_eq!(records(&path), [b"first".to_vec()]);
        assert!(!unfinished(&path).exists());
    }
}
