//! Segments read again, and what must hold of manifests and segments over any history.

use std::collections::BTreeMap;

use bytes::Bytes;
use openmediapackage::manifest::hls::{Playlist, PlaylistLimits, read_playlist};
use openmediapackage::media::ts::demux;
use openmediapackage::presentation::InputIndex;
use openmediapackage::resources::{HlsSettings, MssSettings, Packaging, SegmentTemplateFormat};
use proptest::prelude::*;

use crate::encoder::{Encoder, Ladder};
use crate::house::{self, House, at, cmaf, dash, endpoint, hls, playlist};
use crate::smooth;

/// Boxes of an fMP4 file: name and contents.
pub fn boxes(mut bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 8 {
        let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        found.push((bytes[4..8].try_into().unwrap(), &bytes[8..size]));
        bytes = &bytes[size..];
    }
    found
}

pub fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> &'a [u8] {
    path.iter().fold(bytes, |inside, name| {
        boxes(inside).into_iter().find(|(found, _)| found == *name).map(|(_, contents)| contents).unwrap()
    })
}

pub fn u32_at(bytes: &[u8], position: usize) -> u32 {
    u32::from_be_bytes(bytes[position..position + 4].try_into().unwrap())
}

/// First presentation time, duration and payload of a fragment.
fn read_fragment(bytes: &[u8]) -> (u64, u64, Vec<u8>) {
    let tfdt = find(bytes, &[b"moof", b"traf", b"tfdt"]);
    let decode_time = u64::from_be_bytes(tfdt[4..12].try_into().unwrap());
    let tfhd = find(bytes, &[b"moof", b"traf", b"tfhd"]);
    let default_duration = if u32_at(tfhd, 0) & 0x08 != 0 { u32_at(tfhd, 8) } else { 0 };
    let trun = find(bytes, &[b"moof", b"traf", b"trun"]);
    let (flags, count) = (u32_at(trun, 0) & 0xFF_FFFF, u32_at(trun, 4));
    let mut position = 12 + if flags & 4 != 0 { 4 } else { 0 };
    let (mut time, mut earliest) = (decode_time as i64, i64::MAX);
    for _ in 0..count {
        let mut field = |flag: u32| {
            (flags & flag != 0).then(|| {
                position += 4;
                u32_at(trun, position - 4)
            })
        };
        let duration = field(0x100).unwrap_or(default_duration);
        let (_size, _flags) = (field(0x200), field(0x400));
        earliest = earliest.min(time + i64::from(field(0x800).unwrap_or(0) as i32));
        time += i64::from(duration);
    }
    (earliest as u64, (time - decode_time as i64) as u64, find(bytes, &[b"mdat"]).to_vec())
}

const LIMITS: PlaylistLimits = PlaylistLimits { bytes: 100_000, lines: 10_000, entries: 1_000 };

pub fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let start = element.find(&format!(" {name}=\""))? + name.len() + 3;
    element[start..].split('"').next()
}

/// What a player sees of one DASH segment.
#[derive(Debug, Clone, PartialEq)]
struct DashSegment {
    url: String,
    init: String,
    time: u64,
    duration: u64,
    /// Microseconds after the start of the presentation.
    presented: i64,
}

