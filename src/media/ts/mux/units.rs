//! What becomes one PES packet each: an access unit of video, or some frames of audio.

use crate::media::codec::{AvcConfig, CodecConfig};
use crate::media::rescale::rescale_time;
use crate::media::sample::{MPEG_TIMESCALE, Sample};
use crate::media::ts::packet::PACKET_SIZE;
use crate::media::ts::timestamp;

use super::adts::AdtsWriter;
use super::packets::{CLOCK_FIELD_SIZE, PAYLOAD_SIZE, RANDOM_ACCESS_FIELD_SIZE};
use super::{MuxPiece, MuxTrack, TsMuxError};

/// An access unit delimiter that allows every slice type, with its start code.
const ACCESS_UNIT_DELIMITER: [u8; 6] = [0, 0, 0, 1, 0x09, 0xF0];
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Bytes of audio after which a PES packet is closed.
const AUDIO_PES_BYTES: usize = 16_384;

/// Length of audio in one PES packet, in ticks of 90 kHz: beside video, where the clock is on the video …
const AUDIO_PES_TICKS_BESIDE_VIDEO: u64 = 18_000;
/// … and alone, where each PES packet carries the clock.
const AUDIO_PES_TICKS_ALONE: u64 = 9_000;

/// One PES packet of the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// Decoding time in ticks of 90 kHz, not yet wrapped.
    pub(super) decode_time: u64,
    /// Presentation time in ticks of 90 kHz, wrapped to 64 bits.
    presentation_time: u64,
    piece: usize,
    /// Index of the first sample in its piece, and how many there are.
    first_sample: usize,
    sample_count: usize,
    /// Where the samples start in the piece's payload.
    payload_start: usize,
    /// Bytes of the PES packet with its header.
    pub(super) pes_size: usize,
    /// A decoder can start here.
    pub(super) is_sync: bool,
    /// Transport packets that it is written to.
    pub(super) packets: usize,
    /// It is spread evenly over more packets than it needs.
    pub(super) is_spread: bool,
}

/// Plans the PES packets of a track.
pub(super) fn plan(track_index: usize, track: &MuxTrack<'_>, has_video: bool) -> Result<Vec<Unit>, TsMuxError> {
    let count = track.pieces.iter().map(|piece| piece.samples.len()).sum();
    let mut units = Vec::with_capacity(count);
    for (piece_index, piece) in track.pieces.iter().enumerate() {
        match piece.config {
            CodecConfig::Avc(config) => plan_video(&mut units, piece_index, piece, config),
            CodecConfig::Aac(config) => {
                let writer = AdtsWriter::new(config).map_err(|error| TsMuxError::Adts { track: track_index, error })?;
                let longest = if has_video { AUDIO_PES_TICKS_BESIDE_VIDEO } else { AUDIO_PES_TICKS_ALONE };
                plan_audio(&mut units, piece_index, piece, &writer, longest)
                    .map_err(|error| TsMuxError::Adts { track: track_index, error })?;
            }
        }
    }
    Ok(units)
}

fn plan_video(units: &mut Vec<Unit>, piece_index: usize, piece: &MuxPiece<'_>, config: &AvcConfig) {
    let parameter_sets: usize = parameter_sets(config).map(|set| START_CODE.len() + set.len()).sum();
    let mut source_time = piece.decode_time;
    let mut payload_start = 0;
    for (index, sample) in piece.samples.iter().enumerate() {
        let decode_time = rescale_time(source_time, piece.timescale, MPEG_TIMESCALE);
        let source_presentation = source_time.saturating_add_signed(i64::from(sample.composition_offset));
        let presentation_time = rescale_time(source_presentation, piece.timescale, MPEG_TIMESCALE);
        let header = pes_header_size(presentation_time, decode_time);
        let sets = if sample.is_sync { parameter_sets } else { 0 };
        units.push(Unit {
            decode_time,
            presentation_time,
            piece: piece_index,
            first_sample: index,
            sample_count: 1,
            payload_start,
            pes_size: header + ACCESS_UNIT_DELIMITER.len() + sets + sample.size as usize,
            is_sync: sample.is_sync,
            packets: 0,
            is_spread: false,
        });
        payload_start = payload_start.saturating_add(sample.size as usize);
        source_time = source_time.saturating_add(u64::from(sample.duration));
    }
}

fn plan_audio(
    units: &mut Vec<Unit>,
    piece_index: usize,
    piece: &MuxPiece<'_>,
    writer: &AdtsWriter,
    longest: u64,
) -> Result<(), super::AdtsError> {
    let mut source_time = piece.decode_time;
    let mut payload_start = 0usize;
    let mut open: Option<Unit> = None;
    for (index, sample) in piece.samples.iter().enumerate() {
        let frame_size = writer.frame_size(sample.size)?;
        let decode_time = rescale_time(source_time, piece.timescale, MPEG_TIMESCALE);
        source_time = source_time.saturating_add(u64::from(sample.duration));
        let end_time = rescale_time(source_time, piece.timescale, MPEG_TIMESCALE);
        let fits = |unit: &Unit| {
            unit.pes_size + frame_size <= AUDIO_PES_BYTES && end_time.saturating_sub(unit.decode_time) <= longest
        };
        match open.as_mut().filter(|unit| fits(unit)) {
            Some(unit) => {
                unit.sample_count += 1;
                unit.pes_size += frame_size;
            }
            None => {
                units.extend(open.take());
                open = Some(Unit {
                    decode_time,
                    presentation_time: decode_time,
                    piece: piece_index,
                    first_sample: index,
                    sample_count: 1,
                    payload_start,
                    pes_size: pes_header_size(decode_time, decode_time) + frame_size,
                    is_sync: true,
                    packets: 0,
                    is_spread: false,
                });
            }
        }
        payload_start = payload_start.saturating_add(sample.size as usize);
    }
    units.extend(open);
    Ok(())
}

