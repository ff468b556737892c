//! The one flat list of routes: method, path, who may call it, handler. The server and the documentation are made from it.
//! Must not hold behaviour.

use actix_web::web;

use super::api::{
    accounts, auth, calendars, definitions, documents, files, health, hooks, incidents, instances, ledger, listings,
    live, me, mine, organisations, receipts, records, todos, verify,
};
use super::guard::Allowed;
pub use super::route::{Answer, Body, Route, Shape};
use super::route::{get, post, put};
use super::{openapi, pages};

const PAGED: &[(&str, &str)] = &[
    ("after", "翻页标记，取自上一页的 `next`"),
    ("limit", "每页条数，1 至 100"),
];

const LISTED: &[(&str, &str)] = &[
    ("q", "任一列表字段中的文字"),
    ("category", "按列表字段筛选；任何列表字段都可以这样用"),
    PAGED[0],
    PAGED[1],
];
const BY_MACHINE: &[(&str, &str)] = &[("machine", "状态机"), PAGED[0], PAGED[1]];

macro_rules! to {
    ($handler:path) => {
        || web::to($handler)
    };
}

mod certificates;
mod sealing;
mod sessions;

/// All routes.
#[must_use]
pub fn all() -> Vec<Route> {
    [
        platform(),
        public(),
        sessions::all(),
        watching(),
        accounts(),
        certificates::all(),
        trades(),
        todos(),
        sealing::all(),
        administration(),
        pages(),
    ]
    .concat()
}

fn platform() -> Vec<Route> {
    vec![
        get("/healthz", Allowed::Anyone, "进程在运行", to!(health::alive)),
        get(
            "/readyz",
            Allowed::Anyone,
            "可以受理请求；否则说明缺什么",
            to!(health::ready),
        ),
        get("/metrics", Allowed::Anyone, "Prometheus 指标", to!(health::metrics)).answers(Answer::Bytes("text/plain")),
        get("/api/openapi.json", Allowed::Anyone, "本文档", to!(openapi::document)),
        get(
            "/api/docs/{file:.*}",
            Allowed::Anyone,
            "接口文档页面",
            to!(openapi::page),
        )
        .answers(Answer::Bytes("text/html")),
    ]
}

fn public() -> Vec<Route> {
    use Allowed::{Anyone, Signature};
    vec![
        get("/api/v1/time", Anyone, "服务器时间", to!(health::time)),
        get("/api/v1/listings", Anyone, "公开的交易", to!(listings::list)).query(LISTED),
        get(
            "/api/v1/listings/{id}",
            Anyone,
            "一宗交易的公开内容",
            to!(listings::show),
        ),
        get(
            "/api/v1/instances/{id}",
            Anyone,
            "一个实例中可以看到的内容",
            to!(instances::show),
        ),
        get(
            "/api/v1/instances/{id}/history",
            Anyone,
            "一个实例的进程",
            to!(instances::course),
        )
        .query(PAGED),
        get(
            "/api/v1/instances/{id}/documents",
            Anyone,
            "一个实例的文书",
            to!(documents::list),
        ),
        get(
            "/api/v1/instances/{id}/record",
            Anyone,
            "一个实例的存证记录（每行一个 JSON）",
            to!(records::show),
        )
        .answers(Answer::Bytes("application/x-ndjson")),
        get("/api/v1/platform/key", Anyone, "平台签名公钥（PEM）", to!(records::key))
            .answers(Answer::Bytes("application/x-pem-file")),
        get(
            "/api/v1/documents/{id}",
            Anyone,
            "文书（PDF）",
            to!(documents::download),
        )
        .answers(Answer::Bytes("application/pdf")),
        get("/api/v1/files/{id}", Anyone, "附件", to!(files::download))
            .query(&[("instance", "通过哪个实例的字段读取他人上传的附件")])
            .answers(Answer::Bytes("application/octet-stream")),
        post(
            "/api/v1/verify",
            Anyone,
            "验证上传的电子签章文件（PDF、OFD、ESL）",
            to!(verify::verify),
        )
        .body(Body::Upload)
        .query(&[
            ("document", "文书编号；给出时与平台保存的该文书比对"),
            ("h", "文书二维码中的校验值"),
        ]),
        post(
            "/api/v1/hooks/{name}",
            Signature,
            "外部系统的签名消息",
            to!(hooks::deliver),
        )
        .body(Body::Fields),
    ]
}

