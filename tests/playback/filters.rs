//! Manifest filters through the front door.

use http::StatusCode;
use openmediapackage::presentation::InputIndex;
use openmediapackage::resources::{HlsSettings, Packaging, SegmentTemplateFormat, StreamOrder, StreamSelection};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, dash, endpoint, hls};

/// Videos of 50 and 25 pictures per second and some 2 and 1 Mbit/s, 320 by 180, with sound in two languages.
async fn house() -> House {
    let grouped = HlsSettings { use_audio_rendition_group: true, ..hls() };
    let low = StreamSelection {
        max_video_bits_per_second: 1_500_000,
        order: StreamOrder::VideoBitrateAscending,
        ..StreamSelection::default()
    };
    let house = House::new([
        endpoint("grouped", Packaging::Hls(grouped)),
        endpoint("muxed", Packaging::Hls(hls())),
        endpoint("selected", Packaging::Hls(HlsSettings { stream_selection: low, ..hls() })),
        endpoint("dash", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline))),
    ]);
    let ladder = Ladder { half_rate: true, languages: vec!["deu", "eng"], ..Ladder::muxed(1_800, 100, 48_000) };
    let encoder = Encoder {
        ladder,
        input: InputIndex::First,
        first_time: 126_000,
        began: at(0),
        first_sequence: 0,
        generation: 1,
    };
    for n in 0..4 {
        house.push(&encoder, n).await;
    }
    house
}

/// What a parent lists: child playlists of HLS, ids of Representations of DASH.
fn listed(manifest: &str) -> Vec<String> {
    if let Ok(mpd) = roxmltree::Document::parse(manifest) {
        let representations = mpd.descendants().filter(|node| node.has_tag_name("Representation"));
        return representations.map(|node| node.attribute("id").unwrap().to_owned()).collect();
    }
    let children = manifest.lines().filter_map(|line| {
        let renditions =
            line.strip_prefix("#EXT-X-MEDIA:").and_then(|_| line.split("URI=\"").nth(1)?.split('"').next());
        renditions.or_else(|| (!line.starts_with('#')).then_some(line))
    });
    children.map(str::to_owned).collect()
}

const DEUTSCH: &str = "live_3_0.m3u8";
const ENGLISH: &str = "live_4_0.m3u8";

#[tokio::test]
async fn each_filter_leaves_what_it_says() {
    let house = house().await;
    let all = [DEUTSCH, ENGLISH, "live_1.m3u8", "live_2.m3u8"];
    let fast = [DEUTSCH, ENGLISH, "live_1.m3u8"];
    let slow = [DEUTSCH, ENGLISH, "live_2.m3u8"];
    for (filter, left) in [
        ("video_bitrate:0-2147483647", &all[..]),
        ("video_bitrate:1500000-3000000", &fast),
        ("video_framerate:25", &slow),
        ("video_framerate:25.001-50", &fast),
        ("video_framerate:1-24,49.999-50", &fast),
        ("video_height:180", &all),
        ("video_codec:H264", &all),
        ("video_dynamic_range:sdr,hlg", &all),
        ("video_height:181-1080", &[DEUTSCH, ENGLISH, DEUTSCH]),
        ("video_codec:H265;audio_language:eng", &[ENGLISH, ENGLISH]),
        ("audio_language:DEU", &[DEUTSCH, "live_1.m3u8", "live_2.m3u8"]),
        ("audio_language:fra", &["live_1.m3u8", "live_2.m3u8"]),
        ("audio_channels:1-2", &all),
        ("audio_channels:6;video_framerate:25", &["live_2.m3u8"]),
        ("audio_codec:aacl", &all),
        ("audio_codec:AACH,AC-3", &["live_1.m3u8", "live_2.m3u8"]),
        ("audio_sample_rate:44100,48000", &all),
        ("audio_bitrate:2000000-2147483647", &["live_1.m3u8", "live_2.m3u8"]),
        ("subtitle_language:fra", &all),
        ("trickplay_type:none", &all),
        ("trickplay_height:1-2", &all),
    ] {
        let body = house.text("grouped", &format!("live.m3u8?aws.manifestfilter={filter}")).await;
        assert_eq!(listed(&body), left, "{filter}: {body}");
        let of_child = |child: &str| match child {
            DEUTSCH => "6",
            ENGLISH => "8",
            "live_1.m3u8" => "1",
            _ => "3",
        };
        let mut expected: Vec<&str> = left.iter().map(|child| of_child(child)).collect();
        expected.sort_unstable();
        expected.dedup();
        let mpd = house.text("dash", &format!("live.mpd?aws.manifestfilter={filter}")).await;
        assert_eq!(listed(&mpd), expected, "{filter}: {mpd}");
    }
}

