//! The whole room on a store in memory: what an encoder sends, and what becomes of it.

use std::sync::Mutex;

use digest_auth::{AuthContext, WwwAuthenticateHeader};
use http::header::{AUTHORIZATION, CONNECTION, WWW_AUTHENTICATE};
use http_body_util::BodyExt;

use super::*;
use crate::media_store::{BoxFuture, MediaStore, MemoryStore, ObjectKey, Replay, StoreError};
use crate::presentation::{InputIndex, Snapshot};
use crate::resources::{IngestEndpoint, Secret};

const SEGMENT: &[u8] = include_bytes!("../../tests/media/bframes-48k.ts");
const GUID: &str = "0123456789abcdef0123456789abcdef";

struct House {
    ingest: Ingest,
    channels: Arc<Channels>,
    catalogue: CatalogueHandle,
    store: MemoryStore,
}

fn channel(password: &str) -> Channel {
    let endpoint = |id: &str| IngestEndpoint {
        id: id.to_owned(),
        username: format!("user-{id}"),
        password: Secret::new(password),
    };
    Channel {
        guid: ChannelGuid(GUID.to_owned()),
        id: "arena".into(),
        owner: Default::default(),
        ingest_endpoints: [endpoint("one"), endpoint("two")],
    }
}

impl House {
    fn new() -> Self {
        Self::with(IngestSettings::default(), |store| Arc::new(store))
    }

    fn with(settings: IngestSettings, wrap: impl FnOnce(MemoryStore) -> Arc<dyn MediaStore>) -> Self {
        let catalogue = CatalogueHandle::default();
        catalogue.update(|catalogue| catalogue.put_channel(channel("secret")));
        let store = MemoryStore::default();
        let channels = Arc::new(Channels::new(wrap(store.clone()), catalogue.clone(), Arc::new(Timestamp::now)));
        let settings = IngestSettings { wrong_password_delay: Duration::ZERO, ..settings };
        let ingest = Ingest::new(channels.clone(), catalogue.clone(), [3; 32], settings);
        House { ingest, channels, catalogue, store }
    }

    async fn snapshot(&self) -> Arc<Snapshot> {
        self.channels.get(&ChannelGuid(GUID.into())).await.unwrap().unwrap().snapshot()
    }

    async fn objects(&self) -> Vec<String> {
        self.store.list(GUID).await.unwrap()
    }
}

struct Encoder<'a> {
    house: &'a House,
    connection: Arc<Connection>,
    endpoint: &'static str,
    password: &'static str,
    challenge: Option<WwwAuthenticateHeader>,
}

impl<'a> Encoder<'a> {
    fn new(house: &'a House) -> Self {
        let connection = Arc::new(Connection::new(1, ([127, 0, 0, 1], 9).into()));
        Encoder { house, connection, endpoint: "one", password: "secret", challenge: None }
    }

