//! The outbox on both databases: once each, retried, given up visibly, shared by several workers.

use std::collections::BTreeSet;

use luochui::machine::step::Effect;
use luochui::machine::{Time, Value};
use luochui::store::document_rows::documents_of_instance;
use luochui::store::incident_rows::incidents_open;
use luochui::store::lease_rows::{Lease, Settlement, lease_claim, lease_extend, lease_settle};
use luochui::store::outbox_payload::{Asked, Payload};
use luochui::store::outbox_rows::{OutboxRow, outbox_offer, outbox_retry};
use serde_json::json;

use super::world::World;
use crate::support::engine::on_both;
use crate::support::smtp::Sink;
use crate::support::web::Web;

#[test]
fn a_document_is_numbered_rendered_kept_and_told_to_its_trade_once() {
    on_both(|place| async move {
        let world = World::start(&place).await;
        let outbox = world.outbox("one");
        let case = world.open("公务车辆").await;
        world.send(&case, "print").await;
        world.send(&case, "print").await;
        world.perform_all(&outbox).await;
        let held = world.engine.trade(&case).await.unwrap();
        let instance = &held.trade.instances[&case];
        // The first was asked for again before it was ready: its outcome is stale, the second counts.
        assert_eq!(instance.data["printed"], Value::Int(1));
        let document = &instance.documents["letter"];
        let number = document.number.as_deref().unwrap();
        let of = case.to_string();
        let rows = world
            .engine
            .read(move |conn| documents_of_instance(conn, &of))
            .await
            .unwrap();
        let mut numbers: Vec<_> = rows.iter().map(|row| row.number.as_deref().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, ["函〔2026〕0001号", "函〔2026〕0002号"]);
        assert_eq!(rows[1].number.as_deref(), Some(number));
        assert_eq!(rows[1].sha256.as_deref(), document.sha256.as_deref());
        let files = luochui::performers::files::Files::open(world.config.files_folder()).unwrap();
        assert!(
            files
                .read(rows[1].sha256.as_deref().unwrap())
                .unwrap()
                .starts_with(b"%PDF-")
        );
        // The same work again, as after a crash between the answer and the settlement, changes nothing.
        let again = world.rows(&case, "document").await;
        let performers = luochui::performers::Performers::new(&world.engine, &world.config).unwrap();
        performers.perform(&again[1]).await.unwrap();
        let after = world.engine.trade(&case).await.unwrap();
        assert_eq!(after.trade.instances[&case], *instance);
    });
}

#[test]
fn what_no_font_shows_is_an_incident_and_can_be_tried_again() {
    on_both(|place| async move {
        let world = World::start(&place).await;
        let outbox = world.outbox("one");
        let case = world.open("张\u{1F980}三").await;
        world.send(&case, "print").await;
        outbox.drain().await.unwrap();
        let open = world.engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!(open[0].kind, "outbox");
        assert!(open[0].text.contains("U+1F980"), "{}", open[0].text);
        let row = world.rows(&case, "document").await.remove(0);
        assert_eq!(open[0].place, row.id);
        assert!(row.failed_at.is_some());
        let now = world.engine.now();
        let retried = world
            .engine
            .write("test", move |conn| outbox_retry(conn, &row.id, now))
            .await;
        assert!(retried.unwrap());
        assert_eq!(outbox.drain().await.unwrap(), 1);
        let open = world.engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert_eq!(open.len(), 2, "the second failure is told as well");
    });
}

#[test]
fn a_webhook_is_signed_and_retried_with_growing_delay_under_one_key() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let web = Web::start(|number| if number < 2 { 503 } else { 200 });
        world.door(&web.url);
        let outbox = world.outbox("one");
        let case = world.open("公务车辆").await;
        world.send(&case, "call").await;
        let mut seconds = vec![second(&world)];
        outbox.drain().await.unwrap();
        assert_eq!(web.asked().len(), 1);
        let first = world.rows(&case, "webhook").await.remove(0);
        let wait = first.available_at - world.engine.now().0;
        assert!((2_000..=2_500).contains(&wait), "{wait}");
        world.advance(wait - 1);
        outbox.drain().await.unwrap();
        assert_eq!(web.asked().len(), 1, "not before its time");
        world.advance(1);
        seconds.push(second(&world));
        outbox.drain().await.unwrap();
        let again = world.rows(&case, "webhook").await.remove(0);
        assert!(again.available_at - world.engine.now().0 >= 4_000);
        world.advance(5_000);
        seconds.push(second(&world));
        outbox.drain().await.unwrap();
        let asked = web.asked();
        assert_eq!(asked.len(), 3);
        let row = world.rows(&case, "webhook").await.remove(0);
        assert!(row.done_at.is_some() && row.error.is_none(), "{row:?}");
        for (asked, second) in asked.iter().zip(seconds) {
            assert_eq!(asked.headers["idempotency-key"], row.id);
            // Each attempt tells its own second, so that the receiver can tell a late one from a replay.
            assert_eq!(
                asked.headers["x-luochui-signature"],
                signature("secret", second, &asked.body)
            );
        }
        let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
        assert_eq!(body["data"]["amount"], 9_680_000);
    });
}

