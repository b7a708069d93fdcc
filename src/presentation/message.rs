//! Messages on a channel's timeline that belong to no track: SCTE-35 sections, ID3 tags, KLV.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MessageKind {
    /// A whole splice_info_section, CRC included (ANSI/SCTE 35 §9.6).
    Scte35,
    /// A whole ID3v2 tag (timed metadata in HLS).
    Id3,
    /// A KLV unit (SMPTE ST 336) with its own timestamp: carried as MISB ST 1402 synchronous metadata.
    KlvSynchronous,
    /// A KLV unit without a timestamp of its own.
    KlvAsynchronous,
}

/// A message and the time that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedMessage {
    /// What it is.
    pub kind: MessageKind,
    /// Its place among the elementary streams of its kind, from 0.
    pub stream_index: u8,
    /// Presentation time, 90 kHz, unrolled within the span's media time: of an ID3 tag or KLV unit its PTS; of a
    /// SCTE-35 section its splice time (pts_time plus pts_adjustment), or, where it has none, the time of the picture
    /// that it arrived with.
    pub time: i64,
    /// The message as it was carried.
    pub payload: Bytes,
}

/// Renditions of one programme may carry a message without a time of its own beside different pictures: less than
/// this apart, equal messages are one. A second of 90 kHz.
const ONE_MESSAGE: u64 = 90_000;

impl TimedMessage {
    /// The same message, from another rendition.
    pub fn is_copy_of(&self, other: &TimedMessage) -> bool {
        let tolerance = match self.kind {
            MessageKind::Scte35 | MessageKind::KlvAsynchronous => ONE_MESSAGE,
            MessageKind::Id3 | MessageKind::KlvSynchronous => 1,
        };
        self.kind == other.kind
            && self.stream_index == other.stream_index
            && self.time.abs_diff(other.time) < tolerance
            && self.payload == other.payload
    }
}
