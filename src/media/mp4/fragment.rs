//! The header of a media segment: `styp`, `moof` and the header of `mdat` (ISO 14496-12 §8.8, CMAF §7.3.2), or, for
//! Smooth Streaming, `moof` with boxes of its own.

use bytes::Bytes;

use super::Mp4WriteError;
use super::box_writer::BoxWriter;
use super::event_message::EventMessage;
use super::smooth::SmoothTimes;
use crate::media::sample::Sample;

/// One movie fragment of one track: the samples of a whole segment, back to back.
///
/// A segment made of several source pieces is one fragment over all of them ([`crate::media::rescale::join_runs`]
/// joins their samples), as long as their decoder configurations are equal.
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'a> {
    /// `mfhd` sequence number; grows from segment to segment.
    pub sequence_number: u32,
    /// `track_ID` of the initialization segment.
    pub track_id: u32,
    /// Decoding time of the first sample in the track's timescale (`tfdt`).
    pub decode_time: u64,
    /// The samples, durations and offsets in the track's timescale.
    pub samples: &'a [Sample],
    /// Event messages that the segment carries.
    pub events: &'a [EventMessage],
}

/// `default-base-is-moof`.
const BASE_IS_MOOF: u32 = 0x02_0000;
const DEFAULT_DURATION: u32 = 0x08;
const DEFAULT_SIZE: u32 = 0x10;
const DEFAULT_FLAGS: u32 = 0x20;

const DATA_OFFSET: u32 = 0x001;
const FIRST_SAMPLE_FLAGS: u32 = 0x004;
const SAMPLE_DURATION: u32 = 0x100;
const SAMPLE_SIZE: u32 = 0x200;
const SAMPLE_FLAGS: u32 = 0x400;
const SAMPLE_COMPOSITION_OFFSET: u32 = 0x800;

/// Samples that one fragment may have, so that `moof` stays far below 2 GiB whatever fields vary.
const MAX_SAMPLES: usize = 1 << 24;

/// Bytes of event messages that one segment may have.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// Sample flags, ISO 14496-12 §8.8.3.1: a sync sample depends on no other; another one does and is no sync sample.
fn sample_flags(sample: &Sample) -> u32 {
    if sample.is_sync { 0x0200_0000 } else { 0x0101_0000 }
}

/// What is the same for all samples, and so is said once.
struct Defaults {
    duration: Option<u32>,
    size: Option<u32>,
    flags: u32,
    first_flags: Option<u32>,
    per_sample_flags: bool,
    composition_offsets: bool,
}

impl Defaults {
    fn of(first: &Sample, samples: &[Sample]) -> Defaults {
        let rest = samples.get(1..).unwrap_or_default();
        let flags = sample_flags(rest.first().unwrap_or(first));
        let per_sample_flags = rest.iter().any(|sample| sample_flags(sample) != flags);
        let first_flags = sample_flags(first);
        Defaults {
            duration: rest.iter().all(|sample| sample.duration == first.duration).then_some(first.duration),
            size: rest.iter().all(|sample| sample.size == first.size).then_some(first.size),
            flags,
            first_flags: (!per_sample_flags && first_flags != flags).then_some(first_flags),
            per_sample_flags,
            composition_offsets: samples.iter().any(|sample| sample.composition_offset != 0),
        }
    }

    fn header_flags(&self) -> u32 {
        let mut flags = BASE_IS_MOOF | DEFAULT_FLAGS;
        if self.duration.is_some() {
            flags |= DEFAULT_DURATION;
        }
        if self.size.is_some() {
            flags |= DEFAULT_SIZE;
        }
        flags
    }

    fn run_flags(&self) -> u32 {
        let mut flags = DATA_OFFSET;
        if self.first_flags.is_some() {
            flags |= FIRST_SAMPLE_FLAGS;
        }
        if self.duration.is_none() {
            flags |= SAMPLE_DURATION;
        }
        if self.size.is_none() {
            flags |= SAMPLE_SIZE;
        }
        if self.per_sample_flags {
            flags |= SAMPLE_FLAGS;
        }
        if self.composition_offsets {
            flags |= SAMPLE_COMPOSITION_OFFSET;
        }
        flags
    }
}

