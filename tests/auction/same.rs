//! Many bids of the same amount at once: exactly one is accepted.

use luochui::clock::Clock;
use luochui::engine::Engine;

use super::hall::{PREVIEW, STEP, accepted, bid, code, history, is_taken, open, start};
use crate::support::engine::{BEGIN, Place, on_both, run};

const AT_ONCE: usize = 200;

/// Sends equal bids through the engines in turn; how many were accepted.
async fn equal_bids(engines: &[Engine]) -> usize {
    let lot = open(&engines[0], "甲").await;
    engines[0].clock().advance_to(BEGIN.plus_millis(PREVIEW));
    let sent = (0..AT_ONCE).map(|number| {
        let engine = engines[number % engines.len()].clone();
        let submission = bid(&lot, &format!("bidder{number}"), 5 * STEP, engine.now());
        tokio::spawn(async move { engine.submit(submission).await.unwrap() })
    });
    let receipts: Vec<_> = futures_util::future::join_all(sent)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let refused = receipts.iter().filter(|receipt| !is_taken(receipt));
    assert!(refused.into_iter().all(|receipt| code(receipt) == Some("below_step")));
    let rows = history(&engines[0], &lot).await;
    assert_eq!(
        accepted(&rows).len(),
        receipts.iter().filter(|receipt| is_taken(receipt)).count()
    );
    accepted(&rows).len()
}

#[test]
fn of_two_hundred_equal_bids_at_once_exactly_one_is_accepted() {
    on_both(|place| async move {
        let clock = Clock::simulated_from(BEGIN);
        let (engine, _handle) = start(&place, &clock).await;
        assert_eq!(equal_bids(&[engine]).await, 1);
    });
}

#[test]
fn of_two_hundred_equal_bids_through_two_processes_exactly_one_is_accepted() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let clock = Clock::simulated_from(BEGIN);
        let (first, _one) = start(&place, &clock).await;
        let (second, _two) = start(&place, &clock).await;
        assert_eq!(equal_bids(&[first, second]).await, 1);
    });
}
