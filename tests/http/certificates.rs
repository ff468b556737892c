//! Signing in with a certificate: what opens an account, what keeps it, and what is refused with which code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use luochui::seal::certificate::{Certificate, Extension};
use luochui::seal::mark::TEST_MARK;
use luochui::seal::sm2::SecretKey;
use luochui::seal::trust::CaProfile;
use serde_json::{Value, json};

use crate::seal::pki::{self, Authority, COMPANY, OTHER_COMPANY, PERSON, key, straight};
use crate::support::app::{BEGIN, Client, Reply, Request, TestApp};

/// A server that trusts an authority of the tests', whose clock is set to the server's.
pub struct Hall {
    pub app: TestApp,
    pub issuing: Authority,
    root: Authority,
}

/// Bends a draft to the server's day: the tests' authority lives in July, the server in November.
fn today(draft: &mut luochui::seal::issue::CertificateDraft) {
    draft.not_before = BEGIN.plus_millis(-30 * pki::DAY);
    draft.not_after = BEGIN.plus_millis(30 * pki::DAY);
}

impl Hall {
    pub fn open() -> Self {
        Self::open_with(|_| {})
    }

    fn open_with(change: impl FnOnce(&mut luochui::config::Config)) -> Self {
        let root = pki::root("Test Root CA", 1);
        let issuing = root.authority("Test Issuing CA", 2, &straight);
        let app = TestApp::start_with(change);
        app.account("root", &["admin"]);
        let hall = Self { app, issuing, root };
        hall.add("authority", &hall.root.certificate.to_pem()).expect(201);
        hall.add("authority", &hall.issuing.certificate.to_pem()).expect(201);
        hall.revoke(&[]);
        let yesterday = hall.app.clock.now().plus_millis(-pki::DAY);
        let whole = STANDARD.encode(hall.root.list_der(yesterday, &[], &|_| {}));
        hall.add("list", &whole).expect(201);
        hall.profile(&hall.issuing.profile());
        hall
    }

