//! What a calendar drives: reminders, the daily digest, retention, the check for next year's calendar. Each tick asks our clock
//! which slots are due; a slot runs once, however often and by however many processes it is nudged. Nothing legal hangs on it.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};
use serde_json::{Value as Json, json};

use super::reminders;
use crate::engine::{Engine, EngineError};
use crate::ids;
use crate::machine::Time;
use crate::machine::snapshot::{snapshot, todo_definition};
use crate::machine::time::CHINA_MILLIS;
use crate::performers::{context, format};
use crate::store::challenge_rows::challenge_purge;
use crate::store::idempotency_rows::keys_forget;
use crate::store::incident_rows::{IncidentRow, incident_open};
use crate::store::mail_rows::mails_forget;
use crate::store::name_rows::accounts_with_audiences;
use crate::store::outbox_payload::{Asked, Payload};
use crate::store::outbox_rows::{OutboxRow, outbox_forget, outbox_offer};
use crate::store::recurring_rows::{recurring_claim, recurring_claimed};
use crate::store::session_rows::session_purge;
use crate::store::todo_rows::{TodoRow, todos_open_for};
use crate::store::token_rows::tokens_forget;
use crate::store::{Connection, StoreError};

/// People get their digest from this hour on.
const DIGEST_HOUR: u32 = 8;
/// The notice on the next year's holidays comes out in November as a rule; from then on its absence is worth a word.
const NOTICE_MONTH: u32 = 11;
/// The most to-dos that one digest lists.
const DIGEST_LENGTH: i64 = 200;

const DAY_MILLIS: i64 = 86_400_000;
/// Idempotency keys are promised for 72 hours; a day more costs nothing.
const KEEP_KEYS: i64 = 4 * DAY_MILLIS;
const KEEP_TOKENS: i64 = 7 * DAY_MILLIS;
const KEEP_SESSIONS: i64 = 30 * DAY_MILLIS;
const KEEP_OUTBOX: i64 = 30 * DAY_MILLIS;
/// Network logs are to be kept for six months at least (网络安全法); mails show who was told what, so two years.
const KEEP_MAILS: i64 = 730 * DAY_MILLIS;

/// What a tick did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Mails offered about to-dos.
    pub reminders: usize,
    /// Digests offered.
    pub digests: usize,
    /// Rows deleted.
    pub forgotten: usize,
    /// Incidents opened.
    pub incidents: usize,
}

/// Runs every slot that is due at `now` and has not run.
///
/// # Errors
/// A failing store; what was done before stays done.
pub async fn tick(engine: &Engine, now: Time) -> Result<Swept, EngineError> {
    let Some(local) = format::local(now.0, CHINA_MILLIS) else {
        return Ok(Swept::default());
    };
    Ok(Swept {
        reminders: reminders::remind(engine, now).await?,
        digests: digests(engine, now, local).await?,
        forgotten: retention(engine, now, local).await?,
        incidents: calendars(engine, now, local).await?,
    })
}

/// A look before a claim: most ticks find that everything has run, and then write nothing.
async fn taken(engine: &Engine, job: &'static str, slot: &str) -> Result<bool, EngineError> {
    let slots = [slot.to_owned()];
    let found = engine.read(move |conn| recurring_claimed(conn, job, &slots)).await?;
    Ok(!found.is_empty())
}

async fn digests(engine: &Engine, now: Time, local: NaiveDateTime) -> Result<usize, EngineError> {
    if local.hour() < DIGEST_HOUR {
        return Ok(0);
    }
    let day = local.date().to_string();
    if taken(engine, "digest", &day).await? {
        return Ok(0);
    }
    let claimed = day.clone();
    // Claimed first: gathering is the dear part, and a digest that a crash swallows is made up for tomorrow.
    if !engine
        .write("claim the digest", move |conn| {
            recurring_claim(conn, "digest", &claimed, now)
        })
        .await?
    {
        return Ok(0);
    }
    let mine = engine.read(open_by_account).await?;
    let mut told: BTreeMap<String, Option<Json>> = BTreeMap::new();
    let mut rows = Vec::new();
    for (account, todos) in mine {
        let mut items = Vec::new();
        for todo in &todos {
            if !told.contains_key(&todo.id) {
                let item = describe(engine, todo, now).await;
                told.insert(todo.id.clone(), item);
            }
            items.extend(told.get(&todo.id).cloned().flatten());
        }
        if !items.is_empty() {
            rows.push(digest_row(&account, &day, items, now)?);
        }
    }
    let count = rows.len();
    let offer = move |conn: &mut Connection| rows.iter().try_for_each(|row| outbox_offer(conn, row));
    engine.write("offer digests", offer).await?;
    Ok(count)
}

