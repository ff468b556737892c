//! `luochui bench bids`: bids on one live lot over HTTP, each client with one bid in flight, against the server as it ships.
//! Must not count a bid that was not answered, and must not measure anything less durable than what is served.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Serialize;

use super::Setup;
use super::database::{Choice, installed};
use super::hall::{Hall, Layout};
use super::load::{Bidder, Seen, until};
use super::lot::Lot;
use super::probe::{cpu_millis, fdatasync_per_second};
use super::rows::{print_row, real, rounded, runtime, temporary};
use crate::cli::Failure;

#[derive(clap::Args)]
pub struct Options {
    /// How many clients bid at once, one row each.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,200")]
    clients: Vec<usize>,
    /// How long each row is measured.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Instead: this many bids a second by 200 bidders, whether or not earlier ones are answered; latency counts from the time
    /// at which a bid was to be sent.
    #[arg(long, conflicts_with = "burst")]
    rate: Option<u32>,
    /// Instead: rounds in which this many bidders offer the same next price in the same moment.
    #[arg(long)]
    burst: Option<usize>,
    /// Server processes on one PostgreSQL; clients are spread over them.
    #[arg(long, default_value_t = 1)]
    processes: usize,
    /// What the servers log: a `tracing` filter.
    #[arg(long, default_value = "info")]
    log: String,
    #[command(flatten)]
    setup: Setup,
}

/// One row of the result. Times are milliseconds.
#[derive(Serialize)]
struct Row {
    bench: &'static str,
    database: &'static str,
    processes: usize,
    clients: usize,
    /// Offered a second; absent where each client sends as soon as it is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<u32>,
    decided_per_second: f64,
    accepted_per_second: f64,
    decided: u64,
    accepted: u64,
    turned_away: u64,
    failed: u64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
    commits_per_bid: f64,
    cpu_ms_per_bid: Cpu,
    fdatasync_per_second: f64,
}

/// Processor time per decided bid, by who used it, in milliseconds.
#[derive(Serialize)]
struct Cpu {
    server: f64,
    client: f64,
    /// PostgreSQL's own processes; 0 on SQLite.
    database: f64,
}

/// One row of bursts. Times are milliseconds.
#[derive(Serialize)]
struct BurstRow {
    bench: &'static str,
    database: &'static str,
    processes: usize,
    bids: usize,
    rounds: usize,
    /// Rounds in which exactly one bid was accepted.
    exactly_one: usize,
    failed: u64,
    /// From sending the first bid to the last answer, over the rounds.
    decided_within_median_ms: f64,
    decided_within_worst_ms: f64,
}

/// Bidders of an open loop: each sends every now and then, as people do.
const OPEN_BIDDERS: usize = 200;

/// Bids before the measured ones, so that every thread and statement has been used.
const WARM_UP: Duration = Duration::from_secs(2);

const ROUNDS: usize = 20;

const PROBE: Duration = Duration::from_secs(1);

pub fn run(config: Option<&Path>, options: &Options) -> Result<(), Failure> {
    let databases = installed(&options.setup.database);
    for database in &databases {
        let processes = match database.name() {
            "postgres" => options.processes.max(1),
            _ => 1,
        };
        let layout = |bidders| Layout {
            bidders,
            processes,
            log: options.log.clone(),
            ..Layout::default()
        };
        let measure = |bidders: usize, how: How| {
            let folder = temporary(options.setup.dir.as_deref())?;
            let probe = fdatasync_per_second(folder.path(), PROBE)
                .map_err(|error| Failure::while_doing("probe the disk")(&error))?;
            let runtime = runtime(1)?;
            runtime.block_on(async {
                let hall = Hall::open(config, database, folder.path(), &layout(bidders)).await?;
                match how {
                    How::Bursts => print_row(&bursts(&hall, database, bidders).await?, options.setup.json),
                    How::Closed | How::Rate(_) => {
                        let row = load(&hall, (database, options.seconds, probe), bidders, how).await?;
                        print_row(&row, options.setup.json)
                    }
                }
            })
        };
        match (options.rate, options.burst) {
            (Some(rate), _) => measure(OPEN_BIDDERS, How::Rate(rate))?,
            (None, Some(bids)) => measure(bids, How::Bursts)?,
            (None, None) => {
                for clients in &options.clients {
                    measure(*clients, How::Closed)?;
                }
            }
        }
    }
    Ok(())
}

/// How bids follow each other.
#[derive(Clone, Copy)]
pub enum How {
    /// As soon as the last bid is answered.
    Closed,
    Rate(u32),
    Bursts,
}

/// Prices to offer: each a step above the one before, whoever asks.
pub struct Prices {
    next: AtomicI64,
    step: i64,
}

impl Prices {
    pub fn of(lot: &Lot) -> Self {
        Self {
            next: AtomicI64::new(lot.start_price),
            step: lot.increment,
        }
    }

    pub fn take(&self) -> i64 {
        self.next.fetch_add(self.step, Ordering::Relaxed)
    }
}

