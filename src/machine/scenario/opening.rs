//! The step that opens the trade, or is refused with a code. Must not play any other.

use super::literal;
use super::play::{accepted, moment, refused, time};
use super::reading::{Fault, Spot};
use super::source::Scenario;
use super::stage::{Stage, system};
use crate::machine::step::Cause;
use crate::machine::trade::InstanceId;
use crate::machine::value::{Map, Name};

/// Opens the trade with the scenario's data, or as a machine of its own with the step's.
pub fn start(stage: &mut Stage<'_>, scenario: &Scenario, spot: &Spot<'_>) -> Result<(), Fault> {
    let full = spot.is_map();
    if full {
        spot.only(&["at", "machine", "data", "as", "code", "tell"])?;
    }
    let when = if full { spot.need("at")? } else { spot.clone() };
    stage.now = time(stage, &when)?;
    let other = spot.get("machine").map(|name| name.text()).transpose()?;
    let name = other.as_deref().unwrap_or(&stage.bundle.root);
    let machine = stage
        .bundle
        .machines
        .get(name)
        .ok_or_else(|| spot.fault(format!("the bundle has no machine `{name}`")))?;
    let mut data = Map::new();
    if other.is_none() {
        for datum in &scenario.data {
            let value = literal::field(machine, &datum.field, &datum.spot(), moment(stage))?;
            if !value.is_null() {
                data.insert(datum.field.as_str().into(), value);
            }
        }
    }
    if let Some(own) = spot.get("data") {
        data.extend(literal::machine_data(machine, &own, moment(stage))?);
    }
    let actor = match spot.get("as") {
        Some(name) => stage
            .actor(&name.text()?, &data)
            .map_err(|message| name.fault(message))?,
        None => system(),
    };
    let cause = Cause::Start {
        machine: other.map(Name::from),
        data,
    };
    let id: InstanceId = format!("T{:0>25}", stage.decisions).into();
    let answer = stage
        .offer(actor, id, cause, None)
        .map_err(|message| spot.fault(message))?;
    match spot.get("code") {
        Some(_) => refused(stage, spot, &answer),
        None => accepted(spot, &answer),
    }
}
