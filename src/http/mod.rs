//! The only code that knows actix: routes, extractors, problems. Handlers parse, call a service, present.
//! Must not decide about a trade: `engine` does, and a lawful no comes back as an answer.

mod api;
mod attachments;
mod caller;
mod certificates;
mod challenges;
mod code;
mod codes;
mod commands;
mod extract;
mod forms;
mod fresh;
mod guard;
mod history;
mod hooks;
mod key_test;
mod known;
mod language;
mod limits;
mod links;
mod live;
mod middleware;
mod once;
pub mod openapi;
mod page;
mod pages;
pub mod password;
pub mod people;
pub mod problem;
mod readiness;
pub mod route;
pub mod routes;
mod rows;
pub mod server;
mod sessions;
mod state;
mod strict;
mod token;
mod upload;
mod verifiers;

pub use caller::Standing;
pub use guard::{Allowed, Keyed};
pub use server::{serve, start};
pub use state::AppState;
pub use token::Tokens;