async fn load(
    hall: &Hall,
    (database, seconds, probe): (&Choice, u64, f64),
    clients: usize,
    how: How,
) -> Result<Row, Failure> {
    let prices = Prices::of(&hall.lot);
    bid(hall, &prices, (clients, how, WARM_UP)).await?;
    let before = hall.counts().await?;
    let own = cpu_millis();
    let started = Instant::now();
    let seen = bid(hall, &prices, (clients, how, Duration::from_secs(seconds))).await?;
    let elapsed = started.elapsed().as_secs_f64();
    let after = hall.counts().await?;
    let decided = real(seen.decided());
    let latencies = seen.latencies();
    let each = |millis: f64| rounded(millis / decided.max(1.0), 4);
    Ok(Row {
        bench: match how {
            How::Rate(_) => "bids_rate",
            _ => "bids",
        },
        database: database.name(),
        processes: hall.servers.len(),
        clients,
        rate: match how {
            How::Rate(rate) => Some(rate),
            _ => None,
        },
        decided_per_second: rounded(decided / elapsed, 1),
        accepted_per_second: rounded(real(seen.accepted) / elapsed, 1),
        decided: seen.decided(),
        accepted: seen.accepted,
        turned_away: seen.turned_away,
        failed: seen.failed,
        p50_ms: latencies.per_mille(500),
        p99_ms: latencies.per_mille(990),
        p999_ms: latencies.per_mille(999),
        max_ms: latencies.per_mille(1_000),
        commits_per_bid: rounded(real(after.commits - before.commits) / decided.max(1.0), 4),
        cpu_ms_per_bid: Cpu {
            server: each(after.server_cpu - before.server_cpu),
            client: each(cpu_millis() - own),
            database: each(after.database_cpu - before.database_cpu),
        },
        fdatasync_per_second: rounded(probe, 1),
    })
}

/// All clients bid until the time is over.
pub async fn bid(hall: &Hall, prices: &Prices, (clients, how, time): (usize, How, Duration)) -> Result<Seen, Failure> {
    let mut bidders = Vec::with_capacity(clients);
    for number in 0..clients {
        bidders.push(hall.bidder(number).await?);
    }
    let started = Instant::now();
    let end = started + time;
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    let work = bidders.into_iter().zip(0_u32..).map(|(bidder, number)| async move {
        match how {
            How::Rate(rate) => {
                let every = Duration::from_secs(1) * clients / rate.max(1);
                let first = started + Duration::from_secs(1) * number / rate.max(1);
                at_rate(bidder, prices, (first, every, end)).await
            }
            How::Closed | How::Bursts => one_by_one(bidder, prices, end).await,
        }
    });
    let mut seen = Seen::default();
    join_all(work).await.into_iter().for_each(|one| seen.add(one));
    Ok(seen)
}

async fn one_by_one(mut bidder: Bidder<'_>, prices: &Prices, end: Instant) -> Seen {
    let mut seen = Seen::default();
    while Instant::now() < end && seen.failed == 0 {
        let sent = Instant::now();
        let outcome = bidder.bid(prices.take()).await;
        seen.note(outcome, sent);
    }
    seen
}

/// Sends at the intended times, late ones at once, and counts from the intended time.
async fn at_rate(mut bidder: Bidder<'_>, prices: &Prices, (first, every, end): (Instant, Duration, Instant)) -> Seen {
    let mut seen = Seen::default();
    let mut intended = first;
    while intended < end && seen.failed == 0 {
        until(intended).await;
        let outcome = bidder.bid(prices.take()).await;
        seen.note(outcome, intended);
        intended += every;
    }
    seen
}

/// Rounds in which all offer the same price in the same moment.
async fn bursts(hall: &Hall, database: &Choice, bids: usize) -> Result<BurstRow, Failure> {
    let mut bidders = Vec::with_capacity(bids);
    for number in 0..bids {
        bidders.push(hall.bidder(number).await?);
    }
    let mut times = Vec::with_capacity(ROUNDS);
    let (mut exactly_one, mut failed) = (0, 0);
    let mut price = hall.lot.start_price;
    for _ in 0..ROUNDS {
        let mut requests: Vec<_> = bidders.iter_mut().map(|bidder| bidder.request(price)).collect();
        let started = Instant::now();
        let sent = bidders
            .iter_mut()
            .zip(&mut requests)
            .map(|(bidder, request)| bidder.offer(request));
        let outcomes = join_all(sent).await;
        times.push(rounded(started.elapsed().as_secs_f64() * 1_000.0, 3));
        let mut seen = Seen::default();
        outcomes.into_iter().for_each(|outcome| seen.note(outcome, started));
        exactly_one += usize::from(seen.accepted == 1);
        failed += seen.failed + seen.turned_away;
        price += hall.lot.increment;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    times.sort_by(f64::total_cmp);
    Ok(BurstRow {
        bench: "bids_burst",
        database: database.name(),
        processes: hall.servers.len(),
        bids,
        rounds: ROUNDS,
        exactly_one,
        failed,
        decided_within_median_ms: times.get(ROUNDS / 2).copied().unwrap_or_default(),
        decided_within_worst_ms: times.last().copied().unwrap_or_default(),
    })
}
