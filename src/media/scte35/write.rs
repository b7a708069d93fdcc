//! splice_info_section → bytes, for sources of our own and for tests.

use super::{
    CUEI, Segmentation, SegmentationDescriptor, SpliceCommand, SpliceDescriptor, SpliceEvent, SpliceInfoSection,
    SpliceInsert, SpliceMode, TABLE_ID,
};
use crate::media::ts::psi::crc32;

impl SpliceInfoSection {
    /// The section's bytes, CRC included; reserved bits are 1. `None` if a part is longer than its length field can
    /// say. Of numbers with fewer bits than their type has, the low bits count.
    pub fn write(&self) -> Option<Vec<u8>> {
        let command = command(&self.command)?;
        let mut descriptors = Vec::new();
        for descriptor in &self.descriptors {
            append_descriptor(&mut descriptors, descriptor)?;
        }
        let mut section = vec![TABLE_ID, 0, 0, 0];
        append_number(&mut section, 5, self.pts_adjustment & ((1 << 33) - 1));
        section.push(self.cw_index);
        // 0xFFF is "not said".
        let command_length = u64::try_from(command.len()).ok().filter(|length| *length < 0xFFF)?;
        append_number(&mut section, 3, u64::from(self.tier & 0xFFF) << 12 | command_length);
        section.push(self.command.command_type());
        section.extend_from_slice(&command);
        section.extend_from_slice(&u16::try_from(descriptors.len()).ok()?.to_be_bytes());
        section.extend_from_slice(&descriptors);
        let section_length = u16::try_from(section.len() + 4 - 3).ok().filter(|length| *length <= 4093)?;
        let flags_and_length = u16::from(self.sap_type & 3) << 12 | section_length;
        section.get_mut(1..3)?.copy_from_slice(&flags_and_length.to_be_bytes());
        let crc = crc32(&section);
        section.extend_from_slice(&crc.to_be_bytes());
        Some(section)
    }
}

fn append_number(to: &mut Vec<u8>, length: usize, number: u64) {
    to.extend_from_slice(number.to_be_bytes().get(8 - length..).unwrap_or_default());
}

/// 33 bits behind `high`, of which the upper bits are flags and reserved bits.
fn append_33(to: &mut Vec<u8>, high: u8, number: u64) {
    append_number(to, 5, u64::from(high) << 32 | number & ((1 << 33) - 1));
}

fn append_splice_time(to: &mut Vec<u8>, pts_time: Option<u64>) {
    match pts_time {
        Some(time) => append_33(to, 0xFE, time),
        None => to.push(0x7F),
    }
}

fn flag(is_set: bool, mask: u8) -> u8 {
    if is_set { mask } else { 0 }
}

fn command(command: &SpliceCommand) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match command {
        SpliceCommand::Null | SpliceCommand::BandwidthReservation => {}
        SpliceCommand::Schedule(raw) | SpliceCommand::Private(raw) | SpliceCommand::Other { bytes: raw, .. } => {
            bytes.extend_from_slice(raw);
        }
        SpliceCommand::TimeSignal { pts_time } => append_splice_time(&mut bytes, *pts_time),
        SpliceCommand::Insert(SpliceInsert { event_id, event }) => {
            bytes.extend_from_slice(&event_id.to_be_bytes());
            bytes.push(if event.is_none() { 0xFF } else { 0x7F });
            if let Some(event) = event {
                append_event(&mut bytes, event)?;
            }
        }
    }
    Some(bytes)
}

fn append_event(to: &mut Vec<u8>, event: &SpliceEvent) -> Option<()> {
    let is_program = matches!(event.mode, SpliceMode::Program { .. });
    to.push(
        flag(event.out_of_network, 0x80)
            | flag(is_program, 0x40)
            | flag(event.break_duration.is_some(), 0x20)
            | flag(event.immediate, 0x10)
            | flag(event.event_id_compliance_flag, 0x08)
            | 0x07,
    );
    match &event.mode {
        SpliceMode::Program { pts_time } if !event.immediate => append_splice_time(to, *pts_time),
        SpliceMode::Program { .. } => {}
        SpliceMode::Components(components) => {
            to.push(u8::try_from(components.len()).ok()?);
            for component in components {
                to.push(component.component_tag);
                if !event.immediate {
                    append_splice_time(to, component.pts_time);
                }
            }
        }
    }
    if let Some(duration) = event.break_duration {
        append_33(to, flag(duration.auto_return, 0x80) | 0x7E, duration.duration);
    }
    to.extend_from_slice(&event.unique_program_id.to_be_bytes());
    to.extend_from_slice(&[event.avail_num, event.avails_expected]);
    Some(())
}

fn append_descriptor(to: &mut Vec<u8>, descriptor: &SpliceDescriptor) -> Option<()> {
    let (tag, identifier, body) = match descriptor {
        SpliceDescriptor::Avail { provider_avail_id } => (0, CUEI, provider_avail_id.to_be_bytes().to_vec()),
        SpliceDescriptor::Segmentation(segmentation) => (2, CUEI, segmentation_body(segmentation)?),
        SpliceDescriptor::Other { tag, identifier, bytes } => (*tag, *identifier, bytes.to_vec()),
    };
    to.extend_from_slice(&[tag, u8::try_from(body.len() + 4).ok()?]);
    to.extend_from_slice(&identifier.to_be_bytes());
    to.extend_from_slice(&body);
    Some(())
}

fn segmentation_body(descriptor: &SegmentationDescriptor) -> Option<Vec<u8>> {
    let mut body = descriptor.event_id.to_be_bytes().to_vec();
    let is_cancelled = descriptor.segmentation.is_none();
    body.push(flag(is_cancelled, 0x80) | flag(descriptor.event_id_compliance_indicator, 0x40) | 0x3F);
    let Some(segmentation) = &descriptor.segmentation else { return Some(body) };
    append_segmentation(&mut body, segmentation)?;
    Some(body)
}

fn append_segmentation(to: &mut Vec<u8>, segmentation: &Segmentation) -> Option<()> {
    let delivery = match segmentation.delivery_restrictions {
        None => 0x3F,
        Some(restrictions) => {
            flag(restrictions.web_delivery_allowed, 0x10)
                | flag(restrictions.no_regional_blackout, 0x08)
                | flag(restrictions.archive_allowed, 0x04)
                | restrictions.device_restrictions & 0x03
        }
    };
    to.push(flag(segmentation.components.is_none(), 0x80) | flag(segmentation.duration.is_some(), 0x40) | delivery);
    if let Some(components) = &segmentation.components {
        to.push(u8::try_from(components.len()).ok()?);
        for component in components {
            to.push(component.component_tag);
            append_33(to, 0xFE, component.pts_offset);
        }
    }
    if let Some(duration) = segmentation.duration {
        append_number(to, 5, duration & ((1 << 40) - 1));
    }
    to.extend_from_slice(&[segmentation.upid.upid_type, u8::try_from(segmentation.upid.value.len()).ok()?]);
    to.extend_from_slice(&segmentation.upid.value);
    to.extend_from_slice(&[segmentation.type_id, segmentation.segment_num, segmentation.segments_expected]);
    if let Some(sub_segment) =
        segmentation.sub_segment.filter(|_| Segmentation::may_have_sub_segment(segmentation.type_id))
    {
        to.extend_from_slice(&[sub_segment.number, sub_segment.expected]);
    }
    Some(())
}
