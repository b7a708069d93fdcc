//! A folder with an HLS presentation as a live source: its segments become due as fast as they play.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::playlist::date_time;
use super::round::{LiveSource, Round, Upload, UploadBody};

/// Segments in a child playlist.
const WINDOW_SEGMENTS: u64 = 6;

/// No playlist that is pushed live is larger.
const LARGEST_PLAYLIST: u64 = 16 << 20;

/// Why a folder cannot be pushed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or the folder cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// What was read.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// A playlist is too large to be one.
    #[error("{path} has {size} bytes, more than the {LARGEST_PLAYLIST} that a playlist may have")]
    TooLarge {
        /// The playlist.
        path: PathBuf,
        /// Its bytes.
        size: u64,
    },
    /// No playlist of the folder names variants.
    #[error("{0} has no parent playlist: no .m3u8 file in it has EXT-X-STREAM-INF")]
    NoParent(PathBuf),
    /// Several do.
    #[error("{0} has more than one parent playlist: {1} and {2}")]
    SeveralParents(PathBuf, String, String),
    /// A playlist names a file that is not in the folder itself; ingest knows no folders.
    #[error("{playlist} names {uri:?}, which is not a file in the same folder")]
    Elsewhere {
        /// File name of the playlist.
        playlist: String,
        /// The URI.
        uri: String,
    },
    /// A child playlist has no segment, or segments of no duration.
    #[error("{0} has no segments with a duration")]
    Empty(String),
    /// A child playlist has a tag for something that ingest does not take.
    #[error("{playlist} has {tag}, which cannot be pushed")]
    Unsupported {
        /// File name of the playlist.
        playlist: String,
        /// The tag.
        tag: String,
    },
    /// A duration is not a number of seconds.
    #[error("{playlist} has a segment of the duration {duration:?}")]
    Duration {
        /// File name of the playlist.
        playlist: String,
        /// What it says.
        duration: String,
    },
}

/// One segment of a child playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    uri: String,
    /// From the presentation's beginning.
    start: Duration,
    duration: Duration,
    /// Its tags other than those that are made anew, as they are, each with its line end.
    tags: String,
}

impl Segment {
    fn end(&self) -> Duration {
        self.start.saturating_add(self.duration)
    }

    fn is_marked_discontinuous(&self) -> bool {
        self.tags.lines().any(|tag| tag == "#EXT-X-DISCONTINUITY")
    }
}

/// A child playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Child {
    name: String,
    /// Never empty.
    segments: Vec<Segment>,
}

impl Child {
    /// How many of the first `count` segments, over all passes, begin with a discontinuity: those marked so, and
    /// the first of every pass but the first.
    fn discontinuities_before(&self, count: u64) -> u64 {
        let marked = |count: usize| {
            self.segments.iter().take(count).skip(1).filter(|segment| segment.is_marked_discontinuous()).count() as u64
        };
        let length = self.segments.len().max(1);
        let (passes, rest) = (count / length as u64, (count % length as u64) as usize);
        let passes_begun = passes + u64::from(rest > 0);
        let unmarked_start = passes_begun > 0 && !self.segments.iter().take(1).any(Segment::is_marked_discontinuous);
        passes.saturating_mul(marked(length)) + marked(rest) + passes_begun - u64::from(unmarked_start)
    }
}

/// A folder's presentation, begun at one moment, once or again and again.
#[derive(Debug)]
pub struct FolderSource {
    folder: PathBuf,
    parent: String,
    children: Vec<Child>,
    /// The moments at which segments end, each a round. Never empty.
    ends: Vec<Duration>,
    started_at: Duration,
    repeats: bool,
}

impl FolderSource {
    /// Reads the playlists of `folder`; its first segment begins at `started_at` (since the Unix epoch), and with
    /// `repeats` the first follows the last behind an `EXT-X-DISCONTINUITY`.
    pub fn open(folder: &Path, started_at: Duration, repeats: bool) -> Result<Self, FolderError> {
        let parent_text = find_parent(folder)?;
        let (parent, names) = read_parent(&parent_text)?;
        let mut children = Vec::new();
        for name in names {
            let text = read_playlist(&folder.join(&name))?;
            children.push(read_child(name, &text)?);
        }
        let ends: BTreeSet<Duration> =
            children.iter().flat_map(|child| &child.segments).map(|segment| segment.end()).collect();
        if ends.is_empty() {
            return Err(FolderError::NoParent(folder.to_owned()));
        }
        let ends = ends.into_iter().collect();
        Ok(FolderSource { folder: folder.to_owned(), parent, children, ends, started_at, repeats })
    }

