//! The pages on which a person verifies a file, and signs in and tries out a key with a certificate, in a real browser.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::evidence::sealed;
use super::hall::{BUYER, Hall};
use crate::support::browser::{Browser, Page};

/// Puts a file into the page's form and sends it.
fn upload(page: &mut Page<'_>, file: &[u8]) {
    let content = STANDARD.encode(file);
    page.value(&format!(
        "(() => {{ const bytes = Uint8Array.from(atob('{content}'), (c) => c.charCodeAt(0));
            const chosen = new DataTransfer();
            chosen.items.add(new File([bytes], 'received.pdf'));
            document.getElementById('file').files = chosen.files;
            document.getElementById('upload').requestSubmit(); }})()"
    ));
    page.until("!document.getElementById('result').hidden");
}

#[test]
fn the_page_that_verifies_tells_a_sealed_file_from_a_tampered_one_in_plain_words() {
    let Some(mut browser) = Browser::start() else { return };
    let hall = Hall::open(|_| {});
    let id = sealed(&hall);
    let good = hall
        .app
        .sign_in("clerk")
        .get(&format!("/api/v1/documents/{id}"))
        .expect(200)
        .bytes;
    let mut page = browser.page("");
    let url = format!("{}/verify", hall.app.url);
    page.open(&url);
    page.until("document.readyState === 'complete' && document.getElementById('upload')");
    upload(&mut page, &good);
    page.picture("verify-good");
    let said = page.text("summary");
    assert!(said.contains("签章后文件未被改动"), "{said}");
    assert!(said.contains("买方公司") && said.contains("卖方公司"), "{said}");
    assert!(said.contains("没有法律效力"), "{said}");
    assert!(page.text("conclusion").starts_with("验证通过"));
    // The steps are there for those who know them, and out of the way of those who do not.
    assert_eq!(
        page.value("[...document.querySelectorAll('details')].some((one) => one.open)"),
        false
    );
    assert_eq!(page.value("document.querySelectorAll('details td.error').length"), 0);

    let mut tampered = good.clone();
    let place = tampered.windows(9).position(|bytes| bytes == b"1000 yuan").unwrap();
    tampered[place] = b'9';
    upload_again(&mut page, &url, &tampered);
    page.picture("verify-tampered");
    let said = page.text("summary");
    assert!(said.contains("请不要相信") && said.contains("改动"), "{said}");
    assert!(!said.contains("未被改动"), "{said}");
    assert!(page.text("conclusion").contains("未通过"));

    let mut added = good;
    added.extend(b"\n% added later\n");
    upload_again(&mut page, &url, &added);
    page.picture("verify-added");
    assert!(page.text("summary").contains("请不要相信"), "{}", page.text("summary"));

    upload_again(&mut page, &url, &crate::carriers::world::pages(1));
    page.picture("verify-unsigned");
    assert!(page.text("summary").contains("没有"), "{}", page.text("summary"));
}

fn upload_again(page: &mut Page<'_>, url: &str, file: &[u8]) {
    page.value("document.body.dataset.old = '1'");
    page.open(url);
    page.until("!document.body.dataset.old && document.readyState === 'complete' && document.getElementById('upload')");
    upload(page, file);
}

#[test]
fn the_page_of_certificates_tries_out_a_key_with_its_seal_and_signs_in() {
    let Some(mut browser) = Browser::start() else { return };
    let keys = tempfile::tempdir().unwrap();
    let folder = keys.path().to_owned();
    let hall = Hall::open(move |config| config.sealing.soft_token = folder);
    let kept = |ending: &str, text: &str| std::fs::write(keys.path().join(format!("{BUYER}{ending}")), text);
    kept(".pem", &hall.buyer.certificate.to_pem()).unwrap();
    kept(".key.pem", &hall.buyer.key.to_pem().unwrap()).unwrap();
    let seal = STANDARD.encode(hall.seal("T-1", &[&hall.buyer]));
    let mut page = browser.page("");
    page.open(&format!("{}/certificate", hall.app.url));
    page.until("document.getElementById('certificate').value");
    page.value(&format!(
        "(() => {{ const bytes = Uint8Array.from(atob('{seal}'), (c) => c.charCodeAt(0));
            const chosen = new DataTransfer();
            chosen.items.add(new File([bytes], 'seal.esl'));
            document.getElementById('seal').files = chosen.files;
            document.getElementById('test').click(); }})()"
    ));
    page.until("!document.getElementById('steps').hidden");
    page.picture("certificate-test");
    let steps = page.text("steps");
    assert!(!steps.contains("未通过"), "{steps}");
    assert!(
        steps.contains("印章图形可以用于签章") && steps.contains("买方公司"),
        "{steps}"
    );
    page.value("document.getElementById('enter').click()");
    page.until("document.getElementById('message').textContent.startsWith('已登录')");
    page.picture("certificate-entered");
    let said = page.text("message");
    assert!(
        said.contains("买方公司") && said.contains("测试签章 无法律效力"),
        "{said}"
    );
}
