//! Scenario files: given, when, then over `decide`, with time travel and coverage. Must not do what the live path does otherwise.
