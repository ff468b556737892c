//! The threads on which certificates are verified: few, with a short queue, so that a storm of them slows nothing else.
//! Must not know what is verified.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::problem::{Code, Problem};

/// Jobs that may wait; at 500 a second one waits a quarter of a second at most.
const QUEUE: usize = 128;

type Job = Box<dyn FnOnce() + Send>;

/// A pool of threads of its own.
#[derive(Clone)]
pub struct Verifiers {
    queue: SyncSender<Job>,
}

impl Verifiers {
    /// Starts the threads, at least one; they end when the last handle is dropped.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..threads.max(1) {
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new()
                .name(format!("verifier-{number}"))
                .spawn(move || work(&jobs))?;
        }
        Ok(Self { queue })
    }

    /// Runs work on one of the threads.
    ///
    /// # Errors
    /// `overloaded` where too many wait already.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Nobody waits any more where a client has gone.
            let _gone = answer.send(work());
        });
        match self.queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(Problem::new(Code::Overloaded).retry_after(1)),
            Err(TrySendError::Disconnected(_)) => return Err(Problem::new(Code::Unavailable).retry_after(5)),
        }
        answered
            .await
            .map_err(|error| Problem::internal("verify a certificate", &error))
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A job that panics answers nobody and must not take the thread along.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        if done.is_err() {
            tracing::error!("verifying a certificate panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_says_so_and_a_panic_ends_nothing() {
        let verifiers = Verifiers::start(1).unwrap();
        assert!(verifiers.run(|| panic!("as a test")).await.is_err());
        assert_eq!(verifiers.run(|| 7).await.unwrap(), 7);

        let (release, held) = std::sync::mpsc::channel::<()>();
        let (begun, beginning) = oneshot::channel();
        let own = verifiers.clone();
        let busy = tokio::spawn(async move {
            own.run(move || {
                let _ = begun.send(());
                let _ = held.recv();
            })
            .await
        });
        beginning.await.unwrap();
        let waiting: Vec<_> = (0..QUEUE)
            .map(|_| {
                let (answer, answered) = oneshot::channel();
                let job: Job = Box::new(move || {
                    let _ = answer.send(());
                });
                verifiers.queue.try_send(job).unwrap();
                answered
            })
            .collect();
        assert_eq!(verifiers.run(|| ()).await.unwrap_err().code, "overloaded");
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        for one in waiting {
            one.await.unwrap();
        }
    }
}
