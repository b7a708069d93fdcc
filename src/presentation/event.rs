//! What happens to a channel, as it is written to the channel's journal.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::MessageKind;
use super::object::ObjectId;
use crate::media::codec::CodecConfig;
use crate::resources::{EndpointGuid, OutputRules};

/// One of the two inputs of a channel, in the order of the API's ingest endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InputIndex {
    /// The first ingest endpoint.
    First,
    /// The second ingest endpoint.
    Second,
}

impl InputIndex {
    /// Both, in order.
    pub const BOTH: [InputIndex; 2] = [InputIndex::First, InputIndex::Second];

    /// 0 or 1.
    pub fn index(self) -> usize {
        match self {
            InputIndex::First => 0,
            InputIndex::Second => 1,
        }
    }

    /// The other one.
    pub fn other(self) -> InputIndex {
        match self {
            InputIndex::First => InputIndex::Second,
            InputIndex::Second => InputIndex::First,
        }
    }
}

/// Something that happened to a channel. Times of happening are arguments, never read from a clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ChannelEvent {
    /// An encoder put its parent playlist (or a media playlist in its place: one stream).
    ParentPlaylist {
        /// Which input it was put to.
        input: InputIndex,
        /// Variants first, then renditions, each in the playlist's order.
        streams: Vec<StreamDeclaration>,
        /// Captions in the video that it tells of.
        captions: Vec<CaptionDeclaration>,
        /// When it was received.
        at: Timestamp,
    },
    /// An encoder put a media playlist.
    MediaPlaylist {
        /// Which input it was put to.
        input: InputIndex,
        /// Its file name, as the parent playlist names it.
        name: String,
        /// The segments that it lists, oldest first.
        segments: Vec<NamedSegment>,
        /// It has `EXT-X-ENDLIST`.
        ended: bool,
        /// When it was received.
        at: Timestamp,
    },
    /// An encoder put a media segment, and it is stored.
    ObjectStored {
        /// Which input it was put to.
        input: InputIndex,
        /// Its file name.
        name: String,
        /// Which object of the media store it is.
        object: ObjectId,
        /// A digest of the pushed bytes, to tell a repeated PUT from a new segment of the same name.
        fingerprint: u64,
        /// What it holds, in the order in which the stored object holds it.
        tracks: Vec<StoredTrack>,
        /// What it says besides, in the order of its streams.
        messages: Vec<StoredMessage>,
        /// What it holds if it is a subtitle file, which has neither tracks nor messages and is stored as it was pushed.
        text: Option<StoredText>,
        /// When its last byte was received.
        at: Timestamp,
    },
    /// An encoder put a media segment that cannot be used.
    ObjectBroken {
        /// Which input it was put to.
        input: InputIndex,
        /// Its file name.
        name: String,
        /// Why, in a sentence.
        reason: String,
        /// When its last byte was received.
        at: Timestamp,
    },
    /// Somebody wants to play this endpoint, or the rules of its segments changed.
    OutputWanted {
        /// The endpoint.
        endpoint: EndpointGuid,
        /// What decides where its segments begin and end, from the next one on.
        rules: OutputRules,
    },
    /// Time went by; written only when that changes anything.
    TimePassed {
        /// The time it is.
        at: Timestamp,
    },
    /// Retention gave up everything older than this.
    Forgotten {
        /// Slots that ended before this wall-clock time are gone.
        before: Timestamp,
    },
}

/// Captions that the parent playlist says are in the video: `EXT-X-MEDIA` of type CLOSED-CAPTIONS, RFC 8216 §4.3.4.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionDeclaration {
    /// `INSTREAM-ID`: `CC1` to `CC4` (CEA-608), `SERVICE1` to `SERVICE63` (CEA-708).
    pub instream_id: String,
    /// `NAME`.
    pub name: String,
    /// `LANGUAGE`.
    pub language: Option<String>,
    /// `CHARACTERISTICS`.
    pub characteristics: Option<String>,
}

