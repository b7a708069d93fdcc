//! H.264 access units out of PES packets: NAL units cut at start codes (ISO 14496-10 annex B), put behind four-byte
//! lengths, grouped into samples and timed.
//!
//! * A new access unit begins with an access unit delimiter, a parameter set, an SEI message (and types 15 to 18)
//!   after a slice, or with a slice whose `first_mb_in_slice` is 0 after a slice (ISO 14496-10 §7.4.1.2.3 in short;
//!   arbitrary slice order is not supported). The timestamps of a PES packet belong to the first access unit that
//!   begins in it. A PES packet without timestamps, or one that does not begin with a start code, goes on with the
//!   NAL units of the one before.
//! * Two fields of one frame (same `frame_num`, other parity) become one sample, timed by the first field.
//! * Access unit delimiters are dropped. Parameter sets are collected in the configuration and dropped where they
//!   repeat it. One that changes with an IDR picture begins a new segment of the same PID; one that changes without
//!   (legal for picture parameter sets) stays in the samples.
//! * Sync samples are IDR pictures. In a segment that has none, the first intra picture with a recovery point message
//!   counts as one.
//! * Samples last until the next one's decoding time; the last one lasts as long as the one before it, or one frame of
//!   the VUI's rate if it is alone, or 1/25 s where that does not say.
//! * Access units without timestamps of their own are spread evenly between their neighbours and get the composition
//!   offset of the one before.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use memchr::memmem::Finder;

use super::timestamp;
use crate::media::codec::avc::{
    Field, MAXIMUM_PPS_ID, MAXIMUM_SPS_ID, RbspBits, SequenceParameters, SliceStart, has_recovery_point,
    is_first_slice, nal_unit_type, picture_parameter_ids, unit_type,
};
use crate::media::codec::{AvcConfig, CodecConfig};
use crate::media::fault::{FaultKind, Faults, MAXIMUM_GAP, MAXIMUM_PIECES, TooManyPieces};
use crate::media::sample::{ElementarySegment, MPEG_TIMESCALE, Sample};

/// Duration of a single sample whose rate nothing tells: 1/25 s.
const DEFAULT_DURATION: i64 = 3600;

/// PTS and DTS of a PES packet, 33 bits, 90 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) pts: u64,
    pub(super) dts: u64,
}

/// A kind and number of parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SetId {
    Sequence(usize),
    Picture(usize),
}

/// Parameter sets by their identifiers.
#[derive(Debug, Clone)]
struct ParameterSets {
    sequence: Vec<Option<Bytes>>,
    picture: Vec<Option<Bytes>>,
}

impl ParameterSets {
    fn new() -> ParameterSets {
        ParameterSets { sequence: vec![None; MAXIMUM_SPS_ID + 1], picture: vec![None; MAXIMUM_PPS_ID + 1] }
    }

    fn get(&self, id: SetId) -> Option<&Bytes> {
        match id {
            SetId::Sequence(id) => self.sequence.get(id)?.as_ref(),
            SetId::Picture(id) => self.picture.get(id)?.as_ref(),
        }
    }

    fn set(&mut self, id: SetId, nal: Bytes) {
        let slot = match id {
            SetId::Sequence(id) => self.sequence.get_mut(id),
            SetId::Picture(id) => self.picture.get_mut(id),
        };
        if let Some(slot) = slot {
            *slot = Some(nal);
        }
    }

    fn config(&self) -> Option<AvcConfig> {
        let all = |sets: &[Option<Bytes>]| sets.iter().flatten().cloned().collect();
        AvcConfig::from_parameter_sets(all(&self.sequence), all(&self.picture)).ok()
    }
}

/// The access unit that is being put together.
#[derive(Debug)]
struct OpenUnit {
    begin: usize,
    stamp: Option<Stamp>,
    has_picture: bool,
    is_idr: bool,
    is_intra: bool,
    has_recovery_point: bool,
    field: Option<Field>,
}

/// A whole access unit, or two fields.
#[derive(Debug, Clone, Copy)]
struct Unit {
    size: usize,
    stamp: Option<Stamp>,
    is_idr: bool,
    can_recover: bool,
    field: Option<Field>,
    config: usize,
}

