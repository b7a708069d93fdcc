//! The operations end to end, over the routes, with a fixed clock and counted "randomness".

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{LiveApi, LiveSettings, router};
use crate::api::aws::{Caller, Clock, Limits, Randomness, RandomnessError};
use crate::resources::{
    CatalogueHandle, ChannelGuid, DashProfile, EndpointGuid, HarvestJobs, HarvestOutcome, Packaging,
};
use crate::state::{
    BoxFuture, Change, CommitError, Document, DocumentStore, Key, Precondition, Revision, StateError, Write,
};

#[derive(Default)]
struct Documents(Mutex<BTreeMap<Key, Document>>);

impl DocumentStore for Documents {
    fn get(&self, key: &str) -> Result<Option<Document>, StateError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(Key, Document)>, StateError> {
        let documents = self.0.lock().unwrap();
        let found = documents.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(found.map(|(key, document)| (key.clone(), document.clone())).collect())
    }

    fn commit<'a>(
        &'a self,
        preconditions: Vec<Precondition>,
        writes: Vec<Write>,
    ) -> BoxFuture<'a, Result<Revision, CommitError>> {
        Box::pin(async move {
            let mut documents = self.0.lock().unwrap();
            let count = |prefix: &str| documents.keys().filter(|key| key.starts_with(prefix)).count();
            for (index, precondition) in preconditions.iter().enumerate() {
                let holds = match precondition {
                    Precondition::Absent(key) => !documents.contains_key(key),
                    Precondition::Present(key) => documents.contains_key(key),
                    Precondition::Unchanged(key, document) => documents.get(key) == Some(document),
                    Precondition::NoneWithPrefix(prefix) => count(prefix) == 0,
                    Precondition::FewerThan(prefix, most) => count(prefix) < *most,
                };
                if !holds {
                    return Err(CommitError::PreconditionFailed(index));
                }
            }
            for write in writes {
                match write {
                    Write::Put(key, document) => documents.insert(key, document),
                    Write::Delete(key) => documents.remove(&key),
                };
            }
            Ok(1)
        })
    }

    fn changes(&self, _since: Revision) -> Result<Option<Vec<Change>>, StateError> {
        Ok(None)
    }
}

/// A clock that moves when it is told to.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// "Random" bytes that count up, so that ids can be foreseen.
#[derive(Default)]
struct Counter(AtomicU64);

impl Randomness for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        let number = u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1;
        bytes.copy_from_slice(&number.to_be_bytes());
        Ok(())
    }
}

struct World {
    router: Router,
    api: LiveApi,
    catalogue: CatalogueHandle,
    store: Arc<Documents>,
    clock: Arc<HandClock>,
}

const START: i64 = 1_770_091_506; // 2026-02-03T04:05:06Z

impl World {
    fn new(limits: Limits) -> Self {
        Self::over(Arc::new(Documents::default()), limits, "https://live.example.net")
    }

    fn over(store: Arc<Documents>, limits: Limits, public_url: &str) -> Self {
        let catalogue = CatalogueHandle::default();
        let clock = Arc::new(HandClock(AtomicI64::new(START)));
        let api = LiveApi::open(LiveSettings {
            store: store.clone(),
            catalogue: catalogue.clone(),
            clock: clock.clone(),
            randomness: Arc::new(Counter::default()),
            limits,
            public_url: public_url.to_owned(),
        });
        let api = api.unwrap();
        World { router: router(api.clone()), api, catalogue, store, clock }
    }

    async fn call_as(
        &self,
        (account, region): (&str, &str),
        method: Method,
        path: &str,
        body: &str,
    ) -> (StatusCode, Value, String) {
        let caller = Caller {
            account: account.to_owned(),
            region: region.to_owned(),
            service: "mediapackage".to_owned(),
            access_key: "test".to_owned(),
        };
        let request = Request::builder().method(method).uri(path).extension(caller);
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status();
        let code = response.headers().get("x-amzn-errortype").map_or("", |code| code.to_str().unwrap()).to_owned();
        let body = axum::body::to_bytes(response.into_body(), 10_000_000).await.unwrap();
        let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        (status, value, code)
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value, String) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call_as(("123456789012", "eu-west-1"), method, path, &body).await
    }

    async fn good(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, value, _) = self.call(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {value}");
        value
    }

    /// The message of a refusal with this status.
    async fn refused(&self, status: u16, method: Method, path: &str, body: Value) -> String {
        let (actual, value, code) = self.call(method.clone(), path, body).await;
        assert_eq!(actual, status, "{method} {path}: {value}");
        assert_eq!(value["__type"], code.as_str());
        value["message"].as_str().unwrap().to_owned()
    }

    async fn channel(&self, id: &str) -> Value {
        self.good(Method::POST, "/channels", json!({"id": id})).await
    }
}

