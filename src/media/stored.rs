//! How one pushed segment lies on disk, after it was taken apart.
//!
//! ```text
//! offset 0   "OMPS"                                4 bytes
//!        4   version, 1                            1
//!        5   0                                     3
//!        8   size of the header, big-endian        4
//!       12   CRC-32 of the header, big-endian      4   (as in MPEG-2 sections)
//!       16   header: postcard, a list of tracks    as said
//!        …   payload of the tracks, one after another
//! ```
//!
//! A track's header has its samples by column: sizes one by one, durations, composition offsets and sync flags as runs
//! of equal values. So a segment's index is little more than a byte or two per sample, and what is decoded is at most
//! a small multiple of what was stored: the sizes, which cost at least a byte each, say how many samples there are.

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::codec::CodecConfig;
use super::sample::{ElementarySegment, Sample};
use super::ts::psi::crc32;

const MAGIC: [u8; 4] = *b"OMPS";
const VERSION: u8 = 1;
/// Bytes before the header.
pub const PREFIX_SIZE: usize = 16;

/// Why a stored segment cannot be read, or tracks cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// Shorter than the fixed part and the header that it announces.
    #[error("the stored segment of {0} bytes ends within its header")]
    Truncated(usize),
    /// The first four bytes are others.
    #[error("the stored segment begins with {0:02x?} instead of 'OMPS'")]
    Magic([u8; 4]),
    /// Written by another version.
    #[error("the stored segment has version {0}; this program reads version 1")]
    Version(u8),
    /// The header's bytes are not those that were written.
    #[error("the stored segment's header has checksum {found:08x} instead of {written:08x}")]
    Checksum {
        /// As written.
        written: u32,
        /// Of the bytes that are there.
        found: u32,
    },
    /// The header is not the list of tracks that it should be.
    #[error("the stored segment's header does not parse")]
    Header,
    /// A column of a track's samples has more or fewer values than there are sizes.
    #[error("track {0} of the stored segment has columns of different lengths")]
    Columns(usize),
    /// A track's payload is not as long as its samples.
    #[error("the payload has {found} bytes, the samples need {needed}")]
    PayloadSize {
        /// What is there.
        found: u64,
        /// Sum of the samples' sizes.
        needed: u64,
    },
    /// The header would be larger than 4 GiB.
    #[error("the segment has too many samples to be stored")]
    TooLarge,
}

/// A value and how many times in a row.
type Runs<T> = Vec<(T, u32)>;

#[derive(Serialize, Deserialize)]
struct StoredTrack {
    pid: u16,
    language: Option<String>,
    config: CodecConfig,
    timescale: u32,
    wire_decode_time: u64,
    sizes: Vec<u32>,
    durations: Runs<u32>,
    composition_offsets: Runs<i32>,
    is_sync: Runs<bool>,
}

/// The stored form in parts, to be written one after another: the header, then each track's payload, not copied.
pub fn encode(tracks: &[ElementarySegment]) -> Result<Vec<Bytes>, StoredError> {
    for track in tracks {
        let needed = track.samples.iter().map(|sample| u64::from(sample.size)).sum();
        let found = track.payload.len() as u64;
        if found != needed {
            return Err(StoredError::PayloadSize { found, needed });
        }
    }
    let stored: Vec<StoredTrack> = tracks.iter().map(store).collect();
    let header = postcard::to_stdvec(&stored).map_err(|_| StoredError::TooLarge)?;
    let header_size = u32::try_from(header.len()).map_err(|_| StoredError::TooLarge)?;
    let mut first = Vec::with_capacity(PREFIX_SIZE + header.len());
    first.extend_from_slice(&MAGIC);
    first.extend_from_slice(&[VERSION, 0, 0, 0]);
    first.extend_from_slice(&header_size.to_be_bytes());
    first.extend_from_slice(&crc32(&header).to_be_bytes());
    first.extend_from_slice(&header);
    let payloads = tracks.iter().map(|track| track.payload.clone()).filter(|payload| !payload.is_empty());
    Ok([Bytes::from(first)].into_iter().chain(payloads).collect())
}

/// A track of a stored segment whose payload is left where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedTrack {
    /// The track, with an empty payload.
    pub track: ElementarySegment,
    /// Where its payload lies in the stored form, in bytes from its start.
    pub payload: Range<u64>,
}

/// How many bytes of the stored form come before the payload; `start` must have the first [`PREFIX_SIZE`].
pub fn index_size(start: &[u8]) -> Result<usize, StoredError> {
    let truncated = StoredError::Truncated(start.len());
    let prefix: &[u8; PREFIX_SIZE] = start.first_chunk().ok_or(truncated)?;
    let [a, b, c, d, version, _, _, _, size @ .., _, _, _, _] = *prefix;
    if [a, b, c, d] != MAGIC {
        return Err(StoredError::Magic([a, b, c, d]));
    }
    if version != VERSION {
        return Err(StoredError::Version(version));
    }
    usize::try_from(u32::from_be_bytes(size)).ok().and_then(|size| size.checked_add(PREFIX_SIZE)).ok_or(truncated)
}