/// All segments of an MPD by representation and number or time, expanded as a player does.
fn read_mpd(mpd: &str) -> BTreeMap<(String, u64), DashSegment> {
    let mut segments = BTreeMap::new();
    for period in mpd.split("<Period ").skip(1) {
        let period = format!(" {period}");
        let start = attribute(&period, "start").unwrap();
        let start: f64 = start.trim_start_matches("PT").trim_end_matches('S').parse().unwrap();
        for representation in period.split("<Representation ").skip(1) {
            let representation = format!(" {representation}");
            let id = attribute(&representation, "id").unwrap().to_owned();
            let template = &representation[representation.find("<SegmentTemplate").unwrap()..];
            let number = |name| attribute(template, name).map(|value| value.parse::<u64>().unwrap());
            let (timescale, offset) = (number("timescale").unwrap(), number("presentationTimeOffset").unwrap());
            let mut next_number = number("startNumber");
            let mut time = 0;
            for s in template.split("<S ").skip(1) {
                let s = format!(" {}", s.split('>').next().unwrap());
                let value = |name| attribute(&s, name).map(|value| value.parse::<u64>().unwrap());
                time = value("t").unwrap_or(time);
                for _ in 0..=value("r").unwrap_or(0) {
                    let name = next_number.unwrap_or(time);
                    let media = attribute(template, "media").unwrap();
                    let presented = (start * 1e6) as i64
                        + ((time as i128 - i128::from(offset)) * 1_000_000 / i128::from(timescale)) as i64;
                    let segment = DashSegment {
                        url: media.replace("$Number$", &name.to_string()).replace("$Time$", &name.to_string()),
                        init: attribute(template, "initialization").unwrap().to_owned(),
                        time,
                        duration: value("d").unwrap(),
                        presented,
                    };
                    assert!(segments.insert((id.clone(), name), segment).is_none(), "{id} {name} listed twice: {mpd}");
                    time += value("d").unwrap();
                    next_number = next_number.map(|number| number + 1);
                }
            }
        }
    }
    segments
}

fn encoder(ladder: Ladder) -> Encoder {
    Encoder { ladder, input: InputIndex::First, first_time: 126_000, began: at(0), first_sequence: 0, generation: 1 }
}

#[tokio::test]
async fn what_is_played_is_what_was_pushed() {
    let house = House::new([
        endpoint("d", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline))),
        endpoint("h", Packaging::Hls(hls())),
    ]);
    let encoder = encoder(Ladder::muxed(3_003, 60, 44_100));
    for n in 0..7 {
        house.push(&encoder, n).await;
    }
    for n in 0..7 {
        let media = encoder.media(0, n);
        let (_, _, video) = read_fragment(&house.file("d", &format!("live_video_1_0_{}.mp4", n + 1)).await);
        assert_eq!(video, media[0].payload);
        let (_, _, audio) = read_fragment(&house.file("d", &format!("live_audio_2_0_{}.mp4", n + 1)).await);
        assert_eq!(audio, media[1].payload);
    }
    let transport = demux(&house.file("h", "live_1_1.ts").await).unwrap();
    for (kind, track) in transport.tracks.iter().enumerate() {
        let pushed: Vec<u8> = (0..3).flat_map(|n| encoder.media(0, n)[kind].payload.to_vec()).collect();
        assert_eq!(track.payload, pushed);
    }
    assert_eq!(transport.tracks[0].wire_decode_time, 126_000 - 2 * 3_003, "the encoder's own timestamps");
}

#[tokio::test]
async fn a_day_of_29_97_pictures_does_not_drift() {
    let house = House::new([endpoint("d", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline)))]);
    let day = 24 * 3600 * 1000 / 2002;
    // The wire clock of an encoder that began a day ago, at a whole number of segments.
    let mut late = encoder(Ladder { variants: 1, ..Ladder::muxed(3_003, 60, 44_100) });
    house.push(&late, 0).await;
    late.first_sequence = 0;
    let segments = read_mpd(&house.text("d", "live.mpd").await);
    let first = segments[&("1".to_owned(), 1)].clone();
    // Everything between is not pushed: the timeline breaks, and goes on by the wall clock.
    for n in day..day + 4 {
        house.set_time(late.received(n)).await;
        house.push_stream(&late, 0, n).await;
    }
    let segments = read_mpd(&house.text("d", "live.mpd").await);
    let last = segments.values().filter(|segment| segment.url.contains("video")).max_by_key(|one| one.time).unwrap();
    let audio = segments.values().filter(|segment| segment.url.contains("audio")).max_by_key(|one| one.time).unwrap();
    let expected = first.time + (day + 3) * 60_060;
    assert!(last.time.abs_diff(expected) <= 30_000 / 25, "{last:?} {expected}");
    let skew = last.presented - audio.presented;
    assert!(skew.abs() <= 24_000, "sound starts within a frame of the picture: {skew} µs");
}

