//! One journal on disk: blocking; the caller keeps it off the async threads.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::journal_format::{self, FILE_HEADER_BYTES, OnDamage};
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
    /// Opens or makes the file and reads all of it; cuts off a torn tail. Damage elsewhere is refused, or passed over
    /// after the file was copied aside.
    pub(super) fn open(path: PathBuf, fsync: bool, on_damage: OnDamage) -> Result<(Self, Replay), StoreError> {
        // A replacement that was not finished.
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
        let contents = journal_format::read(&bytes, on_damage)
            .map_err(|damage| StoreError::Damaged(format!("journal {}: {damage}", path.display())))?;
        let mut journal = JournalFile { path, file, good_bytes: contents.good_bytes as u64, broken: false, fsync };
        if contents.good_bytes < bytes.len() {
            tracing::warn!(
                journal = %journal.path.display(),
                offset = contents.good_bytes,
                bytes = bytes.len() - contents.good_bytes,
                "the journal's torn tail was cut off: a write that nobody was told of had not ended"
            );
        }
        if !contents.skipped.is_empty() {
            journal.salvage(&bytes, &contents)?;
            return Ok((journal, contents.replay));
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

    /// Writes the good frames as a new file; the damaged one stays beside it.
    fn salvage(&mut self, bytes: &[u8], contents: &journal_format::Contents) -> Result<(), StoreError> {
        let aside = aside(&self.path);
        std::fs::rename(&self.path, &aside).map_err(|error| failed("moved aside", &self.path, &error))?;
        for skipped in &contents.skipped {
            tracing::error!(
                journal = %self.path.display(),
                offset = skipped.start,
                bytes = skipped.len(),
                kept = %aside.display(),
                "a damaged part of the journal was passed over: what it held is lost"
            );
        }
        let starts = contents.skipped.iter().map(|skipped| skipped.end).chain([FILE_HEADER_BYTES]);
        let mut starts: Vec<usize> =
            starts.filter(|start| !contents.skipped.iter().any(|s| s.contains(start))).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut frames = Vec::new();
        for start in starts {
            let ends = contents.skipped.iter().map(|skipped| skipped.start).filter(|end| *end >= start);
            let end = ends.min().unwrap_or(contents.good_bytes);
            frames.extend_from_slice(bytes.get(start..end).unwrap_or_default());
        }
        self.replace(&frames)
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
        self.replace(&frame)
    }

    /// Replaces the file by one that holds these records alone; a crash leaves the one or the other.
    pub(super) fn rewrite(&mut self, records: &[Vec<u8>]) -> Result<(), StoreError> {
        let frame = journal_format::records_frame(records).map_err(|error| StoreError::Io(error.to_string()))?;
        self.replace(&frame)
    }

    fn replace(&mut self, frames: &[u8]) -> Result<(), StoreError> {
        let path = unfinished(&self.path);
        let written = (|| {
            let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
            file.write_all(&journal_format::file_header())?;
            file.write_all(frames)?;
            if self.fsync {
                file.sync_all()?;
            }
            std::fs::rename(&path, &self.path)?;
            Ok(file)
        })();
        match written {
            Ok(file) => {
                self.file = file;
                self.good_bytes = (FILE_HEADER_BYTES + frames.len()) as u64;
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

/// A name beside a damaged file that nothing has yet.
fn aside(path: &Path) -> PathBuf {
    let mut number = 1u32;
    loop {
        let name = path.with_extension(format!("damaged-{number}"));
        if !name.exists() || number == u32::MAX {
            return name;
        }
        number += 1;
    }
}

/// Where a new file is written before it takes the journal's place.
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
        JournalFile::open(file.to_owned(), true, OnDamage::Refuse).unwrap().1.records
    }

    #[test]
    fn a_tail_torn_at_any_byte_is_cut_and_appending_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        let (mut journal, _) = JournalFile::open(path.clone(), true, OnDamage::Refuse).unwrap();
        journal.append(&[b"first".to_vec()]).unwrap();
        let kept = std::fs::metadata(&path).unwrap().len();
        journal.append(&[b"second".to_vec(), b"third".to_vec()]).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for length in kept..whole.len() as u64 {
            std::fs::write(&path, &whole[..length as usize]).unwrap();
            let (mut journal, replay) = JournalFile::open(path.clone(), false, OnDamage::Refuse).unwrap();
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
        let (mut journal, _) = JournalFile::open(path.clone(), true, OnDamage::Refuse).unwrap();
        journal.append(&[b"first".to_vec()]).unwrap();
        journal.append(&[b"second".to_vec()]).unwrap();
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[FILE_HEADER_BYTES + 15] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = JournalFile::open(path.clone(), true, OnDamage::Refuse).unwrap_err().to_string();
        assert!(error.contains("b.journal") && error.contains("offset 8 ") && error.contains("--repair"), "{error}");
    }

    #[test]
    fn a_damaged_middle_is_passed_over_when_asked_and_the_damaged_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.journal");
        let (mut journal, _) = JournalFile::open(path.clone(), true, OnDamage::Refuse).unwrap();
        for record in ["first", "second", "third"] {
            journal.append(&[record.into()]).unwrap();
        }
        let damaged_at = journal.good_bytes as usize - 30;
        journal.append(&[b"fourth".to_vec()]).unwrap();
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        // The second and the third.
        bytes[damaged_at - 10] ^= 1;
        bytes[damaged_at + 25] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let (mut journal, replay) = JournalFile::open(path.clone(), true, OnDamage::Skip).unwrap();
        assert_eq!(replay.records, [b"first".to_vec(), b"fourth".to_vec()]);
        journal.append(&[b"fifth".to_vec()]).unwrap();
        drop(journal);
        assert_eq!(records(&path), [b"first".to_vec(), b"fourth".to_vec(), b"fifth".to_vec()]);
        assert_eq!(std::fs::read(path.with_extension("damaged-1")).unwrap(), bytes);
    }

    #[test]
    fn an_unfinished_checkpoint_is_as_if_it_had_never_begun() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.journal");
        let (mut journal, _) = JournalFile::open(path.clone(), true, OnDamage::Refuse).unwrap();
        journal.append(&[b"first".to_vec()]).unwrap();
        drop(journal);
        std::fs::write(unfinished(&path), b"OMPJ").unwrap();
        assert_eq!(records(&path), [b"first".to_vec()]);
        assert!(!unfinished(&path).exists());
    }
}
