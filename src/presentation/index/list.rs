//! A list that grows at the end, shrinks at the front and is cheap to clone: snapshots share its chunks.
//!
//! The newest elements are kept as they are. Older ones are sealed into columns, first few at a time, then many
//! together, and read back when somebody asks for them; what was read back lately stays at hand.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::columns::{ColumnFault, ColumnReader, ColumnWriter};

/// Elements that are kept as they are at the least.
const OPEN: usize = 64;

/// Elements of a small chunk.
const SMALL: usize = 64;

/// Small chunks that become one large chunk.
const SMALL_PER_LARGE: usize = 8;

/// Elements of a large chunk.
const LARGE: usize = SMALL * SMALL_PER_LARGE;

/// Chunks of one list that stay at hand after they were read back.
const AT_HAND: usize = 3;

/// First byte of a sealed chunk in columns.
const AS_COLUMNS: u8 = 1;

/// First byte of a sealed chunk that columns cannot express: its elements in postcard's form.
const AS_THEY_ARE: u8 = 0;

/// What a list may hold.
pub trait Columnar: Clone + PartialEq + Serialize + DeserializeOwned {
    /// Rounds what nobody needs exactly once it is old, so that noise costs nothing. Doing it again changes nothing.
    fn settle(elements: &mut [Self]);

    /// Writes the elements; `false` if columns cannot express them.
    fn write(elements: &[Self], columns: &mut ColumnWriter) -> bool;

    /// Reads what [`Self::write`] wrote of `count` elements.
    fn read(count: usize, columns: &mut ColumnReader<'_>) -> Result<Vec<Self>, ColumnFault>;
}

/// A sealed chunk. An empty one is not here: it was not in the archive.
type Sealed = Arc<[u8]>;

/// A numbered list; numbers stay the same when the front is dropped.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound = "T: Columnar")]
pub struct ChunkedList<T> {
    /// Elements before this number are dropped, though their chunk may still be here.
    first: u64,
    sealed: Arc<SealedChunks>,
    /// The newest elements.
    open: Arc<Vec<Arc<T>>>,
    #[serde(skip, default = "AtHand::none")]
    at_hand: Arc<AtHand<T>>,
}

/// What is stored of a list does not have its large chunks: they are written once, elsewhere, and put back by
/// [`ChunkedList::put_back`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct SealedChunks {
    /// Number of the first element of the first large chunk, or of whatever comes first if there is none.
    first: u64,
    #[serde(with = "only_their_number")]
    large: VecDeque<Sealed>,
    small: VecDeque<Sealed>,
}

/// Large chunks as their number; read as so many empty ones.
mod only_their_number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Sealed, VecDeque};

    /// Far more than weeks of the shortest segments have: a damaged number must not take all memory.
    const MOST: u64 = 1 << 20;

    pub(super) fn serialize<S: Serializer>(chunks: &VecDeque<Sealed>, serializer: S) -> Result<S::Ok, S::Error> {
        (chunks.len() as u64).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VecDeque<Sealed>, D::Error> {
        let count = u64::deserialize(deserializer)?;
        if count > MOST {
            return Err(serde::de::Error::custom("a list has more chunks than any list"));
        }
        let empty = Sealed::from([]);
        Ok((0..count).map(|_| empty.clone()).collect())
    }
}

/// A large chunk, as it is stored apart from its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeChunk {
    /// Number of its first element.
    pub first: u64,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl SealedChunks {
    /// Number of the first element after all sealed chunks.
    fn end(&self) -> u64 {
        self.first + (self.large.len() * LARGE + self.small.len() * SMALL) as u64
    }

    /// The chunk that holds this number: its bytes, the number of its first element, and how many it has.
    fn chunk(&self, number: u64) -> Option<(&Sealed, u64, usize)> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        if let Some(chunk) = self.large.get(index / LARGE) {
            return Some((chunk, self.first + (index / LARGE * LARGE) as u64, LARGE));
        }
        let small_index = (index - self.large.len() * LARGE) / SMALL;
        let first = self.first + (self.large.len() * LARGE + small_index * SMALL) as u64;
        Some((self.small.get(small_index)?, first, SMALL))
    }
}

/// Elements of a chunk that was read back.
type Elements<T> = Arc<Vec<Arc<T>>>;

/// Chunks that were read back lately, newest last.
#[derive(Debug)]
struct AtHand<T>(Mutex<VecDeque<(Sealed, Elements<T>)>>);

