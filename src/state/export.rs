//! Exports: all documents as one file of JSON lines, readable by people and by a damaged store's successor.
//!
//! The first line is `{"format":1,"revision":R}`, then one `{"key":…,"document":…}` per document (the document
//! as text, or under `base64` if it is none), and last `{"documents":N}`, without which the file is torn.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::data_folder::write_whole;
use super::{Document, Key, Revision};

/// How many exports are kept.
const KEPT: usize = 10;

/// What an export holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Export {
    /// The last commit that it knows.
    pub(super) revision: Revision,
    /// All documents, in key order.
    pub(super) documents: Vec<(Key, Document)>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    revision: Revision,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: Key,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Tail {
    documents: usize,
}

impl Export {
    fn to_text(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&Head { format: 1, revision: self.revision })?;
        for (key, document) in &self.documents {
            let (plain, base64) = match std::str::from_utf8(document) {
                Ok(plain) => (Some(plain.to_owned()), None),
                Err(_) => (None, Some(STANDARD.encode(document))),
            };
            text.push('\n');
            text.push_str(&serde_json::to_string(&Line { key: key.clone(), document: plain, base64 })?);
        }
        text.push('\n');
        text.push_str(&serde_json::to_string(&Tail { documents: self.documents.len() })?);
        text.push('\n');
        Ok(text)
    }

    /// Reads an export; the sentence of an error says what is wrong with it.
    fn from_text(text: &str) -> Result<Self, String> {
        let mut lines: Vec<&str> = text.lines().collect();
        let wrong = |error: serde_json::Error| error.to_string();
        let tail: Tail = serde_json::from_str(lines.pop().unwrap_or_default()).map_err(wrong)?;
        let mut lines = lines.into_iter();
        let head: Head = serde_json::from_str(lines.next().unwrap_or_default()).map_err(wrong)?;
        if head.format != 1 {
            return Err(format!("its format is {}, not 1", head.format));
        }
        let mut documents = Vec::new();
        for line in lines {
            let line: Line = serde_json::from_str(line).map_err(wrong)?;
            let document = match (line.document, line.base64) {
                (Some(text), None) => text.into_bytes(),
                (None, Some(text)) => STANDARD.decode(text).map_err(|error| error.to_string())?,
                _ => return Err(format!("the document {:?} has not exactly one form", line.key)),
            };
            documents.push((line.key, document));
        }
        if documents.len() != tail.documents {
            return Err(format!("it has {} documents and says that it has {}", documents.len(), tail.documents));
        }
        Ok(Export { revision: head.revision, documents })
    }

    /// Writes an export and removes the oldest ones; it is durable once this returns.
    pub(super) fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("state-{:020}.jsonl", self.revision));
        write_whole(&path, self.to_text()?.as_bytes())?;
        for old in files(folder)?.into_iter().skip(KEPT) {
            fs::remove_file(old)?;
        }
        Ok(path)
    }

    /// The newest export that can be read; torn or damaged ones are passed over, and the log says so.
    pub(super) fn newest(folder: &Path) -> Option<(PathBuf, Export)> {
        for path in files(folder).unwrap_or_default() {
            match fs::read_to_string(&path).map_err(|error| error.to_string()).and_then(|text| Export::from_text(&text))
            {
                Ok(export) => return Some((path, export)),
                Err(reason) => tracing::warn!(export = %path.display(), reason, "an export of the state is unreadable"),
            }
        }
        None
    }
}

/// The exports, newest first: their names sort by revision.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("state-") && name.ends_with(".jsonl") {
            files.push(path);
        }
    }
    files.sort_unstable_by(|left, right| right.cmp(left));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(revision: Revision) -> Export {
        let documents = vec![("a/1".into(), b"{\"schema\":1}".to_vec()), ("b\"\n".into(), vec![0, 0xff])];
        Export { revision, documents }
    }

    #[test]
    fn an_export_reads_back_as_it_was_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        for revision in 1..=13 {
            export(revision).write(folder.path()).unwrap();
        }
        let (_, newest) = Export::newest(folder.path()).unwrap();
        assert_eq!(newest, export(13));
        assert_eq!(files(folder.path()).unwrap().len(), KEPT);
    }

    #[test]
    fn a_torn_export_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        export(1).write(folder.path()).unwrap();
        let newest = export(2).write(folder.path()).unwrap();
        let text = fs::read_to_string(&newest).unwrap();
        for length in 0..text.len() - 1 {
            fs::write(&newest, &text[..length]).unwrap();
            assert_eq!(Export::newest(folder.path()).unwrap().1.revision, 1, "cut at {length}");
        }
    }
}
