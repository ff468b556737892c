//! What people do with an open to-do: claim it, release it, hand it on, complete it. Must not open or close any by itself,
//! but for one that an outcome completes without leaving its state.

use super::accept::offer;
use super::event::{Event, Origin, Stop};
use super::forms;
use super::freeze;
use super::refusals::refusal;
use super::todos::legal_timer;
use super::types::{Act, Fault, Refusal, Sealed};
use super::work::Work;
use crate::machine::definition::model::{Machine, Sealing, TodoDefinition};
use crate::machine::roles;
use crate::machine::trade::{Instance, InstanceId, Todo, TodoId};
use crate::machine::value::{Map, Name, Value};

/// One person's act on one to-do.
struct Acting<'w, 'a> {
    work: &'w mut Work<'a>,
    machine: &'a Machine,
    definition: &'a TodoDefinition,
    todo: Todo,
    id: InstanceId,
    /// The role under which the person acts.
    role: Name,
}

/// Claims, releases, hands on or completes a to-do.
pub(super) fn act(work: &mut Work<'_>, id: &InstanceId, todo: &TodoId, act: &Act) -> Result<Option<Name>, Stop> {
    let refused = |work: &Work<'_>, code: &str| Stop::Refused(refusal(work.bundle, code));
    let Ok(instance) = work.instance(id) else {
        return Err(refused(work, "unknown_instance"));
    };
    let Some(todo) = instance.todos.get(todo).cloned() else {
        return Err(refused(work, "todo_closed"));
    };
    let machine = work.machine(id)?;
    let Some(definition) = machine.state_at(&todo.state).and_then(|state| state.todo.as_ref()) else {
        return Err(refused(work, "todo_closed"));
    };
    let actor = &work.context.actor;
    if reassigns(work, instance, definition, &todo, act) {
        return reassign(work, id, &todo, act).map(|()| None);
    }
    let held = |role: &&Name| roles::holds(work.bundle, &work.trade, instance, role, actor);
    // Where every role must answer, the person answers for one that has not yet.
    let unanswered = definition
        .roles
        .iter()
        .filter(|role| !todo.answers.contains_key(*role))
        .find(held);
    let Some(role) = unanswered.or_else(|| definition.roles.iter().find(held)).cloned() else {
        return Err(refused(work, "forbidden"));
    };
    let same = definition
        .not_by
        .iter()
        .any(|path| instance.acted.get(path) == Some(&actor.account));
    if same {
        return Err(refused(work, "same_person"));
    }
    let acting = Acting {
        id: id.clone(),
        work,
        machine,
        definition,
        todo,
        role,
    };
    match act {
        Act::Claim => acting.claim(),
        Act::Release => acting.release(),
        Act::Transfer { to } => acting.transfer(to),
        Act::Complete {
            outcome,
            payload,
            sealed,
        } => acting.complete(outcome, payload, sealed.as_deref()),
    }?;
    Ok(None)
}

/// True where the actor releases or hands on what somebody else has claimed, and the workflow lets their role do so: the claimer
/// may be ill, or have left, and the work has its deadline.
fn reassigns(work: &Work<'_>, instance: &Instance, definition: &TodoDefinition, todo: &Todo, act: &Act) -> bool {
    let actor = &work.context.actor;
    let gives = matches!(act, Act::Release | Act::Transfer { .. });
    let by_another = todo.claimed_by.as_ref().is_some_and(|holder| *holder != actor.account);
    let mut roles = definition.reassign.iter();
    gives && by_another && roles.any(|role| roles::holds(work.bundle, &work.trade, instance, role, actor))
}

fn reassign(work: &mut Work<'_>, id: &InstanceId, todo: &Todo, act: &Act) -> Result<(), Stop> {
    let to = match act {
        Act::Transfer { to } => Some(to.clone()),
        _ => None,
    };
    if let Some(todo) = work.change(id)?.todos.get_mut(&todo.id) {
        todo.claimed_by = to;
    }
    Ok(())
}

