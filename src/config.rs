//! One YAML file with environment overrides, read once in `cli` and passed on by value. Must not be read from anywhere else.
