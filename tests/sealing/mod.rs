//! Sealing documents over the API: the way of two parties, what is refused with which code, and what happens twice.

mod evidence;
mod hall;
mod pages;
mod postgres;
mod stamps;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use luochui::machine::Time;
use luochui::seal::document::Verdict;
use luochui::seal::pdf;
use serde_json::{Value, json};
use sha2::Sha256;

use self::hall::{Hall, SECRET, answer};
use crate::carriers::world::picture;
use crate::support::app::{Reply, Request};
use crate::support::browser::Browser;
use crate::support::web::Web;

#[test]
fn two_parties_seal_one_after_the_other_and_both_seals_hold() {
    let hall = Hall::open(|_| {});
    let (buyer, clerk) = (hall.app.sign_in("buyer"), hall.app.sign_in("clerk"));
    let paper = hall.paper();
    let (bought, sold) = (
        hall.own_seal(&buyer, "T-1", &hall.buyer),
        hall.own_seal(&clerk, "T-2", &hall.seller),
    );

    let todo = hall.todo(&buyer, &paper);
    // A digest alone is no seal.
    let digest = buyer.command(
        &format!("/api/v1/todos/{todo}/outcomes/signed"),
        &json!({"digest": "00"}),
    );
    digest.problem(409, "seal_required");
    let job = hall.begin(&buyer, &todo, &bought, "client").expect(201).json();
    assert_eq!(job["state"], "awaiting_signature");
    // A second click finds the same job; a stranger finds none.
    assert_eq!(
        hall.begin(&buyer, &todo, &bought, "client").expect(201).json()["id"],
        job["id"]
    );
    let path = format!("/api/v1/sealings/{}", job["id"].as_str().unwrap());
    clerk.get(&path).problem(404, "not_found");
    let done = hall.sign(&buyer, &job, &hall.buyer).expect(200).json();
    assert_eq!(done["state"], "verified");
    // The answer that comes again changes nothing.
    assert_eq!(
        hall.sign(&buyer, &job, &hall.buyer).expect(200).json()["state"],
        "verified"
    );
    assert!(hall.states(&paper).contains("by_clerk"));

    let job = hall
        .begin(&clerk, &hall.todo(&clerk, &paper), &sold, "client")
        .expect(201)
        .json();
    hall.sign(&clerk, &job, &hall.seller).expect(200);
    assert!(hall.states(&paper).contains("sealed"));

    let list = clerk
        .get(&format!("/api/v1/instances/{paper}/documents"))
        .expect(200)
        .json();
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let file = clerk.get(&format!("/api/v1/documents/{id}")).expect(200).bytes;
    let report = pdf::verify(&file, &hall.app.state.trust.current(), Time(hall.app.clock.now().0));
    assert_eq!(report.verdict, Verdict::Valid, "{}", report.conclusion);
    assert_eq!(report.signatures.len(), 2);
    assert!(report.conclusion.contains("测试签章"));

    // To others the times are the signers' word; the platform, which recorded the file, says whose time it is, and a later
    // revocation takes nothing from it.
    let codes = |steps: Vec<Value>| -> Vec<String> {
        let code = |step: &Value| step["code"].as_str().unwrap().to_owned();
        steps.iter().map(code).filter(|code| !code.is_empty()).collect()
    };
    assert!(
        report.signatures[0]
            .report
            .steps
            .iter()
            .any(|step| step.code == "claimed_time")
    );
    hall.app.advance(60_000);
    hall.list(&[&hall.buyer]);
    let later = pdf::verify(&file, &hall.app.state.trust.current(), hall.app.clock.now());
    assert_eq!(later.verdict, Verdict::Undetermined, "{}", later.conclusion);
    let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n";
    let body = [head.as_slice(), &file, b"\r\n--b--\r\n"].concat();
    let upload = Request::new("POST", "/api/v1/verify").bytes("multipart/form-data; boundary=b", body);
    let judged = hall.app.anyone().send(upload).expect(200).json();
    assert_eq!(judged["verdict"], "valid", "{judged}");
    let codes = codes(judged["signatures"][0]["report"]["steps"].as_array().unwrap().clone());
    assert!(codes.contains(&"platform_time".to_owned()), "{codes:?}");
    assert!(codes.contains(&"revoked_later".to_owned()), "{codes:?}");
}

