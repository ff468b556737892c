//! Time stamps end to end: a sealing that asks a real server over HTTP, what comes of wrong answers, and OpenSSL's requests.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use luochui::seal::authority::{Authority, Party};
use luochui::seal::document::Verdict;
use luochui::seal::report::Status;
use luochui::seal::{pdf, tsa};
use serde_json::Value;

use super::hall::Hall;
use crate::support::app::BEGIN;
use crate::support::process::Service;

/// The authority's folder as `luochui ca init` makes it.
fn keep(folder: &Path, authority: &Authority) {
    let books = r#"{"list":0,"issued":[],"revoked":[]}"#;
    std::fs::write(folder.join("ca.json"), books).unwrap();
    let party = |name: &str, party: &Party| {
        std::fs::write(folder.join(format!("{name}.pem")), party.certificate.to_pem()).unwrap();
        let key = party.key.to_pem().unwrap();
        std::fs::write(folder.join(format!("{name}.key.pem")), &*key).unwrap();
    };
    party("tsa", &authority.tsa);
}

/// When the hall's clock begins, as an argument.
fn begin() -> String {
    chrono::DateTime::from_timestamp_millis(BEGIN.0).unwrap().to_rfc3339()
}

/// Seals the hall's paper as the buyer; the file afterwards, or the refusal's code.
fn seal(hall: &Hall) -> Result<Vec<u8>, String> {
    let buyer = hall.app.sign_in("buyer");
    let paper = hall.paper();
    let seal = hall.own_seal(&buyer, &paper, &hall.buyer);
    let todo = hall.todo(&buyer, &paper);
    let job = hall.begin(&buyer, &todo, &seal, "client").expect(201).json();
    let done = hall.sign(&buyer, &job, &hall.buyer);
    if done.status != 200 {
        return Err(done.json()["code"].as_str().unwrap().to_owned());
    }
    let list = buyer
        .get(&format!("/api/v1/instances/{paper}/documents"))
        .expect(200)
        .json();
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    Ok(buyer.get(&format!("/api/v1/documents/{id}")).expect(200).bytes)
}

fn judged(hall: &Hall, file: &[u8]) -> (Verdict, Status, &'static str) {
    let report = pdf::verify(file, &hall.app.state.trust.current(), hall.app.clock.now());
    let step = report.signatures[0].report.step("signature.timestamp").unwrap();
    (report.verdict, step.status, step.code)
}

#[test]
fn a_document_is_sealed_with_a_stamp_of_a_server_and_verifies_so() {
    // The same port for a hall whose authority is drawn later: taken now, and given to the service.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let url = format!("http://{address}/");
    let hall = Hall::open(move |config| {
        config.sealing.tsa.url = url;
        config.sealing.tsa.required = true;
    });
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), &hall.authority);
    // Nobody answers yet, and a stamp is required.
    assert_eq!(seal(&hall), Err("time_stamp_failed".to_owned()));
    let begin = begin();
    let arguments = ["ca", "tsa", ".", "--listen", &address, "--at", &begin];
    let service = Service::start(folder.path(), &arguments, &[]);
    let file = seal(&hall).unwrap();
    assert_eq!(judged(&hall, &file), (Verdict::Valid, Status::Ok, ""));
    // Revoked afterwards: the stamp proves to anyone that the seal is older.
    hall.app.advance(60_000);
    hall.list(&[&hall.buyer]);
    assert_eq!(judged(&hall, &file), (Verdict::Valid, Status::Ok, ""));
    openssl(folder.path(), &service.url);
}

