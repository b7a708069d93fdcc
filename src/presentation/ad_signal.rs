//! What a SCTE-35 section says of ads and programs: starts, ends and cancellations of events.

use serde::{Deserialize, Serialize};

use crate::media::scte35::{SegmentationDescriptor, SpliceCommand, SpliceEvent, SpliceInfoSection};
use crate::resources::{AdSelection, AdTrigger, DeliveryRestrictions};

/// What begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AdKind {
    /// The break of a `splice_insert`.
    SpliceInsert,
    /// What a segmentation descriptor describes.
    Segmentation {
        /// `segmentation_type_id` of the start; the end's is one more.
        start_type: u8,
        /// The start had delivery restriction flags.
        restricted: bool,
    },
}

/// `segmentation_type_id` of a program's start, ANSI/SCTE 35 §10.3.3.1.
const PROGRAM_START: u8 = 0x10;

/// Types of ads: the start, and the setting that selects it.
const AD_TYPES: [(u8, AdTrigger); 7] = [
    (0x22, AdTrigger::Break),
    (0x30, AdTrigger::ProviderAdvertisement),
    (0x32, AdTrigger::DistributorAdvertisement),
    (0x34, AdTrigger::ProviderPlacementOpportunity),
    (0x36, AdTrigger::DistributorPlacementOpportunity),
    (0x38, AdTrigger::ProviderOverlayPlacementOpportunity),
    (0x3A, AdTrigger::DistributorOverlayPlacementOpportunity),
];

impl AdKind {
    /// A program rather than an ad: shown by some manifests, but nothing is cut for it.
    pub fn is_program(self) -> bool {
        matches!(self, AdKind::Segmentation { start_type: PROGRAM_START, .. })
    }

    /// True if a manifest with this selection shows it.
    pub fn is_selected(self, selection: &AdSelection) -> bool {
        match self {
            AdKind::SpliceInsert => selection.triggers.contains(&AdTrigger::SpliceInsert),
            AdKind::Segmentation { start_type: PROGRAM_START, .. } => selection.program_transitions,
            AdKind::Segmentation { start_type, restricted } => {
                let is_allowed = match selection.restrictions {
                    DeliveryRestrictions::None => false,
                    DeliveryRestrictions::Restricted => restricted,
                    DeliveryRestrictions::Unrestricted => !restricted,
                    DeliveryRestrictions::Both => true,
                };
                let trigger = AD_TYPES.iter().find(|(known, _)| *known == start_type);
                is_allowed && trigger.is_some_and(|(_, trigger)| selection.triggers.contains(trigger))
            }
        }
    }
}

/// One statement of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdSignal {
    /// An event begins at the section's time.
    Start {
        /// `splice_event_id` or `segmentation_event_id`.
        event_id: u32,
        /// What it is.
        kind: AdKind,
        /// `break_duration` or `segmentation_duration`, 90 kHz.
        planned_duration: Option<i64>,
        /// It is over after the planned duration though nothing else says so.
        ends_by_itself: bool,
    },
    /// The break of a `splice_insert` ends: back to the network.
    Return {
        /// `splice_event_id`.
        event_id: u32,
    },
    /// A segmentation event ends.
    End {
        /// `segmentation_event_id`.
        event_id: u32,
        /// `segmentation_type_id` of its start.
        start_type: u8,
    },
    /// An event that was announced does not come.
    Cancel {
        /// `splice_event_id` or `segmentation_event_id`.
        event_id: u32,
        /// Of a `splice_insert` rather than a segmentation descriptor.
        is_splice_insert: bool,
    },
}

/// What a section says, in its order. Other commands and segmentation types say nothing of ads.
pub fn signals(section: &SpliceInfoSection) -> Vec<AdSignal> {
    match &section.command {
        SpliceCommand::Insert(insert) => vec![match &insert.event {
            None => AdSignal::Cancel { event_id: insert.event_id, is_splice_insert: true },
            Some(event) => splice_insert(insert.event_id, event),
        }],
        SpliceCommand::TimeSignal { .. } => section.segmentation_descriptors().filter_map(segmentation).collect(),
        SpliceCommand::Null
        | SpliceCommand::Schedule(_)
        | SpliceCommand::BandwidthReservation
        | SpliceCommand::Private(_)
        | SpliceCommand::Other { .. } => Vec::new(),
    }
}

/// True if the section begins, ends or cancels something that this selection may show.
pub fn is_about_ads(section: &SpliceInfoSection, selection: &AdSelection) -> bool {
    signals(section).into_iter().any(|signal| match signal {
        AdSignal::Start { kind, .. } => kind.is_selected(selection),
        AdSignal::Return { .. } => AdKind::SpliceInsert.is_selected(selection),
        AdSignal::End { start_type, .. } => {
            // The flags of the end say nothing of those of the start.
            let of = |restricted| AdKind::Segmentation { start_type, restricted };
            of(true).is_selected(selection) || of(false).is_selected(selection)
        }
        AdSignal::Cancel { .. } => !selection.triggers.is_empty(),
    })
}

fn splice_insert(event_id: u32, event: &SpliceEvent) -> AdSignal {
    if !event.out_of_network {
        return AdSignal::Return { event_id };
    }
    AdSignal::Start {
        event_id,
        kind: AdKind::SpliceInsert,
        planned_duration: event.break_duration.and_then(|duration| i64::try_from(duration.duration).ok()),
        // §9.8.2: without auto_return the duration is a hint, and another splice_insert ends the break.
        ends_by_itself: event.break_duration.is_some_and(|duration| duration.auto_return),
    }
}

