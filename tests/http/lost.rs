//! A bidder's page in a real browser while answers, streams and sign-ins are lost: nothing is bid twice, nothing is told that is
//! not so, nobody sees what is another's, and what is shown is never old.

use std::io::{Read as _, Write as _};

use serde_json::json;

use crate::support::app::{PASSWORD, TestApp};
use crate::support::browser::{Browser, Page};
use crate::support::sale::{INCREMENT, START, Sale, centre, centre_with};

const HOUR: i64 = 3_600_000;
const BID: &str = "#desk form:has(#bid_amount) button[type=submit]";
const OFFER: &str = "#desk form:has(#offer_amount) button[type=submit]";

/// A network that loses what it is told to, and a clock that can be set. `commands` are the keys that were sent.
const LOSSY: &str = r"
{
  window.skew = 0;
  const then = Date.now.bind(Date);
  Date.now = () => then() + window.skew;
  window.commands = [];
  window.mode = '';
  window.deaf = 0;
  const real = window.fetch.bind(window);
  const never = (signal) => new Promise((_, no) => signal && signal.addEventListener('abort', () => no(signal.reason)));
  window.fetch = async (url, options = {}) => {
    if (String(url).endsWith('/time') && window.mode === 'sleep') return never(options.signal);
    if (options.method === 'GET' && String(url).includes('/instances/') && window.deaf > 0) { window.deaf -= 1; throw new TypeError('lost'); }
    if (options.method !== 'POST' || !String(url).includes('/events/')) return real(url, options);
    window.commands.push(options.headers['Idempotency-Key']);
    const answer = await real(url, Object.assign({}, options, {signal: undefined}));
    if (window.mode === 'slow') await new Promise((later) => setTimeout(later, 500));
    if (window.mode === 'hangs') return never(options.signal);
    if (window.mode === 'gone') throw new TypeError('lost');
    if (window.mode === 'fails') return new Response(JSON.stringify({code: 'internal', title: '系统内部错误', status: 500}), {status: 500});
    if (window.mode === 'page') return new Response('<html>Bad Gateway</html>', {status: 502, headers: {'Content-Type': 'text/html'}});
    return answer;
  };
  const Real = window.EventSource;
  window.EventSource = class extends Real { constructor(...given) { super(...given); window.stream = this; } };
}
";

fn enter(page: &mut Page<'_>, app: &TestApp, room: &str, name: &str) {
    page.open(&format!("{}/rooms/{room}", app.url));
    page.sign_in(name, PASSWORD);
    page.until("at('plate').innerText !== '' && !at('plate').hidden");
}

fn told(page: &mut Page<'_>, says: &str) {
    page.until(&format!("at('message').innerText.includes('{says}')"));
}

fn holds(page: &mut Page<'_>, expression: &str) {
    assert_eq!(page.value(expression), true, "{expression}");
}

#[test]
fn a_bid_whose_answer_is_lost_is_one_bid_and_is_told_as_it_was_decided() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let sale = Sale::announced(&app, json!({}));
    let zhang = sale.bidder("zhang", 101);
    sale.bidder("li", 102);
    let room = sale.room();
    sale.run_out(&room, "end", "timed");
    let mut page = browser.page(LOSSY);
    enter(&mut page, &app, &room, "zhang");
    page.until("at('bid_amount').value === '96800.00'");

    // The server accepts; for five seconds and more the page hears nothing, and then only of the proxy.
    page.value("window.mode = 'hangs'");
    page.click(BID);
    told(&mut page, "结果未知，正在核对");
    holds(&mut page, "commands.length === 1");
    page.picture("lost-unknown");
    page.value("window.mode = 'gone'");
    page.until("commands.length === 3");
    page.value("window.mode = 'page'");
    page.until("commands.length === 5");
    // No other command goes meanwhile, and nothing is called refused.
    page.click(BID);
    page.value("document.querySelector('#desk form').requestSubmit()");
    told(&mut page, "结果未知，正在核对");
    page.value("window.mode = ''; window.dispatchEvent(new Event('online'))");
    told(&mut page, "报价 96,800.00 元 已被接受");
    holds(
        &mut page,
        "new Set(commands).size === 1 && at('bids').innerText === '1'",
    );

    // Another who signs in in the tab does not send what is still open.
    page.until("!command.running()");
    page.value("window.mode = 'gone'");
    page.fill("bid_amount", "97800");
    page.click(BID);
    told(&mut page, "结果未知，正在核对");
    page.value("session.forget(); login.hidden = false");
    told(&mut page, "结果未知，请在下方登录");
    let sent = page.value("window.mode = ''; commands.length");
    page.sign_in("li", PASSWORD);
    page.until(&format!(
        "at('plate').innerText !== '{}' && !command.running()",
        zhang.key()
    ));
    assert_eq!(page.value("commands.length"), sent);
    assert_eq!((page.text("bids"), page.text("leader")), ("2".into(), zhang.key()));
    assert_eq!(page.text("message"), "");
}

