//! A bidder's desk in a real browser: who stays signed in, what amount is sent, and every way of bidding by its own form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use luochui::seal::authority::Party;
use serde_json::json;

use crate::support::app::{Client, PASSWORD, TestApp, person_number};
use crate::support::browser::{Browser, Page};
use crate::support::sale::{INCREMENT, START, Sale, centre, centre_with};

use super::signatures::Trusted;

/// A machine whose calendar clock a test may set; what is steady stays as it is.
const SET: &str = r"
  window.skew = 0;
  const then = Date.now.bind(Date);
  Date.now = () => then() + window.skew;
";

/// A CA's middleware as its script would leave it in the page, with the functions of GB/T 43694. Its key is the test key.
const MIDDLEWARE: &str = r"
  const sign = async (id, text) => (await fetch('/api/v1/soft-token/sign', {
    method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({id, text}),
  })).json();
  window.caMiddleware = {'某 CA 介质': {
    SOF_GetUserList: async () => (await (await fetch('/api/v1/soft-token')).json()).items.map((one) => one.title + '||' + one.id + '&&&').join(''),
    SOF_ExportUserCert: async (id) => (await sign(id, 'LUOCHUI-EVENT-V1|room|bid|0|nonce|{}')).certificate,
    SOF_SignData: async (id, text) => (await sign(id, text)).signature,
  }};
";

const BID: &str = "#desk form:has(#bid_amount) button[type=submit]";

/// Opens a room as somebody, whose plate then shows.
fn enter(page: &mut Page<'_>, app: &TestApp, room: &str, name: &str) {
    page.open(&format!("{}/rooms/{room}", app.url));
    page.sign_in(name, PASSWORD);
    page.until("at('plate').innerText !== '' && !at('plate').hidden");
}

fn phase(page: &mut Page<'_>, title: &str) {
    page.until(&format!("at('phase').innerText === '{title}'"));
}

fn bids(page: &mut Page<'_>, count: u32) {
    page.until(&format!("at('bids').innerText === '{count}'"));
}

/// Presses the button, which is at rest while a bid is on its way.
fn bid(page: &mut Page<'_>) {
    page.until("!command.running()");
    page.click(BID);
}

/// The question is open and says this; it is answered.
fn asked(page: &mut Page<'_>, says: &str, answer: &str) {
    page.until("at('dialog').open");
    let text = page.text("dialog_text");
    assert!(text.contains(says), "{text}");
    page.click(&format!("#dialog_{answer}"));
    page.until("!at('dialog').open");
}

fn told(page: &mut Page<'_>, says: &str) {
    page.until(&format!("at('message').innerText.includes('{says}')"));
}

/// The server's first answer to a renewal never arrives.
const LOSES_ONE: &str = "window.lost = 0; const real = window.fetch; window.fetch = async (...asked) => {
    const answer = await real(...asked);
    if (String(asked[0]).endsWith('/auth/refresh') && window.lost++ === 0) throw new TypeError('lost');
    return answer;
  }; true";

#[test]
fn the_room_keeps_its_bidder_signed_in_and_never_hides_the_board() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre_with(|config| config.login.access_minutes = 1);
    let sale = Sale::announced(&app, json!({}));
    for (nth, name) in [(101, "zhang"), (102, "li")] {
        sale.bidder(name, nth);
    }
    let room = sale.room();
    let mut page = browser.page(SET);
    sale.run_out(&room, "end", "timed");
    enter(&mut page, &app, &room, "zhang");
    page.until("at('bid_amount')");
    // Access tokens of one instant are equal; those that renew them are not.
    let token = |page: &mut Page<'_>, name: &str| {
        let value = page.value(&format!("sessionStorage.getItem('{name}')"));
        value.as_str().unwrap_or_default().to_owned()
    };

    // Two thirds of a minute have gone: renewed before anything is asked, and asked for again where the answer was lost.
    let first = token(&mut page, "refresh");
    page.value(LOSES_ONE);
    page.value("window.skew += 41000");
    page.until(&format!("sessionStorage.getItem('refresh') !== '{first}'"));
    assert_eq!(page.value("window.lost"), 2);
    // The token ends unseen, as after a sleep: the bid renews it and goes through.
    let second = token(&mut page, "token");
    app.advance(65_000);
    bid(&mut page);
    page.until("!at('ahead').hidden");
    assert_ne!(token(&mut page, "token"), second);
    assert!(page.value("document.getElementById('login').hidden").as_bool().unwrap());

    // Where the session has ended for good, the board stays and the bidder signs in below it.
    let ended = Client {
        app: &app,
        token: Some(token(&mut page, "token")),
    };
    ended.post("/api/v1/auth/logout", &json!({})).expect(204);
    page.fill("bid_amount", "97800");
    bid(&mut page);
    page.until("!document.getElementById('login').hidden");
    let board = page.value("at('board').getBoundingClientRect().height > 100 && !section.hidden");
    assert!(board.as_bool().unwrap());
    page.picture("room-signed-out");
    page.sign_in("zhang", PASSWORD);
    page.until("document.getElementById('login').hidden");
    bid(&mut page);
    bids(&mut page, 2);
    assert_eq!(page.text("price"), "97,800.00 元");
}