    async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (StatusCode, http::HeaderMap, String) {
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(RequestBody::whole(Bytes::copy_from_slice(body))).unwrap();
        let answer = self.house.ingest.answer(&self.connection, request).await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    /// As a client with digest authentication does: once more after a 401.
    async fn send(&mut self, method: &str, name: &str, headers: &[(&str, &str)], body: &[u8]) -> (StatusCode, String) {
        let path = format!("/in/v2/{GUID}/{}/{name}", self.endpoint);
        let mut last = (StatusCode::UNAUTHORIZED, String::new());
        for _ in 0..2 {
            let authorization = self.challenge.as_mut().map(|challenge| {
                let user = format!("user-{}", self.endpoint);
                let method = method.to_owned();
                let context = AuthContext::new_with_method(
                    user,
                    self.password,
                    path.as_str(),
                    None::<&[u8]>,
                    digest_auth::HttpMethod::from(method),
                );
                challenge.respond(&context).unwrap().to_header_string()
            });
            let mut headers = headers.to_vec();
            if let Some(authorization) = &authorization {
                headers.push((AUTHORIZATION.as_str(), authorization));
            }
            let (status, answered, text) = self.raw(method, &path, &headers, body).await;
            last = (status, text);
            match answered.get(WWW_AUTHENTICATE) {
                Some(challenge) => self.challenge = Some(digest_auth::parse(challenge.to_str().unwrap()).unwrap()),
                None => break,
            }
        }
        last
    }

    async fn put(&mut self, name: &str, body: &[u8]) -> StatusCode {
        self.send("PUT", name, &[], body).await.0
    }
}

fn media_playlist(names: &[&str]) -> Vec<u8> {
    let lines: String = names.iter().map(|name| format!("#EXTINF:2.0,\n{name}\n")).collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n{lines}").into_bytes()
}

#[tokio::test]
async fn a_pushed_stream_becomes_slots_of_the_channel() {
    let house = House::new();
    let mut encoder = Encoder::new(&house);
    assert_eq!(encoder.put("video/v_0.ts", SEGMENT).await, StatusCode::CREATED);
    assert_eq!(encoder.put("video/v.m3u8", &media_playlist(&["v_0.ts"])).await, StatusCode::CREATED);
    let parent = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000\nvideo/v.m3u8\n";
    assert_eq!(encoder.put("channel.m3u8", parent).await, StatusCode::CREATED);
    let snapshot = house.snapshot().await;
    assert_eq!(snapshot.lines.of(InputIndex::First).slots().next_number(), 1, "the segment is in the timeline");
    let objects = house.objects().await;
    assert_eq!(objects.len(), 1);
    let stored = house.store.get(&objects[0]).await.unwrap();
    let tracks = crate::media::stored::decode(stored).unwrap();
    assert_eq!(tracks, crate::media::ts::demux(&Bytes::from_static(SEGMENT)).unwrap().tracks);
}

#[tokio::test]
async fn a_media_playlist_in_the_parents_place_plays_and_bare_channel_means_it() {
    for name in ["channel.m3u8", "channel"] {
        let house = House::new();
        let mut encoder = Encoder::new(&house);
        // The playlist before its segment, and by POST, as some do.
        let (status, _) = encoder.send("POST", name, &[], &media_playlist(&["channel0.ts"])).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!(house.snapshot().await.lines.of(InputIndex::First).slots().next_number(), 0);
        assert_eq!(encoder.put("channel0.ts", SEGMENT).await, StatusCode::CREATED);
        assert_eq!(house.snapshot().await.lines.of(InputIndex::First).slots().next_number(), 1, "{name}");
    }
}

#[tokio::test]
async fn the_same_segment_again_is_stored_once_and_another_of_its_name_anew() {
    let house = House::new();
    let mut encoder = Encoder::new(&house);
    assert_eq!(encoder.put("a.ts", SEGMENT).await, StatusCode::CREATED);
    assert_eq!(encoder.put("a.ts", SEGMENT).await, StatusCode::NO_CONTENT);
    assert_eq!(house.objects().await.len(), 1);
    let other = include_bytes!("../../tests/media/slices-44k.ts");
    assert_eq!(encoder.put("a.ts", other).await, StatusCode::CREATED);
}

#[tokio::test]
async fn a_broken_segment_is_a_gap_with_a_reason_and_no_object() {
    let house = House::new();
    let mut encoder = Encoder::new(&house);
    for body in [&b""[..], b"garbage", &SEGMENT[..100], b"\0\0\0\x18ftypiso5", &[0x47; 1_000]] {
        assert_eq!(encoder.put("a.ts", body).await, StatusCode::CREATED, "{} bytes", body.len());
    }
    assert_eq!(house.objects().await, Vec::<String>::new());
    assert_eq!(encoder.put("b.ts", SEGMENT).await, StatusCode::CREATED, "the channel goes on");
    assert_eq!(encoder.put("channel.m3u8", &media_playlist(&["a.ts", "b.ts"])).await, StatusCode::CREATED);
    assert_eq!(house.snapshot().await.lines.of(InputIndex::First).slots().next_number(), 1);
}

#[tokio::test]
async fn the_first_request_is_challenged_and_its_body_left_alone() {
    let house = House::new();
    let encoder = Encoder::new(&house);
    let path = format!("/in/v2/{GUID}/one/a.ts");
    let (status, headers, text) = encoder.raw("PUT", &path, &[("expect", "100-continue")], SEGMENT).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(headers[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Digest realm=\"MediaPackage\", qop=\"auth\""));
    assert_eq!(headers[CONNECTION], "close", "nobody knows whether the body comes");
    assert!(text.contains("digest authentication"), "{text}");
    let (status, headers, _) = encoder.raw("PUT", &path, &[("content-length", "0")], b"").await;
    assert_eq!((status, headers.get(CONNECTION)), (StatusCode::UNAUTHORIZED, None), "curl goes on");
    let (status, headers, _) = encoder.raw("PUT", &path, &[("authorization", "Basic dTpw")], b"").await;
    assert_eq!((status, headers.contains_key(WWW_AUTHENTICATE)), (StatusCode::UNAUTHORIZED, true));
    let (status, headers, _) = encoder.raw("PUT", &path, &[("authorization", "Digest nonsense")], b"").await;
    assert_eq!((status, headers.contains_key(WWW_AUTHENTICATE)), (StatusCode::BAD_REQUEST, false));
    assert!(house.objects().await.is_empty());
}

#[tokio::test]
async fn a_rotation_ends_the_old_password_with_the_next_request_on_that_input_only() {
    let house = House::new();
    let mut first = Encoder::new(&house);
    let mut second = Encoder { endpoint: "two", ..Encoder::new(&house) };
    assert_eq!(first.put("a.ts", SEGMENT).await, StatusCode::CREATED);
    assert_eq!(second.put("a.ts", SEGMENT).await, StatusCode::CREATED);
    house.catalogue.update(|catalogue| {
        let mut rotated = channel("secret");
        rotated.ingest_endpoints[0].password = Secret::new("fresh");
        catalogue.put_channel(rotated);
    });
    assert_eq!(first.put("b.ts", SEGMENT).await, StatusCode::UNAUTHORIZED);
    assert_eq!(second.put("b.ts", SEGMENT).await, StatusCode::CREATED);
    first.password = "fresh";
    assert_eq!(first.put("b.ts", SEGMENT).await, StatusCode::CREATED);
    assert_eq!(house.objects().await.len(), 4);
}

#[tokio::test]
async fn other_channels_endpoints_and_paths_are_not_found() {
    let house = House::new();
    let encoder = Encoder::new(&house);
    for path in [
        "/in/v2/ffffffffffffffffffffffffffffffff/one/a.ts".to_owned(),
        format!("/in/v2/{GUID}/three/a.ts"),
        format!("/in/v1/{GUID}/one/a.ts"),
        "/in/v2/".to_owned(),
    ] {
        assert_eq!(encoder.raw("PUT", &path, &[], b"").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for name in ["../a.ts", "%2e%2e/a.ts", "a%2fb.ts", "a%00.ts", "a//b.ts", "%252e%252e/x", "..%5cx"] {
        let (status, _, text) = encoder.raw("PUT", &format!("/in/v2/{GUID}/one/{name}"), &[], b"").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}");
        assert!(text.starts_with("the file name has") && text.lines().count() == 1, "{text}");
    }
}

#[tokio::test]
async fn the_other_methods_of_webdav_are_answered_and_delete_deletes_nothing() {
    let house = House::new();
    let mut encoder = Encoder::new(&house);
    assert_eq!(encoder.put("a.ts", SEGMENT).await, StatusCode::CREATED);
    for (method, name, status) in [
        ("DELETE", "a.ts", StatusCode::NO_CONTENT),
        ("DELETE", "never-there.ts", StatusCode::NO_CONTENT),
        ("MKCOL", "video", StatusCode::CREATED),
        ("PROPFIND", "", StatusCode::MULTI_STATUS),
        ("GET", "a.ts", StatusCode::NOT_FOUND),
        ("HEAD", "a.ts", StatusCode::NOT_FOUND),
        ("PATCH", "a.ts", StatusCode::METHOD_NOT_ALLOWED),
        ("PUT", "", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(encoder.send(method, name, &[], b"").await.0, status, "{method}");
    }
    let (status, headers, _) = encoder.raw("OPTIONS", &format!("/in/v2/{GUID}/one/channel"), &[], b"").await;
    assert_eq!((status, headers["dav"].as_bytes()), (StatusCode::OK, &b"1"[..]));
    assert!(headers[ALLOW].to_str().unwrap().contains("PUT"));
    assert_eq!(encoder.put("a.ts", SEGMENT).await, StatusCode::NO_CONTENT, "it is still there");
}

#[tokio::test]
async fn refused_playlists_say_why_and_change_nothing() {
    let house = House::new();
    let mut encoder = Encoder::new(&house);
    for (name, body, part) in [
        ("v.m3u8", &b""[..], "#EXTM3U"),
        ("v.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:2,\na.m4s\n", "EXT-X-MAP"),
        ("index.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n", "channel.m3u8"),
        ("v.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://169.254.169.254/a.ts\n", "scheme"),
    ] {
        let (status, text) = encoder.send("PUT", name, &[], body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(text.starts_with(name) && text.contains(part) && text.lines().count() == 1, "{text}");
    }
}

#[tokio::test]
async fn only_playlists_may_be_compressed() {
    use std::io::Write;
    let house = House::new();
    let mut encoder = Encoder::new(&house);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&media_playlist(&["a.ts"])).unwrap();
    let gzip = gzip.finish().unwrap();
    for (name, coding, status) in [
        ("channel.m3u8", "gzip", StatusCode::CREATED),
        ("channel", "GZIP", StatusCode::CREATED),
        ("channel.m3u8", "br", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("a.ts", "gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        assert_eq!(
            encoder.send("PUT", name, &[("content-encoding", coding)], &gzip).await.0,
            status,
            "{name} {coding}"
        );
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    let body = BodyLimits { segment_bytes: 1_000, playlist_bytes: 100, ..BodyLimits::default() };
    let house = House::with(IngestSettings { body, ..IngestSettings::default() }, |store| Arc::new(store));
    let mut encoder = Encoder::new(&house);
    assert_eq!(encoder.put("a.ts", &[0x47; 1_001]).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(encoder.put("a.m3u8", &[b'#'; 101]).await, StatusCode::PAYLOAD_TOO_LARGE);
    // A playlist under another name is held to the same limit once it is known for one.
    let long = [&b"#EXTM3U\n"[..], &[b'#'; 500]].concat();
    assert_eq!(encoder.put("a.txt", &long).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_channel_over_its_request_quota_is_told_to_wait() {
    let settings = IngestSettings { requests_per_second: Some(50), ..IngestSettings::default() };
    let house = House::with(settings, |store| Arc::new(store));
    let mut encoder = Encoder::new(&house);
    let mut refused = 0;
    for _ in 0..80 {
        refused += u32::from(encoder.send("DELETE", "a.ts", &[], b"").await.0 == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 0);
}

/// A store whose disk is full while the switch is on.
struct FullStore(MemoryStore, Arc<Mutex<bool>>);

impl MediaStore for FullStore {
    fn put<'a>(&'a self, key: &'a str, payload: Bytes) -> BoxFuture<'a, Result<(), StoreError>> {
        if *self.1.lock().unwrap() {
            return Box::pin(async move { Err(StoreError::Full(key.to_owned())) });
        }
        self.0.put(key, payload)
    }
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        self.0.get(key)
    }
    fn get_range<'a>(&'a self, key: &'a str, range: std::ops::Range<u64>) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        self.0.get_range(key, range)
    }
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.delete(key)
    }
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<ObjectKey>, StoreError>> {
        self.0.list(prefix)
    }
    fn open_journal<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Replay, StoreError>> {
        self.0.open_journal(name)
    }
    fn append<'a>(&'a self, name: &'a str, records: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.append(name, records)
    }
    fn checkpoint<'a>(&'a self, name: &'a str, checkpoint: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.checkpoint(name, checkpoint)
    }
    fn archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.archive(name, blocks)
    }
    fn rewrite_archive<'a>(&'a self, name: &'a str, blocks: Vec<Vec<u8>>) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.rewrite_archive(name, blocks)
    }
    fn remove_all<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.remove_all(name)
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_next_push_after_it_is_taken() {
    let is_full = Arc::new(Mutex::new(true));
    let switch = is_full.clone();
    let house = House::with(IngestSettings::default(), |store| Arc::new(FullStore(store, switch)));
    let mut encoder = Encoder::new(&house);
    let (status, text) = encoder.send("PUT", "a.ts", &[], SEGMENT).await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE);
    assert!(text.contains("disk is full") && !text.contains(GUID), "{text}");
    *is_full.lock().unwrap() = false;
    assert_eq!(encoder.put("a.ts", SEGMENT).await, StatusCode::CREATED);
}

#[tokio::test]
async fn subtitles_are_stored_as_they_were_pushed() {
    const FILE: &[u8] = b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n";
    let house = House::new();
    let mut encoder = Encoder::new(&house);
    assert_eq!(encoder.put("s0.vtt", FILE).await, StatusCode::CREATED);
    let objects = house.objects().await;
    let [object] = &objects[..] else { panic!("{objects:?}") };
    assert_eq!(house.store.get(object).await.unwrap(), FILE);
    assert_eq!(encoder.put("s0.vtt", FILE).await, StatusCode::NO_CONTENT);
    assert_eq!(encoder.put("s1.vtt", b"no subtitles").await, StatusCode::CREATED);
    assert_eq!(house.objects().await.len(), 1, "what is no WebVTT is not stored");
}
