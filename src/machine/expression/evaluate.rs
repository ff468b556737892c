//! Runs a checked expression: binds the names it reads, evaluates, and turns the result back into a value.
//! Must not know types: those were checked when the expression was compiled.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::{Key, Map as CelMap};
use cel::{Context, ExecutionError, IdedExpr, Value as CelValue};

use super::super::period::Period;
use super::super::value::{Map, Value};
use super::{Reference, Scope};

const DAY_MILLIS: i64 = 86_400_000;

thread_local! {
    /// Building a context builds CEL's whole function table, so each thread keeps one and opens inner scopes.
    static ROOT: Context<'static, 'static> = root();
}

fn root() -> Context<'static, 'static> {
    let mut context = Context::default();
    // Neither name is one of CEL's own, which is the only way this could fail.
    let added = context
        .add_function("shortest", shortest)
        .and_then(|()| context.add_function("sum", sum));
    debug_assert!(added.is_ok(), "CEL has a function of that name by now");
    context
}

/// The least time that a period can last, in milliseconds: the Nth working day after a day is at least N days after it.
fn shortest(period: Arc<String>) -> Result<i64, ExecutionError> {
    match period.parse::<Period>() {
        Ok(Period::Millis(millis)) => Ok(millis),
        Ok(Period::Workdays(days)) => Ok(i64::from(days) * DAY_MILLIS),
        Err(why) => Err(ExecutionError::function_error("shortest", why)),
    }
}

/// The sum of a list of whole numbers; 0 of an empty one.
fn sum(items: Arc<Vec<CelValue>>) -> Result<i64, ExecutionError> {
    let wrong = |why: &str| ExecutionError::function_error("sum", why);
    items.iter().try_fold(0_i64, |total, item| match item {
        CelValue::Int(int) => total
            .checked_add(*int)
            .ok_or_else(|| wrong("a number is larger than 64 bits can hold")),
        _ => Err(wrong("null stands where a value is needed")),
    })
}

/// Evaluates a tree whose names were replaced by single identifiers.
///
/// # Errors
/// A plain sentence.
pub fn evaluate<'a>(
    tree: &IdedExpr,
    bindings: impl Iterator<Item = (&'a Reference, &'a String)>,
    scope: &dyn Scope,
) -> Result<Value, String> {
    let mut absent = Vec::new();
    ROOT.with(|root| {
        let mut context = root.new_inner_scope();
        for (reference, name) in bindings {
            // A name without a value fails only where it is needed: `a || b` may not need it.
            match scope.resolve(reference) {
                Ok(value) => context.add_variable_from_value(name.as_str(), to_cel(&value)),
                Err(why) => absent.push((name.as_str(), why)),
            }
        }
        CelValue::resolve(tree, &context)
    })
    .map_err(|error| sentence(&error, &absent))
    .and_then(|value| from_cel(&value))
}

fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(truth) => CelValue::Bool(*truth),
        Value::Int(int) => CelValue::Int(*int),
        Value::Text(text) => CelValue::String(Arc::new(text.to_string())),
        Value::List(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Map(map) => {
            let entries: HashMap<Key, CelValue> = map
                .iter()
                .map(|(name, value)| (Key::String(Arc::new(name.to_string())), to_cel(value)))
                .collect();
            CelValue::Map(CelMap { map: Arc::new(entries) })
        }
    }
}

fn from_cel(value: &CelValue) -> Result<Value, String> {
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(truth) => Value::Bool(*truth),
        CelValue::Int(int) => Value::Int(*int),
        CelValue::UInt(int) => Value::Int(i64::try_from(*int).map_err(|_| format!("{int} is too large"))?),
        CelValue::String(text) => Value::from(text.as_str()),
        CelValue::List(items) => Value::List(items.iter().map(from_cel).collect::<Result<_, _>>()?),
        CelValue::Map(map) => {
            let mut entries = Map::new();
            for (key, value) in map.map.iter() {
                let Key::String(name) = key else {
                    return Err("a map has a key that is not a text".into());
                };
                entries.insert(name.as_str().into(), from_cel(value)?);
            }
            Value::Map(entries)
        }
        CelValue::Float(_) => return Err("the result is a fraction; values are whole numbers".into()),
        _ => return Err("the result is not a value that data can hold".into()),
    })
}

fn sentence(error: &ExecutionError, absent: &[(&str, String)]) -> String {
    match error {
        ExecutionError::UndeclaredReference(name) => absent
            .iter()
            .find(|(absent, _)| *absent == name.as_str())
            .map_or_else(|| format!("`{name}` has no value"), |(_, why)| why.clone()),
        ExecutionError::Overflow(..) => "a number is larger than 64 bits can hold".into(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "division by zero".into(),
        ExecutionError::IndexOutOfBounds(_) => "a list has no such row".into(),
        ExecutionError::NoSuchKey(key) => format!("there is no entry `{key}`"),
        ExecutionError::FunctionError { function, message } if function == "sum" => message.clone(),
        other => {
            let text = other.to_string();
            if text.contains("null") || text.contains("Null") {
                "null stands where a value is needed".into()
            } else {
                format!("the expression cannot be evaluated: {text}")
            }
        }
    }
}
