//! What one input pushed: names in playlists ↔ stored objects, in the order of each stream's playlist.
//!
//! Encoders promise little: a playlist may arrive before its segment, a segment may never arrive, come
//! twice, or be broken, the last playlist may be lost, and a restarted encoder uses its old names again.
//! What leaves here is simple: per stream, one [`Arrival`] per listed segment, in playlist order.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::{NamedSegment, StoredMessage, StoredText, StoredTrack};
use super::object::ObjectId;
use super::timeline::GapReason;

/// How many delivered names a stream remembers, to tell a repeated playlist from a restarted encoder.
const REMEMBERED_NAMES: usize = 64;

/// How many objects may wait for a playlist to name them; the oldest go first.
const WAITING_OBJECTS: usize = 1_000;

/// A stored or broken segment, waiting to be named or already delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PushedObject {
    /// Counts the PUTs of this input: tells a new segment of an old name.
    put_number: u64,
    contents: ObjectContents,
    at: Timestamp,
    delivered: bool,
}

/// What a PUT brought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ObjectContents {
    /// A usable segment.
    Stored {
        /// Which object of the media store it is.
        object: ObjectId,
        /// Digest of the pushed bytes.
        fingerprint: u64,
        /// Its tracks.
        tracks: Vec<StoredTrack>,
        /// Its messages.
        messages: Vec<StoredMessage>,
        /// What it holds if it is a subtitle file.
        text: Option<StoredText>,
    },
    /// A segment that cannot be used.
    Broken {
        /// Why, in a sentence.
        reason: String,
    },
}

impl ObjectContents {
    /// Duration of the first track.
    fn duration_microseconds(&self) -> Option<u64> {
        match self {
            ObjectContents::Stored { tracks, .. } => {
                let track = tracks.first()?;
                Some(track.duration.saturating_mul(1_000_000) / u64::from(track.timescale.max(1)))
            }
            ObjectContents::Broken { .. } => None,
        }
    }
}

/// A listed segment whose fate is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// Name of the media playlist that lists it.
    pub playlist: String,
    /// As the playlist names it.
    pub named: NamedSegment,
    /// Its media, or why there is none.
    pub media: Result<ArrivedMedia, GapReason>,
    /// The encoder started again before this segment.
    pub restarted: bool,
}

/// The media of an arrival.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrivedMedia {
    /// Which object of the media store it is.
    pub object: ObjectId,
    /// Its tracks.
    pub tracks: Vec<StoredTrack>,
    /// Its messages.
    pub messages: Vec<StoredMessage>,
    /// What it holds if it is a subtitle file.
    pub text: Option<StoredText>,
    /// When its last byte was received.
    pub at: Timestamp,
}

/// A delivered name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct DeliveredName {
    sequence: u64,
    name: String,
    put_number: u64,
}

/// One stream's playlist as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct PushedPlaylist {
    /// Listed, not yet delivered; oldest first, with the time they were first listed.
    pending: VecDeque<(NamedSegment, Timestamp)>,
    /// Delivered lately, oldest first.
    delivered: VecDeque<DeliveredName>,
    /// The next pending segment is the first after a restart of the encoder.
    restarted: bool,
    ended: bool,
}

impl PushedPlaylist {
    fn last_listed_sequence(&self) -> Option<u64> {
        self.pending
            .back()
            .map(|(named, _)| named.sequence)
            .or_else(|| self.delivered.back().map(|delivered| delivered.sequence))
    }
}

/// What one input pushed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Intake {
    objects: BTreeMap<String, PushedObject>,
    playlists: BTreeMap<String, PushedPlaylist>,
    puts: u64,
}

impl Intake {
    /// True if this very segment is here already, so that storing it again would be idle.
    pub fn holds(&self, name: &str, fingerprint: u64) -> bool {
        matches!(
            self.objects.get(name).map(|object| &object.contents),
            Some(ObjectContents::Stored { fingerprint: known, .. }) if *known == fingerprint
        )
    }

