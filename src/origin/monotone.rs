//! Random live histories, watched through every manifest: consecutive answers of one URL never contradict.
//!
//! Numbers never go back, a listed segment never changes its URL, time, duration or place among the discontinuities, and
//! nothing is listed whose media is gone. `OPENMEDIAPACKAGE_HISTORY_STEPS` says how many steps are tried.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roxmltree::{Document, Node};

use super::choice::Choice;
use super::manifests::ManifestCache;
use super::time_shift::{TimeShift, Times};
use crate::packaging::name;
use crate::presentation::simulation::{Encoder, Fate, SEGMENT_MS, at};
use crate::presentation::{ChannelEvent, ChannelState, Fact, InputIndex, ObjectId, Snapshot};
use crate::resources::{
    ChannelGuid, CmafManifest, CmafSettings, DashProfile, DashSettings, Endpoint, EndpointGuid, HlsAds, HlsSettings,
    ManifestLayout, Packaging, PlaylistSettings, PlaylistType, SegmentTemplateFormat, StreamSelection,
};

/// Steps that are tried where nothing else is asked for.
const STEPS: u64 = 1_500;

/// Steps of one history; then another one begins.
const STEPS_OF_A_HISTORY: u64 = 500;

/// Media is kept for this long, milliseconds: longer than any window.
const KEPT_MS: i64 = 90_000;

/// SplitMix64 (Steele, Lea, Flood 2014): the same history for the same seed, on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

fn playlist_settings() -> PlaylistSettings {
    PlaylistSettings {
        window_seconds: 30,
        playlist_type: PlaylistType::None,
        program_date_time_interval_seconds: 6,
        ads: HlsAds::default(),
    }
}

fn packagings() -> [Packaging; 5] {
    let stream_selection = StreamSelection::default();
    let dash = |segment_duration_seconds, segment_template_format| {
        Packaging::Dash(DashSettings {
            segment_duration_seconds,
            manifest_window_seconds: 30,
            min_update_period_seconds: 2,
            min_buffer_time_seconds: 2,
            suggested_presentation_delay_seconds: 10,
            segment_template_format,
            manifest_layout: ManifestLayout::Full,
            profile: DashProfile::None,
            include_iframe_only_stream: false,
            utc_timing: None,
            ad_periods: None,
            stream_selection,
        })
    };
    let cmaf_manifest =
        CmafManifest { id: "main".into(), manifest_name: "index".into(), playlist: playlist_settings() };
    [
        Packaging::Hls(HlsSettings {
            segment_duration_seconds: 2,
            playlist: playlist_settings(),
            use_audio_rendition_group: false,
            stream_selection,
        }),
        Packaging::Cmaf(CmafSettings {
            segment_duration_seconds: 6,
            segment_prefix: "s".into(),
            manifests: vec![cmaf_manifest],
            stream_selection,
        }),
        dash(2, SegmentTemplateFormat::NumberWithTimeline),
        dash(4, SegmentTemplateFormat::TimeWithTimeline),
        dash(2, SegmentTemplateFormat::NumberWithDuration),
    ]
}

/// What is asked for of an endpoint.
fn manifests_of(endpoint: &Endpoint) -> &'static [&'static str] {
    match endpoint.packaging {
        Packaging::Hls(_) => &["index_1.m3u8", "index_2.m3u8"],
        Packaging::Cmaf(_) => &["main/index_1.m3u8", "main/index_2.m3u8"],
        Packaging::Dash(_) => &["index.mpd"],
        Packaging::Mss(_) => &[],
    }
}

fn endpoint(number: usize, packaging: Packaging) -> Endpoint {
    Endpoint {
        guid: EndpointGuid(format!("e{number}")),
        id: format!("e{number}"),
        channel: ChannelGuid("c".into()),
        manifest_name: "index".into(),
        startover_window_seconds: 0,
        time_delay_seconds: if number == 1 { 5 } else { 0 },
        whitelist: Vec::new(),
        originates: true,
        configuration_version: 1_800_000_000,
        packaging,
        not_built_yet: Vec::new(),
    }
}