impl Acting<'_, '_> {
    fn refused(&self, code: &str) -> Stop {
        Stop::Refused(refusal(self.work.bundle, code))
    }

    /// Refuses where somebody else has claimed the to-do.
    fn ensure_free(&self) -> Result<(), Stop> {
        let account = &self.work.context.actor.account;
        match &self.todo.claimed_by {
            Some(other) if other != account => Err(self.refused("todo_claimed")),
            _ => Ok(()),
        }
    }

    fn ensure_allowed(&self, act: &str) -> Result<(), Stop> {
        if self.definition.acts.contains(act) {
            Ok(())
        } else {
            Err(self.refused("forbidden"))
        }
    }

    fn give_to(self, account: Option<Name>) -> Result<(), Stop> {
        if let Some(todo) = self.work.change(&self.id)?.todos.get_mut(&self.todo.id) {
            todo.claimed_by = account;
        }
        Ok(())
    }

    fn claim(self) -> Result<(), Stop> {
        self.ensure_allowed("claim")?;
        self.ensure_free()?;
        let account = self.work.context.actor.account.clone();
        if self.todo.claimed_by.as_ref() == Some(&account) {
            return Err(Stop::Repeated);
        }
        self.give_to(Some(account))
    }

    fn release(self) -> Result<(), Stop> {
        self.ensure_free()?;
        if self.todo.claimed_by.is_none() {
            return Err(Stop::Repeated);
        }
        self.give_to(None)
    }

    fn transfer(self, to: &Name) -> Result<(), Stop> {
        self.ensure_allowed("transfer")?;
        self.ensure_free()?;
        self.give_to(Some(to.clone()))
    }

    fn complete(mut self, outcome: &Name, payload: &Map, sealed: Option<&Sealed>) -> Result<(), Stop> {
        self.ensure_free()?;
        // `overdue` is the deadline's to say, not a person's.
        if !self.definition.outcomes.contains(outcome) || &**outcome == "overdue" {
            return Err(self.refused("unknown_event"));
        }
        let event = self.event(outcome);
        if self.todo.frozen && !freeze::is_let_through(self.work, &self.id, &event)? {
            return Err(self.refused("suspended"));
        }
        let data = self.check_form(&event, outcome, payload).map_err(Stop::Refused)?;
        self.check_signature(outcome, payload, sealed).map_err(Stop::Refused)?;
        let complete = self.answer(outcome)?;
        self.note_actor(outcome, sealed)?;
        if complete {
            self.raise(event, data)?;
        } else {
            self.work.change(&self.id)?.data.extend(data);
        }
        Ok(())
    }

    fn event(&self, outcome: &str) -> Name {
        format!("todo.{}.{outcome}", self.definition.name).into()
    }

    /// The fields a person fills in: those of the to-do's pages, and those that a transition of the outcome asks for.
    fn check_form(&self, event: &str, outcome: &Name, payload: &Map) -> Result<Map, Refusal> {
        let mut fields = forms::page_fields(self.work, &self.id, self.definition, payload);
        // The first outcome is the one that hands the form in; leaving by another does not ask for it.
        let hands_in = self.definition.outcomes.first() == Some(outcome);
        let required = if hands_in { fields.clone() } else { Vec::new() };
        fields.extend(forms::asked_for(self.machine, &self.todo.state, event));
        let mut payload = payload.clone();
        if self.definition.sign.is_some() {
            payload.remove("digest");
        }
        let form = forms::Form {
            machine: self.machine,
            fields: &fields,
            required: &required,
        };
        form.check(self.work, &self.id, &payload)
    }

