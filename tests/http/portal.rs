//! The bidder's manual in a real browser, sentence by sentence up to the room: register, complete the profile, browse, apply, see
//! what the deposit is to be paid with, practise.

use serde_json::json;

use crate::support::app::{PASSWORD, person_number};
use crate::support::browser::{Browser, Page};
use crate::support::sale::{Sale, centre};

/// Fills in what a label names; a file is made on the spot.
const SET: &str = r"
  window.set = (label, value) => {
    const found = [...document.querySelectorAll('#content label')].find((one) => one.innerText.startsWith(label));
    const control = found.querySelector('input, select, textarea');
    if (control.type === 'checkbox') control.checked = value;
    else if (control.type === 'file') {
      const files = new DataTransfer();
      files.items.add(new File(['%PDF-1.4 paper'], value, {type: 'application/pdf'}));
      control.files = files.files;
    } else control.value = value;
    control.dispatchEvent(new Event('change', {bubbles: true}));
  };
  window.press = (text) => [...document.querySelectorAll('button, a')].find((one) => one.innerText === text).click();
";

fn says(page: &mut Page<'_>, text: &str) {
    page.until(&format!("document.body.innerText.includes('{text}')"));
}

fn press(page: &mut Page<'_>, text: &str) {
    page.until(&format!(
        "[...document.querySelectorAll('button, a')].some((one) => one.innerText === '{text}')"
    ));
    page.value(&format!("press('{text}')"));
}

#[test]
fn a_stranger_registers_browses_applies_and_practises() {
    let Some(mut browser) = Browser::start() else { return };
    let app = centre();
    // More than a practice takes of some rules.
    let sale = Sale::announced(
        &app,
        json!({"free": 86_400_000, "max_resets": 2_000, "hard_stop": 600_000}),
    );
    let mut page = browser.page(SET);

    // Whoever comes sees the notices, by category, and is told what an application takes.
    page.open(&app.url);
    says(&mut page, "公务车辆一批");
    press(&mut page, "债权");
    says(&mut page, "没有符合条件的公告");
    press(&mut page, "实物资产");
    says(&mut page, "96,800.00 元");
    page.picture("home");
    press(&mut page, "公务车辆一批");
    says(&mut page, "登录后可以提交竞买申请");

    page.open(&format!("{}/profile", app.url));
    says(&mut page, "注册");
    for (id, text) in [
        ("new_name", "newcomer"),
        ("new_display", "新来的"),
        ("new_email", "new@example.test"),
        ("new_password", PASSWORD),
    ] {
        page.fill(id, text);
    }
    page.picture("register");
    page.click("#register button");
    says(&mut page, "请完善资料");
    // A wrong number is named as the page names it.
    for (id, text) in [
        ("party_name", "竞买人7"),
        ("code", "433101199001010000"),
        ("phone", "13800000000"),
    ] {
        page.fill(id, text);
    }
    page.click("#profile button");
    says(&mut page, "请核对：证件号码");
    page.fill("code", &person_number(7));
    page.click("#profile button");
    says(&mut page, "资料已完善，可以参加交易");
    page.picture("profile");

    applies(&mut page, &app.url, &sale);
    practises(&mut page, &app.url);
}

/// 报名: the wizard, then what the deposit is to be paid with.
fn applies(page: &mut Page<'_>, url: &str, sale: &Sale<'_>) {
    page.open(&format!("{url}/instances/{}", sale.listing));
    page.until("document.querySelector('#content h1') && document.querySelector('#content button')");
    page.picture("listing");
    press(page, "竞买申请");
    says(page, "上传审查附件");
    // Nobody may join here, so nobody is asked for the deed.
    let deed = "[...document.querySelectorAll('label')].some((one) => one.innerText.includes('联合购买协议') && one.offsetParent)";
    assert_eq!(page.value(deed), false);
    page.picture("application");
    for (label, value) in [
        ("姓名或名称", "竞买人7"),
        ("身份证号", &person_number(7)),
        ("联系地址", "吉首市"),
        ("联系电话", "13800000000"),
        ("退款账号", "6222000000000000"),
        ("退款开户行", "某银行"),
        ("保证金缴纳银行", "某银行"),
    ] {
        page.value(&format!("set('{label}', '{value}')"));
    }
    page.value("set('身份证明', 'identity.pdf')");
    press(page, "提交");
    says(page, "请先阅读交易规则并签署资格承诺");
    page.value("set('已阅读并接受交易规则', true); set('签署竞买人资格承诺书', true)");
    press(page, "提交");
    says(page, "已办理");
    page.open(&format!("{url}/mine"));
    page.until("document.querySelectorAll('#deposits td').length === 5");
    let deposit = page.text("deposits");
    assert!(deposit.contains("15,000.00 元"), "{deposit}");
    let reference = page.value("document.querySelector('#deposits td:last-child').innerText");
    assert!(reference.as_str().unwrap().len() > 10, "{reference}");
}

/// A round by the rules of the lot, and the way back to it.
fn practises(page: &mut Page<'_>, url: &str) {
    press(page, "先练习一场");
    page.until("location.pathname === '/practice' && document.getElementById('increment').value === '1000.00'");
    page.until("document.getElementById('start_price').value === '96800.00'");
    page.until("document.getElementById('hard_stop').value === '10'");
    let differs = page.text("differs");
    for told in [
        "自由竞价原为 1440 分钟，练习为 180 分钟",
        "最多重新计时原为 2000 次，练习为 1000 次",
    ] {
        assert!(differs.contains(told), "{differs}");
    }
    page.picture("practice");
    press(page, "开始练习");
    page.until("location.pathname.startsWith('/rooms/') && document.getElementById('phase').innerText === '询问期'");
    page.until(
        "getComputedStyle(document.body, '::after').content.includes('练习 无效力') && at('plate').innerText !== ''",
    );
    let room = page.value("location.pathname");
    page.phone();
    page.picture("phone-room-practice");
    page.open(&format!("{url}/practice"));
    says(page, "您有一场练习正在进行");
    page.picture("phone-practice");
    press(page, "回到竞价室");
    page.until(&format!(
        "location.pathname === {room} && document.getElementById('phase').innerText === '询问期'"
    ));
    for path in ["/", "/mine", "/profile", "/certificate"] {
        page.open(&format!("{url}{path}"));
        page.until(&format!(
            "location.pathname === '{path}' && document.querySelector('nav a')"
        ));
        page.until("document.getElementById('content') === null || !document.getElementById('content').hidden");
        // No page is wider than the telephone.
        page.until("document.readyState === 'complete' && document.documentElement.scrollWidth <= innerWidth");
        page.picture(&format!("phone-{}", path.trim_start_matches('/')));
    }
}