/// Counts the transport packets of each unit, and spreads the last one so that they are a multiple of 16.
pub(super) fn count_packets(units: &mut [Unit], carries_clock: bool) {
    let mut total = 0usize;
    for unit in units.iter_mut() {
        let first_room = PAYLOAD_SIZE - first_field_size(carries_clock, unit.is_sync);
        unit.packets = 1 + unit.pes_size.saturating_sub(first_room).div_ceil(PAYLOAD_SIZE);
        total += unit.packets;
    }
    if let Some(last) = units.last_mut() {
        let missing = total.next_multiple_of(16) - total;
        // Always enough bytes for one in each packet: the PES header alone has 14, the smallest frame 6.
        last.is_spread = missing > 0;
        last.packets += missing;
    }
}

/// Bytes of the adaptation field in a unit's first packet, without stuffing.
pub(super) fn first_field_size(carries_clock: bool, is_sync: bool) -> usize {
    match (carries_clock, is_sync) {
        (true, _) => CLOCK_FIELD_SIZE,
        (false, true) => RANDOM_ACCESS_FIELD_SIZE,
        (false, false) => 0,
    }
}

const _: () = assert!(PAYLOAD_SIZE + 4 == PACKET_SIZE);

fn parameter_sets(config: &AvcConfig) -> impl Iterator<Item = &[u8]> {
    config.sequence_parameter_sets.iter().chain(&config.picture_parameter_sets).map(AsRef::as_ref)
}

/// A decoding time is written only where it differs.
fn pes_header_size(presentation_time: u64, decode_time: u64) -> usize {
    if presentation_time == decode_time { 14 } else { 19 }
}

/// Writes the PES packet of a unit: header and elementary stream.
pub(super) fn write_pes(
    out: &mut Vec<u8>,
    stream_id: u8,
    track: &MuxTrack<'_>,
    track_index: usize,
    unit: &Unit,
) -> Result<(), TsMuxError> {
    let Some(piece) = track.pieces.get(unit.piece) else { return Err(TsMuxError::NoSamples) };
    out.reserve(unit.pes_size);
    write_pes_header(out, stream_id, unit);
    let samples = piece.samples.get(unit.first_sample..unit.first_sample + unit.sample_count).unwrap_or_default();
    match piece.config {
        CodecConfig::Avc(config) => {
            out.extend_from_slice(&ACCESS_UNIT_DELIMITER);
            if unit.is_sync {
                for set in parameter_sets(config) {
                    out.extend_from_slice(&START_CODE);
                    out.extend_from_slice(set);
                }
            }
            let size = samples.first().map_or(0, |sample| sample.size as usize);
            let bytes = payload(piece, unit.payload_start, size);
            write_nal_units(out, bytes).ok_or(TsMuxError::CutNalUnit {
                track: track_index,
                piece: unit.piece,
                sample: unit.first_sample,
            })
        }
        CodecConfig::Aac(config) => {
            let adts = |error| TsMuxError::Adts { track: track_index, error };
            let writer = AdtsWriter::new(config).map_err(adts)?;
            write_frames(out, &writer, samples, piece, unit.payload_start).map_err(adts)
        }
    }
}

fn payload<'a>(piece: &MuxPiece<'a>, start: usize, size: usize) -> &'a [u8] {
    piece.payload.get(start..start.saturating_add(size)).unwrap_or_default()
}

fn write_frames(
    out: &mut Vec<u8>,
    writer: &AdtsWriter,
    samples: &[Sample],
    piece: &MuxPiece<'_>,
    mut start: usize,
) -> Result<(), super::AdtsError> {
    for sample in samples {
        out.extend_from_slice(&writer.header(sample.size)?);
        out.extend_from_slice(payload(piece, start, sample.size as usize));
        start = start.saturating_add(sample.size as usize);
    }
    Ok(())
}

fn write_pes_header(out: &mut Vec<u8>, stream_id: u8, unit: &Unit) {
    let has_decode_time = unit.presentation_time != unit.decode_time;
    // Bytes after PES_packet_length; 0 says "up to the next one", which is allowed for video only.
    let length = u16::try_from(unit.pes_size.saturating_sub(6)).unwrap_or(0);
    let [high, low] = length.to_be_bytes();
    let (flags, header_length) = if has_decode_time { (0xC0, 10) } else { (0x80, 5) };
    // 0x84: MPEG-2 PES, data aligned: an access unit starts right behind the header.
    out.extend_from_slice(&[0, 0, 1, stream_id, high, low, 0x84, flags, header_length]);
    let prefix = if has_decode_time { 3 } else { 2 };
    out.extend_from_slice(&timestamp::write(prefix, unit.presentation_time));
    if has_decode_time {
        out.extend_from_slice(&timestamp::write(1, unit.decode_time));
    }
}

/// Copies length-prefixed NAL units and turns the lengths into start codes, which have as many bytes.
fn write_nal_units(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    let base = out.len();
    out.extend_from_slice(bytes);
    let mut position = 0usize;
    while position < bytes.len() {
        let length: [u8; 4] = bytes.get(position..position + 4)?.try_into().ok()?;
        out.get_mut(base + position..base + position + 4)?.copy_from_slice(&START_CODE);
        position = position.checked_add(4)?.checked_add(u32::from_be_bytes(length) as usize)?;
    }
    (position == bytes.len()).then_some(())
}
