//! Audio access units out of a byte stream of frames that comes in pieces, some of them with a timestamp: AAC in ADTS
//! frames, AC-3, E-AC-3. What the codecs do differently is in [`syntax`].
//!
//! Frames may lie across pieces; a piece's timestamp belongs to the first frame that begins in it (ISO 13818-1
//! §2.4.3.7). What is only part of a frame at either end is dropped.

mod run;
pub mod syntax;

use std::collections::VecDeque;

use bytes::Bytes;

use super::codec::CodecConfig;
use super::fault::{FaultKind, Faults, MAXIMUM_PIECES, TooManyPieces};
use super::sample::ElementarySegment;
use run::Run;
use syntax::FrameSyntax;

/// A whole access unit.
#[derive(Debug, Clone, Copy)]
struct Unit {
    size: u32,
    duration: u32,
    pts: Option<u64>,
    config: usize,
}

/// The access unit that is being put together, at the end of the payload.
#[derive(Debug)]
struct OpenUnit<H> {
    begin: usize,
    pts: Option<u64>,
    headers: Vec<H>,
}

/// Takes a stream of frames apart.
#[derive(Debug)]
pub struct AudioFrames<S: FrameSyntax> {
    pid: Option<u16>,
    /// Bytes that are not framed yet: at most part of a frame, between calls.
    buffer: Vec<u8>,
    /// Position of the buffer's first byte in the stream.
    buffer_position: u64,
    /// Timestamps that no frame has taken yet, with the position in the stream where their piece begins.
    marks: VecDeque<(u64, u64)>,
    is_synchronised: bool,
    skipped: bool,
    open: Option<OpenUnit<S::Header>>,
    units: Vec<Unit>,
    configs: Vec<(S::Key, CodecConfig)>,
    payload: Vec<u8>,
}

/// Whether a header at some position is one, so far as can be known.
enum Verdict<H> {
    Frame(H),
    NotAFrame,
    NeedsMoreBytes,
}

impl<S: FrameSyntax> AudioFrames<S> {
    /// `pid` is only for the faults; `expected_size` is how many bytes are likely to come.
    pub fn new(pid: Option<u16>, expected_size: usize) -> Self {
        AudioFrames {
            pid,
            buffer: Vec::new(),
            buffer_position: 0,
            marks: VecDeque::new(),
            is_synchronised: false,
            skipped: false,
            open: None,
            units: Vec::new(),
            configs: Vec::new(),
            payload: Vec::with_capacity(expected_size),
        }
    }

    /// The next piece of the stream; `pts` is that of the first frame that begins in it, 33 bits, 90 kHz.
    pub fn push(&mut self, data: &[u8], pts: Option<u64>, faults: &mut Faults) -> Result<(), TooManyPieces> {
        if let Some(pts) = pts {
            self.marks.push_back((self.buffer_position + self.buffer.len() as u64, pts));
        }
        self.buffer.extend_from_slice(data);
        self.take_frames(false, faults)
    }

    /// Bytes are missing after those that were pushed.
    pub fn lost(&mut self, faults: &mut Faults) -> Result<(), TooManyPieces> {
        self.take_frames(true, faults)?;
        self.close_unit(faults)?;
        self.buffer_position += self.buffer.len() as u64;
        self.buffer.clear();
        self.marks.clear();
        self.is_synchronised = false;
        self.skipped = false;
        Ok(())
    }

