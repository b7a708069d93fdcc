//! The segmentation_descriptor (ANSI/SCTE 35 §10.3.3).

use bytes::Bytes;

/// A segmentation_descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentationDescriptor {
    /// `segmentation_event_id`.
    pub event_id: u32,
    /// `segmentation_event_id_compliance_indicator`, as it is on the wire.
    pub event_id_compliance_indicator: bool,
    /// What begins or ends; `None`: an event that was announced earlier is cancelled.
    pub segmentation: Option<Segmentation>,
}

/// The body of a segmentation_descriptor that is no cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segmentation {
    /// Who may get it; `None` if `delivery_not_restricted_flag` is set.
    pub delivery_restrictions: Option<DeliveryRestrictions>,
    /// Single elementary streams; `None` if all of the programme is meant (`program_segmentation_flag`).
    pub components: Option<Vec<SegmentationComponent>>,
    /// `segmentation_duration`, 40 bits, 90 kHz.
    pub duration: Option<u64>,
    /// `segmentation_upid`: what the content is.
    pub upid: SegmentationUpid,
    /// `segmentation_type_id`: what begins (mostly even) or ends (mostly odd).
    pub type_id: u8,
    /// `segment_num`.
    pub segment_num: u8,
    /// `segments_expected`.
    pub segments_expected: u8,
    /// Only where the type has it ([`Segmentation::may_have_sub_segment`]); older senders leave it out there as well.
    pub sub_segment: Option<SubSegment>,
}

impl Segmentation {
    /// Types with `sub_segment_num`: the starts of placement opportunities and of ad blocks (§10.3.3.1).
    pub fn may_have_sub_segment(type_id: u8) -> bool {
        matches!(type_id, 0x30 | 0x32 | 0x34 | 0x36 | 0x38 | 0x3A | 0x44 | 0x46)
    }
}

/// The restrictions that count when `delivery_not_restricted_flag` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryRestrictions {
    /// `web_delivery_allowed_flag`.
    pub web_delivery_allowed: bool,
    /// `no_regional_blackout_flag`.
    pub no_regional_blackout: bool,
    /// `archive_allowed_flag`.
    pub archive_allowed: bool,
    /// `device_restrictions`, 2 bits: 0 to 2 are groups of devices, 3 is "none".
    pub device_restrictions: u8,
}

/// One elementary stream of a segmentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentationComponent {
    /// `component_tag` of its stream_identifier_descriptor.
    pub component_tag: u8,
    /// What to add to the command's time for this stream, 33 bits, 90 kHz.
    pub pts_offset: u64,
}

/// segmentation_upid with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentationUpid {
    /// `segmentation_upid_type`: 0 is "none", 8 a TI (AiringID), 9 an ADI, 0x0C an MPU, 0x0D an MID, 0x0E an ADS
    /// information, 0x0F a URI, ….
    pub upid_type: u8,
    /// `segmentation_upid`, at most 255 bytes.
    pub value: Bytes,
}

/// `segmentation_upid_type` of a list of UPIDs.
const MULTIPLE_UPIDS: u8 = 0x0D;

impl SegmentationUpid {
    /// No UPID.
    pub fn none() -> Self {
        SegmentationUpid { upid_type: 0, value: Bytes::new() }
    }

    /// The UPIDs that it stands for: those of the list if it is an MID, else itself. A list that is cut off ends there.
    pub fn each(&self) -> Vec<SegmentationUpid> {
        if self.upid_type != MULTIPLE_UPIDS {
            return vec![self.clone()];
        }
        let mut found = Vec::new();
        let mut rest = self.value.clone();
        while let [upid_type, length, ..] = rest[..] {
            let end = 2 + usize::from(length);
            if rest.len() < end {
                break;
            }
            found.push(SegmentationUpid { upid_type, value: rest.slice(2..end) });
            rest = rest.slice(end..);
        }
        found
    }
}

/// Place of a segment within a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubSegment {
    /// `sub_segment_num`.
    pub number: u8,
    /// `sub_segments_expected`.
    pub expected: u8,
}