/// Open to-dos by account; what somebody else has taken on is left out.
fn open_by_account(conn: &mut Connection) -> Result<Vec<(String, Vec<TodoRow>)>, StoreError> {
    let mut found = Vec::new();
    for (account, audiences) in accounts_with_audiences(conn)? {
        let mut todos = todos_open_for(conn, &audiences, DIGEST_LENGTH)?;
        todos.retain(|todo| !todo.frozen && todo.claimed_by.as_ref().is_none_or(|by| *by == account));
        if !todos.is_empty() {
            found.push((account, todos));
        }
    }
    Ok(found)
}

async fn describe(engine: &Engine, row: &TodoRow, now: Time) -> Option<Json> {
    let held = engine.trade(&row.trade.as_str().into()).await.ok()?;
    let instance = held.trade.instances.get(row.instance.as_str())?;
    let todo = instance.todos.get(row.id.as_str())?;
    let definition = todo_definition(&held.bundle, instance, todo)?;
    let print = serde_json::to_value(snapshot(&held.bundle, &held.trade, instance)).ok()?;
    Some(json!({
        "id": row.id, "title": definition.title, "lot": context::lot(&held.bundle, &print), "due": todo.due,
        "provisional": todo.provisional, "late": todo.due.is_some_and(|due| due <= now),
    }))
}

fn digest_row(account: &str, day: &str, items: Vec<Json>, now: Time) -> Result<OutboxRow, StoreError> {
    let late = items.iter().filter(|item| item["late"] == json!(true)).count();
    let digest = json!({"account": account, "at": now, "total": items.len(), "late": late, "todos": items});
    let id = ids::id_of(&format!("digest/{day}/{account}"));
    let payload = Payload {
        asked: Asked::Digest(digest),
        snapshot: json!({}),
    };
    OutboxRow::waiting(id, &payload, now)
}

async fn retention(engine: &Engine, now: Time, local: NaiveDateTime) -> Result<usize, EngineError> {
    let day = local.date().to_string();
    if taken(engine, "retention", &day).await? {
        return Ok(0);
    }
    let forget = move |conn: &mut Connection| {
        if !recurring_claim(conn, "retention", &day, now)? {
            return Ok(0);
        }
        let before = |keep: i64| now.plus_millis(-keep);
        Ok(keys_forget(conn, before(KEEP_KEYS))?
            + tokens_forget(conn, before(KEEP_TOKENS).0)?
            + session_purge(conn, before(KEEP_SESSIONS).0)?
            + challenge_purge(conn, before(KEEP_TOKENS).0)?
            + outbox_forget(conn, before(KEEP_OUTBOX))?
            + mails_forget(conn, before(KEEP_MAILS))?)
    };
    engine.write("retention", forget).await
}

/// From November on, an incident each month for every calendar that lacks the next year.
async fn calendars(engine: &Engine, now: Time, local: NaiveDateTime) -> Result<usize, EngineError> {
    if local.month() < NOTICE_MONTH {
        return Ok(0);
    }
    let next = local.year() + 1;
    let all = engine.calendars();
    let month = local.format("%Y-%m").to_string();
    let mut lacking = Vec::new();
    for (name, _) in all.0.iter().filter(|(_, calendar)| !calendar.years.contains_key(&next)) {
        if !taken(engine, "calendar", &format!("{name}/{month}")).await? {
            lacking.push(name.to_string());
        }
    }
    if lacking.is_empty() {
        return Ok(0);
    }
    let tell = move |conn: &mut Connection| {
        let mut opened = 0;
        for name in &lacking {
            let slot = format!("{name}/{month}");
            if recurring_claim(conn, "calendar", &slot, now)? {
                incident_open(conn, &calendar_incident(name, next, &slot, now))?;
                opened += 1;
            }
        }
        Ok(opened)
    };
    engine.write("check calendars", tell).await
}

fn calendar_incident(name: &str, year: i32, slot: &str, now: Time) -> IncidentRow {
    let text = format!("the calendar {name} has no {year} yet: deadlines in it are provisional and will not fire");
    let id = ids::id_of(&format!("calendar/{slot}"));
    IncidentRow::open(id, "calendar", (name.to_owned(), text), now)
}
