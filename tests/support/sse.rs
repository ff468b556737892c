//! A watcher of a live stream, byte by byte, so that a test can drop it, stall it, or bend its request.
//! Must not reconnect by itself: a test that loses a connection wants to know.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// How long a test waits for anything at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// One event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: Option<i64>,
    pub name: String,
    pub data: Value,
}

/// An open stream.
pub struct Watcher {
    stream: TcpStream,
    pub status: u16,
    pub head: String,
    /// What came and is not taken apart yet: chunks, then lines.
    chunked: Vec<u8>,
    text: Vec<u8>,
    /// Every byte of the body so far.
    pub all: Vec<u8>,
    over: bool,
}

impl Watcher {
    /// Opens a stream at `http://host:port`; `last` is sent as Last-Event-ID as it is.
    pub async fn open(url: &str, path: &str, last: Option<&str>) -> Self {
        Self::open_narrow(url, path, last, None).await
    }

    /// The same with a receive buffer of so many bytes.
    pub async fn open_narrow(url: &str, path: &str, last: Option<&str>, buffer: Option<u32>) -> Self {
        let address = url.trim_start_matches("http://").parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let mut stream = socket.connect(address).await.unwrap();
        let last = last.map_or_else(String::new, |last| format!("Last-Event-ID: {last}\r\n"));
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{last}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut watcher = Self {
            stream,
            status: 0,
            head: String::new(),
            chunked: Vec::new(),
            text: Vec::new(),
            all: Vec::new(),
            over: false,
        };
        watcher.read_head().await;
        watcher
    }

    async fn read_head(&mut self) {
        loop {
            if let Some(end) = find(&self.chunked, b"\r\n\r\n") {
                let rest = self.chunked.split_off(end + 4);
                self.head = String::from_utf8(std::mem::replace(&mut self.chunked, rest)).unwrap();
                self.status = self.head.split(' ').nth(1).unwrap().parse().unwrap();
                return;
            }
            assert!(self.fill().await, "the connection ended before its answer");
        }
    }

    /// The next event, or `None` where the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.wait())
            .await
            .expect("an event within 30 s")
    }

    /// The next event that carries a number.
    pub async fn numbered(&mut self) -> Option<Event> {
        loop {
            match self.next().await {
                Some(event) if event.id.is_none() => {}
                other => return other,
            }
        }
    }

    /// The next event that comes within a time, if any.
    pub async fn within(&mut self, time: Duration) -> Option<Event> {
        tokio::time::timeout(time, self.wait()).await.ok().flatten()
    }

    async fn wait(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = find(&self.text, b"\n\n") {
                let rest = self.text.split_off(end + 2);
                let block = std::mem::replace(&mut self.text, rest);
                if let Some(event) = parse(&String::from_utf8(block).unwrap()) {
                    return Some(event);
                }
                continue;
            }
            if self.take_chunk() {
                continue;
            }
            if self.over || !self.fill().await {
                return None;
            }
        }
    }

    fn take_chunk(&mut self) -> bool {
        let Some(line) = find(&self.chunked, b"\r\n") else {
            return false;
        };
        let size = usize::from_str_radix(std::str::from_utf8(&self.chunked[..line]).unwrap(), 16).unwrap();
        let end = line + 2 + size + 2;
        if self.chunked.len() < end {
            return false;
        }
        let chunk = self.chunked[line + 2..line + 2 + size].to_vec();
        self.chunked.drain(..end);
        self.over |= size == 0;
        self.all.extend_from_slice(&chunk);
        self.text.extend(chunk);
        true
    }

    async fn fill(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        match self.stream.read(&mut bytes).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.chunked.extend_from_slice(&bytes[..count]);
                true
            }
        }
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let lines = block.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(field, _)| *field == name)
            .map(|(_, value)| value)
            .next_back()
    };
    Some(Event {
        id: field("id").map(|id| id.parse().unwrap()),
        name: field("event")?.to_owned(),
        data: serde_json::from_str(field("data")?).unwrap(),
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
