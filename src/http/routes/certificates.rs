//! The routes of certificates: signing in with one, trying one out, and the authorities that are trusted.
//! Must not hold behaviour.

use actix_web::web;

use super::super::api::{accounts, auth, certificates, soft_token, trust};
use super::super::guard::Allowed;
use super::super::route::{get, post};
use super::{Answer, Route};

pub(super) fn all() -> Vec<Route> {
    use Allowed::{Admin, Anyone, SignedIn, Supervision};
    vec![
        post(
            "/api/v1/auth/challenges",
            Anyone,
            "取一段待签名的文字",
            to!(certificates::challenge),
        )
        .takes::<certificates::Ask>()
        .gives::<certificates::Challenge>(),
        get(
            "/api/v1/auth/challenges/{id}",
            Anyone,
            "手机扫码后读取待签名的文字",
            to!(certificates::show),
        )
        .gives::<certificates::Challenge>(),
        get(
            "/api/v1/auth/challenges/{id}/code",
            Anyone,
            "供手机扫描的二维码",
            to!(certificates::code),
        )
        .answers(Answer::Bytes("image/svg+xml")),
        post(
            "/api/v1/auth/challenges/{id}/answer",
            Anyone,
            "手机上的签名",
            to!(certificates::answer),
        )
        .takes::<certificates::PhoneAnswer>()
        .answers(Answer::Nothing),
        post(
            "/api/v1/auth/challenges/{id}/collect",
            Anyone,
            "浏览器领取手机签名后的令牌，或手机对事件的签名",
            to!(certificates::collect),
        )
        .takes::<certificates::Collect>()
        .gives::<auth::Signed>(),
        post(
            "/api/v1/auth/certificate",
            Anyone,
            "用数字证书登录",
            to!(certificates::sign_in),
        )
        .takes::<certificates::Answer>()
        .gives::<certificates::Entered>(),
        post(
            "/api/v1/auth/certificate/test",
            Anyone,
            "测试证书与印章",
            to!(certificates::test),
        )
        .takes::<certificates::Test>(),
        get(
            "/api/v1/soft-token",
            Anyone,
            "测试环境的软证书（测试签章 无法律效力），生产环境没有",
            to!(soft_token::list),
        ),
        post(
            "/api/v1/soft-token/sign",
            Anyone,
            "用软证书签名（测试签章 无法律效力），生产环境没有",
            to!(soft_token::sign),
        )
        .takes::<soft_token::Sign>()
        .gives::<soft_token::Signature>(),
        get(
            "/api/v1/me/certificates",
            SignedIn,
            "我用过的证书",
            to!(certificates::mine),
        ),
        post(
            "/api/v1/admin/accounts/{id}/bind",
            Admin,
            "工作人员凭本人证书登录：登记公民身份号码",
            to!(accounts::bind),
        )
        .takes::<accounts::Bind>()
        .gives::<accounts::Created>()
        .keyed(),
        post(
            "/api/v1/admin/accounts/{id}/unbind",
            Admin,
            "取消工作人员的证书登录",
            to!(accounts::unbind),
        )
        .gives::<accounts::Created>()
        .keyed(),
        get("/api/v1/admin/trust", Supervision, "受信任的发证机构", to!(trust::list)),
        post(
            "/api/v1/admin/trust",
            Admin,
            "增加发证机构、吊销列表或机构规则",
            to!(trust::add),
        )
        .takes::<trust::Add>()
        .gives::<trust::Added>()
        .keyed(),
        post("/api/v1/admin/trust/{id}/remove", Admin, "移除", to!(trust::remove))
            .answers(Answer::Nothing)
            .keyed(),
    ]
}