fn escaped(arn: &Value) -> String {
    arn.as_str().unwrap().replace(':', "%3A").replace('/', "%2F")
}

#[tokio::test]
async fn a_channel_lives_from_create_to_delete() {
    let world = World::new(Limits::Aws);
    let created =
        world.good(Method::POST, "/channels", json!({"id": "arena", "description": "d", "tags": {"a": "1"}})).await;
    let (guid, second) = ("00000000000000000000000000000001", "00000000000000000000000000000004");
    assert_eq!(
        created,
        json!({
            "arn": format!("arn:aws:mediapackage:eu-west-1:123456789012:channels/{guid}"),
            "createdAt": "2026-02-03T04:05:06Z",
            "description": "d",
            "hlsIngest": {"ingestEndpoints": [
                {
                    "id": guid,
                    "url": format!("https://live.example.net/in/v2/{guid}/{guid}/channel"),
                    "username": "00000000000000000000000000000002",
                    "password": "00000000000000000000000000000003",
                },
                {
                    "id": second,
                    "url": format!("https://live.example.net/in/v2/{guid}/{second}/channel"),
                    "username": "00000000000000000000000000000005",
                    "password": "00000000000000000000000000000006",
                },
            ]},
            "id": "arena",
            "tags": {"a": "1"},
        })
    );
    assert_eq!(world.good(Method::GET, "/channels/arena", Value::Null).await, created);
    assert_eq!(world.good(Method::GET, "/channels", Value::Null).await, json!({"channels": [created]}));

    let updated = world.good(Method::PUT, "/channels/arena", json!({"description": ""})).await;
    assert_eq!(updated["description"], "");
    assert_eq!(world.good(Method::PUT, "/channels/arena", json!({})).await, updated);

    let (status, body, _) = world.call(Method::DELETE, "/channels/arena", Value::Null).await;
    assert_eq!((status.as_u16(), body), (202, json!({})));
    let message = world.refused(404, Method::GET, "/channels/arena", Value::Null).await;
    assert_eq!(message, "channel \"arena\" does not exist in this account and region");
    world.refused(404, Method::DELETE, "/channels/arena", Value::Null).await;
    assert!(world.store.0.lock().unwrap().is_empty());
    assert_eq!(world.catalogue.load().channels().count(), 0);
}

#[tokio::test]
async fn a_channel_without_description_and_tags_answers_without_and_with_none() {
    let world = World::new(Limits::Aws);
    let channel = world.channel("arena").await;
    assert!(channel.get("description").is_none());
    assert_eq!(channel["tags"], json!({}));
    assert!(channel.get("egressAccessLogs").is_none() && channel.get("ingressAccessLogs").is_none());
}

#[tokio::test]
async fn ids_are_checked_and_taken_once() {
    let world = World::new(Limits::Aws);
    world.channel("arena").await;
    let message = world.refused(422, Method::POST, "/channels", json!({"id": "arena"})).await;
    assert_eq!(message, "channel \"arena\" exists already in this account and region");
    world.channel("Arena").await;
    for id in [json!(""), json!("a b"), json!("a/b"), json!("x".repeat(257)), json!(7), Value::Null] {
        world.refused(422, Method::POST, "/channels", json!({"id": id})).await;
    }
    assert!(world.refused(422, Method::POST, "/channels", Value::Null).await.contains("missing field `id`"));
    assert!(world.refused(422, Method::POST, "/channels", json!({"id": "b", "x": 1})).await.contains("`x`"));
}

#[tokio::test]
async fn logs_are_replaced_as_a_whole() {
    let world = World::new(Limits::Aws);
    world.channel("arena").await;
    let path = "/channels/arena/configure_logs";
    let both = json!({"egressAccessLogs": {}, "ingressAccessLogs": {"logGroupName": "/aws/MediaPackage/x"}});
    let channel = world.good(Method::PUT, path, both).await;
    assert_eq!(channel["egressAccessLogs"], json!({"logGroupName": "/aws/MediaPackage/EgressAccessLogs"}));
    assert_eq!(channel["ingressAccessLogs"], json!({"logGroupName": "/aws/MediaPackage/x"}));
    world.good(Method::PUT, path, json!({"ingressAccessLogs": {}})).await;
    let channel = world.good(Method::GET, "/channels/arena", Value::Null).await;
    assert!(channel.get("egressAccessLogs").is_none());
    assert_eq!(channel["ingressAccessLogs"], json!({"logGroupName": "/aws/MediaPackage/IngressAccessLogs"}));
    world.refused(422, Method::PUT, path, json!({"egressAccessLogs": {"logGroupName": "other"}})).await;
    world.refused(404, Method::PUT, "/channels/none/configure_logs", json!({})).await;
}

