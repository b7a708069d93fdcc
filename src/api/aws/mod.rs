//! What all AWS APIs share: errors, ARNs, JSON bodies, pages, tags, quotas and the caller.

mod arn;
mod caller;
mod clock;
mod error;
mod json;
mod objects_only;
mod pagination;
mod query;
mod quota;
mod random;
pub mod sigv4;
mod tags;

pub use arn::{Arn, ArnError};
pub use caller::Caller;
pub use clock::{Clock, SystemClock};
pub use error::{ApiError, ErrorCode};
pub use json::AwsJson;
pub use pagination::{Page, PageRequest, Position};
pub use query::QueryParameters;
pub use quota::Limits;
pub use random::{OperatingSystemRandomness, Randomness, RandomnessError, hex_identifier};
pub use tags::{Tags, validate_tag_keys, validate_tags};
