//! What a calendar drives, by ticks at chosen times: each slot once, and never too late.

use luochui::machine::step::{Act, Actor, Answer};
use luochui::machine::{Name, Time};
use luochui::store::incident_rows::incidents_open;
use luochui::store::token_rows::{token_find, token_take};
use luochui::workers::sweeps::{Swept, tick};
use sha2::{Digest, Sha256};

use super::world::{World, time};
use crate::support::engine::{self as engines, on_both};
use crate::support::smtp::{Sink, Taken};

const HOUR: i64 = 3_600_000;

/// Mails whose plain text or subject holds a word, by addressee.
fn with_subject(sink: &Sink, subject: &str) -> Vec<String> {
    use base64::Engine as _;
    let encoded = |mail: &Taken| {
        let header = mail.header("Subject");
        let words = header.split(' ').filter(|word| !word.is_empty());
        let decoded = words.map(|word| match word.strip_prefix("=?utf-8?b?") {
            Some(word) => {
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(word.trim_end_matches("?="))
                    .unwrap();
                String::from_utf8(bytes).unwrap()
            }
            None => word.to_owned(),
        });
        decoded.collect::<String>().split_whitespace().collect::<String>()
    };
    let mails = sink.taken();
    let mut found: Vec<_> = mails
        .iter()
        .filter(|mail| encoded(mail).contains(subject))
        .map(|mail| mail.to.clone())
        .collect();
    found.sort();
    found
}

#[test]
fn reminders_come_before_and_after_the_due_date_once_each() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let sink = Sink::start(|_| "250 ok".into());
        world.smtp(sink.port);
        let outbox = world.outbox("one");
        // Opened on Monday the 23rd at 10:00; five working days make it due on the 30th at 10:00.
        let case = world.open("公务车辆").await;
        let due = world.engine.trade(&case).await.unwrap().trade.instances[&case]
            .todos
            .values()
            .next()
            .unwrap()
            .due;
        assert_eq!(due, Some(Time(time(11, 30, 10))));
        let mut mails = Vec::new();
        // The working day before is Friday the 27th; the one after is Tuesday the 1st.
        for (at, soon, late) in [
            (time(11, 27, 9), 0, 0),
            (time(11, 27, 10), 1, 0),
            (time(11, 27, 11), 0, 0),
            (time(11, 30, 11), 0, 0),
            (time(12, 1, 9), 0, 0),
            (time(12, 1, 10), 0, 2),
            (time(12, 2, 10), 0, 0),
        ] {
            world.clock.advance_to(Time(at));
            let swept = tick(&world.engine, Time(at)).await.unwrap();
            outbox.drain().await.unwrap();
            let now = (
                with_subject(&sink, "即将到期公务车辆").len(),
                with_subject(&sink, "已逾期公务车辆").len(),
            );
            mails.push(now);
            let before = mails.iter().rev().nth(1).copied().unwrap_or_default();
            assert_eq!((now.0 - before.0, now.1 - before.1), (soon, late), "{swept:?} at {at}");
        }
        assert_eq!(with_subject(&sink, "即将到期公务车辆"), ["clerk@example.org"]);
        assert_eq!(
            with_subject(&sink, "已逾期公务车辆"),
            ["chief@example.org", "clerk@example.org"]
        );
    });
}

#[test]
fn two_sweeps_at_once_offer_a_reminder_once() {
    on_both(|place| async move {
        let world = World::start(&place).await;
        let case = world.open("公务车辆").await;
        let at = Time(time(11, 27, 12));
        world.clock.advance_to(at);
        let (a, b) = tokio::join!(tick(&world.engine, at), tick(&world.engine, at));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.reminders + b.reminders, 1);
        assert_eq!(a.digests + b.digests, 1);
        assert_eq!(
            world.rows(&case, "todo_mail").await.len(),
            2,
            "the first mail and one reminder"
        );
    });
}

#[test]
fn a_reminder_whose_time_has_passed_with_the_due_date_is_left_out() {
    on_both(|place| async move {
        let world = World::start(&place).await;
        world.open("公务车辆").await;
        let at = Time(time(11, 30, 12));
        world.clock.advance_to(at);
        assert_eq!(tick(&world.engine, at).await.unwrap().reminders, 0);
    });
}

#[test]
fn whoever_claimed_a_todo_is_reminded_alone() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let sink = Sink::start(|_| "250 ok".into());
        world.smtp(sink.port);
        world
            .person("other", "另一经办", &[("clerk", super::world::PLACE)])
            .await;
        let case = world.open("公务车辆").await;
        let todo: Name = world.engine.trade(&case).await.unwrap().trade.instances[&case]
            .todos
            .keys()
            .next()
            .unwrap()
            .clone();
        let other = Actor {
            account: "other".into(),
            posts: vec![("clerk".into(), super::world::PLACE.into())],
            ..Actor::default()
        };
        let receipt = engines::submit(&world.engine, other, engines::act(&case, &todo, Act::Claim), None).await;
        assert!(matches!(receipt.answer, Answer::Taken { .. }), "{:?}", receipt.answer);
        world.clock.advance_to(Time(time(11, 27, 12)));
        tick(&world.engine, world.engine.now()).await.unwrap();
        world.outbox("one").drain().await.unwrap();
        assert_eq!(with_subject(&sink, "即将到期公务车辆"), ["other@example.org"]);
    });
}

