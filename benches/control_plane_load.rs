//! A signing load client for the control plane: `cargo run --release -p openmediapackage-benches --bin control_plane_load -- URL describe|create
//! [--connections N] [--seconds S]` prints requests per second and latencies as JSON.
//!
//! Every request carries a fresh SigV4 signature, so a server that verifies has to do the work. The same client
//! drives servers that do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

#[derive(Clone)]
struct Load {
    url: String,
    connections: usize,
    seconds: u64,
    creates: bool,
}

fn load_from_arguments() -> Result<Load, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str, default: u64| -> Result<u64, String> {
        match arguments.iter().position(|argument| argument == flag) {
            Some(index) => arguments
                .get(index + 1)
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| format!("{flag} takes a whole number")),
            None => Ok(default),
        }
    };
    let url = arguments.first().cloned().ok_or("the first argument is the server's URL")?;
    let creates = match arguments.get(1).map(String::as_str) {
        Some("describe") => false,
        Some("create") => true,
        _ => return Err("the second argument is `describe` or `create`".into()),
    };
    let connections = value("--connections", 16)? as usize;
    Ok(Load { url: url.trim_end_matches('/').to_owned(), connections, seconds: value("--seconds", 5)?, creates })
}

fn signed(method: &str, url: &str, body: &[u8]) -> Result<http::Request<Full<Bytes>>, String> {
    let identity = Credentials::new("test", "test", None, None, "load").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("mediapackage")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers = [("content-type", "application/json")];
    let signable = SignableRequest::new(method, url, headers.into_iter(), SignableBody::Bytes(body))
        .map_err(|error| error.to_string())?;
    let (instructions, _) = sign(signable, &parameters).map_err(|error| error.to_string())?.into_parts();
    let mut request = http::Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::copy_from_slice(body)))
        .map_err(|error| error.to_string())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

async fn worker(load: Load, worker: usize, next: Arc<AtomicU64>, until: Instant) -> Result<Vec<Duration>, String> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let request = if load.creates {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let id = format!("load-{}-{worker}-{number}", std::process::id());
            signed("POST", &format!("{}/channels", load.url), format!("{{\"id\":\"{id}\"}}").as_bytes())?
        } else {
            signed("GET", &format!("{}/channels/load", load.url), b"")?
        };
        let begun = Instant::now();
        let response = client.request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        if !status.is_success() {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&body)));
        }
        latencies.push(begun.elapsed());
    }
    Ok(latencies)
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), String> {
    let load = load_from_arguments()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    if !load.creates {
        let request = signed("POST", &format!("{}/channels", load.url), br#"{"id":"load"}"#)?;
        let status = client.request(request).await.map_err(|error| error.to_string())?.status();
        // 422: the channel is there from a run before.
        if !status.is_success() && status.as_u16() != 422 {
            return Err(format!("CreateChannel answered {status}"));
        }
    }
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let until = begun + Duration::from_secs(load.seconds);
    let workers: Vec<_> =
        (0..load.connections).map(|index| tokio::spawn(worker(load.clone(), index, next.clone(), until))).collect();
    let mut latencies = Vec::new();
    for task in workers {
        latencies.extend(task.await.map_err(|error| error.to_string())??);
    }
    let elapsed = begun.elapsed();
    latencies.sort();
    let percentile =
        |share: f64| latencies.get((latencies.len() as f64 * share) as usize).map_or(0.0, Duration::as_secs_f64);
    println!(
        "{{\"requests\":{},\"requests_per_second\":{:.1},\"p50_ms\":{:.3},\"p99_ms\":{:.3}}}",
        latencies.len(),
        latencies.len() as f64 / elapsed.as_secs_f64(),
        percentile(0.5) * 1000.0,
        percentile(0.99) * 1000.0
    );
    Ok(())
}