#[tokio::test]
async fn rotation_changes_one_door_and_the_engine_learns_of_it() {
    let world = World::new(Limits::Aws);
    let before = world.channel("arena").await["hlsIngest"]["ingestEndpoints"].clone();
    let second = before[1]["id"].as_str().unwrap();
    let path = format!("/channels/arena/ingest_endpoints/{second}/credentials");
    let after = world.good(Method::PUT, &path, Value::Null).await["hlsIngest"]["ingestEndpoints"].clone();
    assert_eq!(after[0], before[0]);
    assert_eq!((&after[1]["id"], &after[1]["url"]), (&before[1]["id"], &before[1]["url"]));
    assert_ne!(after[1]["username"], before[1]["username"]);
    assert_ne!(after[1]["password"], before[1]["password"]);
    let channel = ChannelGuid(before[0]["id"].as_str().unwrap().to_owned());
    let published = world.catalogue.load().channel(&channel).unwrap().ingest_endpoints[1].clone();
    assert_eq!(published.password.reveal(), after[1]["password"]);

    let old = world.good(Method::PUT, "/channels/arena/credentials", Value::Null).await;
    assert_ne!(old["hlsIngest"]["ingestEndpoints"][0]["password"], before[0]["password"]);
    assert_eq!(old["hlsIngest"]["ingestEndpoints"][1], after[1]);
    let message =
        world.refused(404, Method::PUT, "/channels/arena/ingest_endpoints/none/credentials", Value::Null).await;
    assert!(message.starts_with("ingest endpoint \"none\""), "{message}");
}

#[tokio::test]
async fn the_worked_example_answers_as_the_service_does() {
    let world = World::new(Limits::Aws);
    world.channel("arena").await;
    let request = json!({
        "channelId": "arena", "id": "arena-hls", "manifestName": "live", "startoverWindowSeconds": 7200,
        "hlsPackage": {"segmentDurationSeconds": 6, "useAudioRenditionGroup": true, "adMarkers": "SCTE35_ENHANCED"},
    });
    let guid = "00000000000000000000000000000007";
    let expected = json!({
        "arn": format!("arn:aws:mediapackage:eu-west-1:123456789012:origin_endpoints/{guid}"),
        "channelId": "arena", "createdAt": "2026-02-03T04:05:06Z", "id": "arena-hls", "manifestName": "live",
        "origination": "ALLOW", "startoverWindowSeconds": 7200, "timeDelaySeconds": 0, "tags": {}, "whitelist": [],
        "hlsPackage": {
            "adMarkers": "SCTE35_ENHANCED", "includeDvbSubtitles": false, "includeIframeOnlyStream": false,
            "playlistType": "NONE", "playlistWindowSeconds": 60, "programDateTimeIntervalSeconds": 0,
            "segmentDurationSeconds": 6, "useAudioRenditionGroup": true,
        },
        "url": format!("https://live.example.net/out/v1/{guid}/live.m3u8"),
    });
    assert_eq!(world.good(Method::POST, "/origin_endpoints", request.clone()).await, expected);
    assert_eq!(world.good(Method::GET, "/origin_endpoints/arena-hls", Value::Null).await, expected);
    let message = world.refused(422, Method::POST, "/origin_endpoints", request).await;
    assert!(message.starts_with("origin endpoint \"arena-hls\" exists already"), "{message}");
}

#[tokio::test]
async fn each_packager_has_its_urls() {
    let world = World::new(Limits::Aws);
    world.channel("arena").await;
    let create = async |id: &str, member: &str, package: Value| {
        let request = json!({"id": id, "channelId": "arena", member: package});
        world.good(Method::POST, "/origin_endpoints", request).await
    };
    let ends_with = |endpoint: &Value, ending: &str| endpoint["url"].as_str().unwrap().ends_with(ending);
    assert!(ends_with(&create("dash", "dashPackage", json!({})).await, "/index.mpd"));
    assert!(ends_with(&create("mss", "mssPackage", json!({})).await, "/index.ism/Manifest"));
    let manifests = json!({"hlsManifests": [{"id": "m1"}, {"id": "m2", "manifestName": "own"}]});
    let cmaf = create("cmaf", "cmafPackage", manifests).await;
    assert_eq!(cmaf["url"], "");
    let package = &cmaf["cmafPackage"];
    assert!(package["hlsManifests"][0]["url"].as_str().unwrap().ends_with("/m1/index.m3u8"), "{package}");
    assert!(package["hlsManifests"][1]["url"].as_str().unwrap().ends_with("/m2/own.m3u8"), "{package}");
    assert_eq!(package["segmentPrefix"], "arena");
    let renamed = world.good(Method::PUT, "/origin_endpoints/cmaf", json!({"manifestName": "live"})).await;
    assert!(renamed["cmafPackage"]["hlsManifests"][0]["url"].as_str().unwrap().ends_with("/m1/live.m3u8"));
}

