//! Which requests were accepted already: each nonce and count is good for one.
//!
//! Only nonces that came with a right answer are remembered, so strangers cannot fill anything. A nonce may first
//! be used for a few minutes after it was issued; a connection that used it may go on with it as long as it lives,
//! because ffmpeg's persistent connections never answer a second challenge.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::nonce::Nonce;

/// How long after it was issued a nonce may first be used on a connection, in milliseconds.
const FIRST_USE_WITHIN: i64 = 5 * 60 * 1_000;

/// Nonces remembered per ingest endpoint. When there are more, the oldest count as expired.
const NONCES_PER_ENDPOINT: usize = 1_024;

/// Nonces remembered per connection.
const NONCES_PER_CONNECTION: usize = 8;

/// Counts below the highest that may still come, out of order.
const WINDOW: u32 = 128;

/// Why a nonce is not accepted, though it is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NonceRefusal {
    /// Its time is over and this connection did not use it before.
    #[error("the nonce has expired")]
    Expired,
    /// This count was used before, or is too far behind.
    #[error("the nonce count was used before")]
    Replayed,
}

/// The counts of one nonce that were used.
#[derive(Debug, Default)]
struct UsedCounts {
    highest: u32,
    /// Bit n: `highest - n` was used.
    used: u128,
}

impl UsedCounts {
    fn take(&mut self, count: u32) -> bool {
        if count == 0 {
            return false;
        }
        if count > self.highest {
            self.used = self.used.checked_shl(count - self.highest).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = 1u128.checked_shl(behind).unwrap_or(0);
        if behind >= WINDOW || self.used & bit != 0 {
            return false;
        }
        self.used |= bit;
        true
    }
}

type SharedCounts = Arc<Mutex<UsedCounts>>;

/// What is remembered of a connection: the nonces that were accepted on it.
#[derive(Debug, Default)]
pub struct ConnectionMemory {
    nonces: Mutex<VecDeque<(u64, SharedCounts)>>,
}

impl ConnectionMemory {
    fn find(&self, number: u64) -> Option<SharedCounts> {
        let nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.iter().find(|(known, _)| *known == number).map(|(_, counts)| counts.clone())
    }

    fn remember(&self, number: u64, counts: SharedCounts) {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.len() >= NONCES_PER_CONNECTION {
            nonces.pop_front();
        }
        nonces.push_back((number, counts));
    }
}

#[derive(Debug, Default)]
struct EndpointNonces {
    by_number: BTreeMap<u64, (i64, SharedCounts)>,
    /// Nonces up to this number are forgotten, and so must not be accepted as if they were new.
    forgotten_to: u64,
}

impl EndpointNonces {
    fn forget_oldest_while(&mut self, must_go: impl Fn(&Self, i64) -> bool) {
        while let Some((&number, &(issued, _))) = self.by_number.first_key_value() {
            if !must_go(self, issued) {
                break;
            }
            self.by_number.pop_first();
            self.forgotten_to = self.forgotten_to.max(number);
        }
    }

    fn forget_expired(&mut self, now: i64) {
        self.forget_oldest_while(|_, issued| is_expired(issued, now));
    }
}

fn is_expired(issued: i64, now: i64) -> bool {
    now.saturating_sub(issued).abs() > FIRST_USE_WITHIN
}

/// The nonces that were accepted lately, of all ingest endpoints.
#[derive(Debug, Default)]
pub struct AcceptedNonces {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    endpoints: HashMap<String, EndpointNonces>,
    /// When endpoints without live nonces were last thrown away.
    swept: i64,
    /// As [`EndpointNonces::forgotten_to`], for the endpoints that were thrown away.
    forgotten_to: u64,
}

impl AcceptedNonces {
    /// Takes one use of a nonce, whose answer must have been right. `endpoint` names the ingest endpoint, `now` is in
    /// milliseconds since 1970.
    pub fn take(
        &self,
        endpoint: &str,
        nonce: Nonce,
        count: u32,
        connection: &ConnectionMemory,
        now: i64,
    ) -> Result<(), NonceRefusal> {
        let known_here = connection.find(nonce.number);
        let counts = match &known_here {
            Some(counts) => counts.clone(),
            None => self.counts(endpoint, nonce, now)?,
        };
        if !counts.lock().unwrap_or_else(PoisonError::into_inner).take(count) {
            return Err(NonceRefusal::Replayed);
        }
        if known_here.is_none() {
            connection.remember(nonce.number, counts);
        }
        Ok(())
    }

