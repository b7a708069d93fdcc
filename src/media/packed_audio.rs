//! Packed audio segments (RFC 8216 §3.4): frames of AAC (ADTS), AC-3 or E-AC-3 without a container, behind an ID3 tag
//! with the timestamp.
//!
//! ```text
//! "ID3", version 2 bytes, flags 1, size 4 × 7 bits (synchsafe)
//! frame: "PRIV", size 4, flags 2,
//!        "com.apple.streaming.transportStreamTimestamp" 0x00,
//!        eight bytes big-endian: 33 bits of MPEG-2 time, 90 kHz
//! ```

use bytes::Bytes;

use super::audio_frames::AudioFrames;
use super::audio_frames::syntax::{Ac3, Adts, Eac3, FrameSyntax};
use super::codec::ac3;
use super::fault::{Fault, Faults, TooManyPieces};
use super::sample::ElementarySegment;
use super::ts::timestamp::TIMESTAMP_MODULUS;

const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// Why a file cannot be read as packed audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackedAudioError {
    /// No ID3 tag at the start, or it is longer than the file.
    #[error("the segment does not begin with a whole id3 tag")]
    NoTag,
    /// The tags do not say when the audio begins.
    #[error("the segment's id3 tag has no com.apple.streaming.transportStreamTimestamp")]
    NoTimestamp,
    /// Behind the tag there is no AAC in ADTS frames, AC-3 or E-AC-3 (MP3 is not packaged).
    #[error("the segment has no frame of aac (adts), ac-3 or e-ac-3 behind its id3 tag")]
    NoFrames,
    /// The audio changes its configuration too often.
    #[error(transparent)]
    TooManyPieces(#[from] TooManyPieces),
}

/// What one packed audio file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedAudio {
    /// The samples; more than one segment if the configuration changes within the file. PID 0, no language.
    pub tracks: Vec<ElementarySegment>,
    /// What was wrong and was passed over.
    pub faults: Vec<Fault>,
}

/// Reads one packed audio segment; its first bytes behind the tag tell the codec.
pub fn demux(bytes: &Bytes) -> Result<PackedAudio, PackedAudioError> {
    let mut rest: &[u8] = bytes;
    let mut time = None;
    let mut has_tag = false;
    while rest.starts_with(b"ID3") {
        let (tag, after) = split_tag(rest).ok_or(PackedAudioError::NoTag)?;
        time = time.or_else(|| timestamp(tag));
        has_tag = true;
        rest = after;
    }
    if !has_tag {
        return Err(PackedAudioError::NoTag);
    }
    let time = time.ok_or(PackedAudioError::NoTimestamp)?;
    let mut faults = Faults::default();
    let tracks = match ac3::bit_stream_identification(rest).filter(|_| rest.starts_with(&ac3::SYNC_WORD)) {
        Some(0..=8) => take_apart::<Ac3>(rest, time, &mut faults)?,
        Some(_) => take_apart::<Eac3>(rest, time, &mut faults)?,
        None => take_apart::<Adts>(rest, time, &mut faults)?,
    };
    if tracks.is_empty() {
        return Err(PackedAudioError::NoFrames);
    }
    Ok(PackedAudio { tracks, faults: faults.into_vec() })
}

fn take_apart<S: FrameSyntax>(
    frames: &[u8],
    time: u64,
    faults: &mut Faults,
) -> Result<Vec<ElementarySegment>, TooManyPieces> {
    let mut audio = AudioFrames::<S>::new(None, frames.len());
    audio.push(frames, Some(time), faults)?;
    audio.finish(None, faults)
}

/// Four bytes of seven bits each.
fn synchsafe(bytes: [u8; 4]) -> Option<usize> {
    bytes.iter().try_fold(0usize, |size, byte| (byte & 0x80 == 0).then_some(size << 7 | usize::from(*byte)))
}

/// The tag at the start of the file, its ten header bytes included, and what follows.
fn split_tag(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [_, _, _, _, _, flags, a, b, c, d, ..] = *bytes else { return None };
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    bytes.split_at_checked(10 + synchsafe([a, b, c, d])? + footer)
}

fn timestamp(tag: &[u8]) -> Option<u64> {
    let version = *tag.get(3)?;
    let mut rest = tag.get(10..)?;
    while let [n, a, m, e, s0, s1, s2, s3, _, _, after @ ..] = rest {
        // Sizes of frames are synchsafe from version 4 on.
        let size = match version {
            4.. => synchsafe([*s0, *s1, *s2, *s3])?,
            _ => usize::try_from(u32::from_be_bytes([*s0, *s1, *s2, *s3])).ok()?,
        };
        let (body, next) = after.split_at_checked(size)?;
        if [*n, *a, *m, *e] == *b"PRIV"
            && let Some(value) = body.strip_prefix(OWNER)
        {
            return value.first_chunk().map(|value| u64::from_be_bytes(*value) % TIMESTAMP_MODULUS);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(time: u64) -> Vec<u8> {
        let body = [OWNER, &time.to_be_bytes()].concat();
        let frame = [b"PRIV", &(body.len() as u32).to_be_bytes()[..], &[0, 0], &body].concat();
        [b"ID3", &[4, 0, 0, 0, 0, 0, frame.len() as u8][..], &frame].concat()
    }

    fn frame(payload: &[u8]) -> Vec<u8> {
        let size = payload.len() + 7;
        [&[0xFF, 0xF1, 0x50, 0x80, (size >> 3) as u8, (size << 5) as u8 | 0x1F, 0xFC], payload].concat()
    }

    #[test]
    fn frames_behind_the_tag_begin_at_its_timestamp() {
        let file = Bytes::from([tag(1 << 32 | 5), frame(b"one"), frame(b"two")].concat());
        let audio = demux(&file).unwrap();
        assert_eq!(audio.faults, []);
        let [track] = audio.tracks.as_slice() else { panic!("one track") };
        assert_eq!((track.wire_decode_time, track.timescale, track.duration()), (1 << 32 | 5, 44_100, 2048));
        assert_eq!(track.payload.as_ref(), b"onetwo");
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_or_read_as_far_as_it_goes() {
        let file = Bytes::from([tag(90_000), frame(b"one"), frame(b"two")].concat());
        let whole_tag = tag(0).len();
        for length in 0..file.len() {
            let result = demux(&file.slice(..length));
            match length {
                _ if length < whole_tag => assert_eq!(result, Err(PackedAudioError::NoTag), "length {length}"),
                _ if length < whole_tag + 10 => assert_eq!(result, Err(PackedAudioError::NoFrames), "length {length}"),
                _ => assert_eq!(result.unwrap().tracks[0].payload.as_ref(), b"one", "length {length}"),
            }
        }
    }

    #[test]
    fn a_tag_without_the_timestamp_is_refused() {
        let file = [&b"ID3\x04\0\0\0\0\0\0"[..], &frame(b"one")].concat();
        assert_eq!(demux(&Bytes::from(file)), Err(PackedAudioError::NoTimestamp));
        assert_eq!(demux(&Bytes::from(frame(b"one"))), Err(PackedAudioError::NoTag));
    }
}