/// Takes the H.264 of one PID apart.
pub(super) struct VideoUnits {
    pid: u16,
    start_code: Finder<'static>,
    /// Data of the PES packets that are not cut into NAL units yet.
    pending: Vec<u8>,
    pending_range: Range<usize>,
    /// Timestamps, and from where in `pending` on an access unit may take them.
    marks: Vec<(usize, Stamp)>,
    payload: Vec<u8>,
    units: Vec<Unit>,
    open: Option<OpenUnit>,
    /// What a decoder knows at this point of the stream.
    active: ParameterSets,
    sequences: Vec<Option<SequenceParameters>>,
    sequence_of_picture: Vec<usize>,
    has_fields: bool,
    has_idr: bool,
    configs: Vec<ParameterSets>,
    /// Sets of the open access unit that are not those of the configuration.
    changed: BTreeSet<SetId>,
}

impl VideoUnits {
    /// `expected_size` is how many bytes are likely to come.
    pub(super) fn new(pid: u16, expected_size: usize) -> VideoUnits {
        VideoUnits {
            pid,
            start_code: Finder::new(&[0, 0, 1]),
            pending: Vec::new(),
            pending_range: 0..0,
            marks: Vec::new(),
            payload: Vec::with_capacity(expected_size),
            units: Vec::new(),
            open: None,
            active: ParameterSets::new(),
            sequences: vec![None; MAXIMUM_SPS_ID + 1],
            sequence_of_picture: vec![0; MAXIMUM_PPS_ID + 1],
            has_fields: false,
            has_idr: false,
            configs: vec![ParameterSets::new()],
            changed: BTreeSet::new(),
        }
    }

    /// Takes a PES packet, whose data is at `data`. The buffer comes back with other contents, to be filled again.
    pub(super) fn push(
        &mut self,
        packet: &mut Vec<u8>,
        data: Range<usize>,
        stamp: Option<Stamp>,
        faults: &mut Faults,
    ) -> Result<(), TooManyPieces> {
        let bytes = packet.get(data.clone()).unwrap_or_default();
        let is_aligned = matches!(bytes, [0, 0, 1, ..] | [0, 0, 0, 1, ..]);
        let goes_on = stamp.is_none() || !is_aligned;
        if goes_on && !self.pending_range.is_empty() {
            self.pending.truncate(self.pending_range.end);
            self.marks.extend(stamp.map(|stamp| (self.pending.len(), stamp)));
            self.pending.extend_from_slice(bytes);
            self.pending_range.end = self.pending.len();
            return Ok(());
        }
        self.cut_pending(faults)?;
        if !is_aligned {
            faults.add(Some(self.pid), FaultKind::OrphanPayload);
        }
        std::mem::swap(&mut self.pending, packet);
        self.marks.extend(stamp.map(|stamp| (data.start, stamp)));
        self.pending_range = data;
        Ok(())
    }

    /// Bytes are missing after what was pushed.
    pub(super) fn lost(&mut self, faults: &mut Faults) -> Result<(), TooManyPieces> {
        self.cut_pending(faults)?;
        self.close(faults);
        Ok(())
    }

    fn cut_pending(&mut self, faults: &mut Faults) -> Result<(), TooManyPieces> {
        let pending = std::mem::take(&mut self.pending);
        let range = std::mem::replace(&mut self.pending_range, 0..0);
        let data = pending.get(range.clone()).unwrap_or_default();
        let finder = self.start_code.clone();
        let mut begin = None;
        for next in finder.find_iter(data).chain([data.len()]) {
            if let Some(begin) = begin {
                let nal = data.get(begin..next).unwrap_or_default();
                // Zeros before a start code belong to neither NAL unit.
                let size = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                self.take_nal(nal.get(..size).unwrap_or_default(), range.start + begin, faults)?;
            }
            begin = Some(next + 3);
        }
        self.marks.clear();
        self.pending = pending;
        Ok(())
    }

