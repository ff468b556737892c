//! The auction room: its rules against an independent model.

mod rules;
