//! Smooth Streaming client manifests (MS-SSTR §2.2.2) as types, and their XML.
//!
//! Only what we write has a type. All times are in [`TIMESCALE`].

mod write;

use jiff::Timestamp;

/// Ticks per second of all times in the manifest.
pub const TIMESCALE: u32 = 10_000_000;

/// A client manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientManifest {
    /// Live or complete.
    pub kind: PresentationKind,
    /// Wall clock of the first chunk that is listed.
    pub producer_reference_time: Timestamp,
    /// The streams.
    pub streams: Vec<StreamIndex>,
}

/// Whether anything will be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentationKind {
    /// `IsLive`: chunks come and go.
    Live {
        /// `DVRWindowLength`.
        dvr_window: u64,
        /// `LookAheadFragmentCount`: so many following chunks does each chunk tell of.
        look_ahead: u32,
    },
    /// Nothing will be added.
    Complete {
        /// `Duration`.
        duration: u64,
    },
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// `video`.
    Video,
    /// `audio`.
    Audio,
}

/// `StreamIndex`: one chunk list, in one or more qualities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamIndex {
    /// What it carries.
    pub kind: StreamKind,
    /// Unique among the streams.
    pub name: String,
    /// ISO 639-2 code, if known.
    pub language: Option<String>,
    /// Pattern of chunk URLs, with `{bitrate}` and `{start time}`.
    pub url: String,
    /// The qualities.
    pub levels: Vec<QualityLevel>,
    /// The chunks, oldest first.
    pub chunks: Vec<Chunk>,
}

/// `QualityLevel`: one track of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QualityLevel {
    /// `Bitrate`, bit/s; unique in the stream, since it names the chunks.
    pub bitrate: u32,
    /// `FourCC`.
    pub four_cc: &'static str,
    /// `CodecPrivateData`, before it is written as hexadecimal digits.
    pub codec_private_data: Vec<u8>,
    /// What is particular to the kind of stream.
    pub details: LevelDetails,
}

/// What a quality level says of its pictures or sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelDetails {
    /// Of pictures.
    Video {
        /// `MaxWidth`, pixels.
        width: u32,
        /// `MaxHeight`, pixels.
        height: u32,
    },
    /// Of sound that is decoded to 16-bit samples.
    Audio {
        /// `AudioTag`: the wFormatTag of a WAVEFORMATEX structure.
        audio_tag: u16,
        /// `Channels`.
        channels: u8,
        /// `SamplingRate`, samples per second.
        sampling_rate: u32,
    },
}

/// A chunk: one fragment in every quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Start.
    pub time: u64,
    /// To the end.
    pub duration: u64,
}
