//! `<machine>.yaml` as written: its head, its data, its events. Must not know states.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::action::ActionSource;
use super::shapes::{Either, Entries, Literal, Located, OneOrMany, Scalar, Short, Word};
use super::state::{InitialSource, StateSource, TransitionsSource};

/// A state machine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineSource {
    pub machine: Word,
    pub title: Option<String>,
    /// The parent, or several: each starts instances of its own.
    #[serde(default)]
    pub child_of: OneOrMany<Word>,
    /// `owner`: a party may start one per trade.
    pub one_per: Option<Word>,
    /// `random`: instances carry a random key (a plate number).
    pub key: Option<Word>,
    /// `true`, or `{read: …}`: instances keep a hash-chained record.
    pub record: Option<RecordSource>,
    /// When instances take part of a capacity.
    pub session: Option<Located<SessionSource>>,
    #[serde(default)]
    pub visible: ReadersSource,
    #[serde(default)]
    pub read: ReadersSource,
    #[serde(default)]
    pub data: Entries<Located<FieldSource>>,
    #[serde(default)]
    pub events: Entries<Located<EventSource>>,
    #[serde(default)]
    pub conditions: Entries<ConditionSource>,
    #[serde(default)]
    pub invariants: Entries<ConditionSource>,
    /// `parallel`, where all states are active at once.
    #[serde(rename = "type")]
    pub kind: Option<Word>,
    pub initial: Option<Either<InitialSource>>,
    #[serde(default)]
    pub states: Entries<Located<StateSource>>,
    #[serde(default)]
    pub entry: Vec<Located<ActionSource>>,
    #[serde(default)]
    pub exit: Vec<Located<ActionSource>>,
    #[serde(default)]
    pub on: OneOrMany<Entries<TransitionsSource>>,
    #[serde(default)]
    pub always: TransitionsSource,
}

impl MachineSource {
    /// The machine itself as the outermost state.
    pub fn body(&self) -> StateSource {
        StateSource {
            title: self.title.clone(),
            kind: self.kind.clone(),
            initial: self.initial.clone(),
            states: self.states.clone(),
            entry: self.entry.clone(),
            exit: self.exit.clone(),
            on: self.on.clone(),
            always: self.always.clone(),
            ..StateSource::default()
        }
    }
}

/// Who may read: `public`, `nobody`, a list of roles, or roles with the tags while which they may.
#[derive(Clone, Debug, Default)]
pub struct ReadersSource(pub Vec<(Word, Vec<Word>)>);

impl<'de> Deserialize<'de> for ReadersSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadersVisitor;
        impl<'de> Visitor<'de> for ReadersVisitor {
            type Value = ReadersSource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`public`, `nobody`, a list of roles, or a map of roles to tags")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ReadersSource, A::Error> {
                let entries = Entries::<OneOrMany<Word>>::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ReadersSource(
                    entries.0.into_iter().map(|(role, tags)| (role, tags.0)).collect(),
                ))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, word: D) -> Result<ReadersSource, D::Error> {
                let roles = OneOrMany::<Word>::deserialize(word)?;
                Ok(ReadersSource(
                    roles.0.into_iter().map(|role| (role, Vec::new())).collect(),
                ))
            }
        }
        deserializer.deserialize_newtype_struct(super::super::decode::EITHER, ReadersVisitor)
    }
}

impl JsonSchema for ReadersSource {
    fn schema_name() -> Cow<'static, str> {
        "Readers".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let tags = generator.subschema_for::<OneOrMany<String>>();
        json_schema!({"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": tags},
        ]})
    }
}

/// The time for which an instance takes part of a capacity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionSource {
    /// A capacity of the bundle.
    pub of: Word,
    /// What the calendar calls it.
    pub title: Located<Scalar>,
    /// While this holds.
    #[serde(rename = "if")]
    pub condition: Located<Scalar>,
    /// When it begins; null while that is not known.
    pub from: Located<Scalar>,
    /// When it is expected to end.
    pub until: Located<Scalar>,
}

/// That a machine keeps a record: `true`, or `{read: readers}` with those who may read it before the instance has ended.
#[derive(Clone, Debug)]
pub enum RecordSource {
    Kept(bool),
    ReadBy(RecordReadersSource),
}

/// Who may read a record before its instance has ended.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordReadersSource {
    pub read: ReadersSource,
}

impl<'de> Deserialize<'de> for RecordSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RecordVisitor;
        impl<'de> Visitor<'de> for RecordVisitor {
            type Value = RecordSource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, or a map with `read`")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RecordSource, A::Error> {
                RecordReadersSource::deserialize(MapAccessDeserializer::new(map)).map(RecordSource::ReadBy)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, truth: D) -> Result<RecordSource, D::Error> {
                bool::deserialize(truth).map(RecordSource::Kept)
            }
        }
        deserializer.deserialize_newtype_struct(super::super::decode::EITHER, RecordVisitor)
    }
}