#[tokio::test]
async fn an_update_leaves_absent_members_and_replaces_packages_as_a_whole() {
    let world = World::new(Limits::Aws);
    world.channel("arena").await;
    let request = json!({
        "id": "e", "channelId": "arena", "description": "d", "startoverWindowSeconds": 600, "timeDelaySeconds": 10,
        "whitelist": ["10.0.0.0/8"], "tags": {"k": "v"},
        "hlsPackage": {"segmentDurationSeconds": 4, "streamSelection": {"streamOrder": "VIDEO_BITRATE_ASCENDING"}},
    });
    let created = world.good(Method::POST, "/origin_endpoints", request).await;
    assert_eq!(
        created["hlsPackage"]["streamSelection"],
        json!({
            "maxVideoBitsPerSecond": 2_147_483_647, "minVideoBitsPerSecond": 0, "streamOrder": "VIDEO_BITRATE_ASCENDING"
        })
    );
    let path = "/origin_endpoints/e";
    assert_eq!(world.good(Method::PUT, path, json!({})).await, created);
    let mut expected = created.clone();
    expected["origination"] = json!("DENY");
    assert_eq!(world.good(Method::PUT, path, json!({"origination": "DENY"})).await, expected);
    let package = json!({"hlsPackage": {"playlistWindowSeconds": 120}});
    let replaced = world.good(Method::PUT, path, package).await["hlsPackage"].clone();
    assert_eq!((&replaced["segmentDurationSeconds"], &replaced["playlistWindowSeconds"]), (&json!(6), &json!(120)));
    assert!(replaced.get("streamSelection").is_none());
    let message = world.refused(422, Method::PUT, path, json!({"dashPackage": {}})).await;
    assert!(message.contains("but is hlsPackage and was to become dashPackage"), "{message}");
    world.refused(422, Method::PUT, path, json!({"channelId": "other"})).await;
    world.refused(422, Method::PUT, path, json!({"startoverWindowSeconds": 10})).await;
    world.refused(404, Method::PUT, "/origin_endpoints/none", json!({})).await;
}

