//! Events of a period, ISO 23009-1 §5.10.

use super::super::xml::{Element, XmlWriteError as MpdWriteError, XmlWriter};
use super::scte35::{SCTE35_XML_SCHEME, write_section};
use crate::media::scte35::SpliceInfoSection;

/// `EventStream` with SCTE-35 sections as XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventStream {
    /// Ticks per second of the events' times.
    pub timescale: u32,
    /// The events, in order of time.
    pub events: Vec<Event>,
}

/// `Event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `@presentationTime` after the period's start; not written if 0.
    pub presentation_time: u64,
    /// `@duration`, if it is known.
    pub duration: Option<u64>,
    /// `@id`, the same for an event that is told again.
    pub id: u32,
    /// What happens.
    pub section: SpliceInfoSection,
}

impl EventStream {
    pub(super) fn write(&self, xml: &mut XmlWriter) -> Result<(), MpdWriteError> {
        let stream =
            Element::new("EventStream").with_number("timescale", self.timescale).with("schemeIdUri", SCTE35_XML_SCHEME);
        xml.element(stream, |xml| {
            self.events.iter().try_for_each(|event| {
                let is_late = event.presentation_time > 0;
                let element = Element::new("Event")
                    .with_some("presentationTime", is_late.then(|| event.presentation_time.to_string()))
                    .with_some("duration", event.duration.map(|duration| duration.to_string()))
                    .with_number("id", event.id);
                xml.element(element, |xml| write_section(xml, &event.section))
            })
        })
    }
}
