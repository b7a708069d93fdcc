//! Two inputs of which one or both are hurt, watched by endpoints with short and with long segments.

use std::collections::BTreeMap;

use super::super::event::{ChannelEvent, InputIndex};
use super::super::failover::SwitchReason;
use super::super::output::{InputSwitch, OutputSegment};
use super::super::simulation::{Encoder, Fate, SEGMENT_MS, at};
use super::super::state::{ChannelState, Fact};
use crate::resources::{EndpointGuid, OutputRules};

/// Target durations of the endpoints, seconds.
const TARGETS: [u32; 3] = [2, 4, 10];

/// Segments of the programme.
const SEGMENTS: u64 = 60;

/// What happens to an encoder from segment `from` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Healthy,
    /// It sends nothing for 14 s, then everything at once.
    Stalled,
    /// Each segment comes 5 s later than before.
    Late,
    /// A segment takes 3 s, so that it falls behind by 1 s with each, for 20 segments.
    Slow,
    /// Three segments cannot be used.
    Corrupt,
    /// It is gone for 8 s, and comes back with another clock and its old names.
    Restarted,
    /// Its numbers and names jump.
    Renumbered,
    /// Its wall clock jumps an hour ahead at a restart that loses nothing.
    ClockAhead,
    /// Its wall clock jumps an hour back at a restart that loses nothing.
    ClockBehind,
    /// Every other of six segments is listed and never put.
    Missing,
    /// One variant's segment is never put.
    HalfMissing,
    /// It stops for good.
    Stopped,
    /// It ends its playlists.
    Ended,
}

const FAULTS: [Fault; 12] = [
    Fault::Stalled,
    Fault::Late,
    Fault::Slow,
    Fault::Corrupt,
    Fault::Restarted,
    Fault::Renumbered,
    Fault::ClockAhead,
    Fault::ClockBehind,
    Fault::Missing,
    Fault::HalfMissing,
    Fault::Stopped,
    Fault::Ended,
];

/// Everything that an encoder with a fault puts, with the time of reception, in milliseconds.
fn pushes(input: InputIndex, fault: Fault, from: u64) -> Vec<(i64, Vec<ChannelEvent>)> {
    let mut encoder = Encoder::new(input);
    let mut pushes = Vec::new();
    for n in 0..SEGMENTS {
        let since = n.checked_sub(from);
        let regular = (n as i64 + 1) * SEGMENT_MS + 100 + input.index() as i64 * 50;
        let (mut received, mut fate) = (regular, Fate::Arrives);
        match (fault, since) {
            (Fault::Stalled, Some(0..=6)) => received = (from as i64 + 8) * SEGMENT_MS,
            (Fault::Late, Some(_)) => received += 5_000,
            (Fault::Slow, Some(since)) => received += 1_000 * (since.min(20) as i64 + 1),
            (Fault::Corrupt, Some(0..=2)) => fate = Fate::Broken,
            (Fault::Restarted, Some(0..=3)) => continue,
            (Fault::Restarted, Some(4)) => encoder.start_again(5_000_000_000),
            (Fault::Renumbered, Some(0)) => encoder.renumber(70_000),
            (Fault::ClockAhead, Some(0)) => {
                encoder.start_again(5_000_000_000);
                encoder.wall_clock_ahead = Some(3_600_000);
            }
            (Fault::ClockBehind, Some(0)) => {
                encoder.start_again(5_000_000_000);
                encoder.wall_clock_ahead = Some(-3_600_000);
            }
            (Fault::Missing, Some(0 | 2 | 4)) => fate = Fate::Missing,
            (Fault::HalfMissing, Some(0)) => fate = Fate::HalfMissing,
            (Fault::Stopped, Some(_)) => break,
            (Fault::Ended, Some(_)) => {
                pushes.push((received, encoder.end(received).into()));
                break;
            }
            _ => {}
        }
        pushes.push((received, encoder.push(n, received, fate)));
    }
    pushes
}

fn endpoint(target: u32) -> EndpointGuid {
    EndpointGuid(format!("{target} s"))
}

/// A channel, held against what it showed before after everything that happens.
#[derive(Default)]
struct Watched {
    state: ChannelState,
    facts: Vec<Fact>,
    shown: BTreeMap<EndpointGuid, Vec<OutputSegment>>,
    now: i64,
}

