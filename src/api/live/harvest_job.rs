//! Harvest jobs: described in full, refused until the engine can harvest.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::modelled_errors::ModelledErrors;
use super::service::LiveApi;
use crate::api::aws::{ApiError, ErrorCode};

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

/// The routes of harvest jobs.
pub fn routes() -> OpenApiRouter<LiveApi> {
    OpenApiRouter::new().routes(routes!(create_harvest_job, list_harvest_jobs)).routes(routes!(describe_harvest_job))
}

fn not_built_yet(operation: &str) -> ApiError {
    ApiError::new(ErrorCode::NotImplemented, format!("{operation} is not built yet: this version cannot harvest"))
}

/// Copies a part of an endpoint's stream to a bucket.
#[utoipa::path(post, path = "/harvest_jobs", operation_id = "CreateHarvestJob", tag = "mediapackage",
    request_body = CreateHarvestJobRequest, responses((status = 200, description = "Done.", body = HarvestJob), ModelledErrors))]
async fn create_harvest_job() -> ApiError {
    not_built_yet("CreateHarvestJob")
}

/// Lists jobs.
#[utoipa::path(get, path = "/harvest_jobs", operation_id = "ListHarvestJobs", tag = "mediapackage",
    params(
        ("includeChannelId" = Option<String>, Query, description = "Only jobs of this channel"),
        ("includeStatus" = Option<String>, Query, description = "Only jobs in this state"),
        ("maxResults" = Option<i32>, Query, minimum = 1, maximum = 1000, description = "Most jobs of the page"),
        ("nextToken" = Option<String>, Query, description = "Where the page starts"),
    ),
    responses((status = 200, description = "Done.", body = HarvestJobList), ModelledErrors))]
async fn list_harvest_jobs() -> ApiError {
    not_built_yet("ListHarvestJobs")
}

/// Describes a job.
#[utoipa::path(get, path = "/harvest_jobs/{id}", operation_id = "DescribeHarvestJob", tag = "mediapackage",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "Done.", body = HarvestJob), ModelledErrors))]
async fn describe_harvest_job() -> ApiError {
    not_built_yet("DescribeHarvestJob")
}