/// An encoder and what it is about to do.
struct Source {
    encoder: Encoder,
    /// The programme's segment that it pushes next.
    next: u64,
    /// How late it is, milliseconds.
    lag: i64,
    /// It does nothing before this time.
    silent_until: i64,
}

/// One listed segment, by what must not change of it.
type Listed = BTreeMap<u64, String>;

/// What was last listed of a track.
#[derive(Default)]
struct SeenTrack {
    listed: Listed,
    oldest: u64,
    newest: u64,
}

/// What the last answer of a URL said.
#[derive(Default)]
struct Seen {
    tracks: BTreeMap<String, SeenTrack>,
    /// Facts of the whole manifest or of a period, by name.
    fixed: BTreeMap<String, String>,
    target_duration: u64,
}

/// A channel with endpoints of every format, and what their viewers saw last.
struct History {
    random: Random,
    now: i64,
    state: ChannelState,
    snapshot: Arc<Snapshot>,
    gone: BTreeSet<ObjectId>,
    switches: u64,
    sources: [Source; 2],
    endpoints: Vec<Endpoint>,
    cache: ManifestCache,
    seen: BTreeMap<(usize, &'static str), Seen>,
    what: String,
}

impl History {
    fn new(seed: u64) -> Self {
        let sources =
            InputIndex::BOTH.map(|input| Source { encoder: Encoder::new(input), next: 0, lag: 100, silent_until: 0 });
        let endpoints: Vec<Endpoint> =
            packagings().into_iter().enumerate().map(|(number, packaging)| endpoint(number, packaging)).collect();
        let mut history = History {
            random: Random(seed),
            now: 0,
            state: ChannelState::default(),
            snapshot: Arc::default(),
            gone: BTreeSet::new(),
            switches: 0,
            sources,
            endpoints,
            cache: ManifestCache::new(1 << 20),
            seen: BTreeMap::new(),
            what: format!("seed {seed}"),
        };
        for endpoint in history.endpoints.clone() {
            history.want(&endpoint);
        }
        history
    }

    fn want(&mut self, endpoint: &Endpoint) {
        let rules = endpoint.packaging.output_rules();
        self.take(&ChannelEvent::OutputWanted { endpoint: endpoint.guid.clone(), rules });
    }

    fn take(&mut self, event: &ChannelEvent) {
        let mut facts = Vec::new();
        self.state.apply(event, &mut facts);
        for fact in facts {
            match fact {
                Fact::ObjectUnused(object) => {
                    self.gone.insert(object);
                }
                Fact::InputSwitched { .. } => self.switches += 1,
                _ => {}
            }
        }
        if let ChannelEvent::ObjectStored { object, .. } = event {
            self.gone.remove(object);
        }
    }

    fn step(&mut self) {
        let until = self.now + 100 + self.random.below(1_900) as i64;
        while let Some(due) = self.state.next_due().filter(|due| *due <= at(until)) {
            self.take(&ChannelEvent::TimePassed { at: due });
            assert!(self.state.next_due().is_none_or(|next| next > due), "{}: what was due happened", self.what);
        }
        self.now = until;
        for input in InputIndex::BOTH {
            self.something_happens(input);
            self.push(input);
        }
        self.something_happens_to_the_channel();
        let is_different = self.state.looks_different(&self.snapshot);
        self.snapshot = Arc::new(self.state.snapshot(self.snapshot.version + u64::from(is_different)));
        self.look();
    }

    fn push(&mut self, input: InputIndex) {
        for _ in 0..3 {
            let source = &mut self.sources[input.index()];
            let ready = (source.next as i64 + 1) * SEGMENT_MS + source.lag;
            if ready > self.now || source.silent_until > self.now {
                return;
            }
            let fate = match self.random.below(40) {
                0 => Fate::Missing,
                1 => Fate::Broken,
                2 => Fate::HalfMissing,
                _ => Fate::Arrives,
            };
            let source = &mut self.sources[input.index()];
            let events = source.encoder.push(source.next, self.now, fate);
            source.next += 1;
            events.iter().for_each(|event| self.take(event));
        }
    }

