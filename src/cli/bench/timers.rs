//! `luochui bench timers`: how late timers fire among many, and how fast what became due while nothing ran is made up for, with
//! bids going on. Must not count a timer before its firing is durable.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use super::Setup;
use super::alarms::arm;
use super::bids::{How, Prices, bid};
use super::database::{Choice, installed};
use super::hall::{Hall, Layout};
use super::load::Latencies;
use super::rows::{print_row, rounded, runtime, temporary};
use crate::cli::Failure;
use crate::clock::Clock;
use crate::engine::{Engine, EngineConfig, EngineError};
use crate::machine::Time;
use crate::machine::step::Cause;
use crate::store::connection::{Target, Use};
use crate::store::timer_rows::timers_due;

#[derive(clap::Args)]
pub struct Options {
    /// Timers armed for later, among which the measured ones fire.
    #[arg(long, default_value_t = 100_000)]
    armed: usize,
    /// Measured timers a second.
    #[arg(long, default_value_t = 500)]
    per_second: usize,
    /// How long timers are measured.
    #[arg(long, default_value_t = 15)]
    seconds: usize,
    /// Timers that become due while nothing runs; 0 leaves that measurement out.
    #[arg(long, default_value_t = 10_000)]
    overdue: usize,
    #[command(flatten)]
    setup: Setup,
}

/// Times are milliseconds, from a timer's due time until its firing was durable.
#[derive(Serialize)]
struct Row {
    bench: &'static str,
    database: &'static str,
    armed: usize,
    fired: usize,
    /// Firings that the listener was too slow for; what they were late is not known.
    unheard: usize,
    early: usize,
    late_p50_ms: i64,
    late_p99_ms: i64,
    late_max_ms: i64,
}

#[derive(Serialize)]
struct RestartRow {
    bench: &'static str,
    database: &'static str,
    overdue: usize,
    /// From the start of the process until it answered.
    ready_ms: f64,
    /// From then until no timer was overdue.
    drained_ms: f64,
    /// Of the bids that came meanwhile, a hundred a second, counted from their intended times.
    meanwhile: Latency,
    /// Of all bids, which go on afterwards.
    bids: Latency,
    bids_failed: u64,
}

#[derive(Serialize)]
struct Latency {
    count: usize,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Latency {
    fn of(latencies: &Latencies) -> Self {
        Self {
            count: latencies.count(),
            p50_ms: latencies.per_mille(500),
            p99_ms: latencies.per_mille(990),
            max_ms: latencies.per_mille(1_000),
        }
    }
}

/// What is armed for later is due long after the measurement.
const LATER: i64 = 6 * 3_600_000;

/// Between arming the measured timers and the first of them.
const HEAD_START: i64 = 2_000;

/// After so long without a firing none is waited for.
const SILENCE: Duration = Duration::from_secs(30);

/// Bidders who go on while overdue timers are made up for.
const BIDDERS: usize = 100;

/// How long bids go on after the restart.
const BIDDING: Duration = Duration::from_secs(20);

pub fn run(config: Option<&Path>, options: &Options) -> Result<(), Failure> {
    for database in &installed(&options.setup.database) {
        let runtime = runtime(2)?;
        let folder = temporary(options.setup.dir.as_deref())?;
        let row = runtime.block_on(lateness(options, database, folder.path()))?;
        print_row(&row, options.setup.json)?;
        if options.overdue > 0 {
            let folder = temporary(options.setup.dir.as_deref())?;
            let row = runtime.block_on(restart(config, options, database, folder.path()))?;
            print_row(&row, options.setup.json)?;
        }
    }
    Ok(())
}

async fn lateness(options: &Options, database: &Choice, folder: &Path) -> Result<Row, Failure> {
    let failed = |error: EngineError| Failure(format!("failed to run the engine: {error}"));
    let prepared = database.prepare(folder)?;
    let (engine, handle) = Engine::start(&EngineConfig::new(&prepared.url), Clock::system()).map_err(failed)?;
    let later = engine.now().plus_millis(LATER);
    arm(&engine, (0..options.armed).map(|_| later)).await?;
    let wanted = options.per_second * options.seconds;
    let spread = |number: usize| i64::try_from(number * 1_000 / options.per_second.max(1)).unwrap_or(0);
    // Long enough that all are armed before the first is due.
    let first = engine
        .now()
        .plus_millis(HEAD_START + i64::try_from(wanted).unwrap_or(0) * 2);
    let heard = tokio::spawn(hear(engine.clone(), wanted));
    arm(&engine, (0..wanted).map(|number| first.plus_millis(spread(number)))).await?;
    let mut late = heard
        .await
        .map_err(|error| Failure::while_doing("hear timers")(&error))?;
    drop(engine);
    let joined = tokio::task::spawn_blocking(move || handle.join()).await;
    joined.map_err(|error| Failure::while_doing("end the engine")(&error))?;
    late.sort_unstable();
    let at = |mille: usize| {
        let index = (late.len() * mille / 1_000).min(late.len().saturating_sub(1));
        late.get(index).copied().unwrap_or_default()
    };
    Ok(Row {
        bench: "timers",
        database: database.name(),
        armed: options.armed,
        fired: late.len(),
        unheard: wanted.saturating_sub(late.len()),
        early: late.iter().filter(|late| **late < 0).count(),
        late_p50_ms: at(500),
        late_p99_ms: at(990),
        late_max_ms: at(1_000),
    })
}

/// How late each firing was that could be heard of, until it was as many as wanted or nothing came any more.
async fn hear(engine: Engine, wanted: usize) -> Vec<i64> {
    let mut committed = engine.subscribe();
    let mut late = Vec::with_capacity(wanted);
    while late.len() < wanted {
        let decision = match tokio::time::timeout(SILENCE, committed.recv()).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(RecvError::Lagged(_))) => continue,
            Ok(Err(RecvError::Closed)) | Err(_) => break,
        };
        let now = engine.now();
        let inputs = decision.entries.iter().filter_map(|entry| entry.private.as_ref());
        let fired = inputs.filter(|private| matches!(private.input.cause, Cause::Timer { .. }));
        late.extend(fired.map(|private| now.millis_since(private.input.at)));
    }
    late
}

