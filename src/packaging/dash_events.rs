//! Events of a DASH period: ads in the MPD, and what its segments carry.

use std::collections::BTreeSet;

use super::timed_metadata::{Carried, messages, scheme};
use crate::manifest::mpd::{Descriptor, Event, EventStream};
use crate::media::rescale::rescale_signed_time;
use crate::media::sample::MPEG_TIMESCALE;
use crate::media::scte35::SpliceInfoSection;
use crate::presentation::{OutputSegment, OutputTimeline, Run, Snapshot};
use crate::resources::{DashSettings, ONLY_MANIFEST};

/// The ads that begin with a period, as events; `None` if there are none.
pub fn event_stream(output: &OutputTimeline, run: &Run) -> Option<EventStream> {
    let beginning = output
        .ad_breaks()
        .filter(|ad| ad.first_number == run.first_number && ad.is_shown_in(ONLY_MANIFEST) && !ad.kind.is_program());
    let events: Vec<Event> = beginning
        .filter_map(|ad| {
            let after_start = ad.splice_time.duration_since(ad.first_wall_clock).as_micros();
            let after_start = i64::try_from(after_start).unwrap_or(0);
            let ticks = rescale_signed_time(after_start, 1_000_000, MPEG_TIMESCALE);
            Some(Event {
                presentation_time: u64::try_from(ticks).unwrap_or(0),
                duration: ad.planned_duration.and_then(|duration| u64::try_from(duration).ok()),
                id: ad.event_id,
                section: SpliceInfoSection::read(&ad.section).ok()?,
            })
        })
        .collect();
    (!events.is_empty()).then_some(EventStream { timescale: MPEG_TIMESCALE, events })
}

/// What the segments of an endpoint with these settings carry beside media.
pub fn carried(settings: &DashSettings) -> Carried<'_> {
    Carried { ingest_time: false, klv: true, scte35: settings.ad_periods.as_ref() }
}

/// `InbandEventStream` of the messages in some segments: each scheme and value once.
pub fn inband_event_streams(
    snapshot: &Snapshot,
    segments: &[&OutputSegment],
    settings: &DashSettings,
) -> Vec<Descriptor> {
    let mut kinds = BTreeSet::new();
    for segment in segments {
        let messages = messages(snapshot, segment, carried(settings));
        kinds.extend(messages.iter().map(|message| scheme(message.kind, message.stream_index)));
    }
    kinds
        .into_iter()
        .map(|(scheme_id_uri, value)| Descriptor {
            scheme_id_uri: scheme_id_uri.to_owned(),
            value: (!value.is_empty()).then_some(value),
        })
        .collect()
}
