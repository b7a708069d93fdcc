//! Holds: content that somebody still needs though no endpoint can show it any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::resources::ChannelGuid;

/// What is held of all channels.
#[derive(Debug, Clone, Default)]
pub(super) struct Holds {
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    from: HashMap<u64, (ChannelGuid, Timestamp)>,
}

/// Keeps a channel's content from a time on, until it is dropped.
#[derive(Debug)]
pub struct Hold {
    held: Holds,
    number: u64,
}

impl Holds {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a channel's content from this time on.
    pub(super) fn hold(&self, channel: &ChannelGuid, from: Timestamp) -> Hold {
        let mut held = self.lock();
        let number = held.next;
        held.next += 1;
        held.from.insert(number, (channel.clone(), from));
        Hold { held: self.clone(), number }
    }

    /// The oldest time of a channel's content that is held.
    pub(super) fn oldest(&self, channel: &ChannelGuid) -> Option<Timestamp> {
        self.lock().from.values().filter(|(held, _)| held == channel).map(|(_, from)| *from).min()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().from.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_hold_counts_until_it_is_dropped() {
        let (holds, channel) = (Holds::default(), ChannelGuid("c".into()));
        let at = |second| Timestamp::from_second(second).unwrap();
        let old = holds.hold(&channel, at(5));
        let _young = holds.hold(&channel, at(7));
        let _other = holds.hold(&ChannelGuid("d".into()), at(1));
        assert_eq!(holds.oldest(&channel), Some(at(5)));
        drop(old);
        assert_eq!(holds.oldest(&channel), Some(at(7)));
    }
}
