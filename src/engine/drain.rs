//! Whether a deadline may be decided yet: not while something stamped before it is on its way in this process or in another
//! that shares the database, for at most a second. Must not decide what a deadline does.

use std::collections::HashMap;

use super::common::Common;
use super::outages::Outages;
use crate::machine::step::{Answer, Cause, Input};
use crate::machine::trade::InstanceId;
use crate::machine::{Time, Trade};
use crate::store::outage_rows::outages_since;
use crate::store::process_rows::{Process, processes_other};
use crate::store::{Connection, StoreError};

/// How long a deadline waits for what was stamped before it, in milliseconds of real time.
pub(super) const LONGEST_MILLIS: i64 = 1_000;

/// What a deadline meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Everything stamped before it has been decided, or has not come in a second.
    Open,
    Wait,
    /// Another process has not said within a second that nothing stamped before the deadline is with it.
    Unanswered,
}

/// The deadlines that one writer holds back.
#[derive(Default)]
pub(super) struct Drain {
    /// By trade: what it waits to decide, and since when.
    waiting: HashMap<InstanceId, (Time, i64)>,
    /// Processes that did not answer in time, with how far they were drained: they are not waited for again until they speak.
    silent: HashMap<String, Time>,
}

impl Drain {
    /// Asks whether a trade's next deadline may be decided now, with whatever it arms and is due by `at`: what was stamped
    /// before `at` may have come before one of these.
    pub fn pass(&mut self, common: &Common, others: &[Process], trade: &InstanceId, (due, at): (Time, Time)) -> Pass {
        let behind = others.iter().filter(|process| process.drained < at);
        let (silent, awaited): (Vec<&Process>, Vec<&Process>) =
            behind.partition(|process| self.silent.get(&process.id) == Some(&process.drained));
        let open = if silent.is_empty() {
            Pass::Open
        } else {
            Pass::Unanswered
        };
        if !common.ingress.awaits(at) && awaited.is_empty() {
            self.waiting.remove(trade);
            return open;
        }
        let now = common.clock.lapse();
        let entry = self.waiting.entry(trade.clone()).or_insert((due, now));
        if entry.0 != due {
            *entry = (due, now);
        }
        if now - entry.1 < LONGEST_MILLIS {
            return Pass::Wait;
        }
        for process in &awaited {
            self.silent.insert(process.id.clone(), process.drained);
        }
        if awaited.is_empty() { open } else { Pass::Unanswered }
    }

    /// Nothing waits any more.
    pub fn settled(&mut self) {
        self.waiting.clear();
    }
}

/// The deadline that an event of people's came before and was decided without, where it was refused and no machine has made
/// anything of that.
pub(super) fn missed(before: &Trade, input: &Input, answer: &Answer) -> Option<Time> {
    let sent_by_people = matches!(input.cause, Cause::Event { .. } | Cause::Todo { .. });
    // Nothing fires after what the trade has seen.
    if !sent_by_people || input.at >= before.now {
        return None;
    }
    match answer {
        Answer::Refused(refusal) if &*refusal.code != "late" => before.last_fired().filter(|due| input.at < *due),
        _ => None,
    }
}

/// How far the other processes are drained; what they suffered is learnt on the way.
pub(super) fn ask_others(common: &Common, conn: &mut Connection) -> Result<Vec<Process>, StoreError> {
    if common.clock.is_virtual() || !conn.is_shared() {
        return Ok(Vec::new());
    }
    // In this order: a process writes how far it is drained together with what it suffered until then.
    let others = processes_other(conn, &common.process)?;
    for outage in outages_since(conn, Outages::horizon(common.now()))? {
        common.outages.add(outage);
    }
    Ok(others)
}