    fn judge(&self, position: usize, at_end: bool) -> Verdict<S::Header> {
        let rest = self.buffer.get(position..).unwrap_or_default();
        if rest.len() < S::HEADER_SIZE {
            return Verdict::NeedsMoreBytes;
        }
        let Some(header) = S::read(rest) else { return Verdict::NotAFrame };
        let after = rest.get(S::frame_size(&header)..);
        // Nearly every multiplexer begins a piece with a frame.
        let begins_piece =
            self.marks.binary_search_by_key(&(self.buffer_position + position as u64), |mark| mark.0).is_ok();
        if self.is_synchronised || begins_piece {
            // A header may reach further than the bytes by which it is known.
            return if after.is_some() { Verdict::Frame(header) } else { Verdict::NeedsMoreBytes };
        }
        // Sync words are easily met by chance: a first frame counts only with the next one's header behind it.
        match after {
            None => Verdict::NeedsMoreBytes,
            Some([]) if at_end => Verdict::Frame(header),
            Some(next) if next.len() < S::HEADER_SIZE && !at_end => Verdict::NeedsMoreBytes,
            Some(next) if next.len() < S::HEADER_SIZE && next.first() == Some(&S::SYNC_BYTE) => Verdict::Frame(header),
            Some(next) => match S::read(next) {
                Some(_) => Verdict::Frame(header),
                None => Verdict::NotAFrame,
            },
        }
    }

    fn take_frames(&mut self, at_end: bool, faults: &mut Faults) -> Result<(), TooManyPieces> {
        let mut position = 0;
        loop {
            match self.judge(position, at_end) {
                Verdict::Frame(header) => {
                    self.note_skipped(faults);
                    self.is_synchronised = true;
                    self.take_frame(position, &header, faults)?;
                    position += S::frame_size(&header);
                }
                // At the end, what looks like a frame cut short may hide a whole one behind a false header.
                Verdict::NeedsMoreBytes
                    if !(at_end && !self.is_synchronised && self.buffer.len() - position >= S::HEADER_SIZE) =>
                {
                    break;
                }
                Verdict::NotAFrame | Verdict::NeedsMoreBytes => {
                    self.is_synchronised = false;
                    self.skipped = true;
                    let rest = self.buffer.get(position + 1..).unwrap_or_default();
                    position += 1 + memchr::memchr(S::SYNC_BYTE, rest).unwrap_or(rest.len());
                }
            }
        }
        position = position.min(self.buffer.len());
        if at_end {
            self.note_skipped(faults);
            if position < self.buffer.len() && !(self.units.is_empty() && self.open.is_none()) {
                faults.add(self.pid, FaultKind::PartialAudioFrameAtEnd);
            }
        }
        self.buffer.drain(..position);
        self.buffer_position += position as u64;
        Ok(())
    }

    fn note_skipped(&mut self, faults: &mut Faults) {
        if std::mem::take(&mut self.skipped) {
            let at_start = self.units.is_empty() && self.open.is_none();
            let kind = if at_start { FaultKind::PartialAudioFrameAtStart } else { FaultKind::LostAudioSync };
            faults.add(self.pid, kind);
        }
    }

    fn take_frame(&mut self, position: usize, header: &S::Header, faults: &mut Faults) -> Result<(), TooManyPieces> {
        let begin = self.buffer_position + position as u64;
        let mut pts = None;
        while let Some((_, mark)) = self.marks.pop_front_if(|(from, _)| *from <= begin) {
            pts = Some(mark);
        }
        let buffer = std::mem::take(&mut self.buffer);
        let frame = buffer.get(position..position + S::frame_size(header)).unwrap_or_default();
        let taken = self.take_parts(frame, header, pts, faults);
        self.buffer = buffer;
        taken
    }

    fn take_parts(
        &mut self,
        frame: &[u8],
        header: &S::Header,
        mut pts: Option<u64>,
        faults: &mut Faults,
    ) -> Result<(), TooManyPieces> {
        let Some(parts) = S::parts(header, frame) else {
            faults.add(self.pid, FaultKind::UnsupportedAudioFrame);
            return Ok(());
        };
        for part in parts {
            let goes_on = self.open.as_ref().is_some_and(|open| S::continues(&open.headers, header));
            if !goes_on {
                self.close_unit(faults)?;
            }
            let begin = self.payload.len();
            let open = self.open.get_or_insert_with(|| OpenUnit { begin, pts: pts.take(), headers: Vec::new() });
            open.headers.push(*header);
            self.payload.extend_from_slice(frame.get(part).unwrap_or_default());
        }
        Ok(())
    }

