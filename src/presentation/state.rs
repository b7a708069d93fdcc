//! A channel as the fold over its events.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{CaptionDeclaration, ChannelEvent, InputIndex, StreamDeclaration};
use super::intake::{Arrival, Intake, ObjectContents};
use super::line::{LineOrigin, LineSlot, Lines};
use super::object::{ObjectId, SeriesTable};
use super::output::{InputSwitch, OutputSegment, OutputTimeline};
use super::timeline::{GapReason, InputTimeline, Placed};
use super::track::{Stream, StreamId, Track};
use crate::resources::EndpointGuid;

/// Something that an event led to and that somebody outside should know.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A listed segment has no media.
    Gap {
        /// The input.
        input: InputIndex,
        /// The media playlist that lists it.
        playlist: String,
        /// Its name.
        name: String,
        /// Why.
        reason: GapReason,
    },
    /// A segment came when its place was closed.
    TooLate {
        /// The input.
        input: InputIndex,
        /// Its name.
        name: String,
    },
    /// An endpoint's viewers get the other input from now on.
    InputSwitched {
        /// The endpoint.
        endpoint: EndpointGuid,
        /// From which input to which, and why.
        switch: InputSwitch,
    },
    /// An object of the media store that nothing will play.
    ObjectUnused(ObjectId),
}

/// One input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Input {
    intake: Intake,
    timeline: InputTimeline,
    series: SeriesTable,
    has_parent: bool,
}

/// All that is known of a channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelState {
    streams: Arc<Vec<Stream>>,
    tracks: Arc<Vec<Track>>,
    captions: Arc<Vec<CaptionDeclaration>>,
    inputs: [Input; 2],
    pub(super) lines: Lines,
    pub(super) outputs: BTreeMap<EndpointGuid, OutputTimeline>,
    /// The newest time that an event told.
    now: Timestamp,
}

/// A channel at one moment, for reading. Cheap to clone; never changes.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Counts the changes that a viewer could see.
    pub version: u64,
    /// The streams of the parent playlist.
    pub streams: Arc<Vec<Stream>>,
    /// Every track of every stream.
    pub tracks: Arc<Vec<Track>>,
    /// Captions in the video, in the order of the parent playlist.
    pub captions: Arc<Vec<CaptionDeclaration>>,
    /// What the inputs delivered.
    pub lines: Lines,
    /// The segments of each endpoint that was asked for.
    pub outputs: BTreeMap<EndpointGuid, OutputTimeline>,
}

impl Snapshot {
    /// The source segments that an endpoint's segment is made of, oldest first; those that are gone are left out.
    pub fn slots_of<'a>(&'a self, segment: &OutputSegment) -> impl DoubleEndedIterator<Item = Arc<LineSlot>> + 'a {
        let slots = self.lines.of(segment.input).slots();
        segment.slots().filter_map(move |slot| slots.get(slot))
    }

    /// What DASH counts from: the first slot that the channel ever had.
    pub fn origin(&self) -> Option<LineOrigin> {
        self.lines.origin()
    }

    /// Every input that is in use has ended and the endpoint has all of it: nothing follows unless an encoder starts
    /// again.
    pub fn ended(&self, endpoint: &EndpointGuid) -> bool {
        self.outputs.get(endpoint).is_some_and(OutputTimeline::ended)
    }
}

impl ChannelState {
    /// A snapshot for readers.
    pub fn snapshot(&self, version: u64) -> Snapshot {
        Snapshot {
            version,
            streams: self.streams.clone(),
            tracks: self.tracks.clone(),
            captions: self.captions.clone(),
            lines: self.lines.clone(),
            outputs: self.outputs.clone(),
        }
    }

    /// True if this very segment was put already.
    pub fn holds(&self, input: InputIndex, name: &str, fingerprint: u64) -> bool {
        self.input(input).intake.holds(name, fingerprint)
    }

    /// True if a snapshot taken now would differ from one taken of `before`, for viewers or in what is kept.
    pub fn differs_from(&self, before: &Snapshot) -> bool {
        let numbers = |lines: &Lines| {
            InputIndex::BOTH.map(|input| {
                let slots = lines.of(input).slots();
                (slots.first_number(), slots.next_number())
            })
        };
        numbers(&self.lines) != numbers(&before.lines) || self.looks_different(before)
    }