/// OpenSSL's own request gets an answer that OpenSSL reads.
fn openssl(folder: &Path, url: &str) {
    let run = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    std::fs::write(folder.join("text"), "a signature's value").unwrap();
    run(&["ts", "-query", "-data", "text", "-sm3", "-cert", "-out", "query"]);
    let query = std::fs::read(folder.join("query")).unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let mut answer = agent.post(url).send(query.as_slice()).unwrap();
    std::fs::write(folder.join("reply"), answer.body_mut().read_to_vec().unwrap()).unwrap();
    let read = run(&["ts", "-reply", "-in", "reply", "-text"]);
    assert!(
        read.contains("Status: Granted.") && read.contains("Hash Algorithm: sm3"),
        "{read}"
    );
    // One over SHA-256 is refused, in the form that OpenSSL reads.
    run(&["ts", "-query", "-data", "text", "-sha256", "-out", "query"]);
    let query = std::fs::read(folder.join("query")).unwrap();
    let mut answer = agent.post(url).send(query.as_slice()).unwrap();
    std::fs::write(folder.join("reply"), answer.body_mut().read_to_vec().unwrap()).unwrap();
    let read = run(&["ts", "-reply", "-in", "reply", "-text"]);
    assert!(read.contains("Status: Rejected."), "{read}");
}

/// Answers each request with what `reply` makes of its body.
fn web(reply: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = Vec::new();
            let mut part = [0; 4096];
            let body = loop {
                let Ok(count) = stream.read(&mut part) else { break None };
                asked.extend_from_slice(&part[..count]);
                let head = asked.windows(4).position(|window| window == b"\r\n\r\n");
                let text = String::from_utf8_lossy(&asked).to_ascii_lowercase();
                let length = text.split_once("content-length: ").and_then(|(_, rest)| {
                    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    digits.parse::<usize>().ok()
                });
                match (head, length) {
                    (Some(head), Some(length)) if asked.len() >= head + 4 + length => {
                        break Some(asked[head + 4..head + 4 + length].to_vec());
                    }
                    _ if count == 0 => break None,
                    _ => {}
                }
            };
            let Some(body) = body else { continue };
            let bytes = reply(&body);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            let _sent = stream.write_all(&[head.as_bytes(), &bytes].concat());
        }
    });
    url
}

#[test]
fn a_wrong_stamp_is_none_and_the_platforms_time_stands() {
    use std::sync::{Arc, Mutex};
    type Tsa = Arc<Mutex<Option<Party>>>;
    type Answer = fn(&Party, &[u8]) -> Vec<u8>;
    // A replayed answer to another request, one over other bytes, one of another time, one of a stranger, and no answer at all.
    let wrong: [(&str, Answer); 5] = [
        ("another nonce", |tsa, body| {
            let at = body.len() - 3 - 8;
            let mut other = body.to_vec();
            other[at + 3] ^= 1;
            grant(tsa, &other, 0)
        }),
        ("other bytes", |tsa, _| {
            grant(tsa, &tsa::request(b"other bytes", &[0x41; 8]), 0)
        }),
        ("another day", |tsa, body| grant(tsa, body, -86_400_000)),
        ("a stranger", |tsa, body| {
            let key = luochui::seal::sm2::SecretKey::generate(&mut |bytes| *bytes = [77; 32]).unwrap();
            let stranger = Party {
                certificate: tsa.certificate.clone(),
                key,
            };
            grant(&stranger, body, 0)
        }),
        ("refused", |_, _| tsa::refuse()),
    ];
    for (title, answer) in wrong {
        let shared: Tsa = Arc::default();
        let own = Arc::clone(&shared);
        let url = web(move |body| answer(own.lock().unwrap().as_ref().unwrap(), body));
        let hall = Hall::open(move |config| config.sealing.tsa.url = url);
        *shared.lock().unwrap() = Some(hall.authority.tsa.clone());
        let file = seal(&hall).unwrap_or_else(|code| panic!("{title}: {code}"));
        let report: Value = serde_json::to_value(judged(&hall, &file).2).unwrap();
        assert_eq!(report, "claimed_time", "{title}");
    }
}

fn grant(tsa: &Party, request: &[u8], later: i64) -> Vec<u8> {
    let request = tsa::Request::parse(request).unwrap();
    tsa::grant(&request, (&tsa.certificate, &tsa.key), &[9], BEGIN.plus_millis(later)).unwrap()
}
