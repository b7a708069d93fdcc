//! Pushed playlists → events.

use jiff::Timestamp;

use super::ad_tags;
use super::address::{NameProblem, resolve};
use crate::manifest::hls::{
    MediaPlaylist, MediaType, ParentPlaylist, Playlist, PlaylistError, PlaylistLimits, read_playlist,
};
use crate::presentation::{CaptionDeclaration, ChannelEvent, InputIndex, NamedSegment, StreamDeclaration, StreamRole};

/// The name that a parent playlist must have.
pub(super) const PARENT_NAME: &str = "channel.m3u8";

/// Streams of a channel, by AWS's quota.
const MOST_STREAMS: usize = 20;

/// Lines of a playlist.
const MOST_LINES: usize = 50_000;

/// Segments of a media playlist: ten seconds each for nearly a day.
const MOST_ENTRIES: usize = 8_000;

/// The newest segments of a playlist that are looked at. Encoders put their playlist again after every segment, so
/// older ones are known; without this an ever-growing playlist would be journalled whole each time.
const NEWEST_SEGMENTS: usize = 256;

/// Why a playlist is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistRefusal {
    /// It cannot be read.
    #[error(transparent)]
    Text(#[from] PlaylistError),
    /// A parent playlist under another name.
    #[error("a parent playlist must be put as {PARENT_NAME}, beside the media playlists that it names")]
    ParentName,
    /// More streams than the quota; worded as the service's event.
    #[error("Parent Manifest [{name}] has [{found}] streams, more than [{MOST_STREAMS}] allowed: ({list})")]
    TooManyStreams {
        /// The playlist's name.
        name: String,
        /// How many it has.
        found: usize,
        /// Their playlists, comma-separated.
        list: String,
    },
    /// Encrypted input.
    #[error("EXT-X-KEY: encrypted segments cannot be packaged, push them in the clear")]
    Encrypted,
    /// fMP4 input.
    #[error("EXT-X-MAP: fragmented mp4 cannot be pushed to this channel, push mpeg-ts or packed audio")]
    FragmentedMp4,
    /// Segments that are parts of files.
    #[error("EXT-X-BYTERANGE: push every segment as a file of its own")]
    ByteRange,
    /// A URI whose file cannot have been pushed.
    #[error("the uri {uri:?} names no file of this channel: {problem}")]
    Uri {
        /// As it is in the playlist.
        uri: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
}

/// The events that a pushed playlist means.
pub(super) fn events(
    input: InputIndex,
    name: &str,
    bytes: &[u8],
    largest: usize,
    at: Timestamp,
) -> Result<Vec<ChannelEvent>, PlaylistRefusal> {
    let limits = PlaylistLimits { bytes: largest, lines: MOST_LINES, entries: MOST_ENTRIES };
    match read_playlist(bytes, &limits)? {
        Playlist::Parent(_) if name != PARENT_NAME => Err(PlaylistRefusal::ParentName),
        Playlist::Parent(parent) => {
            let streams = streams(name, &parent)?;
            Ok(vec![ChannelEvent::ParentPlaylist { input, streams, captions: captions(&parent), at }])
        }
        Playlist::Media(media) => {
            let mut events = Vec::new();
            if name == PARENT_NAME {
                // A media playlist in the parent's place: one stream, of which nothing more is said.
                let role = StreamRole::Variant {
                    bandwidth: None,
                    average_bandwidth: None,
                    frame_rate_milli: None,
                    audio_group: None,
                };
                let streams = vec![StreamDeclaration { playlist: name.to_owned(), role }];
                events.push(ChannelEvent::ParentPlaylist { input, streams, captions: Vec::new(), at });
            }
            let segments = segments(name, &media)?;
            events.push(ChannelEvent::MediaPlaylist { input, name: name.to_owned(), segments, ended: media.ended, at });
            Ok(events)
        }
    }
}

fn resolved(playlist: &str, uri: &str) -> Result<String, PlaylistRefusal> {
    resolve(playlist, uri).map_err(|problem| {
        let uri = uri.chars().take(80).collect();
        PlaylistRefusal::Uri { uri, problem }
    })
}

/// Variants first, then renditions, then what is not packaged; each playlist once.
fn streams(name: &str, parent: &ParentPlaylist) -> Result<Vec<StreamDeclaration>, PlaylistRefusal> {
    let variants = parent.variants.iter().map(|variant| {
        let role = StreamRole::Variant {
            bandwidth: Some(variant.bandwidth),
            average_bandwidth: variant.average_bandwidth,
            frame_rate_milli: variant.frame_rate.map(|rate| rate.thousandths),
            audio_group: variant.audio.clone(),
        };
        (&variant.uri, role)
    });
    let renditions = parent.renditions.iter().filter_map(|rendition| {
        let role = match rendition.media_type {
            MediaType::Audio => StreamRole::AudioRendition {
                group: rendition.group_id.clone(),
                name: rendition.name.clone(),
                language: rendition.language.clone(),
                characteristics: rendition.characteristics.clone(),
            },
            MediaType::Subtitles => StreamRole::SubtitleRendition {
                name: rendition.name.clone(),
                language: rendition.language.clone(),
                forced: rendition.forced == Some(true),
                characteristics: rendition.characteristics.clone(),
            },
            other => StreamRole::NotPackaged { what: format!("{} rendition", other.as_str()) },
        };
        // Without a URI its media is in the variants.
        Some((rendition.uri.as_ref()?, role))
    });
    let i_frame_variants = parent
        .i_frame_variants
        .iter()
        .map(|variant| (&variant.uri, StreamRole::NotPackaged { what: "I-frame variant".to_owned() }));
    let mut streams: Vec<StreamDeclaration> = Vec::new();
    for (uri, role) in variants.chain(renditions).chain(i_frame_variants) {
        let playlist = resolved(name, uri)?;
        if !streams.iter().any(|stream| stream.playlist == playlist) {
            streams.push(StreamDeclaration { playlist, role });
        }
    }
    if streams.len() > MOST_STREAMS {
        let names: Vec<&str> = streams.iter().map(|stream| stream.playlist.as_str()).take(64).collect();
        return Err(PlaylistRefusal::TooManyStreams {
            name: name.to_owned(),
            found: streams.len(),
            list: names.join(", "),
        });
    }
    Ok(streams)
}

/// Captions in the video, each channel once.
fn captions(parent: &ParentPlaylist) -> Vec<CaptionDeclaration> {
    let mut captions: Vec<CaptionDeclaration> = Vec::new();
    for rendition in parent.renditions.iter().filter(|rendition| rendition.media_type == MediaType::ClosedCaptions) {
        let Some(instream_id) = rendition.instream_id.clone().filter(|id| is_caption_channel(id)) else { continue };
        if !captions.iter().any(|known| known.instream_id == instream_id) {
            captions.push(CaptionDeclaration {
                instream_id,
                name: rendition.name.clone(),
                language: rendition.language.clone(),
                characteristics: rendition.characteristics.clone(),
            });
        }
    }
    captions
}

/// `CC1` to `CC4`, `SERVICE1` to `SERVICE63` (RFC 8216 §4.3.4.1).
fn is_caption_channel(instream_id: &str) -> bool {
    let number = |prefix: &str| instream_id.strip_prefix(prefix)?.parse::<u8>().ok();
    number("CC").is_some_and(|channel| (1..=4).contains(&channel))
        || number("SERVICE").is_some_and(|service| (1..=63).contains(&service))
}

fn segments(name: &str, media: &MediaPlaylist) -> Result<Vec<NamedSegment>, PlaylistRefusal> {
    for segment in &media.segments {
        if segment.key.is_some() {
            return Err(PlaylistRefusal::Encrypted);
        }
        if segment.map.is_some() {
            return Err(PlaylistRefusal::FragmentedMp4);
        }
        if segment.byte_range.is_some() {
            return Err(PlaylistRefusal::ByteRange);
        }
    }
    let skipped = media.segments.len().saturating_sub(NEWEST_SEGMENTS);
    let newest = (media.media_sequence..).zip(&media.segments).skip(skipped);
    newest
        .map(|(sequence, segment)| {
            Ok(NamedSegment {
                sequence,
                name: resolved(name, &segment.uri)?,
                duration_microseconds: segment.duration_in_microseconds,
                discontinuity: segment.discontinuity,
                program_date_time: segment.program_date_time,
                ad_tags: ad_tags::of(segment),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<ChannelEvent>, PlaylistRefusal> {
        events(InputIndex::First, name, text.as_bytes(), 1 << 20, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_parent_playlist_declares_variants_then_audio_then_what_is_not_packaged() {
        let text = "#EXTM3U\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aud\",NAME=\"English\",LANGUAGE=\"eng\",URI=\"./aeng.m3u8?x=1\"\n\
            #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subs\",NAME=\"Deutsch\",URI=\"sdeu.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"CC\",INSTREAM-ID=\"CC1\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,FRAME-RATE=29.970,AUDIO=\"aud\"\nv/1.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=500000\nv/2.m3u8\n\
            #EXT-X-STREAM-INF:BANDWIDTH=500001\nv/2.m3u8\n";
        let events = read("channel.m3u8", text).unwrap();
        let [ChannelEvent::ParentPlaylist { streams, captions, .. }] = &events[..] else { panic!("{events:?}") };
        let names: Vec<&str> = streams.iter().map(|stream| stream.playlist.as_str()).collect();
        assert_eq!(names, ["v/1.m3u8", "v/2.m3u8", "aeng.m3u8", "sdeu.m3u8"]);
        let first = StreamRole::Variant {
            bandwidth: Some(900_000),
            average_bandwidth: Some(800_000),
            frame_rate_milli: Some(29_970),
            audio_group: Some("aud".into()),
        };
        assert_eq!(streams[0].role, first);
        assert!(matches!(&streams[2].role, StreamRole::AudioRendition { language: Some(eng), .. } if eng == "eng"));
        let deutsch = StreamRole::SubtitleRendition {
            name: "Deutsch".into(),
            language: None,
            forced: false,
            characteristics: None,
        };
        assert_eq!(streams[3].role, deutsch);
        assert_eq!(captions.iter().map(|caption| caption.instream_id.as_str()).collect::<Vec<_>>(), ["CC1"]);
        assert_eq!(read("index.m3u8", text), Err(PlaylistRefusal::ParentName));
    }

    #[test]
    fn a_media_playlist_names_its_segments_within_its_folder() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n\
            #EXT-X-PROGRAM-DATE-TIME:2026-11-21T05:00:00.000+0000\n#EXTINF:2.000,\nseg_7.ts\n\
            #EXT-X-DISCONTINUITY\n#EXTINF:1.5,\nseg%208.ts?a=b\n#EXT-X-ENDLIST\n";
        let events = read("v/1.m3u8", text).unwrap();
        let [ChannelEvent::MediaPlaylist { name, segments, ended: true, .. }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(name, "v/1.m3u8");
        assert_eq!((segments[0].sequence, segments[0].name.as_str()), (7, "v/seg_7.ts"));
        assert_eq!(segments[0].program_date_time, Some("2026-11-21T05:00:00Z".parse().unwrap()));
        assert_eq!((segments[1].sequence, segments[1].name.as_str()), (8, "v/seg 8.ts"));
        assert!(segments[1].discontinuity && segments[1].duration_microseconds == 1_500_000);
    }

    #[test]
    fn a_media_playlist_in_the_parents_place_is_one_stream() {
        let events = read("channel.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n").unwrap();
        assert!(matches!(&events[..], [ChannelEvent::ParentPlaylist { streams, .. },
            ChannelEvent::MediaPlaylist { name, .. }] if streams[0].playlist == *name && streams.len() == 1));
    }

    #[test]
    fn of_an_ever_growing_playlist_the_newest_segments_are_looked_at() {
        let segments: String = (0..3_000).map(|number| format!("#EXTINF:2,\ns{number}.ts\n")).collect();
        let events = read("v.m3u8", &format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{segments}")).unwrap();
        let [ChannelEvent::MediaPlaylist { segments, .. }] = &events[..] else { panic!() };
        assert_eq!(segments.len(), NEWEST_SEGMENTS);
        let last = segments.last().unwrap();
        assert_eq!((last.sequence, last.name.as_str()), (2_999, "s2999.ts"));
    }

    #[test]
    fn what_cannot_be_packaged_or_leaves_the_channel_is_refused_with_its_reason() {
        let media = |line: &str| {
            read("v.m3u8", &format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{line}\n#EXTINF:2,\na.ts\n")).unwrap_err()
        };
        assert_eq!(media("#EXT-X-KEY:METHOD=AES-128,URI=\"key\""), PlaylistRefusal::Encrypted);
        assert_eq!(media("#EXT-X-MAP:URI=\"init.mp4\""), PlaylistRefusal::FragmentedMp4);
        assert_eq!(media("#EXT-X-BYTERANGE:1000@0"), PlaylistRefusal::ByteRange);
        for uri in ["../x.ts", "http://169.254.169.254/x.ts", "/etc/passwd", "file:x.ts", "a%2f..%2fb.ts", "a//b.ts"] {
            let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{uri}\n");
            assert!(read("v.m3u8", &text).is_err(), "{uri}");
        }
        assert!(read("v.m3u8", "").is_err(), "an empty playlist");
        let many: String = (0..21).map(|n| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{n}.m3u8\n")).collect();
        let refused = read("channel.m3u8", &format!("#EXTM3U\n{many}")).unwrap_err().to_string();
        assert!(
            refused.starts_with("Parent Manifest [channel.m3u8] has [21] streams, more than [20] allowed: (0.m3u8")
        );
    }
}
