use super::*;

/// x265, 320x180, Main 10, level 2.0, 24000/1001 frames per second, BT.2020 with PQ.
const SPS_HDR: &[u8] = &[
    0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3C, 0xA0,
    0x0A, 0x08, 0x0C, 0x1F, 0x3B, 0x65, 0x95, 0x91, 0x29, 0x30, 0xBC, 0x05, 0xA8, 0x48, 0x80, 0x48, 0x20, 0x00, 0x00,
    0x7D, 0x20, 0x00, 0x0B, 0xB8, 0x01,
];

/// MaxCLL 1000, MaxFALL 400; then the mastering display, each in its own NAL unit.
const SEI_LIGHT: &[u8] = &[0x4E, 0x01, 0x90, 0x04, 0x03, 0xE8, 0x01, 0x90, 0x80];
const SEI_DISPLAY: &[u8] = &[
    0x4E, 0x01, 0x89, 0x18, 0x33, 0xC2, 0x86, 0xC4, 0x1D, 0x4C, 0x0B, 0xB8, 0x84, 0xD0, 0x3E, 0x80, 0x3D, 0x13, 0x40,
    0x42, 0x00, 0x98, 0x96, 0x80, 0x00, 0x00, 0x03, 0x00, 0x32, 0x80,
];

fn config() -> HevcConfig {
    let mut brightness = BrightnessMessages::default();
    for sei in [SEI_LIGHT, SEI_DISPLAY] {
        assert!(!brightness.is_complete());
        read_brightness_messages(sei, &mut brightness);
    }
    HevcConfig::from_parameter_sets(vec![], vec![Bytes::from_static(SPS_HDR)], vec![], brightness).unwrap()
}

#[test]
fn a_configuration_says_size_rate_colour_and_codec() {
    let config = config();
    assert_eq!((config.width, config.height, config.frame_rate), (320, 180, Some((24_000, 1001))));
    assert_eq!((config.chroma_format, config.bit_depth_luma, config.bit_depth_chroma), (1, 10, 10));
    assert_eq!((config.temporal_layers, config.temporal_layers_nested), (1, true));
    assert_eq!(config.colour, Some(Colour { primaries: 9, transfer: 16, matrix: 9, full_range: false }));
    assert_eq!(config.rfc6381(), "hvc1.2.4.L60.90");
}

#[test]
fn the_brightness_comes_from_the_messages() {
    let config = config();
    assert_eq!(
        config.content_light_level,
        Some(ContentLightLevel { maximum_content: 1000, maximum_frame_average: 400 })
    );
    let display = config.mastering_display.unwrap();
    assert_eq!(display.primaries, [(13_250, 34_500), (7_500, 3_000), (34_000, 16_000)]);
    assert_eq!(display.white_point, (15_635, 16_450));
    assert_eq!((display.maximum_luminance, display.minimum_luminance), (10_000_000, 50));
}

#[test]
fn codec_strings_follow_the_examples_of_the_standard() {
    // ISO 14496-15 §E.3: Main, level 3.1, progressive, non-packed, frame only; Main 10 of the High tier.
    let mut config = config();
    config.profile = ProfileTierLevel {
        space: 0,
        high_tier: false,
        profile: 1,
        compatibility_flags: 0x6000_0000,
        constraint_flags: [0xB0, 0, 0, 0, 0, 0],
        level: 93,
    };
    assert_eq!(config.rfc6381(), "hvc1.1.6.L93.B0");
    config.profile = ProfileTierLevel { space: 1, high_tier: true, constraint_flags: [0; 6], ..config.profile };
    assert_eq!(config.rfc6381(), "hvc1.A1.6.H93");
    config.profile = ProfileTierLevel { constraint_flags: [0xB0, 0, 0x23, 0, 0, 0], ..config.profile };
    assert_eq!(config.rfc6381(), "hvc1.A1.6.H93.B0.0.23");
}

#[test]
fn every_truncated_parameter_set_is_an_error_and_no_panic() {
    for length in 0..SPS_HDR.len() - 4 {
        assert!(SequenceParameters::read(&SPS_HDR[..length]).is_err(), "length {length}");
    }
    assert_eq!(SequenceParameters::read_id(SPS_HDR), Some(0));
}

#[test]
fn flipped_bits_are_read_or_refused() {
    for at in 2..SPS_HDR.len() {
        for bit in 0..8 {
            let mut set = SPS_HDR.to_vec();
            set[at] ^= 1 << bit;
            let _ = SequenceParameters::read(&set);
        }
    }
}

#[test]
fn headers_tell_layers_slices_and_random_access_points() {
    let header = NalHeader::read(&[0x26, 0x01]).unwrap();
    assert_eq!((header.unit_type, header.layer), (19, 0));
    assert!(header.is_slice() && header.is_random_access_point());
    let other_layer = NalHeader::read(&[0x02, 0x09]).unwrap();
    assert_eq!((other_layer.unit_type, other_layer.layer), (1, 1));
    assert!(!other_layer.is_slice() && !other_layer.is_random_access_point());
    assert_eq!(NalHeader::read(&[0x02]), None);
}

#[test]
fn a_message_cut_off_says_nothing() {
    for length in 0..SEI_DISPLAY.len() - 2 {
        let mut found = BrightnessMessages::default();
        read_brightness_messages(&SEI_DISPLAY[..length], &mut found);
        assert_eq!(found, BrightnessMessages::default(), "length {length}");
    }
}
