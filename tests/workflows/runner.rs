//! The scenario runner finds what it is there to find, and says where: a claim that does not hold, a step that means nothing.

use std::collections::BTreeMap;

use luochui::machine::Bundle;
use luochui::machine::calendar::Calendars;
use luochui::machine::definition::compile;
use luochui::machine::scenario::{self, Fault, Report};

const BUNDLE: &str = "
language: 1
name: errand
version: 1.0.0
title: 差事
root: errand
machines: [errand]
roles: {worker: {title: 经办, post: worker}}
ledger: {pay: {title: 付款, from: purse, to: shop}}
refusals: {too_much: 太多}
";

const MACHINE: &str = "
machine: errand
title: 差事
read: [worker]
data: {spent: {type: money, title: 花费, default: 0}}
events: {buy: {title: 买, from: [worker], payload: {amount: money}}}
initial: open
states:
  open:
    title: 进行
    timers: {end: {after: 4 minutes, then: done}}
    on:
      buy:
        - {guard: event.amount > fen(100), reject: too_much}
        - actions:
            - assign: {spent: data.spent + event.amount}
            - ledger: {pay: event.amount}
  done: {title: 完, type: final}
";

fn bundle() -> Bundle {
    let files = BTreeMap::from([
        ("bundle.yaml".to_owned(), BUNDLE.to_owned()),
        ("errand.yaml".to_owned(), MACHINE.to_owned()),
    ]);
    compile(&files).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn play(head: &str, steps: &str) -> Result<Report, Vec<Fault>> {
    let indented: Vec<String> = steps.lines().map(|line| format!("      {line}")).collect();
    let text = format!(
        "people: {{worker: 甲}}\n{head}\nscenarios:\n  - name: one\n    steps:\n{}\n",
        indented.join("\n")
    );
    let files = BTreeMap::from([("a.test.yaml".to_owned(), text)]);
    scenario::run(&bundle(), &Calendars::default(), &files, None)
}

fn fault(head: &str, steps: &str) -> Fault {
    let report = play(head, steps).unwrap();
    report.scenarios[0].fault.clone().expect("the scenario should not hold")
}

const PURSE: &str = "ledger: {outside: [purse]}";

#[test]
fn a_scenario_that_holds_counts_what_it_covered() {
    let steps = "- start: 2026-09-01 09:00\n\
                 - send: {as: worker, event: buy, with: {amount: 0.60元}}\n\
                 - expect: {errand: open, data: {errand.spent: 0.60元}, ledger: {pay: 0.60元}, due: {errand.end: 2026-09-01 09:04}}";
    let report = play(PURSE, steps).unwrap();
    assert!(report.held(), "{:?}", report.scenarios[0].fault);
    assert!(!report.coverage.is_complete());
    let coverage = &report.coverage.0["errand"];
    assert_eq!(coverage.missing_states, ["done"]);
    assert_eq!(
        coverage.missing_transitions.len(),
        2,
        "{:?}",
        coverage.missing_transitions
    );
    let rest = "- start: 2026-09-01 09:00\n\
                - refuse: {as: worker, event: buy, with: {amount: 1.01元}, code: too_much}\n\
                - send: {as: worker, event: buy, with: {amount: 1.00元}}\n\
                - until: 2026-09-01 09:03:59\n\
                - expect: {errand: open}\n\
                - advance: 1 seconds\n\
                - expect: {errand: done}";
    let report = play(PURSE, rest).unwrap();
    assert!(report.held() && report.coverage.is_complete(), "{report:?}");
}

#[test]
fn a_claim_that_does_not_hold_says_where_and_what_was_there() {
    let found = fault(
        PURSE,
        "- start: 2026-09-01 09:00\n- advance: 3 minutes\n- expect: {errand: done}",
    );
    assert_eq!((&*found.file, found.line), ("a.test.yaml", 8));
    assert_eq!(
        (found.expected.as_deref(), found.actual.as_deref()),
        (Some("done"), Some("open"))
    );
    let found = fault(
        PURSE,
        "- start: 2026-09-01 09:00\n- expect: {data: {errand.spent: 1元}}",
    );
    assert_eq!(
        (found.expected.as_deref(), found.actual.as_deref()),
        (Some("1.00元"), Some("0.00元"))
    );
    let found = fault(
        PURSE,
        "- start: 2026-09-01 09:00\n- expect: {due: {errand.end: 2026-09-01 09:05}}",
    );
    assert_eq!(found.actual.as_deref(), Some("2026-09-01 09:04"));
}

#[test]
fn answers_are_what_the_step_said_they_would_be() {
    let taken = fault(
        PURSE,
        "- start: 2026-09-01 09:00\n- refuse: {as: worker, event: buy, with: {amount: 1元}, code: too_much}",
    );
    assert_eq!(taken.actual.as_deref(), Some("taken"));
    let refused = fault(
        PURSE,
        "- start: 2026-09-01 09:00\n- send: {as: worker, event: buy, with: {amount: 2元}}",
    );
    assert!(refused.actual.unwrap().contains("too_much"));
}

#[test]
fn money_that_an_account_has_not_is_found() {
    let found = fault(
        "",
        "- start: 2026-09-01 09:00\n- send: {as: worker, event: buy, with: {amount: 1元}}",
    );
    assert!(found.message.contains("purse"), "{}", found.message);
}

#[test]
fn money_left_over_at_the_end_is_found() {
    let head = "ledger: {outside: [purse], settled: [shop]}";
    let found = fault(
        head,
        "- start: 2026-09-01 09:00\n- send: {as: worker, event: buy, with: {amount: 1元}}\n- advance: 4 minutes",
    );
    assert!(found.message.contains("shop"), "{}", found.message);
}

#[test]
fn a_shared_step_is_reported_where_it_stands_and_where_it_was_used() {
    let head = "shared:\n  wrong:\n    - expect: {errand: $state}";
    let found = fault(head, "- start: 2026-09-01 09:00\n- {use: wrong, state: done}");
    assert_eq!(found.line, 4);
    assert_eq!(found.used_at, ["a.test.yaml:9"]);
    assert_eq!(found.expected.as_deref(), Some("done"));
}

#[test]
fn what_means_nothing_is_refused_with_its_line() {
    for (step, word) in [
        ("wait: 4 minutes", "wait"),
        ("expect: {listing: done}", "listing"),
        ("send: {as: stranger, event: buy}", "stranger"),
        ("send: {as: worker, event: buy, hurry: true}", "hurry"),
        ("todo: {as: worker, do: open.close}", "open"),
        ("until: tomorrow", "tomorrow"),
        ("until: 2026-08-31 09:00", "time does not run back"),
        ("expect: {due: {errand.begin: 2026-09-01 09:00}}", "begin"),
    ] {
        let found = fault(PURSE, &format!("- start: 2026-09-01 09:00\n- {step}"));
        assert_eq!(found.line, 7, "{step}");
        assert!(found.message.contains(word), "{step}: {}", found.message);
    }
    let unread = play("", "- {use: nothing}").unwrap_err();
    assert!(unread[0].message.contains("nothing"), "{}", unread[0].message);
    let twice = play("people: {}", "- start: 2026-09-01 09:00").unwrap_err();
    assert!(twice[0].message.contains("people"), "{}", twice[0].message);
}
