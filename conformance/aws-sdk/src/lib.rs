//! The AWS SDK for Rust against a whole server: see `tests/`.