#[test]
fn what_is_sent_is_what_the_bidder_saw() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    let sale = Sale::announced(&app, json!({}));
    let (_zhang, li) = (sale.bidder("zhang", 101), sale.bidder("li", 102));
    let room = sale.room();
    let mut page = browser.page("");
    enter(&mut page, &app, &room, "zhang");
    sale.run_out(&room, "end", "timed");
    let shows = |page: &mut Page<'_>, amount: &str| page.until(&format!("at('bid_amount').value === '{amount}'"));
    shows(&mut page, "96800.00");

    // The rival's bid comes while the button is held down: asked, and nothing is sent without a yes.
    page.mouse("mousePressed", BID);
    li.bid(&room, START).expect(200);
    shows(&mut page, "97800.00");
    page.mouse("mouseReleased", BID);
    asked(&mut page, "确认报价 97,800.00 元", "no");
    assert_eq!(page.text("bids"), "1");
    // It comes a moment before: nobody can have read it yet.
    li.bid(&room, START + INCREMENT).expect(200);
    shows(&mut page, "98800.00");
    bid(&mut page);
    asked(&mut page, "确认报价 98,800.00 元", "yes");
    bids(&mut page, 3);
    assert_eq!(page.text("price"), "98,800.00 元");

    // What was stepped to stays under a rising price, is said to be too low, and follows again after a bid.
    shows(&mut page, "99800.00");
    page.click("#step_2");
    shows(&mut page, "100800.00");
    li.bid(&room, START + 5 * INCREMENT).expect(200);
    bids(&mut page, 4);
    shows(&mut page, "100800.00");
    page.until("at('bid_hint').classList.contains('error')");
    page.click("#step_2");
    shows(&mut page, "103800.00");
    bid(&mut page);
    bids(&mut page, 5);
    assert_eq!(page.text("price"), "103,800.00 元");
    shows(&mut page, "104800.00");
}

#[test]
fn every_way_of_bidding_has_a_form_that_works() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    for (nth, name) in [(101, "zhang"), (102, "li"), (103, "wang")] {
        app.account(name, &[]);
        app.sign_in(name).complete_profile(nth);
    }
    confirmed_and_by_proxy(&mut browser, &app);
    sealed(&mut browser, &app);
    by_priority(&mut browser, &app);
}

/// An inquiry that asks who takes part, a proxy up to a limit, and a bid that the server has asked about.
fn confirmed_and_by_proxy(browser: &mut Browser, app: &TestApp) {
    let terms = json!({"notice_period": "2 workdays", "confirm_required": true, "proxy_allowed": true, "confirm_multiple": 2,
        "extension": "in_window", "window": 60_000});
    let sale = Sale::announced(app, terms);
    let li = sale.register(app.sign_in("li"), 102);
    for (nth, name) in [(101, "zhang"), (103, "wang")] {
        sale.register(app.sign_in(name), nth);
    }
    let room = sale.room();
    let mut page = browser.page("");
    enter(&mut page, app, &room, "zhang");
    phase(&mut page, "询问期");
    page.until("at('desk').innerText.includes('确认参加限时竞价')");
    page.picture("desk-confirm");
    page.click("#desk button");
    page.until("at('desk').innerText.includes('您已确认参加')");
    let join = format!("/api/v1/instances/{}/events/join", li.application);
    li.client.command(&join, &json!({})).expect(200);
    sale.run_out(&room, "end", "timed");

    page.until("at('limit_amount')");
    page.until("at('until').innerText === '距限时竞价结束；最后 1 分钟内有新的报价即重新计时 4 分钟'");
    page.fill("limit_amount", "120000");
    page.click("#desk form:has(#limit_amount) button[type=submit]");
    asked(&mut page, "代理报价，限额 120,000.00 元", "yes");
    page.until("!at('ahead').hidden");
    assert_eq!(page.text("price"), "96,800.00 元");
    li.bid(&room, START + INCREMENT).expect(200);
    bids(&mut page, 2);
    assert_eq!(
        (page.text("price"), page.text("ahead")),
        ("98,800.00 元".into(), "您领先".into())
    );
    page.picture("desk-proxy");
    page.close();

    // Who did not confirm is told so, and finds no form.
    let mut absent = browser.page("");
    enter(&mut absent, app, &room, "wang");
    absent.until("at('desk').innerText.includes('本场不能报价')");
    assert!(absent.value("at('bid_amount') === null").as_bool().unwrap());
    absent.close();

    // Four increments are not far for the page, but for this lot: the server has it asked.
    let mut page = browser.page("");
    enter(&mut page, app, &room, "li");
    page.until("at('bid_amount')");
    page.fill("bid_amount", "121800");
    bid(&mut page);
    asked(&mut page, "确认报价 121,800.00 元", "yes");
    page.until("!at('ahead').hidden");
    page.fill("bid_amount", "125800");
    bid(&mut page);
    asked(&mut page, "远高于当前价", "no");
    assert_eq!(page.text("price"), "121,800.00 元");
    bid(&mut page);
    asked(&mut page, "远高于当前价", "yes");
    page.until("at('price').innerText === '125,800.00 元'");
    sale.run_out(&room, "countdown", "sold");
    asked(&mut page, "恭喜您！成为最高报价人", "yes");
    page.close();
}

