//! `openmediapackage push`: acts as an encoder.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use crate::source::{BuiltInSource, FolderSource, IngestUrl, LiveSource, PushEvent, push};

/// Flags of `push`.
#[derive(Debug, clap::Args)]
pub(super) struct Push {
    /// Ingest URLs of one channel, such as http://USER:PASSWORD@127.0.0.1:4790/in/v2/…/channel
    #[arg(required = true, num_args = 1..=2, value_name = "URL")]
    urls: Vec<String>,
    /// Folder with an HLS presentation (parent and child playlists, TS segments) to push in real time [default: the
    /// built-in picture and sound]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Push the folder again and again, behind a discontinuity
    #[arg(long = "loop", requires = "folder")]
    repeats: bool,
    /// User name for every URL, instead of the URL's own
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// Password for every URL, instead of the URL's own
    #[arg(long, env = "OPENMEDIAPACKAGE_PUSH_PASSWORD", hide_env_values = true)]
    password: Option<String>,
}

impl Push {
    /// Pushes until the source ends, SIGTERM or SIGINT comes, or every URL has refused.
    pub(super) fn run(self) -> Result<(), String> {
        super::log_to_stderr();
        let credentials = self.user.as_deref().zip(self.password.as_deref());
        let targets = self.urls.iter().map(|url| IngestUrl::parse(url, credentials).map_err(|error| error.to_string()));
        let targets = targets.collect::<Result<Vec<_>, _>>()?;
        let source = self.source()?;
        super::runtime()?.block_on(async {
            let stop = super::stop_signal()?;
            tokio::select! {
                outcome = push_to_all(source, targets) => outcome,
                () = stop => Ok(()),
            }
        })
    }

    fn source(&self) -> Result<Arc<dyn LiveSource>, String> {
        let Some(folder) = &self.folder else { return Ok(Arc::new(BuiltInSource)) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Milliseconds are what EXT-X-PROGRAM-DATE-TIME can say.
        let started_at = Duration::from_millis(now.as_millis().try_into().unwrap_or(u64::MAX));
        let source = FolderSource::open(folder, started_at, self.repeats).map_err(|error| error.to_string())?;
        Ok(Arc::new(source))
    }
}

/// Pushes to every target at once; each goes on whatever happens to the other.
async fn push_to_all(source: Arc<dyn LiveSource>, targets: Vec<IngestUrl>) -> Result<(), String> {
    let screen = std::io::stderr().is_terminal().then(MultiProgress::new);
    let mut pushes = tokio::task::JoinSet::new();
    for target in targets {
        let name = target.to_string();
        let mut watcher = Watcher::new(&name, screen.as_ref());
        let source = Arc::clone(&source);
        pushes.spawn(async move {
            let outcome = push(source, target, |event| watcher.see(&event)).await;
            watcher.end();
            outcome.map_err(|error| format!("pushing to {name} ended: {error}"))
        });
    }
    let mut failures = Vec::new();
    while let Some(ended) = pushes.join_next().await {
        if let Err(failure) = ended.unwrap_or_else(|error| Err(error.to_string())) {
            tracing::error!("{failure}");
            failures.push(failure);
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
}

/// Tells a person or a log how one push goes.
pub(super) struct Watcher {
    target: String,
    line: Option<ProgressBar>,
    rounds: u64,
    bytes: u64,
}

impl Watcher {
    /// A watcher that draws a line on `screen`, or logs if there is none.
    pub(super) fn new(target: &str, screen: Option<&MultiProgress>) -> Self {
        let line = screen.map(|screen| {
            let line = screen.add(ProgressBar::new_spinner());
            // The template is known to be right; were it not, the default one shows the message too.
            let style = ProgressStyle::with_template("{spinner} {prefix}  {wide_msg}");
            line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            line.set_prefix(target.to_owned());
            line.set_message("connecting");
            line.enable_steady_tick(Duration::from_millis(200));
            line
        });
        Watcher { target: target.to_owned(), line, rounds: 0, bytes: 0 }
    }

    /// Shows or logs one event.
    pub(super) fn see(&mut self, event: &PushEvent<'_>) {
        let target = self.target.as_str();
        let (message, is_trouble) = match event {
            PushEvent::Pushed { number, bytes } => {
                self.rounds += 1;
                self.bytes += bytes;
                (format!("segment {number}, {} rounds, {}", self.rounds, HumanBytes(self.bytes)), false)
            }
            PushEvent::Retrying { error, wait } => (format!("{error}; again in {} ms", wait.as_millis()), true),
            PushEvent::Unreadable { name, error } => (format!("{name} cannot be read and is left out: {error}"), true),
            PushEvent::Skipped { rounds } => (format!("{rounds} rounds came too late and were skipped"), true),
        };
        match &self.line {
            Some(line) => line.set_message(message),
            None if is_trouble => tracing::warn!(target, "{message}"),
            None if self.rounds == 1 => tracing::info!(target, "pushing: {message}"),
            None => tracing::debug!(target, "{message}"),
        }
    }

    fn end(&self) {
        if let Some(line) = &self.line {
            line.finish();
        }
    }
}
