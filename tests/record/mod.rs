//! Records: what they say, that nothing in them can be changed unnoticed, and that others can verify them without us.

mod attacks;
mod late;
mod mails;
mod outside;
mod paper;
mod processes;
mod receipts;
mod retention;
mod rotation;
mod server;
mod world;
