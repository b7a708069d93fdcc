//! Workers that do what was asked for in the background and go on after a restart.
//!
//! * [`harvest`]: parts of endpoints' content copied to buckets.

pub mod harvest;