#[test]
fn what_is_wrong_with_a_signer_is_refused_and_the_right_one_may_still_sign() {
    let hall = Hall::open(|_| {});
    let (buyer, clerk) = (hall.app.sign_in("buyer"), hall.app.sign_in("clerk"));
    let paper = hall.paper();
    let seal = hall.own_seal(&buyer, "T-1", &hall.buyer);
    let todo = hall.todo(&buyer, &paper);
    // The other party's seal, and a seal that nobody knows.
    let other = hall.own_seal(&clerk, "T-2", &hall.seller);
    hall.begin(&buyer, &todo, &other, "client")
        .problem(409, "seal_not_yours");
    hall.begin(&buyer, &todo, &"0".repeat(26), "client")
        .problem(422, "invalid");
    hall.begin(&buyer, &todo, &seal, "soft").problem(422, "invalid");
    hall.begin(&clerk, &todo, &other, "client").problem(404, "not_found");

    let job = hall.begin(&buyer, &todo, &seal, "client").expect(201).json();
    hall.sign(&buyer, &job, &hall.seller).problem(409, "wrong_holder");
    hall.sign(&buyer, &job, &hall.person()).problem(409, "wrong_holder");
    hall.sign(&clerk, &job, &hall.buyer).problem(404, "not_found");
    let mut forged = answer(&job, &hall.buyer);
    forged["signature"] = answer(&json!({"to_sign": "AAAA"}), &hall.buyer)["signature"].clone();
    let path = format!("/api/v1/sealings/{}", job["id"].as_str().unwrap());
    buyer.post(&path, &forged).problem(409, "bad_signature");
    hall.sign(&buyer, &job, &hall.buyer).expect(200);
}

#[test]
fn a_certificate_revoked_meanwhile_and_a_job_that_is_over_seal_nothing() {
    let hall = Hall::open(|_| {});
    let buyer = hall.app.sign_in("buyer");
    let paper = hall.paper();
    let seal = hall.own_seal(&buyer, "T-1", &hall.buyer);
    let todo = hall.todo(&buyer, &paper);
    let job = hall.begin(&buyer, &todo, &seal, "client").expect(201).json();
    hall.app.advance(11 * 60_000);
    hall.sign(&buyer, &job, &hall.buyer).problem(409, "job_over");

    let job = hall.begin(&buyer, &todo, &seal, "client").expect(201).json();
    hall.app.advance(1_000);
    hall.list(&[&hall.buyer]);
    hall.app.advance(1_000);
    let refused = hall.sign(&buyer, &job, &hall.buyer).problem(409, "certificate_refused");
    assert!(refused["title"].as_str().unwrap().contains("revoked"), "{refused}");
    assert!(hall.states(&paper).contains("by_buyer"));
}

#[test]
fn a_seal_is_brought_in_only_by_its_owner_and_only_whole() {
    let hall = Hall::open(|_| {});
    let (buyer, clerk) = (hall.app.sign_in("buyer"), hall.app.sign_in("clerk"));
    let der = hall.seal("T-1", &[&hall.buyer]);
    hall.import(&clerk, &der).problem(409, "seal_not_yours");
    let mut bent = der.clone();
    let place = bent.len() / 2;
    bent[place] ^= 1;
    hall.import(&buyer, &bent).problem(409, "seal_refused");
    hall.import(&buyer, b"no seal").problem(409, "seal_refused");
    let both = hall.seal("T-3", &[&hall.buyer, &hall.seller]);
    hall.import(&buyer, &both).problem(409, "seal_owners_differ");
    let first = hall.import(&buyer, &der).expect(201).json();
    assert_eq!((&first["owner"], &first["test"]), (&json!(hall::BUYER), &json!(true)));
    assert_eq!(hall.import(&buyer, &der).expect(201).json()["id"], first["id"]);
    assert_eq!(clerk.get("/api/v1/seals").expect(200).json()["items"], json!([]));

    // A certificate that is over stands for its holder still, and one from an unknown authority must name the owner at least.
    hall.app.advance(1_000);
    hall.list(&[&hall.seller]);
    hall.app.advance(1_000);
    let over = hall.seal("T-4", &[&hall.buyer, &hall.seller]);
    hall.import(&buyer, &over).problem(409, "seal_owners_differ");
    for (code, answer) in [(hall::BUYER, None), (hall::SELLER, Some("seal_owners_differ"))] {
        let stranger = hall.stranger(code);
        let reply = hall.import(&buyer, &hall.seal(&format!("T-5-{code}"), &[&hall.buyer, &stranger]));
        match answer {
            Some(code) => drop(reply.problem(409, code)),
            None => drop(reply.expect(201)),
        }
    }
}

