//! The body of a request, read as far as somebody asks for it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};

/// The body of a request: from a socket, or whole from memory.
pub enum RequestBody {
    /// From a client; the first poll sends `100 Continue` if the client waits for it.
    Incoming(hyper::body::Incoming),
    /// From memory.
    Whole(Full<Bytes>),
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadBodyError {
    /// It is larger than allowed.
    #[error("the request body is larger than {limit} bytes")]
    TooLarge {
        /// The largest body allowed, in bytes.
        limit: usize,
    },
    /// It did not end in time.
    #[error("the request body did not arrive within {} s", deadline.as_secs())]
    TooSlow {
        /// How long it may take.
        deadline: Duration,
    },
    /// The connection broke, or the body's framing is wrong.
    #[error("the request body broke off: {0}")]
    Broken(String),
}

impl RequestBody {
    /// A body from memory.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        RequestBody::Whole(Full::new(bytes.into()))
    }

    /// Reads all of it, at most `limit` bytes, within `deadline`.
    pub async fn read_to_end(mut self, limit: usize, deadline: Duration) -> Result<Bytes, ReadBodyError> {
        if self.size_hint().lower() > limit as u64 {
            return Err(ReadBodyError::TooLarge { limit });
        }
        if self.is_end_stream() {
            return Ok(Bytes::new());
        }
        let read = async {
            let mut first = Bytes::new();
            let mut joined = BytesMut::new();
            while let Some(frame) = self.frame().await {
                let frame = frame.map_err(|error| ReadBodyError::Broken(error.to_string()))?;
                let Ok(data) = frame.into_data() else { continue };
                if first.len() + joined.len() + data.len() > limit {
                    return Err(ReadBodyError::TooLarge { limit });
                }
                // A body that came in one piece, as most do, is not copied.
                if first.is_empty() && joined.is_empty() {
                    first = data;
                } else {
                    if joined.is_empty() {
                        joined.extend_from_slice(&std::mem::take(&mut first));
                    }
                    joined.extend_from_slice(&data);
                }
            }
            Ok(if joined.is_empty() { first } else { joined.freeze() })
        };
        tokio::time::timeout(deadline, read).await.unwrap_or(Err(ReadBodyError::TooSlow { deadline }))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            RequestBody::Incoming(body) => Pin::new(body).poll_frame(context),
            RequestBody::Whole(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|result| result.map_err(|never| match never {}))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Incoming(body) => body.is_end_stream(),
            RequestBody::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Incoming(body) => body.size_hint(),
            RequestBody::Whole(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_at_the_limit_is_read_and_one_above_is_refused() {
        let deadline = Duration::from_secs(1);
        let read = RequestBody::whole("12345").read_to_end(5, deadline).await.unwrap();
        assert_eq!(read, "12345");
        let refused = RequestBody::whole("123456").read_to_end(5, deadline).await;
        assert!(matches!(refused, Err(ReadBodyError::TooLarge { limit: 5 })));
    }
}