    /// Takes a pushed segment; `unused` gets objects that nothing will ever play.
    pub fn object(&mut self, name: &str, contents: ObjectContents, at: Timestamp, unused: &mut Vec<ObjectId>) {
        self.puts += 1;
        let pushed = PushedObject { put_number: self.puts, contents, at, delivered: false };
        if let Some(PushedObject { contents: ObjectContents::Stored { object, .. }, delivered: false, .. }) =
            self.objects.insert(name.to_owned(), pushed)
        {
            unused.push(object);
        }
        self.forget_oldest_waiting(unused);
    }

    fn forget_oldest_waiting(&mut self, unused: &mut Vec<ObjectId>) {
        if self.objects.len() <= WAITING_OBJECTS {
            return;
        }
        let oldest = self.objects.iter().min_by_key(|(_, object)| object.put_number).map(|(name, _)| name.clone());
        let removed = oldest.and_then(|name| self.objects.remove(&name));
        if let Some(PushedObject { contents: ObjectContents::Stored { object, .. }, delivered: false, .. }) = removed {
            unused.push(object);
        }
    }

    /// Takes a pushed media playlist.
    pub fn playlist(&mut self, name: &str, segments: &[NamedSegment], ended: bool, at: Timestamp) {
        if !self.playlists.contains_key(name) {
            self.playlists.insert(name.to_owned(), PushedPlaylist::default());
        }
        let Some(playlist) = self.playlists.get_mut(name) else { return };
        if Self::is_restart(playlist, segments, &self.objects) {
            playlist.pending.clear();
            playlist.delivered.clear();
            playlist.restarted = true;
        }
        let last_listed = playlist.last_listed_sequence();
        let new = segments.iter().filter(|segment| last_listed.is_none_or(|last| segment.sequence > last));
        playlist.pending.extend(new.map(|segment| (segment.clone(), at)));
        // A playlist that was overtaken by a newer one on another connection must not end or revive the stream.
        if segments.last().map(|segment| segment.sequence) >= playlist.last_listed_sequence() {
            playlist.ended = ended;
        }
    }

    /// A playlist that contradicts what was listed comes from an encoder that started again. One that
    /// only lags behind repeats known names for known numbers.
    fn is_restart(
        playlist: &PushedPlaylist,
        segments: &[NamedSegment],
        objects: &BTreeMap<String, PushedObject>,
    ) -> bool {
        let (Some(last_listed), Some(first), Some(last)) =
            (playlist.last_listed_sequence(), segments.first(), segments.last())
        else {
            return false;
        };
        let renamed = segments.iter().any(|segment| {
            playlist.delivered.iter().any(|known| {
                known.sequence == segment.sequence
                    && (known.name != segment.name
                        || objects.get(&known.name).is_some_and(|object| object.put_number > known.put_number))
            }) || playlist
                .pending
                .iter()
                .any(|(known, _)| known.sequence == segment.sequence && known.name != segment.name)
        });
        let oldest_remembered = playlist
            .delivered
            .front()
            .map(|known| known.sequence)
            .or_else(|| playlist.pending.front().map(|(known, _)| known.sequence));
        let forgotten_past =
            last.sequence < last_listed && oldest_remembered.is_some_and(|oldest| first.sequence < oldest);
        renamed || forgotten_past
    }

