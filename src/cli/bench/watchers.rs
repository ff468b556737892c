//! `luochui bench watchers`: how long a decided bid takes to reach everybody who watches the room, and what a watcher costs.
//! Must not count from later than the moment at which the bid was sent.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Setup;
use super::bids::Prices;
use super::database::{Choice, installed};
use super::hall::{Hall, Layout};
use super::load::{Latencies, Outcome, Seen, until};
use super::probe::resident_kib;
use super::rows::{print_row, real, rounded, runtime, temporary};
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
    /// Events that nobody read in time; they count with the longest time that was waited.
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
        let runtime = runtime(1)?;
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
    let (samples, heard) = mpsc::unbounded_channel();
    for stream in streams {
        watching.spawn(read(stream, Arc::clone(&sent), samples.clone()));
    }
    drop(samples);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = bid(hall, &sent, (bids, options.per_second)).await?;
    let after = resident_kib(&server.id().to_string());
    let expected = options.watchers * usize::try_from(seen.accepted).unwrap_or(0);
    let heard = hear(heard, expected).await;
    let missed = expected.saturating_sub(heard.len());
    let all = Latencies::of(heard.iter().copied().chain(std::iter::repeat_n(PATIENCE, missed)));
    Ok(Row {
        bench: "watchers",
        database: database.name(),
        watchers: options.watchers,
        bids,
        heard: heard.len(),
        missed,
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
        seen.note(outcome, moment);
        if outcome != Outcome::Accepted {
            return Err(Failure(format!("a bid was not accepted: {outcome:?}")));
        }
    }
    Ok(seen)
}

/// What comes until it is as much as expected, or nothing more is waited for.
async fn hear(mut samples: mpsc::UnboundedReceiver<Duration>, expected: usize) -> Vec<Duration> {
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut heard = Vec::with_capacity(expected);
    while heard.len() < expected {
        match tokio::time::timeout_at(end, samples.recv()).await {
            Ok(Some(sample)) => heard.push(sample),
            Ok(None) | Err(_) => break,
        }
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

/// Tells how long each published price took, until the stream or its listener ends.
async fn read(mut stream: TcpStream, sent: Arc<Sent>, samples: mpsc::UnboundedSender<Duration>) {
    const BLANK: &[u8] = b"\n\n";
    let mut buffer = Vec::with_capacity(1_024);
    while let Ok(1..) = stream.read_buf(&mut buffer).await {
        let now = sent.now();
        // An event may come in two parts: what is not whole stays.
        while let Some(end) = buffer.windows(BLANK.len()).position(|window| window == BLANK) {
            let event: Vec<u8> = buffer.drain(..end + BLANK.len()).collect();
            let moment = price(&event).and_then(|price| sent.place(price));
            let moment = moment.map_or(0, |at| at.load(Ordering::SeqCst));
            if moment > 0 && samples.send(Duration::from_micros(now.saturating_sub(moment))).is_err() {
                return;
            }
        }
    }
}

/// The price that an event publishes.
fn price(event: &[u8]) -> Option<i64> {
    let event = std::str::from_utf8(event).ok()?;
    let published = event.split_once("event: published")?.1;
    let digits = published.split_once("\"price\":")?.1;
    let end = digits.find(|digit: char| !digit.is_ascii_digit())?;
    digits.get(..end)?.parse().ok()
}
