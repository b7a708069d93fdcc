//! What the player's door does with requests, whatever the content.

use http::StatusCode;
use openmediapackage::presentation::InputIndex;
use openmediapackage::resources::{Endpoint, HlsSettings, NotBuiltYet, Packaging, SegmentTemplateFormat};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, dash, endpoint, hls};

async fn house_with(endpoints: Vec<Endpoint>) -> House {
    let house = House::new(endpoints);
    let encoder = Encoder {
        ladder: Ladder::muxed(3_600, 50, 48_000),
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

fn two_seconds() -> Packaging {
    Packaging::Hls(HlsSettings { segment_duration_seconds: 2, ..hls() })
}

async fn house() -> House {
    let dash = endpoint("d", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline)));
    house_with(vec![endpoint("e", two_seconds()), dash]).await
}

#[tokio::test]
async fn only_reading_is_allowed() {
    let house = house().await;
    for method in ["PUT", "POST", "DELETE", "PATCH", "TRACE"] {
        let answer = house.request(method, "/out/v1/e/live.m3u8", &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
    }
}

#[tokio::test]
async fn unknown_things_are_not_found_for_a_second() {
    let house = house().await;
    for path in [
        "/out/v1/x/live.m3u8",
        "/out/v1/e/other.m3u8",
        "/out/v1/e/live.mpd",
        "/out/v1/e/live_3.m3u8",
        "/out/v1/e/live_1_0.m3u8",
        "/out/v1/e/live_1_99.ts",
        "/out/v1/e/live_1_0.ts",
        "/out/v1/d/live_video_2_0_1.mp4",
        "/out/v1/d/live_video_1_7_init.mp4",
        "/out/v1/d/live_video_1_7_1.mp4",
        "/out/v1/e/start/1/end/2/live.m3u8",
        "/out/v1/e/live.m3u8?start=1800000000",
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "max-age=1", "{path}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8", "{path}");
        assert!(answer.text().ends_with('\n') && answer.text().lines().count() == 1, "{path}");
    }
}