    /// Length of the presentation.
    pub fn duration(&self) -> Duration {
        self.ends.last().copied().unwrap_or_default()
    }

    /// When a pass begins, since the Unix epoch.
    fn pass_start(&self, pass: u64) -> Duration {
        let pass = u32::try_from(pass).unwrap_or(u32::MAX);
        self.started_at.saturating_add(self.duration().saturating_mul(pass))
    }

    /// The child playlist when `known` segments of pass `pass` are there.
    fn child_playlist(&self, child: &Child, pass: u64, known: u64) -> String {
        let length = child.segments.len() as u64;
        let next = pass.saturating_mul(length).saturating_add(known);
        let oldest = next.saturating_sub(WINDOW_SEGMENTS);
        let target = child.segments.iter().map(|segment| segment.duration).max().unwrap_or_default();
        let gone = child.discontinuities_before(oldest);
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{oldest}\n\
             #EXT-X-DISCONTINUITY-SEQUENCE:{gone}\n",
            (target + Duration::from_millis(500)).as_secs().max(1)
        );
        for number in oldest..next {
            let (pass, position) = (number / length, number % length);
            let Some(segment) = child.segments.get(position as usize) else { continue };
            if position == 0 && pass > 0 && !segment.is_marked_discontinuous() {
                text.push_str("#EXT-X-DISCONTINUITY\n");
            }
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{}#EXT-X-PROGRAM-DATE-TIME:{}\n#EXTINF:{:.6},\n{}\n",
                segment.tags,
                date_time(self.pass_start(pass).saturating_add(segment.start)),
                segment.duration.as_secs_f64(),
                name_in_pass(&segment.uri, pass)
            );
        }
        if !self.repeats && known == length {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        text
    }
}

impl LiveSource for FolderSource {
    fn newest_due(&self, now: Duration) -> Option<u64> {
        let since_start = now.checked_sub(self.started_at)?;
        let length = self.duration().as_nanos().max(1);
        let pass = u64::try_from(since_start.as_nanos() / length).ok()?;
        let pass = if self.repeats { pass } else { pass.min(1) };
        let in_pass = now.saturating_sub(self.pass_start(pass));
        let due = self.ends.partition_point(|end| *end <= in_pass) as u64;
        let due = if !self.repeats && pass == 1 { 0 } else { due };
        (pass.saturating_mul(self.ends.len() as u64).saturating_add(due)).checked_sub(1)
    }

    fn round(&self, number: u64) -> Option<Round> {
        let rounds = self.ends.len() as u64;
        let pass = number / rounds;
        if pass > 0 && !self.repeats {
            return None;
        }
        let end = *self.ends.get((number % rounds) as usize)?;
        let mut segments = Vec::new();
        let mut playlists = Vec::new();
        for child in &self.children {
            let known = child.segments.partition_point(|segment| segment.end() <= end);
            let Some(newest) = known.checked_sub(1).and_then(|newest| child.segments.get(newest)) else { continue };
            if newest.end() != end {
                continue;
            }
            segments.push(Upload {
                name: name_in_pass(&newest.uri, pass),
                content_type: content_type(&newest.uri),
                body: UploadBody::File(self.folder.join(&newest.uri)),
            });
            playlists.push(Upload::playlist(child.name.clone(), self.child_playlist(child, pass, known as u64)));
        }
        segments.append(&mut playlists);
        let due = self.pass_start(pass).saturating_add(end);
        Some(Round { due, uploads: segments, parent: self.parent.clone().into() })
    }

    fn window_rounds(&self) -> u64 {
        let fewest = self.children.iter().map(|child| child.segments.len()).min().unwrap_or(1).max(1);
        (WINDOW_SEGMENTS * self.ends.len() as u64).div_ceil(fewest as u64)
    }

    fn first_round(&self) -> u64 {
        0
    }
}

/// Names are given once only: a later pass has its number in them.
fn name_in_pass(uri: &str, pass: u64) -> String {
    match (pass, uri.rsplit_once('.')) {
        (0, _) => uri.to_owned(),
        (_, Some((stem, extension))) => format!("{stem}-again{pass}.{extension}"),
        (_, None) => format!("{uri}-again{pass}"),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("aac") => "audio/aac",
        Some("ac3") => "audio/ac3",
        Some("ec3") => "audio/eac3",
        Some("vtt") => "text/vtt",
        _ => "video/mp2t",
    }
}

