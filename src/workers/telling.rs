//! Mails checkpoints to those who read records while the instances run: at each change of phase, and every so often. Must not tell
//! how much stands in a record to whom it is not open yet: they get the checkpoint sealed, whether the record grew or not.

use std::collections::BTreeMap;

use serde_json::json;

use super::signing::{sign, sign_head};
use crate::engine::{Engine, EngineError, Snapshot, checkpoint_of, record_end};
use crate::ids;
use crate::machine::snapshot::snapshot;
use crate::machine::trade::Instance;
use crate::machine::view::record_readers;
use crate::machine::{Name, Time, roles};
use crate::performers::context;
use crate::record::{Checkpoint, Head, Reach, Row, SealedCheckpoint};
use crate::store::outbox_payload::{Asked, Payload};
use crate::store::outbox_rows::{OutboxRow, outbox_offer};
use crate::store::record_rows::{LineRow, checkpoint_latest, record_from, records_open};
use crate::store::recurring_rows::{recurring_claim, recurring_claimed};
use crate::store::{Connection, StoreError};

/// The recurring job that this is.
const JOB: &str = "tell";
const MINUTE_MILLIS: i64 = 60_000;
/// Lines read at once.
const CHUNK: i64 = 500;

/// How far records were followed, so that none is read twice. What is forgotten with a process is read again.
#[derive(Debug, Default)]
pub struct Followed(BTreeMap<String, Place>);

/// Where a record stands for its followers.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Lines read.
    read: i64,
    /// Phase and standstill after them.
    phase: (Vec<Name>, bool),
    /// The line with which that began; 1 where it has not changed since the beginning.
    since: i64,
}

/// Offers a mail to the readers of every open record for whom one is due; how many mails.
///
/// # Errors
/// A failing store or signing server; what was offered before stays offered.
pub async fn tell(engine: &Engine, now: Time, minutes: u32, followed: &mut Followed) -> Result<usize, EngineError> {
    if engine.signer().is_none() {
        return Ok(0);
    }
    let open = engine.read(records_open).await?;
    followed.0.retain(|instance, _| open.contains(instance));
    let mut offered = 0;
    for instance in open {
        let place = followed.0.entry(instance.clone()).or_default();
        let (id, before) = (instance.clone(), place.clone());
        *place = engine.read(move |conn| follow(conn, &id, before)).await?;
        let slots = slots(&instance, place, now, minutes);
        let wanted = slots.clone();
        let taken = engine.read(move |conn| recurring_claimed(conn, JOB, &wanted)).await?;
        let fresh: Vec<_> = slots.into_iter().filter(|slot| !taken.contains(slot)).collect();
        if !fresh.is_empty() {
            offered += one(engine, &instance, fresh, now).await?;
        }
    }
    Ok(offered)
}

/// Reads on from where a record was followed to.
fn follow(conn: &mut Connection, instance: &str, mut place: Place) -> Result<Place, StoreError> {
    loop {
        let rows = record_from(conn, instance, place.read + 1, CHUNK)?;
        for row in &rows {
            let Ok(line) = Row::parse(&row.line) else { continue };
            // The first line of all has the number 0 and no phase.
            let phase = (line.phase.to_vec(), line.frozen);
            if place.since == 0 || place.phase != phase {
                (place.phase, place.since) = (phase, row.number);
            }
        }
        match rows.last() {
            Some(last) => place.read = last.number,
            None => return Ok(place),
        }
    }
}

/// What a mail is due for. An instance that only waits for its beginning is not told of.
fn slots(instance: &str, place: &Place, now: Time, minutes: u32) -> Vec<String> {
    if place.since <= 1 {
        return Vec::new();
    }
    let mut slots = vec![format!("{instance}/line/{}", place.since)];
    let millis = i64::from(minutes) * MINUTE_MILLIS;
    if millis > 0 {
        slots.push(format!("{instance}/every/{minutes}/{}", now.0.div_euclid(millis)));
    }
    slots
}

