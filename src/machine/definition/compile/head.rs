//! `bundle.yaml` itself: identity, documents, ledger, hooks. Must not look into states.

use std::collections::BTreeMap;

use super::super::diagnostic::{Diagnostic, Sink, suggestion};
use super::super::model::{Bundle, Capacity, DocumentDefinition, Hook, Machine, Movement};
use super::super::source::bundle::{BundleSource, HookSource};
use super::declarations::Declarations;
use super::readers::{known_machine, known_roles, readers};
use super::{Sources, digest, todo};
use crate::machine::time::CHINA_MILLIS;
use crate::machine::trade::BundleRef;
use crate::machine::value::Name;

/// The version of the language this program reads.
const LANGUAGE: u32 = 1;

/// Puts the bundle together.
pub fn bundle(
    files: &BTreeMap<String, String>,
    sources: &Sources,
    declared: Declarations,
    machines: BTreeMap<Name, Machine>,
    found: &mut Vec<Diagnostic>,
) -> Option<Bundle> {
    let source = &sources.bundle;
    let mut sink = Sink {
        file: "bundle.yaml",
        found,
    };
    identity(source, &mut sink);
    listed_machines(sources, &declared, &mut sink);
    todo_defaults(source, &declared, &mut sink);
    let documents = documents(source, &declared, &mut sink);
    let hooks = source
        .hooks
        .iter()
        .filter_map(|(name, hook)| {
            Some((
                Name::from(name.value.as_str()),
                hook_of(name.value.as_str(), hook, &declared, &mut sink)?,
            ))
        })
        .collect();
    Some(Bundle {
        reference: BundleRef {
            name: source.name.value.as_str().into(),
            version: source.version.value.as_str().into(),
            sha256: digest(files).into(),
        },
        title: source.title.clone(),
        calendar: source
            .calendar
            .as_ref()
            .map_or("cn-gov", |word| word.value.as_str())
            .into(),
        utc_offset_millis: CHINA_MILLIS,
        root: declared.root.clone(),
        machines,
        documents,
        refusals: source
            .refusals
            .iter()
            .map(|(code, text)| (Name::from(code.value.as_str()), text.value.clone()))
            .collect(),
        movements: movements(source),
        hooks,
        capacities: capacities(source),
        files: files.clone(),
        roles: declared.roles,
    })
}

/// Checks what to-dos have that say nothing themselves.
fn todo_defaults(source: &BundleSource, declared: &Declarations, sink: &mut Sink<'_>) {
    let defaults = &source.defaults.todo;
    known_roles(&defaults.reassign.0, declared, sink);
    for word in defaults.mailable.0.iter().filter(|word| word.value != "claim") {
        sink.error_with(
            "unknown_act",
            word.at,
            format!("`{}` cannot be mailable for every to-do", word.value),
            "only `claim` can; name an outcome at its own to-do",
        );
    }
    for reminder in &defaults.remind {
        todo::check_reminder(reminder, "before", declared, sink);
    }
    for reminder in &defaults.escalate {
        todo::check_reminder(reminder, "after", declared, sink);
    }
}

fn identity(source: &BundleSource, sink: &mut Sink<'_>) {
    if source.language.value != LANGUAGE {
        let message = format!("this program reads version {LANGUAGE} of the language");
        sink.error("unknown_language", source.language.at, message);
    }
    if let Some(zone) = &source.timezone
        && zone.value != "Asia/Shanghai"
    {
        sink.error_with(
            "unknown_timezone",
            zone.at,
            format!("`{}` is not supported", zone.value),
            "write `timezone: Asia/Shanghai`",
        );
    }
    let plain = |text: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
    };
    for word in [&source.name, &source.version] {
        if !plain(&word.value) {
            let message = format!(
                "`{}` is no name or version: letters, digits, `-`, `_` and `.`",
                word.value
            );
            sink.error("bad_identifier", word.at, message);
        }
    }
}

