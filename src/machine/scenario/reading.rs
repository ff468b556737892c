//! Reads located YAML nodes and says where something is wrong. Must not know what a scenario means.

use std::sync::Arc;

use serde::Serialize;

use crate::machine::definition::locate::{Content, Node};

/// A line of a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u32,
}

/// Why a scenario cannot be read or did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub file: Arc<str>,
    pub line: u32,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// The lines that used the shared step, innermost first, as `file:line`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used_at: Vec<String>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, "\n  expected: {expected}")?;
        }
        if let Some(actual) = &self.actual {
            write!(f, "\n  actual:   {actual}")?;
        }
        self.used_at
            .iter()
            .try_for_each(|place| write!(f, "\n  used at {place}"))
    }
}

impl Place {
    /// A node's line.
    pub fn of(file: &Arc<str>, node: &Node) -> Self {
        Self {
            file: file.clone(),
            line: node.at.line.max(1),
        }
    }

    /// A fault that is told at this place.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault {
            file: self.file.clone(),
            line: self.line,
            message: message.into(),
            expected: None,
            actual: None,
            used_at: Vec::new(),
        }
    }

    /// A fault with what was expected and what was found.
    pub fn differs(
        &self,
        what: impl Into<String>,
        expected: impl std::fmt::Display,
        actual: impl std::fmt::Display,
    ) -> Fault {
        Fault {
            expected: Some(expected.to_string()),
            actual: Some(actual.to_string()),
            ..self.fault(what)
        }
    }
}

/// A node with the file it stands in.
#[derive(Clone, Debug)]
pub struct Spot<'a> {
    pub file: &'a Arc<str>,
    pub node: &'a Node,
}

impl<'a> Spot<'a> {
    /// Where it stands.
    pub fn place(&self) -> Place {
        Place::of(self.file, self.node)
    }

    /// A fault that is told at this place.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        self.place().fault(message)
    }

    fn child(&self, node: &'a Node) -> Self {
        Self { file: self.file, node }
    }

    /// Keys and values of a map, in their order.
    pub fn entries(&self) -> Result<Vec<(String, Self)>, Fault> {
        let Content::Map(entries) = &self.node.content else {
            return Err(self.fault(format!(
                "a map of keys is expected here, not {}",
                self.node.content.description()
            )));
        };
        entries
            .iter()
            .map(|(key, value)| {
                let key = key.as_text().ok_or_else(|| self.child(key).fault("a key is a word"))?;
                // A key without a value stands at its own line.
                Ok((key, self.child(value)))
            })
            .collect()
    }

    /// The items of a list.
    pub fn items(&self) -> Result<Vec<Self>, Fault> {
        match &self.node.content {
            Content::List(items) => Ok(items.iter().map(|item| self.child(item)).collect()),
            _ => Err(self.fault(format!(
                "a list is expected here, not {}",
                self.node.content.description()
            ))),
        }
    }

    /// One value, or the items of a list.
    pub fn one_or_many(&self) -> Vec<Self> {
        match &self.node.content {
            Content::List(items) => items.iter().map(|item| self.child(item)).collect(),
            _ => vec![self.clone()],
        }
    }

    /// What stands under a key of a map.
    pub fn get(&self, key: &str) -> Option<Self> {
        let Content::Map(entries) = &self.node.content else {
            return None;
        };
        entries
            .iter()
            .find(|(found, _)| found.as_text().as_deref() == Some(key))
            .map(|(_, value)| self.child(value))
    }

    /// The same where it must be there.
    pub fn need(&self, key: &str) -> Result<Self, Fault> {
        self.get(key)
            .ok_or_else(|| self.fault(format!("`{key}` is missing here")))
    }

    /// Its text.
    pub fn text(&self) -> Result<String, Fault> {
        self.node.as_text().ok_or_else(|| {
            self.fault(format!(
                "a text is expected here, not {}",
                self.node.content.description()
            ))
        })
    }

    /// Its whole number.
    pub fn int(&self) -> Result<i64, Fault> {
        match &self.node.content {
            Content::Int(int) => Ok(*int),
            other => Err(self.fault(format!("a whole number is expected here, not {}", other.description()))),
        }
    }

    /// True where nothing is written.
    pub fn is_null(&self) -> bool {
        matches!(self.node.content, Content::Null)
    }

    /// True for a map.
    pub fn is_map(&self) -> bool {
        matches!(self.node.content, Content::Map(_))
    }

    /// Refuses keys that mean nothing here.
    pub fn only(&self, known: &[&str]) -> Result<(), Fault> {
        match self
            .entries()?
            .into_iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        {
            None => Ok(()),
            Some((key, spot)) => Err(spot.fault(format!("`{key}` means nothing here; known are {}", known.join(", ")))),
        }
    }
}
