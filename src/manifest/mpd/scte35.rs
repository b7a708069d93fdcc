//! SCTE-35 sections as XML in the form of ANSI/SCTE 35 §11, as AWS Elemental MediaPackage writes it: the namespace is
//! the event stream's scheme, and what a segmentation descriptor is of stands on its UPID. It stands on the descriptor
//! too, where the standard has it.

use super::super::xml::{Element, XmlWriteError as MpdWriteError, XmlWriter};
use crate::media::scte35::{
    BreakDuration, Segmentation, SegmentationDescriptor, SpliceCommand, SpliceEvent, SpliceInfoSection, SpliceInsert,
    SpliceMode,
};

/// Scheme of event streams whose events are sections as XML, ANSI/SCTE 214-1.
pub const SCTE35_XML_SCHEME: &str = "urn:scte:scte35:2013:xml";

/// Writes `SpliceInfoSection`.
pub(super) fn write_section(xml: &mut XmlWriter, section: &SpliceInfoSection) -> Result<(), MpdWriteError> {
    let root = Element::new("scte35:SpliceInfoSection")
        .with("xmlns:scte35", SCTE35_XML_SCHEME)
        .with_number("protocolVersion", 0u8)
        .with_number("ptsAdjustment", section.pts_adjustment)
        .with_number("tier", section.tier);
    xml.element(root, |xml| {
        match &section.command {
            SpliceCommand::Insert(insert) => write_insert(xml, insert)?,
            SpliceCommand::TimeSignal { pts_time } => {
                xml.element(Element::new("scte35:TimeSignal"), |xml| write_time(xml, *pts_time))?;
            }
            // Nothing else makes an event.
            SpliceCommand::Null
            | SpliceCommand::Schedule(_)
            | SpliceCommand::BandwidthReservation
            | SpliceCommand::Private(_)
            | SpliceCommand::Other { .. } => {}
        }
        section.segmentation_descriptors().try_for_each(|descriptor| write_segmentation(xml, descriptor))
    })
}

fn write_insert(xml: &mut XmlWriter, insert: &SpliceInsert) -> Result<(), MpdWriteError> {
    let element = Element::new("scte35:SpliceInsert")
        .with_number("spliceEventId", insert.event_id)
        .with("spliceEventCancelIndicator", flag(insert.event.is_none()));
    let Some(event) = &insert.event else { return xml.empty(element) };
    let element = element
        .with("outOfNetworkIndicator", flag(event.out_of_network))
        .with("spliceImmediateFlag", flag(event.immediate))
        .with_number("uniqueProgramId", event.unique_program_id)
        .with_number("availNum", event.avail_num)
        .with_number("availsExpected", event.avails_expected);
    xml.element(element, |xml| write_event(xml, event))
}

fn write_event(xml: &mut XmlWriter, event: &SpliceEvent) -> Result<(), MpdWriteError> {
    match &event.mode {
        SpliceMode::Program { pts_time: None } if event.immediate => xml.empty(Element::new("scte35:Program"))?,
        SpliceMode::Program { pts_time } => {
            xml.element(Element::new("scte35:Program"), |xml| write_time(xml, *pts_time))?;
        }
        SpliceMode::Components(components) => {
            for component in components {
                let element = Element::new("scte35:Component").with_number("componentTag", component.component_tag);
                xml.element(element, |xml| write_time(xml, component.pts_time))?;
            }
        }
    }
    match event.break_duration {
        None => Ok(()),
        Some(BreakDuration { auto_return, duration }) => xml.empty(
            Element::new("scte35:BreakDuration")
                .with("autoReturn", flag(auto_return))
                .with_number("duration", duration),
        ),
    }
}

fn write_time(xml: &mut XmlWriter, pts_time: Option<u64>) -> Result<(), MpdWriteError> {
    xml.empty(Element::new("scte35:SpliceTime").with_some("ptsTime", pts_time.map(|time| time.to_string())))
}

fn write_segmentation(xml: &mut XmlWriter, descriptor: &SegmentationDescriptor) -> Result<(), MpdWriteError> {
    let element = Element::new("scte35:SegmentationDescriptor")
        .with_number("segmentationEventId", descriptor.event_id)
        .with("segmentationEventCancelIndicator", flag(descriptor.segmentation.is_none()));
    let Some(segmentation) = &descriptor.segmentation else { return xml.empty(element) };
    let element = element.with_some("segmentationDuration", segmentation.duration.map(|duration| duration.to_string()));
    xml.element(with_type(element, segmentation), |xml| {
        if let Some(restrictions) = &segmentation.delivery_restrictions {
            xml.empty(
                Element::new("scte35:DeliveryRestrictions")
                    .with("webDeliveryAllowedFlag", flag(restrictions.web_delivery_allowed))
                    .with("noRegionalBlackoutFlag", flag(restrictions.no_regional_blackout))
                    .with("archiveAllowedFlag", flag(restrictions.archive_allowed))
                    .with_number("deviceRestrictions", restrictions.device_restrictions),
            )?;
        }
        let upid = &segmentation.upid;
        let element = Element::new("scte35:SegmentationUpid")
            .with_number("segmentationUpidType", upid.upid_type)
            .with_number("segmentationUpidLength", upid.value.len() as u64);
        xml.text(with_type(element, segmentation), &hex::encode(&upid.value))
    })
}

fn with_type(element: Element, segmentation: &Segmentation) -> Element {
    element
        .with_number("segmentationTypeId", segmentation.type_id)
        .with_number("segmentNum", segmentation.segment_num)
        .with_number("segmentsExpected", segmentation.segments_expected)
}

fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
