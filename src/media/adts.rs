//! AAC frames out of a byte stream of ADTS frames that comes in pieces, some of them with a timestamp.
//!
//! Frames may lie across pieces; a piece's timestamp belongs to the first frame that begins in it (ISO 13818-1
//! §2.4.3.7). What is only part of a frame at either end is dropped.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::codec::aac::{ADTS_HEADER_SIZE, AdtsHeader, SAMPLES_PER_FRAME};
use super::codec::{AacConfig, CodecConfig};
use super::fault::{FaultKind, Faults, MAXIMUM_GAP, MAXIMUM_PIECES, TooManyPieces};
use super::sample::{ElementarySegment, MPEG_TIMESCALE, Sample};
use super::ts::timestamp;

/// The part of a header that stays the same within one configuration.
type FixedHeader = (u8, u8, u8);

fn fixed(header: &AdtsHeader) -> FixedHeader {
    (header.object_type, header.sampling_frequency_index, header.channel_configuration)
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    size: u32,
    pts: Option<u64>,
    config: usize,
}

/// Takes a stream of ADTS frames apart.
#[derive(Debug)]
pub struct AdtsFrames {
    pid: Option<u16>,
    /// Bytes that are not framed yet: at most part of a frame, between calls.
    buffer: Vec<u8>,
    /// Position of the buffer's first byte in the stream.
    buffer_position: u64,
    /// Timestamps that no frame has taken yet, with the position in the stream where their piece begins.
    marks: VecDeque<(u64, u64)>,
    is_synchronised: bool,
    skipped: bool,
    frames: Vec<Frame>,
    configs: Vec<(FixedHeader, AacConfig)>,
    payload: Vec<u8>,
}

/// Whether a header at some position is one, so far as can be known.
enum Verdict {
    Frame(AdtsHeader),
    NotAFrame,
    NeedsMoreBytes,
}

impl AdtsFrames {
    /// `pid` is only for the faults; `expected_size` is how many bytes are likely to come.
    pub fn new(pid: Option<u16>, expected_size: usize) -> AdtsFrames {
        AdtsFrames {
            pid,
            buffer: Vec::new(),
            buffer_position: 0,
            marks: VecDeque::new(),
            is_synchronised: false,
            skipped: false,
            frames: Vec::new(),
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
        self.buffer_position += self.buffer.len() as u64;
        self.buffer.clear();
        self.marks.clear();
        self.is_synchronised = false;
        self.skipped = false;
        Ok(())
    }

    fn judge(&self, position: usize, at_end: bool) -> Verdict {
        let rest = self.buffer.get(position..).unwrap_or_default();
        if rest.len() < ADTS_HEADER_SIZE {
            return Verdict::NeedsMoreBytes;
        }
        let Some(header) = AdtsHeader::read(rest) else { return Verdict::NotAFrame };
        let after = rest.get(header.frame_size..);
        // Nearly every multiplexer begins a piece with a frame.
        let begins_piece =
            self.marks.binary_search_by_key(&(self.buffer_position + position as u64), |mark| mark.0).is_ok();
        if self.is_synchronised || begins_piece {
            return if after.is_some() { Verdict::Frame(header) } else { Verdict::NeedsMoreBytes };
        }
        // Twelve ones are easily met by chance: a first frame counts only with the next one's header behind it.
        match after {
            None => Verdict::NeedsMoreBytes,
            Some([]) if at_end => Verdict::Frame(header),
            Some(next) if next.len() < ADTS_HEADER_SIZE && !at_end => Verdict::NeedsMoreBytes,
            Some(next) if next.len() < ADTS_HEADER_SIZE && next.first() == Some(&0xFF) => Verdict::Frame(header),
            Some(next) => match AdtsHeader::read(next) {
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
                    position += header.frame_size;
                }
                // At the end, what looks like a frame cut short may hide a whole one behind a false header.
                Verdict::NeedsMoreBytes
                    if !(at_end && !self.is_synchronised && self.buffer.len() - position >= ADTS_HEADER_SIZE) =>
                {
                    break;
                }
                Verdict::NotAFrame | Verdict::NeedsMoreBytes => {
                    self.is_synchronised = false;
                    self.skipped = true;
                    let rest = self.buffer.get(position + 1..).unwrap_or_default();
                    position += 1 + memchr::memchr(0xFF, rest).unwrap_or(rest.len());
                }
            }
        }
        position = position.min(self.buffer.len());
        if at_end {
            self.note_skipped(faults);
            if position < self.buffer.len() && !self.frames.is_empty() {
                faults.add(self.pid, FaultKind::PartialAudioFrameAtEnd);
            }
        }
        self.buffer.drain(..position);
        self.buffer_position += position as u64;
        Ok(())
    }

