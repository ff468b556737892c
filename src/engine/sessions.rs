//! Tells a decision what other trades have taken of a capacity: as it is stored, and as this batch has left it. Must not decide
//! whether there is room.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::EngineError;
use super::common::Common;
use super::desk::Worked;
use super::loading::load_stored;
use super::projection::booking_row;
use crate::machine::slots::{Slot, Span, Wanted};
use crate::machine::trade::InstanceId;
use crate::machine::{Bundle, Name};
use crate::store::booking_rows::{booking_show, bookings_after, bookings_unknown, capacity_get};
use crate::store::{Connection, StoreError};

/// The versions of capacities on which a batch rests. A booking commits only where its capacity still has this one.
pub(super) type Versions = BTreeMap<Name, i64>;

/// What is asked on behalf of one decision.
pub(super) struct Asking<'a> {
    asked: RefCell<Asked<'a>>,
    bundle: &'a Bundle,
    trade: &'a InstanceId,
    /// What the batch has made of other trades so far.
    desk: &'a BTreeMap<InstanceId, Worked>,
}

struct Asked<'a> {
    conn: &'a mut Connection,
    versions: &'a mut Versions,
    failed: Option<StoreError>,
}

impl<'a> Asking<'a> {
    pub fn new(
        conn: &'a mut Connection,
        versions: &'a mut Versions,
        (bundle, trade): (&'a Bundle, &'a InstanceId),
        desk: &'a BTreeMap<InstanceId, Worked>,
    ) -> Self {
        let asked = Asked {
            conn,
            versions,
            failed: None,
        };
        Self {
            asked: RefCell::new(asked),
            bundle,
            trade,
            desk,
        }
    }

    /// How a capacity is taken. Nothing where the store fails: `check` tells, and the decision is thrown away.
    pub fn slot(&self, wanted: &Wanted) -> Option<Slot> {
        let asked = &mut *self.asked.borrow_mut();
        match self.look(asked, wanted) {
            Ok(slot) => Some(slot),
            Err(error) => {
                asked.failed = Some(error);
                None
            }
        }
    }

    /// # Errors
    /// Why the store did not answer.
    pub fn check(self) -> Result<(), StoreError> {
        self.asked.into_inner().failed.map_or(Ok(()), Err)
    }

    fn look(&self, asked: &mut Asked<'_>, wanted: &Wanted) -> Result<Slot, StoreError> {
        let of = &wanted.booking.of;
        // The version is read before the bookings: one that is added in between makes the version too old, never too new.
        let capacity = capacity_get(asked.conn, of)?;
        let version = capacity.as_ref().map_or(0, |capacity| capacity.version);
        if *asked.versions.entry(of.clone()).or_insert(version) != version {
            return Err(StoreError::Conflict);
        }
        let own = self.bundle.capacities.get(of).map_or(0, |of| of.limit);
        let set = capacity.and_then(|capacity| u32::try_from(capacity.ceiling?).ok());
        let stored = bookings_after(asked.conn, of, wanted.booking.span.from)?;
        let stored = stored
            .iter()
            .filter(|row| *row.trade != **self.trade && !self.desk.contains_key(row.trade.as_str()))
            .map(|row| row.span());
        let others: Vec<Span> = stored.chain(self.on_desk(of)).collect();
        Ok(Slot::of(wanted, set.unwrap_or(own), others))
    }

    /// What the other trades of this batch have taken by now; the store may not know of it yet.
    fn on_desk(&self, of: &Name) -> impl Iterator<Item = Span> {
        let others = self.desk.iter().filter(|(id, _)| *id != self.trade);
        let instances = others.flat_map(|(_, worked)| worked.trade.instances.values());
        instances
            .filter_map(|instance| instance.session.as_ref())
            .filter(move |booking| booking.of == *of)
            .map(|booking| booking.span)
    }
}

/// Works out what everybody may know of bookings that were stored before this was kept with them.
///
/// # Errors
/// A failing store. A trade that cannot be read keeps its sessions out of the calendar until it moves.
pub(super) fn announce(common: &Common, conn: &mut Connection) -> Result<(), StoreError> {
    for row in bookings_unknown(conn)? {
        let held = match load_stored(common, conn, &row.trade.as_str().into()) {
            Ok(held) => held,
            Err(EngineError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::warn!(instance.id = %row.instance, %error, "a session is not in the calendar");
                continue;
            }
        };
        let instance = held
            .as_ref()
            .and_then(|held| held.trade.instances.get(row.instance.as_str()));
        if let Some((held, instance)) = held.as_ref().zip(instance)
            && let Some(known) = booking_row(&held.bundle, &held.trade, instance)?
        {
            booking_show(conn, &known.instance, known.shown.as_deref())?;
        }
    }
    Ok(())
}