/// What happens in one segment period.
#[derive(Debug, Clone, Copy)]
enum Step {
    Regular,
    /// A stream of an input misses its segment.
    Lost {
        input: bool,
        stream: bool,
    },
    /// An input sends nothing.
    Silent {
        input: bool,
    },
    /// An encoder starts again with other timestamps.
    Restarts {
        input: bool,
        first_time: u32,
    },
    /// The server is killed and started again.
    Killed,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Regular),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(input, stream)| Step::Lost { input, stream }),
        2 => any::<bool>().prop_map(|input| Step::Silent { input }),
        1 => (any::<bool>(), any::<u32>()).prop_map(|(input, first_time)| Step::Restarts { input, first_time }),
        1 => Just(Step::Killed),
    ]
}

/// What viewers were told so far.
#[derive(Default)]
struct Told {
    bytes: BTreeMap<String, Bytes>,
    hls: BTreeMap<(String, u64), (String, u64, bool, u64)>,
    first_numbers: BTreeMap<String, u64>,
    target_durations: BTreeMap<String, u32>,
    chunks: BTreeMap<(String, u64), u64>,
    dash: BTreeMap<(String, String, u64), DashSegment>,
}

impl Told {
    async fn fetch(&mut self, house: &House, endpoint: &str, url: &str) -> Bytes {
        let path = format!("{endpoint}/{url}");
        let bytes = house.file(endpoint, url).await;
        let known = self.bytes.entry(path.clone()).or_insert_with(|| bytes.clone());
        assert!(*known == bytes, "{path} changed its bytes");
        bytes
    }

    async fn check_hls(&mut self, house: &House, endpoint: &str, folder: &str, file: &str) {
        let name = &format!("{folder}{file}");
        let answer = house.get(&format!("/out/v1/{endpoint}/{name}")).await;
        if answer.status == http::StatusCode::NOT_FOUND {
            assert!(!self.first_numbers.contains_key(name), "{name} was there before");
            return;
        }
        // CMAF segments lie above their playlists; the reader, made for encoders' playlists, allows no such thing.
        let text = answer.text().replace("../", "");
        let Ok(Playlist::Media(playlist)) = read_playlist(text.as_bytes(), &LIMITS) else {
            panic!("no media playlist: {text}");
        };
        let first = self.first_numbers.entry(name.to_owned()).or_insert(playlist.media_sequence);
        assert!(*first <= playlist.media_sequence, "the media sequence went back: {text}");
        *first = playlist.media_sequence;
        let longest = self.target_durations.entry(name.to_owned()).or_default();
        assert!(*longest <= playlist.target_duration, "the target duration shrank: {text}");
        *longest = playlist.target_duration;
        let mut breaks = playlist.discontinuity_sequence;
        for (number, segment) in (playlist.media_sequence..).zip(&playlist.segments) {
            breaks += u64::from(segment.discontinuity);
            assert!(segment.duration_in_microseconds <= u64::from(playlist.target_duration) * 1_000_000, "{text}");
            let now = (segment.uri.clone(), segment.duration_in_microseconds, segment.gap, breaks);
            let told = self.hls.entry((name.to_owned(), number)).or_insert_with(|| now.clone());
            assert_eq!(*told, now, "segment {number} of {name} changed");
            if !segment.gap {
                self.fetch(house, endpoint, &segment.uri).await;
            }
            if let Some(map) = &segment.map {
                self.fetch(house, endpoint, map.trim_start_matches("URI=\"").trim_end_matches('"')).await;
            }
        }
    }

    async fn check_smooth(&mut self, house: &House, endpoint: &str) {
        let answer = house.get(&format!("/out/v1/{endpoint}/live.ism/Manifest")).await;
        if answer.status == http::StatusCode::NOT_FOUND {
            assert!(self.chunks.is_empty());
            return;
        }
        for chunk in smooth::read_manifest(&answer.text()) {
            let told = self.chunks.entry((chunk.stream.clone(), chunk.time)).or_insert(chunk.duration);
            assert_eq!(*told, chunk.duration, "{chunk:?} changed: {}", answer.text());
            for url in &chunk.urls {
                let bytes = self.fetch(house, endpoint, &format!("live.ism/{url}")).await;
                assert_eq!(smooth::read_times(&bytes).0.0, chunk.time, "{chunk:?}");
            }
        }
    }