/// What everybody may follow, the same for all. A room of an auction is an instance like any other.
fn watching() -> Vec<Route> {
    use Allowed::Anyone;
    const AFTER: &[(&str, &str)] = &[("after", "续接：已收到的最后一条的编号；有 Last-Event-ID 时以它为准")];
    let events = Answer::Bytes("text/event-stream");
    vec![
        get("/api/v1/instances/{id}/live", Anyone, "实况", to!(live::show)).gives::<live::Standing>(),
        get(
            "/api/v1/instances/{id}/live/stream",
            Anyone,
            "实况流（SSE），可凭 Last-Event-ID 续接",
            to!(live::stream),
        )
        .query(AFTER)
        .answers(events.clone()),
        get("/api/v1/auctions/{id}", Anyone, "竞价实况", to!(live::show)).gives::<live::Standing>(),
        get(
            "/api/v1/auctions/{id}/stream",
            Anyone,
            "竞价实况流（SSE），可凭 Last-Event-ID 续接",
            to!(live::stream),
        )
        .query(AFTER)
        .answers(events),
    ]
}

fn trades() -> Vec<Route> {
    use Allowed::{Ordinary, SignedIn};
    vec![
        post("/api/v1/trades", Ordinary, "新开一宗交易", to!(instances::open))
            .takes::<instances::Open>()
            .timed(),
        post(
            "/api/v1/instances/{id}/events/{name}",
            Ordinary,
            "送一个事件",
            to!(instances::send),
        )
        .body(Body::Fields)
        .timed(),
        get(
            "/api/v1/instances/{id}/receipts/{line}",
            SignedIn,
            "本人（本单位）一次操作的回执；{line} 为回执中的 decided_at、一个连字符、line.sm3",
            to!(receipts::copy),
        ),
        get("/api/v1/my/trades", SignedIn, "我的交易", to!(mine::list)).query(PAGED),
        post("/api/v1/files", Ordinary, "上传附件", to!(files::upload))
            .body(Body::Upload)
            .gives::<files::Uploaded>()
            .keyed(),
    ]
}

fn todos() -> Vec<Route> {
    use Allowed::{Ordinary, SignedIn};
    vec![
        get("/api/v1/todos", SignedIn, "我的办件", to!(todos::list)).query(PAGED),
        get("/api/v1/todos/{id}", SignedIn, "一件办件及其表单", to!(todos::show)),
        put("/api/v1/todos/{id}/draft", Ordinary, "暂存表单", to!(todos::save_draft))
            .body(Body::Fields)
            .answers(Answer::Nothing),
        post("/api/v1/todos/{id}/claim", Ordinary, "认领", to!(todos::claim)).timed(),
        post("/api/v1/todos/{id}/release", Ordinary, "退回认领", to!(todos::release)).timed(),
        post("/api/v1/todos/{id}/transfer", Ordinary, "转交", to!(todos::transfer))
            .takes::<todos::Transfer>()
            .timed(),
        post(
            "/api/v1/todos/{id}/outcomes/{outcome}",
            Ordinary,
            "办理",
            to!(todos::complete),
        )
        .body(Body::Fields)
        .timed(),
    ]
}

fn administration() -> Vec<Route> {
    use Allowed::{Admin, Supervision};
    vec![
        get(
            "/api/v1/admin/definitions",
            Supervision,
            "已发布的流程",
            to!(definitions::list),
        ),
        post(
            "/api/v1/admin/definitions",
            Admin,
            "发布流程",
            to!(definitions::publish),
        )
        .takes::<definitions::Files>()
        .keyed(),
        post(
            "/api/v1/admin/definitions/check",
            Admin,
            "检查流程",
            to!(definitions::check),
        )
        .takes::<definitions::Files>(),
        get("/api/v1/admin/instances", Admin, "全部实例", to!(instances::list)).query(BY_MACHINE),
        get(
            "/api/v1/admin/instances/{id}/ledger",
            Supervision,
            "一宗交易的资金分录与余额",
            to!(ledger::show),
        ),
        get(
            "/api/v1/admin/instances/{id}/dossier",
            Supervision,
            "一个实例的核验案卷：记录、全部进程、流程定义、日历",
            to!(records::dossier),
        )
        .answers(Answer::Bytes("application/x-ndjson")),
        get("/api/v1/admin/incidents", Supervision, "事故", to!(incidents::list)).query(PAGED),
        post(
            "/api/v1/admin/incidents/{id}/retry",
            Admin,
            "重试",
            to!(incidents::retry),
        )
        .keyed(),
        get("/api/v1/admin/calendars", Supervision, "工作日历", to!(calendars::list)),
        post("/api/v1/admin/calendars", Admin, "导入工作日历", to!(calendars::import))
            .takes::<calendars::Import>()
            .keyed(),
    ]
}

