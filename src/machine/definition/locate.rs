//! One YAML file as a tree in which every node knows its place. `serde_yaml` decides what a scalar means, `saphyr-parser` where it
//! stands; both read the same text. Finds what both would let pass: duplicate keys, aliases, tags, several documents, great depth.
//! Must not know the language.

use std::collections::BTreeSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::diagnostic::{At, Sink};
use super::raw::Raw;

/// Nesting beyond which no honest definition goes: 32 states deep, some lines of YAML each.
const MAX_DEPTH: usize = 160;

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique within the file.
    pub id: u32,
    pub at: At,
    pub content: Content,
    /// Something was taken out because it was faulty: what is missing here is not reported again.
    pub mended: bool,
}

/// What YAML says at a place.
#[derive(Clone, Debug)]
pub enum Content {
    Null,
    Bool(bool),
    Int(i64),
    /// A number with a fraction, an exponent, `.nan`, `.inf`, or beyond 64 bits; as written.
    Float(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Content {
    /// What stands there, in the words of a message.
    pub fn description(&self) -> String {
        match self {
            Self::Null => "nothing".into(),
            Self::Bool(truth) => format!("`{truth}`"),
            Self::Int(int) => format!("the number {int}"),
            Self::Float(text) => format!("the fractional number {text}"),
            Self::Text(text) => format!("the text `{}`", shortened(text)),
            Self::List(_) => "a list".into(),
            Self::Map(_) => "a map of keys".into(),
        }
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Reads a file; `None` where its structure is so broken that nothing more can be said.
pub fn parse(text: &str, sink: &mut Sink<'_>) -> Option<Node> {
    let before = sink.found.len();
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = place(*error.marker(), 1, 0);
                sink.error("yaml_syntax", at, format!("this is not YAML: {}", error.info()));
                return None;
            }
        };
        builder.take(event, span, sink)?;
    }
    let Some(mut root) = builder.root else {
        sink.error("empty_file", At::default(), "the file says nothing");
        return None;
    };
    if builder.aliased {
        return None;
    }
    let raw = match serde_yaml::from_str::<Raw>(text) {
        Ok(raw) => raw,
        Err(error) => {
            if sink.found.len() == before {
                sink.error("yaml_syntax", yaml_place(&error), format!("this is not YAML: {error}"));
            }
            return None;
        }
    };
    if let Err(at) = root.give_meaning(raw) {
        sink.error_with(
            "yaml_ambiguous",
            at,
            "two YAML readers understand this differently",
            "put the text in quotes, or write it more plainly",
        );
        return None;
    }
    for id in builder.tagged {
        root.take_out(id);
    }
    remove_duplicates(&mut root, sink);
    Some(root)
}

fn yaml_place(error: &serde_yaml::Error) -> At {
    let Some(location) = error.location() else {
        return At::default();
    };
    At {
        line: u32::try_from(location.line()).unwrap_or(1),
        column: u32::try_from(location.column()).unwrap_or(1),
        length: 1,
        inset: 0,
    }
}

fn place(marker: saphyr_parser::Marker, length: usize, inset: u32) -> At {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    At {
        line: small(marker.line()),
        column: small(marker.col()).saturating_add(1),
        length: small(length),
        inset,
    }
}

/// A collection whose end has not been read yet.
struct Open {
    node: Node,
    key: Option<Node>,
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    root: Option<Node>,
    next: u32,
    aliased: bool,
    anchored: bool,
    /// Nodes with a YAML tag: their value is not what was meant.
    tagged: Vec<u32>,
    documents: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span, sink: &mut Sink<'_>) -> Option<()> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let at = place(span.start, 3, 0);
                    sink.error_with(
                        "several_documents",
                        at,
                        "a file holds one document",
                        "move what follows `---` into a file of its own",
                    );
                    return None;
                }
            }
            Event::Alias(_) if self.aliased => {
                // One is told; a bomb of them would fill the screen.
                let node = self.node(At::default(), Content::Null);
                self.add(node);
            }
            Event::Alias(_) => {
                self.aliased = true;
                let at = place(span.start, span.len(), 0);
                sink.error_with(
                    "alias",
                    at,
                    "aliases (`*name`) are not part of the language",
                    "write the text out where it is meant",
                );
                let node = self.node(at, Content::Null);
                self.add(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let at = scalar_place(&span, style);
                self.refuse_extras(anchor, tag.as_deref(), at, sink);
                let node = self.node(at, Content::Text(text.into_owned()));
                self.add(node);
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Content::List(Vec::new()), anchor, tag.as_deref(), span, sink)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Content::Map(Vec::new()), anchor, tag.as_deref(), span, sink)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    self.add(open.node);
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn open(
        &mut self,
        content: Content,
        anchor: usize,
        tag: Option<&saphyr_parser::Tag>,
        span: Span,
        sink: &mut Sink<'_>,
    ) -> Option<()> {
        let at = place(span.start, span.len().max(1), 0);
        self.refuse_extras(anchor, tag, at, sink);
        if self.stack.len() >= MAX_DEPTH {
            sink.error(
                "too_deep",
                at,
                format!("more than {MAX_DEPTH} levels within each other"),
            );
            return None;
        }
        let node = self.node(at, content);
        self.stack.push(Open { node, key: None });
        Some(())
    }

    fn refuse_extras(&mut self, anchor: usize, tag: Option<&saphyr_parser::Tag>, at: At, sink: &mut Sink<'_>) {
        if anchor > 0 && !std::mem::replace(&mut self.anchored, true) {
            sink.error_with(
                "anchor",
                at,
                "anchors (`&name`) are not part of the language",
                "write the text out wherever it is meant",
            );
        }
        if let Some(tag) = tag {
            // The node is made after its extras were looked at.
            self.tagged.push(self.next + 1);
            sink.error_with(
                "tag",
                at,
                format!("`{tag}` is a YAML tag, not part of the value"),
                "an expression that begins with `!` stands in quotes: guard: '!data.x'",
            );
        }
    }

    fn node(&mut self, at: At, content: Content) -> Node {
        self.next += 1;
        Node {
            id: self.next,
            at,
            content,
            mended: false,
        }
    }

    fn add(&mut self, node: Node) {
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.node.content {
            Content::List(items) => items.push(node),
            Content::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, node)),
                None => open.key = Some(node),
            },
            _ => {}
        }
    }
}

