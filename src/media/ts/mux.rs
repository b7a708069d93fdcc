//! Multiplexes samples into a transport stream segment for HLS (RFC 8216 §3.2, ISO 13818-1 §2.4).
//!
//! A segment is made from nothing but its samples and its number, so that any server can make any segment at any
//! time, and equal requests give equal bytes. Yet counters must go on from segment to segment (RFC 8216 §6.2.1):
//!
//! * **Video and audio**: every segment starts its continuity counters at 0 and ends them at 15. Where the number of
//!   packets is no multiple of 16, the last PES packet is spread over up to 15 more packets, with stuffing. This
//!   costs 1.4 kB per track and segment on average and holds for whatever segments are played one after another.
//! * **PAT and PMT**: each is there once, at the start, and has the low four bits of the segment's number (times its
//!   packets) as its counter. It costs nothing and holds as long as segments are played in order.
//!
//! Program clock references are [`CLOCK_LEAD`] before the decoding time of what follows. They are on the video, at
//! least every 100 ms, or on the first audio if there is no video.

mod adts;
mod packed_audio;
mod packets;
mod tables;
mod units;

use bytes::Bytes;

use crate::media::codec::{CodecConfig, TrackKind};
use crate::media::sample::Sample;
use crate::media::ts::packet::{PACKET_SIZE, PAT_PID};
use crate::media::ts::{pes, psi};
use packets::Packetizer;
use units::Unit;

pub use adts::AdtsError;
pub use packed_audio::packed_audio_segment;

/// Where the program map is. These are the PIDs that AWS encoders use by default.
pub const PROGRAM_MAP_PID: u16 = 480;
/// Where the video is.
pub const VIDEO_PID: u16 = 481;
/// Where the first audio is; the others follow.
pub const FIRST_AUDIO_PID: u16 = 482;

/// Audio tracks in one segment, by AWS's quota.
pub const MAX_AUDIO_TRACKS: usize = 10;

/// How far the program clock is behind the decoding times, in ticks of 90 kHz: the time that a decoder has to fill its
/// buffers, 0.7 s.
pub const CLOCK_LEAD: u64 = 63_000;

/// The longest time between two program clock references, in ticks of 90 kHz (ISO 13818-1 §2.7.2).
const CLOCK_INTERVAL: u64 = 9_000;

/// Longer pauses than this (in ticks of 90 kHz) are not filled with clock references: they are holes in the input.
const LONGEST_FILLED_PAUSE: u64 = 180_000;

/// One track of the segment.
#[derive(Debug, Clone)]
pub struct MuxTrack<'a> {
    /// ISO 639-2 code; written to the program map if it has three lowercase letters.
    pub language: Option<&'a str>,
    /// What the segment holds of the track, in order of time: at least one piece, all of one codec.
    pub pieces: Vec<MuxPiece<'a>>,
}

/// Samples of one source segment with their bytes.
#[derive(Debug, Clone, Copy)]
pub struct MuxPiece<'a> {
    /// Configuration of the decoder: parameter sets, ADTS header. It may differ from piece to piece.
    pub config: &'a CodecConfig,
    /// Ticks per second of the times below; they are converted to 90 kHz one by one.
    pub timescale: u32,
    /// Decoding time of the first sample in `timescale`, unrolled; 33 bits of it are written.
    pub decode_time: u64,
    /// The samples, in decoding order.
    pub samples: &'a [Sample],
    /// Their bytes, back to back.
    pub payload: &'a [u8],
}

