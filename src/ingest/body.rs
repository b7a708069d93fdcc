//! Receiving bodies: within limits of size, time and memory, whatever their headers say.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::plane::RequestBody;

/// How fast and how large a body must be.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes of a segment.
    pub segment_bytes: usize,
    /// Bytes of a playlist, also after decompression.
    pub playlist_bytes: usize,
    /// Longest silence.
    pub idle_time: Duration,
    /// Time that any body may take.
    pub grace_time: Duration,
    /// After the grace time, bytes per second on average.
    pub least_rate: u64,
    /// Time that no body may take.
    pub whole_time: Duration,
    /// Bytes of all bodies that are being received or taken apart.
    pub in_flight_bytes: u64,
}

impl Default for BodyLimits {
    fn default() -> Self {
        BodyLimits {
            segment_bytes: 64 * 1024 * 1024,
            playlist_bytes: 1024 * 1024,
            idle_time: Duration::from_secs(15),
            grace_time: Duration::from_secs(20),
            least_rate: 1024,
            whole_time: Duration::from_secs(120),
            in_flight_bytes: 512 * 1024 * 1024,
        }
    }
}

/// Why a body was not received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyProblem {
    /// Too many bytes.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// It came too slowly, or not at all.
    #[error("the body came too slowly: {0}")]
    TooSlow(&'static str),
    /// The connection ended within it.
    #[error("the body broke off: {0}")]
    Broken(String),
    /// All bodies together are too large.
    #[error("too much is being pushed at once: try again")]
    OutOfMemory,
    /// Not what `Content-Encoding: gzip` says.
    #[error("the body is no gzip file: {0}")]
    Gzip(String),
    /// No playlist is compressed that well.
    #[error("the body grows to more than {0} times its size when decompressed")]
    Bomb(usize),
}

impl BodyProblem {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            BodyProblem::TooLarge(_) | BodyProblem::Bomb(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyProblem::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            BodyProblem::Broken(_) | BodyProblem::Gzip(_) => StatusCode::BAD_REQUEST,
            BodyProblem::OutOfMemory => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Bytes in flight, of all connections.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    bytes: AtomicU64,
}

/// A part of the bytes in flight; given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    of: Arc<InFlight>,
    bytes: u64,
}

impl Reservation {
    fn grow(&mut self, bytes: u64, limit: u64) -> Result<(), BodyProblem> {
        let before = self.of.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before.saturating_add(bytes) > limit { Err(BodyProblem::OutOfMemory) } else { Ok(()) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.of.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Receives a whole body of at most `largest` bytes. Memory grows as bytes come, not as headers promise.
pub(super) async fn receive(
    mut body: RequestBody,
    largest: usize,
    limits: &BodyLimits,
    in_flight: &Arc<InFlight>,
) -> Result<(Bytes, Reservation), BodyProblem> {
    let mut reservation = Reservation { of: in_flight.clone(), bytes: 0 };
    if body.size_hint().lower() > largest as u64 {
        return Err(BodyProblem::TooLarge(largest));
    }
    let begin = Instant::now();
    let mut received = BytesMut::new();
    loop {
        let left = limits.whole_time.saturating_sub(begin.elapsed());
        let frame = tokio::time::timeout(limits.idle_time.min(left), body.frame()).await;
        let Some(frame) = frame.map_err(|_| BodyProblem::TooSlow("nothing came for too long"))? else { break };
        let frame = frame.map_err(|error| BodyProblem::Broken(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if received.len() + data.len() > largest {
            return Err(BodyProblem::TooLarge(largest));
        }
        reservation.grow(data.len() as u64, limits.in_flight_bytes)?;
        received.extend_from_slice(&data);
        let elapsed = begin.elapsed();
        if elapsed > limits.grace_time && (received.len() as u64) < limits.least_rate.saturating_mul(elapsed.as_secs())
        {
            return Err(BodyProblem::TooSlow("less than the least rate"));
        }
    }
    Ok((received.freeze(), reservation))
}

/// Lets a body that nobody wants pass by, so that its client can finish sending and read the answer.
pub(super) async fn discard(mut body: RequestBody, limits: BodyLimits) {
    let mut left = limits.segment_bytes;
    let passing = async {
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // When the time is over, the body is dropped and with it the connection.
    let _ = tokio::time::timeout(limits.idle_time, passing).await;
}

/// The most that a playlist may grow when decompressed.
const LARGEST_RATIO: usize = 200;

/// Undoes gzip.
pub(super) fn gunzip(compressed: &[u8], largest: usize) -> Result<Bytes, BodyProblem> {
    let by_ratio = compressed.len().saturating_mul(LARGEST_RATIO);
    let limit = largest.min(by_ratio);
    let mut plain = Vec::new();
    let mut decoder = flate2::bufread::GzDecoder::new(compressed);
    decoder
        .by_ref()
        .take(limit as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| BodyProblem::Gzip(error.to_string()))?;
    if plain.len() > limit {
        return Err(if by_ratio < largest { BodyProblem::Bomb(LARGEST_RATIO) } else { BodyProblem::TooLarge(largest) });
    }
    if !decoder.into_inner().is_empty() {
        return Err(BodyProblem::Gzip("something follows its end".to_owned()));
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_undone_within_its_bounds() {
        let text = (0..500).map(|number| format!("#EXTINF:2.0,\nv_{number}.ts\n")).collect::<String>();
        let compressed = gzip(text.as_bytes());
        assert_eq!(gunzip(&compressed, 100_000).unwrap(), text);
        assert_eq!(gunzip(&compressed, 1_000), Err(BodyProblem::TooLarge(1_000)));
        assert_eq!(gunzip(&gzip(&vec![b'a'; 10_000_000]), 100_000_000), Err(BodyProblem::Bomb(200)));
        assert!(matches!(gunzip(b"#EXTM3U", 1_000), Err(BodyProblem::Gzip(_))));
        assert!(matches!(gunzip(&compressed[..compressed.len() - 3], 100_000), Err(BodyProblem::Gzip(_))));
        let twice = [compressed.clone(), compressed].concat();
        assert!(matches!(gunzip(&twice, 100_000), Err(BodyProblem::Gzip(_))));
    }

    #[tokio::test]
    async fn bodies_in_flight_are_bounded_together_and_give_their_share_back() {
        let limits = BodyLimits { in_flight_bytes: 10, ..BodyLimits::default() };
        let in_flight = Arc::new(InFlight::default());
        let (bytes, held) = receive(RequestBody::whole("12345678"), 8, &limits, &in_flight).await.unwrap();
        assert_eq!(bytes, "12345678");
        let refused = receive(RequestBody::whole("abc"), 8, &limits, &in_flight).await.unwrap_err();
        assert_eq!(refused, BodyProblem::OutOfMemory);
        drop(held);
        assert!(receive(RequestBody::whole("abc"), 8, &limits, &in_flight).await.is_ok());
        assert_eq!(in_flight.bytes.load(Ordering::Relaxed), 0);
    }
}
