//! `luochui bench overload`: far more bids than a slowed-down writer can decide. Must not count as good what was not decided, and
//! looks up in the database, after the server was killed, whatever had been acknowledged.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Serialize;

use super::Setup;
use super::bids::Prices;
use super::database::{Choice, installed};
use super::hall::{Hall, Layout};
use super::load::{Bidder, Outcome, Seen, until};
use super::lot;
use super::rows::{print_row, real, rounded, runtime, temporary};
use crate::cli::Failure;
use crate::config::Config;
use crate::store::connection::{Target, Use};
use crate::store::idempotency_rows::keys_find;

#[derive(clap::Args)]
pub struct Options {
    /// How much more than the writer can decide is offered.
    #[arg(long, default_value_t = 5)]
    times: u32,
    /// How long the peak and then the overload are measured.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    #[command(flatten)]
    setup: Setup,
}

#[derive(Serialize)]
struct Row {
    bench: &'static str,
    database: &'static str,
    /// Decided a second with as many clients as fit into the queue.
    peak_per_second: f64,
    offered_per_second: f64,
    decided_per_second: f64,
    /// Decided under overload, as a part of the peak.
    kept: f64,
    /// 503 with Retry-After.
    turned_away: u64,
    /// Anything else that is no decision.
    failed: u64,
    p99_ms: f64,
    acknowledged: usize,
    /// Acknowledged and not in the database after the server was killed.
    lost: usize,
    /// Decided a second once the overload is over, as a part of the peak.
    recovered: f64,
}

const BIDDERS: usize = 100;

/// Connections under overload: enough that those which wait in the queue do not slow the others down.
const CONNECTIONS: usize = 1_000;

/// What the peak is measured with: fewer than the queue holds.
const PEAK_CLIENTS: usize = 100;

/// Acknowledgements looked up at once.
const AT_ONCE: usize = 500;

/// A writer of some five hundred commands a second, with a short queue.
fn throttle(config: &mut Config) {
    config.limits.queue = 200;
    config.limits.batch = 50;
    config.limits.commit_pause_ms = 100;
}

pub fn run(config: Option<&Path>, options: &Options) -> Result<(), Failure> {
    for database in &installed(&options.setup.database) {
        let folder = temporary(options.setup.dir.as_deref())?;
        let runtime = runtime(1)?;
        let layout = Layout {
            bidders: BIDDERS,
            log: "warn".into(),
            change: throttle,
            ..Layout::default()
        };
        let row = runtime.block_on(async {
            let hall = Hall::open(config, database, folder.path(), &layout).await?;
            measure(hall, database, options).await
        })?;
        print_row(&row, options.setup.json)?;
    }
    Ok(())
}

async fn measure(hall: Hall, database: &Choice, options: &Options) -> Result<Row, Failure> {
    let prices = Prices::of(&hall.lot);
    let time = Duration::from_secs(options.seconds);
    let mut acknowledged = Vec::new();
    let peak = bid(&hall, &prices, (PEAK_CLIENTS, None, time)).await?;
    let peak_rate = real(peak.decided()) / time.as_secs_f64();
    let offered = peak_rate * f64::from(options.times);
    let mut over = bid(&hall, &prices, (CONNECTIONS, Some(offered), time)).await?;
    let rest = time.min(Duration::from_secs(5));
    let after = bid(&hall, &prices, (PEAK_CLIENTS, None, rest)).await?;
    let p99_ms = over.seen.latencies().per_mille(990);
    // What was decided after the time is no part of its rate.
    let part = |run: &Run, time: Duration| rounded(real(run.decided()) / time.as_secs_f64() / peak_rate, 3);
    let (kept, recovered) = (part(&over, time), part(&after, rest));
    for run in [peak, after] {
        acknowledged.extend(run.acknowledged);
    }
    acknowledged.append(&mut over.acknowledged);
    let sent = over.seen.decided() + over.seen.turned_away + over.seen.failed;
    let lost = lost(hall, &acknowledged)?;
    Ok(Row {
        bench: "overload",
        database: database.name(),
        peak_per_second: rounded(peak_rate, 1),
        offered_per_second: rounded(real(sent) / time.as_secs_f64(), 1),
        decided_per_second: rounded(real(over.decided()) / time.as_secs_f64(), 1),
        kept,
        turned_away: over.seen.turned_away,
        failed: over.seen.failed,
        p99_ms,
        acknowledged: acknowledged.len(),
        lost,
        recovered,
    })
}

struct Run {
    seen: Seen,
    end: Instant,
    /// Accounts and keys of decided bids.
    acknowledged: Vec<(String, String)>,
}

impl Run {
    fn until(end: Instant) -> Self {
        Self {
            seen: Seen::default(),
            end,
            acknowledged: Vec::new(),
        }
    }

    fn decided(&self) -> u64 {
        self.seen.decided_by(self.end)
    }
}

/// All connections bid until the time is over: at a rate of all together, or each as soon as it is answered.
async fn bid(
    hall: &Hall,
    prices: &Prices,
    (clients, rate, time): (usize, Option<f64>, Duration),
) -> Result<Run, Failure> {
    let mut bidders = Vec::with_capacity(clients);
    for number in 0..clients {
        bidders.push(hall.bidder(number).await?);
    }
    let started = Instant::now();
    let end = started + time;
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    let every = rate.map_or(Duration::ZERO, |rate| {
        Duration::from_secs_f64(f64::from(clients) / rate.max(1.0))
    });
    let work = bidders.into_iter().zip(0_u32..).map(|(bidder, number)| {
        let first = started + every * number / clients;
        offer(bidder, hall, prices, (first, every, end))
    });
    let mut all = Run::until(end);
    for run in join_all(work).await {
        all.seen.add(run.seen);
        all.acknowledged.extend(run.acknowledged);
    }
    Ok(all)
}

async fn offer(
    mut bidder: Bidder<'_>,
    hall: &Hall,
    prices: &Prices,
    (first, every, end): (Instant, Duration, Instant),
) -> Run {
    let mut run = Run::until(end);
    let mut intended = first;
    while Instant::now() < end && run.seen.failed == 0 {
        until(intended).await;
        let sent = Instant::now();
        let outcome = bidder.bid(prices.take()).await;
        run.seen.note(outcome, sent);
        if matches!(outcome, Outcome::Accepted | Outcome::Refused) {
            let account = lot::account(bidder.number % hall.lot.tokens.len().max(1));
            run.acknowledged.push((account, bidder.key()));
        }
        // A client that is told to come back does so at its next turn; turns that passed meanwhile are not made up for.
        intended = (intended + every).max(Instant::now() - every.min(Duration::from_millis(1)));
    }
    run
}

/// Kills the server and counts what was acknowledged and is not stored.
fn lost(hall: Hall, acknowledged: &[(String, String)]) -> Result<usize, Failure> {
    let failed = |error: crate::store::StoreError| Failure(format!("failed to look up what was acknowledged: {error}"));
    let database = hall.stop();
    let target = Target::parse(&database.url).map_err(failed)?;
    let mut conn = target.open(Use::Read).map_err(failed)?;
    let mut found = 0;
    for some in acknowledged.chunks(AT_ONCE) {
        let keys: Vec<_> = some
            .iter()
            .map(|(account, key)| (account.as_str(), key.as_str()))
            .collect();
        found += keys_find(&mut conn, &keys).map_err(failed)?.len();
    }
    Ok(acknowledged.len() - found)
}
