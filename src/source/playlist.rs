//! The playlists that the built-in source pushes.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

/// One rendition of the parent playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant<'a> {
    /// Largest segment bit rate, bit/s.
    pub(super) bandwidth: u64,
    /// Mean bit rate, bit/s.
    pub(super) average_bandwidth: u64,
    /// Width and height in pixels.
    pub(super) resolution: (u32, u32),
    /// Pictures per second.
    pub(super) frame_rate: u32,
    /// RFC 6381 codec names, comma-separated.
    pub(super) codecs: &'a str,
    /// File name of the child playlist.
    pub(super) uri: String,
}

/// The parent playlist, RFC 8216 §4.3.4.
pub(super) fn parent<'a>(variants: impl IntoIterator<Item = Variant<'a>>) -> String {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    for variant in variants {
        let (width, height) = variant.resolution;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},RESOLUTION={width}x{height},FRAME-RATE={}.000,CODECS=\"{}\"\n{}",
            variant.bandwidth, variant.average_bandwidth, variant.frame_rate, variant.codecs, variant.uri
        );
    }
    text
}

/// A live child playlist of segments of one duration, RFC 8216 §4.3.3.
///
/// `starts_at` is the wall clock of the first segment, since the Unix epoch; every segment gets its
/// `EXT-X-PROGRAM-DATE-TIME`.
pub(super) fn child(
    media_sequence: u64,
    starts_at: Duration,
    segment_seconds: u32,
    names: impl IntoIterator<Item = String>,
) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{segment_seconds}\n#EXT-X-MEDIA-SEQUENCE:{media_sequence}\n"
    );
    let mut at = starts_at;
    for name in names {
        let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}\n#EXTINF:{segment_seconds}.000,\n{name}", date_time(at));
        at += Duration::from_secs(segment_seconds.into());
    }
    text
}

/// ISO 8601 with milliseconds, in UTC; `since_epoch` beyond the year 9999 is written as that year's end.
pub(super) fn date_time(since_epoch: Duration) -> String {
    let milliseconds = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    let timestamp = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX);
    format!("{timestamp:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_playlist_dates_every_segment() {
        let names = ["a_7.ts".to_owned(), "a_8.ts".to_owned()];
        assert_eq!(
            child(7, Duration::from_secs(1_700_000_000), 2, names),
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n\
             #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n#EXTINF:2.000,\na_7.ts\n\
             #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z\n#EXTINF:2.000,\na_8.ts\n"
        );
    }

    #[test]
    fn a_parent_playlist_names_every_variant() {
        let variant = Variant {
            bandwidth: 700_000,
            average_bandwidth: 600_000,
            resolution: (640, 360),
            frame_rate: 25,
            codecs: "avc1.4D401F,mp4a.40.2",
            uri: "a.m3u8".to_owned(),
        };
        assert_eq!(
            parent([variant]),
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-STREAM-INF:BANDWIDTH=700000,AVERAGE-BANDWIDTH=600000,RESOLUTION=640x360,FRAME-RATE=25.000,\
             CODECS=\"avc1.4D401F,mp4a.40.2\"\na.m3u8\n"
        );
    }
}
