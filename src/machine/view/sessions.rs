//! What everybody may know of an instance's session. Must not say how full a capacity is.

use serde::{Deserialize, Serialize};

use super::{Reader, may_read, may_see, shown_states};
use crate::machine::definition::model::Bundle;
use crate::machine::expression::Reference;
use crate::machine::step::{Actor, Names};
use crate::machine::trade::{Instance, Trade};
use crate::machine::value::{Name, Value};

/// What everybody may know of a session, besides when it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    pub title: String,
    /// Titles of the active states.
    pub states: Vec<String>,
    /// It can be followed live.
    pub live: bool,
}

/// What everybody may know of an instance's session; nothing where they may not know that the instance exists.
#[must_use]
pub fn announced(bundle: &Bundle, trade: &Trade, instance: &Instance) -> Option<Announced> {
    let nobody = Actor::default();
    let reader = Reader::Actor(&nobody);
    if !may_see(bundle, trade, instance, reader) {
        return None;
    }
    let machine = bundle.machines.get(&instance.machine)?;
    let shown = shown_states(bundle, trade, instance, machine, reader);
    let title = title(bundle, trade, instance, reader);
    Some(Announced {
        title: title.unwrap_or_else(|| machine.title.clone()),
        states: shown.iter().map(|state| state.title.clone()).collect(),
        live: machine.publishes(),
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
