use super::*;

fn cue(start: u64, end: u64, text: &str) -> Cue {
    Cue { identifier: None, start, end, settings: String::new(), text: text.to_owned() }
}

#[test]
fn a_file_of_an_encoder_is_read() {
    let text = "\u{FEFF}WEBVTT - title\r\nX-TIMESTAMP-MAP=LOCAL:00:00:01.000,MPEGTS:900000\r\n\r\n\
        STYLE\r\n::cue { color: white }\r\n\r\nNOTE a comment\r\n\r\n\
        7\r\n00:01.000 --> 00:02.500  line:90% align:start \r\n<i>Hello</i>\r\nworld\r\n\r\n\r\n\
        01:00:00.000 --> 01:00:01.000\nlater";
    let file = WebVtt::read(text.as_bytes()).unwrap();
    assert_eq!(file.timestamp_map, Some(TimestampMap { mpegts: 900_000, local: 1_000 }));
    assert_eq!(file.definitions, ["STYLE\n::cue { color: white }"]);
    let first = Cue {
        identifier: Some("7".to_owned()),
        settings: "line:90% align:start".to_owned(),
        ..cue(1_000, 2_500, "<i>Hello</i>\nworld")
    };
    assert_eq!(file.cues, [first, cue(3_600_000, 3_601_000, "later")]);
    assert_eq!(WebVtt::read(file.to_text().as_bytes()), Ok(file));
}

#[test]
fn files_without_cues_or_map_are_files() {
    for text in ["WEBVTT", "WEBVTT\n\n", "WEBVTT\n\nNOTE nothing\n", "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:x\n\n"] {
        assert_eq!(WebVtt::read(text.as_bytes()), Ok(WebVtt::default()), "{text:?}");
    }
    assert_eq!(WebVtt::default().to_text(), "WEBVTT\n\n");
}

#[test]
fn what_is_no_cue_is_passed_over() {
    let text = "WEBVTT\n00:00.000 --> 00:01.000\nno blank line before\n00:01.000 --> 00:02.000\nnor here\n\n\
        00:02.000 --> 00:02.000\nends as it starts\n\n00:03 --> 00:04\nno milliseconds\n\nonly text\n";
    let file = WebVtt::read(text.as_bytes()).unwrap();
    assert_eq!(file.cues, [cue(0, 1_000, "no blank line before"), cue(1_000, 2_000, "nor here")]);
}

#[test]
fn another_file_is_refused() {
    for text in ["", "webvtt", "WEBVTTX", "1\n00:00:00,000 --> 00:00:01,000\nSubRip"] {
        assert_eq!(WebVtt::read(text.as_bytes()), Err(WebVttError::Signature));
    }
    assert!(WebVtt::read(b"WEBVTT\n\n00:00.000 --> 00:01.000\n\xFF").is_ok());
}

#[test]
fn a_map_beyond_33_bits_comes_round() {
    let text = format!("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{},LOCAL:00:00:00.000\n", (1u64 << 33) + 5);
    assert_eq!(WebVtt::read(text.as_bytes()).unwrap().timestamp_map, Some(TimestampMap { mpegts: 5, local: 0 }));
}
