//! The MPD (ISO 23009-1).
//!
//! Each run of segments with the same tracks is one Period: numbers in a SegmentTimeline count on without a hole, so
//! where a track misses a segment, that segment is a Period without it. Periods are known by the number of their first
//! segment, and their start and offset come from that segment alone, so they stay the same when it has left the window.
//!
//! With constant durations there is one Period for ever: numbers follow the clock from a while before the channel's first
//! segment, and a missing segment is a number that is not there.

use jiff::Timestamp;
use std::sync::Arc;

use super::dash_codec;
use super::dash_events::{event_stream, inband_event_streams};
use super::dash_time::{self, SegmentTime, clock_of, grid_number, segment_time, timescale};
use super::filter::ManifestFilter;
use super::links::Links;
use super::media_clock::{HEAD_ROOM, elapsed_ticks};
use super::name::DashTrack;
use super::offer::Offer;
use super::piece::track_segments;
use super::{Manifest, RenderError, dash_captions, dash_layout, dash_profile};
use crate::manifest::mpd::{
    AdaptationSet, Descriptor, EventStream, Mpd, Period, PresentationKind, Representation, SegmentAddressing,
    SegmentTemplate, SegmentTimeline,
};
use crate::media::codec::TrackKind;
use crate::media::rescale::rescale_signed_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::presentation::timeline::ticks_to_duration;
use crate::presentation::{LineOrigin, OutputSegment, OutputTimeline, Snapshot, Track, View};
use crate::resources::{DashProfile, DashSettings, Endpoint, SegmentTemplateFormat};

/// `MPD@id`: the same for all.
const MPD_ID: &str = "201";

/// What one MPD is made of.
struct Source<'a> {
    snapshot: &'a Snapshot,
    endpoint: &'a Endpoint,
    settings: &'a DashSettings,
    output: &'a OutputTimeline,
    origin: LineOrigin,
    offer: Offer<'a>,
    links: &'a Links,
}

/// What the MPD offers to a viewer with this filter.
pub fn offer<'a>(snapshot: &'a Snapshot, settings: &DashSettings, filter: &ManifestFilter) -> Offer<'a> {
    let mut offer = Offer::of(snapshot, &settings.stream_selection);
    filter.apply(&mut offer, false);
    offer
}

/// The MPD of a view; `None` while there is nothing to list.
pub fn mpd(
    snapshot: &Snapshot,
    endpoint: &Endpoint,
    settings: &DashSettings,
    output: &OutputTimeline,
    view: &View,
    filter: &ManifestFilter,
    links: &Links,
) -> Result<Option<Manifest>, RenderError> {
    let segments: Vec<Arc<OutputSegment>> = view.segments(output).collect();
    let segments: Vec<&OutputSegment> = segments.iter().map(AsRef::as_ref).collect();
    let (Some(origin), Some(first), Some(last)) = (snapshot.origin(), segments.first(), segments.last()) else {
        return Ok(None);
    };
    let offer = offer(snapshot, settings, filter);
    let source = Source { snapshot, endpoint, settings, output, origin, offer, links };
    let delay = endpoint.time_delay_seconds;
    let nominal = dash_time::nominal_if_clocked(settings.segment_template_format, output);
    let ((periods, last_sequence), availability_start_time, head_room) = match nominal {
        Some(nominal) => (
            source.clocked_period(nominal, &segments, view),
            dash_time::clocked_availability_start(&origin, delay, nominal),
            dash_time::clocked_head_room(nominal),
        ),
        None => {
            let periods = match settings.profile {
                DashProfile::Hybridcast => source.single_period(&segments, view),
                _ => source.periods(&segments, view),
            };
            (periods, dash_time::availability_start(&origin, delay), 0)
        }
    };
    if periods.is_empty() {
        return Ok(None);
    }
    let publish_time = published(endpoint, last);
    let listed = last.wall_clock_end().duration_since(first.wall_clock).as_millis();
    let kind = if view.complete {
        PresentationKind::Static {
            publish_time: Some(publish_time),
            duration_in_milliseconds: milliseconds_at(last, last.end().saturating_add(head_room), &origin),
        }
    } else {
        PresentationKind::Dynamic {
            publish_time,
            minimum_update_period_in_seconds: settings.min_update_period_seconds,
            availability_start_time,
            suggested_presentation_delay_in_milliseconds: Some(
                u64::from(settings.suggested_presentation_delay_seconds) * 1000,
            ),
            time_shift_buffer_depth_in_milliseconds: u64::try_from(listed).ok(),
        }
    };
    let mpd = Mpd {
        id: Some(MPD_ID.to_owned()),
        kind,
        profiles: dash_profile::names(settings.profile, view.complete),
        min_buffer_time_in_seconds: settings.min_buffer_time_seconds,
        periods,
        utc_timing: settings.utc_timing.as_ref().map(|timing| Descriptor {
            scheme_id_uri: timing.scheme_id_uri.to_owned(),
            value: Some(timing.value.clone()),
        }),
    };
    Ok(Some(Manifest { text: mpd.to_xml()?, last_sequence, last_updated: Some(last.received) }))
}

