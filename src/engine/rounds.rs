//! A writer's rounds: takes all that wait, has them settled, and hands out the answers; what a deadline holds back comes again
//! with the next round. Must not decide or write.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::hand::Hand;
use super::ingress::Stage;
use super::queue::{Job, Settled, Submit};
use super::writer::Writer;

/// How soon commands that are held back are looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

impl Writer {
    /// Runs until it is told to stop or nobody can send any more.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        while let Some(first) = self.next(jobs) {
            let left = self.left();
            let mut hand = Hand::gather(left, first, (jobs, self.limit));
            self.process(&mut hand);
            if hand.stopping {
                break;
            }
            if !self.pause.is_zero() {
                std::thread::sleep(self.pause);
            }
        }
        // What was accepted is decided, also where a deadline holds it back: that is over in a second.
        loop {
            let left = self.left();
            if left.is_empty() {
                break;
            }
            self.process(&mut Hand::of(left, Vec::new()));
            if !self.held_back.is_empty() {
                std::thread::sleep(LOOK_AGAIN);
            }
        }
    }

    /// What the last round left over.
    fn left(&mut self) -> Vec<Submit> {
        let mut left = std::mem::take(&mut self.held_back);
        left.append(&mut self.later);
        for submit in &left {
            metrics::gauge!("luochui_queue_depth").decrement(1);
            submit.move_on(Stage::InHand);
        }
        left
    }

    /// The next job; nothing for a while where held-back commands must be looked at again. `None` when nobody can send any more.
    fn next(&self, jobs: &Receiver<Job>) -> Option<Option<Job>> {
        if !self.later.is_empty() {
            return Some(None);
        }
        if self.held_back.is_empty() {
            return jobs.recv().ok().map(Some);
        }
        match jobs.recv_timeout(LOOK_AGAIN) {
            Ok(job) => Some(Some(job)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    fn process(&mut self, hand: &mut Hand) {
        let started = Instant::now();
        let common = Arc::clone(&self.common);
        let now = common.now();
        common.watch.begin(self.number, now);
        // What is in hand has left room in the queue.
        common.watch.opened(self.number, now, |outage| common.suffered(outage));
        let settled = self.settle(hand);
        metrics::histogram!("luochui_commit_batch_size").record(u32::try_from(settled.len()).unwrap_or(u32::MAX));
        metrics::histogram!("luochui_commit_seconds").record(started.elapsed());
        common
            .watch
            .end(self.number, common.now(), |slow| common.suffered(slow));
        self.hand_out(hand, settled);
        if self.held_back.is_empty() {
            self.drain.settled();
        }
    }

    fn hand_out(&mut self, hand: &mut Hand, settled: Vec<Settled>) {
        for (submit, settled) in hand.submits.drain(..).zip(settled) {
            match settled {
                Settled::Answered(receipt) => {
                    submit.move_on(Stage::Done);
                    // A caller that went away does not undo what is durable.
                    let _gone = submit.answer.send(receipt);
                }
                Settled::HeldBack => {
                    submit.move_on(Stage::HeldBack);
                    self.held_back.push(submit);
                }
            }
        }
        self.later.append(&mut hand.later);
        let waiting = self.held_back.len() + self.later.len();
        metrics::gauge!("luochui_queue_depth").increment(u32::try_from(waiting).unwrap_or(u32::MAX));
    }
}
