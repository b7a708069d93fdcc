//! ADTS headers from an AudioSpecificConfig (ISO 14496-3 §1.A.2.2 and §1.6.2.1).

use crate::media::codec::AacConfig;
use crate::media::codec::aac::{ADTS_HEADER_SIZE, SAMPLING_RATES};

/// Why AAC cannot have ADTS headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdtsError {
    /// The AudioSpecificConfig ends too early.
    #[error("the AudioSpecificConfig of {size} bytes is cut off")]
    CutConfig {
        /// Its size.
        size: usize,
    },
    /// ADTS has two bits for the object types 1 to 4.
    #[error("adts cannot carry audio object type {object_type}")]
    ObjectType {
        /// The type.
        object_type: u32,
    },
    /// ADTS has an index for 13 rates only.
    #[error("adts cannot carry a sampling rate of {rate}")]
    SamplingRate {
        /// Samples per second, or the reserved index.
        rate: u32,
    },
    /// ADTS has three bits for the channels.
    #[error("adts cannot carry channel configuration {configuration}")]
    Channels {
        /// The configuration.
        configuration: u32,
    },
    /// A frame has 13 bits for its length.
    #[error("an aac frame of {size} bytes is too long for adts")]
    FrameTooLong {
        /// Its size without header.
        size: u32,
    },
}

/// Makes the headers of one stream.
pub(super) struct AdtsWriter {
    profile: u8,
    sampling_frequency_index: u8,
    channel_configuration: u8,
}

impl AdtsWriter {
    /// From a configuration. For HE-AAC with explicit signalling the core's object type and rate are taken.
    pub(super) fn new(config: &AacConfig) -> Result<AdtsWriter, AdtsError> {
        let mut bits = Bits { bytes: &config.audio_specific_config, position: 0 };
        let mut object_type = bits.object_type()?;
        let sampling_frequency_index = bits.sampling_frequency_index()?;
        let channel_configuration = bits.take(4)?;
        if object_type == 5 || object_type == 29 {
            bits.sampling_frequency_index()?;
            object_type = bits.object_type()?;
        }
        if !(1..=4).contains(&object_type) {
            return Err(AdtsError::ObjectType { object_type });
        }
        if !(1..=7).contains(&channel_configuration) {
            return Err(AdtsError::Channels { configuration: channel_configuration });
        }
        Ok(AdtsWriter {
            profile: (object_type - 1) as u8,
            sampling_frequency_index,
            channel_configuration: channel_configuration as u8,
        })
    }

    /// Bytes of a frame with its header.
    pub(super) fn frame_size(&self, payload: u32) -> Result<usize, AdtsError> {
        let size = payload as usize + ADTS_HEADER_SIZE;
        if size > 0x1FFF { Err(AdtsError::FrameTooLong { size: payload }) } else { Ok(size) }
    }

    /// The header of a frame with `payload` bytes after it; variable bit rate, no CRC.
    pub(super) fn header(&self, payload: u32) -> Result<[u8; ADTS_HEADER_SIZE], AdtsError> {
        let size = self.frame_size(payload)?;
        Ok([
            0xFF,
            0xF1,
            self.profile << 6 | self.sampling_frequency_index << 2 | self.channel_configuration >> 2,
            self.channel_configuration << 6 | (size >> 11) as u8,
            (size >> 3) as u8,
            (size << 5) as u8 | 0x1F,
            0xFC,
        ])
    }
}

/// Reads bits from the front.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u32, AdtsError> {
        let mut value = 0;
        for position in self.position..self.position + count {
            let byte = self.bytes.get(position / 8).ok_or(AdtsError::CutConfig { size: self.bytes.len() })?;
            value = value << 1 | u32::from(byte >> (7 - position % 8) & 1);
        }
        self.position += count;
        Ok(value)
    }

    fn object_type(&mut self) -> Result<u32, AdtsError> {
        match self.take(5)? {
            31 => Ok(32 + self.take(6)?),
            object_type => Ok(object_type),
        }
    }

    fn sampling_frequency_index(&mut self) -> Result<u8, AdtsError> {
        let index = self.take(4)?;
        if index == 15 {
            let rate = self.take(24)?;
            let index = SAMPLING_RATES.iter().position(|known| *known == rate);
            return index.map(|index| index as u8).ok_or(AdtsError::SamplingRate { rate });
        }
        if index as usize >= SAMPLING_RATES.len() {
            return Err(AdtsError::SamplingRate { rate: index });
        }
        Ok(index as u8)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::media::codec::aac::AdtsHeader;

    fn writer(audio_specific_config: &'static [u8]) -> Result<AdtsWriter, AdtsError> {
        AdtsWriter::new(&AacConfig {
            audio_specific_config: Bytes::from_static(audio_specific_config),
            object_type: 2,
            sampling_rate: 48_000,
            channels: 2,
        })
    }

    #[test]
    fn the_header_reads_back() {
        let header = AdtsHeader::read(&writer(&[0x11, 0x90]).unwrap().header(371).unwrap()).unwrap();
        assert_eq!((header.object_type, header.sampling_rate(), header.channels()), (2, 48_000, Some(2)));
        assert_eq!((header.header_size, header.frame_size, header.raw_data_blocks), (7, 378, 1));
        let config = header.config(&[]).unwrap();
        assert_eq!(config.audio_specific_config.as_ref(), [0x11, 0x90]);
    }

    #[test]
    fn high_efficiency_aac_gets_the_header_of_its_core() {
        // Object type 5, 24 kHz, two channels, extension 48 kHz, object type 2.
        let header = AdtsHeader::read(&writer(&[0x2B, 0x11, 0x88, 0x00]).unwrap().header(1).unwrap()).unwrap();
        assert_eq!((header.object_type, header.sampling_rate(), header.channels()), (2, 24_000, Some(2)));
    }

    #[test]
    fn what_adts_cannot_say_is_refused() {
        assert_eq!(writer(&[0x11]).err(), Some(AdtsError::CutConfig { size: 1 }));
        assert_eq!(writer(&[0xF9, 0x46, 0x40]).err(), Some(AdtsError::ObjectType { object_type: 42 }));
        assert_eq!(writer(&[0x11, 0x80]).err(), Some(AdtsError::Channels { configuration: 0 }));
        assert_eq!(writer(&[0x16, 0x90]).err(), Some(AdtsError::SamplingRate { rate: 13 }));
        assert_eq!(writer(&[0x11, 0x90]).unwrap().header(8_185).err(), Some(AdtsError::FrameTooLong { size: 8_185 }));
    }
}
