//! The MPD and its periods, ISO 23009-1 §5.3.1 and §5.3.2.

use jiff::Timestamp;

use super::{AdaptationSet, EventStream};

/// A media presentation description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mpd {
    /// `@id`.
    pub id: Option<String>,
    /// `@type` and the attributes that go with it.
    pub kind: PresentationKind,
    /// `@profiles`, such as [`Mpd::PROFILE_LIVE`].
    pub profiles: Vec<String>,
    /// `@minBufferTime`, whole seconds.
    pub min_buffer_time_in_seconds: u32,
    /// The periods, in order of time.
    pub periods: Vec<Period>,
    /// `UTCTiming`.
    pub utc_timing: Option<Descriptor>,
}

impl Mpd {
    /// The profile of live presentations.
    pub const PROFILE_LIVE: &str = "urn:mpeg:dash:profile:isoff-live:2011";
    /// The profile that MediaPackage gives to complete presentations.
    pub const PROFILE_MAIN: &str = "urn:mpeg:dash:profile:isoff-main:2011";
}

/// Whether the presentation still grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresentationKind {
    /// `type="dynamic"`.
    Dynamic {
        /// When the MPD was made.
        publish_time: Timestamp,
        /// `@minimumUpdatePeriod`, whole seconds.
        minimum_update_period_in_seconds: u32,
        /// The wall clock time at which period times count from 0.
        availability_start_time: Timestamp,
        /// `@suggestedPresentationDelay` in milliseconds.
        suggested_presentation_delay_in_milliseconds: Option<u64>,
        /// `@timeShiftBufferDepth` in milliseconds.
        time_shift_buffer_depth_in_milliseconds: Option<u64>,
    },
    /// `type="static"`.
    Static {
        /// When the MPD was made.
        publish_time: Option<Timestamp>,
        /// `@mediaPresentationDuration` in milliseconds.
        duration_in_milliseconds: u64,
    },
}

/// One period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// `@id`.
    pub id: String,
    /// `@start` in milliseconds after the start of the presentation.
    pub start_in_milliseconds: u64,
    /// `@duration` in milliseconds; `None` for the last period of a dynamic presentation.
    pub duration_in_milliseconds: Option<u64>,
    /// Advertisements that begin with it, if any.
    pub event_stream: Option<EventStream>,
    /// Its tracks.
    pub adaptation_sets: Vec<AdaptationSet>,
    /// Wall clock of the period's start, written as a `SupplementalProperty` of scheme `urn:scte:dash:utc-time`.
    pub utc_time: Option<Timestamp>,
}

/// A scheme and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// `@schemeIdUri`.
    pub scheme_id_uri: String,
    /// `@value`.
    pub value: Option<String>,
}
