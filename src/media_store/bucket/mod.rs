//! Buckets of others: where finished files are delivered. Written only, never read.
//!
//! * [`s3`]: any S3-compatible service. * [`folder`]: folders on the local disk, for development.

pub mod folder;
mod http_client;
pub mod s3;

use bytes::Bytes;

use super::BoxFuture;

/// A file for a bucket.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The bucket.
    pub bucket: String,
    /// The region of the bucket.
    pub region: String,
    /// The file's key.
    pub key: String,
    /// Its bytes, in order.
    pub slices: Vec<Bytes>,
    /// `Content-Type`.
    pub content_type: String,
}

/// Why a file was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// Trying again is of no use: no such bucket, no permission, nothing set up.
    #[error("{0}")]
    Refused(String),
    /// It may work later.
    #[error("{0}")]
    Unavailable(String),
}

/// Delivers files to buckets.
pub trait Buckets: Send + Sync + 'static {
    /// Writes a file, whole or not at all, over what has its key.
    fn deliver(&self, file: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>>;
}

/// No buckets at all: nothing was set up.
#[derive(Debug, Clone, Copy)]
pub struct NoBuckets;

impl Buckets for NoBuckets {
    fn deliver(&self, file: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        let reason =
            "bucket {} cannot be written: the server was started with neither --s3-credentials nor --harvest-folder";
        Box::pin(std::future::ready(Err(DeliveryError::Refused(reason.replacen("{}", &file.bucket, 1)))))
    }
}

/// What the object store says, as whether it is of use to try again.
fn delivery_error(place: &str, error: object_store::Error) -> DeliveryError {
    use object_store::Error;
    let text = format!("{place}: {error}");
    match error {
        Error::NotFound { .. }
        | Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::InvalidPath { .. }
        | Error::NotSupported { .. }
        | Error::UnknownConfigurationKey { .. } => DeliveryError::Refused(text),
        _ => DeliveryError::Unavailable(text),
    }
}
