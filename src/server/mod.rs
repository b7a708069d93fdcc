//! The listener: accepts connections within limits, reads requests, hands each to its plane, drains on stop.
//!
//! HTTP/1.1 by hyper. What is ours here: [`activity`] closes connections that only cost, [`framing`] refuses
//! what hyper lets pass, [`file_sending`] spares payload the way through memory, [`dispatch`] tells the planes apart by the raw path.

mod activity;
mod dispatch;
mod file_sending;
mod framing;
mod open_files;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::plane::{Connection, Request, RequestBody};
use activity::{Activity, WatchedStream};
pub use dispatch::Planes;
use file_sending::{AnswerBody, FilesToSend};
pub use open_files::raise_open_files_limit;

/// What one client, and all of them together, may cost.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Largest request head: request line and headers, in bytes. More is answered 431.
    pub head_bytes: usize,
    /// Read buffer of a connection, in bytes.
    pub buffer_bytes: usize,
    /// From a request's first byte to the end of its head.
    pub head_time: Duration,
    /// How long a connection may stay open between requests. Encoders keep theirs over one segment or more.
    pub idle_time: Duration,
    /// How long a client may take nothing of an answer that waits for it.
    pub stalled_write_time: Duration,
    /// How long requests in flight may go on after the stop was asked for.
    pub drain_time: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            connections: 10_000,
            head_bytes: 32 * 1024,
            buffer_bytes: 128 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(180),
            stalled_write_time: Duration::from_secs(60),
            drain_time: Duration::from_secs(10),
        }
    }
}

/// A bound listener, not serving yet; connections already queue up.
pub struct Server {
    listener: TcpListener,
    limits: ServerLimits,
}

impl Server {
    /// Binds the address; port 0 picks a free one.
    pub async fn bind(listen: SocketAddr, limits: ServerLimits) -> io::Result<Self> {
        Ok(Server { listener: TcpListener::bind(listen).await?, limits })
    }

