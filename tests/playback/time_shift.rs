//! `start`, `end` and time delay: which answer each request gets, and how consecutive manifests agree.

use http::StatusCode;
use jiff::SignedDuration;
use openmediapackage::presentation::{ChannelEvent, InputIndex};
use openmediapackage::resources::{ChannelGuid, Endpoint, HlsSettings, Packaging, SegmentTemplateFormat};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, dash, endpoint, hls};

/// Epoch seconds of the encoder's first picture.
const BEGAN: i64 = 1_800_000_000;

fn encoder() -> Encoder {
    Encoder {
        ladder: Ladder { variants: 1, ..Ladder::muxed(3_600, 50, 48_000) },
        input: InputIndex::First,
        first_time: 126_000,
        began: at(0),
        first_sequence: 0,
        generation: 1,
    }
}

fn two_seconds() -> Packaging {
    Packaging::Hls(HlsSettings { segment_duration_seconds: 2, ..hls() })
}

fn with_window(guid: &str, packaging: Packaging, seconds: u32) -> Endpoint {
    Endpoint { startover_window_seconds: seconds, ..endpoint(guid, packaging) }
}

/// Twenty seconds of content; the clock stands shortly after.
async fn house(endpoints: Vec<Endpoint>) -> House {
    let house = House::new(endpoints);
    for n in 0..10 {
        house.push(&encoder(), n).await;
    }
    house
}

fn uris(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| !line.starts_with('#')).collect()
}

