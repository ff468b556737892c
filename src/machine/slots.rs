//! Whether one more session fits into a span of time beside those that are booked already. Must not know who booked them, or ask
//! a store: what is booked is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Time;
use super::value::Name;

/// A stretch of time, its end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    pub from: Time,
    pub until: Time,
}

impl Span {
    /// True where the two share a moment.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// True where nothing of the other lies outside.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }

    fn holds(&self, moment: Time) -> bool {
        self.from <= moment && moment < self.until
    }
}

/// What an instance has taken of a capacity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    pub of: Name,
    #[serde(flatten)]
    pub span: Span,
}

/// What is asked of the outside: how a capacity is taken within a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub booking: Booking,
    /// What other instances of the same trade have taken of it.
    pub beside: Vec<Span>,
}

/// How a capacity was taken within a span when it was asked; kept in the history, so that replay needs nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    #[serde(flatten)]
    pub booking: Booking,
    /// How many may be under way at once.
    pub limit: u32,
    /// The most that are under way at any one moment of the span, without what is asked for.
    pub taken: u32,
    /// The first stretch in which so many are, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest: Option<Span>,
    /// The earliest start, not before the one asked for, at which as long a session fits; nothing where none ever would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Time>,
}

impl Slot {
    /// Looks at what is taken by all others.
    #[must_use]
    pub fn of(wanted: &Wanted, limit: u32, others: impl IntoIterator<Item = Span>) -> Self {
        let mut taken: Vec<Span> = others.into_iter().chain(wanted.beside.iter().copied()).collect();
        taken.sort_unstable();
        let span = wanted.booking.span;
        let (most, busiest) = peak(&taken, span);
        Self {
            booking: wanted.booking.clone(),
            limit,
            taken: most,
            busiest,
            next: next_free(&taken, span, limit),
        }
    }

    /// True where one more would be too many.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.taken >= self.limit
    }
}

/// The stretches in which the same number of spans, at least one, is under way, in their order.
#[must_use]
pub fn stretches(spans: &[Span]) -> Vec<(Span, u32)> {
    let mut turns: BTreeMap<Time, i64> = BTreeMap::new();
    for span in spans {
        *turns.entry(span.from).or_default() += 1;
        *turns.entry(span.until).or_default() -= 1;
    }
    let mut stretches = Vec::new();
    let mut count = 0;
    let mut begun = None;
    for (time, turn) in turns.into_iter().filter(|(_, turn)| *turn != 0) {
        if let Some(from) = begun.filter(|_| count > 0) {
            stretches.push((Span { from, until: time }, u32::try_from(count).unwrap_or(u32::MAX)));
        }
        count += turn;
        begun = Some(time);
    }
    stretches
}

/// The most spans that share a moment of `within`, and the first stretch in which so many do.
fn peak(taken: &[Span], within: Span) -> (u32, Option<Span>) {
    let near: Vec<&Span> = taken.iter().filter(|span| span.overlaps(&within)).collect();
    let mut most = (0, None);
    // The number grows only where a span begins.
    for begin in near.iter().map(|span| span.from.max(within.from)) {
        let there = near.iter().filter(|span| span.holds(begin));
        let count = u32::try_from(there.clone().count()).unwrap_or(u32::MAX);
        if count > most.0 {
            let until = there.map(|span| span.until).min().unwrap_or(within.until);
            let stretch = Span {
                from: begin,
                until: until.min(within.until),
            };
            most = (count, Some(stretch));
        }
    }
    most
}

fn next_free(taken: &[Span], span: Span, limit: u32) -> Option<Time> {
    let length = span.until.millis_since(span.from);
    let mut starts: Vec<Time> = taken.iter().map(|span| span.until).collect();
    starts.push(span.from);
    starts.sort_unstable();
    starts.dedup();
    starts.into_iter().filter(|start| *start >= span.from).find(|start| {
        let moved = Span {
            from: *start,
            until: start.plus_millis(length),
        };
        peak(taken, moved).0 < limit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, until: i64) -> Span {
        Span {
            from: Time(from),
            until: Time(until),
        }
    }

    fn slot(limit: u32, asked: Span, others: &[Span]) -> Slot {
        let booking = Booking {
            of: "rooms".into(),
            span: asked,
        };
        let beside = Vec::new();
        Slot::of(&Wanted { booking, beside }, limit, others.iter().copied())
    }

    #[test]
    fn what_ends_when_another_begins_does_not_count_with_it() {
        let slot = slot(
            2,
            span(10, 20),
            &[span(0, 10), span(10, 15), span(15, 20), span(20, 30)],
        );
        assert_eq!((slot.taken, slot.is_full()), (1, false));
        assert_eq!(slot.next, Some(Time(10)));
    }

    #[test]
    fn the_full_stretch_and_the_next_start_are_named() {
        let taken = [span(0, 14), span(12, 30), span(13, 18), span(40, 50)];
        let slot = slot(2, span(10, 20), &taken);
        assert_eq!((slot.taken, slot.is_full()), (3, true));
        assert_eq!(slot.busiest, Some(span(13, 14)));
        // From 18 on one is under way until 30.
        assert_eq!(slot.next, Some(Time(18)));
    }

    #[test]
    fn where_nothing_may_be_under_way_nothing_is_ever_free() {
        let slot = slot(0, span(10, 20), &[]);
        assert_eq!((slot.is_full(), slot.next), (true, None));
    }

    #[test]
    fn a_peak_is_what_counting_every_moment_finds() {
        // A small generator of its own: 400 days of up to 12 spans.
        let mut state = 7_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            i64::try_from((state >> 33) % below).unwrap_or_default()
        };
        for _ in 0..400 {
            let taken: Vec<Span> = (0..draw(13))
                .map(|_| {
                    let from = draw(40);
                    span(from, from + 1 + draw(15))
                })
                .collect();
            let limit = u32::try_from(1 + draw(4)).unwrap_or(1);
            let from = draw(40);
            let asked = span(from, from + 1 + draw(15));
            let counted = |asked: Span| {
                let moments = asked.from.0..asked.until.0;
                let most = moments.map(|at| taken.iter().filter(|span| span.holds(Time(at))).count());
                u32::try_from(most.max().unwrap_or_default()).unwrap_or(u32::MAX)
            };
            let slot = slot(limit, asked, &taken);
            assert_eq!(slot.taken, counted(asked), "{taken:?} {asked:?}");
            let length = asked.until.0 - asked.from.0;
            let first = (asked.from.0..200).find(|at| counted(span(*at, at + length)) < limit);
            assert_eq!(slot.next, first.map(Time), "{taken:?} {asked:?} {limit}");
            let mut seen = vec![0; 60];
            for (stretch, count) in stretches(&taken) {
                (stretch.from.0..stretch.until.0).for_each(|at| seen[usize::try_from(at).unwrap_or(0)] = count);
            }
            let all: Vec<u32> = (0..60).map(|at| counted(span(at, at + 1))).collect();
            assert_eq!(seen, all, "{taken:?}");
        }
    }
}
