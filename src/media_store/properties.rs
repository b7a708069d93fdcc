//! What every media store promises, tried on each.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{Durability, LocalStore, LocalStoreSettings, MediaStore, MemoryStore, StoreError};

/// Opens the same store again, as after a restart.
type Reopen = Box<dyn Fn() -> Arc<dyn MediaStore>>;

fn local(folder: &Path, settings: LocalStoreSettings) -> Reopen {
    let folder = folder.to_owned();
    Box::new(move || Arc::new(LocalStore::open(&folder, settings).unwrap()))
}

/// Runs a property on every kind of store.
async fn on_each_store<F: Future<Output = ()>>(property: impl Fn(Reopen) -> F) {
    let store = MemoryStore::default();
    property(Box::new(move || Arc::new(store.clone()))).await;
    let uncached = LocalStoreSettings { cache_bytes: 0, ..LocalStoreSettings::default() };
    let fast = LocalStoreSettings { durability: Durability::ProcessEnd, ..LocalStoreSettings::default() };
    for settings in [LocalStoreSettings::default(), uncached, fast] {
        let folder = tempfile::tempdir().unwrap();
        property(local(folder.path(), settings)).await;
    }
}

#[tokio::test]
async fn an_object_is_read_back_whole_and_in_parts_also_after_a_restart() {
    on_each_store(|reopen| async move {
        let payload: Bytes = (0..10_000u32).map(|number| (number % 251) as u8).collect();
        reopen().put("c/1/a", payload.clone()).await.unwrap();
        for store in [reopen(), reopen()] {
            for _ in 0..2 {
                assert_eq!(store.get_range("c/1/a", 0..10_000).await.unwrap(), payload);
                assert_eq!(store.get_range("c/1/a", 17..4_321).await.unwrap(), payload.slice(17..4_321));
                assert_eq!(store.get_range("c/1/a", 5..5).await.unwrap(), Bytes::new());
                assert!(store.get_range("c/1/a", 9_999..10_001).await.is_err());
                assert_eq!(store.get("c/1/a").await.unwrap(), payload);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_absent_is_not_found_and_deleting_it_is_no_error() {
    on_each_store(|reopen| async move {
        let store = reopen();
        assert!(matches!(store.get("c/1/a").await, Err(StoreError::NotFound(key)) if key == "c/1/a"));
        assert!(matches!(store.get_range("c/1/a", 0..1).await, Err(StoreError::NotFound(_))));
        store.delete("c/1/a").await.unwrap();
        store.put("c/1/a", Bytes::from_static(b"x")).await.unwrap();
        store.put("c/1/a", Bytes::from_static(b"x")).await.unwrap();
        store.delete("c/1/a").await.unwrap();
        assert!(matches!(store.get("c/1/a").await, Err(StoreError::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn listing_names_the_objects_below_a_folder_and_no_others() {
    on_each_store(|reopen| async move {
        let store = reopen();
        for key in ["c/1/b", "c/1/a", "c/2/a", "cc/1/a"] {
            store.put(key, Bytes::from_static(b"x")).await.unwrap();
        }
        assert_eq!(store.list("c").await.unwrap(), ["c/1/a", "c/1/b", "c/2/a"]);
        assert_eq!(store.list("c/1").await.unwrap(), ["c/1/a", "c/1/b"]);
        assert_eq!(store.list("nothing").await.unwrap(), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_journal_replays_its_checkpoint_and_the_records_after_it_in_order() {
    on_each_store(|reopen| async move {
        let store = reopen();
        let replay = store.open_journal("c").await.unwrap();
        assert_eq!((replay.checkpoint, replay.records), (None, vec![]));
        store.append("c", vec![b"1".to_vec(), b"".to_vec()]).await.unwrap();
        store.append("c", vec![b"3".to_vec()]).await.unwrap();
        let store = reopen();
        let replay = store.open_journal("c").await.unwrap();
        assert_eq!((replay.checkpoint, replay.records), (None, vec![b"1".to_vec(), b"".to_vec(), b"3".to_vec()]));
        store.checkpoint("c", b"1-3".to_vec()).await.unwrap();
        store.append("c", vec![b"4".to_vec()]).await.unwrap();
        let replay = reopen().open_journal("c").await.unwrap();
        assert_eq!((replay.checkpoint, replay.records), (Some(b"1-3".to_vec()), vec![b"4".to_vec()]));
    })
    .await;
}

#[tokio::test]
async fn an_archive_outlives_checkpoints_until_it_is_rewritten() {
    on_each_store(|reopen| async move {
        let store = reopen();
        store.open_journal("c").await.unwrap();
        store.archive("c", vec![b"1".to_vec(), b"2".to_vec()]).await.unwrap();
        store.checkpoint("c", b"1-2".to_vec()).await.unwrap();
        store.append("c", vec![b"r".to_vec()]).await.unwrap();
        store.archive("c", vec![b"3".to_vec()]).await.unwrap();
        let store = reopen();
        let replay = store.open_journal("c").await.unwrap();
        assert_eq!((replay.checkpoint, replay.records), (Some(b"1-2".to_vec()), vec![b"r".to_vec()]));
        assert_eq!(replay.archive, [b"1".to_vec(), b"2".to_vec(), b"3".to_vec()]);
        store.rewrite_archive("c", vec![b"2-3".to_vec()]).await.unwrap();
        store.archive("c", vec![b"4".to_vec()]).await.unwrap();
        let replay = reopen().open_journal("c").await.unwrap();
        assert_eq!(replay.archive, [b"2-3".to_vec(), b"4".to_vec()]);
        assert_eq!(replay.records, [b"r".to_vec()]);
    })
    .await;
}

#[tokio::test]
async fn a_journal_that_was_not_opened_takes_nothing() {
    on_each_store(|reopen| async move {
        let store = reopen();
        assert!(store.append("c", vec![b"1".to_vec()]).await.is_err());
        assert!(store.checkpoint("c", b"1".to_vec()).await.is_err());
        assert!(store.archive("c", vec![b"1".to_vec()]).await.is_err());
        assert!(store.rewrite_archive("c", vec![]).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn removing_a_channel_removes_its_journal_and_objects_and_nothing_else() {
    on_each_store(|reopen| async move {
        let store = reopen();
        for name in ["c", "cc"] {
            store.open_journal(name).await.unwrap();
            store.append(name, vec![name.as_bytes().to_vec()]).await.unwrap();
            store.put(&format!("{name}/1/a"), Bytes::from_static(b"x")).await.unwrap();
        }
        store.remove_all("c").await.unwrap();
        store.remove_all("never-there").await.unwrap();
        assert!(store.get("c/1/a").await.is_err());
        assert!(store.append("c", vec![b"late".to_vec()]).await.is_err());
        assert_eq!(store.get("cc/1/a").await.unwrap(), "x");
        let store = reopen();
        assert_eq!(store.open_journal("c").await.unwrap().records, Vec::<Vec<u8>>::new());
        assert_eq!(store.open_journal("cc").await.unwrap().records, [b"cc".to_vec()]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_that_meet_are_all_there_afterwards() {
    on_each_store(|reopen| async move {
        let store = reopen();
        store.open_journal("c").await.unwrap();
        let appends = (0..20u8).map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.append("c", vec![vec![number], vec![number]]).await })
        });
        for append in appends.collect::<Vec<_>>() {
            append.await.unwrap().unwrap();
        }
        let records = reopen().open_journal("c").await.unwrap().records;
        assert_eq!(records.len(), 40);
        assert!(records.chunks(2).all(|pair| pair[0] == pair[1]), "what one call appends stays together");
    })
    .await;
}
