//! Ads and timed metadata, from messages in pushed segments to what players see.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use openmediapackage::media::scte35::{
    BreakDuration, SpliceCommand, SpliceEvent, SpliceInfoSection, SpliceInsert, SpliceMode,
};
use openmediapackage::presentation::{InputIndex, MessageKind, StoredMessage};
use openmediapackage::resources::{
    AdMarkers, AdSelection, DashSettings, HlsAds, HlsSettings, Packaging, PlaylistSettings, SegmentTemplateFormat,
};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, cmaf, dash, endpoint, hls, playlist};

const SECOND: u64 = 90_000;

/// A break of eight seconds.
fn out(event_id: u32) -> Bytes {
    splice_insert(event_id, true, Some(BreakDuration { auto_return: true, duration: 8 * SECOND }))
}

fn splice_insert(event_id: u32, out_of_network: bool, break_duration: Option<BreakDuration>) -> Bytes {
    let event = SpliceEvent {
        out_of_network,
        immediate: false,
        event_id_compliance_flag: true,
        mode: SpliceMode::Program { pts_time: Some(846_000) },
        break_duration,
        unique_program_id: 1,
        avail_num: 1,
        avails_expected: 1,
    };
    let insert = SpliceInsert { event_id, event: Some(event) };
    SpliceInfoSection::new(SpliceCommand::Insert(insert), Vec::new()).write().unwrap().into()
}

fn message(kind: MessageKind, seconds: u64, payload: Bytes) -> StoredMessage {
    StoredMessage { kind, stream_index: 0, wire_time: seconds * SECOND, payload }
}

