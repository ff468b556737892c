//! Walks each template's syntax tree: that it parses, escapes, uses known words, and names only what it will be given.
//! Strict mode finds a wrong name only when it is rendered, and never inside `{{#if …}}`; here it is found when published.

use std::collections::BTreeMap;

use handlebars::template::{BlockParam, HelperTemplate, Parameter, Template, TemplateElement};

use super::super::Bundle;
use super::super::definition::diagnostic::{At, Diagnostic};
use super::shape::{Shape, contexts};
use super::{WORDS, medium_of, partial_of};

/// Words of handlebars itself that give a value.
const BUILT_IN: [&str; 13] = [
    "lookup", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len", "log", "raw",
];
/// Partials inside partials; more is a circle.
const DEEPEST: usize = 8;

/// Everything wrong with the templates of a bundle, in order of file and place.
pub fn check(bundle: &Bundle) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut parsed = BTreeMap::new();
    for (path, text) in bundle.files.iter().filter(|(path, _)| medium_of(path).is_some()) {
        match Template::compile(text) {
            Ok(template) => {
                parsed.insert(path.as_str(), template);
            }
            Err(error) => {
                let (line, column) = error.pos().unwrap_or((1, 1));
                let message = error.reason().to_string();
                let message = message.lines().next().unwrap_or("not a template").to_owned();
                faults.push(Diagnostic::error("template_syntax", path, at(line, column), message));
            }
        }
    }
    for path in parsed.keys() {
        let mut seen = contexts(bundle, path);
        if seen.is_empty() && partial_of(path).is_none() {
            // Nobody renders it yet: its syntax and words are checked, its names cannot be.
            seen.push(Shape::Any);
        }
        for context in seen {
            let mut walk = Walk {
                bundle,
                parsed: &parsed,
                faults: &mut faults,
                frames: vec![Frame::new(context)],
            };
            walk.file(path, 0);
        }
    }
    faults.sort();
    faults.dedup();
    faults
}

fn at(line: usize, column: usize) -> At {
    At {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        ..At::default()
    }
}

/// What names are looked up in: the context, or what `each` and `with` put in its place.
struct Frame<'a> {
    shape: Shape<'a>,
    named: BTreeMap<String, Shape<'a>>,
}

impl<'a> Frame<'a> {
    fn new(shape: Shape<'a>) -> Self {
        Self {
            shape,
            named: BTreeMap::new(),
        }
    }
}

struct Walk<'a, 'w> {
    bundle: &'a Bundle,
    parsed: &'w BTreeMap<&'w str, Template>,
    faults: &'w mut Vec<Diagnostic>,
    frames: Vec<Frame<'a>>,
}

/// Where in which file the walk is.
#[derive(Clone, Copy)]
struct Here<'f> {
    path: &'f str,
    line: usize,
    column: usize,
    depth: usize,
}