#[tokio::test]
async fn a_variant_with_muxed_sound_goes_with_its_sound() {
    let house = house().await;
    let left = |filter: &'static str| {
        let house = &house;
        async move { listed(&house.text("muxed", &format!("live.m3u8?aws.manifestfilter={filter}")).await) }
    };
    assert_eq!(left("audio_language:deu").await, ["live_1.m3u8", "live_2.m3u8"]);
    let answer = house.get("/out/v1/muxed/live.m3u8?aws.manifestfilter=audio_language:eng").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.text(),
        "the manifest filter leaves nothing: no stream of this origin endpoint meets all its conditions\n"
    );
}

#[tokio::test]
async fn filters_come_after_the_stream_selection_and_change_no_child() {
    let house = house().await;
    assert_eq!(listed(&house.text("selected", "live.m3u8?aws.manifestfilter=video_height:180").await), ["live_2.m3u8"]);
    let refused = house.get("/out/v1/selected/live.m3u8?aws.manifestfilter=video_bitrate:1500000-9000000").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let filtered = house.text("muxed", "live.m3u8?aws.manifestfilter=video_framerate:25").await;
    let whole = house.text("muxed", "live.m3u8").await;
    assert!(filtered.lines().all(|line| whole.contains(line)), "{filtered}");
}

#[tokio::test]
async fn what_is_no_filter_or_not_for_a_parent_is_refused() {
    let house = house().await;
    let long = format!("live.mpd?aws.manifestfilter=audio_language:{}", "x".repeat(1_100));
    for file in [
        "live.mpd?aws.manifestfilter=",
        "live.mpd?aws.manifestfilter",
        "live.mpd?aws.manifestfilter=height:1-2",
        "live.mpd?aws.manifestfilter=video_codec:h266",
        "live.mpd?aws.manifestfilter=video_height:720-360",
        "live.mpd?aws.manifestfilter=video_bitrate:0-2147483648",
        "live.mpd?aws.manifestfilter=video_height:1-2;video_height:1-2",
        "live.mpd?aws.manifestfilter=video_height:180&aws.manifestfilter=video_height:180",
        "live.mpd?aws.manifestfilter=video_height%3A720-360",
        "live.mpd?aws.manifestfilter=audio_channels:6;video_height:1-2",
        "live_video_1_0_init.mp4?aws.manifestfilter=video_height:180",
        "live_video_1_0_1.mp4?aws.manifestfilter=video_height:180",
        &long,
    ] {
        let answer = house.get(&format!("/out/v1/dash/{file}")).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::BAD_REQUEST, "no-store"), "{file}");
    }
    for file in ["live_1.m3u8", "live_3_0.m3u8", "live_1_1.ts"] {
        let answer = house.get(&format!("/out/v1/grouped/{file}?aws.manifestfilter=video_height:180")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{file}");
    }
    let nothing_ingested =
        House::new([endpoint("dash", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline)))]);
    let answer = nothing_ingested.get("/out/v1/dash/live.mpd?aws.manifestfilter=video_height:180").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
