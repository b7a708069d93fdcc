//! Quotas of the services.

/// Which quotas hold.
///
/// The rates at which AWS throttles API calls (5 a second) are not imposed in either case: they protect a
/// shared service, and would only slow tests down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// The account quotas that AWS starts with.
    #[default]
    Aws,
    /// No quota that AWS would raise on request; bounds that protect the engine stay.
    Relaxed,
}

impl Limits {
    /// Most channels per account and region.
    pub fn channels(self) -> Option<usize> {
        match self {
            Limits::Aws => Some(30),
            Limits::Relaxed => None,
        }
    }

    /// Most origin endpoints per channel.
    pub fn endpoints_per_channel(self) -> Option<usize> {
        match self {
            Limits::Aws => Some(10),
            Limits::Relaxed => None,
        }
    }

    /// Most harvest jobs in progress per account and region.
    pub fn concurrent_harvest_jobs(self) -> Option<usize> {
        match self {
            Limits::Aws => Some(10),
            Limits::Relaxed => None,
        }
    }

    /// Longest live manifest, in seconds. The hard bound of 24 hours is that of time-shifted manifests.
    pub fn live_manifest_seconds(self) -> i32 {
        match self {
            Limits::Aws => 300,
            Limits::Relaxed => 86_400,
        }
    }
}
