//! Manifests as texts.

use http::StatusCode;
use openmediapackage::presentation::InputIndex;
use openmediapackage::resources::{HlsSettings, Packaging, PlaylistSettings, SegmentTemplateFormat};

use crate::encoder::{Encoder, Ladder};
use crate::house::{House, at, dash, endpoint, hls, playlist};

fn encoder(ladder: Ladder) -> Encoder {
    Encoder { ladder, input: InputIndex::First, first_time: 126_000, began: at(0), first_sequence: 0, generation: 1 }
}

fn muxed_25() -> Encoder {
    encoder(Ladder::muxed(3_600, 50, 48_000))
}

#[tokio::test]
async fn muxed_hls_lists_variants_and_combined_segments() {
    let house = House::new([endpoint("e", Packaging::Hls(hls()))]);
    let encoder = muxed_25();
    for n in 0..7 {
        house.push(&encoder, n).await;
    }
    assert_eq!(
        house.text("e", "live.m3u8").await,
        "#EXTM3U\n\
         #EXT-X-VERSION:3\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=320x180,FRAME-RATE=25.000,CODECS=\"avc1.64000D,mp4a.40.2\"\n\
         live_1.m3u8\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=320x180,FRAME-RATE=25.000,CODECS=\"avc1.64000D,mp4a.40.2\"\n\
         live_2.m3u8\n"
    );
    assert_eq!(
        house.text("e", "live_2.m3u8").await,
        "#EXTM3U\n\
         #EXT-X-VERSION:3\n\
         #EXT-X-TARGETDURATION:6\n\
         #EXT-X-MEDIA-SEQUENCE:1\n\
         #EXTINF:6.000,\n\
         live_2_1.ts?m=1790000000\n\
         #EXTINF:6.000,\n\
         live_2_2.ts?m=1790000000\n"
    );
}

#[tokio::test]
async fn an_audio_group_has_one_member_per_language_and_video_only_variants() {
    let settings = HlsSettings { use_audio_rendition_group: true, ..hls() };
    let house = House::new([endpoint("grouped", Packaging::Hls(settings)), endpoint("muxed", Packaging::Hls(hls()))]);
    let encoder = encoder(Ladder { languages: vec!["deu", "eng"], ..Ladder::muxed(3_600, 50, 48_000) });
    for n in 0..4 {
        house.push(&encoder, n).await;
    }
    assert_eq!(
        house.text("grouped", "live.m3u8").await,
        "#EXTM3U\n\
         #EXT-X-VERSION:3\n\
         #EXT-X-INDEPENDENT-SEGMENTS\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio_0\",CHANNELS=\"2\",NAME=\"Sound in deu\",LANGUAGE=\"deu\",DEFAULT=YES,AUTOSELECT=YES,URI=\"live_3_0.m3u8\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio_0\",CHANNELS=\"2\",NAME=\"Sound in eng\",LANGUAGE=\"eng\",DEFAULT=NO,AUTOSELECT=YES,URI=\"live_4_0.m3u8\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=320x180,FRAME-RATE=25.000,CODECS=\"avc1.64000D,mp4a.40.2\",AUDIO=\"audio_0\"\n\
         live_1.m3u8\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=320x180,FRAME-RATE=25.000,CODECS=\"avc1.64000D,mp4a.40.2\",AUDIO=\"audio_0\"\n\
         live_2.m3u8\n"
    );
    assert!(house.text("grouped", "live_4_0.m3u8").await.contains("\nlive_4_0_1.ts?m=1790000000\n"));
    assert!(!house.text("muxed", "live.m3u8").await.contains("EXT-X-MEDIA"));
    assert_eq!(house.get("/out/v1/muxed/live_4_0.m3u8").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn wall_clock_is_told_at_the_interval_and_after_a_break() {
    let settings = HlsSettings {
        playlist: PlaylistSettings { program_date_time_interval_seconds: 4, ..playlist(60) },
        segment_duration_seconds: 2,
        ..hls()
    };
    let house = House::new([endpoint("e", Packaging::Hls(settings))]);
    let encoder = muxed_25();
    for n in 0..3 {
        house.push(&encoder, n).await;
    }
    let again = Encoder { first_time: 900_000, began: at(20_000), generation: 2, ..encoder };
    for n in 0..2 {
        house.push(&again, n).await;
    }
    assert_eq!(
        house.text("e", "live_1.m3u8").await,
        "#EXTM3U\n\
         #EXT-X-VERSION:3\n\
         #EXT-X-TARGETDURATION:2\n\
         #EXT-X-MEDIA-SEQUENCE:1\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:0\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z\n\
         #EXTINF:2.000,\n\
         live_1_1.ts?m=1790000000\n\
         #EXTINF:2.000,\n\
         live_1_2.ts?m=1790000000\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:04.000Z\n\
         #EXTINF:2.000,\n\
         live_1_3.ts?m=1790000000\n\
         #EXT-X-DISCONTINUITY\n\
         #EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:20.000Z\n\
         #EXTINF:2.000,\n\
         live_1_4.ts?m=1790000000\n\
         #EXTINF:2.000,\n\
         live_1_5.ts?m=1790000000\n"
    );
}

#[tokio::test]
async fn a_missing_segment_is_a_gap_in_hls_and_a_period_of_its_own_in_dash() {
    let settings = HlsSettings { segment_duration_seconds: 2, ..hls() };
    let house = House::new([
        endpoint("h", Packaging::Hls(settings)),
        endpoint("d", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline))),
    ]);
    let encoder = muxed_25();
    for n in 0..10 {
        house.set_time(encoder.received(n)).await;
        if n == 0 {
            house.push_parent(&encoder).await;
        }
        house.push_stream(&encoder, 0, n).await;
        if n != 2 {
            house.push_stream(&encoder, 1, n).await;
        }
    }
    let playlist = house.text("h", "live_2.m3u8").await;
    assert!(playlist.contains("#EXT-X-GAP\n"), "{playlist}");
    assert!(playlist.ends_with("#EXTINF:2.000,\nlive_2_10.ts?m=1790000000\n"), "{playlist}");
    assert!(!playlist.ends_with("#EXT-X-GAP\nlive_2_10.ts?m=1790000000\n"), "the stream came back: {playlist}");
    assert_eq!(house.get("/out/v1/h/live_2_3.ts").await.status, StatusCode::NOT_FOUND);
    assert!(!house.text("h", "live_1.m3u8").await.contains("EXT-X-GAP"));
    let mpd = house.text("d", "live.mpd").await;
    let periods: Vec<&str> = mpd.split("<Period ").skip(1).collect();
    assert_eq!(periods.len(), 3, "{mpd}");
    let offers_second = periods.iter().map(|period| period.contains("<Representation id=\"3\""));
    assert_eq!(offers_second.collect::<Vec<_>>(), [true, false, true], "{mpd}");
    assert!(periods[0].contains("duration=\"PT4.000S\""), "{mpd}");
    assert!(periods[1].starts_with("start=\"PT4.000S\" id=\"3\""), "{mpd}");
}

