//! A small SMTP server that answers as a test tells it and keeps what it gets. Must not know what a test asks for.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A mail that was accepted.
#[derive(Clone, Debug)]
pub struct Taken {
    pub to: String,
    /// As it came, with dots unstuffed.
    pub data: String,
}

impl Taken {
    /// The decoded content of the part with this type.
    pub fn part(&self, kind: &str) -> String {
        use base64::Engine as _;
        let at = self.data.find(&format!("Content-Type: {kind}")).unwrap();
        let (_, rest) = self.data[at..].split_once("\r\n\r\n").unwrap();
        let body = rest.split("\r\n--").next().unwrap().replace("\r\n", "");
        let bytes = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// A header's value as it came, unfolded.
    pub fn header(&self, name: &str) -> String {
        let unfolded = self.data.replace("\r\n ", " ");
        let line = unfolded
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {unfolded}")).to_owned()
    }
}

/// Answers a recipient: the full reply line, `250 ok` to take the mail.
type Script = dyn Fn(&str) -> String + Send + Sync;

#[derive(Clone)]
pub struct Sink {
    pub port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Sink {
    pub fn start(script: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Self { port, taken };
        let (own, script): (Self, Arc<Script>) = (sink.clone(), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (own, script) = (own.clone(), Arc::clone(&script));
                std::thread::spawn(move || {
                    // A client that hangs up in the middle ends the conversation, nothing else.
                    let _ended = own.converse(stream, &*script);
                });
            }
        });
        sink
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    fn converse(&self, stream: TcpStream, script: &Script) -> std::io::Result<()> {
        let mut out = stream.try_clone()?;
        let mut lines = BufReader::new(stream).lines();
        let mut to = String::new();
        out.write_all(b"220 sink\r\n")?;
        while let Some(line) = lines.next() {
            let line = line?;
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let reply = match word.as_str() {
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    script(&to)
                }
                "DATA" => {
                    out.write_all(b"354 go on\r\n")?;
                    let mut data = String::new();
                    for line in lines.by_ref() {
                        let line = line?;
                        if line == "." {
                            break;
                        }
                        data.push_str(line.strip_prefix('.').unwrap_or(&line));
                        data.push_str("\r\n");
                    }
                    self.taken.lock().unwrap().push(Taken { to: to.clone(), data });
                    "250 taken".into()
                }
                "QUIT" => "221 bye".into(),
                _ => "250 ok".into(),
            };
            out.write_all(format!("{reply}\r\n").as_bytes())?;
        }
        Ok(())
    }
}
