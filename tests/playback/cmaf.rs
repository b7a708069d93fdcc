//! CMAF: playlists held against texts written by hand, and segments that all of them share.

use http::StatusCode;
use openmediapackage::presentation::InputIndex;
use openmediapackage::resources::{HlsAds, Packaging, PlaylistSettings, PlaylistType};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, cmaf, endpoint, playlist};

fn encoder(ladder: Ladder) -> Encoder {
    Encoder { ladder, input: InputIndex::First, first_time: 126_000, began: at(0), first_sequence: 0, generation: 1 }
}

async fn two_manifests() -> House {
    let event = PlaylistSettings {
        window_seconds: 4,
        playlist_type: PlaylistType::Event,
        program_date_time_interval_seconds: 4,
        ads: HlsAds::default(),
    };
    let house = House::new([endpoint("e", Packaging::Cmaf(cmaf(&[("main", playlist(60)), ("event", event)])))]);
    let encoder = encoder(Ladder { languages: vec!["deu"], ..Ladder::muxed(3_600, 50, 48_000) });
    for n in 0..5 {
        house.push(&encoder, n).await;
    }
    house
}

#[tokio::test]
async fn a_parent_playlist_groups_its_audio() {
    let house = two_manifests().await;
    let parent = "#EXTM3U\n\
         #EXT-X-VERSION:6\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio_0\",CHANNELS=\"2\",NAME=\"Sound in deu\",LANGUAGE=\"deu\",DEFAULT=YES,AUTOSELECT=YES,URI=\"live_3_0.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=320x180,FRAME-RATE=25.000,CODECS=\"avc1.64000D,mp4a.40.2\",AUDIO=\"audio_0\"\n\
         live_1.m3u8\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=320x180,FRAME-RATE=25.000,CODECS=\"avc1.64000D,mp4a.40.2\",AUDIO=\"audio_0\"\n\
         live_2.m3u8\n";
    assert_eq!(house.text("e", "main/live.m3u8").await, parent);
    assert_eq!(house.text("e", "event/live.m3u8").await, parent);
}

/// The playlist with an ellipsis for the fingerprint of an initialization segment.
fn without_fingerprints(playlist: &str) -> String {
    let mut parts = playlist.split("_csid_");
    let start = parts.next().unwrap().to_owned();
    parts.fold(start, |text, part| format!("{text}_csid_…{}", &part[8..]))
}

#[tokio::test]
async fn media_playlists_share_segments_and_have_settings_of_their_own() {
    let house = two_manifests().await;
    assert_eq!(
        without_fingerprints(&house.text("e", "main/live_1.m3u8").await),
        "#EXTM3U\n\
         #EXT-X-VERSION:6\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-TARGETDURATION:2\n\
         #EXT-X-MEDIA-SEQUENCE:1\n\
         #EXT-X-MAP:URI=\"../arena_video_1_track_1_csid_…_0_init.mp4\"\n\
         #EXTINF:2.000,\n\
         ../arena_video_1_1.mp4?m=1790000000\n\
         #EXTINF:2.000,\n\
         ../arena_video_1_2.mp4?m=1790000000\n\
         #EXTINF:2.000,\n\
         ../arena_video_1_3.mp4?m=1790000000\n\
         #EXTINF:2.000,\n\
         ../arena_video_1_4.mp4?m=1790000000\n\
         #EXTINF:2.000,\n\
         ../arena_video_1_5.mp4?m=1790000000\n"
    );
    assert_eq!(
        without_fingerprints(&house.text("e", "event/live_3_0.m3u8").await),
        "#EXTM3U\n\
         #EXT-X-VERSION:6\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-TARGETDURATION:2\n\
         #EXT-X-MEDIA-SEQUENCE:3\n\
         #EXT-X-PLAYLIST-TYPE:EVENT\n\
         #EXT-X-MAP:URI=\"../arena_audio_3_track_6_csid_…_0_init.mp4\"\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:04.000Z\n\
         #EXTINF:2.000,\n\
         ../arena_audio_3_3.mp4?m=1790000000\n\
         #EXTINF:2.000,\n\
         ../arena_audio_3_4.mp4?m=1790000000\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:08.000Z\n\
         #EXTINF:2.000,\n\
         ../arena_audio_3_5.mp4?m=1790000000\n"
    );
}

#[tokio::test]
async fn files_have_the_types_and_headers_of_their_kind() {
    let house = two_manifests().await;
    let playlist = house.get("/out/v1/e/main/live_1.m3u8").await;
    assert_eq!(playlist.header("content-type"), "application/x-mpegURL");
    assert_eq!(playlist.header("x-mediapackage-manifest-last-sequence"), "5");
    let text = playlist.text();
    let init = text.split("URI=\"../").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    for (name, content_type) in
        [(init, "video/mp4"), ("arena_video_1_1.mp4", "video/mp4"), ("arena_audio_3_1.mp4", "audio/mp4")]
    {
        let answer = house.get(&format!("/out/v1/e/{name}?m=1")).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, content_type), "{name}");
        assert_eq!(answer.header("cache-control"), "max-age=1209600", "{name}");
    }
    for name in [
        "live.m3u8",
        "arena_video_1_9.mp4",
        "arena_video_3_1.mp4",
        "arena_audio_1_1.mp4",
        "arena_video_1_track_1_csid_00000000_0_init.mp4",
        "main/arena_video_1_1.mp4",
        "main/live_1_1.ts",
        "main/live_3.m3u8",
    ] {
        assert_eq!(house.get(&format!("/out/v1/e/{name}")).await.status, StatusCode::NOT_FOUND, "{name}");
    }
}
