//! The sample entry of text.

use crate::media::mp4::box_writer::BoxWriter;

/// XMLSubtitleSampleEntry (ISO 14496-12 §12.6.3) of TTML.
pub(super) fn write_ttml(writer: &mut BoxWriter) {
    writer.boxed(b"stpp", |writer| {
        writer.zeros(6);
        writer.u16(1); // data_reference_index
        writer.bytes(b"http://www.w3.org/ns/ttml\0");
        writer.bytes(b"\0"); // schema location
        writer.bytes(b"\0"); // auxiliary MIME types
    });
}
