//! A deadline that one process meets while another one holds what was stamped before it: in real time, on PostgreSQL, with stamps
//! around the deadline and requests that take up to more than a second to surface.

use std::time::Duration;

use luochui::clock::Clock;
use luochui::engine::{Engine, EngineConfig};
use luochui::machine::{Name, Time};
use luochui::store::incident_rows::incidents_open;

use super::hall::{bid, due, files, is_taken, open, send, state, until};
use crate::support::engine::{Place, run};

/// How long a request takes from its stamp to its decision, in milliseconds: a deadline waits for a second.
const DELAYS: [u64; 6] = [0, 150, 400, 700, 850, 1_300];

/// When it comes in, by the deadline, in milliseconds.
const STAMPS: [i64; 4] = [-40, -1, 0, 1];

/// A request that is decided within this time comes before its deadline's second is over, however busy the machine.
const SURELY_MILLIS: u64 = 500;

/// What became of one request.
#[derive(Debug)]
struct Outcome {
    delay: u64,
    in_time: bool,
    taken: bool,
    state: String,
    incident: bool,
}

impl Outcome {
    /// One that came in time is decided before the room closes, or the room does not close, or people are told; a late one never
    /// counts.
    fn is_right(&self) -> bool {
        match (self.in_time, self.taken) {
            (false, taken) => !taken,
            (true, true) => true,
            (true, false) => self.state == "suspended" || (self.delay > SURELY_MILLIS && self.incident),
        }
    }
}

async fn sleep_until(engine: &Engine, at: Time) {
    let left = |engine: &Engine| u64::try_from(at.millis_since(engine.now())).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(left(engine).saturating_sub(2))).await;
    while left(engine) > 0 {
        tokio::task::yield_now().await;
    }
}

async fn incident_of(engine: &Engine, lot: &Name) -> bool {
    let open = engine.read(|conn| incidents_open(conn, 1_000)).await.unwrap();
    open.iter()
        .any(|incident| incident.kind == "late_ingress" && incident.trade.as_deref() == Some(&**lot))
}

/// The room is opened through one process, and the request that matters comes in at the other.
async fn play(holder: Engine, other: Engine, (stamped, delay): (i64, u64)) -> Outcome {
    let lot = open(&other, &format!("{stamped} {delay}")).await;
    until(&holder, &lot, "open").await;
    let due = due(&holder, &lot).await;
    sleep_until(&holder, due.plus_millis(stamped)).await;
    let stamp = holder.stamp();
    let at = stamp.at();
    tokio::time::sleep(Duration::from_millis(delay)).await;
    let receipt = send(holder.clone(), stamp, bid(&lot, "ann", 100, at)).await;
    // Whoever holds the deadline back does so for a second at most.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    Outcome {
        delay,
        in_time: at < due,
        taken: is_taken(&receipt),
        state: state(&other, &lot).await,
        incident: incident_of(&other, &lot).await,
    }
}

#[test]
fn no_process_decides_a_deadline_over_what_another_one_holds() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let engine = || Engine::start(&EngineConfig::new(place.url()), Clock::system()).unwrap();
        let ((holder, _one), (other, _two)) = (engine(), engine());
        other
            .library()
            .publish(files("1500 milliseconds"), "admin")
            .await
            .unwrap();
        let cases = STAMPS.iter().flat_map(|stamp| DELAYS.map(|delay| (*stamp, delay)));
        let outcomes = cases.map(|case| play(holder.clone(), other.clone(), case));
        let outcomes = futures_util::future::join_all(outcomes).await;
        let wrong: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_right()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(
            outcomes.iter().any(|outcome| outcome.in_time && outcome.taken),
            "{outcomes:#?}"
        );
        assert!(outcomes.iter().any(|outcome| !outcome.in_time), "{outcomes:#?}");
    });
}
