//! SCXML into our YAML. Converts what has a meaning in the language and refuses the rest by name.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::{Document, Node};
use serde_yaml::{Mapping, Value};

use super::scripts;

/// A converted chart.
pub struct Chart {
    pub files: BTreeMap<String, String>,
    /// Our path of a state to its SCXML id.
    pub ids: BTreeMap<String, String>,
}

const BUNDLE: &str = "language: 1
name: scion
version: 1.0.0
title: SCION
timezone: Asia/Shanghai
calendar: cn-gov
root: chart
machines: [chart]
roles:
  anyone: {title: Anyone, account: complete}
";

/// A way out of every chart, which SCXML does not ask for and our language does.
const WAY_OUT: &str = "leave_the_chart";

/// Converts a chart; `events` are the names that the trace sends.
pub fn chart(source: &str, events: &BTreeSet<&str>) -> Result<Chart, String> {
    let document = Document::parse(source).map_err(|error| error.to_string())?;
    let root = document.root_element();
    let mut paths = BTreeMap::new();
    collect_paths(root, "", &mut paths);
    let fields = fields(root)?;
    let converter = Converter { paths, fields };
    let mut machine = mapping([
        ("machine", text("chart")),
        ("title", text("chart")),
        ("read", text("public")),
    ]);
    if !converter.fields.is_empty() {
        let declared = converter
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), field.declaration.clone()));
        insert(&mut machine, "data", map(declared));
    }
    let sent = events.iter().map(|name| (*name).to_owned()).chain([WAY_OUT.to_owned()]);
    let declared = sent.map(|name| {
        (
            name,
            Value::Mapping(mapping([("title", text("event")), ("from", list([text("anyone")]))])),
        )
    });
    insert(&mut machine, "events", map(declared));
    let mut body = converter.state(root)?;
    let Some(Value::Mapping(states)) = body.get_mut("states") else {
        return Err("no states".into());
    };
    insert(
        states,
        "left_the_chart",
        Value::Mapping(mapping([("title", text("left")), ("type", text("final"))])),
    );
    match body.get_mut("on") {
        Some(Value::Sequence(on)) => on.splice(0..0, ways_out(&converter.paths)).for_each(drop),
        _ => insert(&mut body, "on", Value::Sequence(ways_out(&converter.paths))),
    }
    machine.extend(body);
    let files = BTreeMap::from([
        ("bundle.yaml".to_owned(), BUNDLE.to_owned()),
        (
            "chart.yaml".to_owned(),
            serde_yaml::to_string(&machine).map_err(|error| error.to_string())?,
        ),
    ]);
    let ids = converter
        .paths
        .iter()
        .map(|(id, path)| (path.clone(), id.clone()))
        .collect();
    Ok(Chart { files, ids })
}

/// Our checks want every state to be reachable and no rule to stand behind one without a guard; SCXML's charts do not care.
/// These guards say nothing: nothing happens any more where the chart is left.
const ALWAYS: &str = "!(\"left_the_chart\" in active)";
const NEVER: &str = "\"left_the_chart\" in active";

fn ways_out(paths: &BTreeMap<String, String>) -> Vec<Value> {
    let rule = |body: Mapping| Value::Mapping(mapping([(WAY_OUT, Value::Mapping(body))]));
    let never = paths
        .values()
        .map(|path| rule(mapping([("guard", text(NEVER)), ("target", text(path))])));
    never
        .chain([rule(mapping([("target", text("left_the_chart"))]))])
        .collect()
}

const STATES: [&str; 4] = ["state", "parallel", "final", "history"];

fn collect_paths(node: Node<'_, '_>, outer: &str, paths: &mut BTreeMap<String, String>) {
    for state in children(node, &STATES) {
        let id = id(state);
        let name = own_name(&id);
        let path = if outer.is_empty() {
            name
        } else {
            format!("{outer}.{name}")
        };
        collect_paths(state, &path, paths);
        paths.insert(id, path);
    }
}

/// A state's id, or one made from its place.
fn id(state: Node<'_, '_>) -> String {
    state
        .attribute("id")
        .map_or_else(|| format!("state_{}", state.range().start), ToOwned::to_owned)
}

/// Our identifiers have small letters; one with capitals must not meet its namesake.
fn own_name(id: &str) -> String {
    let name = id.replace(['.', '-'], "_");
    let small = name.to_lowercase();
    if small == name {
        name
    } else {
        format!("capital_{small}")
    }
}

/// A `<data>` element, or a variable that is only assigned.
struct Field {
    declaration: Value,
}