#[test]
fn a_renewed_seal_takes_the_place_of_the_one_before_and_a_number_is_nobodys() {
    let hall = Hall::open(|_| {});
    let (buyer, clerk) = (hall.app.sign_in("buyer"), hall.app.sign_in("clerk"));
    let paper = hall.paper();
    let first = hall.seal("T-1", &[&hall.buyer]);
    let old = hall.import(&buyer, &first).expect(201).json()["id"].clone();
    let todo = hall.todo(&buyer, &paper);
    let job = hall
        .begin(&buyer, &todo, old.as_str().unwrap(), "client")
        .expect(201)
        .json();

    hall.app.advance(60_000);
    let renewed = hall
        .import(&buyer, &hall.seal("T-1", &[&hall.buyer]))
        .expect(201)
        .json();
    let listed = buyer.get("/api/v1/seals").expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["items"][0]["id"], renewed["id"]);
    hall.import(&buyer, &first).problem(409, "seal_withdrawn");
    // What was begun with the one before ends with it.
    hall.sign(&buyer, &job, &hall.buyer).problem(409, "seal_withdrawn");
    hall.sign(&buyer, &job, &hall.buyer).problem(409, "job_over");
    hall.begin(&buyer, &todo, old.as_str().unwrap(), "client")
        .problem(422, "invalid");

    // Another owner's seal of the same number, of the same maker: both are there.
    hall.own_seal(&clerk, "T-1", &hall.seller);

    let path = format!("/api/v1/seals/{}/withdraw", renewed["id"].as_str().unwrap());
    clerk.command(&path, &json!({})).problem(404, "not_found");
    let job = hall
        .begin(&buyer, &todo, renewed["id"].as_str().unwrap(), "client")
        .expect(201)
        .json();
    buyer.command(&path, &json!({})).expect(204);
    buyer.command(&path, &json!({})).problem(404, "not_found");
    assert_eq!(buyer.get("/api/v1/seals").expect(200).json()["items"], json!([]));
    hall.sign(&buyer, &job, &hall.buyer).problem(409, "seal_withdrawn");
    assert!(hall.states(&paper).contains("by_buyer"));
}

#[test]
fn trying_out_a_seal_goes_through_drawing_it_and_whose_it_is() {
    let hall = Hall::open(|_| {});
    let report = |party: &luochui::seal::authority::Party, seal: &[u8]| {
        let anyone = hall.app.anyone();
        let challenge = anyone.post("/api/v1/auth/challenges", &json!({"purpose": "test"}));
        let challenge = challenge.expect(201).json();
        let text = challenge["text"].as_str().unwrap();
        let body = json!({"challenge": challenge["id"], "seal": STANDARD.encode(seal),
            "certificate": STANDARD.encode(party.certificate.der()),
            "signature": STANDARD.encode(party.key.sign(text.as_bytes()).unwrap())});
        let report = anyone.post("/api/v1/auth/certificate/test", &body).expect(200).json();
        let steps = report["steps"].as_array().unwrap().clone();
        let failed = steps.into_iter().filter(|step| step["status"] == "failed");
        let failed: Vec<_> = failed
            .map(|step| format!("{}: {}", step["name"], step["code"]))
            .collect();
        failed.join(", ").replace('"', "")
    };
    assert_eq!(report(&hall.buyer, &hall.seal("T-1", &[&hall.buyer])), "");
    // A picture that no PDF can show: found out now, and refused where the seal is brought in.
    let gif = hall.seal_with("T-2", &[&hall.buyer], b"GIF89a with nothing in it".to_vec());
    assert_eq!(report(&hall.buyer, &gif), "seal.drawing: seal_picture");
    hall.import(&hall.app.sign_in("buyer"), &gif)
        .problem(409, "seal_picture");
    let theirs = hall.seal("T-3", &[&hall.seller]);
    assert_eq!(
        report(&hall.buyer, &theirs),
        "seal.owner: wrong_holder, seal.holder: not_a_holder"
    );
}

#[test]
fn a_job_that_nobody_signs_is_ended_without_anybody_asking() {
    let hall = Hall::open(|_| {});
    let buyer = hall.app.sign_in("buyer");
    let paper = hall.paper();
    let seal = hall.own_seal(&buyer, "T-1", &hall.buyer);
    let job = hall
        .begin(&buyer, &hall.todo(&buyer, &paper), &seal, "client")
        .expect(201)
        .json();
    let path = format!("/api/v1/sealings/{}", job["id"].as_str().unwrap());
    let sweep = || crate::support::engine::run(luochui::http::sealing::sweep(&hall.app.state)).unwrap();
    sweep();
    assert_eq!(buyer.get(&path).expect(200).json()["state"], "awaiting_signature");
    hall.app.advance(10 * 60_000);
    sweep();
    let over = buyer.get(&path).expect(200).json();
    assert_eq!(
        (&over["state"], &over["fault"]),
        (&json!("expired"), &json!("job_over"))
    );
}