#[tokio::test]
async fn each_request_gets_its_answer() {
    let house = house(vec![with_window("on", two_seconds(), 3600), endpoint("off", two_seconds())]).await;
    let (start, end) = (BEGAN + 4, BEGAN + 8);
    for (path, status) in [
        // Every notation of one window.
        (format!("on/live.m3u8?start={start}&end={end}"), 200),
        (format!("on/start/{start}/end/{end}/live.m3u8"), 200),
        (format!("on/start/{start}/end/{end}/live_1.m3u8"), 200),
        (format!("on/live_1.m3u8?start={start}&end={end}"), 200),
        ("on/live_1.m3u8?start=2027-01-15T08:00:04%2B00:00&end=2027-01-15T09%3A00%3A08%2B01%3A00".into(), 200),
        ("on/start/2027-01-15T08:00:04+00:00/end/2027-01-15T08:00:08Z/live_1.m3u8".into(), 200),
        (format!("on/start/{start}/end/{end}/live_1_3.ts"), 200),
        // Only a start shifts a view.
        (format!("on/live_1.m3u8?start={start}"), 200),
        (format!("on/start/{start}/live_1.m3u8"), 200),
        (format!("on/live_1.m3u8?end={end}"), 200),
        ("on/live_1.m3u8?end=nonsense".into(), 200),
        (format!("off/end/{end}/live_1.m3u8"), 200),
        // An end in the future, up to a day after the start.
        (format!("on/live_1.m3u8?start={start}&end={}", start + 86_400), 200),
        (format!("on/live_1.m3u8?start={start}&end={}", start + 86_401), 404),
        // Before the window, though no content is older than it; in the future; no window at all.
        (format!("on/live_1.m3u8?start={}", BEGAN + 20 - 3600), 404),
        (format!("on/live_1.m3u8?start={}", BEGAN + 21 - 3600), 200),
        (format!("on/live_1.m3u8?start={}&end={}", BEGAN - 100, BEGAN - 50), 404),
        (format!("on/live_1.m3u8?start={}", BEGAN + 25), 404),
        (format!("off/live_1.m3u8?start={start}"), 404),
        (format!("off/start/{start}/live_1.m3u8"), 404),
        // What is no time or no range.
        ("on/live_1.m3u8?start=".into(), 400),
        ("on/live_1.m3u8?start=yesterday".into(), 400),
        (format!("on/live_1.m3u8?start={start}&end=x"), 400),
        ("on/live_1.m3u8?start=2027-01-15T08:00:04".into(), 400),
        ("off/start/x/live_1.m3u8".into(), 400),
        (format!("on/live_1.m3u8?start={end}&end={start}"), 400),
        (format!("on/live_1.m3u8?start={start}&end={start}"), 400),
        (format!("on/live_1.m3u8?start={start}&start={start}"), 400),
        (format!("on/start/{start}/live_1.m3u8?start={start}"), 400),
        // Segments have one name each; a query does not change them.
        (format!("on/live_1_3.ts?start={end}&end={start}"), 200),
    ] {
        let answer = house.get(&format!("/out/v1/{path}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text().lines().next().unwrap_or_default());
    }
}

#[tokio::test]
async fn a_window_lists_whole_segments_and_leads_to_shared_urls() {
    let house = house(vec![with_window("e", two_seconds(), 3600)]).await;
    // From within the third segment to within the fifth.
    let (start, end) = (BEGAN + 5, BEGAN + 9);
    let parent = house.text("e", &format!("live.m3u8?start={start}&end={end}")).await;
    assert_eq!(uris(&parent), [format!("start/{start}/end/{end}/live_1.m3u8")]);
    assert_eq!(
        house.text("e", uris(&parent)[0]).await,
        "#EXTM3U\n\
         #EXT-X-VERSION:3\n\
         #EXT-X-TARGETDURATION:2\n\
         #EXT-X-MEDIA-SEQUENCE:3\n\
         #EXTINF:2.000,\n\
         ../../../../live_1_3.ts?m=1790000000\n\
         #EXTINF:2.000,\n\
         ../../../../live_1_4.ts?m=1790000000\n\
         #EXTINF:2.000,\n\
         ../../../../live_1_5.ts?m=1790000000\n\
         #EXT-X-ENDLIST\n"
    );
    assert_eq!(uris(&house.text("e", &format!("start/{start}/end/{end}/live.m3u8")).await), ["live_1.m3u8"]);
    let growing = house.text("e", &format!("start/{start}/live_1.m3u8")).await;
    assert_eq!(uris(&growing)[0], "../../live_1_3.ts?m=1790000000");
    assert_eq!(uris(&growing).len(), 8, "up to live");
    assert!(!growing.contains("ENDLIST"));
    let by_query = house.text("e", &format!("live_1.m3u8?start={start}&end={end}")).await;
    assert_eq!(uris(&by_query)[0], "live_1_3.ts?m=1790000000");
    let exact = house.text("e", &format!("live_1.m3u8?start={}&end={}", BEGAN + 4, BEGAN + 8)).await;
    assert_eq!(uris(&exact).len(), 2, "a segment that begins at the end is not listed");
}

#[tokio::test]
async fn a_playlist_grows_to_its_end_and_stays() {
    let house = House::new([with_window("e", two_seconds(), 3600)]);
    let name = format!("start/{}/end/{}/live_1.m3u8", BEGAN + 2, BEGAN + 11);
    let mut before = String::new();
    let mut complete_at = None;
    for n in 0..12 {
        house.push(&encoder(), n).await;
        if n == 0 {
            assert_eq!(house.get(&format!("/out/v1/e/{name}")).await.status, StatusCode::NOT_FOUND);
            continue;
        }
        let now = house.text("e", &name).await;
        let kept = before.strip_suffix("#EXT-X-ENDLIST\n").map_or(before.as_str(), |_| now.as_str());
        assert!(now.starts_with(kept), "{now}\nafter\n{before}");
        if complete_at.is_none() && now.ends_with("#EXT-X-ENDLIST\n") {
            complete_at = Some(n);
        }
        before = now;
    }
    // The sixth segment has second 11 in it.
    assert_eq!(complete_at, Some(5));
    assert_eq!(uris(&before).len(), 5);
}

#[tokio::test]
async fn an_encoder_that_stopped_before_the_end_keeps_nobody_waiting_for_ever() {
    let house = house(vec![with_window("e", two_seconds(), 3600)]).await;
    let name = format!("start/{}/end/{}/live_1.m3u8", BEGAN + 2, BEGAN + 30);
    assert!(!house.text("e", &name).await.contains("ENDLIST"));
    house.set_time(at(89_000)).await;
    assert!(!house.text("e", &name).await.contains("ENDLIST"));
    house.set_time(at(90_000)).await;
    assert!(house.text("e", &name).await.contains("ENDLIST"));
}

/// Value of the first attribute of this name.
fn attribute<'a>(mpd: &'a str, name: &str) -> &'a str {
    let (_, rest) = mpd.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("{name} in {mpd}"));
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn an_mpd_becomes_static_without_moving_anything() {
    use SegmentTemplateFormat::{NumberWithDuration, NumberWithTimeline, TimeWithTimeline};
    for format in [NumberWithTimeline, TimeWithTimeline, NumberWithDuration] {
        let house = House::new([with_window("e", Packaging::Dash(dash(format)), 3600)]);
        let name = format!("live.mpd?start={}&end={}", BEGAN + 6, BEGAN + 14);
        let mut texts = Vec::new();
        for n in 0..9 {
            house.push(&encoder(), n).await;
            if n >= 4 {
                texts.push(house.text("e", &name).await);
            }
        }
        let kinds: Vec<&str> = texts.iter().map(|text| attribute(text, "type")).collect();
        assert_eq!(kinds, ["dynamic", "dynamic", "static", "static", "static"], "{format:?}");
        assert_eq!(texts[2], texts[4], "{format:?}: nothing changes any more");
        for member in ["presentationTimeOffset", "media", "initialization", "timescale", "startNumber"] {
            if (format, member) == (TimeWithTimeline, "startNumber") {
                continue;
            }
            let (before, after) = (attribute(&texts[0], member), attribute(&texts[2], member));
            assert_eq!(before, after, "{format:?} {member}");
        }
        let period = |text: &str| attribute(&text[text.find("<Period").unwrap()..], "start").to_owned();
        assert_eq!(period(&texts[0]), period(&texts[2]), "{format:?}");
        if format != NumberWithDuration {
            assert_eq!(attribute(&texts[2], "t"), attribute(&texts[0], "t"), "{format:?}");
            assert_eq!(period(&texts[0]), "PT6.000S", "players start where the window does");
            assert_eq!(attribute(&texts[2], "mediaPresentationDuration"), "PT14.000S");
        }
    }
}

