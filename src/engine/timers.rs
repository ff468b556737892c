//! Offers due timers to their trades: sleeps until the next is due, is woken when an earlier one is armed, never early.
//! Must not decide whether a timer still counts: the step does, by its generation.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::{Engine, EngineError, Receipt, Request, Submission, pulse};
use crate::machine::Time;
use crate::machine::step::{Actor, Cause};
use crate::store::StoreError;
use crate::store::timer_rows::{TimerRow, timer_next, timers_due};

/// Timers offered at once. Few, so that commands of people come in between when many are due.
const AT_ONCE: i64 = 10;

/// Timers offered at once where the first ones do not fire: enough to get past the timers of a thousand damaged trades.
const MOST_AT_ONCE: i64 = 1_000;

/// The safety net: how long to sleep at most, for what another process arms and for a clock that is set forward.
const POLL: Duration = Duration::from_millis(500);

/// How long a round waits for the timers it offered. Decided timers are answered in milliseconds.
const MOMENT: Duration = Duration::from_millis(10);

/// Offers that may wait for their answers; more are made when these are in.
const MOST_OFFERED: usize = 200;

/// How long other processes wait at most to be told.
const TELL: Duration = Duration::from_secs(1);

/// Pause after a failure, and where a round changed nothing.
const PAUSE: Duration = Duration::from_millis(500);

/// Names one arming of one timer.
type Arming = (String, String, i64);

type Offer = Pin<Box<dyn Future<Output = (Arming, Result<Receipt, EngineError>)> + Send>>;

/// Offers that are not answered yet. A deadline that waits for what was stamped before it holds up no other.
#[derive(Default)]
struct Offered {
    answers: FuturesUnordered<Offer>,
    armings: BTreeSet<Arming>,
}

/// Runs until the engine stops.
pub(super) async fn run(engine: Engine) {
    let mut offered = Offered::default();
    let mut last: BTreeSet<Arming> = BTreeSet::new();
    let mut limit = AT_ONCE;
    while !engine.inner.is_stopping() {
        let stuck = match round(&engine, &mut offered, limit).await {
            Ok(due) if due.is_empty() => {
                wait(&engine, &mut offered).await;
                false
            }
            Ok(due) => {
                let same = due == last;
                if same {
                    tracing::error!(timers = ?due, "due timers do not fire");
                }
                last = due;
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

/// Offers what is due and waits for the outcome, but for no longer than a moment: what waits itself is left on its way.
async fn round(engine: &Engine, offered: &mut Offered, limit: i64) -> Result<BTreeSet<Arming>, EngineError> {
    if offered.armings.len() >= MOST_OFFERED {
        offered.next().await?;
    }
    let now = engine.now();
    let limit = limit + i64::try_from(offered.armings.len()).unwrap_or(0);
    let due = engine.read(move |conn| timers_due(conn, now, limit)).await?;
    let mut fresh = BTreeSet::new();
    for timer in &due {
        let arming = (timer.instance.clone(), timer.name.clone(), timer.generation);
        if !offered.armings.insert(arming.clone()) {
            continue;
        }
        metrics::histogram!("luochui_timer_lateness_seconds").record(seconds(now.millis_since(Time(timer.due_at))));
        let (engine, submission) = (engine.clone(), submission(timer)?);
        fresh.insert(arming.clone());
        let offer = async move { (arming, engine.submit(submission).await) };
        offered.answers.push(Box::pin(offer));
    }
    if !fresh.is_empty() && engine.inner.common.accompanied.load(Ordering::Relaxed) {
        tokio::spawn(tell_others(engine.clone(), now));
    }
    let answered = tokio::time::timeout(MOMENT, async {
        while !offered.armings.is_disjoint(&fresh) {
            offered.next().await?;
        }
        Ok::<(), EngineError>(())
    });
    // What is still on its way after a moment is answered while the loop goes on.
    answered.await.unwrap_or(Ok(()))?;
    Ok(fresh)
}

impl Offered {
    /// Waits for the next answer.
    async fn next(&mut self) -> Result<(), EngineError> {
        let Some((arming, answer)) = self.answers.next().await else {
            return std::future::pending().await;
        };
        self.armings.remove(&arming);
        match answer {
            // An overloaded queue keeps the timer due; the next round offers it again.
            Ok(_) | Err(EngineError::NotFound | EngineError::Overloaded { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Tells the processes that share the database that nothing stamped before now is on its way here, as soon as that is so.
async fn tell_others(engine: Engine, now: Time) {
    let common = &engine.inner.common;
    let end = Instant::now() + TELL;
    while common.ingress.drained(|| now) < now && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    if let Err(error) = pulse::mark(&engine).await {
        tracing::warn!(%error, "other processes could not be told that this one is drained");
    }
}

async fn wait(engine: &Engine, offered: &mut Offered) {
    let alarm = &engine.inner.common.alarm;
    alarm.reset();
    // What is due already and on its way is not waited for.
    let after = match offered.armings.is_empty() {
        true => Time(i64::MIN),
        false => engine.now(),
    };
    let next = match engine.read(move |conn| timer_next(conn, after)).await {
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
        answer = offered.next() => {
            if let Err(error) = answer {
                tracing::error!(%error, "a due timer was not decided");
                tokio::time::sleep(PAUSE).await;
            }
        }
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
