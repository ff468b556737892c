//! Verifies the stored records of a trade: that each hangs together, follows its history, and comes out the same when the history
//! is decided again. Must not write.

use std::collections::BTreeMap;

use super::Report;
use crate::engine::checkpoint_of;
use crate::machine::history::Entry;
use crate::machine::step::Decision;
use crate::machine::trade::InstanceId;
use crate::machine::{Name, Trade};
use crate::record::dossier::Rebuilt;
use crate::record::verify::{Expected, Held, Status};
use crate::record::{Checkpoint, Row, file, verify as offline};
use crate::store::record_rows::{LineRow, checkpoints_of, record_from, records_of_trade};
use crate::store::{Connection, StoreError};

/// One stored record.
pub struct Stored {
    /// Whether its instance has ended.
    done: bool,
    rows: Vec<LineRow>,
    checkpoints: Vec<Checkpoint>,
}

pub type Records = BTreeMap<InstanceId, Stored>;

/// The records of a trade's instances.
pub fn stored(conn: &mut Connection, trade: &Trade) -> Result<Records, StoreError> {
    let ids: Vec<String> = trade.instances.keys().map(ToString::to_string).collect();
    let mut records = Records::new();
    for id in records_of_trade(conn, &ids)? {
        let record = Stored {
            done: trade.instances.get(id.as_str()).is_some_and(|instance| instance.done),
            rows: record_from(conn, &id, 0, i64::MAX)?,
            checkpoints: checkpoints_of(conn, &id)?.iter().map(checkpoint_of).collect(),
        };
        records.insert(id.into(), record);
    }
    Ok(records)
}

/// Verifies each record by itself, and that its lines name the entries of the history that they tell of.
pub fn verify(records: &Records, entries: &[Entry], report: &mut Report) -> Result<(), String> {
    for (instance, record) in records {
        let lines = record.rows.iter().map(|row| row.line.as_str());
        // Where nobody signs there is no checkpoint over the whole, and never will be.
        let held = Held {
            expected: Expected::SoFar,
            ..Held::default()
        };
        let found = offline::verify(&file::write(lines, &record.checkpoints), &held);
        let failed = found.steps.iter().find(|step| step.status == Status::Failed);
        if let Some(step) = failed {
            let line = step.line.unwrap_or_default();
            return Err(format!("the record of {instance}, line {line}: {}", step.text));
        }
        let mut told = record.rows.iter().filter_map(|row| Row::parse(&row.line).ok());
        if told.any(|row| row.done) != record.done {
            return Err(format!("the record of {instance} does not end where the instance does"));
        }
        let numbered = record.rows.iter().map(|row| row.number);
        if !numbered.eq((0..).take(record.rows.len())) {
            return Err(format!(
                "the record of {instance}: its rows are not numbered as its lines are"
            ));
        }
        for row in record.rows.iter().skip(1) {
            let entry = usize::try_from(row.seq - 1).ok().and_then(|index| entries.get(index));
            let told = Row::parse(&row.line).is_ok_and(|told| entry.is_some_and(|entry| told.history == *entry.hash));
            if !told {
                return Err(format!(
                    "the record of {instance}, number {}: it does not tell of entry {}",
                    row.number, row.seq
                ));
            }
        }
        report.records += 1;
        report.lines += found.lines;
    }
    Ok(())
}

/// Records in the making while a history is decided again.
pub struct Rebuilding(BTreeMap<Name, Rebuilt>);

impl Rebuilding {
    pub fn of(records: &Records) -> Self {
        Self(records.keys().map(|id| (id.clone(), Rebuilt::default())).collect())
    }

    pub fn take(&mut self, decision: &Decision) {
        for line in &decision.lines {
            let rebuilt = self.0.entry(line.instance.clone()).or_default();
            rebuilt.take(&line.instance, &decision.trade, std::slice::from_ref(line));
        }
    }

    /// # Errors
    /// The first record that comes out otherwise.
    pub fn compare(&self, records: &Records) -> Result<(), String> {
        for (instance, rebuilt) in &self.0 {
            let rows = records.get(instance).map_or(&[][..], |record| &record.rows);
            let stored = rows.iter().map(|row| (row.line.as_str(), row.seq));
            let again = rebuilt.lines.iter().map(String::as_str);
            let again = again.zip(rebuilt.seqs.iter().map(|seq| i64::try_from(*seq).unwrap_or(i64::MAX)));
            if !stored.eq(again) {
                return Err(format!("deciding its history again gives another record of {instance}"));
            }
        }
        Ok(())
    }
}
