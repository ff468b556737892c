//! Sessions over the whole write path: never more at once than the limit, whoever books, in whatever process, and after a restart.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use luochui::engine::{Engine, Receipt, Request};
use luochui::machine::history;
use luochui::machine::slots::Span;
use luochui::machine::step::Answer;
use luochui::machine::{Name, Time, Value};
use luochui::store::booking_rows::{bookings_after, bookings_announced, capacity_set};
use luochui::store::connection::{Target, Use};
use luochui::store::history_rows::history_after;

use crate::support::engine::{BEGIN, Place, event, map, member, on_both, run, start, still, submission, submit};

const LIMIT: usize = 3;
const HOUR: i64 = 3_600_000;

const BUNDLE: &str = "language: 1
name: halls
version: 1.0.0
title: 场
timezone: Asia/Shanghai
calendar: cn-gov
root: hall
machines: [hall]
roles:
  member: {title: 任何用户, account: complete}
capacities:
  rooms: {title: 场地, limit: 3}
";

const HALL: &str = "machine: hall
title: 场
visible: public
read: public
session: {of: rooms, title: data.name, if: '\"planned\" in tags', from: data.starts, until: data.starts + data.length}
data:
  name: {type: text, title: 名称}
  starts: {type: time, title: 开始, optional: true}
  length: {type: duration, title: 时长, default: 1 hour}
events:
  start: {title: 开, from: [member]}
  plan: {title: 安排, from: [member], form: [starts]}
  withdraw: {title: 撤回, from: [member]}
  finish: {title: 完, from: [member]}
initial: draft
states:
  draft:
    title: 草稿
    on: {plan: planned, finish: over}
  planned:
    title: 已安排
    tags: [planned]
    on: {plan: {}, withdraw: draft, finish: over}
  over: {title: 完, type: final}
";

fn bundle() -> BTreeMap<String, String> {
    let files = [("bundle.yaml", BUNDLE), ("hall.yaml", HALL)];
    files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
}

async fn halls(engine: &Engine, count: usize) -> Vec<Name> {
    let mut halls = Vec::new();
    for number in 0..count {
        let request = Request::Open {
            bundle: "halls".into(),
            machine: None,
            data: map(&[("name", format!("{number}号").as_str().into())]),
        };
        halls.push(submit(engine, member("ann"), request, None).await.trade);
    }
    halls
}

fn at(hour: i64) -> Time {
    BEGIN.plus_millis(hour * HOUR)
}

fn plan(hall: &Name, hour: i64) -> Request {
    event(hall, "plan", &[("starts", Value::from(at(hour)))])
}

async fn planned(engine: &Engine, hall: &Name, hour: i64) -> Receipt {
    submit(engine, member("ann"), plan(hall, hour), None).await
}

fn is_taken(receipt: &Receipt) -> bool {
    match &receipt.answer {
        Answer::Taken { .. } => true,
        Answer::Refused(refusal) => {
            assert_eq!(&*refusal.code, "session_full");
            false
        }
        other => panic!("{other:?}"),
    }
}

async fn booked(engine: &Engine) -> Vec<Span> {
    let rows = engine
        .read(|conn| bookings_after(conn, "rooms", Time(0)))
        .await
        .unwrap();
    rows.iter()
        .map(luochui::store::booking_rows::BookingRow::span)
        .collect()
}

async fn proven(engine: &Engine, halls: &[Name]) {
    for hall in halls {
        let trade = hall.to_string();
        let rows = engine
            .read(move |conn| history_after(conn, &trade, 0, 1_000))
            .await
            .unwrap();
        let entries: Vec<_> = rows.iter().map(|row| row.entry().unwrap()).collect();
        let snapshot = engine.trade(hall).await.unwrap();
        let replayed = history::replay(&snapshot.bundle, &engine.calendars(), &entries).unwrap();
        assert_eq!(replayed.as_ref(), Some(&*snapshot.trade));
    }
}

#[test]
fn the_last_slot_is_given_once_moves_and_survives_a_restart() {
    on_both(|place| async move {
        let clock = still();
        let (engine, handle) = start(&place, &clock);
        engine.library().publish(bundle(), "admin").await.unwrap();
        let halls = halls(&engine, 10).await;
        // All at once: they are decided in one batch or in several.
        let asked = halls
            .iter()
            .map(|hall| engine.submit(submission(&engine, member("ann"), plan(hall, 1), None)));
        let answers = futures_util::future::join_all(asked).await;
        let taken: Vec<bool> = answers.into_iter().map(|answer| is_taken(&answer.unwrap())).collect();
        assert_eq!(taken.iter().filter(|taken| **taken).count(), LIMIT);
        let (first, left_out) = (
            &halls[taken.iter().position(|taken| *taken).unwrap()],
            &halls[taken.iter().position(|taken| !taken).unwrap()],
        );
        drop(engine);
        handle.join();
        let (engine, _handle) = start(&place, &clock);
        let refused = planned(&engine, left_out, 1).await;
        let Answer::Refused(refusal) = &refused.answer else {
            panic!()
        };
        assert_eq!(refusal.tell["taken"], Value::Int(3));
        assert_eq!(refusal.tell["next"], Value::from(at(2)));
        // A start that is moved makes room, an end does, and a withdrawal.
        assert!(is_taken(&planned(&engine, first, 4).await));
        assert!(is_taken(&planned(&engine, left_out, 1).await));
        assert!(!is_taken(&planned(&engine, first, 1).await));
        submit(&engine, member("ann"), event(left_out, "withdraw", &[]), None).await;
        assert!(is_taken(&planned(&engine, first, 1).await));
        submit(&engine, member("ann"), event(first, "finish", &[]), None).await;
        assert!(is_taken(&planned(&engine, left_out, 1).await));
        assert_eq!(booked(&engine).await.len(), LIMIT);
        proven(&engine, &halls).await;
    });
}