    /// Where a document is signed, the person names the digest of what they saw, or has sealed that very file.
    fn check_signature(&self, outcome: &str, payload: &Map, sealed: Option<&Sealed>) -> Result<(), Refusal> {
        let refused = |code: &str| Err(refusal(self.work.bundle, code));
        let Some(document) = self.definition.sign.as_ref().filter(|_| outcome == "signed") else {
            return if sealed.is_some() {
                refused("digest_mismatch")
            } else {
                Ok(())
            };
        };
        let current = self.work.instance(&self.id).ok();
        let current = current.and_then(|instance| instance.documents.get(document)?.sha256.as_deref());
        let seen = match sealed {
            Some(sealed) if sealed.document != *document => return refused("digest_mismatch"),
            Some(sealed) => Some(&*sealed.base),
            None if self.definition.seal == Sealing::Required => return refused("seal_required"),
            None => payload.get("digest").and_then(Value::as_text),
        };
        if current.is_some() && current == seen {
            Ok(())
        } else {
            refused("digest_mismatch")
        }
    }

    /// Keeps the role's answer; true once the outcome can be raised. Where all must answer, the first declared outcome
    /// needs everybody, and any other is raised at once, because agreement can no longer come.
    fn answer(&mut self, outcome: &Name) -> Result<bool, Stop> {
        if !self.definition.all {
            return Ok(true);
        }
        if self.todo.answers.contains_key(&self.role) {
            return Err(Stop::Repeated);
        }
        let (role, agreeing) = (self.role.clone(), self.definition.outcomes.first() == Some(outcome));
        self.todo.answers.insert(role, outcome.clone());
        let todo = self.todo.clone();
        self.work.change(&self.id)?.todos.insert(todo.id.clone(), todo);
        let everybody = self
            .definition
            .roles
            .iter()
            .all(|role| self.todo.answers.contains_key(role));
        Ok(!agreeing || everybody)
    }

    /// Keeps who acted, who signed, and that the file with the seal is now the document.
    fn note_actor(&mut self, outcome: &str, sealed: Option<&Sealed>) -> Result<(), Fault> {
        let account = self.work.context.actor.account.clone();
        let instance = self.work.change(&self.id)?;
        instance.acted.insert(self.todo.state.clone(), account);
        let signed = self.definition.sign.as_ref().filter(|_| outcome == "signed");
        if let Some(document) = signed.and_then(|name| instance.documents.get_mut(name)) {
            document.signed_by.push(self.role.clone());
            if let Some(sealed) = sealed {
                let base = document.sha256.replace(sealed.sha256.clone());
                document.earlier.extend(base);
            }
        }
        Ok(())
    }

    /// What a guard reads as `event.x`: what was filled in now, and for the form's other fields what was known before.
    fn with_known(&self, event: &str, given: Map) -> Result<Map, Fault> {
        let data = &self.work.instance(&self.id)?.data;
        let pages = self
            .definition
            .pages
            .iter()
            .flat_map(|page| page.fields.iter().cloned());
        let fields = pages.chain(forms::asked_for(self.machine, &self.todo.state, event));
        let mut all: Map = fields
            .filter_map(|field| Some((field.clone(), data.get(&field)?.clone())))
            .collect();
        all.extend(given);
        Ok(all)
    }

    /// Offers the outcome to the machine. A to-do that is done is closed even where its state stays.
    fn raise(self, name: Name, data: Map) -> Result<(), Stop> {
        let event = Event {
            form: data.keys().cloned().collect(),
            sender: None,
            origin: Origin::Outside,
            data: self.with_known(&name, data)?,
            name,
        };
        offer(self.work, &self.id, event, None)?;
        if let Some(done) = self
            .work
            .instance(&self.id)?
            .todos
            .get(&self.todo.id)
            .map(|todo| todo.id.clone())
        {
            let timer = legal_timer(self.definition);
            let instance = self.work.change(&self.id)?;
            instance.todos.remove(&done);
            if let Some(ended) = instance.timers.remove(&timer) {
                instance.generations.insert(timer, ended.generation);
            }
        }
        Ok(())
    }
}