    fn note_skipped(&mut self, faults: &mut Faults) {
        if std::mem::take(&mut self.skipped) {
            let at_start = self.frames.is_empty();
            let kind = if at_start { FaultKind::PartialAudioFrameAtStart } else { FaultKind::LostAudioSync };
            faults.add(self.pid, kind);
        }
    }

    fn take_frame(&mut self, position: usize, header: &AdtsHeader, faults: &mut Faults) -> Result<(), TooManyPieces> {
        let begin = self.buffer_position + position as u64;
        let mut pts = None;
        while let Some((_, mark)) = self.marks.pop_front_if(|(from, _)| *from <= begin) {
            pts = Some(mark);
        }
        let raw = self.buffer.get(position + header.header_size..position + header.frame_size).unwrap_or_default();
        let known = self.configs.last().is_some_and(|(last, _)| *last == fixed(header));
        let config = if known { None } else { header.config() };
        if raw.is_empty() || header.raw_data_blocks != 1 || (!known && config.is_none()) {
            faults.add(self.pid, FaultKind::UnsupportedAudioFrame);
            return Ok(());
        }
        if let Some(config) = config {
            if self.configs.len() >= MAXIMUM_PIECES {
                return Err(TooManyPieces);
            }
            self.configs.push((fixed(header), config));
        }
        // A frame has at most 8191 bytes.
        let size = raw.len() as u32;
        self.payload.extend_from_slice(raw);
        self.frames.push(Frame { size, pts, config: self.configs.len() - 1 });
        Ok(())
    }

    /// The frames as samples: one segment, or several where the configuration changes or timestamps jump.
    ///
    /// Every frame lasts 1024 samples. Timestamps are compared with what the frames before add up to: half a frame
    /// off is rounding or clock drift and ignored; a gap makes the frame before it last longer; an overlap is ignored.
    /// More than [`MAXIMUM_GAP`] either way is a break.
    pub fn finish(
        mut self,
        language: Option<&str>,
        faults: &mut Faults,
    ) -> Result<Vec<ElementarySegment>, TooManyPieces> {
        self.take_frames(true, faults)?;
        let payload = Bytes::from(std::mem::take(&mut self.payload));
        let mut segments = Vec::new();
        let mut open: Option<Run> = None;
        let mut position = 0usize;
        for frame in &self.frames {
            let end = position + frame.size as usize;
            let rate = self.configs.get(frame.config).map_or(1, |(_, config)| config.sampling_rate);
            let continues = open.as_ref().is_some_and(|run| run.config == frame.config);
            let follows = open.as_ref().and_then(Run::end_time);
            let jumps = continues && open.as_mut().is_some_and(|run| run.meet(frame.pts, self.pid, faults));
            if !continues || jumps {
                self.close(open.take(), &payload, language, &mut segments, faults)?;
                open =
                    Some(Run::new(frame.config, rate, position, if jumps { frame.pts } else { frame.pts.or(follows) }));
            }
            if let Some(run) = &mut open {
                run.take(frame.size, end);
            }
            position = end;
        }
        self.close(open, &payload, language, &mut segments, faults)?;
        Ok(segments)
    }

    fn close(
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
            config: CodecConfig::Aac(config.clone()),
            timescale: run.rate,
            wire_decode_time: start,
            samples: run.samples,
            payload: payload.slice(run.bytes),
        });
        Ok(())
    }
}

/// Frames of one configuration without a break.
struct Run {
    config: usize,
    rate: u32,
    /// When the first frame begins, once a timestamp has told.
    start: Option<u64>,
    /// Sum of the durations so far, in samples.
    elapsed: u64,
    /// By how much the wire's clock is ahead of the sum, because of overlaps; 90 kHz.
    skew: i64,
    samples: Vec<Sample>,
    bytes: Range<usize>,
}

impl Run {
    fn new(config: usize, rate: u32, position: usize, start: Option<u64>) -> Run {
        Run { config, rate, start, elapsed: 0, skew: 0, samples: Vec::new(), bytes: position..position }
    }

    fn elapsed_ticks(&self) -> i64 {
        let rate = u64::from(self.rate);
        i64::try_from((self.elapsed * u64::from(MPEG_TIMESCALE) + rate / 2) / rate).unwrap_or(i64::MAX)
    }

    /// When the next frame should begin.
    fn end_time(&self) -> Option<u64> {
        self.start.map(|start| timestamp::add(start, self.elapsed_ticks().saturating_add(self.skew)))
    }

