//! Working days: the shipped years against an independent oracle and known deadlines, and laws of counting.

use std::process::Command;

use chrono::{Datelike, NaiveDate};
use luochui::machine::Time;
use luochui::machine::calendar::{CalendarError, Calendars, Counting};
use luochui::machine::period::Period;
use proptest::prelude::*;

use super::world::{SHANGHAI, date, shipped_calendars, time};

fn counting(calendars: &Calendars) -> Counting<'_> {
    let calendar = &calendars.0["cn-gov"];
    calendar.at(calendar.version, SHANGHAI)
}

#[test]
fn every_day_of_the_shipped_years_equals_chinesecalendar() {
    let Ok(python) = std::env::var("LUOCHUI_PYTHON") else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "LUOCHUI_PYTHON must name an interpreter in CI"
        );
        eprintln!("skipped: LUOCHUI_PYTHON names no interpreter with chinesecalendar 1.11.0");
        return;
    };
    let script = "import datetime as d, chinese_calendar as c
day = d.date(2024, 1, 1)
while day.year < 2027:
    print(day.isoformat(), int(c.is_workday(day)))
    day += d.timedelta(1)";
    let output = Command::new(python).args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let oracle = String::from_utf8(output.stdout).unwrap();
    assert_eq!(oracle.lines().count(), 366 + 365 + 365);
    let calendars = shipped_calendars();
    for line in oracle.lines() {
        let (day, works) = line.split_once(' ').unwrap();
        assert_eq!(
            counting(&calendars).is_workday(date(day)),
            (works == "1", true),
            "{day}"
        );
    }
}

/// Deadlines from day to day for 3, 5, 7, 10 and 20 working days, worked out by hand from the notices.
const DEADLINES: [(&str, [&str; 5]); 10] = [
    (
        "2025-01-20",
        ["2025-01-23", "2025-01-26", "2025-02-05", "2025-02-08", "2025-02-21"],
    ),
    (
        "2025-09-26",
        ["2025-09-30", "2025-10-10", "2025-10-13", "2025-10-16", "2025-10-30"],
    ),
    (
        "2025-12-24",
        ["2025-12-29", "2025-12-31", "2026-01-05", "2026-01-08", "2026-01-22"],
    ),
    (
        "2026-02-06",
        ["2026-02-11", "2026-02-13", "2026-02-24", "2026-02-27", "2026-03-12"],
    ),
    (
        "2026-02-13",
        ["2026-02-25", "2026-02-27", "2026-03-02", "2026-03-05", "2026-03-19"],
    ),
    (
        "2026-04-24",
        ["2026-04-29", "2026-05-06", "2026-05-08", "2026-05-12", "2026-05-26"],
    ),
    (
        "2026-04-30",
        ["2026-05-08", "2026-05-11", "2026-05-13", "2026-05-18", "2026-06-01"],
    ),
    (
        "2026-09-18",
        ["2026-09-22", "2026-09-24", "2026-09-29", "2026-10-09", "2026-10-22"],
    ),
    (
        "2026-09-30",
        ["2026-10-10", "2026-10-13", "2026-10-15", "2026-10-20", "2026-11-03"],
    ),
    (
        "2026-11-23",
        ["2026-11-26", "2026-11-30", "2026-12-02", "2026-12-07", "2026-12-21"],
    ),
];

#[test]
fn known_deadlines_come_out() {
    let calendars = shipped_calendars();
    for (from, due) in DEADLINES {
        for (days, due) in [3, 5, 7, 10, 20].into_iter().zip(due) {
            let deadline = counting(&calendars).deadline(time(&format!("{from} 16:30")), Period::Workdays(days));
            assert_eq!(deadline.due, time(&format!("{due} 16:30")), "{from} +{days}");
            assert!(!deadline.provisional, "{from} +{days}");
        }
    }
}

#[test]
fn a_deadline_that_rests_on_an_unpublished_year_is_provisional() {
    let calendars = shipped_calendars();
    let provisional = |from: &str, days| {
        let start = time(&format!("{from} 09:00"));
        counting(&calendars).deadline(start, Period::Workdays(days)).provisional
    };
    assert!(!provisional("2026-12-22", 7));
    assert!(provisional("2026-12-22", 8));
    assert!(!provisional("2026-12-23", 6));
    assert!(provisional("2026-12-23", 7));
}

