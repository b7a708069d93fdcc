//! The parent (multivariant) playlist, RFC 8216 §4.3.4.

/// Streams and renditions that a player can choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParentPlaylist {
    /// `EXT-X-VERSION`; 1 if the tag is missing.
    pub version: u8,
    /// `EXT-X-INDEPENDENT-SEGMENTS` is there.
    pub independent_segments: bool,
    /// `EXT-X-STREAM-INF` with their URIs, in the order of the playlist.
    pub variants: Vec<Variant>,
    /// `EXT-X-MEDIA`, in the order of the playlist.
    pub renditions: Vec<Rendition>,
    /// `EXT-X-I-FRAME-STREAM-INF`, in the order of the playlist.
    pub i_frame_variants: Vec<IFrameVariant>,
    /// Lines of other tags and comments, as they are.
    pub other_tags: Vec<String>,
}

/// One `EXT-X-STREAM-INF`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variant {
    /// URI of the media playlist.
    pub uri: String,
    /// Peak bit rate of the variant with its renditions, bits per second.
    pub bandwidth: u64,
    /// Average bit rate, bits per second.
    pub average_bandwidth: Option<u64>,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames per second.
    pub frame_rate: Option<FrameRate>,
    /// `VIDEO-RANGE`.
    pub video_range: Option<VideoRange>,
    /// RFC 6381 codecs of everything in the variant, separated by commas.
    pub codecs: Option<String>,
    /// `GROUP-ID` of its audio renditions.
    pub audio: Option<String>,
    /// `GROUP-ID` of its subtitle renditions.
    pub subtitles: Option<String>,
    /// What is said of closed captions.
    pub closed_captions: Option<ClosedCaptions>,
}

/// The dynamic range of a variant's video, RFC 8216bis §4.4.6.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoRange {
    /// `SDR`; also where the attribute is missing.
    Sdr,
    /// `HLG`.
    Hlg,
    /// `PQ`.
    Pq,
}

impl VideoRange {
    /// The enumerated string.
    pub fn as_str(self) -> &'static str {
        match self {
            VideoRange::Sdr => "SDR",
            VideoRange::Hlg => "HLG",
            VideoRange::Pq => "PQ",
        }
    }
}

/// A frame rate as a playlist can say it: thousandths of frames per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameRate {
    /// Frames in a thousand seconds: 29,970 for 30000/1001.
    pub thousandths: u32,
}

impl FrameRate {
    /// `frames` per `seconds`, to the nearest thousandth; `None` if that is no number or too large.
    pub fn from_fraction(frames: u32, seconds: u32) -> Option<FrameRate> {
        let seconds = u64::from(seconds);
        let thousandths = (u64::from(frames) * 1_000 + seconds / 2).checked_div(seconds)?;
        u32::try_from(thousandths).ok().map(|thousandths| FrameRate { thousandths })
    }
}

/// The `CLOSED-CAPTIONS` attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClosedCaptions {
    /// `NONE`: there are none in any variant.
    None,
    /// `GROUP-ID` of the closed caption renditions.
    Group(String),
}

/// The `TYPE` of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `AUDIO`.
    Audio,
    /// `VIDEO`.
    Video,
    /// `SUBTITLES`.
    Subtitles,
    /// `CLOSED-CAPTIONS`.
    ClosedCaptions,
}

impl MediaType {
    /// The enumerated string.
    pub fn as_str(self) -> &'static str {
        match self {
            MediaType::Audio => "AUDIO",
            MediaType::Video => "VIDEO",
            MediaType::Subtitles => "SUBTITLES",
            MediaType::ClosedCaptions => "CLOSED-CAPTIONS",
        }
    }
}

/// One `EXT-X-MEDIA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// `TYPE`.
    pub media_type: MediaType,
    /// URI of the media playlist; `None` if the media is in the variants.
    pub uri: Option<String>,
    /// `GROUP-ID`, by which variants name it.
    pub group_id: String,
    /// `LANGUAGE`, RFC 5646 or what the encoder writes there.
    pub language: Option<String>,
    /// `ASSOC-LANGUAGE`.
    pub associated_language: Option<String>,
    /// `NAME`, for people to read.
    pub name: String,
    /// `DEFAULT=YES`.
    pub is_default: bool,
    /// `AUTOSELECT=YES`.
    pub autoselect: bool,
    /// `FORCED`, for subtitles; `None` if the attribute is missing.
    pub forced: Option<bool>,
    /// `INSTREAM-ID`, for closed captions: `CC1`, `SERVICE1`, ….
    pub instream_id: Option<String>,
    /// `CHARACTERISTICS`.
    pub characteristics: Option<String>,
    /// `CHANNELS`, for audio.
    pub channels: Option<String>,
}

/// One `EXT-X-I-FRAME-STREAM-INF`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IFrameVariant {
    /// URI of the I-frame playlist.
    pub uri: String,
    /// Peak bit rate, bits per second.
    pub bandwidth: u64,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// RFC 6381 codecs.
    pub codecs: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_becomes_the_nearest_thousandth() {
        assert_eq!(FrameRate::from_fraction(30_000, 1_001), Some(FrameRate { thousandths: 29_970 }));
        assert_eq!(FrameRate::from_fraction(25, 0), None);
        assert_eq!(FrameRate::from_fraction(u32::MAX, 1), None);
    }
}