#[test]
fn in_production_no_seal_that_was_made_for_tests_counts() {
    let hall = Hall::open(|config| config.environment = luochui::config::Environment::Production);
    let buyer = hall.app.sign_in("buyer");
    let refused = hall.import(&buyer, &hall.seal("T-1", &[&hall.buyer]));
    let refused = refused.problem(409, "seal_refused");
    assert!(refused["title"].as_str().unwrap().contains("测试印章"), "{refused}");
}

#[test]
fn a_seal_that_no_listed_maker_made_or_that_bears_anothers_name_is_not_brought_in() {
    let hall = Hall::open(|_| {});
    let buyer = hall.app.sign_in("buyer");
    // The buyer's own certificate signs a seal in the centre's name, and one in the buyer's.
    let pretender = luochui::seal::authority::Authority {
        maker: hall.buyer.clone(),
        ..hall.authority.clone()
    };
    for name in ["省公共资源交易中心", "买方公司合同专用章"] {
        let forged = hall.seal_by(&pretender, ("F-1", name), &[&hall.buyer], picture(7));
        let refused = hall.import(&buyer, &forged).problem(409, "seal_refused");
        assert!(refused.to_string().contains("制章机构"), "{refused}");
    }
    // A listed maker that was told a wrong name.
    let misnamed = hall.seal_named("F-2", "省公共资源交易中心", &[&hall.buyer]);
    hall.import(&buyer, &misnamed).problem(409, "seal_name_differs");
    let wide = hall.seal_named("F-3", "买方公司　（公章）", &[&hall.buyer]);
    hall.import(&buyer, &wide).expect(201);
}

/// A hall that seals by a sharing platform, whose answers may come from this machine.
fn sharing(platform: &Web) -> Hall {
    let url = platform.url.clone();
    Hall::open(move |config| {
        config.sealing.sharing.url = url;
        config.sealing.sharing.secret = SECRET.into();
        config.sealing.sharing.allow = vec!["127.0.0.1".into()];
    })
}

#[test]
fn the_sharing_platforms_answer_counts_once_and_only_signed_from_where_it_may_come() {
    let reply = json!({"reference": "R-1", "address": "https://phone.test/R-1"}).to_string();
    let platform = Web::answering(move |_| (200, reply.clone().into_bytes()));
    let hall = sharing(&platform);
    let buyer = hall.app.sign_in("buyer");
    let paper = hall.paper();
    let seal = hall.own_seal(&buyer, "T-1", &hall.buyer);
    let todo = hall.todo(&buyer, &paper);
    let job = hall.begin(&buyer, &todo, &seal, "sharing").expect(201).json();
    assert_eq!(job["address"], "https://phone.test/R-1");
    // Whoever comes back, here or on another screen, finds where to sign.
    let again = hall.begin(&buyer, &todo, &seal, "sharing").expect(201).json();
    assert_eq!((&again["id"], &again["address"]), (&job["id"], &job["address"]));
    let path = format!("/api/v1/sealings/{}", job["id"].as_str().unwrap());
    assert_eq!(buyer.get(&path).expect(200).json()["address"], job["address"]);

    // What the platform was asked for is signed with the secret, and is what the job has to be signed with.
    let asked = platform.asked().pop().unwrap();
    let (at, value) = asked.headers["x-luochui-signature"]
        .strip_prefix("t=")
        .and_then(|text| text.split_once(",v1="))
        .unwrap();
    assert_eq!(value, signed(SECRET, at, &asked.body));
    let request: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((&request["job"], &request["to_sign"]), (&job["id"], &job["to_sign"]));

    let mut body = answer(&job, &hall.buyer);
    body["job"] = job["id"].clone();
    body["reference"] = json!("R-2");
    let now = hall.app.clock.now().0 / 1_000;
    callback(&hall, "another secret of at least 32 bytes", now, &body).problem(401, "bad_signature");
    callback(&hall, SECRET, now - 7 * 86_400, &body).problem(401, "bad_signature");
    callback(&hall, SECRET, now, &body).problem(404, "not_found");
    assert!(hall.states(&paper).contains("by_buyer"));
    body["reference"] = json!("R-1");
    for _ in 0..2 {
        assert_eq!(
            callback(&hall, SECRET, now, &body).expect(200).json()["state"],
            "verified"
        );
    }
    assert!(hall.states(&paper).contains("by_clerk"));
}