    /// Nothing more belongs to the open access unit.
    fn close_unit(&mut self, faults: &mut Faults) -> Result<(), TooManyPieces> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let payload = self.payload.get(open.begin..).unwrap_or_default();
        let key = S::key(&open.headers);
        let is_known = self.configs.last().is_some_and(|(last, _)| *last == key);
        let config = if is_known { None } else { S::config(&open.headers, payload) };
        // The whole input is shorter than 4 GiB.
        let size = payload.len() as u32;
        if size == 0 || !S::is_whole(&open.headers) || (!is_known && config.is_none()) {
            self.payload.truncate(open.begin);
            faults.add(self.pid, FaultKind::UnsupportedAudioFrame);
            return Ok(());
        }
        if let Some(config) = config {
            if self.configs.len() >= MAXIMUM_PIECES {
                return Err(TooManyPieces);
            }
            self.configs.push((key, config));
        }
        let duration = S::duration(&open.headers);
        self.units.push(Unit { size, duration, pts: open.pts, config: self.configs.len() - 1 });
        Ok(())
    }

    /// The access units as samples: one segment, or several where the configuration changes or timestamps jump.
    ///
    /// Timestamps are compared with what the frames before add up to: half a frame off is rounding or clock drift and
    /// ignored; a gap makes the frame before it last longer; an overlap is ignored. More than
    /// [`super::fault::MAXIMUM_GAP`] either way is a break.
    pub fn finish(
        mut self,
        language: Option<&str>,
        faults: &mut Faults,
    ) -> Result<Vec<ElementarySegment>, TooManyPieces> {
        self.take_frames(true, faults)?;
        self.close_unit(faults)?;
        let payload = Bytes::from(std::mem::take(&mut self.payload));
        let mut segments = Vec::new();
        let mut open: Option<Run> = None;
        let mut position = 0usize;
        for unit in &self.units {
            let end = position + unit.size as usize;
            let sound = self.configs.get(unit.config).and_then(|(_, config)| config.sound());
            let rate = sound.map_or(1, |sound| sound.sampling_rate);
            let continues = open.as_ref().is_some_and(|run| run.config == unit.config);
            let follows = open.as_ref().and_then(Run::end_time);
            let jumps =
                continues && open.as_mut().is_some_and(|run| run.meet(unit.pts, unit.duration, self.pid, faults));
            if !continues || jumps {
                self.close_run(open.take(), &payload, language, &mut segments, faults)?;
                let start = if jumps { unit.pts } else { unit.pts.or(follows) };
                open = Some(Run::new(unit.config, rate, position, start));
            }
            if let Some(run) = &mut open {
                run.take(unit.size, unit.duration, end);
            }
            position = end;
        }
        self.close_run(open, &payload, language, &mut segments, faults)?;
        Ok(segments)
    }

    fn close_run(
        &self,
        run: Option<Run>,
        payload: &Bytes,
        language: Option<&str>,
        segments: &mut Vec<ElementarySegment>,
        faults: &mut Faults,
    ) -> Result<(), TooManyPieces> {
        let Some(run) = run else { return Ok(()) };
        let (Some(start), Some((_, config))) = (run.start, self.configs.get(run.config)) else {
            faults.add(self.pid, FaultKind::NoTimestamp);
            return Ok(());
        };
        if segments.len() >= MAXIMUM_PIECES {
            return Err(TooManyPieces);
        }
        segments.push(ElementarySegment {
            pid: self.pid.unwrap_or(0),
            language: language.map(str::to_owned),
            config: config.clone(),
            timescale: run.rate,
            wire_decode_time: start,
            samples: run.samples,
            payload: payload.slice(run.bytes),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
