//! To-dos: who, what form, until when, which outcomes. Must not know how they are shown.

use std::collections::{BTreeMap, BTreeSet};

use super::super::diagnostic::suggestion;
use super::super::model::{Page, Relation, Reminder, Schedule, Sealing, TodoDefinition};
use super::super::source::bundle::ReminderSource;
use super::super::source::shapes::{Located, Scalar, Word};
use super::super::source::state::{DueSource, TodoSource, TransitionsSource};
use super::machine::Compiler;
use super::readers;
use super::scope::Event;
use super::skeleton::Skeleton;
use crate::machine::expression::Kind;
use crate::machine::value::Name;

/// What a person may do with a to-do beside completing it.
const ACTS: [&str; 3] = ["claim", "release", "transfer"];

impl Compiler<'_> {
    /// Compiles a state's to-do; what it leaves unsaid comes from the bundle's defaults.
    pub fn todo(&mut self, skeleton: &Skeleton, source: &Located<TodoSource>) -> TodoDefinition {
        let defaults = &self.declared.todo_defaults;
        let title = source.title.clone().or_else(|| skeleton.source.title.clone());
        let mail = source.mail.clone().or_else(|| defaults.mail.clone());
        let (remind, escalate) = (
            source.remind.clone().unwrap_or_else(|| defaults.remind.clone()),
            source.escalate.clone().unwrap_or_else(|| defaults.escalate.clone()),
        );
        let acts = source.act.clone().or_else(|| defaults.act.clone());
        let mail = match mail {
            Some(mail) => self.default_mail(source, &mail),
            None => {
                self.sink.error_with(
                    "todo_without_mail",
                    source.at,
                    "nobody is told of this to-do",
                    "add `mail: …` here, or once in bundle.yaml under `defaults: {todo: {mail: …}}`",
                );
                "".into()
            }
        };
        TodoDefinition {
            name: skeleton.name.clone(),
            title: title.unwrap_or_else(|| skeleton.name.to_string()),
            roles: readers::known_roles(&source.roles.0, self.declared, &mut self.sink),
            pages: self.pages(source),
            show: self.fields(&source.show.0),
            sign: source.sign.as_ref().map(|document| self.document(document)),
            seal: self.sealing(source),
            cross_page: source.cross_page,
            due: source.due.as_ref().and_then(|due| self.due(due)),
            outcomes: source
                .outcomes
                .names()
                .filter(|name| *name != "overdue")
                .map(Name::from)
                .collect(),
            titles: self.titles(source),
            legal_due: source.outcomes.get("overdue").is_some(),
            all: self.completion(source),
            not_by: source
                .not_by
                .0
                .iter()
                .filter_map(|word| self.done_before(skeleton, word))
                .collect(),
            acts: self.acts(acts),
            reassign: self.reassign(source),
            mailable: self.mailable(source),
            mail,
            remind: remind.iter().filter_map(|reminder| self.reminder(reminder)).collect(),
            escalate: escalate.iter().filter_map(|reminder| self.reminder(reminder)).collect(),
        }
    }

    /// A mail written at the to-do is checked there; the bundle's own default was checked once.
    fn default_mail(&mut self, source: &Located<TodoSource>, mail: &Word) -> Name {
        if source.mail.is_some() {
            return self.mail(mail);
        }
        mail.value.as_str().into()
    }

    fn pages(&mut self, source: &Located<TodoSource>) -> Vec<Page> {
        let mut pages = Vec::new();
        if !source.form.0.is_empty() {
            pages.push(Page {
                title: String::new(),
                fields: self.form(&source.form.0),
                condition: None,
            });
        }
        for page in &source.pages {
            pages.push(Page {
                title: page.title.clone().unwrap_or_default(),
                fields: self.form(&page.form.0),
                condition: page
                    .condition
                    .as_ref()
                    .and_then(|condition| self.expression(condition, &Event::None, &Kind::Bool)),
            });
        }
        pages
    }

    /// Fields to fill in; computed ones cannot be.
    fn form(&mut self, words: &[Word]) -> Vec<Name> {
        for word in words {
            let field = self.outline.machine.data.get(&word.value);
            if field.is_some_and(|field| field.computed.is_some()) {
                self.sink.error_with(
                    "computed_assigned",
                    word.at,
                    format!("`{}` is computed and cannot be filled in", word.value),
                    "show it instead: `show: […]`",
                );
            }
        }
        self.fields(words)
    }

    /// What the guards and actions of an outcome may read as `event.…`: the form's fields.
    pub fn outcome_event(&self, todo: &TodoSource, outcome: &str, transitions: &TransitionsSource) -> Event {
        if outcome == "overdue" {
            return super::events::timer();
        }
        let pages = todo.pages.iter().flat_map(|page| &page.form.0);
        let own = transitions.0.iter().flat_map(|transition| &transition.form.0);
        let mut carried: Vec<(Name, Kind)> = Vec::new();
        for word in todo.form.0.iter().chain(pages).chain(own) {
            if let Some(kind) = self.own.field(&word.value)
                && carried.iter().all(|(name, _)| **name != *word.value)
            {
                carried.push((word.value.as_str().into(), kind.clone()));
            }
        }
        if todo.sign.is_some() {
            carried.push(("digest".into(), Kind::Text));
        }
        Event::Known(carried)
    }

    fn due(&mut self, due: &DueSource) -> Option<Schedule> {
        match due {
            DueSource::After(word) => {
                let scalar = Located {
                    at: word.at,
                    value: Scalar(word.value.clone()),
                };
                self.after(&scalar, &Event::None)
            }
            DueSource::Until(until) => self.expression(until, &Event::None, &Kind::Time).map(Schedule::Until),
        }
    }

    fn completion(&mut self, source: &TodoSource) -> bool {
        match source.completion.as_ref().map(|word| (word.value.as_str(), word.at)) {
            None | Some(("any", _)) => false,
            Some(("all", _)) => true,
            Some((other, at)) => {
                self.sink.error(
                    "wrong_value",
                    at,
                    format!("`completion` is `any` or `all`, not `{other}`"),
                );
                false
            }
        }
    }

    fn sealing(&mut self, source: &TodoSource) -> Sealing {
        let Some(word) = &source.seal else {
            return Sealing::Digest;
        };
        if source.sign.is_none() {
            self.sink.error_with(
                "key_misplaced",
                word.at,
                "`seal` says how a document is signed, and none is",
                "name it: `sign: …`",
            );
        }
        match word.value.as_str() {
            "digest" => Sealing::Digest,
            "required" => Sealing::Required,
            other => {
                let message = format!("`seal` is `digest` or `required`, not `{other}`");
                self.sink.error("wrong_value", word.at, message);
                Sealing::Digest
            }
        }
    }

    /// What somebody did before who may not do this too: another to-do, or an event that they sent.
    fn done_before(&mut self, skeleton: &Skeleton, word: &Word) -> Option<Name> {
        if self.own.events.contains_key(word.value.as_str()) {
            return Some(word.value.as_str().into());
        }
        self.state_with_todo(skeleton, word)
    }

    fn state_with_todo(&mut self, skeleton: &Skeleton, word: &Word) -> Option<Name> {
        let found = self
            .outline
            .resolve_anywhere(skeleton.index, &word.value)
            .and_then(|index| self.outline.states.get(index));
        match found {
            Some(state) if state.source.todo.is_some() => Some(state.path.clone()),
            Some(_) => {
                self.sink.error(
                    "unknown_todo",
                    word.at,
                    format!("the state `{}` has no to-do", word.value),
                );
                None
            }
            None => {
                let with_todo = self.outline.states.iter().filter(|state| state.source.todo.is_some());
                let hint = suggestion(&word.value, with_todo.map(|state| state.name.as_ref()));
                let message = format!("there is no state `{}`, or more than one", word.value);
                self.sink.error_maybe("unknown_todo", word.at, message, hint);
                None
            }
        }
    }

    fn acts(&mut self, words: Option<Vec<Word>>) -> BTreeSet<Name> {
        let Some(words) = words else {
            return ACTS.iter().map(|act| Name::from(*act)).collect();
        };
        let mut acts = BTreeSet::new();
        for word in words {
            if ACTS.contains(&word.value.as_str()) {
                acts.insert(word.value.as_str().into());
            } else {
                let hint = suggestion(&word.value, ACTS);
                self.sink
                    .error_maybe("unknown_act", word.at, format!("`{}` is not an act", word.value), hint);
            }
        }
        acts
    }

    /// The bundle's default was checked once, where it stands; it is for those who share work.
    fn reassign(&mut self, source: &TodoSource) -> Vec<Name> {
        match &source.reassign {
            Some(own) => readers::known_roles(&own.0, self.declared, &mut self.sink),
            None if !self.is_shared(source) => Vec::new(),
            None => {
                let words = self.declared.todo_defaults.reassign.0.iter();
                words.map(|word| word.value.as_str().into()).collect()
            }
        }
    }

    fn mailable(&mut self, source: &TodoSource) -> BTreeSet<Name> {
        let Some(words) = &source.mailable else {
            return self.mailable_by_default(source);
        };
        let mut mailable = BTreeSet::new();
        for word in &words.0 {
            if word.value == "claim" || source.outcomes.get(&word.value).is_some() {
                mailable.insert(word.value.as_str().into());
            } else {
                let hint = suggestion(&word.value, source.outcomes.names().chain(["claim"]));
                let message = format!("`{}` is neither `claim` nor an outcome", word.value);
                self.sink.error_maybe("unknown_act", word.at, message, hint);
            }
        }
        mailable
    }

    /// True where people with posts share the to-do; a party's is its own.
    fn is_shared(&self, source: &TodoSource) -> bool {
        source.roles.0.iter().any(|word| {
            let role = self.declared.roles.get(word.value.as_str());
            role.is_some_and(|role| matches!(role.relation, Relation::PostAt { .. } | Relation::PostAtCentre { .. }))
        })
    }

    /// The bundle's default is for those who share work: a party has nothing to claim, and a seal is never near a mail's link.
    fn mailable_by_default(&self, source: &TodoSource) -> BTreeSet<Name> {
        let defaults = &self.declared.todo_defaults;
        let acts = source.act.as_ref().or(defaults.act.as_ref());
        let claimable = acts.is_none_or(|acts| acts.iter().any(|act| act.value == "claim"));
        if source.sign.is_some() || !claimable || !self.is_shared(source) {
            return BTreeSet::new();
        }
        let words = defaults.mailable.0.iter();
        words.map(|word| word.value.as_str().into()).collect()
    }

    /// What people see of each outcome: the title of its first transition that has one, else the bundle's for that name.
    fn titles(&self, source: &TodoSource) -> BTreeMap<Name, String> {
        let defaults = &self.declared.todo_defaults.titles;
        let title = |(name, transitions): &(Word, TransitionsSource)| {
            let own = transitions.0.iter().find_map(|transition| transition.title.clone());
            let title = own.or_else(|| defaults.get(&name.value).cloned())?;
            Some((name.value.as_str().into(), title))
        };
        source.outcomes.iter().filter_map(title).collect()
    }

    fn reminder(&mut self, source: &Located<ReminderSource>) -> Option<Reminder> {
        let word = source.before.as_ref().or(source.after.as_ref())?;
        Some(Reminder {
            period: word.value.parse().ok()?,
            mail: source.mail.value.as_str().into(),
            also_to: source.also_to.0.iter().map(|role| role.value.as_str().into()).collect(),
        })
    }
}