fn read_playlist(path: &Path) -> Result<String, FolderError> {
    let unreadable = |reason| FolderError::Unreadable { path: path.to_owned(), reason };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST_PLAYLIST {
        return Err(FolderError::TooLarge { path: path.to_owned(), size });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// The text of the one playlist that names variants.
fn find_parent(folder: &Path) -> Result<String, FolderError> {
    let unreadable = |reason| FolderError::Unreadable { path: folder.to_owned(), reason };
    let mut found: Option<(String, String)> = None;
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|extension| extension != "m3u8") {
            continue;
        }
        let text = read_playlist(&path)?;
        if !text.contains("#EXT-X-STREAM-INF") {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some((first, _)) = found {
            return Err(FolderError::SeveralParents(folder.to_owned(), first, name));
        }
        found = Some((name, text));
    }
    found.map(|(_, text)| text).ok_or_else(|| FolderError::NoParent(folder.to_owned()))
}

/// The parent playlist as it is pushed, and the child playlists that it names. I-frame playlists are left out:
/// the packager makes its own.
fn read_parent(text: &str) -> Result<(String, Vec<String>), FolderError> {
    let mut kept = String::with_capacity(text.len());
    let mut children: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("#EXT-X-I-FRAME-STREAM-INF") {
            continue;
        }
        kept.push_str(line);
        kept.push('\n');
        let uri = if line.starts_with("#EXT-X-MEDIA:") {
            line.split_once("URI=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(uri, _)| uri)
        } else {
            Some(line).filter(|line| !line.starts_with('#'))
        };
        if let Some(uri) = uri {
            check_is_sibling("the parent playlist", uri)?;
            if !children.iter().any(|known| known == uri) {
                children.push(uri.to_owned());
            }
        }
    }
    Ok((kept, children))
}

fn read_child(name: String, text: &str) -> Result<Child, FolderError> {
    /// Tags of the whole playlist, and those that are made anew for each segment.
    const MADE_ANEW: [&str; 9] = [
        "#EXTM3U",
        "#EXT-X-VERSION",
        "#EXT-X-TARGETDURATION",
        "#EXT-X-MEDIA-SEQUENCE",
        "#EXT-X-DISCONTINUITY-SEQUENCE",
        "#EXT-X-PLAYLIST-TYPE",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-PROGRAM-DATE-TIME",
        "#EXT-X-ENDLIST",
    ];
    const UNSUPPORTED: [&str; 3] = ["#EXT-X-KEY", "#EXT-X-MAP", "#EXT-X-BYTERANGE"];
    let mut segments = Vec::new();
    let mut start = Duration::ZERO;
    let mut duration = Duration::ZERO;
    let mut tags = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let tag = line.split(':').next().unwrap_or_default();
        if let Some(value) = line.strip_prefix("#EXTINF:") {
            let seconds = value.split(',').next().unwrap_or_default().trim();
            let parsed = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            let wrong = || FolderError::Duration { playlist: name.clone(), duration: seconds.to_owned() };
            duration = parsed.filter(|duration| *duration < Duration::from_secs(86_400)).ok_or_else(wrong)?;
        } else if UNSUPPORTED.contains(&tag) && !line.contains("METHOD=NONE") {
            return Err(FolderError::Unsupported { playlist: name, tag: tag.trim_start_matches('#').to_owned() });
        } else if line.starts_with('#') {
            if !MADE_ANEW.contains(&tag) {
                tags.push_str(line);
                tags.push('\n');
            }
        } else if !duration.is_zero() {
            check_is_sibling(&name, line)?;
            segments.push(Segment { uri: line.to_owned(), start, duration, tags: std::mem::take(&mut tags) });
            start = start.saturating_add(duration);
            duration = Duration::ZERO;
        }
    }
    if segments.is_empty() { Err(FolderError::Empty(name)) } else { Ok(Child { name, segments }) }
}

