//! Writing a media playlist.

use std::fmt::Write;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::date_time::with_milliseconds;
use super::write::{PlaylistWriteError, line, tag_line, uri_line};
use super::{MediaPlaylist, MediaSegment, PlaylistType};

impl MediaPlaylist {
    /// The playlist's text.
    ///
    /// `EXTINF` has three decimals, wall clock times have milliseconds and `Z`. `EXT-X-KEY` and `EXT-X-MAP` are
    /// written where they change. `EXT-X-DISCONTINUITY-SEQUENCE` is written once it is not 0 or a discontinuity is
    /// in the list.
    pub fn to_text(&self) -> Result<String, PlaylistWriteError> {
        let mut text = String::with_capacity(256 + 96 * self.segments.len());
        // Writing into a String cannot fail.
        let _ = write!(text, "#EXTM3U\n#EXT-X-VERSION:{}\n", self.needed_version());
        if self.independent_segments {
            text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        let _ = write!(
            text,
            "#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n",
            self.target_duration, self.media_sequence
        );
        if self.discontinuity_sequence > 0 || self.segments.iter().any(|segment| segment.discontinuity) {
            let _ = writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.discontinuity_sequence);
        }
        match self.playlist_type {
            None => {}
            Some(PlaylistType::Event) => text.push_str("#EXT-X-PLAYLIST-TYPE:EVENT\n"),
            Some(PlaylistType::Vod) => text.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n"),
        }
        for tag in &self.header_tags {
            tag_line(&mut text, tag)?;
        }
        let (mut key, mut map): (Option<&Arc<str>>, Option<&Arc<str>>) = (None, None);
        for segment in &self.segments {
            if segment.discontinuity {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            if segment.key.as_ref() != key {
                key = segment.key.as_ref();
                text.push_str("#EXT-X-KEY:");
                line(&mut text, "EXT-X-KEY", key.map_or("METHOD=NONE", |key| key))?;
            }
            // A map cannot be taken back, RFC 8216 §4.3.2.5: a segment without one keeps the one before.
            if let Some(next) = segment.map.as_ref()
                && map != Some(next)
            {
                map = Some(next);
                text.push_str("#EXT-X-MAP:");
                line(&mut text, "EXT-X-MAP", next)?;
            }
            write_segment(&mut text, segment)?;
        }
        for tag in &self.trailing_tags {
            tag_line(&mut text, tag)?;
        }
        if self.ended {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        Ok(text)
    }

    /// The version that the tags in use need, RFC 8216 §7 and RFC 8216bis §8 for `EXT-X-GAP`.
    fn needed_version(&self) -> u8 {
        let needs = |version: u8, is_used: fn(&MediaSegment) -> bool| {
            if self.segments.iter().any(is_used) { version } else { 1 }
        };
        self.version
            .max(needs(4, |segment| segment.byte_range.is_some()))
            .max(needs(6, |segment| segment.map.is_some()))
            .max(needs(8, |segment| segment.gap))
    }
}

fn write_segment(text: &mut String, segment: &MediaSegment) -> Result<(), PlaylistWriteError> {
    // Date ranges come before the date of the segment that they stand before.
    for tag in &segment.other_tags {
        tag_line(text, tag)?;
    }
    if let Some(time) = segment.program_date_time {
        text.push_str("#EXT-X-PROGRAM-DATE-TIME:");
        write_time(text, time);
        text.push('\n');
    }
    if segment.gap {
        text.push_str("#EXT-X-GAP\n");
    }
    if let Some(range) = &segment.byte_range {
        text.push_str("#EXT-X-BYTERANGE:");
        line(text, "EXT-X-BYTERANGE", range)?;
    }
    let milliseconds = segment.duration_in_microseconds.saturating_add(500) / 1_000;
    let _ = write!(text, "#EXTINF:{}.{:03},", milliseconds / 1_000, milliseconds % 1_000);
    line(text, "EXTINF", segment.title.as_deref().unwrap_or_default())?;
    uri_line(text, &segment.uri)
}

/// `2026-02-03T18:40:12.480Z`, to the nearest millisecond.
pub(super) fn write_time(text: &mut String, time: Timestamp) {
    text.push_str(&with_milliseconds(time));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read::{Playlist, PlaylistLimits, read_playlist};
    use super::*;

    fn segment(number: u64) -> MediaSegment {
        MediaSegment {
            uri: format!("live_1_{number}.ts?m=1770091506"),
            duration_in_microseconds: 6_000_000,
            ..MediaSegment::default()
        }
    }

    fn playlist() -> MediaPlaylist {
        let mut segments: Vec<MediaSegment> = (20_869..20_872).map(segment).collect();
        segments[0].program_date_time = Some("2026-02-03T18:40:12.4796Z".parse().unwrap());
        MediaPlaylist { version: 3, target_duration: 6, media_sequence: 20_869, segments, ..MediaPlaylist::default() }
    }

    fn read(text: &str) -> MediaPlaylist {
        let limits = PlaylistLimits { bytes: 1 << 20, lines: 10_000, entries: 1_000 };
        match read_playlist(text.as_bytes(), &limits).unwrap() {
            Playlist::Media(media) => media,
            Playlist::Parent(_) => panic!("it is a media playlist"),
        }
    }

    #[test]
    fn a_live_playlist_is_written_in_the_services_order() {
        assert_eq!(
            playlist().to_text().unwrap(),
            "\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:20869
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T18:40:12.480Z
#EXTINF:6.000,
live_1_20869.ts?m=1770091506
#EXTINF:6.000,
live_1_20870.ts?m=1770091506
#EXTINF:6.000,
live_1_20871.ts?m=1770091506
"
        );
    }

    #[test]
    fn every_tag_has_its_place() {
        let mut full = playlist();
        full.independent_segments = true;
        full.discontinuity_sequence = 4;
        full.playlist_type = Some(PlaylistType::Event);
        full.ended = true;
        for segment in &mut full.segments {
            segment.map = Some(Arc::from("URI=\"../init.mp4\""));
        }
        full.segments[1].discontinuity = true;
        full.segments[1].key = Some(Arc::from("METHOD=AES-128,URI=\"https://keys.example.net/k/8\""));
        full.segments[1].other_tags = vec!["#EXT-X-CUE-OUT:30".to_owned()];
        full.segments[2].gap = true;
        full.segments[2].duration_in_microseconds = 5_839_500;
        assert_eq!(
            full.to_text().unwrap(),
            "\
#EXTM3U
#EXT-X-VERSION:8
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:20869
#EXT-X-DISCONTINUITY-SEQUENCE:4
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MAP:URI=\"../init.mp4\"
#EXT-X-PROGRAM-DATE-TIME:2026-02-03T18:40:12.480Z
#EXTINF:6.000,
live_1_20869.ts?m=1770091506
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example.net/k/8\"
#EXT-X-CUE-OUT:30
#EXTINF:6.000,
live_1_20870.ts?m=1770091506
#EXT-X-KEY:METHOD=NONE
#EXT-X-GAP
#EXTINF:5.840,
live_1_20871.ts?m=1770091506
#EXT-X-ENDLIST
"
        );
    }

    #[test]
    fn another_reader_understands_it() {
        let text = playlist().to_text().unwrap();
        let (_, other) = m3u8_rs::parse_media_playlist(text.as_bytes()).unwrap();
        assert_eq!((other.media_sequence, other.target_duration, other.segments.len()), (20_869, 6, 3));
        assert_eq!(other.segments[2].uri, "live_1_20871.ts?m=1770091506");
        assert!(other.segments[0].program_date_time.is_some());
    }

    #[test]
    fn the_target_duration_is_the_longest_rounded_up() {
        assert_eq!(MediaPlaylist::target_duration_for([6_006_000, 4_000_000]), 7);
        assert_eq!(MediaPlaylist::target_duration_for([6_000_000]), 6);
        assert_eq!(MediaPlaylist::target_duration_for([]), 0);
    }

    #[test]
    fn what_would_break_a_line_is_refused() {
        for (uri, title) in [("a\nb", ""), ("", ""), ("#a", ""), ("a", "b\rc")] {
            let mut broken = playlist();
            broken.segments[0].uri = uri.to_owned();
            broken.segments[0].title = Some(title.to_owned());
            assert!(broken.to_text().is_err(), "{uri:?} {title:?}");
        }
        let mut broken = playlist();
        broken.segments[0].other_tags = vec!["x".to_owned()];
        assert!(broken.to_text().is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            parts in prop::collection::vec((0u64..86_400_000, any::<bool>(), any::<bool>(), 0u8..3, prop::option::of(0i64..4_000_000_000_000)), 0..30),
            media_sequence in 0u64..1 << 62,
            ended in any::<bool>(),
        ) {
            let segments: Vec<MediaSegment> = parts.iter().enumerate().map(|(index, (milliseconds, discontinuity, gap, key, time))| MediaSegment {
                uri: format!("s{index}.ts"),
                duration_in_microseconds: milliseconds * 1_000,
                program_date_time: time.map(|time| Timestamp::from_millisecond(time).unwrap()),
                discontinuity: *discontinuity,
                gap: *gap,
                key: (*key > 0).then(|| Arc::from(format!("METHOD=AES-128,URI=\"{key}\""))),
                ..MediaSegment::default()
            }).collect();
            let mut written = MediaPlaylist {
                version: 8, target_duration: 5, media_sequence, segments, ended, ..MediaPlaylist::default()
            };
            let text = written.to_text().unwrap();
            written.version = written.needed_version();
            prop_assert_eq!(read(&text), written);
        }
    }
}
