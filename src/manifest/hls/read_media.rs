//! Reading a media playlist.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::attributes::Attributes;
use super::decimal::{parse_decimal, parse_integer};
use super::read::{Line, LineProblem, PlaylistError, tag};
use super::uri::check_relative_uri;
use super::{MediaPlaylist, MediaSegment, PlaylistType};

/// The longest segment that is believed: a day, in seconds.
const MAX_SEGMENT_SECONDS: u64 = 86_400;

/// The largest number of a segment or discontinuity: far from where adding could overflow.
const MAX_SEQUENCE: u64 = 1 << 62;

/// Reads the lines after `#EXTM3U`.
pub(super) fn read(lines: &[Line<'_>], entry_limit: usize) -> Result<MediaPlaylist, PlaylistError> {
    let playlist = MediaPlaylist { version: 1, ..MediaPlaylist::default() };
    let mut reader = Reader { playlist, segment: MediaSegment::default(), duration_line: None, target: None };
    for (line, text) in lines {
        reader.line(*line, text, entry_limit).map_err(|problem| PlaylistError::Line { line: *line, problem })?;
    }
    if let Some(line) = reader.duration_line {
        return Err(PlaylistError::Line { line, problem: LineProblem::Unpaired(NO_URI) });
    }
    let mut playlist = reader.playlist;
    playlist.target_duration = reader.target.ok_or(PlaylistError::NoTargetDuration)?;
    playlist.trailing_tags = reader.segment.other_tags;
    Ok(playlist)
}

const NO_URI: &str = "EXTINF is not followed by a uri";

/// The playlist so far, and what is known of the segment whose URI has not come yet.
struct Reader {
    playlist: MediaPlaylist,
    segment: MediaSegment,
    /// Line of the `EXTINF` that waits for its URI.
    duration_line: Option<usize>,
    target: Option<u32>,
}

impl Reader {
    fn line(&mut self, line: usize, text: &str, entry_limit: usize) -> Result<(), LineProblem> {
        let Some((name, value)) = tag(text) else {
            if text.starts_with('#') {
                self.segment.other_tags.push(text.to_owned());
                return Ok(());
            }
            return self.uri(text, entry_limit);
        };
        let playlist = &mut self.playlist;
        match name {
            "#EXTINF" => {
                if self.duration_line.is_some() {
                    return Err(LineProblem::Unpaired(NO_URI));
                }
                let (duration, title) = value.split_once(',').unwrap_or((value, ""));
                self.segment.duration_in_microseconds = parse_duration(duration.trim())?;
                self.segment.title = (!title.is_empty()).then(|| title.to_owned());
                self.duration_line = Some(line);
            }
            "#EXT-X-VERSION" => {
                playlist.version = value.parse().map_err(|_| LineProblem::bad_value("EXT-X-VERSION", value))?;
            }
            "#EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent_segments = true,
            "#EXT-X-TARGETDURATION" => {
                let seconds = integer("EXT-X-TARGETDURATION", value, MAX_SEGMENT_SECONDS)?;
                self.target = u32::try_from(seconds).ok();
            }
            "#EXT-X-MEDIA-SEQUENCE" => {
                playlist.media_sequence = integer("EXT-X-MEDIA-SEQUENCE", value, MAX_SEQUENCE)?;
            }
            "#EXT-X-DISCONTINUITY-SEQUENCE" => {
                playlist.discontinuity_sequence = integer("EXT-X-DISCONTINUITY-SEQUENCE", value, MAX_SEQUENCE)?;
            }
            "#EXT-X-PLAYLIST-TYPE" => {
                playlist.playlist_type = Some(match value {
                    "EVENT" => PlaylistType::Event,
                    "VOD" => PlaylistType::Vod,
                    _ => return Err(LineProblem::bad_value("EXT-X-PLAYLIST-TYPE", value)),
                });
            }
            "#EXT-X-ENDLIST" => playlist.ended = true,
            "#EXT-X-PROGRAM-DATE-TIME" => {
                let time = parse_time(value).ok_or_else(|| LineProblem::bad_value("EXT-X-PROGRAM-DATE-TIME", value))?;
                self.segment.program_date_time = Some(time);
            }
            "#EXT-X-DISCONTINUITY" => self.segment.discontinuity = true,
            "#EXT-X-GAP" => self.segment.gap = true,
            "#EXT-X-BYTERANGE" => self.segment.byte_range = Some(value.to_owned()),
            "#EXT-X-KEY" => {
                let clear = Attributes::read(value)?.required("METHOD")? == "NONE";
                self.segment.key = (!clear).then(|| Arc::from(value));
            }
            "#EXT-X-MAP" => {
                Attributes::read(value)?.required("URI")?;
                self.segment.map = Some(Arc::from(value));
            }
            "#EXT-X-DEFINE" => return Err(LineProblem::Unsupported { tag: "EXT-X-DEFINE" }),
            "#EXT-X-ALLOW-CACHE"
            | "#EXT-X-START"
            | "#EXT-X-I-FRAMES-ONLY"
            | "#EXT-X-IMAGES-ONLY"
            | "#EXT-X-SERVER-CONTROL"
            | "#EXT-X-PART-INF" => playlist.header_tags.push(text.to_owned()),
            _ => self.segment.other_tags.push(text.to_owned()),
        }
        Ok(())
    }

    /// The URI closes a segment; key and map stay in force for the next one.
    fn uri(&mut self, text: &str, entry_limit: usize) -> Result<(), LineProblem> {
        if self.duration_line.take().is_none() {
            return Err(LineProblem::Unpaired("a uri has no EXTINF before it"));
        }
        check_relative_uri(text).map_err(|problem| LineProblem::uri(text, problem))?;
        if self.playlist.segments.len() >= entry_limit {
            return Err(LineProblem::TooManyEntries { limit: entry_limit });
        }
        let next =
            MediaSegment { key: self.segment.key.clone(), map: self.segment.map.clone(), ..MediaSegment::default() };
        let mut segment = std::mem::replace(&mut self.segment, next);
        segment.uri = text.to_owned();
        self.playlist.segments.push(segment);
        Ok(())
    }
}

fn integer(name: &'static str, text: &str, limit: u64) -> Result<u64, LineProblem> {
    let value = parse_integer(text.trim()).ok_or_else(|| LineProblem::bad_value(name, text))?;
    if value > limit { Err(LineProblem::TooLarge { name, found: value.to_string(), limit }) } else { Ok(value) }
}

fn parse_duration(text: &str) -> Result<u64, LineProblem> {
    let microseconds = parse_decimal(text, 6).ok_or_else(|| LineProblem::bad_value("EXTINF", text))?;
    if microseconds > MAX_SEGMENT_SECONDS * 1_000_000 {
        return Err(LineProblem::TooLarge {
            name: "EXTINF",
            found: (microseconds / 1_000_000).to_string(),
            limit: MAX_SEGMENT_SECONDS,
        });
    }
    Ok(microseconds)
}

/// ISO 8601 with `Z` or an offset, with or without its colon; without either it is taken for UTC.
fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

#[cfg(test)]
mod tests {
    use super::super::read::{Playlist, PlaylistLimits, read_playlist};
    use super::*;

    fn parse(text: &str) -> Result<MediaPlaylist, PlaylistError> {
        let limits = PlaylistLimits { bytes: 10_000, lines: 100, entries: 3 };
        read_playlist(text.as_bytes(), &limits).map(|playlist| match playlist {
            Playlist::Media(media) => media,
            Playlist::Parent(_) => panic!("a media playlist was read"),
        })
    }

    #[test]
    fn a_media_playlist_of_an_encoder_is_read() {
        let playlist = parse(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-ALLOW-CACHE:NO\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:17\n\
             #EXT-X-DISCONTINUITY-SEQUENCE:2\n#EXT-X-PROGRAM-DATE-TIME:2026-02-03T18:40:12.480+0000\n\
             #EXTINF:6.006000,\nseg17.ts\n#EXT-X-CUE-OUT:30\n#EXT-X-DISCONTINUITY\n#EXTINF:5.9999996,a title\n\
             sub/seg18.ts?x=1\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-GAP\n#EXTINF:1\nseg19.ts\n\
             #EXT-X-CUE-IN\n#EXT-X-ENDLIST\n",
        )
        .unwrap();
        assert_eq!((playlist.media_sequence, playlist.discontinuity_sequence), (17, 2));
        assert_eq!((playlist.target_duration, playlist.ended), (6, true));
        assert_eq!(playlist.header_tags, ["#EXT-X-ALLOW-CACHE:NO"]);
        assert_eq!(playlist.trailing_tags, ["#EXT-X-CUE-IN"]);
        let [first, second, third] = &playlist.segments[..] else { panic!("there are three segments") };
        assert_eq!((first.uri.as_str(), first.duration_in_microseconds), ("seg17.ts", 6_006_000));
        assert_eq!(first.program_date_time.unwrap().to_string(), "2026-02-03T18:40:12.48Z");
        assert_eq!((second.uri.as_str(), second.duration_in_microseconds), ("sub/seg18.ts?x=1", 6_000_000));
        assert_eq!((second.title.as_deref(), second.discontinuity, second.gap), (Some("a title"), true, false));
        assert_eq!(second.other_tags, ["#EXT-X-CUE-OUT:30"]);
        assert_eq!((second.key.as_deref(), third.key.as_deref()), (None, Some("METHOD=AES-128,URI=\"k\"")));
        assert!(third.gap);
    }

    #[test]
    fn a_key_stays_in_force_until_method_none() {
        let playlist = parse(
            "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:1,\na\n#EXTINF:1,\nb\n\
             #EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\nc\n",
        )
        .unwrap();
        let keys: Vec<bool> = playlist.segments.iter().map(|segment| segment.key.is_some()).collect();
        assert_eq!(keys, [true, true, false]);
    }

    #[test]
    fn wall_clock_times_may_be_written_in_several_ways() {
        for text in
            ["2026-02-03T18:40:12Z", "2026-02-03T19:40:12+01:00", "2026-02-03T18:40:12+0000", "2026-02-03T18:40:12"]
        {
            assert_eq!(parse_time(text).map(|time| time.as_second()), Some(1_770_144_012), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "99999-01-01T00:00:00Z"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn faults_are_told_with_line_and_rule() {
        for (body, message) in [
            ("#EXTINF:NaN,\na", "playlist line 3: EXTINF cannot be `NaN`"),
            ("#EXTINF:1e308,\na", "playlist line 3: EXTINF cannot be `1e308`"),
            ("#EXTINF:-1,\na", "playlist line 3: EXTINF cannot be `-1`"),
            ("#EXTINF:86401,\na", "playlist line 3: EXTINF is 86401, more than 86400"),
            (
                "#EXT-X-MEDIA-SEQUENCE:99999999999999999999",
                "playlist line 3: EXT-X-MEDIA-SEQUENCE cannot be `99999999999999999999`",
            ),
            (
                "#EXT-X-MEDIA-SEQUENCE:9223372036854775807",
                "playlist line 3: EXT-X-MEDIA-SEQUENCE is 9223372036854775807, more than 4611686018427387904",
            ),
            ("#EXTINF:1,\nfile:///etc/passwd", "playlist line 4: uri `file:///etc/passwd` has a scheme"),
            ("#EXTINF:1,\n../../x.ts", "playlist line 4: uri `../../x.ts` leaves its folder by `..`"),
            ("#EXTINF:1,", "playlist line 3: EXTINF is not followed by a uri"),
            ("a.ts", "playlist line 3: a uri has no EXTINF before it"),
            ("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"", "playlist line 3: EXT-X-DEFINE is not supported"),
            ("#EXT-X-KEY:URI=\"k\"", "playlist line 3: attribute METHOD is missing"),
        ] {
            let error = parse(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{body}\n")).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        assert_eq!(parse("#EXTM3U\n#EXTINF:1,\na\n"), Err(PlaylistError::NoTargetDuration));
    }

    #[test]
    fn more_segments_than_allowed_are_refused() {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{}", "#EXTINF:1,\na\n".repeat(4));
        assert!(parse(&text).unwrap_err().to_string().ends_with("there are more than 3 entries"));
    }
}
