//! Whether what people fill in fits the declared types. Must not decide who may fill it in, or when.

use super::refusals::invalid;
use super::scope::Names;
use super::types::Refusal;
use super::work::Work;
use crate::machine::calendar::MOST_WORKDAYS;
use crate::machine::definition::model::{FormField, Machine, TodoDefinition, Trigger, Type};
use crate::machine::period::Period;
use crate::machine::trade::InstanceId;
use crate::machine::value::{Map, Name, Value};

/// Characters of a one-line text, of a text of several paragraphs, and of an identifier from elsewhere.
const MOST_TEXT: usize = 1_000;
const MOST_RICH: usize = 100_000;
const MOST_ID: usize = 128;
/// The largest amount in fen: what JSON's numbers hold exactly. Rules can multiply it by a hundred and stay within 64 bits, so
/// that nobody's amount makes a guard fail for everybody else.
const MOST_MONEY: i64 = (1 << 53) - 1;
/// Files in one field.
const MOST_FILES: usize = 100;

/// Finds the value of another field, for fields that are asked for only sometimes.
pub type Given<'a> = &'a dyn Fn(&str) -> Value;

/// Checks a value against a declared type.
///
/// # Errors
/// Why it does not fit, as a Chinese phrase for a person.
pub fn fits(kind: &Type, value: &Value, given: Given<'_>) -> Result<(), String> {
    let says = |fits: bool, why: &str| if fits { Ok(()) } else { Err(why.to_owned()) };
    let not_negative = value.as_int().is_some_and(|int| int >= 0);
    match kind {
        Type::Money => says(
            value.as_int().is_some_and(|fen| (0..=MOST_MONEY).contains(&fen)),
            "须为不小于零、不超过90万亿元的金额",
        ),
        Type::Int => says(value.as_int().is_some(), "须为整数"),
        Type::Bool => says(value.as_bool().is_some(), "须为是或否"),
        Type::Time => says(not_negative, "须为时间"),
        Type::Duration => says(not_negative, "须为时长"),
        Type::Text => says(
            is_text(value, MOST_TEXT) && !has_control(value, &[]),
            "须为一行文字，不超过1000字",
        ),
        Type::Rich => says(
            is_text(value, MOST_RICH) && !has_control(value, &['\n', '\r', '\t']),
            "须为文字，不超过10万字",
        ),
        Type::Period => says(value.as_text().is_some_and(is_period), "须为期限，如 7 workdays"),
        Type::File | Type::Key(_) | Type::Organisation | Type::Party => says(
            is_text(value, MOST_ID) && !has_control(value, &[]) && !is_empty(value),
            "须为编号",
        ),
        Type::Files => match value {
            Value::List(files) => {
                says(files.len() <= MOST_FILES, "文件过多")?;
                files.iter().try_for_each(|file| fits(&Type::File, file, given))
            }
            _ => Err("须为文件".to_owned()),
        },
        Type::Enumeration(options) => {
            let known = value
                .as_text()
                .is_some_and(|text| options.iter().any(|option| &**option == text));
            says(known, "不在可选项中")
        }
        Type::List { columns, max } => fits_list(columns, *max, value, given),
        Type::Form(fields) => fits_form(fields, value, given),
    }
}

fn fits_list(columns: &[(Name, Type)], max: usize, value: &Value, given: Given<'_>) -> Result<(), String> {
    let Value::List(rows) = value else {
        return Err("须为列表".to_owned());
    };
    if rows.len() > max {
        return Err(format!("最多 {max} 行"));
    }
    for row in rows {
        let Value::Map(cells) = row else {
            return Err("每行须为各栏的值".to_owned());
        };
        if let Some(unknown) = cells.keys().find(|cell| columns.iter().all(|(name, _)| name != *cell)) {
            return Err(format!("没有栏目 {unknown}"));
        }
        for (name, kind) in columns {
            let cell = cells.get(name).ok_or_else(|| format!("缺少 {name}"))?;
            fits(kind, cell, given).map_err(|why| format!("{name} {why}"))?;
        }
    }
    Ok(())
}

fn fits_form(fields: &[FormField], value: &Value, given: Given<'_>) -> Result<(), String> {
    let Value::Map(entries) = value else {
        return Err("须为表单".to_owned());
    };
    if let Some(unknown) = entries
        .keys()
        .find(|entry| fields.iter().all(|field| field.name != **entry))
    {
        return Err(format!("没有栏目 {unknown}"));
    }
    for field in fields {
        let asked = field
            .only_if
            .as_ref()
            .is_none_or(|(other, values)| values.contains(&given(other)));
        match entries.get(&field.name).filter(|value| !is_empty(value)) {
            Some(value) => fits(&field.kind, value, given).map_err(|why| format!("{} {why}", field.title))?,
            None if field.required && asked => return Err(format!("{} 必须填写", field.title)),
            None => {}
        }
    }
    Ok(())
}