/// Reports what is wrong with a reminder where it is written; `todo` then takes what is right.
pub fn check_reminder(
    source: &Located<ReminderSource>,
    word: &'static str,
    declared: &super::Declarations,
    sink: &mut super::super::diagnostic::Sink<'_>,
) {
    let given = if word == "before" {
        &source.before
    } else {
        &source.after
    };
    match given {
        None => {
            let example = if word == "before" {
                "{before: 1 workday, mail: todo_soon}"
            } else {
                "{after: 1 workday, mail: todo_late}"
            };
            sink.error_with(
                "missing_key",
                source.at,
                format!("`{word}` is missing here"),
                format!("for example `{example}`"),
            );
        }
        Some(period) => {
            if period.value.parse::<crate::machine::period::Period>().is_err() {
                sink.error_with(
                    "not_a_period",
                    period.at,
                    format!("`{}` is not a length of time", period.value),
                    "write `1 workday` or `4 hours`",
                );
            }
        }
    }
    if declared.has_templates && !declared.mails.contains(&source.mail.value) {
        let hint = suggestion(&source.mail.value, declared.mails.iter().map(String::as_str));
        sink.error_maybe(
            "mail_without_template",
            source.mail.at,
            format!("there is no mail `{}`", source.mail.value),
            hint,
        );
    }
    readers::known_roles(&source.also_to.0, declared, sink);
}
