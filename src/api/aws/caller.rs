//! Who calls, as the signature says.

use crate::resources::Owner;

/// The caller of one request. Account and region choose the world that the request sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The 12-digit account that the access key belongs to.
    pub account: String,
    /// The region of the signature's scope.
    pub region: String,
    /// The service of the signature's scope, such as `mediapackage`.
    pub service: String,
    /// The access key id.
    pub access_key: String,
}

impl Caller {
    /// Whose resources it sees and makes.
    pub fn owner(&self) -> Owner {
        Owner { account: self.account.clone(), region: self.region.clone() }
    }
}
