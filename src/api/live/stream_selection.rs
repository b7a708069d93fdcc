//! Which video streams an endpoint offers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::check_range;
use crate::api::aws::ApiError;
use crate::resources;

/// Order of streams in manifests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StreamOrder {
    /// As in the encoder's parent playlist.
    #[default]
    Original,
    /// Lowest video bit rate first.
    VideoBitrateAscending,
    /// Highest video bit rate first.
    VideoBitrateDescending,
}

/// Bounds on the video bit rate, both inclusive, and the order of what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StreamSelection {
    /// Largest video bit rate, bit/s.
    pub max_video_bits_per_second: i32,
    /// Smallest video bit rate, bit/s.
    pub min_video_bits_per_second: i32,
    /// Order in manifests.
    pub stream_order: StreamOrder,
}

impl Default for StreamSelection {
    fn default() -> Self {
        StreamSelection {
            max_video_bits_per_second: i32::MAX,
            min_video_bits_per_second: 0,
            stream_order: StreamOrder::Original,
        }
    }
}

impl StreamSelection {
    /// Holds the bounds against each other.
    pub fn validate(&self, member: &str) -> Result<(), ApiError> {
        let (min, max) = (self.min_video_bits_per_second, self.max_video_bits_per_second);
        check_range(&format!("{member}.minVideoBitsPerSecond"), min, 0..=i32::MAX)?;
        check_range(&format!("{member}.maxVideoBitsPerSecond"), max, 0..=i32::MAX)?;
        if min > max {
            let rule = format!("at most maxVideoBitsPerSecond ({max})");
            return Err(ApiError::invalid(&format!("{member}.minVideoBitsPerSecond"), &rule, min));
        }
        Ok(())
    }

    /// What the engine must know of it.
    pub fn neutral(selection: Option<&Self>) -> resources::StreamSelection {
        let selection = selection.cloned().unwrap_or_default();
        resources::StreamSelection {
            min_video_bits_per_second: selection.min_video_bits_per_second.unsigned_abs(),
            max_video_bits_per_second: selection.max_video_bits_per_second.unsigned_abs(),
            order: match selection.stream_order {
                StreamOrder::Original => resources::StreamOrder::Original,
                StreamOrder::VideoBitrateAscending => resources::StreamOrder::VideoBitrateAscending,
                StreamOrder::VideoBitrateDescending => resources::StreamOrder::VideoBitrateDescending,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(min: i32, max: i32) -> Option<String> {
        let selection = StreamSelection {
            min_video_bits_per_second: min,
            max_video_bits_per_second: max,
            stream_order: StreamOrder::Original,
        };
        selection.validate("s").err().map(|error| error.message)
    }

    #[test]
    fn bounds_are_not_negative_and_in_order() {
        assert_eq!(refusal(0, 0), None);
        assert_eq!(refusal(5, 5), None);
        assert!(refusal(-1, 5).unwrap().starts_with("s.minVideoBitsPerSecond must be between 0 and"));
        assert!(refusal(0, -5).unwrap().starts_with("s.maxVideoBitsPerSecond must be between 0 and"));
        assert_eq!(
            refusal(6, 5).unwrap(),
            "s.minVideoBitsPerSecond must be at most maxVideoBitsPerSecond (5), but is \"6\""
        );
    }
}
