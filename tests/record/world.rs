//! A hall that was called in, its record as a file, and what people hold of it. Must not assert anything about records.

use std::collections::BTreeMap;
use std::sync::Arc;

use luochui::clock::Clock;
use luochui::engine::{Engine, EngineConfig, Handle, Receipt, Request, checkpoint_of};
use luochui::machine::step::Actor;
use luochui::machine::{Name, Value};
use luochui::record::{FileKey, PlatformSigner, file};
use luochui::seal::sm2::{PublicKey, SecretKey};
use luochui::store::record_rows::{checkpoints_of, record_from};
use luochui::workers::checkpoints::tick;

use crate::support::engine::{Place, event, map, member, submit};

pub fn files() -> BTreeMap<String, String> {
    let files = [
        ("bundle.yaml", include_str!("bundle/bundle.yaml")),
        ("hall.yaml", include_str!("bundle/hall.yaml")),
        ("guest.yaml", include_str!("bundle/guest.yaml")),
        ("templates/mail/closed/subject.txt.hbs", "存证 {{self.title}}"),
        (
            "templates/mail/closed/body.txt.hbs",
            "{{checkpoint.size}}\n{{checkpoint.json}}",
        ),
    ];
    files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect()
}

pub fn signer(seed: u8) -> Arc<dyn PlatformSigner> {
    let secret = SecretKey::generate(&mut |bytes| *bytes = [seed; 32]).unwrap();
    Arc::new(FileKey::new(secret).unwrap())
}

pub fn key(seed: u8) -> PublicKey {
    signer(seed).public_key()
}

pub fn start(place: &Place, clock: &Clock) -> (Engine, Handle) {
    let config = EngineConfig {
        signer: Some(signer(7)),
        ..EngineConfig::new(place.url())
    };
    Engine::start(&config, clock.clone()).unwrap()
}

pub async fn open(engine: &Engine) -> Name {
    let request = Request::Open {
        bundle: "hall".into(),
        machine: None,
        data: map(&[]),
    };
    submit(engine, member("ann"), request, None).await.trade
}

pub async fn call(engine: &Engine, hall: &Name, who: Actor, amount: i64) -> Receipt {
    submit(engine, who, event(hall, "call", &[("amount", amount.into())]), None).await
}

/// The record as the API gives it.
pub async fn file_of(engine: &Engine, hall: &Name) -> String {
    let id = hall.to_string();
    let read = engine.read(move |conn| Ok((record_from(conn, &id, 0, i64::MAX)?, checkpoints_of(conn, &id)?)));
    let (lines, checkpoints) = read.await.unwrap();
    let checkpoints: Vec<_> = checkpoints.iter().map(checkpoint_of).collect();
    file::write(lines.iter().map(|row| row.line.as_str()), &checkpoints)
}

/// A hall that has ended: ten calls of two guests, half of them refused, a checkpoint in the middle.
pub struct Played {
    pub engine: Engine,
    pub hall: Name,
    pub file: String,
    pub receipts: Vec<luochui::record::Receipt>,
    _handle: Handle,
}

pub async fn played(place: &Place, clock: &Clock) -> Played {
    let (engine, handle) = start(place, clock);
    engine.library().publish(files(), "admin").await.unwrap();
    let hall = open(&engine).await;
    let mut receipts = Vec::new();
    for name in ["ann", "bob"] {
        submit(&engine, member(name), event(&hall, "join", &[]), None).await;
    }
    for number in 1..=5 {
        for (name, amount) in [("ann", number * 10_000), ("bob", number * 10_000 - 1)] {
            clock.advance_to(clock.now().plus_millis(700));
            receipts.extend(call(&engine, &hall, member(name), amount).await.record);
        }
        if number == 3 {
            tick(&engine, engine.now()).await.unwrap();
        }
    }
    let secret = event(&hall, "quiet", &[("amount", 777_777.into())]);
    submit(&engine, member("bob"), secret, None).await;
    let noted = event(
        &hall,
        "call",
        &[("amount", 90_000.into()), ("note", Value::from("我是张三"))],
    );
    receipts.extend(submit(&engine, member("bob"), noted, None).await.record);
    submit(&engine, member("ann"), event(&hall, "stop", &[]), None).await;
    Played {
        file: file_of(&engine, &hall).await,
        engine,
        hall,
        receipts,
        _handle: handle,
    }
}