    fn add(&self, kind: &str, content: &str) -> Reply {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let key = format!("trust-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let request = Request::new("POST", "/api/v1/admin/trust")
            .header("Idempotency-Key", key)
            .json(&json!({"kind": kind, "content": content}));
        self.app.sign_in("root").send(request)
    }

    fn profile(&self, profile: &CaProfile) {
        self.add("profile", &serde_json::to_string(profile).unwrap())
            .expect(201);
    }

    /// A list from yesterday with these serial numbers.
    fn revoke(&self, serials: &[u8]) {
        let day = BEGIN.plus_millis(-pki::DAY);
        let revoked: Vec<_> = serials.iter().map(|serial| (*serial, day)).collect();
        let from = BEGIN.plus_millis(-pki::DAY + i64::try_from(serials.len()).unwrap() * 1_000);
        let der = self.issuing.list_der(from, &revoked, &|_| {});
        self.add("list", &STANDARD.encode(der)).expect(201);
    }

    fn challenge(&self, purpose: &str) -> Value {
        let request = Request::new("POST", "/api/v1/auth/challenges").json(&json!({"purpose": purpose}));
        self.app.anyone().send(request).expect(201).json()
    }

    fn answer(challenge: &Value, certificate: &Certificate, key: &SecretKey) -> Value {
        let signature = key.sign(challenge["text"].as_str().unwrap().as_bytes()).unwrap();
        let mut answer = json!({"challenge": challenge["id"], "certificate": STANDARD.encode(certificate.der()),
            "signature": STANDARD.encode(signature)});
        // What is tried out opens nothing, so nothing ties it to a browser.
        if challenge["text"].as_str().unwrap().split('|').nth(3) == Some("login") {
            answer["secret"] = challenge["secret"].clone();
        }
        answer
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.app.anyone().send(Request::new("POST", path).json(body))
    }

    fn sign_in(&self, certificate: &Certificate, key: &SecretKey) -> Reply {
        let answer = Self::answer(&self.challenge("login"), certificate, key);
        self.post("/api/v1/auth/certificate", &answer)
    }

    fn me(&self, reply: &Value) -> Value {
        let client = Client {
            app: &self.app,
            token: Some(reply["access_token"].as_str().unwrap().to_owned()),
        };
        client.get("/api/v1/me").expect(200).json()
    }

    fn company(&self, serial: u8, key: &SecretKey) -> Certificate {
        self.issuing.company(serial, COMPANY, "测试公司", key, &today)
    }
}

#[test]
fn a_certificate_that_no_account_knows_opens_one_and_a_renewed_one_keeps_it() {
    let hall = Hall::open();
    let first = hall.sign_in(&hall.company(10, &key(10)), &key(10)).expect(200).json();
    assert_eq!(
        (&first["account"], &first["name"]),
        (&json!("opened"), &json!("测试公司"))
    );
    let me = hall.me(&first);
    assert_eq!(me["party"]["name"], "测试公司");
    assert_eq!(me["party"]["kind"], "organisation");
    assert_eq!(me["display_name"], "测试公司");
    assert_eq!(me["member"], false);

    // Another key, another serial number, another name: the same number.
    let renewed = hall.issuing.company(11, COMPANY, "测试公司（更名）", &key(11), &today);
    let again = hall.sign_in(&renewed, &key(11)).expect(200).json();
    assert_eq!(again["account"], "known");
    assert_eq!(hall.me(&again)["id"], me["id"]);

    // A stranger with the same name has another number, and another account.
    let stranger = hall.issuing.company(12, OTHER_COMPANY, "测试公司", &key(12), &today);
    let other = hall.sign_in(&stranger, &key(12)).expect(200).json();
    assert_eq!(other["account"], "opened");
    assert_ne!(hall.me(&other)["id"], me["id"]);

    // A person's, with another rule for the number. (The helper makes certificates of July, so they are bent here.)
    let number = format!("SF{PERSON}");
    let names = [("2.5.4.3", "张三"), ("2.5.4.5", number.as_str())];
    let person = hall.issuing.user(13, &names, &key(13), &today);
    let person = hall.sign_in(&person, &key(13)).expect(200).json();
    assert_eq!(person["kind"], "person");

    let client = Client {
        app: &hall.app,
        token: Some(again["access_token"].as_str().unwrap().to_owned()),
    };
    let known = client.get("/api/v1/me/certificates").expect(200).json();
    assert_eq!(known["items"].as_array().unwrap().len(), 2);
}

#[test]
fn another_authority_s_certificate_for_the_same_subject_keeps_the_account() {
    let hall = Hall::open();
    let first = hall.sign_in(&hall.company(10, &key(10)), &key(10)).expect(200).json();
    let other = pki::root("Other Root CA", 90).authority("Other Issuing CA", 91, &straight);
    let theirs = other.company(10, COMPANY, "测试公司", &key(20), &today);
    let refused = hall.sign_in(&theirs, &key(20)).problem(403, "certificate_refused");
    assert_eq!(refused["reason"], "unknown_issuer");

    hall.add("authority", &pki::root("Other Root CA", 90).certificate.to_pem())
        .expect(201);
    hall.add("authority", &other.certificate.to_pem()).expect(201);
    let list = other.list_der(BEGIN.plus_millis(-pki::DAY), &[], &|_| {});
    hall.add("list", &STANDARD.encode(list)).expect(201);
    hall.profile(&other.profile());
    let again = hall.sign_in(&theirs, &key(20)).expect(200).json();
    assert_eq!(again["account"], "known");
    assert_eq!(hall.me(&again)["id"], hall.me(&first)["id"]);
}

#[test]
fn a_number_that_somebody_only_typed_belongs_to_whoever_proves_it() {
    let hall = Hall::open();
    hall.app.account("squatter", &[]);
    let squatter = hall.app.sign_in("squatter");
    let profile = json!({"kind": "organisation", "name": "测试公司", "code": COMPANY, "email": "s@example.test",
        "phone": "0731-8888888", "address": "骗子街 1 号"});
    let etag = squatter.get("/api/v1/me").headers["etag"].clone();
    let request = Request::new("PUT", "/api/v1/me/profile")
        .header("If-Match", etag)
        .json(&profile);
    squatter.send(request).expect(200);
    let proven = hall.sign_in(&hall.company(10, &key(10)), &key(10)).expect(200).json();
    assert_eq!(proven["account"], "proven");
    squatter.get("/api/v1/me").problem(401, "token_expired");
    hall.post(
        "/api/v1/auth/login",
        &json!({"name": "squatter", "password": crate::support::app::PASSWORD}),
    )
    .problem(401, "login_failed");
    // Nothing that somebody else had said of the holder stays, and the profile is to be completed before anything else.
    let me = hall.me(&proven);
    assert_eq!(
        (&me["party"]["name"], &me["display_name"]),
        (&json!("测试公司"), &json!("测试公司"))
    );
    assert_eq!(
        (&me["email"], &me["phone"], &me["address"], &me["member"]),
        (&json!(""), &Value::Null, &Value::Null, &json!(false))
    );
    let owner = Client {
        app: &hall.app,
        token: Some(proven["access_token"].as_str().unwrap().to_owned()),
    };
    let profile = json!({"kind": "organisation", "name": "测试公司", "code": COMPANY, "email": "real@example.test",
        "phone": "0731-7777777"});
    let etag = owner.get("/api/v1/me").headers["etag"].clone();
    let request = Request::new("PUT", "/api/v1/me/profile")
        .header("If-Match", etag)
        .json(&profile);
    owner.send(request).expect(200);
    // The next sign-in finds the account as its holder left it.
    let again = hall.sign_in(&hall.company(11, &key(11)), &key(11)).expect(200).json();
    assert_eq!(
        (&again["account"], &hall.me(&again)["email"]),
        (&json!("known"), &json!("real@example.test"))
    );
}

#[test]
fn staff_whom_an_admin_has_bound_to_a_number_sign_in_with_their_own_certificate() {
    let hall = Hall::open();
    let id = hall.app.account("watch", &["oversight@centre"]);
    let admin = hall.app.sign_in("root");
    let number = format!("SF{PERSON}");
    let names = [("2.5.4.3", "张三"), ("2.5.4.5", number.as_str())];
    let person = hall.issuing.user(13, &names, &key(13), &today);
    let path = format!("/api/v1/admin/accounts/{id}/bind");
    let code = json!({"code": PERSON});
    hall.app
        .sign_in("watch")
        .command(&path, &code)
        .problem(403, "forbidden");
    admin
        .command(&path, &json!({"code": "430000190001010000"}))
        .problem(422, "invalid");
    admin.command(&path, &code).expect(200);

    let entered = hall.sign_in(&person, &key(13)).expect(200).json();
    let me = hall.me(&entered);
    assert_eq!((&entered["account"], &me["id"]), (&json!("known"), &json!(id)));
    assert_eq!((&me["standing"], &me["party"]), (&json!("oversight"), &Value::Null));
    // Nobody else's account takes the same number, and no account of a bidder takes any.
    let other = hall.app.account("other", &["reviewer@centre"]);
    let other = format!("/api/v1/admin/accounts/{other}/bind");
    admin.command(&other, &code).problem(409, "identity_unavailable");
    let bidder = hall.app.account("bidder", &[]);
    let bidder = format!("/api/v1/admin/accounts/{bidder}/bind");
    admin.command(&bidder, &code).problem(409, "conflict");

    // Taken away: the sessions end, and the certificate opens an account of the person's own, which is no staff's.
    let unbind = format!("/api/v1/admin/accounts/{id}/unbind");
    admin.command(&unbind, &json!({})).expect(200);
    admin.command(&unbind, &json!({})).problem(404, "not_found");
    let client = Client {
        app: &hall.app,
        token: Some(entered["access_token"].as_str().unwrap().to_owned()),
    };
    client.get("/api/v1/me").problem(401, "token_expired");
    let own = hall.sign_in(&person, &key(13)).expect(200).json();
    assert_eq!(own["account"], "opened");
    // Who takes part in trades does not become staff by it.
    admin.command(&path, &code).problem(409, "identity_unavailable");
}

#[test]
fn each_bad_certificate_is_refused_with_its_reason_for_its_holder_only() {
    let hall = Hall::open();
    hall.revoke(&[44]);
    let bent = |serial, bend: pki::Bend<'_>| {
        hall.issuing.company(serial, COMPANY, "测试公司", &key(10), &|draft| {
            today(draft);
            bend(draft);
        })
    };
    let usage = luochui::seal::issue::usage::KEY_ENCIPHERMENT;
    let cases = [
        (
            Some("expired"),
            bent(40, &|draft| draft.not_after = BEGIN.plus_millis(-1_000)),
        ),
        (
            Some("not_yet_valid"),
            bent(41, &|draft| draft.not_before = BEGIN.plus_millis(pki::DAY)),
        ),
        (
            Some("encryption_certificate"),
            bent(42, &|draft| pki::replace(draft, luochui::seal::issue::key_usage(usage))),
        ),
        (Some("revoked"), bent(44, &|_| {})),
        (
            Some("no_subject_code"),
            hall.issuing.user(45, &[("2.5.4.3", "测试公司")], &key(10), &today),
        ),
        // Forged: told nothing.
        (
            None,
            pki::sign(
                &luochui::seal::issue::CertificateDraft {
                    serial: vec![46],
                    issuer: hall.issuing.certificate.subject().der().to_vec(),
                    subject: luochui::seal::issue::name(&[("2.5.4.10", &format!("{COMPANY}测试公司"))]).unwrap(),
                    not_before: BEGIN,
                    not_after: BEGIN.plus_millis(pki::DAY),
                    key: key(10).public_key().to_spki().unwrap(),
                    extensions: vec![luochui::seal::issue::key_usage(1)],
                },
                &key(66),
            ),
        ),
    ];
    for (reason, certificate) in cases {
        let problem = hall.sign_in(&certificate, &key(10)).problem(403, "certificate_refused");
        assert_eq!(problem["reason"].as_str(), reason);
        assert_eq!(problem.get("detail").is_some(), reason.is_some());
        if reason == Some("expired") {
            assert_eq!(problem["contact"], "0731-00000000");
        }
        // A copy of the certificate without its key: the same answer whatever is wrong with it.
        hall.sign_in(&certificate, &key(99)).problem(401, "bad_signature");
    }
    let challenge = hall.challenge("login");
    hall.post(
        "/api/v1/auth/certificate",
        &json!({"challenge": challenge["id"], "secret": challenge["secret"], "certificate": "AAAA", "signature": "AAAA"}),
    )
    .problem(401, "bad_signature");
}

