//! Settings of DASH endpoints: layouts and profiles.

use http::StatusCode;
use openmediapackage::presentation::InputIndex;
use openmediapackage::resources::{DashProfile, DashSettings, ManifestLayout, Packaging, SegmentTemplateFormat};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, dash, endpoint};

const FORMATS: [SegmentTemplateFormat; 3] = [
    SegmentTemplateFormat::NumberWithTimeline,
    SegmentTemplateFormat::TimeWithTimeline,
    SegmentTemplateFormat::NumberWithDuration,
];

fn encoder(ladder: Ladder) -> Encoder {
    Encoder { ladder, input: InputIndex::First, first_time: 126_000, began: at(0), first_sequence: 0, generation: 1 }
}

async fn house(settings: DashSettings, encoder: &Encoder) -> House {
    let house = House::new([endpoint("e", Packaging::Dash(settings))]);
    for n in 0..4 {
        house.push(encoder, n).await;
    }
    house
}

/// What a player fetches: initialization and media files of every Representation, its names filled in.
fn files(mpd: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(mpd).unwrap();
    let mut files = Vec::new();
    for representation in document.descendants().filter(|node| node.has_tag_name("Representation")) {
        let template = [Some(representation), representation.parent_element()]
            .into_iter()
            .flatten()
            .find_map(|node| node.children().find(|child| child.has_tag_name("SegmentTemplate")))
            .expect("every Representation has a template");
        let number = |name: &str| template.attribute(name).map(|value| value.parse::<u64>().unwrap());
        let name = |attribute: &str, value: u64| {
            template
                .attribute(attribute)
                .unwrap()
                .replace("$RepresentationID$", representation.attribute("id").unwrap())
                .replace("$Number$", &value.to_string())
                .replace("$Time$", &value.to_string())
        };
        files.push(name("initialization", 0));
        let is_timed = template.attribute("media").unwrap().contains("$Time$");
        let (mut time, mut next) = (0, number("startNumber").unwrap_or(0));
        for s in template.descendants().filter(|node| node.has_tag_name("S")) {
            time = s.attribute("t").map_or(time, |t| t.parse().unwrap());
            for _ in 0..=s.attribute("r").map_or(0, |r| r.parse::<u64>().unwrap()) {
                files.push(name("media", if is_timed { time } else { next }));
                time += s.attribute("d").unwrap().parse::<u64>().unwrap();
                next += 1;
            }
        }
    }
    files
}

#[tokio::test]
async fn every_layout_names_the_same_files_and_all_are_there() {
    for format in FORMATS {
        for half_rate in [false, true] {
            let encoder = encoder(Ladder { half_rate, ..Ladder::muxed(1_800, 100, 48_000) });
            let mut bodies = Vec::new();
            for manifest_layout in [ManifestLayout::Full, ManifestLayout::Compact, ManifestLayout::DrmTopLevelCompact] {
                let house = house(DashSettings { manifest_layout, ..dash(format) }, &encoder).await;
                let mpd = house.text("e", "live.mpd").await;
                assert_eq!(mpd.contains("$RepresentationID$"), manifest_layout.is_compact(), "{mpd}");
                let mut fetched = Vec::new();
                for file in files(&mpd) {
                    fetched.push(house.file("e", &file).await);
                }
                let timelines = mpd.contains("<SegmentTimeline>");
                assert_eq!(fetched.len(), if timelines { 3 * 5 } else { 3 }, "{mpd}");
                bodies.push(fetched);
            }
            assert_eq!(bodies[0], bodies[1], "{format:?}, half rate: {half_rate}");
            assert_eq!(bodies[0], bodies[2]);
        }
    }
}

#[tokio::test]
async fn a_25_and_50_ladder_shares_one_template_of_50000_ticks() {
    let encoder = encoder(Ladder { half_rate: true, ..Ladder::muxed(1_800, 100, 48_000) });
    let layout = ManifestLayout::Compact;
    let format = SegmentTemplateFormat::TimeWithTimeline;
    let house = house(DashSettings { manifest_layout: layout, ..dash(format) }, &encoder).await;
    let mpd = house.text("e", "live.mpd").await;
    let expected = "   <SegmentTemplate timescale=\"50000\" media=\"live_video_$RepresentationID$_0_50000_$Time$.mp4?m=1790000000\" \
                    initialization=\"live_video_$RepresentationID$_0_init.mp4?m=1790000000\" presentationTimeOffset=\"3000000\">\n    \
                    <SegmentTimeline>\n     <S t=\"3000000\" d=\"100000\" r=\"3\"/>\n";
    assert!(mpd.contains(expected), "{mpd}");
    // The same number in the track's own timescale means another time, and odd ones mean none.
    for (name, status) in [
        ("live_video_3_0_1550000.mp4", StatusCode::OK),
        ("live_video_3_0_50000_3100000.mp4", StatusCode::OK),
        ("live_video_3_0_3100000.mp4", StatusCode::NOT_FOUND),
        ("live_video_3_0_50000_3100001.mp4", StatusCode::NOT_FOUND),
        ("live_video_3_0_30000_3100000.mp4", StatusCode::NOT_FOUND),
        ("live_video_3_0_0_3100000.mp4", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(house.get(&format!("/out/v1/e/{name}")).await.status, status, "{name}");
    }
}

#[tokio::test]
async fn hybridcast_has_one_period_whatever_happens() {
    let settings = DashSettings { profile: DashProfile::Hybridcast, ..dash(SegmentTemplateFormat::NumberWithTimeline) };
    let encoder = encoder(Ladder::muxed(3_600, 50, 48_000));
    let house = house(settings, &encoder).await;
    let before = house.text("e", "live.mpd").await;
    assert!(before.contains(" <Period start=\"PT0.000S\" id=\"1\">"), "{before}");
    assert!(before.contains("presentationTimeOffset=\"1500000\""), "{before}");
    // The encoder starts again with another clock: the times go on, in the same period.
    let again = Encoder { first_time: 9_000_000, began: at(10_000), first_sequence: 5, generation: 2, ..encoder };
    for n in 0..2 {
        house.push(&again, n).await;
    }
    let after = house.text("e", "live.mpd").await;
    assert_eq!(after.matches("<Period").count(), 1, "{after}");
    assert!(
        after.contains("<S t=\"1500000\" d=\"50000\" r=\"3\"/>\n      <S t=\"1750000\" d=\"50000\" r=\"1\"/>"),
        "{after}"
    );
    for file in files(&after) {
        house.file("e", &file).await;
    }
}
