//! The compact layouts: templates that Representations share are lifted to their AdaptationSet.
//!
//! What decides is the *rate*: frames per second for video, samples per second for audio, nothing for text.
//!
//! | rates in the set | what is lifted |
//! | --- | --- |
//! | all equal | the one template |
//! | two frame rates, one twice the other: 24/48, 25/50, 29.97/59.94, 30/60 | one template in the timescale of the higher rate |
//! | two other frame rates | nothing |
//! | more, or two sampling rates | the template of the most frequent rate, if at least two share it |
//!
//! Only templates that are the same in fact are shared: a Representation whose segments differ keeps its own.

use crate::manifest::mpd::{AdaptationSet, Representation, SegmentTemplate};

/// What a template writes where the id of a Representation belongs.
pub const REPRESENTATION_ID: &str = "$RepresentationID$";

/// What decides whether Representations can share a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rate {
    /// Frames per second as a fraction.
    Frames(u32, u32),
    /// Samples per second.
    Samples(u32),
    /// The set has none.
    None,
}

fn rate(representation: &Representation) -> Rate {
    match (representation.frame_rate, representation.audio_sampling_rate) {
        (Some((frames, seconds)), _) => Rate::Frames(frames, seconds),
        (None, Some(samples)) => Rate::Samples(samples),
        (None, None) => Rate::None,
    }
}

/// Two frame rates of which one is twice the other, and the timescale in which both have whole ticks.
struct Pair {
    low: Rate,
    high: Rate,
    timescale: u32,
}

const PAIRS: [Pair; 4] = [
    Pair { low: Rate::Frames(24, 1), high: Rate::Frames(48, 1), timescale: 48_000 },
    Pair { low: Rate::Frames(25, 1), high: Rate::Frames(50, 1), timescale: 50_000 },
    Pair { low: Rate::Frames(30_000, 1001), high: Rate::Frames(60_000, 1001), timescale: 60_000 },
    Pair { low: Rate::Frames(30, 1), high: Rate::Frames(60, 1), timescale: 60_000 },
];

fn pair_timescale(one: Rate, other: Rate) -> Option<u32> {
    let is_it = |pair: &&Pair| (pair.low, pair.high) == (one, other) || (pair.low, pair.high) == (other, one);
    PAIRS.iter().find(is_it).map(|pair| pair.timescale)
}

/// Lifts what the set's Representations share. Their templates have [`REPRESENTATION_ID`] where the id belongs; those
/// that are not lifted get the id itself.
pub fn compact(set: &mut AdaptationSet) {
    let rates: Vec<Rate> = set.representations.iter().map(rate).collect();
    let mut distinct: Vec<Rate> = Vec::new();
    rates.iter().for_each(|rate| {
        if !distinct.contains(rate) {
            distinct.push(*rate);
        }
    });
    match distinct.as_slice() {
        [] => {}
        [_] => lift(set, 1, |representation| representation.segment_template.clone()),
        [one @ Rate::Frames(..), other @ Rate::Frames(..)] => {
            if let Some(timescale) = pair_timescale(*one, *other) {
                lift(set, 2, |representation| in_timescale(representation.segment_template.as_ref()?, timescale));
            }
        }
        several => {
            let count = |wanted: &Rate| rates.iter().filter(|rate| *rate == wanted).count();
            let most_frequent = several.iter().rev().max_by_key(|rate| count(rate)).copied();
            lift(set, 2, |representation| {
                representation.segment_template.clone().filter(|_| Some(rate(representation)) == most_frequent)
            });
        }
    }
    for representation in &mut set.representations {
        if let Some(template) = &mut representation.segment_template {
            template.media = template.media.replace(REPRESENTATION_ID, &representation.id);
            template.initialization = template.initialization.replace(REPRESENTATION_ID, &representation.id);
        }
    }
}

/// Lifts the template that most Representations offer, if at least `fewest` do; the first one of several.
fn lift(set: &mut AdaptationSet, fewest: usize, offered: impl Fn(&Representation) -> Option<SegmentTemplate>) {
    let offers: Vec<Option<SegmentTemplate>> = set.representations.iter().map(offered).collect();
    let count = |template: &SegmentTemplate| offers.iter().flatten().filter(|other| *other == template).count();
    let Some(lifted) = offers.iter().flatten().rev().max_by_key(|template| count(template)).cloned() else { return };
    if count(&lifted) < fewest {
        return;
    }
    for (representation, offer) in set.representations.iter_mut().zip(&offers) {
        if offer.as_ref() == Some(&lifted) {
            representation.segment_template = None;
        }
    }
    set.segment_template = Some(lifted);
}

/// The template with all times in a timescale that is a multiple of its own; segments that are named by their time
/// have the timescale in their name too, because the same number means another time in it.
fn in_timescale(template: &SegmentTemplate, timescale: u32) -> Option<SegmentTemplate> {
    let mut template = template.in_timescale(timescale)?;
    template.media = template.media.replace("$Time$", &format!("{timescale}_$Time$"));
    Some(template)
}

#[cfg(test)]
mod tests {
    use crate::manifest::mpd::SegmentAddressing;

    use super::*;