    /// The arrivals that are due at `now`, stream by stream.
    pub fn due(&mut self, now: Timestamp) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        for (name, playlist) in &mut self.playlists {
            Self::name_what_no_playlist_named(playlist, &self.objects, now);
            while let Some(arrival) = Self::next_arrival(name, playlist, &mut self.objects, now) {
                arrivals.extend(arrival);
            }
        }
        self.forget_delivered();
        arrivals
    }

    /// `Some(None)`: a listed segment was passed over without a trace.
    fn next_arrival(
        name: &str,
        playlist: &mut PushedPlaylist,
        objects: &mut BTreeMap<String, PushedObject>,
        now: Timestamp,
    ) -> Option<Option<Arrival>> {
        let (named, listed_at) = playlist.pending.front()?;
        let object = objects.get_mut(&named.name).filter(|object| !object.delivered);
        let (media, put_number) = match object {
            Some(object) => {
                object.delivered = true;
                let media = match &object.contents {
                    ObjectContents::Stored { object: id, tracks, messages, text, .. } => Ok(ArrivedMedia {
                        object: *id,
                        tracks: tracks.clone(),
                        messages: messages.clone(),
                        text: *text,
                        at: object.at,
                    }),
                    ObjectContents::Broken { reason } => Err(GapReason::Broken(reason.clone())),
                };
                (media, object.put_number)
            }
            None => {
                let later_is_here = playlist
                    .pending
                    .iter()
                    .skip(1)
                    .any(|(later, _)| objects.get(&later.name).is_some_and(|object| !object.delivered));
                let patience = patience(named.duration_microseconds);
                if !later_is_here || now.duration_since(*listed_at) < patience {
                    return None;
                }
                (Err(GapReason::NeverReceived), 0)
            }
        };
        let (named, _) = playlist.pending.pop_front()?;
        let is_before_our_time = media.is_err() && playlist.delivered.is_empty();
        if is_before_our_time && matches!(media, Err(GapReason::NeverReceived)) {
            return Some(None);
        }
        playlist.delivered.push_back(DeliveredName { sequence: named.sequence, name: named.name.clone(), put_number });
        if playlist.delivered.len() > REMEMBERED_NAMES {
            playlist.delivered.pop_front();
        }
        let restarted = std::mem::take(&mut playlist.restarted);
        Some(Some(Arrival { playlist: name.to_owned(), named, media, restarted }))
    }

    /// The last playlist of an encoder is often lost: a segment whose name continues the series counts as
    /// listed once it has waited long enough.
    fn name_what_no_playlist_named(
        playlist: &mut PushedPlaylist,
        objects: &BTreeMap<String, PushedObject>,
        now: Timestamp,
    ) {
        if !playlist.pending.is_empty() || playlist.ended {
            return;
        }
        let Some(last) = playlist.delivered.back() else { return };
        let Some(next_name) = successor(&last.name) else { return };
        let Some(object) = objects.get(&next_name) else { return };
        let Some(duration_microseconds) = object.contents.duration_microseconds() else { return };
        if object.delivered
            || object.put_number < last.put_number
            || now.duration_since(object.at) < patience(duration_microseconds)
        {
            return;
        }
        let named = NamedSegment {
            sequence: last.sequence + 1,
            name: next_name,
            duration_microseconds,
            discontinuity: false,
            program_date_time: None,
            ad_tags: Vec::new(),
        };
        playlist.pending.push_back((named, now));
    }

    /// Delivered objects are needed only while a playlist may repeat their names.
    fn forget_delivered(&mut self) {
        if self.objects.len() < WAITING_OBJECTS / 2 {
            return;
        }
        let playlists = &self.playlists;
        self.objects.retain(|name, object| {
            !object.delivered
                || playlists.values().any(|playlist| playlist.delivered.iter().any(|known| known.name == *name))
        });
    }

    /// Playlists that were put so far, with whether they ended and everything they list was delivered.
    pub fn playlists(&self) -> impl Iterator<Item = (&str, bool)> {
        self.playlists.iter().map(|(name, playlist)| (name.as_str(), playlist.ended && playlist.pending.is_empty()))
    }

    /// The objects that no stream got yet.
    pub fn waiting_objects(&self) -> impl Iterator<Item = ObjectId> {
        self.objects.values().filter(|object| !object.delivered).filter_map(|object| match &object.contents {
            ObjectContents::Stored { object, .. } => Some(*object),
            ObjectContents::Broken { .. } => None,
        })
    }

    /// When [`Self::due`] brings something though nothing else happens.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.playlists.values().filter_map(|playlist| self.playlist_due(playlist)).min()
    }

    fn playlist_due(&self, playlist: &PushedPlaylist) -> Option<Timestamp> {
        let is_waiting = |name: &str| self.objects.get(name).filter(|object| !object.delivered);
        match playlist.pending.front() {
            Some((named, listed_at)) => {
                let later_is_here = playlist.pending.iter().skip(1).any(|(later, _)| is_waiting(&later.name).is_some());
                let due = listed_at.saturating_add(patience(named.duration_microseconds)).ok()?;
                later_is_here.then_some(due)
            }
            None if playlist.ended => None,
            None => {
                let last = playlist.delivered.back()?;
                let object =
                    is_waiting(&successor(&last.name)?).filter(|object| object.put_number > last.put_number)?;
                object.at.saturating_add(patience(object.contents.duration_microseconds()?)).ok()
            }
        }
    }
}

