//! What the ads of an endpoint do when messages come: two-second slots, times in milliseconds.

use super::*;
use crate::media::scte35::{
    BreakDuration, Segmentation, SegmentationDescriptor, SegmentationUpid, SpliceCommand, SpliceDescriptor,
    SpliceEvent, SpliceInsert, SpliceMode,
};
use crate::presentation::TimedMessage;
use crate::resources::{AdTrigger, DeliveryRestrictions, ONLY_MANIFEST};

const SLOT: i64 = 2_000;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

/// Slot `n` with messages at these times.
fn slot(n: i64, messages: &[(i64, SpliceInfoSection)]) -> LineSlot {
    let messages = messages.iter().map(|(time, section)| TimedMessage {
        kind: MessageKind::Scte35,
        stream_index: 0,
        time: time * 90,
        payload: section.write().unwrap().into(),
    });
    LineSlot {
        messages: messages.collect(),
        ..crate::presentation::line::test_slot(n * SLOT * 90, SLOT * 90, at(n * SLOT))
    }
}

fn out(event_id: u32, break_duration: Option<BreakDuration>) -> SpliceInfoSection {
    insert(event_id, true, break_duration)
}

fn insert(event_id: u32, out_of_network: bool, break_duration: Option<BreakDuration>) -> SpliceInfoSection {
    let event = SpliceEvent {
        out_of_network,
        immediate: false,
        event_id_compliance_flag: true,
        mode: SpliceMode::Program { pts_time: Some(0) },
        break_duration,
        unique_program_id: 1,
        avail_num: 0,
        avails_expected: 0,
    };
    SpliceInfoSection::new(SpliceCommand::Insert(SpliceInsert { event_id, event: Some(event) }), Vec::new())
}

fn seconds(duration: u64) -> BreakDuration {
    BreakDuration { auto_return: true, duration: duration * 90_000 }
}

/// A time_signal of descriptors: event id, segmentation type, duration in seconds.
fn time_signal(descriptors: &[(u32, u8, Option<u64>)]) -> SpliceInfoSection {
    let descriptors = descriptors.iter().map(|(event_id, type_id, duration)| {
        SpliceDescriptor::Segmentation(SegmentationDescriptor {
            event_id: *event_id,
            event_id_compliance_indicator: true,
            segmentation: Some(Segmentation {
                delivery_restrictions: None,
                components: None,
                duration: duration.map(|seconds| seconds * 90_000),
                upid: SegmentationUpid::none(),
                type_id: *type_id,
                segment_num: 0,
                segments_expected: 0,
                sub_segment: None,
            }),
        })
    });
    SpliceInfoSection::new(SpliceCommand::TimeSignal { pts_time: Some(0) }, descriptors.collect())
}

/// Everything, programs too.
fn rules() -> OutputRules {
    let triggers =
        vec![AdTrigger::SpliceInsert, AdTrigger::ProviderAdvertisement, AdTrigger::ProviderPlacementOpportunity];
    let selection =
        AdSelection { program_transitions: true, ..AdSelection::new(Some(triggers), Some(DeliveryRestrictions::Both)) };
    OutputRules { ads: [(ONLY_MANIFEST.to_owned(), selection)].into(), ..OutputRules::without_ads(2) }
}

/// Plays slots as segments of one slot each, numbered from 0, and shows each break as `id first..next`.
fn play(count: i64, messages: &[(i64, i64, SpliceInfoSection)]) -> (AdTimeline, Vec<String>) {
    let mut ads = AdTimeline::default();
    for n in 0..count {
        let own: Vec<_> =
            messages.iter().filter(|(of, ..)| *of == n).map(|(_, time, section)| (*time, section.clone())).collect();
        let slot = slot(n, &own);
        ads.hear(&slot, slot.wall_clock);
        let segment =
            SegmentStart { number: n as u64, wall_clock: slot.wall_clock, due: due_at(slot.wall_clock, slot.duration) };
        ads.begin(segment, &rules());
    }
    let mut breaks: Vec<&AdBreak> = ads.breaks().collect();
    breaks.sort_by_key(|ad| (ad.first_number, ad.event_id));
    let shown = breaks
        .iter()
        .map(|ad| {
            let next = ad.end.map_or("".to_owned(), |end| end.next_number.to_string());
            format!("{} {}..{next}", ad.event_id, ad.first_number)
        })
        .collect();
    (ads, shown)
}

#[test]
fn a_break_of_known_duration_ends_by_itself() {
    let (ads, shown) = play(10, &[(1, 6_000, out(7, Some(seconds(8))))]);
    assert_eq!(shown, ["7 3..7"]);
    let ad = ads.breaks().next().unwrap();
    assert_eq!((ad.splice_time, ad.first_wall_clock), (at(6_000), at(6_000)));
    assert_eq!(ad.end.unwrap().splice_time, at(14_000));
}

#[test]
fn times_between_boundaries_go_to_the_nearest_one() {
    for (time, first) in [(5_010, 3), (6_999, 3), (7_001, 4)] {
        let (ads, shown) = play(10, &[(1, time, out(7, None))]);
        assert_eq!(shown, [format!("7 {first}..")], "{time}");
        assert_eq!(ads.breaks().next().unwrap().splice_time, at(time), "the message's own time is kept");
    }
}

#[test]
fn a_break_of_unknown_duration_ends_by_its_message_whatever_its_id() {
    for return_id in [7, 8] {
        let messages = [(1, 6_000, out(7, None)), (5, 12_000, insert(return_id, false, None))];
        assert_eq!(play(10, &messages).1, ["7 3..6"], "{return_id}");
    }
    // An id that is known means its own event alone.
    let messages = [(1, 4_000, out(7, None)), (1, 6_000, out(8, None)), (5, 12_000, insert(8, false, None))];
    assert_eq!(play(10, &messages).1, ["7 2..", "8 3..6"]);
}

