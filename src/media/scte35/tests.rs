use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// A section whose text is in base64. What the tests expect of the samples is what threefive 3.1.5 reads in them.
fn section(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

const PLACEMENT_START: &str = "/DA0AAAAAAAA///wBQb+cr0AUAAeAhxDVUVJSAAAjn/PAAGlmbAICAAAAAAsoKGKNAIAmsnRfg==";
const PLACEMENT_END: &str = "/DAvAAAAAAAA///wBQb+dGKQoAAZAhdDVUVJSAAAjn+fCAgAAAAALKChijUCAKnMZ1g=";
const INSERT: &str = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=";
const THREE_DESCRIPTORS: &str = "/DBhAAAAAAAA///wBQb+qM1E7QBLAhdDVUVJSAAArX+fCAgAAAAALLLXnTUCAAIXQ1VFSUgAACZ/nwgIAAAAACyy150RAAACF0NVRUlIAAAnf58ICAAAAAAsstezEAAAihiGnw==";

#[test]
fn a_time_signal_with_a_placement_opportunity_is_read() {
    let read = SpliceInfoSection::read(&section(PLACEMENT_START)).unwrap();
    assert_eq!((read.sap_type, read.cw_index, read.tier, read.pts_adjustment), (3, 0xFF, 0xFFF, 0));
    // 21388.766756 s.
    assert_eq!(read.splice_time(), Some(1_924_989_008));
    let [SpliceDescriptor::Segmentation(descriptor)] = &read.descriptors[..] else { panic!("{read:?}") };
    assert_eq!((descriptor.event_id, descriptor.event_id_compliance_indicator), (0x4800_008E, true));
    let expected = Segmentation {
        delivery_restrictions: Some(DeliveryRestrictions {
            web_delivery_allowed: false,
            no_regional_blackout: true,
            archive_allowed: true,
            device_restrictions: 3,
        }),
        components: None,
        duration: Some(307 * 90_000),
        upid: SegmentationUpid { upid_type: 8, value: Bytes::from_static(&[0, 0, 0, 0, 0x2C, 0xA0, 0xA1, 0x8A]) },
        type_id: 0x34,
        segment_num: 2,
        segments_expected: 0,
        sub_segment: None,
    };
    assert_eq!(descriptor.segmentation, Some(expected));
}

#[test]
fn a_splice_insert_with_a_break_is_read() {
    let read = SpliceInfoSection::read(&section(INSERT)).unwrap();
    let expected = SpliceEvent {
        out_of_network: true,
        immediate: false,
        event_id_compliance_flag: true,
        mode: SpliceMode::Program { pts_time: Some(1_936_310_318) },
        // 60.293567 s.
        break_duration: Some(BreakDuration { auto_return: true, duration: 5_426_421 }),
        unique_program_id: 0,
        avail_num: 0,
        avails_expected: 0,
    };
    let insert = SpliceInsert { event_id: 1_207_959_695, event: Some(expected) };
    assert_eq!(read.command, SpliceCommand::Insert(insert));
    assert_eq!(read.descriptors, [SpliceDescriptor::Avail { provider_avail_id: 309 }]);
}

#[test]
fn every_descriptor_of_a_section_is_read() {
    let read = SpliceInfoSection::read(&section(THREE_DESCRIPTORS)).unwrap();
    let types: Vec<u8> = read
        .segmentation_descriptors()
        .filter_map(|descriptor| Some(descriptor.segmentation.as_ref()?.type_id))
        .collect();
    assert_eq!(types, [0x35, 0x11, 0x10]);
}

#[test]
fn what_was_read_is_written_as_it_was() {
    for text in [PLACEMENT_START, PLACEMENT_END, INSERT, THREE_DESCRIPTORS] {
        let bytes = section(text);
        assert_eq!(SpliceInfoSection::read(&bytes).unwrap().write(), Some(bytes), "{text}");
    }
}

#[test]
fn what_was_written_is_read_as_it_was() {
    let segmentation = Segmentation {
        delivery_restrictions: None,
        components: Some(vec![SegmentationComponent { component_tag: 7, pts_offset: 0x1_2345_6789 }]),
        duration: Some(0xFF_FFFF_FFFF),
        upid: SegmentationUpid::none(),
        type_id: 0x36,
        segment_num: 1,
        segments_expected: 2,
        sub_segment: Some(SubSegment { number: 3, expected: 4 }),
    };
    let descriptors = vec![
        SpliceDescriptor::Segmentation(SegmentationDescriptor {
            event_id: 1,
            event_id_compliance_indicator: false,
            segmentation: Some(segmentation),
        }),
        SpliceDescriptor::Segmentation(SegmentationDescriptor {
            event_id: 2,
            event_id_compliance_indicator: true,
            segmentation: None,
        }),
        SpliceDescriptor::Other { tag: 1, identifier: CUEI, bytes: Bytes::from_static(b"\x01\x5F1*") },
        SpliceDescriptor::Other { tag: 2, identifier: 5, bytes: Bytes::from_static(b"private") },
    ];
    let components = SpliceMode::Components(vec![
        ComponentSplice { component_tag: 1, pts_time: None },
        ComponentSplice { component_tag: 2, pts_time: Some(0x1_FFFF_FFFF) },
    ]);
    let event = |immediate, mode| SpliceEvent {
        out_of_network: false,
        immediate,
        event_id_compliance_flag: false,
        mode,
        break_duration: None,
        unique_program_id: 0xABCD,
        avail_num: 1,
        avails_expected: 2,
    };
    let insert = |event| SpliceCommand::Insert(SpliceInsert { event_id: 9, event });
    for command in [
        SpliceCommand::Null,
        SpliceCommand::BandwidthReservation,
        SpliceCommand::Schedule(Bytes::from_static(&[0])),
        SpliceCommand::Private(Bytes::from_static(b"ABCDxyz")),
        SpliceCommand::Other { command_type: 100, bytes: Bytes::from_static(&[1, 2]) },
        SpliceCommand::TimeSignal { pts_time: None },
        insert(None),
        insert(Some(event(true, SpliceMode::Program { pts_time: None }))),
        insert(Some(event(false, components))),
    ] {
        let mut section = SpliceInfoSection::new(command, descriptors.clone());
        section.pts_adjustment = 0x1_0000_0001;
        assert_eq!(SpliceInfoSection::read(&section.write().unwrap()), Ok(section));
    }
}

#[test]
fn the_adjustment_is_added_on_the_circle_of_33_bits() {
    let mut section = SpliceInfoSection::new(SpliceCommand::TimeSignal { pts_time: Some(0x1_FFFF_FFFF) }, Vec::new());
    section.pts_adjustment = 11;
    assert_eq!(section.splice_time(), Some(10));
    section.command = SpliceCommand::TimeSignal { pts_time: None };
    assert_eq!(section.splice_time(), None);
}

#[test]
fn a_command_of_unsaid_length_is_read_by_its_own_fields() {
    let mut bytes = section(INSERT);
    bytes[11] |= 0x0F;
    bytes[12] = 0xFF;
    let read = SpliceInfoSection::read(&sealed(bytes)).unwrap();
    assert_eq!(read, SpliceInfoSection::read(&section(INSERT)).unwrap());
}

/// The section with its length and CRC made right.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - 4);
    bytes[1] = 0x30;
    bytes[2] = (bytes.len() + 4 - 3) as u8;
    let crc = crate::media::ts::psi::crc32(&bytes);
    bytes.extend(crc.to_be_bytes());
    bytes
}

