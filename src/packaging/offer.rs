//! Which tracks an endpoint offers, and in which groups.
//!
//! Sound that comes muxed into several variants is offered once: tracks of the same language and configuration whose
//! bit rates differ by less than a tenth count as the same, and the first is taken.

use crate::media::codec::{Picture, TrackKind};
use crate::presentation::event::StreamRole;
use crate::presentation::{Snapshot, Stream, StreamId, Track, TrackId};
use crate::resources::{StreamOrder, StreamSelection};

/// A variant that viewers can choose.
#[derive(Debug, Clone)]
pub struct Variant<'a> {
    /// The encoder's variant.
    pub stream: &'a Stream,
    /// Its video; `None` if it is sound only.
    pub video: Option<&'a Track>,
    /// The audio that is in its segments, or, if there is none, that plays with it.
    pub audio: Vec<&'a Track>,
    /// Bit/s of video and audio together, at the peak if the encoder said so.
    pub bandwidth: u64,
    /// Bit/s on average, if the encoder said so.
    pub average_bandwidth: Option<u64>,
}

impl Variant<'_> {
    /// Bit/s of the video alone: what the encoder declared less the audio, or else what the first segment had.
    pub fn video_bitrate(&self) -> u64 {
        let measured = self.video.map_or(0, |video| video.first_bitrate);
        self.bandwidth.checked_sub(audio_bitrate(&self.audio)).filter(|bitrate| *bitrate > 0).unwrap_or(measured)
    }
}

/// An audio track that viewers can choose.
#[derive(Debug, Clone)]
pub struct Audio<'a> {
    /// The stream that carries it.
    pub stream: &'a Stream,
    /// The track.
    pub track: &'a Track,
    /// A name for people, unique among those offered.
    pub name: String,
    /// `CHARACTERISTICS` of the encoder's rendition.
    pub characteristics: Option<&'a str>,
}

/// Subtitles that viewers can choose.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    /// The stream that carries them.
    pub stream: &'a Stream,
    /// The track.
    pub track: &'a Track,
    /// A name for people, unique among those offered.
    pub name: String,
    /// They are for parts that everybody must be able to follow.
    pub forced: bool,
    /// `CHARACTERISTICS` of the encoder's rendition.
    pub characteristics: Option<&'a str>,
}

/// What a channel offers through an endpoint's stream selection.
#[derive(Debug, Clone)]
pub struct Offer<'a> {
    /// Variants in the endpoint's order.
    pub variants: Vec<Variant<'a>>,
    /// Audio in the order of the encoder's streams; the first is the default.
    pub audio: Vec<Audio<'a>>,
    /// Subtitles in the order of the encoder's streams; the first is the default.
    pub texts: Vec<Text<'a>>,
}

/// Which streams and tracks an offer has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OfferKey {
    variants: Vec<StreamId>,
    audio: Vec<TrackId>,
    texts: Vec<TrackId>,
}

impl<'a> Offer<'a> {
    /// The offer of a channel's snapshot. Streams of which no segment came yet are left out.
    pub fn of(snapshot: &'a Snapshot, selection: &StreamSelection) -> Offer<'a> {
        let mut variants: Vec<Variant<'a>> = snapshot
            .streams
            .iter()
            .filter(|stream| stream.declared && stream.is_variant())
            .filter_map(|stream| variant(snapshot, stream))
            .collect();
        variants.retain(|variant| {
            let bitrate = variant.video_bitrate();
            variant.video.is_none()
                || (u64::from(selection.min_video_bits_per_second)..=u64::from(selection.max_video_bits_per_second))
                    .contains(&bitrate)
        });
        match selection.order {
            StreamOrder::Original => {}
            StreamOrder::VideoBitrateAscending => variants.sort_by_key(Variant::video_bitrate),
            StreamOrder::VideoBitrateDescending => {
                variants.sort_by_key(|variant| std::cmp::Reverse(variant.video_bitrate()));
            }
        }
        let audio = audio(snapshot, &variants);
        let texts = texts(snapshot);
        Offer { variants, audio, texts }
    }

    /// There is nothing to play.
    pub fn is_empty(&self) -> bool {
        self.variants.is_empty() && self.audio.is_empty() && self.texts.is_empty()
    }

    /// What tells this offer from others of the same snapshot and endpoint.
    pub fn key(&self) -> OfferKey {
        OfferKey {
            variants: self.variants.iter().map(|variant| variant.stream.id).collect(),
            audio: self.audio.iter().map(|audio| audio.track.id).collect(),
            texts: self.texts.iter().map(|text| text.track.id).collect(),
        }
    }

    /// Variants with video, in order.
    pub fn videos(&self) -> impl Iterator<Item = (&Variant<'a>, &'a Track)> {
        self.variants.iter().filter_map(|variant| Some((variant, variant.video?)))
    }
}

/// Tracks of a stream of one kind, in the order in which the stream carries them.
pub fn tracks_of_stream(snapshot: &Snapshot, stream: StreamId, kind: TrackKind) -> Vec<&Track> {
    let mut tracks: Vec<&Track> =
        snapshot.tracks.iter().filter(|track| track.stream == stream && track.kind == kind).collect();
    tracks.sort_by_key(|track| (track.index_in_stream, track.id));
    tracks
}

/// The audio that goes into a variant's own segments when there is no audio group: what is muxed with its video, or
/// else the default rendition of its group: the first one that the encoder declared. Players choose the first audio of
/// a transport stream, so other languages would cost bits and not be heard; they need the audio group.
pub fn muxed_audio<'a>(snapshot: &'a Snapshot, stream: &Stream) -> Vec<&'a Track> {
    let own = tracks_of_stream(snapshot, stream.id, TrackKind::Audio);
    if !own.is_empty() {
        return own;
    }
    let StreamRole::Variant { audio_group: Some(wanted), .. } = &stream.declaration.role else { return Vec::new() };
    let default = snapshot
        .streams
        .iter()
        .find(|stream| matches!(&stream.declaration.role, StreamRole::AudioRendition { group, .. } if group == wanted));
    let tracks = default.map(|stream| tracks_of_stream(snapshot, stream.id, TrackKind::Audio)).unwrap_or_default();
    tracks.into_iter().take(1).collect()
}

