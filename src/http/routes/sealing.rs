//! The routes of electronic seals and of sealing documents. Must not hold behaviour.

use actix_web::web;

use super::super::api::{documents, sealings};
use super::super::guard::Allowed;
use super::super::route::{Answer, Body, Route, get, post};

/// Seals, sealing jobs, and the answers to them.
pub(super) fn all() -> Vec<Route> {
    use Allowed::{Anyone, Ordinary, Signature, SignedIn};
    vec![
        get(
            "/api/v1/seals",
            SignedIn,
            "我的电子印章与可用的签章方式",
            to!(sealings::list),
        ),
        post("/api/v1/seals", Ordinary, "导入电子印章", to!(sealings::import))
            .takes::<sealings::Import>()
            .keyed(),
        post(
            "/api/v1/seals/{id}/withdraw",
            Ordinary,
            "停用电子印章",
            to!(sealings::withdraw),
        )
        .answers(Answer::Nothing)
        .keyed(),
        post(
            "/api/v1/todos/{id}/sealing",
            Ordinary,
            "对办件的文书发起签章",
            to!(sealings::begin),
        )
        .takes::<sealings::Begin>()
        .keyed(),
        // Before the jobs' own path, which would match it as well.
        post(
            "/api/v1/sealings/callback",
            Signature,
            "资源共享平台送回签名",
            to!(sealings::callback),
        )
        .body(Body::Fields),
        get(
            "/api/v1/documents/{id}/evidence",
            Anyone,
            "签章证据包（ZIP）：文书、签章、机构证书、吊销列表",
            to!(documents::evidence),
        )
        .answers(Answer::Bytes("application/zip")),
        get("/api/v1/sealings/{job}", SignedIn, "一次签章", to!(sealings::show)),
        post("/api/v1/sealings/{job}", Ordinary, "交回签名", to!(sealings::sign)).takes::<sealings::Signed>(),
    ]
}
