//! A list that grows at the end, shrinks at the front and is cheap to clone: snapshots share its chunks.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Elements per shared chunk.
const CHUNK: usize = 256;

/// A numbered list; numbers stay the same when the front is dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChunkedList<T> {
    /// All but the last are full; numbers of the first chunk's elements begin at `first_chunk_number`.
    chunks: VecDeque<Arc<Vec<Arc<T>>>>,
    first_chunk_number: u64,
    /// Elements before this number are dropped, though their chunk may still be here.
    first: u64,
}

impl<T> Default for ChunkedList<T> {
    fn default() -> Self {
        ChunkedList { chunks: VecDeque::new(), first_chunk_number: 0, first: 0 }
    }
}

impl<T> ChunkedList<T> {
    /// Number of the first element, or of the next one if there is none.
    pub fn first_number(&self) -> u64 {
        self.first
    }

    /// Number that the next pushed element gets.
    pub fn next_number(&self) -> u64 {
        let in_chunks = match self.chunks.back() {
            Some(last) => (self.chunks.len() - 1) * CHUNK + last.len(),
            None => 0,
        };
        self.first_chunk_number + in_chunks as u64
    }

    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        match self.chunks.back_mut() {
            Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(Arc::new(element)),
            _ => self.chunks.push_back(Arc::new(vec![Arc::new(element)])),
        }
    }

    /// The element of this number.
    pub fn get(&self, number: u64) -> Option<Arc<T>> {
        if number < self.first {
            return None;
        }
        let index = usize::try_from(number.checked_sub(self.first_chunk_number)?).ok()?;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK).cloned()
    }

    /// The last element.
    pub fn last(&self) -> Option<Arc<T>> {
        self.get(self.next_number().checked_sub(1)?)
    }

    /// The elements of these numbers that there are, with their numbers.
    pub fn range(&self, numbers: Range<u64>) -> impl DoubleEndedIterator<Item = (u64, Arc<T>)> {
        (numbers.start.max(self.first)..numbers.end.min(self.next_number()))
            .filter_map(|number| Some((number, self.get(number)?)))
    }

    /// Elements from this number on, with their numbers.
    pub fn from(&self, number: u64) -> impl DoubleEndedIterator<Item = (u64, Arc<T>)> {
        self.range(number..u64::MAX)
    }

    /// Drops elements before this number.
    pub fn drop_before(&mut self, number: u64) {
        self.first = number.clamp(self.first, self.next_number());
        while self
            .chunks
            .front()
            .is_some_and(|chunk| chunk.len() == CHUNK && self.first_chunk_number + CHUNK as u64 <= self.first)
        {
            self.chunks.pop_front();
            self.first_chunk_number += CHUNK as u64;
        }
    }

    /// The first number whose element satisfies the predicate, if all before do not and all after do.
    pub fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> u64 {
        let (mut low, mut high) = (self.first, self.next_number());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(|element| is_before(&element)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_dropping_the_front() {
        let mut list = ChunkedList::default();
        for element in 0..1000u64 {
            list.push(element);
        }
        let snapshot = list.clone();
        list.drop_before(600);
        list.push(1000);
        assert_eq!(list.first_number(), 600);
        assert_eq!(list.get(599), None);
        assert_eq!(list.get(600).map(|element| *element), Some(600));
        assert_eq!(list.last().map(|element| *element), Some(1000));
        assert_eq!(list.next_number(), 1001);
        assert_eq!(list.partition_point(|element| *element < 777), 777);
        assert_eq!(snapshot.next_number(), 1000, "a snapshot does not change");
        assert_eq!(snapshot.get(0).map(|element| *element), Some(0));
        assert_eq!(list.from(998).map(|(number, _)| number).collect::<Vec<_>>(), [998, 999, 1000]);
    }
}
