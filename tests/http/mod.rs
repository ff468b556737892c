//! The API over a real server: who may do what, what bad input gets, what nobody may see.

mod accounts;
mod sessions;
mod shape;