/// Everything of a media segment up to its first payload byte; the payload of the samples follows as it is.
///
/// `styp` (brands `msdh` and `cmfs`) comes first, so that a segment file says what it is when it stands alone; event
/// messages stand between it and the fragment, ISO 23009-1 §5.10.3.3.1; there
/// is no `sidx`, since a segment is fetched whole and its times are in the manifest. In `trun` only the fields that
/// vary are written.
pub fn media_segment_header(fragment: &Fragment<'_>) -> Result<Bytes, Mp4WriteError> {
    header(fragment, None)
}

/// [`media_segment_header`], or, with times, that of a Smooth Streaming fragment: without `styp` and `tfdt`.
pub(super) fn header(fragment: &Fragment<'_>, smooth: Option<&SmoothTimes>) -> Result<Bytes, Mp4WriteError> {
    let Some(first) = fragment.samples.first() else {
        return Err(Mp4WriteError::EmptyFragment { track_id: fragment.track_id, decode_time: fragment.decode_time });
    };
    if fragment.track_id == 0 {
        return Err(Mp4WriteError::ZeroTrackId);
    }
    if fragment.samples.len() > MAX_SAMPLES {
        return Err(Mp4WriteError::TooManySamples { count: fragment.samples.len(), limit: MAX_SAMPLES });
    }
    let event_bytes = fragment.events.iter().fold(0usize, |sum, event| sum.saturating_add(event.size()));
    if event_bytes > MAX_EVENT_BYTES {
        return Err(Mp4WriteError::TooManyEvents { bytes: event_bytes, limit: MAX_EVENT_BYTES });
    }
    let defaults = Defaults::of(first, fragment.samples);
    let run_flags = defaults.run_flags();
    let fields_per_sample = (run_flags & 0xF00).count_ones() as usize;
    let payload: u64 = fragment.samples.iter().map(|sample| u64::from(sample.size)).sum();

    let mut writer = BoxWriter::with_capacity(160 + event_bytes + fragment.samples.len() * fields_per_sample * 4);
    if smooth.is_none() {
        writer.boxed(b"styp", |writer| {
            writer.bytes(b"msdh");
            writer.u32(0);
            writer.bytes(b"msdhcmfs");
        });
    }
    for event in fragment.events {
        event.write(&mut writer);
    }
    let fragment_start = writer.position();
    let mut data_offset_position = 0;
    writer.boxed(b"moof", |writer| {
        writer.full_box(b"mfhd", 0, 0, |writer| writer.u32(fragment.sequence_number));
        writer.boxed(b"traf", |writer| {
            writer.full_box(b"tfhd", 0, defaults.header_flags(), |writer| {
                writer.u32(fragment.track_id);
                if let Some(duration) = defaults.duration {
                    writer.u32(duration);
                }
                if let Some(size) = defaults.size {
                    writer.u32(size);
                }
                writer.u32(defaults.flags);
            });
            if smooth.is_none() {
                writer.full_box(b"tfdt", 1, 0, |writer| writer.u64(fragment.decode_time));
            }
            writer.full_box(b"trun", 1, run_flags, |writer| {
                writer.u32(fragment.samples.len() as u32);
                data_offset_position = writer.position();
                writer.u32(0);
                if let Some(flags) = defaults.first_flags {
                    writer.u32(flags);
                }
                for sample in fragment.samples {
                    if defaults.duration.is_none() {
                        writer.u32(sample.duration);
                    }
                    if defaults.size.is_none() {
                        writer.u32(sample.size);
                    }
                    if defaults.per_sample_flags {
                        writer.u32(sample_flags(sample));
                    }
                    if defaults.composition_offsets {
                        writer.i32(sample.composition_offset);
                    }
                }
            });
            if let Some(times) = smooth {
                times.write(writer);
            }
        });
    });
    match u32::try_from(payload.saturating_add(8)) {
        Ok(size) => {
            writer.u32(size);
            writer.bytes(b"mdat");
        }
        Err(_) => {
            writer.u32(1); // the size follows with 64 bits
            writer.bytes(b"mdat");
            writer.u64(payload.saturating_add(16));
        }
    }
    let data_offset = writer.position().saturating_sub(fragment_start);
    writer.patch_u32(data_offset_position, data_offset as u32);
    Ok(writer.finish())
}