/// True for what a form treats as not filled in.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.trim().is_empty(),
        Value::List(list) => list.is_empty(),
        _ => false,
    }
}

fn is_text(value: &Value, most: usize) -> bool {
    value.as_text().is_some_and(|text| text.chars().count() <= most)
}

fn has_control(value: &Value, except: &[char]) -> bool {
    let mut letters = value.as_text().unwrap_or_default().chars();
    letters.any(|letter| letter.is_control() && !except.contains(&letter))
}

fn is_period(text: &str) -> bool {
    match text.parse() {
        Ok(Period::Workdays(days)) => days <= MOST_WORKDAYS,
        Ok(Period::Millis(_)) => true,
        Err(_) => false,
    }
}

/// Fields of a machine that somebody fills in.
pub(super) struct Form<'a> {
    pub machine: &'a Machine,
    pub fields: &'a [Name],
    /// Fields that must have a value afterwards, given now or known before.
    pub required: &'a [Name],
}

impl Form<'_> {
    /// What was given, checked; or the refusal that says which field does not fit and why.
    pub fn check(&self, work: &Work<'_>, id: &InstanceId, given: &Map) -> Result<Map, Refusal> {
        let known = work
            .trade
            .instances
            .get(id)
            .filter(|instance| instance.machine == self.machine.name);
        let lookup = |name: &str| {
            let stored = || known.and_then(|instance| instance.data.get(name));
            given.get(name).or_else(stored).cloned().unwrap_or_default()
        };
        for (name, value) in given {
            let field = self
                .machine
                .field(name)
                .filter(|field| self.fields.contains(name) && field.computed.is_none());
            let Some(field) = field else {
                return Err(invalid(work.bundle, name, "没有这一项"));
            };
            if !value.is_null() {
                fits(&field.kind, value, &lookup).map_err(|why| invalid(work.bundle, &field.title, &why))?;
            }
            if let (Type::Key(machine), Some(key)) = (&field.kind, value.as_text()) {
                let mut all = work.trade.instances.values();
                if !all.any(|one| one.machine == *machine && one.key.as_deref() == Some(key)) {
                    return Err(invalid(work.bundle, &field.title, "没有这一编号"));
                }
            }
        }
        for name in self.required {
            let Some(field) = self.machine.field(name) else {
                continue;
            };
            let value = lookup(name);
            if value.is_null() && !field.optional {
                return Err(invalid(work.bundle, &field.title, "必须填写"));
            }
            // What was filled in before may not fit what is chosen now: a category changes the form.
            if !value.is_null() {
                fits(&field.kind, &value, &lookup).map_err(|why| invalid(work.bundle, &field.title, &why))?;
            }
        }
        Ok(given.clone())
    }
}

/// The fields on a to-do's pages that are shown with what is known and given so far.
pub(super) fn page_fields(work: &Work<'_>, id: &InstanceId, todo: &TodoDefinition, given: &Map) -> Vec<Name> {
    let Some(instance) = work.trade.instances.get(id) else {
        return Vec::new();
    };
    let mut filled = crate::machine::Instance::clone(instance);
    filled
        .data
        .extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
    let names = Names {
        now: work.now,
        event: Some(given),
        ..Names::of(work.bundle, &work.trade, &filled)
    };
    // A page whose condition cannot be evaluated yet is shown: leaving it out could skip what must be filled in.
    let shown = todo.pages.iter().filter(|page| {
        let condition = page.condition.as_ref().map(|condition| condition.evaluate(&names));
        !matches!(condition, Some(Ok(Value::Bool(false))))
    });
    shown.flat_map(|page| page.fields.iter().cloned()).collect()
}

/// Fields that the transitions of an event, in a state or around it, ask for.
pub(super) fn asked_for(machine: &Machine, state: &str, event: &str) -> Vec<Name> {
    let Some(index) = machine.by_path.get(state) else {
        return Vec::new();
    };
    let rules = machine.lineage(*index).flat_map(|state| &state.transitions);
    let of_event = rules.filter(|rule| matches!(&rule.trigger, Trigger::Event(name) if **name == *event));
    of_event.flat_map(|rule| rule.form.iter().cloned()).collect()
}