#[test]
fn an_authority_that_is_not_listed_is_named_with_contact_and_cut_off() {
    let hall = Hall::open();
    let other = pki::root("Other Root CA", 90).authority("Other Issuing CA", 91, &straight);
    let profile = CaProfile {
        authority: "not listed".to_owned(),
        issuer_names: vec!["Other Issuing CA".to_owned()],
        contact: "0731-12345678".to_owned(),
        cut_off: Some("2026-07-31".parse().unwrap()),
        ..other.profile()
    };
    hall.profile(&profile);
    let theirs = other.company(10, COMPANY, "测试公司", &key(20), &today);
    let refused = hall.sign_in(&theirs, &key(20)).problem(403, "certificate_refused");
    assert_eq!(refused["reason"], "unknown_issuer");
    assert_eq!(refused["contact"], "0731-12345678");
    assert_eq!(refused["cut_off"], "2026-07-31");
    assert_eq!(refused["authority"], "Other Issuing CA");
}

#[test]
fn a_challenge_is_good_once_for_its_purpose_origin_and_time() {
    let hall = Hall::open();
    let certificate = hall.company(10, &key(10));
    let path = "/api/v1/auth/certificate";
    let challenge = hall.challenge("login");
    let text = challenge["text"].as_str().unwrap();
    assert!(text.starts_with("LUOCHUI-LOGIN-V1|http://"), "{text}");
    assert_eq!(text.split('|').count(), 6);
    let answer = Hall::answer(&challenge, &certificate, &key(10));
    hall.post(path, &answer).expect(200);
    hall.post(path, &answer).problem(401, "challenge_refused");

    // A challenge for tests opens nothing, and one for the login tests nothing.
    let test = hall.challenge("test");
    let mut crossed = Hall::answer(&test, &certificate, &key(10));
    crossed["secret"] = test["secret"].clone();
    hall.post(path, &crossed).problem(401, "challenge_refused");
    let login = hall.challenge("login");
    let mut crossed = Hall::answer(&login, &certificate, &key(10));
    crossed.as_object_mut().unwrap().remove("secret");
    hall.post("/api/v1/auth/certificate/test", &crossed)
        .problem(401, "challenge_refused");

    // Only who drew it answers it: a signature that another page got from its holder is worth nothing without the secret.
    hall.post(path, &crossed).problem(422, "invalid");
    crossed["secret"] = hall.challenge("login")["secret"].clone();
    hall.post(path, &crossed).problem(401, "challenge_refused");

    // A page of another origin neither draws nor answers.
    let request = Request::new("POST", "/api/v1/auth/challenges")
        .header("Origin", "http://evil.example")
        .json(&json!({"purpose": "login"}));
    hall.app.anyone().send(request).problem(403, "forbidden");
    let request = Request::new("POST", path)
        .header("Origin", "http://evil.example")
        .json(&Hall::answer(&login, &certificate, &key(10)));
    hall.app.anyone().send(request).problem(401, "challenge_refused");

    // The signature of one challenge under another's id; one that was never drawn.
    let mut crossed = Hall::answer(&hall.challenge("login"), &certificate, &key(10));
    let other = hall.challenge("login");
    (crossed["challenge"], crossed["secret"]) = (other["id"].clone(), other["secret"].clone());
    hall.post(path, &crossed).problem(401, "bad_signature");
    crossed["challenge"] = json!("0000000000000000000000000A");
    hall.post(path, &crossed).problem(401, "challenge_refused");

    // Its last millisecond still counts, its end does not.
    let late = hall.challenge("login");
    let answer = Hall::answer(&late, &certificate, &key(10));
    assert_eq!(late["expires"].as_i64().unwrap(), hall.app.engine.now().0 + 180_000);
    hall.app
        .clock
        .advance_to(luochui::machine::Time(late["expires"].as_i64().unwrap()));
    hall.post(path, &answer).problem(401, "challenge_refused");
}