#[test]
fn a_double_click_is_one_bid_and_a_server_that_fails_refuses_none() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let sale = Sale::announced(&app, json!({}));
    for (nth, name) in [(101, "zhang"), (102, "li")] {
        sale.bidder(name, nth);
    }
    let room = sale.room();
    sale.run_out(&room, "end", "timed");
    let mut page = browser.page(LOSSY);
    enter(&mut page, &app, &room, "zhang");
    page.until("at('bid_amount').value === '96800.00'");
    page.value("window.mode = 'slow'; at('step_1').click()");
    page.click(BID);
    page.click(BID);
    told(&mut page, "报价 96,800.00 元 已被接受");
    holds(&mut page, "commands.length === 1 && at('bids').innerText === '1'");
    page.fill("bid_amount", "96800");
    page.click(BID);
    told(&mut page, "您已是这一价格的最高报价人");
    holds(&mut page, "commands.length === 2 && at('bids').innerText === '1'");
    // A server that fails each time says nothing of what became of it, and the desk is not closed for good.
    page.value("window.mode = 'fails'");
    page.fill("bid_amount", "97800");
    page.click(BID);
    told(&mut page, "结果未知：系统内部错误");
    holds(
        &mut page,
        "new Set(commands).size === 3 && !document.querySelector('#desk form > button').disabled",
    );
}

#[test]
fn a_sealed_price_is_seen_by_its_bidder_alone() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let sale = Sale::announced(&app, json!({"notice_period": "2 workdays", "method": "sealed"}));
    for (nth, name) in [(101, "zhang"), (102, "li")] {
        sale.bidder(name, nth);
    }
    let room = sale.room();
    sale.run_out(&room, "end", "sealed");
    let mut other = browser.page("");
    enter(&mut other, &app, &room, "zhang");
    other.until("at('offer_amount')");
    let other = other.leave();
    let mut page = browser.page("");
    enter(&mut page, &app, &room, "zhang");
    page.until("at('offer_amount')");
    page.fill("offer_amount", "98000.50");
    page.click(OFFER);
    page.until("at('dialog').open");
    page.click("#dialog_yes");
    page.until("at('desk').innerText.includes('您已提交密封报价 98,000.50 元')");
    let page = page.leave();
    // The bidder's other tab knows it too.
    let mut second = browser.tab(other);
    second.until("at('desk').innerText.includes('您已提交密封报价 98,000.50 元')");
    second.close();

    // The sign-in ends by itself: the price goes at once. Whoever comes next has a form of their own.
    let mut page = browser.tab(page);
    page.value("session.forget()");
    holds(&mut page, "!document.body.innerText.includes('98,000.50')");
    page.value("location.reload()");
    page.sign_in("li", PASSWORD);
    page.until("at('offer_amount')");
    holds(
        &mut page,
        "!(document.documentElement.innerHTML + JSON.stringify(sessionStorage)).includes('000.50')",
    );
    page.value("[...document.querySelectorAll('nav button')].find((one) => one.innerText === '退出').click()");
    page.sign_in("zhang", PASSWORD);
    page.until("at('desk').innerText.includes('您已提交密封报价 98,000.50 元')");
}

