//! What is kept from those who run the platform, and from every list: that there is an instance, or how many there are, may tell
//! who takes part. Must not open anything: the definition does.

use super::{Reader, has_been, is_owner, may_see, parent_of};
use crate::machine::definition::model::{Bundle, Machine, When};
use crate::machine::trade::{Instance, Trade};

/// True where a list may tell the reader of the instance. What a party does by itself, such as practice, stands in no list but its own,
/// also where everybody who was given the address may watch: how many there are tells how many mean to take part.
#[must_use]
pub fn may_list(bundle: &Bundle, trade: &Trade, instance: &Instance, reader: Reader<'_>) -> bool {
    let is_mine = || is_owner(instance, reader) || trade.root().is_some_and(|root| is_owner(root, reader));
    may_see(bundle, trade, instance, reader) && (!is_own_affair(bundle, trade) || is_mine())
}

/// True once the trade has ended: who runs the platform may then read all of it but what nobody may. What a party does by itself is
/// never over in this sense.
#[must_use]
pub fn is_over(bundle: &Bundle, trade: &Trade) -> bool {
    trade.root().is_some_and(|root| root.done) && !is_own_affair(bundle, trade)
}

/// True for what a party has begun beside the trades that the bundle is for.
fn is_own_affair(bundle: &Bundle, trade: &Trade) -> bool {
    trade
        .root()
        .is_some_and(|root| root.owner.is_some() && root.machine != bundle.root)
}

/// True while who runs the platform may not know of an instance: that there is one, or how many there are, tells who takes part. Held
/// back is what a party has started, until every tag of another machine has come with which the definition opens it, or the
/// trade is over; and what lies below.
pub(super) fn is_held_back(bundle: &Bundle, trade: &Trade, instance: &Instance) -> bool {
    let opened = |machine: &Machine| {
        let whens = machine.visible.roles.values();
        let tags = whens.flat_map(|when| match when {
            When::Always => &[][..],
            When::Tagged(tags) => tags.as_slice(),
        });
        let mut others = tags.filter(|(machine, _)| machine.is_some()).peekable();
        others.peek().is_some() && others.all(|named| has_been(bundle, trade, instance, named))
    };
    let is_kept =
        |instance: &Instance| instance.owner.is_some() && !bundle.machines.get(&instance.machine).is_some_and(opened);
    !is_over(bundle, trade)
        && (is_kept(instance) || parent_of(trade, instance).is_some_and(|above| is_held_back(bundle, trade, above)))
}
