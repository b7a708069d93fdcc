//! What a pushed segment says besides its samples: SCTE-35 sections, ID3 tags and KLV units with their times.

use bytes::Bytes;

use crate::media::scte35::SpliceInfoSection;
use crate::media::ts::TransportSegment;
use crate::media::ts::psi::StreamKind;
use crate::media::{id3, klv};
use crate::presentation::{MessageKind, StoredMessage};

/// Messages of one segment. KLV at thirty a second in a segment of ten seconds is a tenth of it.
const MOST_MESSAGES: usize = 3_000;

/// Bytes of one segment's messages: they are kept in memory and in the journal, media is not.
const MOST_BYTES: usize = 256 * 1024;

/// The messages in the order of their streams, and a sentence for each kind of thing that was left out.
///
/// `start` is the earliest presentation time of the segment's media, 33 bits, 90 kHz: what a message without a time
/// that stands before all media gets.
pub(super) fn messages(segment: &TransportSegment, start: u64) -> (Vec<StoredMessage>, Vec<String>) {
    let mut collected = Collected { messages: Vec::new(), bytes: 0, left_out: 0 };
    let mut problems = Vec::new();
    for splice in &segment.splice_sections {
        match SpliceInfoSection::read(&splice.section) {
            Ok(read) => collected.add(StoredMessage {
                kind: MessageKind::Scte35,
                stream_index: splice.stream_index,
                wire_time: read.splice_time().or(splice.pts_before).unwrap_or(start),
                payload: splice.section.clone(),
            }),
            Err(error) => problems.push(format!("scte-35 on pid {}: {error}", splice.pid)),
        }
    }
    for metadata in &segment.timed_metadata {
        let arrival = metadata.pts_before.unwrap_or(start);
        let (kind, wire_time, payloads) = match metadata.kind {
            StreamKind::KlvSynchronous => {
                let units = klv::synchronous_units(&metadata.data);
                (MessageKind::KlvSynchronous, metadata.pts.unwrap_or(arrival), units)
            }
            StreamKind::KlvAsynchronous => (MessageKind::KlvAsynchronous, arrival, vec![metadata.data.clone()]),
            _ => (MessageKind::Id3, metadata.pts.unwrap_or(arrival), id3::tags(&metadata.data)),
        };
        if payloads.is_empty() {
            problems.push(format!("pid {}: metadata that is no {kind:?}", metadata.pid));
        }
        for payload in payloads {
            collected.add(StoredMessage { kind, stream_index: metadata.stream_index, wire_time, payload });
        }
    }
    if collected.left_out > 0 {
        problems.push(format!("{} messages are more than is kept of one segment: left out", collected.left_out));
    }
    problems.sort();
    problems.dedup();
    (collected.messages, problems)
}

struct Collected {
    messages: Vec<StoredMessage>,
    bytes: usize,
    left_out: usize,
}

impl Collected {
    fn add(&mut self, mut message: StoredMessage) {
        let bytes = self.bytes + message.payload.len();
        if self.messages.len() >= MOST_MESSAGES || bytes > MOST_BYTES {
            self.left_out += 1;
            return;
        }
        // A copy, so that a few bytes do not keep a whole segment in memory.
        message.payload = Bytes::copy_from_slice(&message.payload);
        self.bytes = bytes;
        self.messages.push(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::scte35::SpliceCommand;
    use crate::media::ts::{SpliceSection, TimedMetadata};

    fn splice(pts_time: Option<u64>, pts_before: Option<u64>) -> SpliceSection {
        let section = SpliceInfoSection::new(SpliceCommand::TimeSignal { pts_time }, Vec::new());
        SpliceSection { pid: 500, stream_index: 0, pts_before, section: section.write().unwrap().into() }
    }

    fn metadata(kind: StreamKind, data: &[u8]) -> TimedMetadata {
        let data = Bytes::copy_from_slice(data);
        TimedMetadata { pid: 501, kind, stream_index: 1, pts: Some(70), pts_before: Some(60), data }
    }

    #[test]
    fn a_cue_has_its_own_time_or_that_of_the_picture_that_it_came_with() {
        let segment = TransportSegment {
            splice_sections: vec![splice(Some(9), Some(5)), splice(None, Some(5)), splice(None, None)],
            ..TransportSegment::default()
        };
        let (messages, problems) = messages(&segment, 1);
        assert_eq!(messages.iter().map(|message| message.wire_time).collect::<Vec<_>>(), [9, 5, 1]);
        assert!(problems.is_empty());
    }

    #[test]
    fn metadata_becomes_tags_and_units() {
        let tag = b"ID3\x04\0\0\0\0\0\x02xx";
        let segment = TransportSegment {
            timed_metadata: vec![
                metadata(StreamKind::Id3, tag),
                metadata(StreamKind::Id3, b"junk"),
                metadata(StreamKind::KlvSynchronous, b"\0\0\xC0\0\x03KLV"),
                metadata(StreamKind::KlvAsynchronous, b"KLV"),
            ],
            ..TransportSegment::default()
        };
        let (messages, problems) = messages(&segment, 1);
        let found: Vec<_> =
            messages.iter().map(|message| (message.kind, message.wire_time, &message.payload[..])).collect();
        assert_eq!(
            found,
            [
                (MessageKind::Id3, 70, &tag[..]),
                (MessageKind::KlvSynchronous, 70, b"KLV"),
                (MessageKind::KlvAsynchronous, 60, b"KLV"),
            ]
        );
        assert_eq!(problems, ["pid 501: metadata that is no Id3"]);
    }

    #[test]
    fn what_is_kept_of_one_segment_is_bounded() {
        let segment = TransportSegment {
            timed_metadata: vec![metadata(StreamKind::KlvAsynchronous, &[0; 1_000]); 400],
            ..TransportSegment::default()
        };
        let (messages, problems) = messages(&segment, 1);
        assert_eq!(messages.len(), MOST_BYTES / 1_000);
        assert_eq!(problems, ["138 messages are more than is kept of one segment: left out"]);
    }
}