#[test]
fn of_many_answers_at_once_one_gets_in() {
    let hall = Hall::open();
    let certificate = hall.company(10, &key(10));
    let answer = Hall::answer(&hall.challenge("login"), &certificate, &key(10));
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| hall.post("/api/v1/auth/certificate", &answer).status))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        7,
        "{statuses:?}"
    );
}

#[test]
fn a_phone_answers_for_a_browser_and_only_that_browser_collects() {
    let hall = Hall::open();
    let challenge = hall.challenge("login");
    let path = format!("/api/v1/auth/challenges/{}", challenge["id"].as_str().unwrap());
    let secret = json!({"secret": challenge["secret"]});
    let collect = format!("{path}/collect");
    assert_eq!(hall.post(&collect, &secret).expect(202).json()["waiting"], true);

    let seen = hall.app.anyone().get(&path).expect(200).json();
    assert_eq!(
        (&seen["text"], &seen["check"]),
        (&challenge["text"], &challenge["check"])
    );
    assert!(seen.get("secret").is_none());
    let code = hall.app.anyone().get(&format!("{path}/code")).expect(200);
    assert!(code.headers["content-type"].starts_with("image/svg+xml"));

    let mut answer = Hall::answer(&challenge, &hall.company(10, &key(10)), &key(10));
    answer.as_object_mut().unwrap().remove("challenge");
    answer.as_object_mut().unwrap().remove("secret");
    hall.post(&format!("{path}/answer"), &answer).expect(204);
    hall.post(&format!("{path}/answer"), &answer)
        .problem(401, "challenge_refused");
    hall.post(&collect, &json!({"secret": "guess"}))
        .problem(401, "challenge_refused");
    let entered = hall.post(&collect, &secret).expect(200).json();
    assert_eq!(hall.me(&entered)["display_name"], "测试公司");
    hall.post(&collect, &secret).problem(401, "challenge_refused");
}

