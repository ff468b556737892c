//! What other trades have taken of capacities while a scenario is played. Must not decide whether there is room.

use super::play::time;
use super::reading::{Fault, Spot};
use super::stage::Stage;
use crate::machine::definition::model::Bundle;
use crate::machine::slots::{Booking, Slot, Span, Wanted};

/// Other trades take what `{of: rooms, from: 2026-11-02 09:00, until: 2026-11-02 10:00, times: 3}` says.
pub fn occupy(stage: &mut Stage<'_>, spot: &Spot<'_>) -> Result<(), Fault> {
    spot.only(&["of", "from", "until", "times"])?;
    let of = spot.need("of")?.text()?;
    if !stage.bundle.capacities.contains_key(of.as_str()) {
        return Err(spot.fault(format!("the bundle has no capacity `{of}`")));
    }
    let span = Span {
        from: time(stage, &spot.need("from")?)?,
        until: time(stage, &spot.need("until")?)?,
    };
    let times = spot.get("times").map_or(Ok(1), |times| times.int())?;
    let of = of.as_str().into();
    for _ in 0..times {
        stage.occupied.push(Booking {
            of: Clone::clone(&of),
            span,
        });
    }
    Ok(())
}

/// What a stage tells of a capacity.
pub fn slot(bundle: &Bundle, occupied: &[Booking], wanted: &Wanted) -> Slot {
    let of = &wanted.booking.of;
    let limit = bundle.capacities.get(of).map_or(0, |capacity| capacity.limit);
    let others = occupied.iter().filter(|other| other.of == *of);
    Slot::of(wanted, limit, others.map(|other| other.span))
}