#[test]
fn the_centre_sets_another_number() {
    on_both(|place| async move {
        let clock = still();
        let (engine, _handle) = start(&place, &clock);
        engine.library().publish(bundle(), "admin").await.unwrap();
        let halls = halls(&engine, 3).await;
        let set = |ceiling: Option<i64>| {
            let engine = engine.clone();
            async move {
                let write =
                    move |conn: &mut luochui::store::Connection| capacity_set(conn, "rooms", ceiling, "chief", BEGIN);
                engine.write("capacity", write).await.unwrap();
            }
        };
        set(Some(1)).await;
        assert!(is_taken(&planned(&engine, &halls[0], 1).await));
        assert!(!is_taken(&planned(&engine, &halls[1], 1).await));
        set(Some(2)).await;
        assert!(is_taken(&planned(&engine, &halls[1], 1).await));
        set(None).await;
        assert!(is_taken(&planned(&engine, &halls[2], 1).await));
        proven(&engine, &halls).await;
    });
}

/// What everybody may know is kept with the booking, follows its trade, and is worked out for what was stored before it was kept.
#[test]
fn what_is_announced_is_kept_with_the_booking() {
    on_both(|place| async move {
        let clock = still();
        let (engine, handle) = start(&place, &clock);
        let mut files = bundle();
        let hall = files["hall.yaml"].replace("visible: public", "visible: {public: known, member: always}");
        let hall = hall.replace(
            "  plan: {title",
            "  tell: {title: 公布, from: [member]}\n  plan: {title",
        );
        let hall = hall.replace("    on: {plan: {},", "    on: {plan: {}, tell: known,");
        let known =
            "  known:\n    title: 已公布\n    tags: [planned, known]\n    on: {withdraw: draft}\n  over: {title";
        files.insert("hall.yaml".into(), hall.replace("  over: {title", known));
        engine.library().publish(files, "admin").await.unwrap();
        let halls = halls(&engine, 2).await;
        for hall in &halls {
            assert!(is_taken(&planned(&engine, hall, 1).await));
        }
        let shown = async |engine: &Engine| {
            let span = Span {
                from: BEGIN,
                until: at(9),
            };
            let rows = engine
                .read(move |conn| bookings_announced(conn, span, 9))
                .await
                .unwrap();
            rows.into_iter()
                .map(|row| (row.instance, row.shown.unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&engine).await, []);
        submit(&engine, member("ann"), event(&halls[1], "tell", &[]), None).await;
        let told = shown(&engine).await;
        let expected = r#"{"title":"1号","states":["已公布"],"live":false}"#;
        assert_eq!(told, [(halls[1].to_string(), expected.to_owned())]);
        drop(engine);
        handle.join();
        let mut conn = Target::parse(&place.url()).unwrap().open(Use::Write).unwrap();
        conn.batch_execute("UPDATE bookings SET shown = ''").unwrap();
        drop(conn);
        let (engine, _handle) = start(&place, &clock);
        assert_eq!(shown(&engine).await, told);
    });
}

#[test]
fn two_processes_give_the_last_slot_once() {
    let Some(place) = Place::postgres() else { return };
    run(async {
        let clock = still();
        let (first, _one) = start(&place, &clock);
        first.library().publish(bundle(), "admin").await.unwrap();
        let (second, _two) = start(&place, &clock);
        let halls = halls(&first, 12).await;
        for round in 0..8 {
            let asked = halls.iter().enumerate().map(|(number, hall)| {
                let engine = if number % 2 == 0 { &first } else { &second };
                engine.submit(submission(engine, member("ann"), plan(hall, round * 2), None))
            });
            let answers = futures_util::future::join_all(asked).await;
            let taken = answers
                .into_iter()
                .filter(|answer| is_taken(answer.as_ref().unwrap()))
                .count();
            assert_eq!(taken, LIMIT, "round {round}");
            let now: Vec<Span> = booked(&second).await;
            let there = now.iter().filter(|span| span.from == at(round * 2)).count();
            assert_eq!(there, LIMIT, "round {round}");
        }
        proven(&first, &halls).await;
    });
}

#[test]
fn any_course_of_bookings_is_what_a_list_of_them_would_allow() {
    on_both(|place| async move {
        let clock = still();
        let (engine, _handle) = start(&place, &clock);
        engine.library().publish(bundle(), "admin").await.unwrap();
        let halls = halls(&engine, 8).await;
        let mut model: BTreeMap<usize, i64> = BTreeMap::new();
        let mut state = 11_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..120 {
            let number = usize::try_from(draw(8)).unwrap();
            if draw(4) == 0 {
                if model.remove(&number).is_some() {
                    submit(&engine, member("ann"), event(&halls[number], "withdraw", &[]), None).await;
                }
                continue;
            }
            let hour = i64::try_from(draw(4)).unwrap();
            let others = model
                .iter()
                .filter(|(other, at)| **other != number && **at == hour)
                .count();
            let stays = model.get(&number) == Some(&hour);
            let taken = is_taken(&planned(&engine, &halls[number], hour).await);
            assert_eq!(taken, stays || others < LIMIT);
            if taken {
                model.insert(number, hour);
            }
            let mut wanted: Vec<Time> = model.values().map(|hour| at(*hour)).collect();
            wanted.sort_unstable();
            let kept: Vec<Time> = booked(&engine).await.iter().map(|span| span.from).collect();
            assert_eq!(kept, wanted);
        }
        proven(&engine, &halls).await;
    });
}