#[test]
fn a_key_is_tried_out_without_opening_anything() {
    let hall = Hall::open();
    let certificate = hall.company(10, &key(10));
    let path = "/api/v1/auth/certificate/test";
    let report = hall
        .post(path, &Hall::answer(&hall.challenge("test"), &certificate, &key(10)))
        .expect(200)
        .json();
    assert_eq!(report["status"], "ok");
    let names: Vec<_> = report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    let expected = [
        "key.certificate",
        "key.signature",
        "key.path",
        "key.period",
        "key.revocation",
        "key.listing",
        "key.subject",
    ];
    assert_eq!(names, expected);

    // Somebody else's certificate: told that the key does not fit, and nothing else of it.
    let report = hall
        .post(path, &Hall::answer(&hall.challenge("test"), &certificate, &key(11)))
        .expect(200)
        .json();
    assert_eq!(report["status"], "failed");
    assert_eq!(report["steps"].as_array().unwrap().len(), 2);

    let mut with_seal = Hall::answer(&hall.challenge("test"), &certificate, &key(10));
    with_seal["seal"] = json!(STANDARD.encode(b"no seal"));
    let report = hall.post(path, &with_seal).expect(200).json();
    let last = report["steps"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["name"], &last["code"]),
        (&json!("seal.format"), &json!("malformed"))
    );
    assert!(
        hall.app.sign_in("root").get("/api/v1/admin/accounts").json()["items"]
            .as_array()
            .unwrap()
            .len()
            == 1
    );
}