/// Offers the mails of one record; who claims the slots first does.
async fn one(engine: &Engine, instance: &str, slots: Vec<String>, now: Time) -> Result<usize, EngineError> {
    let held = engine.trade(&Name::from(instance)).await?;
    // What only practises is nobody's to supervise: trades begin with the root of their bundle.
    let real = held.trade.root().is_some_and(|root| root.machine == held.bundle.root);
    let Some(found) = held.trade.instances.get(instance).filter(|_| real) else {
        return Ok(0);
    };
    let (open_to, closed_to) = record_readers(&held.bundle, &held.trade, found);
    let Some(checkpoint) = fresh(engine, instance, now).await? else {
        return Ok(0);
    };
    let plain = serde_json::to_string(&checkpoint).map_err(StoreError::from)?;
    let sealed = sealed(engine, &checkpoint).await?;
    let mut rows = Vec::new();
    for (roles, lines, is_sealed) in [(open_to, plain, false), (closed_to, sealed, true)] {
        let audience = roles
            .iter()
            .flat_map(|role| roles::audience(&held.bundle, &held.trade, found, role));
        let audience: Vec<_> = audience.map(|it| it.to_string()).collect();
        if !audience.is_empty() {
            let about = About {
                held: &held,
                instance: found,
                at: checkpoint.at,
            };
            let asked = json!({"audience": audience, "lines": format!("{lines}\n"), "sealed": is_sealed});
            rows.push(about.row(asked, &slots)?);
        }
    }
    let offer = move |conn: &mut Connection| {
        let mut claimed = false;
        for slot in &slots {
            claimed |= recurring_claim(conn, JOB, slot, now)?;
        }
        let rows = rows.iter().filter(|_| claimed);
        rows.map(|row| outbox_offer(conn, row).map(|_| 1)).sum()
    };
    engine.write("offer checkpoints", offer).await
}

/// A checkpoint of this moment, made although nothing may have been added: another one than at the last time in any case.
async fn fresh(engine: &Engine, instance: &str, now: Time) -> Result<Option<Checkpoint>, EngineError> {
    let id = instance.to_owned();
    let (last, latest) = engine
        .read(move |conn| Ok((record_end(conn, &id)?, checkpoint_latest(conn, &id)?)))
        .await?;
    let Some(LineRow { number, line, .. }) = last else {
        return Ok(None);
    };
    let latest = latest.as_ref().map(checkpoint_of);
    if let Some(latest) =
        latest.filter(|latest| latest.at.0.div_euclid(MINUTE_MILLIS) == now.0.div_euclid(MINUTE_MILLIS))
    {
        return Ok(Some(latest));
    }
    let head = Head::at(u64::try_from(number).unwrap_or_default(), &line);
    // Where another process was first, the next look finds its checkpoint.
    sign_head(engine, &Name::from(instance), head, (now, Reach::SoFar)).await
}

async fn sealed(engine: &Engine, checkpoint: &Checkpoint) -> Result<String, EngineError> {
    let checkpoint = checkpoint.clone();
    let sealed = sign(engine, move |signer| SealedCheckpoint::of(signer, &checkpoint)).await?;
    Ok(serde_json::to_string(&sealed).map_err(StoreError::from)?)
}

/// What a mail is about.
struct About<'a> {
    held: &'a Snapshot,
    instance: &'a Instance,
    at: Time,
}

impl About<'_> {
    fn row(&self, mut asked: serde_json::Value, slots: &[String]) -> Result<OutboxRow, StoreError> {
        let Snapshot { trade, bundle } = self.held;
        let print = serde_json::to_value(snapshot(bundle, trade, self.instance)).unwrap_or_default();
        let machine = bundle.machines.get(&self.instance.machine);
        let titles = self.instance.states.iter();
        let titles = titles.filter_map(|path| Some(machine?.state_at(path)?.title.as_str()));
        asked["at"] = json!(self.at);
        asked["lot"] = json!(context::lot(bundle, &print));
        asked["title"] = json!(machine.map_or("", |machine| machine.title.as_str()));
        asked["phase"] = json!(titles.collect::<Vec<_>>().join("、"));
        let named = slots.first().map_or("", String::as_str);
        let id = ids::id_of(&format!("{JOB}/{named}/{}", asked["sealed"]));
        let payload = Payload {
            asked: Asked::Checkpoint(asked),
            snapshot: json!({}),
        };
        Ok(OutboxRow {
            trade: trade.id.to_string(),
            instance: self.instance.id.to_string(),
            ..OutboxRow::waiting(id, &payload, self.at)?
        })
    }
}
