//! The MPD as XML.

use super::super::xml::{Element, XmlWriter};
use super::text::{date_time, is_language_tag, milliseconds, seconds};
use super::{
    AdaptationSet, Descriptor, Mpd, MpdWriteError, Period, PresentationKind, Representation, SegmentAddressing,
    SegmentTemplate,
};

const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";
const ROLE_SCHEME: &str = "urn:mpeg:dash:role:2011";
const UTC_TIME_SCHEME: &str = "urn:scte:dash:utc-time";

impl Mpd {
    /// The document's text, UTF-8.
    pub fn to_xml(&self) -> Result<String, MpdWriteError> {
        let mut xml = XmlWriter::new()?;
        xml.element(self.root(), |xml| {
            for period in &self.periods {
                write_period(xml, period)?;
            }
            if let Some(timing) = &self.utc_timing {
                let element = Element::new("UTCTiming").with("schemeIdUri", &timing.scheme_id_uri);
                xml.empty(element.with_some("value", timing.value.as_ref()))?;
            }
            Ok(())
        })?;
        xml.finish()
    }

    fn root(&self) -> Element {
        let root = Element::new("MPD").with("xmlns", NAMESPACE).with_some("id", self.id.as_ref());
        let min_buffer_time = seconds(self.min_buffer_time_in_seconds);
        let root = match &self.kind {
            PresentationKind::Dynamic {
                publish_time,
                minimum_update_period_in_seconds,
                availability_start_time,
                suggested_presentation_delay_in_milliseconds,
                time_shift_buffer_depth_in_milliseconds,
            } => root
                .with("type", "dynamic")
                .with("publishTime", date_time(*publish_time))
                .with("minimumUpdatePeriod", seconds(*minimum_update_period_in_seconds))
                .with("availabilityStartTime", date_time(*availability_start_time))
                .with("minBufferTime", min_buffer_time)
                .with_some("suggestedPresentationDelay", suggested_presentation_delay_in_milliseconds.map(milliseconds))
                .with_some("timeShiftBufferDepth", time_shift_buffer_depth_in_milliseconds.map(milliseconds)),
            PresentationKind::Static { publish_time, duration_in_milliseconds } => root
                .with("type", "static")
                .with_some("publishTime", publish_time.map(date_time))
                .with("mediaPresentationDuration", milliseconds(*duration_in_milliseconds))
                .with("minBufferTime", min_buffer_time),
        };
        root.with("profiles", self.profiles.join(","))
    }
}

fn write_period(xml: &mut XmlWriter, period: &Period) -> Result<(), MpdWriteError> {
    let element = Element::new("Period")
        .with("start", milliseconds(period.start_in_milliseconds))
        .with("id", &period.id)
        .with_some("duration", period.duration_in_milliseconds.map(milliseconds));
    xml.element(element, |xml| {
        if let Some(events) = &period.event_stream {
            events.write(xml)?;
        }
        for set in &period.adaptation_sets {
            write_adaptation_set(xml, set)?;
        }
        if let Some(time) = period.utc_time {
            let property = Element::new("SupplementalProperty").with("schemeIdUri", UTC_TIME_SCHEME);
            xml.empty(property.with("value", date_time(time)))?;
        }
        Ok(())
    })
}

