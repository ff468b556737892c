//! Seals on PDF and OFD: made, judged, attacked. One file per subject; what they share stands in `world`.

mod attacks;
mod commands;
mod flips;
mod http;
mod numbers;
mod ofd;
mod packages;
mod pdf;
mod samples;
mod targets;
mod tools;
mod work;
pub mod world;
