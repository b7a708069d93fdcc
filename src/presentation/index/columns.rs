//! Columns of whole numbers as bytes: differences of first or second order, and runs of equal ones.
//!
//! ```text
//! column = shape start*                        as many starts as the shape's order, zigzag varints
//! shape  = 0 order:u8 (value count)*           value: zigzag varint; count: varint; counts sum up to what is left
//!        | n                                   the same as the nth shape before, counted from 1
//! ```
//!
//! A column of equal values has the shape "first order, nothing but zeros", one that counts up "second order, nothing
//! but zeros". Such shapes come again and again in a chunk and cost one byte each after the first time.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Differences of this order at the most.
const HIGHEST_ORDER: usize = 2;

/// Bytes that are no columns. They come from our own disk with a checksum, so this is a fault of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ColumnFault {
    /// The bytes end too early.
    #[error("the columns end too early")]
    Ended,
    /// A number is too large for what it counts.
    #[error("a number in the columns is out of range")]
    OutOfRange,
    /// A structured part does not parse.
    #[error("a structured part of the columns does not parse")]
    Structure,
}

/// Writes columns.
#[derive(Debug, Default)]
pub struct ColumnWriter {
    bytes: Vec<u8>,
    shapes: Vec<Vec<u8>>,
}

impl ColumnWriter {
    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// One number.
    pub fn number(&mut self, value: u64) {
        write_varint(&mut self.bytes, u128::from(value));
    }

    /// One number with a sign.
    pub fn signed(&mut self, value: i128) {
        write_varint(&mut self.bytes, zigzag(value));
    }

    /// A structure in postcard's form.
    pub fn structure(&mut self, value: &impl Serialize) {
        // Writing to memory does not fail; should it, the chunk does not read back, which its maker checks.
        let bytes = postcard::to_stdvec(value).unwrap_or_default();
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(&bytes);
    }

    /// A column; the reader must know how many values it has.
    pub fn column(&mut self, values: &[i64]) {
        let mut best: Option<(usize, Vec<u8>, Vec<u8>)> = None;
        let mut differences = values.to_vec();
        let mut starts = Vec::new();
        for order in 0..=HIGHEST_ORDER.min(values.len()) {
            if order > 0 {
                write_varint(&mut starts, zigzag(i128::from(differences[0])));
                differences = differences.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
            }
            let shape = shape(order, &differences);
            let is_known = self.shapes.contains(&shape);
            // A shape that holds the values themselves is seldom of use to another column.
            let new = if order == 0 { shape.len() + 2 } else { shape.len() };
            let cost = 1 + starts.len() + if is_known { 0 } else { new };
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, shape, starts.clone()));
            }
        }
        let Some((_, shape, starts)) = best else { return };
        match self.shapes.iter().position(|known| *known == shape) {
            Some(index) => self.number(index as u64 + 1),
            None => {
                self.number(0);
                self.bytes.extend_from_slice(&shape);
                self.shapes.push(shape);
            }
        }
        self.bytes.extend_from_slice(&starts);
    }
}

fn shape(order: usize, differences: &[i64]) -> Vec<u8> {
    let mut bytes = vec![order as u8];
    for run in differences.chunk_by(|one, other| one == other) {
        write_varint(&mut bytes, zigzag(i128::from(run[0])));
        write_varint(&mut bytes, run.len() as u128);
    }
    bytes
}

fn zigzag(value: i128) -> u128 {
    ((value << 1) ^ (value >> 127)) as u128
}

fn unzigzag(value: u128) -> i128 {
    (value >> 1) as i128 ^ -((value & 1) as i128)
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads what a [`ColumnWriter`] wrote, in the same order.
#[derive(Debug)]
pub struct ColumnReader<'a> {
    rest: &'a [u8],
    /// Each begins with the order and may have other bytes behind it.
    shapes: Vec<&'a [u8]>,
}