    /// The address that was bound.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` resolves, then lets requests in flight end, for at most the drain time.
    pub async fn serve(self, planes: Planes, stop: impl Future<Output = ()>) {
        let Server { listener, limits } = self;
        let planes = Arc::new(planes);
        let permits = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        let next_id = AtomicU64::new(1);
        tokio::pin!(stop);
        loop {
            let accept = async {
                // Never closed, so this only waits.
                let permit = Arc::clone(&permits).acquire_owned().await.ok();
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                accepted = accept => accepted,
                () = &mut stop => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, mostly: a short pause lets connections end instead of spinning.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let connection = Arc::new(Connection::new(next_id.fetch_add(1, Ordering::Relaxed), peer));
            let watcher = graceful.watcher();
            let planes = Arc::clone(&planes);
            tokio::spawn(async move {
                serve_connection(stream, connection, planes, limits, watcher).await;
                drop(permit);
            });
        }
        drop(listener);
        if tokio::time::timeout(limits.drain_time, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests were still in flight when the drain time ended");
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    connection: Arc<Connection>,
    planes: Arc<Planes>,
    limits: ServerLimits,
    watcher: hyper_util::server::graceful::Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, connection = connection.id, "TCP_NODELAY could not be set");
    }
    let activity = Arc::new(Activity::new());
    let files = Arc::new(FilesToSend::default());
    let stream = TokioIo::new(WatchedStream::new(stream, Arc::clone(&activity), Arc::clone(&files)));
    let service = {
        let connection = Arc::clone(&connection);
        let activity = Arc::clone(&activity);
        service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let planes = Arc::clone(&planes);
            let connection = Arc::clone(&connection);
            let in_flight = activity.request_begins();
            let files = Arc::clone(&files);
            async move {
                let request: Request = request.map(RequestBody::Incoming);
                let answer = planes.answer(&connection, request).await;
                drop(in_flight);
                Ok::<_, std::convert::Infallible>(answer.map(|body| AnswerBody::new(body, files)))
            }
        })
    };
    let served = hyper::server::conn::http1::Builder::new()
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.buffer_bytes)
        .header_read_timeout(None)
        // Encoders close right after the last byte of a body; what they sent still counts.
        .half_close(true)
        .serve_connection(stream, service);
    tokio::select! {
        result = watcher.watch(served) => if let Err(error) = result {
            tracing::debug!(%error, connection = connection.id, peer = %connection.peer, "connection ended early");
        },
        reason = activity.overdue(&limits) => {
            tracing::debug!(reason, connection = connection.id, peer = %connection.peer, "connection closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::plane::{AnswerFuture, Plane, Response, ResponseBody};

    /// Takes half a second for `/out/slow`, has 64 MB for `/out/large`, and reads no body.
    struct Sample;

    impl Plane for Sample {
        fn answer<'a>(&'a self, connection: &'a Arc<Connection>, request: Request) -> AnswerFuture<'a> {
            Box::pin(async move {
                match request.uri().path() {
                    "/out/slow" => tokio::time::sleep(Duration::from_millis(500)).await,
                    "/out/large" => {
                        let megabyte = Bytes::from(vec![0; 1 << 20]);
                        return Response::new(ResponseBody::slices(vec![megabyte; 64]));
                    }
                    _ => {}
                }
                Response::new(ResponseBody::whole(format!("connection {}", connection.id)))
            })
        }
    }

    /// A server whose limits are short, and the address that it listens on.
    async fn impatient(connections: usize) -> SocketAddr {
        let limits = ServerLimits {
            connections,
            head_time: Duration::from_millis(150),
            idle_time: Duration::from_millis(300),
            stalled_write_time: Duration::from_millis(300),
            ..ServerLimits::default()
        };
        let server = Server::bind(([127, 0, 0, 1], 0).into(), limits).await.unwrap();
        let address = server.local_addr().unwrap();
        let plane: Arc<dyn Plane> = Arc::new(Sample);
        let planes = Planes { ingest: plane.clone(), origin: plane.clone(), console: plane.clone(), api: plane };
        tokio::spawn(server.serve(planes, std::future::pending()));
        address
    }

    /// Reads until the server closes; how much came, and after what time it closed.
    async fn read_to_close(stream: &mut TcpStream) -> (usize, Duration) {
        let began = Instant::now();
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await;
        // A reset is a close too.
        let _ = read.expect("the server closes the connection");
        (bytes.len(), began.elapsed())
    }

    #[tokio::test]
    async fn silence_and_a_head_that_trickles_in_are_cut_off() {
        let address = impatient(10).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        assert_eq!(read_to_close(&mut silent).await.0, 0);

        let mut trickling = TcpStream::connect(address).await.unwrap();
        let began = Instant::now();
        for byte in b"GET /out/x HTTP/1.1\r\nHost: x\r\nA: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".iter() {
            tokio::time::sleep(Duration::from_millis(30)).await;
            if trickling.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        assert_eq!(read_to_close(&mut trickling).await.0, 0);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_kept_connection_outlives_the_time_for_heads_and_ends_when_idle() {
        let address = impatient(10).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        for _ in 0..3 {
            stream.write_all(b"GET /out/x HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let mut buffer = [0; 1024];
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let (_, took) = read_to_close(&mut stream).await;
        assert!(took < Duration::from_secs(2), "{took:?}");
    }

    #[tokio::test]
    async fn a_slow_answer_is_waited_for_and_a_slow_reader_is_not() {
        let address = impatient(10).await;
        let mut patient = TcpStream::connect(address).await.unwrap();
        patient.write_all(b"GET /out/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(read_to_close(&mut patient).await.0 > 0);

        let mut stalled = TcpStream::connect(address).await.unwrap();
        stalled.write_all(b"GET /out/large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(1000)).await;
        let (came, _) = read_to_close(&mut stalled).await;
        assert!(came < 64 << 20, "all of it came: {came}");
    }

    #[tokio::test]
    async fn connections_above_the_limit_wait_for_their_turn() {
        let address = impatient(1).await;
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(b"GET /out/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut buffer = [0; 1024];
        let waited = tokio::time::timeout(Duration::from_millis(50), second.read(&mut buffer)).await;
        assert!(waited.is_err(), "it was served beside the first");
        drop(first);
        assert!(read_to_close(&mut second).await.0 > 0);
    }
}