fn segmentation(descriptor: &SegmentationDescriptor) -> Option<AdSignal> {
    let event_id = descriptor.event_id;
    let Some(segmentation) = &descriptor.segmentation else {
        return Some(AdSignal::Cancel { event_id, is_splice_insert: false });
    };
    let is_start = |type_id: u8| type_id == PROGRAM_START || AD_TYPES.iter().any(|(start, _)| *start == type_id);
    let type_id = segmentation.type_id;
    if is_start(type_id) {
        let planned_duration = segmentation.duration.and_then(|duration| i64::try_from(duration).ok());
        let restricted = segmentation.delivery_restrictions.is_some();
        return Some(AdSignal::Start {
            event_id,
            kind: AdKind::Segmentation { start_type: type_id, restricted },
            planned_duration,
            ends_by_itself: planned_duration.is_some(),
        });
    }
    let start_type = type_id.checked_sub(1).filter(|start| is_start(*start))?;
    Some(AdSignal::End { event_id, start_type })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::scte35::{
        BreakDuration, DeliveryRestrictions as Flags, Segmentation, SegmentationUpid, SpliceDescriptor, SpliceInsert,
        SpliceMode,
    };

    fn insert(out_of_network: bool, break_duration: Option<BreakDuration>) -> SpliceInfoSection {
        let event = SpliceEvent {
            out_of_network,
            immediate: false,
            event_id_compliance_flag: true,
            mode: SpliceMode::Program { pts_time: Some(900_000) },
            break_duration,
            unique_program_id: 1,
            avail_num: 0,
            avails_expected: 0,
        };
        let insert = SpliceInsert { event_id: 77, event: Some(event) };
        SpliceInfoSection::new(SpliceCommand::Insert(insert), Vec::new())
    }

    fn described(type_id: u8, restricted: bool, duration: Option<u64>) -> SpliceDescriptor {
        let flags = Flags {
            web_delivery_allowed: true,
            no_regional_blackout: true,
            archive_allowed: true,
            device_restrictions: 3,
        };
        SpliceDescriptor::Segmentation(SegmentationDescriptor {
            event_id: 5,
            event_id_compliance_indicator: true,
            segmentation: Some(Segmentation {
                delivery_restrictions: restricted.then_some(flags),
                components: None,
                duration,
                upid: SegmentationUpid::none(),
                type_id,
                segment_num: 0,
                segments_expected: 0,
                sub_segment: None,
            }),
        })
    }

    #[test]
    fn a_splice_insert_starts_or_returns() {
        let ends_after = |auto_return| insert(true, Some(BreakDuration { auto_return, duration: 2_700_000 }));
        for (section, planned_duration, ends_by_itself) in [
            (insert(true, None), None, false),
            (ends_after(true), Some(2_700_000), true),
            (ends_after(false), Some(2_700_000), false),
        ] {
            let kind = AdKind::SpliceInsert;
            let start = AdSignal::Start { event_id: 77, kind, planned_duration, ends_by_itself };
            assert_eq!(signals(&section), [start]);
        }
        assert_eq!(signals(&insert(false, None)), [AdSignal::Return { event_id: 77 }]);
    }

    #[test]
    fn a_time_signal_may_end_one_event_and_start_another() {
        let command = SpliceCommand::TimeSignal { pts_time: Some(900_000) };
        let descriptors = vec![described(0x11, true, None), described(0x10, true, None), described(0x40, true, None)];
        let kind = AdKind::Segmentation { start_type: 0x10, restricted: true };
        assert_eq!(
            signals(&SpliceInfoSection::new(command, descriptors)),
            [
                AdSignal::End { event_id: 5, start_type: 0x10 },
                AdSignal::Start { event_id: 5, kind, planned_duration: None, ends_by_itself: false },
            ]
        );
    }

    #[test]
    fn triggers_and_restrictions_select() {
        let default = AdSelection::new(None, None);
        let of = |start_type, restricted| AdKind::Segmentation { start_type, restricted };
        for start_type in [0x30, 0x32, 0x34, 0x36] {
            assert!(of(start_type, true).is_selected(&default), "{start_type:#x}");
            assert!(!of(start_type, false).is_selected(&default), "{start_type:#x} without restriction flags");
        }
        for start_type in [0x10, 0x22, 0x38, 0x3A] {
            assert!(!of(start_type, true).is_selected(&default), "{start_type:#x}");
        }
        assert!(AdKind::SpliceInsert.is_selected(&default));
        let with = |restrictions| AdSelection::new(Some(vec![AdTrigger::Break]), Some(restrictions));
        for (restrictions, restricted, unrestricted) in [
            (DeliveryRestrictions::None, false, false),
            (DeliveryRestrictions::Restricted, true, false),
            (DeliveryRestrictions::Unrestricted, false, true),
            (DeliveryRestrictions::Both, true, true),
        ] {
            let selection = with(restrictions);
            assert_eq!(of(0x22, true).is_selected(&selection), restricted, "{restrictions:?}");
            assert_eq!(of(0x22, false).is_selected(&selection), unrestricted, "{restrictions:?}");
            assert!(!AdKind::SpliceInsert.is_selected(&selection));
        }
        let inserts = AdSelection::new(Some(vec![AdTrigger::SpliceInsert]), Some(DeliveryRestrictions::None));
        assert!(AdKind::SpliceInsert.is_selected(&inserts), "splice_insert has no restriction flags to ask");
    }
}
