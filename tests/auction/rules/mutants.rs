//! Faults planted in the shipped room: each must be found by the scenarios of `luochui workflow test` or by the random histories
//! against the model. A mutant that survives shows a rule that nothing tests. Must not know what the rules mean.

use std::panic::{AssertUnwindSafe, catch_unwind};

use luochui::machine::Bundle;
use luochui::machine::scenario;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::histories;
use crate::workflows;

/// A text of `auction.yaml` that is replaced: which of its occurrences, counted from 0, and by what.
struct Mutant {
    what: &'static str,
    text: &'static str,
    nth: usize,
    by: &'static str,
}

const fn mutant(what: &'static str, text: &'static str, nth: usize, by: &'static str) -> Mutant {
    Mutant { what, text, nth, by }
}

const RESETS: &str = "then: [{assign: {resets: data.resets + 1}}, {reset: {timer: countdown, after: data.extend_by}}]";

/// Those of the closing and of the step, in every run.
const FIRST: [Mutant; 9] = [
    mutant(
        "one step above is not enough",
        "event.amount < data.price + data.increment, reject: below_step",
        0,
        "event.amount <= data.price + data.increment, reject: below_step",
    ),
    mutant(
        "an accepted bid resets no deadline",
        RESETS,
        3,
        "then: [{assign: {resets: data.resets + 1}}]",
    ),
    mutant(
        "an accepted bid resets the deadline to twice its length",
        RESETS,
        3,
        "then: [{assign: {resets: data.resets + 1}}, {reset: {timer: countdown, after: data.extend_by + data.extend_by}}]",
    ),
    mutant(
        "an accepted bid counts as two resets",
        RESETS,
        3,
        "then: [{assign: {resets: data.resets + 2}}, {reset: {timer: countdown, after: data.extend_by}}]",
    ),
    mutant(
        "one extension more than the cap",
        "data.resets < data.max_resets",
        0,
        "data.resets <= data.max_resets",
    ),
    mutant(
        "the leader may outbid itself",
        "!data.self_outbid && data.bids > 0",
        0,
        "false && data.bids > 0",
    ),
    mutant(
        "the reserve must be exceeded",
        "data.price < data.reserve",
        0,
        "data.price <= data.reserve",
    ),
    mutant(
        "the later rank goes first",
        "sender.data.priority_rank < data.leader_rank)}",
        0,
        "sender.data.priority_rank > data.leader_rank)}",
    ),
    mutant(
        "an outage does not keep the room from closing",
        "- {guard: outage, target: broken, actions: [{assign: {window_left: 'max(event.outage - event.late, minutes(1))'}}]}\n",
        2,
        "",
    ),
];

