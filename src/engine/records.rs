//! Writes the lines of decisions into the records they belong to, in the batch of the decisions. Must not sign anything but what a
//! commit closes, and must not write to the store.

use std::collections::BTreeMap;

use super::desk::Worked;
use super::gather::{Gathered, number_of};
use super::signing::Signing;
use crate::machine::step::{Cause, Decision, Input, Line};
use crate::machine::trade::InstanceId;
use crate::machine::{Bundle, Name, Time, Trade};
use crate::record::{Appended, Checkpoint, Head, Origin, Reach, Receipt, Row};
use crate::store::record_rows::{CheckpointRow, LineRow, WHOLE, record_from, record_last};
use crate::store::{Connection, StoreError};

/// A minute: a record has at most one checkpoint in each, besides the one over the whole.
const SLOT_MILLIS: i64 = 60_000;

/// True where the instance's machine keeps a record.
pub(super) fn is_kept(bundle: &Bundle, trade: &Trade, instance: &InstanceId) -> bool {
    let instance = trade.instances.get(instance);
    let machine = instance.and_then(|instance| bundle.machines.get(&instance.machine));
    machine.is_some_and(|machine| machine.record.is_some())
}

/// Where the records of a trade's instances stand.
pub(super) fn heads(
    conn: &mut Connection,
    bundle: &Bundle,
    trade: &Trade,
) -> Result<BTreeMap<InstanceId, Head>, StoreError> {
    let mut heads = BTreeMap::new();
    for (id, instance) in &trade.instances {
        let machine = bundle.machines.get(&instance.machine);
        if machine.is_some_and(|machine| machine.record.is_some())
            && let Some(last) = record_last(conn, id)?
        {
            let number = u64::try_from(last.number).unwrap_or_default();
            heads.insert(id.clone(), Head::at(number, &last.line));
        }
    }
    Ok(heads)
}

/// The line that ends a record, or the last there is so far: what came after the end is covered by no checkpoint, but by the receipts of
/// those who sent it.
///
/// # Errors
/// A failing database.
pub fn record_end(conn: &mut Connection, instance: &str) -> Result<Option<LineRow>, StoreError> {
    let mut found = record_last(conn, instance)?;
    while let Some(last) = found.take() {
        if !Row::parse(&last.line).is_ok_and(|row| row.after) {
            return Ok(Some(last));
        }
        found = record_from(conn, instance, last.number - 1, 1)?.into_iter().next();
    }
    Ok(None)
}

impl Gathered {
    /// Appends the lines of a decision; the receipt of the one that the input itself became.
    pub fn lines(
        &mut self,
        worked: &mut Worked,
        input: &Input,
        decision: &Decision,
        signing: &Signing,
        now: Time,
    ) -> Option<Receipt> {
        let mut receipt = None;
        for line in &decision.lines {
            let entry = decision.entries.iter().find(|entry| entry.hash == line.history)?;
            let seq = number_of(entry.seq);
            let appended = self.append(worked, &decision.trade, line, seq);
            if line.done
                && let Some(checkpoint) = signing.whole(&line.instance, &appended.head, now)
            {
                self.batch.checkpoints.push(row_of(&checkpoint));
            }
            let own = matches!(input.cause, Cause::Event { .. })
                && line.instance == input.instance
                && super::gather::is_of(entry, input);
            if own {
                let latest = signing.latest(&line.instance);
                receipt = Some(Receipt::of(line, &appended, &entry.public_salt, latest.as_deref()));
            }
        }
        receipt
    }

    fn append(&mut self, worked: &mut Worked, trade: &Trade, line: &Line, seq: i64) -> Appended {
        let row = |number: u64, text: &str| LineRow {
            instance: line.instance.to_string(),
            number: number_of(number),
            trade: trade.id.to_string(),
            seq,
            line: text.to_owned(),
        };
        let head = worked.heads.get(&line.instance);
        let appended = match (head, trade.instances.get(&line.instance)) {
            (Some(head), _) => head.append(line),
            (None, instance) => {
                let origin = instance.map_or_else(String::new, |instance| Origin::of(trade, instance).text());
                let appended = Head::at(0, &origin).append(line);
                self.batch.lines.push(row(0, &origin));
                appended
            }
        };
        self.batch.lines.push(row(appended.head.size, &appended.text));
        worked.heads.insert(line.instance.clone(), appended.head.clone());
        appended
    }
}

/// The row of a checkpoint.
#[must_use]
pub fn row_of(checkpoint: &Checkpoint) -> CheckpointRow {
    CheckpointRow {
        instance: checkpoint.instance.to_string(),
        slot: match checkpoint.reach {
            Reach::Whole => WHOLE.into(),
            Reach::SoFar => (checkpoint.at.0.div_euclid(SLOT_MILLIS)).to_string(),
        },
        size: number_of(checkpoint.size),
        sm3: checkpoint.sm3.to_string(),
        sha256: checkpoint.sha256.to_string(),
        at: checkpoint.at.0,
        key: checkpoint.key.to_string(),
        signature: checkpoint.signature.to_string(),
    }
}

/// The checkpoint of a row.
#[must_use]
pub fn checkpoint_of(row: &CheckpointRow) -> Checkpoint {
    let name = |text: &String| Name::from(text.as_str());
    Checkpoint {
        instance: name(&row.instance),
        size: u64::try_from(row.size).unwrap_or_default(),
        sm3: name(&row.sm3),
        sha256: name(&row.sha256),
        at: Time(row.at),
        reach: if row.slot == WHOLE { Reach::Whole } else { Reach::SoFar },
        key: name(&row.key),
        signature: name(&row.signature),
    }
}