#[test]
fn what_is_no_answer_is_refused() {
    let hall = Hall::open();
    let good = Hall::answer(&hall.challenge("login"), &hall.company(10, &key(10)), &key(10));
    let path = "/api/v1/auth/certificate";
    for (field, value, status) in [
        ("challenge", json!("../x"), 404),
        ("challenge", json!(7), 422),
        ("signature", json!("not base64!"), 422),
        ("signature", json!("A".repeat(4_000)), 422),
        ("certificate", json!(null), 422),
        ("name", json!("somebody"), 422),
    ] {
        let mut bent = good.clone();
        bent[field] = value;
        let reply = hall.post(path, &bent);
        assert_eq!(
            reply.status,
            status,
            "{field}: {}",
            String::from_utf8_lossy(&reply.bytes)
        );
    }
    for purpose in [json!("bid"), json!(""), json!(null)] {
        let status = hall
            .post("/api/v1/auth/challenges", &json!({"purpose": purpose}))
            .status;
        assert_eq!(status, 422);
    }
    // What an admin adds is checked before it counts.
    for (kind, content) in [
        ("authority", "nonsense".to_owned()),
        ("authority", hall.company(10, &key(10)).to_pem()),
        ("list", hall.root.certificate.to_pem()),
        ("profile", "{}".to_owned()),
    ] {
        assert_eq!(hall.add(kind, &content).status, 422, "{kind}");
    }
    assert_eq!(hall.add("authority", &hall.root.certificate.to_pem()).status, 409);
}

