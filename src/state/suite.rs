//! One suite of properties, run against every implementation: each behaves like the plainest model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{
    CommitError, Document, DocumentStore, Key, MemoryStore, Precondition, Revision, SledSettings, SledStore, Write,
};

/// The model: a map, and every write with its revision.
#[derive(Default)]
struct Model {
    documents: BTreeMap<Key, Document>,
    written: Vec<(Revision, Write)>,
    revision: Revision,
}

impl Model {
    fn commit(&mut self, preconditions: &[Precondition], writes: &[Write]) -> Result<Revision, usize> {
        let count = |prefix: &str| self.documents.keys().filter(|key| key.starts_with(prefix)).count();
        let broken = preconditions.iter().position(|precondition| match precondition {
            Precondition::Absent(key) => self.documents.contains_key(key),
            Precondition::Present(key) => !self.documents.contains_key(key),
            Precondition::Unchanged(key, document) => self.documents.get(key) != Some(document),
            Precondition::NoneWithPrefix(prefix) => count(prefix) > 0,
            Precondition::FewerThan(prefix, limit) => count(prefix) >= *limit,
        });
        if let Some(index) = broken {
            return Err(index);
        }
        self.revision += 1;
        for write in writes {
            match write.clone() {
                Write::Put(key, document) => self.documents.insert(key, document),
                Write::Delete(key) => self.documents.remove(&key),
            };
            self.written.push((self.revision, write.clone()));
        }
        Ok(self.revision)
    }
}

/// Few keys with common beginnings, so that commits meet.
fn key() -> impl Strategy<Value = Key> {
    "[ab]/[ab]{0,2}".prop_map(Key::from)
}

fn document() -> impl Strategy<Value = Document> {
    prop_oneof![Just(b"{}".to_vec()), Just(vec![0xff]), Just(vec![b'x'; 3000]), Just(Vec::new())]
}

fn precondition() -> impl Strategy<Value = Precondition> {
    prop_oneof![
        key().prop_map(Precondition::Absent),
        key().prop_map(Precondition::Present),
        (key(), document()).prop_map(|(key, document)| Precondition::Unchanged(key, document)),
        "[ab]/?[ab]?".prop_map(Precondition::NoneWithPrefix),
        ("[ab]?/?", 0..6usize).prop_map(|(prefix, limit)| Precondition::FewerThan(prefix, limit)),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => (key(), document()).prop_map(|(key, document)| Write::Put(key, document)),
        1 => key().prop_map(Write::Delete),
    ]
}

