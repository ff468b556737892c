//! `luochui bench watchers`: how long a decided bid takes to reach everybody who watches the room, and what a watcher costs.
//! Must not count from later than the moment at which the bid was sent.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Setup;
use super::bids::Prices;
use super::database::{Choice, installed};
use super::hall::{Hall, Layout};
use super::load::{Outcome, Seen, until};
use super::probe::resident_kib;
use super::rows::{print_row, real, rounded, temporary};
use crate::cli::Failure;
use crate::config::Config;

#[derive(clap::Args)]
pub struct Options {
    /// Live streams that are open on one room.
    #[arg(long, default_value_t = 5_000)]
    watchers: usize,
    /// Accepted bids a second.
    #[arg(long, default_value_t = 2)]
    per_second: u32,
    /// How long is measured.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    #[command(flatten)]
    setup: Setup,
}

/// Times are milliseconds from sending a bid until a watcher has read what was published of it: deciding and writing it included.
#[derive(Serialize)]
struct Row {
    bench: &'static str,
    database: &'static str,
    watchers: usize,
    bids: u32,
    /// Events read, of watchers times bids.
    heard: usize,
    missed: usize,
    fan_out_p50_ms: f64,
    fan_out_p99_ms: f64,
    fan_out_max_ms: f64,
    /// Memory of the server's process per watcher, beyond what it took before they came.
    kib_each: f64,
}

/// How many connect at the same time.
const CONNECTING: usize = 100;

/// How long the last event may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(5);

/// All watchers come from one address here.
fn admit(config: &mut Config) {
    config.limits.streams = 100_000;
    config.limits.streams_per_address = 100_000;
}

pub fn run(config: Option<&Path>, options: &Options) -> Result<(), Failure> {
    for database in &installed(&options.setup.database) {
        let folder = temporary(options.setup.dir.as_deref())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| Failure::while_doing("start")(&error))?;
        let layout = Layout {
            bidders: 2,
            log: "warn".into(),
            change: admit,
            ..Layout::default()
        };
        let row = runtime.block_on(async {
            let hall = Hall::open(config, database, folder.path(), &layout).await?;
            measure(&hall, database, options).await
        })?;
        print_row(&row, options.setup.json)?;
    }
    Ok(())
}

/// When each bid was sent, in microseconds after the beginning, by how many steps its price lies above the start.
struct Sent {
    began: Instant,
    at: Vec<AtomicU64>,
    start: i64,
    step: i64,
}

impl Sent {
    fn place(&self, price: i64) -> Option<&AtomicU64> {
        let steps = (price - self.start).checked_div(self.step)?;
        self.at.get(usize::try_from(steps).ok()?)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

async fn measure(hall: &Hall, database: &Choice, options: &Options) -> Result<Row, Failure> {
    let seconds = u32::try_from(options.seconds).unwrap_or(u32::MAX);
    let bids = options.per_second.saturating_mul(seconds);
    let server = hall.servers.first().ok_or_else(|| Failure("no server runs".into()))?;
    let sent = Arc::new(Sent {
        began: Instant::now(),
        at: (0..=bids).map(|_| AtomicU64::new(0)).collect(),
        start: hall.lot.start_price,
        step: hall.lot.increment,
    });
    let before = resident_kib(&server.id().to_string());
    let path = format!("/api/v1/auctions/{}/stream", hall.lot.auction);
    let mut watching = JoinSet::new();
    let mut streams = Vec::new();
    while streams.len() < options.watchers {
        let batch = (streams.len()..options.watchers.min(streams.len() + CONNECTING))
            .map(|_| watch(server.address, &path))
            .collect::<Vec<_>>();
        for stream in futures_util::future::join_all(batch).await {
            streams.push(stream.map_err(|error| Failure::while_doing("watch")(&error))?);
        }
    }
    for stream in streams {
        watching.spawn(read(stream, Arc::clone(&sent), bids));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = bid(hall, &sent, (bids, options.per_second)).await?;
    let after = resident_kib(&server.id().to_string());
    let heard = hear(&mut watching).await;
    let expected = options.watchers * usize::try_from(seen.accepted).unwrap_or(0);
    let mut all = Seen {
        latencies: heard,
        ..Seen::default()
    };
    Ok(Row {
        bench: "watchers",
        database: database.name(),
        watchers: options.watchers,
        bids,
        heard: all.latencies.len(),
        missed: expected.saturating_sub(all.latencies.len()),
        fan_out_p50_ms: all.per_mille(500),
        fan_out_p99_ms: all.per_mille(990),
        fan_out_max_ms: all.per_mille(1_000),
        kib_each: rounded(
            real(after.saturating_sub(before)) / real(u64::try_from(options.watchers).unwrap_or(1)),
            2,
        ),
    })
}

/// One bidder bids at a steady pace.
async fn bid(hall: &Hall, sent: &Sent, (bids, per_second): (u32, u32)) -> Result<Seen, Failure> {
    let prices = Prices::of(&hall.lot);
    let mut bidder = hall.bidder(0).await?;
    let mut seen = Seen::default();
    let started = Instant::now();
    for number in 0..bids {
        until(started + Duration::from_secs(1) * number / per_second.max(1)).await;
        let price = prices.take();
        if let Some(at) = sent.place(price) {
            at.store(sent.now(), Ordering::SeqCst);
        }
        let moment = Instant::now();
        let outcome = bidder.bid(price).await;
        seen.note(outcome, moment.elapsed());
        if outcome != Outcome::Accepted {
            return Err(Failure(format!("a bid was not accepted: {outcome:?}")));
        }
    }
    Ok(seen)
}

async fn hear(watching: &mut JoinSet<Vec<Duration>>) -> Vec<Duration> {
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut heard = Vec::new();
    while let Ok(Some(one)) = tokio::time::timeout_at(end, watching.join_next()).await {
        heard.extend(one.unwrap_or_default());
    }
    heard
}

async fn watch(address: std::net::SocketAddr, path: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    // The answer's head and where the room stands come at once.
    stream.readable().await?;
    Ok(stream)
}

/// Reads until the last bid was published.
async fn read(mut stream: TcpStream, sent: Arc<Sent>, bids: u32) -> Vec<Duration> {
    const PRICE: &[u8] = b"\"price\":";
    const PUBLISHED: &[u8] = b"event: published";
    let mut heard = Vec::new();
    let mut buffer = Vec::with_capacity(1_024);
    while heard.len() < usize::try_from(bids).unwrap_or(usize::MAX) {
        buffer.clear();
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let now = sent.now();
        if !buffer.windows(PUBLISHED.len()).any(|window| window == PUBLISHED) {
            continue;
        }
        for (at, window) in buffer.windows(PRICE.len()).enumerate() {
            if window != PRICE {
                continue;
            }
            let digits = buffer.get(at + PRICE.len()..).unwrap_or_default().iter();
            let price = digits
                .take_while(|byte| byte.is_ascii_digit())
                .fold(0_i64, |price, digit| price * 10 + i64::from(digit - b'0'));
            let moment = sent.place(price).map_or(0, |at| at.load(Ordering::SeqCst));
            if moment > 0 {
                heard.push(Duration::from_micros(now.saturating_sub(moment)));
            }
        }
    }
    heard
}
