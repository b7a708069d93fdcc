//! The AWS SDK for Rust runs every operation of mediapackage against a whole server.

use aws_sdk_mediapackage::config::retry::RetryConfig;
use aws_sdk_mediapackage::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_mediapackage::error::ProvideErrorMetadata;
use aws_sdk_mediapackage::types::{
    AdMarkers, CmafPackageCreateOrUpdateParameters, DashPackage, EgressAccessLogs, HlsManifestCreateOrUpdateParameters,
    HlsPackage, IngressAccessLogs, MssPackage, Origination, PlaylistType, S3Destination, SegmentTemplateFormat,
    StreamOrder, StreamSelection, UtcTiming,
};
use aws_sdk_mediapackage::{Client, Config};
use openmediapackage::app::App;
use openmediapackage::config::SettingsLayer;

/// A whole server on a port and with a data folder of its own; ends with the test.
struct Server {
    url: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    _data: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let settings = SettingsLayer {
            listen: Some(([127, 0, 0, 1], 0).into()),
            data_dir: Some(data.path().to_owned()),
            ..SettingsLayer::default()
        };
        let app = App::start(settings.finish().expect("settings")).await.expect("the server starts");
        let url = app.listen_url();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        tokio::spawn(app.run_until(async {
            let _ = stopped.await;
        }));
        Server { url, stop: Some(stop), _data: data }
    }

    fn client(&self) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        Client::from_conf(config.build())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
    }
}

#[tokio::test]
async fn the_sdk_runs_every_operation() {
    let server = Server::start().await;
    let client = server.client();

    let created =
        client.create_channel().id("arena").description("d").tags("a", "1").send().await.expect("CreateChannel");
    let arn = created.arn().expect("an ARN").to_owned();
    assert!(arn.starts_with("arn:aws:mediapackage:eu-west-1:000000000000:channels/"), "{arn}");
    assert_eq!((created.id(), created.description()), (Some("arena"), Some("d")));
    assert_eq!(created.tags().and_then(|tags| tags.get("a")).map(String::as_str), Some("1"));
    assert!(created.created_at().is_some_and(|time| time.ends_with('Z')));
    let doors = created.hls_ingest().expect("ingest").ingest_endpoints().to_vec();
    let [first, second] = doors.as_slice() else { panic!("two doors: {doors:?}") };
    assert_eq!(first.id(), arn.rsplit('/').next());
    assert!(second.url().is_some_and(|url| url.starts_with(&server.url) && url.ends_with("/channel")));

    let described = client.describe_channel().id("arena").send().await.expect("DescribeChannel");
    assert_eq!((described.arn(), described.hls_ingest()), (created.arn(), created.hls_ingest()));
    let listed = client.list_channels().into_paginator().items().send().try_collect().await.expect("ListChannels");
    assert_eq!(listed.iter().map(|channel| channel.arn()).collect::<Vec<_>>(), [Some(arn.as_str())]);
    let updated = client.update_channel().id("arena").description("e").send().await.expect("UpdateChannel");
    assert_eq!(updated.description(), Some("e"));
    let logs = client
        .configure_logs()
        .id("arena")
        .egress_access_logs(EgressAccessLogs::builder().build())
        .ingress_access_logs(IngressAccessLogs::builder().log_group_name("/aws/MediaPackage/in").build())
        .send()
        .await
        .expect("ConfigureLogs");
    let egress = logs.egress_access_logs().and_then(|logs| logs.log_group_name());
    assert_eq!(egress, Some("/aws/MediaPackage/EgressAccessLogs"));
    assert_eq!(logs.ingress_access_logs().and_then(|logs| logs.log_group_name()), Some("/aws/MediaPackage/in"));
    let second_id = second.id().expect("an id");
    let rotated = client
        .rotate_ingest_endpoint_credentials()
        .id("arena")
        .ingest_endpoint_id(second_id)
        .send()
        .await
        .expect("Rotate");
    let after = rotated.hls_ingest().expect("ingest").ingest_endpoints();
    assert_eq!(after.first(), Some(first));
    assert!(after.get(1).is_some_and(|door| door.url() == second.url() && door.password() != second.password()));
    #[allow(deprecated)]
    let rotated = client.rotate_channel_credentials().id("arena").send().await.expect("RotateChannelCredentials");
    let after = rotated.hls_ingest().expect("ingest").ingest_endpoints();
    assert!(after.first().is_some_and(|door| door.url() == first.url() && door.username() != first.username()));

    origin_endpoints(&client).await;
    tags(&client, &arn).await;
    harvest_jobs(&client).await;

    let error = client.create_channel().id("arena").send().await.expect_err("a duplicate").into_service_error();
    assert!(error.is_unprocessable_entity_exception(), "{error:?}");
    assert!(error.message().is_some_and(|text| text.contains("exists already")), "{error:?}");
    client.delete_channel().id("arena").send().await.expect("DeleteChannel");
    let error = client.describe_channel().id("arena").send().await.expect_err("gone").into_service_error();
    assert!(error.is_not_found_exception(), "{error:?}");
}

