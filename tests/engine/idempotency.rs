//! A repeated command is answered with the first one's receipt and done once.

use std::collections::BTreeSet;

use luochui::engine::{EngineError, Request};
use luochui::machine::step::Answer;

use crate::support::engine::{event, map, member, on_both, open, start, still, submission, submit, visit, with_bundle};

#[test]
fn a_repeated_key_gets_the_first_receipt_also_after_a_restart() {
    on_both(|place| async move {
        let clock = still();
        let (engine, handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        let first = submit(&engine, member("ann"), visit(&shop), Some("k1")).await;
        let again = submit(&engine, member("ann"), visit(&shop), Some("k1")).await;
        assert_eq!(first, again);
        // Another actor's key is another key.
        let other = submit(&engine, member("bob"), visit(&shop), Some("k1")).await;
        assert_eq!(other.seq, first.seq + 1);
        drop(engine);
        handle.join();
        let (engine, _handle) = start(&place, &clock);
        assert_eq!(submit(&engine, member("ann"), visit(&shop), Some("k1")).await, first);
        let snapshot = engine.trade(&shop).await.unwrap();
        assert_eq!(snapshot.trade.seq, other.seq);
    });
}

#[test]
fn a_key_used_for_something_else_is_refused_and_nothing_is_done() {
    on_both(|place| async move {
        let (engine, _handle) = with_bundle(&place, &still()).await;
        let shop = open(&engine, "转角").await;
        let first = submit(&engine, member("ann"), visit(&shop), Some("k1")).await;
        let mut other = submission(&engine, member("ann"), event(&shop, "close", &[]), Some("k1"));
        other.key.as_mut().unwrap().body_sha256 = "another".into();
        assert!(matches!(engine.submit(other).await, Err(EngineError::KeyReused)));
        assert_eq!(engine.trade(&shop).await.unwrap().trade.seq, first.seq);
    });
}

#[test]
fn concurrent_duplicates_are_done_once() {
    on_both(|place| async move {
        let (engine, _handle) = with_bundle(&place, &still()).await;
        let shop = open(&engine, "转角").await;
        let calls = (0..40).map(|number| {
            let key = format!("k{}", number % 4);
            let submission = submission(&engine, member("ann"), visit(&shop), Some(&key));
            let engine = engine.clone();
            tokio::spawn(async move { engine.submit(submission).await.unwrap() })
        });
        let receipts: Vec<_> = futures_util::future::join_all(calls)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let seqs: BTreeSet<_> = receipts.iter().map(|receipt| receipt.seq).collect();
        assert_eq!(seqs.len(), 4);
        assert_eq!(engine.trade(&shop).await.unwrap().trade.seq, 1 + 4);
    });
}

#[test]
fn opening_a_trade_twice_with_one_key_opens_one() {
    on_both(|place| async move {
        let (engine, _handle) = with_bundle(&place, &still()).await;
        let request = Request::Open {
            bundle: "small".into(),
            machine: None,
            data: map(&[("name", "转角".into()), ("place", "9143".into())]),
        };
        let first = submit(&engine, member("ann"), request.clone(), Some("open")).await;
        let again = submit(&engine, member("ann"), request, Some("open")).await;
        assert!(matches!(first.answer, Answer::Taken { .. }));
        assert_eq!(first, again);
    });
}
