//! The values a machine's data may hold: JSON without fractions, so that every number is exact and every encoding canonical.
//! Must not know types of the language (`money`, `time`, …): those stand in `definition::model::Type`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An identifier of the language: a state, event, field, role or timer. Cheap to clone.
pub type Name = Arc<str>;

/// A map of values in the order of its keys, so that the same content always encodes to the same bytes.
pub type Map = BTreeMap<Name, Value>;

/// One value. Money is integer fen, time is milliseconds since 1970 UTC, a duration is milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Text(Name),
    List(Vec<Value>),
    Map(Map),
}

impl Value {
    /// The number; `None` for any other value.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The text; `None` for any other value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth; `None` for any other value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Name> for Value {
    fn from(text: Name) -> Self {
        Self::Text(text)
    }
}

impl From<crate::machine::Time> for Value {
    fn from(time: crate::machine::Time) -> Self {
        Self::Int(time.0)
    }
}
