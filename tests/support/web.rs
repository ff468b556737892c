//! A small HTTP server that answers as a test tells it and keeps what it gets. Must not know what a test asks for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came: header names in lower case.
#[derive(Clone, Debug)]
pub struct Asked {
    pub headers: std::collections::BTreeMap<String, String>,
    pub body: String,
}

#[derive(Clone)]
pub struct Web {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Web {
    /// `status` gets the number of the request, from 0.
    pub fn start(status: impl Fn(usize) -> u16 + Send + 'static) -> Self {
        Self::answering(move |number| (status(number), Vec::new()))
    }

    /// `reply` gets the number of the request, from 0, and gives status and body.
    pub fn answering(reply: impl Fn(usize) -> (u16, Vec<u8>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let web = Self {
            url,
            asked: Arc::default(),
        };
        let own = web.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ended = own.answer(stream, &reply);
            }
        });
        web
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn answer(&self, stream: TcpStream, reply: &dyn Fn(usize) -> (u16, Vec<u8>)) -> std::io::Result<()> {
        let mut out = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        let mut headers = std::collections::BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
                None if line.trim_end().is_empty() => break,
                None => None,
            };
        }
        let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).unwrap();
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(Asked { headers, body });
            asked.len() - 1
        };
        let (status, reply) = reply(number);
        let length = reply.len();
        let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        out.write_all(head.as_bytes())?;
        out.write_all(&reply)
    }
}
