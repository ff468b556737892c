//! A bundle's templates as handlebars registries, one per medium, each with the escaping of its medium.
//! Must not read templates from anywhere but the bundle: what was published is what is rendered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use handlebars::{Handlebars, html_escape, no_escape};
use serde_json::Value as Json;

use super::helpers;
use crate::machine::templates::{Medium, document_of, mail_of, medium_of, partial_of};
use crate::machine::{Bundle, Name};

/// A template that cannot be rendered with the data it got.
#[derive(Debug, thiserror::Error)]
pub enum RenderingError {
    #[error("the bundle has no template {0}")]
    NoTemplate(String),
    #[error("the template does not parse: {0}")]
    Syntax(String),
    #[error("the template cannot be filled: {0}")]
    Fill(String),
}

/// The registries of one bundle.
pub struct Rendering {
    typst: Handlebars<'static>,
    html: Handlebars<'static>,
    text: Handlebars<'static>,
}

impl Rendering {
    /// Compiles all templates of a bundle.
    ///
    /// # Errors
    /// One that does not parse; publishing has refused those, so this means damage.
    pub fn new(bundle: &Arc<Bundle>) -> Result<Self, RenderingError> {
        let mut rendering = Self {
            typst: registry(bundle, Medium::Typst),
            html: registry(bundle, Medium::Html),
            text: registry(bundle, Medium::Text),
        };
        for (path, text) in &bundle.files {
            if let Some(medium) = medium_of(path) {
                rendering.add(medium, path, text)?;
            }
        }
        Ok(rendering)
    }

    /// Compiles the platform's own mails, which belong to no bundle.
    ///
    /// # Errors
    /// One that does not parse.
    pub fn platform(offset_millis: i64) -> Result<Self, RenderingError> {
        Self::new(&Arc::new(super::platform::bundle(offset_millis)))
    }

    fn add(&mut self, medium: Medium, path: &str, text: &str) -> Result<(), RenderingError> {
        let Some(name) = partial_of(path).map(str::to_owned).or_else(|| template_name(path)) else {
            return Ok(());
        };
        let registry = match medium {
            Medium::Typst => &mut self.typst,
            Medium::Html => &mut self.html,
            Medium::Text => &mut self.text,
        };
        registry
            .register_template_string(&name, text)
            .map_err(|error| RenderingError::Syntax(format!("{path}: {error}")))
    }

    /// Fills a document's template: markup for the typesetter.
    ///
    /// # Errors
    /// No such template, or data it needs and does not get.
    pub fn document(&self, document: &str, context: &Json) -> Result<String, RenderingError> {
        fill(&self.typst, document, context)
    }

    /// Fills a text part of a mail (`subject` or `body`).
    ///
    /// # Errors
    /// No such template, or data it needs and does not get.
    pub fn mail_text(&self, mail: &str, part: &str, context: &Json) -> Result<String, RenderingError> {
        fill(&self.text, &format!("{mail}/{part}"), context)
    }

    /// Fills the HTML body of a mail that has one.
    ///
    /// # Errors
    /// Data it needs and does not get.
    pub fn mail_html(&self, mail: &str, context: &Json) -> Result<Option<String>, RenderingError> {
        let name = format!("{mail}/body");
        match self.html.has_template(&name) {
            true => fill(&self.html, &name, context).map(Some),
            false => Ok(None),
        }
    }
}

fn registry(bundle: &Arc<Bundle>, medium: Medium) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.set_prevent_indent(true);
    match medium {
        Medium::Typst => registry.register_escape_fn(typst_escape),
        Medium::Html => registry.register_escape_fn(html_escape),
        Medium::Text => registry.register_escape_fn(no_escape),
    }
    helpers::register(&mut registry, bundle, medium);
    registry
}

/// `announcement` for a document, `todo_new/body` for a part of a mail.
fn template_name(path: &str) -> Option<String> {
    if let Some(document) = document_of(path) {
        return Some(document.to_owned());
    }
    let mail = mail_of(path)?;
    let part = path.rsplit('/').next()?.split('.').next()?;
    Some(format!("{mail}/{part}"))
}

fn fill(registry: &Handlebars<'static>, name: &str, context: &Json) -> Result<String, RenderingError> {
    if !registry.has_template(name) {
        return Err(RenderingError::NoTemplate(name.to_owned()));
    }
    registry
        .render(name, context)
        .map_err(|error| RenderingError::Fill(error.to_string()))
}

/// A code string of Typst: everything in it is text. The semicolon ends the expression, so that nothing after it attaches.
fn typst_escape(text: &str) -> String {
    format!("#\"{}\";", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Rendering registries by bundle, so that each is compiled once.
#[derive(Clone, Default)]
pub struct Renderings(Arc<Mutex<BTreeMap<Name, Arc<Rendering>>>>);

/// Bundles whose registries are kept; a server runs few at a time, each takes some hundred kilobytes.
const KEPT: usize = 16;

impl Renderings {
    /// The registries of a bundle, compiled at first use.
    ///
    /// # Errors
    /// A template that does not parse.
    pub fn of(&self, bundle: &Arc<Bundle>) -> Result<Arc<Rendering>, RenderingError> {
        let key = &bundle.reference.sha256;
        if let Some(found) = self.lock().get(key) {
            return Ok(Arc::clone(found));
        }
        let rendering = Arc::new(Rendering::new(bundle)?);
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.pop_first();
        }
        kept.insert(key.clone(), Arc::clone(&rendering));
        Ok(rendering)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Name, Arc<Rendering>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_cannot_leave_its_string() {
        assert_eq!(typst_escape(r#"a"b\c]#x"#), r##"#"a\"b\\c]#x";"##);
    }
}
