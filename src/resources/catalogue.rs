//! The catalogue: every channel and endpoint, as an immutable snapshot that readers never lock.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Channel, ChannelGuid, Endpoint, EndpointGuid};

/// Into how many parts a table is split. A change copies one part and the list of parts, so that the cost of a
/// change stays small with ten thousands of channels.
const PARTS: usize = 256;

/// A map whose clones share all parts that have not changed.
#[derive(Debug, Clone)]
struct Table<K, V> {
    parts: Vec<Arc<HashMap<K, V>>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        let empty = Arc::new(HashMap::new());
        Table { parts: vec![empty; PARTS] }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Table<K, V> {
    fn part_of(key: &K) -> usize {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        (hasher.finish() % PARTS as u64) as usize
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.parts.get(Self::part_of(key))?.get(key)
    }

    fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(|part| part.values())
    }

    /// The part of this key, copied if another clone shares it.
    fn part_mut(&mut self, key: &K) -> Option<&mut HashMap<K, V>> {
        self.parts.get_mut(Self::part_of(key)).map(Arc::make_mut)
    }

    fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.part_mut(&key)?.insert(key, value)
    }

    fn remove(&mut self, key: &K) -> Option<V> {
        self.part_mut(key)?.remove(key)
    }
}

/// All channels and endpoints of all accounts and regions at one moment.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    channels: Table<ChannelGuid, Arc<Channel>>,
    endpoints: Table<EndpointGuid, Arc<Endpoint>>,
    endpoints_of: Table<ChannelGuid, BTreeSet<EndpointGuid>>,
}

impl Catalogue {
    /// The channel of this guid.
    pub fn channel(&self, guid: &ChannelGuid) -> Option<&Arc<Channel>> {
        self.channels.get(guid)
    }

    /// The endpoint of this guid.
    pub fn endpoint(&self, guid: &EndpointGuid) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(guid)
    }

    /// Every channel, in no order.
    pub fn channels(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.channels.values()
    }

    /// The endpoints of one channel, in no order.
    pub fn endpoints_of<'a>(&'a self, channel: &'a ChannelGuid) -> impl Iterator<Item = &'a Arc<Endpoint>> {
        self.endpoints_of.get(channel).into_iter().flatten().filter_map(|guid| self.endpoints.get(guid))
    }

    /// Adds or replaces a channel.
    pub fn put_channel(&mut self, channel: Channel) {
        self.channels.insert(channel.guid.clone(), Arc::new(channel));
    }

    /// Adds or replaces an endpoint.
    pub fn put_endpoint(&mut self, endpoint: Endpoint) {
        self.remove_endpoint(&endpoint.guid);
        if let Some(part) = self.endpoints_of.part_mut(&endpoint.channel) {
            part.entry(endpoint.channel.clone()).or_default().insert(endpoint.guid.clone());
        }
        self.endpoints.insert(endpoint.guid.clone(), Arc::new(endpoint));
    }

    /// Takes a channel out.
    pub fn remove_channel(&mut self, guid: &ChannelGuid) {
        self.channels.remove(guid);
    }

    /// Takes an endpoint out.
    pub fn remove_endpoint(&mut self, guid: &EndpointGuid) {
        let Some(endpoint) = self.endpoints.remove(guid) else { return };
        let Some(part) = self.endpoints_of.part_mut(&endpoint.channel) else { return };
        if let Some(of_channel) = part.get_mut(&endpoint.channel) {
            of_channel.remove(guid);
            if of_channel.is_empty() {
                part.remove(&endpoint.channel);
            }
        }
    }
}

/// Where the control plane publishes the catalogue and the engine reads it.
#[derive(Debug, Clone, Default)]
pub struct CatalogueHandle {
    current: Arc<ArcSwap<Catalogue>>,
}

impl CatalogueHandle {
    /// The catalogue of this moment; cheap, never waits.
    pub fn load(&self) -> Arc<Catalogue> {
        self.current.load_full()
    }

    /// Publishes a change; `change` may run more than once if two changes meet, so it must be free of effects.
    pub fn update(&self, change: impl Fn(&mut Catalogue)) {
        self.current.rcu(|catalogue| {
            let mut next = Catalogue::clone(catalogue);
            change(&mut next);
            next
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{IngestEndpoint, MssSettings, Owner, Packaging, Secret, StreamSelection};

    fn channel(number: usize) -> Channel {
        let door = IngestEndpoint { id: String::new(), username: String::new(), password: Secret::new("") };
        Channel {
            guid: ChannelGuid(format!("c{number}")),
            id: number.to_string(),
            owner: Owner::default(),
            ingest_endpoints: [door.clone(), door],
        }
    }

    fn endpoint(number: usize, channel: usize) -> Endpoint {
        Endpoint {
            guid: EndpointGuid(format!("e{number}")),
            id: number.to_string(),
            channel: ChannelGuid(format!("c{channel}")),
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
        }
    }

    fn ids(catalogue: &Catalogue, channel: usize) -> Vec<String> {
        let guid = ChannelGuid(format!("c{channel}"));
        let mut ids: Vec<_> = catalogue.endpoints_of(&guid).map(|endpoint| endpoint.id.clone()).collect();
        ids.sort();
        ids
    }

    #[test]
    fn a_snapshot_keeps_what_it_had_while_changes_go_on() {
        let handle = CatalogueHandle::default();
        for number in 0..1000 {
            handle.update(|catalogue| catalogue.put_channel(channel(number)));
        }
        let before = handle.load();
        handle.update(|catalogue| catalogue.remove_channel(&ChannelGuid("c7".into())));
        assert_eq!((before.channels().count(), handle.load().channels().count()), (1000, 999));
        assert!(before.channel(&ChannelGuid("c7".into())).is_some());
        assert!(handle.load().channel(&ChannelGuid("c7".into())).is_none());
    }

    #[test]
    fn endpoints_are_found_by_their_channel() {
        let mut catalogue = Catalogue::default();
        for (number, channel) in [(1, 1), (2, 1), (3, 2), (2, 1)] {
            catalogue.put_endpoint(endpoint(number, channel));
        }
        assert_eq!((ids(&catalogue, 1), ids(&catalogue, 2)), (vec!["1".into(), "2".into()], vec!["3".to_owned()]));
        catalogue.remove_endpoint(&EndpointGuid("e3".into()));
        catalogue.remove_endpoint(&EndpointGuid("e3".into()));
        assert!(ids(&catalogue, 2).is_empty());
        assert!(catalogue.endpoint(&EndpointGuid("e1".into())).is_some());
    }
}
