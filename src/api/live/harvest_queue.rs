//! Harvest jobs as the engine gets them from here.

use super::document::{self, HarvestJobDocument};
use super::harvest_job::Status;
use super::harvest_rules::time;
use super::keys::{self, EVERYTHING, Keys, Kind};
use super::service::{LiveApi, Plan, Publication};
use crate::api::aws::ApiError;
use crate::resources::{Destination, EndpointGuid, HarvestFuture, HarvestJob, HarvestJobs, HarvestOutcome, Owner};
use crate::state::{Precondition, Write};

impl HarvestJobDocument {
    fn neutral(&self, owner: Owner) -> Result<HarvestJob, ApiError> {
        Ok(HarvestJob {
            owner,
            id: self.id.clone(),
            endpoint: EndpointGuid(self.endpoint_guid.clone()),
            endpoint_id: self.origin_endpoint_id.clone(),
            start: time("startTime", &self.start_time)?,
            end: time("endTime", &self.end_time)?,
            as_written: [self.start_time.clone(), self.end_time.clone()],
            destination: Destination {
                bucket: self.s3_destination.bucket_name.clone(),
                manifest_key: self.s3_destination.manifest_key.clone(),
                role_arn: self.s3_destination.role_arn.clone(),
            },
            created_at: self.created_at,
        })
    }
}

impl HarvestJobs for LiveApi {
    fn in_progress(&self) -> Result<Vec<HarvestJob>, String> {
        let documents = self.settings().store.scan(EVERYTHING).map_err(|error| error.to_string())?;
        let jobs = documents.iter().filter(|(key, _)| Kind::of(key) == Kind::HarvestJob);
        let mut found = Vec::new();
        for (key, bytes) in jobs {
            let job: HarvestJobDocument = document::decode(key, bytes).map_err(|error| error.to_string())?;
            if job.status == Status::InProgress {
                found.push(job.neutral(keys::owner(key)).map_err(|error| error.to_string())?);
            }
        }
        found.sort_by_key(|job| job.created_at);
        Ok(found)
    }

    fn finish<'a>(&'a self, job: &'a HarvestJob, outcome: HarvestOutcome) -> HarvestFuture<'a, Result<(), String>> {
        let keys = Keys::of_owner(&job.owner);
        let (key, mark, id) = (keys.harvest_job(&job.id), keys.harvest_in_progress(&job.id), job.id.clone());
        let (status, reason) = match outcome {
            HarvestOutcome::Succeeded => (Status::Succeeded, None),
            HarvestOutcome::Failed(reason) => (Status::Failed, Some(reason)),
        };
        Box::pin(async move {
            let plan = {
                let key = key.clone();
                move |api: &LiveApi| {
                    let found = api.read::<HarvestJobDocument>(&key)?;
                    let (job, bytes) = found.ok_or_else(|| ApiError::not_found("harvest job", &id))?;
                    let job = HarvestJobDocument { status, reason: reason.clone(), ..job };
                    Ok(Plan {
                        guards: vec![(Precondition::Unchanged(key.clone(), bytes), None)],
                        writes: vec![Write::Put(key.clone(), document::encode(&job)?), Write::Delete(mark.clone())],
                        publication: Publication::Nothing,
                        answer: (),
                    })
                }
            };
            self.change(&key, plan).await.map_err(|error| error.to_string())
        })
    }

    fn wait(&self) -> HarvestFuture<'_, ()> {
        Box::pin(self.new_harvest_job())
    }
}