/// One variant of segments of one second, with messages and ad tags.
fn encoder(messages: Vec<(u64, StoredMessage)>, ad_tags: Vec<(u64, &'static str)>) -> Encoder {
    let ladder = Ladder { variants: 1, messages, ad_tags, ..Ladder::muxed(3_600, 25, 48_000) };
    Encoder { ladder, input: InputIndex::First, first_time: 126_000, began: at(0), first_sequence: 0, generation: 1 }
}

/// An ad from 8 s to 16 s, announced four seconds ahead.
fn with_one_ad() -> Encoder {
    encoder(vec![(4, message(MessageKind::Scte35, 8, out(77)))], Vec::new())
}

fn marked(markers: AdMarkers) -> PlaylistSettings {
    PlaylistSettings { ads: HlsAds { markers, selection: AdSelection::new(None, None) }, ..playlist(60) }
}

async fn played(settings: PlaylistSettings, encoder: &Encoder, segments: u64) -> House {
    let house = House::new([endpoint("e", Packaging::Hls(HlsSettings { playlist: settings, ..hls() }))]);
    for n in 0..segments {
        house.push(encoder, n).await;
        // Somebody watches, so that segments are made one by one as in life.
        house.get("/out/v1/e/live_1.m3u8").await;
    }
    house
}

/// The playlist after its header, without the names of segments.
async fn lines(house: &House) -> String {
    let text = house.text("e", "live_1.m3u8").await;
    let lines = text.lines().skip_while(|line| !line.starts_with("#EXT-X-MEDIA-SEQUENCE")).skip(1);
    lines.filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn cue_tags_stand_at_the_cuts_and_the_cadence_goes_on() {
    let house = played(marked(AdMarkers::Scte35Enhanced), &with_one_ad(), 24).await;
    let section = STANDARD.encode(out(77));
    let expected = format!(
        "#EXTM3U\n\
         #EXT-X-VERSION:3\n\
         #EXT-X-TARGETDURATION:6\n\
         #EXT-X-MEDIA-SEQUENCE:1\n\
         #EXTINF:6.000,\n\
         live_1_1.ts?m=1790000000\n\
         #EXTINF:2.000,\n\
         live_1_2.ts?m=1790000000\n\
         #EXT-OATCLS-SCTE35:{section}\n\
         #EXT-X-CUE-OUT:8.000\n\
         #EXTINF:4.000,\n\
         live_1_3.ts?m=1790000000\n\
         #EXT-X-CUE-OUT-CONT:ElapsedTime=4.000,Duration=8.000,SCTE35={section}\n\
         #EXTINF:4.000,\n\
         live_1_4.ts?m=1790000000\n\
         #EXT-X-CUE-IN\n\
         #EXTINF:2.000,\n\
         live_1_5.ts?m=1790000000\n\
         #EXTINF:6.000,\n\
         live_1_6.ts?m=1790000000\n"
    );
    assert_eq!(house.text("e", "live_1.m3u8").await, expected);
    let house = house.restarted();
    assert_eq!(house.text("e", "live_1.m3u8").await, expected, "the journal tells the same");
    house.catalogue.update(|catalogue| {
        let settings = HlsSettings { playlist: marked(AdMarkers::Scte35Enhanced), ..hls() };
        catalogue.put_endpoint(endpoint("late", Packaging::Hls(settings)));
    });
    assert_eq!(house.text("late", "live_1.m3u8").await, expected, "an endpoint that is made later sees the same");
}

#[tokio::test]
async fn the_piece_before_an_ad_is_published_without_waiting() {
    let house = played(marked(AdMarkers::Scte35Enhanced), &with_one_ad(), 8).await;
    assert_eq!(lines(&house).await, "#EXTINF:6.000,\n#EXTINF:2.000,\n");
}

#[tokio::test]
async fn a_window_may_begin_within_a_break() {
    let settings = PlaylistSettings { window_seconds: 12, ..marked(AdMarkers::Scte35Enhanced) };
    let house = played(settings, &with_one_ad(), 24).await;
    let section = STANDARD.encode(out(77));
    assert_eq!(
        lines(&house).await,
        format!(
            "#EXT-X-CUE-OUT-CONT:ElapsedTime=4.000,Duration=8.000,SCTE35={section}\n#EXTINF:4.000,\n\
             #EXT-X-CUE-IN\n#EXTINF:2.000,\n#EXTINF:6.000,\n"
        )
    );
}

#[tokio::test]
async fn date_ranges_come_before_dates_and_are_repeated_at_the_top() {
    let settings = PlaylistSettings { program_date_time_interval_seconds: 60, ..marked(AdMarkers::DateRange) };
    let house = played(settings.clone(), &with_one_ad(), 24).await;
    let section = hex::encode_upper(out(77));
    let start = format!(
        "#EXT-X-DATERANGE:ID=\"77\",START-DATE=\"2027-01-15T08:00:08.000Z\",PLANNED-DURATION=8.000,SCTE35-OUT=0x{section}\n"
    );
    let end = "#EXT-X-DATERANGE:ID=\"77\",START-DATE=\"2027-01-15T08:00:08.000Z\",END-DATE=\"2027-01-15T08:00:16.000Z\",DURATION=8.000\n";
    assert_eq!(
        lines(&house).await,
        format!(
            "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z\n#EXTINF:6.000,\n#EXTINF:2.000,\n{start}#EXTINF:4.000,\n\
             #EXTINF:4.000,\n{end}#EXTINF:2.000,\n#EXTINF:6.000,\n"
        )
    );
    let short = played(PlaylistSettings { window_seconds: 12, ..settings }, &with_one_ad(), 24).await;
    assert_eq!(
        lines(&short).await,
        format!(
            "{start}#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:12.000Z\n#EXTINF:4.000,\n{end}#EXTINF:2.000,\n\
             #EXTINF:6.000,\n"
        )
    );
}

#[tokio::test]
async fn ad_tags_of_the_encoder_are_copied_where_they_stood() {
    let tags = vec![
        (2, "#EXT-OATCLS-SCTE35:/DAl"),
        (2, "#EXT-X-CUE-OUT:4"),
        (3, "#EXT-X-CUE-OUT-CONT:1/4"),
        (4, "#EXT-X-CUE-OUT-CONT:2/4"),
        (5, "#EXT-X-CUE-OUT-CONT:3/4"),
        (6, "#EXT-X-CUE-IN"),
    ];
    let encoder = encoder(vec![(0, message(MessageKind::Scte35, 3, out(77)))], tags);
    let house = played(marked(AdMarkers::Passthrough), &encoder, 12).await;
    assert_eq!(
        lines(&house).await,
        "#EXTINF:2.000,\n#EXT-OATCLS-SCTE35:/DAl\n#EXT-X-CUE-OUT:4\n#EXTINF:4.000,\n#EXT-X-CUE-IN\n#EXTINF:6.000,\n",
        "and nothing is made of SCTE-35 messages"
    );
    let house = played(marked(AdMarkers::None), &encoder, 12).await;
    assert_eq!(lines(&house).await, "#EXTINF:6.000,\n#EXTINF:6.000,\n");
}

#[tokio::test]
async fn new_settings_count_from_the_next_segment_on() {
    let encoder = encoder(
        vec![(1, message(MessageKind::Scte35, 2, out(1))), (12, message(MessageKind::Scte35, 14, out(2)))],
        Vec::new(),
    );
    let house = played(marked(AdMarkers::None), &encoder, 7).await;
    assert_eq!(lines(&house).await, "#EXTINF:6.000,\n");
    house.catalogue.update(|catalogue| {
        let settings = HlsSettings { playlist: marked(AdMarkers::Scte35Enhanced), ..hls() };
        catalogue.put_endpoint(endpoint("e", Packaging::Hls(settings)));
    });
    assert_eq!(lines(&house).await, "#EXTINF:6.000,\n", "what is published stays as it is");
    for n in 7..20 {
        house.push(&encoder, n).await;
    }
    let (first, second) = (STANDARD.encode(out(1)), STANDARD.encode(out(2)));
    assert_eq!(
        lines(&house).await,
        format!(
            "#EXTINF:6.000,\n#EXT-OATCLS-SCTE35:{first}\n#EXT-X-CUE-OUT:8.000\n#EXTINF:4.000,\n\
             #EXT-X-CUE-IN\n#EXTINF:2.000,\n#EXTINF:2.000,\n\
             #EXT-OATCLS-SCTE35:{second}\n#EXT-X-CUE-OUT:8.000\n#EXTINF:4.000,\n"
        )
    );
}

#[tokio::test]
async fn manifests_of_a_cmaf_endpoint_share_segments_and_mark_what_each_wants() {
    let manifests = [("plain", marked(AdMarkers::None)), ("cues", marked(AdMarkers::Scte35Enhanced))];
    let mut settings = cmaf(&manifests);
    settings.segment_duration_seconds = 6;
    let house = House::new([endpoint("e", Packaging::Cmaf(settings))]);
    let encoder = with_one_ad();
    for n in 0..18 {
        house.push(&encoder, n).await;
    }
    let plain = house.text("e", "plain/live_1.m3u8").await;
    let cues = house.text("e", "cues/live_1.m3u8").await;
    assert!(!plain.contains("CUE"), "{plain}");
    assert_eq!(cues.matches("#EXT-X-CUE").count(), 3, "{cues}");
    let segments =
        |text: &str| text.lines().filter(|line| line.starts_with("../")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(segments(&plain), segments(&cues));
}

/// Periods of an MPD: what stands before the first adaptation set, its in-band streams and its segment times.
fn periods(mpd: &str) -> Vec<Vec<String>> {
    let wanted = |line: &str| {
        ["<Period", "<Event", "<scte35:", "<InbandEventStream", "<S "].iter().any(|start| line.starts_with(start))
    };
    let video = |period: &str| period.split("</AdaptationSet>").next().unwrap_or_default().to_owned();
    mpd.split("<Period")
        .skip(1)
        .map(|period| {
            video(&format!("<Period{period}"))
                .lines()
                .map(str::trim)
                .filter(|line| wanted(line))
                .map(str::to_owned)
                .collect()
        })
        .collect()
}

#[tokio::test]
async fn ads_make_periods_with_events_in_the_manifest_and_in_the_segments() {
    let settings = DashSettings {
        ad_periods: Some(AdSelection::new(None, None)),
        ..dash(SegmentTemplateFormat::NumberWithTimeline)
    };
    let single = dash(SegmentTemplateFormat::NumberWithTimeline);
    let house = House::new([endpoint("ads", Packaging::Dash(settings)), endpoint("plain", Packaging::Dash(single))]);
    let encoder = with_one_ad();
    for n in 0..20 {
        house.push(&encoder, n).await;
    }
    let mpd = house.text("ads", "live.mpd").await;
    assert_eq!(
        periods(&mpd),
        [
            vec![
                "<Period start=\"PT0.000S\" id=\"1\" duration=\"PT8.000S\">",
                "<InbandEventStream schemeIdUri=\"urn:scte:scte35:2013:bin\"/>",
                "<S t=\"1500000\" d=\"50000\" r=\"3\"/>",
            ],
            vec![
                "<Period start=\"PT8.000S\" id=\"5\" duration=\"PT8.000S\">",
                "<EventStream timescale=\"90000\" schemeIdUri=\"urn:scte:scte35:2013:xml\">",
                "<Event duration=\"720000\" id=\"77\">",
                "<scte35:SpliceInfoSection xmlns:scte35=\"urn:scte:scte35:2013:xml\" protocolVersion=\"0\" ptsAdjustment=\"0\" tier=\"4095\">",
                "<scte35:SpliceInsert spliceEventId=\"77\" spliceEventCancelIndicator=\"false\" outOfNetworkIndicator=\"true\" spliceImmediateFlag=\"false\" uniqueProgramId=\"1\" availNum=\"1\" availsExpected=\"1\">",
                "<scte35:Program>",
                "<scte35:SpliceTime ptsTime=\"846000\"/>",
                "<scte35:BreakDuration autoReturn=\"true\" duration=\"720000\"/>",
                "<S t=\"1700000\" d=\"50000\" r=\"3\"/>",
            ],
            vec!["<Period start=\"PT16.000S\" id=\"9\">", "<S t=\"1900000\" d=\"50000\" r=\"1\"/>"],
        ]
    );
    assert!(mpd.contains("startNumber=\"9\" presentationTimeOffset=\"1900000\""), "{mpd}");
    let plain = house.text("plain", "live.mpd").await;
    assert_eq!(periods(&plain), [["<Period start=\"PT0.000S\" id=\"1\">", "<S t=\"1500000\" d=\"50000\" r=\"9\"/>"]]);

    // It comes in the segment with whose media it came, for the time of the ad: 60 s of head room and 8 s.
    let carrying = house.file("ads", "live_video_1_0_3.mp4").await;
    let position = find(&carrying, b"emsg").expect("the segment has an event message");
    let scheme = b"urn:scte:scte35:2013:bin\0\0";
    let fields = &carrying[position + 4..];
    assert_eq!(fields[..4], [1, 0, 0, 0], "version 1");
    assert_eq!(fields[4..8], 90_000u32.to_be_bytes());
    assert_eq!(fields[8..16], (68 * SECOND).to_be_bytes());
    assert_eq!(fields[24..24 + scheme.len()], *scheme);
    assert_eq!(fields[24 + scheme.len()..][..out(77).len()], out(77));
    assert!(position < find(&carrying, b"moof").unwrap(), "before the fragment");
    for (endpoint, name) in
        [("ads", "live_video_1_0_5.mp4"), ("ads", "live_audio_2_0_3.mp4"), ("plain", "live_video_1_0_3.mp4")]
    {
        assert!(find(&house.file(endpoint, name).await, b"emsg").is_none(), "{endpoint}/{name}");
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