fn listed_machines(sources: &Sources, declared: &Declarations, sink: &mut Sink<'_>) {
    for word in &sources.bundle.machines {
        let file = format!("{}.yaml", word.value);
        let present = declared.machines.contains_key(word.value.as_str());
        if !present && !(sources.broken) {
            let message = format!("the machine `{}` has no file {file}", word.value);
            let hint = suggestion(&word.value, declared.machines.keys().map(AsRef::as_ref));
            sink.error_maybe("missing_file", word.at, message, hint);
        }
    }
    known_machine(&sources.bundle.root, declared, sink);
    for (file, machine) in &sources.machines {
        let listed = sources
            .bundle
            .machines
            .iter()
            .any(|word| word.value == machine.machine.value);
        if !listed {
            let mut own = Sink {
                file,
                found: sink.found,
            };
            own.error_with(
                "machine_not_listed",
                machine.machine.at,
                format!("`{}` is not among the bundle's machines", machine.machine.value),
                "add it to `machines` in bundle.yaml",
            );
        }
    }
}

fn documents(
    source: &BundleSource,
    declared: &Declarations,
    sink: &mut Sink<'_>,
) -> BTreeMap<Name, DocumentDefinition> {
    let mut documents = BTreeMap::new();
    for (name, document) in &source.documents {
        if let Some(number) = &document.number
            && let Err(message) = check_number(&number.value)
        {
            sink.error_with(
                "bad_number",
                number.at,
                message,
                "known are `{year}`, `{seq:4}` and `{key}`, such as 告〔{year}〕{seq:4}号",
            );
        }
        let definition = DocumentDefinition {
            title: document.title.clone().unwrap_or_else(|| name.value.clone()),
            number: document.number.as_ref().map(|number| number.value.clone()),
            readers: readers(&document.read, declared, None, sink),
            once: document.once,
        };
        documents.insert(name.value.as_str().into(), definition);
    }
    documents
}

/// `{year}`, `{seq:N}` and `{key}` are the only placeholders.
fn check_number(pattern: &str) -> Result<(), String> {
    let mut rest = pattern;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((inside, next)) = after.split_once('}') else {
            return Err("a `{` is not closed".into());
        };
        let seq = inside.strip_prefix("seq:").and_then(|digits| digits.parse::<u8>().ok());
        if !matches!(inside, "year" | "seq" | "key") && !seq.is_some_and(|digits| (1..=12).contains(&digits)) {
            return Err(format!("`{{{inside}}}` is not a part of a number"));
        }
        rest = next;
    }
    Ok(())
}

fn movements(source: &BundleSource) -> BTreeMap<Name, Movement> {
    source
        .ledger
        .iter()
        .map(|(name, movement)| {
            let movement = Movement {
                title: movement.title.clone().unwrap_or_else(|| name.value.clone()),
                from: movement.from.value.as_str().into(),
                to: movement.to.value.as_str().into(),
            };
            (Name::from(name.value.as_str()), movement)
        })
        .collect()
}

fn capacities(source: &BundleSource) -> BTreeMap<Name, Capacity> {
    let capacities = source.capacities.iter().map(|(name, capacity)| {
        let capacity = Capacity {
            title: capacity.title.clone().unwrap_or_else(|| name.value.clone()),
            limit: capacity.limit.value,
        };
        (Name::from(name.value.as_str()), capacity)
    });
    capacities.collect()
}

fn hook_of(name: &str, hook: &HookSource, declared: &Declarations, sink: &mut Sink<'_>) -> Option<Hook> {
    let machine = known_machine(&hook.machine, declared, sink)?;
    let target = declared.machines.get(&machine)?;
    if target.field(&hook.field.value).is_none() {
        let hint = suggestion(&hook.field.value, target.fields.iter().map(|(name, _)| name.as_ref()));
        let message = format!("`{machine}` has no field `{}`", hook.field.value);
        sink.error_maybe("unknown_field", hook.field.at, message, hint);
    }
    if !target.events.contains_key(hook.event.value.as_str()) {
        let hint = suggestion(&hook.event.value, target.events.keys().map(AsRef::as_ref));
        let message = format!("`{machine}` declares no event `{}`", hook.event.value);
        sink.error_maybe("unknown_event", hook.event.at, message, hint);
    }
    let unmatched = match &hook.unmatched {
        Some(word) => Some(known_machine(word, declared, sink)?),
        None => None,
    };
    let word = |word: &super::super::source::shapes::Word| Name::from(word.value.as_str());
    Some(Hook {
        title: hook.title.clone().unwrap_or_else(|| name.to_owned()),
        service: word(&hook.service),
        machine,
        field: word(&hook.field),
        by: word(&hook.by),
        event: word(&hook.event),
        payer: hook.payer.as_ref().map(word),
        unmatched,
    })
}