impl<T> AtHand<T> {
    fn none() -> Arc<Self> {
        Arc::new(AtHand(Mutex::default()))
    }
}

impl<T> Default for ChunkedList<T> {
    fn default() -> Self {
        ChunkedList { first: 0, sealed: Arc::default(), open: Arc::default(), at_hand: AtHand::none() }
    }
}

impl<T: Columnar> PartialEq for ChunkedList<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.first, &self.sealed, &self.open) == (other.first, &other.sealed, &other.open)
    }
}

impl<T: Columnar> ChunkedList<T> {
    /// Number of the first element, or of the next one if there is none.
    pub fn first_number(&self) -> u64 {
        self.first
    }

    /// Number that the next pushed element gets.
    pub fn next_number(&self) -> u64 {
        self.sealed.end() + self.open.len() as u64
    }

    /// Adds an element at the end.
    pub fn push(&mut self, element: T) {
        let open = Arc::make_mut(&mut self.open);
        open.push(Arc::new(element));
        if open.len() < OPEN + SMALL {
            return;
        }
        let oldest: Vec<T> = open.drain(..SMALL).map(Arc::unwrap_or_clone).collect();
        let sealed = Arc::make_mut(&mut self.sealed);
        sealed.small.push_back(seal(oldest));
        if sealed.small.len() == SMALL_PER_LARGE {
            let together: Vec<T> = sealed.small.drain(..).flat_map(|chunk| unseal::<T>(&chunk, SMALL)).collect();
            sealed.large.push_back(seal(together));
        }
    }

    /// The element of this number.
    pub fn get(&self, number: u64) -> Option<Arc<T>> {
        if number < self.first {
            return None;
        }
        match number.checked_sub(self.sealed.end()) {
            Some(index) => self.open.get(usize::try_from(index).ok()?).cloned(),
            None => {
                let (elements, first) = self.chunk(number)?;
                elements.get(usize::try_from(number - first).ok()?).cloned()
            }
        }
    }

    /// The elements of the sealed chunk that holds this number, and the number of the first.
    fn chunk(&self, number: u64) -> Option<(Elements<T>, u64)> {
        let (chunk, first, count) = self.sealed.chunk(number)?;
        let mut at_hand = self.at_hand.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = at_hand.iter().position(|(known, _)| Arc::ptr_eq(known, chunk)) {
            let found = at_hand.remove(index)?;
            let elements = found.1.clone();
            at_hand.push_back(found);
            return Some((elements, first));
        }
        drop(at_hand);
        // Readers of other chunks need not wait for this.
        let elements: Elements<T> = Arc::new(unseal::<T>(chunk, count).into_iter().map(Arc::new).collect());
        let mut at_hand = self.at_hand.0.lock().unwrap_or_else(PoisonError::into_inner);
        if at_hand.len() == AT_HAND {
            at_hand.pop_front();
        }
        at_hand.push_back((chunk.clone(), elements.clone()));
        Some((elements, first))
    }

    /// The last element.
    pub fn last(&self) -> Option<Arc<T>> {
        self.get(self.next_number().checked_sub(1)?)
    }

    /// The elements of these numbers that there are, with their numbers.
    pub fn range(&self, numbers: Range<u64>) -> impl DoubleEndedIterator<Item = (u64, Arc<T>)> {
        let mut chunk = None;
        (numbers.start.max(self.first)..numbers.end.min(self.next_number()))
            .filter_map(move |number| Some((number, self.get_near(number, &mut chunk)?)))
    }

    /// As [`Self::get`]; `chunk` is where the last one was, which need not be looked for again.
    fn get_near(&self, number: u64, chunk: &mut Option<(Elements<T>, u64)>) -> Option<Arc<T>> {
        if number >= self.sealed.end() {
            return self.get(number);
        }
        let in_chunk = |(elements, first): &(Elements<T>, u64)| {
            elements.get(usize::try_from(number.checked_sub(*first)?).ok()?).cloned()
        };
        if let Some(element) = chunk.as_ref().and_then(in_chunk) {
            return Some(element);
        }
        *chunk = self.chunk(number);
        chunk.as_ref().and_then(in_chunk)
    }

    /// Elements from this number on, with their numbers.
    pub fn from(&self, number: u64) -> impl DoubleEndedIterator<Item = (u64, Arc<T>)> {
        self.range(number..u64::MAX)
    }

