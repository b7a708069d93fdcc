//! DASH media presentation descriptions (ISO 23009-1 §5) as types, and their XML.
//!
//! Only what we write has a type. All numbers are integers: durations in milliseconds or whole seconds, media times in
//! the ticks of their own timescale. [`Mpd::to_xml`] writes attributes in the order in which AWS Elemental
//! MediaPackage does, and elements in the order of the schema.

mod adaptation_set;
mod document;
mod events;
mod names;
mod scte35;
mod segment_template;
mod text;
mod write;

pub use super::xml::XmlWriteError as MpdWriteError;
pub use adaptation_set::{AdaptationSet, Representation};
pub use document::{Descriptor, Mpd, Period, PresentationKind};
pub use events::{Event, EventStream};
pub use names::{NamesError, named_files};
pub use scte35::SCTE35_XML_SCHEME;
pub use segment_template::{SegmentAddressing, SegmentRepeat, SegmentTemplate, SegmentTimeline};
pub use text::is_language_tag;
