//! Backups are taken while commands come in, hold whole trades, and verify when they are restored.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use luochui::engine::audit::{Depth, verify};
use luochui::machine::Name;
use luochui::store::Target;
use luochui::store::connection::Use;
use luochui::store::trade_rows::trade_load;

use crate::support::engine::{Place, event, member, open, run, still, submission, visit, with_bundle};
use crate::support::postgres;

fn luochui(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_luochui"))
        .args(arguments)
        .output()
        .unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = luochui(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(arguments: &[&str]) -> String {
    let output = luochui(arguments);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Backs up under load into `folder`; returns the trades and how long their histories were before.
fn backup_under_load(place: &Place, folder: &Path, files: &Path) -> Vec<(Name, u64)> {
    run(async {
        let (engine, _handle) = with_bundle(place, &still()).await;
        let mut shops = Vec::new();
        for number in 0..5 {
            shops.push(open(&engine, &format!("店{number}")).await);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let load = shops.iter().map(|shop| {
            let (engine, shop, stop) = (engine.clone(), shop.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    engine
                        .submit(submission(&engine, member("ann"), visit(&shop), None))
                        .await
                        .unwrap();
                    let order = submission(&engine, member("ann"), event(&shop, "order", &[]), Some("once"));
                    engine.submit(order).await.unwrap();
                }
            })
        });
        let load: Vec<_> = load.collect();
        let mut before = Vec::new();
        for shop in shops {
            let seq = engine.trade(&shop).await.unwrap().trade.seq;
            before.push((shop, seq));
        }
        let (url, folder, files) = (place.url(), folder.to_owned(), files.to_owned());
        let taken = tokio::task::spawn_blocking(move || {
            succeeds(&["backup", text(&folder), "--database", &url, "--files", text(&files)]);
            let verified = succeeds(&["audit", "verify", "--replay", "--database", &url]);
            assert!(verified.contains("5 trades"), "{verified}");
        });
        taken.await.unwrap();
        stop.store(true, Ordering::Relaxed);
        for load in load {
            load.await.unwrap();
        }
        before
    })
}

fn check_restored(url: &str, before: &[(Name, u64)]) {
    let mut conn = Target::parse(url).unwrap().open(Use::Read).unwrap();
    for (trade, seq) in before {
        let stored = trade_load(&mut conn, trade).unwrap().unwrap();
        assert!(stored.trade.seq >= *seq);
    }
    let report = verify(&mut conn, Depth::Replay).unwrap();
    assert_eq!((report.replayed, report.faults.as_slice()), (5, &[][..]));
}

#[test]
fn a_backup_of_sqlite_under_load_restores_and_verifies() {
    let (place, folder) = (Place::sqlite(), tempfile::tempdir().unwrap());
    let (backup, files) = (folder.path().join("backup"), folder.path().join("files"));
    std::fs::create_dir_all(files.join("ab")).unwrap();
    std::fs::write(files.join("ab/cd.pdf"), "a document").unwrap();
    let before = backup_under_load(&place, &backup, &files);
    let (database, restored) = (folder.path().join("restored.db"), folder.path().join("restored"));
    let arguments = [
        "restore",
        text(&backup),
        "--database",
        text(&database),
        "--files",
        text(&restored),
    ];
    succeeds(&arguments);
    check_restored(text(&database), &before);
    assert_eq!(
        std::fs::read_to_string(restored.join("ab/cd.pdf")).unwrap(),
        "a document"
    );
    // Into a place that holds something: never.
    assert!(fails(&arguments).contains("not empty"));
    // A backup that was changed: never.
    std::fs::write(backup.join("files/ab/cd.pdf"), "another document").unwrap();
    let (other, empty) = (folder.path().join("other.db"), folder.path().join("empty"));
    let refused = fails(&[
        "restore",
        text(&backup),
        "--database",
        text(&other),
        "--files",
        text(&empty),
    ]);
    assert!(refused.contains("not as it was backed up"), "{refused}");
    assert!(!other.exists());
}

#[test]
fn a_backup_of_postgres_under_load_restores_and_verifies() {
    let (Some(place), Some(empty)) = (Place::postgres(), postgres::Database::empty()) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (backup, files) = (folder.path().join("backup"), folder.path().join("files"));
    let before = backup_under_load(&place, &backup, &files);
    let restore = [
        "restore",
        text(&backup),
        "--database",
        &empty.url,
        "--files",
        text(&files),
    ];
    succeeds(&restore);
    check_restored(&empty.url, &before);
    assert!(fails(&restore).contains("holds tables"));
}

#[test]
fn an_altered_history_is_found() {
    let (place, folder) = (Place::sqlite(), tempfile::tempdir().unwrap());
    backup_under_load(&place, &folder.path().join("backup"), &folder.path().join("files"));
    let mut conn = Target::parse(&place.url()).unwrap().open(Use::Write).unwrap();
    let alter = "UPDATE history SET event = event, public = replace(public, 'visit', 'close') WHERE seq = 3";
    diesel::connection::SimpleConnection::batch_execute(&mut conn, alter).unwrap();
    let found = fails(&["audit", "verify", "--database", &place.url()]);
    assert!(found.contains("faulty"), "{found}");
}
