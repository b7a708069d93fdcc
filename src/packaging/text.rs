//! Subtitle segments: WebVTT for HLS, EBU-TT-D in fMP4 for DASH (ISO 14496-30).
//!
//! There is one for every output segment, whether the encoder sent anything for it or not: without cues it is empty. So
//! subtitles that are late or missing never cost a player anything else.

use bytes::Bytes;

use super::RenderError;
use super::fragment::TRACK_ID;
use super::media_clock::MediaClock;
use crate::media::mp4::{Fragment, media_segment_header};
use crate::media::sample::{MPEG_TIMESCALE, Sample};
use crate::media::ts::timestamp::TIMESTAMP_MODULUS;
use crate::media::ttml;
use crate::media::webvtt::{Cue, TimestampMap, WebVtt};
use crate::presentation::{OutputSegment, Snapshot, TextSegment, TrackId};

/// Ticks of 90 kHz in a millisecond.
const TICKS_PER_MILLISECOND: i64 = MPEG_TIMESCALE as i64 / 1_000;

/// A pushed subtitle file and where its times lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedText {
    /// Media time of its local time 0, 90 kHz, within the span.
    pub local_zero: i64,
    /// The file.
    pub file: WebVtt,
}

/// The subtitle files of a track that came with an output segment, in order.
pub fn texts_of(snapshot: &Snapshot, segment: &OutputSegment, track: TrackId) -> Vec<TextSegment> {
    snapshot.slots_of(segment).filter_map(|slot| slot.texts.get(&track).copied()).collect()
}

/// A WebVTT segment: the cues as they were pushed, those that come again left out, with an `X-TIMESTAMP-MAP` that fits
/// the segments of video, whose times are the encoder's own modulo 2^33 (RFC 8216 §3.5).
pub fn webvtt_segment(segment: &OutputSegment, texts: &[LoadedText]) -> Bytes {
    let base = texts.first().map_or(segment.start, |text| text.local_zero);
    // A map beside the segment's own times, because a clock may have come round since local time 0.
    let local = segment.start.saturating_sub(base).max(0) / TICKS_PER_MILLISECOND;
    let mpegts = base.saturating_add(local * TICKS_PER_MILLISECOND).rem_euclid(TIMESTAMP_MODULUS as i64);
    let mut whole = WebVtt {
        timestamp_map: Some(TimestampMap { mpegts: mpegts as u64, local: local as u64 }),
        ..WebVtt::default()
    };
    for text in texts {
        for definition in &text.file.definitions {
            if !whole.definitions.contains(definition) {
                whole.definitions.push(definition.clone());
            }
        }
        let shift = text.local_zero.saturating_sub(base) / TICKS_PER_MILLISECOND;
        for cue in &text.file.cues {
            let (Some(start), Some(end)) = (cue.start.checked_add_signed(shift), cue.end.checked_add_signed(shift))
            else {
                continue;
            };
            let cue = Cue { start, end, ..cue.clone() };
            // Encoders repeat a cue in every segment that it reaches into.
            if !whole.cues.iter().rev().take(REPEATED_AMONG).any(|known| *known == cue) {
                whole.cues.push(cue);
            }
        }
    }
    whole.to_text().into()
}

/// Among how many cues before it a repeated one is looked for, so that work stays linear.
const REPEATED_AMONG: usize = 64;

/// A media segment with one sample: a TTML document of the cues that are shown in the segment, cut to its span.
///
/// Times in the document are those of the track (ISO 14496-30 §5.3): of `clock`, like the sample's own.
pub fn ttml_segment(
    segment: &OutputSegment,
    clock: MediaClock,
    language: Option<&str>,
    texts: &[LoadedText],
) -> Result<Vec<Bytes>, RenderError> {
    let start = clock.time(segment.start, MPEG_TIMESCALE);
    let decode_time = u64::try_from(start).map_err(|_| RenderError::BeforeClock { time: start })?;
    let document: Bytes = ttml::document(&shown(segment, start, texts), language).into();
    let duration = u32::try_from(segment.duration).unwrap_or(u32::MAX);
    let size = u32::try_from(document.len()).unwrap_or(u32::MAX);
    let header = media_segment_header(&Fragment {
        sequence_number: segment.number as u32, // counts modulo 2^32; players do not use it
        track_id: TRACK_ID,
        decode_time,
        events: &[],
        samples: &[Sample { size, duration, composition_offset: 0, is_sync: true }],
    })?;
    Ok(vec![header, document])
}

