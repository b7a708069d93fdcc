//! The quota of ingest requests per second and channel.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Channels after which full buckets are thrown away.
const SWEEP_AT: usize = 1_024;

/// A bucket per channel that fills at the quota's rate and holds one second's worth.
#[derive(Debug)]
pub(super) struct RequestRate {
    per_second: u32,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Thousandths of a request that may still come.
    left: u64,
    /// Milliseconds since 1970.
    filled: i64,
}

impl RequestRate {
    pub(super) fn new(per_second: u32) -> Self {
        RequestRate { per_second, buckets: Mutex::default() }
    }

    /// Counts a request; an error is the quota.
    pub(super) fn take(&self, channel: &str, now: i64) -> Result<(), u32> {
        let full = u64::from(self.per_second) * 1_000;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SWEEP_AT {
            buckets.retain(|_, bucket| now.saturating_sub(bucket.filled).abs() < 1_000);
        }
        let mut bucket = buckets.get(channel).copied().unwrap_or(Bucket { left: full, filled: now });
        let elapsed = u64::try_from(now.saturating_sub(bucket.filled)).unwrap_or(0);
        bucket.left = full.min(bucket.left.saturating_add(elapsed.saturating_mul(u64::from(self.per_second))));
        bucket.filled = now;
        let taken = bucket.left.checked_sub(1_000);
        bucket.left = taken.unwrap_or(bucket.left);
        buckets.insert(channel.to_owned(), bucket);
        taken.map(|_| ()).ok_or(self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_gets_its_quota_and_no_more_and_another_its_own() {
        let rate = RequestRate::new(50);
        assert_eq!((0..60).filter(|_| rate.take("a", 0).is_ok()).count(), 50);
        assert_eq!(rate.take("a", 10), Err(50));
        assert!(rate.take("b", 10).is_ok());
        assert_eq!((0..1_000).filter(|at| rate.take("a", 20 + at).is_ok()).count(), 50);
    }
}