    fn something_happens(&mut self, input: InputIndex) {
        if !self.random.once_in(12) {
            return;
        }
        let (what, some, much) = (self.random.below(9), self.random.below(12_000) as i64, self.random.next() >> 31);
        let now = self.now;
        let source = &mut self.sources[input.index()];
        let live = (now - source.lag).div_euclid(SEGMENT_MS).max(0) as u64;
        match what {
            0 => source.silent_until = now + some,
            1 => source.next = source.next.max(live),
            2 => source.lag = some / 2,
            3 => {
                source.encoder.start_again(much);
                source.next = source.next.max(live);
            }
            4 => source.encoder.renumber(source.encoder.sequence + much % 1000),
            5 => {
                // What the wall clock tells counts at a start only.
                source.encoder.start_again(much);
                let ahead = [None, Some(0), Some(some), Some(3_600_000), Some(-3_600_000)];
                source.encoder.wall_clock_ahead = ahead[(much % 5) as usize];
            }
            6 => source.encoder.level_idc = if source.encoder.level_idc == 31 { 40 } else { 31 },
            7 => {
                let ends = source.encoder.end(now);
                source.silent_until = now + some;
                source.encoder.start_again(much);
                ends.iter().for_each(|event| self.take(event));
            }
            // An encoder in step with the other one, as it should be.
            _ => {
                source.encoder.start_again(126_000);
                source.encoder.wall_clock_ahead = Some(0);
                source.lag = 100;
            }
        }
    }

    fn something_happens_to_the_channel(&mut self) {
        match self.random.below(200) {
            0..10 => self.take(&ChannelEvent::Forgotten { before: at(self.now - KEPT_MS) }),
            10 => {
                let bytes = postcard::to_stdvec(&self.state).expect("the state can be written");
                self.state = postcard::from_bytes(&bytes).expect("the state can be read");
            }
            11 => {
                let number = self.random.below(2) as usize;
                let seconds = 2 + self.random.below(4) as u32 * 2;
                let endpoint = &mut self.endpoints[number];
                match &mut endpoint.packaging {
                    Packaging::Hls(hls) => hls.segment_duration_seconds = seconds,
                    Packaging::Cmaf(cmaf) => cmaf.segment_duration_seconds = seconds,
                    Packaging::Dash(_) | Packaging::Mss(_) => {}
                }
                endpoint.configuration_version += 1;
                let endpoint = endpoint.clone();
                self.want(&endpoint);
            }
            _ => {}
        }
    }

    /// Every manifest as it is now, held against what it was before.
    fn look(&mut self) {
        for (number, endpoint) in self.endpoints.clone().into_iter().enumerate() {
            for name in manifests_of(&endpoint) {
                let file = name::parse(&endpoint, name).expect("the endpoint has such a manifest");
                let live = TimeShift::of(Times::default(), None, &endpoint).expect("live needs no window");
                let answer = self.cache.get(&endpoint, file, &Choice::default(), &live, &self.snapshot, at(self.now));
                let Ok(manifest) = answer else { continue };
                let text = String::from_utf8(manifest.body.to_vec()).expect("a manifest is text");
                let what = format!("{}, {} ms, {name} of {}", self.what, self.now, endpoint.guid);
                let numbers = {
                    let seen = self.seen.entry((number, name)).or_default();
                    if name.ends_with(".mpd") {
                        look_at_mpd(seen, &text, &what)
                    } else {
                        look_at_playlist(seen, &text, &what)
                    }
                };
                self.can_be_fetched(&endpoint, numbers, &what);
            }
        }
    }