fn audio_bitrate(tracks: &[&Track]) -> u64 {
    tracks.iter().fold(0, |sum, track| sum.saturating_add(track.first_bitrate))
}

fn variant<'a>(snapshot: &'a Snapshot, stream: &'a Stream) -> Option<Variant<'a>> {
    let StreamRole::Variant { bandwidth, average_bandwidth, .. } = &stream.declaration.role else { return None };
    let video = tracks_of_stream(snapshot, stream.id, TrackKind::Video).first().copied();
    let audio = muxed_audio(snapshot, stream);
    if video.is_none() && tracks_of_stream(snapshot, stream.id, TrackKind::Audio).is_empty() {
        return None;
    }
    let measured = video.map_or(0, |video| video.first_bitrate).saturating_add(audio_bitrate(&audio));
    Some(Variant {
        stream,
        video,
        audio,
        bandwidth: bandwidth.unwrap_or(measured).max(1),
        average_bandwidth: *average_bandwidth,
    })
}

/// Renditions, and what is muxed into the variants that are offered.
fn audio<'a>(snapshot: &'a Snapshot, variants: &[Variant<'a>]) -> Vec<Audio<'a>> {
    let mut offered: Vec<Audio<'a>> = Vec::new();
    for stream in snapshot.streams.iter().filter(|stream| stream.declared && stream.is_packaged()) {
        let is_hidden = stream.is_variant() && !variants.iter().any(|variant| variant.stream.id == stream.id);
        if is_hidden {
            continue;
        }
        for track in tracks_of_stream(snapshot, stream.id, TrackKind::Audio) {
            if stream.is_variant() && offered.iter().any(|known| is_same_sound(known.track, track)) {
                continue;
            }
            let (told_name, characteristics) = match &stream.declaration.role {
                StreamRole::AudioRendition { name, characteristics, .. } => (Some(name), characteristics.as_deref()),
                _ => (None, None),
            };
            let base = told_name.cloned().or_else(|| track.language.clone()).unwrap_or_else(|| "audio".to_owned());
            let name = unique_name(base, |name| offered.iter().any(|known| known.name == name));
            offered.push(Audio { stream, track, name, characteristics });
        }
    }
    offered
}

/// The name, counted up if it is taken.
fn unique_name(base: String, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = base.clone();
    let mut count = 1u32;
    while is_taken(&name) {
        count += 1;
        name = format!("{base} {count}");
    }
    name
}

/// Subtitle streams that are declared and of which a segment came.
fn texts(snapshot: &Snapshot) -> Vec<Text<'_>> {
    let mut offered: Vec<Text<'_>> = Vec::new();
    for stream in snapshot.streams.iter().filter(|stream| stream.declared) {
        let StreamRole::SubtitleRendition { name, forced, characteristics, .. } = &stream.declaration.role else {
            continue;
        };
        for track in tracks_of_stream(snapshot, stream.id, TrackKind::Text) {
            let name = unique_name(name.clone(), |name| offered.iter().any(|known| known.name == name));
            let characteristics = characteristics.as_deref();
            offered.push(Text { stream, track, name, forced: *forced, characteristics });
        }
    }
    offered
}

fn is_same_sound(known: &Track, track: &Track) -> bool {
    let difference = known.first_bitrate.abs_diff(track.first_bitrate);
    known.language == track.language
        && known.index_in_stream == track.index_in_stream
        && known.configs.first() == track.configs.first()
        && difference.saturating_mul(10) < known.first_bitrate.max(track.first_bitrate).max(1)
}

/// The `codecs` of some tracks, each once, as their newest configuration has them.
pub fn codecs<'a>(tracks: impl IntoIterator<Item = &'a Track>) -> String {
    let mut codecs: Vec<String> = Vec::new();
    for config in tracks.into_iter().filter_map(|track| track.configs.last()) {
        let codec = config.rfc6381();
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    codecs.join(",")
}

/// What a video track's newest configuration says of its pictures.
pub fn picture(track: &Track) -> Option<Picture> {
    track.configs.last()?.picture()
}

/// Width and height of a video track's newest configuration, in pixels.
pub fn resolution(track: &Track) -> Option<(u32, u32)> {
    picture(track).map(|picture| (picture.width, picture.height))
}

/// `CHANNELS` of an audio track's newest configuration (RFC 8216bis §4.4.6.1): the number of channels, or, where there
/// are objects beside them (Dolby Atmos), the complexity of the stream and `JOC`.
pub fn channels(track: &Track) -> Option<String> {
    let sound = track.configs.last()?.sound()?;
    Some(match sound.objects {
        Some(complexity) => format!("{complexity}/JOC"),
        None => sound.channels.to_string(),
    })
}