fn check_is_sibling(playlist: &str, uri: &str) -> Result<(), FolderError> {
    let is_name = !uri.contains(['/', '\\', '?', '\0']) && uri != "." && uri != "..";
    let elsewhere = || FolderError::Elsewhere { playlist: playlist.to_owned(), uri: uri.to_owned() };
    if is_name { Ok(()) } else { Err(elsewhere()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"e\",URI=\"audio.m3u8\"\n\
                          #EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO=\"a\"\nvideo.m3u8\n";
    const VIDEO: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nv0.ts\n#EXT-X-CUE-OUT:4\n#EXTINF:2.0,\nv1.ts\n#EXTINF:1,\nv2.ts\n#EXT-X-ENDLIST\n";
    const AUDIO: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na0.aac\n#EXTINF:3,\na1.aac\n";

    fn folder(video: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("master.m3u8"), PARENT).unwrap();
        std::fs::write(folder.path().join("video.m3u8"), video).unwrap();
        std::fs::write(folder.path().join("audio.m3u8"), AUDIO).unwrap();
        folder
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_700_000_000 + seconds)
    }

    fn names(round: &Round) -> Vec<&str> {
        round.uploads.iter().map(|upload| upload.name.as_str()).collect()
    }

    fn text(round: &Round, name: &str) -> String {
        let upload = round.uploads.iter().find(|upload| upload.name == name).unwrap();
        let UploadBody::Bytes(bytes) = &upload.body else { panic!("a playlist is made in memory") };
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn segments_are_due_when_they_have_played() {
        let folder = folder(VIDEO);
        let source = FolderSource::open(folder.path(), at(0), false).unwrap();
        assert_eq!(source.newest_due(at(1)), None);
        assert_eq!(source.newest_due(at(2)), Some(0));
        assert_eq!(source.newest_due(at(1_000)), Some(2));
        assert_eq!(names(&source.round(0).unwrap()), ["a0.aac", "v0.ts", "audio.m3u8", "video.m3u8"]);
        assert_eq!(names(&source.round(1).unwrap()), ["v1.ts", "video.m3u8"]);
        let last = source.round(2).unwrap();
        assert_eq!((last.due, names(&last)), (at(5), vec!["a1.aac", "v2.ts", "audio.m3u8", "video.m3u8"]));
        assert_eq!(source.round(3), None);
        assert_eq!(
            text(&last, "video.m3u8"),
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n\
             #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z\n#EXTINF:2.000000,\nv0.ts\n\
             #EXT-X-CUE-OUT:4\n#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z\n#EXTINF:2.000000,\nv1.ts\n\
             #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.000Z\n#EXTINF:1.000000,\nv2.ts\n#EXT-X-ENDLIST\n"
        );
        assert_eq!(last.parent, PARENT);
    }

    #[test]
    fn a_repeated_folder_goes_on_behind_a_discontinuity() {
        let folder = folder(VIDEO);
        let source = FolderSource::open(folder.path(), at(0), true).unwrap();
        assert_eq!(source.newest_due(at(6)), Some(2));
        assert_eq!(source.newest_due(at(7)), Some(3));
        let second_pass = source.round(3).unwrap();
        assert_eq!(second_pass.due, at(7));
        let playlist = text(&second_pass, "video.m3u8");
        let tail = "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:25.000Z\n#EXTINF:2.000000,\nv0-again1.ts\n";
        assert!(playlist.ends_with(tail), "{playlist}");
        // Six segments on, the first discontinuity has left the playlist when its segment has.
        let later = text(&source.round(9).unwrap(), "video.m3u8");
        assert!(later.contains("#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), "{later}");
    }

    #[test]
    fn discontinuities_that_left_the_playlist_are_counted() {
        let marked = read_child("v".to_owned(), "#EXTINF:1,\na\n#EXT-X-DISCONTINUITY\n#EXTINF:1,\nb\n").unwrap();
        assert_eq!([0, 1, 2, 3, 4, 5].map(|count| marked.discontinuities_before(count)), [0, 0, 1, 2, 3, 4]);
        let plain = read_child("v".to_owned(), "#EXTINF:1,\na\n#EXTINF:1,\nb\n").unwrap();
        assert_eq!([0, 1, 2, 3, 4, 5].map(|count| plain.discontinuities_before(count)), [0, 0, 0, 1, 1, 2]);
    }

    #[test]
    fn what_cannot_be_pushed_is_refused_with_its_reason() {
        let refused = |video: &str| FolderSource::open(folder(video).path(), at(0), false).unwrap_err().to_string();
        assert!(refused("#EXTINF:2,\n../v.ts\n").contains("not a file in the same folder"));
        assert!(refused("#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:2,\nv.m4s\n").contains("EXT-X-MAP"));
        assert!(refused("#EXTINF:-2,\nv.ts\n").contains("\"-2\""));
        assert!(refused("#EXTINF:NaN,\nv.ts\n").contains("NaN"));
        assert!(refused("#EXTM3U\n").contains("no segments"));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(FolderSource::open(empty.path(), at(0), false), Err(FolderError::NoParent(_))));
    }
}
