//! H.264 and H.265 access units out of PES packets: NAL units cut at start codes (annex B of both), put behind
//! four-byte lengths, grouped into samples and timed. What the two codecs do differently is in [`avc`] and [`hevc`].
//!
//! * A new access unit begins with an access unit delimiter, a parameter set or an SEI message after a slice, or with
//!   the first slice of a picture after a slice. The timestamps of a PES packet belong to the first access unit that
//!   begins in it. A PES packet without timestamps, or one that does not begin with a start code, goes on with the
//!   NAL units of the one before.
//! * Two fields of one frame of H.264 (same `frame_num`, other parity) become one sample, timed by the first field.
//! * Access unit delimiters are dropped. Parameter sets are collected in the configuration and dropped where they
//!   repeat it. One that changes with a sync sample begins a new segment of the same PID; one that changes without
//!   (legal for picture parameter sets) stays in the samples.
//! * Sync samples are IDR pictures of H.264 and random access point pictures of H.265. In a segment of H.264 that has
//!   none, the first intra picture with a recovery point message counts as one.
//! * Samples last until the next one's decoding time; the last one lasts as long as the one before it, or one frame of
//!   the VUI's rate if it is alone, or 1/25 s where that does not say.
//! * Access units without timestamps of their own are spread evenly between their neighbours and get the composition
//!   offset of the one before.

mod avc;
mod hevc;
mod parameter_sets;
mod syntax;
mod timing;

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use memchr::memmem::Finder;

use crate::media::codec::CodecConfig;
use crate::media::codec::avc::Field;
use crate::media::fault::{FaultKind, Faults, MAXIMUM_PIECES, TooManyPieces};
use crate::media::sample::{ElementarySegment, MPEG_TIMESCALE};
use parameter_sets::{ParameterSets, SetId};
use syntax::NalRole;
use timing::{runs, time};

pub(super) use avc::AvcSyntax;
pub(super) use hevc::HevcSyntax;
pub(super) use syntax::VideoSyntax;

/// PTS and DTS of a PES packet, 33 bits, 90 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) pts: u64,
    pub(super) dts: u64,
}

/// The access unit that is being put together.
#[derive(Debug)]
struct OpenUnit {
    begin: usize,
    stamp: Option<Stamp>,
    has_picture: bool,
    is_sync: bool,
    is_intra: bool,
    has_recovery_point: bool,
    field: Option<Field>,
}

/// A whole access unit, or two fields.
#[derive(Debug, Clone, Copy)]
struct Unit {
    size: usize,
    stamp: Option<Stamp>,
    is_sync: bool,
    can_recover: bool,
    field: Option<Field>,
    config: usize,
}

/// Takes the video of one PID apart.
pub(super) struct VideoUnits<S> {
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
    syntax: S,
    has_sync: bool,
    configs: Vec<ParameterSets>,
    /// Sets of the open access unit that are not those of the configuration.
    changed: BTreeSet<SetId>,
}

