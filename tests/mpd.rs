//! MPDs against golden files in `tests/golden/mpd` and against the DASH schema.
//!
//! The schema is not ours to ship: `OPENMEDIAPACKAGE_DASH_SCHEMA` names a copy of `DASH-MPD.xsd`. Without it the
//! schema test says so and checks nothing.

use std::fs;
use std::process::Command;

use openmediapackage::manifest::mpd::{
    AdaptationSet, Descriptor, Mpd, MpdWriteError, Period, PresentationKind, Representation, SegmentAddressing,
    SegmentTemplate,
};

fn time(text: &str) -> jiff::Timestamp {
    text.parse().expect("the time is well formed")
}

fn template(name: &str, timescale: u32, addressing: SegmentAddressing) -> SegmentTemplate {
    SegmentTemplate {
        timescale,
        media: format!("{name}_$Number$.mp4?m=1770091506"),
        initialization: format!("{name}_init.mp4?m=1770091506"),
        start_number: Some(118_020),
        presentation_time_offset: 5_901_000_000,
        addressing,
    }
}

fn video(id: &str, resolution: (u32, u32), bandwidth: u32, codecs: &str) -> Representation {
    Representation {
        id: id.to_owned(),
        resolution: Some(resolution),
        frame_rate: Some((25, 1)),
        bandwidth,
        codecs: codecs.to_owned(),
        ..Representation::default()
    }
}

fn dynamic(periods: Vec<Period>) -> Mpd {
    Mpd {
        id: Some("201".to_owned()),
        kind: PresentationKind::Dynamic {
            publish_time: time("2026-02-03T18:41:00Z"),
            minimum_update_period_in_seconds: 15,
            availability_start_time: time("2026-02-03T18:36:00.5Z"),
            suggested_presentation_delay_in_milliseconds: Some(25_000),
            time_shift_buffer_depth_in_milliseconds: Some(60_000),
        },
        profiles: vec![Mpd::PROFILE_LIVE.to_owned()],
        min_buffer_time_in_seconds: 30,
        periods,
        utc_timing: Some(Descriptor {
            scheme_id_uri: "urn:mpeg:dash:utc:http-iso:2014".to_owned(),
            value: Some("https://time.example.net/?a=1&b=2".to_owned()),
        }),
    }
}

/// A live presentation, each representation with its own timeline.
fn live_full() -> Mpd {
    let video_timeline = (0..30).map(|index| (5_906_950_000 + index * 50_000, 50_000)).collect();
    let audio_timeline = [(0, 96_256), (96_256, 95_232), (191_488, 96_256), (300_000, 96_256)].into_iter().collect();
    let mut video_set = AdaptationSet::video();
    video_set.representations = vec![Representation {
        segment_template: Some(template("live_video_1_0", 25_000, SegmentAddressing::Timeline(video_timeline))),
        ..video("1", (1_280, 720), 2_800_000, "avc1.64001F")
    }];
    let mut audio_set = AdaptationSet::audio(Some("deu"), Some("Deutsch <Stereo> & \"mehr\""));
    audio_set.roles = vec!["main".to_owned()];
    audio_set.representations = vec![Representation {
        id: "2".to_owned(),
        bandwidth: 128_000,
        audio_sampling_rate: Some(48_000),
        codecs: "mp4a.40.2".to_owned(),
        audio_channels: Some(Descriptor {
            scheme_id_uri: "urn:mpeg:dash:23003:3:audio_channel_configuration:2011".to_owned(),
            value: Some("2".to_owned()),
        }),
        segment_template: Some(template("live_audio_2_0", 48_000, SegmentAddressing::Timeline(audio_timeline))),
        ..Representation::default()
    }];
    dynamic(vec![Period {
        id: "1".to_owned(),
        start_in_milliseconds: 0,
        duration_in_milliseconds: None,
        event_stream: None,
        adaptation_sets: vec![video_set, audio_set],
        utc_time: None,
    }])
}

/// Two representations that share a template with a constant duration.
fn live_compact() -> Mpd {
    let mut set = AdaptationSet::video();
    set.segment_template =
        Some(template("live_video_$RepresentationID$_0", 25_000, SegmentAddressing::Duration(50_000)));
    set.representations =
        vec![video("1", (1_280, 720), 2_800_000, "avc1.64001F"), video("3", (640, 360), 900_000, "avc1.4D401E")];
    dynamic(vec![Period {
        id: "1".to_owned(),
        start_in_milliseconds: 0,
        duration_in_milliseconds: None,
        event_stream: None,
        adaptation_sets: vec![set],
        utc_time: None,
    }])
}

