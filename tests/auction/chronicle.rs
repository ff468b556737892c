//! What happened in a room of `tests/auction/hall`, read from its history, and what must have: every answer follows from the
//! price and the deadline at its place, and every deadline from the bid before it. Must not ask the engine anything.

use luochui::machine::step::{Answer, Cause};
use luochui::machine::{Time, Value};
use luochui::store::history_rows::HistoryRow;

use super::hall::STEP;

/// One line of a room's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub seq: i64,
    /// As of when it was decided.
    pub at: Time,
    pub deed: Deed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The room opens, for the first time or again.
    Opened,
    Bid {
        by: String,
        amount: i64,
        /// When it came in.
        stamp: Time,
        said: Said,
    },
    /// The countdown ran out.
    Ended { sold: bool },
    /// Anything that has no part in the bidding.
    Other,
}

/// What a bidder was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Accepted,
    /// With the price that it was measured against, where it was.
    Refused {
        code: String,
        price: Option<i64>,
    },
}

/// The lines of a history, in their order.
pub fn lines(rows: &[HistoryRow]) -> Vec<Line> {
    rows.iter().map(line).collect()
}

fn line(row: &HistoryRow) -> Line {
    let entry = row.entry().unwrap();
    let private = entry.private.unwrap();
    let deed = match &private.input.cause {
        Cause::Event { name, payload, .. } if &**name == "bid" => Deed::Bid {
            by: payload["by"].as_text().unwrap().to_owned(),
            amount: payload["amount"].as_int().unwrap(),
            stamp: private.input.at,
            said: said(&private.answer),
        },
        Cause::Event { name, .. } if &**name == "reopen" => Deed::Opened,
        Cause::Timer { name, .. } if &**name == "opens" => Deed::Opened,
        Cause::Timer { name, .. } if &**name == "countdown" => Deed::Ended {
            sold: entry.public.transitions.iter().any(|taken| taken.to == ["sold".into()]),
        },
        _ => Deed::Other,
    };
    Line {
        seq: row.seq,
        at: Time(row.at),
        deed,
    }
}

pub fn said(answer: &Answer) -> Said {
    match answer {
        Answer::Taken { .. } => Said::Accepted,
        Answer::Refused(refusal) => Said::Refused {
            code: refusal.code.to_string(),
            price: refusal.tell.get("price").and_then(Value::as_int),
        },
        other => panic!("{other:?}"),
    }
}

/// Where a room stands between two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Before,
    /// Since when the last window runs.
    Open(Time),
    Suspended,
    Sold,
}

/// A room as its lines tell it.
#[derive(Clone, Debug)]
pub struct Room {
    phase: Phase,
    window: i64,
    /// When a timer or somebody last moved the room.
    moved: Time,
    pub price: i64,
    pub leader: String,
    pub bids: i64,
    /// Every window that ran out: since when it ran, when it was due, and whether the lot was sold then.
    pub ends: Vec<End>,
    /// What must not be, in sentences.
    pub faults: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub began: Time,
    pub due: Time,
    pub sold: bool,
}

/// Goes through a room's lines and says everything that is wrong with them.
pub fn follow(lines: &[Line], window: i64) -> Room {
    let mut room = Room {
        phase: Phase::Before,
        window,
        moved: Time(i64::MIN),
        price: 0,
        leader: String::new(),
        bids: 0,
        ends: Vec::new(),
        faults: Vec::new(),
    };
    for line in lines {
        room.go_on(line);
    }
    room
}

impl Room {
    fn go_on(&mut self, line: &Line) {
        if matches!(line.deed, Deed::Opened | Deed::Ended { .. }) {
            self.moved = line.at;
        }
        match &line.deed {
            Deed::Opened if matches!(self.phase, Phase::Before | Phase::Suspended) => self.phase = Phase::Open(line.at),
            Deed::Opened => self.fault(line, "opened out of turn"),
            Deed::Ended { sold } => self.end(line, *sold),
            Deed::Bid {
                by,
                amount,
                said,
                stamp,
            } => self.bid(line, (by, *amount, *stamp), said),
            Deed::Other => {}
        }
    }

    fn end(&mut self, line: &Line, sold: bool) {
        let Phase::Open(began) = self.phase else {
            return self.fault(line, "ended out of turn");
        };
        let due = began.plus_millis(self.window);
        if line.at != due {
            self.fault(line, &format!("ended at another time than {due:?}"));
        }
        self.ends.push(End { began, due, sold });
        self.phase = if sold { Phase::Sold } else { Phase::Suspended };
    }

