//! What several rooms of tests need.

pub mod app;
pub mod browser;
pub mod engine;
pub mod postgres;
pub mod process;
pub mod sale;
pub mod smtp;
pub mod sse;
pub mod web;