impl<'a> Walk<'a, '_> {
    fn file(&mut self, path: &str, depth: usize) {
        let parsed = self.parsed;
        if let Some(template) = parsed.get(path) {
            self.template(template, path, depth);
        }
    }

    fn template(&mut self, template: &Template, path: &str, depth: usize) {
        for (element, place) in template.elements.iter().zip(&template.mapping) {
            let here = Here {
                path,
                line: place.0,
                column: place.1,
                depth,
            };
            self.element(element, here);
        }
    }

    fn element(&mut self, element: &TemplateElement, here: Here<'_>) {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::HtmlExpression(_) => {
                let hint = "write `{{…}}`; for text of several lines `{{paragraphs …}}`";
                self.fault_with(
                    "template_unescaped",
                    here,
                    "`{{{…}}}` prints without escaping".into(),
                    hint,
                );
            }
            TemplateElement::Expression(expression) => {
                self.value(&expression.name, &expression.params, here);
            }
            TemplateElement::HelperBlock(block) => self.block(block, here),
            TemplateElement::PartialExpression(partial) => {
                let name = partial.name.as_name().unwrap_or_default();
                let plain = partial.params.is_empty() && partial.hash.is_empty();
                self.partial(name, plain, here);
            }
            _ => {
                self.fault(
                    "template_word",
                    here,
                    "decorators are not part of the template language".into(),
                );
            }
        }
    }

    fn partial(&mut self, name: &str, plain: bool, here: Here<'_>) {
        if !plain {
            self.fault(
                "template_partial",
                here,
                format!("`{{{{> {name}}}}}` takes no arguments"),
            );
        }
        let medium = medium_of(here.path);
        let parsed = self.parsed;
        let found = parsed
            .keys()
            .find(|path| partial_of(path) == Some(name) && medium_of(path) == medium);
        match found {
            Some(_) if here.depth >= DEEPEST => {
                self.fault("template_partial", here, format!("`{name}` includes itself"));
            }
            Some(path) => self.file(path, here.depth + 1),
            None => self.fault("template_partial", here, format!("there is no partial `{name}`")),
        }
    }

    fn block(&mut self, block: &HelperTemplate, here: Here<'_>) {
        let name = block.name.as_name().unwrap_or_default();
        let given: Vec<Shape<'a>> = block.params.iter().map(|param| self.parameter(param, here)).collect();
        let first = given.first().cloned().unwrap_or(Shape::Any);
        let inner = match name {
            "if" | "unless" => None,
            "with" => Some(first),
            "each" => Some(first.item()),
            _ => {
                self.fault("template_word", here, format!("`{name}` opens no block"));
                return;
            }
        };
        if block.params.is_empty() {
            self.fault("template_word", here, format!("`{name}` needs a value"));
        }
        if let Some(template) = &block.template {
            match inner {
                Some(shape) => self.inside(shape, block.block_param.as_ref(), |walk| {
                    walk.template(template, here.path, here.depth);
                }),
                None => self.template(template, here.path, here.depth),
            }
        }
        if let Some(template) = &block.inverse {
            self.template(template, here.path, here.depth);
        }
    }

    fn inside(&mut self, shape: Shape<'a>, named: Option<&BlockParam>, walk: impl FnOnce(&mut Self)) {
        let mut frame = Frame::new(shape.clone());
        let name = |parameter: &Parameter| parameter.as_name().unwrap_or_default().to_owned();
        match named {
            Some(BlockParam::Single(item)) => {
                frame.named.insert(name(item), shape);
            }
            Some(BlockParam::Pair((item, key))) => {
                frame.named.insert(name(item), shape);
                frame.named.insert(name(key), Shape::Leaf);
            }
            Some(_) | None => {}
        }
        self.frames.push(frame);
        walk(self);
        self.frames.pop();
    }

    fn parameter(&mut self, parameter: &Parameter, here: Here<'_>) -> Shape<'a> {
        match parameter {
            Parameter::Literal(_) => Shape::Leaf,
            Parameter::Name(_) | Parameter::Path(_) => self.path(parameter.as_name().unwrap_or_default(), here),
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(expression) => self.value(&expression.name, &expression.params, here),
                _ => Shape::Any,
            },
            _ => Shape::Any,
        }
    }

    /// A name alone, or a word with its arguments.
    fn value(&mut self, name: &Parameter, params: &[Parameter], here: Here<'_>) -> Shape<'a> {
        let name = name.as_name().unwrap_or_default();
        let given: Vec<Shape<'a>> = params.iter().map(|param| self.parameter(param, here)).collect();
        let own = WORDS.iter().find(|word| word.name == name);
        if own.is_none() && !BUILT_IN.contains(&name) {
            if params.is_empty() {
                return self.path(name, here);
            }
            self.fault("template_word", here, format!("there is no word `{name}`"));
            return Shape::Any;
        }
        if let Some(word) = own.filter(|word| !word.arguments.contains(&given.len())) {
            let needed = word.arguments.start();
            self.fault(
                "template_word",
                here,
                format!("`{name}` needs {needed} argument(s), not {}", given.len()),
            );
        }
        match name {
            "find" => given.first().map_or(Shape::Any, Shape::item),
            "lookup" => Shape::Any,
            "entries" => Shape::List(Box::new(Shape::Record(BTreeMap::from(
                ["name", "title", "text"].map(|name| (name, Shape::Leaf)),
            )))),
            _ => Shape::Leaf,
        }
    }

    fn path(&mut self, raw: &str, here: Here<'_>) -> Shape<'a> {
        let (mut steps, frame) = self.start(raw);
        let mut shape = self.frames.get(frame).map_or(Shape::Any, |frame| frame.shape.clone());
        if steps.first().is_some_and(|first| first.starts_with('@')) {
            return Shape::Leaf;
        }
        // A block's parameters are seen from every block inside it.
        if let Some((first, rest)) = steps.split_first()
            && let Some(named) = self.frames.iter().rev().find_map(|frame| frame.named.get(*first))
        {
            shape = named.clone();
            steps = rest.to_vec();
        }
        for step in steps {
            match shape.member(self.bundle, step) {
                Ok(next) => shape = next,
                Err(known) => {
                    self.unknown(raw, step, &known, here);
                    return Shape::Any;
                }
            }
        }
        shape
    }

    /// The steps of a path and the frame it starts from: `../x`, `@root.x`, `this.x`.
    fn start<'r>(&self, raw: &'r str) -> (Vec<&'r str>, usize) {
        let mut frame = self.frames.len().saturating_sub(1);
        let mut rest = raw;
        while let Some(up) = rest.strip_prefix("../") {
            frame = frame.saturating_sub(1);
            rest = up;
        }
        if let Some(from_root) = rest.strip_prefix("@root") {
            frame = 0;
            rest = from_root;
        }
        let steps = rest
            .split(['.', '/'])
            .filter(|step| !step.is_empty() && *step != "this");
        (steps.collect(), frame)
    }

    fn unknown(&mut self, raw: &str, step: &str, known: &[String], here: Here<'_>) {
        let message = format!("nothing is called `{step}` in `{raw}`");
        match nearest(step, known) {
            Some(near) => self.fault_with("template_name", here, message, &format!("did you mean `{near}`?")),
            None => self.fault("template_name", here, message),
        }
    }

    fn fault(&mut self, code: &'static str, here: Here<'_>, message: String) {
        let place = at(here.line, here.column);
        self.faults.push(Diagnostic::error(code, here.path, place, message));
    }

    fn fault_with(&mut self, code: &'static str, here: Here<'_>, message: String, hint: &str) {
        let place = at(here.line, here.column);
        self.faults
            .push(Diagnostic::error(code, here.path, place, message).hint(hint));
    }
}

/// The known name with the longest common beginning, where that is more than half of it.
fn nearest<'k>(name: &str, known: &'k [String]) -> Option<&'k String> {
    let common = |other: &String| name.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let near = known.iter().max_by_key(|other| common(other))?;
    (common(near) * 2 > name.chars().count()).then_some(near)
}
