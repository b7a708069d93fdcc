//! Pushed segments → tracks of samples and the object that is stored.

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::messages::messages;
use crate::media::fault::Fault;
use crate::media::longest_part::keep_longest_part;
use crate::media::rescale::rescale_signed_time;
use crate::media::sample::{ElementarySegment, MPEG_TIMESCALE, earliest_presentation_offset};
use crate::media::ts::timestamp;
use crate::media::webvtt::WebVtt;
use crate::media::{packed_audio, stored, ts};
use crate::presentation::{CueSpan, StoredMessage, StoredText, StoredTrack};

/// Tracks of one stream, by AWS's quota.
const MOST_TRACKS: usize = 10;

/// What a pushed file is, by its first bytes and, where they say nothing, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Playlist,
    TransportStream,
    PackedAudio,
    /// Text subtitles.
    WebVtt,
    /// ISO BMFF, which v1 channels do not take.
    Mp4,
    Unknown,
}

impl FileKind {
    /// What the name promises.
    pub(super) fn of_name(name: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match extension.as_deref() {
            Some("m3u8" | "m3u") => FileKind::Playlist,
            Some("ts" | "m2ts" | "mts") => FileKind::TransportStream,
            Some("aac" | "ac3" | "ec3" | "eac3" | "mp3") => FileKind::PackedAudio,
            Some("vtt" | "webvtt") => FileKind::WebVtt,
            Some("mp4" | "m4s" | "m4a" | "m4v" | "cmfv" | "cmfa") => FileKind::Mp4,
            _ => FileKind::Unknown,
        }
    }

    /// What the file is.
    pub(super) fn of(name: &str, bytes: &[u8]) -> Self {
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let boxed = bytes.get(4..8).is_some_and(|kind| matches!(kind, b"ftyp" | b"styp" | b"moof" | b"sidx"));
        let is_synchronised = bytes.get(188).is_none_or(|byte| *byte == 0x47);
        match bytes {
            _ if text.starts_with(b"#EXTM3U") => FileKind::Playlist,
            _ if text.starts_with(b"WEBVTT") => FileKind::WebVtt,
            [0x47, ..] if is_synchronised => FileKind::TransportStream,
            [b'I', b'D', b'3', ..] => FileKind::PackedAudio,
            [0xFF, second, ..] if second & 0xF6 == 0xF0 => FileKind::PackedAudio,
            _ if boxed => FileKind::Mp4,
            _ => FileKind::of_name(name),
        }
    }
}

/// A segment that can be stored.
#[derive(Debug)]
pub(super) struct TakenApart {
    /// The stored form.
    pub(super) object: Bytes,
    pub(super) tracks: Vec<StoredTrack>,
    pub(super) messages: Vec<StoredMessage>,
    /// Of a subtitle file, which is stored as it is.
    pub(super) text: Option<StoredText>,
    /// A sentence for each kind of message that was left out.
    pub(super) message_problems: Vec<String>,
    pub(super) faults: Vec<Fault>,
}

/// A digest of the pushed bytes: the first 64 bits of their SHA-256, so that no two segments that differ are ever
/// taken for one.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    digest.first_chunk::<8>().map_or(0, |first| u64::from_be_bytes(*first))
}

/// Takes a segment apart; an error says in a sentence why it cannot be used.
pub(super) fn take_apart(kind: FileKind, bytes: &Bytes) -> Result<TakenApart, String> {
    if bytes.is_empty() {
        return Err("the segment is empty".to_owned());
    }
    if kind == FileKind::WebVtt {
        return take_text(bytes);
    }
    let (tracks, mut faults, (messages, message_problems)) = match kind {
        FileKind::TransportStream => {
            let segment = ts::demux(bytes).map_err(|error| error.to_string())?;
            if segment.tracks.is_empty() {
                return Err(nothing_usable(&segment.ignored));
            }
            let messages = messages(&segment, wire_start(&segment.tracks));
            (segment.tracks, segment.faults, messages)
        }
        FileKind::PackedAudio => {
            let audio = packed_audio::demux(bytes).map_err(|error| error.to_string())?;
            (audio.tracks, audio.faults, Default::default())
        }
        FileKind::Mp4 => return Err("the segment is fragmented mp4: push mpeg-ts or packed audio".to_owned()),
        FileKind::Playlist | FileKind::WebVtt | FileKind::Unknown => {
            return Err("the segment is neither mpeg-ts nor packed audio nor webvtt".to_owned());
        }
    };
    if tracks.is_empty() {
        return Err("the segment has no samples".to_owned());
    }
    let tracks = keep_longest_part(tracks, &mut faults);
    if tracks.len() > MOST_TRACKS {
        return Err(format!("the segment has {} tracks, more than {MOST_TRACKS}", tracks.len()));
    }
    let parts = stored::encode(&tracks).map_err(|error| error.to_string())?;
    let mut object = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    for part in &parts {
        object.extend_from_slice(part);
    }
    let tracks = tracks.iter().map(stored_track).collect();
    Ok(TakenApart { object: object.freeze(), tracks, messages, text: None, message_problems, faults })
}

