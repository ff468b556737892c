//! Any YAML value as `serde_yaml` understands it, with duplicate keys kept so that they can be reported. Must not know places.

use serde::de::{Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

/// A value as read. Fractions and integers beyond 64 bits lose their value: the language has neither.
pub enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float,
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(truth))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Raw, E> {
        Ok(Raw::Int(int))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Raw, E> {
        Ok(i64::try_from(int).map_or(Raw::Float, Raw::Int))
    }

    fn visit_i128<E>(self, _int: i128) -> Result<Raw, E> {
        Ok(Raw::Float)
    }

    fn visit_u128<E>(self, _int: u128) -> Result<Raw, E> {
        Ok(Raw::Float)
    }

    fn visit_f64<E>(self, _float: f64) -> Result<Raw, E> {
        Ok(Raw::Float)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }

    /// A tagged value: the tag is reported elsewhere, the value is read as if it had none.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Raw, A::Error> {
        let (_tag, value) = data.variant::<String>()?;
        value.newtype_variant()
    }
}