type Step = (Vec<Precondition>, Vec<Write>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (prop::collection::vec(precondition(), 0..3), prop::collection::vec(write(), 0..4));
    prop::collection::vec(step, 1..30)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// Runs the steps on store and model; both must say the same all along.
fn behaves_like_the_model(store: &dyn DocumentStore, steps: &[Step]) -> Result<Model, TestCaseError> {
    let runtime = runtime();
    let mut model = Model::default();
    for (preconditions, writes) in steps {
        let outcome = runtime.block_on(store.commit(preconditions.clone(), writes.clone()));
        let outcome = outcome.map_err(|error| match error {
            CommitError::PreconditionFailed(index) => index,
            CommitError::Store(error) => panic!("{error}"),
        });
        prop_assert_eq!(outcome, model.commit(preconditions, writes));
        holds_what_the_model_holds(store, &model)?;
        for since in 0..=model.revision {
            let changes = store.changes(since).unwrap().expect("so few changes are all remembered");
            let changes: Vec<_> = changes.into_iter().map(|change| (change.revision, change.write)).collect();
            let expected: Vec<_> = model.written.iter().filter(|(revision, _)| *revision > since).cloned().collect();
            prop_assert_eq!(changes, expected);
        }
        prop_assert_eq!(store.changes(model.revision + 1).unwrap(), None);
    }
    Ok(model)
}

fn holds_what_the_model_holds(store: &dyn DocumentStore, model: &Model) -> Result<(), TestCaseError> {
    for prefix in ["", "a", "a/", "a/a", "b/b"] {
        let found = store.scan(prefix).unwrap();
        let expected: Vec<_> = model.documents.clone().into_iter().filter(|(key, _)| key.starts_with(prefix)).collect();
        prop_assert_eq!(found, expected);
    }
    for key in ["a/", "a/a", "b/ab", "c/"] {
        prop_assert_eq!(store.get(key).unwrap(), model.documents.get(key).cloned());
    }
    Ok(())
}

/// Two commits that exclude each other never both happen, whatever runs at once.
fn only_one_of_many_wins(store: Arc<dyn DocumentStore>) {
    runtime().block_on(async {
        for round in 0..20 {
            let contenders: Vec<_> = (0..16)
                .map(|number| {
                    let store = Arc::clone(&store);
                    tokio::spawn(async move {
                        let key = format!("race/{round}");
                        let preconditions = vec![Precondition::Absent(key.clone())];
                        store.commit(preconditions, vec![Write::Put(key, vec![number])]).await.is_ok()
                    })
                })
                .collect();
            let mut winners = 0;
            for contender in contenders {
                winners += usize::from(contender.await.unwrap());
            }
            assert_eq!(winners, 1);
        }
        let counted = (0..64).map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let preconditions = vec![Precondition::FewerThan("quota/".into(), 10)];
                store.commit(preconditions, vec![Write::Put(format!("quota/{number}"), vec![])]).await.is_ok()
            })
        });
        for contender in counted.collect::<Vec<_>>() {
            contender.await.unwrap();
        }
        assert_eq!(store.scan("quota/").unwrap().len(), 10);
    });
}

#[test]
fn memory_excludes_what_excludes_each_other() {
    only_one_of_many_wins(Arc::new(MemoryStore::new()));
}

#[test]
fn sled_excludes_what_excludes_each_other() {
    let folder = tempfile::tempdir().unwrap();
    only_one_of_many_wins(Arc::new(SledStore::open(folder.path(), SledSettings::default()).unwrap()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn memory_behaves_like_the_model(steps in steps()) {
        behaves_like_the_model(&MemoryStore::new(), &steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn sled_behaves_like_the_model_and_is_the_same_after_reopening(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let settings = SledSettings { export_after_commits: 3, export_after: Duration::from_millis(5), ..Default::default() };
        let store = SledStore::open(folder.path(), settings).unwrap();
        let model = behaves_like_the_model(&store, &steps)?;
        drop(store);
        let reopened = SledStore::open(folder.path(), settings).unwrap();
        holds_what_the_model_holds(&reopened, &model)?;
        prop_assert_eq!(reopened.changes(model.revision).unwrap(), Some(vec![]));
        drop(reopened);
        // The export alone is enough to get everything back.
        std::fs::remove_dir_all(folder.path().join("sled")).unwrap();
        let restored = SledStore::open(folder.path(), settings).unwrap();
        holds_what_the_model_holds(&restored, &model)?;
    }
}

/// Run by `cargo test --release commits_per_second -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a property"]
fn durable_commits_per_second() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let store = Arc::new(SledStore::open(folder.path(), SledSettings::default()).unwrap());
    let (callers, each) = (16, 1000);
    let began = std::time::Instant::now();
    runtime().block_on(async {
        let tasks = (0..callers).map(|caller| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0..each {
                    let key = format!("live/000000000000/us-east-1/channels/{caller}-{number}");
                    let preconditions =
                        vec![Precondition::Absent(key.clone()), Precondition::FewerThan("quota/".into(), 30)];
                    store.commit(preconditions, vec![Write::Put(key, vec![b'x'; 2000])]).await.unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    println!("{:.0} durable commits per second with {callers} callers", f64::from(callers * each) / seconds);
}
