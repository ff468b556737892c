//! Verifies what is stored: that every history hangs together, and that deciding it again gives the stored trade.
//! Must not write.

mod records;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::library::read_bundle;
use crate::machine::Bundle;
use crate::machine::calendar::Calendars;
use crate::machine::history::{self, Break};
use crate::machine::trade::BundleRef;
use crate::store::calendar_rows::calendars_newest;
use crate::store::history_rows::history_after;
use crate::store::trade_rows::{trade_ids, trade_load};
use crate::store::{Connection, StoreError, dialect};

/// How much is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The hash chain of every trade, and that the trade stands where it ends.
    Chains,
    /// Also decides every history again and compares the outcome with the stored trade, byte for byte.
    Replay,
}

/// What was verified and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub trades: u64,
    pub entries: u64,
    pub replayed: u64,
    /// Histories with an erased private part: provable, but not to be replayed.
    pub erased: u64,
    /// Records of instances, with their lines; decided again where the history was.
    pub records: u64,
    pub lines: u64,
    /// One sentence each.
    pub faults: Vec<String>,
}

/// Trades read at once.
const PAGE: i64 = 500;

/// Verifies every trade of a database, also while it is served.
///
/// # Errors
/// A failing database. What is wrong in the data stands in the report.
pub fn verify(conn: &mut Connection, depth: Depth) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut bundles = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = trade_ids(conn, &after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(report);
        };
        after.clone_from(last);
        for trade in &page {
            let checked = dialect::read_transaction(conn, |conn| {
                let calendars = calendars_newest(conn)?;
                verify_trade(conn, trade, depth, &calendars, &mut bundles, &mut report)
            });
            match checked {
                Ok(()) => report.trades += 1,
                Err(StoreError::Corrupt(text)) => report.faults.push(format!("trade {trade}: {text}")),
                Err(error) => return Err(error),
            }
        }
    }
}

fn verify_trade(
    conn: &mut Connection,
    id: &str,
    depth: Depth,
    calendars: &Calendars,
    bundles: &mut BTreeMap<BundleRef, Arc<Bundle>>,
    report: &mut Report,
) -> Result<(), StoreError> {
    let corrupt = |text: String| StoreError::Corrupt(text);
    let stored = trade_load(conn, id)?.ok_or(StoreError::NotFound)?.trade;
    let rows = history_after(conn, id, 0, i64::MAX)?;
    let entries = rows.iter().map(|row| row.entry()).collect::<Result<Vec<_>, _>>()?;
    let head = history::verify(&entries).map_err(|broken| corrupt(broken.to_string()))?;
    if head != stored.head || u64::try_from(entries.len()) != Ok(stored.seq) {
        return Err(corrupt(format!(
            "stands at entry {} and not where its history ends, {}",
            stored.seq,
            entries.len()
        )));
    }
    report.entries += stored.seq;
    let records = records::stored(conn, &stored)?;
    records::verify(&records, &entries, report).map_err(corrupt)?;
    if depth == Depth::Chains {
        return Ok(());
    }
    let bundle = bundle(conn, &stored.bundle, bundles)?;
    let mut rebuilt = records::Rebuilding::of(&records);
    match history::replay_with(&bundle, calendars, &entries, &mut |decision| rebuilt.take(decision)) {
        Ok(Some(trade)) if history::canonical(&trade) == history::canonical(&stored) => {
            rebuilt.compare(&records).map_err(corrupt)?;
            report.replayed += 1;
        }
        Ok(_) => {
            return Err(corrupt(
                "deciding its history again gives another trade than is stored".into(),
            ));
        }
        Err(broken) if broken.why == Break::Erased => report.erased += 1,
        Err(broken) => return Err(corrupt(broken.to_string())),
    }
    Ok(())
}

fn bundle(
    conn: &mut Connection,
    reference: &BundleRef,
    bundles: &mut BTreeMap<BundleRef, Arc<Bundle>>,
) -> Result<Arc<Bundle>, StoreError> {
    if let Some(bundle) = bundles.get(reference) {
        return Ok(Arc::clone(bundle));
    }
    let missing = || format!("its bundle {} {} is not there", reference.name, reference.version);
    let bundle = read_bundle(conn, reference)?.ok_or_else(|| StoreError::Corrupt(missing()))?;
    let bundle = Arc::new(bundle);
    bundles.insert(reference.clone(), Arc::clone(&bundle));
    Ok(bundle)
}
