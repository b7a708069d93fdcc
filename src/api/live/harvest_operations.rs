//! Operations on harvest jobs. There is none that changes or deletes one: its record runs out.

use axum::Extension;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::{self, HarvestJobDocument};
use super::endpoint_operations::read_endpoint;
use super::harvest_job::{CreateHarvestJobRequest, HarvestJob, HarvestJobList, Status};
use super::harvest_rules::check_endpoint;
use super::keys::Keys;
use super::modelled_errors::ModelledErrors;
use super::path::PathParameters;
use super::rules::is_identifier;
use super::service::{LiveApi, Plan, Publication};
use crate::api::aws::{ApiError, AwsJson, Caller, PageRequest, QueryParameters};
use crate::state::{Precondition, Write};

/// How long the record of a job is kept.
const RECORD_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The routes of harvest jobs.
pub fn routes() -> OpenApiRouter<LiveApi> {
    OpenApiRouter::new().routes(routes!(create_harvest_job, list_harvest_jobs)).routes(routes!(describe_harvest_job))
}

/// Copies a part of an endpoint's stream to a bucket, in the background.
#[utoipa::path(post, path = "/harvest_jobs", operation_id = "CreateHarvestJob", tag = "mediapackage",
    request_body = CreateHarvestJobRequest, responses((status = 200, description = "Done.", body = HarvestJob), ModelledErrors))]
async fn create_harvest_job(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    AwsJson(request): AwsJson<CreateHarvestJobRequest>,
) -> Result<AwsJson<HarvestJob>, ApiError> {
    let now = api.settings().clock.now();
    request.validate(now)?;
    let keys = Keys::of(&caller);
    let key = keys.harvest_job(&request.id);
    api.clone()
        .change(&key.clone(), move |api| {
            let unknown =
                |_| ApiError::invalid("originEndpointId", "an existing endpoint", &request.origin_endpoint_id);
            let (endpoint, endpoint_bytes) = read_endpoint(api, &keys, &request.origin_endpoint_id).map_err(unknown)?;
            check_endpoint(&endpoint)?;
            let job = HarvestJobDocument {
                id: request.id.clone(),
                created_at: now,
                origin_endpoint_id: endpoint.id,
                endpoint_guid: endpoint.guid,
                channel_id: endpoint.channel_id,
                start_time: request.start_time.clone(),
                end_time: request.end_time.clone(),
                s3_destination: request.s3_destination.clone(),
                status: Status::InProgress,
                reason: None,
            };
            let duplicate = format!("harvest job {:?} exists already in this account and region", job.id);
            let id_is_free = match api.read::<HarvestJobDocument>(&key)? {
                // The id of a record that ran out may be used again.
                Some((old, bytes)) if has_run_out(&old, now) => (Precondition::Unchanged(key.clone(), bytes), None),
                _ => (Precondition::Absent(key.clone()), Some(ApiError::unprocessable(duplicate))),
            };
            let endpoint_key = keys.endpoint(&request.origin_endpoint_id);
            let mut guards = vec![id_is_free, (Precondition::Unchanged(endpoint_key, endpoint_bytes), None)];
            if let Some(most) = api.settings().limits.concurrent_harvest_jobs() {
                let error = ApiError::quota(format!("at most {most} harvest jobs at the same time"));
                guards.push((Precondition::FewerThan(keys.harvests_in_progress(), most), Some(error)));
            }
            Ok(Plan {
                guards,
                writes: vec![
                    Write::Put(key.clone(), document::encode(&job)?),
                    Write::Put(keys.harvest_in_progress(&job.id), b"{\"schema\":1}".to_vec()),
                ],
                publication: Publication::NewHarvestJob,
                answer: HarvestJob::from_document(&job, &caller),
            })
        })
        .await
        .map(AwsJson)
}

/// Lists jobs, oldest first.
#[utoipa::path(get, path = "/harvest_jobs", operation_id = "ListHarvestJobs", tag = "mediapackage",
    params(
        ("includeChannelId" = Option<String>, Query, description = "Only jobs of this channel"),
        ("includeStatus" = Option<String>, Query, description = "Only jobs in this state"),
        ("maxResults" = Option<i32>, Query, minimum = 1, maximum = 1000, description = "Most jobs of the page"),
        ("nextToken" = Option<String>, Query, description = "Where the page starts"),
    ),
    responses((status = 200, description = "Done.", body = HarvestJobList), ModelledErrors))]
async fn list_harvest_jobs(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    query: QueryParameters,
) -> Result<AwsJson<HarvestJobList>, ApiError> {
    let request = PageRequest::from_query("harvestJobs", &query)?;
    let channel = query.first("includeChannelId");
    let status = query.first("includeStatus").map(status_filter).transpose()?;
    let now = api.settings().clock.now();
    let jobs = api.read_all::<HarvestJobDocument>(&Keys::of(&caller).harvest_jobs())?;
    let wanted = jobs.into_iter().filter(|job| {
        !has_run_out(job, now)
            && channel.is_none_or(|channel| job.channel_id == channel)
            && status.is_none_or(|status| job.status == status)
    });
    let page = request.cut(wanted.map(|job| (job.position(), job)));
    let harvest_jobs = page.items.iter().map(|job| HarvestJob::from_document(job, &caller)).collect();
    Ok(AwsJson(HarvestJobList { harvest_jobs, next_token: page.next_token }))
}

/// Describes a job.
#[utoipa::path(get, path = "/harvest_jobs/{id}", operation_id = "DescribeHarvestJob", tag = "mediapackage",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "Done.", body = HarvestJob), ModelledErrors))]
async fn describe_harvest_job(
    State(api): State<LiveApi>,
    Extension(caller): Extension<Caller>,
    PathParameters(id): PathParameters<String>,
) -> Result<AwsJson<HarvestJob>, ApiError> {
    let keys = Keys::of(&caller);
    let found = if is_identifier(&id) { api.read::<HarvestJobDocument>(&keys.harvest_job(&id))? } else { None };
    let now = api.settings().clock.now();
    let found = found.filter(|(job, _)| !has_run_out(job, now));
    let (job, _) = found.ok_or_else(|| ApiError::not_found("harvest job", &id))?;
    Ok(AwsJson(HarvestJob::from_document(&job, &caller)))
}

/// The record of an ended job is older than it is kept.
fn has_run_out(job: &HarvestJobDocument, now: Timestamp) -> bool {
    job.status != Status::InProgress && now.duration_since(job.created_at) > RECORD_KEPT
}

fn status_filter(text: &str) -> Result<Status, ApiError> {
    match text {
        "IN_PROGRESS" => Ok(Status::InProgress),
        "SUCCEEDED" => Ok(Status::Succeeded),
        "FAILED" => Ok(Status::Failed),
        other => Err(ApiError::invalid("includeStatus", "one of IN_PROGRESS, SUCCEEDED and FAILED", other)),
    }
}
