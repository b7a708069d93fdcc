//! Harvest jobs: a clip of an endpoint's content, copied to a bucket.
//!
//! A job renders the clip's manifests, delivers every file that they name, and the manifests last, the top one at the
//! very end: what is at the manifest's key plays. What fails for a while is tried again with growing pauses; what can
//! never work ends the job, with the reason in its event. Jobs that the process left behind are begun again: their
//! files are the same, so nothing is doubled.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::task::{Id, JoinSet};

use crate::channels::{Channels, Clock, Hold};
use crate::manifest::{hls, mpd};
use crate::media_store::bucket::{Buckets, Delivery, DeliveryError};
use crate::origin::clip::{Clip, ClipError, ClipFile, ClipRequest, Clips};
use crate::resources::{CatalogueHandle, HarvestJob, HarvestJobs, HarvestOutcome, Owner};
use crate::telemetry::event::{self, Event, EventSource};

/// Jobs that are at work at the same time; others wait.
const JOBS_AT_ONCE: usize = 4;

/// Files of one job that are on their way at the same time: with the jobs they bound the memory.
const FILES_AT_ONCE: usize = 4;

/// How long a job is tried again while something fails.
const LONGEST_TRYING: SignedDuration = SignedDuration::from_mins(15);

/// The first pause before trying again; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Jobs are looked for at least so often, whether one was told of or not.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// What the worker is made of.
pub struct Harvester {
    /// The jobs.
    pub jobs: Arc<dyn HarvestJobs>,
    /// The channels: their clock, their events, and holds on their content.
    pub channels: Arc<Channels>,
    /// The endpoints.
    pub catalogue: CatalogueHandle,
    /// Where files go.
    pub buckets: Arc<dyn Buckets>,
    /// The time.
    pub clock: Clock,
}

/// Names a job among those of all owners.
type JobName = (Owner, String);

/// Why an attempt at a job came to nothing.
#[derive(Debug)]
enum Setback {
    /// It will never work.
    Final(String),
    /// It may work later.
    Passing(String),
}

impl From<ClipError> for Setback {
    fn from(error: ClipError) -> Self {
        match error {
            ClipError::Failed(reason) => Setback::Passing(reason),
            error => Setback::Final(error.to_string()),
        }
    }
}

impl From<DeliveryError> for Setback {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::Refused(reason) => Setback::Final(reason),
            DeliveryError::Unavailable(reason) => Setback::Passing(reason),
        }
    }
}

impl Harvester {
    /// Does jobs for ever: a task of its own. It takes over holds that were taken for it.
    pub async fn keep_harvesting(self: Arc<Self>, taken: Vec<Hold>) {
        let mut taken = taken;
        let clips = Arc::new(Clips::new(self.channels.clone(), self.catalogue.clone()));
        let mut running: JoinSet<()> = JoinSet::new();
        let mut names: HashMap<Id, JobName> = HashMap::new();
        // Waiting jobs hold their content as well as those at work.
        let mut holds: HashMap<JobName, Option<Hold>> = HashMap::new();
        loop {
            match self.jobs.in_progress() {
                Ok(jobs) => {
                    holds.retain(|name, _| jobs.iter().any(|job| name_of(job) == *name));
                    for job in jobs {
                        let name = name_of(&job);
                        holds.entry(name.clone()).or_insert_with(|| self.hold(&job));
                        if running.len() < JOBS_AT_ONCE && !names.values().any(|known| *known == name) {
                            let (harvester, clips) = (self.clone(), clips.clone());
                            let task = running.spawn(async move { harvester.do_job(&clips, job).await });
                            names.insert(task.id(), name);
                        }
                    }
                }
                Err(error) => tracing::error!(%error, "harvest jobs could not be read"),
            }
            taken.clear();
            tokio::select! {
                () = self.jobs.wait() => {}
                Some(ended) = running.join_next_with_id() => {
                    let id = match ended {
                        Ok((id, ())) => id,
                        Err(error) => {
                            tracing::error!(%error, "a harvest job broke off");
                            error.id()
                        }
                    };
                    names.remove(&id);
                }
                () = tokio::time::sleep(LONGEST_SLEEP) => {}
            }
        }
    }

    /// Keeps the job's content while it waits and works.
    fn hold(&self, job: &HarvestJob) -> Option<Hold> {
        let catalogue = self.catalogue.load();
        catalogue.endpoint(&job.endpoint).map(|endpoint| self.channels.hold(&endpoint.channel, job.start))
    }

    /// Keeps the content of all jobs that are to be done, until the holds are dropped: for the time until the worker
    /// runs.
    pub fn hold_all(&self) -> Vec<Hold> {
        let jobs = self.jobs.in_progress().unwrap_or_default();
        jobs.iter().filter_map(|job| self.hold(job)).collect()
    }