    /// Drops elements before this number.
    pub fn drop_before(&mut self, number: u64) {
        self.first = number.clamp(self.first, self.next_number());
        let is_dropped = |sealed: &SealedChunks| !sealed.large.is_empty() && sealed.first + LARGE as u64 <= self.first;
        while is_dropped(&self.sealed) {
            let sealed = Arc::make_mut(&mut self.sealed);
            sealed.large.pop_front();
            sealed.first += LARGE as u64;
        }
    }

    /// The first number whose element satisfies the predicate, if all before do not and all after do.
    pub fn partition_point(&self, is_before: impl Fn(&T) -> bool) -> u64 {
        let (mut low, mut high) = (self.first, self.next_number());
        // Mostly it is near the end.
        if let Some(oldest_open) = self.open.first().filter(|_| self.sealed.end() > low) {
            if is_before(oldest_open) {
                low = self.sealed.end() + 1;
            } else {
                high = self.sealed.end();
            }
        }
        let mut chunk = None;
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get_near(middle, &mut chunk).is_some_and(|element| is_before(&element)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The large chunks whose elements have this number or a higher one, oldest first.
    pub fn large_chunks(&self, from: u64) -> impl Iterator<Item = LargeChunk> {
        let numbered = self.sealed.large.iter().zip((self.sealed.first..).step_by(LARGE));
        numbered
            .filter(move |(_, first)| *first >= from)
            .map(|(bytes, first)| LargeChunk { first, bytes: bytes.clone() })
    }

    /// Number after the elements of the last large chunk.
    pub fn large_end(&self) -> u64 {
        self.sealed.first + (self.sealed.large.len() * LARGE) as u64
    }

    /// Puts a large chunk back where it was when the list was stored; one that was dropped since is passed over.
    pub fn put_back(&mut self, chunk: LargeChunk) {
        let Some(distance) = chunk.first.checked_sub(self.sealed.first) else { return };
        let is_aligned = distance % LARGE as u64 == 0;
        let Ok(index) = usize::try_from(distance / LARGE as u64) else { return };
        if let Some(place) = Arc::make_mut(&mut self.sealed).large.get_mut(index).filter(|_| is_aligned) {
            *place = chunk.bytes;
        }
    }

    /// Numbers of elements that should have been put back, but were not.
    pub fn missing(&self) -> u64 {
        (self.sealed.large.iter().filter(|chunk| chunk.is_empty()).count() * LARGE) as u64
    }

    /// Bytes of memory that the sealed part takes, bookkeeping included; open elements come on top.
    pub fn sealed_bytes(&self) -> usize {
        let chunks = self.sealed.large.iter().chain(&self.sealed.small);
        // Two counters stand before the shared bytes; the allocator rounds up to sixteen.
        let shared = |chunk: &Sealed| (2 * size_of::<usize>() + chunk.len()).next_multiple_of(16);
        let capacity = self.sealed.large.capacity() + self.sealed.small.capacity();
        chunks.map(shared).sum::<usize>() + capacity * size_of::<Sealed>() + size_of::<SealedChunks>()
    }
}

fn seal<T: Columnar>(mut elements: Vec<T>) -> Sealed {
    T::settle(&mut elements);
    let mut columns = ColumnWriter::default();
    if T::write(&elements, &mut columns) {
        let bytes = columns.into_bytes();
        // What columns cannot give back exactly is kept as it is.
        if T::read(elements.len(), &mut ColumnReader::new(&bytes)).is_ok_and(|read| read == elements) {
            return [&[AS_COLUMNS], &bytes[..]].concat().into();
        }
    }
    let bytes = postcard::to_stdvec(&elements).unwrap_or_default();
    [&[AS_THEY_ARE], &bytes[..]].concat().into()
}

/// The elements of a sealed chunk. It was checked when it was sealed, and its checksum when it was read from disk, so
/// it is whole; should it not be, its elements are missing, as any that were dropped.
fn unseal<T: Columnar>(sealed: &[u8], count: usize) -> Vec<T> {
    match sealed.split_first() {
        Some((&AS_COLUMNS, columns)) => T::read(count, &mut ColumnReader::new(columns)).unwrap_or_default(),
        Some((_, bytes)) => postcard::from_bytes(bytes).unwrap_or_default(),
        None => Vec::new(),
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
