//! What a writer has in hand in one round, and how it takes more from its queue. Must not decide or write.

use std::sync::mpsc::Receiver;

use super::common::Common;
use super::ingress::Stage;
use super::queue::{Job, Submit, Write};
use super::{Request, Submission};

/// The commands and closures of one round.
pub(super) struct Hand<'a> {
    /// Where more comes from, of which so many are taken at once; nothing where this is all there will be.
    queue: Option<(&'a Receiver<Job>, usize)>,
    pub submits: Vec<Submit>,
    pub writes: Vec<Write>,
    /// Taken too early: for the next round.
    pub later: Vec<Submit>,
    /// Nothing after this round is taken.
    pub stopping: bool,
}

impl<'a> Hand<'a> {
    /// These commands alone.
    pub fn of(submits: Vec<Submit>, writes: Vec<Write>) -> Self {
        Self {
            queue: None,
            submits,
            writes,
            later: Vec::new(),
            stopping: false,
        }
    }

    /// What was left over, a job that may have come, and all that waits behind it.
    pub fn gather(left: Vec<Submit>, first: Option<Job>, queue: (&'a Receiver<Job>, usize)) -> Self {
        let mut hand = Self {
            queue: Some(queue),
            ..Self::of(left, Vec::new())
        };
        if let Some(job) = first {
            hand.take(job);
        }
        hand.take_waiting();
        hand.in_order();
        hand
    }

    /// What has come while the trades of what is in hand were waited for, as far as it concerns no other trade than `locked`.
    pub fn join(&mut self, common: &Common, locked: &[String]) {
        if locked.is_empty() {
            return;
        }
        let before = self.submits.len();
        self.take_waiting();
        let is_other = |submit: &mut Submit| match &submit.submission.request {
            Request::Open { .. } => false,
            Request::Offer { instance, .. } => {
                let place = common.cache.place(instance);
                place.is_none_or(|place| locked.iter().all(|locked| *locked != *place))
            }
        };
        self.later.extend(self.submits.extract_if(before.., is_other));
        self.in_order();
    }

    pub fn submissions(&self) -> Vec<&Submission> {
        self.submits.iter().map(|submit| &submit.submission).collect()
    }

    pub fn len(&self) -> usize {
        self.submits.len() + self.writes.len()
    }

    fn take_waiting(&mut self) {
        let Some((jobs, limit)) = self.queue else { return };
        while !self.stopping && self.len() < limit {
            match jobs.try_recv() {
                Ok(job) => self.take(job),
                Err(_) => break,
            }
        }
    }

    fn take(&mut self, job: Job) {
        metrics::gauge!("luochui_queue_depth").decrement(1);
        match job {
            Job::Submit(submit) => {
                submit.move_on(Stage::InHand);
                self.submits.push(submit);
            }
            Job::Write(write) => self.writes.push(write),
            Job::Stop => self.stopping = true,
        }
    }

    /// A deadline is decided after everything that was stamped before it.
    fn in_order(&mut self) {
        self.submits.sort_by_key(|submit| submit.submission.ingress);
    }
}