#[tokio::test]
async fn a_channel_with_endpoints_stays() {
    let world = World::new(Limits::Aws);
    let message = {
        let request = json!({"id": "e", "channelId": "arena", "hlsPackage": {}});
        world.refused(404, Method::POST, "/origin_endpoints", request.clone()).await;
        world.channel("arena").await;
        world.good(Method::POST, "/origin_endpoints", request).await;
        world.refused(422, Method::DELETE, "/channels/arena", Value::Null).await
    };
    assert!(message.contains("still has origin endpoints"), "{message}");
    let (status, body, _) = world.call(Method::DELETE, "/origin_endpoints/e", Value::Null).await;
    assert_eq!((status.as_u16(), body), (202, json!({})));
    world.good(Method::DELETE, "/channels/arena", Value::Null).await;
    assert!(world.store.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn quotas_hold_with_the_limits_of_aws_only() {
    for (limits, channel_status, endpoint_status) in [(Limits::Aws, 429, 429), (Limits::Relaxed, 200, 200)] {
        let world = World::new(limits);
        for number in 0..30 {
            world.channel(&format!("c{number}")).await;
        }
        let (status, body, _) = world.call(Method::POST, "/channels", json!({"id": "c30"})).await;
        assert_eq!(status.as_u16(), channel_status, "{body}");
        world.refused(422, Method::POST, "/channels", json!({"id": "c29"})).await;
        let request = |id: usize| json!({"id": format!("e{id}"), "channelId": "c0", "mssPackage": {}});
        for number in 0..10 {
            world.good(Method::POST, "/origin_endpoints", request(number)).await;
        }
        let (status, body, _) = world.call(Method::POST, "/origin_endpoints", request(10)).await;
        assert_eq!(status.as_u16(), endpoint_status, "{body}");
        let elsewhere = ("123456789012", "us-east-1");
        let (status, _, _) = world.call_as(elsewhere, Method::POST, "/channels", r#"{"id":"c30"}"#).await;
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn tags_are_merged_removed_and_found_by_any_spelling_of_the_arn() {
    let world = World::new(Limits::Aws);
    let channel = world.channel("arena").await;
    let endpoint = json!({"id": "e", "channelId": "arena", "hlsPackage": {}, "tags": {"old": "1"}});
    let endpoint = world.good(Method::POST, "/origin_endpoints", endpoint).await;
    for arn in [&channel["arn"], &endpoint["arn"]] {
        let (encoded, plain) = (format!("/tags/{}", escaped(arn)), format!("/tags/{}", arn.as_str().unwrap()));
        let (status, body, _) = world.call(Method::POST, &encoded, json!({"tags": {"a": "1", "b c": "2"}})).await;
        assert_eq!((status.as_u16(), body), (204, Value::Null));
        world.good(Method::POST, &plain, json!({"tags": {"a": "3"}})).await;
        let (status, _, _) =
            world.call(Method::DELETE, &format!("{plain}?tagKeys=b%20c&tagKeys=old&tagKeys=none"), Value::Null).await;
        assert_eq!(status, 204);
        for path in [&encoded, &plain, &format!("/prod{encoded}"), &format!("/prod{plain}")] {
            assert_eq!(world.good(Method::GET, path, Value::Null).await, json!({"tags": {"a": "3"}}), "{path}");
        }
        world.refused(422, Method::DELETE, &encoded, Value::Null).await;
        world.refused(422, Method::POST, &encoded, json!({})).await;
        world.refused(422, Method::POST, &encoded, json!({"tags": {"aws:x": "1"}})).await;
    }
    assert_eq!(world.good(Method::GET, "/channels/arena", Value::Null).await["tags"], json!({"a": "3"}));
    assert_eq!(world.good(Method::GET, "/origin_endpoints/e", Value::Null).await["tags"], json!({"a": "3"}));
    world.refused(422, Method::GET, "/tags/nonsense", Value::Null).await;
    world
        .refused(404, Method::GET, "/tags/arn%3Aaws%3Amediapackage%3Aeu-west-1%3A123456789012%3Ax%2Fy", Value::Null)
        .await;
}

#[tokio::test]
async fn accounts_and_regions_are_separate_worlds_in_every_operation() {
    let world = World::new(Limits::Aws);
    let home = ("111111111111", "eu-west-1");
    let others = [("222222222222", "eu-west-1"), ("111111111111", "us-east-1"), ("222222222222", "us-east-1")];
    let (_, channel, _) = world.call_as(home, Method::POST, "/channels", r#"{"id":"c"}"#).await;
    let endpoint = r#"{"id":"e","channelId":"c","startoverWindowSeconds":3600,"hlsPackage":{}}"#;
    let (_, endpoint_created, _) = world.call_as(home, Method::POST, "/origin_endpoints", endpoint).await;
    let harvest_of_e = |id: &str| harvest(id, json!({"originEndpointId": "e"}));
    world.call_as(home, Method::POST, "/harvest_jobs", &harvest_of_e("j").to_string()).await;
    let ingest_endpoint = channel["hlsIngest"]["ingestEndpoints"][0]["id"].as_str().unwrap();
    let before = world.store.0.lock().unwrap().clone();

    let document: Value = serde_json::from_str(&super::openapi().unwrap()).unwrap();
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let operation = operation["operationId"].as_str().unwrap();
            for arn in [&channel["arn"], &endpoint_created["arn"]] {
                for other in others {
                    let id = match path.split('/').nth(1) {
                        Some("channels") => "c",
                        Some("harvest_jobs") => "j",
                        _ => "e",
                    };
                    let path = path
                        .replace("{id}", id)
                        .replace("{ingest_endpoint_id}", ingest_endpoint)
                        .replace("{resource-arn}", &escaped(arn));
                    let (path, body, expected) = match operation {
                        "CreateChannel" => continue, // its own test below
                        "CreateOriginEndpoint" => (path, endpoint.replace("\"e\"", "\"e2\""), 404),
                        "CreateHarvestJob" => (path, harvest_of_e("j2").to_string(), 422), // an unknown endpoint
                        "ListChannels" | "ListOriginEndpoints" | "ListHarvestJobs" => (path, String::new(), 200),
                        "TagResource" => (path, r#"{"tags":{"a":"b"}}"#.to_owned(), 404),
                        "UntagResource" => (format!("{path}?tagKeys=a"), String::new(), 404),
                        _ => (path, String::new(), 404),
                    };
                    let method = method.to_uppercase().parse::<Method>().unwrap();
                    let (status, answer, _) = world.call_as(other, method, &path, &body).await;
                    assert_eq!(status.as_u16(), expected, "{operation} {path} as {other:?}: {answer}");
                    if expected == 200 {
                        let list = answer.as_object().unwrap().values().next().unwrap();
                        assert_eq!(list, &json!([]), "{operation} as {other:?}");
                    }
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 14 * 2 * 3, "{tried}");
    assert_eq!(*world.store.0.lock().unwrap(), before, "nobody else has changed anything");

    for other in others {
        let (status, own, _) = world.call_as(other, Method::POST, "/channels", r#"{"id":"c"}"#).await;
        assert_eq!(status, 200);
        assert_ne!(own["arn"], channel["arn"]);
        world.call_as(other, Method::PUT, "/channels/c", r#"{"description":"other"}"#).await;
        let path = format!("/tags/{}", escaped(&channel["arn"]));
        assert_eq!(world.call_as(other, Method::GET, &path, "").await.0, 404, "not even with a channel of the same id");
    }
    assert_eq!(world.call_as(home, Method::GET, "/channels/c", "").await.1, channel);
}

#[tokio::test]
async fn lists_have_pages_in_order_of_creation() {
    let world = World::new(Limits::Aws);
    for id in ["z", "a", "m"] {
        world.channel(id).await;
        world.clock.0.fetch_add(1, Ordering::Relaxed);
    }
    for (id, channel) in [("e1", "z"), ("e2", "a"), ("e3", "z")] {
        let request = json!({"id": id, "channelId": channel, "dashPackage": {}});
        world.good(Method::POST, "/origin_endpoints", request).await;
    }
    let first = world.good(Method::GET, "/channels?maxResults=2", Value::Null).await;
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first["channels"]), ["z", "a"]);
    let token = first["nextToken"].as_str().unwrap();
    let second = world.good(Method::GET, &format!("/channels?maxResults=2&nextToken={token}"), Value::Null).await;
    assert_eq!((ids(&second["channels"]), second.get("nextToken")), (vec![json!("m")], None));
    world.refused(422, Method::GET, &format!("/origin_endpoints?nextToken={token}"), Value::Null).await;
    world.refused(422, Method::GET, "/channels?maxResults=0", Value::Null).await;
    world.refused(422, Method::GET, "/channels?maxResults=1001", Value::Null).await;
    let of_z = world.good(Method::GET, "/origin_endpoints?channelId=z", Value::Null).await;
    assert_eq!(ids(&of_z["originEndpoints"]), ["e1", "e3"]);
    let of_none = world.good(Method::GET, "/origin_endpoints?channelId=none", Value::Null).await;
    assert_eq!(of_none, json!({"originEndpoints": []}));
}

#[tokio::test]
async fn the_engine_learns_of_every_change_and_of_everything_at_start() {
    let world = World::new(Limits::Aws);
    world.channel("arena").await;
    let request = json!({
        "id": "e", "channelId": "arena", "timeDelaySeconds": 5, "whitelist": ["10.0.0.0/8"],
        "dashPackage": {"utcTiming": "HTTP-ISO", "utcTimingUri": "https://time.example.net/iso"},
    });
    let created = world.good(Method::POST, "/origin_endpoints", request).await;
    let guid = EndpointGuid(created["arn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
    let published = world.catalogue.load().endpoint(&guid).unwrap().clone();
    assert_eq!((published.time_delay_seconds, published.configuration_version), (5, START));
    assert!(published.originates && published.not_built_yet.is_empty());
    let Packaging::Dash(dash) = &published.packaging else { panic!("{published:?}") };
    let timing = dash.utc_timing.as_ref().unwrap();
    assert_eq!(timing.scheme_id_uri, "urn:mpeg:dash:utc:http-iso:2014");
    assert_eq!(timing.value, "https://time.example.net/iso");

    world.good(Method::PUT, "/origin_endpoints/e", json!({"description": "only text"})).await;
    assert_eq!(world.catalogue.load().endpoint(&guid).unwrap().configuration_version, START);
    let update = json!({"origination": "DENY", "dashPackage": {"profile": "HBBTV_1_5"}});
    world.good(Method::PUT, "/origin_endpoints/e", update).await;
    let changed = world.catalogue.load().endpoint(&guid).unwrap().clone();
    assert_eq!(changed.configuration_version, START + 1, "a change within one second still counts");
    assert!(!changed.originates);
    let Packaging::Dash(dash) = &changed.packaging else { panic!("{changed:?}") };
    assert_eq!((dash.profile, dash.utc_timing.as_ref()), (DashProfile::Hbbtv15, None), "a package is replaced whole");

    let restarted = World::over(world.store.clone(), Limits::Aws, "http://127.0.0.1:4790/");
    assert_eq!(restarted.catalogue.load().endpoint(&guid).unwrap(), &changed);
    assert_eq!(restarted.catalogue.load().channels().count(), 1);
    let moved = restarted.good(Method::GET, "/origin_endpoints/e", Value::Null).await;
    assert_eq!(moved["url"], format!("http://127.0.0.1:4790/out/v1/{guid}/index.mpd"));

    world.good(Method::DELETE, "/origin_endpoints/e", Value::Null).await;
    assert!(world.catalogue.load().endpoint(&guid).is_none());
}

/// A harvest job of the last minute of `hls`, with some members changed.
fn harvest(id: &str, changes: Value) -> Value {
    let destination = json!({"bucketName": "clips", "manifestKey": "goal/index.m3u8",
        "roleArn": "arn:aws:iam::123456789012:role/Harvest"});
    let mut request = json!({"id": id, "originEndpointId": "hls", "startTime": "2026-02-03T04:04:00+00:00",
        "endTime": (START - 6).to_string(), "s3Destination": destination});
    for (member, value) in changes.as_object().unwrap() {
        match value.as_object() {
            Some(inner) => inner.iter().for_each(|(name, value)| request[member][name] = value.clone()),
            None => request[member] = value.clone(),
        }
    }
    request
}

/// Endpoints that can be harvested, and some that cannot.
async fn harvestable() -> World {
    let world = World::new(Limits::Aws);
    world.channel("arena").await;
    for (id, window, package) in [
        ("hls", 3600, json!({"hlsPackage": {}})),
        ("dash", 3600, json!({"dashPackage": {}})),
        ("clocked", 3600, json!({"dashPackage": {"segmentTemplateFormat": "NUMBER_WITH_DURATION"}})),
        ("mss", 3600, json!({"mssPackage": {}})),
        ("live-only", 0, json!({"hlsPackage": {}})),
    ] {
        let mut endpoint = json!({"id": id, "channelId": "arena", "startoverWindowSeconds": window});
        endpoint.as_object_mut().unwrap().extend(package.as_object().unwrap().clone());
        world.good(Method::POST, "/origin_endpoints", endpoint).await;
    }
    world
}

#[tokio::test]
async fn a_harvest_job_is_kept_as_it_was_asked_for() {
    let world = harvestable().await;
    let created = world.good(Method::POST, "/harvest_jobs", harvest("goal", json!({}))).await;
    let expected = json!({
        "arn": "arn:aws:mediapackage:eu-west-1:123456789012:harvest_jobs/goal", "channelId": "arena",
        "createdAt": "2026-02-03T04:05:06Z", "endTime": "1770091500", "id": "goal", "originEndpointId": "hls",
        "s3Destination": {"bucketName": "clips", "manifestKey": "goal/index.m3u8",
            "roleArn": "arn:aws:iam::123456789012:role/Harvest"},
        "startTime": "2026-02-03T04:04:00+00:00", "status": "IN_PROGRESS",
    });
    assert_eq!(created, expected);
    assert_eq!(world.good(Method::GET, "/harvest_jobs/goal", Value::Null).await, expected);
    world.refused(404, Method::GET, "/harvest_jobs/other", Value::Null).await;
    world.good(Method::POST, "/harvest_jobs", harvest("mpd", json!({"originEndpointId": "dash"}))).await;

    let jobs = world.api.in_progress().unwrap();
    assert_eq!(jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["goal", "mpd"]);
    assert_eq!(jobs[0].end.as_second(), START - 6);
    world.api.finish(&jobs[0], HarvestOutcome::Failed("no such bucket".into())).await.unwrap();
    let failed = world.good(Method::GET, "/harvest_jobs/goal", Value::Null).await;
    assert_eq!(failed["status"], "FAILED");
    assert!(!failed.to_string().contains("no such bucket"), "the reason is in the event only");
    assert_eq!(world.api.in_progress().unwrap().len(), 1);
}

#[tokio::test]
async fn harvest_jobs_are_held_against_the_rules() {
    let world = harvestable().await;
    for (changes, says) in [
        (json!({"id": "a b"}), "id must be"),
        (json!({"originEndpointId": "none"}), "originEndpointId must be an existing endpoint"),
        (json!({"originEndpointId": "mss"}), "hlsPackage or a dashPackage"),
        (json!({"originEndpointId": "clocked"}), "NUMBER_WITH_DURATION"),
        (json!({"originEndpointId": "live-only"}), "start-over window"),
        (json!({"startTime": "yesterday"}), "startTime must be ISO 8601"),
        (json!({"startTime": "2026-02-03T04:04:00"}), "startTime must be ISO 8601"),
        (json!({"endTime": "2026-02-03T04:04:00Z"}), "endTime must be after startTime"),
        (json!({"endTime": (START + 1).to_string()}), "endTime must be in the past"),
        (json!({"startTime": (START - 6 - 86_401).to_string()}), "at most 24 hours"),
        (json!({"s3Destination": {"bucketName": "../x"}}), "s3Destination.bucketName"),
        (json!({"s3Destination": {"manifestKey": "../index.m3u8"}}), "s3Destination.manifestKey"),
        (json!({"s3Destination": {"roleArn": "x"}}), "s3Destination.roleArn"),
    ] {
        let message = world.refused(422, Method::POST, "/harvest_jobs", harvest("j", changes.clone())).await;
        assert!(message.contains(says), "{changes}: {message}");
    }
    assert!(world.api.in_progress().unwrap().is_empty());
}

#[tokio::test]
async fn ten_harvest_jobs_may_run_at_once_and_ids_are_free_again_after_ninety_days() {
    let world = harvestable().await;
    for number in 0..10 {
        world.good(Method::POST, "/harvest_jobs", harvest(&format!("j{number}"), json!({}))).await;
    }
    world.refused(429, Method::POST, "/harvest_jobs", harvest("j10", json!({}))).await;
    let jobs = world.api.in_progress().unwrap();
    world.api.finish(&jobs[0], HarvestOutcome::Succeeded).await.unwrap();
    let message = world.refused(422, Method::POST, "/harvest_jobs", harvest("j0", json!({}))).await;
    assert!(message.contains("exists already"), "{message}");
    world.good(Method::POST, "/harvest_jobs", harvest("j10", json!({}))).await;

    let ids = |list: &Value| {
        let jobs = list["harvestJobs"].as_array().unwrap();
        jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let get = async |query: &str| world.good(Method::GET, &format!("/harvest_jobs{query}"), Value::Null).await;
    assert_eq!(get("").await["harvestJobs"].as_array().unwrap().len(), 11);
    assert_eq!(ids(&get("?includeStatus=SUCCEEDED").await), ["j0"]);
    assert_eq!(ids(&get("?includeStatus=IN_PROGRESS&includeChannelId=arena").await).len(), 10);
    assert!(ids(&get("?includeChannelId=other").await).is_empty());
    let first = get("?maxResults=4").await;
    let rest = get(&format!("?nextToken={}", first["nextToken"].as_str().unwrap())).await;
    assert_eq!((ids(&first).len(), ids(&rest).len()), (4, 7));
    world.refused(422, Method::GET, "/harvest_jobs?includeStatus=DONE", Value::Null).await;

    world.clock.0.store(START + 90 * 86_400 + 1, Ordering::Relaxed);
    assert!(ids(&get("?includeStatus=SUCCEEDED").await).is_empty());
    world.refused(404, Method::GET, "/harvest_jobs/j0", Value::Null).await;
    let again = json!({"endTime": "1770091500"});
    for job in world.api.in_progress().unwrap() {
        world.api.finish(&job, HarvestOutcome::Succeeded).await.unwrap();
    }
    world.good(Method::POST, "/harvest_jobs", harvest("j0", again)).await;
}

#[tokio::test]
async fn what_is_no_operation_is_refused_in_the_shape_of_the_front_end() {
    let world = World::new(Limits::Aws);
    for (method, path) in [(Method::GET, "/"), (Method::PATCH, "/channels"), (Method::GET, "/channels/a/b/c/d")] {
        let (status, body, code) = world.call(method, path, Value::Null).await;
        assert_eq!((status.as_u16(), code.as_str()), (403, "MissingAuthenticationTokenException"), "{body}");
    }
    let (status, _, code) = world.call(Method::POST, "/channels", json!({"id": "x".repeat(200_000)})).await;
    assert_eq!((status.as_u16(), code.as_str()), (413, "RequestEntityTooLargeException"));
    assert_eq!(world.call(Method::GET, "/channels/%ff", Value::Null).await.0, 422);
}

#[tokio::test]
async fn forty_changes_at_once_all_happen() {
    let world = Arc::new(World::new(Limits::Aws));
    let channel = world.channel("arena").await;
    let path = format!("/tags/{}", escaped(&channel["arn"]));
    let mut tasks = Vec::new();
    for number in 0..40 {
        let (world, path) = (world.clone(), path.clone());
        tasks.push(tokio::spawn(async move {
            world.good(Method::POST, &path, json!({"tags": {format!("t{number}"): "1"}})).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let tags = world.good(Method::GET, &path, Value::Null).await;
    assert_eq!(tags["tags"].as_object().unwrap().len(), 40);
}