/// How long a listed segment is waited for once a later one is here, and an unlisted one for its playlist.
fn patience(duration_microseconds: u64) -> SignedDuration {
    let micros = i64::try_from(duration_microseconds.saturating_mul(3) / 2).unwrap_or(i64::MAX);
    SignedDuration::from_micros(micros).clamp(SignedDuration::from_secs(2), SignedDuration::from_secs(30))
}

/// The name with its last run of digits counted up by one, keeping its width.
fn successor(name: &str) -> Option<String> {
    let end = name.rfind(|letter: char| letter.is_ascii_digit())? + 1;
    let start = name[..end]
        .rfind(|letter: char| !letter.is_ascii_digit())
        .map_or(0, |before| before + name[before..].chars().next().map_or(1, char::len_utf8));
    let digits = &name[start..end];
    let next = digits.parse::<u64>().ok()?.checked_add(1)?;
    Some(format!("{}{:0width$}{}", &name[..start], next, &name[end..], width = digits.len()))
}

#[cfg(test)]
mod tests {
    use super::super::event::InputIndex;
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn listed(range: std::ops::RangeInclusive<u64>) -> Vec<NamedSegment> {
        range
            .map(|sequence| NamedSegment {
                sequence,
                name: format!("v_{sequence}.ts"),
                duration_microseconds: 2_000_000,
                discontinuity: false,
                program_date_time: None,
                ad_tags: Vec::new(),
            })
            .collect()
    }

    fn object(second: i64) -> ObjectId {
        ObjectId { input: InputIndex::First, series: 0, number: second as u32 }
    }

    fn put(intake: &mut Intake, name: &str, second: i64) -> Vec<ObjectId> {
        let mut unused = Vec::new();
        let contents = ObjectContents::Stored {
            object: object(second),
            fingerprint: second as u64,
            tracks: vec![StoredTrack {
                config: crate::media::codec::CodecConfig::Aac(crate::media::codec::AacConfig {
                    audio_specific_config: bytes::Bytes::from_static(&[0x11, 0x90]),
                    object_type: 2,
                    sampling_rate: 48_000,
                    channels: 2,
                }),
                language: None,
                timescale: 48_000,
                wire_decode_time: 0,
                presentation_offset: 0,
                duration: 96_000,
                sample_count: 94,
                payload_bytes: 1000,
                starts_with_sync: true,
            }],
            messages: Vec::new(),
            text: None,
        };
        intake.object(name, contents, at(second), &mut unused);
        unused
    }

    fn sequences(arrivals: &[Arrival]) -> Vec<(u64, bool)> {
        arrivals.iter().map(|arrival| (arrival.named.sequence, arrival.media.is_ok())).collect()
    }

    #[test]
    fn a_playlist_before_its_segment_waits_for_it() {
        let mut intake = Intake::default();
        intake.playlist("v.m3u8", &listed(1..=1), false, at(0));
        assert_eq!(intake.due(at(0)), vec![]);
        put(&mut intake, "v_1.ts", 0);
        assert_eq!(sequences(&intake.due(at(0))), [(1, true)]);
        assert_eq!(intake.due(at(1)), vec![], "delivered once only");
    }