/// One sealed round: an offer each, which nobody sees before its time, not even after the page is opened anew.
fn sealed(browser: &mut Browser, app: &TestApp) {
    let sale = Sale::announced(app, json!({"notice_period": "2 workdays", "method": "sealed"}));
    let li = sale.register(app.sign_in("li"), 102);
    sale.register(app.sign_in("zhang"), 101);
    let room = sale.room();
    let mut page = browser.page("");
    enter(&mut page, app, &room, "zhang");
    sale.run_out(&room, "end", "sealed");
    page.until("at('offer_amount')");
    page.fill("offer_amount", "1");
    let offer = "#desk form:has(#offer_amount) button[type=submit]";
    page.click(offer);
    asked(&mut page, "密封报价 1.00 元", "yes");
    told(&mut page, "至少 96,800.00 元");
    page.fill("offer_amount", "98,000.50");
    page.click(offer);
    asked(&mut page, "密封报价 98,000.50 元", "yes");
    page.until("at('desk').innerText.includes('您已提交密封报价 98,000.50 元')");
    page.picture("desk-sealed");
    let path = format!("/api/v1/instances/{room}/events/offer");
    let own = json!({"amount": START, "confirmed": false});
    li.client.command(&path, &own).expect(200);
    assert_eq!(page.text("price"), "密封，到时开启");
    page.value("location.reload()");
    page.until("at('desk').innerText.includes('您已提交密封报价 98,000.50 元')");
    sale.run_out(&room, "countdown", "sold");
    asked(&mut page, "恭喜您！成为最高报价人", "yes");
    page.close();
}

/// The holder of a priority right exercises it in the page, and the former leader's page no longer says that they lead.
fn by_priority(browser: &mut Browser, app: &TestApp) {
    let sale = Sale::announced(
        app,
        json!({"notice_period": "2 workdays", "priority": "exercise_after", "max_resets": 1}),
    );
    sale.register(app.sign_in("zhang"), 101);
    sale.claimant(app.sign_in("wang"), 103, 1);
    let room = sale.room();
    let mut leader = browser.page("");
    enter(&mut leader, app, &room, "zhang");
    sale.run_out(&room, "end", "timed");
    leader.until("at('bid_amount') && at('until').innerText.includes('（还可重新计时 1 次）')");
    app.advance(5_000);
    bid(&mut leader);
    leader.until("!at('ahead').hidden && at('until').innerText.includes('重新计时已满 1 次，到时即结束')");
    sale.run_out(&room, "countdown", "asking_priority");
    phase(&mut leader, "询问优先购买权人");
    assert_eq!(leader.text("ahead"), "您领先");
    let leader = leader.leave();

    let mut holder = browser.page("");
    enter(&mut holder, app, &room, "wang");
    holder.until("at('desk').innerText.includes('行使优先购买权')");
    holder.picture("desk-priority");
    holder.click("#desk button");
    asked(&mut holder, "以 96,800.00 元 行使优先购买权", "yes");
    told(&mut holder, "已行使优先购买权");
    holder.until("!at('ahead').hidden");
    let holder = holder.leave();

    browser.tab(leader).until("at('ahead').hidden");
    sale.run_out(&room, "end", "sold");
    asked(&mut browser.tab(holder), "恭喜您！成为最高报价人", "yes");
}

