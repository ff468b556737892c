//! The platform's key at a signing server: a real process over HTTP, what it is believed, and rotation through it.

use std::path::Path;
use std::time::{Duration, Instant};

use luochui::cli::platform_key;
use luochui::config::Config;
use luochui::record::signer::read_keys;
use luochui::record::verify::{Expected, Held, Status, verify};
use luochui::record::{Issued, PlatformSigner, Receipt};
use luochui::seal::sm2::SecretKey;
use luochui::workers::checkpoints::tick;

use super::receipts::{call, copy_of, open};
use crate::support::app::TestApp;
use crate::support::engine::run;
use crate::support::process::Service;
use crate::support::web::Web;

const SECRET: &str = "a secret between server and server";
const TOKEN: &str = "a bearer's token";

fn key(seed: u8) -> SecretKey {
    SecretKey::generate(&mut |bytes| *bytes = [seed; 32]).unwrap()
}

/// A server with these keys.
fn serve(folder: &Path, seeds: &[u8]) -> Service {
    let mut arguments = vec![
        "keys".to_owned(),
        "serve".into(),
        "--listen".into(),
        "127.0.0.1:0".into(),
    ];
    for seed in seeds {
        let path = folder.join(format!("{seed}.key.pem"));
        std::fs::write(&path, &*key(*seed).to_pem().unwrap()).unwrap();
        arguments.extend(["--key".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let environment = [
        ("LUOCHUI_RECORD_SERVER_SECRET", SECRET),
        ("LUOCHUI_RECORD_SERVER_TOKEN", TOKEN),
    ];
    Service::start(folder, &arguments, &environment)
}

/// What a platform is told of it: its keys, the present one first.
fn configure(config: &mut Config, folder: &Path, url: &str, seeds: &[u8]) {
    let pem: String = seeds
        .iter()
        .map(|seed| key(*seed).public_key().to_pem().unwrap())
        .collect();
    let path = folder.join(format!("public-{seeds:?}.pem"));
    std::fs::write(&path, pem).unwrap();
    let server = &mut config.record.server;
    server.url = url.to_owned();
    server.public_keys = path;
    (server.secret, server.token) = (SECRET.to_owned(), TOKEN.to_owned());
    (server.timeout_ms, server.attempts) = (2_000, 2);
}

fn signer(
    folder: &Path,
    url: &str,
    seeds: &[u8],
    change: impl FnOnce(&mut Config),
) -> std::sync::Arc<dyn PlatformSigner> {
    let mut config = Config::default();
    configure(&mut config, folder, url, seeds);
    change(&mut config);
    platform_key::signer(&config).unwrap()
}

#[test]
fn a_signing_server_is_believed_only_what_fits_the_configured_key() {
    let folder = tempfile::tempdir().unwrap();
    let service = serve(folder.path(), &[1, 2]);
    let good = signer(folder.path(), &service.url, &[1], |_| {});
    assert!(!good.is_at_hand(), "no commit waits for it");
    let signature = good.sign(b"a checkpoint").unwrap();
    key(1).public_key().verify(b"a checkpoint", &signature).unwrap();
    let refused = |change: fn(&mut Config)| {
        let signer = signer(folder.path(), &service.url, &[1], change);
        signer.sign(b"a checkpoint").unwrap_err().to_string()
    };
    for (change, told) in [
        (
            (|config| config.record.server.secret = "another secret of more than 32 bytes".into()) as fn(&mut Config),
            "401",
        ),
        (|config| config.record.server.token = "another token".into(), "401"),
        (|config| config.record.server.key = "unknown".into(), "404"),
    ] {
        assert!(refused(change).contains(told), "{}", refused(change));
    }
    // The server signs with another key than the platform has published: never used.
    let other = luochui::record::signer::key_id(&key(2).public_key()).unwrap();
    let swapped = signer(folder.path(), &service.url, &[1], |config| {
        config.record.server.key = other.to_string();
    });
    assert!(
        swapped
            .sign(b"a checkpoint")
            .unwrap_err()
            .to_string()
            .contains("does not fit")
    );
    for bad in ["", "too short"] {
        let mut config = Config::default();
        configure(&mut config, folder.path(), &service.url, &[1]);
        (config.record.server.secret, config.record.server.token) = (bad.to_owned(), String::new());
        assert!(platform_key::signer(&config).is_err(), "{bad:?}");
    }
    // Rotation is the server's, and no file takes its place.
    let mut config = Config::default();
    configure(&mut config, folder.path(), &service.url, &[2, 1]);
    config.record.key = folder.path().join("platform.key.pem");
    assert!(platform_key::rotate(&config).is_err());
    let second = platform_key::signer(&config).unwrap();
    assert_eq!(second.former(), [key(1).public_key()]);
    key(2).public_key().verify(b"m", &second.sign(b"m").unwrap()).unwrap();
    drop(service);
    let begun = Instant::now();
    assert!(second.sign(b"m").is_err());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(!config.record.key.exists(), "no key was drawn in its place");
}

#[test]
fn a_server_that_fails_for_a_moment_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let answer = luochui::signing::answer(&key(1).sign(b"m").unwrap());
    let web = Web::answering(move |number| match number {
        0 => (503, Vec::new()),
        _ => (200, answer.clone().into_bytes()),
    });
    let signer = signer(folder.path(), &web.url, &[1], |_| {});
    signer.sign(b"m").unwrap();
    assert_eq!(web.asked().len(), 2);
    // What is asked says no more than what is to be signed.
    let asked: serde_json::Value = serde_json::from_str(&web.asked()[0].body).unwrap();
    assert_eq!(
        (&asked["algorithm"], &asked["message"]),
        (&"sm2-sm3".into(), &"bQ==".into())
    );
    assert!(web.asked()[0].headers["x-luochui-signature"].starts_with("t="));
}

#[test]
fn offers_do_not_wait_for_the_server_and_their_receipts_are_signed_when_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let service = serve(folder.path(), &[1]);
    let url = service.url.clone();
    let app = TestApp::start_with(|config| configure(config, folder.path(), &url, &[1]));
    let hall = open(&app);
    let ann = app.sign_in("ann");
    app.advance(60_900);
    let (status, slip) = call(&ann, &hall, 1_000);
    assert_eq!(status, 200);
    assert!(slip["signature"].is_null() || slip.get("signature").is_none(), "{slip}");
    run(tick(&app.engine, app.engine.now())).unwrap();
    let copy: Receipt = serde_json::from_slice(&ann.get(&copy_of(&hall, &slip)).expect(200).bytes).unwrap();
    assert_eq!(copy.issued, Issued::Copy);
    // The server is gone: offers are taken as before, and a receipt waits.
    drop(service);
    let begun = Instant::now();
    let (status, later) = call(&ann, &hall, 2_000);
    assert_eq!(status, 200);
    assert!(begun.elapsed() < Duration::from_secs(2));
    ann.get(&copy_of(&hall, &later)).problem(503, "unavailable");

    ann.command(&format!("/api/v1/instances/{hall}/events/stop"), &serde_json::json!({}))
        .expect(200);
    let record = ann.get(&format!("/api/v1/instances/{hall}/record")).expect(200).bytes;
    let pem = app.anyone().get("/api/v1/platform/key").expect(200).bytes;
    let mut held = Held {
        keys: read_keys(std::str::from_utf8(&pem).unwrap()).unwrap(),
        receipts: vec![copy],
        ..Held::default()
    };
    // Until the server is back nobody vouches for the whole.
    let record = std::str::from_utf8(&record).unwrap();
    let report = verify(record, &held);
    let failed: Vec<_> = report
        .steps
        .iter()
        .filter(|step| step.status == Status::Failed)
        .collect();
    assert!(failed.len() == 1 && failed[0].name == "whole", "{report:#?}");
    held.expected = Expected::SoFar;
    let report = verify(record, &held);
    assert!(report.holds(), "{report:#?}");
    let receipt = report.steps.iter().find(|step| step.name.contains("receipt")).unwrap();
    assert_ne!(receipt.status, Status::Failed, "{report:#?}");
}