impl Watched {
    fn new() -> Self {
        let mut watched = Watched::default();
        for target in TARGETS {
            let rules = OutputRules::without_ads(target);
            watched.take(&ChannelEvent::OutputWanted { endpoint: endpoint(target), rules });
        }
        watched
    }

    /// Both inputs, in order of reception, and some time after.
    fn run(first: (Fault, u64), second: (Fault, u64)) -> Self {
        let mut watched = Watched::new();
        let mut all = pushes(InputIndex::First, first.0, first.1);
        all.extend(pushes(InputIndex::Second, second.0, second.1));
        all.sort_by_key(|(received, _)| *received);
        for (received, events) in all {
            watched.time_passes(received);
            for event in &events {
                watched.take(event);
            }
        }
        watched.time_passes(SEGMENTS as i64 * SEGMENT_MS + 60_000);
        watched
    }

    fn time_passes(&mut self, until: i64) {
        while let Some(due) = self.state.next_due().filter(|due| *due <= at(until)) {
            self.take(&ChannelEvent::TimePassed { at: due });
            assert!(self.state.next_due().is_none_or(|next| next > due), "what was due at {due} happened");
        }
        self.now = until;
    }

    fn take(&mut self, event: &ChannelEvent) {
        self.state.apply(event, &mut self.facts);
        let snapshot = self.state.snapshot(0);
        let is_whole = |segment: &OutputSegment| snapshot.slots_of(segment).all(|slot| slot.is_whole());
        for (endpoint, output) in &snapshot.outputs {
            let shown = self.shown.entry(endpoint.clone()).or_default();
            let segments: Vec<OutputSegment> = output.segments().map(|segment| (*segment).clone()).collect();
            assert_eq!(segments.get(..shown.len()), Some(shown.as_slice()), "{endpoint:?}: what was published changed");
            let known = shown.len().saturating_sub(1);
            for pair in segments.get(known..).unwrap_or_default().windows(2) {
                let (before, next) = (&pair[0], &pair[1]);
                assert_eq!(next.number, before.number + 1, "{endpoint:?}");
                assert!(next.wall_clock >= before.wall_clock_end(), "{endpoint:?}: the wall clock ran back: {pair:?}");
                let is_break = next.span == before.span + 1;
                assert!(is_break || next.span == before.span, "{endpoint:?}: {pair:?}");
                assert!(is_break || next.start == before.end(), "{endpoint:?}: media time jumps: {pair:?}");
                assert!(
                    is_break
                        || next.run.first_number == before.run.first_number
                        || !is_whole(before)
                        || !is_whole(next)
                );
            }
            *shown = segments;
        }
    }

    /// The programme's segments that an endpoint shows in both variants, in order.
    fn whole_segments(&self, target: u32) -> Vec<u64> {
        let snapshot = self.state.snapshot(0);
        let segments = self.shown.get(&endpoint(target)).into_iter().flatten();
        let slots = segments.flat_map(|segment| snapshot.slots_of(segment).collect::<Vec<_>>());
        let whole = slots.filter(|slot| slot.is_whole());
        whole.map(|slot| u64::from(slot.objects().next().expect("a whole slot has media").number)).collect()
    }

    fn breaks(&self, target: u32) -> u32 {
        self.shown.get(&endpoint(target)).and_then(|shown| shown.last()).map_or(0, |segment| segment.span)
    }

    fn switches(&self, target: u32) -> Vec<InputSwitch> {
        let switch = |fact: &Fact| match fact {
            Fact::InputSwitched { endpoint: of, switch } if *of == endpoint(target) => Some(*switch),
            _ => None,
        };
        self.facts.iter().filter_map(switch).collect()
    }

    fn ended(&self, target: u32) -> bool {
        self.state.snapshot(0).ended(&endpoint(target))
    }
}

/// The programme's segments up to where a whole number of segments of the endpoint ends.
fn all_segments(target: u32) -> Vec<u64> {
    let slots = u64::from(target) * 1000 / SEGMENT_MS as u64;
    (0..SEGMENTS / slots * slots).collect()
}

/// Viewers get every frame once, but for `excused` segments of the programme.
fn loses_nothing(watched: &Watched, what: &str, excused: std::ops::Range<u64>) {
    for target in TARGETS {
        let shown = watched.whole_segments(target);
        let missing: Vec<u64> = (0..SEGMENTS).filter(|n| !shown.contains(n) && !excused.contains(n)).collect();
        assert!(shown.is_sorted_by(|one, next| one < next), "{what}, {target} s: doubled: {shown:?}");
        // After a switch segments may end elsewhere, so the last one may be open.
        let open = SEGMENTS - u64::from(target) * 1000 / SEGMENT_MS as u64;
        let switches = watched.switches(target);
        assert!(missing.iter().all(|n| *n > open), "{what}, {target} s: lost {missing:?}, {switches:?}");
    }
}