#[test]
fn bids_are_signed_in_the_page_at_entry_or_each() {
    use luochui::config::Environment;
    let Some(mut browser) = Browser::start() else { return };
    let keys = tempfile::tempdir().unwrap();
    let folder = keys.path().to_owned();
    let app = centre_with(|config| {
        config.environment = Environment::Development;
        config.sealing.soft_token.clone_from(&folder);
    });
    for (nth, name) in [(101, "zhang"), (102, "li")] {
        app.account(name, &[]);
        app.sign_in(name).complete_profile(nth);
    }
    let trusted = Trusted::by(&app);
    let parties = [101, 102].map(|nth| (nth, trusted.issue(nth)));
    for (nth, party) in &parties {
        let path = folder.join(person_number(*nth));
        std::fs::write(path.with_extension("pem"), party.certificate.to_pem()).unwrap();
        std::fs::write(path.with_extension("key.pem"), party.key.to_pem().unwrap().as_bytes()).unwrap();
    }
    // One signature opens the room for two bids, or each has its own.
    for (number, wanted) in [(2, "once_at_entry"), (3, "every_bid")] {
        let sale = Sale::announced(&app, json!({"notice_period": "2 workdays", "bid_signature": wanted}));
        let li = sale.register(app.sign_in("li"), 102);
        sale.register(app.sign_in("zhang"), 101);
        let room = sale.room();
        // Weeks have passed.
        trusted.list(u32::try_from(number).unwrap(), &[]);
        let mut page = browser.page(if number == 2 { MIDDLEWARE } else { "" });
        enter(&mut page, &app, &room, "zhang");
        sale.run_out(&room, "end", "timed");
        page.until("at('signer_certificate').options.length === 2 && at('bid_amount')");
        let choose = |page: &mut Page<'_>, nth: u32| {
            page.value(&format!("at('signer_certificate').value = '{}'", person_number(nth)));
        };
        // Another's certificate is refused, with what to do.
        choose(&mut page, 102);
        let first = if wanted == "every_bid" { BID } else { "#desk > button" };
        page.click(first);
        told(&mut page, "请换用登记主体的证书");
        page.picture(&format!("desk-signing-{wanted}"));
        choose(&mut page, 101);
        if wanted == "once_at_entry" {
            bid(&mut page);
            told(&mut page, "请先在“报价签名”中签名进入竞价室");
            page.click(first);
            told(&mut page, "已签名进入竞价室");
            // The desk is drawn anew once the entry is read; what is clicked while it is goes nowhere.
            page.until("!at('desk').innerText.includes('签名进入竞价室')");
        }
        bid(&mut page);
        page.until("!at('ahead').hidden");
        li.bid(&room, START + INCREMENT).problem(409, "bad_signature");
        page.fill("bid_amount", "98800");
        if wanted == "every_bid" {
            page.value("at('signer').value = 'phone'; at('signer').onchange()");
            page.until("at('signer_certificate').value === 'phone'");
        }
        bid(&mut page);
        if wanted == "every_bid" {
            by_phone(&mut page, &app, &parties[0].1);
        }
        bids(&mut page, 2);
        page.close();
        sale.run_out(&room, "countdown", "sold");
        let path = format!("/api/v1/admin/instances/{room}/dossier");
        let dossier = app.sign_in("watch").get(&path).expect(200);
        let dossier = String::from_utf8(dossier.bytes).unwrap();
        assert_eq!(
            dossier.lines().filter(|line| line.contains("\"signed\":{")).count(),
            number - 1
        );
        let report = luochui::record::dossier::verify_dossier(&dossier, &luochui::record::verify::Held::default());
        assert!(report.holds(), "{:?}", report.steps);
    }
}

/// A phone reads what the code leads to, sees the bid and the digits of the page, and signs.
fn by_phone(page: &mut Page<'_>, app: &TestApp, party: &Party) {
    page.until("!at('signer_phone').hidden && at('signer_code').complete && at('signer_code').naturalWidth > 0");
    page.picture("desk-signing-phone");
    let code = page.value("at('signer_code').src.replace(location.origin, '').replace('/code', '')");
    let path = code.as_str().unwrap();
    let shown = app.anyone().get(path).expect(200).json();
    assert_eq!(shown["check"], page.text("signer_check"));
    let text = shown["text"].as_str().unwrap();
    assert!(
        text.starts_with("LUOCHUI-EVENT-V1|") && text.contains("\"amount\":9880000"),
        "{text}"
    );
    let answer = |text: &str| {
        let value = STANDARD.encode(party.key.sign(text.as_bytes()).unwrap());
        json!({"certificate": STANDARD.encode(party.certificate.der()), "signature": value})
    };
    let path = format!("{path}/answer");
    app.anyone()
        .post(&path, &answer("another text"))
        .problem(401, "bad_signature");
    app.anyone().post(&path, &answer(text)).expect(204);
    app.anyone()
        .post(&path, &answer(text))
        .problem(401, "challenge_refused");
}
