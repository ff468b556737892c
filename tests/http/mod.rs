//! The API over a real server: who may do what, what bad input gets, what nobody may see.

mod accounts;
mod arrival;
mod badinput;
mod certificates;
mod desk;
mod eyes;
pub mod fair;
mod identity;
mod limits;
mod live;
mod lost;
mod matrix;
mod outside;
mod portal;
mod room;
mod running;
mod schedule;
mod secrecy;
mod shape;
mod sign_in;
mod signatures;
mod trades;
mod user;
mod worlds;
