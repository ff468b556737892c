//! Looks for one order of all operations that gives their answers and agrees with real time (Wing and Gong's search, with
//! Lowe's memory of what was tried). Must not know how the answers came about.

use std::collections::HashSet;

use crate::auction::hall::STEP;

/// What a bidder was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// Below the step, with the price it was measured against.
    Refused {
        price: i64,
    },
    /// No answer came: it may have been decided at any time after it was sent, or never.
    Unknown,
}

/// A bid, from when it was sent until its answer was known.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub amount: i64,
    pub sent: u64,
    pub answered: u64,
    pub outcome: Outcome,
}

/// The room as one would play it alone: a bid is accepted from one step above the price, and becomes the price.
fn decide(price: i64, amount: i64) -> (i64, Outcome) {
    if amount >= price + STEP {
        (amount, Outcome::Accepted)
    } else {
        (price, Outcome::Refused { price })
    }
}

/// True where some order explains every answer. The room begins without a bid. At most 64 operations.
pub fn is_linearizable(operations: &[Operation]) -> bool {
    assert!(operations.len() <= 64, "{} operations", operations.len());
    let known = |operation: &Operation| operation.outcome != Outcome::Unknown;
    let wanted = bits(operations, known);
    search(operations, wanted, (0, 0), &mut HashSet::new())
}

fn bits(operations: &[Operation], which: impl Fn(&Operation) -> bool) -> u64 {
    let which = operations.iter().enumerate().filter(|(_, operation)| which(operation));
    which.fold(0, |set, (index, _)| set | 1 << index)
}

/// Goes on from what is done and the price it led to, with every operation that may come next.
fn search(operations: &[Operation], wanted: u64, (done, price): (u64, i64), tried: &mut HashSet<(u64, i64)>) -> bool {
    if done & wanted == wanted {
        return true;
    }
    if !tried.insert((done, price)) {
        return false;
    }
    // Whatever was sent after another one was answered comes after it.
    let open = operations
        .iter()
        .enumerate()
        .filter(|(index, _)| done & (1 << index) == 0);
    let unanswered = open
        .clone()
        .filter(|(_, operation)| operation.outcome != Outcome::Unknown);
    let first_answer = unanswered
        .map(|(_, operation)| operation.answered)
        .min()
        .unwrap_or(u64::MAX);
    let next = open.filter(|(_, operation)| operation.sent < first_answer);
    next.into_iter().any(|(index, operation)| {
        let (after, outcome) = decide(price, operation.amount);
        let explained = operation.outcome == Outcome::Unknown || operation.outcome == outcome;
        explained && search(operations, wanted, (done | 1 << index, after), tried)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bid(amount: i64, sent: u64, answered: u64, outcome: Outcome) -> Operation {
        Operation {
            amount: amount * STEP,
            sent,
            answered,
            outcome,
        }
    }

    fn below(price: i64) -> Outcome {
        Outcome::Refused { price: price * STEP }
    }

    #[test]
    fn what_one_order_explains_is_found() {
        let concurrent = [
            bid(3, 0, 9, below(5)),
            bid(5, 1, 8, Outcome::Accepted),
            bid(2, 2, 7, Outcome::Accepted),
            bid(4, 3, 99, Outcome::Unknown),
            bid(6, 10, 11, Outcome::Accepted),
        ];
        assert!(is_linearizable(&concurrent));
        // Lost and never decided, or lost and the reason for a refusal.
        assert!(is_linearizable(&[
            bid(9, 0, 1, Outcome::Unknown),
            bid(1, 2, 3, Outcome::Accepted)
        ]));
        assert!(is_linearizable(&[
            bid(9, 0, 1, Outcome::Unknown),
            bid(1, 2, 3, below(9))
        ]));
    }

    #[test]
    fn planted_faults_are_found() {
        let accepted = Outcome::Accepted;
        // Two of the same amount: the second read the price before the first was written.
        assert!(!is_linearizable(&[bid(2, 0, 5, accepted), bid(2, 1, 6, accepted)]));
        // A lost update: what was accepted later was measured against the price before.
        assert!(!is_linearizable(&[bid(5, 0, 1, accepted), bid(3, 2, 3, accepted)]));
        // A stale answer: the price it names was over when it was sent.
        let stale = [bid(3, 0, 1, accepted), bid(9, 2, 3, accepted), bid(1, 4, 5, below(3))];
        assert!(!is_linearizable(&stale));
        // Decided twice: the duplicate was measured against itself.
        assert!(!is_linearizable(&[bid(3, 0, 5, below(3)), bid(4, 6, 7, accepted)]));
        // An acknowledged bid that a crash took away.
        assert!(!is_linearizable(&[
            bid(7, 0, 1, accepted),
            bid(1, 2, 3, below(0)),
            bid(2, 4, 5, accepted)
        ]));
        // A price that nobody bid.
        assert!(!is_linearizable(&[bid(1, 0, 1, below(4))]));
    }
}
