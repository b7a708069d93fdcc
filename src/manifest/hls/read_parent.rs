//! Reading a parent playlist.

use super::attributes::Attributes;
use super::decimal::{parse_decimal, parse_integer};
use super::read::{Line, LineProblem, PlaylistError, tag};
use super::uri::check_relative_uri;
use super::{ClosedCaptions, FrameRate, IFrameVariant, MediaType, ParentPlaylist, Rendition, Variant, VideoRange};

/// Reads the lines after `#EXTM3U`.
pub(super) fn read(lines: &[Line<'_>], entry_limit: usize) -> Result<ParentPlaylist, PlaylistError> {
    let mut playlist = ParentPlaylist { version: 1, ..ParentPlaylist::default() };
    let mut waiting: Option<(usize, Variant)> = None;
    for (line, text) in lines {
        read_line(&mut playlist, &mut waiting, *line, text, entry_limit)
            .map_err(|problem| PlaylistError::Line { line: *line, problem })?;
    }
    if let Some((line, _)) = waiting {
        return Err(PlaylistError::Line { line, problem: LineProblem::Unpaired(NO_URI) });
    }
    Ok(playlist)
}

const NO_URI: &str = "EXT-X-STREAM-INF is not followed by a uri";

fn read_line(
    playlist: &mut ParentPlaylist,
    waiting: &mut Option<(usize, Variant)>,
    line: usize,
    text: &str,
    entry_limit: usize,
) -> Result<(), LineProblem> {
    let entries = playlist.variants.len() + playlist.renditions.len() + playlist.i_frame_variants.len();
    if entries > entry_limit || (entries == entry_limit && waiting.is_some()) {
        return Err(LineProblem::TooManyEntries { limit: entry_limit });
    }
    let Some((name, value)) = tag(text) else {
        if text.starts_with('#') {
            playlist.other_tags.push(text.to_owned());
            return Ok(());
        }
        let Some((_, mut variant)) = waiting.take() else {
            return Err(LineProblem::Unpaired("a uri has no EXT-X-STREAM-INF before it"));
        };
        check_relative_uri(text).map_err(|problem| LineProblem::uri(text, problem))?;
        variant.uri = text.to_owned();
        playlist.variants.push(variant);
        return Ok(());
    };
    match name {
        "#EXT-X-VERSION" => {
            playlist.version = value.parse().map_err(|_| LineProblem::bad_value("EXT-X-VERSION", value))?;
        }
        "#EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent_segments = true,
        "#EXT-X-STREAM-INF" => {
            if waiting.is_some() {
                return Err(LineProblem::Unpaired(NO_URI));
            }
            *waiting = Some((line, read_variant(value)?));
        }
        "#EXT-X-MEDIA" => playlist.renditions.push(read_rendition(value)?),
        "#EXT-X-I-FRAME-STREAM-INF" => playlist.i_frame_variants.push(read_i_frame_variant(value)?),
        "#EXT-X-DEFINE" => return Err(LineProblem::Unsupported { tag: "EXT-X-DEFINE" }),
        "#EXTINF" => return Err(LineProblem::WrongKind { tag: "EXTINF", kind: "parent" }),
        "#EXT-X-TARGETDURATION" => {
            return Err(LineProblem::WrongKind { tag: "EXT-X-TARGETDURATION", kind: "parent" });
        }
        _ => playlist.other_tags.push(text.to_owned()),
    }
    Ok(())
}

fn read_variant(list: &str) -> Result<Variant, LineProblem> {
    let attributes = Attributes::read(list)?;
    attributes.required("BANDWIDTH")?;
    Ok(Variant {
        uri: String::new(),
        bandwidth: attributes.parsed("BANDWIDTH", parse_integer)?.unwrap_or(0),
        average_bandwidth: attributes.parsed("AVERAGE-BANDWIDTH", parse_integer)?,
        resolution: attributes.parsed("RESOLUTION", parse_resolution)?,
        frame_rate: attributes.parsed("FRAME-RATE", parse_frame_rate)?,
        video_range: attributes.text("VIDEO-RANGE").and_then(video_range),
        codecs: attributes.string("CODECS"),
        audio: attributes.string("AUDIO"),
        subtitles: attributes.string("SUBTITLES"),
        closed_captions: match attributes.text("CLOSED-CAPTIONS") {
            None => None,
            Some("NONE") if attributes.unquoted("CLOSED-CAPTIONS").is_some() => Some(ClosedCaptions::None),
            Some(group) => Some(ClosedCaptions::Group(group.to_owned())),
        },
    })
}

fn read_rendition(list: &str) -> Result<Rendition, LineProblem> {
    let attributes = Attributes::read(list)?;
    let media_type = match attributes.required("TYPE")? {
        "AUDIO" => MediaType::Audio,
        "VIDEO" => MediaType::Video,
        "SUBTITLES" => MediaType::Subtitles,
        "CLOSED-CAPTIONS" => MediaType::ClosedCaptions,
        other => return Err(LineProblem::bad_value("TYPE", other)),
    };
    let uri = attributes.text("URI");
    if let Some(uri) = uri {
        check_relative_uri(uri).map_err(|problem| LineProblem::uri(uri, problem))?;
    }
    Ok(Rendition {
        media_type,
        uri: uri.map(str::to_owned),
        group_id: attributes.required("GROUP-ID")?.to_owned(),
        language: attributes.string("LANGUAGE"),
        associated_language: attributes.string("ASSOC-LANGUAGE"),
        name: attributes.required("NAME")?.to_owned(),
        is_default: attributes.yes_or_no("DEFAULT")?.unwrap_or(false),
        autoselect: attributes.yes_or_no("AUTOSELECT")?.unwrap_or(false),
        forced: attributes.yes_or_no("FORCED")?,
        instream_id: attributes.string("INSTREAM-ID"),
        characteristics: attributes.string("CHARACTERISTICS"),
        channels: attributes.string("CHANNELS"),
    })
}

fn read_i_frame_variant(list: &str) -> Result<IFrameVariant, LineProblem> {
    let attributes = Attributes::read(list)?;
    attributes.required("BANDWIDTH")?;
    let uri = attributes.required("URI")?;
    check_relative_uri(uri).map_err(|problem| LineProblem::uri(uri, problem))?;
    Ok(IFrameVariant {
        uri: uri.to_owned(),
        bandwidth: attributes.parsed("BANDWIDTH", parse_integer)?.unwrap_or(0),
        resolution: attributes.parsed("RESOLUTION", parse_resolution)?,
        codecs: attributes.string("CODECS"),
    })
}

fn parse_resolution(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(['x', 'X'])?;
    let number = |text| parse_integer(text).and_then(|value| u32::try_from(value).ok());
    Some((number(width)?, number(height)?))
}

/// A range that is not known says nothing.
fn video_range(text: &str) -> Option<VideoRange> {
    [VideoRange::Sdr, VideoRange::Hlg, VideoRange::Pq].into_iter().find(|range| range.as_str() == text)
}

fn parse_frame_rate(text: &str) -> Option<FrameRate> {
    let thousandths = u32::try_from(parse_decimal(text, 3)?).ok()?;
    Some(FrameRate { thousandths })
}

#[cfg(test)]
mod tests {
    use super::super::read::{Playlist, PlaylistLimits, read_playlist};
    use super::*;

    fn parse(text: &str) -> Result<ParentPlaylist, PlaylistError> {
        let limits = PlaylistLimits { bytes: 10_000, lines: 100, entries: 4 };
        read_playlist(text.as_bytes(), &limits).map(|playlist| match playlist {
            Playlist::Parent(parent) => parent,
            Playlist::Media(_) => panic!("a parent playlist was read"),
        })
    }

    #[test]
    fn a_parent_playlist_of_an_encoder_is_read() {
        let text = "\u{FEFF}#EXTM3U\r\n#EXT-X-VERSION:6\r\n# made by an encoder\r\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aud\",NAME=\"Deutsch, Stereo\",LANGUAGE=\"deu\",DEFAULT=YES,CHANNELS=\"2\",URI=\"a.m3u8\"\r\n\
            #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"CC\",INSTREAM-ID=\"CC1\"\r\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,RESOLUTION=1280x720,FRAME-RATE=29.97,\
            VIDEO-RANGE=PQ,CODECS=\"avc1.64001F,mp4a.40.2\",AUDIO=\"aud\",CLOSED-CAPTIONS=NONE,X-NEW=1\r\n\r\nv.m3u8\r\n";
        let playlist = parse(text).unwrap();
        assert_eq!(playlist.version, 6);
        assert_eq!(playlist.other_tags, ["# made by an encoder"]);
        assert_eq!(
            playlist.variants,
            [Variant {
                uri: "v.m3u8".to_owned(),
                bandwidth: 1_280_000,
                average_bandwidth: Some(1_000_000),
                resolution: Some((1_280, 720)),
                frame_rate: Some(FrameRate { thousandths: 29_970 }),
                video_range: Some(VideoRange::Pq),
                codecs: Some("avc1.64001F,mp4a.40.2".to_owned()),
                audio: Some("aud".to_owned()),
                subtitles: None,
                closed_captions: Some(ClosedCaptions::None),
            }]
        );
        let [audio, captions] = &playlist.renditions[..] else { panic!("there are two renditions") };
        assert_eq!((audio.name.as_str(), audio.language.as_deref()), ("Deutsch, Stereo", Some("deu")));
        assert!(audio.is_default && !audio.autoselect);
        assert_eq!((captions.uri.as_deref(), captions.instream_id.as_deref()), (None, Some("CC1")));
    }

    #[test]
    fn faults_are_told_with_line_and_rule() {
        for (body, message) in [
            ("#EXT-X-STREAM-INF:BANDWIDTH=x\nv", "playlist line 2: BANDWIDTH cannot be `x`"),
            ("#EXT-X-STREAM-INF:RESOLUTION=1x1\nv", "playlist line 2: attribute BANDWIDTH is missing"),
            ("#EXT-X-STREAM-INF:BANDWIDTH=1\n", "playlist line 2: EXT-X-STREAM-INF is not followed by a uri"),
            ("#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://a/v", "playlist line 3: uri `http://a/v` has a scheme"),
            (
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\",URI=\"../x\"",
                "playlist line 2: uri `../x` leaves its folder by `..`",
            ),
            ("#EXT-X-MEDIA:TYPE=SMELL", "playlist line 2: TYPE cannot be `SMELL`"),
            (
                "#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n#EXTINF:1,\nseg",
                "playlist line 4: EXTINF does not belong into a parent playlist",
            ),
            ("#EXT-X-STREAM-INF:BANDWIDTH=1\nv\nw", "playlist line 4: a uri has no EXT-X-STREAM-INF before it"),
        ] {
            assert_eq!(parse(&format!("#EXTM3U\n{body}\n")).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn more_streams_than_allowed_are_refused() {
        let streams = |count| format!("#EXTM3U\n{}", "#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n".repeat(count));
        assert_eq!(parse(&streams(4)).unwrap().variants.len(), 4);
        assert!(parse(&streams(5)).unwrap_err().to_string().ends_with("there are more than 4 entries"));
    }
}