/// When the newest listed segment could first be listed.
fn published(endpoint: &Endpoint, last: &OutputSegment) -> Timestamp {
    let delay = jiff::SignedDuration::from_secs(i64::from(endpoint.time_delay_seconds));
    if delay.is_zero() {
        return last.received;
    }
    last.wall_clock_end().saturating_add(delay).unwrap_or(last.received).max(last.received)
}

/// Milliseconds from the channel's first segment to a time of a run, 90 kHz.
fn milliseconds_at(segment: &OutputSegment, time: i64, origin: &LineOrigin) -> u64 {
    let ticks = elapsed_ticks(&segment.run, origin).saturating_add(time.saturating_sub(segment.run.start));
    u64::try_from(ticks_to_duration(ticks).as_millis()).unwrap_or(0)
}

/// A track's segments in one period.
struct Listed {
    timeline: SegmentTimeline,
    first_number: u64,
    last_number: u64,
    last: SegmentTime,
    config: u16,
}

/// What of a period does not follow from its segments.
struct PeriodFrame {
    id: String,
    start_in_milliseconds: u64,
    duration_in_milliseconds: Option<u64>,
    event_stream: Option<EventStream>,
    utc_time: Option<Timestamp>,
}

impl Source<'_> {
    /// One period for each run.
    fn periods(&self, segments: &[&OutputSegment], view: &View) -> (Vec<Period>, Option<u64>) {
        let mut periods = Vec::new();
        let mut last_sequence = None;
        for run in segments.chunk_by(|one, next| one.run.first_number == next.run.first_number) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let is_open = segments.last().is_some_and(|newest| newest.number == last.number);
            let clock = clock_of(first, &self.origin, None);
            // Where the first segment stays the first one, its period begins with it: players start there.
            let begin = if view.starts_fixed && periods.is_empty() { first.start } else { first.run.start };
            let start = milliseconds_at(first, begin, &self.origin);
            let end = milliseconds_at(last, last.end(), &self.origin);
            let frame = PeriodFrame {
                id: first.run.first_number.to_string(),
                start_in_milliseconds: start,
                duration_in_milliseconds: (!is_open || view.complete).then_some(end.saturating_sub(start)),
                // Events that began before the period have no place in it.
                event_stream: event_stream(self.output, &first.run).filter(|_| begin == first.run.start),
                utc_time: view.complete.then_some(first.run.wall_clock),
            };
            let offset = |track: &Track| {
                clock.time(rescale_signed_time(begin, MPEG_TIMESCALE, track.timescale), track.timescale)
            };
            if let Some((period, lowest_last)) = self.period(run, frame, offset) {
                last_sequence = Some(lowest_last);
                periods.push(period);
            }
        }
        (periods, last_sequence)
    }

    /// One period for ever that has the newest segments with the same tracks and configurations: what a presentation
    /// can hold that may not have several.
    fn single_period(&self, segments: &[&OutputSegment], view: &View) -> (Vec<Period>, Option<u64>) {
        let Some(newest) = segments.last() else { return (Vec::new(), None) };
        let tracks = self.configurations(newest);
        let is_alike = |segment: &&&OutputSegment| self.configurations(segment) == tracks;
        let alike = segments.iter().rev().take_while(is_alike).count();
        let listed = segments.get(segments.len().saturating_sub(alike)..).unwrap_or_default();
        // As in several periods: where the first segment stays the first one, the period begins with it.
        let begin = listed.first().filter(|_| view.starts_fixed);
        let start = begin.map_or(0, |first| milliseconds_at(first, first.start, &self.origin));
        let end = milliseconds_at(newest, newest.end(), &self.origin);
        let frame = PeriodFrame {
            id: "1".to_owned(),
            start_in_milliseconds: start,
            duration_in_milliseconds: view.complete.then_some(end.saturating_sub(start)),
            event_stream: None,
            utc_time: view.complete.then_some(begin.map_or(self.origin.wall_clock, |first| first.wall_clock)),
        };
        let offset = |track: &Track| match begin {
            Some(first) => {
                let start = rescale_signed_time(first.start, MPEG_TIMESCALE, track.timescale);
                clock_of(first, &self.origin, None).time(start, track.timescale)
            }
            None => rescale_signed_time(HEAD_ROOM, MPEG_TIMESCALE, track.timescale),
        };
        let period = self.period(listed, frame, offset);
        (period.iter().map(|(period, _)| period.clone()).collect(), period.map(|(_, last)| last))
    }

    /// The configuration of each offered track in a segment.
    fn configurations(&self, segment: &OutputSegment) -> Vec<Option<u16>> {
        let videos = self.offer.videos().map(|(_, track)| track);
        let tracks = videos.chain(self.offer.audio.iter().map(|audio| audio.track));
        tracks.map(|track| Some(track_segments(self.snapshot, segment, track.id).next()?.config)).collect()
    }

    /// A period of some segments, and the number (or time) of the last one of its lowest rendition; `None` if there is
    /// nothing in them. `offset` is the media time at the period's start, in the track's own timescale.
    fn period(
        &self,
        segments: &[&OutputSegment],
        frame: PeriodFrame,
        offset: impl Fn(&Track) -> i64,
    ) -> Option<(Period, u64)> {
        let mut lowest: Option<((bool, u64), u64)> = None;
        let adaptation_sets = self.adaptation_sets(segments, |track, bitrate| {
            let listed = self.list(segments, track)?;
            let (media, start_number, last) = match self.settings.segment_template_format {
                SegmentTemplateFormat::TimeWithTimeline => ("$Time$", None, listed.last.start),
                SegmentTemplateFormat::NumberWithTimeline | SegmentTemplateFormat::NumberWithDuration => {
                    ("$Number$", u32::try_from(listed.first_number).ok(), listed.last_number)
                }
            };
            let rank = (track.kind != TrackKind::Video, bitrate);
            if lowest.is_none_or(|(lowest, _)| rank < lowest) {
                lowest = Some((rank, last));
            }
            let offset = rescale_signed_time(offset(track), track.timescale, timescale(track));
            let template = self.template(
                track,
                listed.config,
                media,
                start_number,
                u64::try_from(offset).unwrap_or(0),
                SegmentAddressing::Timeline(listed.timeline),
            );
            Some((listed.config, template))
        });
        let (_, last) = lowest?;
        let period = Period {
            id: frame.id,
            start_in_milliseconds: frame.start_in_milliseconds,
            duration_in_milliseconds: frame.duration_in_milliseconds,
            event_stream: frame.event_stream,
            adaptation_sets,
            utc_time: frame.utc_time,
        };
        Some((period, last))
    }

    /// One period for ever, with numbers that follow the clock. If the first listed number stays so, or if nothing will be
    /// added, it begins with that.
    fn clocked_period(&self, nominal: i64, segments: &[&OutputSegment], view: &View) -> (Vec<Period>, Option<u64>) {
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return (Vec::new(), None) };
        let first_number = match view.complete || view.starts_fixed {
            true => grid_number(first, &self.origin, nominal),
            false => dash_time::FIRST_GRID_NUMBER,
        };
        let passed =
            i64::try_from(first_number - dash_time::FIRST_GRID_NUMBER).unwrap_or(i64::MAX).saturating_mul(nominal);
        let adaptation_sets = self.adaptation_sets(segments, |track, _| {
            let clock = clock_of(last, &self.origin, Some(nominal));
            // The newest segment may lack the track for a moment: any listed one tells its configuration.
            let config = segments
                .iter()
                .rev()
                .find_map(|segment| Some(segment_time(self.snapshot, segment, track, clock)?.config))?;
            let is_exact = nominal.saturating_mul(i64::from(timescale(track))) % i64::from(MPEG_TIMESCALE) == 0;
            let template_timescale = if is_exact { timescale(track) } else { MPEG_TIMESCALE };
            let ticks = |time: i64| rescale_signed_time(time, MPEG_TIMESCALE, template_timescale);
            let mut template = self.template(
                track,
                config,
                "$Number$",
                u32::try_from(first_number).ok(),
                u64::try_from(ticks(passed)).unwrap_or(0),
                SegmentAddressing::Duration(u32::try_from(ticks(nominal)).unwrap_or(u32::MAX)),
            );
            template.timescale = template_timescale;
            Some((config, template))
        });
        if adaptation_sets.is_empty() {
            return (Vec::new(), None);
        }
        let start = u64::try_from(ticks_to_duration(passed).as_millis()).unwrap_or(0);
        let period = Period {
            id: "1".to_owned(),
            start_in_milliseconds: start,
            duration_in_milliseconds: None,
            event_stream: None,
            adaptation_sets,
            utc_time: view.complete.then_some(first.wall_clock),
        };
        (vec![period], Some(grid_number(last, &self.origin, nominal)))
    }

    /// One set of all videos and one for each audio track; `template` says how a track of this bit rate is addressed, if
    /// it is there.
    fn adaptation_sets(
        &self,
        segments: &[&OutputSegment],
        mut template: impl FnMut(&Track, u64) -> Option<(u16, SegmentTemplate)>,
    ) -> Vec<AdaptationSet> {
        let mut sets = Vec::new();
        let mut video = AdaptationSet::video();
        video.accessibility = dash_captions::descriptors(&self.snapshot.captions);
        for (variant, track) in self.offer.videos() {
            let bitrate = variant.video_bitrate();
            let Some((config, segment_template)) = template(track, bitrate) else { continue };
            video.representations.extend(representation(track, config, bitrate, segment_template));
        }
        if !video.representations.is_empty() {
            dash_codec::lift_common_colour(&mut video);
            video.inband_event_streams = inband_event_streams(self.snapshot, segments, self.settings);
            sets.push(video);
        }
        for audio in &self.offer.audio {
            let bitrate = audio.track.first_bitrate;
            let Some((config, segment_template)) = template(audio.track, bitrate) else { continue };
            let mut set = AdaptationSet::audio(audio.track.language.as_deref(), Some(&audio.name));
            set.representations.extend(representation(audio.track, config, bitrate, segment_template));
            if !set.representations.is_empty() {
                sets.push(set);
            }
        }
        for text in &self.offer.texts {
            let bitrate = text.track.first_bitrate;
            let Some((config, segment_template)) = template(text.track, bitrate) else { continue };
            let mut set = AdaptationSet::text(text.track.language.as_deref(), Some(&text.name), text.forced);
            set.representations.extend(representation(text.track, config, bitrate, segment_template));
            sets.push(set);
        }
        if self.settings.manifest_layout.is_compact() {
            sets.iter_mut().for_each(dash_layout::compact);
        }
        dash_profile::constrain(self.settings.profile, &mut sets);
        sets
    }

    /// A track's segments among these; `None` if it has none there.
    fn list(&self, segments: &[&OutputSegment], track: &Track) -> Option<Listed> {
        let mut timeline = SegmentTimeline::default();
        let mut first = None;
        let mut last = None;
        for segment in segments {
            let clock = clock_of(segment, &self.origin, None);
            let Some(time) = segment_time(self.snapshot, segment, track, clock) else { continue };
            timeline.push(time.start, time.duration);
            first.get_or_insert((segment.number, time.config));
            last = Some((segment.number, time));
        }
        let ((first_number, config), (last_number, last)) = (first?, last?);
        Some(Listed { timeline, first_number, last_number, last, config })
    }

    fn template(
        &self,
        track: &Track,
        config: u16,
        identifier: &str,
        start_number: Option<u32>,
        presentation_time_offset: u64,
        addressing: SegmentAddressing,
    ) -> SegmentTemplate {
        let manifest = &self.endpoint.manifest_name;
        let name = DashTrack { kind: track.kind, number: track.number, config };
        let name = match self.settings.manifest_layout.is_compact() {
            true => name.of_any_number(dash_layout::REPRESENTATION_ID),
            false => name.to_string(),
        };
        SegmentTemplate {
            timescale: timescale(track),
            media: self.links.segment(format_args!("{manifest}_{name}_{identifier}.mp4")),
            initialization: self.links.segment(format_args!("{manifest}_{name}_init.mp4")),
            start_number,
            presentation_time_offset,
            addressing,
        }
    }
}

fn representation(track: &Track, config: u16, bitrate: u64, template: SegmentTemplate) -> Option<Representation> {
    let config = track.configs.get(usize::from(config))?;
    let mut representation = Representation {
        id: track.number.to_string(),
        bandwidth: u32::try_from(bitrate).unwrap_or(u32::MAX).max(1),
        codecs: config.rfc6381(),
        segment_template: Some(template),
        ..Representation::default()
    };
    if let Some(picture) = config.picture() {
        representation.resolution = Some((picture.width, picture.height));
        representation.frame_rate = Some(track.frame_rate);
    }
    representation.audio_sampling_rate = config.sound().map(|sound| sound.sampling_rate);
    representation.audio_channels = dash_codec::audio_channels(config);
    representation.essential_properties = dash_codec::colour_properties(config);
    representation.supplemental_properties = dash_codec::object_properties(config);
    Some(representation)
}
