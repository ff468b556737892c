//! When the platform stood still in a scenario, and what a timer is told of it. Must not judge: the machine does.

use crate::machine::Time;
use crate::machine::outage::{self, Outage};
use crate::machine::step::Delay;
use crate::machine::trade::Timer;

/// All outages of a scenario so far.
#[derive(Default)]
pub struct Weather {
    past: Vec<Outage>,
    /// While the platform stands still: when it is back, and notices what was due meanwhile.
    back: Option<Time>,
}

impl Weather {
    /// The platform stands still; what is due meanwhile is noticed at the end.
    pub fn breaks(&mut self, outage: Outage) {
        self.past.push(outage);
        self.back = Some(outage.until);
    }

    /// All that was due meanwhile has been noticed.
    pub fn clears(&mut self) {
        self.back = None;
    }

    /// What stood in a timer's way when it fires now.
    pub fn delay(&self, timer: &Timer) -> Delay {
        let noticed = self.back.unwrap_or(timer.due).max(timer.due);
        outage::delay(timer, &self.past, noticed)
    }
}