/// Why samples cannot be multiplexed. Tracks, pieces and samples are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsMuxError {
    /// Text has no place in a transport stream of HLS.
    #[error("track {track} is text")]
    Text {
        /// Its place among the tracks.
        track: usize,
    },
    /// Nothing to write.
    #[error("no track has a sample")]
    NoSamples,
    /// A program has one video at most here.
    #[error("there are {count} video tracks, more than 1")]
    TooManyVideoTracks {
        /// How many.
        count: usize,
    },
    /// More audio than AWS's quota allows.
    #[error("there are {count} audio tracks, more than {MAX_AUDIO_TRACKS}")]
    TooManyAudioTracks {
        /// How many.
        count: usize,
    },
    /// Pieces of a track are of different codecs.
    #[error("piece {piece} of track {track} is of another codec than the first")]
    CodecChange {
        /// The track.
        track: usize,
        /// The piece.
        piece: usize,
    },
    /// Packed audio of something else.
    #[error("piece {piece} is not audio")]
    NoAudio {
        /// The piece.
        piece: usize,
    },
    /// The samples' sizes do not add up to the payload's.
    #[error("samples of piece {piece} of track {track} have {samples} bytes, its payload {payload}")]
    PayloadSize {
        /// The track.
        track: usize,
        /// The piece.
        piece: usize,
        /// Sum of the samples' sizes.
        samples: u64,
        /// Size of the payload.
        payload: usize,
    },
    /// A video sample is not NAL units behind four-byte lengths.
    #[error("sample {sample} of piece {piece} of track {track} is cut within a nal unit")]
    CutNalUnit {
        /// The track.
        track: usize,
        /// The piece.
        piece: usize,
        /// The sample in the piece.
        sample: usize,
    },
    /// The audio cannot have ADTS headers.
    #[error("track {track}: {error}")]
    Adts {
        /// The track.
        track: usize,
        /// Why.
        error: AdtsError,
    },
}

/// A whole transport stream segment: PAT, PMT, then PES packets of all tracks in order of decoding time.
///
/// Every access unit of video starts with an access unit delimiter, every sync sample with its parameter sets; AAC
/// frames get ADTS headers, those of AC-3 and E-AC-3 have their own. `sequence_number` is the segment's number, for the counters of PAT and PMT.
pub fn transport_segment(tracks: &[MuxTrack<'_>], sequence_number: u64) -> Result<Bytes, TsMuxError> {
    let streams = streams(tracks)?;
    let clock = streams
        .iter()
        .position(|stream| stream.kind == TrackKind::Video && stream.has_samples)
        .or_else(|| streams.iter().position(|stream| stream.has_samples))
        .ok_or(TsMuxError::NoSamples)?;
    let has_video = streams.iter().any(|stream| stream.kind == TrackKind::Video && stream.has_samples);
    let mut queues = Vec::with_capacity(tracks.len());
    for (index, track) in tracks.iter().enumerate() {
        let mut units = units::plan(index, track, has_video)?;
        units::count_packets(&mut units, index == clock);
        queues.push(units);
    }
    let order = interleave(&queues, clock);
    let clock_pid = streams.get(clock).map_or(VIDEO_PID, |stream| stream.pid);
    let (association, map) = (tables::program_association(), tables::program_map(clock_pid, &streams));
    let packets: usize = tables::section_packets(&association)
        + tables::section_packets(&map)
        + order.clock_only
        + queues.iter().flatten().map(|unit| unit.packets).sum::<usize>();

    let mut out = Vec::with_capacity(packets * PACKET_SIZE);
    tables::write_section(&mut out, PAT_PID, sequence_number, &association);
    tables::write_section(&mut out, PROGRAM_MAP_PID, sequence_number, &map);

    let mut packetizers: Vec<Packetizer> = streams.iter().map(|stream| Packetizer::new(stream.pid)).collect();
    let mut scratch = Vec::new();
    for step in order.steps {
        match step {
            Step::Clock { time } => packetizers[clock].write_clock_only(&mut out, time.wrapping_sub(CLOCK_LEAD)),
            Step::Unit { track, unit } => {
                let (stream, unit) = (&streams[track], &queues[track][unit]);
                scratch.clear();
                units::write_pes(&mut scratch, stream.stream_id, &tracks[track], track, unit)?;
                let reference = (track == clock).then(|| unit.decode_time.wrapping_sub(CLOCK_LEAD));
                packetizers[track].write_unit(&mut out, &scratch, unit, reference);
            }
        }
    }
    debug_assert_eq!(out.len(), packets * PACKET_SIZE, "the plan and the packets agree");
    Ok(out.into())
}

/// A track as the program map has it.
struct Stream<'a> {
    kind: TrackKind,
    pid: u16,
    stream_id: u8,
    stream_type: u8,
    /// `format_identifier` of a registration descriptor.
    registration: Option<&'static [u8; 4]>,
    language: Option<&'a str>,
    has_samples: bool,
}