    fn can_be_fetched(&self, endpoint: &Endpoint, numbers: Vec<u64>, what: &str) {
        let output = &self.snapshot.outputs[&endpoint.guid];
        for number in numbers {
            let segment = output.segment(number).unwrap_or_else(|| panic!("{what}: {number} is listed and not there"));
            let slots: Vec<_> = self.snapshot.slots_of(&segment).collect();
            assert_eq!(slots.len(), segment.slot_count as usize, "{what}: parts of {number} are gone");
            let mut objects = slots.iter().flat_map(|slot| slot.objects());
            assert!(objects.all(|object| !self.gone.contains(&object)), "{what}: media of {number} is gone");
        }
    }
}

impl Seen {
    /// Facts that must not change once they were told.
    fn fixes(&mut self, name: String, value: &str, what: &str) {
        let known = self.fixed.entry(name.clone()).or_insert_with(|| value.to_owned());
        assert_eq!(known, value, "{what}: {name} changed");
    }

    /// The segments of a track that are listed now, by number or time, in place of those that were listed before.
    fn lists(&mut self, track: &str, listed: Listed, what: &str) {
        let (Some(oldest), Some(newest)) = (listed.keys().next().copied(), listed.keys().next_back().copied()) else {
            return;
        };
        let seen = self.tracks.entry(track.to_owned()).or_default();
        assert!(oldest >= seen.oldest, "{what}, track {track}: the first went back from {} to {oldest}", seen.oldest);
        assert!(newest >= seen.newest, "{what}, track {track}: the last went back from {} to {newest}", seen.newest);
        for (number, segment) in &listed {
            if let Some(known) = seen.listed.get(number) {
                assert_eq!(known, segment, "{what}, track {track}: segment {number} changed");
            }
        }
        *seen = SeenTrack { listed, oldest, newest };
    }
}

/// Numbers of the segments that have media.
fn look_at_playlist(seen: &mut Seen, text: &str, what: &str) -> Vec<u64> {
    let (mut number, mut breaks, mut target) = (0u64, 0u64, 0u64);
    let (mut duration, mut is_gap, mut map) = (String::new(), false, String::new());
    let (mut listed, mut with_media) = (Listed::new(), Vec::new());
    for line in text.lines() {
        let value = |tag: &str| line.strip_prefix(tag).map(str::to_owned);
        let count = |tag: &str| value(tag).map(|value| value.parse::<u64>().expect("a number"));
        if let Some(sequence) = count("#EXT-X-MEDIA-SEQUENCE:") {
            number = sequence;
        } else if let Some(sequence) = count("#EXT-X-DISCONTINUITY-SEQUENCE:") {
            breaks = sequence;
        } else if let Some(seconds) = count("#EXT-X-TARGETDURATION:") {
            target = seconds;
        } else if line == "#EXT-X-DISCONTINUITY" {
            breaks += 1;
        } else if line == "#EXT-X-GAP" {
            is_gap = true;
        } else if let Some(uri) = value("#EXT-X-MAP:") {
            map = uri.split('?').next().unwrap_or_default().to_owned();
        } else if let Some(told) = value("#EXTINF:") {
            let seconds: f64 = told.trim_end_matches(',').parse().expect("seconds");
            assert!(seconds.round() <= target as f64, "{what}: {seconds} s are more than the target duration {target}");
            duration = told;
        } else if !line.is_empty() && !line.starts_with('#') {
            // The version in the query changes with the endpoint's settings.
            let name = line.split('?').next().unwrap_or_default();
            // What is not there needs no map, and gets none where it is the first that is listed.
            let of_map = if is_gap { "gap" } else { map.as_str() };
            listed.insert(number, format!("{name} {duration} span {breaks} {of_map}"));
            if !is_gap {
                with_media.push(number);
            }
            number += 1;
            is_gap = false;
        }
    }
    // RFC 8216 §6.2.1: the target duration must not change. It grows for a segment longer than any before.
    assert!(target >= seen.target_duration.min(2), "{what}: the target duration shrank");
    seen.target_duration = target;
    seen.lists("", listed, what);
    with_media
}

fn attribute<'a>(node: &Node<'a, '_>, name: &str) -> &'a str {
    node.attribute(name).unwrap_or_default()
}

fn elements<'a, 'input>(node: &Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants().filter(move |node| node.has_tag_name(("urn:mpeg:dash:schema:mpd:2011", name)))
}

/// Numbers of the segments, where the MPD lists them by number.
fn look_at_mpd(seen: &mut Seen, text: &str, what: &str) -> Vec<u64> {
    let document = Document::parse(text).expect("the MPD is XML");
    let mpd = document.root_element();
    if attribute(&mpd, "type") == "dynamic" {
        seen.fixes("availabilityStartTime".into(), attribute(&mpd, "availabilityStartTime"), what);
    }
    let (mut listed, mut numbers) = (BTreeMap::<String, Listed>::new(), BTreeSet::new());
    for period in elements(&mpd, "Period") {
        let id = attribute(&period, "id");
        let is_clocked = elements(&period, "SegmentTimeline").next().is_none();
        if !is_clocked {
            seen.fixes(format!("start of period {id}"), attribute(&period, "start"), what);
        }
        for representation in elements(&period, "Representation") {
            let name = attribute(&representation, "id");
            for template in elements(&representation, "SegmentTemplate") {
                let of = |fact: &str| format!("{fact} of {name} in period {id}");
                for fact in ["timescale", "media", "duration"] {
                    let value = attribute(&template, fact).split('?').next().unwrap_or_default();
                    if !is_clocked || fact != "media" {
                        seen.fixes(of(fact), value, what);
                    }
                }
                if is_clocked {
                    continue;
                }
                seen.fixes(of("offset"), attribute(&template, "presentationTimeOffset"), what);
                let by_number = attribute(&template, "media").contains("$Number$");
                let mut number: u64 = attribute(&template, "startNumber").parse().unwrap_or(0);
                let mut time = 0u64;
                for s in elements(&template, "S") {
                    time = s.attribute("t").map_or(time, |time| time.parse().expect("a time"));
                    let duration: u64 = attribute(&s, "d").parse().expect("a duration");
                    let repeats: u64 = s.attribute("r").map_or(0, |repeats| repeats.parse().expect("a count"));
                    for _ in 0..=repeats {
                        let place = if by_number { number } else { time };
                        let of_track = listed.entry(name.to_owned()).or_default();
                        let before = of_track.insert(place, format!("{id} {time} {duration}"));
                        assert!(before.is_none(), "{what}: {place} of {name} is listed twice");
                        if by_number {
                            numbers.insert(number);
                        }
                        number += 1;
                        time += duration;
                    }
                }
            }
        }
    }
    for (track, listed) in listed {
        seen.lists(&track, listed, what);
    }
    numbers.into_iter().collect()
}

/// What happened in some histories, so that the test does not pass by nothing happening.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    published: u64,
    switches: u64,
    breaks: u64,
}