fn second(world: &World) -> i64 {
    world.engine.now().0.div_euclid(1_000)
}

fn signature(secret: &str, second: i64, body: &str) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{second}.{body}").as_bytes());
    format!("t={second},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[test]
fn an_effect_that_keeps_failing_becomes_one_incident() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let web = Web::start(|_| 503);
        world.door(&web.url);
        let outbox = world.outbox("one");
        let case = world.open("公务车辆").await;
        world.send(&case, "call").await;
        for _ in 0..6 {
            outbox.drain().await.unwrap();
            world.advance(1_200_000);
        }
        assert_eq!(web.asked().len(), 3, "as many attempts as are allowed");
        let open = world.engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert_eq!(open.len(), 1);
        assert!(open[0].text.contains("503"), "{}", open[0].text);
    });
}

#[test]
fn a_poisoned_row_blocks_nothing() {
    on_both(|place| async move {
        let world = World::start(&place).await;
        let case = world.open("公务车辆").await;
        for number in 0..6 {
            let row = poison(number);
            world
                .engine
                .write("test", move |conn| outbox_offer(conn, &row))
                .await
                .unwrap();
        }
        world.send(&case, "print").await;
        world.outbox("one").drain().await.unwrap();
        assert!(world.rows(&case, "document").await[0].done_at.is_some());
        let open = world.engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert_eq!(open.len(), 6);
    });
}

/// A row older than all others that nobody can perform.
fn poison(number: i64) -> OutboxRow {
    let payloads = [
        "",
        "{",
        "{}",
        "{\"effect\": 1}",
        "{\"effect\": {\"incident\": {}}}",
        "[]",
    ];
    let mail = Effect::Mail {
        instance: "nowhere".into(),
        roles: Vec::new(),
        mail: "none".into(),
        at: Time(0),
    };
    let sound = Payload {
        asked: Asked::Effect(mail),
        snapshot: json!({}),
    };
    OutboxRow {
        payload: payloads[usize::try_from(number).unwrap()].into(),
        ..OutboxRow::waiting(format!("poison{number}"), &sound, Time(0)).unwrap()
    }
}

#[test]
fn two_workers_share_the_outbox_and_do_everything_once() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let web = Web::start(|_| 200);
        world.door(&web.url);
        let case = world.open("公务车辆").await;
        for _ in 0..20 {
            world.send(&case, "call").await;
        }
        let (one, two) = (world.outbox("one"), world.outbox("two"));
        let (a, b) = tokio::join!(one.drain(), two.drain());
        // Both may find nothing left while the other works on the last; together they did all, and nothing twice.
        assert_eq!(a.unwrap() + b.unwrap(), 20 + world.rows(&case, "todo_mail").await.len());
        let keys: BTreeSet<_> = web
            .asked()
            .iter()
            .map(|asked| asked.headers["idempotency-key"].clone())
            .collect();
        assert_eq!((web.asked().len(), keys.len()), (20, 20));
    });
}