fn pages() -> Vec<Route> {
    use Allowed::{Anyone, MailLink};
    let page = Answer::Bytes("text/html");
    vec![
        get("/t/{token}", MailLink, "邮件链接：说明将要办理的事", to!(pages::ask)).answers(page.clone()),
        post("/t/{token}", MailLink, "邮件链接：办理", to!(pages::act)).answers(page.clone()),
        get("/todos/{id}", Anyone, "办件页面", to!(pages::todo)).answers(page.clone()),
        get("/instances/{id}", Anyone, "交易页面", to!(pages::instance)).answers(page.clone()),
        get(
            "/certificate",
            Anyone,
            "数字证书登录与测试页面",
            to!(pages::certificate),
        )
        .answers(page.clone()),
        get("/rooms/{id}", Anyone, "竞价室页面", to!(pages::room)).answers(page.clone()),
        get("/", Anyone, "公告列表页面", to!(pages::home)).answers(page.clone()),
        get("/profile", Anyone, "注册与完善资料页面", to!(pages::profile)).answers(page.clone()),
        get("/practice", Anyone, "竞价练习页面", to!(pages::practice)).answers(page.clone()),
        get("/mine", Anyone, "我的交易页面", to!(pages::mine)).answers(page.clone()),
        get("/login", Anyone, "登录页面", to!(pages::mine)).answers(page.clone()),
        get("/verify", Anyone, "验证电子签章的页面", to!(pages::verify)).answers(page.clone()),
        get(
            "/verify/{id}",
            Anyone,
            "文书上二维码所指的验证页面",
            to!(pages::verify_document),
        )
        .answers(page.clone()),
        get("/portal/{file}", Anyone, "页面的样式与脚本", to!(pages::asset)).answers(page),
    ]
}

fn accounts() -> Vec<Route> {
    use Allowed::{Admin, Anyone, Ordinary, SignedIn};
    vec![
        post("/api/v1/auth/login", Anyone, "登录", to!(auth::login))
            .takes::<auth::Login>()
            .gives::<auth::Signed>(),
        post("/api/v1/auth/refresh", Anyone, "换发令牌", to!(auth::refresh))
            .takes::<auth::Refresh>()
            .gives::<auth::Signed>(),
        post("/api/v1/auth/logout", SignedIn, "退出登录", to!(auth::logout)).answers(Answer::Nothing),
        post("/api/v1/accounts", Anyone, "注册", to!(accounts::register))
            .takes::<accounts::Register>()
            .gives::<accounts::Created>()
            .keyed(),
        get("/api/v1/me", SignedIn, "我的账号", to!(me::show)).gives::<me::Me>(),
        put("/api/v1/me/profile", Ordinary, "完善资料", to!(me::complete))
            .takes::<me::Profile>()
            .gives::<me::Me>(),
        put("/api/v1/me/password", SignedIn, "修改密码", to!(me::change_password))
            .takes::<me::ChangePassword>()
            .answers(Answer::Nothing),
        get("/api/v1/admin/accounts", Admin, "账号列表", to!(accounts::list)).query(PAGED),
        post("/api/v1/admin/accounts", Admin, "新建账号", to!(accounts::create))
            .takes::<accounts::Create>()
            .gives::<accounts::Created>()
            .keyed(),
        post(
            "/api/v1/admin/accounts/{id}/disable",
            Admin,
            "停用账号",
            to!(accounts::disable),
        )
        .keyed(),
        get(
            "/api/v1/admin/organisations",
            Admin,
            "单位列表",
            to!(organisations::list),
        )
        .query(PAGED),
        post(
            "/api/v1/admin/organisations",
            Admin,
            "登记单位",
            to!(organisations::create),
        )
        .takes::<organisations::Organisation>()
        .gives::<organisations::Organisation>()
        .keyed(),
    ]
}
