//! When a request counts as arrived: with its last byte, and before the platform takes time to look the sender up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use luochui::engine::EngineConfig;
use serde_json::json;

use super::fair::{member, open_app, published};
use crate::support::app::TestApp;

const HOUR: i64 = 3_600_000;
/// More than the engine's read connections.
const READS: usize = 8;

/// Keeps every read of the engine waiting until the senders are dropped.
fn hold_reads(app: &TestApp) -> Vec<Sender<()>> {
    let (begun, held) = channel();
    let hold = |_| {
        let (release, released): (Sender<()>, Receiver<()>) = channel();
        let (engine, begun) = (app.engine.clone(), begun.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let wait = move |_: &mut luochui::store::Connection| {
                let _told = begun.send(());
                let _dropped = released.recv();
                Ok(())
            };
            let _late = runtime.block_on(engine.read(wait));
        });
        release
    };
    let releases = (0..READS).map(hold).collect();
    let pool = EngineConfig::new(String::new()).readers;
    (0..pool).for_each(|_| held.recv_timeout(Duration::from_secs(20)).unwrap());
    releases
}

#[test]
fn a_deadline_waits_for_a_request_whose_sender_is_still_being_looked_up() {
    let app = open_app();
    let fair = published(&app.sign_in("clerk"), "集市", "甲");
    member(&app, "zhang", 1);
    app.advance(HOUR - 1);
    let zhang = app.sign_in("zhang");
    let releases = hold_reads(&app);
    let path = format!("/api/v1/instances/{fair}/events/offer");
    let reply = std::thread::scope(|scope| {
        let sent = scope.spawn(|| zhang.command(&path, &json!({})));
        // The request is in long before this; nobody can say so, as nothing is read or written for it yet.
        std::thread::sleep(Duration::from_millis(500));
        app.advance(10);
        drop(releases);
        sent.join().unwrap()
    });
    assert_eq!(reply.expect(200).json()["at"], app.clock.now().0 - 10);
}

#[test]
fn a_head_sent_before_the_deadline_gains_nothing_for_a_body_sent_after_it() {
    let app = open_app();
    let fair = published(&app.sign_in("clerk"), "集市", "甲");
    member(&app, "zhang", 1);
    app.advance(HOUR - 1);
    let zhang = app.sign_in("zhang");
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).unwrap();
    let token = zhang.token.as_deref().unwrap();
    let head = format!(
        "POST /api/v1/instances/{fair}/events/offer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: late\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    app.advance(1);
    stream.write_all(b"}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
}
