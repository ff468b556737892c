//! The only file that reads the wall clock. Everything else is given the time.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::machine::Time;

/// Where the process takes its time from. Cheap to clone; all clones tell the same time.
#[derive(Clone)]
pub struct Clock {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    System,
    Virtual(Arc<Virtual>),
}

/// A clock for demos and tests: runs at a rate and can be moved forward.
struct Virtual {
    state: RwLock<Position>,
    moved: watch::Sender<u64>,
    lateness: Lateness,
}

/// In which time a virtual clock's owner is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lateness {
    /// In real time: a demo that runs a thousand times as fast is not late when a commit takes 5 ms.
    Real,
    /// In its own: all of a simulation's time is simulated.
    Own,
}

#[derive(Clone, Copy)]
struct Position {
    real: Instant,
    time: Time,
    rate: u32,
}

impl Position {
    fn now(&self) -> Time {
        let millis = self.real.elapsed().as_millis().saturating_mul(u128::from(self.rate));
        self.time.plus_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self { kind: Kind::System }
    }

    /// A clock that starts at `time` and runs `rate` times as fast as the real one (0 stands still).
    pub fn virtual_from(time: Time, rate: u32) -> Self {
        Self::moved_by_hand(time, rate, Lateness::Real)
    }

    /// A clock that shows `time` until it is moved, and by which everything is measured, lateness too: for simulations.
    pub fn simulated_from(time: Time) -> Self {
        Self::moved_by_hand(time, 0, Lateness::Own)
    }

    fn moved_by_hand(time: Time, rate: u32, lateness: Lateness) -> Self {
        let position = Position {
            real: Instant::now(),
            time,
            rate,
        };
        let state = RwLock::new(position);
        Self {
            kind: Kind::Virtual(Arc::new(Virtual {
                state,
                moved: watch::Sender::new(0),
                lateness,
            })),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now(&self) -> Time {
        match &self.kind {
            Kind::System => {
                let now = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                Time(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
            }
            Kind::Virtual(clock) => clock.position().now(),
        }
    }

    /// Moves a virtual clock forward and wakes all sleepers. A system clock, and a time in the past, stay as they are.
    pub fn advance_to(&self, time: Time) {
        self.move_on(|position| Position {
            time: position.time.max(time),
            ..position
        });
    }

    /// Lets a virtual clock run `rate` times as fast as the real one from now on (0 stands still).
    pub fn run_at(&self, rate: u32) {
        self.move_on(|position| Position { rate, ..position });
    }

    fn move_on(&self, change: impl FnOnce(Position) -> Position) {
        let Kind::Virtual(clock) = &self.kind else { return };
        let mut state = clock.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = change(Position {
            real: Instant::now(),
            time: state.now(),
            rate: state.rate,
        });
        drop(state);
        clock.moved.send_modify(|count| *count += 1);
    }

    /// True for clocks whose passing says nothing about real lateness.
    pub fn is_virtual(&self) -> bool {
        matches!(self.kind, Kind::Virtual(_))
    }

    /// True where being late by this clock means being late.
    pub fn tells_lateness(&self) -> bool {
        match &self.kind {
            Kind::System => true,
            Kind::Virtual(clock) => clock.lateness == Lateness::Own,
        }
    }

    /// Milliseconds since some moment, in the time in which lateness is measured: the real one, or a simulation's own.
    pub fn lapse(&self) -> i64 {
        static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        match &self.kind {
            Kind::Virtual(clock) if clock.lateness == Lateness::Own => clock.position().now().0,
            _ => {
                let began = BEGAN.get_or_init(Instant::now);
                i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Waits until the clock shows `time`; never returns early.
    pub async fn sleep_until(&self, time: Time) {
        match &self.kind {
            Kind::System => {
                while let Some(left) = left(time, self.now()) {
                    tokio::time::sleep(left).await;
                }
            }
            Kind::Virtual(clock) => clock.sleep_until(time).await,
        }
    }
}

/// How long until `time`; `None` once it is reached.
fn left(time: Time, now: Time) -> Option<Duration> {
    u64::try_from(time.millis_since(now))
        .ok()
        .filter(|millis| *millis > 0)
        .map(Duration::from_millis)
}

impl Virtual {
    fn position(&self) -> Position {
        *self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn sleep_until(&self, time: Time) {
        // Subscribed before the clock is read, so that no move falls between the two.
        let mut moved = self.moved.subscribe();
        loop {
            let position = self.position();
            let Some(left) = left(time, position.now()) else { return };
            let real = left
                .checked_div(position.rate)
                .unwrap_or(Duration::MAX)
                .min(Duration::from_secs(3_600));
            tokio::select! {
                () = tokio::time::sleep(real + Duration::from_millis(1)) => {}
                _ = moved.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_virtual_clock_stands_runs_and_jumps() {
        let clock = Clock::virtual_from(Time(1_000), 0);
        assert_eq!(clock.now(), Time(1_000));
        clock.advance_to(Time(500));
        assert_eq!(clock.now(), Time(1_000));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Time(90_000)).await }
        });
        clock.advance_to(Time(90_000));
        sleeper.await.unwrap();
        clock.run_at(100_000);
        clock.sleep_until(Time(200_000)).await;
        assert!(clock.now() >= Time(200_000));
    }
}