    fn take_nal(&mut self, nal: &[u8], position: usize, faults: &mut Faults) -> Result<(), TooManyPieces> {
        let Some(first) = nal.first() else { return Ok(()) };
        let kind = unit_type(*first);
        let begins_picture = match kind {
            nal_unit_type::SLICE | nal_unit_type::SLICE_PARTITION_A | nal_unit_type::IDR_SLICE => is_first_slice(nal),
            nal_unit_type::SEI..=nal_unit_type::ACCESS_UNIT_DELIMITER | 15..=18 => true,
            _ => false,
        };
        if begins_picture && self.open.as_ref().is_some_and(|open| open.has_picture) {
            self.close(faults);
        }
        self.begin(position);
        match kind {
            nal_unit_type::ACCESS_UNIT_DELIMITER => {}
            nal_unit_type::SPS | nal_unit_type::PPS => self.take_parameter_set(kind, nal, faults),
            nal_unit_type::SEI => {
                if let Some(open) = self.open.as_mut().filter(|open| !self.has_idr && !open.has_recovery_point) {
                    open.has_recovery_point = has_recovery_point(nal);
                }
                self.write(nal);
            }
            nal_unit_type::SLICE | nal_unit_type::SLICE_PARTITION_A | nal_unit_type::IDR_SLICE => {
                self.take_slice(nal, kind == nal_unit_type::IDR_SLICE)?;
            }
            _ => self.write(nal),
        }
        Ok(())
    }

    /// Opens an access unit if none is open, and gives it the timestamps that are due.
    fn begin(&mut self, position: usize) {
        let begin = self.payload.len();
        let open = self.open.get_or_insert(OpenUnit {
            begin,
            stamp: None,
            has_picture: false,
            is_idr: false,
            is_intra: false,
            has_recovery_point: false,
            field: None,
        });
        if !open.has_picture && open.stamp.is_none() && !self.marks.is_empty() {
            let due = self.marks.partition_point(|(from, _)| *from <= position);
            open.stamp = self.marks.drain(..due).next_back().map(|(_, stamp)| stamp);
        }
    }

    fn write(&mut self, nal: &[u8]) {
        // The whole input is shorter than 4 GiB.
        self.payload.extend_from_slice(&(nal.len() as u32).to_be_bytes());
        self.payload.extend_from_slice(nal);
    }

    fn take_parameter_set(&mut self, kind: u8, nal: &[u8], faults: &mut Faults) {
        let id = if kind == nal_unit_type::SPS {
            let mut bits = RbspBits::new(nal);
            let id = bits.bits(24).and_then(|_| bits.unsigned()).and_then(|id| usize::try_from(id).ok());
            id.filter(|id| *id <= MAXIMUM_SPS_ID).map(SetId::Sequence)
        } else {
            picture_parameter_ids(nal).ok().map(|(id, _)| SetId::Picture(id))
        };
        let known = id.and_then(|id| self.active.get(id)).is_some_and(|set| set == nal);
        let configured = id.and_then(|id| self.configs.last()?.get(id));
        if let Some(id) = id.filter(|_| known) {
            if configured.is_none_or(|set| set != nal) {
                self.changed.insert(id);
            }
            return;
        }
        let is_new = configured.is_none();
        let is_sound = match id {
            Some(SetId::Sequence(id)) => SequenceParameters::read(nal).is_ok_and(|parameters| {
                self.has_fields |= !parameters.frames_only;
                self.sequences.get_mut(id).map(|slot| *slot = Some(parameters)).is_some()
            }),
            Some(SetId::Picture(id)) => picture_parameter_ids(nal)
                .is_ok_and(|(_, sequence)| self.sequence_of_picture.get_mut(id).map(|slot| *slot = sequence).is_some()),
            None => false,
        };
        let Some(id) = id.filter(|_| is_sound) else {
            faults.add(Some(self.pid), FaultKind::BadParameterSet);
            self.write(nal);
            return;
        };
        let set = Bytes::copy_from_slice(nal);
        if is_new {
            if let Some(config) = self.configs.last_mut() {
                config.set(id, set.clone());
            }
        } else {
            self.changed.insert(id);
        }
        self.active.set(id, set);
    }

    fn take_slice(&mut self, nal: &[u8], is_idr: bool) -> Result<(), TooManyPieces> {
        let begins_picture = self.open.as_ref().is_some_and(|open| !open.has_picture);
        if begins_picture {
            self.settle_parameter_sets(is_idr)?;
            let needs_intra = !self.has_idr && self.open.as_ref().is_some_and(|open| open.has_recovery_point);
            let start = if self.has_fields || needs_intra { SliceStart::read(nal) } else { None };
            let field = start.filter(|_| self.has_fields).and_then(|start| {
                let sequence = *self.sequence_of_picture.get(start.picture_parameter_set)?;
                Field::read(nal, self.sequences.get(sequence)?.as_ref()?)
            });
            self.has_idr |= is_idr;
            if let Some(open) = &mut self.open {
                open.has_picture = true;
                open.is_idr = is_idr;
                open.is_intra = start.is_some_and(|start| start.is_intra);
                open.field = field;
            }
        }
        self.write(nal);
        Ok(())
    }

