//! Samples and what one pushed segment holds of one track.
//!
//! Whatever container a sample came in, it is kept in one form:
//!
//! * video: NAL units, each behind a 4-byte big-endian length, without access unit delimiters and
//!   without parameter sets (those are in [`CodecConfig`]); ISO 14496-15 §5.3.
//! * AAC: raw data blocks without ADTS headers.
//! * AC-3: frames as they are. E-AC-3: the frames of all substreams for 1536 samples.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::codec::CodecConfig;

/// One coded frame: an access unit of video or a frame of audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Bytes in the payload.
    pub size: u32,
    /// Time to the next sample in decoding order, in the track's timescale.
    pub duration: u32,
    /// Presentation time minus decoding time, in the track's timescale.
    pub composition_offset: i32,
    /// A decoder can start here (IDR picture of H.264, random access point of H.265; every audio frame).
    pub is_sync: bool,
}

/// Ticks per second of MPEG-TS timestamps.
pub const MPEG_TIMESCALE: u32 = 90_000;

/// What one pushed segment holds of one track: samples in decoding order and their bytes, back to back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementarySegment {
    /// The packet identifier in the transport stream; 0 where there is none.
    pub pid: u16,
    /// ISO 639-2 code from the stream's descriptors, if it had one.
    pub language: Option<String>,
    /// What a decoder must know before the first sample.
    pub config: CodecConfig,
    /// Ticks per second of the samples' durations and offsets: 90,000 for video, the sampling rate for audio (of the core for HE-AAC).
    pub timescale: u32,
    /// Decoding time of the first sample as it was on the wire: 33 bits, 90 kHz, not yet unrolled.
    pub wire_decode_time: u64,
    /// The samples.
    pub samples: Vec<Sample>,
    /// The samples' bytes; its length is the sum of the samples' sizes.
    pub payload: Bytes,
}

impl ElementarySegment {
    /// Sum of the samples' durations, in [`Self::timescale`].
    pub fn duration(&self) -> u64 {
        total_duration(&self.samples)
    }
}

/// Sum of the durations, in the samples' timescale.
pub fn total_duration(samples: &[Sample]) -> u64 {
    samples.iter().map(|sample| u64::from(sample.duration)).sum()
}

/// The smallest presentation time relative to the first decoding time, in the samples' timescale.
pub fn earliest_presentation_offset(samples: &[Sample]) -> i64 {
    let mut decode_offset = 0i64;
    let mut earliest = i64::MAX;
    for sample in samples {
        earliest = earliest.min(decode_offset + i64::from(sample.composition_offset));
        decode_offset += i64::from(sample.duration);
    }
    if samples.is_empty() { 0 } else { earliest }
}
