//! Mails before and after a to-do's due date, as its definition says, each once. Must not close or move anything: what a due
//! date means in law is a timer's business.

use std::collections::BTreeMap;

use chrono::Days;
use serde_json::{Value as Json, json};

use crate::engine::{Engine, EngineError, Snapshot};
use crate::ids;
use crate::machine::calendar::{Calendar, Calendars};
use crate::machine::definition::model::{Reminder, TodoDefinition};
use crate::machine::period::Period;
use crate::machine::snapshot::{snapshot, todo_definition};
use crate::machine::step::Effect;
use crate::machine::trade::{Instance, Todo};
use crate::machine::{Name, Time, roles};
use crate::store::outbox_payload::{Asked, Payload};
use crate::store::outbox_rows::{OutboxRow, outbox_offer};
use crate::store::recurring_rows::{recurring_claim, recurring_claimed};
use crate::store::todo_rows::{TodoRow, todos_due};
use crate::store::{Connection, StoreError};

/// The recurring job that this is.
const JOB: &str = "remind";
/// How far ahead a reminder may lie: the longest `before` that is kept, in milliseconds (60 days).
const HORIZON_MILLIS: i64 = 60 * 86_400_000;
/// More days than any run of holidays has.
const LONGEST_HOLIDAY: u32 = 60;

/// A mail that is due about a to-do.
struct Reminding {
    slot: String,
    row: OutboxRow,
}

/// Offers every reminder that is due at `now` and was not offered yet; how many.
///
/// # Errors
/// A failing store.
pub async fn remind(engine: &Engine, now: Time) -> Result<usize, EngineError> {
    let until = now.plus_millis(HORIZON_MILLIS);
    let open = engine.read(move |conn| todos_due(conn, until)).await?;
    let calendars = engine.calendars();
    let mut trades: BTreeMap<String, Option<Snapshot>> = BTreeMap::new();
    let mut due = Vec::new();
    for row in open {
        if !trades.contains_key(&row.trade) {
            let found = engine.trade(&row.trade.as_str().into()).await.ok();
            trades.insert(row.trade.clone(), found);
        }
        if let Some(Some(held)) = trades.get(&row.trade) {
            due.extend(remindings(held, &calendars, &row, now)?);
        }
    }
    let slots: Vec<String> = due.iter().map(|reminding| reminding.slot.clone()).collect();
    let taken = engine.read(move |conn| recurring_claimed(conn, JOB, &slots)).await?;
    due.retain(|reminding| !taken.contains(&reminding.slot));
    if due.is_empty() {
        return Ok(0);
    }
    engine.write("offer reminders", move |conn| offer(conn, due, now)).await
}

fn offer(conn: &mut Connection, due: Vec<Reminding>, now: Time) -> Result<usize, StoreError> {
    let mut offered = 0;
    for reminding in due {
        if recurring_claim(conn, JOB, &reminding.slot, now)? {
            outbox_offer(conn, &reminding.row)?;
            offered += 1;
        }
    }
    Ok(offered)
}

fn remindings(held: &Snapshot, calendars: &Calendars, row: &TodoRow, now: Time) -> Result<Vec<Reminding>, StoreError> {
    let Some(instance) = held.trade.instances.get(row.instance.as_str()) else {
        return Ok(Vec::new());
    };
    let Some(todo) = instance.todos.get(row.id.as_str()).filter(|todo| !todo.frozen) else {
        return Ok(Vec::new());
    };
    let definition = todo_definition(&held.bundle, instance, todo);
    let (Some(definition), Some(due)) = (definition, todo.due) else {
        return Ok(Vec::new());
    };
    let calendar = calendars.0.get(&held.bundle.calendar);
    let offset = held.bundle.utc_offset_millis;
    let wanted = wanted(definition, calendar, offset, todo, due, now);
    let make = |(slot, reminder): (String, &Reminder)| {
        let slot = format!("{}/{slot}/{}", todo.id, due.0);
        let row = outbox_row(held, instance, todo, reminder, &slot, now)?;
        Ok(Reminding { slot, row })
    };
    wanted.into_iter().map(make).collect()
}

/// The reminders whose time has come. One before the due date is left out once that has passed, or where the to-do was opened
/// later than it would have been sent.
fn wanted<'a>(
    definition: &'a TodoDefinition,
    calendar: Option<&Calendar>,
    offset: i64,
    todo: &Todo,
    due: Time,
    now: Time,
) -> Vec<(String, &'a Reminder)> {
    let before = definition.remind.iter().enumerate().filter(|(_, reminder)| {
        let at = earlier(calendar, offset, due, reminder.period);
        at.is_some_and(|at| at <= now && now < due && todo.opened < at)
    });
    let after = definition.escalate.iter().enumerate().filter(|(_, reminder)| {
        let at = later(calendar, offset, due, reminder.period);
        !todo.provisional && at.is_some_and(|at| at <= now)
    });
    let before = before.map(|(index, reminder)| (format!("before{index}"), reminder));
    let after = after.map(|(index, reminder)| (format!("after{index}"), reminder));
    before.chain(after).collect()
}

fn later(calendar: Option<&Calendar>, offset: i64, due: Time, period: Period) -> Option<Time> {
    match period {
        Period::Millis(millis) => Some(due.plus_millis(millis)),
        Period::Workdays(_) => Some(calendar?.deadline(due, period, offset).due),
    }
}

/// As long before: for working days the Nth working day before, at the same clock time.
fn earlier(calendar: Option<&Calendar>, offset: i64, due: Time, period: Period) -> Option<Time> {
    let days = match period {
        Period::Millis(millis) => return Some(due.plus_millis(-millis)),
        Period::Workdays(days) => days,
    };
    let calendar = calendar?;
    let counting = calendar.at(calendar.version, offset);
    let (last, _) = counting.local(due);
    let back = (1..=days.saturating_mul(2).saturating_add(LONGEST_HOLIDAY)).map(i64::from);
    let workdays = back.filter(|back| {
        let day = last.checked_sub_days(Days::new(back.unsigned_abs()));
        day.is_some_and(|day| counting.is_workday(day).0)
    });
    let mut workdays = workdays.skip(usize::try_from(days.saturating_sub(1)).ok()?);
    workdays.next().map(|back| due.plus_millis(-back * 86_400_000))
}

fn outbox_row(
    held: &Snapshot,
    instance: &Instance,
    todo: &Todo,
    reminder: &Reminder,
    slot: &str,
    now: Time,
) -> Result<OutboxRow, StoreError> {
    let mut print = serde_json::to_value(snapshot(&held.bundle, &held.trade, instance))?;
    let about = &mut print["self"]["todos"][&*todo.id];
    let mut audience: Vec<Json> = match &todo.claimed_by {
        // Whoever took it on is reminded, and not all who might have.
        Some(account) => vec![json!(format!("account:{account}"))],
        None => about["audience"].as_array().cloned().unwrap_or_default(),
    };
    let also = reminder.also_to.iter();
    let also = also.flat_map(|role: &Name| roles::audience(&held.bundle, &held.trade, instance, role));
    audience.extend(also.map(|key| json!(key)));
    about["audience"] = Json::Array(audience);
    let mail = Effect::TodoMail {
        instance: instance.id.clone(),
        todo: todo.id.clone(),
        mail: reminder.mail.clone(),
        at: now,
    };
    let payload = Payload {
        asked: Asked::Effect(mail),
        snapshot: print,
    };
    Ok(OutboxRow {
        trade: held.trade.id.to_string(),
        instance: instance.id.to_string(),
        ..OutboxRow::waiting(ids::id_of(&format!("{JOB}/{slot}")), &payload, now)?
    })
}
