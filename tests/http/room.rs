//! The room's page in a real browser: the right remaining time on a machine whose clock is wrong or that slept, the way from
//! inquiry to the end, a bid, a refusal, and what the winner is told.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::app::{Client, PASSWORD};
use crate::support::browser::{Browser, Page};
use crate::support::sale::{INCREMENT, START, Sale, centre};

/// A machine whose clock is three hours and some seconds wrong. While it sleeps its steady clock stands, and this one does not.
const SKEWED: &str = r"
  window.skew = -11111111;
  const TrueDate = Date;
  const now = () => TrueDate.now() + window.skew;
  window.Date = class extends TrueDate {
    constructor(...given) { if (given.length === 0) super(now()); else super(...given); }
    static now() { return now(); }
  };
";

/// What the page counts, and what the server says, in seconds.
fn left(page: &mut Page<'_>, client: &Client<'_>, room: &str) -> (i64, i64) {
    page.until("/^\\d\\d:\\d\\d$/.test(document.getElementById('left').innerText)");
    let text = page.text("left");
    let (minutes, seconds) = text.split_once(':').unwrap();
    let shown = minutes.parse::<i64>().unwrap() * 60 + seconds.parse::<i64>().unwrap();
    let live = client.get(&format!("/api/v1/auctions/{room}")).expect(200).json();
    let truth = live["data"]["ends"].as_i64().unwrap() - live["now"].as_i64().unwrap();
    (shown, truth.div_euclid(1_000) + i64::from(truth.rem_euclid(1_000) > 0))
}

/// The page counts right within moments of whatever happened, and goes on counting right.
fn right(page: &mut Page<'_>, client: &Client<'_>, room: &str, when: &str) {
    let begun = Instant::now();
    for _ in 0..3 {
        loop {
            // The second may turn between the two readings.
            let (shown, truth) = left(page, client, room);
            if (shown - truth).abs() <= 1 {
                break;
            }
            let waited = begun.elapsed();
            assert!(
                waited < Duration::from_secs(5),
                "{when}: the page shows {shown} s, {truth} s are left"
            );
        }
    }
}

#[test]
fn the_page_shows_the_right_time_whatever_its_machine_thinks() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let sale = Sale::announced(&app, json!({}));
    let bidders = [sale.bidder("zhang", 101), sale.bidder("li", 102)];
    let room = sale.room();
    app.clock.run_at(1);
    let anyone = app.anyone();
    let mut page = browser.page(SKEWED);
    page.open(&format!("{}/rooms/{room}", app.url));
    page.until("document.getElementById('phase').innerText === '询问期'");
    right(&mut page, &anyone, &room, "with a wrong clock");
    page.picture("room-inquiry");

    // The clock is set while the page is open.
    page.value("window.skew += 7200000");
    right(&mut page, &anyone, &room, "after the clock was set");

    // The machine sleeps: its steady clock stands still, its other clock and the server's go on.
    app.clock.advance_to(app.clock.now().plus_millis(70_000));
    page.value("window.skew += 70000");
    right(&mut page, &anyone, &room, "after a sleep");

    // From inquiry to timed bidding without a hand; then one bid that starts the four minutes again.
    sale.run_out(&room, "end", "timed");
    page.until("document.getElementById('phase').innerText === '限时竞价'");
    right(&mut page, &anyone, &room, "in timed bidding");
    app.clock.advance_to(app.clock.now().plus_millis(30_000));
    bidders[0].bid(&room, START).expect(200);
    page.until("document.getElementById('bids').innerText === '1'");
    right(&mut page, &anyone, &room, "after a bid");
    assert_eq!(page.text("leader"), bidders[0].key());

    // The connection is lost, and with it a bid; the browser comes back by itself.
    page.ask("Network.enable", json!({}));
    let offline = |on: bool| json!({"offline": on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    page.ask("Network.emulateNetworkConditions", offline(true));
    bidders[1].bid(&room, START + INCREMENT).expect(200);
    page.ask("Network.emulateNetworkConditions", offline(false));
    page.until("document.getElementById('bids').innerText === '2'");
    right(&mut page, &anyone, &room, "after a lost connection");
    page.picture("room-timed");
}

#[test]
fn a_bidder_bids_is_refused_in_plain_words_and_is_told_of_the_victory() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let sale = Sale::announced(&app, json!({}));
    let bidders = [sale.bidder("zhang", 101), sale.bidder("li", 102)];
    let room = sale.room();
    app.clock.run_at(1);
    let mut page = browser.page("");
    page.open(&format!("{}/mine", app.url));
    page.sign_in("zhang", PASSWORD);
    page.until("document.querySelector('#trades a[href^=\"/rooms/\"]')");
    assert!(
        page.text("deposits").contains("15,000.00 元"),
        "{}",
        page.text("deposits")
    );
    page.picture("mine");
    page.value("document.querySelector('#trades a[href^=\"/rooms/\"]').click()");
    page.until("document.getElementById('plate').innerText !== ''");
    assert_eq!(page.text("plate"), bidders[0].key());
    sale.run_out(&room, "end", "timed");
    page.until("document.getElementById('bid_amount').value === '96800.00'");
    page.value("document.querySelector('#desk form').requestSubmit()");
    page.until("!document.getElementById('ahead').hidden");
    assert_eq!(page.text("ahead"), "您领先");

    bidders[1].bid(&room, START + INCREMENT).expect(200);
    page.until("document.getElementById('ahead').hidden && document.getElementById('bids').innerText === '2'");
    let submit = |page: &mut Page<'_>, amount: &str| {
        page.until("!command.running()");
        page.fill("bid_amount", amount);
        page.value("document.querySelector('#desk form').requestSubmit()");
    };
    submit(&mut page, "97800.01");
    page.until("document.getElementById('message').innerText.startsWith('未被接受')");
    let refusal = page.text("message");
    assert!(refusal.contains("98,800.00 元"), "{refusal}");
    page.picture("room-refused");

    // Ten increments above: asked first, and sent only after a yes.
    submit(&mut page, "108800");
    page.until("document.getElementById('dialog').open");
    page.value("document.getElementById('dialog_no').click()");
    page.until("!document.getElementById('dialog').open");
    assert_eq!(page.text("bids"), "2");
    submit(&mut page, "108800");
    page.until("document.getElementById('dialog').open");
    page.picture("room-confirm");
    page.value("document.getElementById('dialog_yes').click()");
    page.until("!document.getElementById('ahead').hidden");

    // A standstill is shown at once, and the room goes on from the inquiry after it.
    let suspend = json!({"suspend_reason": "系统故障", "reason": "test"});
    let path = format!("/api/v1/instances/{}/events/suspend", sale.listing);
    app.sign_in("chief").command(&path, &suspend).expect(200);
    page.until(
        "document.getElementById('phase').innerText === '竞价中止' && !document.getElementById('notice').hidden",
    );
    assert_eq!(page.text("left"), "--:--");
    page.picture("room-suspended");
    let resume = json!({"resume_at": app.clock.now().0 + 2 * 3_600_000});
    app.sign_in("chief")
        .command(&format!("/api/v1/instances/{}/events/resume", sale.listing), &resume)
        .expect(200);
    app.clock.advance_to(app.clock.now().plus_millis(2 * 3_600_000 + 1_000));
    page.until("document.getElementById('phase').innerText === '询问期'");
    sale.run_out(&room, "end", "timed");
    page.until("document.getElementById('phase').innerText === '限时竞价'");
    sale.run_out(&room, "countdown", "sold");
    page.until("document.getElementById('dialog').open");
    assert_eq!(page.text("dialog_text"), "恭喜您！成为最高报价人");
    page.picture("room-won");
}

