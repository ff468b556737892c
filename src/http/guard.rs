//! Decides before any handler who may call a route at all, and that a command carries its key.
//! Must not look at bodies or trades.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, ResponseError, web};

use super::caller::{Account, Caller, Standing, authenticate};
use super::extract::Arrived;
use super::problem::{Code, Problem};
use super::state::AppState;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Everybody; a token is looked at where one is sent.
    Anyone,
    /// Every account, oversight included.
    SignedIn,
    /// Accounts that act in trades: neither admins nor oversight.
    Ordinary,
    Admin,
    /// Reading for admins and oversight.
    Supervision,
    /// An outside system that signs what it sends.
    Signature,
    /// Who holds a link from a mail.
    MailLink,
}

/// Whether a route is a command, which must carry an Idempotency-Key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyed {
    Required,
    /// A command that a deadline waits for: it carries its key, and counts from the moment when all of it has arrived.
    Timed,
    No,
}

/// The Idempotency-Key as it was sent.
#[derive(Clone, Debug)]
pub struct SentKey(pub String);

/// Keys are kept for days and indexed; a UUID has 36 characters.
const MAX_KEY: usize = 128;

/// Wraps one route.
///
/// # Errors
/// None of its own: a refusal is a response.
pub async fn guard(
    allowed: Allowed,
    keyed: Keyed,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if keyed == Keyed::Timed {
        // Before the sender is looked up: what the platform takes time for must not be lost to them.
        let arrived = Arrived::read(&mut request).await;
        request.extensions_mut().insert(arrived);
    }
    match admit(allowed, keyed, &request).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_boxed_body)
        }
        Err(problem) => {
            request.extensions_mut().remove::<Arrived>();
            Ok(request.into_response(problem.error_response()))
        }
    }
}

async fn admit(allowed: Allowed, keyed: Keyed, request: &ServiceRequest) -> Result<Caller, Problem> {
    let state = request
        .app_data::<web::Data<AppState>>()
        .ok_or_else(|| Problem::new(Code::Internal))?;
    let caller = match allowed {
        Allowed::Signature | Allowed::MailLink => Caller(None),
        _ => {
            let header = request.headers().get(AUTHORIZATION);
            let header = header.map(|value| value.to_str().map_err(|_| Problem::new(Code::Unauthenticated)));
            authenticate(state, header.transpose()?).await?
        }
    };
    check(allowed, caller.0.as_deref())?;
    if let Some(account) = &caller.0 {
        state.limits.account(&account.id)?;
    }
    if keyed != Keyed::No {
        let key = sent_key(request)?;
        request.extensions_mut().insert(key);
    }
    Ok(caller)
}

/// The one place that says which standing satisfies a route.
fn check(allowed: Allowed, account: Option<&Account>) -> Result<(), Problem> {
    let account = match (allowed, account) {
        (Allowed::Anyone | Allowed::Signature | Allowed::MailLink, _) => return Ok(()),
        (_, None) => return Err(Problem::new(Code::Unauthenticated)),
        (_, Some(account)) => account,
    };
    let fits = match allowed {
        Allowed::Anyone | Allowed::SignedIn | Allowed::Signature | Allowed::MailLink => true,
        Allowed::Ordinary => account.standing == Standing::Ordinary,
        Allowed::Admin => account.standing == Standing::Admin,
        Allowed::Supervision => account.supervises(),
    };
    if fits {
        Ok(())
    } else {
        Err(Problem::new(Code::Forbidden))
    }
}

fn sent_key(request: &ServiceRequest) -> Result<SentKey, Problem> {
    let mut values = request.headers().get_all("Idempotency-Key");
    let value = values.next().ok_or_else(|| Problem::new(Code::KeyRequired))?;
    let text = value.to_str().map_err(|_| Problem::new(Code::InvalidKey))?;
    let sound = !text.is_empty() && text.len() <= MAX_KEY && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !sound || values.next().is_some() {
        return Err(Problem::new(Code::InvalidKey).detail(format!("1 to {MAX_KEY} visible ASCII characters, once")));
    }
    Ok(SentKey(text.to_owned()))
}