/// A stream of the parent playlist: a variant or a rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamDeclaration {
    /// File name of its media playlist.
    pub playlist: String,
    /// Variant or rendition, with what the parent said of it.
    pub role: StreamRole,
}

/// What the parent playlist said of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamRole {
    /// `EXT-X-STREAM-INF`, RFC 8216 §4.3.4.2.
    Variant {
        /// `BANDWIDTH`, bit/s; `None` where there was no parent playlist.
        bandwidth: Option<u64>,
        /// `AVERAGE-BANDWIDTH`, bit/s.
        average_bandwidth: Option<u64>,
        /// `FRAME-RATE` in thousandths of a frame per second.
        frame_rate_milli: Option<u32>,
        /// `AUDIO`: the group of audio renditions that plays with it.
        audio_group: Option<String>,
    },
    /// `EXT-X-MEDIA` of type AUDIO with a URI, RFC 8216 §4.3.4.1.
    AudioRendition {
        /// `GROUP-ID`.
        group: String,
        /// `NAME`.
        name: String,
        /// `LANGUAGE`.
        language: Option<String>,
        /// `CHARACTERISTICS`.
        characteristics: Option<String>,
    },
    /// `EXT-X-MEDIA` of type SUBTITLES, RFC 8216 §4.3.4.1.
    SubtitleRendition {
        /// `NAME`.
        name: String,
        /// `LANGUAGE`.
        language: Option<String>,
        /// `FORCED`.
        forced: bool,
        /// `CHARACTERISTICS`.
        characteristics: Option<String>,
    },
    /// A stream that this build does not package; kept so that numbering and logs know it.
    NotPackaged {
        /// What it is, such as `SUBTITLES rendition`.
        what: String,
    },
}

/// A segment that a media playlist lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSegment {
    /// Its media sequence number.
    pub sequence: u64,
    /// File name.
    pub name: String,
    /// `EXTINF`, microseconds.
    pub duration_microseconds: u64,
    /// `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// `EXT-X-PROGRAM-DATE-TIME` of its first sample.
    pub program_date_time: Option<Timestamp>,
    /// Ad tags that stand before it, as they are written.
    pub ad_tags: Vec<String>,
}

/// What a pushed subtitle file says of its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredText {
    /// The wire time of its local time 0, 33 bits, 90 kHz; `None` if it does not say.
    pub wire_zero: Option<u64>,
    /// When its first cue starts and its last one ends, local time, 90 kHz; `None` if it has no cue.
    pub cues: Option<CueSpan>,
}

/// A span of local time in a subtitle file, 90 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CueSpan {
    /// Start of the first cue.
    pub start: u64,
    /// End of the last cue.
    pub end: u64,
}

/// A message in a pushed segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// What it is.
    pub kind: MessageKind,
    /// Its stream's place among those of its kind, from 0.
    pub stream_index: u8,
    /// The time that it belongs to, as on the wire: 33 bits, 90 kHz. It may lie ahead of the segment.
    pub wire_time: u64,
    /// The message as it was carried.
    pub payload: Bytes,
}

/// What a stored object holds of one track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTrack {
    /// Decoder configuration.
    pub config: CodecConfig,
    /// Language code of the elementary stream, if it had one.
    pub language: Option<String>,
    /// Ticks per second of `duration` and `presentation_offset`.
    pub timescale: u32,
    /// Decoding time of the first sample on the wire: 33 bits, 90 kHz.
    pub wire_decode_time: u64,
    /// Earliest presentation time minus first decoding time, in the timescale.
    pub presentation_offset: i64,
    /// Sum of the samples' durations, in the timescale.
    pub duration: u64,
    /// Number of samples.
    pub sample_count: u32,
    /// Bytes of payload.
    pub payload_bytes: u64,
    /// The first sample is a sync sample.
    pub starts_with_sync: bool,
}
