//! The pure core: what one decision makes of a trade, feature by feature on small bundles, and what must hold of any.

mod calendar;
mod children;
mod effects;
mod freezing;
mod opening;
mod property;
mod readers;
mod records;
mod roles;
mod sessions;
mod states;
mod timers;
mod todos;
mod world;