impl<'a> ColumnReader<'a> {
    /// A reader of all the bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        ColumnReader { rest: bytes, shapes: Vec::new() }
    }

    /// One number.
    pub fn number(&mut self) -> Result<u64, ColumnFault> {
        u64::try_from(read_varint(&mut self.rest)?).map_err(|_| ColumnFault::OutOfRange)
    }

    /// One number with a sign.
    pub fn signed(&mut self) -> Result<i128, ColumnFault> {
        Ok(unzigzag(read_varint(&mut self.rest)?))
    }

    /// A structure in postcard's form.
    pub fn structure<T: DeserializeOwned>(&mut self) -> Result<T, ColumnFault> {
        let length = usize::try_from(self.number()?).map_err(|_| ColumnFault::OutOfRange)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(ColumnFault::Ended)?;
        self.rest = rest;
        postcard::from_bytes(bytes).map_err(|_| ColumnFault::Structure)
    }

    /// A column of `count` values.
    pub fn column(&mut self, count: usize) -> Result<Vec<i64>, ColumnFault> {
        let reference = usize::try_from(self.number()?).map_err(|_| ColumnFault::OutOfRange)?;
        let shape = match reference.checked_sub(1) {
            Some(index) => *self.shapes.get(index).ok_or(ColumnFault::OutOfRange)?,
            None => self.rest,
        };
        let (order, mut runs) = shape.split_first().ok_or(ColumnFault::Ended)?;
        let order = usize::from(*order);
        if order > HIGHEST_ORDER || order > count {
            return Err(ColumnFault::OutOfRange);
        }
        let mut values = Vec::with_capacity(count);
        while values.len() < count - order {
            let value = read_i64(&mut runs)?;
            let run = usize::try_from(read_varint(&mut runs)?).map_err(|_| ColumnFault::OutOfRange)?;
            if run == 0 || run > count - order - values.len() {
                return Err(ColumnFault::OutOfRange);
            }
            values.resize(values.len() + run, value);
        }
        if reference == 0 {
            self.shapes.push(self.rest);
            self.rest = runs;
        }
        let starts = (0..order).map(|_| read_i64(&mut self.rest)).collect::<Result<Vec<_>, _>>()?;
        for start in starts.into_iter().rev() {
            let mut sum = start;
            for value in &mut values {
                let difference = std::mem::replace(value, sum);
                sum = sum.wrapping_add(difference);
            }
            values.push(sum);
        }
        Ok(values)
    }
}

fn read_i64(bytes: &mut &[u8]) -> Result<i64, ColumnFault> {
    i64::try_from(unzigzag(read_varint(bytes)?)).map_err(|_| ColumnFault::OutOfRange)
}

fn read_varint(bytes: &mut &[u8]) -> Result<u128, ColumnFault> {
    let mut value = 0u128;
    for place in 0..19 {
        let (byte, rest) = bytes.split_first().ok_or(ColumnFault::Ended)?;
        *bytes = rest;
        value |= u128::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(ColumnFault::OutOfRange)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Vec<i64>> {
        let value = prop_oneof![Just(0i64), -3i64..3, any::<i64>(), Just(i64::MIN), Just(i64::MAX)];
        proptest::collection::vec((value, 1usize..6), 0..30)
            .prop_map(|runs| runs.into_iter().flat_map(|(value, count)| std::iter::repeat_n(value, count)).collect())
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(columns in proptest::collection::vec(values(), 0..6), number: u64, signed: i128) {
            let mut writer = ColumnWriter::default();
            for column in &columns {
                writer.column(column);
                writer.number(number);
                writer.signed(signed);
                writer.structure(&(number, "text"));
            }
            let bytes = writer.into_bytes();
            let mut reader = ColumnReader::new(&bytes);
            for column in &columns {
                prop_assert_eq!(&reader.column(column.len()).unwrap(), column);
                prop_assert_eq!(reader.number().unwrap(), number);
                prop_assert_eq!(reader.signed().unwrap(), signed);
                prop_assert_eq!(reader.structure::<(u64, String)>().unwrap(), (number, "text".to_owned()));
            }
            prop_assert!(reader.rest.is_empty());
        }

        #[test]
        fn bytes_from_anywhere_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60), count in 0usize..600) {
            let mut reader = ColumnReader::new(&bytes);
            while let Ok(values) = reader.column(count) {
                prop_assert_eq!(values.len(), count);
                if reader.rest.is_empty() || count == 0 {
                    break;
                }
            }
        }
    }

    #[test]
    fn what_is_regular_costs_little_and_the_second_time_next_to_nothing() {
        let mut writer = ColumnWriter::default();
        let counting: Vec<i64> = (1_000_000..1_000_512).collect();
        writer.column(&counting);
        let once = writer.bytes.len();
        writer.column(&counting);
        writer.column(&[7; 512]);
        assert!(once <= 10, "{once}");
        assert_eq!(writer.bytes.len() - once, 4 + 6);
    }
}
