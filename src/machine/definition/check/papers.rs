//! Documents and mails have templates, computed fields come to an end. Must not read what is in a template.

use super::super::compile::{Declarations, Outline, Sources};
use super::super::diagnostic::{Diagnostic, Sink};
use super::MachineCheck;
use crate::machine::expression::Reference;

/// Checks that every document has a template.
pub fn bundle(sources: &Sources, _outlines: &[Outline<'_>], declared: &Declarations, found: &mut Vec<Diagnostic>) {
    let mut sink = Sink {
        file: "bundle.yaml",
        found,
    };
    for (name, _) in &sources.bundle.documents {
        if declared.document_templates.contains(&name.value) {
            continue;
        }
        let message = format!("the document `{}` has no template", name.value);
        let hint = format!("add templates/documents/{}.typ.hbs", name.value);
        if declared.has_templates {
            sink.error_with("document_without_template", name.at, message, hint);
        } else {
            sink.warning("document_without_template", name.at, message, hint);
        }
    }
    if let Some(mail) = &sources.bundle.defaults.todo.mail
        && declared.has_templates
        && !declared.mails.contains(&mail.value)
    {
        let message = format!("there is no mail `{}`", mail.value);
        let hint = format!("add templates/mail/{}/subject.txt.hbs and body.txt.hbs", mail.value);
        sink.error_with("mail_without_template", mail.at, message, hint);
    }
}

impl MachineCheck<'_> {
    /// A computed field that needs itself would never be known.
    pub fn computed_cycles(&mut self) {
        for (name, field) in &self.outline.machine.data {
            if let (Some(computed), true) = (&field.computed, self.needs_itself(&name.value)) {
                self.sink.error_with(
                    "computed_cycle",
                    computed.at,
                    format!("`{}` is computed from itself", name.value),
                    "store one of the fields instead of computing it",
                );
            }
        }
    }

    fn needs_itself(&self, name: &str) -> bool {
        let mut seen: Vec<&str> = Vec::new();
        let mut open = vec![name];
        while let Some(current) = open.pop() {
            let computed = self.machine.field(current).and_then(|field| field.computed.as_ref());
            for reference in computed.into_iter().flat_map(|expression| &expression.references) {
                let Reference::Data(needed) = reference else { continue };
                if **needed == *name {
                    return true;
                }
                if !seen.contains(&needed.as_ref()) {
                    seen.push(needed);
                    open.push(needed);
                }
            }
        }
        false
    }
}