#[test]
fn a_duration_without_auto_return_is_a_hint() {
    let hint = BreakDuration { auto_return: false, duration: 4 * 90_000 };
    assert_eq!(play(10, &[(1, 6_000, out(7, Some(hint)))]).1, ["7 3.."]);
    assert_eq!(play(10, &[(1, 6_000, out(7, Some(hint))), (6, 14_000, insert(7, false, None))]).1, ["7 3..7"]);
}

#[test]
fn a_message_may_end_a_break_early() {
    let messages = [(1, 6_000, out(7, Some(seconds(30)))), (4, 10_000, insert(7, false, None))];
    assert_eq!(play(10, &messages).1, ["7 3..5"]);
}

#[test]
fn repeated_messages_are_one_and_the_newest_counts() {
    let messages = [
        (0, 6_000, out(7, Some(seconds(8)))),
        (1, 8_000, out(7, Some(seconds(4)))),
        (2, 8_000, out(7, Some(seconds(4)))),
        (4, 8_000, out(7, Some(seconds(4)))),
        (6, 8_300, out(7, Some(seconds(4)))),
    ];
    assert_eq!(play(12, &messages).1, ["7 4..6"]);
}

#[test]
fn an_id_that_is_used_again_is_another_break() {
    let messages = [(0, 4_000, out(7, Some(seconds(4)))), (5, 16_000, out(7, Some(seconds(4))))];
    let (ads, shown) = play(14, &messages);
    assert_eq!(shown, ["7 2..4", "7 8..10"]);
    assert_eq!(ads.breaks().map(|ad| ad.earlier_of_this_id).collect::<Vec<_>>(), [0, 1]);
    // The way back was lost: the next break of the name ends this one.
    let messages = [(0, 4_000, out(7, None)), (7, 18_000, out(7, None))];
    assert_eq!(play(14, &messages).1, ["7 2..9", "7 9.."]);
}

#[test]
fn a_cancelled_event_does_not_come() {
    let cancel = SpliceCommand::Insert(SpliceInsert { event_id: 7, event: None });
    let cancel = SpliceInfoSection::new(cancel, Vec::new());
    let messages = [(1, 8_000, out(7, None)), (1, 10_000, out(8, None)), (2, 4_500, cancel)];
    assert_eq!(play(10, &messages).1, ["8 5.."]);
}

#[test]
fn late_messages_count_from_the_next_segment_on() {
    assert_eq!(play(10, &[(4, 3_000, out(7, Some(seconds(10))))]).1, ["7 4..6"]);
    assert!(play(10, &[(8, 3_000, out(7, Some(seconds(10))))]).1.is_empty(), "it is over already");
}

#[test]
fn segmentation_events_pair_by_id_and_type() {
    let messages = [
        (0, 4_000, time_signal(&[(1, 0x34, Some(12)), (2, 0x30, None)])),
        (3, 8_000, time_signal(&[(2, 0x31, None), (3, 0x30, Some(8))])),
        (4, 9_900, time_signal(&[(3, 0x35, None)])),
    ];
    assert_eq!(play(12, &messages).1, ["1 2..8", "2 2..4", "3 4..8"]);
}

#[test]
fn programs_are_shown_but_nothing_is_cut_for_them() {
    let messages =
        [(0, 4_000, time_signal(&[(1, 0x10, None)])), (3, 8_000, time_signal(&[(1, 0x11, None), (2, 0x10, None)]))];
    assert_eq!(play(8, &messages).1, ["1 2..4", "2 4.."]);
    let mut ads = AdTimeline::default();
    let first = slot(0, &[(4_000, time_signal(&[(1, 0x10, None)]))]);
    ads.hear(&first, first.wall_clock);
    assert!(!ads.is_due(at(5_000), &rules()));
    let segment = SegmentStart { number: 2, wall_clock: at(4_000), due: at(5_000) };
    assert!(!ads.begin(segment, &rules()), "no new period for a program");
}

#[test]
fn only_what_a_manifest_shows_is_due() {
    let mut ads = AdTimeline::default();
    let first = slot(0, &[(4_000, out(7, Some(seconds(4))))]);
    ads.hear(&first, first.wall_clock);
    assert!(!ads.is_due(at(3_999), &rules()));
    assert!(ads.is_due(at(4_000), &rules()));
    assert!(!ads.is_due(at(4_000), &OutputRules::without_ads(2)));
    assert!(!ads.is_due(at(9_000), &rules()), "it would be over before it begins");
    let segment = SegmentStart { number: 2, wall_clock: at(4_000), due: at(5_000) };
    assert!(ads.begin(segment, &rules()));
    // It goes on as it began, whatever the settings are now.
    assert!(ads.is_due(at(8_000), &OutputRules::without_ads(2)));
}

#[test]
fn what_is_over_is_forgotten_with_its_segments() {
    let messages = [(0, 4_000, out(7, Some(seconds(4)))), (5, 16_000, out(8, Some(seconds(4))))];
    let (mut ads, _) = play(14, &messages);
    ads.forget_before(4);
    assert_eq!(ads.breaks().count(), 2, "the first segment after it still tells its end");
    ads.forget_before(5);
    assert_eq!(ads.breaks().map(|ad| ad.event_id).collect::<Vec<_>>(), [8]);
}

#[test]
fn a_flood_of_events_is_bounded() {
    let flood: Vec<(i64, i64, SpliceInfoSection)> = (0..1_000).map(|id| (0, 4_000, out(id, None))).collect();
    let (ads, _) = play(4, &flood);
    assert_eq!(ads.breaks().count(), MOST_EVENTS);
}