/// A complete presentation of two periods, whose segments are named by their times.
fn complete() -> Mpd {
    let period = |id: &str, start, duration, utc| {
        let timeline = [(8_000_000, 50_000), (8_050_000, 50_000)].into_iter().collect();
        let mut set = AdaptationSet::video();
        set.segment_template = Some(SegmentTemplate {
            media: "live_video_$RepresentationID$_0_$Time$.mp4".to_owned(),
            start_number: None,
            presentation_time_offset: 8_000_000,
            ..template("live_video_$RepresentationID$_0", 25_000, SegmentAddressing::Timeline(timeline))
        });
        set.representations = vec![video("1", (1_280, 720), 2_800_000, "avc1.64001F")];
        Period {
            id: id.to_owned(),
            start_in_milliseconds: start,
            duration_in_milliseconds: Some(duration),
            event_stream: None,
            adaptation_sets: vec![set],
            utc_time: Some(time(utc)),
        }
    };
    Mpd {
        id: Some("201".to_owned()),
        kind: PresentationKind::Static {
            publish_time: Some(time("2026-02-03T18:41:00Z")),
            duration_in_milliseconds: 8_000,
        },
        profiles: vec![Mpd::PROFILE_MAIN.to_owned()],
        min_buffer_time_in_seconds: 30,
        periods: vec![period("1", 0, 4_000, "2026-02-03T18:36:00Z"), period("2", 4_000, 4_000, "2026-02-03T18:36:04Z")],
        utc_timing: None,
    }
}

fn documents() -> [(&'static str, Mpd); 3] {
    [("live_full", live_full()), ("live_compact", live_compact()), ("complete", complete())]
}

#[test]
fn documents_equal_their_golden_files() {
    for (name, document) in documents() {
        let path = format!("tests/golden/mpd/{name}.mpd");
        let xml = document.to_xml().expect("the document is written");
        if std::env::var_os("OPENMEDIAPACKAGE_UPDATE_GOLDEN").is_some() {
            fs::write(&path, &xml).expect("the golden file is written");
        }
        let golden = fs::read_to_string(&path).expect("the golden file is there");
        assert_eq!(xml, golden, "{path}");
    }
}

#[test]
fn what_the_schema_or_xml_cannot_hold_is_refused() {
    let mut broken = live_compact();
    broken.periods[0].adaptation_sets[0].representations[0].id = "a b".to_owned();
    assert!(matches!(broken.to_xml(), Err(MpdWriteError::BadValue { name: "Representation@id", .. })));
    let mut broken = live_full();
    broken.periods[0].adaptation_sets[1].label = Some("a\u{0}b".to_owned());
    assert!(matches!(broken.to_xml(), Err(MpdWriteError::Character { name: "Label", character: '\u{0}' })));
    let mut broken = live_full();
    broken.periods[0].adaptation_sets[1].language = Some("Deutsch (Original)".to_owned());
    assert!(matches!(broken.to_xml(), Err(MpdWriteError::BadValue { name: "lang", .. })));
    assert_eq!(AdaptationSet::audio(Some("Deutsch (Original)"), None).language, None);
}

/// The four attributes of XLink that the DASH schema refers to, so that validation needs no network.
const XLINK_SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
 <xs:attribute name="href" type="xs:anyURI"/>
 <xs:attribute name="actuate" type="xs:string"/>
 <xs:attribute name="type" type="xs:string"/>
 <xs:attribute name="show" type="xs:string"/>
</xs:schema>"#;

#[test]
fn documents_are_valid_by_the_dash_schema() {
    let Some(schema) = std::env::var_os("OPENMEDIAPACKAGE_DASH_SCHEMA") else {
        eprintln!("NOT CHECKED: OPENMEDIAPACKAGE_DASH_SCHEMA is unset, so no MPD was validated");
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let schema = fs::read_to_string(schema).expect("OPENMEDIAPACKAGE_DASH_SCHEMA names a readable file");
    let local = schema.replace("http://www.w3.org/XML/2008/06/xlink.xsd", "xlink.xsd");
    assert_ne!(schema, local, "the schema imports xlink");
    fs::write(folder.path().join("DASH-MPD.xsd"), local).expect("the schema is written");
    fs::write(folder.path().join("xlink.xsd"), XLINK_SCHEMA).expect("the schema is written");
    let validate = |name: &str, xml: &str| {
        let path = folder.path().join(name);
        fs::write(&path, xml).expect("the document is written");
        let output = Command::new("xmllint")
            .args(["--nonet", "--noout", "--schema"])
            .arg(folder.path().join("DASH-MPD.xsd"))
            .arg(&path)
            .output()
            .expect("xmllint runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (name, document) in documents() {
        let (is_valid, messages) = validate(name, &document.to_xml().expect("the document is written"));
        assert!(is_valid, "{name}: {messages}");
    }
    let broken = live_full().to_xml().expect("the document is written").replace("bandwidth=", "bandwith=");
    assert!(!validate("broken", &broken).0, "the validator finds a seeded fault");
}
