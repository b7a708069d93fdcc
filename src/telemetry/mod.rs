//! Facts for those who watch: events as EventBridge would deliver them. Receives facts, decides nothing, and is never
//! waited for.
//!
//! * [`event`]: the events and their envelope. * [`EventSink`]: where they go.
//! * [`metrics`]: metrics as Prometheus reads them.

pub mod event;
pub mod metrics;

pub use event::{Event, EventSource};

/// Where events go. Delivery is best effort: a sink that cannot deliver at once drops the event and says so in the log.
pub trait EventSink: Send + Sync + 'static {
    /// Takes an event; returns at once.
    fn emit(&self, event: Event);
}

/// Writes every event to the log, as the JSON that EventBridge would deliver, in one line.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogSink;

impl EventSink for LogSink {
    fn emit(&self, event: Event) {
        match serde_json::to_string(&event) {
            Ok(json) => {
                tracing::info!(target: "openmediapackage::event", event = %json, "{}", event.detail.detail_type())
            }
            Err(error) => tracing::error!(%error, "an event cannot be written"),
        }
    }
}