/// Reads what comes before the payload of a stored form of `stored_size` bytes; `start` may hold more than that.
pub fn decode_index(start: &[u8], stored_size: u64) -> Result<Vec<IndexedTrack>, StoredError> {
    let index_size = index_size(start)?;
    let truncated = StoredError::Truncated(start.len());
    let header = start.get(PREFIX_SIZE..index_size).ok_or(truncated)?;
    let written = start.get(12..PREFIX_SIZE).and_then(|sum| sum.first_chunk()).map(|sum| u32::from_be_bytes(*sum));
    let (written, found) = (written.ok_or(truncated)?, crc32(header));
    if written != found {
        return Err(StoredError::Checksum { written, found });
    }
    let (stored, rest): (Vec<StoredTrack>, &[u8]) =
        postcard::take_from_bytes(header).map_err(|_| StoredError::Header)?;
    if !rest.is_empty() {
        return Err(StoredError::Header);
    }
    let needed = stored.iter().flat_map(|track| &track.sizes).map(|size| u64::from(*size)).sum::<u64>();
    let found = stored_size.saturating_sub(index_size as u64);
    if found != needed {
        return Err(StoredError::PayloadSize { found, needed });
    }
    let mut position = index_size as u64;
    let mut tracks = Vec::with_capacity(stored.len());
    for (index, track) in stored.into_iter().enumerate() {
        let samples = samples(&track).ok_or(StoredError::Columns(index))?;
        let end = position + track.sizes.iter().map(|size| u64::from(*size)).sum::<u64>();
        let payload = std::mem::replace(&mut position, end)..end;
        let track = ElementarySegment {
            pid: track.pid,
            language: track.language,
            config: track.config,
            timescale: track.timescale,
            wire_decode_time: track.wire_decode_time,
            samples,
            payload: Bytes::new(),
        };
        tracks.push(IndexedTrack { track, payload });
    }
    Ok(tracks)
}

/// Reads the stored form; the tracks' payload are slices of `bytes`.
pub fn decode(bytes: Bytes) -> Result<Vec<ElementarySegment>, StoredError> {
    let tracks = decode_index(&bytes, bytes.len() as u64)?;
    // The index was held against the size: every range lies within.
    Ok(tracks
        .into_iter()
        .map(|IndexedTrack { mut track, payload }| {
            track.payload = bytes.slice(payload.start as usize..payload.end as usize);
            track
        })
        .collect())
}

fn store(track: &ElementarySegment) -> StoredTrack {
    StoredTrack {
        pid: track.pid,
        language: track.language.clone(),
        config: track.config.clone(),
        timescale: track.timescale,
        wire_decode_time: track.wire_decode_time,
        sizes: track.samples.iter().map(|sample| sample.size).collect(),
        durations: runs(track.samples.iter().map(|sample| sample.duration)),
        composition_offsets: runs(track.samples.iter().map(|sample| sample.composition_offset)),
        is_sync: runs(track.samples.iter().map(|sample| sample.is_sync)),
    }
}

fn runs<T: PartialEq>(values: impl Iterator<Item = T>) -> Runs<T> {
    let mut runs: Runs<T> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((last, count)) if *last == value && *count < u32::MAX => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    runs
}

/// The values of runs that together are exactly `count` long.
fn values<T: Copy>(runs: &Runs<T>, count: usize) -> Option<impl Iterator<Item = T>> {
    let total: u64 = runs.iter().map(|(_, count)| u64::from(*count)).sum();
    (total == count as u64).then(|| runs.iter().flat_map(|(value, count)| (0..*count).map(|_| *value)))
}

