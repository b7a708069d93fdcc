//! A channel on a store that fails, that is opened again, and that is used for a long time.

use bytes::Bytes;
use jiff::SignedDuration;

use super::*;
use crate::media::codec::{AacConfig, CodecConfig};
use crate::media_store::faulty::{Fails, FaultyStore};
use crate::media_store::{Durability, LocalStore, LocalStoreSettings, MemoryStore};
use crate::presentation::{NamedSegment, StoredTrack, StreamDeclaration, StreamRole};
use crate::resources::CatalogueHandle;
use crate::telemetry::LogSink;

/// Two seconds of 48 kHz audio in frames of 1024, which do not fit.
const SECONDS: i64 = 2;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn guid() -> ChannelGuid {
    ChannelGuid("c".to_owned())
}

fn parent() -> ChannelEvent {
    let role = StreamRole::Variant {
        bandwidth: Some(100_000),
        average_bandwidth: None,
        frame_rate_milli: None,
        audio_group: None,
    };
    let streams = vec![StreamDeclaration { playlist: "a.m3u8".to_owned(), role }];
    ChannelEvent::ParentPlaylist { input: InputIndex::First, streams, captions: Vec::new(), at: at(0) }
}

fn name(n: i64) -> String {
    format!("a_{n}.aac")
}

fn stored(n: i64, object: ObjectId) -> ChannelEvent {
    let frames = |n: i64| (n * SECONDS * 48_000 + 1023) / 1024;
    let track = StoredTrack {
        config: CodecConfig::Aac(AacConfig {
            audio_specific_config: Bytes::from_static(&[0x11, 0x90]),
            object_type: 2,
            sampling_rate: 48_000,
            channels: 2,
        }),
        language: None,
        timescale: 48_000,
        wire_decode_time: (frames(n) * 1024 * 90_000 / 48_000) as u64 % (1 << 33),
        presentation_offset: 0,
        duration: ((frames(n + 1) - frames(n)) * 1024) as u64,
        sample_count: (frames(n + 1) - frames(n)) as u32,
        payload_bytes: 30_000,
        starts_with_sync: true,
    };
    ChannelEvent::ObjectStored {
        input: InputIndex::First,
        name: name(n),
        object,
        fingerprint: n as u64,
        tracks: vec![track],
        messages: Vec::new(),
        text: None,
        at: at((n + 1) * SECONDS),
    }
}

fn playlist(n: i64) -> ChannelEvent {
    let segments = ((n - 3).max(0)..=n)
        .map(|n| NamedSegment {
            sequence: n as u64,
            name: name(n),
            duration_microseconds: 2_000_000,
            discontinuity: false,
            program_date_time: Some(at(n * SECONDS)),
            ad_tags: Vec::new(),
        })
        .collect();
    let at = at((n + 1) * SECONDS);
    ChannelEvent::MediaPlaylist { input: InputIndex::First, name: "a.m3u8".to_owned(), segments, ended: false, at }
}

async fn open(store: &Arc<dyn MediaStore>) -> Arc<RunningChannel> {
    open_with(store, 10).await
}

async fn open_with(store: &Arc<dyn MediaStore>, records_per_checkpoint: usize) -> Arc<RunningChannel> {
    let switches = InputSwitches::new(CatalogueHandle::default(), Arc::new(|| at(0)), Arc::new(LogSink));
    RunningChannel::open_with(guid(), store.clone(), Arc::new(switches), records_per_checkpoint).await.unwrap()
}

/// What ingest does with a segment and the playlist after it; an encoder tries again what was refused.
async fn push(channel: &RunningChannel, n: i64) -> ObjectId {
    let object = loop {
        let object = channel.new_object(InputIndex::First, &name(n));
        if channel.store.put(&channel.object_key(object), payload(n)).await.is_err() {
            continue;
        }
        if channel.submit(&[stored(n, object)]).await.is_ok() {
            break object;
        }
    };
    while channel.submit(&[playlist(n)]).await.is_err() {}
    object
}

fn payload(n: i64) -> Bytes {
    Bytes::from(n.to_string())
}

/// The first slot's number and each slot's start, with the objects of the slots.
fn past(channel: &RunningChannel) -> (u64, Vec<(i64, Vec<ObjectId>)>) {
    let snapshot = channel.snapshot();
    let slots = snapshot.lines.of(InputIndex::First).slots();
    (slots.first_number(), slots.from(0).map(|(_, slot)| (slot.start, slot.objects().collect())).collect())
}