impl<S: VideoSyntax> VideoUnits<S> {
    /// `expected_size` is how many bytes are likely to come.
    pub(super) fn new(pid: u16, expected_size: usize) -> Self {
        VideoUnits {
            pid,
            start_code: Finder::new(&[0, 0, 1]),
            pending: Vec::new(),
            pending_range: 0..0,
            marks: Vec::new(),
            payload: Vec::with_capacity(expected_size),
            units: Vec::new(),
            open: None,
            active: ParameterSets::default(),
            syntax: S::default(),
            has_sync: false,
            configs: vec![ParameterSets::default()],
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
        if nal.is_empty() {
            return Ok(());
        }
        let role = S::role(nal);
        let begins_unit = match role {
            NalRole::Delimiter | NalRole::ParameterSet | NalRole::Message => true,
            NalRole::Slice { is_first, .. } => is_first,
            NalRole::Other { begins_unit } => begins_unit,
        };
        if begins_unit && self.open.as_ref().is_some_and(|open| open.has_picture) {
            self.close(faults);
        }
        self.begin(position);
        match role {
            NalRole::Delimiter => {}
            NalRole::ParameterSet => self.take_parameter_set(nal, faults),
            NalRole::Message => {
                let asks_for_recovery =
                    !self.has_sync && self.open.as_ref().is_some_and(|open| !open.has_recovery_point);
                let can_recover = self.syntax.message(nal, asks_for_recovery);
                if let Some(open) = self.open.as_mut() {
                    open.has_recovery_point |= can_recover;
                }
                self.write(nal);
            }
            NalRole::Slice { is_sync, .. } => self.take_slice(nal, is_sync)?,
            NalRole::Other { .. } => self.write(nal),
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
            is_sync: false,
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

    fn take_parameter_set(&mut self, nal: &[u8], faults: &mut Faults) {
        let id = S::set_id(nal);
        let known = id.and_then(|id| self.active.get(id)).is_some_and(|set| set == nal);
        let configured = id.and_then(|id| self.configs.last()?.get(id));
        if let Some(id) = id.filter(|_| known) {
            if configured.is_none_or(|set| set != nal) {
                self.changed.insert(id);
            }
            return;
        }
        let is_new = configured.is_none();
        let Some(id) = id.filter(|id| self.syntax.learn(*id, nal)) else {
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

    fn take_slice(&mut self, nal: &[u8], is_sync: bool) -> Result<(), TooManyPieces> {
        let begins_picture = self.open.as_ref().is_some_and(|open| !open.has_picture);
        if begins_picture {
            self.settle_parameter_sets(is_sync)?;
            let asks_for_intra = !self.has_sync && self.open.as_ref().is_some_and(|open| open.has_recovery_point);
            let picture = self.syntax.picture(nal, asks_for_intra);
            self.has_sync |= is_sync;
            if let Some(open) = &mut self.open {
                open.has_picture = true;
                open.is_sync = is_sync;
                open.is_intra = picture.is_intra;
                open.field = picture.field;
            }
        }
        self.write(nal);
        Ok(())
    }

    /// Decides what becomes of parameter sets that came with this access unit and are not those of the configuration.
    fn settle_parameter_sets(&mut self, is_sync: bool) -> Result<(), TooManyPieces> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let changed = std::mem::take(&mut self.changed);
        let differs = |id: &SetId| self.configs.last().is_none_or(|config| config.get(*id) != self.active.get(*id));
        if is_sync && changed.iter().any(differs) {
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
            && (previous.is_sync || !open.is_sync)
        {
            previous.size += size;
            previous.field = None;
            return;
        }
        self.units.push(Unit {
            size,
            stamp: open.stamp,
            is_sync: open.is_sync,
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
        let configs: Vec<Option<CodecConfig>> = self.configs.iter().map(|sets| self.syntax.config(sets)).collect();
        if configs.iter().all(Option::is_none) {
            return Ok(None);
        }
        if !self.has_sync
            && let Some(first) = self.units.iter_mut().find(|unit| unit.can_recover)
        {
            first.is_sync = true;
        }
        if self.units.first().is_some_and(|unit| !unit.is_sync) {
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
            let frame_rate = config.picture().and_then(|picture| picture.frame_rate);
            let Some((wire_decode_time, samples)) = time(units, frame_rate, next, self.pid, faults) else {
                faults.add(Some(self.pid), FaultKind::NoTimestamp);
                continue;
            };
            if segments.len() >= MAXIMUM_PIECES {
                return Err(TooManyPieces);
            }
            segments.push(ElementarySegment {
                pid: self.pid,
                language: language.map(str::to_owned),
                config,
                timescale: MPEG_TIMESCALE,
                wire_decode_time,
                samples,
                payload: payload.slice(begin..position),
            });
        }
        Ok(Some(segments))
    }
}

#[cfg(test)]
mod tests;
