//! Values as scenario and sample files write them (`96800.00元`, `2026-09-02 09:00`, `7 workdays`), by the type of their field.
//! Must not decide whether a value is lawful: the step does.

use chrono::{NaiveDate, NaiveDateTime};

use super::reading::{Fault, Spot};
use crate::machine::Time;
use crate::machine::definition::diagnostic::Sink;
use crate::machine::definition::locate::{self, Content};
use crate::machine::definition::model::{Bundle, Field, FormField, Machine, Type};
use crate::machine::period::Period;
use crate::machine::value::{Map, Name, Value};

/// What literals need from outside: `now`, and the zone that clock times are written in.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Time,
    pub utc_offset_millis: i64,
}

/// Reads a file of data for the bundle's root machine, such as a sample listing.
///
/// # Errors
/// The text is not YAML, names a field that the machine has not, or writes a value in another way than its type asks for.
pub fn root_data(bundle: &Bundle, file: &str, text: &str) -> Result<Map, Vec<Fault>> {
    let mut found = Vec::new();
    let node = locate::parse(
        text,
        &mut Sink {
            file,
            found: &mut found,
        },
    );
    let name: std::sync::Arc<str> = file.into();
    let (Some(node), true) = (node, found.is_empty()) else {
        return Err(found
            .into_iter()
            .map(|fault| {
                super::reading::Place {
                    file: name.clone(),
                    line: fault.line,
                }
                .fault(fault.message)
            })
            .collect());
    };
    let Some(machine) = bundle.machines.get(&bundle.root) else {
        return Ok(Map::new());
    };
    let moment = Moment {
        now: Time(0),
        utc_offset_millis: bundle.utc_offset_millis,
    };
    machine_data(
        machine,
        &Spot {
            file: &name,
            node: &node,
        },
        moment,
    )
    .map_err(|fault| vec![fault])
}

/// A map of a machine's fields.
pub fn machine_data(machine: &Machine, spot: &Spot<'_>, moment: Moment) -> Result<Map, Fault> {
    spot.entries()?
        .into_iter()
        .map(|(key, value)| Ok((Name::from(key.as_str()), field(machine, &key, &value, moment)?)))
        .collect()
}

/// The value of one field.
pub fn field(machine: &Machine, key: &str, spot: &Spot<'_>, moment: Moment) -> Result<Value, Fault> {
    let declared: &Field = machine
        .field(key)
        .ok_or_else(|| spot.fault(format!("`{}` has no field `{key}`", machine.name)))?;
    of_type(&declared.kind, spot, moment)
}

/// A value of a known type. Null is null in every type.
pub fn of_type(kind: &Type, spot: &Spot<'_>, moment: Moment) -> Result<Value, Fault> {
    if spot.is_null() {
        return Ok(Value::Null);
    }
    match kind {
        Type::Money => money(&spot.text()?).map(Value::Int),
        Type::Int => return spot.int().map(Value::Int),
        Type::Bool => match spot.node.content {
            Content::Bool(truth) => Some(Value::Bool(truth)),
            _ => None,
        },
        Type::Time => time(&spot.text()?, moment).map(Value::from),
        Type::Duration => match spot.text()?.parse() {
            Ok(Period::Millis(millis)) => Some(Value::Int(millis)),
            _ => None,
        },
        Type::Period => spot
            .text()?
            .parse::<Period>()
            .ok()
            .map(|period| Value::from(period.to_string())),
        Type::Text
        | Type::Rich
        | Type::File
        | Type::Key(_)
        | Type::Organisation
        | Type::Party
        | Type::Enumeration(_) => Some(Value::from(spot.text()?)),
        Type::Files => return Ok(Value::List(texts(spot)?)),
        Type::List { columns, .. } => return rows(columns, spot, moment).map(Value::List),
        Type::Form(fields) => return form(fields, spot, moment).map(Value::Map),
    }
    .ok_or_else(|| spot.fault(format!("this is not written as {}", written_as(kind))))
}

