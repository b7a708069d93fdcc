//! What the server hands to the rooms that answer requests, and what they hand back.
//!
//! A *plane* is everything behind one family of paths: the AWS APIs, ingest, playback, our own pages. Planes
//! know HTTP messages, but neither sockets nor routing, so a test can call one without a server.

mod body_slice;
mod connection;
mod request_body;
mod response_body;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use body_slice::{BodySlice, FileSlice, is_placeholder};
pub use connection::Connection;
pub use request_body::{ReadBodyError, RequestBody};
pub use response_body::{ResponseBody, ResponseBodyError};

/// A request as the server hands it on; the body has not been read.
pub type Request = http::Request<RequestBody>;

/// An answer.
pub type Response = http::Response<ResponseBody>;

/// A boxed future of an answer.
pub type AnswerFuture<'a> = Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

/// One family of paths and everything behind it.
pub trait Plane: Send + Sync + 'static {
    /// Answers one request. Never fails: an error is an answer too.
    ///
    /// The body is read only as far as the plane polls it; `100 Continue` is sent on the first poll, so an
    /// answer given before that spares the client the body.
    fn answer<'a>(&'a self, connection: &'a Arc<Connection>, request: Request) -> AnswerFuture<'a>;
}
