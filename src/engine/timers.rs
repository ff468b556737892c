//! Offers due timers to their trades: sleeps until the next is due, is woken when an earlier one is armed, never early.
//! Must not decide whether a timer still counts: the step does, by its generation.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Engine, EngineError, Request, Submission};
use crate::machine::Time;
use crate::machine::step::{Actor, Cause};
use crate::store::StoreError;
use crate::store::timer_rows::{TimerRow, timer_next, timers_due};

/// Timers offered at once. Few, so that commands of people come in between when many are due.
const AT_ONCE: i64 = 10;

/// Timers offered at once where the first ones do not fire: enough to get past the timers of a thousand damaged trades.
const MOST_AT_ONCE: i64 = 1_000;

/// How long a close waits for events that were stamped before its deadline and are still on their way to the queue.
const DRAIN: Duration = Duration::from_secs(1);

/// The safety net: how long to sleep at most, for what another process arms and for a clock that is set forward.
const POLL: Duration = Duration::from_millis(500);

/// Pause after a failure, and where a round changed nothing.
const PAUSE: Duration = Duration::from_millis(500);

/// Runs until the engine stops.
pub(super) async fn run(engine: Engine) {
    let mut last: BTreeSet<(String, String, i64)> = BTreeSet::new();
    let mut limit = AT_ONCE;
    while !engine.inner.is_stopping() {
        let stuck = match round(&engine, limit).await {
            Ok(fired) if fired.is_empty() => {
                wait(&engine).await;
                false
            }
            Ok(fired) => {
                let same = fired == last;
                if same {
                    tracing::error!(timers = ?fired, "due timers do not fire");
                }
                last = fired;
                same
            }
            Err(EngineError::Stopping) => return,
            Err(error) => {
                tracing::error!(%error, "due timers could not be offered");
                true
            }
        };
        // The same timers again, longest overdue first: others must still get their turn, so more are taken.
        if stuck {
            limit = (limit + AT_ONCE).min(MOST_AT_ONCE);
            tokio::time::sleep(PAUSE).await;
        } else {
            limit = AT_ONCE;
        }
    }
}

/// Offers what is due and waits for the outcome.
async fn round(engine: &Engine, limit: i64) -> Result<BTreeSet<(String, String, i64)>, EngineError> {
    let now = engine.now();
    let due = engine.read(move |conn| timers_due(conn, now, limit)).await?;
    let Some(latest) = due.iter().map(|timer| Time(timer.due_at)).max() else {
        return Ok(BTreeSet::new());
    };
    engine.drained(latest, DRAIN).await;
    let mut offered = Vec::new();
    for timer in &due {
        metrics::histogram!("luochui_timer_lateness_seconds").record(seconds(now.millis_since(Time(timer.due_at))));
        offered.push(engine.submit(submission(timer)?));
    }
    for outcome in futures_util::future::join_all(offered).await {
        match outcome {
            // An overloaded queue keeps the timer due; the next round offers it again.
            Ok(_) | Err(EngineError::NotFound | EngineError::Overloaded { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(due
        .into_iter()
        .map(|timer| (timer.instance, timer.name, timer.generation))
        .collect())
}

async fn wait(engine: &Engine) {
    let alarm = &engine.inner.common.alarm;
    alarm.reset();
    let next = match engine.read(timer_next).await {
        Ok(next) => next,
        Err(error) => {
            tracing::error!(%error, "the next timer could not be read");
            tokio::time::sleep(PAUSE).await;
            return;
        }
    };
    let due = next.unwrap_or(Time(i64::MAX));
    alarm.expect(due);
    let until_due = async {
        match next {
            Some(due) => engine.sleep_until(due).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = until_due => {}
        () = alarm.wait() => {}
        () = tokio::time::sleep(POLL) => {}
        () = engine.inner.stopped() => {}
    }
}

fn submission(timer: &TimerRow) -> Result<Submission, StoreError> {
    let generation = u32::try_from(timer.generation).map_err(|_| StoreError::Corrupt("a timer's generation".into()))?;
    Ok(Submission {
        actor: Actor::system(),
        key: None,
        ingress: Time(timer.due_at),
        request: Request::Offer {
            instance: timer.instance.as_str().into(),
            cause: Cause::Timer {
                name: timer.name.as_str().into(),
                generation,
            },
        },
    })
}

fn seconds(millis: i64) -> f64 {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).as_secs_f64()
}