fn fields(root: Node<'_, '_>) -> Result<BTreeMap<String, Field>, String> {
    let mut fields = BTreeMap::new();
    for data in root.descendants().filter(|node| node.has_tag_name_local("data")) {
        let name = data.attribute("id").ok_or("data without id")?;
        let (kind, default) = match data.attribute("expr").map(str::trim) {
            None => ("int", None),
            Some(expr) if expr.parse::<i64>().is_ok() => ("int", Some(serde_yaml::from_str(expr).unwrap_or_default())),
            Some(expr) => match scripts::string_literal(expr) {
                Some(literal) => ("text", Some(text(&literal))),
                None => return Err(format!("data `{name}` is `{expr}`: no type of ours holds it")),
            },
        };
        let mut declaration = mapping([("type", text(kind)), ("title", text(name))]);
        match default {
            Some(default) => insert(&mut declaration, "default", default),
            None => insert(&mut declaration, "optional", Value::Bool(true)),
        }
        fields.insert(
            name.to_owned(),
            Field {
                declaration: Value::Mapping(declaration),
            },
        );
    }
    Ok(fields)
}

struct Converter {
    /// SCXML id to our path.
    paths: BTreeMap<String, String>,
    fields: BTreeMap<String, Field>,
}

impl Converter {
    fn state(&self, node: Node<'_, '_>) -> Result<Mapping, String> {
        let mut state = Mapping::new();
        if !node.has_tag_name_local("scxml") {
            insert(&mut state, "title", text(&id(node)));
        }
        match node.tag_name().name() {
            "parallel" => insert(&mut state, "type", text("parallel")),
            "final" => insert(&mut state, "type", text("final")),
            "history" => return self.history(node, state),
            _ => self.initial(node, &mut state)?,
        }
        for (element, key) in [("onentry", "entry"), ("onexit", "exit")] {
            let blocks = children(node, &[element])
                .map(|block| self.actions(block))
                .collect::<Result<Vec<_>, _>>()?;
            let actions: Vec<Value> = blocks.into_iter().flatten().collect();
            if !actions.is_empty() {
                insert(&mut state, key, Value::Sequence(actions));
            }
        }
        self.transitions(node, &mut state)?;
        let mut states = Mapping::new();
        for child in children(node, &STATES) {
            insert(&mut states, &own_name(&id(child)), Value::Mapping(self.state(child)?));
        }
        if !states.is_empty() {
            insert(&mut state, "states", Value::Mapping(states));
        }
        Ok(state)
    }

    fn history(&self, node: Node<'_, '_>, mut state: Mapping) -> Result<Mapping, String> {
        insert(&mut state, "type", text("history"));
        insert(&mut state, "history", text(node.attribute("type").unwrap_or("shallow")));
        let fallback = children(node, &["transition"])
            .next()
            .ok_or("history without transition")?;
        insert(&mut state, "target", self.targets(fallback)?);
        let actions = self.actions(fallback)?;
        if !actions.is_empty() {
            insert(&mut state, "actions", Value::Sequence(actions));
        }
        Ok(state)
    }

    /// Where a compound state begins: its attribute, its element, or its first child.
    fn initial(&self, node: Node<'_, '_>, state: &mut Mapping) -> Result<(), String> {
        let Some(first) = children(node, &STATES).next() else {
            return Ok(());
        };
        let mut initial = Mapping::new();
        if let Some(ids) = node.attribute("initial") {
            insert(&mut initial, "target", self.below(node, ids)?);
        } else if let Some(element) = children(node, &["initial"]).next() {
            let transition = children(element, &["transition"])
                .next()
                .ok_or("initial without transition")?;
            insert(
                &mut initial,
                "target",
                self.below(node, transition.attribute("target").unwrap_or_default())?,
            );
            let actions = self.actions(transition)?;
            if !actions.is_empty() {
                insert(&mut initial, "actions", Value::Sequence(actions));
            }
        } else {
            insert(&mut initial, "target", self.below(node, &id(first))?);
        }
        insert(state, "initial", Value::Mapping(initial));
        Ok(())
    }

    /// Paths relative to a state, for its initial targets.
    fn below(&self, node: Node<'_, '_>, ids: &str) -> Result<Value, String> {
        let outer = self
            .paths
            .get(&id(node))
            .map(|path| format!("{path}."))
            .unwrap_or_default();
        let paths = ids.split_whitespace().map(|id| {
            let path = self.path(id)?;
            Ok(text(path.strip_prefix(&outer).unwrap_or(path)))
        });
        Ok(Value::Sequence(paths.collect::<Result<_, String>>()?))
    }

    fn path(&self, id: &str) -> Result<&str, String> {
        self.paths
            .get(id)
            .map(String::as_str)
            .ok_or_else(|| format!("no state `{id}`"))
    }

    fn targets(&self, transition: Node<'_, '_>) -> Result<Value, String> {
        let ids = transition.attribute("target").unwrap_or_default().split_whitespace();
        let paths = ids.map(|id| self.path(id).map(text)).collect::<Result<_, _>>()?;
        Ok(Value::Sequence(paths))
    }

