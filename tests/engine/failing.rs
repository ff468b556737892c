//! What the writer does when the store says no, and that nobody is answered before the commit.

use diesel::connection::SimpleConnection as _;
use luochui::engine::{Engine, EngineConfig, EngineError};
use luochui::machine::step::Answer;
use luochui::store::StoreError;
use luochui::store::history_rows::history_after;

use crate::support::engine::{Place, member, on_both, open, run, small, still, submission, submit, visit, with_bundle};

/// A closure whose row breaks a rule that the database checks only at the commit.
fn poison(conn: &mut luochui::store::Connection) -> Result<(), StoreError> {
    conn.batch_execute(
        "CREATE TABLE poison_parent (id BIGINT PRIMARY KEY);
         CREATE TABLE poison (parent BIGINT REFERENCES poison_parent (id) DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO poison VALUES (1);",
    )
    .map_err(StoreError::from)
}

#[test]
fn a_failed_commit_answers_nobody_and_is_decided_again() {
    on_both(|place| async move {
        let (engine, _handle) = with_bundle(&place, &still()).await;
        let shop = open(&engine, "转角").await;
        // Sent at once, so that some share a batch with the closure that spoils it.
        let visits = (0..20).map(|_| engine.submit(submission(&engine, member("ann"), visit(&shop), None)));
        let (receipts, poisoned) = tokio::join!(futures_util::future::join_all(visits), engine.write("poison", poison));
        assert!(poisoned.is_err());
        let seqs: Vec<u64> = receipts.into_iter().map(|receipt| receipt.unwrap().seq).collect();
        assert_eq!(seqs.iter().collect::<std::collections::BTreeSet<_>>().len(), 20);
        let trade = shop.to_string();
        let rows = engine
            .read(move |conn| history_after(conn, &trade, 0, 100))
            .await
            .unwrap();
        assert_eq!(rows.len(), 21);
        assert_eq!(engine.trade(&shop).await.unwrap().trade.seq, 21);
    });
}

#[test]
fn a_failing_closure_undoes_itself_alone() {
    on_both(|place| async move {
        let (engine, _handle) = with_bundle(&place, &still()).await;
        let create = |conn: &mut luochui::store::Connection| {
            conn.batch_execute("CREATE TABLE left_behind (id BIGINT)")?;
            Err::<(), _>(StoreError::NotFound)
        };
        let (failed, kept) = tokio::join!(
            engine.write("fails", create),
            engine.write("works", |conn| Ok(conn.batch_execute("CREATE TABLE kept (id BIGINT)")?))
        );
        assert!(
            matches!(failed, Err(EngineError::Store(StoreError::NotFound))),
            "{failed:?}"
        );
        kept.unwrap();
        engine
            .read(|conn| Ok(conn.batch_execute("SELECT * FROM kept")?))
            .await
            .unwrap();
        assert!(
            engine
                .read(|conn| Ok(conn.batch_execute("SELECT * FROM left_behind")?))
                .await
                .is_err()
        );
    });
}

#[test]
fn a_receipt_is_given_only_when_others_can_read_the_event() {
    on_both(|place| async move {
        let (engine, _handle) = with_bundle(&place, &still()).await;
        let shop = open(&engine, "转角").await;
        for _ in 0..30 {
            let receipt = submit(&engine, member("ann"), visit(&shop), None).await;
            let trade = shop.to_string();
            let rows = engine
                .read(move |conn| history_after(conn, &trade, 0, 100))
                .await
                .unwrap();
            assert_eq!(rows.len() as u64, receipt.seq);
        }
    });
}

#[test]
fn a_full_queue_refuses_and_loses_nothing_that_it_accepted() {
    run(async {
        let place = Place::sqlite();
        let config = EngineConfig {
            queue: 8,
            ..EngineConfig::new(place.url())
        };
        let (engine, _handle) = Engine::start(&config, still()).unwrap();
        engine.library().publish(small(), "admin").await.unwrap();
        let shop = open(&engine, "转角").await;
        let visits = (0..400).map(|_| {
            let (engine, submission) = (engine.clone(), submission(&engine, member("ann"), visit(&shop), None));
            async move { engine.submit(submission).await }
        });
        let outcomes = futures_util::future::join_all(visits).await;
        let taken = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Ok(receipt) if matches!(receipt.answer, Answer::Taken { .. })));
        let taken = taken.count() as u64;
        let refused = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Err(EngineError::Overloaded { .. })))
            .count() as u64;
        assert!(
            refused > 0 && taken + refused == 400,
            "{taken} taken, {refused} refused"
        );
        assert_eq!(engine.trade(&shop).await.unwrap().trade.seq, 1 + taken);
    });
}

#[test]
fn a_second_process_on_one_file_is_refused_in_plain_words() {
    run(async {
        let place = Place::sqlite();
        let (_engine, _handle) = with_bundle(&place, &still()).await;
        let Err(refused) = Engine::start(&EngineConfig::new(place.url()), still()) else {
            panic!("two serve one file")
        };
        assert!(refused.to_string().contains("another process serves"), "{refused}");
    });
}