#[test]
fn an_authority_that_is_taken_out_lets_nobody_in() {
    let hall = Hall::open();
    let certificate = hall.company(10, &key(10));
    hall.sign_in(&certificate, &key(10)).expect(200);
    let admin = hall.app.sign_in("root");
    let listed = admin.get("/api/v1/admin/trust").expect(200).json();
    let entry = listed["entries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["title"] == "Test Issuing CA" && entry["kind"] == "authority")
        .unwrap()["id"]
        .clone();
    let remove = |key: &str| {
        let path = format!("/api/v1/admin/trust/{}/remove", entry.as_str().unwrap());
        let request = Request::new("POST", &path)
            .header("Idempotency-Key", key)
            .json(&json!({}));
        admin.send(request)
    };
    remove("gone").expect(204);
    hall.sign_in(&certificate, &key(10)).problem(403, "certificate_refused");
    remove("gone-again").problem(404, "not_found");
    // And comes back.
    hall.add("authority", &hall.issuing.certificate.to_pem()).expect(201);
    hall.sign_in(&certificate, &key(10)).expect(200);
}

#[test]
fn a_chain_and_a_signature_by_openssl_sign_in() {
    use crate::seal::openssl::{Minted, script};
    let minted = Minted::new();
    let hall = Hall::open();
    // The server's clock is moved to OpenSSL's day.
    hall.app.clock.advance_to(minted.at);
    let read = |name: &str| std::fs::read(minted.folder.path().join(name)).unwrap();
    for name in ["root.pem", "sub.pem"] {
        hall.add("authority", &String::from_utf8(read(name)).unwrap())
            .expect(201);
    }
    hall.add("list", &String::from_utf8(read("sub.crl")).unwrap())
        .expect(201);
    let profile = CaProfile {
        authority: minted.certificate("sub.pem").sha256(),
        ..hall.issuing.profile()
    };
    hall.profile(&profile);
    for (sign, file) in [
        ("openssl dgst -sm3 -sign user.key -sigopt $ID -out sig text", "user.pem"),
        (
            "openssl pkeyutl -sign -inkey user.key -rawin -digest sm3 -in text -pkeyopt $ID -out sig",
            "user.pem",
        ),
    ] {
        let challenge = hall.challenge("login");
        std::fs::write(minted.folder.path().join("text"), challenge["text"].as_str().unwrap()).unwrap();
        script(minted.folder.path(), sign);
        let answer = json!({"challenge": challenge["id"], "secret": challenge["secret"], "certificate": String::from_utf8(read(file)).unwrap(),
            "signature": STANDARD.encode(read("sig"))});
        let entered = hall.post("/api/v1/auth/certificate", &answer).expect(200).json();
        assert_eq!(hall.me(&entered)["display_name"], "测试公司");
    }
    // OpenSSL's default identifier is the empty one: refused.
    let challenge = hall.challenge("login");
    std::fs::write(minted.folder.path().join("text"), challenge["text"].as_str().unwrap()).unwrap();
    script(minted.folder.path(), "openssl dgst -sm3 -sign user.key -out sig text");
    let answer = json!({"challenge": challenge["id"], "secret": challenge["secret"], "certificate": STANDARD.encode(minted.certificate("user.pem").der()),
        "signature": STANDARD.encode(read("sig"))});
    hall.post("/api/v1/auth/certificate", &answer)
        .problem(401, "bad_signature");
    let gone = minted.certificate("gone.pem");
    let refused = hall
        .sign_in(&gone, &minted.key("gone.key"))
        .problem(403, "certificate_refused");
    assert_eq!(refused["reason"], "revoked");
}

#[test]
fn the_test_key_signs_challenges_in_development_and_does_not_exist_in_production() {
    use luochui::config::Environment;
    let keys = tempfile::tempdir().unwrap();
    let folder = keys.path().to_owned();
    let root = pki::root("Test Root CA", 1);
    let issuing = root.authority("Test Issuing CA", 2, &straight);
    let marked = |draft: &mut luochui::seal::issue::CertificateDraft| {
        today(draft);
        draft.extensions.push(Extension {
            oid: TEST_MARK,
            critical: false,
            value: vec![0x05, 0x00],
        });
    };
    let certificate = issuing.company(10, COMPANY, "测试公司", &key(10), &marked);
    // A certificate without the mark is no test certificate: its key is somebody's, and is not used.
    let real = issuing.company(11, OTHER_COMPANY, "另一公司", &key(11), &today);
    for (code, certificate, key) in [(COMPANY, &certificate, key(10)), (OTHER_COMPANY, &real, key(11))] {
        std::fs::write(folder.join(format!("{code}.pem")), certificate.to_pem()).unwrap();
        std::fs::write(folder.join(format!("{code}.key.pem")), key.to_pem().unwrap().as_bytes()).unwrap();
    }
    let path = "/api/v1/soft-token";
    let own = folder.clone();
    let hall = Hall::open_with(move |config| {
        config.environment = Environment::Development;
        config.sealing.soft_token = own;
    });
    let listed = hall.app.anyone().get(path).expect(200).json();
    assert_eq!(listed["items"][0]["title"], "测试公司（测试签章 无法律效力）");
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let challenge = hall.challenge("login");
    let sign = json!({"id": COMPANY, "text": challenge["text"]});
    let signed = hall.post("/api/v1/soft-token/sign", &sign).expect(200).json();
    assert_eq!(signed["mark"], "测试签章 无法律效力");
    let answer = json!({"challenge": challenge["id"], "secret": challenge["secret"], "certificate": signed["certificate"],
        "signature": signed["signature"]});
    let entered = hall.post("/api/v1/auth/certificate", &answer).expect(200).json();
    assert_eq!(
        (&entered["test"], &entered["mark"]),
        (&json!(true), &json!("测试签章 无法律效力"))
    );
    let client = Client {
        app: &hall.app,
        token: Some(entered["access_token"].as_str().unwrap().to_owned()),
    };
    let used = client.get("/api/v1/me/certificates").expect(200).json();
    assert_eq!(used["items"][0]["mark"], "测试签章 无法律效力");
    // Nothing but a challenge, and no way out of the folder.
    for (id, text, status) in [
        (COMPANY, "LUOCHUI-EVENT-V1|a|b|c|d|e", 422),
        (COMPANY, "anything", 422),
        ("../jwt", challenge["text"].as_str().unwrap(), 404),
        (OTHER_COMPANY, challenge["text"].as_str().unwrap(), 404),
    ] {
        let reply = hall.post("/api/v1/soft-token/sign", &json!({"id": id, "text": text}));
        assert_eq!(reply.status, status, "{id} {text}");
    }

    let hall = Hall::open_with(move |config| {
        config.environment = Environment::Production;
        config.sealing.soft_token = folder;
    });
    hall.app.anyone().get(path).problem(404, "not_found");
    hall.post("/api/v1/soft-token/sign", &sign).problem(404, "not_found");
    // Nor does a certificate of that kind count, whoever has signed with it.
    let refused = hall.sign_in(&certificate, &key(10)).problem(403, "certificate_refused");
    assert_eq!(refused["reason"], "test_certificate");
    assert!(refused["detail"].as_str().unwrap().contains("测试证书"), "{refused}");
    hall.sign_in(&real, &key(11)).expect(200);
}

#[test]
fn a_storm_of_logins_is_turned_away_and_not_queued_without_end() {
    let hall = Hall::open();
    let certificate = hall.company(10, &key(10));
    let answer = Hall::answer(&hall.challenge("test"), &certificate, &key(11));
    // Whatever comes of each, none fails and all are answered.
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let mut bent = answer.clone();
                    bent["challenge"] = hall.challenge("test")["id"].clone();
                    hall.post("/api/v1/auth/certificate/test", &bent).status
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)),
        "{statuses:?}"
    );
}
