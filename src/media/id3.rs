//! ID3v2 tags as HLS carries them: where a tag ends, and a tag with one private frame.

use bytes::Bytes;

/// Bytes of the tag header (ID3v2.4 §3.1): "ID3", version 2, flags 1, size 4 of 7 bits each.
const HEADER_SIZE: usize = 10;

/// The flag that a footer of as many bytes as the header follows.
const FOOTER_PRESENT: u8 = 0x10;

/// Length of the tag at the start of the bytes, header and footer included; `None` if there is none or it is cut off.
pub fn tag_size(bytes: &[u8]) -> Option<usize> {
    let [b'I', b'D', b'3', _, _, flags, size @ ..] = bytes else { return None };
    let size: &[u8; 4] = size.first_chunk()?;
    if size.iter().any(|byte| byte & 0x80 != 0) {
        return None;
    }
    let body = size.iter().fold(0usize, |size, byte| size << 7 | usize::from(*byte));
    let footer = if flags & FOOTER_PRESENT != 0 { HEADER_SIZE } else { 0 };
    Some(HEADER_SIZE + body + footer).filter(|size| *size <= bytes.len())
}

/// The whole tags at the start of the bytes, one after another.
pub fn tags(bytes: &Bytes) -> Vec<Bytes> {
    let mut tags = Vec::new();
    let mut rest = bytes.clone();
    while let Some(size) = tag_size(&rest) {
        tags.push(rest.split_to(size));
    }
    tags
}

/// An ID3v2.4 tag with one PRIV frame (§4.27); `None` if it were longer than a tag can be.
pub fn private_tag(owner: &str, data: &[u8]) -> Option<Bytes> {
    tag(b"PRIV", &[owner.as_bytes(), &[0], data])
}

/// `encoding` of text in UTF-8 (§4).
const UTF_8: u8 = 3;

/// An ID3v2.4 tag with one TXXX frame (§4.2.6); `None` if it were longer than a tag can be.
pub fn text_tag(description: &str, value: &str) -> Option<Bytes> {
    tag(b"TXXX", &[&[UTF_8], description.as_bytes(), &[0], value.as_bytes(), &[0]])
}

/// A tag with one frame.
fn tag(frame: &[u8; 4], body: &[&[u8]]) -> Option<Bytes> {
    let frame_size: usize = body.iter().map(|part| part.len()).sum();
    let mut tag = Vec::with_capacity(2 * HEADER_SIZE + frame_size);
    tag.extend_from_slice(b"ID3\x04\0\0");
    tag.extend_from_slice(&synchsafe(frame_size + HEADER_SIZE)?);
    tag.extend_from_slice(frame);
    tag.extend_from_slice(&synchsafe(frame_size)?);
    tag.extend_from_slice(&[0, 0]);
    for part in body {
        tag.extend_from_slice(part);
    }
    Some(tag.into())
}

/// 28 bits in four bytes of seven each (ID3v2.4 §6.2).
fn synchsafe(number: usize) -> Option<[u8; 4]> {
    let number = u32::try_from(number).ok().filter(|number| *number < 1 << 28)?;
    Some([21, 14, 7, 0].map(|shift| (number >> shift & 0x7F) as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_taken_one_after_another_and_junk_ends_the_row() {
        let first = private_tag("owner", &[7; 300]).unwrap();
        let second = Bytes::from_static(b"ID3\x04\0\x10\0\0\0\x013DI\x04\0\x10\0\0\0\x013");
        let row = Bytes::from([&first[..], &second[..], b"ID3\x04\0\0\0\0\0\x09cut"].concat());
        assert_eq!(first.len(), 10 + 10 + 6 + 300);
        assert_eq!(tags(&row), [first, second]);
    }

    #[test]
    fn a_text_tag_has_a_description_and_a_value() {
        let tag = text_tag("a", "bc").unwrap();
        assert_eq!(tag.as_ref(), b"ID3\x04\0\0\0\0\0\x10TXXX\0\0\0\x06\0\0\x03a\0bc\0");
        assert_eq!(tag_size(&tag), Some(tag.len()));
    }

    #[test]
    fn what_is_no_tag_has_no_size() {
        for bytes in [&b""[..], b"ID3", b"ID3\x04\0\0\0\0\0", b"TAG\x04\0\0\0\0\0\0", b"ID3\x04\0\0\x80\0\0\0"] {
            assert_eq!(tag_size(bytes), None, "{bytes:?}");
        }
        assert_eq!(tag_size(b"ID3\x04\0\0\0\0\0\0"), Some(10));
    }
}