fn texts(spot: &Spot<'_>) -> Result<Vec<Value>, Fault> {
    spot.one_or_many()
        .iter()
        .map(|item| item.text().map(Value::from))
        .collect()
}

fn rows(columns: &[(Name, Type)], spot: &Spot<'_>, moment: Moment) -> Result<Vec<Value>, Fault> {
    spot.items()?
        .iter()
        .map(|row| {
            row.entries()?
                .into_iter()
                .map(|(key, value)| {
                    let (name, kind) = columns
                        .iter()
                        .find(|(name, _)| **name == *key)
                        .ok_or_else(|| value.fault(format!("there is no column `{key}`")))?;
                    Ok((name.clone(), of_type(kind, &value, moment)?))
                })
                .collect::<Result<Map, Fault>>()
                .map(Value::Map)
        })
        .collect()
}

fn form(fields: &[FormField], spot: &Spot<'_>, moment: Moment) -> Result<Map, Fault> {
    spot.entries()?
        .into_iter()
        .map(|(key, value)| {
            let field = fields
                .iter()
                .find(|field| *field.name == *key)
                .ok_or_else(|| value.fault(format!("the form has no field `{key}`")))?;
            Ok((field.name.clone(), of_type(&field.kind, &value, moment)?))
        })
        .collect()
}

fn written_as(kind: &Type) -> &'static str {
    match kind {
        Type::Money => "money, such as `96800.00元`",
        Type::Time => "a time, such as `2026-09-02 09:00`, `now` or `now + 24 hours`",
        Type::Duration => "a duration, such as `4 minutes`",
        Type::Period => "a period, such as `7 workdays`",
        Type::Bool => "`true` or `false`",
        _ => "its type asks for",
    }
}

/// Fen of `96800.00元`, `96800.5元` or `96800元`.
pub fn money(text: &str) -> Option<i64> {
    let text = text.strip_suffix('元')?.replace(',', "");
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest.to_owned()),
        None => (1, text),
    };
    let (yuan, fen) = text.split_once('.').unwrap_or((&text, ""));
    if yuan.is_empty() || fen.len() > 2 || !yuan.chars().chain(fen.chars()).all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fen: i64 = format!("{fen:0<2}").parse().ok()?;
    yuan.parse::<i64>()
        .ok()?
        .checked_mul(100)?
        .checked_add(fen)?
        .checked_mul(sign)
}

/// Fen as `96800.00元`.
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}元", fen.unsigned_abs() / 100, fen.unsigned_abs() % 100)
}

/// `2026-09-02 09:00`, with seconds where wanted; `now`, `now + 24 hours`, `now - 1 minute`.
pub fn time(text: &str, moment: Moment) -> Option<Time> {
    if let Some(rest) = text.strip_prefix("now") {
        let rest = rest.trim();
        if rest.is_empty() {
            return Some(moment.now);
        }
        let (sign, period) = match rest.split_at_checked(1)? {
            ("+", period) => (1, period),
            ("-", period) => (-1, period),
            _ => return None,
        };
        return match period.trim().parse() {
            Ok(Period::Millis(millis)) => Some(moment.now.plus_millis(sign * millis)),
            _ => None,
        };
    }
    let local = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.3f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
    Some(Time(local.and_utc().timestamp_millis()).plus_millis(-moment.utc_offset_millis))
}

/// A time as scenario files write it.
pub fn clock(time: Time, utc_offset_millis: i64) -> String {
    let local = time.plus_millis(utc_offset_millis).0;
    match chrono::DateTime::from_timestamp_millis(local) {
        Some(local) if local.timestamp_millis() % 60_000 == 0 => local.format("%Y-%m-%d %H:%M").to_string(),
        Some(local) if local.timestamp_millis() % 1_000 == 0 => local.format("%Y-%m-%d %H:%M:%S").to_string(),
        Some(local) => local.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        None => format!("{} ms", time.0),
    }
}