    /// Compares the next frame's timestamp with what is due; true if there is a break between.
    fn meet(&mut self, pts: Option<u64>, pid: Option<u16>, faults: &mut Faults) -> bool {
        let Some(pts) = pts else { return false };
        let Some(due) = self.end_time() else {
            self.start = Some(timestamp::add(pts, -self.elapsed_ticks()));
            return false;
        };
        let late = timestamp::difference(pts, due);
        let half_frame = i64::from(SAMPLES_PER_FRAME / 2) * i64::from(MPEG_TIMESCALE) / i64::from(self.rate.max(1));
        if late.abs() > MAXIMUM_GAP {
            faults.add(pid, FaultKind::TimestampJump);
            return true;
        }
        if late > half_frame {
            faults.add(pid, FaultKind::AudioGap);
            let samples = (late * i64::from(self.rate) + i64::from(MPEG_TIMESCALE / 2)) / i64::from(MPEG_TIMESCALE);
            // At most ten seconds of 96 kHz.
            let samples = u32::try_from(samples).unwrap_or(0);
            if let Some(last) = self.samples.last_mut() {
                last.duration = last.duration.saturating_add(samples);
                self.elapsed += u64::from(samples);
            }
        } else if late < -half_frame {
            faults.add(pid, FaultKind::AudioOverlap);
            self.skew += late;
        }
        false
    }