#[test]
fn two_healthy_inputs_play_as_one() {
    let watched = Watched::run((Fault::Healthy, 0), (Fault::Healthy, 0));
    for target in TARGETS {
        assert_eq!(watched.whole_segments(target), all_segments(target));
        assert_eq!((watched.switches(target), watched.breaks(target)), (vec![], 0));
    }
}

#[test]
fn whatever_hurts_one_input_viewers_get_every_frame_once() {
    for fault in FAULTS {
        for hurt in InputIndex::BOTH {
            let of = |input: InputIndex| if input == hurt { (fault, 20) } else { (Fault::Healthy, 0) };
            let watched = Watched::run(of(InputIndex::First), of(InputIndex::Second));
            loses_nothing(&watched, &format!("{fault:?} of {hurt:?}"), 0..0);
            // A clock that jumps without a loss breaks the timeline of those who stay on that input, and nobody else's.
            let may_break = hurt == InputIndex::First && matches!(fault, Fault::ClockAhead | Fault::ClockBehind);
            for target in TARGETS {
                assert!(
                    may_break || watched.breaks(target) == 0,
                    "{fault:?} of {hurt:?} broke the {target} s endpoint"
                );
                let has_switched = !watched.switches(target).is_empty();
                assert!(!has_switched || hurt == InputIndex::First, "the passive input is nobody's concern");
            }
        }
    }
}

#[test]
fn whatever_hurts_both_inputs_in_turn_viewers_get_every_frame_once() {
    for first in FAULTS {
        for second in FAULTS {
            let what = format!("{first:?}, then {second:?}");
            let watched = Watched::run((first, 8), (second, 40));
            match (first, second) {
                // Whoever is gone for good cannot help later.
                (Fault::Stopped | Fault::Ended, _) => {}
                // With the time of reception alone, what comes late looks like what comes later.
                (Fault::Late | Fault::Slow, Fault::ClockAhead | Fault::ClockBehind)
                | (Fault::ClockAhead | Fault::ClockBehind, Fault::Late | Fault::Slow | Fault::Stalled) => {}
                // Whoever is late by more than an endpoint waits cannot fill a gap.
                (Fault::Late | Fault::Slow, _) => loses_nothing(&watched, &what, 40..46),
                _ => loses_nothing(&watched, &what, 0..0),
            }
        }
    }
}

#[test]
fn whatever_hurts_both_inputs_at_once_what_was_published_stays() {
    for first in FAULTS {
        for second in FAULTS {
            let watched = Watched::run((first, 20), (second, 21));
            for target in TARGETS {
                let shown = watched.whole_segments(target);
                // Two clocks and two numberings that have nothing in common leave only the time of reception.
                let is_unrelated = |fault| matches!(fault, Fault::ClockAhead | Fault::ClockBehind);
                let is_doubled = !shown.is_sorted_by(|one, next| one < next);
                let may_double = is_unrelated(first) || is_unrelated(second);
                assert!(may_double || !is_doubled, "{first:?} and {second:?}: doubled: {shown:?}");
                let before = shown.iter().filter(|n| **n < 20).count();
                assert_eq!(before, 20, "{first:?} and {second:?}: lost what came before");
            }
        }
    }
}

#[test]
fn long_segments_ride_out_what_makes_short_ones_switch() {
    // Three segments come together, 4.5 s after the first of them was expected.
    let mut watched = Watched::new();
    let [mut first, mut second] = InputIndex::BOTH.map(Encoder::new);
    for n in 0..30u64 {
        let received = (n as i64 + 1) * SEGMENT_MS + 100;
        let held = |n: i64| if (12..15).contains(&n) { 15 * SEGMENT_MS + 600 } else { (n + 1) * SEGMENT_MS + 100 };
        for n in (0..30u64).filter(|n| (received..received + SEGMENT_MS).contains(&held(*n as i64))) {
            watched.time_passes(held(n as i64));
            first.push(n, held(n as i64), Fate::Arrives).iter().for_each(|event| watched.take(event));
        }
        watched.time_passes(received + 20);
        second.push(n, received + 20, Fate::Arrives).iter().for_each(|event| watched.take(event));
    }
    let reasons = |target| watched.switches(target).iter().map(|switch| switch.reason).collect::<Vec<_>>();
    assert_eq!((reasons(2), reasons(10)), (vec![SwitchReason::Silent], vec![]));
    let snapshot = watched.state.snapshot(0);
    let active = |target| snapshot.outputs[&endpoint(target)].active();
    assert_eq!((active(2), active(10)), (Some(InputIndex::Second), Some(InputIndex::First)));
}