fn samples(track: &StoredTrack) -> Option<Vec<Sample>> {
    let count = track.sizes.len();
    let durations = values(&track.durations, count)?;
    let offsets = values(&track.composition_offsets, count)?;
    let is_sync = values(&track.is_sync, count)?;
    let columns = track.sizes.iter().zip(durations).zip(offsets).zip(is_sync);
    Some(
        columns
            .map(|(((size, duration), composition_offset), is_sync)| Sample {
                size: *size,
                duration,
                composition_offset,
                is_sync,
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::codec::AacConfig;

    fn whole(parts: Vec<Bytes>) -> Bytes {
        Bytes::from(parts.concat())
    }

    fn track(samples: Vec<Sample>, wire_decode_time: u64, language: Option<String>) -> ElementarySegment {
        let size: usize = samples.iter().map(|sample| sample.size as usize).sum();
        ElementarySegment {
            pid: 257,
            language,
            config: CodecConfig::Aac(AacConfig {
                audio_specific_config: Bytes::from_static(&[0x11, 0x90]),
                object_type: 2,
                sampling_rate: 48_000,
                channels: 2,
            }),
            timescale: 48_000,
            wire_decode_time,
            samples,
            payload: (0..size).map(|index| index as u8).collect::<Vec<u8>>().into(),
        }
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let duration = prop_oneof![Just(1024u32), any::<u32>()];
        (0u32..50, duration, any::<i32>(), any::<bool>()).prop_map(|(size, duration, composition_offset, is_sync)| {
            Sample { size, duration, composition_offset, is_sync }
        })
    }

    fn tracks() -> impl Strategy<Value = Vec<ElementarySegment>> {
        let one = (proptest::collection::vec(sample(), 0..40), any::<u64>(), proptest::option::of("[a-z]{3}"))
            .prop_map(|(samples, time, language)| track(samples, time, language));
        proptest::collection::vec(one, 0..5)
    }

    proptest! {
        #[test]
        fn what_is_stored_is_read(tracks in tracks()) {
            prop_assert_eq!(decode(whole(encode(&tracks).unwrap())).unwrap(), tracks);
        }

        #[test]
        fn bytes_from_anywhere_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(Bytes::from(bytes));
        }

        #[test]
        fn headers_from_anywhere_with_a_right_checksum_are_read_or_refused(
            tracks in tracks(),
            flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        ) {
            let parts = encode(&tracks).unwrap();
            let mut first = parts[0].to_vec();
            for (at, value) in flips {
                let at = PREFIX_SIZE + at.index(first.len() - PREFIX_SIZE);
                first[at] = value;
            }
            let sum = crc32(&first[PREFIX_SIZE..]).to_be_bytes();
            first[12..16].copy_from_slice(&sum);
            let bytes = Bytes::from([Bytes::from(first)].into_iter().chain(parts[1..].to_vec()).collect::<Vec<_>>().concat());
            let size = bytes.len();
            if let Ok(tracks) = decode(bytes) {
                prop_assert!(tracks.iter().map(|track| track.samples.len()).sum::<usize>() <= size);
            }
        }
    }

    #[test]
    fn the_payload_is_not_copied() {
        let sample = Sample { size: 3, duration: 1024, composition_offset: 0, is_sync: true };
        let stored = whole(encode(&[track(vec![sample; 4], 0, None)]).unwrap());
        let read = decode(stored.clone()).unwrap();
        assert_eq!(read[0].payload.as_ptr() as usize, stored.as_ptr() as usize + stored.len() - 12);
    }

    #[test]
    fn regular_samples_cost_about_a_byte_each() {
        let sample = Sample { size: 100, duration: 1024, composition_offset: 0, is_sync: true };
        let parts = encode(&[track(vec![sample; 1000], 0, None)]).unwrap();
        assert!(parts[0].len() < 1100, "{}", parts[0].len());
    }

    #[test]
    fn each_kind_of_damage_is_named() {
        let sample = Sample { size: 3, duration: 1024, composition_offset: 0, is_sync: true };
        let stored = whole(encode(&[track(vec![sample; 4], 0, None)]).unwrap());
        for length in 0..stored.len() - 12 {
            assert_eq!(decode(stored.slice(..length)), Err(StoredError::Truncated(length)));
        }
        let cut = stored.slice(..stored.len() - 1);
        assert_eq!(decode(cut), Err(StoredError::PayloadSize { found: 11, needed: 12 }));
        let with = |at: usize, value: u8| {
            let mut changed = stored.to_vec();
            changed[at] = value;
            decode(Bytes::from(changed))
        };
        assert_eq!(with(0, b'X'), Err(StoredError::Magic(*b"XMPS")));
        assert_eq!(with(4, 2), Err(StoredError::Version(2)));
        assert!(matches!(with(PREFIX_SIZE + 1, 0xAA), Err(StoredError::Checksum { .. })));
    }

    #[test]
    fn a_run_of_four_billion_samples_is_refused_before_it_is_unrolled() {
        let mut stored = store(&track(Vec::new(), 0, None));
        stored.sizes = vec![0];
        stored.durations = vec![(1, u32::MAX)];
        stored.composition_offsets = vec![(0, u32::MAX)];
        stored.is_sync = vec![(true, u32::MAX)];
        assert_eq!(samples(&stored), None);
    }

    #[test]
    fn tracks_whose_payload_does_not_fit_their_samples_are_not_stored() {
        let mut wrong = track(Vec::new(), 0, None);
        wrong.payload = Bytes::from_static(b"x");
        assert_eq!(encode(&[wrong]), Err(StoredError::PayloadSize { found: 1, needed: 0 }));
    }
}
