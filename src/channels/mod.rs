//! The running channels: one writer each. An event is written to the channel's journal first, then taken
//! into its state, then published as an immutable snapshot that readers never wait for.
//!
//! Ingest submits events; origin reads snapshots; neither knows the other.

mod hold;
mod input_switches;
mod metrics;
mod retention;
mod running;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::media_store::{MediaStore, StoreError};
use crate::resources::{CatalogueHandle, ChannelGuid};
use crate::telemetry::{EventSink, LogSink};

use hold::Holds;
use input_switches::InputSwitches;

pub use hold::Hold;
pub use running::{RunningChannel, SubmitError};

/// Channels that are opened at the same time.
const OPENED_AT_ONCE: usize = 8;

/// Where the time comes from; tests set it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// All running channels. A channel runs from the first time that somebody asks for it.
pub struct Channels {
    store: Arc<dyn MediaStore>,
    catalogue: CatalogueHandle,
    clock: Clock,
    events: Arc<dyn EventSink>,
    switches: Arc<InputSwitches>,
    holds: Holds,
    running: Mutex<HashMap<ChannelGuid, Arc<OnceCell<Arc<RunningChannel>>>>>,
}

impl Channels {
    /// Channels of the catalogue, kept in the store. Their events go to the log.
    pub fn new(store: Arc<dyn MediaStore>, catalogue: CatalogueHandle, clock: Clock) -> Self {
        let events: Arc<dyn EventSink> = Arc::new(LogSink);
        let switches = Arc::new(InputSwitches::new(catalogue.clone(), clock.clone(), events.clone()));
        Channels { store, catalogue, clock, events, switches, holds: Holds::default(), running: Mutex::default() }
    }

    /// The same, with another place for events.
    pub fn with_events(self, events: Arc<dyn EventSink>) -> Self {
        let switches = Arc::new(InputSwitches::new(self.catalogue.clone(), self.clock.clone(), events.clone()));
        Channels { events, switches, ..self }
    }

    /// Where events of channels and endpoints go.
    pub fn events(&self) -> &Arc<dyn EventSink> {
        &self.events
    }

    /// The store that holds their media.
    pub fn store(&self) -> &Arc<dyn MediaStore> {
        &self.store
    }

    /// The time it is.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Keeps a channel's content from this wall-clock time on until the hold is dropped, however old it gets.
    pub fn hold(&self, channel: &ChannelGuid, from: Timestamp) -> Hold {
        self.holds.hold(channel, from)
    }

    /// The running channel; `None` if the catalogue has no such channel. Opening one replays its journal.
    pub async fn get(&self, guid: &ChannelGuid) -> Result<Option<Arc<RunningChannel>>, StoreError> {
        if self.catalogue.load().channel(guid).is_none() {
            return Ok(None);
        }
        let cell = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.entry(guid.clone()).or_default().clone()
        };
        let open = || RunningChannel::open(guid.clone(), self.store.clone(), self.switches.clone());
        let channel = cell.get_or_try_init(open).await?;
        Ok(Some(channel.clone()))
    }

    /// Lets time pass in every running channel, for ever: call it as a task of its own.
    pub async fn keep_time(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = self.now();
            for channel in self.all_running() {
                if let Err(error) = channel.let_time_pass(now).await {
                    tracing::error!(channel = %channel.guid(), %error, "time could not pass in the channel");
                }
            }
        }
    }

    /// Forgets what no endpoint can show any more and what deleted channels left, for ever: a task of its own.
    pub async fn keep_retention(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(std::time::Duration::from_secs(20));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.apply_retention(self.now()).await;
        }
    }

    /// One round of [`Self::keep_retention`].
    pub async fn apply_retention(&self, now: Timestamp) {
        self.switches.forget_deleted();
        let catalogue = self.catalogue.load();
        for channel in self.all_running() {
            let guid = channel.guid();
            let horizon = retention::horizon(&catalogue, guid, now);
            let horizon = self.holds.oldest(guid).map_or(horizon, |held| held.min(horizon));
            let done = if catalogue.channel(guid).is_some() {
                channel.forget_before(horizon).await.map_err(|error| error.to_string())
            } else {
                self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(guid);
                self.store.remove_all(&guid.0).await.map_err(|error| error.to_string())
            };
            if let Err(error) = done {
                tracing::error!(channel = %guid, %error, "retention failed");
            }
        }
    }

    /// Opens every channel of the catalogue, so that the first request does not wait for a replay; who asks meanwhile
    /// is served as soon as the channel that he asks for is open.
    pub async fn open_all(&self) {
        let guids: Vec<ChannelGuid> = self.catalogue.load().channels().map(|channel| channel.guid.clone()).collect();
        let open = |guid: ChannelGuid| async move {
            if let Err(error) = self.get(&guid).await {
                tracing::error!(channel = %guid, %error, "the channel's journal could not be opened");
            }
        };
        futures_util::stream::iter(guids).for_each_concurrent(OPENED_AT_ONCE, open).await;
    }

    /// Leaves every running channel as a start finds it best; call it when nobody asks for anything any more.
    pub async fn rest(&self) {
        for channel in self.all_running() {
            if let Err(error) = channel.rest().await {
                tracing::warn!(channel = %channel.guid(), %error, "no checkpoint could be written");
            }
        }
    }

    /// Stops all channels and removes all their media.
    pub async fn reset(&self) -> Result<(), StoreError> {
        let guids: Vec<ChannelGuid> = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.drain().map(|(guid, _)| guid).collect()
        };
        for guid in guids {
            self.store.remove_all(&guid.0).await?;
        }
        Ok(())
    }

    fn all_running(&self) -> Vec<Arc<RunningChannel>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().filter_map(|cell| cell.get().cloned()).collect()
    }
}
