//! The public endpoint and its page: an upload is judged anew, whoever asks, and nothing is said of an id alone.

use serde_json::Value;

use super::world::{self, WORLD, days};
use crate::support::app::{Reply, Request, TestApp};
use luochui::seal::authority::Period;
use luochui::seal::certificate::pem;

fn trust_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let keep = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    keep("root.pem", &WORLD.authority.root.certificate.to_pem());
    keep("issuing.pem", &WORLD.authority.issuing.certificate.to_pem());
    let list = WORLD
        .authority
        .revocations(&[], 1, Period::days(days(-1), 300))
        .unwrap();
    keep("issuing.crl", &pem("X509 CRL", list.der()));
    keep(
        "profiles.json",
        &serde_json::to_string(&[WORLD.authority.profile()]).unwrap(),
    );
    folder
}

fn app(folder: &tempfile::TempDir) -> TestApp {
    TestApp::start_with(|config| {
        config.certificates.trust = folder.path().to_owned();
        config.limits.upload_bytes = 1_000_000;
    })
}

fn send(app: &TestApp, path: &str, content: &[u8]) -> Reply {
    let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n";
    let body = [head.as_slice(), content, b"\r\n--b--\r\n"].concat();
    app.anyone()
        .send(Request::new("POST", path).bytes("multipart/form-data; boundary=b", body))
}

#[test]
fn anybody_may_verify_an_upload() {
    let folder = trust_folder();
    let app = app(&folder);
    let file = world::sealed_by(&world::pages(1), &WORLD.first);
    let report = send(&app, "/api/v1/verify", &file).expect(200).json();
    assert_eq!(report["verdict"], "valid", "{report}");
    assert!(report["conclusion"].as_str().unwrap().contains("测试签章 无法律效力"));
    assert_eq!(report["signatures"][0]["signer"], "某某公共资源交易中心");
    assert!(report["signatures"][0]["seal"]["picture"].is_string());
    assert_eq!(report["platform"]["steps"], Value::Array(Vec::new()));

    let mut changed = file.clone();
    changed[100] ^= 1;
    let report = send(&app, "/api/v1/verify", &changed).expect(200).json();
    assert_eq!(report["verdict"], "invalid", "{report}");
    let report = send(&app, "/api/v1/verify", b"no seal").expect(200).json();
    assert_eq!(report["verdict"], "unsigned");
    // An id that nobody knows makes nothing valid, and tells nothing.
    let asked = "/api/v1/verify?document=0ABCDEF&h=0123456789abcdef";
    let report = send(&app, asked, &world::pages(1)).expect(200).json();
    assert_eq!(
        (
            report["verdict"].as_str(),
            report["platform"]["steps"][0]["code"].as_str()
        ),
        (Some("unsigned"), Some("differs"))
    );
}

#[test]
fn uploads_are_limited() {
    let folder = trust_folder();
    let app = TestApp::start_with(|config| {
        config.certificates.trust = folder.path().to_owned();
        config.limits.upload_bytes = 10_000;
        config.limits.verifications_per_minute = 3;
    });
    send(&app, "/api/v1/verify", &[b'%'; 20_000]).problem(413, "too_large");
    send(&app, "/api/v1/verify?secret=1", b"x").problem(400, "bad_request");
    let empty = app.anyone().send(Request::new("POST", "/api/v1/verify"));
    assert!((400..500).contains(&empty.status), "{}", empty.status);
    for _ in 0..3 {
        send(&app, "/api/v1/verify", b"x");
    }
    let refused = send(&app, "/api/v1/verify", b"x");
    assert!(refused.headers.contains_key("retry-after"));
    refused.problem(429, "too_many_requests");
}

#[test]
fn the_page_asks_for_the_file() {
    let folder = trust_folder();
    let app = app(&folder);
    for path in ["/verify", "/verify/0ABCDEF?h=0123456789abcdef"] {
        let page = app.anyone().get(path).expect(200);
        let text = String::from_utf8(page.bytes).unwrap();
        assert!(text.contains("验证电子签章") && text.contains("/portal/verify.js"));
    }
    app.anyone().get("/portal/verify.js").expect(200);
    app.anyone().get("/verify/..%2f").problem(404, "not_found");
}