#[test]
fn each_fault_has_its_reason() {
    let reasons = |fault, target| {
        let watched = Watched::run((fault, 20), (Fault::Healthy, 0));
        watched.switches(target).iter().map(|switch| switch.reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(Fault::Stopped, 2), [SwitchReason::Silent]);
    assert_eq!(reasons(Fault::Slow, 2), [SwitchReason::Late]);
    assert_eq!(reasons(Fault::Corrupt, 2), [SwitchReason::Gap]);
    assert_eq!(reasons(Fault::HalfMissing, 10), [SwitchReason::Gap]);
    assert_eq!(reasons(Fault::Restarted, 10), [SwitchReason::Jump]);
    assert_eq!(reasons(Fault::Ended, 2), [SwitchReason::Ended]);
    assert_eq!(reasons(Fault::Renumbered, 2), []);
    // A segment that is only missing looks like silence, until a later one has come and was waited for.
    assert_eq!(reasons(Fault::Missing, 2), [SwitchReason::Silent]);
    assert_eq!(reasons(Fault::Missing, 10), [SwitchReason::Gap]);
}

#[test]
fn an_input_with_another_clock_takes_over_with_a_discontinuity() {
    // No wall clock is told and the media times are unrelated: only numbers say what belongs together.
    for tells in [None, Some(0)] {
        let mut watched = Watched::new();
        let [mut first, mut second] = InputIndex::BOTH.map(Encoder::new);
        second.media_time = 7_000_000_000;
        (first.wall_clock_ahead, second.wall_clock_ahead) = (tells, tells);
        for n in 0..SEGMENTS {
            let received = (n as i64 + 1) * SEGMENT_MS + 100;
            watched.time_passes(received);
            if n < 20 {
                first.push(n, received, Fate::Arrives).iter().for_each(|event| watched.take(event));
            }
            second.push(n, received + 300, Fate::Arrives).iter().for_each(|event| watched.take(event));
        }
        loses_nothing(&watched, "another clock", 0..0);
        for target in TARGETS {
            let [switch] = watched.switches(target).try_into().expect("one switch");
            assert!(switch.discontinuity);
            assert_eq!(watched.breaks(target), 1);
        }
    }
}

#[test]
fn an_endpoint_ends_when_both_inputs_have_ended() {
    let watched = Watched::run((Fault::Ended, 20), (Fault::Ended, 30));
    for target in TARGETS {
        assert!(watched.ended(target));
        assert_eq!(watched.whole_segments(target), (0..30).collect::<Vec<_>>(), "all that the longer one had");
    }
    let watched = Watched::run((Fault::Ended, 20), (Fault::Stopped, 30));
    assert!(TARGETS.iter().all(|target| !watched.ended(*target)), "one stopped without ending");
}

#[test]
fn an_ended_endpoint_is_live_again_when_an_encoder_starts_again() {
    for again in InputIndex::BOTH {
        let mut watched = Watched::run((Fault::Ended, 20), (Fault::Ended, 20));
        assert!(TARGETS.iter().all(|target| watched.ended(*target)));
        let last = TARGETS.map(|target| watched.shown[&endpoint(target)].last().unwrap().number);
        let mut encoder = Encoder::new(again);
        encoder.start_again(77);
        for n in 100..120u64 {
            let received = (n as i64 + 1) * SEGMENT_MS + 100;
            watched.time_passes(received);
            encoder.push(n, received, Fate::Arrives).iter().for_each(|event| watched.take(event));
        }
        for (target, last) in TARGETS.into_iter().zip(last) {
            assert!(!watched.ended(target), "{again:?}");
            let newest = watched.shown[&endpoint(target)].last().unwrap();
            assert_eq!(newest.number - last, u64::from(40 / target), "{again:?}: numbers go on");
            assert_eq!(newest.wall_clock_end(), at(120 * SEGMENT_MS));
        }
    }
}