    async fn check_dash(&mut self, house: &House, endpoint: &str) {
        let answer = house.get(&format!("/out/v1/{endpoint}/live.mpd")).await;
        if answer.status == http::StatusCode::NOT_FOUND {
            assert!(self.dash.is_empty());
            return;
        }
        for ((id, name), segment) in read_mpd(&answer.text()) {
            let told = self.dash.entry((endpoint.to_owned(), id, name)).or_insert_with(|| segment.clone());
            assert_eq!(*told, segment, "{}", answer.text());
            let (time, duration, _) = read_fragment(&self.fetch(house, endpoint, &segment.url).await);
            assert_eq!(time, segment.time, "the fragment starts when the manifest says: {segment:?}");
            assert!(duration > 0 && duration.abs_diff(segment.duration) <= segment.duration, "{segment:?}");
            self.fetch(house, endpoint, &segment.init).await;
        }
    }
}

async fn live_through(steps: &[Step]) {
    let short_hls = HlsSettings { segment_duration_seconds: 4, playlist: playlist(20), ..hls() };
    let short_dash = |format| {
        let mut settings = dash(format);
        settings.manifest_window_seconds = 20;
        Packaging::Dash(settings)
    };
    let mut house = House::new([
        endpoint("h", Packaging::Hls(short_hls)),
        endpoint("c", Packaging::Cmaf(cmaf(&[("main", playlist(20))]))),
        endpoint("s", Packaging::Mss(MssSettings { manifest_window_seconds: 20, ..house::smooth() })),
        endpoint("n", short_dash(SegmentTemplateFormat::NumberWithTimeline)),
        endpoint("t", short_dash(SegmentTemplateFormat::TimeWithTimeline)),
    ]);
    let ladder = Ladder::muxed(3_600, 50, 44_100);
    let mut encoders = [(InputIndex::First, 1u8), (InputIndex::Second, 2)]
        .map(|(input, generation)| (Encoder { input, generation, ..encoder(ladder.clone()) }, 0u64));
    let mut told = Told::default();
    for (index, step) in steps.iter().enumerate() {
        let now = at(index as i64 * 2_000);
        house.set_time(now).await;
        match step {
            Step::Restarts { input, first_time } => {
                let (encoder, n) = &mut encoders[usize::from(*input)];
                *encoder = Encoder {
                    began: now,
                    first_time: u64::from(*first_time),
                    generation: encoder.generation.wrapping_add(2),
                    ..encoder.clone()
                };
                *n = 0;
            }
            Step::Killed => house = house.restarted(),
            _ => {}
        }
        for (which, (encoder, n)) in encoders.iter_mut().enumerate() {
            let is_silent = matches!(step, Step::Silent { input } if usize::from(*input) == which);
            if !is_silent {
                house.set_time(encoder.received(*n)).await;
                house.push_parent(encoder).await;
                for stream in 0..2 {
                    let is_lost = matches!(step, Step::Lost { input, stream: lost }
                        if usize::from(*input) == which && usize::from(*lost) == stream);
                    if !is_lost {
                        house.push_stream(encoder, stream, *n).await;
                    }
                }
            }
            *n += 1;
        }
        house.set_time(now + jiff::SignedDuration::from_millis(2_900)).await;
        for name in ["live_1.m3u8", "live_2.m3u8"] {
            told.check_hls(&house, "h", "", name).await;
        }
        for name in ["live_1.m3u8", "live_1_0.m3u8", "live_2.m3u8"] {
            told.check_hls(&house, "c", "main/", name).await;
        }
        told.check_smooth(&house, "s").await;
        for endpoint in ["n", "t"] {
            told.check_dash(&house, endpoint).await;
        }
    }
    if steps.iter().filter(|step| matches!(step, Step::Regular)).count() > 4 {
        assert!(!told.dash.is_empty() && !told.hls.is_empty(), "something was played");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Numbers never go back, a listed segment never changes its URL, time or bytes, and all that is listed is there.
    #[test]
    fn manifests_are_monotone_over_any_history(steps in prop::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live_through(&steps));
    }
}
