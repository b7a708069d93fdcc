//! Makes commits durable: one flush for all that wait.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::StateError;

/// How long a flush may take before commits give up on it.
const LONGEST_FLUSH: Duration = Duration::from_secs(30);

type Waiter = oneshot::Sender<Result<(), StateError>>;

/// A thread that flushes for everybody who waits.
pub(super) struct Flusher {
    queue: Option<Sender<Waiter>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// Starts the thread for the database in `folder`.
    ///
    /// sled's own flush ends in `sync_file_range`, which neither empties the disk's cache nor writes the
    /// file's length; a power cut is survived only with an fsync of the log file after it.
    pub(super) fn start(database: sled::Db, folder: &Path) -> Result<Self, StateError> {
        let failed = |error: std::io::Error| StateError::new(format!("starting the flusher: {error}"));
        let log = File::open(folder.join("db")).map_err(failed)?;
        let (queue, waiters) = channel();
        let thread = std::thread::Builder::new()
            .name("state-flush".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || run(&waiters, || flush(&database, &log)))
            .map_err(failed)?;
        Ok(Flusher { queue: Some(queue), thread: Some(thread) })
    }

    /// Resolves when everything that was written before the call is durable.
    pub(super) async fn flushed(&self) -> Result<(), StateError> {
        let gone = || StateError::new("the flusher has stopped");
        let (waiter, done) = oneshot::channel();
        self.queue.as_ref().ok_or_else(gone)?.send(waiter).map_err(|_| gone())?;
        match tokio::time::timeout(LONGEST_FLUSH, done).await {
            Ok(result) => result.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(StateError::new(format!("a flush took longer than {} s", LONGEST_FLUSH.as_secs()))),
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the flusher of the state store panicked");
        }
    }
}

fn flush(database: &sled::Db, log: &File) -> Result<(), StateError> {
    database.flush().map_err(|error| StateError::new(format!("flush: {error}")))?;
    log.sync_data().map_err(|error| StateError::new(format!("fsync of the log: {error}")))
}

fn run(waiters: &Receiver<Waiter>, flush: impl Fn() -> Result<(), StateError>) {
    let mut failed: Option<StateError> = None;
    let mut together: Vec<Waiter> = Vec::new();
    let (mut crowd, mut last_took) = (1, Duration::ZERO);
    loop {
        if together.is_empty() {
            let Ok(first) = waiters.recv() else { return };
            together.push(first);
            together.extend(waiters.try_iter());
        }
        // Those who were served last come back a moment later. Starting without them would make groups that
        // take turns and wait for each other's flushes; a quarter of a flush is a good price for one group.
        let deadline = Instant::now() + (last_took / 4).min(Duration::from_millis(2));
        while together.len() < crowd {
            match waiters.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(waiter) => together.push(waiter),
                Err(_) => break,
            }
        }
        let began = Instant::now();
        // After a failed fsync the system may have dropped what it could not write: a later one that succeeds
        // proves nothing, so nothing is acknowledged any more until the store is opened again.
        let result = match &failed {
            Some(error) => Err(error.clone()),
            None => flush(),
        };
        last_took = began.elapsed();
        if let (None, Err(error)) = (&failed, &result) {
            tracing::error!(%error, "the state store can no longer promise durability: restart the server");
            failed = Some(error.clone());
        }
        let arrived: Vec<Waiter> = waiters.try_iter().collect();
        crowd = together.len() + arrived.len();
        for waiter in std::mem::replace(&mut together, arrived) {
            // A caller that went away needs no answer.
            let _ = waiter.send(result.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn those_who_wait_together_share_one_flush() {
        let (queue, waiters) = channel();
        let mut answers: Vec<_> = (0..10)
            .map(|_| {
                let (waiter, done) = oneshot::channel();
                queue.send(waiter).unwrap();
                done
            })
            .collect();
        drop(queue);
        let flushes = Cell::new(0);
        run(&waiters, || {
            flushes.set(flushes.get() + 1);
            Ok(())
        });
        assert_eq!(flushes.get(), 1);
        assert!(answers.iter_mut().all(|done| done.try_recv().unwrap().is_ok()));
    }

    #[test]
    fn after_a_failed_flush_nothing_is_acknowledged_any_more() {
        let (queue, waiters) = channel();
        let flushes = Cell::new(0);
        let (first, mut first_done) = oneshot::channel();
        queue.send(first).unwrap();
        let (second, mut second_done) = oneshot::channel();
        let second = Cell::new(Some(second));
        let queue = Cell::new(Some(queue));
        run(&waiters, || {
            flushes.set(flushes.get() + 1);
            if let Some(queue) = queue.take() {
                queue.send(second.take().unwrap()).unwrap();
            }
            if flushes.get() == 1 { Err(StateError::new("disk gone")) } else { Ok(()) }
        });
        assert!(first_done.try_recv().unwrap().is_err());
        assert!(second_done.try_recv().unwrap().is_err());
        assert_eq!(flushes.get(), 1);
    }
}
