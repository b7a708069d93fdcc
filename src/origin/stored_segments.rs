//! Stored segments as the packager wants them: the index in memory, the payload where it is.
//!
//! What fMP4 needs of a pushed segment is its index; the payload goes from the store's file to the client's socket by
//! itself. A transport stream is woven from the payload, so for that it is read.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::refusal::Refusal;
use crate::media::sample::ElementarySegment;
use crate::media::stored::{self, IndexedTrack, StoredError};
use crate::media_store::{MediaStore, OpenObject, StoreError};
use crate::plane::{BodySlice, FileSlice};

/// How much is read first: the index of nearly every segment is smaller.
const FIRST_READ: usize = 32 * 1024;

/// What an open file counts for in caches that are bounded by bytes, so that descriptors are bounded as well.
pub const WEIGHT_OF_A_FILE: u64 = 128 * 1024;

/// A stored segment: its index, and a way to its payload.
#[derive(Debug)]
pub struct StoredSegment {
    /// The tracks, without their payload.
    pub tracks: Arc<Vec<ElementarySegment>>,
    payload: Vec<Range<u64>>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(Arc<File>),
    Memory(Bytes),
}

impl StoredSegment {
    /// The payload of a track; nothing is read.
    pub fn payload(&self, index: usize) -> Option<BodySlice> {
        let range = self.payload.get(index)?;
        Some(match &self.place {
            // Segments are smaller than 4 GiB.
            Place::File(file) => FileSlice::new(file.clone(), range.start, (range.end - range.start) as usize).into(),
            Place::Memory(bytes) => bytes.slice(range.start as usize..range.end as usize).into(),
        })
    }
}

#[derive(Debug, Clone)]
struct ByCost;

impl Weighter<Arc<str>, Arc<StoredSegment>> for ByCost {
    fn weight(&self, _key: &Arc<str>, segment: &Arc<StoredSegment>) -> u64 {
        let samples: usize = segment.tracks.iter().map(|track| size_of_val(track.samples.as_slice())).sum();
        let place = match &segment.place {
            Place::File(_) => WEIGHT_OF_A_FILE,
            Place::Memory(bytes) => bytes.len() as u64,
        };
        samples as u64 + place
    }
}

/// The stored segments that were asked for lately.
pub struct StoredSegments {
    store: Arc<dyn MediaStore>,
    known: Cache<Arc<str>, Arc<StoredSegment>, ByCost>,
}

impl StoredSegments {
    /// A cache that costs at most so many bytes; they are not taken before they are needed.
    pub fn new(store: Arc<dyn MediaStore>, bytes: u64) -> Self {
        StoredSegments { store, known: Cache::with_weighter(64, bytes, ByCost) }
    }

    /// An object as it was pushed, for those that are not taken apart.
    pub async fn whole(&self, key: &str) -> Result<Bytes, Refusal> {
        Ok(self.store.get(key).await?)
    }

    /// The stored segment of this key, its payload untouched.
    pub async fn indexed(&self, key: &Arc<str>) -> Result<Arc<StoredSegment>, Refusal> {
        self.known
            .get_or_insert_async(key, async {
                let (index, place) = match self.store.open_file(key).await? {
                    Some(OpenObject { file, size }) => {
                        let read = file.clone();
                        let index = tokio::task::spawn_blocking(move || read_index(&read, size));
                        let index = index.await.map_err(|error| StoreError::Io(error.to_string()))?;
                        (index.map_err(|error| unreadable(key, &error))?, Place::File(file))
                    }
                    None => {
                        let bytes = self.store.get(key).await?;
                        (stored::decode_index(&bytes, bytes.len() as u64), Place::Memory(bytes))
                    }
                };
                let index = index.map_err(|error| damaged(key, error))?;
                let (tracks, payload) =
                    index.into_iter().map(|IndexedTrack { track, payload }| (track, payload)).unzip();
                Ok(Arc::new(StoredSegment { tracks: Arc::new(tracks), payload, place }))
            })
            .await
    }

    /// The stored segment of this key with its payload in memory.
    pub async fn loaded(&self, key: &Arc<str>) -> Result<Arc<Vec<ElementarySegment>>, Refusal> {
        let bytes = self.store.get(key).await?;
        stored::decode(bytes).map(Arc::new).map_err(|error| damaged(key, error))
    }
}

fn unreadable(key: &str, error: &std::io::Error) -> StoreError {
    StoreError::Io(format!("object {key} could not be read: {error}"))
}

fn damaged(key: &str, error: StoredError) -> Refusal {
    Refusal::Damaged { object: key.to_owned(), error }
}

/// Reads the index at a file's start, and asks the kernel to have the rest at hand.
fn read_index(file: &File, size: u64) -> std::io::Result<Result<Vec<IndexedTrack>, StoredError>> {
    // Advice only: without it the first send waits for the disk.
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::WillNeed);
    let first = usize::try_from(size).unwrap_or(usize::MAX).min(FIRST_READ);
    let mut start = vec![0; first];
    file.read_exact_at(&mut start, 0)?;
    let index_size = match stored::index_size(&start) {
        Ok(index_size) => index_size,
        Err(error) => return Ok(Err(error)),
    };
    if index_size > start.len() && index_size as u64 <= size {
        start.resize(index_size, 0);
        let rest = start.get_mut(first..).unwrap_or_default();
        file.read_exact_at(rest, first as u64)?;
    }
    Ok(stored::decode_index(&start, size))
}
