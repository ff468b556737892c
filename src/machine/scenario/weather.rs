//! When the platform stood still in a scenario, and what a timer is told of it. Must not judge: the machine does.

use crate::machine::Time;
use crate::machine::step::Delay;
use crate::machine::trade::Timer;

/// A time in which nothing was decided.
#[derive(Clone, Copy, Debug)]
pub struct Standstill {
    pub from: Time,
    pub until: Time,
    pub reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody got through.
    Path,
    /// The process ended, and another took over.
    Process,
}

/// All standstills of a scenario so far.
#[derive(Default)]
pub struct Weather {
    past: Vec<Standstill>,
    /// While the platform stands still: when it is back, and notices what was due meanwhile.
    back: Option<Time>,
}

impl Weather {
    pub fn breaks(&mut self, standstill: Standstill) {
        self.past.push(standstill);
        self.back = Some(standstill.until);
    }

    pub fn clears(&mut self) {
        self.back = None;
    }

    /// What stood in a timer's way when it fires now. Standstills of a scenario follow each other.
    pub fn delay(&self, timer: &Timer) -> Delay {
        let noticed = self.back.unwrap_or(timer.due).max(timer.due);
        let from = timer.watched_from();
        let past = self.past.iter();
        let touching = past.filter(|still| still.from <= timer.due && still.until >= from);
        touching.fold(
            Delay {
                late: noticed.millis_since(timer.due),
                ..Delay::default()
            },
            |delay, still| Delay {
                outage: delay.outage + still.until.min(noticed).millis_since(still.from.max(from)).max(0),
                broken: delay.broken || still.reach == Reach::Process,
                ..delay
            },
        )
    }
}
