//! Where documents live in the state store.

use crate::api::aws::Caller;
use crate::resources::Owner;
use crate::state::Key;

/// All documents of this API start with this.
pub const EVERYTHING: &str = "live/";

/// The keys of one account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    world: String,
}

impl Keys {
    /// The keys of this caller's account and region.
    pub fn of(caller: &Caller) -> Self {
        Self::of_owner(&caller.owner())
    }

    /// The keys of this owner.
    pub fn of_owner(owner: &Owner) -> Self {
        Keys { world: format!("{EVERYTHING}{}/{}/", owner.account, owner.region) }
    }

    /// All harvest jobs start with this.
    pub fn harvest_jobs(&self) -> Key {
        format!("{}harvest_jobs/", self.world)
    }

    /// One harvest job.
    pub fn harvest_job(&self, id: &str) -> Key {
        format!("{}harvest_jobs/{id}", self.world)
    }

    /// The marks of the harvest jobs in progress start with this.
    pub fn harvests_in_progress(&self) -> Key {
        format!("{}harvest_jobs_in_progress/", self.world)
    }

    /// The mark of a harvest job in progress: empty, it counts by being there.
    pub fn harvest_in_progress(&self, id: &str) -> Key {
        format!("{}harvest_jobs_in_progress/{id}", self.world)
    }

    /// All channels start with this.
    pub fn channels(&self) -> Key {
        format!("{}channels/", self.world)
    }

    /// One channel.
    pub fn channel(&self, id: &str) -> Key {
        format!("{}channels/{id}", self.world)
    }

    /// All endpoints start with this.
    pub fn endpoints(&self) -> Key {
        format!("{}origin_endpoints/", self.world)
    }

    /// One endpoint.
    pub fn endpoint(&self, id: &str) -> Key {
        format!("{}origin_endpoints/{id}", self.world)
    }

    /// The references of one channel's endpoints start with this.
    pub fn references(&self, channel_id: &str) -> Key {
        format!("{}channel_endpoints/{channel_id}/", self.world)
    }

    /// The reference from a channel to one of its endpoints: empty, it counts by being there.
    pub fn reference(&self, channel_id: &str, endpoint_id: &str) -> Key {
        format!("{}channel_endpoints/{channel_id}/{endpoint_id}", self.world)
    }
}

/// Whose the document of this key is.
pub fn owner(key: &str) -> Owner {
    let mut parts = key.split('/').skip(1).map(str::to_owned);
    Owner { account: parts.next().unwrap_or_default(), region: parts.next().unwrap_or_default() }
}

/// What kind of document a key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A channel.
    Channel,
    /// An origin endpoint.
    Endpoint,
    /// A harvest job.
    HarvestJob,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind of document that this key leads to.
    pub fn of(key: &str) -> Self {
        match key.split('/').nth(3) {
            Some("channels") => Kind::Channel,
            Some("origin_endpoints") => Kind::Endpoint,
            Some("harvest_jobs") => Kind::HarvestJob,
            _ => Kind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_their_kind() {
        let caller = Caller {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            service: "mediapackage".into(),
            access_key: "test".into(),
        };
        let keys = Keys::of(&caller);
        assert_eq!(keys.channel("arena"), "live/123456789012/eu-west-1/channels/arena");
        assert_eq!(owner(&keys.channel("arena")), caller.owner());
        assert_eq!(Kind::of(&keys.channel("arena")), Kind::Channel);
        assert_eq!(Kind::of(&keys.endpoint("arena")), Kind::Endpoint);
        assert_eq!(Kind::of(&keys.reference("arena", "hls")), Kind::Other);
        assert!(keys.reference("arena", "hls").starts_with(&keys.references("arena")));
        assert!(!keys.reference("arena2", "hls").starts_with(&keys.references("arena")));
    }
}