#[test]
fn an_earlier_version_of_the_calendar_counts_as_it_was_known_then() {
    let mut calendars = shipped_calendars();
    let before = calendars.0["cn-gov"].version;
    let (_, after) = calendars
        .publish("{calendar: cn-gov, year: 2027, source: test, off: [2027-01-01 to 2027-01-03], work: []}")
        .unwrap();
    assert_eq!(after, before + 1);
    let calendar = &calendars.0["cn-gov"];
    let (start, period) = (time("2026-12-30 09:00"), Period::Workdays(2));
    assert!(calendar.at(before, SHANGHAI).deadline(start, period).provisional);
    let now = calendar.at(after, SHANGHAI).deadline(start, period);
    assert_eq!((now.due, now.provisional), (time("2027-01-04 09:00"), false));
}

#[test]
fn publishing_the_same_year_twice_changes_nothing_and_an_amended_one_counts() {
    let mut calendars = shipped_calendars();
    let before = calendars.clone();
    let text = std::fs::read_to_string("workflows/calendars/cn-gov/2026.yaml").unwrap();
    calendars.publish(&text).unwrap();
    assert_eq!(calendars, before);
    let amended = text.replace("- 2026-01-04", "- 2026-01-10");
    calendars.publish(&amended).unwrap();
    assert!(counting(&calendars).is_workday(date("2026-01-10")).0);
    assert!(!counting(&calendars).is_workday(date("2026-01-04")).0);
}

#[test]
fn faulty_years_are_refused() {
    let publish = |days: &str| {
        let text = format!("{{calendar: cn-gov, year: 2027, source: test, {days}}}");
        Calendars::default().publish(&text).unwrap_err()
    };
    assert!(matches!(publish("off: [2027-13-01], work: []"), CalendarError::Day(_)));
    assert!(matches!(
        publish("off: [2027-10-07 to 2027-10-01], work: []"),
        CalendarError::Day(_)
    ));
    assert!(matches!(
        publish("off: [2027-01-01 to 2027-12-31], work: []"),
        CalendarError::Day(_)
    ));
    assert!(matches!(
        publish("off: [2026-12-31], work: []"),
        CalendarError::OtherYear(_)
    ));
    assert!(matches!(
        publish("off: [2027-01-03], work: [2027-01-03]"),
        CalendarError::Both(_)
    ));
    assert!(matches!(
        publish("off: [], work: [2027-01-04]"),
        CalendarError::NoException(_)
    ));
    assert!(matches!(publish("of: []"), CalendarError::Syntax(_)));
}

proptest! {
    #[test]
    fn counting_is_monotone_additive_and_keeps_the_clock(
        day in 0..1_000_i64, minute in 0..1_440_i64, first in 1..40_u32, second in 1..40_u32,
    ) {
        let calendars = shipped_calendars();
        let counting = counting(&calendars);
        let start = time("2024-01-01 00:00").plus_millis(day * 86_400_000 + minute * 60_000);
        let add = |start: Time, days| counting.deadline(start, Period::Workdays(days)).due;
        let due = add(start, first);
        prop_assert!(add(start, first + 1) > due, "one more day is later");
        prop_assert!(add(start.plus_millis(86_400_000), first) >= due, "a later start is not due earlier");
        prop_assert_eq!(add(due, second), add(start, first + second));
        let (landed, clock) = counting.local(due);
        prop_assert!(counting.is_workday(landed).0, "{} is off", landed);
        prop_assert_eq!(clock, counting.local(start).1);
        prop_assert_eq!(counting.workdays_between(start, due), first);
    }

    #[test]
    fn other_periods_do_not_care_for_days_off(day in 0..1_000_i64, millis in 0..10_000_000_000_i64) {
        let calendars = shipped_calendars();
        let start = time("2024-01-01 00:00").plus_millis(day * 86_400_000);
        let deadline = counting(&calendars).deadline(start, Period::Millis(millis));
        prop_assert_eq!(deadline.due, start.plus_millis(millis));
        prop_assert!(!deadline.provisional);
    }
}

#[test]
fn local_days_begin_at_local_midnight() {
    let calendars = shipped_calendars();
    let (day, clock) = counting(&calendars).local(time("2026-09-16 00:00"));
    assert_eq!((day.day(), clock), (16, 0));
    assert_eq!(
        counting(&calendars).local(time("2026-09-15 23:59")).0,
        NaiveDate::from_ymd_opt(2026, 9, 15).unwrap()
    );
}
