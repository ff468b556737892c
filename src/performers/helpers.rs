//! The handlebars words templates may use: each turns a value of the snapshot into what a person reads.
//! Must not look anything up: names of parties and organisations come in with the context.

use std::sync::Arc;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonRender as _, Output, PathAndJson, RenderContext,
    RenderError, RenderErrorReason, ScopedJson,
};
use serde_json::{Value as Json, json};

use super::values::{self, Reader};
use super::{format, qr};
use crate::machine::Bundle;
use crate::machine::period::Period;
use crate::machine::templates::Medium;

/// What is printed where a value is absent.
const ABSENT: &str = "—";

/// Registers all words of [`crate::machine::templates::WORDS`] for one bundle and one medium.
pub fn register(registry: &mut Handlebars<'static>, bundle: &Arc<Bundle>, medium: Medium) {
    let plain: [(&'static str, Form); 11] = [
        ("money", |value, _| int(value).map(format::money)),
        ("capitals", |value, _| int(value).map(format::capitals)),
        ("date", |value, offset| {
            int(value).and_then(|at| format::date(at, offset))
        }),
        ("datetime", |value, offset| {
            int(value).and_then(|at| format::datetime(at, offset))
        }),
        ("moment", |value, offset| {
            int(value).and_then(|at| format::moment(at, offset))
        }),
        ("period", |value, _| period(value)),
        ("percent", |value, _| int(value).map(format::percent)),
        ("count", |value, _| Some(value.as_array()?.len().to_string())),
        ("yes_no", |value, _| {
            Some(if value.as_bool()? { "是" } else { "否" }.to_owned())
        }),
        ("plus_one", |value, _| Some(int(value)?.checked_add(1)?.to_string())),
        ("digest", |value, _| Some(grouped_digest(value.as_str()?))),
    ];
    for (name, form) in plain {
        let offset = bundle.utc_offset_millis;
        registry.register_helper(name, Box::new(Plain { name, form, offset }));
    }
    let typed: [(&'static str, Reading); 3] = [
        ("label", |reader, path, value| reader.label(path, value)),
        ("show", |reader, path, value| reader.show(path, value)),
        ("title_of", |reader, path, _| reader.title(path)),
    ];
    for (name, reading) in typed {
        let bundle = Arc::clone(bundle);
        registry.register_helper(name, Box::new(Typed { name, reading, bundle }));
    }
    registry.register_helper("entries", Box::new(Entries(Arc::clone(bundle))));
    registry.register_helper("party", Box::new(Party));
    registry.register_helper("find", Box::new(Find));
    registry.register_helper("has", Box::new(Has));
    registry.register_helper("number", Box::new(Number));
    registry.register_helper("qr", Box::new(Square));
    registry.register_helper("paragraphs", Box::new(Paragraphs(medium)));
}

/// A word that needs only the value and the offset of local time. `None`: the value is of another kind.
type Form = fn(&Json, i64) -> Option<String>;

struct Plain {
    name: &'static str,
    form: Form,
    offset: i64,
}

impl HelperDef for Plain {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let value = argument(helper, self.name, 0)?.value();
        if value.is_null() {
            return text(ABSENT);
        }
        let formed = (self.form)(value, self.offset);
        text(&formed.ok_or_else(|| refused(self.name, &format!("cannot print {value}")))?)
    }
}

/// A word that needs the declared type of the field its argument names.
type Reading = fn(&Reader<'_>, &[String], &Json) -> Option<String>;

struct Typed {
    name: &'static str,
    reading: Reading,
    bundle: Arc<Bundle>,
}

impl HelperDef for Typed {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let argument = argument(helper, self.name, 0)?;
        let reader = Reader::new(&self.bundle, context.data());
        let path = path_of(argument, self.name)?;
        if argument.value().is_null() && self.name != "title_of" {
            return text(ABSENT);
        }
        let read = (self.reading)(&reader, &path, argument.value());
        text(&read.ok_or_else(|| refused(self.name, &format!("cannot print {}", path.join("."))))?)
    }
}

/// `{{#each (entries self.data.form)}}{{title}} {{text}}{{/each}}`: the filled-in entries of a form or the rows of a list.
struct Entries(Arc<Bundle>);

impl HelperDef for Entries {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let argument = argument(helper, "entries", 0)?;
        let reader = Reader::new(&self.0, context.data());
        let path = path_of(argument, "entries")?;
        let entries = reader.entries(&path, argument.value());
        let entries = entries.ok_or_else(|| refused("entries", &format!("{} is not a form", path.join("."))))?;
        Ok(ScopedJson::Derived(Json::Array(entries)))
    }
}

/// `{{party self.owner}}`, `{{party self.owner "address"}}`: what is known of a party or organisation.
struct Party;

