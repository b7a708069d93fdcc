//! A harvest job as the engine sees it, and where the engine finds those that are to be done.

use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;

use super::{EndpointGuid, Owner};

/// A part of an endpoint's content that is to be copied to a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HarvestJob {
    /// Whose it is.
    pub owner: Owner,
    /// Its id, unique for the owner.
    pub id: String,
    /// The endpoint.
    pub endpoint: EndpointGuid,
    /// The endpoint's id.
    pub endpoint_id: String,
    /// Where the part starts.
    pub start: Timestamp,
    /// Where the part ends.
    pub end: Timestamp,
    /// `start` and `end` as the owner wrote them.
    pub as_written: [String; 2],
    /// Where it goes.
    pub destination: Destination,
    /// When the job was created.
    pub created_at: Timestamp,
}

/// Where harvested files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The bucket.
    pub bucket: String,
    /// The key of the top manifest; all other files lie beside it.
    pub manifest_key: String,
    /// ARN of the role that its owner gave; not assumed.
    pub role_arn: String,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HarvestOutcome {
    /// All files are there.
    Succeeded,
    /// It was given up, with the reason.
    Failed(String),
}

/// A boxed future, so that the trait can be used as an object.
pub type HarvestFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The jobs that are to be done. The control plane keeps them; errors say what its store says.
pub trait HarvestJobs: Send + Sync + 'static {
    /// Every job that has not ended, oldest first.
    fn in_progress(&self) -> Result<Vec<HarvestJob>, String>;

    /// Writes down how a job ended; durable once it returns.
    fn finish<'a>(&'a self, job: &'a HarvestJob, outcome: HarvestOutcome) -> HarvestFuture<'a, Result<(), String>>;

    /// Resolves when there may be a new job.
    fn wait(&self) -> HarvestFuture<'_, ()>;
}