    fn transitions(&self, node: Node<'_, '_>, state: &mut Mapping) -> Result<(), String> {
        let (mut on, mut always) = (Vec::new(), Vec::new());
        for transition in children(node, &["transition"]) {
            let rule = Value::Mapping(self.transition(node, transition)?);
            match transition.attribute("event") {
                None => always.push(rule),
                Some(events) => on.extend(
                    events
                        .split_whitespace()
                        .map(|event| Value::Mapping(mapping([(&*self.trigger(event), rule.clone())]))),
                ),
            }
        }
        for (key, rules) in [("on", on), ("always", always)] {
            if !rules.is_empty() {
                insert(state, key, Value::Sequence(rules));
            }
        }
        Ok(())
    }

    /// SCXML matches events by prefix: `a` takes `a.b` too.
    fn trigger(&self, event: &str) -> String {
        let event = event.strip_suffix(".*").unwrap_or(event).trim_end_matches('.');
        if event == "*" {
            return event.to_owned();
        }
        match event.strip_prefix("done.state.").and_then(|id| self.paths.get(id)) {
            Some(path) => format!("done.state.{path}"),
            None => format!("{event}.*"),
        }
    }

    fn transition(&self, source: Node<'_, '_>, node: Node<'_, '_>) -> Result<Mapping, String> {
        let mut rule = Mapping::new();
        let guard = match node.attribute("cond") {
            Some(cond) => self.expression(cond)?,
            None => self.otherwise(source, node)?,
        };
        insert(&mut rule, "guard", text(&guard));
        if node.attribute("target").is_some() {
            insert(&mut rule, "target", self.targets(node)?);
            if !self.is_internal(source, node) {
                insert(&mut rule, "reenter", Value::Bool(true));
            }
        }
        let actions = self.actions(node)?;
        if !actions.is_empty() {
            insert(&mut rule, "actions", Value::Sequence(actions));
        }
        Ok(rule)
    }

    /// What a transition without a condition waits for. An eventless one is taken where those before it are not, which our
    /// checks want to hear: a targetless `always` without a guard looks like an endless loop.
    fn otherwise(&self, source: Node<'_, '_>, node: Node<'_, '_>) -> Result<String, String> {
        let eventless = children(source, &["transition"]).filter(|rule| rule.attribute("event").is_none());
        let before = eventless.take_while(|rule| *rule != node && node.attribute("event").is_none());
        let conditions = before.filter_map(|rule| rule.attribute("cond"));
        let refused = conditions.map(|cond| Ok(format!("!({})", self.expression(cond)?)));
        let refused = refused.collect::<Result<Vec<_>, String>>()?;
        Ok(if refused.is_empty() {
            ALWAYS.to_owned()
        } else {
            refused.join(" && ")
        })
    }

    /// `type="internal"` counts only for compound sources whose targets all lie below them.
    fn is_internal(&self, source: Node<'_, '_>, transition: Node<'_, '_>) -> bool {
        let compound = !source.has_tag_name_local("parallel") && children(source, &STATES).next().is_some();
        let outer = self
            .paths
            .get(&id(source))
            .map(|path| format!("{path}."))
            .unwrap_or_default();
        let mut targets = transition.attribute("target").unwrap_or_default().split_whitespace();
        transition.attribute("type") == Some("internal")
            && compound
            && targets.all(|id| self.path(id).is_ok_and(|path| path.starts_with(&outer)))
    }

    fn actions(&self, node: Node<'_, '_>) -> Result<Vec<Value>, String> {
        let elements = node.children().filter(Node::is_element);
        let actions = elements
            .map(|element| self.action(element))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(actions.into_iter().flatten().collect())
    }

    fn action(&self, node: Node<'_, '_>) -> Result<Option<Value>, String> {
        let attribute = |name: &str| node.attribute(name).ok_or_else(|| format!("no `{name}`"));
        let action = match node.tag_name().name() {
            // What is logged has no part in a configuration.
            "log" => return Ok(None),
            "assign" => {
                let (location, value) = (attribute("location")?, self.expression(attribute("expr")?)?);
                ("assign", Value::Mapping(mapping([(location, text(&value))])))
            }
            "raise" => ("raise", text(attribute("event")?)),
            "cancel" => ("cancel", text(attribute("sendid")?)),
            "send" => self.send(node)?,
            "if" => return self.branches(node).map(Some),
            other => return Err(format!("`{other}` has no counterpart in our language")),
        };
        Ok(Some(Value::Mapping(mapping([action]))))
    }

