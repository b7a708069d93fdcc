//! Names of stored segments: regular, so that a run of them costs an index next to nothing.
//!
//! An encoder numbers the segments of a stream in their file names. Names that are alike but for their last number are
//! a *series*, and the stored segments of a series are counted by us. So whatever order the streams of an encoder
//! arrive in, the segments of one track have one series and numbers that go up by one.

use serde::{Deserialize, Serialize};

use super::event::InputIndex;
use crate::resources::ChannelGuid;

/// Series of one input at the most. An encoder that names segments at random reuses the one not used for longest.
const MOST_SERIES: usize = 512;

/// Objects in one folder of the store.
const PER_FOLDER: u32 = 1000;

/// A stored segment of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// The input that it was pushed to.
    pub input: InputIndex,
    /// Its series, an index into the input's [`SeriesTable`].
    pub series: u16,
    /// Its number within the series, never given twice.
    pub number: u32,
}

impl ObjectId {
    /// Where the media store keeps it.
    pub fn key(self, channel: &ChannelGuid) -> String {
        let folder = self.folder(channel);
        format!("{folder}/{}", self.number)
    }

    /// The folder of the store that it is in.
    pub fn folder(self, channel: &ChannelGuid) -> String {
        format!("{channel}/{}/{}/{}", self.input.index() + 1, self.series, self.number / PER_FOLDER)
    }

    /// What [`Self::key`] made; `None` for any other key.
    pub fn from_key(key: &str) -> Option<ObjectId> {
        let mut parts = key.rsplit('/');
        let number: u32 = parts.next()?.parse().ok()?;
        let folder: u32 = parts.next()?.parse().ok()?;
        let series = parts.next()?.parse().ok()?;
        let input = match parts.next()? {
            "1" => InputIndex::First,
            "2" => InputIndex::Second,
            _ => return None,
        };
        (folder == number / PER_FOLDER).then_some(ObjectId { input, series, number })
    }
}

/// The series of one input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesTable {
    series: Vec<Series>,
    uses: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Series {
    pattern: String,
    next: u32,
    last_use: u64,
}

impl SeriesTable {
    /// The series and number of a new object with this file name. Numbers are used up even if nothing is stored.
    pub fn allocate(&mut self, input: InputIndex, name: &str) -> ObjectId {
        let pattern = pattern(name);
        let known = self.series.iter().position(|series| series.pattern == pattern);
        let index = known.unwrap_or_else(|| {
            if self.series.len() < MOST_SERIES {
                self.series.push(Series::default());
                return self.series.len() - 1;
            }
            let oldest = self.series.iter().enumerate().min_by_key(|(_, series)| series.last_use);
            oldest.map_or(0, |(index, _)| index)
        });
        // At most `MOST_SERIES`.
        let series = index as u16;
        let number = self.series.get(index).map_or(0, |series| series.next);
        let object = ObjectId { input, series, number };
        self.record(name, object);
        object
    }

    /// Takes in that an object has this file name.
    pub fn record(&mut self, name: &str, object: ObjectId) {
        let index = usize::from(object.series);
        if index >= MOST_SERIES {
            return;
        }
        if self.series.len() <= index {
            self.series.resize(index + 1, Series::default());
        }
        self.uses += 1;
        if let Some(series) = self.series.get_mut(index) {
            if series.pattern != pattern(name) {
                series.pattern = pattern(name);
            }
            series.next = series.next.max(object.number.saturating_add(1));
            series.last_use = self.uses;
        }
    }

    /// The next object of each series.
    pub fn next_objects(&self, input: InputIndex) -> impl Iterator<Item = ObjectId> + '_ {
        self.series.iter().zip(0u16..).map(move |(series, index)| ObjectId {
            input,
            series: index,
            number: series.next,
        })
    }
}

/// The name without its last number, which does not count where it is in the file's extension.
fn pattern(name: &str) -> String {
    let stem = name.rfind('.').map_or(name, |dot| &name[..dot]);
    let Some(end) = stem.rfind(|letter: char| letter.is_ascii_digit()).map(|at| at + 1) else {
        return name.to_owned();
    };
    let start = stem[..end].rfind(|letter: char| !letter.is_ascii_digit());
    let start = start.map_or(0, |at| at + stem[at..].chars().next().map_or(1, char::len_utf8));
    [&name[..start], "#", &name[end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_a_name_does_not_tell_series_apart() {
        for (name, expected) in [
            ("v0_00099.ts", "v0_#.ts"),
            ("720p/5.m2ts", "720p/#.m2ts"),
            ("ä7.ts", "ä#.ts"),
            ("9", "#"),
            ("none.ts", "none.ts"),
            ("12ü.mp4", "#ü.mp4"),
        ] {
            assert_eq!(pattern(name), expected);
        }
    }

    #[test]
    fn each_series_counts_by_itself_and_goes_on_after_a_restart() {
        let mut table = SeriesTable::default();
        let mut recorded = SeriesTable::default();
        for number in 0..3 {
            for (series, stream) in ["a", "b"].iter().enumerate() {
                let name = format!("{stream}_{}.ts", number + 10);
                let object = table.allocate(InputIndex::First, &name);
                assert_eq!((usize::from(object.series), object.number), (series, number));
                recorded.record(&name, object);
            }
        }
        assert_eq!(recorded, table);
        assert_eq!(recorded.allocate(InputIndex::First, "b_99.ts").number, 3);
    }

    #[test]
    fn names_at_random_cost_no_more_than_the_table_and_no_number_comes_twice() {
        let mut table = SeriesTable::default();
        let mut seen = std::collections::HashSet::new();
        for number in 0..3 * MOST_SERIES {
            let name = format!("{}.ts", "x".repeat(number % (2 * MOST_SERIES)));
            assert!(seen.insert(table.allocate(InputIndex::Second, &name)));
        }
        assert_eq!(table.series.len(), MOST_SERIES);
    }

    #[test]
    fn keys_are_read_back() {
        let channel = ChannelGuid("c".to_owned());
        for number in [0, 999, 1000, u32::MAX] {
            let object = ObjectId { input: InputIndex::Second, series: 7, number };
            assert_eq!(ObjectId::from_key(&object.key(&channel)), Some(object));
        }
        for key in ["c/3/7/0/0", "c/1/7/1/0", "c/1/x", "c/1/7/0/0.ts"] {
            assert_eq!(ObjectId::from_key(key), None, "{key}");
        }
    }
}