/// Timers become due while no server runs; then one starts, and bids begin at once.
async fn restart(
    config: Option<&Path>,
    options: &Options,
    database: &Choice,
    folder: &Path,
) -> Result<RestartRow, Failure> {
    let alarms = options.overdue;
    // Arming takes a while, and then the room must open and come to bidding before they are due.
    let arming = i64::try_from(alarms).unwrap_or(0) * 2;
    let layout = Layout {
        bidders: BIDDERS,
        log: "warn".into(),
        alarms: Some((alarms, arming + 20_000)),
        ..Layout::default()
    };
    let mut hall = Hall::open(config, database, folder, &layout).await?;
    let due = hall.alarms_due.unwrap_or_default();
    let until = |time: Time| {
        let millis = time.millis_since(Clock::system().now()).max(0);
        tokio::time::sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
    };
    until(due.plus_millis(-1_500)).await;
    hall.kill();
    until(due.plus_millis(200)).await;
    let started = Instant::now();
    hall.start(1).await?;
    let ready = started.elapsed();
    let up = Instant::now();
    let url = hall.url().to_owned();
    let drained = tokio::task::spawn_blocking(move || drained(&url, up));
    let prices = Prices::of(&hall.lot);
    let seen = bid(&hall, &prices, (BIDDERS, How::Rate(100), BIDDING)).await?;
    let drained = drained
        .await
        .map_err(|error| Failure::while_doing("watch timers")(&error))??;
    Ok(RestartRow {
        bench: "timers_restart",
        database: database.name(),
        overdue: alarms,
        ready_ms: rounded(ready.as_secs_f64() * 1_000.0, 1),
        drained_ms: rounded(drained.as_secs_f64() * 1_000.0, 1),
        meanwhile: Latency::of(&seen.latencies_before(up + drained)),
        bids: Latency::of(&seen.latencies()),
        bids_failed: seen.failed + seen.turned_away,
    })
}

/// Looks into the database until nothing is overdue.
fn drained(url: &str, since: Instant) -> Result<Duration, Failure> {
    let failed = |error: crate::store::StoreError| Failure(format!("failed to watch timers: {error}"));
    let mut conn = Target::parse(url)
        .and_then(|target| target.open(Use::Read))
        .map_err(failed)?;
    let clock = Clock::system();
    while !timers_due(&mut conn, clock.now(), 1).map_err(failed)?.is_empty() {
        if since.elapsed() > Duration::from_secs(120) {
            return Err(Failure("timers were still overdue after two minutes".into()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(since.elapsed())
}
