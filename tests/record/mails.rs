//! The supervisor gets checkpoints by mail, while the record grows and at its end, and they vouch for it. Must not test SMTP itself.

use std::process::Command;

use luochui::config::{Config, Tls};
use luochui::engine::{Engine, Request};
use luochui::performers::Performers;
use luochui::record::verify::{Held, verify};
use luochui::store::account_rows::{AccountRow, account_insert, post_insert};
use luochui::workers::outbox::{Outbox, Settings};
use luochui::workers::telling::{Followed, tell};
use serde_json::Value;

use super::world::{file_of, files, key, played, start};
use crate::support::engine::{Place, event, map, member, run, still, submit};
use crate::support::smtp::{Sink, Taken};

/// A supervisor, and an outbox that hands mails to a server of the test.
async fn supervised(engine: &Engine, folder: &tempfile::TempDir) -> (Sink, Outbox) {
    let row = AccountRow {
        display_name: "监督员".into(),
        email: "watch@example.org".into(),
        ..AccountRow::unused("watch".into(), "watch".into(), "oversight", 0)
    };
    let insert = engine.write("test", move |conn| {
        account_insert(conn, &row)?;
        post_insert(conn, "watch", "oversight", "centre")
    });
    insert.await.unwrap();
    let sink = Sink::start(|_| "250 ok".into());
    let mut config = Config::for_testing(folder.path());
    config.mail.from = "交易中心 <no-reply@jy.example.org>".into();
    (config.mail.smtp.host, config.mail.smtp.port, config.mail.smtp.tls) = ("127.0.0.1".into(), sink.port, Tls::None);
    let settings = Settings {
        parallel: 2,
        lease_millis: 60_000,
        attempts: 3,
        process: "test".into(),
    };
    let outbox = Outbox::new(Performers::new(engine, &config).unwrap(), settings);
    (sink, outbox)
}

#[test]
fn the_supervisor_gets_the_final_checkpoint() {
    run(async {
        let played = played(&Place::sqlite(), &still()).await;
        let folder = tempfile::tempdir().unwrap();
        let (sink, outbox) = supervised(&played.engine, &folder).await;
        outbox.drain().await.unwrap();
        let taken = sink.taken();
        assert_eq!(
            taken.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(),
            ["watch@example.org"]
        );
        let text = taken[0].part("text/plain");
        let json = text.lines().find(|line| line.starts_with('{')).unwrap();
        let held = Held {
            checkpoints: vec![serde_json::from_str(json).unwrap()],
            keys: vec![key(7)],
            ..Held::default()
        };
        let report = verify(&played.file, &held);
        assert!(report.holds(), "{report:#?}");
        let cut: Vec<_> = played.file.lines().take(12).map(|line| format!("{line}\n")).collect();
        assert!(!verify(&cut.concat(), &held).holds());
    });
}

/// A hall that waits before it is called in, can be halted, and whose record supervisors may read with a tag.
fn halls(tag: &str) -> std::collections::BTreeMap<String, String> {
    let mut files = files();
    let hall = files["hall.yaml"]
        .replace("oversight: [calling]", &format!("oversight: [{tag}]"))
        .replace("4 minutes", "400 minutes")
        .replace("  stop:  {title", "  begin: {title: 开厅, from: [member]}\n  halt:  {title: 中止, from: [member]}\n  stop:  {title")
        .replace("initial: calling\nstates:\n", "initial: waiting\nstates:\n  waiting: {title: 等待, on: {begin: calling}}\n  halted: {title: 中止中, on: {begin: calling}}\n")
        .replace("      stop: over\n", "      stop: over\n      halt: halted\n")
        .replace("    type: final\n", "    type: final\n    tags: [finished]\n");
    files.insert("hall.yaml".into(), hall);
    files
}

fn lines(mail: &Taken) -> Vec<Value> {
    let text = mail.part("application/x-ndjson");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `luochui audit verify`, with files of these contents.
fn audit(record: &str, checkpoints: &[String]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("record"), record).unwrap();
    std::fs::write(path("key.pem"), key(7).to_pem().unwrap()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_luochui"));
    command
        .args(["audit", "verify"])
        .arg(path("record"))
        .arg("--key")
        .arg(path("key.pem"));
    for (number, text) in checkpoints.iter().enumerate() {
        std::fs::write(path(&number.to_string()), text).unwrap();
        command.arg("--checkpoint").arg(path(&number.to_string()));
    }
    let out = command.output().unwrap();
    let told = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.success(), told)
}