    fn send(&self, node: Node<'_, '_>) -> Result<(&'static str, Value), String> {
        if node.attribute("idlocation").is_some() {
            return Err("ids of sent events are not data in our language".into());
        }
        let literal = |name: &str| node.attribute(name).and_then(scripts::string_literal);
        let event = node
            .attribute("event")
            .map(ToOwned::to_owned)
            .or_else(|| literal("eventexpr"));
        let event = event.ok_or("send without a literal event")?;
        let mut send = mapping([("event", text(&event))]);
        let data = self.carried(node)?;
        if !data.is_empty() {
            insert(&mut send, "data", Value::Mapping(data));
        }
        if node.attribute("target") == Some("#_internal") {
            return Ok(("raise", Value::Mapping(send)));
        }
        insert(&mut send, "to", text("self"));
        if let Some(delay) = node
            .attribute("delay")
            .map(ToOwned::to_owned)
            .or_else(|| literal("delayexpr"))
        {
            insert(&mut send, "after", text(&period(&delay)?));
        }
        if let Some(id) = node.attribute("id") {
            insert(&mut send, "id", text(id));
        }
        Ok(("send", Value::Mapping(send)))
    }

    /// What an event carries. Content that is not named is carried as `content`.
    fn carried(&self, node: Node<'_, '_>) -> Result<Mapping, String> {
        let mut data = Mapping::new();
        for name in node.attribute("namelist").unwrap_or_default().split_whitespace() {
            insert(&mut data, name, text(&self.expression(name)?));
        }
        for param in children(node, &["param"]) {
            let value = param
                .attribute("expr")
                .or(param.attribute("location"))
                .ok_or("param without value")?;
            insert(
                &mut data,
                param.attribute("name").ok_or("param without name")?,
                text(&self.expression(value)?),
            );
        }
        for content in children(node, &["content"]) {
            let value = match content.attribute("expr") {
                Some(expression) => self.expression(expression)?,
                None => format!("{:?}", content.text().unwrap_or_default()),
            };
            insert(&mut data, "content", text(&value));
        }
        Ok(data)
    }

    /// `<if>` with its `<elseif/>` and `<else/>`, which divide its children.
    fn branches(&self, node: Node<'_, '_>) -> Result<Value, String> {
        let cond = |node: Node<'_, '_>| self.expression(node.attribute("cond").ok_or("no cond")?);
        let mut branches: Vec<(Option<String>, Vec<Value>)> = vec![(Some(cond(node)?), Vec::new())];
        for child in node.children().filter(Node::is_element) {
            match child.tag_name().name() {
                "elseif" => branches.push((Some(cond(child)?), Vec::new())),
                "else" => branches.push((None, Vec::new())),
                _ => {
                    let action = self.action(child)?;
                    if let Some((_, actions)) = branches.last_mut() {
                        actions.extend(action);
                    }
                }
            }
        }
        let mut branches = branches.into_iter();
        let Some((Some(first), then)) = branches.next() else {
            return Err("an empty if".into());
        };
        let mut action = mapping([("if", text(&first)), ("then", Value::Sequence(then))]);
        let mut others = Vec::new();
        for (condition, actions) in branches {
            match condition {
                Some(condition) => others.push(Value::Mapping(mapping([
                    ("if", text(&condition)),
                    ("then", Value::Sequence(actions)),
                ]))),
                None => insert(&mut action, "else", Value::Sequence(actions)),
            }
        }
        if !others.is_empty() {
            insert(&mut action, "elseIf", Value::Sequence(others));
        }
        Ok(Value::Mapping(action))
    }

    fn expression(&self, script: &str) -> Result<String, String> {
        let path = |id: &str| self.paths.get(id).cloned();
        scripts::to_cel(script, &|name| self.fields.contains_key(name), &path)
    }
}

fn period(delay: &str) -> Result<String, String> {
    match delay.strip_suffix("ms") {
        Some(millis) => Ok(format!("{} ms", millis.trim())),
        None => {
            let seconds = delay
                .strip_suffix('s')
                .ok_or_else(|| format!("`{delay}` is no delay"))?;
            Ok(format!("{} seconds", seconds.trim()))
        }
    }
}

fn children<'a, 'i>(node: Node<'a, 'i>, names: &'a [&str]) -> impl Iterator<Item = Node<'a, 'i>> {
    let elements = node.children().filter(Node::is_element);
    elements.filter(move |child| names.contains(&child.tag_name().name()))
}

trait LocalName {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn list<const N: usize>(values: [Value; N]) -> Value {
    Value::Sequence(values.into())
}

fn map(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Mapping(entries.map(|(key, value)| (Value::String(key), value)).collect())
}

fn mapping<const N: usize>(entries: [(&str, Value); N]) -> Mapping {
    entries.into_iter().map(|(key, value)| (text(key), value)).collect()
}

fn insert(mapping: &mut Mapping, key: &str, value: Value) {
    mapping.insert(text(key), value);
}