    /// True if a snapshot taken now would differ for viewers from one taken of `before`.
    pub fn looks_different(&self, before: &Snapshot) -> bool {
        self.streams != before.streams
            || self.captions != before.captions
            || self.outputs.len() != before.outputs.len()
            || self.outputs.iter().any(|(endpoint, output)| {
                before.outputs.get(endpoint).is_none_or(|known| output.looks_different(known))
            })
    }

    fn input(&self, input: InputIndex) -> &Input {
        match input {
            InputIndex::First => &self.inputs[0],
            InputIndex::Second => &self.inputs[1],
        }
    }

    fn input_mut(&mut self, input: InputIndex) -> &mut Input {
        match input {
            InputIndex::First => &mut self.inputs[0],
            InputIndex::Second => &mut self.inputs[1],
        }
    }

    /// Takes an event in; `facts` get what it led to.
    pub fn apply(&mut self, event: &ChannelEvent, facts: &mut Vec<Fact>) {
        match event {
            ChannelEvent::ParentPlaylist { input, streams, captions, at } => {
                self.declare_streams(streams);
                if *self.captions != *captions {
                    self.captions = Arc::new(captions.clone());
                }
                self.input_mut(*input).has_parent = true;
                self.advance(*at, facts);
            }
            ChannelEvent::MediaPlaylist { input, name, segments, ended, at } => {
                self.input_mut(*input).intake.playlist(name, segments, *ended, *at);
                self.advance(*at, facts);
            }
            ChannelEvent::ObjectStored { input, name, object, fingerprint, tracks, messages, text, at } => {
                self.input_mut(*input).series.record(name, *object);
                let contents = ObjectContents::Stored {
                    object: *object,
                    fingerprint: *fingerprint,
                    tracks: tracks.clone(),
                    messages: messages.clone(),
                    text: *text,
                };
                self.take_object(*input, name, contents, *at, facts);
            }
            ChannelEvent::ObjectBroken { input, name, reason, at } => {
                self.take_object(*input, name, ObjectContents::Broken { reason: reason.clone() }, *at, facts);
            }
            ChannelEvent::OutputWanted { endpoint, rules } => {
                match self.outputs.get_mut(endpoint) {
                    Some(output) => output.set_rules(rules.clone()),
                    None => {
                        self.outputs.insert(endpoint.clone(), OutputTimeline::new(rules.clone()));
                    }
                }
                self.extend_outputs(self.now, facts);
            }
            ChannelEvent::TimePassed { at } => self.advance(*at, facts),
            ChannelEvent::Forgotten { before } => self.forget_before(*before, facts),
        }
    }

    fn take_object(
        &mut self,
        input: InputIndex,
        name: &str,
        contents: ObjectContents,
        at: Timestamp,
        facts: &mut Vec<Fact>,
    ) {
        let mut unused = Vec::new();
        self.input_mut(input).intake.object(name, contents, at, &mut unused);
        facts.extend(unused.into_iter().map(Fact::ObjectUnused));
        self.advance(at, facts);
    }

    /// Streams are matched by the name of their playlist; their numbers never change.
    fn declare_streams(&mut self, declarations: &[StreamDeclaration]) {
        let unchanged = declarations.len() == self.streams.iter().filter(|stream| stream.declared).count()
            && declarations.iter().all(|declaration| {
                self.streams.iter().any(|stream| stream.declared && stream.declaration == *declaration)
            });
        if unchanged {
            return;
        }
        let streams = Arc::make_mut(&mut self.streams);
        for stream in streams.iter_mut() {
            stream.declared = false;
        }
        for declaration in declarations {
            match streams.iter_mut().find(|stream| stream.declaration.playlist == declaration.playlist) {
                Some(stream) => {
                    stream.declaration = declaration.clone();
                    stream.declared = true;
                }
                None => {
                    let Ok(id) = u16::try_from(streams.len()) else { return };
                    streams.push(Stream { id: StreamId(id), declaration: declaration.clone(), declared: true });
                }
            }
        }
    }

