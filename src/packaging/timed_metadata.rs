//! Messages that a segment carries: ID3 tags in transport streams, event messages in fMP4.
//!
//! A message belongs to the segment whose media it came with. Beside what the encoder sent, a manifest with an interval
//! for program date and time has an ID3 tag of our own every five seconds, with the time of ingest.

use bytes::Bytes;
use jiff::Timestamp;

use super::media_clock::MediaClock;
use crate::media::id3;
use crate::media::mp4::EventMessage;
use crate::media::sample::MPEG_TIMESCALE;
use crate::media::scte35::SpliceInfoSection;
use crate::media::ts::psi::crc32;
use crate::presentation::ad_signal::is_about_ads;
use crate::presentation::{MessageKind, OutputSegment, Snapshot, TimedMessage};
use crate::resources::AdSelection;

/// Scheme of ID3 tags in event messages: "Carriage of ID3 Timed Metadata in the Common Media Application Format", AOM.
pub const ID3_SCHEME: &str = "https://aomedia.org/emsg/ID3";

/// `value` of that scheme.
pub const ID3_VALUE: &str = "0";

/// Scheme of KLV units in event messages: MISB ST 1910.1.
pub const KLV_SCHEME: &str = "urn:misb:KLV:bin:1910.1";

/// Scheme of whole splice_info_sections in event messages, ANSI/SCTE 214-1.
pub const SCTE35_SCHEME: &str = "urn:scte:scte35:2013:bin";

/// Seconds from one tag with the time of ingest to the next.
const INGEST_TIME_INTERVAL: i64 = 5;

/// Description of the TXXX frame with the time of ingest.
const INGEST_TIME_DESCRIPTION: &str = "ingest-time";

/// What of the messages a segment carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Carried<'a> {
    /// ID3 tags with the time of ingest are added.
    pub ingest_time: bool,
    /// KLV units.
    pub klv: bool,
    /// The SCTE-35 sections that this selection is about.
    pub scte35: Option<&'a AdSelection>,
}

/// The messages of a segment, in order of time.
pub fn messages(snapshot: &Snapshot, segment: &OutputSegment, carried: Carried<'_>) -> Vec<TimedMessage> {
    let mut messages = Vec::new();
    let mut slot_start = segment.wall_clock;
    for slot in snapshot.slots_of(segment) {
        messages.extend(slot.messages.iter().filter(|message| is_carried(message, carried)).cloned());
        let slot_end = wall_clock_at(segment, slot.end());
        if carried.ingest_time {
            let ticks_at = |instant: Timestamp| {
                let ticks = instant.duration_since(segment.wall_clock).as_nanos() * i128::from(MPEG_TIMESCALE);
                segment.start.saturating_add(i64::try_from(ticks / 1_000_000_000).unwrap_or(0))
            };
            messages.extend(instants_within(slot_start, slot_end).filter_map(|instant| {
                let payload = ingest_time_tag(slot.last_arrival)?;
                Some(TimedMessage { kind: MessageKind::Id3, stream_index: 0, time: ticks_at(instant), payload })
            }));
        }
        slot_start = slot_end;
    }
    messages.sort_by_key(|message| message.time);
    messages
}

/// True if the segment carries the message.
fn is_carried(message: &TimedMessage, carried: Carried<'_>) -> bool {
    match message.kind {
        MessageKind::Id3 => true,
        MessageKind::KlvSynchronous | MessageKind::KlvAsynchronous => carried.klv,
        MessageKind::Scte35 => carried.scte35.is_some_and(|selection| {
            SpliceInfoSection::read(&message.payload).is_ok_and(|section| is_about_ads(&section, selection))
        }),
    }
}

/// The endpoint's wall clock at a media time of the segment, 90 kHz.
fn wall_clock_at(segment: &OutputSegment, time: i64) -> Timestamp {
    let after_start = crate::presentation::timeline::ticks_to_duration(time.saturating_sub(segment.start));
    segment.wall_clock.saturating_add(after_start).unwrap_or(segment.wall_clock)
}

/// Whole multiples of five seconds of the wall clock, from `start` to before `end`; a minute of them at the most.
fn instants_within(start: Timestamp, end: Timestamp) -> impl Iterator<Item = Timestamp> {
    let nanoseconds = i128::from(INGEST_TIME_INTERVAL) * 1_000_000_000;
    let first = start.as_nanosecond().saturating_add(nanoseconds - 1).div_euclid(nanoseconds);
    (first..first.saturating_add(12))
        .filter_map(move |count| Timestamp::from_nanosecond(count.saturating_mul(nanoseconds)).ok())
        .take_while(move |instant| *instant < end)
}

/// An ID3 tag that says when the media at its place was received: one TXXX frame with the UTC time in ISO 8601.
fn ingest_time_tag(received: Timestamp) -> Option<Bytes> {
    id3::text_tag(INGEST_TIME_DESCRIPTION, &format!("{received:.3}"))
}

/// Scheme and value of a message in fMP4.
pub fn scheme(kind: MessageKind, stream_index: u8) -> (&'static str, String) {
    match kind {
        MessageKind::Id3 => (ID3_SCHEME, ID3_VALUE.to_owned()),
        MessageKind::Scte35 => (SCTE35_SCHEME, String::new()),
        MessageKind::KlvSynchronous => (KLV_SCHEME, format!("KLV{stream_index}:01FC")),
        MessageKind::KlvAsynchronous => (KLV_SCHEME, format!("KLV{stream_index}:01BD")),
    }
}

/// Messages as event messages on the viewers' clock.
pub fn event_messages(messages: &[TimedMessage], clock: MediaClock) -> Vec<EventMessage> {
    messages
        .iter()
        .map(|message| {
            let (scheme_id_uri, value) = scheme(message.kind, message.stream_index);
            let presentation_time = u64::try_from(clock.time(message.time, MPEG_TIMESCALE)).unwrap_or(0);
            EventMessage {
                scheme_id_uri,
                value,
                timescale: MPEG_TIMESCALE,
                presentation_time,
                event_duration: None,
                id: event_id(presentation_time, &message.payload),
                data: message.payload.clone(),
            }
        })
        .collect()
}

/// The same for a message that is sent again, another for every other.
fn event_id(presentation_time: u64, payload: &[u8]) -> u32 {
    crc32(&[&presentation_time.to_be_bytes(), payload].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn every_five_seconds_belong_to_one_slot() {
        let edges = [at(-700), at(0), at(4_999), at(5_000), at(9_000), at(21_000)];
        let instants: Vec<Timestamp> =
            edges.windows(2).flat_map(|pair| instants_within(pair[0], pair[1]).collect::<Vec<_>>()).collect();
        assert_eq!(instants, [at(0), at(5_000), at(10_000), at(15_000), at(20_000)]);
        let too_long = instants_within(at(0), Timestamp::MAX).count();
        assert_eq!(too_long, 12);
    }

    #[test]
    fn the_tag_tells_the_time_of_ingest() {
        let tag = ingest_time_tag(at(40)).unwrap();
        assert_eq!(
            tag.as_ref(),
            b"ID3\x04\0\0\0\0\0\x30\
            TXXX\0\0\0\x26\0\0\x03ingest-time\x002027-01-15T08:00:00.040Z\0"
        );
    }

    #[test]
    fn klv_is_told_by_its_track() {
        assert_eq!(scheme(MessageKind::KlvSynchronous, 1).1, "KLV1:01FC");
        assert_eq!(scheme(MessageKind::KlvAsynchronous, 0).1, "KLV0:01BD");
    }
}
