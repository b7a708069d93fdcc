//! From the last byte of a segment's PUT to its listing in the playlist, with several channels live:
//! `cargo run --release -p openmediapackage-benches --bin publish_latency -- SEGMENTS_FOLDER CHANNELS_JSON [--period-ms N]` prints milliseconds as JSON.
//!
//! The folder holds consecutive `NNN.ts` segments. The JSON is a list of
//! `{"ingest": URL ending in /channel, "username", "password", "playlist": URL of a media playlist}`.
//! Each channel gets a segment and then its playlist over one kept connection, as an encoder does; a second
//! connection asks for the played playlist until the segment is listed.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use digest_auth::{AuthContext, WwwAuthenticateHeader};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;

#[derive(Clone, Deserialize)]
struct Channel {
    ingest: String,
    username: String,
    password: String,
    playlist: String,
}

type Http = Client<HttpConnector, Full<Bytes>>;

struct Encoder {
    http: Http,
    channel: Channel,
    challenge: Option<WwwAuthenticateHeader>,
}

impl Encoder {
    async fn put(&mut self, name: &str, body: Bytes) -> Result<Instant, String> {
        let url = format!("{}/{name}", self.channel.ingest.trim_end_matches("/channel"));
        let path = url.parse::<http::Uri>().map_err(|error| error.to_string())?.path().to_owned();
        for _ in 0..2 {
            let mut request = Request::builder().method(Method::PUT).uri(&url);
            if let Some(challenge) = &mut self.challenge {
                let context = AuthContext::new_with_method(
                    &self.channel.username,
                    &self.channel.password,
                    &path,
                    Option::<&[u8]>::None,
                    digest_auth::HttpMethod::PUT,
                );
                let answer = challenge.respond(&context).map_err(|error| error.to_string())?;
                request = request.header("authorization", answer.to_header_string());
            }
            let payload = if self.challenge.is_some() { body.clone() } else { Bytes::new() };
            let request = request.body(Full::new(payload)).map_err(|error| error.to_string())?;
            let response = self.http.request(request).await.map_err(|error| error.to_string())?;
            let answered = Instant::now();
            if response.status().as_u16() == 401 {
                self.challenge = Some(md5_challenge(&response)?);
                continue;
            }
            let status = response.status();
            let text = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
            return if status.is_success() {
                Ok(answered)
            } else {
                Err(format!("PUT {name}: {status}: {}", String::from_utf8_lossy(&text)))
            };
        }
        Err(format!("PUT {name}: 401 for a digest answer"))
    }
}

fn md5_challenge(response: &Response<Incoming>) -> Result<WwwAuthenticateHeader, String> {
    let challenges = response.headers().get_all("www-authenticate");
    let last = challenges.iter().next_back().and_then(|value| value.to_str().ok()).ok_or("401 without a challenge")?;
    digest_auth::parse(last).map_err(|error| error.to_string())
}

fn media_playlist(newest: usize) -> Bytes {
    let first = newest.saturating_sub(4);
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for number in first..=newest {
        text.push_str(&format!("#EXTINF:2.000,\nv_{number:03}.ts\n"));
    }
    text.into()
}

async fn listed(http: &Http, playlist: &str) -> Result<usize, String> {
    let uri = playlist.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let response = http.get(uri).await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Ok(0);
    }
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let sequence = text.lines().find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:")?.parse::<usize>().ok());
    Ok(sequence.unwrap_or(0) + text.matches("#EXTINF").count())
}

async fn live(
    channel: Channel,
    segments: Vec<Bytes>,
    period: Duration,
    begins: tokio::time::Instant,
) -> Result<Vec<Duration>, String> {
    let viewer: Http = Client::builder(TokioExecutor::new()).build_http();
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let mut encoder = Encoder { http, channel: channel.clone(), challenge: None };
    let parent = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000\nv.m3u8\n";
    encoder.put("channel.m3u8", Bytes::from_static(parent.as_bytes())).await?;
    let mut latencies = Vec::new();
    for (number, segment) in segments.into_iter().enumerate() {
        tokio::time::sleep_until(begins + period * number as u32).await;
        let known = listed(&viewer, &channel.playlist).await?;
        // The clock starts before the upload, so the figure is never better than what is asked for.
        let begun = Instant::now();
        encoder.put(&format!("v_{number:03}.ts"), segment).await?;
        encoder.put("v.m3u8", media_playlist(number)).await?;
        let deadline = begun + Duration::from_secs(10);
        while listed(&viewer, &channel.playlist).await? <= known {
            if Instant::now() > deadline {
                return Err(format!("segment {number} was not listed within 10 s in {}", channel.playlist));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // The first segment also opens the channel's journal and the endpoint.
        if number > 0 {
            latencies.push(begun.elapsed());
        }
    }
    Ok(latencies)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = arguments.first().ok_or("the first argument is a folder of .ts segments")?;
    let channels: Vec<Channel> = serde_json::from_str(arguments.get(1).ok_or("the second argument is JSON")?)
        .map_err(|error| error.to_string())?;
    let period = match arguments.get(2).map(String::as_str) {
        Some("--period-ms") => {
            arguments.get(3).and_then(|text| text.parse().ok()).ok_or("--period-ms takes a number")?
        }
        _ => 1_000,
    };
    let period = Duration::from_millis(period);
    let mut paths: Vec<_> = std::fs::read_dir(Path::new(folder))
        .map_err(|error| format!("{folder}: {error}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "ts"))
        .collect();
    paths.sort();
    let segments = paths
        .iter()
        .map(|path| std::fs::read(path).map(Bytes::from))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let begins = tokio::time::Instant::now() + Duration::from_millis(200);
    let count = channels.len().max(1) as u32;
    let tasks: Vec<_> = channels
        .into_iter()
        .enumerate()
        .map(|(index, channel)| {
            tokio::spawn(live(channel, segments.clone(), period, begins + period * index as u32 / count))
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.map_err(|error| error.to_string())??);
    }
    latencies.sort();
    let percentile = |share: f64| {
        let index = ((latencies.len() as f64 * share) as usize).min(latencies.len().saturating_sub(1));
        latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    };
    println!(
        "{{\"segments\":{},\"p50_ms\":{:.2},\"p99_ms\":{:.2},\"max_ms\":{:.2}}}",
        latencies.len(),
        percentile(0.5),
        percentile(0.99),
        percentile(1.0)
    );
    Ok(())
}