    fn bid(&mut self, line: &Line, (by, amount, stamp): (&str, i64, Time), said: &Said) {
        let refused = |code: &str, price| Said::Refused {
            code: code.into(),
            price,
        };
        let expected = match self.phase {
            Phase::Before | Phase::Sold => refused("not_open", None),
            Phase::Suspended => refused("suspended", None),
            Phase::Open(began) if line.at >= began.plus_millis(self.window) => {
                return self.fault(line, "decided after the deadline as if there were none");
            }
            Phase::Open(_) if amount < self.price + STEP => refused("below_step", Some(self.price)),
            Phase::Open(_) => Said::Accepted,
        };
        // One that surfaces after a deadline was decided without it stops the room, and is told so.
        if *said == refused("late", None) && matches!(self.phase, Phase::Open(_)) && stamp < self.moved {
            self.phase = Phase::Suspended;
            return;
        }
        if *said != expected {
            self.fault(
                line,
                &format!("must have been {expected:?} at a price of {}", self.price),
            );
        }
        if *said == Said::Accepted {
            (self.price, self.leader) = (amount, by.to_owned());
            self.bids += 1;
            self.phase = Phase::Open(line.at);
        }
    }

    fn fault(&mut self, line: &Line, what: &str) {
        self.faults.push(format!("{line:?}: {what}"));
    }

    /// When the room's countdown ends, where it runs.
    pub fn due(&self) -> Option<Time> {
        match self.phase {
            Phase::Open(began) => Some(began.plus_millis(self.window)),
            _ => None,
        }
    }

    pub fn is_suspended(&self) -> bool {
        self.phase == Phase::Suspended
    }

    pub fn is_sold(&self) -> bool {
        self.phase == Phase::Sold
    }
}

/// Bids that were stamped before a deadline must be decided before it. Says which were not. Without a deadline between them, bids
/// are decided as they come out of the platform's own delays.
pub fn overtaken(lines: &[Line]) -> Vec<String> {
    let mut ended = Time(i64::MIN);
    let mut found = Vec::new();
    for line in lines {
        match &line.deed {
            Deed::Ended { .. } => ended = ended.max(line.at),
            Deed::Bid { stamp, .. } if *stamp < ended => found.push(format!("{line:?} came before {ended:?}")),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 1_000;

    fn at(seq: i64, at: i64, deed: Deed) -> Line {
        Line {
            seq,
            at: Time(at),
            deed,
        }
    }

    fn bid(amount: i64, stamp: i64, said: Said) -> Deed {
        Deed::Bid {
            by: format!("{amount}@{stamp}"),
            amount: amount * STEP,
            stamp: Time(stamp),
            said,
        }
    }

    fn refused(code: &str, price: Option<i64>) -> Said {
        Said::Refused {
            code: code.into(),
            price: price.map(|price| price * STEP),
        }
    }

    /// A room as it should be: opened at 0, two bids taken, one refused, sold, and one too late.
    fn right() -> Vec<Line> {
        vec![
            at(1, 0, Deed::Opened),
            at(2, 500, bid(1, 500, Said::Accepted)),
            at(3, 600, bid(1, 600, refused("below_step", Some(1)))),
            at(4, 1_499, bid(5, 1_499, Said::Accepted)),
            at(5, 2_499, Deed::Ended { sold: true }),
            at(6, 2_499, bid(9, 2_499, refused("not_open", None))),
        ]
    }

    fn faults(lines: &[Line]) -> usize {
        follow(lines, WINDOW).faults.len()
    }

    #[test]
    fn a_room_as_it_should_be_has_no_fault() {
        let room = follow(&right(), WINDOW);
        assert_eq!(room.faults, [""; 0]);
        assert_eq!((room.price, room.bids, room.leader.as_str()), (5 * STEP, 2, "5@1499"));
        assert!(room.is_sold() && overtaken(&right()).is_empty());
    }

    #[test]
    fn planted_faults_are_found() {
        let planted = |index: usize, line: Line| {
            let mut lines = right();
            lines[index] = line;
            faults(&lines)
        };
        // Closed a millisecond early, and a millisecond late.
        assert!(planted(4, at(5, 2_498, Deed::Ended { sold: true })) > 0);
        assert!(planted(4, at(5, 2_500, Deed::Ended { sold: true })) > 0);
        // An accepted bid that is not in the history: the deadline no longer follows from the bids.
        let mut dropped = right();
        dropped.remove(3);
        assert!(faults(&dropped) > 0);
        // An engine that refuses every bid but one: the price does not bear it out.
        assert!(planted(3, at(4, 1_499, bid(5, 1_499, refused("below_step", Some(1))))) > 0);
        // Refused with a price that was not the price, and refused in time as if the room were shut.
        assert!(planted(2, at(3, 600, bid(1, 600, refused("below_step", Some(2))))) > 0);
        assert!(planted(2, at(3, 600, bid(2, 600, refused("not_open", None)))) > 0);
        // Accepted at the deadline itself.
        assert!(planted(5, at(6, 2_499, bid(9, 2_499, Said::Accepted))) > 0);
        // Two of the same amount.
        assert!(planted(2, at(3, 600, bid(1, 600, Said::Accepted))) > 0);
    }

    #[test]
    fn a_bid_that_a_deadline_overtook_is_found() {
        let mut lines = right();
        lines.push(at(7, 2_500, bid(9, 2_498, refused("not_open", None))));
        assert_eq!(overtaken(&lines).len(), 1);
    }
}
