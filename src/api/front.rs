//! The API plane: reads the signature, then the body, finds out who is calling, and hands on by service.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tower::ServiceExt;

use super::aws::sigv4::{Claim, KnownKeys, Refusal, Verifier};
use super::aws::{Caller, Clock, ErrorCode};
use super::foreign::{self, Dialect};
use super::{error_answer, sts};
use crate::config::is_account;
use crate::plane::{AnswerFuture, Connection, Plane, ReadBodyError, Request, Response};

/// Largest body of any API request.
const LARGEST_BODY: usize = 1024 * 1024;

/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(30);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Who may call.
#[derive(Debug, Clone)]
pub enum Access {
    /// Every request must carry a right signature.
    Verified(Verifier),
    /// Anybody; what a signature says is believed without proof.
    Open {
        /// Accounts of the known keys.
        keys: KnownKeys,
        /// The account of everybody else, unless the access key is itself a 12-digit account.
        account: String,
        /// The region of requests without a signature.
        region: String,
    },
}

/// The APIs of one server.
pub struct ApiPlane {
    access: Access,
    clock: Arc<dyn Clock>,
    live: Router,
}

impl ApiPlane {
    /// The APIs behind this access rule; `live` takes requests that carry a [`Caller`] as extension.
    pub fn new(access: Access, clock: Arc<dyn Clock>, live: Router) -> Self {
        ApiPlane { access, clock, live }
    }

    async fn answer_request(&self, request: Request, request_id: &str) -> Response {
        let (mut parts, body) = request.into_parts();
        let claim = Claim::of(&parts);
        let dialect = dialect_of(&parts, &claim);
        // A caller who cannot be believed is refused before a byte of the body is read.
        if let Access::Verified(verifier) = &self.access {
            let checked = claim.as_ref().map_err(Clone::clone);
            if let Err(refusal) = checked.and_then(|claim| verifier.check_head(&parts, claim, self.clock.now())) {
                return refuse(dialect, &refusal, &parts, request_id);
            }
        }
        let body = match body.read_to_end(LARGEST_BODY, BODY_TIME).await {
            Ok(body) => body,
            Err(error) => return unreadable(dialect, &error, request_id),
        };
        let caller = match self.caller(&parts, &body, claim) {
            Ok(caller) => caller,
            Err(refusal) => return refuse(dialect, &refusal, &parts, request_id),
        };
        match caller.service.as_str() {
            "mediapackage" => {
                parts.extensions.insert(caller);
                self.live(parts, body).await
            }
            "sts" => sts::answer(&parts, &body, &caller, request_id).map(|text| Body::from(text).into()),
            service => foreign::answer(service, request_id).map(|text| Body::from(text).into()),
        }
    }

    async fn live(&self, parts: Parts, body: Bytes) -> Response {
        let request = http::Request::from_parts(parts, Body::from(body));
        match self.live.clone().oneshot(request).await {
            Ok(answer) => answer.map(Into::into),
            Err(never) => match never {},
        }
    }

    fn caller(&self, parts: &Parts, body: &[u8], claim: Result<Claim, Refusal>) -> Result<Caller, Refusal> {
        match &self.access {
            Access::Verified(verifier) => verifier.verify(parts, body, &claim?, self.clock.now()),
            Access::Open { keys, account, region } => Ok(match claim {
                Ok(claim) => Caller {
                    account: believed_account(&claim.scope.access_key, keys, account),
                    region: claim.scope.region,
                    service: claim.scope.service,
                    access_key: claim.scope.access_key,
                },
                Err(_) => Caller {
                    account: account.clone(),
                    region: region.clone(),
                    service: service_by_path(parts, body).to_owned(),
                    access_key: "anonymous".to_owned(),
                },
            }),
        }
    }
}

impl Plane for ApiPlane {
    fn answer<'a>(&'a self, connection: &'a Arc<Connection>, request: Request) -> AnswerFuture<'a> {
        Box::pin(async move {
            let request_id = uuid::Uuid::new_v4().to_string();
            let described = format!("{} {}", request.method(), request.uri().path());
            let mut answer = self.answer_request(request, &request_id).await;
            if let Ok(value) = HeaderValue::from_str(&request_id) {
                answer.headers_mut().insert(REQUEST_ID, value);
            }
            tracing::debug!(
                connection = connection.id,
                request = ?described,
                status = answer.status().as_u16(),
                request_id,
                "API request"
            );
            answer
        })
    }
}

fn believed_account(access_key: &str, keys: &KnownKeys, default: &str) -> String {
    match keys.account(access_key) {
        Some(account) => account.to_owned(),
        None if is_account(access_key) => access_key.to_owned(),
        None => default.to_owned(),
    }
}

/// Which service an unsigned request means; only asked when signatures are off.
fn service_by_path(parts: &Parts, body: &[u8]) -> &'static str {
    let path = parts.uri.path();
    let is_form = body.starts_with(b"Action=") || parts.uri.query().is_some_and(|query| query.contains("Action="));
    let below = |prefix: &str| path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    if path == "/" && is_form {
        "sts"
    } else if below("/packaging_groups") || below("/packaging_configurations") || below("/assets") {
        "mediapackage-vod"
    } else if below("/channelGroup") {
        "mediapackagev2"
    } else {
        "mediapackage"
    }
}

/// How the client reads errors: by the service it signed for, else by what its request looks like.
fn dialect_of(parts: &Parts, claim: &Result<Claim, Refusal>) -> Dialect {
    if let Ok(claim) = claim {
        return foreign::dialect(&claim.scope.service);
    }
    let form = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form && parts.uri.path() == "/" { foreign::dialect("sts") } else { Dialect::Json }
}

fn refuse(dialect: Dialect, refusal: &Refusal, parts: &Parts, request_id: &str) -> Response {
    tracing::info!(%refusal, request = ?format!("{} {}", parts.method, parts.uri.path()), request_id, "API request refused");
    let code = match dialect {
        Dialect::Json => refusal.code().name(),
        Dialect::Xml(_) => refusal.xml_code(),
    };
    error_answer(dialect, refusal.code().status(), code, &refusal.to_string(), request_id)
        .map(|text| Body::from(text).into())
}

fn unreadable(dialect: Dialect, error: &ReadBodyError, request_id: &str) -> Response {
    let (status, code) = match error {
        ReadBodyError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::RequestEntityTooLarge.name()),
        ReadBodyError::TooSlow { .. } => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException"),
        ReadBodyError::Broken(_) => (StatusCode::BAD_REQUEST, "IncompleteBodyException"),
    };
    let mut answer: Response =
        error_answer(dialect, status, code, &error.to_string(), request_id).map(|text| Body::from(text).into());
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