    /// Decides what becomes of parameter sets that came with this access unit and are not those of the configuration.
    fn settle_parameter_sets(&mut self, is_idr: bool) -> Result<(), TooManyPieces> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let changed = std::mem::take(&mut self.changed);
        let differs = |id: &SetId| self.configs.last().is_none_or(|config| config.get(*id) != self.active.get(*id));
        if is_idr && changed.iter().any(differs) {
            if self.configs.len() >= MAXIMUM_PIECES {
                return Err(TooManyPieces);
            }
            self.configs.push(self.active.clone());
            return Ok(());
        }
        for id in changed {
            if let Some(set) = self.active.get(id).cloned() {
                self.write(&set);
            }
        }
        Ok(())
    }

    fn close(&mut self, faults: &mut Faults) {
        let Some(open) = self.open.take() else { return };
        if !open.has_picture {
            self.payload.truncate(open.begin);
            faults.add(Some(self.pid), FaultKind::EmptyAccessUnit);
            return;
        }
        let size = self.payload.len().saturating_sub(open.begin);
        let config = self.configs.len() - 1;
        if let Some(previous) = self.units.last_mut()
            && let (Some(first), Some(second)) = (previous.field, open.field)
            && first.is_completed_by(&second)
            && previous.config == config
            && (previous.is_idr || !open.is_idr)
        {
            previous.size += size;
            previous.field = None;
            return;
        }
        self.units.push(Unit {
            size,
            stamp: open.stamp,
            is_idr: open.is_idr,
            can_recover: open.has_recovery_point && open.is_intra,
            field: open.field,
            config,
        });
    }

    /// The samples; `Ok(None)` if the stream has no parameter sets to describe them.
    pub(super) fn finish(
        mut self,
        language: Option<&str>,
        faults: &mut Faults,
    ) -> Result<Option<Vec<ElementarySegment>>, TooManyPieces> {
        self.cut_pending(faults)?;
        self.close(faults);
        if self.units.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let configs: Vec<Option<AvcConfig>> = self.configs.iter().map(ParameterSets::config).collect();
        if configs.iter().all(Option::is_none) {
            return Ok(None);
        }
        if !self.has_idr
            && let Some(first) = self.units.iter_mut().find(|unit| unit.can_recover)
        {
            first.is_idr = true;
        }
        if self.units.first().is_some_and(|unit| !unit.is_idr) {
            faults.add(Some(self.pid), FaultKind::NoSyncSampleAtStart);
        }
        let payload = Bytes::from(self.payload);
        let mut segments = Vec::new();
        let mut position = 0usize;
        let runs = runs(&self.units, self.pid, faults);
        for (index, range) in runs.iter().enumerate() {
            let units = self.units.get(range.clone()).unwrap_or_default();
            let begin = position;
            position += units.iter().map(|unit| unit.size).sum::<usize>();
            let Some(config) = units.first().and_then(|unit| configs.get(unit.config)?.clone()) else {
                faults.add(Some(self.pid), FaultKind::BadParameterSet);
                continue;
            };
            let next = runs.get(index + 1).and_then(|next| self.units.get(next.start)?.stamp);
            let Some((wire_decode_time, samples)) = time(units, config.frame_rate, next, self.pid, faults) else {
                faults.add(Some(self.pid), FaultKind::NoTimestamp);
                continue;
            };
            if segments.len() >= MAXIMUM_PIECES {
                return Err(TooManyPieces);
            }
            segments.push(ElementarySegment {
                pid: self.pid,
                language: language.map(str::to_owned),
                config: CodecConfig::Avc(config),
                timescale: MPEG_TIMESCALE,
                wire_decode_time,
                samples,
                payload: payload.slice(begin..position),
            });
        }
        Ok(Some(segments))
    }
}

/// Stretches of units with one configuration and without jumps in time.
fn runs(units: &[Unit], pid: u16, faults: &mut Faults) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut begin = 0;
    let mut before: Option<u64> = None;
    let mut config = units.first().map_or(0, |unit| unit.config);
    for (index, unit) in units.iter().enumerate() {
        let mut breaks = unit.config != config;
        config = unit.config;
        if let Some(stamp) = unit.stamp {
            let step = before.map(|before| timestamp::difference(stamp.dts, before));
            if step.is_some_and(|step| !(0..=MAXIMUM_GAP).contains(&step)) {
                faults.add(Some(pid), FaultKind::TimestampJump);
                breaks = true;
            } else if step == Some(0) {
                faults.add(Some(pid), FaultKind::RepeatedTimestamp);
            }
            before = Some(stamp.dts);
        }
        if breaks && index > begin {
            runs.push(begin..index);
            begin = index;
        }
    }
    runs.push(begin..units.len());
    runs
}

