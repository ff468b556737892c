//! Spans in which nothing could be decided, and what they took of a timer's time. Must not judge: the machine does.

use super::Time;
use super::step::Delay;
use super::trade::Timer;

/// A span in which nothing could be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    pub from: Time,
    pub until: Time,
    pub reach: Reach,
}

/// What an outage took with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Commands waited or were turned away, and their senders know.
    Path,
    /// A process ended with whatever it had in hand.
    Process,
}

impl Outage {
    fn touches(&self, from: Time, until: Time) -> bool {
        self.from <= until && self.until >= from
    }
}

/// What stood in a timer's way until it was noticed, within the part of its time that is watched.
pub fn delay<'a>(timer: &Timer, outages: impl IntoIterator<Item = &'a Outage>, noticed: Time) -> Delay {
    let from = timer.watched_from();
    let touching = outages.into_iter().filter(|outage| outage.touches(from, timer.due));
    let touching: Vec<Outage> = touching.copied().collect();
    // One that reaches beyond the due time counts whole: two seconds before it and two after are four, and what it took of the
    // timer's time before the watched part is lost as well.
    let reaching = touching.iter().filter(|outage| outage.until >= timer.due);
    let began = reaching.map(|outage| outage.from.max(timer.start)).min();
    Delay {
        outage: covered(&touching, began.map_or(from, |began| began.min(from)), noticed),
        late: noticed.millis_since(timer.due).max(0),
        broken: touching.iter().any(|outage| outage.reach == Reach::Process),
    }
}

/// Milliseconds between two times that lie in at least one of the outages.
fn covered(outages: &[Outage], from: Time, until: Time) -> i64 {
    let mut spans: Vec<(Time, Time)> = outages
        .iter()
        .map(|outage| (outage.from.max(from), outage.until.min(until)))
        .filter(|(from, until)| from < until)
        .collect();
    spans.sort_unstable();
    let mut counted = 0;
    let mut reached = from;
    for (from, until) in spans {
        counted += until.millis_since(from.max(reached)).max(0);
        reached = reached.max(until);
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(from: i64, until: i64) -> Outage {
        Outage {
            from: Time(from),
            until: Time(until),
            reach: Reach::Path,
        }
    }

    #[test]
    fn what_two_outages_share_counts_once() {
        let outages = [outage(10, 30), outage(20, 25), outage(0, 12), outage(40, 60)];
        assert_eq!(covered(&outages, Time(5), Time(50)), 25 + 10);
        assert_eq!(covered(&outages, Time(31), Time(39)), 0);
        assert_eq!(covered(&[], Time(0), Time(9)), 0);
    }

    #[test]
    fn only_outages_within_the_span_touch_it() {
        assert!(!outage(10, 30).touches(Time(31), Time(40)));
        assert!(outage(10, 30).touches(Time(30), Time(40)));
        assert!(outage(35, 90).touches(Time(30), Time(40)));
        assert!(!outage(41, 90).touches(Time(30), Time(40)));
    }
}