fn write_adaptation_set(xml: &mut XmlWriter, set: &AdaptationSet) -> Result<(), MpdWriteError> {
    if let Some(language) = set.language.as_ref().filter(|language| !is_language_tag(language)) {
        return Err(MpdWriteError::BadValue { name: "lang", value: language.clone() });
    }
    let sap = |value: Option<u8>| value.map(|value| value.to_string());
    let fraction = |value: Option<(u32, u32)>| value.map(|(frames, seconds)| format!("{frames}/{seconds}"));
    let number = |value: Option<u32>| value.map(|value| value.to_string());
    let element = Element::new("AdaptationSet")
        .with_some("id", number(set.id))
        .with_some("contentType", set.content_type)
        .with("mimeType", &set.mime_type)
        .with_some("maxWidth", number(set.max_resolution.map(|(width, _)| width)))
        .with_some("maxHeight", number(set.max_resolution.map(|(_, height)| height)))
        .with_some("maxFrameRate", fraction(set.max_frame_rate))
        .with("segmentAlignment", if set.segment_alignment { "true" } else { "0" })
        .with_some("subsegmentAlignment", set.subsegment_alignment.then_some("true"))
        .with_some("startWithSAP", sap(set.start_with_sap))
        .with_some("subsegmentStartsWithSAP", sap(set.subsegment_starts_with_sap))
        .with_some("bitstreamSwitching", set.bitstream_switching.then_some("true"))
        .with_some("codingDependency", set.coding_dependency.map(|depends| if depends { "true" } else { "false" }))
        .with_some("lang", set.language.as_ref());
    xml.element(element, |xml| {
        write_descriptors(xml, "EssentialProperty", &set.essential_properties)?;
        write_descriptors(xml, "InbandEventStream", &set.inband_event_streams)?;
        if let Some(label) = &set.label {
            xml.text(Element::new("Label"), label)?;
        }
        for property in &set.accessibility {
            let element = Element::new("Accessibility").with("schemeIdUri", &property.scheme_id_uri);
            xml.empty(element.with_some("value", property.value.as_ref()))?;
        }
        for role in &set.roles {
            xml.empty(Element::new("Role").with("schemeIdUri", ROLE_SCHEME).with("value", role))?;
        }
        if let Some(template) = &set.segment_template {
            write_segment_template(xml, template)?;
        }
        set.representations.iter().try_for_each(|representation| write_representation(xml, representation))
    })
}

fn write_representation(xml: &mut XmlWriter, representation: &Representation) -> Result<(), MpdWriteError> {
    if representation.id.is_empty() || representation.id.contains(char::is_whitespace) {
        return Err(MpdWriteError::BadValue { name: "Representation@id", value: representation.id.clone() });
    }
    let number = |value: Option<u32>| value.map(|value| value.to_string());
    let element = Element::new("Representation")
        .with("id", &representation.id)
        .with_some("width", number(representation.resolution.map(|(width, _)| width)))
        .with_some("height", number(representation.resolution.map(|(_, height)| height)))
        .with_some("frameRate", representation.frame_rate.map(|(frames, seconds)| format!("{frames}/{seconds}")))
        .with_some("maxPlayoutRate", number(representation.max_playout_rate))
        .with_number("bandwidth", representation.bandwidth)
        .with_some("audioSamplingRate", number(representation.audio_sampling_rate))
        .with("codecs", &representation.codecs);
    let is_empty = representation.audio_channels.is_none()
        && representation.essential_properties.is_empty()
        && representation.supplemental_properties.is_empty()
        && representation.segment_template.is_none();
    if is_empty {
        return xml.empty(element);
    }
    xml.element(element, |xml| {
        write_descriptors(xml, "AudioChannelConfiguration", representation.audio_channels.as_slice())?;
        write_descriptors(xml, "EssentialProperty", &representation.essential_properties)?;
        write_descriptors(xml, "SupplementalProperty", &representation.supplemental_properties)?;
        representation.segment_template.iter().try_for_each(|template| write_segment_template(xml, template))
    })
}

fn write_descriptors(xml: &mut XmlWriter, name: &'static str, descriptors: &[Descriptor]) -> Result<(), MpdWriteError> {
    descriptors.iter().try_for_each(|descriptor| {
        let element = Element::new(name).with("schemeIdUri", &descriptor.scheme_id_uri);
        xml.empty(element.with_some("value", descriptor.value.as_ref()))
    })
}

fn write_segment_template(xml: &mut XmlWriter, template: &SegmentTemplate) -> Result<(), MpdWriteError> {
    let mut element = Element::new("SegmentTemplate")
        .with_number("timescale", template.timescale)
        .with("media", &template.media)
        .with("initialization", &template.initialization)
        .with_some("startNumber", template.start_number.map(|number| number.to_string()));
    if let SegmentAddressing::Duration(duration) = template.addressing {
        element = element.with_number("duration", duration);
    }
    element = element.with_number("presentationTimeOffset", template.presentation_time_offset);
    let SegmentAddressing::Timeline(timeline) = &template.addressing else { return xml.empty(element) };
    xml.element(element, |xml| {
        xml.element(Element::new("SegmentTimeline"), |xml| {
            timeline.written_runs().try_for_each(|(says_time, run)| {
                let segment = Element::new("S")
                    .with_some("t", says_time.then(|| run.time.to_string()))
                    .with_number("d", run.duration)
                    .with_some("r", (run.repeats > 0).then(|| run.repeats.to_string()));
                xml.empty(segment)
            })
        })
    })
}