fn scalar_place(span: &Span, style: ScalarStyle) -> At {
    let inset = match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        // The text of a block begins on another line; places within it are not computed.
        ScalarStyle::Literal | ScalarStyle::Folded => return place(span.start, 0, 0),
    };
    let one_line = span.start.line() == span.end.line();
    place(span.start, if one_line { span.len() } else { 0 }, inset)
}

impl Node {
    /// Puts serde_yaml's reading of the scalars into the tree.
    fn give_meaning(&mut self, raw: Raw) -> Result<(), At> {
        match (&mut self.content, raw) {
            (Content::List(items), Raw::List(raws)) if items.len() == raws.len() => {
                for (item, raw) in items.iter_mut().zip(raws) {
                    item.give_meaning(raw)?;
                }
            }
            (Content::Map(entries), Raw::Map(raws)) if entries.len() == raws.len() => {
                for ((key, value), (raw_key, raw_value)) in entries.iter_mut().zip(raws) {
                    key.give_meaning(raw_key)?;
                    value.give_meaning(raw_value)?;
                }
            }
            (Content::Text(text), raw) => {
                let text = std::mem::take(text);
                self.content = match raw {
                    Raw::Null => Content::Null,
                    Raw::Bool(truth) => Content::Bool(truth),
                    Raw::Int(int) => Content::Int(int),
                    Raw::Float => Content::Float(text),
                    Raw::Text(meant) => Content::Text(meant),
                    Raw::List(_) | Raw::Map(_) => return Err(self.at),
                };
            }
            _ => return Err(self.at),
        }
        Ok(())
    }

    /// The text of a scalar, as it stands in a message or in an expression.
    pub fn as_text(&self) -> Option<String> {
        match &self.content {
            Content::Text(text) | Content::Float(text) => Some(text.clone()),
            Content::Bool(truth) => Some(truth.to_string()),
            Content::Int(int) => Some(int.to_string()),
            Content::Null | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Takes a faulty node out of its parent. `false` where it is not below `self`.
    pub fn take_out(&mut self, id: u32) -> bool {
        let here = match &mut self.content {
            Content::List(items) => {
                let before = items.len();
                items.retain(|item| item.id != id);
                items.len() < before
            }
            Content::Map(entries) => {
                let before = entries.len();
                entries.retain(|(key, value)| key.id != id && value.id != id);
                entries.len() < before
            }
            _ => false,
        };
        self.mended |= here;
        here || self.take_out_below(id)
    }

    /// An item of a list that is empty once its fault is out goes with it: it would only be reported again, as empty.
    fn take_out_below(&mut self, id: u32) -> bool {
        if let Content::List(items) = &mut self.content {
            let Some(position) = items.iter_mut().position(|item| item.take_out(id)) else {
                return false;
            };
            if items.get(position).is_some_and(Self::is_emptied) {
                items.remove(position);
            }
            return true;
        }
        self.children().any(|child| child.take_out(id))
    }

    fn is_emptied(&self) -> bool {
        self.mended && matches!(&self.content, Content::Map(entries) if entries.is_empty())
    }

    /// The node with this id, at or below `self`.
    pub fn find(&self, id: u32) -> Option<&Self> {
        if self.id == id {
            return Some(self);
        }
        match &self.content {
            Content::List(items) => items.iter().find_map(|item| item.find(id)),
            Content::Map(entries) => entries
                .iter()
                .find_map(|(key, value)| key.find(id).or_else(|| value.find(id))),
            _ => None,
        }
    }

    /// The id of the map or list a key or value stands in.
    pub fn parent_of(&self, id: u32) -> Option<u32> {
        match &self.content {
            Content::List(items) if items.iter().any(|item| item.id == id) => Some(self.id),
            Content::List(items) => items.iter().find_map(|item| item.parent_of(id)),
            Content::Map(entries) if entries.iter().any(|(key, value)| key.id == id || value.id == id) => Some(self.id),
            Content::Map(entries) => entries.iter().find_map(|(_, value)| value.parent_of(id)),
            _ => None,
        }
    }

    fn children(&mut self) -> Box<dyn Iterator<Item = &mut Self> + '_> {
        match &mut self.content {
            Content::List(items) => Box::new(items.iter_mut()),
            Content::Map(entries) => Box::new(entries.iter_mut().map(|(_, value)| value)),
            _ => Box::new(std::iter::empty()),
        }
    }
}

/// Reports every key that stands twice in one map, and keeps the first.
fn remove_duplicates(node: &mut Node, sink: &mut Sink<'_>) {
    match &mut node.content {
        Content::List(items) => items.iter_mut().for_each(|item| remove_duplicates(item, sink)),
        Content::Map(entries) => {
            let mut seen = BTreeSet::new();
            entries.retain(|(key, _)| match key.as_text() {
                Some(text) if !seen.insert(text.clone()) => {
                    sink.error_with(
                        "duplicate_key",
                        key.at,
                        format!("`{text}` stands twice here; only one of them would count"),
                        "remove one, or join the two",
                    );
                    false
                }
                _ => true,
            });
            entries.iter_mut().for_each(|(_, value)| remove_duplicates(value, sink));
        }
        _ => {}
    }
}
