//! Every kind of damage in the table of the module, done on purpose.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::state::{DocumentStore, SledSettings, SledStore, Write};

const DOCUMENTS: usize = 200;

fn settings() -> SledSettings {
    SledSettings { open_patience: Duration::from_secs(4), ..SledSettings::default() }
}

/// A closed store with documents and an export.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path(), settings()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for number in 0..DOCUMENTS {
        let document = format!("{{\"schema\":1,\"number\":{number},\"text\":\"{}\"}}", "x".repeat(1500));
        runtime
            .block_on(store.commit(vec![], vec![Write::Put(format!("k/{number:04}"), document.into_bytes())]))
            .unwrap();
    }
    drop(store);
    // sled writes a snapshot while it reads the log of the last run.
    drop(SledStore::open(folder.path(), settings()).unwrap());
    folder
}

fn count(folder: &Path) -> usize {
    SledStore::open(folder, settings()).unwrap().scan("").unwrap().len()
}

fn snapshot_file(folder: &Path) -> PathBuf {
    snapshots(&folder.join("sled")).pop().expect("a database that was reopened has a snapshot")
}

fn beside(folder: &Path, what: &str) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(&format!("sled.{what}"))).count()
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn a_new_folder_opens_quickly() {
    let folder = tempfile::tempdir().unwrap();
    let began = std::time::Instant::now();
    let store = SledStore::open(folder.path(), settings()).unwrap();
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert!(store.scan("").unwrap().is_empty());
}

#[test]
fn a_left_over_unfinished_snapshot_is_removed() {
    let folder = filled();
    fs::write(folder.path().join("sled/snap.0000000000000042.generating"), b"half").unwrap();
    assert_eq!(count(folder.path()), DOCUMENTS);
    assert_eq!(beside(folder.path(), "damaged"), 0);
}

#[test]
fn an_emptied_or_changed_snapshot_is_moved_aside() {
    for damage in [&b""[..], &[0xa5; 64]] {
        let folder = filled();
        fs::write(snapshot_file(folder.path()), damage).unwrap();
        assert_eq!(count(folder.path()), DOCUMENTS);
        assert_eq!(beside(folder.path(), "snapshots"), 1);
    }
}

#[test]
fn all_snapshots_gone_is_no_damage() {
    let folder = filled();
    fs::remove_file(snapshot_file(folder.path())).unwrap();
    assert_eq!(count(folder.path()), DOCUMENTS);
}

#[test]
fn a_cut_log_loses_nothing_that_was_exported() {
    for (cut, snapshot_too) in [(4096, false), (4096, true), (100_000, true), (u64::MAX, true)] {
        let folder = filled();
        let log = folder.path().join("sled/db");
        let length = fs::metadata(&log).unwrap().len();
        fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length.saturating_sub(cut)).unwrap();
        if snapshot_too {
            fs::remove_file(snapshot_file(folder.path())).unwrap();
        }
        assert_eq!(count(folder.path()), DOCUMENTS, "cut by {cut}, snapshot removed: {snapshot_too}");
    }
}

#[test]
fn bytes_changed_inside_the_log_lose_nothing_that_was_exported() {
    for at in [100, 5_000, 60_000, 200_000, 300_000] {
        let folder = filled();
        overwrite(&folder.path().join("sled/db"), at, &[0x5a; 16]);
        assert_eq!(count(folder.path()), DOCUMENTS, "changed at {at}");
        // And it stays so.
        assert_eq!(count(folder.path()), DOCUMENTS, "changed at {at}, second opening");
    }
}

/// Hangs on what is damaged, which here is a database with the file `hang` in it.
fn hanging(folder: &Path) -> Result<sled::Db, String> {
    if folder.join("hang").exists() {
        std::thread::sleep(Duration::from_secs(60));
    }
    open_and_read(folder)
}

fn panicking(folder: &Path) -> Result<sled::Db, String> {
    assert!(!folder.join("hang").exists(), "as sled does on a cut log");
    open_and_read(folder)
}

#[test]
fn a_hang_or_panic_in_sled_ends_in_the_newest_export() {
    for opener in [hanging as Opener, panicking] {
        let folder = filled();
        let (database, exports) = (folder.path().join("sled"), folder.path().join("exports"));
        fs::write(database.join("hang"), b"").unwrap();
        let opened = open_with(&database, &exports, Duration::from_millis(300), opener).unwrap();
        assert_eq!(opened.scan_prefix(b"d").count(), DOCUMENTS);
        drop(opened);
        assert_eq!(beside(folder.path(), "damaged"), 1);
        assert_eq!(count(folder.path()), DOCUMENTS);
    }
}

#[test]
fn damage_without_an_export_is_said_and_nothing_is_thrown_away() {
    let folder = filled();
    fs::remove_dir_all(folder.path().join("exports")).unwrap();
    fs::write(snapshot_file(folder.path()), b"").unwrap();
    overwrite(&folder.path().join("sled/db"), 0, &[0x5a; 200_000]);
    match SledStore::open(folder.path(), settings()).map(|_| ()) {
        Err(OpenError::Damaged { reason, .. }) => assert!(!reason.is_empty()),
        other => panic!("{other:?}"),
    }
    assert!(folder.path().join("sled/db").exists());
}
