//! Everything that somebody can get out of a server by the ids it knows and those it should not: every route of the list, and
//! the live stream. Must not judge what it finds.

use std::collections::BTreeMap;

use luochui::http::routes::{self, Answer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::app::{Client, Reply, Request};
use crate::support::sse::Watcher;

/// A receipt's line that nobody has.
const LINE: &str = "1795399440000-0000000000000000000000000000000000000000000000000000000000000000";

/// What was answered, by what was asked.
pub type Seen = BTreeMap<String, String>;

/// Asks every route with every id, as somebody from outside this machine. What is not a GET is sent to `foreign` ids alone, where
/// it must change nothing.
pub fn everything(client: &Client<'_>, ids: &[String], foreign: &[String]) -> Seen {
    let mut seen = Seen::new();
    for route in routes::all() {
        let method = route.method.as_str();
        if route.path.contains("/auth/") || route.path.contains("{token}") || route.path.contains("api/docs") {
            continue;
        }
        let many = route.path.contains("{id}");
        if !many && method != "GET" {
            continue;
        }
        let ids = match (many, method) {
            (false, _) => &[String::new()][..],
            (true, "GET") => ids,
            (true, _) => foreign,
        };
        for id in ids {
            let path = path(route.path, id);
            let answer = if matches!(route.answer, Answer::Bytes("text/event-stream")) {
                stream(client, &path)
            } else {
                let reply = client.send(request(method, &path));
                assert!(reply.status < 500, "{method} {path}: {}", reply.status);
                assert!(method == "GET" || reply.status >= 400, "{method} {path} was done");
                shown(&reply)
            };
            seen.insert(format!("{method} {path}"), answer);
        }
    }
    for path in ids.iter().flat_map(|id| {
        foreign
            .iter()
            .map(move |other| format!("/api/v1/files/{id}?instance={other}"))
    }) {
        seen.insert(format!("GET {path}"), shown(&client.send(request("GET", &path))));
    }
    seen
}

fn path(pattern: &str, id: &str) -> String {
    let fixed = [
        ("{id}", id),
        ("{outcome}", "submit"),
        ("{name}", "withdraw"),
        ("{file}", "page.css"),
        ("{line}", LINE),
    ];
    fixed
        .into_iter()
        .fold(pattern.to_owned(), |path, (name, value)| path.replace(name, value))
}

fn request<'a>(method: &'a str, path: &'a str) -> Request<'a> {
    // Metrics answer this machine; what a proxy passes on is not from here.
    let request = Request::new(method, path).header("X-Forwarded-For", "203.0.113.7");
    if method == "GET" {
        return request;
    }
    let key = format!("{method}-{}", path.replace('/', "-"));
    request.json(&json!({})).header("Idempotency-Key", key)
}

/// The status, the headers and the body, without what differs between any two requests. An ETag that is the digest of the body tells
/// nothing beside it; any other stays as it is.
pub fn shown(reply: &Reply) -> String {
    let mut headers = reply.headers.clone();
    let digest = hex::encode(Sha256::digest(&reply.bytes));
    if let Some(tag) = headers
        .get_mut("etag")
        .filter(|tag| **tag == format!("\"{}\"", &digest[..32]))
    {
        *tag = "of the body".to_owned();
    }
    for always_other in ["date", "x-request-id"] {
        headers.remove(always_other);
    }
    let problem = headers
        .get("content-type")
        .is_some_and(|kind| kind == "application/problem+json");
    let body = if problem {
        let mut body = reply.json();
        body.as_object_mut().unwrap().remove("request");
        // Its length changes with nothing but the masked id.
        headers.remove("content-length");
        body.to_string()
    } else {
        String::from_utf8_lossy(&reply.bytes).into_owned()
    };
    format!("{} {headers:?} {body}", reply.status)
}

/// All that a stream has told so far, from the beginning.
fn stream(client: &Client<'_>, path: &str) -> String {
    let snapshot = client.get(path.trim_end_matches("/stream").trim_end_matches("/live"));
    crate::support::engine::run(async {
        let mut first = Watcher::open(&client.app.url, path, None).await;
        if first.status != 200 || snapshot.status != 200 {
            return format!("{} {}", first.status, snapshot.status);
        }
        let now = first.next().await.unwrap();
        let mut all = Watcher::open(&client.app.url, path, Some("0")).await;
        for _ in 0..now.id.unwrap_or(0) {
            all.numbered().await.unwrap();
        }
        String::from_utf8_lossy(&first.all).into_owned() + &String::from_utf8_lossy(&all.all)
    })
}

/// The ids that stand anywhere in what a client is shown, for a crawl that goes on from them.
pub fn ids_in(seen: &Seen) -> Vec<String> {
    let mut ids = std::collections::BTreeSet::new();
    for answer in seen.values() {
        let words = answer.split(|character: char| !character.is_ascii_alphanumeric());
        ids.extend(words.filter(|word| word.len() == 26).map(str::to_owned));
    }
    ids.into_iter().collect()
}

/// A problem without what differs between two requests.
pub fn problem(reply: Reply) -> Value {
    let mut problem = reply.json();
    problem.as_object_mut().unwrap().remove("request");
    problem
}
