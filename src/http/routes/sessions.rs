//! Routes of sessions: the calendar, and how many there may be at once. Must not hold behaviour.

use actix_web::web;

use super::super::api::{capacities, schedule};
use super::super::guard::Allowed;
use super::super::pages;
use super::super::route::{Answer, Route, get, put};

const BETWEEN: &[(&str, &str)] = &[
    ("from", "从这一时刻起（1970 年以来的毫秒）；缺省为今天零时"),
    ("to", "到这一时刻为止，不含；缺省为其后 31 天，最多 93 天"),
];

pub(super) fn all() -> Vec<Route> {
    use Allowed::{Admin, Anyone, Supervision};
    vec![
        get("/api/v1/sessions", Anyone, "已公告的场次", to!(schedule::list))
            .query(BETWEEN)
            .gives::<schedule::Calendar>(),
        get(
            "/api/v1/sessions.ics",
            Anyone,
            "已公告的场次（iCalendar）",
            to!(schedule::subscribe),
        )
        .query(BETWEEN)
        .answers(Answer::Bytes("text/calendar")),
        get("/calendar", Anyone, "场次日历页面", to!(pages::calendar)).answers(Answer::Bytes("text/html")),
        get(
            "/api/v1/admin/capacities",
            Supervision,
            "同时进行的场次上限",
            to!(capacities::list),
        ),
        put(
            "/api/v1/admin/capacities/{name}",
            Admin,
            "设定同时进行的场次上限",
            to!(capacities::set),
        )
        .takes::<capacities::Set>()
        .keyed(),
    ]
}
