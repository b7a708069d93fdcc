//! Bytes → splice_info_section.

use bytes::Bytes;

use super::fields::Fields;
use super::{
    BreakDuration, CUEI, ComponentSplice, DeliveryRestrictions, Scte35Error, Segmentation, SegmentationComponent,
    SegmentationDescriptor, SegmentationUpid, SpliceCommand, SpliceDescriptor, SpliceEvent, SpliceInfoSection,
    SpliceInsert, SpliceMode, SubSegment, TABLE_ID,
};
use crate::media::ts::psi::{crc32, section_size};

/// The low 33 bits.
const MASK_33: u64 = (1 << 33) - 1;

/// `splice_command_length` of senders that follow the standard's first edition: "not said".
const LENGTH_NOT_SAID: usize = 0xFFF;

impl SpliceInfoSection {
    /// Reads a whole section, CRC included.
    pub fn read(section: &[u8]) -> Result<SpliceInfoSection, Scte35Error> {
        let table_id = *section.first().ok_or(Scte35Error::Truncated("table_id"))?;
        if table_id != TABLE_ID {
            return Err(Scte35Error::TableId(table_id));
        }
        let announced = section_size(section).ok_or(Scte35Error::Truncated("section_length"))?;
        if announced != section.len() {
            return Err(Scte35Error::SectionLength { announced, found: section.len() });
        }
        if crc32(section) != 0 {
            return Err(Scte35Error::Crc);
        }
        let end = section.len().saturating_sub(4);
        let mut fields = Fields::new(section.get(..end).unwrap_or_default());
        let sap_type = fields.number(3, "section_length")? >> 12 & 3;
        let protocol_version = fields.u8("protocol_version")?;
        if protocol_version != 0 {
            return Err(Scte35Error::ProtocolVersion(protocol_version));
        }
        let encryption_and_adjustment = fields.number(5, "pts_adjustment")?;
        if encryption_and_adjustment >> 39 != 0 {
            return Err(Scte35Error::Encrypted);
        }
        let cw_index = fields.u8("cw_index")?;
        let tier_and_length = fields.number(3, "splice_command_length")?;
        let command_type = fields.u8("splice_command_type")?;
        let command = read_command(command_type, (tier_and_length & 0xFFF) as usize, &mut fields)?;
        let loop_length = fields.u16("descriptor_loop_length")?;
        // Alignment stuffing may follow.
        let descriptors = read_descriptors(fields.bytes(usize::from(loop_length), "descriptor_loop")?)?;
        Ok(SpliceInfoSection {
            sap_type: sap_type as u8,
            pts_adjustment: encryption_and_adjustment & MASK_33,
            cw_index,
            tier: (tier_and_length >> 12) as u16,
            command,
            descriptors,
        })
    }
}

fn read_command(command_type: u8, announced: usize, fields: &mut Fields<'_>) -> Result<SpliceCommand, Scte35Error> {
    let known = if announced == LENGTH_NOT_SAID { None } else { Some(fields.bytes(announced, "splice_command")?) };
    let mut of_announced_length = known.map(Fields::new);
    // A command of unsaid length must tell its length itself; one that does not cannot be followed by anything.
    let command = of_announced_length.as_mut().unwrap_or(fields);
    let read = match command_type {
        0 => SpliceCommand::Null,
        4 => SpliceCommand::Schedule(raw(known)?),
        5 => SpliceCommand::Insert(read_insert(command)?),
        6 => SpliceCommand::TimeSignal { pts_time: read_splice_time(command)? },
        7 => SpliceCommand::BandwidthReservation,
        255 => SpliceCommand::Private(raw(known)?),
        command_type => SpliceCommand::Other { command_type, bytes: raw(known)? },
    };
    let keeps_bytes =
        matches!(read, SpliceCommand::Schedule(_) | SpliceCommand::Private(_) | SpliceCommand::Other { .. });
    match of_announced_length {
        Some(rest) if !rest.is_empty() && !keeps_bytes => {
            Err(Scte35Error::CommandLength { announced, found: announced - rest.len() })
        }
        _ => Ok(read),
    }
}

fn raw(bytes: Option<&[u8]>) -> Result<Bytes, Scte35Error> {
    bytes.map(Bytes::copy_from_slice).ok_or(Scte35Error::Truncated("splice_command"))
}

/// splice_time (§9.8.1).
fn read_splice_time(fields: &mut Fields<'_>) -> Result<Option<u64>, Scte35Error> {
    let first = fields.u8("splice_time")?;
    if first & 0x80 == 0 {
        return Ok(None);
    }
    Ok(Some(u64::from(first & 1) << 32 | fields.number(4, "pts_time")?))
}

