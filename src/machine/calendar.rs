//! Working days by the State Council's notices. Data comes in from `workflows/calendars/`; must not read files or clocks.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use super::Time;
use super::period::Period;
use super::value::Name;

/// Calendars by name, as handed to the step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendars(pub BTreeMap<Name, Calendar>);

/// One calendar with the years published so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Raised at each publication; kept in history entries, so that a replay counts with what was known then.
    pub version: u32,
    /// Every publication of a year, oldest first: a notice may be amended within its year.
    pub years: BTreeMap<i32, Vec<Year>>,
}

/// The exceptions of one year to Monday–Friday.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Year {
    /// The notice it comes from.
    pub source: String,
    /// The calendar's version from which it counts.
    pub since: u32,
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

/// A year as it stands in a file below `workflows/calendars/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct YearFile {
    calendar: String,
    year: i32,
    source: String,
    off: Vec<String>,
    work: Vec<String>,
}

/// Why a calendar file is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CalendarError {
    #[error("read the calendar file: {0}")]
    Syntax(String),
    #[error("read `{0}` as a day such as 2026-01-04, or as days such as 2026-02-15 to 2026-02-23")]
    Day(String),
    #[error("use {0}: it lies outside the file's year")]
    OtherYear(NaiveDate),
    #[error("use {0}: it is both off and worked")]
    Both(NaiveDate),
    #[error("use {0}: the rule of Monday to Friday says so already, which is a sign of a mistyped date")]
    NoException(NaiveDate),
}

impl Calendars {
    /// Publishes one year from a file's text and returns the calendar's name and new version.
    /// A year that is published already with the same days changes nothing.
    ///
    /// # Errors
    /// The text is not a calendar year, or its days contradict each other.
    pub fn publish(&mut self, text: &str) -> Result<(Name, u32), CalendarError> {
        let file: YearFile = serde_yaml::from_str(text).map_err(|error| CalendarError::Syntax(error.to_string()))?;
        let (number, name) = (file.year, Name::from(file.calendar.as_str()));
        let year = file.read()?;
        let calendar = self.0.entry(name.clone()).or_default();
        Ok((name, calendar.publish(number, year)))
    }
}

impl Calendar {
    /// Publishes or amends a year and returns the calendar's version afterwards.
    pub fn publish(&mut self, number: i32, year: Year) -> u32 {
        let published = self.years.entry(number).or_default();
        let known = published
            .last()
            .is_some_and(|last| last.off == year.off && last.work == year.work);
        if !known {
            self.version += 1;
            published.push(Year {
                since: self.version,
                ..year
            });
        }
        self.version
    }

    /// The calendar as it stood at a version; times of day are local to `utc_offset_millis`.
    pub fn at(&self, version: u32, utc_offset_millis: i64) -> Counting<'_> {
        Counting {
            calendar: Some(self),
            version,
            utc_offset_millis,
        }
    }

    /// `period` counted from `start` with everything published so far; working days keep the local clock time of `start`.
    pub fn deadline(&self, start: Time, period: Period, utc_offset_millis: i64) -> Deadline {
        self.at(self.version, utc_offset_millis).deadline(start, period)
    }
}

/// A calendar at one of its versions, in one zone.
#[derive(Clone, Copy, Debug)]
pub struct Counting<'a> {
    /// `None`: no year is published.
    pub calendar: Option<&'a Calendar>,
    pub version: u32,
    pub utc_offset_millis: i64,
}

/// No deadline of a trade reaches further than some twenty years; a larger count is a mistyped one.
pub const MOST_WORKDAYS: u32 = 5_000;

const DAY: i64 = 86_400_000;

impl Counting<'_> {
    /// The deadline `period` after `start`. The Nth working day after the day of `start` keeps its clock time.
    pub fn deadline(&self, start: Time, period: Period) -> Deadline {
        match period {
            Period::Millis(millis) => Deadline {
                due: start.plus_millis(millis),
                provisional: false,
            },
            Period::Workdays(days) => {
                let (date, clock) = self.local(start);
                self.workday_after(date, days, clock)
            }
        }
    }

    /// The Nth working day after `date`, at `clock` milliseconds after local midnight.
    pub fn workday_after(&self, date: NaiveDate, days: u32, clock: i64) -> Deadline {
        let (mut day, mut left, mut provisional) = (date, days.min(MOST_WORKDAYS), false);
        while left > 0 {
            let Some(next) = day.succ_opt() else { break };
            day = next;
            let (works, published) = self.is_workday(day);
            provisional |= !published;
            left -= u32::from(works);
        }
        Deadline {
            due: self.instant(day, clock),
            provisional,
        }
    }

    /// Working days after the day of `from`, up to and with the day of `to`.
    pub fn workdays_between(&self, from: Time, to: Time) -> u32 {
        let (first, _) = self.local(from);
        let (last, _) = self.local(to);
        let days = first.iter_days().skip(1).take_while(|day| *day <= last);
        days.map(|day| u32::from(self.is_workday(day).0)).sum()
    }

    /// The local day of a time, and its milliseconds after local midnight.
    pub fn local(&self, time: Time) -> (NaiveDate, i64) {
        let millis = time.0.saturating_add(self.utc_offset_millis);
        let date = DateTime::from_timestamp_millis(millis.div_euclid(DAY) * DAY).map(|day| day.date_naive());
        (date.unwrap_or(NaiveDate::MAX), millis.rem_euclid(DAY))
    }

    /// Whether people work on a day, and whether its year is published.
    pub fn is_workday(&self, day: NaiveDate) -> (bool, bool) {
        let plain = !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        match self.year(day.year()) {
            Some(year) => (year.work.contains(&day) || (plain && !year.off.contains(&day)), true),
            None => (plain, false),
        }
    }

    fn year(&self, number: i32) -> Option<&Year> {
        let published = self.calendar?.years.get(&number)?;
        published.iter().rev().find(|year| year.since <= self.version)
    }

    fn instant(&self, day: NaiveDate, clock: i64) -> Time {
        let midnight = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        Time(midnight.saturating_add(clock).saturating_sub(self.utc_offset_millis))
    }
}

impl YearFile {
    fn read(self) -> Result<Year, CalendarError> {
        let (off, work) = (days(&self.off)?, days(&self.work)?);
        for day in off.iter().chain(&work) {
            if day.year() != self.year {
                return Err(CalendarError::OtherYear(*day));
            }
        }
        if let Some(both) = off.intersection(&work).next() {
            return Err(CalendarError::Both(*both));
        }
        let weekend = |day: &&NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        if let Some(plain) = work.iter().find(|day| !weekend(day)) {
            return Err(CalendarError::NoException(*plain));
        }
        Ok(Year {
            source: self.source,
            since: 0,
            off,
            work,
        })
    }
}

/// Days written one by one or as `first to last`.
fn days(texts: &[String]) -> Result<BTreeSet<NaiveDate>, CalendarError> {
    let mut all = BTreeSet::new();
    for text in texts {
        let wrong = || CalendarError::Day(text.clone());
        let (first, last) = text.split_once(" to ").unwrap_or((text, text));
        let first: NaiveDate = first.trim().parse().map_err(|_| wrong())?;
        let last: NaiveDate = last.trim().parse().map_err(|_| wrong())?;
        // A range is a holiday of days, never more than a month: anything longer is a mistyped year.
        if last < first || (last - first).num_days() > 31 {
            return Err(wrong());
        }
        all.extend(first.iter_days().take_while(|day| *day <= last));
    }
    Ok(all)
}