async fn origin_endpoints(client: &Client) {
    let hls = HlsPackage::builder()
        .ad_markers(AdMarkers::Scte35Enhanced)
        .playlist_type(PlaylistType::Event)
        .segment_duration_seconds(4)
        .stream_selection(StreamSelection::builder().stream_order(StreamOrder::VideoBitrateAscending).build())
        .build();
    let created = client
        .create_origin_endpoint()
        .id("hls")
        .channel_id("arena")
        .hls_package(hls)
        .startover_window_seconds(600)
        .time_delay_seconds(10)
        .whitelist("10.0.0.0/8")
        .origination(Origination::Deny)
        .send()
        .await
        .expect("CreateOriginEndpoint");
    let package = created.hls_package().expect("an HLS package");
    assert_eq!((package.segment_duration_seconds(), package.playlist_window_seconds()), (Some(4), Some(60)));
    assert_eq!(package.ad_markers(), Some(&AdMarkers::Scte35Enhanced));
    assert_eq!(package.playlist_type(), Some(&PlaylistType::Event));
    let selection = package.stream_selection().expect("a selection");
    assert_eq!(selection.max_video_bits_per_second(), Some(i32::MAX));
    assert_eq!(selection.stream_order(), Some(&StreamOrder::VideoBitrateAscending));
    assert_eq!((created.startover_window_seconds(), created.time_delay_seconds()), (Some(600), Some(10)));
    assert_eq!(
        (created.whitelist(), created.origination()),
        (&["10.0.0.0/8".to_owned()][..], Some(&Origination::Deny))
    );
    let guid = created.arn().and_then(|arn| arn.rsplit('/').next()).expect("a guid");
    assert!(created.url().is_some_and(|url| url.ends_with(&format!("/out/v1/{guid}/index.m3u8"))));

    let dash = DashPackage::builder().build();
    let dash = client.create_origin_endpoint().id("dash").channel_id("arena").dash_package(dash).send().await;
    let dash = dash.expect("a DASH endpoint");
    let package = dash.dash_package().expect("a DASH package");
    assert_eq!(package.segment_template_format(), Some(&SegmentTemplateFormat::NumberWithTimeline));
    assert_eq!((package.utc_timing(), package.min_buffer_time_seconds()), (Some(&UtcTiming::None), Some(30)));
    let mss = MssPackage::builder().build();
    let mss = client.create_origin_endpoint().id("mss").channel_id("arena").mss_package(mss).send().await;
    assert!(mss.expect("an MSS endpoint").url().is_some_and(|url| url.ends_with("/index.ism/Manifest")));
    let manifest = HlsManifestCreateOrUpdateParameters::builder().id("m").build();
    let cmaf = CmafPackageCreateOrUpdateParameters::builder().hls_manifests(manifest).build();
    let cmaf = client.create_origin_endpoint().id("cmaf").channel_id("arena").cmaf_package(cmaf).send().await;
    let cmaf = cmaf.expect("a CMAF endpoint");
    let manifests = cmaf.cmaf_package().expect("a CMAF package").hls_manifests();
    assert_eq!(cmaf.url(), Some(""));
    assert!(manifests.first().and_then(|one| one.url()).is_some_and(|url| url.ends_with("/m/index.m3u8")));

    let described = client.describe_origin_endpoint().id("hls").send().await.expect("DescribeOriginEndpoint");
    assert_eq!((described.arn(), described.hls_package()), (created.arn(), created.hls_package()));
    let pages = client.list_origin_endpoints().channel_id("arena").max_results(1).into_paginator().items().send();
    let listed = pages.try_collect().await.expect("ListOriginEndpoints");
    assert_eq!(listed.iter().filter_map(|one| one.id()).collect::<Vec<_>>(), ["hls", "dash", "mss", "cmaf"]);
    let updated = client.update_origin_endpoint().id("hls").origination(Origination::Allow).send().await;
    let updated = updated.expect("UpdateOriginEndpoint");
    assert_eq!((updated.origination(), updated.hls_package()), (Some(&Origination::Allow), created.hls_package()));
    let error =
        client.update_origin_endpoint().id("hls").time_delay_seconds(3).send().await.expect_err("a broken rule");
    let error = error.into_service_error();
    assert!(error.is_unprocessable_entity_exception(), "{error:?}");
    assert!(error.message().is_some_and(|text| text.starts_with("timeDelaySeconds must be")), "{error:?}");
    let error = client.delete_channel().id("arena").send().await.expect_err("still in use").into_service_error();
    assert!(error.is_unprocessable_entity_exception(), "{error:?}");
    for id in ["hls", "dash", "mss", "cmaf"] {
        client.delete_origin_endpoint().id(id).send().await.expect("DeleteOriginEndpoint");
    }
}

