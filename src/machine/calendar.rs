//! Working days by the State Council's notices. Data comes in from `workflows/calendars/`; must not read files or clocks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Time;
use super::period::Period;
use super::value::Name;

/// Calendars by name, as handed to the step.
#[derive(Clone, Debug, Default)]
pub struct Calendars(pub BTreeMap<Name, Calendar>);

/// One calendar with the years published so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Calendar {
    pub name: String,
    /// Raised at each import; kept in history entries.
    pub version: u32,
    pub years: BTreeMap<i32, Year>,
}

/// The exceptions of one year to Monday–Friday.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Year {
    /// The notice it comes from.
    pub source: String,
    pub off: BTreeSet<NaiveDate>,
    pub work: BTreeSet<NaiveDate>,
}

/// A computed deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    pub due: Time,
    /// Rests on a year that is not published; counted by weekends only and must not fire.
    pub provisional: bool,
}

impl Calendar {
    /// `period` counted from `start`; working days keep the clock time of `start` in the zone given.
    pub fn deadline(&self, _start: Time, _period: Period, _utc_offset_millis: i64) -> Deadline {
        unreachable!("written by the calendar's owner")
    }
}