#[tokio::test]
async fn mpds_climb_out_of_their_path_too() {
    let house =
        house(vec![with_window("e", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline)), 60)]).await;
    let mpd = house.text("e", &format!("start/{}/end/{}/live.mpd", BEGAN + 4, BEGAN + 8)).await;
    assert!(attribute(&mpd, "media").starts_with("../../../../live_video_1_0_$Number$.mp4"), "{mpd}");
    assert!(attribute(&mpd, "initialization").starts_with("../../../../live_video_1_0_init.mp4"), "{mpd}");
}

#[tokio::test]
async fn a_time_delay_moves_now_for_every_view() {
    let delayed = Endpoint { time_delay_seconds: 10, ..with_window("d", two_seconds(), 60) };
    let house = house(vec![delayed]).await;
    // It is second 20.3: viewers are at 10.3.
    assert_eq!(uris(&house.text("d", "live_1.m3u8").await).len(), 5);
    let name = format!("live_1.m3u8?start={}&end={}", BEGAN + 2, BEGAN + 14);
    let playlist = house.text("d", &name).await;
    assert_eq!(uris(&playlist).len(), 4);
    assert!(!playlist.contains("ENDLIST"));
    assert_eq!(house.get(&format!("/out/v1/d/live_1.m3u8?start={}", BEGAN + 12)).await.status, StatusCode::NOT_FOUND);
    house.set_time(at(24_000)).await;
    let playlist = house.text("d", &name).await;
    assert_eq!(uris(&playlist).len(), 6);
    assert!(playlist.contains("ENDLIST"));
}

#[tokio::test]
async fn an_encoder_with_a_wrong_clock_is_shifted_by_its_own_clock_and_kept() {
    let house = House::new([with_window("e", two_seconds(), 60)]);
    let encoder = encoder();
    let channel = house.channels.get(&ChannelGuid("c".to_owned())).await.unwrap().unwrap();
    for n in 0..10 {
        house.set_time(encoder.received(n)).await;
        if n == 0 {
            house.push_parent(&encoder).await;
        }
        // Its clock is an hour slow. What a playlist says first of a segment counts.
        let mut playlist = encoder.playlist(0, n, false);
        if let ChannelEvent::MediaPlaylist { segments, .. } = &mut playlist {
            for segment in segments {
                segment.program_date_time = segment.program_date_time.map(|time| time - SignedDuration::from_hours(1));
            }
        }
        channel.submit(&[playlist]).await.unwrap();
        house.push_stream(&encoder, 0, n).await;
    }
    house.channels.apply_retention(house.channels.now()).await;
    let start = BEGAN - 3600 + 4;
    let playlist = house.text("e", &format!("live_1.m3u8?start={start}")).await;
    assert_eq!(uris(&playlist).len(), 8, "{playlist}");
    assert_eq!(house.get(&format!("/out/v1/e/live_1.m3u8?start={}", BEGAN + 4)).await.status, StatusCode::NOT_FOUND);
}
