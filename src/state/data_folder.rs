//! The data folder: one process at a time, and no older version on newer data.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The format of everything in the folder; goes up when an older version could not read it any more.
const FORMAT: u32 = 1;

/// A data folder that this process alone may use, as long as this value lives.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Holds the lock; the system releases it when the process ends, however it ends.
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Another process uses it.
    #[error("the data folder {path} is in use by another openmediapackage{process}; stop it or use another --data-dir")]
    InUse {
        /// The folder.
        path: PathBuf,
        /// ` (process 4711)`, if it says so.
        process: String,
    },
    /// Written by a version that this one does not understand.
    #[error(
        "the data folder {path} has format {found}, this version reads up to {FORMAT}: use the newer version that wrote it"
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The file that says the format is damaged.
    #[error("the file {path} should hold the number of the data format, but does not")]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The system refuses something.
    #[error("the data folder cannot be used: {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl DataFolder {
    /// Makes the folder if needed, locks it and checks its format.
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        fs::create_dir_all(path).map_err(io_error(path))?;
        let lock_file = path.join("lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&lock_file)
            .map_err(io_error(&lock_file))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // The number only helps the reader; without it the sentence is still right.
                let _ = lock.read_to_string(&mut owner);
                let owner: String = owner.chars().take_while(char::is_ascii_digit).take(10).collect();
                let process = if owner.is_empty() { owner } else { format!(" (process {owner})") };
                return Err(DataFolderError::InUse { path: path.to_owned(), process });
            }
            Err(TryLockError::Error(source)) => return Err(DataFolderError::Io { path: lock_file, source }),
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(io_error(&lock_file))?;
        check_format(path)?;
        Ok(DataFolder { path: path.to_owned(), _lock: lock })
    }

    /// A folder or file inside.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn check_format(folder: &Path) -> Result<(), DataFolderError> {
    let path = folder.join("format");
    match fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse::<u32>() {
            Ok(found) if found > FORMAT => Err(DataFolderError::Newer { path: folder.to_owned(), found }),
            Ok(_) => Ok(()),
            Err(_) => Err(DataFolderError::Format { path }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_whole(&path, format!("{FORMAT}\n").as_bytes()).map_err(io_error(&path))
        }
        Err(source) => Err(DataFolderError::Io { path, source }),
    }
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> DataFolderError {
    let path = path.to_owned();
    move |source| DataFolderError::Io { path, source }
}

/// Writes a file that is there wholly or not at all, also after a power cut.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Makes renames and new files in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_opener_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::open(folder.path()).unwrap();
        let refused = DataFolder::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains(&format!("(process {})", std::process::id())), "{refused}");
        drop(first);
        DataFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn newer_or_unreadable_formats_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataFolder::open(folder.path()).unwrap());
        fs::write(folder.path().join("format"), "2\n").unwrap();
        assert!(matches!(DataFolder::open(folder.path()), Err(DataFolderError::Newer { found: 2, .. })));
        fs::write(folder.path().join("format"), "two").unwrap();
        assert!(matches!(DataFolder::open(folder.path()), Err(DataFolderError::Format { .. })));
    }
}