/// The cues that are shown in a segment that starts at `clock_start`, with times on the viewers' clock in milliseconds.
fn shown(segment: &OutputSegment, clock_start: i64, texts: &[LoadedText]) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    for text in texts {
        for cue in &text.file.cues {
            let media_time = |local: u64| {
                text.local_zero.saturating_add_unsigned(local.saturating_mul(TICKS_PER_MILLISECOND.unsigned_abs()))
            };
            let start = media_time(cue.start).max(segment.start);
            let end = media_time(cue.end).min(segment.end());
            let on_clock = |time: i64| {
                let ticks = clock_start.saturating_add(time.saturating_sub(segment.start));
                u64::try_from((ticks + TICKS_PER_MILLISECOND / 2) / TICKS_PER_MILLISECOND).unwrap_or(0)
            };
            let cut = Cue { identifier: None, start: on_clock(start), end: on_clock(end), ..cue.clone() };
            let is_known = |known: &Cue| (known.start, known.end, &known.text) == (cut.start, cut.end, &cut.text);
            if cut.start < cut.end && start < end && !cues.iter().rev().take(REPEATED_AMONG).any(is_known) {
                cues.push(cut);
            }
        }
    }
    cues.sort_by_key(|cue| cue.start);
    cues
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::presentation::{ClockAnchor, InputIndex, Run};

    fn segment(start: i64, duration: i64) -> OutputSegment {
        let anchor = ClockAnchor { time: start, wall_clock: Timestamp::UNIX_EPOCH };
        let run = Run { first_number: 1, start, wall_clock: Timestamp::UNIX_EPOCH, anchor };
        OutputSegment {
            number: 7,
            input: InputIndex::First,
            first_slot: 0,
            slot_count: 1,
            start,
            duration,
            span: 0,
            wall_clock: Timestamp::UNIX_EPOCH,
            received: Timestamp::UNIX_EPOCH,
            run,
        }
    }

    fn text(local_zero: i64, file: &str) -> LoadedText {
        LoadedText { local_zero, file: WebVtt::read(file.as_bytes()).unwrap() }
    }

    const FIRST: &str = "WEBVTT\n\n1\n00:00.000 --> 00:01.000 line:0\n<b>one</b>\n\n00:01.500 --> 00:02.500\ntwo\n";
    const SECOND: &str = "WEBVTT\n\n00:01.500 --> 00:02.500\ntwo\n\n00:03.000 --> 00:09.000\nthree\n";

    #[test]
    fn files_are_put_together_and_repeated_cues_come_once() {
        let texts = [text(126_000, FIRST), text(126_000, SECOND)];
        let whole = WebVtt::read(&webvtt_segment(&segment(126_000, 360_000), &texts)).unwrap();
        assert_eq!(whole.timestamp_map, Some(TimestampMap { mpegts: 126_000, local: 0 }));
        let lines: Vec<&str> = whole.cues.iter().map(|cue| cue.text.as_str()).collect();
        assert_eq!(lines, ["<b>one</b>", "two", "three"]);
        assert_eq!((whole.cues[0].identifier.as_deref(), whole.cues[0].settings.as_str()), (Some("1"), "line:0"));
    }

    #[test]
    fn the_map_stays_beside_the_segment_when_the_clock_has_come_round() {
        // Local time 0 was 30 hours ago; the clock has 26.5.
        let start = 30 * 3_600 * 90_000;
        let whole = WebVtt::read(&webvtt_segment(&segment(start, 180_000), &[text(0, FIRST)])).unwrap();
        let expected = TimestampMap { mpegts: start as u64 - (1 << 33), local: 30 * 3_600_000 };
        assert_eq!(whole.timestamp_map, Some(expected));
    }

    #[test]
    fn times_of_a_file_with_another_zero_are_moved() {
        let texts = [text(0, FIRST), text(90_000, "WEBVTT\n\n00:05.000 --> 00:06.000\nlater\n")];
        let whole = WebVtt::read(&webvtt_segment(&segment(0, 900_000), &texts)).unwrap();
        assert_eq!(whole.cues.last().map(|cue| (cue.start, cue.end)), Some((6_000, 7_000)));
    }

    #[test]
    fn without_files_there_is_an_empty_segment() {
        let whole = WebVtt::read(&webvtt_segment(&segment(126_000, 180_000), &[])).unwrap();
        assert_eq!((whole.cues.len(), whole.timestamp_map.map(|map| map.mpegts)), (0, Some(126_000)));
    }

    #[test]
    fn a_document_has_the_cues_of_its_span_on_the_viewers_clock() {
        let texts = [text(0, FIRST), text(0, SECOND)];
        let cues = shown(&segment(180_000, 180_000), 5_400_000, &texts);
        let times: Vec<_> = cues.iter().map(|cue| (cue.start, cue.end, cue.text.as_str())).collect();
        assert_eq!(times, [(60_000, 60_500, "two"), (61_000, 62_000, "three")]);
    }

    #[test]
    fn the_sample_lasts_as_long_as_the_segment() {
        let slices = ttml_segment(&segment(180_000, 180_000), MediaClock::ENCODER, Some("eng"), &[]).unwrap();
        let [header, document] = &slices[..] else { panic!("{slices:?}") };
        assert!(document.starts_with(b"<?xml"));
        // tfdt, version 1, flags, decode time.
        let tfdt = header.windows(4).position(|name| name == b"tfdt").unwrap();
        let time = u64::from_be_bytes(header[tfdt + 8..tfdt + 16].try_into().unwrap());
        assert_eq!(time, MediaClock::ENCODER.time(180_000, 90_000) as u64);
    }
}