async fn tags(client: &Client, arn: &str) {
    client.tag_resource().resource_arn(arn).tags("b c", "2/3").send().await.expect("TagResource");
    client.untag_resource().resource_arn(arn).tag_keys("a").tag_keys("never").send().await.expect("UntagResource");
    let tags = client.list_tags_for_resource().resource_arn(arn).send().await.expect("ListTagsForResource");
    let tags = tags.tags().expect("tags");
    assert_eq!(tags.len(), 1);
    assert_eq!(tags.get("b c").map(String::as_str), Some("2/3"));
}

async fn harvest_jobs(client: &Client) {
    let hls = HlsPackage::builder().build();
    let endpoint = client.create_origin_endpoint().id("clips").channel_id("arena").hls_package(hls);
    endpoint.startover_window_seconds(3600).send().await.expect("CreateOriginEndpoint");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let (start, end) = ((now - 120).to_string(), (now - 60).to_string());
    let role = "arn:aws:iam::123456789012:role/x";
    let destination = S3Destination::builder().bucket_name("clips").manifest_key("k").role_arn(role).build();
    let create = client.create_harvest_job().id("j").origin_endpoint_id("clips").start_time(&start).end_time(&end);
    let created = create.s3_destination(destination.clone()).send().await.expect("CreateHarvestJob");
    assert_eq!((created.channel_id(), created.s3_destination()), (Some("arena"), Some(&destination)));
    let described = client.describe_harvest_job().id("j").send().await.expect("DescribeHarvestJob");
    assert_eq!((described.arn(), described.start_time()), (created.arn(), Some(start.as_str())));
    let listed = client.list_harvest_jobs().send().await.expect("ListHarvestJobs");
    assert_eq!(listed.harvest_jobs().iter().map(|job| job.id()).collect::<Vec<_>>(), [Some("j")]);
    let unknown = client.describe_harvest_job().id("none").send().await.expect_err("unknown").into_service_error();
    assert!(unknown.is_not_found_exception(), "{unknown:?}");
    client.delete_origin_endpoint().id("clips").send().await.expect("DeleteOriginEndpoint");
}
