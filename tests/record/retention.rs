//! What must be kept for five years at least (拍卖法 article 54) is kept, however long the platform's sweeps have run.

use luochui::engine::audit::{Depth, verify};
use luochui::store::connection::{Target, Use};
use luochui::workers::sweeps;

use super::world::{file_of, played};
use crate::support::engine::{Place, run, still};

const YEAR: i64 = 366 * 86_400_000;

#[test]
fn sweeps_leave_records_checkpoints_and_histories_alone() {
    run(async {
        let (place, clock) = (Place::sqlite(), still());
        let played = played(&place, &clock).await;
        for _ in 0..6 {
            clock.advance_to(clock.now().plus_millis(YEAR));
            sweeps::tick(&played.engine, played.engine.now()).await.unwrap();
        }
        assert_eq!(file_of(&played.engine, &played.hall).await, played.file);
        let mut conn = Target::parse(&place.url()).unwrap().open(Use::Read).unwrap();
        let report = verify(&mut conn, Depth::Replay).unwrap();
        assert_eq!((report.records, report.faults.len()), (1, 0), "{report:?}");
    });
}
