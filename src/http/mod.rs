//! The only code that knows actix: routes, extractors, problems. Handlers parse, call a service, present.
//! Must not decide about a trade: `engine` does, and a lawful no comes back as an answer.

mod api;
mod caller;
mod codes;
mod extract;
mod fresh;
mod guard;
mod language;
mod limits;
mod middleware;
mod once;
pub mod openapi;
mod page;
pub mod password;
pub mod people;
pub mod problem;
mod readiness;
pub mod routes;
pub mod server;
mod sessions;
mod state;
mod strict;
mod token;

pub use caller::Standing;
pub use guard::{Allowed, Keyed};
pub use server::{serve, start};
pub use state::AppState;
