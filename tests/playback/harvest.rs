//! Harvest jobs: what lies in the bucket, held against what the endpoint plays.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use openmediapackage::channels::Channels;
use openmediapackage::jobs::harvest::Harvester;
use openmediapackage::media_store::BoxFuture;
use openmediapackage::media_store::bucket::{Buckets, Delivery, DeliveryError};
use openmediapackage::presentation::InputIndex;
use openmediapackage::resources::{
    Destination, Endpoint, EndpointGuid, HarvestFuture, HarvestJob, HarvestJobs, HarvestOutcome, HlsSettings, Owner,
    Packaging, SegmentTemplateFormat,
};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, dash, endpoint, hls};

/// A queue with one job.
struct Queue {
    waiting: Mutex<Vec<HarvestJob>>,
    outcomes: Mutex<Vec<HarvestOutcome>>,
}

impl HarvestJobs for Queue {
    fn in_progress(&self) -> Result<Vec<HarvestJob>, String> {
        Ok(self.waiting.lock().unwrap().clone())
    }

    fn finish<'a>(&'a self, job: &'a HarvestJob, outcome: HarvestOutcome) -> HarvestFuture<'a, Result<(), String>> {
        self.waiting.lock().unwrap().retain(|waiting| waiting.id != job.id);
        self.outcomes.lock().unwrap().push(outcome);
        Box::pin(std::future::ready(Ok(())))
    }

    fn wait(&self) -> HarvestFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// Buckets in memory. The first deliveries fail with what is in `troubles`.
#[derive(Default)]
struct MemoryBuckets {
    files: Mutex<BTreeMap<String, (Bytes, String)>>,
    order: Mutex<Vec<String>>,
    troubles: Mutex<Vec<DeliveryError>>,
}

impl Buckets for MemoryBuckets {
    fn deliver(&self, file: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        let trouble = self.troubles.lock().unwrap().pop();
        let place = format!("{}/{}", file.bucket, file.key);
        if trouble.is_none() {
            self.order.lock().unwrap().push(place.clone());
            self.files.lock().unwrap().insert(place, (file.slices.concat().into(), file.content_type));
        }
        Box::pin(std::future::ready(trouble.map_or(Ok(()), Err)))
    }
}

fn encoder() -> Encoder {
    Encoder {
        ladder: Ladder::muxed(3_600, 50, 48_000),
        input: InputIndex::First,
        first_time: 126_000,
        began: at(0),
        first_sequence: 0,
        generation: 1,
    }
}

fn job(endpoint: &str, start: i64, end: i64, key: &str) -> HarvestJob {
    HarvestJob {
        owner: Owner { account: "123456789012".into(), region: "eu-west-1".into() },
        id: "goal".into(),
        endpoint: EndpointGuid(endpoint.to_owned()),
        endpoint_id: endpoint.to_owned(),
        start: at(start),
        end: at(end),
        as_written: [String::new(), String::new()],
        destination: Destination { bucket: "clips".into(), manifest_key: key.into(), role_arn: String::new() },
        created_at: at(21_000),
    }
}

/// Twenty seconds of content for an HLS and a DASH endpoint.
async fn house() -> House {
    let two_seconds = Packaging::Hls(HlsSettings { segment_duration_seconds: 2, ..hls() });
    let denied = |endpoint: Endpoint| Endpoint { startover_window_seconds: 60, ..endpoint };
    let house = House::new([
        denied(endpoint("h", two_seconds)),
        denied(endpoint("d", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline)))),
    ]);
    for n in 0..10 {
        house.push(&encoder(), n).await;
    }
    house.set_time(at(21_000)).await;
    house
}

