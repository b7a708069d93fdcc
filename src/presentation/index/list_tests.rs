use super::*;

/// A number, with noise that does not matter when it is old.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Element {
    value: u64,
    noise: u64,
}

impl Columnar for Element {
    fn settle(elements: &mut [Self]) {
        for element in elements {
            element.noise = 0;
        }
    }

    fn write(elements: &[Self], columns: &mut ColumnWriter) -> bool {
        columns.column(&elements.iter().map(|element| element.value as i64).collect::<Vec<_>>());
        elements.iter().all(|element| element.value != UNWRITABLE)
    }

    fn read(count: usize, columns: &mut ColumnReader<'_>) -> Result<Vec<Self>, ColumnFault> {
        Ok(columns.column(count)?.into_iter().map(|value| Element { value: value as u64, noise: 0 }).collect())
    }
}

const UNWRITABLE: u64 = 777;

fn list(count: u64) -> ChunkedList<Element> {
    let mut list = ChunkedList::default();
    for value in 0..count {
        list.push(Element { value, noise: value });
    }
    list
}

#[test]
fn every_element_is_found_by_its_number_wherever_it_is_kept() {
    for count in [0, 1, 63, 64, 127, 128, 129, 600, 700, 5000] {
        let list = list(count);
        assert_eq!(list.next_number(), count);
        let values: Vec<_> = list.from(0).map(|(number, element)| (number, element.value)).collect();
        assert_eq!(values, (0..count).map(|value| (value, value)).collect::<Vec<_>>());
        let mut backwards: Vec<_> = list.range(3..u64::MAX).rev().map(|(number, _)| number).collect();
        backwards.reverse();
        assert_eq!(backwards, (3..count).collect::<Vec<_>>());
        for number in [0, 1, 63, 64, 500, 511, 512, 4999] {
            assert_eq!(list.get(number).map(|element| element.value), (number < count).then_some(number));
        }
        for point in (0..=count).step_by(7) {
            assert_eq!(list.partition_point(|element| element.value < point), point);
        }
    }
}

#[test]
fn numbers_survive_dropping_the_front_and_snapshots_do_not_change() {
    let mut list = list(2000);
    let snapshot = list.clone();
    list.drop_before(1300);
    list.push(Element { value: 2000, noise: 0 });
    assert_eq!(list.first_number(), 1300);
    assert_eq!(list.get(1299), None);
    assert_eq!(list.get(1300).map(|element| element.value), Some(1300));
    assert_eq!(list.last().map(|element| element.value), Some(2000));
    assert_eq!(list.partition_point(|element| element.value < 1777), 1777);
    assert_eq!(list.partition_point(|element| element.value < 5), 1300);
    assert_eq!(list.sealed.first, 1024, "whole chunks are gone");
    assert_eq!((snapshot.next_number(), snapshot.get(0).map(|element| element.value)), (2000, Some(0)));
    list.drop_before(u64::MAX);
    assert_eq!((list.first_number(), list.next_number(), list.last()), (2001, 2001, None));
    list.push(Element { value: 2001, noise: 0 });
    assert_eq!(list.get(2001).map(|element| element.value), Some(2001));
}

#[test]
fn the_newest_keep_what_the_older_ones_lose() {
    let list = list(1000);
    assert_eq!(list.get(999).map(|element| element.noise), Some(999));
    assert_eq!(list.get(1).map(|element| element.noise), Some(0));
}

#[test]
fn what_columns_cannot_express_is_kept_as_it_is() {
    let list = list(UNWRITABLE + 200);
    assert_eq!(list.get(UNWRITABLE).map(|element| element.value), Some(UNWRITABLE));
    assert!(list.from(0).map(|(_, element)| element.value).eq(0..UNWRITABLE + 200));
}

#[test]
fn a_list_is_the_same_after_it_was_stored() {
    let mut list = list(3000);
    list.drop_before(700);
    let stored = postcard::to_stdvec(&list).unwrap();
    let mut read: ChunkedList<Element> = postcard::from_bytes(&stored).unwrap();
    assert_eq!(read.missing(), 2048, "the large chunks are stored apart");
    assert_eq!((read.get(2000), read.next_number()), (None, 3000));
    assert!(read.from(2900).eq(list.from(2900)), "the newest elements need nothing else");
    for chunk in list.large_chunks(0) {
        read.put_back(chunk);
    }
    read.put_back(LargeChunk { first: 0, bytes: [9].into() });
    assert_eq!(read.missing(), 0);
    assert!(read == list);
    assert!(read.from(0).eq(list.from(0)));
    assert_eq!(list.large_chunks(1025).map(|chunk| chunk.first).collect::<Vec<_>>(), [1536, 2048]);
    assert_eq!(list.large_end(), 2560);
}