#[test]
fn a_stream_that_is_replaced_across_a_phase_loses_neither_the_button_nor_a_bid() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let start = (app.clock.now().0 / HOUR + 24 * 30) * HOUR;
    let sale = Sale::announced(
        &app,
        json!({"notice_period": "2 workdays", "confirm_required": true, "auction_start": start}),
    );
    sale.bidder("zhang", 101);
    let li = sale.bidder("li", 102);
    let room = sale.room();
    let mut page = browser.page(LOSSY);
    enter(&mut page, &app, &room, "zhang");
    page.until("at('phase').innerText === '等待开始' && stream.readyState === 1");
    // The first that is asked after the phase has changed is not answered.
    page.value("window.deaf = 2; stream.close()");
    sale.run_out(&room, "opens", "inquiry");
    page.until("at('desk').innerText.includes('确认参加限时竞价')");
    page.click("#desk button");
    page.until("at('desk').innerText.includes('您已确认参加')");
    let join = format!("/api/v1/instances/{}/events/join", li.application);
    li.client.command(&join, &json!({})).expect(200);
    sale.run_out(&room, "end", "timed");
    page.until("at('bid_amount') && stream.readyState === 1");

    // Bids in the gap are all in the list, once each and in their order.
    page.value("stream.close()");
    for nth in 0..3 {
        li.bid(&room, START + nth * INCREMENT).expect(200);
    }
    let course = "[...at('course').children].map((line) => line.innerText.split('　')[2])";
    page.until(&format!(
        "at('bids').innerText === '3' && {course}.length === 6 && stream.readyState === 1"
    ));
    let shown = page.value(course);
    assert_eq!(
        shown,
        json!(["98,800.00 元", "97,800.00 元", "96,800.00 元", "", "", ""])
    );
}

#[test]
fn the_clock_is_right_again_although_the_answers_before_a_sleep_never_come() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let sale = Sale::announced(&app, json!({}));
    for (nth, name) in [(101, "zhang"), (102, "li")] {
        sale.bidder(name, nth);
    }
    let room = sale.room();
    // The page comes while the server cannot be reached, and asks again.
    let mut page = browser.page(&LOSSY.replace("deaf = 0", "deaf = 1"));
    page.open(&format!("{}/rooms/{room}", app.url));
    let runs = "/^[0-9:]+$/.test(at('left').innerText)";
    page.until(runs);
    // A second sleep begins while the first is being measured.
    page.value("window.mode = 'sleep'; window.skew += 70000");
    page.until("at('left').innerText === '校时中'");
    page.value("window.mode = ''; window.skew += 70000");
    page.until(runs);
    // The connection of a sample is dead, and nothing else happens.
    page.value("window.mode = 'sleep'; window.skew += 70000");
    page.until("at('left').innerText === '校时中'");
    page.value("window.mode = ''");
    page.until(runs);
}

#[test]
fn a_page_without_a_stream_asks_and_says_so() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre_with(|config| config.limits.streams = 1);
    let sale = Sale::announced(&app, json!({}));
    sale.bidder("zhang", 101);
    let li = sale.bidder("li", 102);
    let room = sale.room();
    sale.run_out(&room, "end", "timed");
    app.clock.run_at(1);
    let mut held = std::net::TcpStream::connect(app.url.trim_start_matches("http://")).unwrap();
    let request = format!("GET /api/v1/auctions/{room}/stream HTTP/1.1\r\nHost: x\r\n\r\n");
    held.write_all(request.as_bytes()).unwrap();
    held.read_exact(&mut [0; 15]).unwrap();

    let mut page = browser.page(LOSSY);
    enter(&mut page, &app, &room, "zhang");
    page.until("at('link').innerText === '直播繁忙，每两秒刷新' && at('phase').innerText === '限时竞价'");
    li.bid(&room, START).expect(200);
    page.until("at('price').innerText === '96,800.00 元' && at('bid_amount').value === '97800.00'");
    page.picture("lost-busy");
    page.phone();
    page.picture("lost-busy-phone");
    page.fill("bid_amount", "97800");
    page.click(BID);
    page.until("!at('ahead').hidden");
    drop(held);
    page.until("at('link').innerText === '' && stream.readyState === 1");
    li.bid(&room, START + 2 * INCREMENT).expect(200);
    page.until("at('bids').innerText === '3' && at('ahead').hidden && at('course').children.length >= 3");
}