    /// A Representation of this id and rate with two segments of two seconds.
    fn video(id: u32, frame_rate: (u32, u32), timescale: u32) -> Representation {
        let ticks = 2 * u64::from(timescale);
        Representation {
            id: id.to_string(),
            frame_rate: Some(frame_rate),
            segment_template: Some(template(timescale, ticks)),
            ..Representation::default()
        }
    }

    fn template(timescale: u32, ticks: u64) -> SegmentTemplate {
        SegmentTemplate {
            timescale,
            media: "live_video_$RepresentationID$_0_$Time$.mp4".to_owned(),
            initialization: "live_video_$RepresentationID$_0_init.mp4".to_owned(),
            start_number: None,
            presentation_time_offset: ticks,
            addressing: SegmentAddressing::Timeline([(ticks, ticks), (2 * ticks, ticks)].into_iter().collect()),
        }
    }

    fn compacted(representations: Vec<Representation>) -> AdaptationSet {
        let mut set = AdaptationSet { representations, ..AdaptationSet::video() };
        compact(&mut set);
        set
    }

    /// Ids of the Representations that use the set's template.
    fn sharing(set: &AdaptationSet) -> Vec<&str> {
        let sharing = set.representations.iter().filter(|representation| representation.segment_template.is_none());
        sharing.map(|representation| representation.id.as_str()).collect()
    }

    #[test]
    fn equal_rates_share_one_template() {
        let set = compacted(vec![video(1, (25, 1), 25_000), video(3, (25, 1), 25_000)]);
        assert_eq!(set.segment_template, Some(template(25_000, 50_000)));
        assert_eq!(sharing(&set), ["1", "3"]);
        assert_eq!(sharing(&compacted(vec![video(1, (25, 1), 25_000)])), ["1"], "one alone shares with nobody");
    }

    #[test]
    fn pairs_share_a_template_in_the_timescale_of_the_higher_rate() {
        for (low, low_timescale, high, high_timescale, common) in [
            ((24, 1), 24_000, (48, 1), 48_000, 48_000),
            ((25, 1), 25_000, (50, 1), 50_000, 50_000),
            ((30_000, 1001), 30_000, (60_000, 1001), 60_000, 60_000),
            ((30, 1), 30_000, (60, 1), 60_000, 60_000),
        ] {
            for order in [[1, 3], [3, 1]] {
                let mut ladder = vec![video(1, low, low_timescale), video(3, high, high_timescale)];
                ladder.sort_by_key(|representation| order.iter().position(|id| id.to_string() == representation.id));
                let set = compacted(ladder);
                let shared = set.segment_template.as_ref().unwrap();
                assert_eq!((shared.timescale, shared.presentation_time_offset), (common, 2 * u64::from(common)));
                assert_eq!(shared.media, format!("live_video_$RepresentationID$_0_{common}_$Time$.mp4"));
                assert_eq!(sharing(&set).len(), 2, "{low:?} {high:?}");
            }
        }
    }

    #[test]
    fn two_other_rates_are_left_as_they_are() {
        let ladder = vec![video(1, (25, 1), 25_000), video(3, (30, 1), 30_000), video(5, (25, 1), 25_000)];
        let set = compacted(ladder);
        assert_eq!((set.segment_template.is_none(), sharing(&set).len()), (true, 0));
        let own = set.representations[1].segment_template.as_ref().unwrap();
        assert_eq!(own.media, "live_video_3_0_$Time$.mp4");
        assert_eq!(own.initialization, "live_video_3_0_init.mp4");
    }

    #[test]
    fn of_more_rates_the_most_frequent_goes_up() {
        let three = [video(1, (50, 1), 50_000), video(3, (25, 1), 25_000), video(5, (24, 1), 24_000)];
        assert_eq!(sharing(&compacted(three.to_vec())).len(), 0, "no two share a rate");
        let set = compacted([three.to_vec(), vec![video(7, (25, 1), 25_000)]].concat());
        assert_eq!(sharing(&set), ["3", "7"]);
        assert_eq!(set.segment_template.unwrap().timescale, 25_000);
    }

    #[test]
    fn two_sampling_rates_are_no_pair() {
        let audio = |id: u32, rate: u32| Representation {
            frame_rate: None,
            audio_sampling_rate: Some(rate),
            ..video(id, (1, 1), rate)
        };
        let set = compacted(vec![audio(2, 48_000), audio(4, 44_100), audio(6, 44_100)]);
        assert_eq!(sharing(&set), ["4", "6"]);
        assert_eq!(sharing(&compacted(vec![audio(2, 48_000), audio(4, 24_000)])).len(), 0);
    }

    #[test]
    fn a_representation_with_other_segments_keeps_its_template() {
        let mut late = video(5, (25, 1), 25_000);
        late.segment_template = Some(template(25_000, 49_000));
        let set = compacted(vec![late, video(1, (25, 1), 25_000), video(3, (25, 1), 25_000)]);
        assert_eq!(sharing(&set), ["1", "3"]);
        assert_eq!(set.representations[0].segment_template.as_ref().unwrap().media, "live_video_5_0_$Time$.mp4");
    }

    #[test]
    fn text_without_a_rate_always_shares() {
        let text = |id: u32| Representation { frame_rate: None, ..video(id, (1, 1), 1_000) };
        assert_eq!(sharing(&compacted(vec![text(1), text(2)])), ["1", "2"]);
    }
}
