//! Tests about the tree itself: who may know whom, what every file says of itself, and what no file may contain.
//! Must not test behaviour.

mod files;
mod map;
mod migrations;
mod rooms;
mod sources;
