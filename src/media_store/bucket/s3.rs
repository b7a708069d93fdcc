//! Buckets of S3 or of a service that speaks like it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as ObjectPath;
use object_store::{Attribute, Attributes, BackoffConfig, ObjectStore, PutOptions, PutPayload, RetryConfig};

use super::http_client::Connector;
use super::{Buckets, Delivery, DeliveryError, delivery_error};
use crate::media_store::BoxFuture;

/// Where S3 is, and who we are there.
#[derive(Clone)]
pub struct S3Settings {
    /// Start of its URLs, such as `http://127.0.0.1:9000`; `None` is AWS's own in the bucket's region.
    pub endpoint: Option<String>,
    /// The access key's id.
    pub access_key: String,
    /// Its secret.
    pub secret: String,
    /// Its session token, if it is a temporary one.
    pub session_token: Option<String>,
}

/// Buckets of S3, in path style.
pub struct S3Buckets {
    settings: S3Settings,
    known: Mutex<HashMap<(String, String), Arc<AmazonS3>>>,
}

/// Buckets whose clients are kept; more are made anew each time.
const KNOWN_BUCKETS: usize = 64;

impl S3Buckets {
    /// Buckets with these settings. Nothing is connected yet.
    pub fn new(settings: S3Settings) -> Self {
        S3Buckets { settings, known: Mutex::default() }
    }

    fn bucket(&self, bucket: &str, region: &str) -> object_store::Result<Arc<AmazonS3>> {
        let key = (bucket.to_owned(), region.to_owned());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.get(&key) {
            return Ok(client.clone());
        }
        let retry =
            RetryConfig { backoff: BackoffConfig::default(), max_retries: 3, retry_timeout: Duration::from_secs(60) };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_access_key_id(&self.settings.access_key)
            .with_secret_access_key(&self.settings.secret)
            .with_virtual_hosted_style_request(false)
            .with_retry(retry)
            .with_http_connector(Connector);
        if let Some(token) = &self.settings.session_token {
            builder = builder.with_token(token);
        }
        if let Some(endpoint) = &self.settings.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let client = Arc::new(builder.build()?);
        if known.len() >= KNOWN_BUCKETS {
            known.clear();
        }
        known.insert(key, client.clone());
        Ok(client)
    }
}

impl Buckets for S3Buckets {
    fn deliver(&self, file: Delivery) -> BoxFuture<'_, Result<(), DeliveryError>> {
        Box::pin(async move {
            let place = format!("s3://{}/{}", file.bucket, file.key);
            let failed = |error| delivery_error(&place, error);
            let bucket = self.bucket(&file.bucket, &file.region).map_err(failed)?;
            let path = ObjectPath::parse(&file.key).map_err(|error| DeliveryError::Refused(error.to_string()))?;
            let attributes = Attributes::from_iter([(Attribute::ContentType, file.content_type)]);
            let payload: PutPayload = file.slices.into_iter().collect();
            let options = PutOptions { attributes, ..PutOptions::default() };
            bucket.put_opts(&path, payload, options).await.map_err(failed)?;
            Ok(())
        })
    }
}