    #[test]
    fn a_missing_segment_is_given_up_once_a_later_one_waited_long_enough() {
        let mut intake = Intake::default();
        put(&mut intake, "v_1.ts", 0);
        intake.playlist("v.m3u8", &listed(1..=1), false, at(0));
        assert_eq!(sequences(&intake.due(at(0))), [(1, true)]);
        put(&mut intake, "v_3.ts", 4);
        intake.playlist("v.m3u8", &listed(1..=3), false, at(4));
        assert_eq!(intake.due(at(4)), vec![]);
        assert_eq!(intake.next_due(), Some(at(7)));
        assert_eq!(sequences(&intake.due(at(7))), [(2, false), (3, true)]);
    }

    #[test]
    fn segments_from_before_the_first_put_leave_no_gap() {
        let mut intake = Intake::default();
        put(&mut intake, "v_5.ts", 0);
        intake.playlist("v.m3u8", &listed(1..=5), false, at(0));
        assert_eq!(sequences(&intake.due(at(4))), [(5, true)]);
    }

    #[test]
    fn a_repeated_or_late_playlist_changes_nothing() {
        let mut intake = Intake::default();
        for sequence in 1..=3 {
            put(&mut intake, &format!("v_{sequence}.ts"), 0);
        }
        intake.playlist("v.m3u8", &listed(1..=3), false, at(0));
        assert_eq!(intake.due(at(0)).len(), 3);
        intake.playlist("v.m3u8", &listed(1..=2), false, at(1));
        intake.playlist("v.m3u8", &listed(1..=3), false, at(1));
        assert_eq!(intake.due(at(1)), vec![]);
    }

    #[test]
    fn a_restarted_encoder_with_the_same_names_is_a_restart() {
        let mut intake = Intake::default();
        for sequence in 0..=3 {
            put(&mut intake, &format!("v_{sequence}.ts"), 0);
        }
        intake.playlist("v.m3u8", &listed(0..=3), false, at(0));
        assert_eq!(intake.due(at(0)).len(), 4);
        put(&mut intake, "v_0.ts", 60);
        intake.playlist("v.m3u8", &listed(0..=0), false, at(60));
        let arrivals = intake.due(at(60));
        assert_eq!(sequences(&arrivals), [(0, true)]);
        assert!(arrivals[0].restarted);
    }

    #[test]
    fn a_last_segment_without_playlist_is_delivered_after_a_while() {
        let mut intake = Intake::default();
        put(&mut intake, "v_009.ts", 0);
        let mut first = listed(9..=9);
        first[0].name = "v_009.ts".to_owned();
        intake.playlist("v.m3u8", &first, false, at(0));
        assert_eq!(intake.due(at(0)).len(), 1);
        put(&mut intake, "v_010.ts", 2);
        assert_eq!(intake.next_due(), Some(at(5)));
        assert_eq!(intake.due(at(3)), vec![]);
        assert_eq!(sequences(&intake.due(at(5))), [(10, true)]);
    }

    #[test]
    fn a_broken_segment_is_a_gap_at_once() {
        let mut intake = Intake::default();
        put(&mut intake, "v_1.ts", 0);
        intake.object("v_2.ts", ObjectContents::Broken { reason: "no sync byte".into() }, at(2), &mut Vec::new());
        intake.playlist("v.m3u8", &listed(1..=2), false, at(2));
        let arrivals = intake.due(at(2));
        assert_eq!(sequences(&arrivals), [(1, true), (2, false)]);
        assert_eq!(arrivals[1].media, Err(GapReason::Broken("no sync byte".into())));
    }

    #[test]
    fn an_object_replaced_before_it_was_listed_is_unused() {
        let mut intake = Intake::default();
        assert!(put(&mut intake, "v_1.ts", 0).is_empty());
        assert_eq!(put(&mut intake, "v_1.ts", 1), [object(0)]);
    }

    #[test]
    fn names_are_counted_up_with_their_width() {
        assert_eq!(successor("v0_00099.ts").as_deref(), Some("v0_00100.ts"));
        assert_eq!(successor("a9.ts").as_deref(), Some("a10.ts"));
        assert_eq!(successor("ä7.ts").as_deref(), Some("ä8.ts"));
        assert_eq!(successor("index.m3u"), Some("index.m4u".into()));
        assert_eq!(successor("none"), None);
    }
}
