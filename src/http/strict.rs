//! Strict JSON: what a request may hold at all. Refuses duplicate keys, fractions, NUL and depth before anything is decided.
//! Must not know which fields a request has.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::machine::Value;
use crate::machine::value::{Map, Name};

/// Nobody nests deeper than a form within a list within an event; the limit keeps hostile bodies cheap.
const MAX_DEPTH: usize = 16;

/// Parses bytes as one JSON value of the machine's kinds.
///
/// # Errors
/// A sentence with line and column.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }
        .deserialize(&mut deserializer)
        .map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value without fractions")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: Error>(self, int: i64) -> Result<Value, E> {
        Ok(Value::Int(int))
    }

    fn visit_u64<E: Error>(self, int: u64) -> Result<Value, E> {
        i64::try_from(int)
            .map(Value::Int)
            .map_err(|_| E::custom("number too large"))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("fractions are not accepted: money is an integer of fen"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        check_text(text).map_err(E::custom)?;
        Ok(Value::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut entries = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            check_text(&key).map_err(A::Error::custom)?;
            let value = map.next_value_seed(inner)?;
            if entries.insert(Name::from(key.as_str()), value).is_some() {
                return Err(A::Error::custom(format!(
                    "the key `{}` stands twice",
                    key.escape_debug()
                )));
            }
        }
        Ok(Value::Map(entries))
    }
}

/// PostgreSQL cannot store U+0000, so neither database gets it.
fn check_text(text: &str) -> Result<(), &'static str> {
    if text.contains('\0') {
        Err("U+0000 is not accepted in text")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_exact_passes() {
        let value = parse(br#"{"a": [1, -2, "x", null, true], "b": {"c": 9007199254740993}}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            r#"{"a":[1,-2,"x",null,true],"b":{"c":9007199254740993}}"#
        );
    }

    #[test]
    fn what_is_not_is_refused() {
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        let cases: [(&[u8], &str); 10] = [
            (br#"{"a":1,"a":1}"#, "twice"),
            (br#"{"a":1.0}"#, "fractions"),
            (br#"{"a":1e3}"#, "fractions"),
            (br#"{"a":-0}"#, "fractions"),
            (br#"{"a":18446744073709551615}"#, "too large"),
            (br#"{"a":"\u0000"}"#, "U+0000"),
            (br#"{"a":"\ud800"}"#, "hex escape"),
            (b"{\"a\":\"\xff\"}", "unicode"),
            (br#"{} {}"#, "trailing"),
            (deep.as_bytes(), "deeper"),
        ];
        for (body, word) in cases {
            let error = parse(body).unwrap_err();
            assert!(error.contains(word), "{:?}: {error}", String::from_utf8_lossy(body));
        }
    }
}
