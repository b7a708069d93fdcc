//! The long-term index: lists of slots and segments that cost next to nothing as long as what they hold is regular.
//!
//! * [`columns`]: numbers by column: differences, and runs of equal ones.
//! * [`list`]: a numbered list whose older elements are sealed into columns and read back on demand.
//! * `slots`, `segments`: which columns a slot and an output segment have.
//! * `wall_clock`: wall-clock times that follow from media times.

mod columns;
mod list;
mod segments;
mod slots;
#[cfg(test)]
mod tests;
mod texts;
mod wall_clock;

pub use columns::{ColumnFault, ColumnReader, ColumnWriter};
pub use list::{ChunkedList, Columnar, LargeChunk};
