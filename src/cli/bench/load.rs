//! A light load generator: HTTP/1.1 over a kept connection, one request in flight on each. Must not retry or pipeline.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::lot::Lot;

/// One kept connection.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What a server answered.
pub struct Reply {
    pub status: u16,
    pub retry_after: bool,
    pub body: Vec<u8>,
}

impl Wire {
    pub async fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(4_096),
        })
    }

    /// Asks for a page.
    pub async fn get(&mut self, path: &str) -> std::io::Result<Reply> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        self.send(request.as_bytes()).await
    }

    /// Sends one request and waits for its whole answer.
    pub async fn send(&mut self, request: &[u8]) -> std::io::Result<Reply> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            if let Some((head, length)) = head(&self.read) {
                while self.read.len() < head + length {
                    self.more().await?;
                }
                return Ok(self.reply(head, length));
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> std::io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn reply(&self, head: usize, length: usize) -> Reply {
        let status = self.read.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        let headers = self.read.get(..head).unwrap_or_default();
        Reply {
            status: status.and_then(|digits| digits.parse().ok()).unwrap_or(0),
            retry_after: find(headers, b"\r\nretry-after:").is_some(),
            body: self.read.get(head..head + length).unwrap_or_default().to_vec(),
        }
    }
}

/// Where the body begins and how long it is, once the head is whole.
fn head(read: &[u8]) -> Option<(usize, usize)> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let end = find(read, b"\r\n\r\n")? + 4;
    let head = read.get(..end)?;
    let length = find(head, LENGTH).and_then(|at| {
        let digits = head.get(at + LENGTH.len()..)?.split(|byte| *byte == b'\r').next()?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    });
    Some((end, length.unwrap_or(0)))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len())
        .position(|window| window.eq_ignore_ascii_case(what))
}

/// A bidder at their connection.
pub struct Bidder<'a> {
    wire: Wire,
    auction: &'a str,
    token: &'a str,
    /// Of the connection; connections share bidders where there are more of them.
    pub number: usize,
    /// Counts all connections of this process, so that no key is used twice.
    connection: u64,
    sent: u64,
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// What became of one bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Accepted,
    /// Decided, recorded, and not accepted.
    Refused,
    /// 503 with Retry-After: not decided.
    TurnedAway,
    /// Another answer, or a connection that broke.
    Failed,
}

impl<'a> Bidder<'a> {
    pub async fn connect(address: SocketAddr, lot: &'a Lot, number: usize) -> std::io::Result<Self> {
        Ok(Self {
            wire: Wire::connect(address).await?,
            auction: &lot.auction,
            token: lot
                .tokens
                .get(number % lot.tokens.len().max(1))
                .map_or("", String::as_str),
            number,
            connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed),
            sent: 0,
        })
    }

    /// Offers a price under a new key.
    pub async fn bid(&mut self, amount: i64) -> Outcome {
        let request = self.request(amount);
        self.offer(&request).await
    }

    /// The bytes of the next bid.
    pub fn request(&mut self, amount: i64) -> Vec<u8> {
        self.sent += 1;
        let body = format!("{{\"amount\":{amount},\"confirmed\":true}}");
        format!(
            "POST /api/v1/instances/{}/events/bid HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.auction,
            self.token,
            self.key(),
            body.len(),
        )
        .into_bytes()
    }

    /// The key of the bid that was sent last.
    pub fn key(&self) -> String {
        format!("bench-{}-{}", self.connection, self.sent)
    }

    pub async fn offer(&mut self, request: &[u8]) -> Outcome {
        match self.wire.send(request).await {
            Ok(reply) => match reply.status {
                200 => Outcome::Accepted,
                // Who was refused by a decision holds a receipt; a malformed or repeated request does not.
                409 | 422 if find(&reply.body, b"\"receipt\":{").is_some() => Outcome::Refused,
                503 if reply.retry_after => Outcome::TurnedAway,
                _ => Outcome::Failed,
            },
            Err(_) => Outcome::Failed,
        }
    }
}

/// A decided bid: the moment from which its latency counts, and the latency.
#[derive(Clone, Copy)]
pub struct Decided {
    pub from: Instant,
    pub took: Duration,
}

/// What a load saw.
#[derive(Default)]
pub struct Seen {
    pub accepted: u64,
    pub refused: u64,
    pub turned_away: u64,
    pub failed: u64,
    pub decisions: Vec<Decided>,
}

impl Seen {
    /// Counts an outcome that has just come, with its latency from a moment on.
    pub fn note(&mut self, outcome: Outcome, from: Instant) {
        let took = from.elapsed();
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::TurnedAway => self.turned_away += 1,
            Outcome::Failed => self.failed += 1,
        }
        if matches!(outcome, Outcome::Accepted | Outcome::Refused) {
            self.decisions.push(Decided { from, took });
        }
    }

    pub fn decided(&self) -> u64 {
        self.accepted + self.refused
    }

    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.turned_away += other.turned_away;
        self.failed += other.failed;
        self.decisions.extend(other.decisions);
    }

    /// How many were decided before a moment.
    pub fn decided_by(&self, end: Instant) -> u64 {
        let before = self.decisions.iter().filter(|one| one.from + one.took <= end);
        u64::try_from(before.count()).unwrap_or(u64::MAX)
    }

    pub fn latencies(&self) -> Latencies {
        Latencies::of(self.decisions.iter().map(|one| one.took))
    }

    /// Of the bids that were to be decided from before a moment on.
    pub fn latencies_before(&self, end: Instant) -> Latencies {
        let before = self.decisions.iter().filter(|one| one.from < end);
        Latencies::of(before.map(|one| one.took))
    }
}

/// Latencies in their order.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn of(latencies: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<_> = latencies.collect();
        sorted.sort_unstable();
        Self(sorted)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The latency that this share of thousandths is not above, in milliseconds.
    pub fn per_mille(&self, mille: usize) -> f64 {
        let index = (self.0.len() * mille / 1_000).min(self.0.len().saturating_sub(1));
        let latency = self.0.get(index).copied().unwrap_or_default();
        (latency.as_secs_f64() * 1_000_000.0).round() / 1_000.0
    }
}

/// Sleeps until a moment; at once where it has passed.
pub async fn until(moment: Instant) {
    tokio::time::sleep_until(moment.into()).await;
}
