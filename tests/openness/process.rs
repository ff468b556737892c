//! The built binary as a server, and people who talk to it over HTTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

pub const PASSWORD: &str = "long-enough-1";

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_luochui"));
    command
        .env("LUOCHUI_PATHS_DATA", folder.join("data"))
        .env("LUOCHUI_PATHS_WORKFLOWS", folder.join("workflows"))
        .env("LUOCHUI_PATHS_TEMPLATES", folder.join("templates"))
        .env("LUOCHUI_LOG_FORMAT", "json");
    // A test that wants another database than the file in the folder says so in this file.
    if let Ok(url) = std::fs::read_to_string(folder.join("database")) {
        command.env("LUOCHUI_DATABASE_URL", url);
    }
    // And other settings than the defaults in this one, a `NAME=value` a line.
    let settings = std::fs::read_to_string(folder.join("settings")).unwrap_or_default();
    command.envs(settings.lines().filter_map(|line| line.split_once('=')));
    command
}

/// Makes the first admin, as one does on a fresh machine.
pub fn add_admin(folder: &Path) {
    std::fs::create_dir_all(folder.join("workflows")).unwrap();
    let mut child = command(folder)
        .args([
            "user",
            "add",
            "--name",
            "admin",
            "--admin",
            "--email",
            "admin@example.test",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(child.wait().unwrap().success());
}

/// A server that ends with the test.
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts on an empty workflows folder and waits for the line that names the address.
    pub fn start(folder: &Path) -> Self {
        let mut child = command(folder)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            said.push_str(&line);
            (entry["message"] == "serving").then(|| entry["address"].as_str().unwrap().to_owned())
        });
        let address = address.unwrap_or_else(|| panic!("the server did not start: {said}"));
        // The rest of the log is read to its end, or a full pipe would stop the server.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            url: format!("http://{address}"),
        }
    }

    /// Its process, for signals.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn anyone(&self) -> Person<'_> {
        Person {
            url: &self.url,
            token: None,
        }
    }

    /// Somebody who signed in before, perhaps with another process of the same platform.
    pub fn with_token(&self, token: &str) -> Person<'_> {
        Person {
            url: &self.url,
            token: Some(token.to_owned()),
        }
    }

    pub fn sign_in(&self, name: &str) -> Person<'_> {
        let body = json!({"name": name, "password": PASSWORD}).to_string();
        let (status, bytes) = self.anyone().send("POST", "/api/v1/auth/login", Some(body));
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(status, 200, "{answer}");
        Person {
            url: &self.url,
            token: Some(answer["access_token"].as_str().unwrap().to_owned()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Somebody with or without a token.
pub struct Person<'a> {
    url: &'a str,
    token: Option<String>,
}

impl Person<'_> {
    /// What proves who it is, also to another process of the same platform.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn send(&self, method: &str, path: &str, body: Option<String>) -> (u16, Vec<u8>) {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(Duration::from_secs(60)))
                .build(),
        );
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if body.is_some() {
            let key = KEYS.fetch_add(1, Ordering::Relaxed);
            request = request
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", format!("key-{key}"));
        }
        let mut response = agent.run(request.body(body.unwrap_or_default()).unwrap()).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_vec().unwrap())
    }

    fn json(&self, method: &str, path: &str, body: Option<String>, status: u16) -> Value {
        let (found, bytes) = self.send(method, path, body);
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        assert_eq!(found, status, "{method} {path}: {answer}");
        answer
    }

    pub fn get(&self, path: &str, status: u16) -> Value {
        self.json("GET", path, None, status)
    }

    /// A command to a platform that may turn it away: nothing where it did.
    pub fn ask(&self, path: &str, body: &Value) -> Option<Value> {
        let (status, bytes) = self.send("POST", path, Some(body.to_string()));
        (status < 300).then(|| serde_json::from_slice(&bytes).unwrap())
    }

    pub fn command(&self, path: &str, body: &Value, status: u16) -> Value {
        self.json("POST", path, Some(body.to_string()), status)
    }

    pub fn bytes(&self, path: &str) -> Vec<u8> {
        let (status, bytes) = self.send("GET", path, None);
        assert_eq!(status, 200, "{path}");
        bytes
    }

    /// A page for people, as the button on it or the address bar would ask for it.
    pub fn page(&self, method: &str, path: &str, status: u16) -> String {
        let (found, bytes) = self.send(method, path, None);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(found, status, "{method} {path}: {text}");
        text
    }
}