#[test]
fn a_practice_round_is_bid_to_its_end_in_the_page_and_says_that_it_is_one() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    app.account("trainee", &[]);
    app.sign_in("trainee").complete_profile(901);
    let client = app.sign_in("trainee");
    let body = json!({"bundle": "asset-sale", "machine": "practice", "data": {"rival_limit": 10_200_000}});
    let opened = client.command("/api/v1/trades", &body).expect(201).json();
    let round = opened["instance"].as_str().unwrap();
    let view = client.get(&format!("/api/v1/instances/{round}")).expect(200).json();
    let children = view["children"].as_array().unwrap();
    let room = children.iter().find(|child| child["machine"] == "auction").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let sale = Sale {
        app: &app,
        listing: round.to_owned(),
    };
    let mut page = browser.page("");
    page.open(&format!("{}/rooms/{room}", app.url));
    page.until("getComputedStyle(document.body, '::after').content.includes('练习 无效力')");
    // Whoever has the address follows it live, without a name; who takes part has a desk.
    page.until("document.getElementById('phase').innerText === '询问期'");
    client
        .command(&format!("/api/v1/instances/{round}/events/take_part"), &json!({}))
        .expect(200);
    page.sign_in("trainee", PASSWORD);
    page.until("/^[0-9A-Z]{4,}$/.test(document.getElementById('plate').innerText)");
    page.picture("room-practice");

    // The opponent begins; each answers the other until the opponent has had enough.
    sale.run_out(&room, "end", "timed");
    page.until("document.getElementById('phase').innerText === '限时竞价'");
    let bids = |page: &mut Page<'_>, count: i64| page.until(&format!("at('bids').innerText === '{count}'"));
    // It thinks every twenty seconds, and perhaps did so a moment too early.
    app.advance(20_000);
    let (mut price, mut count) = (10_000_000, 1);
    bids(&mut page, count);
    while price < 10_300_000 {
        let next = price / 100 + 1_000;
        page.until(&format!("at('bid_amount').value === '{next}.00' && !command.running()"));
        page.value("at('step_1').click(); document.querySelector('#desk form').requestSubmit()");
        page.until("!at('ahead').hidden");
        app.advance(20_000);
        (price, count) = (price + 200_000, count + 2);
        if price < 10_300_000 {
            bids(&mut page, count);
        }
    }
    app.advance(20_000);
    sale.run_out(&room, "countdown", "sold");
    page.until("document.getElementById('dialog').open");
    assert_eq!(page.text("dialog_text"), "恭喜您！成为最高报价人");
    page.value("document.getElementById('dialog_yes').click()");
    page.until("!at('again').hidden");
    page.picture("room-practice-won");
}