#[test]
fn a_lost_lease_settles_nothing() {
    on_both(|place| async move {
        let world = World::start(&place).await;
        let row = poison(0);
        world
            .engine
            .write("test", move |conn| outbox_offer(conn, &row))
            .await
            .unwrap();
        let lease = |owner: &str, until: i64| Lease {
            owner: owner.into(),
            until: Time(until),
        };
        let (slow, fast) = (lease("slow", 100), lease("fast", 200));
        let outcome = world.engine.write("test", move |conn| {
            assert_eq!(lease_claim(conn, &slow, Time(10), 5, &[])?.len(), 1);
            assert!(lease_claim(conn, &fast, Time(99), 5, &[])?.is_empty(), "it is leased");
            assert!(
                lease_claim(conn, &fast, Time(101), 5, &["poison0".into()])?.is_empty(),
                "it is under way here"
            );
            assert!(lease_extend(conn, "poison0", &lease("slow", 150))?);
            assert!(
                lease_claim(conn, &fast, Time(149), 5, &[])?.is_empty(),
                "it was extended"
            );
            let taken = lease_claim(conn, &fast, Time(150), 5, &[])?;
            assert_eq!(taken[0].attempts, 2);
            assert!(!lease_extend(conn, "poison0", &lease("slow", 300))?, "it was lost");
            assert!(!lease_settle(conn, "poison0", "slow", Time(160), &Settlement::Done)?);
            assert!(lease_settle(conn, "poison0", "fast", Time(160), &Settlement::Done)?);
            assert!(
                !lease_settle(conn, "poison0", "fast", Time(161), &Settlement::Done)?,
                "once"
            );
            Ok(())
        });
        outcome.await.unwrap();
    });
}

#[test]
fn a_mail_reaches_each_person_alone_and_nobody_twice() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let busy = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let own = std::sync::Arc::clone(&busy);
        // The second addressee's server is busy at first.
        let sink = Sink::start(move |to| match to {
            "clerk@example.org" if own.load(std::sync::atomic::Ordering::SeqCst) => "451 busy".into(),
            _ => "250 ok".into(),
        });
        world.smtp(sink.port);
        let outbox = world.outbox("one");
        let case = world.open("公务车辆").await;
        world.send(&case, "tell").await;
        outbox.drain().await.unwrap();
        let reached: Vec<_> = sink.taken().into_iter().map(|mail| mail.to).collect();
        assert_eq!(reached, ["chief@example.org"]);
        busy.store(false, std::sync::atomic::Ordering::SeqCst);
        world.advance(60_000);
        outbox.drain().await.unwrap();
        let news: Vec<_> = sink
            .taken()
            .into_iter()
            .filter(|mail| mail.header("Subject").starts_with("=?utf-8?b?5YWs"))
            .collect();
        let to: Vec<_> = news.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(to, ["chief@example.org", "clerk@example.org"]);
        assert!(
            news[0].part("text/plain").starts_with("花垣县某事业单位："),
            "{}",
            news[0].data
        );
        assert!(!news[0].data.contains("clerk@"), "{}", news[0].data);
        assert_ne!(news[0].header("Message-ID"), news[1].header("Message-ID"));
    });
}

#[test]
fn a_refused_addressee_is_an_incident_and_the_others_get_theirs() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let sink = Sink::start(|to| if to.starts_with("chief") { "550 gone" } else { "250 ok" }.into());
        world.smtp(sink.port);
        let case = world.open("公务车辆").await;
        world.send(&case, "tell").await;
        world.outbox("one").drain().await.unwrap();
        assert!(sink.taken().iter().all(|mail| mail.to == "clerk@example.org"));
        assert_eq!(sink.taken().len(), 2, "the to-do's mail and the news");
        let open = world.engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert_eq!(open.len(), 1);
        assert!(
            open[0].text.contains("chief") && open[0].text.contains("gone"),
            "{}",
            open[0].text
        );
    });
}

#[test]
fn a_follow_up_trade_is_opened_once() {
    on_both(|place| async move {
        let world = World::start(&place).await;
        let case = world.open("公务车辆").await;
        world.send(&case, "again").await;
        world.outbox("one").drain().await.unwrap();
        let row = world.rows(&case, "new_trade").await.remove(0);
        assert!(row.done_at.is_some(), "{row:?}");
        let performers = luochui::performers::Performers::new(&world.engine, &world.config).unwrap();
        performers.perform(&row).await.unwrap();
        let trades = world
            .engine
            .read(|conn| luochui::store::trade_rows::trade_ids(conn, "", 10))
            .await
            .unwrap();
        assert_eq!(trades.len(), 2);
        let other = trades.into_iter().find(|id| *id != *case).unwrap();
        let held = world.engine.trade(&other.as_str().into()).await.unwrap();
        let data = &held.trade.root().unwrap().data;
        assert_eq!(
            (&data["name"], &data["amount"]),
            (&"公务车辆".into(), &Value::Int(9_680_100))
        );
    });
}
