//! One running channel: journal, state and snapshot.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::input_switches::InputSwitches;
use crate::media_store::{MediaStore, StoreError};
use crate::presentation::{ChannelEvent, ChannelState, Fact, InputIndex, ObjectId, SeriesTable, Snapshot};
use crate::resources::{ChannelGuid, EndpointGuid, OutputRules};

/// Journal records after which a checkpoint replaces them.
const RECORDS_PER_CHECKPOINT: usize = 4_000;

/// Why an event was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The journal could not be written: nothing changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event has no binary form; a fault of ours.
    #[error("the event cannot be written to the journal: {0}")]
    Encoding(#[from] postcard::Error),
}

/// A channel that takes events in.
pub struct RunningChannel {
    guid: ChannelGuid,
    store: Arc<dyn MediaStore>,
    switches: Arc<InputSwitches>,
    writer: Mutex<Writer>,
    snapshot: ArcSwap<Snapshot>,
    series: StdMutex<[SeriesTable; 2]>,
}

struct Writer {
    state: ChannelState,
    records: usize,
}

impl RunningChannel {
    /// Replays the channel's journal and removes objects that it does not know: a crash left them between
    /// storing and acknowledging.
    pub(super) async fn open(
        guid: ChannelGuid,
        store: Arc<dyn MediaStore>,
        switches: Arc<InputSwitches>,
    ) -> Result<Arc<Self>, StoreError> {
        let replay = store.open_journal(&guid.0).await?;
        let damaged = |what: &str| StoreError::Io(format!("the journal of channel {guid} holds {what}"));
        let mut state = match &replay.checkpoint {
            Some(checkpoint) => {
                postcard::from_bytes(checkpoint).map_err(|_| damaged("a checkpoint that this version cannot read"))?
            }
            None => ChannelState::default(),
        };
        let mut facts = Vec::new();
        for record in &replay.records {
            let event: ChannelEvent =
                postcard::from_bytes(record).map_err(|_| damaged("a record that this version cannot read"))?;
            state.apply(&event, &mut facts);
            facts.clear();
        }
        let known = state.objects();
        for object in store.list(&guid.0).await? {
            if ObjectId::from_key(&object).is_none_or(|id| known.binary_search(&id).is_err()) {
                store.delete(&object).await?;
            }
        }
        let snapshot = ArcSwap::from_pointee(state.snapshot(1));
        let series = StdMutex::new(InputIndex::BOTH.map(|input| state.series(input).clone()));
        let writer = Mutex::new(Writer { state, records: replay.records.len() });
        Ok(Arc::new(RunningChannel { guid, store, switches, writer, snapshot, series }))
    }

    /// The channel's name.
    pub fn guid(&self) -> &ChannelGuid {
        &self.guid
    }

    /// The channel at this moment; never waits.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// A new object for a segment of this file name.
    pub fn new_object(&self, input: InputIndex, name: &str) -> ObjectId {
        let [first, second] = &mut *self.series.lock().unwrap_or_else(PoisonError::into_inner);
        match input {
            InputIndex::First => first,
            InputIndex::Second => second,
        }
        .allocate(input, name)
    }

    /// Where the media store keeps an object of this channel.
    pub fn object_key(&self, object: ObjectId) -> String {
        object.key(&self.guid)
    }

    /// True if this very segment was put already: storing it again would be idle.
    pub async fn holds(&self, input: InputIndex, name: &str, fingerprint: u64) -> bool {
        self.writer.lock().await.state.holds(input, name, fingerprint)
    }

    /// Takes events in, in order. When it returns they are durable and every later snapshot shows them.
    pub async fn submit(&self, events: &[ChannelEvent]) -> Result<(), SubmitError> {
        let records = events.iter().map(postcard::to_stdvec).collect::<Result<Vec<_>, _>>()?;
        let mut writer = self.writer.lock().await;
        self.write(&mut writer, events, records).await
    }

    async fn write(
        &self,
        writer: &mut Writer,
        events: &[ChannelEvent],
        records: Vec<Vec<u8>>,
    ) -> Result<(), SubmitError> {
        self.store.append(&self.guid.0, records).await?;
        writer.records += events.len();
        let mut facts = Vec::new();
        for event in events {
            writer.state.apply(event, &mut facts);
        }
        self.publish(&writer.state);
        self.tell(facts);
        if writer.records >= RECORDS_PER_CHECKPOINT {
            self.store.checkpoint(&self.guid.0, postcard::to_stdvec(&writer.state)?).await?;
            writer.records = 0;
        }
        Ok(())
    }

    fn publish(&self, state: &ChannelState) {
        let before = self.snapshot.load();
        if state.differs_from(&before) {
            let version = before.version + u64::from(state.looks_different(&before));
            self.snapshot.store(Arc::new(state.snapshot(version)));
        }
    }

    fn tell(&self, facts: Vec<Fact>) {
        let channel = &self.guid;
        for fact in facts {
            match fact {
                Fact::Gap { input, playlist, name, reason } => {
                    tracing::warn!(%channel, ?input, playlist, segment = name, %reason, "a segment is missing: gap");
                }
                Fact::TooLate { input, name } => {
                    tracing::warn!(%channel, ?input, segment = name, "a segment came too late and is not played");
                }
                Fact::InputSwitched { endpoint, switch } => self.switches.tell(channel, &endpoint, switch),
                Fact::ObjectUnused(object) => {
                    let (store, object) = (self.store.clone(), self.object_key(object));
                    tokio::spawn(async move {
                        if let Err(error) = store.delete(&object).await {
                            tracing::warn!(object, %error, "an unused object could not be deleted");
                        }
                    });
                }
            }
        }
    }

    /// Takes in that time went by, if that changes anything.
    pub async fn let_time_pass(&self, now: Timestamp) -> Result<(), SubmitError> {
        let mut writer = self.writer.lock().await;
        if writer.state.next_due().is_none_or(|due| due > now) {
            return Ok(());
        }
        let event = ChannelEvent::TimePassed { at: now };
        let record = postcard::to_stdvec(&event)?;
        self.write(&mut writer, &[event], vec![record]).await
    }

    /// Makes sure that the endpoint's segments are numbered by these rules.
    pub async fn want_output(&self, endpoint: &EndpointGuid, rules: &OutputRules) -> Result<(), SubmitError> {
        let is_there =
            |snapshot: &Snapshot| snapshot.outputs.get(endpoint).is_some_and(|output| output.rules() == rules);
        if is_there(&self.snapshot.load()) {
            return Ok(());
        }
        let event = ChannelEvent::OutputWanted { endpoint: endpoint.clone(), rules: rules.clone() };
        let record = postcard::to_stdvec(&event)?;
        let mut writer = self.writer.lock().await;
        if is_there(&self.snapshot.load()) {
            return Ok(());
        }
        self.write(&mut writer, &[event], vec![record]).await
    }

    /// Forgets slots that ended before the time, if there are enough of them to be worth a record.
    pub(super) async fn forget_before(&self, before: Timestamp) -> Result<(), SubmitError> {
        if !self.snapshot().lines.has_older(before) {
            return Ok(());
        }
        self.submit(&[ChannelEvent::Forgotten { before }]).await
    }
}