#[test]
fn checkpoints_are_mailed_while_the_hall_runs_and_sealed_before_the_record_is_open() {
    for (tag, is_sealed) in [("calling", false), ("finished", true)] {
        run(async {
            let clock = still();
            let place = Place::sqlite();
            let (engine, _handle) = start(&place, &clock);
            engine.library().publish(halls(tag), "admin").await.unwrap();
            let request = Request::Open {
                bundle: "hall".into(),
                machine: None,
                data: map(&[]),
            };
            let hall = submit(&engine, member("ann"), request, None).await.trade;
            let folder = tempfile::tempdir().unwrap();
            let (sink, outbox) = supervised(&engine, &folder).await;
            let mut followed = Followed::default();
            let mut mails = Vec::new();
            for (name, minutes, expected) in [
                // Nothing while it waits, whatever the time.
                ("", 40, 0),
                ("begin", 1, 1),
                ("", 1, 0),
                // Every half hour, although nothing was added.
                ("", 30, 1),
                ("", 30, 1),
                ("halt", 1, 1),
                ("begin", 1, 1),
                ("", 1, 0),
            ] {
                if !name.is_empty() {
                    submit(&engine, member("ann"), event(&hall, name, &[]), None).await;
                }
                clock.advance_to(clock.now().plus_millis(minutes * 60_000));
                let offered = tell(&engine, engine.now(), 30, &mut followed).await.unwrap();
                assert_eq!(offered, expected, "{name} {minutes}");
                // Another process, which knows nothing of this one, finds nothing left to do.
                assert_eq!(
                    tell(&engine, engine.now(), 30, &mut Followed::default()).await.unwrap(),
                    0
                );
                outbox.drain().await.unwrap();
                mails.extend(sink.taken().into_iter().skip(mails.len()));
            }
            assert_eq!(mails.len(), 5);
            submit(&engine, member("ann"), event(&hall, "stop", &[]), None).await;
            outbox.drain().await.unwrap();
            let last = sink.taken().pop().unwrap();
            let record = file_of(&engine, &hall).await;

            let files: Vec<_> = mails.iter().map(|mail| mail.part("application/x-ndjson")).collect();
            let told: Vec<_> = mails.iter().flat_map(lines).collect();
            assert_eq!(
                told.iter().all(|one| one.get("sealed").is_some()),
                is_sealed,
                "{told:?}"
            );
            assert_eq!(told.iter().any(|one| one.get("size").is_some()), !is_sealed);
            let distinct: std::collections::BTreeSet<_> = told.iter().map(ToString::to_string).collect();
            assert_eq!(distinct.len(), told.len(), "that nothing was added does not show");
            for mail in &mails {
                assert_eq!(mail.to, "watch@example.org");
                assert_eq!(mail.part("text/plain").contains("\"size\""), !is_sealed);
            }
            let (holds, text) = audit(&record, &files);
            assert!(holds, "{text}");
            let name = if is_sealed {
                "sealed checkpoint at hand"
            } else {
                "checkpoint at hand"
            };
            assert_eq!(text.matches(&format!("ok      {name}")).count(), 5, "{text}");

            // The final mail brings them all, and the one over the whole.
            let all = last.part("application/x-ndjson");
            assert_eq!(lines(&last).len(), 6);
            let (holds, text) = audit(&record, std::slice::from_ref(&all));
            assert!(
                holds && text.matches("ok      checkpoint at hand").count() == 6,
                "{text}"
            );
            let without: Vec<_> = record.lines().filter(|line| !line.contains("so_far")).collect();
            let cut = format!("{}\n", without.join("\n"));
            assert_eq!(
                audit(&cut, &files).0,
                !is_sealed,
                "a sealed one that the file leaves out is missed"
            );
            let forged = record.replacen("\"event\":\"halt\"", "\"event\":\"hold\"", 1);
            assert!(!audit(&forged, &files).0);
            assert!(!audit(&record, &["{}".to_owned()]).0);
        });
    }
}
