//! One party at the API: logs in, finds its to-dos, acts on them, sends events. Speaks HTTP and nothing else.
//! Must not reach into the server it talks to.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Response;

use super::super::Failure;

/// How long the demo waits, in real time, for work that the server does after answering.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What came back: the status and the body, which is null where it was not JSON.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

/// A refusal as the API tells it.
pub struct Refused {
    pub code: String,
    pub title: String,
}

/// Someone who uses the API.
pub struct Player {
    /// What people call them, in Chinese.
    pub title: String,
    pub account: String,
    pub password: String,
    base: String,
    agent: Agent,
    token: RefCell<Option<String>>,
    /// Numbers commands, so that each carries a key of its own.
    commands: RefCell<u64>,
}

impl Player {
    pub fn new(base: &str, title: &str, account: &str, password: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        Self {
            title: title.into(),
            account: account.into(),
            password: password.into(),
            base: base.into(),
            agent,
            token: RefCell::new(None),
            commands: RefCell::new(0),
        }
    }

    /// Reads a resource.
    pub fn get(&self, path: &str) -> Result<Value, Failure> {
        let reply = self.authorised(path, None)?;
        expect_success("GET", path, reply)
    }

    /// Sends a command under a fresh idempotency key; anything but success is a failure.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let reply = self.authorised(path, Some(body))?;
        expect_success("POST", path, reply)
    }

    /// Edits a resource under the version that reading `from` has just shown.
    pub fn edit(&self, from: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let shown = self.renewing(from, |bearer| {
            self.agent
                .get(self.address(from))
                .header("Authorization", bearer)
                .call()
        })?;
        let version = shown
            .headers()
            .get("etag")
            .and_then(|tag| tag.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let edited = self.renewing(path, |bearer| {
            let request = self.agent.put(self.address(path)).header("Authorization", bearer);
            request.header("If-Match", &version).send_json(body)
        })?;
        expect_success("PUT", path, read(edited, path)?)
    }

    /// Sends a command that is to be refused, and returns the refusal.
    pub fn refused(&self, path: &str, body: &Value) -> Result<Refused, Failure> {
        let reply = self.authorised(path, Some(body))?;
        let text = |key: &str| reply.body[key].as_str().unwrap_or_default().to_owned();
        match reply.status {
            400..=499 => Ok(Refused {
                code: text("code"),
                title: text("title"),
            }),
            status => Err(Failure(format!(
                "POST {path} was to be refused but gave {status}: {}",
                reply.body
            ))),
        }
    }

    /// Sends an event to an instance.
    pub fn event(&self, instance: &str, name: &str, payload: &Value) -> Result<Value, Failure> {
        self.post(&format!("instances/{instance}/events/{name}"), payload)
    }

    /// Waits until this party has a to-do of a state of an instance, and returns it.
    pub fn todo(&self, instance: &str, state: &str) -> Result<Value, Failure> {
        wait(&format!("the to-do {state} of {}", self.title), || {
            let list = self.get("todos?limit=100")?;
            let found = items(&list)
                .iter()
                .find(|todo| todo["instance"] == instance && is_state(todo, state))
                .cloned();
            Ok(found)
        })
    }

    /// Completes a to-do with an outcome and the fields of its form.
    pub fn complete(&self, todo: &Value, outcome: &str, fields: &Value) -> Result<Value, Failure> {
        let id = todo["id"].as_str().unwrap_or_default();
        self.post(&format!("todos/{id}/outcomes/{outcome}"), fields)
    }

    /// Waits for a to-do and completes it.
    pub fn act(&self, instance: &str, state: &str, outcome: &str, fields: &Value) -> Result<Value, Failure> {
        let todo = self.todo(instance, state)?;
        self.complete(&todo, outcome, fields)
    }

    /// Uploads a file and returns its id.
    pub fn upload(&self, name: &str, mime: &str, bytes: &[u8]) -> Result<String, Failure> {
        const BOUNDARY: &str = "luochui-demo-boundary";
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {mime}\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let key = self.key();
        let response = self.renewing("files", |bearer| {
            let request = self
                .agent
                .post(self.address("files"))
                .header("Authorization", bearer)
                .header("Idempotency-Key", &key);
            request
                .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
                .send(&body[..])
        })?;
        let answer = expect_success("POST", "files", read(response, "files")?)?;
        let id = answer["id"].as_str().or_else(|| answer["items"][0]["id"].as_str());
        id.map(str::to_owned)
            .ok_or_else(|| Failure(format!("the upload has no id: {answer}")))
    }

    /// Reads a resource's bytes.
    pub fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let address = self.address(path);
        let mut response = self.renewing(path, |bearer| {
            self.agent.get(&address).header("Authorization", bearer).call()
        })?;
        let status = response.status().as_u16();
        let bytes = response
            .body_mut()
            .read_to_vec()
            .map_err(|error| Failure(format!("GET {path}: {error}")))?;
        if status == 200 {
            Ok(bytes)
        } else {
            Err(Failure(format!("GET {path} gave {status}")))
        }
    }

    /// Sends a request without an account: registration, and the bank's signed messages.
    pub fn anonymous(&self, path: &str, headers: &[(&str, String)], body: &str) -> Result<Reply, Failure> {
        let mut request = self
            .agent
            .post(self.address(path))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", self.key());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request
            .send(body)
            .map_err(|error| Failure(format!("{path}: {error}")))?;
        read(response, path)
    }

    fn authorised(&self, path: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        let key = self.key();
        let response = self.renewing(path, |bearer| match body {
            Some(body) => {
                let request = self.agent.post(self.address(path)).header("Authorization", bearer);
                request.header("Idempotency-Key", &key).send_json(body)
            }
            None => self
                .agent
                .get(self.address(path))
                .header("Authorization", bearer)
                .call(),
        })?;
        read(response, path)
    }

    /// Sends with the token at hand; a token that has run out (the demo's days pass fast) is renewed once.
    fn renewing(
        &self,
        path: &str,
        send: impl Fn(&str) -> Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Response<ureq::Body>, Failure> {
        let attempt =
            || send(&format!("Bearer {}", self.token()?)).map_err(|error| Failure(format!("{path}: {error}")));
        let response = attempt()?;
        if response.status().as_u16() != 401 {
            return Ok(response);
        }
        self.token.replace(None);
        attempt()
    }

    fn token(&self) -> Result<String, Failure> {
        if let Some(token) = self.token.borrow().clone() {
            return Ok(token);
        }
        let body = json!({"name": self.account, "password": self.password}).to_string();
        let reply = self.anonymous("auth/login", &[], &body)?;
        let answer = expect_success("POST", "auth/login", reply)?;
        let token = answer["access_token"].as_str().unwrap_or_default().to_owned();
        self.token.replace(Some(token.clone()));
        Ok(token)
    }

    fn key(&self) -> String {
        let mut commands = self.commands.borrow_mut();
        *commands += 1;
        format!("demo-{}-{commands}", self.account)
    }

    fn address(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.base)
    }
}

/// Asks again until there is an answer, for as long as a person would wait.
pub fn wait<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    let start = Instant::now();
    loop {
        if let Some(found) = ask()? {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            return Err(Failure(format!("waited {} s in vain for {what}", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The rows of a page.
pub fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map_or(&[], Vec::as_slice)
}

/// A to-do names its state by the full path; scripts name the last part, or as many as tell it apart.
fn is_state(todo: &Value, state: &str) -> bool {
    let path = todo["state"].as_str().unwrap_or_default();
    path == state || path.ends_with(&format!(".{state}"))
}

fn read(mut response: Response<ureq::Body>, path: &str) -> Result<Reply, Failure> {
    let status = response.status().as_u16();
    let text = response
        .body_mut()
        .read_to_string()
        .map_err(|error| Failure(format!("{path}: {error}")))?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Reply { status, body })
}

fn expect_success(method: &str, path: &str, reply: Reply) -> Result<Value, Failure> {
    match reply.status {
        200..=299 => Ok(reply.body),
        status => Err(Failure(format!("{method} {path} gave {status}: {}", reply.body))),
    }
}
