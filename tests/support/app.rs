//! A real server on a free port, with its own database in a temporary folder and a clock that a test moves.
//! Must not know what a test asks for.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use luochui::clock::Clock;
use luochui::config::Config;
use luochui::engine::{Engine, EngineConfig, Random};
use luochui::http::{self, AppState};
use luochui::machine::Time;
use serde_json::{Value, json};

/// 2026-11-23, a Monday, 10:00 in China.
pub const BEGIN: Time = Time(1_795_399_200_000);
pub const PASSWORD: &str = "correct horse 1";

pub struct TestApp {
    pub url: String,
    pub engine: Engine,
    pub clock: Clock,
    pub state: AppState,
    /// Kept as long as the server runs.
    _folder: tempfile::TempDir,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: std::collections::BTreeMap<String, String>,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, String::from_utf8_lossy(&self.bytes)))
    }

    /// Panics unless the status is the one expected.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// Panics unless this is a problem with the status and code expected.
    pub fn problem(self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(
            body.headers.get("content-type").map(String::as_str),
            Some("application/problem+json")
        );
        let body = body.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        body
    }
}

impl TestApp {
    /// Starts with the defaults for testing.
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_drawing(Random::System, change)
    }

    /// The same with ids that come from a source of the test's own.
    pub fn start_drawing(random: Random, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(BEGIN, random, change)
    }

    /// The same at another time.
    pub fn start_at(begin: Time, random: Random, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_testing(folder.path());
        change(&mut config);
        let clock = Clock::virtual_from(begin, 0);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // What pages are of must be what the server takes for its own.
        config.http.listen = listener.local_addr().unwrap().to_string();
        let (ready, started) = mpsc::channel();
        let own = clock.clone();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let engine_config = EngineConfig {
                    signer: Some(luochui::cli::platform_key::signer(&config).unwrap()),
                    random,
                    ..EngineConfig::new(config.database_url())
                };
                let (engine, handle) = Engine::start(&engine_config, own).unwrap();
                let state = AppState::new(engine.clone(), config).unwrap();
                let server = http::start(state.clone(), listener).unwrap();
                ready.send((engine, state, server.handle())).unwrap();
                server.await.unwrap();
                drop(handle);
            });
        });
        let (engine, state, server) = started.recv_timeout(Duration::from_secs(60)).unwrap();
        Self {
            url,
            engine,
            clock,
            state,
            _folder: folder,
            server,
            thread: Some(thread),
        }
    }

    /// Writes to the store directly, as the command line does.
    pub fn write<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut luochui::store::Connection) -> Result<T, luochui::store::StoreError> + Send + 'static,
    ) -> T {
        let engine = self.engine.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(engine.write("test", run)).unwrap()
    }

    pub fn advance(&self, millis: i64) {
        self.clock.advance_to(self.clock.now().plus_millis(millis));
    }

    /// An account with these posts (`post@organisation`; `admin` for an admin), made without the API.
    pub fn account(&self, name: &str, posts: &[&str]) -> String {
        use luochui::http::{Standing, password, people};
        let standing = if posts == ["admin"] {
            Standing::Admin
        } else {
            Standing::Ordinary
        };
        let posts: Vec<_> = posts
            .iter()
            .filter_map(|post| post.split_once('@'))
            .map(|(post, at)| (post.to_owned(), at.to_owned()))
            .collect();
        let standing = people::standing_of(standing, &posts).unwrap();
        static HASH: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| password::hash_now(PASSWORD).unwrap());
        let new = people::NewAccount {
            name: name.to_owned(),
            display_name: name.to_owned(),
            email: format!("{name}@example.test"),
            password_hash: HASH.clone(),
            standing,
            posts,
            at: self.clock.now().0,
        };
        self.write(move |conn| people::create(conn, new)).unwrap()
    }

    /// Signs in with the password of all test accounts.
    pub fn sign_in(&self, name: &str) -> Client<'_> {
        let reply = self
            .anyone()
            .post("/api/v1/auth/login", &json!({"name": name, "password": PASSWORD}))
            .expect(200);
        let reply = reply.json();
        Client {
            app: self,
            token: Some(reply["access_token"].as_str().unwrap().to_owned()),
        }
    }

    pub fn anyone(&self) -> Client<'_> {
        Client { app: self, token: None }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let server = self.server.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Somebody who asks the server.
pub struct Client<'a> {
    pub app: &'a TestApp,
    pub token: Option<String>,
}

/// One request, so that a test can bend any part of it.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: Vec<(&'a str, String)>,
    pub body: Vec<u8>,
}

impl<'a> Request<'a> {
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Self {
            method,
            path,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn header(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        self.bytes("application/json", body)
    }

    pub fn bytes(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", kind)
    }
}

impl Client<'_> {
    pub fn send(&self, request: Request<'_>) -> Reply {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        let agent = ureq::Agent::new_with_config(agent);
        let mut build = ureq::http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.app.url, request.path));
        for (name, value) in &request.headers {
            build = build.header(*name, value);
        }
        if let Some(token) = &self.token {
            build = build.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = agent.run(build.body(request.body).unwrap()).unwrap();
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        Reply {
            status: response.status().as_u16(),
            headers: headers.collect(),
            bytes: response
                .body_mut()
                .with_config()
                .limit(100 << 20)
                .read_to_vec()
                .unwrap(),
        }
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send(Request::new("GET", path))
    }

    /// A post without a key: signing in and out.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Request::new("POST", path).json(body))
    }

    /// A command with a fresh key.
    pub fn command(&self, path: &str, body: &Value) -> Reply {
        use std::sync::atomic::{AtomicU64, Ordering};
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let key = format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed));
        self.send(Request::new("POST", path).header("Idempotency-Key", key).json(body))
    }

    /// Makes the signed-in account a member: a person with a number made from `nth`.
    pub fn complete_profile(&self, nth: u32) -> Value {
        let etag = self.get("/api/v1/me").headers["etag"].clone();
        let body = json!({"kind": "person", "name": format!("竞买人{nth}"), "code": person_number(nth),
            "email": format!("p{nth}@example.test"), "phone": "13800000000"});
        self.send(
            Request::new("PUT", "/api/v1/me/profile")
                .header("If-Match", etag)
                .json(&body),
        )
        .expect(200)
        .json()
    }
}

/// A well-formed number of a person who does not exist.
pub fn person_number(nth: u32) -> String {
    let body = format!("43310119900101{:03}", nth % 1000);
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body
        .bytes()
        .zip(weights)
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    format!("{body}{}", char::from(b"10X98765432"[(sum % 11) as usize]))
}