impl JsonSchema for RecordSource {
    fn schema_name() -> Cow<'static, str> {
        "Record".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let read = generator.subschema_for::<RecordReadersSource>();
        json_schema!({"anyOf": [{"type": "boolean"}, read]})
    }
}

/// A type: its name, or the options of an enumeration.
#[derive(Clone, Debug)]
pub enum KindSource {
    Named(String),
    Options(Vec<Word>),
}

impl<'de> Deserialize<'de> for KindSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindVisitor;
        impl<'de> Visitor<'de> for KindVisitor {
            type Value = KindSource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type such as `money`, or a list of options")
            }

            fn visit_str<E>(self, name: &str) -> Result<KindSource, E> {
                Ok(KindSource::Named(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<KindSource, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(items)).map(KindSource::Options)
            }
        }
        deserializer.deserialize_any(KindVisitor)
    }
}

impl JsonSchema for KindSource {
    fn schema_name() -> Cow<'static, str> {
        "Type".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"enum": super::super::compile::data::TYPE_NAMES},
            {"type": "array", "items": {"type": "string"}},
        ]})
    }
}

/// A field of the data.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldSource {
    #[serde(rename = "type")]
    pub kind: Located<KindSource>,
    pub title: Option<String>,
    /// What people see of an enumeration's options.
    pub labels: Option<Located<Vec<String>>>,
    #[serde(default)]
    pub optional: bool,
    pub default: Option<Located<Literal>>,
    /// Computed instead of stored.
    #[serde(rename = "value")]
    pub computed: Option<Located<Scalar>>,
    pub read: Option<ReadersSource>,
    /// Shown in lists.
    #[serde(default)]
    pub list: bool,
    /// For `key`: the machine. For `list`: its columns.
    pub of: Option<Either<OfSource>>,
    /// For `list`: the most rows it may have.
    pub max: Option<Located<u32>>,
    /// For `form`: the file.
    pub schema: Option<Word>,
}

/// A machine's name, or the columns of a list.
#[derive(Clone, Debug)]
pub enum OfSource {
    Machine(Word),
    Columns(Entries<Located<KindSource>>),
}

impl Short for OfSource {
    type Full = Entries<Located<KindSource>>;

    fn from_full(full: Self::Full) -> Self {
        Self::Columns(full)
    }

    fn from_word(word: Word) -> Self {
        Self::Machine(word)
    }
}

/// An event that people and systems may send.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventSource {
    pub title: Option<String>,
    #[serde(default)]
    pub from: OneOrMany<Word>,
    /// Who may not, whatever else they are: answered with `interested_party`.
    #[serde(default, rename = "notFrom")]
    pub not_from: OneOrMany<Word>,
    #[serde(default)]
    pub payload: Entries<Located<KindSource>>,
    /// Payload fields that may be absent.
    #[serde(default)]
    pub optional: OneOrMany<Word>,
    /// Payload fields that the record does not show.
    #[serde(default)]
    pub conceal: OneOrMany<Word>,
    /// Fields of the machine that the event carries.
    #[serde(default)]
    pub form: OneOrMany<Word>,
    /// Starts an instance of this machine.
    pub starts: Option<Word>,
    /// Only while this tag is active.
    #[serde(rename = "while")]
    pub while_tag: Option<Word>,
    /// Refusal where no state takes the event.
    pub otherwise: Option<Word>,
    #[serde(default, rename = "keepRefusals")]
    pub keep_refusals: bool,
    /// A machine with the same parent whose deadline ends what the event is for: one that surfaces too late is told to it.
    #[serde(rename = "lateFor")]
    pub late_for: Option<Word>,
    /// A message whose value was seen before changes nothing.
    pub once: Option<Located<Scalar>>,
    /// For `start`: what may not be started, looked at in this order.
    #[serde(default)]
    pub refuse: Vec<Located<RefuseSource>>,
}

/// A start that is refused where the guard holds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseSource {
    pub guard: Located<Scalar>,
    pub reject: Word,
}

/// A named condition: an expression with or without a title.
#[derive(Clone, Debug)]
pub struct Condition {
    pub title: Option<String>,
    pub expression: Located<String>,
}

/// A condition as an expression alone, or with a title.
pub type ConditionSource = Either<Condition>;

/// A condition with its title.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConditionMap {
    pub title: Option<String>,
    #[serde(rename = "if")]
    pub expression: Located<Scalar>,
}

impl Short for Condition {
    type Full = ConditionMap;

    fn from_full(full: ConditionMap) -> Self {
        Self {
            title: full.title,
            expression: Located {
                at: full.expression.at,
                value: full.expression.value.0,
            },
        }
    }

    fn from_word(word: Word) -> Self {
        Self {
            title: None,
            expression: word,
        }
    }
}
