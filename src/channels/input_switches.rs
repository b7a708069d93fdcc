//! Tells of endpoints that change their input: an event, at most one in five minutes for each endpoint, and counts.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Clock;
use crate::presentation::{InputIndex, InputSwitch, SwitchReason};
use crate::resources::{CatalogueHandle, ChannelGuid, EndpointGuid};
use crate::telemetry::event::{self, Event};
use crate::telemetry::{EventSink, EventSource};

/// Time between two events of one endpoint at the least (MediaPackage user guide, "Input notification events").
const BETWEEN_EVENTS: SignedDuration = SignedDuration::from_mins(5);

/// What was told of an endpoint.
#[derive(Debug, Default)]
struct Told {
    last_event: Option<Timestamp>,
    switches: BTreeMap<SwitchReason, u64>,
}

/// Tells of switches, and remembers what was told since the server started.
pub(super) struct InputSwitches {
    catalogue: CatalogueHandle,
    clock: Clock,
    events: Arc<dyn EventSink>,
    told: Mutex<HashMap<EndpointGuid, Told>>,
}

impl InputSwitches {
    pub(super) fn new(catalogue: CatalogueHandle, clock: Clock, events: Arc<dyn EventSink>) -> Self {
        InputSwitches { catalogue, clock, events, told: Mutex::default() }
    }

    /// An endpoint of the channel changed its input.
    pub(super) fn tell(&self, channel: &ChannelGuid, endpoint: &EndpointGuid, switch: InputSwitch) {
        let InputSwitch { from, to, reason, discontinuity } = switch;
        tracing::warn!(%channel, %endpoint, ?from, ?to, reason = reason.name(), discontinuity, "input switched");
        let catalogue = self.catalogue.load();
        // What was deleted is not told of, though its timeline may go on for a while.
        let (Some(channel), Some(endpoint)) = (catalogue.channel(channel), catalogue.endpoint(endpoint)) else {
            return;
        };
        let now = (self.clock)();
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let told = told.entry(endpoint.guid.clone()).or_default();
            *told.switches.entry(reason).or_default() += 1;
            if told.last_event.is_some_and(|last| now.duration_since(last) < BETWEEN_EVENTS) {
                return;
            }
            told.last_event = Some(now);
        }
        let [first, second] = &channel.ingest_endpoints;
        let id = |input: InputIndex| match input {
            InputIndex::First => first.id.clone(),
            InputIndex::Second => second.id.clone(),
        };
        let message = format!(
            "Origin endpoint [{}] plays ingest endpoint [{}] instead of [{}], because of that: {}",
            endpoint.id,
            id(to),
            id(from),
            reason.explanation()
        );
        let details = event::InputSwitch {
            channel: channel.id.clone(),
            previous_ingest_endpoint: id(from),
            current_ingest_endpoint: id(to),
        };
        let source = EventSource { owner: &channel.owner, at: now };
        self.events.emit(Event::input_switched(source, &endpoint.guid, details, message));
    }

    /// How often an endpoint changed its input since the server started, by reason.
    pub(super) fn counts(&self, endpoint: &EndpointGuid) -> BTreeMap<SwitchReason, u64> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(endpoint).map(|told| told.switches.clone()).unwrap_or_default()
    }

    /// Forgets endpoints that the catalogue no longer has.
    pub(super) fn forget_deleted(&self) {
        let catalogue = self.catalogue.load();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|endpoint, _| catalogue.endpoint(endpoint).is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{Channel, Endpoint, IngestEndpoint, MssSettings, Owner, Packaging, Secret, StreamSelection};
    use crate::telemetry::event::Detail;

    #[derive(Default)]
    struct Collected(Mutex<Vec<Event>>);

    impl EventSink for Collected {
        fn emit(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    fn catalogue() -> CatalogueHandle {
        let door = |id: &str| IngestEndpoint { id: id.into(), username: String::new(), password: Secret::new("") };
        let channel = Channel {
            guid: ChannelGuid("c".into()),
            id: "arena".into(),
            owner: Owner { account: "123456789012".into(), region: "eu-west-1".into() },
            ingest_endpoints: [door("aa"), door("bb")],
        };
        let endpoint = Endpoint {
            guid: EndpointGuid("e".into()),
            id: "arena-mss".into(),
            channel: channel.guid.clone(),
            manifest_name: "index".into(),
            startover_window_seconds: 0,
            time_delay_seconds: 0,
            whitelist: Vec::new(),
            originates: true,
            configuration_version: 0,
            packaging: Packaging::Mss(MssSettings {
                segment_duration_seconds: 2,
                manifest_window_seconds: 60,
                stream_selection: StreamSelection::default(),
            }),
            not_built_yet: Vec::new(),
        };
        let catalogue = CatalogueHandle::default();
        catalogue.update(|catalogue| {
            catalogue.put_channel(channel.clone());
            catalogue.put_endpoint(endpoint.clone());
        });
        catalogue
    }

    #[test]
    fn an_endpoint_sends_one_event_in_five_minutes_and_every_switch_is_counted() {
        let events = Arc::new(Collected::default());
        let now = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        let clock: Clock = Arc::new({
            let now = now.clone();
            move || *now.lock().unwrap()
        });
        let switches = InputSwitches::new(catalogue(), clock, events.clone());
        let (channel, endpoint) = (ChannelGuid("c".into()), EndpointGuid("e".into()));
        let [first, second] = InputIndex::BOTH;
        for (second_of_time, from, to, reason) in [
            (0, first, second, SwitchReason::Silent),
            (299, second, first, SwitchReason::Gap),
            (300, first, second, SwitchReason::Gap),
        ] {
            *now.lock().unwrap() = Timestamp::from_second(second_of_time).unwrap();
            switches.tell(&channel, &endpoint, InputSwitch { from, to, reason, discontinuity: false });
        }
        let counts = switches.counts(&endpoint);
        assert_eq!(counts, BTreeMap::from([(SwitchReason::Silent, 1), (SwitchReason::Gap, 2)]));
        let events = events.0.lock().unwrap();
        let details: Vec<_> = events
            .iter()
            .map(|event| match &event.detail {
                Detail::Input(input) => (event.time.as_str(), input.details.clone().unwrap()),
                other => panic!("another event: {other:?}"),
            })
            .collect();
        let switch = event::InputSwitch {
            channel: "arena".into(),
            previous_ingest_endpoint: "aa".into(),
            current_ingest_endpoint: "bb".into(),
        };
        assert_eq!(details, [("1970-01-01T00:00:00Z", switch.clone()), ("1970-01-01T00:05:00Z", switch)]);
        let resource = "arn:aws:mediapackage:eu-west-1:123456789012:origin_endpoints/e";
        assert!(events.iter().all(|event| event.resources == [resource]));
    }

    #[test]
    fn deleted_endpoints_are_not_told_of() {
        let events = Arc::new(Collected::default());
        let switches = InputSwitches::new(catalogue(), Arc::new(|| Timestamp::UNIX_EPOCH), events.clone());
        let endpoint = EndpointGuid("gone".into());
        let [from, to] = InputIndex::BOTH;
        let switch = InputSwitch { from, to, reason: SwitchReason::Late, discontinuity: true };
        switches.tell(&ChannelGuid("c".into()), &endpoint, switch);
        assert!(events.0.lock().unwrap().is_empty() && switches.counts(&endpoint).is_empty());
    }
}
