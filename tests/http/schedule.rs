//! The calendar of sessions over the API and in a real browser: what is announced and nothing else, the same for everybody.

use diesel::RunQueryDsl as _;
use luochui::store::booking_rows::BookingRow;
use luochui::store::schema::bookings;
use serde_json::{Value, json};

use crate::support::app::{Client, Reply, Request, TestApp};
use crate::support::browser::Browser;
use crate::support::sale::{Sale, centre};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Ten in the morning in China, so many days after the clock's day.
fn morning(app: &TestApp, days: i64) -> i64 {
    (app.clock.now().0 + 8 * HOUR).div_euclid(DAY) * DAY + days * DAY + 2 * HOUR
}

fn calendar(client: &Client<'_>, from: i64, to: i64) -> Value {
    client
        .get(&format!("/api/v1/sessions?from={from}&to={to}"))
        .expect(200)
        .json()
}

fn set_limit(client: &Client<'_>, limit: Value) -> Reply {
    let request =
        Request::new("PUT", "/api/v1/admin/capacities/rooms").header("Idempotency-Key", format!("limit-{limit}"));
    client.send(request.json(&json!({"limit": limit})))
}

fn ids(calendar: &Value) -> Vec<&str> {
    let items = calendar["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn what_is_announced_is_shown_to_everybody_alike_and_what_is_not_to_nobody() {
    let app = centre();
    let (root, clerk, anyone) = (app.sign_in("root"), app.sign_in("clerk"), app.anyone());
    set_limit(&clerk, json!(2)).problem(403, "forbidden");
    set_limit(&root, json!(2)).expect(200);
    let set = app.sign_in("watch").get("/api/v1/admin/capacities").expect(200).json();
    assert_eq!(
        (&set["items"][0]["workflow"], &set["items"][0]["set"]),
        (&json!(20), &json!(2))
    );

    let start = morning(&app, 24);
    let (from, to) = (start - DAY, start + 3 * DAY);
    let first = Sale::announced(&app, json!({"auction_start": start, "name": "一号车"}));
    let second = Sale::announced(&app, json!({"auction_start": start + HOUR / 2, "name": "二号车"}));
    // A third at the same time is refused, in words and in numbers.
    let third = Sale::drafted(&app, json!({"auction_start": start, "name": "三号车"}));
    let refused = third.act(&clerk, "submit", &json!({})).problem(409, "session_full");
    assert_eq!(refused["tell"]["taken"], 2, "{refused}");
    assert_eq!(refused["tell"]["limit"], 2);
    assert_eq!(refused["tell"]["from"], start + HOUR / 2);
    assert_eq!(refused["tell"]["next"], start + HOUR);
    let said = refused["title"].as_str().unwrap();
    assert!(said.contains("已有 2 场（上限 2 场），最早可从"), "{refused}");
    // At the next free start it is taken, and takes its place, and nobody hears of it.
    third
        .act(&clerk, "submit", &json!({"auction_start": start + HOUR}))
        .expect(200);
    let fourth = Sale::drafted(&app, json!({"auction_start": start + HOUR, "name": "四号车"}));
    fourth.act(&clerk, "submit", &json!({})).problem(409, "session_full");

    let shown = calendar(&anyone, from, to);
    assert_eq!(ids(&shown), [first.listing.as_str(), second.listing.as_str()]);
    assert_eq!(shown["items"][0]["title"], "一号车");
    assert_eq!(shown["items"][0]["page"], format!("/instances/{}", first.listing));
    assert_eq!(
        (&shown["items"][0]["from"], &shown["items"][0]["until"]),
        (&json!(start), &json!(start + HOUR))
    );
    let slots: Vec<_> = shown["slots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| (slot["from"].as_i64().unwrap() - start, slot["announced"].clone()))
        .collect();
    assert_eq!(slots, [(0, json!(1)), (HOUR / 2, json!(2)), (HOUR, json!(1))]);
    assert_eq!(
        shown["capacities"],
        json!([{"name": "rooms", "title": "同时进行的竞价", "limit": 2}])
    );
    assert_eq!(shown["days"][0]["sessions"], 2);
    assert_eq!(shown["busiest"], shown["days"][0]["day"]);
    let path = format!("/api/v1/sessions?from={from}&to={to}");
    let bytes = anyone.get(&path).expect(200).bytes;
    for who in [&root, &clerk, &app.sign_in("supervisor"), &app.sign_in("watch")] {
        assert_eq!(who.get(&path).expect(200).bytes, bytes);
    }
    let feed = anyone
        .get(&format!("/api/v1/sessions.ics?from={from}&to={to}"))
        .expect(200);
    let text = String::from_utf8(feed.bytes).unwrap();
    assert_eq!(text.matches("BEGIN:VEVENT\r\n").count(), 2);
    assert!(text.contains("SUMMARY:一号车\r\n") && !text.contains("三号车"));

    // What is suspended gives its time back; what is ended too.
    let suspend = json!({"suspend_reason": "其他", "reason": "核查"});
    let event = |sale: &Sale<'_>, name: &str| format!("/api/v1/instances/{}/events/{name}", sale.listing);
    app.sign_in("reviewer")
        .command(&event(&first, "suspend"), &suspend)
        .expect(200);
    assert_eq!(ids(&calendar(&anyone, from, to)), [second.listing.as_str()]);
    fourth
        .act(&clerk, "submit", &json!({"auction_start": start}))
        .expect(200);
    let chief = app.sign_in("chief");
    chief
        .command(&event(&second, "terminate"), &json!({"reason": "政策调整"}))
        .expect(200);
    assert_eq!(ids(&calendar(&anyone, from, to)), [""; 0]);
}

/// What is not announced takes no room in an answer, and what an answer cannot hold is refused and not cut. Nobody's trade is looked up.
#[test]
fn a_calendar_is_whole_or_refused_and_costs_nothing_for_what_it_hides() {
    let app = centre();
    let start = morning(&app, 24);
    let sale = Sale::announced(&app, json!({"auction_start": start + HOUR}));
    let anyone = app.anyone();
    let path = format!("/api/v1/sessions?from={start}&to={}", start + DAY);
    let reads = || {
        let counts = (0..8).map(|_| {
            let before = app.engine.reads();
            anyone.get(&path).expect(200);
            app.engine.reads() - before
        });
        counts.min().unwrap()
    };
    let before = (anyone.get(&path).expect(200).bytes, reads());
    let book = |names: &'static str, shown: Option<&'static str>| {
        let row = move |number: usize| BookingRow {
            instance: format!("{names}{number}"),
            trade: format!("{names}{number}"),
            capacity: "rooms".into(),
            from_at: start,
            until_at: start + HOUR,
            shown: shown.map(str::to_owned),
        };
        app.write(move |conn| {
            for number in 0..2_000 {
                diesel::insert_into(bookings::table).values(row(number)).execute(conn)?;
            }
            Ok(())
        });
    };
    book("hidden", None);
    assert_eq!((anyone.get(&path).expect(200).bytes, reads()), before);
    assert_eq!(ids(&calendar(&anyone, start, start + DAY)), [sale.listing.as_str()]);
    book("shown", Some(r#"{"title":"一","states":[],"live":true}"#));
    let refused = anyone.get(&path).expect(422).json();
    assert!(refused.to_string().contains("fewer days"), "{refused}");
    anyone
        .get(&format!("/api/v1/sessions?from={}&to={}", start + HOUR, start + DAY))
        .expect(200);
}

#[test]
fn a_span_that_makes_no_sense_is_refused() {
    let app = TestApp::start();
    let anyone = app.anyone();
    for query in [
        "from=soon",
        "from=1&to=1",
        "from=0&to=99999999999",
        "day=1",
        "from=999999999999999999",
    ] {
        anyone
            .get(&format!("/api/v1/sessions?{query}"))
            .expect(if query.starts_with("day") { 400 } else { 422 });
    }
    let empty = anyone.get("/api/v1/sessions").expect(200).json();
    assert_eq!((&empty["items"], &empty["busiest"]), (&json!([]), &Value::Null));
    set_limit(&app.anyone(), json!(1)).problem(401, "unauthenticated");
}

#[test]
fn the_page_shows_the_days_leads_to_rooms_and_marks_the_busiest_day() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let busy = morning(&app, 24);
    let sales = [busy, busy, busy + 2 * DAY].map(|start| Sale::announced(&app, json!({"auction_start": start})));
    let mut page = browser.page("");
    let from = busy - DAY;
    page.open(&format!("{}/calendar?from={from}&to={}", app.url, from + 7 * DAY));
    page.until("document.querySelectorAll('.day').length === 2");
    assert_eq!(page.value("document.querySelectorAll('.day.busiest').length"), 1);
    assert_eq!(page.value("document.querySelectorAll('.day.busiest tr').length"), 3);
    let head = page.value("document.querySelector('.day.busiest h2').innerText");
    assert!(head.as_str().unwrap().contains("2 场，同时最多 2 场"), "{head}");
    assert!(page.text("busiest").starts_with("最忙的一天"));
    let hours = page.value("document.querySelector('.day td').innerText");
    assert_eq!(hours, "10:00–11:00");
    page.picture("calendar");
    // The room, once it is open, is what the calendar leads to; the other weeks are one step away.
    sales[0].bidder("zhang", 101);
    sales[0].bidder("li", 102);
    let room = sales[0].room();
    page.open(&format!("{}/calendar?from={from}&to={}", app.url, from + 7 * DAY));
    page.until(&format!(
        "document.querySelector('.day.busiest a[href=\"/rooms/{room}\"]')"
    ));
    page.value("document.getElementById('later').click()");
    page.until("document.querySelectorAll('.day').length === 0");
    page.value("document.getElementById('earlier').click()");
    page.until("document.querySelectorAll('.day').length === 2");
    page.value(&format!("document.querySelector('a[href=\"/rooms/{room}\"]').click()"));
    page.until("location.pathname.startsWith('/rooms/')");
}