/// First decoding time, and the samples with durations and offsets; `None` if no unit has a timestamp.
///
/// `next` is the timestamp of what follows the units, if the stream goes on there.
fn time(
    units: &[Unit],
    frame_rate: Option<(u32, u32)>,
    next: Option<Stamp>,
    pid: u16,
    faults: &mut Faults,
) -> Option<(u64, Vec<Sample>)> {
    let first_stamp = units.iter().find_map(|unit| unit.stamp)?;
    // Decoding times relative to the first stamp; within a run they only grow.
    let mut known: Vec<(usize, i64)> = Vec::with_capacity(units.len());
    let mut before = (first_stamp.dts, 0i64);
    for (index, unit) in units.iter().enumerate() {
        if let Some(stamp) = unit.stamp {
            before = (stamp.dts, before.1 + timestamp::difference(stamp.dts, before.0));
            known.push((index, before.1));
        }
    }
    let (&(first, _), &(last, last_time)) = (known.first()?, known.last()?);
    let by_rate =
        frame_rate.map(|(frames, seconds)| i64::from(MPEG_TIMESCALE) * i64::from(seconds) / i64::from(frames));
    let nominal = by_rate.filter(|ticks| (1..=MAXIMUM_GAP).contains(ticks)).unwrap_or(if last > first {
        last_time / (last - first) as i64
    } else {
        DEFAULT_DURATION
    });
    let mut times: Vec<i64> = (0..first).map(|index| -nominal * (first - index) as i64).collect();
    for pair in known.windows(2) {
        let [(from, from_time), (to, to_time)] = *pair else { continue };
        let steps = (to - from) as i64;
        times.extend((0..steps).map(|step| from_time + (to_time - from_time) * step / steps));
    }
    times.extend((last..units.len()).map(|index| last_time + nominal * (index - last) as i64));

    let wire_decode_time = timestamp::add(first_stamp.dts, *times.first()?);
    let end = times.last().copied().unwrap_or(0);
    let to_next = next
        .map(|stamp| timestamp::difference(stamp.dts, timestamp::add(first_stamp.dts, end)))
        .filter(|ticks| (1..=MAXIMUM_GAP).contains(ticks));
    let mut samples = Vec::with_capacity(units.len());
    let mut duration = nominal;
    let mut composition_offset = 0;
    for (index, unit) in units.iter().enumerate() {
        duration = match (times.get(index), times.get(index + 1)) {
            (Some(this), Some(next)) => next - this,
            _ => to_next.unwrap_or(duration),
        };
        if let Some(stamp) = unit.stamp {
            let offset = timestamp::difference(stamp.pts, stamp.dts);
            composition_offset = if offset.abs() <= MAXIMUM_GAP { offset } else { 0 };
            if offset != composition_offset {
                faults.add(Some(pid), FaultKind::BadCompositionOffset);
            }
        }
        samples.push(Sample {
            size: u32::try_from(unit.size).ok()?,
            duration: u32::try_from(duration).unwrap_or(0),
            composition_offset: i32::try_from(composition_offset).unwrap_or(0),
            is_sync: unit.is_idr,
        });
    }
    Some((wire_decode_time, samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::fault::Fault;

    /// A NAL unit of a type from text of 0 and 1; other letters are for the reader's eye.
    fn nal(kind: u8, bits: &str) -> Vec<u8> {
        let mut bits: Vec<u8> =
            bits.bytes().filter(|letter| matches!(letter, b'0' | b'1')).map(|letter| letter - b'0').collect();
        bits.push(1);
        bits.resize(bits.len().next_multiple_of(8), 0);
        let bytes = bits.chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit));
        [0x60 | kind].into_iter().chain(bytes).collect()
    }

    /// Main profile, level 3, 176 wide; 128 high, or 256 as two fields.
    fn sps(frames_only: bool) -> Vec<u8> {
        let flags = if frames_only { "1" } else { "00" };
        nal(7, &format!("01001101 00000000 00011110 1 1 011 010 0 0001011 0001000 {flags} 1 0 0"))
    }

    /// Number 0 for sequence parameter set 0; `variant` makes it differ.
    fn pps(variant: &str) -> Vec<u8> {
        nal(8, &format!("1 1 {variant}"))
    }

    fn slice(kind: u8, is_first: bool, rest: &str) -> Vec<u8> {
        nal(kind, &format!("{} {rest} 1010101", if is_first { "1" } else { "010" }))
    }

    const INTRA: &str = "0001000 1 0000";
    const PREDICTED: &str = "00110 1 0001";
    const DELIMITER: &[u8] = &[0x09, 0xF0];

    fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
    }

    fn lengths(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes(), *nal].concat()).collect()
    }

    fn run(packets: &[(Vec<u8>, Option<u64>)]) -> (Vec<ElementarySegment>, Vec<Fault>) {
        let mut faults = Faults::default();
        let mut units = VideoUnits::new(256, 0);
        for (data, time) in packets {
            let mut buffer = [b"header", data.as_slice()].concat();
            let range = 6..buffer.len();
            units.push(&mut buffer, range, time.map(|time| Stamp { pts: time + 10, dts: time }), &mut faults).unwrap();
        }
        let segments = units.finish(None, &mut faults).unwrap().unwrap();
        (segments, faults.into_vec())
    }

    fn durations(segment: &ElementarySegment) -> Vec<u32> {
        segment.samples.iter().map(|sample| sample.duration).collect()
    }

    #[test]
    fn delimiters_and_parameter_sets_are_taken_out_and_slices_kept_together() {
        let (first, second) = (slice(5, true, INTRA), slice(5, false, INTRA));
        let data = annex_b(&[DELIMITER, &sps(true), &pps("0"), &first, &second]);
        let (segments, faults) = run(&[(data, Some(1000))]);
        assert_eq!(faults, []);
        assert_eq!(segments[0].payload, lengths(&[&first, &second]));
        let CodecConfig::Avc(config) = &segments[0].config else { panic!("video") };
        assert_eq!((config.width, config.height, config.picture_parameter_sets.len()), (176, 128, 1));
        assert_eq!(durations(&segments[0]), [3600], "a single sample whose rate nothing tells");
        assert_eq!((segments[0].wire_decode_time, segments[0].samples[0].composition_offset), (1000, 10));
    }

    #[test]
    fn several_access_units_of_one_packet_are_spread_up_to_the_next_timestamp() {
        let (key, other) = (slice(5, true, INTRA), slice(1, true, PREDICTED));
        let first = annex_b(&[DELIMITER, &sps(true), &pps("0"), &key, DELIMITER, &other, DELIMITER, &other]);
        let second = annex_b(&[DELIMITER, &other]);
        let (segments, _) = run(&[(first, Some(0)), (second, Some(900))]);
        assert_eq!(durations(&segments[0]), [300; 4]);
        assert_eq!(
            segments[0].samples.iter().map(|sample| sample.is_sync).collect::<Vec<_>>(),
            [true, false, false, false]
        );
    }

    #[test]
    fn an_access_unit_may_lie_across_packets_without_timestamps() {
        let (key, other) = (slice(5, true, &INTRA.repeat(9)), slice(1, true, PREDICTED));
        let whole = annex_b(&[DELIMITER, &sps(true), &pps("0"), &key]);
        let next = annex_b(&[DELIMITER, &other]);
        let expected = run(&[(whole.clone(), Some(0)), (next.clone(), Some(500))]);
        for cut in 4..whole.len() {
            let (head, tail) = whole.split_at(cut);
            let found = run(&[(head.to_vec(), Some(0)), (tail.to_vec(), None), (next.clone(), Some(500))]);
            assert_eq!(found, expected, "cut at {cut}");
        }
    }

    #[test]
    fn one_packet_per_slice_is_one_sample() {
        let (first, second) = (slice(5, true, INTRA), slice(5, false, INTRA));
        let packets = [
            (annex_b(&[DELIMITER, &sps(true), &pps("0"), &first]), Some(0)),
            (annex_b(&[&second]), Some(0)),
            (annex_b(&[DELIMITER, &slice(1, true, PREDICTED)]), Some(700)),
        ];
        let (segments, faults) = run(&packets);
        assert_eq!((durations(&segments[0]), faults), (vec![700, 700], vec![]));
    }

    #[test]
    fn two_fields_of_a_frame_are_one_sample() {
        let field = |kind: u8, frame: &str, parity: char| slice(kind, true, &format!("0001000 1 {frame} 1 {parity}"));
        let packets = [
            (annex_b(&[DELIMITER, &sps(false), &pps("0"), &field(5, "0000", '0')]), Some(0)),
            (annex_b(&[DELIMITER, &field(1, "0000", '1')]), Some(1800)),
            (annex_b(&[DELIMITER, &field(1, "0001", '0')]), Some(3600)),
            (annex_b(&[DELIMITER, &field(1, "0001", '1')]), Some(5400)),
            (annex_b(&[DELIMITER, &slice(1, true, "0001000 1 0010 0")]), Some(7200)),
        ];
        let (segments, faults) = run(&packets);
        assert_eq!((durations(&segments[0]), faults), (vec![3600; 3], vec![]));
        assert!(segments[0].samples[0].is_sync);
    }

    #[test]
    fn a_picture_parameter_set_that_changes_with_an_idr_picture_begins_a_new_segment() {
        let key = slice(5, true, INTRA);
        let unit = |set: &[u8]| annex_b(&[DELIMITER, &sps(true), set, &key]);
        let packets = [(unit(&pps("0")), Some(0)), (unit(&pps("0")), Some(400)), (unit(&pps("1")), Some(800))];
        let (segments, faults) = run(&packets);
        assert_eq!(faults, []);
        assert_eq!(segments.iter().map(|segment| segment.wire_decode_time).collect::<Vec<_>>(), [0, 800]);
        assert_eq!(durations(&segments[0]), [400, 400], "the last sample lasts until the next segment");
        assert_ne!(segments[0].config, segments[1].config);
    }

    #[test]
    fn a_picture_parameter_set_that_changes_without_an_idr_picture_stays_in_the_samples() {
        let (key, other) = (slice(5, true, INTRA), slice(1, true, PREDICTED));
        let packets = [
            (annex_b(&[DELIMITER, &sps(true), &pps("0"), &key]), Some(0)),
            (annex_b(&[DELIMITER, &pps("1"), &other]), Some(400)),
            (annex_b(&[DELIMITER, &sps(true), &pps("0"), &key]), Some(800)),
        ];
        let (segments, faults) = run(&packets);
        assert_eq!((segments.len(), faults), (1, vec![]));
        assert_eq!(segments[0].payload, lengths(&[&key, &pps("1"), &other, &pps("0"), &key]));
    }

    #[test]
    fn without_idr_pictures_the_first_recovery_point_is_the_sync_sample() {
        let sei: &[u8] = &[0x06, 0x06, 0x01, 0xC4, 0x80];
        let packets = [
            (annex_b(&[DELIMITER, &sps(true), &pps("0"), &slice(1, true, PREDICTED)]), Some(0)),
            (annex_b(&[DELIMITER, sei, &slice(1, true, INTRA)]), Some(400)),
            (annex_b(&[DELIMITER, sei, &slice(1, true, INTRA)]), Some(800)),
        ];
        let (segments, faults) = run(&packets);
        assert_eq!(segments[0].samples.iter().map(|sample| sample.is_sync).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(), [FaultKind::NoSyncSampleAtStart]);
    }

    #[test]
    fn a_stream_without_parameter_sets_has_no_samples_to_describe() {
        let mut faults = Faults::default();
        let mut units = VideoUnits::new(256, 0);
        let mut data = annex_b(&[DELIMITER, &slice(5, true, INTRA)]);
        let range = 0..data.len();
        units.push(&mut data, range, Some(Stamp { pts: 0, dts: 0 }), &mut faults).unwrap();
        assert_eq!(units.finish(None, &mut faults), Ok(None));
    }

    #[test]
    fn a_configuration_that_changes_with_every_picture_is_refused() {
        let mut faults = Faults::default();
        let mut units = VideoUnits::new(256, 0);
        let mut result = Ok(());
        for index in 0..40u64 {
            let set = pps(if index % 2 == 0 { "0" } else { "1" });
            let mut data = annex_b(&[DELIMITER, &sps(true), &set, &slice(5, true, INTRA)]);
            let range = 0..data.len();
            let stamp = Stamp { pts: index * 3600, dts: index * 3600 };
            result = result.and(units.push(&mut data, range, Some(stamp), &mut faults));
        }
        assert_eq!(result, Err(TooManyPieces));
    }
}