#[tokio::test]
async fn nothing_ingested_is_not_found() {
    let house = House::new([endpoint("e", two_seconds())]);
    for path in ["/out/v1/e/live.m3u8", "/out/v1/e/live_1.m3u8", "/out/v1/e/live_1_1.ts"] {
        assert_eq!(house.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn gates_are_checked_in_order() {
    let denied = Endpoint {
        originates: false,
        whitelist: vec!["192.0.2.0/24".parse().unwrap()],
        ..endpoint("denied", two_seconds())
    };
    let listed = |guid, network: &str| Endpoint {
        whitelist: vec![network.parse().unwrap()],
        not_built_yet: vec![NotBuiltYet { setting: "hlsPackage.encryption".to_owned() }],
        ..endpoint(guid, two_seconds())
    };
    let house = house_with(vec![denied, listed("outside", "192.0.2.0/24"), listed("inside", "10.0.0.0/8")]).await;
    let denied = house.get("/out/v1/denied/live.m3u8").await;
    assert_eq!((denied.status, denied.text().contains("denies origination")), (StatusCode::FORBIDDEN, true));
    let outside = house.get("/out/v1/outside/nothing").await;
    assert_eq!((outside.status, outside.text().contains("10.0.0.1")), (StatusCode::FORBIDDEN, true));
    let inside = house.get("/out/v1/inside/live.m3u8").await;
    assert_eq!(inside.status, StatusCode::NOT_IMPLEMENTED);
    assert!(inside.text().contains("hlsPackage.encryption"));
    assert_eq!(inside.header("cache-control"), "no-store");
}

#[tokio::test]
async fn known_parameters_are_obeyed_or_refused_and_others_ignored() {
    let mut with_startover = endpoint("s", two_seconds());
    with_startover.startover_window_seconds = 3600;
    let house = house_with(vec![endpoint("e", two_seconds()), with_startover]).await;
    for (path, status) in [
        ("/out/v1/e/live.m3u8?aws.manifestfilter=audio_codec:AACL", 200),
        ("/out/v1/e/live.m3u8?aws%2Emanifestfilter=x", 400),
        ("/out/v1/e/live_1.m3u8?aws.manifestfilter=audio_codec:AACL", 400),
        ("/out/v1/e/live_1_1.ts?aws.manifestfilter=audio_codec:AACL", 400),
        ("/out/v1/e/live.m3u8?aws.drmsettings=excludesessionkeys", 200),
        ("/out/v1/e/live.m3u8?aws.drmsettings=other", 400),
        ("/out/v1/e/live.m3u8?end=1800000000", 200),
        ("/out/v1/s/live.m3u8?start=1800000000", 200),
        ("/out/v1/s/start/1800000000/live_1.m3u8", 200),
        ("/out/v1/e/live_1_1.ts?m=7", 200),
        ("/out/v1/e/live_1_1.ts", 200),
        ("/out/v1/e/live.m3u8?x=y&&=&z", 200),
    ] {
        assert_eq!(house.get(path).await.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn browsers_may_read_from_any_page_without_credentials() {
    let house = house().await;
    let answer = house.request("GET", "/out/v1/e/live.m3u8", &[("origin", "https://tv.example")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://tv.example");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let vary: Vec<&str> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(vary, ["Origin", "Accept-Encoding"]);
    for headers in [&[][..], &[("origin", "null")]] {
        let answer = house.request("GET", "/out/v1/e/live_1_1.ts", headers).await;
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    let missing = house.request("GET", "/out/v1/e/none", &[("origin", "https://tv.example")]).await;
    assert_eq!(missing.header("access-control-allow-origin"), "https://tv.example");
    let preflight = house
        .request(
            "OPTIONS",
            "/out/v1/e/live_1_1.ts",
            &[
                ("origin", "https://tv.example"),
                ("access-control-request-method", "GET"),
                ("access-control-request-headers", "range"),
            ],
        )
        .await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    assert_eq!(preflight.header("access-control-allow-headers"), "range");
}

#[tokio::test]
async fn manifests_say_how_long_they_hold_and_come_in_gzip_when_asked() {
    let house = house().await;
    let plain = house.get("/out/v1/e/live_1.m3u8").await;
    assert_eq!(plain.header("content-type"), "application/x-mpegURL");
    assert_eq!(plain.header("cache-control"), "max-age=1");
    assert_eq!(plain.header("x-mediapackage-manifest-last-sequence"), "4");
    assert_eq!(plain.header("content-length"), plain.body.len().to_string());
    let zipped = house.request("GET", "/out/v1/e/live_1.m3u8", &[("accept-encoding", "br, gzip;q=0.5")]).await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&zipped.body[..]), &mut text).unwrap();
    assert_eq!(text, plain.text());
    let unwanted = house.request("GET", "/out/v1/e/live_1.m3u8", &[("accept-encoding", "gzip;q=0")]).await;
    assert_eq!(unwanted.header("content-encoding"), "");
    let parent = house.get("/out/v1/e/live.m3u8").await;
    assert_eq!(parent.header("x-mediapackage-manifest-last-sequence"), "");
    assert_eq!(house.get("/out/v1/d/live.mpd").await.header("content-type"), "application/dash+xml");
    let id = |answer: &crate::house::Answer| answer.header("x-mediapackage-request-id").to_owned();
    assert_ne!(id(&plain), id(&zipped));
}

#[tokio::test]
async fn unchanged_manifests_and_segments_are_not_sent_again() {
    let house = house().await;
    for path in ["/out/v1/e/live_1.m3u8", "/out/v1/e/live_1_1.ts"] {
        let first = house.get(path).await;
        let again = house.request("GET", path, &[("if-none-match", first.header("etag"))]).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        let other = house.request("GET", path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let house = house().await;
    for path in ["/out/v1/e/live.m3u8", "/out/v1/e/live_1_1.ts", "/out/v1/d/live_audio_2_0_1.mp4", "/out/v1/e/none"] {
        let get = house.get(path).await;
        let head = house.request("HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn segments_are_served_in_ranges() {
    let house = house().await;
    let path = "/out/v1/d/live_video_1_0_2.mp4";
    let whole = house.get(path).await;
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(whole.header("cache-control"), "max-age=1209600");
    assert_eq!(house.get("/out/v1/d/live_audio_2_0_2.mp4").await.header("content-type"), "audio/mp4");
    let length = whole.body.len();
    let part = house.request("GET", path, &[("range", "bytes=10-700")]).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.header("content-range"), format!("bytes 10-700/{length}"));
    assert_eq!(part.body, whole.body.slice(10..=700));
    let beyond = house.request("GET", path, &[("range", "bytes=99999999-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), format!("bytes */{length}"));
    let several = house.request("GET", path, &[("range", "bytes=0-1,5-6")]).await;
    assert_eq!((several.status, several.body.len()), (StatusCode::OK, length));
    let stale = house.request("GET", path, &[("range", "bytes=0-1"), ("if-range", "\"old\"")]).await;
    assert_eq!((stale.status, stale.body.len()), (StatusCode::OK, length));
}