    /// Does one job to its end.
    async fn do_job(&self, clips: &Clips, job: HarvestJob) {
        let began = (self.clock)();
        let mut pause = FIRST_PAUSE;
        let outcome = loop {
            match self.attempt(clips, &job).await {
                Ok(()) => break HarvestOutcome::Succeeded,
                Err(Setback::Final(reason)) => break HarvestOutcome::Failed(reason),
                Err(Setback::Passing(reason)) => {
                    if (self.clock)().duration_since(began) >= LONGEST_TRYING {
                        break HarvestOutcome::Failed(reason);
                    }
                    tracing::warn!(job = job.id, reason, ?pause, "a harvest job is tried again after a pause");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        };
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self.jobs.finish(&job, outcome.clone()).await {
            tracing::error!(job = job.id, error, "the end of a harvest job could not be written down");
            if matches!(self.jobs.in_progress(), Ok(jobs) if !jobs.iter().any(|left| name_of(left) == name_of(&job))) {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let source = EventSource { owner: &job.owner, at: (self.clock)() };
        let (status, message) = match outcome {
            HarvestOutcome::Succeeded => ("SUCCEEDED", None),
            HarvestOutcome::Failed(reason) => ("FAILED", Some(reason)),
        };
        self.channels.events().emit(Event::harvest_job(source, told(&job, status), message));
    }

    async fn attempt(&self, clips: &Clips, job: &HarvestJob) -> Result<(), Setback> {
        let (folder, base) = job
            .destination
            .manifest_key
            .rsplit_once('/')
            .map_or(("", &*job.destination.manifest_key), |(folder, base)| (folder, base));
        let name = name_from(base);
        let request = ClipRequest {
            endpoint: &job.endpoint,
            start: job.start,
            end: job.end,
            asked_at: job.created_at.max(job.end),
            name: &name,
        };
        let clip = loop {
            let clip = clips.open(request).await?;
            if clip.is_complete() {
                break clip;
            }
            // The last segments of the clip are still on their way.
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let deliver = |key: String, file: ClipFile| {
            self.buckets.deliver(Delivery {
                bucket: job.destination.bucket.clone(),
                region: job.owner.region.clone(),
                key,
                slices: file.slices,
                content_type: file.content_type,
            })
        };
        let top = clip.top_manifest()?;
        let (playlists, segments) = self.contents(clips, &clip, &top).await?;
        let progress = Progress { job, all: segments.len() + playlists.len() + 1 };
        let mut done = 0;
        let mut uploads = stream::iter(segments)
            .map(|name| {
                let key = format!("{prefix}{name}");
                let clip = &clip;
                let deliver = &deliver;
                async move {
                    match clips.file(clip, &name).await {
                        Ok(file) => Ok(deliver(key, file).await?),
                        // Manifests list it as missing.
                        Err(ClipError::Gap) => Ok(()),
                        Err(error) => Err(Setback::from(error)),
                    }
                }
            })
            .buffer_unordered(FILES_AT_ONCE);
        while let Some(()) = uploads.try_next().await? {
            done += 1;
            progress.tell(done);
        }
        for (name, file) in playlists {
            deliver(format!("{prefix}{name}"), file).await?;
        }
        deliver(job.destination.manifest_key.clone(), top).await?;
        progress.tell(progress.all);
        Ok(())
    }

    /// The clip's other manifests, and the names of all its segments.
    async fn contents(
        &self,
        clips: &Clips,
        clip: &Clip,
        top: &ClipFile,
    ) -> Result<(Vec<(String, ClipFile)>, Vec<String>), Setback> {
        if clip.is_dash() {
            let names = mpd::named_files(&text(top)).map_err(|error| Setback::Final(error.to_string()))?;
            return Ok((Vec::new(), names));
        }
        let (mut playlists, mut segments, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for name in hls::named_files(&text(top)) {
            let playlist = clips.file(clip, &name).await?;
            segments.extend(hls::named_files(&text(&playlist)).into_iter().filter(|name| seen.insert(name.clone())));
            playlists.push((name, playlist));
        }
        Ok((playlists, segments))
    }
}

/// Tells of a job's progress, each time that a tenth of it is done.
struct Progress<'a> {
    job: &'a HarvestJob,
    all: usize,
}

impl Progress<'_> {
    fn tell(&self, done: usize) {
        let tenth = |done: usize| done * 10 / self.all.max(1);
        if tenth(done) > tenth(done.saturating_sub(1)) {
            tracing::info!(job = self.job.id, done, all = self.all, "harvest job: files delivered");
        }
    }
}

fn text(file: &ClipFile) -> String {
    file.slices.iter().map(|slice| String::from_utf8_lossy(slice)).collect()
}

fn name_of(job: &HarvestJob) -> JobName {
    (job.owner.clone(), job.id.clone())
}

/// What the names of a clip's files begin with: the manifest's name without its extension. Characters that names of
/// files do not have at the origin become underscores: manifests carry the names unescaped.
fn name_from(manifest: &str) -> String {
    let stem = manifest.rsplit_once('.').map_or(manifest, |(stem, _)| stem);
    let stem = if stem.is_empty() { "index" } else { stem };
    let fits = |letter: &char| letter.is_ascii_alphanumeric() || "_-".contains(*letter);
    stem.chars().map(|letter| if fits(&letter) { letter } else { '_' }).collect()
}

fn told(job: &HarvestJob, status: &str) -> event::HarvestJob {
    let [start_time, end_time] = job.as_written.clone();
    event::HarvestJob {
        id: job.id.clone(),
        arn: job.owner.arn("mediapackage-vod", format_args!("harvest_jobs/{}", job.id)),
        status: status.to_owned(),
        origin_endpoint_id: job.endpoint_id.clone(),
        start_time,
        end_time,
        s3_destination: event::S3Destination {
            bucket_name: job.destination.bucket.clone(),
            manifest_key: job.destination.manifest_key.clone(),
            role_arn: job.destination.role_arn.clone(),
        },
        created_at: Timestamp::from_second(job.created_at.as_second()).unwrap_or(job.created_at).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_come_from_the_manifest_s_name() {
        for (manifest, name) in [
            ("index.m3u8", "index"),
            ("goal 1.m3u8", "goal_1"),
            ("a.b.mpd", "a_b"),
            ("$x&<", "_x__"),
            (".m3u8", "index"),
        ] {
            assert_eq!(name_from(manifest), name);
        }
    }
}
