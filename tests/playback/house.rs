//! A channel, an endpoint and the origin in memory, with a clock that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use openmediapackage::channels::Channels;
use openmediapackage::media::stored;
use openmediapackage::media_store::{MediaStore, MemoryStore};
use openmediapackage::origin::{Origin, OriginLimits};
use openmediapackage::resources::{
    CatalogueHandle, Channel, ChannelGuid, CmafManifest, CmafSettings, DashProfile, DashSettings, Endpoint,
    EndpointGuid, HlsAds, HlsSettings, IngestEndpoint, ManifestLayout, MssSettings, Packaging, PlaylistSettings,
    PlaylistType, Secret, SegmentTemplateFormat, StreamSelection,
};

use crate::encoder::Encoder;

pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
}

pub struct House {
    pub channels: Arc<Channels>,
    pub origin: Origin,
    pub catalogue: CatalogueHandle,
    store: MemoryStore,
    now: Arc<AtomicI64>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub fn hls() -> HlsSettings {
    HlsSettings {
        segment_duration_seconds: 6,
        playlist: playlist(60),
        use_audio_rendition_group: false,
        stream_selection: StreamSelection::default(),
    }
}

pub fn playlist(window_seconds: u32) -> PlaylistSettings {
    PlaylistSettings {
        window_seconds,
        playlist_type: PlaylistType::None,
        program_date_time_interval_seconds: 0,
        ads: HlsAds::default(),
    }
}

pub fn cmaf(manifests: &[(&str, PlaylistSettings)]) -> CmafSettings {
    let manifest = |(id, playlist): &(&str, PlaylistSettings)| CmafManifest {
        id: (*id).to_owned(),
        manifest_name: "live".to_owned(),
        playlist: playlist.clone(),
    };
    CmafSettings {
        segment_duration_seconds: 2,
        segment_prefix: "arena".to_owned(),
        manifests: manifests.iter().map(manifest).collect(),
        stream_selection: StreamSelection::default(),
    }
}

pub fn smooth() -> MssSettings {
    MssSettings {
        segment_duration_seconds: 2,
        manifest_window_seconds: 60,
        stream_selection: StreamSelection::default(),
    }
}

pub fn dash(segment_template_format: SegmentTemplateFormat) -> DashSettings {
    DashSettings {
        segment_duration_seconds: 2,
        manifest_window_seconds: 60,
        min_update_period_seconds: 15,
        min_buffer_time_seconds: 30,
        suggested_presentation_delay_seconds: 25,
        segment_template_format,
        manifest_layout: ManifestLayout::Full,
        profile: DashProfile::None,
        include_iframe_only_stream: false,
        utc_timing: None,
        ad_periods: None,
        stream_selection: StreamSelection::default(),
    }
}

pub fn endpoint(guid: &str, packaging: Packaging) -> Endpoint {
    Endpoint {
        guid: EndpointGuid(guid.to_owned()),
        id: guid.to_owned(),
        channel: channel_guid(),
        manifest_name: "live".to_owned(),
        startover_window_seconds: 0,
        time_delay_seconds: 0,
        whitelist: Vec::new(),
        originates: true,
        configuration_version: 1_790_000_000,
        packaging,
        not_built_yet: Vec::new(),
    }
}

fn channel_guid() -> ChannelGuid {
    ChannelGuid("c".to_owned())
}

impl House {
    pub fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> House {
        let catalogue = CatalogueHandle::default();
        let endpoints: Vec<Endpoint> = endpoints.into_iter().collect();
        catalogue.update(|catalogue| {
            let door = || IngestEndpoint { id: "i".to_owned(), username: "u".to_owned(), password: Secret::new("p") };
            catalogue.put_channel(Channel {
                guid: channel_guid(),
                id: "c".to_owned(),
                owner: Default::default(),
                ingest_endpoints: [door(), door()],
            });
            for endpoint in &endpoints {
                catalogue.put_endpoint(endpoint.clone());
            }
        });
        let now = Arc::new(AtomicI64::new(at(0).as_microsecond()));
        let store = MemoryStore::default();
        House { now: now.clone(), ..Self::open(store, catalogue, now) }
    }

    fn open(store: MemoryStore, catalogue: CatalogueHandle, now: Arc<AtomicI64>) -> House {
        let clock_source = now.clone();
        let clock = Arc::new(move || Timestamp::from_microsecond(clock_source.load(Ordering::Relaxed)).unwrap());
        let channels = Arc::new(Channels::new(Arc::new(store.clone()), catalogue.clone(), clock));
        let origin = Origin::new(channels.clone(), catalogue.clone(), OriginLimits::default());
        House { channels, origin, catalogue, store, now }
    }

    /// What is there after the process was killed and started again.
    pub fn restarted(self) -> House {
        Self::open(self.store, self.catalogue, self.now)
    }

    pub async fn set_time(&self, time: Timestamp) {
        let micros = time.as_microsecond().max(self.now.load(Ordering::Relaxed));
        self.now.store(micros, Ordering::Relaxed);
        let channel = self.channels.get(&channel_guid()).await.unwrap().unwrap();
        channel.let_time_pass(self.channels.now()).await.unwrap();
    }

    /// Segment `n` of one stream comes, and a playlist that lists it.
    pub async fn push_stream(&self, encoder: &Encoder, stream: usize, n: u64) {
        let channel = self.channels.get(&channel_guid()).await.unwrap().unwrap();
        let media = encoder.media(stream, n);
        let object = channel.new_object(encoder.input, &encoder.segment_name(stream, n));
        let bytes: Bytes = stored::encode(&media).unwrap().concat().into();
        self.store.put(&channel.object_key(object), bytes).await.unwrap();
        let events = [encoder.stored(stream, n, object, &media), encoder.playlist(stream, n, false)];
        channel.submit(&events).await.unwrap();
    }

    pub async fn push_parent(&self, encoder: &Encoder) {
        let channel = self.channels.get(&channel_guid()).await.unwrap().unwrap();
        channel.submit(&[encoder.parent(self.channels.now())]).await.unwrap();
    }

    /// Segment `n` of all streams comes at its time, the parent playlist first.
    pub async fn push(&self, encoder: &Encoder, n: u64) {
        self.set_time(encoder.received(n)).await;
        if n == 0 {
            self.push_parent(encoder).await;
        }
        for stream in 0..encoder.ladder.streams() {
            self.push_stream(encoder, stream, n).await;
        }
    }

    pub async fn end(&self, encoder: &Encoder, n: u64) {
        let channel = self.channels.get(&channel_guid()).await.unwrap().unwrap();
        for stream in 0..encoder.ladder.streams() {
            channel.submit(&[encoder.playlist(stream, n, true)]).await.unwrap();
        }
    }

    pub async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let answer = self.origin.respond(([10, 0, 0, 1], 4000).into(), &parts).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[]).await
    }

    /// The body of a file of an endpoint, which must be there.
    pub async fn file(&self, endpoint: &str, name: &str) -> Bytes {
        let answer = self.get(&format!("/out/v1/{endpoint}/{name}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{endpoint}/{name}: {}", String::from_utf8_lossy(&answer.body));
        answer.body
    }

    pub async fn text(&self, endpoint: &str, name: &str) -> String {
        String::from_utf8(self.file(endpoint, name).await.to_vec()).unwrap()
    }
}
