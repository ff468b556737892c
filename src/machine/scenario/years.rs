//! A calendar year that is published while a scenario is played. Must not count days.

use super::reading::{Fault, Spot};
use super::stage::{Stage, system};
use crate::machine::step::Cause;

/// The State Council's notice for a year arrives: `{year: 2027, off: [2027-01-01 to 2027-01-03], work: []}`.
pub fn publish(stage: &mut Stage<'_>, spot: &Spot<'_>) -> Result<(), Fault> {
    spot.only(&["year", "off", "work"])?;
    let days = |key: &str| -> Result<String, Fault> {
        let days = spot.get(key).map(|days| days.items()).transpose()?.unwrap_or_default();
        let texts = days.iter().map(Spot::text).collect::<Result<Vec<_>, _>>()?;
        Ok(texts.join(", "))
    };
    let text = format!(
        "calendar: {}\nyear: {}\nsource: scenario\noff: [{}]\nwork: [{}]\n",
        stage.bundle.calendar,
        spot.need("year")?.int()?,
        days("off")?,
        days("work")?
    );
    stage
        .calendars
        .publish(&text)
        .map_err(|error| spot.fault(format!("failed to {error}")))?;
    let root = stage.instance(None).map_err(|message| spot.fault(message))?.id.clone();
    let answer = stage.offer(system(), root, Cause::Calendar, None);
    answer.map(|_| ()).map_err(|message| spot.fault(message))
}
