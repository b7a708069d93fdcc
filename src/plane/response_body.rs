//! The body of an answer, handed over without copying.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::BodySlice;

/// Why an answer's body broke off after its head was sent.
pub type ResponseBodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
#[derive(Debug)]
pub enum ResponseBody {
    /// Slices that are sent one after the other: headers we wrote and ranges of stored payload.
    Slices(VecDeque<BodySlice>),
    /// A body that somebody else makes.
    Other(axum::body::Body),
}

impl ResponseBody {
    /// No body.
    pub fn empty() -> Self {
        ResponseBody::Slices(VecDeque::new())
    }

    /// A body of one piece.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::slices([bytes.into()])
    }

    /// A body of many pieces, in order.
    pub fn slices(slices: impl IntoIterator<Item = impl Into<BodySlice>>) -> Self {
        ResponseBody::Slices(slices.into_iter().map(Into::into).filter(|slice: &BodySlice| !slice.is_empty()).collect())
    }
}

impl Default for ResponseBody {
    fn default() -> Self {
        ResponseBody::empty()
    }
}

impl From<axum::body::Body> for ResponseBody {
    fn from(body: axum::body::Body) -> Self {
        ResponseBody::Other(body)
    }
}

impl Body for ResponseBody {
    type Data = BodySlice;
    type Error = ResponseBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<BodySlice>, ResponseBodyError>>> {
        match self.get_mut() {
            ResponseBody::Slices(slices) => Poll::Ready(slices.pop_front().map(|slice| Ok(Frame::data(slice)))),
            ResponseBody::Other(body) => {
                let memory = |frame: Frame<Bytes>| frame.map_data(BodySlice::Memory);
                Pin::new(body)
                    .poll_frame(context)
                    .map(|frame| frame.map(|result| result.map(memory).map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Slices(slices) => slices.is_empty(),
            ResponseBody::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Slices(slices) => SizeHint::with_exact(slices.iter().map(|slice| slice.len() as u64).sum()),
            ResponseBody::Other(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn slices_come_out_in_order_with_their_exact_length() {
        let body = ResponseBody::slices([Bytes::from_static(b"ab"), Bytes::new(), Bytes::from_static(b"c")]);
        assert_eq!(body.size_hint().exact(), Some(3));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
    }
}
