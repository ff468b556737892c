//! The calendar of sessions: what is announced, when, and how many at once. The same for everybody: it shows what the public may
//! see, whoever asks. Must not know what a session is about.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpResponse, web};
use chrono::{DateTime, NaiveDate};
use serde::Serialize;
use utoipa::ToSchema;

use super::capacities::{self, Limit};
use crate::http::extract::Query;
use crate::http::problem::{Code, Problem};
use crate::http::state::AppState;
use crate::machine::slots::{Span, stretches};
use crate::machine::time::CHINA_MILLIS;
use crate::machine::view::Announced;
use crate::machine::{Name, Time};
use crate::performers::calendar_invite::{Event, feed};
use crate::store::booking_rows::bookings_announced;

const DAY: i64 = 86_400_000;
/// What is shown where nothing is asked for, from the beginning of today.
const USUAL_DAYS: i64 = 31;
/// The longest span that one answer shows: a quarter.
const MOST_DAYS: i64 = 93;
/// The most sessions that one answer shows. A calendar that left some out would tell a wrong busiest day: whoever asks for more is told
/// to ask for less.
const MOST_SESSIONS: usize = 2_000;

/// A session that is announced.
#[derive(Serialize, ToSchema)]
pub struct Entry {
    /// The instance: a room once there is one, before that what announces it.
    id: String,
    #[schema(value_type = String)]
    of: Name,
    title: String,
    from: i64,
    /// When it is expected to end.
    until: i64,
    /// 现在的状态
    state: String,
    /// The page to follow it on.
    page: String,
}

/// A stretch of time with the sessions announced for it.
#[derive(Serialize, ToSchema)]
pub struct Slot {
    #[schema(value_type = String)]
    of: Name,
    from: i64,
    until: i64,
    announced: u32,
    limit: u32,
}

/// A day in China.
#[derive(Serialize, ToSchema)]
pub struct Day {
    /// `2026-11-02`
    day: String,
    /// Sessions that touch it.
    sessions: u32,
    /// The most that are under way at once.
    most: u32,
}

/// What is announced within a span.
#[derive(Serialize, ToSchema)]
pub struct Calendar {
    from: i64,
    until: i64,
    capacities: Vec<Limit>,
    items: Vec<Entry>,
    slots: Vec<Slot>,
    /// Days with sessions.
    days: Vec<Day>,
    /// The day with the most sessions at once, then with the most sessions, then the first.
    busiest: Option<String>,
}

/// `GET /api/v1/sessions`
///
/// # Errors
/// `invalid` for a span that is none, or too long.
pub async fn list(state: web::Data<AppState>, query: Query) -> Result<HttpResponse, Problem> {
    let span = asked(&state, query)?;
    let shown = announced(&state, span).await?;
    let capacities = capacities::limits(&state).await?;
    let slots = slots(&shown, &capacities);
    let days = days(&shown, span);
    let busiest = days.iter().rev().max_by_key(|day| (day.most, day.sessions));
    Ok(HttpResponse::Ok().json(Calendar {
        from: span.from.0,
        until: span.until.0,
        busiest: busiest.map(|day| day.day.clone()),
        items: shown.iter().map(entry).collect(),
        capacities,
        slots,
        days,
    }))
}

/// `GET /api/v1/sessions.ics`: the same for calendar programs (RFC 5545), which ask again by themselves.
///
/// # Errors
/// As [`list`], and `bad_request` where no calendar can hold the times.
pub async fn subscribe(state: web::Data<AppState>, query: Query) -> Result<HttpResponse, Problem> {
    let span = asked(&state, query)?;
    let shown = announced(&state, span).await?;
    let base = state.config.public_url();
    let events: Vec<Event> = shown
        .iter()
        .map(|one| Event {
            id: one.id.clone(),
            from: one.span.from.0,
            until: one.span.until.0,
            summary: one.told.title.clone(),
            description: one.told.states.join("、"),
            url: format!("{base}{}", page(one)),
        })
        .collect();
    let text = feed("竞价场次", state.engine.now().0, &events);
    let text = text.ok_or_else(|| Problem::new(Code::BadRequest).detail("no calendar can hold these times"))?;
    Ok(HttpResponse::Ok()
        .content_type("text/calendar; charset=utf-8")
        .body(text))
}

/// A session that everybody may know of.
struct Shown {
    id: String,
    of: Name,
    span: Span,
    told: Announced,
}

