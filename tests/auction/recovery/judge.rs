//! What bidders were told against what a room's history says, and whether a window had to end with a sale. Must not ask anybody.

use luochui::machine::Time;

use super::bidders::{Sent, Told};
use super::world::Trouble;
use crate::auction::chronicle::{Deed, End, Line, Said};

/// How long a room's countdown runs, in milliseconds: a throttled platform takes longer to open the rooms that it is then to
/// be flooded in.
pub fn window(trouble: Trouble) -> i64 {
    if trouble == Trouble::Overload { 20_000 } else { 5_000 }
}

/// A commit that began right before an outage ends within it, and what was decided by then stands.
const SLACK: i64 = 500;

/// What is certainly more than the three seconds that are tolerated, however the two clocks are read.
const TOO_LONG: i64 = 3_300;

/// After a process was killed the others need that long to know it.
const KNOWN_AFTER: i64 = 7_000;

/// Whether a window had to end with a sale: `None` where it depends on fractions of a second.
fn must_sell(trouble: Trouble, (from, until): (Time, Time), end: End) -> Option<bool> {
    if trouble == Trouble::None || end.due < from.plus_millis(-SLACK) {
        return (trouble != Trouble::Overload).then_some(true);
    }
    if end.began > until.plus_millis(KNOWN_AFTER) {
        return (trouble != Trouble::Overload).then_some(true);
    }
    if end.began >= until || end.due < from.plus_millis(SLACK) {
        return None;
    }
    let since = end.began.max(from);
    let forbidden = match trouble {
        // How long nobody could reach a server that is soon there again, only the platform knows.
        Trouble::None | Trouble::Terminate | Trouble::Restart => false,
        // Whatever a process had in its hands is gone with it.
        Trouble::Kill => end.began < from,
        Trouble::Stop | Trouble::Block | Trouble::Freeze => until.millis_since(since) > TOO_LONG,
        // Somebody is served now and then, so this is an outage by its sum.
        Trouble::Overload => end.due.min(until).millis_since(since) > TOO_LONG + SLACK,
    };
    forbidden.then_some(false)
}

/// Windows that ended, by whether they had to end with a sale.
#[derive(Debug, Default)]
pub struct Seen {
    /// What an outage took too much of.
    pub forbidden: usize,
    /// Of them, what ended with a sale all the same.
    pub wrong: Vec<End>,
    /// What no outage touched.
    pub free: usize,
    /// Of them, what was suspended.
    pub vain: usize,
}

impl Seen {
    pub fn count(&mut self, trouble: Trouble, span: (Time, Time), end: End) {
        match must_sell(trouble, span, end) {
            Some(false) => {
                self.forbidden += 1;
                self.wrong.extend(end.sold.then_some(end));
            }
            Some(true) => {
                self.free += 1;
                self.vain += usize::from(!end.sold);
            }
            None => {}
        }
    }
}

/// Says which answers are not in a room's history, once and as they were given, and what stands there that nobody sent. Only a
/// flooded platform may leave anybody without an answer.
pub fn misfits(lines: &[Line], sent: &[Sent], trouble: Trouble) -> Vec<String> {
    let mut misfits = Vec::new();
    let mut bids = Vec::new();
    for line in lines {
        if let Deed::Bid { by, amount, said, .. } = &line.deed {
            bids.push((by.as_str(), *amount, line.at.0, said));
            if !sent.iter().any(|sent| sent.key == *by) {
                misfits.push(format!("nobody sent {line:?}"));
            }
        }
    }
    let flooded = trouble == Trouble::Overload;
    for sent in sent {
        let found: Vec<_> = bids.iter().filter(|(by, ..)| *by == sent.key).collect();
        let fits = match (&sent.told, &found[..]) {
            (Told::Nothing, []) => flooded,
            (Told::Nothing, [(_, amount, ..)]) => flooded && *amount == sent.amount,
            (Told::Accepted { at: told }, [(_, amount, at, Said::Accepted)]) => told == at && *amount == sent.amount,
            (Told::Refused { code: told }, [(_, amount, _, Said::Refused { code, .. })]) => {
                told == code && *amount == sent.amount
            }
            _ => false,
        };
        if !fits {
            misfits.push(format!("{sent:?} but {found:?}"));
        }
    }
    misfits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(by: &str, at: i64, said: Said) -> Line {
        let deed = Deed::Bid {
            by: by.into(),
            amount: 100,
            stamp: Time(at),
            said,
        };
        Line {
            seq: at,
            at: Time(at),
            deed,
        }
    }

    fn sent(key: &str, told: Told) -> Sent {
        Sent {
            room: "room".into(),
            key: key.into(),
            amount: 100,
            told,
        }
    }

    #[test]
    fn a_lost_a_doubled_and_a_changed_answer_are_found() {
        let below = Said::Refused {
            code: "below_step".into(),
            price: Some(100),
        };
        let lines = [line("a", 5, Said::Accepted), line("b", 6, below.clone())];
        let told = [
            sent("a", Told::Accepted { at: 5 }),
            sent(
                "b",
                Told::Refused {
                    code: "below_step".into(),
                },
            ),
        ];
        let misfits = |lines: &[Line]| misfits(lines, &told, Trouble::Kill).len();
        assert_eq!(misfits(&lines), 0);
        // The last acknowledged bid is lost.
        assert_eq!(misfits(&lines[1..]), 1);
        // It is there twice, as of another time, or refused after all; or somebody else's is there.
        assert_eq!(misfits(&[lines[0].clone(), lines[0].clone(), lines[1].clone()]), 1);
        assert_eq!(misfits(&[line("a", 4, Said::Accepted), lines[1].clone()]), 1);
        assert_eq!(misfits(&[line("a", 5, below), lines[1].clone()]), 1);
        assert_eq!(
            misfits(&[lines[0].clone(), lines[1].clone(), line("c", 7, Said::Accepted)]),
            1
        );
    }

    #[test]
    fn a_sale_across_an_outage_and_a_suspension_without_one_are_found() {
        let span = (Time(10_000), Time(14_000));
        let judged = |trouble, began: i64, sold| {
            let mut seen = Seen::default();
            let (began, due) = (Time(began), Time(began + window(trouble)));
            seen.count(trouble, span, End { began, due, sold });
            (seen.wrong.len(), seen.vain)
        };
        for trouble in [Trouble::Stop, Trouble::Block, Trouble::Freeze, Trouble::Kill] {
            assert_eq!(judged(trouble, 6_000, true), (1, 0), "{trouble:?}");
            assert_eq!(judged(trouble, 9_900, true), (1, 0), "{trouble:?}");
            assert_eq!(judged(trouble, 6_000, false), (0, 0), "{trouble:?}");
            // Over before it, and begun long after it.
            assert_eq!(judged(trouble, 4_000, false), (0, 1), "{trouble:?}");
            assert_eq!(judged(trouble, 22_000, false), (0, 1), "{trouble:?}");
        }
        assert_eq!(judged(Trouble::Overload, 10_000, true), (1, 0));
        assert_eq!(judged(Trouble::None, 9_000, false), (0, 1));
    }
}
