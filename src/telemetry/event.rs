//! Events in the form in which Amazon EventBridge delivers those of MediaPackage
//! (MediaPackage user guide, "Monitoring with EventBridge events").

use jiff::Timestamp;
use serde::Serialize;

use crate::resources::{ChannelGuid, EndpointGuid, Owner};

/// An event in its envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Always `0`.
    pub version: &'static str,
    /// Unique: a UUID.
    pub id: String,
    /// What kind of event it is, as rules match it.
    pub detail_type: &'static str,
    /// The service; live and VOD share one.
    pub source: &'static str,
    /// The account of the resource.
    pub account: String,
    /// When it happened, whole seconds, UTC.
    pub time: String,
    /// The region of the resource.
    pub region: String,
    /// ARNs of what it is about.
    pub resources: Vec<String>,
    /// What happened.
    pub detail: Detail,
}

/// Whose event it is, and when it happened.
#[derive(Debug, Clone, Copy)]
pub struct EventSource<'a> {
    /// The owner of the resource.
    pub owner: &'a Owner,
    /// When it happened.
    pub at: Timestamp,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Detail {
    /// `MediaPackage Input Notification`.
    Input(InputNotification),
    /// `MediaPackage HarvestJob Notification`.
    HarvestJob(HarvestJobNotification),
}

/// Something about an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputNotification {
    /// `InputSwitchEvent` or `MaxIngestStreamsError`.
    pub event: &'static str,
    /// For people.
    pub message: String,
    /// Which inputs, where one took over from the other.
    #[serde(rename = "EventDetails", skip_serializing_if = "Option::is_none")]
    pub details: Option<InputSwitch>,
}

/// One input took over from the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InputSwitch {
    /// The channel's id.
    pub channel: String,
    /// Id of the ingest endpoint that played before.
    pub previous_ingest_endpoint: String,
    /// Id of the ingest endpoint that plays now.
    pub current_ingest_endpoint: String,
}

/// A harvest job has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HarvestJobNotification {
    /// The job.
    pub harvest_job: HarvestJob,
    /// Why it failed; only here, never in the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A harvest job as its event tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HarvestJob {
    /// Its id.
    pub id: String,
    /// Its ARN, with the service `mediapackage-vod` as AWS prints it here.
    pub arn: String,
    /// `SUCCEEDED` or `FAILED`.
    pub status: String,
    /// The endpoint's id.
    pub origin_endpoint_id: String,
    /// Where the clip starts, as it was asked for.
    pub start_time: String,
    /// Where the clip ends, as it was asked for.
    pub end_time: String,
    /// Where the clip went.
    pub s3_destination: S3Destination,
    /// When the job was created, ISO 8601.
    pub created_at: String,
}

/// Where a clip went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct S3Destination {
    /// The bucket.
    pub bucket_name: String,
    /// The key of the top manifest.
    pub manifest_key: String,
    /// ARN of the role that was to write.
    pub role_arn: String,
}

/// The service in ARNs of live resources.
const LIVE: &str = "mediapackage";

impl Detail {
    /// The `detail-type` of its envelope.
    pub fn detail_type(&self) -> &'static str {
        match self {
            Detail::Input(_) => "MediaPackage Input Notification",
            Detail::HarvestJob(_) => "MediaPackage HarvestJob Notification",
        }
    }
}

impl Event {
    /// An endpoint plays another input than before.
    pub fn input_switched(
        source: EventSource<'_>,
        endpoint: &EndpointGuid,
        switch: InputSwitch,
        message: impl Into<String>,
    ) -> Event {
        let resource = source.owner.arn(LIVE, format_args!("origin_endpoints/{endpoint}"));
        let event = "InputSwitchEvent";
        let detail = InputNotification { event, message: message.into(), details: Some(switch) };
        Event::new(source, resource, Detail::Input(detail))
    }

    /// An encoder's parent playlist has more streams than are taken.
    pub fn too_many_streams(
        source: EventSource<'_>,
        channel: &ChannelGuid,
        playlist: &str,
        streams: &[String],
        most: usize,
    ) -> Event {
        let resource = source.owner.arn(LIVE, format_args!("channels/{channel}"));
        let (count, list) = (streams.len(), streams.join(", "));
        let message =
            format!("Parent Manifest [{playlist}] has [{count}] streams, more than [{most}] allowed: ({list})");
        let detail = InputNotification { event: "MaxIngestStreamsError", message, details: None };
        Event::new(source, resource, Detail::Input(detail))
    }

