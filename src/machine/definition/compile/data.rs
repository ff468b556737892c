//! Types and literals: from what an admin writes to what the machine holds. Must not know states or expressions.

use std::collections::BTreeMap;

use super::super::diagnostic::{At, Sink, suggestion};
use super::super::model::{FormField, Type};
use super::super::source::bundle::FormSource;
use super::super::source::machine::{FieldSource, KindSource, OfSource};
use super::super::source::shapes::{Literal, Located};
use crate::machine::period::Period;
use crate::machine::value::{Map, Name, Value};

/// All types by name.
pub const TYPE_NAMES: [&str; 16] = [
    "money", "int", "bool", "text", "rich", "time", "duration", "period", "file", "files", "key", "org", "party",
    "list", "form", "enum",
];

/// Rows of a list where `max` says nothing.
const DEFAULT_ROWS: usize = 100;

/// The type of a field. Faults are reported once; a faulty type counts as text.
pub fn field_type(field: &FieldSource, forms: &BTreeMap<String, FormSource>, sink: &mut Sink<'_>) -> Type {
    let KindSource::Named(name) = &field.kind.value else {
        return simple_type(&field.kind, sink);
    };
    match (name.as_str(), field.of.as_ref().map(|of| &of.0)) {
        ("key", Some(OfSource::Machine(machine))) => Type::Key(machine.value.as_str().into()),
        ("key", _) => {
            sink.error_with(
                "missing_key",
                field.kind.at,
                "a key says whose it is",
                "add `of: application`",
            );
            Type::Text
        }
        ("list", Some(OfSource::Columns(columns))) => Type::List {
            columns: columns
                .iter()
                .map(|(name, kind)| (name.value.as_str().into(), simple_type(kind, sink)))
                .collect(),
            max: field
                .max
                .as_ref()
                .and_then(|max| usize::try_from(max.value).ok())
                .unwrap_or(DEFAULT_ROWS),
        },
        ("list", _) => {
            sink.error_with(
                "missing_key",
                field.kind.at,
                "a list names its columns",
                "add `of: {name: text, amount: money}`",
            );
            Type::Text
        }
        ("form", _) => form_type(field, forms, sink),
        _ => simple_type(&field.kind, sink),
    }
}

fn form_type(field: &FieldSource, forms: &BTreeMap<String, FormSource>, sink: &mut Sink<'_>) -> Type {
    let Some(schema) = &field.schema else {
        sink.error_with(
            "missing_key",
            field.kind.at,
            "a form names its file",
            "add `schema: forms/name.yaml`",
        );
        return Type::Form(Vec::new());
    };
    let Some(form) = forms.get(&schema.value) else {
        let hint = suggestion(&schema.value, forms.keys().map(String::as_str));
        sink.error_maybe(
            "missing_file",
            schema.at,
            format!("there is no file `{}`", schema.value),
            hint,
        );
        return Type::Form(Vec::new());
    };
    // Faults of the form itself are reported where it stands, by `check_form`.
    let mut unheard = Vec::new();
    let mut quiet = Sink {
        file: sink.file,
        found: &mut unheard,
    };
    Type::Form(form.fields.iter().map(|field| form_field(field, &mut quiet)).collect())
}

fn form_field(field: &super::super::source::bundle::FormFieldSource, sink: &mut Sink<'_>) -> FormField {
    FormField {
        name: field.name.value.as_str().into(),
        title: field.title.clone().unwrap_or_default(),
        kind: simple_type(&field.kind, sink),
        required: field.required,
        only_if: field.only_if.as_ref().and_then(|only| {
            let (name, values) = only.iter().next()?;
            Some((
                name.value.as_str().into(),
                values
                    .value
                    .0
                    .iter()
                    .map(|value| plain_value(value).unwrap_or_default())
                    .collect(),
            ))
        }),
    }
}

/// Reports what is wrong in a form file itself.
pub fn check_form(form: &FormSource, sink: &mut Sink<'_>) {
    let mut seen = std::collections::BTreeSet::new();
    for field in &form.fields {
        form_field(field, sink);
        if !seen.insert(field.name.value.as_str()) {
            let message = format!("the form has two fields `{}`", field.name.value);
            sink.error("duplicate_key", field.name.at, message);
        }
    }
}