    fn counts(&self, endpoint: &str, nonce: Nonce, now: i64) -> Result<SharedCounts, NonceRefusal> {
        if is_expired(nonce.issued, now) {
            return Err(NonceRefusal::Expired);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if is_expired(state.swept, now) {
            let State { endpoints, swept, forgotten_to } = &mut *state;
            *swept = now;
            endpoints.retain(|_, nonces| {
                nonces.forget_expired(now);
                if nonces.by_number.is_empty() {
                    *forgotten_to = nonces.forgotten_to.max(*forgotten_to);
                }
                !nonces.by_number.is_empty()
            });
        }
        let forgotten_to = state.forgotten_to;
        if !state.endpoints.contains_key(endpoint) {
            state.endpoints.insert(endpoint.to_owned(), EndpointNonces::default());
        }
        let Some(nonces) = state.endpoints.get_mut(endpoint) else { return Err(NonceRefusal::Expired) };
        nonces.forget_expired(now);
        if let Some((_, counts)) = nonces.by_number.get(&nonce.number) {
            return Ok(counts.clone());
        }
        if nonce.number <= nonces.forgotten_to.max(forgotten_to) {
            return Err(NonceRefusal::Expired);
        }
        let counts = SharedCounts::default();
        nonces.by_number.insert(nonce.number, (nonce.issued, counts.clone()));
        nonces.forget_oldest_while(|nonces, _| nonces.by_number.len() > NONCES_PER_ENDPOINT);
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(number: u64) -> Nonce {
        Nonce { issued: 0, number }
    }

    #[test]
    fn each_count_is_good_once_also_out_of_order() {
        let accepted = AcceptedNonces::default();
        let connection = ConnectionMemory::default();
        let take = |count| accepted.take("e", nonce(1), count, &connection, 0).is_ok();
        assert!(!take(0));
        assert!(take(1) && take(3) && take(2));
        assert!(!take(1) && !take(2) && !take(3));
        assert!(take(200));
        assert!(take(73), "127 behind");
        assert!(!take(72), "128 behind");
        assert!(take(u32::MAX) && !take(200));
    }

    #[test]
    fn a_replay_on_another_connection_is_refused_too() {
        let accepted = AcceptedNonces::default();
        accepted.take("e", nonce(1), 1, &ConnectionMemory::default(), 0).unwrap();
        let other = ConnectionMemory::default();
        assert_eq!(accepted.take("e", nonce(1), 1, &other, 1), Err(NonceRefusal::Replayed));
        assert_eq!(accepted.take("e", nonce(1), 2, &other, 1), Ok(()));
    }

    #[test]
    fn a_nonce_lives_as_long_as_the_connection_that_used_it_and_no_longer_elsewhere() {
        let accepted = AcceptedNonces::default();
        let connection = ConnectionMemory::default();
        accepted.take("e", nonce(1), 1, &connection, FIRST_USE_WITHIN).unwrap();
        let much_later = 1_000 * FIRST_USE_WITHIN;
        // Others come and go meanwhile.
        let other = Nonce { issued: much_later, number: 9 };
        accepted.take("e", other, 1, &ConnectionMemory::default(), much_later).unwrap();
        assert_eq!(accepted.take("e", nonce(1), 2, &connection, much_later), Ok(()));
        assert_eq!(accepted.take("e", nonce(1), 2, &connection, much_later), Err(NonceRefusal::Replayed));
        let stranger = ConnectionMemory::default();
        assert_eq!(accepted.take("e", nonce(1), 3, &stranger, much_later), Err(NonceRefusal::Expired));
        assert_eq!(accepted.take("e", nonce(1), 3, &stranger, 0), Err(NonceRefusal::Expired), "the clock went back");
    }

    #[test]
    fn memory_is_bounded_and_what_was_forgotten_is_not_accepted_again() {
        let accepted = AcceptedNonces::default();
        for number in 1..=5_000 {
            accepted.take("e", nonce(number), 1, &ConnectionMemory::default(), 0).unwrap();
        }
        let state = accepted.state.lock().unwrap();
        assert_eq!(state.endpoints["e"].by_number.len(), NONCES_PER_ENDPOINT);
        drop(state);
        let refused = accepted.take("e", nonce(1), 1, &ConnectionMemory::default(), 0);
        assert_eq!(refused, Err(NonceRefusal::Expired));
        let connection = ConnectionMemory::default();
        for number in 10_000..10_050 {
            accepted.take("f", nonce(number), 1, &connection, 0).unwrap();
        }
        assert_eq!(connection.nonces.lock().unwrap().len(), NONCES_PER_CONNECTION);
        accepted
            .take("g", Nonce { issued: 10 * FIRST_USE_WITHIN, number: 99_999 }, 1, &connection, 10 * FIRST_USE_WITHIN)
            .unwrap();
        assert_eq!(accepted.state.lock().unwrap().endpoints.len(), 1, "endpoints without live nonces are forgotten");
    }
}