    /// A harvest job has ended; `message` says why it failed.
    pub fn harvest_job(source: EventSource<'_>, job: HarvestJob, message: Option<String>) -> Event {
        let resource = source.owner.arn(LIVE, format_args!("harvest_jobs/{}", job.id));
        Event::new(source, resource, Detail::HarvestJob(HarvestJobNotification { harvest_job: job, message }))
    }

    fn new(source: EventSource<'_>, resource: String, detail: Detail) -> Event {
        let EventSource { owner, at } = source;
        Event {
            version: "0",
            id: uuid::Uuid::new_v4().to_string(),
            detail_type: detail.detail_type(),
            source: "aws.mediapackage",
            account: owner.account.clone(),
            time: Timestamp::from_second(at.as_second()).unwrap_or(at).to_string(),
            region: owner.region.clone(),
            resources: vec![resource],
            detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(event: impl FnOnce(EventSource<'_>) -> Event) -> Value {
        let owner = Owner { account: "123456789012".into(), region: "eu-west-1".into() };
        let at = "2026-02-03T18:50:01.7Z".parse().unwrap();
        let mut event = serde_json::to_value(event(EventSource { owner: &owner, at })).unwrap();
        assert_eq!(event["id"].as_str().unwrap().len(), 36);
        event["id"] = "1".into();
        event
    }

    #[test]
    fn a_switch_of_inputs_is_told_as_at_aws() {
        let switch = InputSwitch {
            channel: "arena".into(),
            previous_ingest_endpoint: "aa".into(),
            current_ingest_endpoint: "bb".into(),
        };
        let event =
            written(|source| Event::input_switched(source, &EndpointGuid("0f".into()), switch, "the input stalled"));
        let expected = json!({
            "version": "0", "id": "1", "detail-type": "MediaPackage Input Notification", "source": "aws.mediapackage",
            "account": "123456789012", "time": "2026-02-03T18:50:01Z", "region": "eu-west-1",
            "resources": ["arn:aws:mediapackage:eu-west-1:123456789012:origin_endpoints/0f"],
            "detail": {"event": "InputSwitchEvent", "message": "the input stalled", "EventDetails":
                {"Channel": "arena", "PreviousIngestEndpoint": "aa", "CurrentIngestEndpoint": "bb"}},
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn too_many_streams_are_listed() {
        let streams = ["a.m3u8".to_owned(), "b.m3u8".to_owned()];
        let event =
            written(|source| Event::too_many_streams(source, &ChannelGuid("0f".into()), "channel.m3u8", &streams, 1));
        let message = "Parent Manifest [channel.m3u8] has [2] streams, more than [1] allowed: (a.m3u8, b.m3u8)";
        assert_eq!(event["detail"], json!({"event": "MaxIngestStreamsError", "message": message}));
    }

    #[test]
    fn the_end_of_a_harvest_job_carries_the_job() {
        let job = HarvestJob {
            id: "goal1".into(),
            arn: "arn:aws:mediapackage-vod:eu-west-1:123456789012:harvest_jobs/goal1".into(),
            status: "FAILED".into(),
            origin_endpoint_id: "hls".into(),
            start_time: "1".into(),
            end_time: "2".into(),
            s3_destination: S3Destination {
                bucket_name: "clips".into(),
                manifest_key: "goal/index.m3u8".into(),
                role_arn: "arn:aws:iam::123456789012:role/Harvest".into(),
            },
            created_at: "2026-02-03T19:10:01Z".into(),
        };
        let event = written(|source| Event::harvest_job(source, job, Some("no such bucket".into())));
        assert_eq!(event["detail-type"], "MediaPackage HarvestJob Notification");
        assert_eq!(event["resources"][0], "arn:aws:mediapackage:eu-west-1:123456789012:harvest_jobs/goal1");
        assert_eq!(event["detail"]["message"], "no such bucket");
        assert_eq!(event["detail"]["harvest_job"]["s3_destination"]["manifest_key"], "goal/index.m3u8");
    }
}
