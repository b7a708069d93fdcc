//! Imports point downwards: every `crate::` path is held against the map in `src/lib.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads the map of the crate: room → floor.
fn floors() -> BTreeMap<String, u32> {
    let map = fs::read_to_string("src/lib.rs").expect("src/lib.rs is readable");
    let mut floors = BTreeMap::new();
    for line in map.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let mut cells = line.split('|').map(str::trim);
        let (Some(floor), Some(rooms)) = (cells.next(), cells.next()) else { continue };
        let floor = if floor == "side" { Some(0) } else { floor.parse().ok() };
        let Some(floor) = floor else { continue };
        for room in rooms.split(',') {
            floors.insert(room.trim().trim_matches('`').to_owned(), floor);
        }
    }
    floors
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the source folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every room that a file names as `crate::room`, also inside `use crate::{a, b}`.
fn rooms_named(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for rest in line.split("crate::").skip(1) {
            let heads: Vec<&str> = match rest.strip_prefix('{') {
                Some(list) => list.split(',').collect(),
                None => vec![rest],
            };
            for head in heads {
                let room: String =
                    head.trim().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                rooms.push(room);
            }
        }
    }
    rooms
}

#[test]
fn imports_point_downwards() {
    let floors = floors();
    assert!(floors.len() > 10, "the map in src/lib.rs was read: {floors:?}");
    let mut files = Vec::new();
    rust_files(Path::new("src"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix("src").expect("the file is below src");
        let first = inside.iter().next().expect("the path has a part").to_string_lossy();
        let own_room = first.trim_end_matches(".rs").to_owned();
        if own_room == "lib" || own_room == "main" {
            continue;
        }
        let Some(own_floor) = floors.get(&own_room) else {
            wrong.push(format!("{} is in a room that the map does not have", file.display()));
            continue;
        };
        for room in rooms_named(&fs::read_to_string(&file).expect("the file is readable")) {
            let Some(floor) = floors.get(&room) else { continue };
            if room != own_room && floor >= own_floor {
                wrong.push(format!("{}: {own_room} (floor {own_floor}) names {room} (floor {floor})", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_one_room_knows_each_foreign_engine() {
    let owners = [
        ("sled::", "src/state"),
        ("object_store::", "src/media_store"),
        ("mp4_atom::", "src/media/mp4"),
        ("aws_sigv4::", "src/api/aws"),
        ("utoipa::", "src/api"),
        ("utoipa_axum::", "src/api"),
    ];
    let mut files = Vec::new();
    rust_files(Path::new("src"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("the file is readable");
        for (engine, owner) in owners {
            assert!(
                file.starts_with(owner) || !text.contains(engine),
                "{} names {engine}, which only {owner} may",
                file.display()
            );
        }
    }
}