fn live_through(seed: u64, steps: u64) -> Tally {
    let mut history = History::new(seed);
    for _ in 0..steps {
        history.step();
    }
    let mut tally = Tally { switches: history.switches, ..Tally::default() };
    for output in history.snapshot.outputs.values() {
        tally.published += output.next_number() - 1;
        tally.breaks += output.newest().map_or(0, |segment| u64::from(segment.span));
    }
    tally
}

#[test]
fn no_manifest_ever_contradicts_the_one_before() {
    let asked = std::env::var("OPENMEDIAPACKAGE_HISTORY_STEPS").ok();
    let steps: u64 = asked.map_or(STEPS, |steps| steps.parse().expect("a number of steps"));
    let histories = steps.div_ceil(STEPS_OF_A_HISTORY);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|thread| {
                let seeds = (thread..histories).step_by(threads as usize);
                scope.spawn(|| seeds.map(|seed| live_through(seed, STEPS_OF_A_HISTORY.min(steps))).collect::<Vec<_>>())
            })
            .collect();
        started.into_iter().flat_map(|thread| thread.join().expect("no history is contradictory")).collect()
    });
    let average = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>() / histories;
    let averages = (average(|tally| tally.published), average(|tally| tally.switches), average(|tally| tally.breaks));
    assert!(averages.0 > 100 && averages.1 > 5 && averages.2 > 5, "too little happens in a history: {averages:?}");
}