/// Gives every track its PID; checks that there are not too many and that payloads fit their samples.
fn streams<'a>(tracks: &[MuxTrack<'a>]) -> Result<Vec<Stream<'a>>, TsMuxError> {
    let mut streams = Vec::with_capacity(tracks.len().min(MAX_AUDIO_TRACKS + 1));
    let (mut videos, mut audios) = (0usize, 0usize);
    for (index, track) in tracks.iter().enumerate() {
        let Some(first) = track.pieces.first() else { return Err(TsMuxError::NoSamples) };
        let kind = first.config.kind();
        for (piece_index, piece) in track.pieces.iter().enumerate() {
            if std::mem::discriminant(piece.config) != std::mem::discriminant(first.config) {
                return Err(TsMuxError::CodecChange { track: index, piece: piece_index });
            }
            let samples: u64 = piece.samples.iter().map(|sample| u64::from(sample.size)).sum();
            if samples != piece.payload.len() as u64 {
                let payload = piece.payload.len();
                return Err(TsMuxError::PayloadSize { track: index, piece: piece_index, samples, payload });
            }
        }
        let (pid, number) = match kind {
            TrackKind::Text => return Err(TsMuxError::Text { track: index }),
            TrackKind::Video => {
                videos += 1;
                (VIDEO_PID, 0)
            }
            TrackKind::Audio => {
                audios += 1;
                let number = audios.min(MAX_AUDIO_TRACKS) - 1;
                (FIRST_AUDIO_PID + number as u16, number as u8)
            }
        };
        let (stream_id, stream_type, registration) = match first.config {
            CodecConfig::Avc(_) => (pes::STREAM_ID_VIDEO, psi::STREAM_TYPE_H264, None),
            CodecConfig::Hevc(_) => (pes::STREAM_ID_VIDEO, psi::STREAM_TYPE_H265, Some(b"HEVC")),
            CodecConfig::Aac(_) => (pes::STREAM_ID_AUDIO + number, psi::STREAM_TYPE_AAC_ADTS, None),
            // ATSC A/52 annex A.3 and annex G.3.
            CodecConfig::Ac3(_) => (pes::STREAM_ID_PRIVATE_1, psi::STREAM_TYPE_AC3, Some(b"AC-3")),
            CodecConfig::Eac3(_) => (pes::STREAM_ID_PRIVATE_1, psi::STREAM_TYPE_EAC3, Some(b"EAC3")),
            CodecConfig::WebVtt => return Err(TsMuxError::Text { track: index }),
        };
        let has_samples = track.pieces.iter().any(|piece| !piece.samples.is_empty());
        let language = track.language;
        streams.push(Stream { kind, pid, stream_id, stream_type, registration, language, has_samples });
    }
    if videos > 1 {
        return Err(TsMuxError::TooManyVideoTracks { count: videos });
    }
    if audios > MAX_AUDIO_TRACKS {
        return Err(TsMuxError::TooManyAudioTracks { count: audios });
    }
    Ok(streams)
}

/// What is written next.
enum Step {
    /// A unit of a track.
    Unit { track: usize, unit: usize },
    /// A packet with nothing but a clock reference, for this decoding time.
    Clock { time: u64 },
}

struct Order {
    steps: Vec<Step>,
    clock_only: usize,
}

/// All units by decoding time, each track in its own order, with clock references where the clock's track pauses.
fn interleave(queues: &[Vec<Unit>], clock: usize) -> Order {
    let mut order = Order { steps: Vec::with_capacity(queues.iter().map(Vec::len).sum()), clock_only: 0 };
    let mut next = vec![0usize; queues.len()];
    let mut last_reference: Option<u64> = None;
    loop {
        let heads = queues.iter().zip(&next).enumerate();
        let first = heads
            .filter_map(|(track, (queue, index))| {
                queue.get(*index).map(|unit| (unit.decode_time, track != clock, track))
            })
            .min();
        let Some((time, _, track)) = first else { return order };
        if let Some(mut last) = last_reference
            && time.saturating_sub(last) <= LONGEST_FILLED_PAUSE
        {
            while time.saturating_sub(last) > CLOCK_INTERVAL {
                last += CLOCK_INTERVAL;
                order.steps.push(Step::Clock { time: last });
                order.clock_only += 1;
            }
            last_reference = Some(last);
        }
        if track == clock {
            last_reference = Some(time);
        }
        order.steps.push(Step::Unit { track, unit: next[track] });
        next[track] += 1;
    }
}

#[cfg(test)]
mod tests;