#[test]
fn errors_name_the_field() {
    let good = section(PLACEMENT_START);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        SpliceInfoSection::read(&sealed(bytes)).unwrap_err()
    };
    assert_eq!(SpliceInfoSection::read(&[]), Err(Scte35Error::Truncated("table_id")));
    assert_eq!(SpliceInfoSection::read(&[0xFC, 0]), Err(Scte35Error::Truncated("section_length")));
    assert_eq!(SpliceInfoSection::read(&[0xFC, 0x30, 0]), Err(Scte35Error::Crc));
    assert_eq!(SpliceInfoSection::read(&good[..20]), Err(Scte35Error::SectionLength { announced: 55, found: 20 }));
    let mut damaged = good.clone();
    damaged[30] ^= 1;
    assert_eq!(SpliceInfoSection::read(&damaged), Err(Scte35Error::Crc));
    assert_eq!(changed(&|bytes| bytes[0] = 2), Scte35Error::TableId(2));
    assert_eq!(changed(&|bytes| bytes[3] = 1), Scte35Error::ProtocolVersion(1));
    assert_eq!(changed(&|bytes| bytes[4] |= 0x80), Scte35Error::Encrypted);
    // time_signal without pts_time has 1 byte, splice_command_length says 5.
    assert_eq!(changed(&|bytes| bytes[14] &= 0x7F), Scte35Error::CommandLength { announced: 5, found: 1 });
    assert_eq!(changed(&|bytes| bytes[20] = 200), Scte35Error::Truncated("descriptor_loop"));
    assert_eq!(changed(&|bytes| bytes[22] = 200), Scte35Error::Truncated("splice_descriptor"));
    assert_eq!(changed(&|bytes| bytes[39] = 200), Scte35Error::Truncated("segmentation_upid"));
}

#[test]
fn a_list_of_upids_is_taken_apart_as_far_as_it_is_whole() {
    let value = Bytes::from_static(&[9, 2, b'a', b'b', 8, 1, 7, 0x0F, 9, b'x']);
    let each = SegmentationUpid { upid_type: 0x0D, value }.each();
    assert_eq!(each.len(), 2);
    assert_eq!((each[0].upid_type, &each[0].value[..], each[1].upid_type), (9, &b"ab"[..], 8));
    assert_eq!(SegmentationUpid::none().each(), [SegmentationUpid::none()]);
}
