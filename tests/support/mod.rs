//! What several rooms of tests need.

pub mod app;
pub mod engine;
pub mod postgres;
pub mod smtp;
pub mod sse;
pub mod web;