/// The largest subtitle file: they are loaded whole for every segment that shows them.
const LARGEST_TEXT: usize = 1 << 20;

/// Takes a subtitle file in.
fn take_text(bytes: &Bytes) -> Result<TakenApart, String> {
    const TICKS_PER_MILLISECOND: u64 = MPEG_TIMESCALE as u64 / 1_000;
    if bytes.len() > LARGEST_TEXT {
        return Err(format!("the subtitle file has {} bytes, more than {LARGEST_TEXT}", bytes.len()));
    }
    let file = WebVtt::read(bytes).map_err(|error| error.to_string())?;
    let wire_zero = file.timestamp_map.map(|map| {
        let local = i64::try_from(map.local * TICKS_PER_MILLISECOND).unwrap_or(0);
        timestamp::add(map.mpegts, -local)
    });
    let start = file.cues.iter().map(|cue| cue.start).min();
    let end = file.cues.iter().map(|cue| cue.end).max();
    let cues = start
        .zip(end)
        .map(|(start, end)| CueSpan { start: start * TICKS_PER_MILLISECOND, end: end * TICKS_PER_MILLISECOND });
    Ok(TakenApart {
        object: bytes.clone(),
        tracks: Vec::new(),
        messages: Vec::new(),
        text: Some(StoredText { wire_zero, cues }),
        message_problems: Vec::new(),
        faults: Vec::new(),
    })
}

/// Earliest presentation time of the first track, 33 bits, 90 kHz.
fn wire_start(tracks: &[ElementarySegment]) -> u64 {
    tracks.first().map_or(0, |track| {
        let offset = earliest_presentation_offset(&track.samples);
        timestamp::add(track.wire_decode_time, rescale_signed_time(offset, track.timescale, MPEG_TIMESCALE))
    })
}

fn nothing_usable(ignored: &[ts::IgnoredStream]) -> String {
    let streams: Vec<String> = ignored
        .iter()
        .take(MOST_TRACKS)
        .map(|stream| format!("pid {} (stream type 0x{:02X}): {}", stream.pid, stream.stream_type, stream.reason))
        .collect();
    if streams.is_empty() {
        return "the segment's program map lists no stream".to_owned();
    }
    format!("the segment has no stream that can be packaged: {}", streams.join(", "))
}

fn stored_track(segment: &ElementarySegment) -> StoredTrack {
    StoredTrack {
        config: segment.config.clone(),
        language: segment.language.clone(),
        timescale: segment.timescale,
        wire_decode_time: segment.wire_decode_time,
        presentation_offset: earliest_presentation_offset(&segment.samples),
        duration: segment.duration(),
        // A segment has fewer bytes than 4 Gi, and a sample at least one.
        sample_count: u32::try_from(segment.samples.len()).unwrap_or(u32::MAX),
        payload_bytes: segment.payload.len() as u64,
        starts_with_sync: segment.samples.first().is_some_and(|sample| sample.is_sync),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_bytes_say_and_only_then_what_its_name_says() {
        let packet = [[0x47u8; 1].as_slice(), &[0; 187]].concat();
        let two = [packet.clone(), packet].concat();
        for (name, bytes, kind) in [
            ("a.ts", &two[..], FileKind::TransportStream),
            ("a.bin", &two, FileKind::TransportStream),
            ("a.ts", b"#EXTM3U\n", FileKind::Playlist),
            ("channel", b"\xEF\xBB\xBF#EXTM3U\n", FileKind::Playlist),
            ("a.m3u8", b"", FileKind::Playlist),
            ("a.aac", b"ID3\x04", FileKind::PackedAudio),
            ("a.aac", &[0xFF, 0xF1, 0x50], FileKind::PackedAudio),
            ("a.vtt", b"WEBVTT\n", FileKind::WebVtt),
            ("a.ts", b"\0\0\0\x18ftypiso5", FileKind::Mp4),
            ("a.TS", b"garbage", FileKind::TransportStream),
            ("a.jpg", b"\xFF\xD8\xFF", FileKind::Unknown),
        ] {
            assert_eq!(FileKind::of(name, bytes), kind, "{name} {:?}", &bytes[..bytes.len().min(8)]);
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_reason() {
        for (kind, bytes, part) in [
            (FileKind::TransportStream, &b""[..], "empty"),
            (FileKind::TransportStream, b"garbage", "0x47"),
            (FileKind::Mp4, b"\0\0\0\x18ftypiso5", "fragmented mp4"),
            (FileKind::Unknown, b"garbage", "neither"),
        ] {
            let reason = take_apart(kind, &Bytes::copy_from_slice(bytes)).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        }
    }
}
