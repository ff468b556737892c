//! A writer's rounds: takes all that wait, has them settled, and hands out the answers; what a deadline holds back comes again
//! with the next round. Must not decide or write.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Submission;
use super::ingress::Stage;
use super::queue::{Job, Settled, Submit, Write};
use super::writer::Writer;

/// How soon commands that are held back are looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Writer {
    /// Runs until it is told to stop or nobody can send any more.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        while let Some(first) = self.next(jobs) {
            let mut submits = std::mem::take(&mut self.held_back);
            let mut writes = Vec::new();
            let mut stopping = false;
            for job in first.into_iter().chain(jobs.try_iter().take(self.limit)) {
                match job {
                    Job::Submit(submit) => submits.push(submit),
                    Job::Write(write) => writes.push(write),
                    Job::Stop => {
                        stopping = true;
                        break;
                    }
                }
            }
            self.process(submits, writes);
            if stopping {
                break;
            }
            if !self.pause.is_zero() {
                std::thread::sleep(self.pause);
            }
        }
        // What was accepted is decided, also where a deadline holds it back: that is over in a second.
        while !self.held_back.is_empty() {
            std::thread::sleep(LOOK_AGAIN);
            let submits = std::mem::take(&mut self.held_back);
            self.process(submits, Vec::new());
        }
    }

    /// The next job; nothing for a while where held-back commands must be looked at again. `None` when nobody can send any more.
    fn next(&self, jobs: &Receiver<Job>) -> Option<Option<Job>> {
        if self.held_back.is_empty() {
            return jobs.recv().ok().map(Some);
        }
        match jobs.recv_timeout(LOOK_AGAIN) {
            Ok(job) => Some(Some(job)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn process(&mut self, mut submits: Vec<Submit>, mut writes: Vec<Write>) {
        let size = submits.len() + writes.len();
        metrics::gauge!("luochui_queue_depth").decrement(u32::try_from(size).unwrap_or(u32::MAX));
        metrics::histogram!("luochui_commit_batch_size").record(u32::try_from(size).unwrap_or(u32::MAX));
        let started = Instant::now();
        self.common.watch.begin(self.number, self.common.now());
        submits.iter().for_each(|submit| submit.move_on(Stage::InHand));
        // A deadline is decided after everything that was stamped before it.
        submits.sort_by_key(|submit| submit.submission.ingress);
        let submissions: Vec<&Submission> = submits.iter().map(|submit| &submit.submission).collect();
        let settled = self.settle(&submissions, &mut writes);
        metrics::histogram!("luochui_commit_seconds").record(started.elapsed());
        let slow = self.common.watch.end(self.number, self.common.now());
        self.common.suffered(slow);
        for (submit, settled) in submits.into_iter().zip(settled) {
            match settled {
                Settled::Answered(receipt) => {
                    submit.move_on(Stage::Done);
                    // A caller that went away does not undo what is durable.
                    let _gone = submit.answer.send(receipt);
                }
                Settled::HeldBack => {
                    submit.move_on(Stage::HeldBack);
                    metrics::gauge!("luochui_queue_depth").increment(1);
                    self.held_back.push(submit);
                }
            }
        }
        if self.held_back.is_empty() {
            self.drain.settled();
        }
    }
}
