//! `openmediapackage demo`: serve, and a channel that plays.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::live_client::LiveClient;
use super::push::Watcher;
use crate::app::App;
use crate::config::{AccessKey, Settings, SettingsLayer};
use crate::source::{BuiltInSource, IngestUrl, push};

/// Flags of `demo`: those of `serve`, with a data folder of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    #[command(flatten)]
    settings: SettingsLayer,
}

/// Where the demo lives unless told otherwise: beside the default of `serve`, so that neither sees the other.
const DATA_DIR: &str = "./data/demo";

const CHANNEL: &str = "demo";

impl Demo {
    /// Serves and pushes until SIGTERM or SIGINT.
    pub(super) fn run(self) -> Result<(), String> {
        super::log_to_stderr();
        let defaults = SettingsLayer { data_dir: Some(PathBuf::from(DATA_DIR)), ..SettingsLayer::default() };
        let settings = self.settings.over(defaults).finish().map_err(|error| error.to_string())?;
        let key = settings.credentials.first().cloned().ok_or("the demo needs an access key to call the API with")?;
        super::runtime()?.block_on(async {
            let stop = super::stop_signal()?;
            let app = App::start(settings.clone()).await.map_err(|error| error.to_string())?;
            let origin = format!("http://{}", reachable(app.listen_address()));
            let (listen_url, public_url) = (app.listen_url(), app.public_url().to_owned());
            let (drain, drained) = tokio::sync::oneshot::channel::<()>();
            let mut server = tokio::spawn(app.run_until(async {
                // Either is the sign to stop: the message, or that nobody can send it any more.
                let _ = drained.await;
            }));
            let demonstration = async {
                let client = LiveClient::new(origin.clone(), key.clone(), settings.region.clone());
                let channel = Channel::find_or_create(&client).await?;
                super::announce(&listen_url)?;
                print(&channel.directions(&public_url, &settings, &key))?;
                channel.push_to_both(&origin).await
            };
            let outcome = tokio::select! {
                outcome = demonstration => outcome,
                () = stop => Ok(()),
                ended = &mut server => return ended.map_err(|error| error.to_string()),
            };
            drop(drain);
            server.await.map_err(|error| error.to_string())?;
            outcome
        })
    }
}

/// The demo channel as the API answered it.
struct Channel {
    /// URL, user name and password of each ingest endpoint.
    ingest: Vec<(String, String, String)>,
    /// Id and URL of each endpoint.
    endpoints: Vec<(String, String)>,
}

impl Channel {
    /// Finds channel and endpoints from an earlier run, or makes them.
    async fn find_or_create(client: &LiveClient) -> Result<Self, String> {
        let wanted = json!({"id": CHANNEL, "description": "The built-in source"});
        let channel = client.find_or_create(&format!("/channels/{CHANNEL}"), "/channels", wanted).await?;
        let text =
            |value: &Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let ingest =
            channel.pointer("/hlsIngest/ingestEndpoints").and_then(Value::as_array).cloned().unwrap_or_default();
        let ingest =
            ingest.iter().map(|one| (text(one, "url"), text(one, "username"), text(one, "password"))).collect();
        let mut endpoints = Vec::new();
        for wanted in endpoints_wanted() {
            let id = text(&wanted, "id");
            let path = format!("/origin_endpoints/{id}");
            let endpoint = client.find_or_create(&path, "/origin_endpoints", wanted).await?;
            endpoints.push((id, text(&endpoint, "url")));
        }
        Ok(Channel { ingest, endpoints })
    }

    /// What to open and what to try.
    fn directions(&self, public_url: &str, settings: &Settings, key: &AccessKey) -> String {
        let mut lines = format!("\n  Watch    {public_url}/_openmediapackage/\n\n");
        for (id, url) in &self.endpoints {
            lines += &format!("  {id:<18} {url}\n");
        }
        // A secret that somebody chose is not repeated.
        let secret = if key.secret == "test" { "test" } else { "…" };
        let first = self.endpoints.first().map(|(_, url)| url.as_str()).unwrap_or_default();
        lines += &format!(
            "\n  Try      export AWS_ENDPOINT_URL={public_url} AWS_DEFAULT_REGION={}\n           \
             export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={secret}\n           \
             aws mediapackage describe-channel --id {CHANNEL}\n           \
             aws mediapackage list-origin-endpoints --channel-id {CHANNEL}\n           \
             ffplay {first}\n\n  Data     {} (delete it to start afresh). Ctrl-C stops.\n\n",
            settings.region,
            key.id,
            settings.data_dir.display()
        );
        lines
    }

    /// Pushes the built-in source to both ingest endpoints; ends only if one of them refuses.
    async fn push_to_both(&self, origin: &str) -> Result<(), String> {
        let mut pushes = tokio::task::JoinSet::new();
        for (url, username, password) in &self.ingest {
            let url = at_origin(url, origin);
            let target = IngestUrl::parse(&url, Some((username, password))).map_err(|error| error.to_string())?;
            let mut watcher = Watcher::new(&url, None);
            pushes.spawn(push(Arc::new(BuiltInSource), target, move |event| watcher.see(&event)));
        }
        while let Some(ended) = pushes.join_next().await {
            ended
                .map_err(|error| error.to_string())?
                .map_err(|error| format!("the demo source was refused: {error}"))?;
        }
        Ok(())
    }
}

/// One endpoint per packager and form, with short segments and delays, so that something plays at once.
fn endpoints_wanted() -> Vec<Value> {
    let hls = |id: &str, with_groups: bool| {
        json!({
            "id": id, "channelId": CHANNEL, "startoverWindowSeconds": 3600,
            "hlsPackage": {
                "segmentDurationSeconds": 2, "playlistWindowSeconds": 60, "programDateTimeIntervalSeconds": 2,
                "useAudioRenditionGroup": with_groups,
            },
        })
    };
    let dash = |id: &str, template: &str| {
        json!({
            "id": id, "channelId": CHANNEL, "startoverWindowSeconds": 3600,
            "dashPackage": {
                "segmentDurationSeconds": 2, "manifestWindowSeconds": 60, "minUpdatePeriodSeconds": 2,
                "minBufferTimeSeconds": 4, "suggestedPresentationDelaySeconds": 8, "segmentTemplateFormat": template,
            },
        })
    };
    vec![
        hls("demo-hls", false),
        hls("demo-hls-groups", true),
        dash("demo-dash", "NUMBER_WITH_TIMELINE"),
        dash("demo-dash-time", "TIME_WITH_TIMELINE"),
        dash("demo-dash-duration", "NUMBER_WITH_DURATION"),
    ]
}

/// The same URL at another origin: what the world calls this server may not be reachable from within.
fn at_origin(url: &str, origin: &str) -> String {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find("/in/").and_then(|at| rest.get(at..)));
    format!("{origin}{}", path.unwrap_or_default())
}

/// A server that listens everywhere is reached here by the loopback address.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

fn print(text: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| format!("standard output cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_pushes_to_the_address_that_it_listens_on() {
        let url = "https://media.example/base/in/v2/1/2/channel";
        assert_eq!(at_origin(url, "http://127.0.0.1:9"), "http://127.0.0.1:9/in/v2/1/2/channel");
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
    }
}