    fn take(&mut self, size: u32, end: usize) {
        self.samples.push(Sample { size, duration: SAMPLES_PER_FRAME, composition_offset: 0, is_sync: true });
        self.elapsed += u64::from(SAMPLES_PER_FRAME);
        self.bytes.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::fault::Fault;

    /// An ADTS frame of 48 kHz stereo with this payload.
    fn frame(payload: &[u8]) -> Vec<u8> {
        let size = payload.len() + 7;
        let header = [0xFF, 0xF1, 0x4C, 0x80 | (size >> 11) as u8, (size >> 3) as u8, (size << 5) as u8 | 0x1F, 0xFC];
        [&header, payload].concat()
    }

    /// Ticks of a frame of 48 kHz.
    const FRAME: u64 = 1920;

    fn run(pieces: &[(&[u8], Option<u64>)]) -> (Vec<ElementarySegment>, Vec<Fault>) {
        let mut faults = Faults::default();
        let mut frames = AdtsFrames::new(Some(257), 0);
        for (data, pts) in pieces {
            frames.push(data, *pts, &mut faults).unwrap();
        }
        (frames.finish(Some("deu"), &mut faults).unwrap(), faults.into_vec())
    }

    fn kinds(faults: &[Fault]) -> Vec<(FaultKind, u32)> {
        faults.iter().map(|fault| (fault.kind, fault.count)).collect()
    }

    #[test]
    fn frames_across_pieces_become_samples_without_headers() {
        let stream = [frame(b"one"), frame(b"second"), frame(b"3")].concat();
        for cut in 0..stream.len() {
            let (head, tail) = stream.split_at(cut);
            let (segments, faults) = run(&[(head, Some(1000)), (tail, None)]);
            assert_eq!(faults, [], "cut at {cut}");
            if cut < 1 {
                // An empty first piece still hands its timestamp to the first frame that begins after it.
                assert_eq!(segments[0].wire_decode_time, 1000);
            }
            assert_eq!(segments.len(), 1);
            assert_eq!(segments[0].payload.as_ref(), b"onesecond3");
            assert_eq!(segments[0].samples.iter().map(|sample| sample.size).collect::<Vec<_>>(), [3, 6, 1]);
            assert_eq!((segments[0].timescale, segments[0].duration()), (48_000, 3 * 1024));
            assert_eq!((segments[0].wire_decode_time, segments[0].language.as_deref()), (1000, Some("deu")));
        }
    }

    #[test]
    fn the_timestamp_belongs_to_the_first_frame_that_begins_in_the_piece() {
        let stream = [frame(b"left over"), frame(b"one"), frame(b"two")].concat();
        let (segments, faults) = run(&[(&stream[4..], Some(90_000))]);
        assert_eq!(kinds(&faults), [(FaultKind::PartialAudioFrameAtStart, 1)]);
        assert_eq!((segments[0].wire_decode_time, segments[0].payload.as_ref()), (90_000, &b"onetwo"[..]));
    }

    #[test]
    fn a_later_timestamp_is_counted_back_to_the_first_frame_across_the_wrap() {
        let (segments, _) = run(&[(&[frame(b"one"), frame(b"two")].concat(), None), (&frame(b"three"), Some(FRAME))]);
        assert_eq!(segments[0].wire_decode_time, timestamp::TIMESTAMP_MODULUS - FRAME);
    }

    #[test]
    fn a_frame_cut_at_the_end_is_dropped() {
        let stream = [frame(b"one"), frame(b"two")].concat();
        let (segments, faults) = run(&[(&stream[..stream.len() - 1], Some(0))]);
        assert_eq!(kinds(&faults), [(FaultKind::PartialAudioFrameAtEnd, 1)]);
        assert_eq!(segments[0].payload.as_ref(), b"one");
    }

    #[test]
    fn a_gap_makes_the_frame_before_it_longer() {
        let (segments, faults) = run(&[(&frame(b"one"), Some(0)), (&frame(b"two"), Some(FRAME + 90_000))]);
        assert_eq!(kinds(&faults), [(FaultKind::AudioGap, 1)]);
        assert_eq!(segments[0].samples.iter().map(|s| s.duration).collect::<Vec<_>>(), [1024 + 48_000, 1024]);
    }

    #[test]
    fn half_a_frame_off_is_no_gap_and_no_overlap() {
        for off in [-960i64, 960] {
            let (segments, faults) =
                run(&[(&frame(b"one"), Some(10_000)), (&frame(b"two"), Some(timestamp::add(10_000 + FRAME, off)))]);
            assert_eq!((segments[0].duration(), faults), (2048, vec![]), "off by {off}");
        }
    }

    #[test]
    fn an_overlap_is_told_once_and_keeps_the_frames_back_to_back() {
        let pieces: Vec<Vec<u8>> = (0..4).map(|_| frame(b"x")).collect();
        let times = [10 * FRAME, 11 * FRAME, 11 * FRAME, 12 * FRAME];
        let pieces: Vec<(&[u8], Option<u64>)> =
            pieces.iter().zip(times).map(|(p, t)| (p.as_slice(), Some(t))).collect();
        let (segments, faults) = run(&pieces);
        assert_eq!(kinds(&faults), [(FaultKind::AudioOverlap, 1)]);
        assert_eq!((segments.len(), segments[0].duration()), (1, 4 * 1024));
    }

    #[test]
    fn a_jump_of_hours_breaks_the_track() {
        let (segments, faults) = run(&[(&frame(b"one"), Some(0)), (&frame(b"two"), Some(90_000 * 3600))]);
        assert_eq!(kinds(&faults), [(FaultKind::TimestampJump, 1)]);
        assert_eq!(segments.iter().map(|s| s.wire_decode_time).collect::<Vec<_>>(), [0, 90_000 * 3600]);
        assert_eq!(segments[1].payload.as_ref(), b"two");
    }

    #[test]
    fn a_new_configuration_begins_a_new_segment_in_time() {
        let mut mono = frame(b"mono");
        mono[3] = mono[3] & 0x3F | 0x40;
        let (segments, _) = run(&[(&[frame(b"one"), frame(b"two"), mono].concat(), Some(0))]);
        assert_eq!(segments.len(), 2);
        assert_eq!(segments[1].wire_decode_time, 2 * FRAME);
        let CodecConfig::Aac(config) = &segments[1].config else { panic!("audio") };
        assert_eq!(config.channels, 1);
    }

    #[test]
    fn bytes_between_frames_are_skipped() {
        let stream = [frame(b"one"), b"junk \xFF\xF1 junk".to_vec(), frame(b"two"), frame(b"three")].concat();
        let (segments, faults) = run(&[(&stream, Some(0))]);
        assert_eq!(kinds(&faults), [(FaultKind::LostAudioSync, 1)]);
        assert_eq!(segments[0].payload.as_ref(), b"onetwothree");
    }

    #[test]
    fn lost_bytes_drop_the_frame_they_belong_to() {
        let mut faults = Faults::default();
        let mut frames = AdtsFrames::new(None, 0);
        let whole = frame(b"whole");
        frames.push(&[&whole[..], &whole[..9]].concat(), Some(0), &mut faults).unwrap();
        frames.lost(&mut faults).unwrap();
        frames.push(&[&whole[..], &whole].concat(), Some(3 * FRAME), &mut faults).unwrap();
        let segments = frames.finish(None, &mut faults).unwrap();
        assert_eq!(segments[0].samples.iter().map(|s| s.duration).collect::<Vec<_>>(), [3 * 1024, 1024, 1024]);
    }

    #[test]
    fn a_stream_without_timestamps_gives_no_segment() {
        let (segments, faults) = run(&[(&frame(b"one"), None)]);
        assert_eq!((segments.len(), kinds(&faults)), (0, vec![(FaultKind::NoTimestamp, 1)]));
    }

    #[test]
    fn a_configuration_that_changes_with_every_frame_is_refused() {
        let mut faults = Faults::default();
        let mut frames = AdtsFrames::new(None, 0);
        let mut result = Ok(());
        for index in 0..40 {
            let mut piece = frame(b"x");
            piece[3] = piece[3] & 0x3F | if index % 2 == 0 { 0x40 } else { 0x80 };
            result = result.and(frames.push(&piece, Some(0), &mut faults));
        }
        assert_eq!(result.and(frames.finish(None, &mut faults).map(|_| ())), Err(TooManyPieces));
    }
}
