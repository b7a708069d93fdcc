//! Ad markers of HLS media playlists: the tags before each segment, for TS and CMAF alike.
//!
//! Cue tags have no names, so they cannot nest: ads that overlap are one break. It begins with the first of them and is
//! over when none goes on; the one that began first of those that go on leads it.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::manifest::hls::{CueTag, DateRange, DateRangeSection, PlaylistWriteError};
use crate::media::sample::MPEG_TIMESCALE;
use crate::presentation::ads::is_continuation;
use crate::presentation::{AdBreak, OutputSegment, OutputTimeline, Snapshot};
use crate::resources::AdMarkers;

/// The tags before each segment of one media playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdTags {
    before: BTreeMap<u64, Vec<String>>,
}

impl AdTags {
    /// The tags of a manifest of this id that lists these segments, oldest first; the id is
    /// [`crate::resources::ONLY_MANIFEST`] where an endpoint has only one.
    pub fn new(
        snapshot: &Snapshot,
        output: &OutputTimeline,
        segments: &[impl Borrow<OutputSegment>],
        manifest: &str,
        markers: AdMarkers,
    ) -> Result<AdTags, PlaylistWriteError> {
        let segments: Vec<&OutputSegment> = segments.iter().map(Borrow::borrow).collect();
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return Ok(AdTags::default()) };
        let is_near =
            |ad: &&AdBreak| ad.first_number <= last.number && ad.end.is_none_or(|end| end.next_number >= first.number);
        let shown = || output.ad_breaks().filter(|ad| ad.is_shown_in(manifest)).filter(is_near).collect::<Vec<_>>();
        let mut tags = AdTags::default();
        match markers {
            AdMarkers::None => {}
            AdMarkers::Scte35Enhanced => {
                let ads: Vec<&AdBreak> = shown().into_iter().filter(|ad| !ad.kind.is_program()).collect();
                tags.fill(&segments, |segment| Ok(cue_tags(&ads, segment)))?;
            }
            AdMarkers::DateRange => {
                let ads = shown();
                tags.fill(&segments, |segment| date_ranges(&ads, segment, segment.number == first.number))?;
            }
            AdMarkers::Passthrough => tags.fill(&segments, |segment| Ok(copied_tags(snapshot, segment)))?,
        }
        Ok(tags)
    }

    fn fill(
        &mut self,
        segments: &[&OutputSegment],
        tags: impl Fn(&OutputSegment) -> Result<Vec<String>, PlaylistWriteError>,
    ) -> Result<(), PlaylistWriteError> {
        for segment in segments {
            let lines = tags(segment)?;
            if !lines.is_empty() {
                self.before.insert(segment.number, lines);
            }
        }
        Ok(())
    }

    /// Takes the lines that stand before a segment.
    pub fn take_before(&mut self, number: u64) -> Vec<String> {
        self.before.remove(&number).unwrap_or_default()
    }
}

/// SCTE35_ENHANCED.
fn cue_tags(ads: &[&AdBreak], segment: &OutputSegment) -> Vec<String> {
    let number = segment.number;
    let covering = ads.iter().filter(|ad| ad.covers(number));
    let going_on = covering.clone().filter(|ad| ad.first_number < number).min_by_key(|ad| lead_order(ad));
    let beginning: Vec<&&AdBreak> = covering.filter(|ad| ad.first_number == number).collect();
    let mut lines = Vec::new();
    match going_on {
        Some(leading) => {
            let elapsed = segment.wall_clock.duration_since(leading.first_wall_clock);
            let tag = CueTag::Continues {
                elapsed_milliseconds: rounded_milliseconds(elapsed),
                milliseconds: leading.planned_duration.map(ticks_to_milliseconds),
                section: &leading.section,
            };
            lines.push(tag.to_line());
        }
        None => {
            let went_on = ads.iter().any(|ad| ad.end.is_some_and(|end| end.next_number == number));
            lines.extend(went_on.then(|| CueTag::In.to_line()));
        }
    }
    for ad in &beginning {
        let line = CueTag::Section(&ad.section).to_line();
        // One section may begin several ads.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if let (None, Some(leading)) = (going_on, beginning.into_iter().min_by_key(|ad| lead_order(ad))) {
        lines.push(CueTag::Out { milliseconds: leading.planned_duration.map(ticks_to_milliseconds) }.to_line());
    }
    lines
}

/// The least of the ads that go on leads: the one that began first, the longest of those that began together.
fn lead_order(ad: &AdBreak) -> (u64, std::cmp::Reverse<i64>) {
    (ad.first_number, std::cmp::Reverse(ad.planned_duration.unwrap_or(i64::MAX)))
}

/// DATERANGE: what ends, what goes on if the playlist begins here, and what begins.
fn date_ranges(
    ads: &[&AdBreak],
    segment: &OutputSegment,
    is_first_listed: bool,
) -> Result<Vec<String>, PlaylistWriteError> {
    let number = segment.number;
    let over = ads.iter().filter_map(|ad| Some((ad, ad.end.filter(|end| end.next_number == number)?)));
    let ends = over.map(|(ad, end)| {
        let section = ad.kind.is_program().then_some(DateRangeSection::Command(&ad.section));
        DateRange { end: Some(end.splice_time), planned_milliseconds: None, section, ..date_range(ad) }.to_line()
    });
    let is_told = |ad: &&&AdBreak| ad.first_number == number || (is_first_listed && ad.covers(number));
    ends.chain(ads.iter().filter(is_told).map(|ad| date_range(ad).to_line())).collect()
}

fn date_range(ad: &AdBreak) -> DateRange<'_> {
    // RFC 8216 §4.3.2.7: one id, one range; encoders use event ids again.
    let id = match ad.earlier_of_this_id {
        0 => ad.event_id.to_string(),
        earlier => format!("{}-{}", ad.event_id, u64::from(earlier) + 1),
    };
    DateRange {
        id,
        start: ad.splice_time,
        end: None,
        planned_milliseconds: ad.planned_duration.map(ticks_to_milliseconds),
        section: Some(match ad.kind.is_program() {
            true => DateRangeSection::Command(&ad.section),
            false => DateRangeSection::Out(&ad.section),
        }),
    }
}

/// PASSTHROUGH: what the encoder's playlist had at the segment's start. Of what it had within the segment, only what
/// says more than that a break goes on: segments are cut at such tags, so there is none unless the setting is new.
fn copied_tags(snapshot: &Snapshot, segment: &OutputSegment) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, slot) in snapshot.slots_of(segment).enumerate() {
        lines.extend(slot.playlist_tags.iter().filter(|tag| index == 0 || !is_continuation(tag)).cloned());
    }
    lines
}

/// 90 kHz in milliseconds, to the nearest.
fn ticks_to_milliseconds(ticks: i64) -> u64 {
    let ticks_per_millisecond = u64::from(MPEG_TIMESCALE) / 1_000;
    u64::try_from(ticks).unwrap_or(0).saturating_add(ticks_per_millisecond / 2) / ticks_per_millisecond
}

fn rounded_milliseconds(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_nanos().saturating_add(500_000) / 1_000_000).unwrap_or(0)
}
