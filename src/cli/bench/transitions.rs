//! `luochui bench transitions`: clients in this process, each waiting for one acknowledgement before the next event.
//! Must not count anything that is not durable.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Setup;
use super::database::{Choice, installed};
use super::probe::{cpu_millis, fdatasync_per_second};
use super::rows::{print_row, rounded, runtime, temporary};
use crate::cli::Failure;
use crate::clock::Clock;
use crate::engine::{Engine, EngineConfig, EngineError, Request, Submission};
use crate::machine::step::{Actor, Answer, Cause};
use crate::machine::value::Map;
use crate::machine::{Name, Value};

#[derive(clap::Args)]
pub struct Options {
    /// How many clients work at once, one row each.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    clients: Vec<usize>,
    /// How long each row is measured.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    #[command(flatten)]
    setup: Setup,
}

/// One row of the result.
#[derive(Serialize)]
struct Row {
    bench: &'static str,
    database: &'static str,
    clients: usize,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    commits: u64,
    cpu_ms_each: f64,
    fdatasync_per_second: f64,
}

/// Whether each client has trades of its own, or all share one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Different,
    Hot,
}

const EVENTS: [(&str, bool); 6] = [
    ("submit", true),
    ("check", false),
    ("approve", false),
    ("pay", true),
    ("deliver", false),
    ("close", false),
];

/// How long the disk is probed before each row.
const PROBE: Duration = Duration::from_secs(1);

pub fn run(options: &Options) -> Result<(), Failure> {
    for database in &installed(&options.setup.database) {
        let most = options.clients.iter().copied().max().unwrap_or(1);
        let rows = options.clients.iter().map(|clients| (*clients, Load::Different));
        for (clients, load) in rows.chain([(most, Load::Hot)]) {
            let row = measure(options, database, clients, load)?;
            print_row(&row, options.setup.json)?;
        }
    }
    Ok(())
}

fn measure(options: &Options, database: &Choice, clients: usize, load: Load) -> Result<Row, Failure> {
    let folder = temporary(options.setup.dir.as_deref())?;
    let probe =
        fdatasync_per_second(folder.path(), PROBE).map_err(|error| Failure::while_doing("probe the disk")(&error))?;
    let prepared = database.prepare(folder.path())?;
    let runtime = runtime(available_parallelism().map_or(1, NonZero::get))?;
    let time = Duration::from_secs(options.seconds);
    let measured = runtime.block_on(load_engine(&prepared.url, clients, load, time))?;
    let mut latencies = measured.latencies;
    latencies.sort_unstable();
    let events = f64::from(u32::try_from(latencies.len()).unwrap_or(u32::MAX));
    Ok(Row {
        bench: match load {
            Load::Different => "transitions",
            Load::Hot => "transitions_hot",
        },
        database: database.name(),
        clients,
        per_second: rounded(events / measured.elapsed.as_secs_f64(), 1),
        p50_ms: percentile(&latencies, 50),
        p99_ms: percentile(&latencies, 99),
        commits: measured.commits,
        cpu_ms_each: rounded(measured.cpu_millis / events.max(1.0), 4),
        fdatasync_per_second: rounded(probe, 1),
    })
}

struct Measured {
    /// Of each event, from sending it to its acknowledgement.
    latencies: Vec<Duration>,
    elapsed: Duration,
    commits: u64,
    cpu_millis: f64,
}

async fn load_engine(url: &str, clients: usize, load: Load, time: Duration) -> Result<Measured, Failure> {
    let failed = |error: EngineError| Failure(format!("failed to run the benchmark: {error}"));
    let config = EngineConfig::new(url);
    let (engine, handle) = Engine::start(&config, Clock::system()).map_err(failed)?;
    let published = engine.library().publish(files(), "bench").await;
    published.map_err(|error| Failure(format!("failed to publish the machine: {error}")))?;
    let hot = open(&engine, "hot").await.map_err(failed)?;
    let (commits, cpu) = (engine.commits(), cpu_millis());
    let started = Instant::now();
    let end = started + time;
    let tasks = (0..clients).map(|_| {
        let (engine, hot) = (engine.clone(), hot.clone());
        tokio::spawn(async move {
            match load {
                Load::Different => work(&engine, end).await,
                Load::Hot => raise(&engine, &hot, end).await,
            }
        })
    });
    let mut latencies = Vec::new();
    for task in futures_util::future::join_all(tasks).await {
        let done = task.map_err(|error| Failure::while_doing("run a client")(&error))?;
        latencies.extend(done.map_err(failed)?);
    }
    let measured = Measured {
        latencies,
        elapsed: started.elapsed(),
        commits: engine.commits() - commits,
        cpu_millis: cpu_millis() - cpu,
    };
    drop(engine);
    handle.join();
    Ok(measured)
}

/// One client: trade after trade, seven events each.
async fn work(engine: &Engine, end: Instant) -> Result<Vec<Duration>, EngineError> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let sent = Instant::now();
        let trade = open(engine, "work").await?;
        latencies.push(sent.elapsed());
        for (name, with_amount) in EVENTS {
            let amount = if with_amount {
                vec![("amount", Value::Int(12_500))]
            } else {
                Vec::new()
            };
            let sent = Instant::now();
            offer(engine, &trade, name, &amount).await?;
            latencies.push(sent.elapsed());
        }
    }
    Ok(latencies)
}

/// One client of the hot trade.
async fn raise(engine: &Engine, trade: &Name, end: Instant) -> Result<Vec<Duration>, EngineError> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let sent = Instant::now();
        offer(engine, trade, "raise", &[("by", Value::Int(100))]).await?;
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}

async fn open(engine: &Engine, machine: &str) -> Result<Name, EngineError> {
    let data = if machine == "work" {
        map(&[("subject", "测量".into())])
    } else {
        Map::new()
    };
    let request = Request::Open {
        bundle: "transitions".into(),
        machine: Some(machine.into()),
        data,
    };
    submit(engine, request).await
}

async fn offer(engine: &Engine, trade: &Name, name: &str, payload: &[(&str, Value)]) -> Result<Name, EngineError> {
    let cause = Cause::event(name, map(payload));
    let request = Request::Offer {
        instance: trade.clone(),
        cause,
    };
    submit(engine, request).await
}

async fn submit(engine: &Engine, request: Request) -> Result<Name, EngineError> {
    let actor = Actor {
        account: "bench".into(),
        member: true,
        ..Actor::default()
    };
    let submission = Submission {
        actor,
        key: None,
        ingress: engine.now(),
        request,
    };
    let receipt = engine.submit(submission).await?;
    match receipt.answer {
        Answer::Taken { .. } => Ok(receipt.trade),
        other => Err(EngineError::Step(format!("{}: {other:?}", receipt.instance))),
    }
}

fn map(entries: &[(&str, Value)]) -> Map {
    entries
        .iter()
        .map(|(name, value)| (Name::from(*name), value.clone()))
        .collect()
}

fn files() -> BTreeMap<String, String> {
    let files = [
        ("bundle.yaml", include_str!("../../../benches/transitions/bundle.yaml")),
        ("work.yaml", include_str!("../../../benches/transitions/work.yaml")),
        ("hot.yaml", include_str!("../../../benches/transitions/hot.yaml")),
    ];
    files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect()
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(index)
        .map_or(0.0, |latency| rounded(latency.as_secs_f64() * 1_000.0, 3))
}