fn read_insert(fields: &mut Fields<'_>) -> Result<SpliceInsert, Scte35Error> {
    let event_id = fields.u32("splice_event_id")?;
    if fields.u8("splice_event_cancel_indicator")? & 0x80 != 0 {
        return Ok(SpliceInsert { event_id, event: None });
    }
    let flags = fields.u8("out_of_network_indicator")?;
    let immediate = flags & 0x10 != 0;
    let time = |fields: &mut Fields<'_>| if immediate { Ok(None) } else { read_splice_time(fields) };
    let mode = if flags & 0x40 != 0 {
        SpliceMode::Program { pts_time: time(fields)? }
    } else {
        let count = fields.u8("component_count")?;
        let components = (0..count)
            .map(|_| Ok(ComponentSplice { component_tag: fields.u8("component_tag")?, pts_time: time(fields)? }));
        SpliceMode::Components(components.collect::<Result<_, Scte35Error>>()?)
    };
    let break_duration = if flags & 0x20 != 0 {
        let field = fields.number(5, "break_duration")?;
        Some(BreakDuration { auto_return: field >> 39 != 0, duration: field & MASK_33 })
    } else {
        None
    };
    let event = SpliceEvent {
        out_of_network: flags & 0x80 != 0,
        immediate,
        event_id_compliance_flag: flags & 0x08 != 0,
        mode,
        break_duration,
        unique_program_id: fields.u16("unique_program_id")?,
        avail_num: fields.u8("avail_num")?,
        avails_expected: fields.u8("avails_expected")?,
    };
    Ok(SpliceInsert { event_id, event: Some(event) })
}

fn read_descriptors(bytes: &[u8]) -> Result<Vec<SpliceDescriptor>, Scte35Error> {
    let mut fields = Fields::new(bytes);
    let mut descriptors = Vec::new();
    while !fields.is_empty() {
        let tag = fields.u8("splice_descriptor_tag")?;
        let length = fields.u8("descriptor_length")?;
        let mut body = Fields::new(fields.bytes(usize::from(length), "splice_descriptor")?);
        let identifier = body.u32("identifier")?;
        descriptors.push(match (tag, identifier) {
            (0, CUEI) => SpliceDescriptor::Avail { provider_avail_id: body.u32("provider_avail_id")? },
            (2, CUEI) => SpliceDescriptor::Segmentation(read_segmentation(&mut body)?),
            _ => SpliceDescriptor::Other { tag, identifier, bytes: Bytes::copy_from_slice(body.all()) },
        });
    }
    Ok(descriptors)
}

fn read_segmentation(fields: &mut Fields<'_>) -> Result<SegmentationDescriptor, Scte35Error> {
    let event_id = fields.u32("segmentation_event_id")?;
    let indicators = fields.u8("segmentation_event_cancel_indicator")?;
    let event_id_compliance_indicator = indicators & 0x40 != 0;
    if indicators & 0x80 != 0 {
        return Ok(SegmentationDescriptor { event_id, event_id_compliance_indicator, segmentation: None });
    }
    let flags = fields.u8("program_segmentation_flag")?;
    let delivery_restrictions = (flags & 0x20 == 0).then_some(DeliveryRestrictions {
        web_delivery_allowed: flags & 0x10 != 0,
        no_regional_blackout: flags & 0x08 != 0,
        archive_allowed: flags & 0x04 != 0,
        device_restrictions: flags & 0x03,
    });
    let components = if flags & 0x80 == 0 {
        let count = fields.u8("component_count")?;
        let components = (0..count).map(|_| {
            let component_tag = fields.u8("component_tag")?;
            Ok(SegmentationComponent { component_tag, pts_offset: fields.number(5, "pts_offset")? & MASK_33 })
        });
        Some(components.collect::<Result<_, Scte35Error>>()?)
    } else {
        None
    };
    let duration = if flags & 0x40 != 0 { Some(fields.number(5, "segmentation_duration")?) } else { None };
    let upid_type = fields.u8("segmentation_upid_type")?;
    let upid_length = fields.u8("segmentation_upid_length")?;
    let value = Bytes::copy_from_slice(fields.bytes(usize::from(upid_length), "segmentation_upid")?);
    let type_id = fields.u8("segmentation_type_id")?;
    let segment_num = fields.u8("segment_num")?;
    let segments_expected = fields.u8("segments_expected")?;
    let sub_segment = if Segmentation::may_have_sub_segment(type_id) && fields.len() >= 2 {
        Some(SubSegment { number: fields.u8("sub_segment_num")?, expected: fields.u8("sub_segments_expected")? })
    } else {
        None
    };
    let segmentation = Segmentation {
        delivery_restrictions,
        components,
        duration,
        upid: SegmentationUpid { upid_type, value },
        type_id,
        segment_num,
        segments_expected,
        sub_segment,
    };
    Ok(SegmentationDescriptor { event_id, event_id_compliance_indicator, segmentation: Some(segmentation) })
}
