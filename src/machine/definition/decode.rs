//! Reads source types from a tree of located nodes by serde, reports every fault with its place, and goes on: the faulty node is
//! taken out and the file read again, until it reads. Must not know the language.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::diagnostic::{At, Sink, suggestion};
use super::locate::{Content, Node};

/// Newtype name by which `Located` asks for the place of what it wraps.
pub const LOCATED: &str = "$luochui::Located";

/// Newtype name by which `OneOrMany` asks whether it stands on a list.
pub const MANY: &str = "$luochui::Many";

/// Newtype name by which `Either` asks whether it stands on a map of keys.
pub const EITHER: &str = "$luochui::Either";

/// A file with more faults than this is shown only the first ones.
const MAX_FAULTS: usize = 100;

/// Reads `T`, or reports why it cannot be read.
pub fn decode<T: DeserializeOwned>(root: &mut Node, sink: &mut Sink<'_>) -> Option<T> {
    for _ in 0..MAX_FAULTS {
        let fault = match T::deserialize(Reader(root)) {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let mut id = fault.node.map_or(root.id, |(id, _)| id);
        let silent = matches!(fault.kind, Kind::Missing(_)) && root.find(id).is_some_and(|node| node.mended);
        // What stands before the comma is no expression either: the whole map goes.
        let whole = if fault.is_split() { root.parent_of(id) } else { None };
        if !silent {
            fault.report(root, sink);
        }
        id = whole.unwrap_or(id);
        if id == root.id || !root.take_out(id) {
            return None;
        }
    }
    None
}

/// Why a node cannot be read as what it should be.
#[derive(Debug)]
pub struct Fault {
    kind: Kind,
    /// Id and place of the innermost node concerned.
    node: Option<(u32, At)>,
}

#[derive(Debug)]
enum Kind {
    Unknown {
        key: String,
        known: &'static [&'static str],
    },
    Missing(&'static str),
    Wrong {
        expected: String,
    },
    Other(String),
}

impl Fault {
    fn at(mut self, node: &Node) -> Self {
        self.node.get_or_insert((node.id, node.at));
        self
    }

    fn is_split(&self) -> bool {
        matches!(&self.kind, Kind::Unknown { key, .. } if is_split(key))
    }

    fn report(self, root: &Node, sink: &mut Sink<'_>) {
        let at = self.node.map(|(_, at)| at).unwrap_or_default();
        let node = self.node.and_then(|(id, _)| root.find(id));
        match self.kind {
            Kind::Unknown { key, .. } if is_split(&key) => sink.error_with(
                "split_at_comma",
                at,
                "the expression before this was cut at its comma",
                "between { } an expression with a comma stands in quotes: {guard: 'f(a, b)'}",
            ),
            Kind::Unknown { key, known } => sink.error_maybe(
                "unknown_key",
                at,
                format!("`{key}` is not a key of the language here"),
                suggestion(&key, known.iter().copied()),
            ),
            Kind::Missing(key) => sink.error("missing_key", at, format!("`{key}` is missing here")),
            Kind::Wrong { expected } => {
                let found = node.map_or_else(|| "this".into(), |node| node.content.description());
                let hint = node.and_then(|node| trap(&node.content, &expected));
                sink.error_maybe(
                    "wrong_type",
                    at,
                    format!("{expected} is expected here, not {found}"),
                    hint,
                );
            }
            Kind::Other(message) => {
                let (code, message) = coded(&message);
                sink.error(code, at, message);
            }
        }
    }
}

/// `f(a, b)` in a flow map leaves a key such as `b)`.
fn is_split(key: &str) -> bool {
    key.matches(')').count() > key.matches('(').count() || key.matches(']').count() > key.matches('[').count()
}

/// What an admin probably meant where YAML reads something else.
fn trap(found: &Content, expected: &str) -> Option<String> {
    match found {
        Content::Text(text) if expected.contains("true or false") => match text.to_lowercase().as_str() {
            "on" | "yes" | "y" | "off" | "no" | "n" => {
                Some("write `true` or `false`; YAML reads this word as text".into())
            }
            _ => None,
        },
        Content::Float(_) => Some("put a text in quotes; money is written like `96800.00元`".into()),
        Content::Null => Some("is the value missing, or its indentation wrong?".into()),
        _ => None,
    }
}

/// Source types may give their own code as `[code] message`.
fn coded(message: &str) -> (&'static str, String) {
    for code in super::source::CODES {
        if let Some(rest) = message.strip_prefix('[').and_then(|rest| rest.strip_prefix(code)) {
            return (code, rest.trim_start_matches([']', ' ']).to_owned());
        }
    }
    ("wrong_value", message.to_owned())
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::of(Kind::Other(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::of(Kind::Wrong {
            expected: plain(&expected.to_string()),
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::of(Kind::Unknown {
            key: field.to_owned(),
            known: expected,
        })
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self::of(Kind::Wrong {
            expected: format!(
                "one of {}",
                expected
                    .iter()
                    .map(|word| format!("`{word}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(Kind::Missing(field))
    }
}

impl Fault {
    fn of(kind: Kind) -> Self {
        Self { kind, node: None }
    }
}

/// serde's words for what was expected, in plain ones.
fn plain(expected: &str) -> String {
    match expected {
        "a boolean" => "true or false".into(),
        "a string" | "string" => "a text".into(),
        "a sequence" => "a list".into(),
        "a map" => "a map of keys".into(),
        "i64" | "u32" | "usize" | "u64" | "u8" => "a whole number".into(),
        other => match other.strip_prefix("struct ") {
            Some(_) => "a map of keys".into(),
            None => other.to_owned(),
        },
    }
}

/// A deserializer over one node.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a Node);

impl<'de> Reader<'de> {
    fn run<V>(self, read: impl FnOnce(&'de Node) -> Result<V, Fault>) -> Result<V, Fault> {
        read(self.0).map_err(|fault| fault.at(self.0))
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.run(|node| match &node.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(truth) => visitor.visit_bool(*truth),
            Content::Int(int) => visitor.visit_i64(*int),
            Content::Float(text) => visitor.visit_f64(text.parse().unwrap_or(f64::NAN)),
            Content::Text(text) => visitor.visit_borrowed_str(text),
            Content::List(items) => visitor.visit_seq(Items(items.iter())),
            Content::Map(entries) => visitor.visit_map(Entries {
                rest: entries.iter(),
                value: None,
            }),
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.run(|_| visitor.visit_some(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        self.run(|node| match (name, &node.content) {
            (LOCATED, _) => visitor.visit_seq(Place {
                at: node.at,
                value: Some(self),
                step: 0,
            }),
            (MANY, Content::List(_)) | (EITHER, Content::Map(_)) => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.run(|node| match &node.content {
            Content::Text(text) => visitor.visit_enum(StrDeserializer::<Fault>::new(text)),
            _ => Err(serde::de::Error::unknown_variant("", variants)),
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.0.next().map(|node| seed.deserialize(Reader(node))).transpose()
    }
}

struct Entries<'a> {
    rest: std::slice::Iter<'a, (Node, Node)>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(Key(key)).map(Some).map_err(|fault| fault.at(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.value.take() {
            Some(node) => seed.deserialize(Reader(node)),
            None => Err(serde::de::Error::custom("value without a key")),
        }
    }
}

/// Keys are texts; `on`, `1` and `true` as keys are the words as written.
struct Key<'a>(&'a Node);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.as_text() {
            Some(text) => visitor.visit_string(text),
            None => Err(serde::de::Error::custom("[key_not_text] a key is a word")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        if name == LOCATED {
            visitor.visit_seq(Place {
                at: self.0.at,
                value: Some(self),
                step: 0,
            })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Gives a `Located` its place (four numbers) and then its value.
struct Place<D> {
    at: At,
    value: Option<D>,
    step: u8,
}

impl<'de, D: Deserializer<'de, Error = Fault>> SeqAccess<'de> for Place<D> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.step += 1;
        let number = match self.step {
            1 => self.at.line,
            2 => self.at.column,
            3 => self.at.length,
            4 => self.at.inset,
            _ => return self.value.take().map(|value| seed.deserialize(value)).transpose(),
        };
        seed.deserialize(IntoDeserializer::<Fault>::into_deserializer(number))
            .map(Some)
    }
}
