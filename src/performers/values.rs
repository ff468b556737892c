//! Values of the snapshot by their declared types: labels of options, titles of fields, entries of forms.
//! Must not know handlebars.

use serde_json::{Value as Json, json};

use super::format;
use crate::machine::Bundle;
use crate::machine::definition::model::{Field, FormField, Machine, Type};
use crate::machine::period::Period;

/// Reads values out of one context with the types of one bundle.
pub struct Reader<'a> {
    bundle: &'a Bundle,
    context: &'a Json,
}

/// What a path into the context leads to.
struct Place<'a> {
    field: &'a Field,
    /// The steps below the field: a row and a column of a list, an entry of a form.
    below: &'a [String],
}

impl<'a> Reader<'a> {
    pub fn new(bundle: &'a Bundle, context: &'a Json) -> Self {
        Self { bundle, context }
    }

    /// The Chinese label of an option; 是 and 否 for a truth.
    pub fn label(&self, path: &[String], value: &Json) -> Option<String> {
        if let Some(truth) = value.as_bool() {
            return Some(if truth { "是" } else { "否" }.to_owned());
        }
        let place = self.place(path)?;
        match kind_below(&place.field.kind, place.below)? {
            Type::Enumeration(options) => Some(label_of(place.field, options, value.as_str()?)),
            _ => None,
        }
    }

    /// The title of a field.
    pub fn title(&self, path: &[String]) -> Option<String> {
        self.place(path).map(|place| place.field.title.clone())
    }

    /// Any field as its type is written for people.
    pub fn show(&self, path: &[String], value: &Json) -> Option<String> {
        let place = self.place(path)?;
        let kind = kind_below(&place.field.kind, place.below)?;
        if let Type::Enumeration(options) = kind {
            return Some(label_of(place.field, options, value.as_str()?));
        }
        self.text(kind, value)
    }

    /// The entries of a form, or the rows of a list with their columns: `{name, title, text}`.
    pub fn entries(&self, path: &[String], value: &Json) -> Option<Vec<Json>> {
        let place = self.place(path)?;
        match &place.field.kind {
            Type::Form(fields) => Some(self.form(fields, value)),
            _ if value.is_null() => Some(Vec::new()),
            _ => None,
        }
    }

    fn form(&self, fields: &[FormField], value: &Json) -> Vec<Json> {
        let filled = fields.iter().filter_map(|field| {
            let value = value.get(&*field.name).filter(|value| !value.is_null())?;
            let text = self.text(&field.kind, value)?;
            Some(json!({"name": field.name, "title": field.title, "text": text}))
        });
        filled.collect()
    }

    fn text(&self, kind: &Type, value: &Json) -> Option<String> {
        let offset = self.bundle.utc_offset_millis;
        let name = |id: &str| name_of(self.context, id, "name").map(str::to_owned);
        let text = match kind {
            Type::Money => format!("{}元", format::money(value.as_i64()?)),
            Type::Int => value.as_i64()?.to_string(),
            Type::Bool => if value.as_bool()? { "是" } else { "否" }.to_owned(),
            Type::Text | Type::Rich | Type::Key(_) | Type::Enumeration(_) => value.as_str()?.to_owned(),
            Type::Time => format::datetime(value.as_i64()?, offset)?,
            Type::Duration => format::duration(value.as_i64()?),
            Type::Period => format::period(value.as_str()?.parse::<Period>().ok()?),
            Type::Organisation | Type::Party => name(value.as_str()?)?,
            Type::File => name(value.as_str()?).unwrap_or_else(|| "附件".to_owned()),
            Type::Files => self.files(value.as_array()?),
            Type::List { .. } => format!("{}项", value.as_array()?.len()),
            Type::Form(_) => format!("{}项", value.as_object()?.len()),
        };
        Some(text)
    }

    fn files(&self, files: &[Json]) -> String {
        let names = files.iter().filter_map(Json::as_str);
        let names: Vec<&str> = names.filter_map(|id| name_of(self.context, id, "name")).collect();
        if names.len() == files.len() && !names.is_empty() {
            names.join("、")
        } else {
            format!("{}份", files.len())
        }
    }

    fn place<'p>(&'p self, path: &'p [String]) -> Option<Place<'p>> {
        let data = path.iter().position(|step| step == "data")?;
        let (above, below) = path.split_at(data);
        let owner = at(self.context, above)?;
        let machine: &Machine = self.bundle.machines.get(owner.get("machine")?.as_str()?)?;
        let (name, below) = below.get(1..)?.split_first()?;
        let field = machine.field(name)?;
        Some(Place { field, below })
    }
}

/// What stands at a path of the context.
pub fn at<'a>(context: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(context, |here, step| step_into(here, step))
}

fn step_into<'a>(here: &'a Json, step: &str) -> Option<&'a Json> {
    match here {
        Json::Array(list) => list.get(step.trim_matches(['[', ']']).parse::<usize>().ok()?),
        _ => here.get(step),
    }
}

fn kind_below<'a>(kind: &'a Type, below: &[String]) -> Option<&'a Type> {
    match (kind, below) {
        (kind, []) => Some(kind),
        (Type::List { columns, .. }, [_row, column]) => {
            let mut columns = columns.iter();
            columns.find(|(name, _)| **name == **column).map(|(_, kind)| kind)
        }
        (Type::Form(fields), [entry]) => {
            let mut fields = fields.iter();
            fields.find(|field| *field.name == **entry).map(|field| &field.kind)
        }
        _ => None,
    }
}

/// Options without labels are their own labels: most are Chinese already.
fn label_of(field: &Field, options: &[crate::machine::Name], option: &str) -> String {
    let index = options.iter().position(|it| **it == *option);
    let label = index.and_then(|index| field.labels.get(index));
    label.cloned().unwrap_or_else(|| option.to_owned())
}

/// What the context's `names` knows of a party, an organisation or a file.
pub fn name_of<'a>(context: &'a Json, id: &str, property: &str) -> Option<&'a str> {
    context.get("names")?.get(id)?.get(property)?.as_str()
}