    /// Lets everything happen that is due at `now`.
    fn advance(&mut self, now: Timestamp, facts: &mut Vec<Fact>) {
        for input in InputIndex::BOTH {
            if !self.input(input).has_parent {
                continue;
            }
            for arrival in self.input_mut(input).intake.due(now) {
                self.place(input, &arrival, facts);
            }
            let (streams, tracks) = (self.streams.clone(), self.tracks.clone());
            for slot in self.input_mut(input).timeline.take_closed(&streams, &tracks, now) {
                self.lines.close(input, slot);
            }
            let unplaced = self.input_mut(input).timeline.take_unplaced();
            facts.extend(unplaced.into_iter().map(Fact::ObjectUnused));
        }
        for input in InputIndex::BOTH {
            let has_open_slots = self.input(input).timeline.has_open_slots();
            self.lines.set_state(input, self.has_ended(input), has_open_slots);
        }
        self.extend_outputs(now, facts);
    }

    fn extend_outputs(&mut self, now: Timestamp, facts: &mut Vec<Fact>) {
        self.now = self.now.max(now);
        let mut switches = Vec::new();
        for (endpoint, output) in &mut self.outputs {
            output.extend(&self.lines, self.now, &mut switches);
            let told = switches.drain(..).map(|switch| Fact::InputSwitched { endpoint: endpoint.clone(), switch });
            facts.extend(told);
        }
    }

    fn place(&mut self, input: InputIndex, arrival: &Arrival, facts: &mut Vec<Fact>) {
        let streams = self.streams.clone();
        let unused = |facts: &mut Vec<Fact>| {
            if let Ok(media) = &arrival.media {
                facts.push(Fact::ObjectUnused(media.object));
            }
        };
        let Some(stream) = streams.iter().find(|stream| stream.declaration.playlist == arrival.playlist) else {
            return unused(facts);
        };
        if !stream.is_packaged() {
            return unused(facts);
        }
        if let Err(reason) = &arrival.media {
            facts.push(Fact::Gap {
                input,
                playlist: arrival.playlist.clone(),
                name: arrival.named.name.clone(),
                reason: reason.clone(),
            });
        }
        let mut tracks = self.tracks.clone();
        let near = self.input(input.other()).timeline.newest_end();
        let placed = self.input_mut(input).timeline.place(stream, arrival, near, Arc::make_mut(&mut tracks));
        if *tracks != *self.tracks {
            self.tracks = tracks;
        }
        if placed == Placed::TooLate {
            facts.push(Fact::TooLate { input, name: arrival.named.name.clone() });
            unused(facts);
        }
    }

    /// Every stream of media that this input ever listed has `EXT-X-ENDLIST`.
    fn has_ended(&self, input: InputIndex) -> bool {
        let mut any = false;
        for (name, ended) in self.input(input).intake.playlists() {
            let counts = self
                .streams
                .iter()
                .any(|stream| stream.declared && stream.declaration.playlist == name && stream.carries_media());
            if counts {
                any = true;
                if !ended {
                    return false;
                }
            }
        }
        any
    }

    fn forget_before(&mut self, before: Timestamp, facts: &mut Vec<Fact>) {
        let dropped = self.lines.forget_before(before);
        let mut objects: Vec<ObjectId> = dropped.iter().flat_map(|slot| slot.objects()).collect();
        objects.sort();
        objects.dedup();
        facts.extend(objects.into_iter().map(Fact::ObjectUnused));
        for output in self.outputs.values_mut() {
            output.forget_gone(&self.lines);
        }
    }

    /// When [`ChannelEvent::TimePassed`] changes something though nothing else happens.
    pub fn next_due(&self) -> Option<Timestamp> {
        let inputs = self.inputs.iter().filter(|input| input.has_parent);
        inputs
            .flat_map(|input| [input.intake.next_due(), input.timeline.closes_at()])
            .chain(self.outputs.values().map(OutputTimeline::next_due))
            .flatten()
            .min()
    }

    /// The series of an input's objects.
    pub fn series(&self, input: InputIndex) -> &SeriesTable {
        &self.input(input).series
    }

    /// Every object that the channel may still play, in order, to find what is left over after a crash.
    pub fn objects(&self) -> Vec<ObjectId> {
        let mut objects = Vec::new();
        for slot in self.lines.slots() {
            objects.extend(slot.objects());
        }
        for input in &self.inputs {
            objects.extend(input.intake.waiting_objects());
            objects.extend(input.timeline.open_objects());
        }
        objects.sort();
        objects.dedup();
        objects
    }
}
