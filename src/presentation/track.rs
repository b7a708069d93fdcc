//! Streams and tracks of a channel.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{StreamDeclaration, StreamRole};
use crate::media::codec::{CodecConfig, TrackKind};

/// Index of a stream in the channel; streams are never removed, so it stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId(pub u16);

/// Index of a track in the channel; tracks are never removed, so it stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrackId(pub u16);

/// A stream of the parent playlist. Both inputs push the same names, so both share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Its place in the channel.
    pub id: StreamId,
    /// What the newest parent playlist says of it.
    pub declaration: StreamDeclaration,
    /// False once a newer parent playlist no longer names it.
    pub declared: bool,
}

impl Stream {
    /// The number of this stream in file names: counted from 1 in the order of the parent playlist.
    pub fn number(&self) -> u32 {
        u32::from(self.id.0) + 1
    }

    /// It is an `EXT-X-STREAM-INF` variant.
    pub fn is_variant(&self) -> bool {
        matches!(self.declaration.role, StreamRole::Variant { .. })
    }

    /// It carries subtitles: nothing waits for it for long.
    pub fn is_text(&self) -> bool {
        matches!(self.declaration.role, StreamRole::SubtitleRendition { .. })
    }

    /// It is one that the channel's end and its timeline follow.
    pub fn carries_media(&self) -> bool {
        self.is_packaged() && !self.is_text()
    }

    /// Media is expected and packaged.
    pub fn is_packaged(&self) -> bool {
        !matches!(self.declaration.role, StreamRole::NotPackaged { .. })
    }
}

/// A track: one elementary stream of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Its place in the channel.
    pub id: TrackId,
    /// The stream that carries it.
    pub stream: StreamId,
    /// Its number in file names, from 1: it follows from the stream's number, whatever came first.
    pub number: u32,
    /// Video, audio or text.
    pub kind: TrackKind,
    /// Its place among the stream's tracks of this kind, from 0.
    pub index_in_stream: u8,
    /// Ticks per second of its times: 90,000 for video, the sampling rate for audio.
    pub timescale: u32,
    /// Language from the parent playlist, else from the elementary stream.
    pub language: Option<String>,
    /// Every decoder configuration it had, oldest first; segments refer to them by index.
    pub configs: Vec<Arc<CodecConfig>>,
    /// Bit/s of its payload in its first segment: fixed, because manifests must not change their mind.
    pub first_bitrate: u64,
    /// Frames per second as a fraction: what the codec says, else what the first segment's durations say.
    pub frame_rate: (u32, u32),
}

/// The number of a track: the first video of stream 1 is 1, its first audio 2, the first video of stream 2 is 3, and
/// so on. Further tracks of a kind count on from 1001, 2001 …
pub fn track_number(stream: StreamId, kind: TrackKind, occurrence: u32) -> u32 {
    let place = match kind {
        TrackKind::Video => 1,
        TrackKind::Audio => 2,
        // A stream of subtitles has no video.
        TrackKind::Text => 1,
    };
    occurrence * 1000 + u32::from(stream.0) * 2 + place
}

/// The nearest customary frame rate within one in two thousand, else thousandths of a frame per second.
///
/// `frames` frames last `ticks` ticks of `timescale`.
pub fn nominal_frame_rate(frames: u32, ticks: u64, timescale: u32) -> (u32, u32) {
    const CUSTOMARY: [(u32, u32); 12] = [
        (24_000, 1001),
        (24, 1),
        (25, 1),
        (30_000, 1001),
        (30, 1),
        (48, 1),
        (50, 1),
        (60_000, 1001),
        (60, 1),
        (15, 1),
        (100, 1),
        (120, 1),
    ];
    if frames == 0 || ticks == 0 {
        return (25, 1);
    }
    let frame_ticks = u128::from(frames) * u128::from(timescale);
    for (numerator, denominator) in CUSTOMARY {
        let customary = u128::from(numerator) * u128::from(ticks);
        let measured = frame_ticks * u128::from(denominator);
        if customary.abs_diff(measured) * 2000 <= customary {
            return (numerator, denominator);
        }
    }
    let milli = (frame_ticks * 1000 / u128::from(ticks)).clamp(1, u128::from(u32::MAX)) as u32;
    (milli, 1000)
}

#[cfg(test)]
mod tests {
    use super::nominal_frame_rate;

    #[test]
    fn measured_rates_snap_to_customary_ones() {
        assert_eq!(nominal_frame_rate(60, 180_180, 90_000), (30_000, 1001));
        assert_eq!(nominal_frame_rate(50, 180_000, 90_000), (25, 1));
        assert_eq!(nominal_frame_rate(48, 180_180, 90_000), (24_000, 1001));
        assert_eq!(nominal_frame_rate(7, 90_000, 90_000), (7000, 1000));
    }
}