#[tokio::test]
async fn whatever_operation_fails_nothing_acknowledged_is_lost() {
    const SEGMENTS: i64 = 24;
    for error in [|| StoreError::Full("a file".into()), || StoreError::Io("the disk is gone".into())] {
        for fails in [Fails::Before, Fails::After] {
            for number in 0.. {
                let disk: Arc<dyn MediaStore> = Arc::new(MemoryStore::default());
                let faulty = Arc::new(FaultyStore::new(disk.clone(), number, fails, error));
                let store: Arc<dyn MediaStore> = faulty.clone();
                let channel = open(&store).await;
                while channel.submit(&[parent()]).await.is_err() {}
                let mut pushed = Vec::new();
                for n in 0..SEGMENTS {
                    pushed.push(push(&channel, n).await);
                }
                let before = past(&channel);
                drop(channel);
                let channel = open(&disk).await;
                let after = past(&channel);
                assert_eq!(after.1.len(), before.1.len(), "{fails:?} {number}");
                let known: Vec<ObjectId> = after.1.iter().flat_map(|(_, objects)| objects.clone()).collect();
                for (object, n) in pushed.iter().zip(0..SEGMENTS - 1) {
                    assert!(known.contains(object), "{fails:?} {number}: segment {n}");
                    assert_eq!(disk.get(&channel.object_key(*object)).await.unwrap(), payload(n));
                }
                if !faulty.has_failed() {
                    assert!(number > 2 * SEGMENTS as usize, "every operation was tried");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_long_past_is_written_once_and_is_there_after_every_start() {
    let disk = MemoryStore::default();
    let store: Arc<dyn MediaStore> = Arc::new(disk.clone());
    let mut largest = 0;
    for round in 0..4 {
        let channel = open(&store).await;
        if round == 0 {
            channel.submit(&[parent()]).await.unwrap();
        }
        for n in round * 800..(round + 1) * 800 {
            push(&channel, n).await;
        }
        let before = past(&channel);
        channel.rest().await.unwrap();
        drop(channel);
        let replay = store.open_journal("c").await.unwrap();
        assert!(replay.records.is_empty(), "a rested channel has nothing to replay");
        largest = largest.max(replay.checkpoint.unwrap().len());
        let again = open(&store).await;
        assert_eq!(past(&again), before);
    }
    assert!(largest < 40_000, "{largest} bytes: a checkpoint has no past in it");
}

#[tokio::test]
async fn a_lost_archive_costs_the_past_and_not_the_present() {
    let disk = MemoryStore::default();
    let store: Arc<dyn MediaStore> = Arc::new(disk.clone());
    let channel = open(&store).await;
    channel.submit(&[parent()]).await.unwrap();
    for n in 0..700 {
        push(&channel, n).await;
    }
    let before = past(&channel);
    channel.rest().await.unwrap();
    store.rewrite_archive("c", Vec::new()).await.unwrap();
    let channel = open(&store).await;
    let after = past(&channel);
    assert_eq!(after.1[..], before.1[512..]);
    let next = push(&channel, 700).await;
    assert_eq!(next.number, 700, "numbers go on");
}

/// The clock runs through a month with a window of a few days: what is on disk stays the same.
#[tokio::test]
async fn disk_use_is_flat_and_nothing_that_is_listed_is_deleted() {
    const WINDOW: SignedDuration = SignedDuration::from_secs(1_000 * SECONDS);
    let folder = tempfile::tempdir().unwrap();
    let settings = LocalStoreSettings { durability: Durability::ProcessEnd, ..LocalStoreSettings::default() };
    let store: Arc<dyn MediaStore> = Arc::new(LocalStore::open(folder.path(), settings).unwrap());
    let channel = open_with(&store, 200).await;
    channel.submit(&[parent()]).await.unwrap();
    let mut sizes = Vec::new();
    for n in 0..6_000 {
        push(&channel, n).await;
        if n % 100 == 0 {
            channel.forget_before(at(n * SECONDS) - WINDOW).await.unwrap();
        }
        if n > 2_000 && n % 1_000 == 0 {
            // Waits for deletions.
            channel.rest().await.unwrap();
            let (_, slots) = past(&channel);
            let known: Vec<ObjectId> = slots.iter().flat_map(|(_, objects)| objects.clone()).collect();
            let there = store.list("c").await.unwrap();
            assert!(known.iter().all(|object| there.contains(&channel.object_key(*object))), "after {n}");
            let journals: u64 = std::fs::read_dir(folder.path().join("journals"))
                .unwrap()
                .map(|file| file.unwrap().metadata().unwrap().len())
                .sum();
            sizes.push((there.len(), journals));
        }
    }
    let (objects, journals) = sizes[0];
    for (later_objects, later_journals) in &sizes[1..] {
        assert!(later_objects.abs_diff(objects) <= 100, "{sizes:?}");
        assert!(*later_journals < journals + 20_000, "{sizes:?}");
    }
}