#[tokio::test]
async fn a_dash_timeline_is_exact_at_29_97_pictures_and_44_1_kilohertz() {
    let house = House::new([endpoint("e", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithTimeline)))]);
    let encoder = encoder(Ladder { variants: 1, ..Ladder::muxed(3_003, 60, 44_100) });
    for n in 0..3 {
        house.push(&encoder, n).await;
    }
    let answer = house.get("/out/v1/e/live.mpd").await;
    assert_eq!(answer.header("x-mediapackage-manifest-last-sequence"), "3");
    assert_eq!(answer.header("x-mediapackage-manifest-last-updated"), "1800000006306");
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="201" type="dynamic" publishTime="2027-01-15T08:00:06.306Z" minimumUpdatePeriod="PT15S" availabilityStartTime="2027-01-15T08:00:00Z" minBufferTime="PT30S" suggestedPresentationDelay="PT25.000S" timeShiftBufferDepth="PT6.006S" profiles="urn:mpeg:dash:profile:isoff-live:2011">
<Period start="PT0.000S" id="1">
<AdaptationSet mimeType="video/mp4" segmentAlignment="true" subsegmentAlignment="true" startWithSAP="1" subsegmentStartsWithSAP="1" bitstreamSwitching="true">
<Representation id="1" width="320" height="180" frameRate="30000/1001" bandwidth="997589" codecs="avc1.64000D">
<SegmentTemplate timescale="30000" media="live_video_1_0_$Number$.mp4?m=1790000000" initialization="live_video_1_0_init.mp4?m=1790000000" startNumber="1" presentationTimeOffset="1800000">
<SegmentTimeline>
<S t="1800000" d="60060" r="2"/>
</SegmentTimeline>
</SegmentTemplate>
</Representation>
</AdaptationSet>
<AdaptationSet mimeType="audio/mp4" segmentAlignment="0">
<Label>audio</Label>
<Representation id="2" bandwidth="2411" audioSamplingRate="44100" codecs="mp4a.40.2">
<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
<SegmentTemplate timescale="44100" media="live_audio_2_0_$Number$.mp4?m=1790000000" initialization="live_audio_2_0_init.mp4?m=1790000000" startNumber="1" presentationTimeOffset="2646000">
<SegmentTimeline>
<S t="2646000" d="89088"/>
<S d="88064" r="1"/>
</SegmentTimeline>
</SegmentTemplate>
</Representation>
</AdaptationSet>
</Period>
</MPD>
"#;
    let squeezed: String = answer.text().lines().map(|line| format!("{}\n", line.trim_start())).collect();
    assert_eq!(squeezed, expected);
}

