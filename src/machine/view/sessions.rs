//! What a reader may know of an instance's session. Must not say how full a capacity is.

use super::{Reader, may_read, may_see, shown_states};
use crate::machine::definition::model::Bundle;
use crate::machine::expression::Reference;
use crate::machine::slots::Booking;
use crate::machine::step::Names;
use crate::machine::trade::{Instance, Trade};
use crate::machine::value::{Name, Value};

/// A session as somebody may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub booking: Booking,
    pub title: String,
    /// Titles of the active states.
    pub states: Vec<String>,
}

/// The session of an instance; nothing where it has none, or where the reader may not know that the instance exists.
#[must_use]
pub fn session(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> Option<Session> {
    let booking = instance.session.clone()?;
    if !may_see(bundle, trade, instance, reader) {
        return None;
    }
    let machine = bundle.machines.get(&instance.machine)?;
    let shown = shown_states(bundle, trade, instance, machine, reader);
    let title = title(bundle, trade, instance, reader);
    Some(Session {
        booking,
        title: title.unwrap_or_else(|| machine.title.clone()),
        states: shown.iter().map(|state| state.title.clone()).collect(),
    })
}

/// What the session is called, where the reader may read all that the title reads.
fn title(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> Option<String> {
    let machine = bundle.machines.get(&instance.machine)?;
    let title = &machine.session.as_ref()?.title;
    let readable = |of: Option<&Instance>, name: &Name| {
        let machine = of.and_then(|of| bundle.machines.get(&of.machine));
        let field = machine.and_then(|machine| machine.field(name));
        of.zip(field)
            .is_some_and(|(of, field)| may_read(bundle, trade, of, field, reader))
    };
    let parent = instance.parent.as_ref().and_then(|id| trade.instances.get(id));
    let all = title.references.iter().all(|reference| match reference {
        Reference::Data(name) => readable(Some(instance), name),
        Reference::ParentData(name) => readable(parent.map(AsRef::as_ref), name),
        Reference::RootData(name) => readable(trade.root(), name),
        _ => false,
    });
    let value = title.evaluate(&Names::of(bundle, trade, instance)).ok();
    value
        .filter(|_| all)
        .as_ref()
        .and_then(Value::as_text)
        .map(str::to_owned)
}
