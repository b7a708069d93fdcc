//! SCTE-35 cues: the splice_info_section (ANSI/SCTE 35 2023 §9.6), typed.
//!
//! [`SpliceInfoSection::read`] and [`SpliceInfoSection::write`] are inverse for everything that the standard
//! defines; what it leaves to others (private commands, unknown descriptors) is kept as bytes.

mod fields;
mod read;
mod segmentation;
mod write;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use super::ts::timestamp;

pub use segmentation::{
    DeliveryRestrictions, Segmentation, SegmentationComponent, SegmentationDescriptor, SegmentationUpid, SubSegment,
};

/// `table_id` of a splice_info_section.
pub const TABLE_ID: u8 = 0xFC;

/// `identifier` of the descriptors that SCTE-35 itself defines: "CUEI".
pub const CUEI: u32 = 0x4355_4549;

/// Why a splice_info_section cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Scte35Error {
    /// Another table.
    #[error("table_id is {0:#04x} instead of 0xfc")]
    TableId(u8),
    /// `section_length` does not fit the bytes that are there.
    #[error("section_length announces {announced} bytes in all, there are {found}")]
    SectionLength {
        /// Three more than `section_length`.
        announced: usize,
        /// What is there.
        found: usize,
    },
    /// The CRC over the whole section is not 0.
    #[error("CRC_32 is wrong")]
    Crc,
    /// `protocol_version` is not 0.
    #[error("protocol_version is {0}; only 0 is defined")]
    ProtocolVersion(u8),
    /// `encrypted_packet` is set; nobody here has the control word.
    #[error("the section is encrypted (encrypted_packet is 1)")]
    Encrypted,
    /// The section, the command or a descriptor ends within this field.
    #[error("{0} is cut off")]
    Truncated(&'static str),
    /// The command has another length than `splice_command_length` says.
    #[error("splice_command_length is {announced}, the command has {found} bytes")]
    CommandLength {
        /// As it says.
        announced: usize,
        /// What the command's own fields add up to.
        found: usize,
    },
}

/// A splice_info_section in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceInfoSection {
    /// Kind of stream access point at the splice, 2 bits; 3 is "not said".
    pub sap_type: u8,
    /// What to add to every time in the section, 33 bits, 90 kHz: set by whoever restamps the stream.
    pub pts_adjustment: u64,
    /// Key number; without meaning in a clear section.
    pub cw_index: u8,
    /// Authorisation tier, 12 bits; 0xFFF is "everyone".
    pub tier: u16,
    /// What is to happen.
    pub command: SpliceCommand,
    /// More about it.
    pub descriptors: Vec<SpliceDescriptor>,
}

impl SpliceInfoSection {
    /// A section with a command and descriptors, and everything else at its customary value.
    pub fn new(command: SpliceCommand, descriptors: Vec<SpliceDescriptor>) -> Self {
        SpliceInfoSection { sap_type: 3, pts_adjustment: 0, cw_index: 0xFF, tier: 0xFFF, command, descriptors }
    }

    /// When the command takes effect, 33 bits, 90 kHz, `pts_adjustment` added; `None` if it has no time of its own: at
    /// once, or a command without time. Of a splice of components the earliest counts, in the order of the section.
    pub fn splice_time(&self) -> Option<u64> {
        let time = match &self.command {
            SpliceCommand::TimeSignal { pts_time } => *pts_time,
            SpliceCommand::Insert(insert) => match &insert.event.as_ref()?.mode {
                SpliceMode::Program { pts_time } => *pts_time,
                SpliceMode::Components(components) => components.iter().find_map(|component| component.pts_time),
            },
            SpliceCommand::Null
            | SpliceCommand::Schedule(_)
            | SpliceCommand::BandwidthReservation
            | SpliceCommand::Private(_)
            | SpliceCommand::Other { .. } => None,
        };
        time.map(|time| self.adjusted(time))
    }

    /// A time of this section with `pts_adjustment` added, modulo 2³³.
    pub fn adjusted(&self, pts_time: u64) -> u64 {
        timestamp::add(pts_time, i64::try_from(self.pts_adjustment).unwrap_or(0))
    }

