//! Harvest jobs on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::HarvestJobDocument;
use crate::api::aws::Caller;

/// Where harvested files go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct S3Destination {
    /// The bucket.
    pub bucket_name: String,
    /// The key of the manifest.
    pub manifest_key: String,
    /// ARN of the role that writes.
    pub role_arn: String,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// At work.
    InProgress,
    /// Done.
    Succeeded,
    /// Given up.
    Failed,
}

/// A job that copies a part of an endpoint's stream to a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarvestJob {
    /// Its ARN.
    #[schema(required = false)]
    pub arn: String,
    /// The channel.
    #[schema(required = false)]
    pub channel_id: String,
    /// When it was created, ISO 8601.
    #[schema(required = false)]
    pub created_at: String,
    /// Where the part ends.
    #[schema(required = false)]
    pub end_time: String,
    /// Its id.
    #[schema(required = false)]
    pub id: String,
    /// The endpoint.
    #[schema(required = false)]
    pub origin_endpoint_id: String,
    /// Where the files go.
    #[schema(required = false)]
    pub s3_destination: S3Destination,
    /// Where the part starts.
    #[schema(required = false)]
    pub start_time: String,
    /// How far it is.
    #[schema(required = false)]
    pub status: Status,
}

/// What CreateHarvestJob takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateHarvestJobRequest {
    /// Where the part ends: ISO 8601 or epoch seconds.
    pub end_time: String,
    /// The new job's id.
    pub id: String,
    /// The endpoint.
    pub origin_endpoint_id: String,
    /// Where the files go.
    pub s3_destination: S3Destination,
    /// Where the part starts: ISO 8601 or epoch seconds.
    pub start_time: String,
}

/// What ListHarvestJobs answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarvestJobList {
    /// A page of jobs.
    #[schema(required = false)]
    pub harvest_jobs: Vec<HarvestJob>,
    /// Where the next page starts; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

impl HarvestJob {
    /// The job as its owner sees it.
    pub fn from_document(document: &HarvestJobDocument, owner: &Caller) -> Self {
        HarvestJob {
            arn: super::arns::harvest_job(owner, &document.id),
            channel_id: document.channel_id.clone(),
            created_at: super::arns::created_at(document.created_at),
            end_time: document.end_time.clone(),
            id: document.id.clone(),
            origin_endpoint_id: document.origin_endpoint_id.clone(),
            s3_destination: document.s3_destination.clone(),
            start_time: document.start_time.clone(),
            status: document.status,
        }
    }
}