/// Runs the worker until the job has ended.
async fn run(channels: &Arc<Channels>, house: &House, job: HarvestJob, buckets: &Arc<MemoryBuckets>) -> HarvestOutcome {
    let queue = Arc::new(Queue { waiting: Mutex::new(vec![job]), outcomes: Mutex::default() });
    let clock_of = channels.clone();
    let harvester = Arc::new(Harvester {
        jobs: queue.clone(),
        channels: channels.clone(),
        catalogue: house.catalogue.clone(),
        buckets: buckets.clone(),
        clock: Arc::new(move || clock_of.now()),
    });
    let worker = tokio::spawn(harvester.keep_harvesting(Vec::new()));
    let ended = async {
        loop {
            if let Some(outcome) = queue.outcomes.lock().unwrap().pop() {
                break outcome;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap();
    worker.abort();
    outcome
}

#[tokio::test]
async fn an_hls_clip_is_what_the_endpoint_plays_of_the_range() {
    let (house, buckets) = (house().await, Arc::new(MemoryBuckets::default()));
    let outcome = run(&house.channels, &house, job("h", 5_000, 9_000, "goal/live.m3u8"), &buckets).await;
    assert_eq!(outcome, HarvestOutcome::Succeeded);
    let files = buckets.files.lock().unwrap().clone();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "clips/goal/live.m3u8",
            "clips/goal/live_1.m3u8",
            "clips/goal/live_1_3.ts",
            "clips/goal/live_1_4.ts",
            "clips/goal/live_1_5.ts",
            "clips/goal/live_2.m3u8",
            "clips/goal/live_2_3.ts",
            "clips/goal/live_2_4.ts",
            "clips/goal/live_2_5.ts",
        ]
    );
    for (name, (bytes, content_type)) in &files {
        let name = name.strip_prefix("clips/goal/").unwrap();
        if name.ends_with(".ts") {
            assert_eq!(*bytes, house.file("h", name).await, "{name}");
            assert_eq!(content_type, "video/MP2T");
        } else {
            let range = "start/1800000005/end/1800000009";
            let played = house.text("h", &format!("{range}/{name}")).await;
            let played = played.replace("../../../../", "").replace("?m=1790000000", "");
            assert_eq!(String::from_utf8_lossy(bytes), played, "{name}");
            assert_eq!(content_type, "application/x-mpegURL");
        }
    }
    assert_eq!(buckets.order.lock().unwrap().last().unwrap(), "clips/goal/live.m3u8", "the top manifest comes last");
}

#[tokio::test]
async fn a_dash_clip_has_a_static_mpd_and_every_file_that_it_names() {
    let (house, buckets) = (house().await, Arc::new(MemoryBuckets::default()));
    let outcome = run(&house.channels, &house, job("d", 4_000, 8_000, "goal.mpd"), &buckets).await;
    assert_eq!(outcome, HarvestOutcome::Succeeded);
    let files = buckets.files.lock().unwrap().clone();
    let mpd = String::from_utf8(files["clips/goal.mpd"].0.to_vec()).unwrap();
    assert!(mpd.contains("type=\"static\"") && !mpd.contains("?m="), "{mpd}");
    let played = house.text("d", "live.mpd?start=1800000004&end=1800000008").await;
    assert_eq!(mpd, played.replace("live_", "goal_").replace("?m=1790000000", ""));
    // Two videos and one audio, each with an initialization and two media segments, and the MPD.
    assert_eq!(files.len(), 3 * 3 + 1, "{:?}", files.keys());
    for (name, (bytes, _)) in files.iter().filter(|(name, _)| name.ends_with(".mp4")) {
        let at_endpoint = name.strip_prefix("clips/").unwrap().replace("goal_", "live_");
        assert_eq!(*bytes, house.file("d", &at_endpoint).await, "{name}");
    }
}

#[tokio::test]
async fn what_can_never_work_fails_with_its_reason() {
    let (house, buckets) = (house().await, Arc::new(MemoryBuckets::default()));
    for (job, says) in [
        (job("none", 4_000, 8_000, "x.m3u8"), "deleted"),
        (job("h", -50_000, 8_000, "x.m3u8"), "before the start-over window"),
        (job("h", -10_000, 8_000, "x.m3u8"), "before the first content"),
        (job("h", -10_000, -5_000, "x.m3u8"), "no content"),
    ] {
        let HarvestOutcome::Failed(reason) = run(&house.channels, &house, job, &buckets).await else { panic!() };
        assert!(reason.contains(says), "{reason}");
    }
    buckets.troubles.lock().unwrap().push(DeliveryError::Refused("no such bucket".into()));
    let outcome = run(&house.channels, &house, job("h", 4_000, 8_000, "x.m3u8"), &buckets).await;
    assert_eq!(outcome, HarvestOutcome::Failed("no such bucket".into()));
    assert!(!buckets.files.lock().unwrap().contains_key("clips/x.m3u8"), "half a clip has no top manifest");
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again() {
    let (house, buckets) = (house().await, Arc::new(MemoryBuckets::default()));
    buckets.troubles.lock().unwrap().push(DeliveryError::Unavailable("503".into()));
    let outcome = run(&house.channels, &house, job("h", 4_000, 8_000, "x.m3u8"), &buckets).await;
    assert_eq!(outcome, HarvestOutcome::Succeeded);
    assert!(buckets.files.lock().unwrap().contains_key("clips/x.m3u8"));
}

#[tokio::test]
async fn content_of_a_job_outlives_its_window_until_the_job_has_ended() {
    let house = house().await;
    let hold = house.channels.hold(&openmediapackage::resources::ChannelGuid("c".into()), at(4_000));
    house.text("h", "live_1.m3u8").await;
    house.set_time(at(3_600_000)).await;
    house.channels.apply_retention(house.channels.now()).await;
    house.file("h", "live_1_3.ts").await;
    assert_ne!(house.get("/out/v1/h/live_1_1.ts").await.status, 200, "older content is gone");
    drop(hold);
    house.channels.apply_retention(house.channels.now()).await;
    assert_ne!(house.get("/out/v1/h/live_1_3.ts").await.status, 200);
}