/// A type that says everything in its name, or an enumeration.
pub fn simple_type(kind: &Located<KindSource>, sink: &mut Sink<'_>) -> Type {
    match &kind.value {
        KindSource::Options(options) => {
            let mut names: Vec<Name> = Vec::new();
            for option in options {
                if names.iter().any(|name| **name == *option.value) {
                    sink.error(
                        "duplicate_option",
                        option.at,
                        format!("the option `{}` stands twice", option.value),
                    );
                }
                names.push(option.value.as_str().into());
            }
            if names.is_empty() {
                sink.error("unknown_type", kind.at, "an enumeration has at least one option");
            }
            Type::Enumeration(names)
        }
        KindSource::Named(name) => named_type(name).unwrap_or_else(|| {
            let hint = match name.as_str() {
                "list" | "form" | "key" => Some(format!("`{name}` stands only in a field of `data`")),
                "string" | "str" => Some("a text has the type `text`".into()),
                "float" | "decimal" | "number" | "double" => Some("amounts have the type `money`, counts `int`".into()),
                "date" | "datetime" | "timestamp" => Some("a point in time has the type `time`".into()),
                "enum" => Some("write the options themselves: `type: [a, b]`".into()),
                "boolean" => Some("write `bool`".into()),
                _ => suggestion(name, TYPE_NAMES),
            };
            sink.error_maybe("unknown_type", kind.at, format!("there is no type `{name}`"), hint);
            Type::Text
        }),
    }
}

fn named_type(name: &str) -> Option<Type> {
    Some(match name {
        "money" => Type::Money,
        "int" => Type::Int,
        "bool" => Type::Bool,
        "text" => Type::Text,
        "rich" => Type::Rich,
        "time" => Type::Time,
        "duration" => Type::Duration,
        "period" => Type::Period,
        "file" => Type::File,
        "files" => Type::Files,
        "org" => Type::Organisation,
        "party" => Type::Party,
        _ => return None,
    })
}

