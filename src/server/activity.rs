//! Watches what a connection's client does, and says when it only costs: a head that trickles in, an idle
//! connection kept for too long, an answer that nobody takes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::ServerLimits;
use super::file_sending::FilesToSend;
use crate::plane::is_placeholder;

/// "Not happening" among the times of [`Activity`].
const NEVER: u64 = u64::MAX;

/// What happened last on a connection. Times are milliseconds since it was accepted.
pub(super) struct Activity {
    accepted: Instant,
    last_transfer: AtomicU64,
    head_began: AtomicU64,
    write_waits_since: AtomicU64,
    requests_in_flight: AtomicU32,
}

/// A request that has its head and lacks its answer's head.
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.last_transfer.store(self.0.now(), Ordering::Relaxed);
        self.0.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Activity {
    pub(super) fn new() -> Self {
        Activity {
            accepted: Instant::now(),
            last_transfer: AtomicU64::new(0),
            // The first head is owed from the start: a client that connects and says nothing is no use.
            head_began: AtomicU64::new(0),
            write_waits_since: AtomicU64::new(NEVER),
            requests_in_flight: AtomicU32::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// A head is complete.
    pub(super) fn request_begins(self: &Arc<Self>) -> InFlight {
        self.head_began.store(NEVER, Ordering::Relaxed);
        self.requests_in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    fn bytes_read(&self) {
        let now = self.now();
        self.last_transfer.store(now, Ordering::Relaxed);
        if self.requests_in_flight.load(Ordering::Relaxed) == 0 {
            let _ = self.head_began.compare_exchange(NEVER, now, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    fn bytes_written(&self) {
        self.last_transfer.store(self.now(), Ordering::Relaxed);
        self.write_waits_since.store(NEVER, Ordering::Relaxed);
        // The rest of an early-answered body may have come in meanwhile: that was no head.
        if self.requests_in_flight.load(Ordering::Relaxed) == 0 {
            self.head_began.store(NEVER, Ordering::Relaxed);
        }
    }

    fn write_waits(&self) {
        let _ = self.write_waits_since.compare_exchange(NEVER, self.now(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The reason to close now, if there is one.
    fn verdict(&self, limits: &ServerLimits) -> Option<&'static str> {
        let now = self.now();
        let longer_than =
            |since: u64, limit: Duration| since != NEVER && u128::from(now.saturating_sub(since)) > limit.as_millis();
        if longer_than(self.write_waits_since.load(Ordering::Relaxed), limits.stalled_write_time) {
            return Some("the client took nothing of an answer for too long");
        }
        if self.requests_in_flight.load(Ordering::Relaxed) > 0 {
            return None;
        }
        if longer_than(self.head_began.load(Ordering::Relaxed), limits.head_time) {
            return Some("a request's head did not arrive in time");
        }
        let last_transfer = self.last_transfer.load(Ordering::Relaxed);
        longer_than(last_transfer, limits.idle_time).then_some("idle for too long")
    }

    /// Resolves when the connection should be closed.
    pub(super) async fn overdue(&self, limits: &ServerLimits) -> &'static str {
        let shortest = limits.head_time.min(limits.idle_time).min(limits.stalled_write_time);
        let pause = (shortest / 2).clamp(Duration::from_millis(10), Duration::from_secs(5));
        loop {
            tokio::time::sleep(pause).await;
            if let Some(reason) = self.verdict(limits) {
                return reason;
            }
        }
    }
}

/// A socket that notes what happens on it, and sends ranges of files by itself.
pub(super) struct WatchedStream {
    stream: TcpStream,
    activity: Arc<Activity>,
    files: Arc<FilesToSend>,
}

impl WatchedStream {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>, files: Arc<FilesToSend>) -> Self {
        WatchedStream { stream, activity, files }
    }

    fn note_write(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(_) => self.activity.bytes_written(),
            Poll::Pending => self.activity.write_waits(),
        }
        result
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_read();
        }
        result
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = if is_placeholder(bytes) {
            self.files.poll_send(&self.stream, context, bytes.len())
        } else {
            Pin::new(&mut self.stream).poll_write(context, bytes)
        };
        self.note_write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let in_memory = slices.iter().take_while(|slice| !is_placeholder(slice)).count();
        let result = match slices.get(..in_memory) {
            Some(memory) if memory.iter().any(|slice| !slice.is_empty()) => {
                Pin::new(&mut self.stream).poll_write_vectored(context, memory)
            }
            _ => match slices.get(in_memory) {
                Some(placeholder) => self.files.poll_send(&self.stream, context, placeholder.len()),
                None => Poll::Ready(Ok(0)),
            },
        };
        self.note_write(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
