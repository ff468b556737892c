//! The workflow language and the step that decides over a trade. Pure: no database, clock, network or randomness.
//!
//! Nothing here knows what a listing or a bid is. What is sold, in which order and by whom stands in YAML.

pub mod calendar;
pub mod definition;
pub mod expression;
pub mod history;
pub mod outage;
pub mod period;
pub mod roles;
pub mod scenario;
pub mod slots;
pub mod snapshot;
pub mod step;
pub mod templates;
pub mod time;
pub mod trade;
pub mod value;
pub mod view;

pub use definition::model::Bundle;
pub use time::Time;
pub use trade::{Instance, Trade};
pub use value::{Name, Value};
