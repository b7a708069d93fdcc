//! Event messages that lie in a media segment: `emsg`, ISO 23009-1 §5.10.3.3.

use bytes::Bytes;

use super::box_writer::BoxWriter;

/// An event, written as an `emsg` box of version 1: its time is on the track's timeline, not relative to the segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMessage {
    /// `scheme_id_uri`: what the event is. Neither it nor the value holds a zero character.
    pub scheme_id_uri: &'static str,
    /// `value`, as its scheme defines it.
    pub value: String,
    /// Ticks per second of `presentation_time` and `event_duration`.
    pub timescale: u32,
    /// Media time of the event, as that of samples.
    pub presentation_time: u64,
    /// How long it lasts; `None` if that is not known.
    pub event_duration: Option<u32>,
    /// Messages of one scheme and value with the same id say the same.
    pub id: u32,
    /// `message_data`.
    pub data: Bytes,
}

/// `event_duration` that says "not known", ISO 23009-1 §5.10.3.3.3.
const UNKNOWN_DURATION: u32 = 0xFFFF_FFFF;

impl EventMessage {
    /// Bytes of the box.
    pub(super) fn size(&self) -> usize {
        self.data.len().saturating_add(self.scheme_id_uri.len() + self.value.len() + 34)
    }

    pub(super) fn write(&self, writer: &mut BoxWriter) {
        writer.full_box(b"emsg", 1, 0, |writer| {
            writer.u32(self.timescale);
            writer.u64(self.presentation_time);
            writer.u32(self.event_duration.unwrap_or(UNKNOWN_DURATION));
            writer.u32(self.id);
            for text in [self.scheme_id_uri, &self.value] {
                writer.bytes(text.as_bytes());
                writer.u8(0);
            }
            writer.bytes(&self.data);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_has_the_fields_in_their_order() {
        let event = EventMessage {
            scheme_id_uri: "urn:x",
            value: "0".to_owned(),
            timescale: 90_000,
            presentation_time: 0x01_0000_0002,
            event_duration: None,
            id: 7,
            data: Bytes::from_static(b"ID3"),
        };
        let mut writer = BoxWriter::with_capacity(event.size());
        event.write(&mut writer);
        let written = writer.finish();
        assert_eq!(
            written.as_ref(),
            b"\0\0\0\x2Bemsg\x01\0\0\0\0\x01\x5F\x90\0\0\0\x01\0\0\0\x02\xFF\xFF\xFF\xFF\0\0\0\x07urn:x\x000\0ID3"
        );
        assert_eq!(written.len(), event.size());
    }
}