impl HelperDef for Party {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let argument = argument(helper, "party", 0)?;
        let Some(id) = argument.value().as_str() else {
            return text(ABSENT);
        };
        let property = helper.param(1).and_then(|it| it.value().as_str()).unwrap_or("name");
        let known = values::name_of(context.data(), id, property);
        // A paper without the name of a party is not a paper.
        let known = known.ok_or_else(|| refused("party", &format!("nothing is known of {id}")))?;
        text(if known.is_empty() { ABSENT } else { known })
    }
}

/// `{{#with (find children.application "key" root.data.winner)}}`: the first of a list whose entry has this value.
struct Find;

impl HelperDef for Find {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let list = argument(helper, "find", 0)?;
        let key = argument(helper, "find", 1)?.value().render();
        let wanted = argument(helper, "find", 2)?.value();
        let mut path = path_of(list, "find")?;
        let entries = values::at(context.data(), &path).and_then(Json::as_array);
        let mut entries = entries.into_iter().flatten().enumerate();
        let found = entries.find(|(_, entry)| entry.get(&key) == Some(wanted));
        let (index, entry) = found.ok_or_else(|| refused("find", &format!("no entry has {key} = {wanted}")))?;
        // With its path, so that types and labels are found below it.
        path.push(index.to_string());
        Ok(ScopedJson::Context(entry, path))
    }
}

/// `{{#if (has self.tags "open")}}`.
struct Has;

impl HelperDef for Has {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let list = argument(helper, "has", 0)?.value();
        let wanted = argument(helper, "has", 1)?.value();
        let has = list.as_array().is_some_and(|list| list.contains(wanted));
        Ok(ScopedJson::Derived(json!(has)))
    }
}

/// `{{number x}}`: the digits of a whole number, as a program reads them.
struct Number;

impl HelperDef for Number {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = argument(helper, "number", 0)?.value();
        let number = int(value).ok_or_else(|| refused("number", &format!("cannot print {value}")))?;
        // Digits mean the same in every medium: nothing is to be escaped.
        out.write(&number.to_string())?;
        Ok(())
    }
}

/// `{{qr document.verify}}`: a text as a QR code, as the Typst expression of a drawing; nothing where there is no text.
struct Square;

impl HelperDef for Square {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = argument(helper, "qr", 0)?.value();
        let Some(content) = value.as_str().filter(|content| !content.is_empty()) else {
            out.write("none")?;
            return Ok(());
        };
        let drawing = qr::drawing(content).ok_or_else(|| refused("qr", "the text is too long for a QR code"))?;
        out.write(&format!("image(bytes(\"{drawing}\"), format: \"svg\", width: 100%)"))?;
        Ok(())
    }
}

/// `{{paragraphs x}}`: text of several lines, each a paragraph of the medium.
struct Paragraphs(Medium);

impl HelperDef for Paragraphs {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = argument(helper, "paragraphs", 0)?.value();
        let whole = if value.is_null() { ABSENT.into() } else { value.render() };
        for line in whole.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let line = registry.get_escape_fn()(line);
            match self.0 {
                Medium::Typst => out.write(&format!("{line}\n\n"))?,
                Medium::Html => out.write(&format!("<p>{line}</p>\n"))?,
                Medium::Text => out.write(&format!("{line}\n"))?,
            }
        }
        Ok(())
    }
}

fn argument<'a, 'rc>(helper: &'a Helper<'rc>, name: &str, index: usize) -> Result<&'a PathAndJson<'rc>, RenderError> {
    let argument = helper.param(index).ok_or_else(|| refused(name, "needs an argument"))?;
    // Own words are not covered by strict mode: without this, a misspelled field would print nothing.
    if argument.is_value_missing() {
        let path = argument.relative_path().map_or("?", String::as_str);
        return Err(refused(name, &format!("there is no `{path}`")));
    }
    Ok(argument)
}

fn path_of(argument: &PathAndJson<'_>, name: &str) -> Result<Vec<String>, RenderError> {
    let path = argument.context_path().cloned();
    path.ok_or_else(|| refused(name, "needs the path of a field"))
}

fn refused(name: &str, text: &str) -> RenderError {
    RenderErrorReason::Other(format!("{name}: {text}")).into()
}

fn text<'rc>(text: &str) -> Result<ScopedJson<'rc>, RenderError> {
    Ok(ScopedJson::Derived(Json::String(text.to_owned())))
}

fn int(value: &Json) -> Option<i64> {
    value.as_i64()
}

fn period(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => text.parse::<Period>().ok().map(format::period),
        other => int(other).map(format::duration),
    }
}

/// A digest in groups of eight, so that a person can compare it.
fn grouped_digest(digest: &str) -> String {
    let characters: Vec<char> = digest.chars().collect();
    let groups = characters.chunks(8).map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<_>>().join(" ")
}
