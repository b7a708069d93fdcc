//! What becomes one PES packet each: an access unit of video, or some frames of audio.

use bytes::Bytes;

use crate::media::codec::CodecConfig;
use crate::media::rescale::rescale_time;
use crate::media::sample::{MPEG_TIMESCALE, Sample};
use crate::media::ts::packet::PACKET_SIZE;
use crate::media::ts::timestamp;

use super::adts::AdtsWriter;
use super::packets::{CLOCK_FIELD_SIZE, PAYLOAD_SIZE, RANDOM_ACCESS_FIELD_SIZE};
use super::{MuxPiece, MuxTrack, TsMuxError};

/// An access unit delimiter of H.264 that allows every slice type, with its start code.
const AVC_DELIMITER: &[u8] = &[0, 0, 0, 1, 0x09, 0xF0];
/// The same of H.265.
const HEVC_DELIMITER: &[u8] = &[0, 0, 0, 1, 0x46, 0x01, 0x50];
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

/// How samples stand in an elementary stream.
enum Framing<'a> {
    /// Behind start codes, with what every access unit and every sync sample have in front.
    NalUnits { added: AddedUnits<'a> },
    /// One after another, with ADTS headers if there is a writer for them.
    AudioFrames(Option<AdtsWriter>),
}

/// NAL units that are in the configuration or nowhere, and that an elementary stream must have.
struct AddedUnits<'a> {
    delimiter: &'static [u8],
    parameter_sets: [&'a [Bytes]; 3],
}

impl AddedUnits<'_> {
    fn parameter_sets(&self) -> impl Iterator<Item = &Bytes> {
        self.parameter_sets.iter().copied().flatten()
    }

    /// Bytes in front of a sample.
    fn size(&self, is_sync: bool) -> usize {
        let sets: usize = self.parameter_sets().map(|set| START_CODE.len() + set.len()).sum();
        self.delimiter.len() + if is_sync { sets } else { 0 }
    }

    fn write(&self, out: &mut Vec<u8>, is_sync: bool) {
        out.extend_from_slice(self.delimiter);
        for set in self.parameter_sets().filter(|_| is_sync) {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(set);
        }
    }
}

impl<'a> Framing<'a> {
    fn of(config: &'a CodecConfig, track: usize) -> Result<Framing<'a>, TsMuxError> {
        Ok(match config {
            CodecConfig::Avc(avc) => Framing::NalUnits {
                added: AddedUnits {
                    delimiter: AVC_DELIMITER,
                    parameter_sets: [&[], &avc.sequence_parameter_sets, &avc.picture_parameter_sets],
                },
            },
            CodecConfig::Hevc(hevc) => Framing::NalUnits {
                added: AddedUnits {
                    delimiter: HEVC_DELIMITER,
                    parameter_sets: [
                        &hevc.video_parameter_sets,
                        &hevc.sequence_parameter_sets,
                        &hevc.picture_parameter_sets,
                    ],
                },
            },
            CodecConfig::Aac(aac) => {
                let writer = AdtsWriter::new(aac).map_err(|error| TsMuxError::Adts { track, error })?;
                Framing::AudioFrames(Some(writer))
            }
            CodecConfig::Ac3(_) | CodecConfig::Eac3(_) => Framing::AudioFrames(None),
            CodecConfig::WebVtt => return Err(TsMuxError::Text { track }),
        })
    }
}

/// Plans the PES packets of a track.
pub(super) fn plan(track_index: usize, track: &MuxTrack<'_>, has_video: bool) -> Result<Vec<Unit>, TsMuxError> {
    let count = track.pieces.iter().map(|piece| piece.samples.len()).sum();
    let mut units = Vec::with_capacity(count);
    for (piece_index, piece) in track.pieces.iter().enumerate() {
        match Framing::of(piece.config, track_index)? {
            Framing::NalUnits { added } => plan_video(&mut units, piece_index, piece, &added),
            Framing::AudioFrames(writer) => {
                let longest = if has_video { AUDIO_PES_TICKS_BESIDE_VIDEO } else { AUDIO_PES_TICKS_ALONE };
                plan_audio(&mut units, piece_index, piece, writer.as_ref(), longest)
                    .map_err(|error| TsMuxError::Adts { track: track_index, error })?;
            }
        }
    }
    Ok(units)
}

fn plan_video(units: &mut Vec<Unit>, piece_index: usize, piece: &MuxPiece<'_>, added: &AddedUnits<'_>) {
    let (before_sync, before_other) = (added.size(true), added.size(false));
    let mut source_time = piece.decode_time;
    let mut payload_start = 0;
    for (index, sample) in piece.samples.iter().enumerate() {
        let decode_time = rescale_time(source_time, piece.timescale, MPEG_TIMESCALE);
        let source_presentation = source_time.saturating_add_signed(i64::from(sample.composition_offset));
        let presentation_time = rescale_time(source_presentation, piece.timescale, MPEG_TIMESCALE);
        let header = pes_header_size(presentation_time, decode_time);
        let added = if sample.is_sync { before_sync } else { before_other };
        units.push(Unit {
            decode_time,
            presentation_time,
            piece: piece_index,
            first_sample: index,
            sample_count: 1,
            payload_start,
            pes_size: header + added + sample.size as usize,
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
    writer: Option<&AdtsWriter>,
    longest: u64,
) -> Result<(), super::AdtsError> {
    let mut source_time = piece.decode_time;
    let mut payload_start = 0usize;
    let mut open: Option<Unit> = None;
    for (index, sample) in piece.samples.iter().enumerate() {
        let frame_size = writer.map_or(Ok(sample.size as usize), |writer| writer.frame_size(sample.size))?;
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

/// Bytes of a PES header with both times.
pub(super) const LONGEST_PES_HEADER: usize = 19;

/// A decoding time is written only where it differs.
fn pes_header_size(presentation_time: u64, decode_time: u64) -> usize {
    if presentation_time == decode_time { 14 } else { LONGEST_PES_HEADER }
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
    match Framing::of(piece.config, track_index)? {
        Framing::NalUnits { added } => {
            added.write(out, unit.is_sync);
            let size = samples.first().map_or(0, |sample| sample.size as usize);
            let bytes = payload(piece, unit.payload_start, size);
            write_nal_units(out, bytes).ok_or(TsMuxError::CutNalUnit {
                track: track_index,
                piece: unit.piece,
                sample: unit.first_sample,
            })
        }
        Framing::AudioFrames(writer) => write_frames(out, writer.as_ref(), samples, piece, unit.payload_start)
            .map_err(|error| TsMuxError::Adts { track: track_index, error }),
    }
}

fn payload<'a>(piece: &MuxPiece<'a>, start: usize, size: usize) -> &'a [u8] {
    piece.payload.get(start..start.saturating_add(size)).unwrap_or_default()
}

fn write_frames(
    out: &mut Vec<u8>,
    writer: Option<&AdtsWriter>,
    samples: &[Sample],
    piece: &MuxPiece<'_>,
    mut start: usize,
) -> Result<(), super::AdtsError> {
    for sample in samples {
        if let Some(writer) = writer {
            out.extend_from_slice(&writer.header(sample.size)?);
        }
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
