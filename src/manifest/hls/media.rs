//! The media playlist, RFC 8216 §4.3.2 and §4.3.3.

use std::sync::Arc;

use jiff::Timestamp;

/// The segments of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaPlaylist {
    /// `EXT-X-VERSION`; 1 if the tag is missing. The writer raises it to what the tags in use need.
    pub version: u8,
    /// `EXT-X-INDEPENDENT-SEGMENTS` is there.
    pub independent_segments: bool,
    /// `EXT-X-TARGETDURATION` in seconds: no segment is longer, once rounded.
    pub target_duration: u32,
    /// Number of the first segment.
    pub media_sequence: u64,
    /// Discontinuities before the first segment.
    pub discontinuity_sequence: u64,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub playlist_type: Option<PlaylistType>,
    /// Other tags that concern the whole playlist, as they are.
    pub header_tags: Vec<String>,
    /// The segments, oldest first.
    pub segments: Vec<MediaSegment>,
    /// Tags and comments after the last segment, as they are.
    pub trailing_tags: Vec<String>,
    /// `EXT-X-ENDLIST` is there: nothing will be added.
    pub ended: bool,
}

impl MediaPlaylist {
    /// The target duration for segments of these durations (microseconds): the longest, rounded up to seconds.
    pub fn target_duration_for(durations_in_microseconds: impl IntoIterator<Item = u64>) -> u32 {
        let longest = durations_in_microseconds.into_iter().max().unwrap_or(0);
        u32::try_from(longest.div_ceil(1_000_000)).unwrap_or(u32::MAX)
    }
}

/// The value of `EXT-X-PLAYLIST-TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaylistType {
    /// Segments are only added.
    Event,
    /// Nothing changes.
    Vod,
}

/// One segment and the tags before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaSegment {
    /// Where it is, relative to the playlist.
    pub uri: String,
    /// `EXTINF` in microseconds.
    pub duration_in_microseconds: u64,
    /// The text after the duration.
    pub title: Option<String>,
    /// `EXT-X-PROGRAM-DATE-TIME`: wall clock of the first sample.
    pub program_date_time: Option<Timestamp>,
    /// `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// `EXT-X-GAP`: the segment is missing and must not be asked for.
    pub gap: bool,
    /// Attribute list of the `EXT-X-KEY` in force; `None` if there is none or its method is `NONE`.
    pub key: Option<Arc<str>>,
    /// Attribute list of the `EXT-X-MAP` in force.
    pub map: Option<Arc<str>>,
    /// Value of `EXT-X-BYTERANGE`.
    pub byte_range: Option<String>,
    /// Other tags and comments before it (advertisement cues, date ranges, …), as they are.
    pub other_tags: Vec<String>,
}
