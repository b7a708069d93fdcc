//! Smooth Streaming: client manifests held against golden files, fragments read again.

use http::StatusCode;
use openmediapackage::presentation::InputIndex;
use openmediapackage::resources::{MssSettings, Packaging};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, endpoint, smooth};
use crate::segments::{attribute, boxes, find, u32_at};

/// A chunk as a player sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    pub stream: String,
    pub time: u64,
    pub duration: u64,
    /// One for each quality.
    pub urls: Vec<String>,
}

/// All chunks of a client manifest, expanded as a player does; in each stream, time must grow.
pub fn read_manifest(manifest: &str) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for stream in manifest.split("<StreamIndex").skip(1) {
        let pattern = attribute(stream, "Url").unwrap();
        let name = attribute(stream, "Name").unwrap();
        let bitrates: Vec<&str> =
            stream.split("<QualityLevel ").skip(1).map(|level| level.split("Bitrate=\"").nth(1).unwrap()).collect();
        let mut next = 0;
        let mut count = 0;
        for chunk in stream.split("<c").skip(1) {
            let chunk = chunk.split('>').next().unwrap();
            let value = |name| attribute(chunk, name).map(|value| value.parse::<u64>().unwrap());
            let time = value("t").unwrap_or(next);
            assert!(time >= next, "time goes back in {name}: {manifest}");
            let urls = bitrates.iter().map(|bitrate| {
                let bitrate = bitrate.split('"').next().unwrap();
                pattern.replace("{bitrate}", bitrate).replace("{start time}", &time.to_string())
            });
            let duration = value("d").unwrap();
            next = time + duration;
            count += 1;
            chunks.push(Chunk { stream: name.to_owned(), time, duration, urls: urls.collect() });
        }
        assert_eq!(attribute(stream, "Chunks").unwrap(), count.to_string());
        assert_eq!(attribute(stream, "QualityLevels").unwrap(), bitrates.len().to_string());
    }
    chunks
}

/// Start and duration.
type Time = (u64, u64);

fn u64_at(bytes: &[u8], position: usize) -> u64 {
    u64::from(u32_at(bytes, position)) << 32 | u64::from(u32_at(bytes, position + 4))
}

/// A fragment's own time, and those of the fragments that follow.
pub fn read_times(fragment: &[u8]) -> (Time, Vec<Time>) {
    let traf = find(fragment, &[b"moof", b"traf"]);
    let uuids: Vec<&[u8]> =
        boxes(traf).into_iter().filter(|(name, _)| name == b"uuid").map(|(_, contents)| contents).collect();
    let time_at = |bytes: &[u8], position: usize| (u64_at(bytes, position), u64_at(bytes, position + 8));
    let following = (0..usize::from(uuids[1][20])).map(|index| time_at(uuids[1], 21 + index * 16)).collect();
    (time_at(uuids[0], 20), following)
}

fn encoder(ladder: Ladder) -> Encoder {
    Encoder { ladder, input: InputIndex::First, first_time: 126_000, began: at(0), first_sequence: 0, generation: 1 }
}

async fn two_languages(count: u64) -> (House, Encoder) {
    let house = House::new([endpoint("s", Packaging::Mss(smooth()))]);
    let encoder = encoder(Ladder { languages: vec!["deu", "eng"], ..Ladder::muxed(3_600, 50, 48_000) });
    for n in 0..count {
        house.push(&encoder, n).await;
    }
    (house, encoder)
}

#[tokio::test]
async fn a_live_manifest_holds_the_newest_two_fragments_back() {
    let (house, _) = two_languages(5).await;
    let answer = house.get("/out/v1/s/live.ism/Manifest").await;
    assert_eq!(answer.text(), include_str!("../golden/smooth/live.ismc"));
    assert_eq!(answer.header("content-type"), "application/vnd.ms-sstr+xml");
    assert_eq!(answer.header("x-mediapackage-manifest-last-sequence"), "640000000");
    assert_eq!(answer.header("x-mediapackage-manifest-last-updated"), "1800000006300");
    assert_eq!(answer.header("cache-control"), "max-age=1");
}