#[test]
fn a_digest_comes_once_a_day_from_eight_on_with_what_is_open() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let sink = Sink::start(|_| "250 ok".into());
        world.smtp(sink.port);
        let outbox = world.outbox("one");
        world.open("公务车辆").await;
        world.open("商铺").await;
        for (at, digests) in [
            (time(11, 24, 7), 0),
            (time(11, 24, 8), 1),
            (time(11, 24, 20), 0),
            (time(11, 25, 9), 1),
        ] {
            world.clock.advance_to(Time(at));
            assert_eq!(tick(&world.engine, Time(at)).await.unwrap().digests, digests, "{at}");
        }
        world.perform_all(&outbox).await;
        let digests = with_subject(&sink, "【每日待办】您有2项待办");
        assert_eq!(digests, ["clerk@example.org"; 2], "{:?}", sink.taken());
        let digest = sink
            .taken()
            .into_iter()
            .rev()
            .find(|mail| mail.data.contains("text/html"))
            .unwrap();
        let text = digest.part("text/plain");
        for wanted in [
            "王经办，您好",
            "公务车辆",
            "商铺",
            "2026年11月30日10:00",
            "https://jy.example.org/todos/",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    });
}

#[test]
fn a_missing_calendar_year_is_told_from_november_on_once_a_month() {
    on_both(|place| async move {
        let world = World::start(&place).await;
        let incidents = async |at: i64| tick(&world.engine, Time(at)).await.unwrap().incidents;
        assert_eq!(incidents(time(10, 31, 23)).await, 0);
        assert_eq!(incidents(time(11, 1, 0)).await, 1);
        assert_eq!(incidents(time(11, 30, 0)).await, 0);
        assert_eq!(incidents(time(12, 1, 0)).await, 1);
        let open = world.engine.read(|conn| incidents_open(conn, 10)).await.unwrap();
        assert!(open[0].text.contains("2027"), "{}", open[0].text);
        assert_eq!(
            tick(&world.engine, Time(time(12, 1, 1))).await.unwrap(),
            Swept::default()
        );
    });
}

#[test]
fn a_todo_mail_names_lot_task_and_time_and_its_links_act_once() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let sink = Sink::start(|_| "250 ok".into());
        world.smtp(sink.port);
        let case = world.open("公务车辆").await;
        world.outbox("one").drain().await.unwrap();
        let mail = sink.taken().remove(0);
        assert_eq!(with_subject(&sink, "【待办】办理：公务车辆"), ["clerk@example.org"]);
        let todo = world.engine.trade(&case).await.unwrap().trade.instances[&case]
            .todos
            .keys()
            .next()
            .unwrap()
            .clone();
        let text = mail.part("text/plain");
        let lead = format!("王经办 办理 2026年11月30日10:00 https://jy.example.org/todos/{todo}");
        assert_eq!(text.lines().next(), Some(lead.as_str()), "{text}");
        let invite = mail.part("text/calendar");
        assert!(invite.contains("DTSTART:20261130T020000Z"), "{invite}");
        let token = text
            .split("https://jy.example.org/t/")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        let digest = hex::encode(Sha256::digest(token.as_bytes()));
        let now = world.engine.now().0;
        let uses = world.engine.write("test", move |conn| {
            let row = token_find(conn, &digest)?.unwrap();
            assert_eq!((row.account.as_str(), row.act.as_str()), ("clerk", "claim"));
            assert_eq!(row.todo, *todo);
            assert!(token_take(conn, &digest, row.expires_at)?.is_none(), "it has expired");
            assert!(token_take(conn, &digest, now)?.is_some());
            assert!(token_take(conn, &digest, now)?.is_none(), "it was used");
            Ok(row.expires_at - now)
        });
        assert_eq!(uses.await.unwrap(), 72 * HOUR);
    });
}

#[test]
fn a_todo_is_claimed_from_its_mail_by_the_bundles_default_but_never_where_it_is_signed() {
    on_both(|place| async move {
        let mut world = World::start(&place).await;
        let sink = Sink::start(|_| "250 ok".into());
        world.smtp(sink.port);
        let outbox = world.outbox("one");
        let case = world.open("公务车辆").await;
        world.send(&case, "hand").await;
        outbox.drain().await.unwrap();
        world.send(&case, "seal").await;
        outbox.drain().await.unwrap();
        let mails = sink.taken();
        let text = |title: &str| {
            let to_chief = mails.iter().filter(|mail| mail.to == "chief@example.org");
            let mut texts = to_chief.map(|mail| mail.part("text/plain"));
            texts
                .find(|text| text.starts_with(&format!("李主任 {title} ")))
                .unwrap()
        };
        assert!(text("过目").contains("/todos/") && text("签章").contains("/todos/"));
        assert_eq!(text("过目").matches("\nclaim https://jy.example.org/t/").count(), 1);
        assert_eq!(text("签章").matches("/t/").count(), 0, "{}", text("签章"));
    });
}