/// The others, with `LUOCHUI_LONG=1`.
const MORE: [Mutant; 25] = [
    mutant(
        "the start price itself is too low",
        "event.amount < data.start_price",
        0,
        "event.amount <= data.start_price",
    ),
    mutant(
        "the window is open at its end",
        "left.countdown <= data.window",
        0,
        "left.countdown < data.window",
    ),
    mutant(
        "a bid at the hard stop extends",
        "now < data.stop_at",
        0,
        "now <= data.stop_at",
    ),
    mutant(
        "exactly three seconds suspend",
        "event.outage > seconds(3)",
        0,
        "event.outage >= seconds(3)",
    ),
    mutant("no multiple is asked for", "data.only_multiples &&", 0, "false &&"),
    mutant(
        "the largest jump is too large",
        "+ data.max_multiple * data.increment'",
        0,
        "+ data.max_multiple * data.increment - fen(1)'",
    ),
    mutant(
        "a jump need not be confirmed",
        "'!event.confirmed && data.confirm_multiple > 0",
        0,
        "'false && data.confirm_multiple > 0",
    ),
    mutant(
        "a limit loses to who bids the same later",
        "(event.amount < data.limit || (event.amount == data.limit && !same_wins))",
        0,
        "event.amount < data.limit",
    ),
    mutant(
        "of equal envelopes the last wins",
        "data.offers == 0 || event.amount > data.best ||",
        0,
        "data.offers == 0 || event.amount >= data.best ||",
    ),
    mutant(
        "who is banned may bid",
        "{guard: '\"banned\" in sender.tags', reject: banned}",
        0,
        "{guard: 'false && \"banned\" in sender.tags', reject: banned}",
    ),
    mutant("a stale price does not matter", "data.require_seen &&", 0, "false &&"),
    mutant(
        "two may bid the same",
        "data.bids > 0 && event.amount == data.price, reject: duplicate_price",
        0,
        "false, reject: duplicate_price",
    ),
    mutant(
        "a limit may lie beyond the largest jump",
        "- {guard: too_far, reject: over_max_multiple}     #",
        0,
        "#",
    ),
    mutant(
        "a far limit need not be confirmed",
        "- {guard: far_above, reject: confirm_jump}\n",
        1,
        "\n",
    ),
    mutant("a free phase is watched whole", "watch: data.watched\n", 1, "\n"),
    mutant("the end of a process does not count", "|| event.broken}", 0, "}"),
    mutant(
        "what surfaces late is dropped",
        "- {guard: missed_offer, target: broken}\n",
        0,
        "- {guard: missed_offer, actions: []}\n",
    ),
    mutant(
        "a confirmation that surfaces late is dropped",
        "- {guard: missed_join, target: broken,",
        0,
        "- {guard: missed_join,",
    ),
    mutant(
        "a bid in a sealed lot counts where it surfaces late",
        "data.method == \"sealed\" ? event.event == \"offer\" :",
        0,
        "data.method == \"sealed\" && event.event == \"offer\" ||",
    ),
    mutant(
        "a limit outlives its owner's exclusion",
        "actions: [{set: {limit: 0}}]",
        0,
        "actions: [{set: {window_left: 0 minutes}}]",
    ),
    mutant(
        "envelopes are opened in time only",
        "- if: data.method == \"sealed\"  ",
        0,
        "- if: data.method == \"sealed\" && data.phase == \"sealed\"  ",
    ),
    mutant(
        "extensions are counted over a phase that runs again",
        "- if: data.window_left == 0\n",
        0,
        "- if: data.window_left > 0\n",
    ),
    mutant(
        "the hard stop stands still while the room does",
        "data.stop_at + (now - data.interrupted_at) + data.window_left",
        0,
        "data.stop_at",
    ),
    mutant("one person annuls", "notBy: [suspended]", 0, "notBy: []"),
    mutant(
        "a raised limit moves the price",
        "actions: [{assign: {limit: event.amount}}]",
        0,
        "actions: [{assign: {limit: event.amount, price: event.amount}}]",
    ),
];

fn planted(mutant: &Mutant) -> Bundle {
    let (bundle, faults) = workflows::asset_sale_with(|files| {
        let file = files.get_mut("auction.yaml").unwrap();
        let found: Vec<usize> = file.match_indices(mutant.text).map(|(at, _)| at).collect();
        let at = *found
            .get(mutant.nth)
            .unwrap_or_else(|| panic!("{}: no such text", mutant.what));
        file.replace_range(at..at + mutant.text.len(), mutant.by);
    });
    bundle.unwrap_or_else(|| panic!("{}: {faults:?}", mutant.what))
}

/// File by file, with what they are based on, until one does not hold.
fn killed_by_scenarios(bundle: &Bundle) -> bool {
    let files = workflows::scenario_files();
    let base = files["base.test.yaml"].clone();
    let near = |name: &&String| !matches!(name.as_str(), "rules.test.yaml" | "room.test.yaml");
    let mut names: Vec<&String> = files.keys().collect();
    names.sort_by_key(near);
    names.into_iter().any(|name| {
        let some = [
            ("base.test.yaml".to_owned(), base.clone()),
            (name.clone(), files[name].clone()),
        ];
        let report = scenario::run(bundle, &workflows::calendars(), &some.into(), None);
        report.is_ok_and(|report| !report.held())
    })
}

/// By the same histories each time, and as many as every run of the rules plays.
fn killed_by_histories(bundle: &Bundle) -> bool {
    let config = Config {
        cases: 2_000,
        failure_persistence: None,
        // What is found need not be made small.
        max_shrink_iters: 0,
        ..Config::default()
    };
    let runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    catch_unwind(AssertUnwindSafe(|| histories(bundle, runner))).is_ok_and(|outcome| outcome.is_err())
}

#[test]
fn every_fault_planted_in_the_shipped_room_is_found() {
    let long = std::env::var_os("LUOCHUI_LONG").is_some();
    let mut survived = Vec::new();
    for mutant in FIRST.iter().chain(MORE.iter().filter(|_| long)) {
        let bundle = planted(mutant);
        let scenarios = killed_by_scenarios(&bundle);
        let histories = (long || !scenarios).then(|| killed_by_histories(&bundle));
        eprintln!("{}: scenarios {scenarios}, histories {histories:?}", mutant.what);
        if !scenarios && histories != Some(true) {
            survived.push(mutant.what);
        }
    }
    assert_eq!(survived, [""; 0]);
}
