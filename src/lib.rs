//! Luochui: YAML-defined state machines on which the sale of state assets runs. `ARCHITECTURE.md` is the map.

pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod http;
pub mod identity;
pub mod ids;
pub mod ledger;
pub mod machine;
pub mod performers;
pub mod record;
pub mod seal;
pub mod sealing;
pub mod secret_file;
pub mod shared_secret;
pub mod signing;
pub mod store;
pub mod telemetry;
pub mod trust;
pub mod workers;