    /// Its segmentation descriptors, in order.
    pub fn segmentation_descriptors(&self) -> impl Iterator<Item = &SegmentationDescriptor> {
        self.descriptors.iter().filter_map(|descriptor| match descriptor {
            SpliceDescriptor::Segmentation(segmentation) => Some(segmentation),
            SpliceDescriptor::Avail { .. } | SpliceDescriptor::Other { .. } => None,
        })
    }
}

/// The command of a section (§9.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpliceCommand {
    /// Type 0: a heartbeat.
    Null,
    /// Type 4, splice_schedule, kept as it is: its times are UTC and announce cues that come later.
    Schedule(Bytes),
    /// Type 5.
    Insert(SpliceInsert),
    /// Type 6: what happens is in the segmentation descriptors.
    TimeSignal {
        /// When, 33 bits, 90 kHz, before `pts_adjustment`; `None`: at once.
        pts_time: Option<u64>,
    },
    /// Type 7: filler.
    BandwidthReservation,
    /// Type 255, private_command: an identifier and bytes.
    Private(Bytes),
    /// A type that the standard does not define.
    Other {
        /// `splice_command_type`.
        command_type: u8,
        /// The command's bytes.
        bytes: Bytes,
    },
}

impl SpliceCommand {
    /// `splice_command_type`.
    pub fn command_type(&self) -> u8 {
        match self {
            SpliceCommand::Null => 0,
            SpliceCommand::Schedule(_) => 4,
            SpliceCommand::Insert(_) => 5,
            SpliceCommand::TimeSignal { .. } => 6,
            SpliceCommand::BandwidthReservation => 7,
            SpliceCommand::Private(_) => 255,
            SpliceCommand::Other { command_type, .. } => *command_type,
        }
    }
}

/// splice_insert (§9.7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceInsert {
    /// `splice_event_id`.
    pub event_id: u32,
    /// What is to happen; `None`: an event that was announced earlier is cancelled.
    pub event: Option<SpliceEvent>,
}

/// The body of a splice_insert that is no cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpliceEvent {
    /// Out of the network's programme (into the break) rather than back into it.
    pub out_of_network: bool,
    /// `splice_immediate_flag`: at the nearest opportunity; times are left out then.
    pub immediate: bool,
    /// `event_id_compliance_flag`, as it is on the wire.
    pub event_id_compliance_flag: bool,
    /// All of the programme, or parts.
    pub mode: SpliceMode,
    /// How long the break is.
    pub break_duration: Option<BreakDuration>,
    /// `unique_program_id`.
    pub unique_program_id: u16,
    /// `avail_num`.
    pub avail_num: u8,
    /// `avails_expected`.
    pub avails_expected: u8,
}

/// What a splice_insert splices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpliceMode {
    /// The whole programme (`program_splice_flag`).
    Program {
        /// When, 33 bits, 90 kHz, before `pts_adjustment`; `None` if immediate or not said.
        pts_time: Option<u64>,
    },
    /// Single elementary streams.
    Components(Vec<ComponentSplice>),
}

/// One elementary stream of a splice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComponentSplice {
    /// `component_tag` of its stream_identifier_descriptor.
    pub component_tag: u8,
    /// When, 33 bits, 90 kHz, before `pts_adjustment`; `None` if immediate or not said.
    pub pts_time: Option<u64>,
}

/// break_duration (§9.8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakDuration {
    /// The break ends by itself after the duration; else the duration is a hint and another cue ends it.
    pub auto_return: bool,
    /// 33 bits, 90 kHz.
    pub duration: u64,
}

/// A splice descriptor (§10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpliceDescriptor {
    /// Tag 0, avail_descriptor.
    Avail {
        /// `provider_avail_id`.
        provider_avail_id: u32,
    },
    /// Tag 2, segmentation_descriptor.
    Segmentation(SegmentationDescriptor),
    /// Any other (DTMF, time, audio, private), kept as it is.
    Other {
        /// `splice_descriptor_tag`.
        tag: u8,
        /// `identifier`, [`CUEI`] for those of the standard.
        identifier: u32,
        /// The bytes after the identifier.
        bytes: Bytes,
    },
}