#[test]
fn an_answer_that_comes_before_the_platform_has_told_its_reference_is_not_lost() {
    use std::sync::mpsc;
    let (asked, hears) = mpsc::sync_channel::<()>(1);
    let (go, waits) = mpsc::channel::<()>();
    let (asked, waits) = (std::sync::Mutex::new(asked), std::sync::Mutex::new(waits));
    let platform = Web::answering(move |_| {
        asked.lock().unwrap().send(()).unwrap();
        waits.lock().unwrap().recv().unwrap();
        (200, json!({"reference": "R-1"}).to_string().into_bytes())
    });
    let hall = sharing(&platform);
    let buyer = hall.app.sign_in("buyer");
    let paper = hall.paper();
    let seal = hall.own_seal(&buyer, "T-1", &hall.buyer);
    let todo = hall.todo(&buyer, &paper);
    let now = hall.app.clock.now().0 / 1_000;
    std::thread::scope(|scope| {
        let token = buyer.token.clone();
        let app = &hall.app;
        let (todo, seal) = (&todo, &seal);
        let begun = scope.spawn(move || {
            let buyer = crate::support::app::Client { app, token };
            let body = json!({"seal": seal, "provider": "sharing"});
            buyer.command(&format!("/api/v1/todos/{todo}/sealing"), &body)
        });
        hears.recv().unwrap();
        // The platform knows the job, this server not yet what the platform calls it.
        let request: Value = serde_json::from_str(&platform.asked().pop().unwrap().body).unwrap();
        let job = json!({"id": request["job"], "to_sign": request["to_sign"]});
        let mut body = answer(&job, &hall.buyer);
        (body["job"], body["reference"]) = (job["id"].clone(), json!("R-1"));
        let early = callback(&hall, SECRET, now, &body);
        assert_eq!(early.headers["retry-after"], "1");
        early.problem(503, "unavailable");
        go.send(()).unwrap();
        begun.join().unwrap().expect(201);
        assert_eq!(
            callback(&hall, SECRET, now, &body).expect(200).json()["state"],
            "verified"
        );
    });
    assert!(hall.states(&paper).contains("by_clerk"));
}

#[test]
fn an_address_that_is_not_allowed_calls_back_in_vain() {
    let hall = Hall::open(|config| config.sealing.sharing.secret = SECRET.into());
    let body = json!({"job": "0".repeat(26), "reference": "R", "certificate": "", "signature": ""});
    let now = hall.app.clock.now().0 / 1_000;
    callback(&hall, SECRET, now, &body).problem(401, "bad_signature");
}

fn signed(secret: &str, at: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn callback(hall: &Hall, secret: &str, at: i64, body: &Value) -> Reply {
    let body = body.to_string();
    let signature = signed(secret, &at.to_string(), &body);
    let request = Request::new("POST", "/api/v1/sealings/callback")
        .header("X-Luochui-Signature", format!("t={at},v1={signature}"))
        .bytes("application/json", body);
    hall.app.anyone().send(request)
}

#[test]
fn the_page_of_a_to_do_takes_its_person_through_the_sealing() {
    let Some(mut browser) = Browser::start() else { return };
    let keys = tempfile::tempdir().unwrap();
    let folder = keys.path().to_owned();
    let hall = Hall::open(move |config| config.sealing.soft_token = folder);
    let kept = |ending: &str, text: &str| std::fs::write(keys.path().join(format!("{}{ending}", hall::BUYER)), text);
    kept(".pem", &hall.buyer.certificate.to_pem()).unwrap();
    kept(".key.pem", &hall.buyer.key.to_pem().unwrap()).unwrap();
    let buyer = hall.app.sign_in("buyer");
    let paper = hall.paper();
    hall.own_seal(&buyer, "T-1", &hall.buyer);
    let todo = hall.todo(&buyer, &paper);
    let token = buyer.token.clone().unwrap();
    let mut page = browser.page(&format!("sessionStorage.setItem('token', '{token}')"));
    page.open(&format!("{}/todos/{todo}", hall.app.url));
    page.until("document.querySelector('select[name=seal]')?.value");
    page.value("document.querySelector('select[name=provider]').value = 'soft'");
    page.picture("todo-sealing");
    page.value("[...document.querySelectorAll('button')].find((one) => one.textContent === 'signed').click()");
    page.until("!['', '正在签章…'].includes(document.getElementById('message').textContent)");
    assert_eq!(page.text("message"), "已签章。");
    assert!(hall.states(&paper).contains("by_clerk"));
}
