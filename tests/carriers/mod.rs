//! Seals on PDF and OFD: made, judged, attacked. One file per subject; what they share stands in `world`.

mod attacks;
mod commands;
mod flips;
mod http;
mod ofd;
mod packages;
mod pdf;
mod samples;
mod targets;
mod tools;
pub mod world;