#[tokio::test]
async fn an_ended_channel_is_complete_and_lists_all() {
    let (house, encoder) = two_languages(5).await;
    house.end(&encoder, 4).await;
    house.set_time(encoder.received(9)).await;
    assert_eq!(house.text("s", "live.ism/Manifest").await, include_str!("../golden/smooth/ended.ismc"));
    let last = house.file("s", "live.ism/Events(1_0)/QualityLevels(2000000)/Fragments(v=680000000)").await;
    assert_eq!(read_times(&last), ((680_000_000, 20_000_000), vec![]));
}

#[tokio::test]
async fn fragments_tell_their_time_and_the_next_two() {
    let (house, encoder) = two_languages(6).await;
    let name = "live.ism/Events(1_0)/QualityLevels(1000000)/Fragments(v=620000000)";
    let fragment = house.get(&format!("/out/v1/s/{name}")).await;
    assert_eq!((fragment.status, fragment.header("content-type")), (StatusCode::OK, "video/mp4"));
    assert_eq!(
        read_times(&fragment.body),
        ((620_000_000, 20_000_000), vec![(640_000_000, 20_000_000), (660_000_000, 20_000_000)])
    );
    assert_eq!(find(&fragment.body, &[b"mdat"]), encoder.media(1, 1)[0].payload);
    // The first sample is shown when the fragment starts, so it is also decoded then.
    let trun = find(&fragment.body, &[b"moof", b"traf", b"trun"]);
    assert_eq!(u32_at(trun, 0) & 0x800, 0, "equal offsets of two pictures are none: {trun:?}");

    let encoded = name.replace('(', "%28").replace(')', "%29").replace('=', "%3D");
    assert_eq!(house.file("s", &encoded).await, fragment.body);
    let info = house.file("s", &name.replace("Fragments", "FragmentInfo")).await;
    assert_eq!(boxes(&info).len(), 1);
    assert_eq!(read_times(&info), read_times(&fragment.body));
    let audio = house.get("/out/v1/s/live.ism/Manifest").await;
    let chunk = read_manifest(&audio.text()).into_iter().find(|chunk| chunk.stream == "eng_2").unwrap();
    let audio = house.get(&format!("/out/v1/s/live.ism/{}", chunk.urls[0])).await;
    assert_eq!((audio.status, audio.header("content-type")), (StatusCode::OK, "audio/mp4"));
    assert_eq!(find(&audio.body, &[b"mdat"]), encoder.media(3, 0)[0].payload);

    for wrong in [
        name.replace("620000000", "620000001"),
        name.replace("1000000", "1000001"),
        name.replace("v=620000000", "v=680000000"),
        name.replace("v=", "a_3_0="),
    ] {
        assert_eq!(house.get(&format!("/out/v1/s/{wrong}")).await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
}

#[tokio::test]
async fn audio_chunks_follow_on_without_holes() {
    let house = House::new([endpoint("s", Packaging::Mss(MssSettings { segment_duration_seconds: 4, ..smooth() }))]);
    let encoder = encoder(Ladder::muxed(3_003, 60, 44_100));
    for n in 0..21 {
        house.push(&encoder, n).await;
    }
    let chunks = read_manifest(&house.text("s", "live.ism/Manifest").await);
    for stream in ["video", "audio_1"] {
        let chunks: Vec<&Chunk> = chunks.iter().filter(|chunk| chunk.stream == stream).collect();
        assert_eq!(chunks.len(), 8, "{chunks:?}");
        for pair in chunks.windows(2) {
            assert_eq!(pair[0].time + pair[0].duration, pair[1].time, "{stream}");
        }
        for chunk in chunks {
            let ((time, duration), _) = read_times(&house.file("s", &format!("live.ism/{}", chunk.urls[0])).await);
            assert_eq!((time, duration), (chunk.time, chunk.duration), "{stream}");
        }
    }
}