/// Why a literal does not fit: code, message and hint.
type Unfit = (&'static str, String, Option<String>);

/// A literal as a value of a type.
///
/// # Errors
/// Code, message and hint.
pub fn value_of(literal: &Literal, kind: &Type) -> Result<Value, Unfit> {
    match (kind, literal) {
        (_, Literal::Null) => Ok(Value::Null),
        (Type::Money, _) => amount(literal),
        (_, Literal::Float) => Err((
            "fraction",
            "fractions are not part of the language".into(),
            Some("use whole numbers: percent, basis points, fen".into()),
        )),
        (Type::Int, Literal::Int(int)) => Ok(Value::Int(*int)),
        (Type::Bool, Literal::Bool(truth)) => Ok(Value::Bool(*truth)),
        (Type::Bool, Literal::Text(_)) => wrong(literal, kind, "write `true` or `false`; `yes` and `on` are texts"),
        (Type::Duration | Type::Period | Type::Time, _) => moment_or_length(literal, kind),
        (Type::Enumeration(options), _) => option(literal, kind, options),
        (
            Type::Text | Type::Rich | Type::File | Type::Key(_) | Type::Organisation | Type::Party,
            Literal::Text(text),
        ) => Ok(Value::from(text.as_str())),
        (Type::Text | Type::Rich, Literal::Int(_) | Literal::Bool(_)) => wrong(literal, kind, "put a text in quotes"),
        (Type::Files, Literal::List(items)) => all(items, |item| value_of(item, &Type::Text)),
        (Type::List { columns, .. }, Literal::List(rows)) => all(rows, |row| row_of(row, columns)),
        (Type::Form(_), Literal::Map(_)) => plain_value(literal).ok_or_else(|| unfit(literal, kind)),
        _ => Err(unfit(literal, kind)),
    }
}

fn amount(literal: &Literal) -> Result<Value, Unfit> {
    const WRITTEN: &str = "an amount is written like `96800.00元`";
    match literal {
        Literal::Int(0) => Ok(Value::Int(0)),
        Literal::Text(text) => match yuan(text) {
            Some(fen) => Ok(Value::Int(fen)),
            None => wrong(literal, &Type::Money, WRITTEN),
        },
        Literal::Float | Literal::Int(_) => Err((
            "money_without_unit",
            "an amount stands here without its unit".into(),
            Some(WRITTEN.into()),
        )),
        _ => Err(unfit(literal, &Type::Money)),
    }
}

fn moment_or_length(literal: &Literal, kind: &Type) -> Result<Value, Unfit> {
    let Literal::Text(text) = literal else {
        return match kind {
            Type::Time => Err(unfit(literal, kind)),
            _ => wrong(literal, kind, "a length of time is written like `4 minutes`"),
        };
    };
    match (kind, text.parse::<Period>()) {
        (Type::Duration, Ok(Period::Millis(millis))) => Ok(Value::Int(millis)),
        (Type::Duration, _) => wrong(
            literal,
            kind,
            "a duration is written like `4 minutes`; working days need the type `period`",
        ),
        (Type::Period, Ok(period)) => Ok(Value::from(period.to_string())),
        (Type::Period, Err(_)) => wrong(literal, kind, "a period is written like `7 workdays` or `4 minutes`"),
        _ => match time(text) {
            Some(millis) => Ok(Value::Int(millis)),
            None => wrong(literal, kind, "a time is written like `2026-09-01 09:00`"),
        },
    }
}

fn option(literal: &Literal, kind: &Type, options: &[Name]) -> Result<Value, Unfit> {
    let text = plain_value(literal).and_then(|value| value.as_text().map(Name::from));
    match text {
        Some(text) if options.contains(&text) => Ok(Value::Text(text)),
        Some(text) => Err((
            "unknown_option",
            format!("`{text}` is none of the options"),
            suggestion(&text, options.iter().map(AsRef::as_ref)),
        )),
        None => Err(unfit(literal, kind)),
    }
}

fn all(items: &[Literal], value: impl Fn(&Literal) -> Result<Value, Unfit>) -> Result<Value, Unfit> {
    items.iter().map(value).collect::<Result<_, _>>().map(Value::List)
}

/// The literal is of another type, and how that type is written.
fn wrong(literal: &Literal, kind: &Type, hint: &str) -> Result<Value, Unfit> {
    let (code, message, _) = unfit(literal, kind);
    Err((code, message, Some(hint.to_owned())))
}

fn unfit(literal: &Literal, kind: &Type) -> Unfit {
    let message = format!("{} is not a value of the type {}", describe(literal), type_name(kind));
    ("wrong_literal", message, None)
}

fn row_of(row: &Literal, columns: &[(Name, Type)]) -> Result<Value, Unfit> {
    let Literal::Map(entries) = row else {
        return Err(("wrong_literal", "a row of a list is a map of its columns".into(), None));
    };
    let mut map = Map::new();
    for (name, literal) in entries {
        let Some((column, kind)) = columns.iter().find(|(column, _)| **column == **name) else {
            let hint = suggestion(name, columns.iter().map(|(column, _)| column.as_ref()));
            return Err(("unknown_name", format!("the list has no column `{name}`"), hint));
        };
        map.insert(column.clone(), value_of(literal, kind)?);
    }
    Ok(Value::Map(map))
}

/// A literal without a type; `None` for fractions.
pub fn plain_value(literal: &Literal) -> Option<Value> {
    Some(match literal {
        Literal::Null => Value::Null,
        Literal::Bool(truth) => Value::Bool(*truth),
        Literal::Int(int) => Value::Int(*int),
        Literal::Text(text) => Value::from(text.as_str()),
        Literal::Float => return None,
        Literal::List(items) => Value::List(items.iter().map(plain_value).collect::<Option<_>>()?),
        Literal::Map(entries) => Value::Map(
            entries
                .iter()
                .map(|(name, value)| Some((Name::from(name.as_str()), plain_value(value)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

/// Reports a literal that does not fit, or returns its value.
pub fn literal(literal: &Literal, kind: &Type, at: At, sink: &mut Sink<'_>) -> Option<Value> {
    match value_of(literal, kind) {
        Ok(value) => Some(value),
        Err((code, message, hint)) => {
            sink.error_maybe(code, at, message, hint);
            None
        }
    }
}

/// `96800.00元`, `0.5元`, `1,000元` in fen.
pub fn yuan(text: &str) -> Option<i64> {
    let number = text.trim().strip_suffix('元')?.trim().replace(',', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let digits = |text: &str| text.chars().all(|character| character.is_ascii_digit());
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    if unsigned.is_empty() || !digits(unsigned) || !digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let fen: i64 = format!("{fraction:0<2}").parse().ok()?;
    let fen = if whole.starts_with('-') { -fen } else { fen };
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(fen)
}

/// `2026-09-01 09:00`, with or without seconds, in China's time.
pub fn time(text: &str) -> Option<i64> {
    let text = text.trim();
    let naive = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok());
    match naive {
        Some(naive) => Some(naive.and_utc().timestamp_millis() - crate::machine::time::CHINA_MILLIS),
        None => chrono::DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|time| time.timestamp_millis()),
    }
}

fn describe(literal: &Literal) -> String {
    match literal {
        Literal::Null => "nothing".into(),
        Literal::Bool(truth) => format!("`{truth}`"),
        Literal::Int(int) => format!("the number {int}"),
        Literal::Float => "a fraction".into(),
        Literal::Text(text) => format!("the text `{text}`"),
        Literal::List(_) => "a list".into(),
        Literal::Map(_) => "a map".into(),
    }
}

/// The name an admin knows a type by.
pub fn type_name(kind: &Type) -> &'static str {
    match kind {
        Type::Money => "money",
        Type::Int => "int",
        Type::Bool => "bool",
        Type::Text => "text",
        Type::Rich => "rich",
        Type::Time => "time",
        Type::Duration => "duration",
        Type::Period => "period",
        Type::File => "file",
        Type::Files => "files",
        Type::Key(_) => "key",
        Type::Organisation => "org",
        Type::Party => "party",
        Type::Enumeration(_) => "enumeration",
        Type::List { .. } => "list",
        Type::Form(_) => "form",
    }
}
