//! One running channel: journal, state and snapshot.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::input_switches::InputSwitches;
use crate::media_store::{MediaStore, StoreError};
use crate::presentation::{
    ArchivedChunk, ArchivedUntil, ChannelEvent, ChannelState, Fact, InputIndex, ObjectId, SeriesTable, Snapshot,
};
use crate::resources::{ChannelGuid, EndpointGuid, OutputRules};

/// Journal records after which a checkpoint replaces them: few enough that replaying them takes no time.
const RECORDS_PER_CHECKPOINT: usize = 1_000;

/// Chunks that the archive may hold beyond twice those that are needed before it is rewritten.
const SPARE_CHUNKS: usize = 64;

/// Objects of one series that a crash may leave between being stored and being known: as many as an encoder pushes at
/// the same time.
const PUT_AT_ONCE: u32 = 8;

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
    /// Records in the journal since the last checkpoint.
    records: usize,
    /// What of the state's lists the archive has.
    archived: ArchivedUntil,
    /// Chunks in the archive, needed or not.
    archived_chunks: usize,
    /// Deletions that go on.
    deletions: JoinSet<()>,
    /// The journal may be broken: only a checkpoint makes it good again.
    needs_checkpoint: bool,
    records_per_checkpoint: usize,
}

impl RunningChannel {
    /// Replays the channel's journal and removes objects that it does not know: a crash left them between
    /// storing and acknowledging.
    pub(super) async fn open(
        guid: ChannelGuid,
        store: Arc<dyn MediaStore>,
        switches: Arc<InputSwitches>,
    ) -> Result<Arc<Self>, StoreError> {
        Self::open_with(guid, store, switches, RECORDS_PER_CHECKPOINT).await
    }

    async fn open_with(
        guid: ChannelGuid,
        store: Arc<dyn MediaStore>,
        switches: Arc<InputSwitches>,
        records_per_checkpoint: usize,
    ) -> Result<Arc<Self>, StoreError> {
        let replay = store.open_journal(&guid.0).await?;
        let damaged = |what: &str| StoreError::Io(format!("the journal of channel {guid} holds {what}"));
        let mut state: ChannelState = match &replay.checkpoint {
            Some(checkpoint) => {
                postcard::from_bytes(checkpoint).map_err(|_| damaged("a checkpoint that this version cannot read"))?
            }
            None => ChannelState::default(),
        };
        let archived = state.archivable_until();
        for block in &replay.archive {
            let chunk: ArchivedChunk =
                postcard::from_bytes(block).map_err(|_| damaged("an archive that this version cannot read"))?;
            state.put_back(chunk);
        }
        if state.missing() > 0 {
            let elements = state.missing();
            tracing::error!(channel = %guid, elements, "the channel's archive is damaged: a part of its past is lost");
        }
        let mut facts = Vec::new();
        for record in &replay.records {
            let event: ChannelEvent =
                postcard::from_bytes(record).map_err(|_| damaged("a record that this version cannot read"))?;
            state.apply(&event, &mut facts);
        }
        // What was to be deleted when the process died, and what was stored but never known.
        let unused = facts.iter().filter_map(|fact| match fact {
            Fact::ObjectUnused(object) => Some(*object),
            _ => None,
        });
        let next = InputIndex::BOTH.into_iter().flat_map(|input| state.series(input).next_objects(input));
        let unknown = next.flat_map(|next| {
            (0..PUT_AT_ONCE).map(move |more| ObjectId { number: next.number.saturating_add(more), ..next })
        });
        for object in unused.chain(unknown) {
            store.delete(&object.key(&guid)).await?;
        }
        let snapshot = ArcSwap::from_pointee(state.snapshot(1));
        let series = StdMutex::new(InputIndex::BOTH.map(|input| state.series(input).clone()));
        let writer = Mutex::new(Writer {
            state,
            records: replay.records.len(),
            archived,
            archived_chunks: replay.archive.len(),
            deletions: JoinSet::new(),
            needs_checkpoint: false,
            records_per_checkpoint,
        });
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
        if writer.needs_checkpoint {
            self.checkpoint(writer).await?;
        }
        if let Err(error) = self.store.append(&self.guid.0, records).await {
            // A full disk is known to have taken nothing; after any other failure the file is not to be trusted.
            writer.needs_checkpoint = !matches!(error, StoreError::Full(_));
            return Err(error.into());
        }
        writer.records += events.len();
        let mut facts = Vec::new();
        for event in events {
            writer.state.apply(event, &mut facts);
        }
        self.publish(&writer.state);
        self.tell(facts, &mut writer.deletions);
        if writer.records >= writer.records_per_checkpoint
            && let Err(error) = self.checkpoint(writer).await
        {
            // The events are in the journal; it only gets longer.
            tracing::warn!(channel = %self.guid, %error, "no checkpoint could be written");
            writer.records = 0;
        }
        Ok(())
    }

    /// Replaces the journal by the state that it led to. What is large and never changes goes to the archive, once.
    async fn checkpoint(&self, writer: &mut Writer) -> Result<(), SubmitError> {
        // The checkpoint knows nothing of what is being deleted.
        while writer.deletions.join_next().await.is_some() {}
        let encoded = |chunks: &[ArchivedChunk]| chunks.iter().map(postcard::to_stdvec).collect::<Result<Vec<_>, _>>();
        let chunks = writer.state.unarchived(&writer.archived);
        if !chunks.is_empty() {
            self.store.archive(&self.guid.0, encoded(&chunks)?).await?;
            writer.archived_chunks += chunks.len();
            writer.archived = writer.state.archivable_until();
        }
        self.store.checkpoint(&self.guid.0, postcard::to_stdvec(&writer.state)?).await?;
        writer.records = 0;
        writer.needs_checkpoint = false;
        let needed = writer.state.unarchived(&ArchivedUntil::new());
        if writer.archived_chunks > needed.len() * 2 + SPARE_CHUNKS {
            self.store.rewrite_archive(&self.guid.0, encoded(&needed)?).await?;
            writer.archived_chunks = needed.len();
        }
        Ok(())
    }

    /// Writes a checkpoint if anything happened since the last one, so that the next start has nothing to replay.
    pub(super) async fn rest(&self) -> Result<(), SubmitError> {
        let mut writer = self.writer.lock().await;
        while writer.deletions.join_next().await.is_some() {}
        if writer.records == 0 { Ok(()) } else { self.checkpoint(&mut writer).await }
    }

    fn publish(&self, state: &ChannelState) {
        let before = self.snapshot.load();
        if state.differs_from(&before) {
            let version = before.version + u64::from(state.looks_different(&before));
            self.snapshot.store(Arc::new(state.snapshot(version)));
        }
    }

    fn tell(&self, facts: Vec<Fact>, deletions: &mut JoinSet<()>) {
        while deletions.try_join_next().is_some() {}
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
                    deletions.spawn(async move {
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

#[cfg(test)]
#[path = "running_tests.rs"]
mod tests;
