//! Each benchmark of the live room runs for a second on little and prints a row that adds up. Must not judge speed.

use std::process::Command;

use serde_json::Value;

/// The rows that a bench prints, one line of JSON each.
fn rows(arguments: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_luochui"))
        .arg("bench")
        .args(arguments.split(' '))
        .args(["--database", "sqlite"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("no {name} in {row}"))
}

#[test]
fn bids_are_decided_one_by_one_and_at_once() {
    let [row] = &rows("bids --clients 3 --seconds 1")[..] else {
        panic!("one row")
    };
    let (decided, accepted) = (count(row, "decided"), count(row, "accepted"));
    assert!(decided >= accepted && accepted > 0, "{row}");
    assert_eq!((count(row, "failed"), count(row, "turned_away")), (0, 0), "{row}");
    let [burst] = &rows("bids --burst 4")[..] else {
        panic!("one row")
    };
    assert_eq!(count(burst, "exactly_one"), count(burst, "rounds"), "{burst}");
}

#[test]
fn watchers_hear_every_bid() {
    let [row] = &rows("watchers --watchers 10 --seconds 1")[..] else {
        panic!("one row")
    };
    assert_eq!((count(row, "heard"), count(row, "missed")), (20, 0), "{row}");
}

#[test]
fn timers_are_never_early() {
    let [row] = &rows("timers --armed 100 --per-second 50 --seconds 1 --overdue 0")[..] else {
        panic!("one row")
    };
    assert_eq!((count(row, "fired"), count(row, "early")), (50, 0), "{row}");
}

#[test]
fn an_overload_loses_nothing() {
    let [row] = &rows("overload --seconds 1")[..] else {
        panic!("one row")
    };
    assert_eq!((count(row, "lost"), count(row, "failed")), (0, 0), "{row}");
    assert!(count(row, "turned_away") > 0 && count(row, "acknowledged") > 0, "{row}");
}
