//! Deadlines fire whatever becomes of other trades'.

use std::time::{Duration, Instant};

use diesel::RunQueryDsl as _;
use luochui::store::StoreError;

use crate::support::engine::{Place, open, run, start, still, with_bundle};

#[test]
fn damaged_trades_do_not_keep_the_timers_of_others_from_firing() {
    run(async {
        let place = Place::sqlite();
        let clock = still();
        let (engine, handle) = with_bundle(&place, &clock).await;
        for number in 0..11 {
            open(&engine, &format!("坏{number}")).await;
        }
        let damage = |conn: &mut _| -> Result<(), StoreError> {
            diesel::sql_query("UPDATE instances SET body = '{'").execute(conn)?;
            Ok(())
        };
        engine.write("damage", damage).await.unwrap();
        clock.advance_to(engine.now().plus_millis(1_000));
        let sound = open(&engine, "好").await;
        drop(engine);
        handle.join();

        let (engine, _handle) = start(&place, &clock);
        clock.advance_to(engine.now().plus_millis(4 * 60_000));
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let trade = engine.trade(&sound).await.unwrap().trade;
            if trade.root().unwrap().states == ["resting".into()] {
                return;
            }
            assert!(Instant::now() < end, "the sound trade's timer never fired");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}