#[tokio::test]
async fn a_clocked_number_is_there_when_a_player_computes_it() {
    let house = House::new([endpoint("e", Packaging::Dash(dash(SegmentTemplateFormat::NumberWithDuration)))]);
    let encoder = encoder(Ladder { variants: 1, ..Ladder::muxed(1_500, 120, 44_100) });
    for n in 0..20 {
        house.push(&encoder, n).await;
        let mpd = house.text("e", "live.mpd").await;
        assert!(mpd.contains("availabilityStartTime=\"2027-01-15T07:59:02.300Z\""), "{mpd}");
        let template = "startNumber=\"1\" duration=\"120000\" presentationTimeOffset=\"0\"";
        assert!(mpd.contains(template) && mpd.contains("startNumber=\"1\" duration=\"88200\""), "{mpd}");
        // ISO 23009-1 §5.3.9.5.3: segment i (from 0) is available i + 1 durations after the start.
        let since_start = encoder.received(n).as_millisecond() - at(2_300 - 60_000).as_millisecond();
        let newest = since_start / 2_000;
        // The first 30 numbers are of the minute before the channel began.
        for number in 31..=newest {
            house.file("e", &format!("live_video_1_0_{number}.mp4")).await;
            house.file("e", &format!("live_audio_2_0_{number}.mp4")).await;
        }
    }
    assert_eq!(house.get("/out/v1/e/live_video_1_0_51.mp4").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_ended_channel_is_complete_in_both_formats() {
    let house = House::new([
        endpoint("h", Packaging::Hls(hls())),
        endpoint("d", Packaging::Dash(dash(SegmentTemplateFormat::TimeWithTimeline))),
    ]);
    let encoder = muxed_25();
    for n in 0..4 {
        house.push(&encoder, n).await;
    }
    house.text("d", "live.mpd").await;
    house.end(&encoder, 3).await;
    let playlist = house.text("h", "live_1.m3u8").await;
    assert!(playlist.ends_with("#EXTINF:2.000,\nlive_1_2.ts?m=1790000000\n#EXT-X-ENDLIST\n"), "{playlist}");
    let mpd = house.text("d", "live.mpd").await;
    assert!(mpd.contains("type=\"static\"") && mpd.contains("mediaPresentationDuration=\"PT8.000S\""), "{mpd}");
    assert!(!mpd.contains("availabilityStartTime"), "{mpd}");
    assert!(mpd.contains("live_video_1_0_$Time$.mp4"), "{mpd}");
    house.file("d", "live_video_1_0_1550000.mp4").await;
    assert_eq!(house.get("/out/v1/d/live_video_1_0_1550001.mp4").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_time_delay_holds_back_manifests_and_segments() {
    let settings = HlsSettings { segment_duration_seconds: 2, ..hls() };
    let mut delayed = endpoint("e", Packaging::Hls(settings));
    delayed.time_delay_seconds = 10;
    let house = House::new([delayed]);
    let encoder = muxed_25();
    for n in 0..4 {
        house.push(&encoder, n).await;
    }
    assert_eq!(house.get("/out/v1/e/live_1.m3u8").await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/out/v1/e/live_1_1.ts").await.status, StatusCode::NOT_FOUND);
    house.set_time(at(12_000)).await;
    assert!(house.text("e", "live_1.m3u8").await.ends_with("live_1_1.ts?m=1790000000\n"));
    house.file("e", "live_1_1.ts").await;
    assert_eq!(house.get("/out/v1/e/live_1_2.ts").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_restart_changes_no_url_and_no_number() {
    let house = House::new([endpoint("e", Packaging::Hls(HlsSettings { segment_duration_seconds: 2, ..hls() }))]);
    let encoder = muxed_25();
    for n in 0..5 {
        house.push(&encoder, n).await;
    }
    let before = (house.text("e", "live_1.m3u8").await, house.file("e", "live_1_3.ts").await);
    let house = house.restarted();
    assert_eq!((house.text("e", "live_1.m3u8").await, house.file("e", "live_1_3.ts").await), before);
    house.push(&encoder, 5).await;
    assert!(house.text("e", "live_1.m3u8").await.ends_with("live_1_6.ts?m=1790000000\n"));
}
