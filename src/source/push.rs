//! Waits for each round and puts it, for as long as it takes.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::ingest_url::IngestUrl;
use super::round::{LiveSource, PLAYLIST_TYPE, Round, UploadBody};
use super::upload::{UploadError, Uploader};

/// First wait after a failure; doubled after each further one.
const SHORTEST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// Why pushing ended before the source did.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The very first file was refused for a reason that does not pass.
    #[error(transparent)]
    Refused(#[from] UploadError),
}

/// What happens while pushing, for whoever watches.
#[derive(Debug)]
pub enum PushEvent<'a> {
    /// All files of a round arrived.
    Pushed {
        /// The round.
        number: u64,
        /// Bytes in its files.
        bytes: u64,
    },
    /// A file did not arrive and is tried again.
    Retrying {
        /// Why.
        error: &'a UploadError,
        /// After this time.
        wait: Duration,
    },
    /// A file is given up, as it cannot be read.
    Unreadable {
        /// The file's name.
        name: &'a str,
        /// What the system says.
        error: &'a std::io::Error,
    },
    /// The server was away for so long that rounds left the window before they could be pushed.
    Skipped {
        /// How many.
        rounds: u64,
    },
}

/// Pushes `source` to `target`, round by round as each is due, until it ends.
///
/// Starts with the rounds that the newest child playlists still list, so that a player finds a full window at
/// once. Once a file has arrived nothing ends it but the source: the server may restart, its credentials change
/// and come back.
///
/// # Errors
///
/// If the first file is refused for a reason that does not pass by itself, such as a wrong password.
pub async fn push(
    source: Arc<dyn LiveSource>,
    target: IngestUrl,
    mut watch: impl FnMut(PushEvent<'_>) + Send,
) -> Result<(), PushError> {
    let mut uploader = Uploader::new(target);
    let mut has_succeeded = false;
    let mut next = match source.newest_due(since_epoch()) {
        Some(newest) => window_start(&*source, newest),
        None => source.first_round(),
    };
    while let Some(round) = source.round(next) {
        tokio::time::sleep(round.due.saturating_sub(since_epoch())).await;
        let mut wait = SHORTEST_WAIT;
        let mut overtaken = false;
        let bytes = loop {
            let error = match put_round(&mut uploader, &round, &mut watch, &mut has_succeeded).await {
                Ok(bytes) => break bytes,
                Err(error) => error,
            };
            if !has_succeeded && !error.is_passing() {
                return Err(error.into());
            }
            watch(PushEvent::Retrying { error: &error, wait });
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            let window = source.newest_due(since_epoch()).map_or(next, |newest| window_start(&*source, newest));
            if window > next {
                watch(PushEvent::Skipped { rounds: window - next });
                next = window;
                overtaken = true;
                break 0;
            }
        };
        if !overtaken {
            watch(PushEvent::Pushed { number: next, bytes });
            next = next.saturating_add(1);
        }
    }
    Ok(())
}

/// The oldest round that the child playlists of round `newest` still list.
fn window_start(source: &dyn LiveSource, newest: u64) -> u64 {
    newest.saturating_sub(source.window_rounds().saturating_sub(1)).max(source.first_round())
}

/// Puts a round's files in order; a second try puts them all again, as a server that restarted may have lost some.
async fn put_round(
    uploader: &mut Uploader,
    round: &Round,
    watch: &mut (impl FnMut(PushEvent<'_>) + Send),
    has_succeeded: &mut bool,
) -> Result<u64, UploadError> {
    let mut total = 0;
    for upload in &round.uploads {
        let body = match &upload.body {
            UploadBody::Bytes(bytes) => bytes.clone(),
            UploadBody::File(path) => match tokio::fs::read(path).await {
                Ok(bytes) => Bytes::from(bytes),
                Err(error) => {
                    watch(PushEvent::Unreadable { name: &upload.name, error: &error });
                    continue;
                }
            },
        };
        let size = body.len() as u64;
        uploader.put(&upload.name, upload.content_type, body).await?;
        *has_succeeded = true;
        total += size;
    }
    let parent_name = uploader.target().parent_name();
    uploader.put(&parent_name, PLAYLIST_TYPE, round.parent.clone()).await?;
    *has_succeeded = true;
    Ok(total + round.parent.len() as u64)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::round::Upload;
    use super::super::test_server::{Script, TestServer};
    use super::*;
    use http::StatusCode;

    /// Two rounds, both due long ago.
    struct TwoRounds;

    impl LiveSource for TwoRounds {
        fn newest_due(&self, _now: Duration) -> Option<u64> {
            Some(8)
        }

        fn round(&self, number: u64) -> Option<Round> {
            let segment = Upload {
                name: format!("{number}.ts"),
                content_type: "video/mp2t",
                body: UploadBody::Bytes(Bytes::from_static(b"segment")),
            };
            let child = Upload::playlist("child.m3u8".to_owned(), format!("#{number}"));
            let due = Duration::from_secs(number);
            (number < 9).then(|| Round { due, uploads: vec![segment, child], parent: Bytes::from_static(b"parent") })
        }

        fn window_rounds(&self) -> u64 {
            2
        }

        fn first_round(&self) -> u64 {
            0
        }
    }

    async fn push_to(server: &TestServer, password: &str) -> (Result<(), PushError>, Vec<String>) {
        let mut seen = Vec::new();
        let target = IngestUrl::parse(&server.url(password), None).unwrap();
        let outcome = push(Arc::new(TwoRounds), target, |event| {
            seen.push(match event {
                PushEvent::Pushed { number, bytes } => format!("pushed {number}: {bytes}"),
                PushEvent::Retrying { .. } => "retrying".to_owned(),
                other => format!("{other:?}"),
            });
        })
        .await;
        (outcome, seen)
    }

    #[tokio::test]
    async fn a_pusher_starts_with_the_window_and_ends_with_its_source() {
        let server = TestServer::start(Script { nonce_uses: 99, ..Script::default() }).await;
        let (outcome, seen) = push_to(&server, "right").await;
        outcome.unwrap();
        assert_eq!(seen, ["pushed 7: 15", "pushed 8: 15"]);
        assert_eq!(server.taken_names(), ["7.ts", "child.m3u8", "channel.m3u8", "8.ts", "child.m3u8", "channel.m3u8"]);
    }

    #[tokio::test]
    async fn a_failing_server_is_tried_again_with_the_whole_round() {
        let failures = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE].into();
        let server = TestServer::start(Script { nonce_uses: 99, failures, ..Script::default() }).await;
        let (outcome, seen) = push_to(&server, "right").await;
        outcome.unwrap();
        assert_eq!(seen, ["retrying", "retrying", "pushed 7: 15", "pushed 8: 15"]);
    }

    #[tokio::test]
    async fn a_wrong_password_ends_a_push_that_never_succeeded() {
        let server = TestServer::start(Script { nonce_uses: 99, ..Script::default() }).await;
        let (outcome, seen) = push_to(&server, "wrong").await;
        assert!(outcome.unwrap_err().to_string().contains("refuses user name or password"));
        assert!(seen.is_empty() && server.taken_names().is_empty());
    }
}
