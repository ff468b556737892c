//! What a committed decision leaves in the store, and that it is the same trade when it is read back.

use diesel::prelude::*;
use luochui::machine::history;
use luochui::machine::step::{Act, Answer};
use luochui::store::history_rows::history_after;
use luochui::store::schema::{instance_fields, instances};
use luochui::store::{ledger_rows, outbox_rows, published_rows, record_rows, timer_rows, todo_rows};

use crate::support::engine::{
    act, clerk, event, map, member, on_both, open, small, start, still, submit, visit, with_bundle,
};

#[test]
fn a_trade_is_stored_with_everything_that_follows_from_it() {
    on_both(|place| async move {
        let clock = still();
        let (engine, handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        submit(&engine, member("ann"), visit(&shop), None).await;
        let order = submit(&engine, member("bob"), event(&shop, "order", &[]), None).await;
        let Answer::Taken { created: Some(order) } = order.answer else {
            panic!("{:?}", order.answer)
        };
        let pay = event(&order, "pay", &[("amount", 10_000.into()), ("ref", "r1".into())]);
        let paid = submit(&engine, member("bob"), pay, None).await;
        assert_eq!(paid.states, ["paid".into()]);
        let (trade, instance) = (shop.to_string(), order.to_string());
        engine
            .read(move |conn| {
                let timers = timer_rows::timers_of_trade(conn, &trade)?;
                assert_eq!(
                    timers.iter().map(|timer| timer.name.as_str()).collect::<Vec<_>>(),
                    ["lunch"]
                );
                let postings = ledger_rows::postings_of_trade(conn, &trade)?;
                let lines: Vec<_> = postings
                    .iter()
                    .filter(|line| line.instance == instance)
                    .map(|line| (line.account.as_str(), line.amount))
                    .collect();
                assert_eq!(lines, [("bank", -10_000), ("held", 10_000)]);
                let mut kinds: Vec<_> = outbox_rows::outbox_of_trade(conn, &trade)?
                    .into_iter()
                    .map(|row| row.kind)
                    .collect();
                kinds.sort();
                assert_eq!(kinds, ["document", "webhook"]);
                let numbers: Vec<_> = published_rows::published_after(conn, &trade, 0, 9)?
                    .iter()
                    .map(|row| row.number)
                    .collect();
                assert_eq!(numbers, [1, 2]);
                assert_eq!(record_rows::records_after(conn, &trade, 0, 9)?.len(), 1);
                let fields: Vec<(String, Option<String>, Option<i64>)> = instance_fields::table
                    .filter(instance_fields::instance.eq(&trade))
                    .order(instance_fields::field)
                    .select((instance_fields::field, instance_fields::text, instance_fields::number))
                    .load(conn)?;
                let (name, price) = (
                    ("name".into(), Some("转角".into()), None),
                    ("price".into(), None, Some(100)),
                );
                assert_eq!(fields, [name, price]);
                let row: (String, Option<String>) = instances::table
                    .find(&instance)
                    .select((instances::tags, instances::owner))
                    .first(conn)?;
                assert_eq!(row, (" paid ".into(), Some("party-bob".into())));
                Ok(())
            })
            .await
            .unwrap();
        drop(engine);
        handle.join();
    });
}

#[test]
fn a_todo_is_found_by_its_audience_until_it_is_done() {
    on_both(|place| async move {
        let clock = still();
        let (engine, _handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        clock.advance_to(engine.now().plus_millis(4 * 60_000));
        // The visit comes after the due time, so it meets the shop at rest.
        let late = submit(&engine, member("ann"), visit(&shop), None).await;
        assert!(matches!(late.answer, Answer::Refused(_)), "{:?}", late.answer);
        let mine = |audience: &str| {
            let audience = vec![audience.to_owned()];
            engine.read(move |conn| todo_rows::todos_open_for(conn, &audience, 10))
        };
        let open = mine("post:clerk@91430000").await.unwrap();
        assert_eq!(
            open.iter().map(|todo| todo.name.as_str()).collect::<Vec<_>>(),
            ["resting"]
        );
        assert!(mine("post:clerk@other").await.unwrap().is_empty());
        let complete = Act::complete("reopen", map(&[("price", 500.into())]));
        let todo = open[0].id.clone();
        let done = submit(&engine, clerk(), act(&shop, &todo, complete), None).await;
        assert!(matches!(done.answer, Answer::Taken { .. }), "{:?}", done.answer);
        assert!(mine("post:clerk@91430000").await.unwrap().is_empty());
        let row = engine
            .read(move |conn| todo_rows::todo_get(conn, &todo))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (row.status.as_str(), row.outcome.as_deref(), row.closed_by.as_deref()),
            ("done", Some("reopen"), Some("clerk"))
        );
    });
}

#[test]
fn replaying_the_stored_history_gives_the_stored_trade_byte_for_byte() {
    on_both(|place| async move {
        let clock = still();
        let (engine, handle) = with_bundle(&place, &clock).await;
        let shop = open(&engine, "转角").await;
        for minute in 0..8 {
            clock.advance_to(engine.now().plus_millis(minute * 60_000));
            submit(&engine, member("ann"), visit(&shop), None).await;
            submit(&engine, member("bob"), event(&shop, "order", &[]), None).await;
            submit(
                &engine,
                member("bob"),
                event(&shop, "shout", &[("by", 50.into())]),
                None,
            )
            .await;
        }
        drop(engine);
        handle.join();
        // Read by an engine that has nothing of it in memory.
        let (engine, _handle) = start(&place, &clock);
        let snapshot = engine.trade(&shop).await.unwrap();
        let trade = shop.to_string();
        let rows = engine
            .read(move |conn| history_after(conn, &trade, 0, 1_000))
            .await
            .unwrap();
        let entries: Vec<_> = rows.iter().map(|row| row.entry().unwrap()).collect();
        assert!(entries.len() > 16);
        let replayed = history::replay(&snapshot.bundle, &engine.calendars(), &entries)
            .unwrap()
            .unwrap();
        assert_eq!(history::canonical(&replayed), history::canonical(&*snapshot.trade));
    });
}

#[test]
fn a_published_version_cannot_be_changed() {
    on_both(|place| async move {
        let (engine, _handle) = with_bundle(&place, &still()).await;
        engine.library().publish(small(), "admin").await.unwrap();
        let mut changed = small();
        changed.get_mut("shop.yaml").unwrap().push_str("\n# another content\n");
        let refused = engine.library().publish(changed, "admin").await.unwrap_err();
        assert!(matches!(refused, luochui::engine::PublishError::Taken(_)), "{refused}");
        assert_eq!(engine.library().published().len(), 1);
    });
}