fn asked(state: &AppState, mut query: Query) -> Result<Span, Problem> {
    let mut moment = |name: &'static str| match query.take(name) {
        None => Ok(None),
        Some(text) => match text.parse::<i64>() {
            Ok(millis) if DateTime::from_timestamp_millis(millis).is_some() => Ok(Some(Time(millis))),
            _ => Err(Problem::field(name, "must be milliseconds since 1970 UTC")),
        },
    };
    let (from, until) = (moment("from")?, moment("to")?);
    query.finish()?;
    let today = (state.engine.now().0 + CHINA_MILLIS).div_euclid(DAY) * DAY - CHINA_MILLIS;
    let from = from.unwrap_or(Time(today));
    let until = until.unwrap_or_else(|| from.plus_millis(USUAL_DAYS * DAY));
    if until <= from || until.millis_since(from) > MOST_DAYS * DAY {
        let message = format!("must be after `from`, by at most {MOST_DAYS} days");
        return Err(Problem::field("to", message));
    }
    Ok(Span { from, until })
}

/// What is announced within a span. What is not announced is neither read nor counted.
async fn announced(state: &AppState, span: Span) -> Result<Vec<Shown>, Problem> {
    let limit = i64::try_from(MOST_SESSIONS + 1).unwrap_or(i64::MAX);
    let rows = state
        .engine
        .read(move |conn| bookings_announced(conn, span, limit))
        .await?;
    if rows.len() > MOST_SESSIONS {
        let message = format!("more than {MOST_SESSIONS} sessions are announced by then: ask for fewer days");
        return Err(Problem::field("to", message));
    }
    let shown = rows.into_iter().map(|row| {
        let told = serde_json::from_str(row.shown.as_deref().unwrap_or_default());
        Ok(Shown {
            span: row.span(),
            id: row.instance,
            of: row.capacity.into(),
            told: told.map_err(|error| Problem::internal("read a session", &error))?,
        })
    });
    let mut shown = shown.collect::<Result<Vec<_>, Problem>>()?;
    shown.sort_by(|a, b| (a.span, &a.id).cmp(&(b.span, &b.id)));
    Ok(shown)
}

fn page(shown: &Shown) -> String {
    if shown.told.live {
        format!("/rooms/{}", shown.id)
    } else {
        format!("/instances/{}", shown.id)
    }
}

fn entry(shown: &Shown) -> Entry {
    Entry {
        id: shown.id.clone(),
        of: shown.of.clone(),
        title: shown.told.title.clone(),
        from: shown.span.from.0,
        until: shown.span.until.0,
        state: shown.told.states.join("、"),
        page: page(shown),
    }
}

fn slots(shown: &[Shown], limits: &[Limit]) -> Vec<Slot> {
    let mut by_capacity: BTreeMap<&Name, Vec<Span>> = BTreeMap::new();
    for one in shown {
        by_capacity.entry(&one.of).or_default().push(one.span);
    }
    let mut slots = Vec::new();
    for (of, spans) in by_capacity {
        let limit = limits
            .iter()
            .find(|limit| limit.name == *of)
            .map_or(0, |limit| limit.limit);
        slots.extend(stretches(&spans).into_iter().map(|(span, announced)| Slot {
            of: of.clone(),
            from: span.from.0,
            until: span.until.0,
            announced,
            limit,
        }));
    }
    slots
}

fn days(shown: &[Shown], span: Span) -> Vec<Day> {
    let local = |time: Time| (time.0 + CHINA_MILLIS).div_euclid(DAY);
    let mut touched = BTreeSet::new();
    for one in shown {
        let own = one.span;
        let (first, last) = (own.from.max(span.from), own.until.min(span.until).plus_millis(-1));
        touched.extend(local(first)..=local(last));
    }
    let day_of = |number: i64| {
        let whole = Span {
            from: Time(number * DAY - CHINA_MILLIS),
            until: Time((number + 1) * DAY - CHINA_MILLIS),
        };
        let spans: Vec<Span> = shown
            .iter()
            .map(|one| one.span)
            .filter(|own| own.overlaps(&whole))
            .collect();
        let within = stretches(&spans).into_iter().filter(|(own, _)| own.overlaps(&whole));
        let date = i32::try_from(number)
            .ok()
            .and_then(|days| NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(days.into())));
        Some(Day {
            day: date?.to_string(),
            sessions: u32::try_from(spans.len()).unwrap_or(u32::MAX),
            most: within.map(|(_, count)| count).max().unwrap_or(0),
        })
    };
    touched.into_iter().filter_map(day_of).collect()
}
