//! The supervisor gets the final checkpoint by mail, and it vouches for the record. Must not test SMTP itself.

use luochui::config::{Config, Tls};
use luochui::performers::Performers;
use luochui::record::verify::{Held, verify};
use luochui::store::account_rows::{AccountRow, account_insert, post_insert};
use luochui::workers::outbox::{Outbox, Settings};

use super::world::{key, played};
use crate::support::engine::{Place, run, still};
use crate::support::smtp::Sink;

#[test]
fn the_supervisor_gets_the_final_checkpoint() {
    run(async {
        let played = played(&Place::sqlite(), &still()).await;
        let row = AccountRow {
            id: "watch".into(),
            name: "watch".into(),
            display_name: "监督员".into(),
            email: "watch@example.org".into(),
            phone: None,
            address: None,
            password_hash: "x".into(),
            standing: "oversight".into(),
            party: None,
            member: false,
            session_version: 0,
            failures: 0,
            locked_until: None,
            disabled_at: None,
            created_at: 0,
            version: 0,
        };
        let insert = played.engine.write("test", move |conn| {
            account_insert(conn, &row)?;
            post_insert(conn, "watch", "oversight", "centre")
        });
        insert.await.unwrap();
        let sink = Sink::start(|_| "250 ok".into());
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_testing(folder.path());
        config.mail.from = "交易中心 <no-reply@jy.example.org>".into();
        (config.mail.smtp.host, config.mail.smtp.port, config.mail.smtp.tls) =
            ("127.0.0.1".into(), sink.port, Tls::None);
        let settings = Settings {
            parallel: 2,
            lease_millis: 60_000,
            attempts: 3,
            process: "test".into(),
        };
        let outbox = Outbox::new(Performers::new(&played.engine, &config).unwrap(), settings);
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
