//! Nonces that cost no memory: what they say is signed, so that only we can make them.
//!
//! ```text
//! nonce = hex(issued:u64 number:u64 mac[16])
//! mac   = HMAC-SHA-256(key, issued number channel 00 ingest endpoint), its first 16 bytes
//! ```
//!
//! `issued` is in milliseconds since 1970, `number` counts the nonces of this process; both big-endian.

use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq;

const MAC_BYTES: usize = 16;

/// A nonce that this process issued for this ingest endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce {
    /// When, in milliseconds since 1970.
    pub issued: i64,
    /// Which; no two nonces of a process have the same number, and later ones have larger numbers.
    pub number: u64,
}

/// Issues nonces and knows them again.
pub struct NonceMint {
    key: [u8; 32],
    next_number: AtomicU64,
}

impl NonceMint {
    /// `key` must be secret and new in every process.
    pub fn new(key: [u8; 32]) -> Self {
        NonceMint { key, next_number: AtomicU64::new(1) }
    }

    /// A new nonce for one ingest endpoint.
    pub fn issue(&self, channel: &str, ingest_endpoint: &str, now: Timestamp) -> String {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let nonce = Nonce { issued: now.as_millisecond(), number };
        let mut bytes = message_start(nonce).to_vec();
        bytes.extend_from_slice(&self.mac(nonce, channel, ingest_endpoint));
        hex::encode(bytes)
    }

    /// What a nonce says; `None` if this process did not issue it for this ingest endpoint.
    pub fn read(&self, text: &str, channel: &str, ingest_endpoint: &str) -> Option<Nonce> {
        let mut bytes = [0u8; 16 + MAC_BYTES];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        let (issued, rest) = bytes.split_first_chunk::<8>()?;
        let (number, mac) = rest.split_first_chunk::<8>()?;
        let nonce = Nonce { issued: i64::from_be_bytes(*issued), number: u64::from_be_bytes(*number) };
        let is_ours = self.mac(nonce, channel, ingest_endpoint).ct_eq(mac);
        bool::from(is_ours).then_some(nonce)
    }

    fn mac(&self, nonce: Nonce, channel: &str, ingest_endpoint: &str) -> [u8; MAC_BYTES] {
        let mut mac = [0; MAC_BYTES];
        // HMAC takes keys of any length, so this is never an error.
        if let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(&self.key) {
            hmac.update(&message_start(nonce));
            hmac.update(channel.as_bytes());
            hmac.update(&[0]);
            hmac.update(ingest_endpoint.as_bytes());
            mac.copy_from_slice(&hmac.finalize().into_bytes()[..MAC_BYTES]);
        }
        mac
    }
}

fn message_start(nonce: Nonce) -> [u8; 16] {
    let mut start = [0; 16];
    start[..8].copy_from_slice(&nonce.issued.to_be_bytes());
    start[8..].copy_from_slice(&nonce.number.to_be_bytes());
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_known_again_by_its_issuer_for_its_endpoint_only() {
        let mint = NonceMint::new([7; 32]);
        let now = Timestamp::from_millisecond(1_800_000_000_123).unwrap();
        let text = mint.issue("channel", "one", now);
        assert_eq!(mint.read(&text, "channel", "one"), Some(Nonce { issued: 1_800_000_000_123, number: 1 }));
        assert_eq!(mint.read(&text, "channel", "two"), None);
        assert_eq!(mint.read(&text, "channe", "lone"), None);
        assert_eq!(NonceMint::new([8; 32]).read(&text, "channel", "one"), None, "another process");
        assert_ne!(mint.issue("channel", "one", now), text);
    }

    #[test]
    fn a_nonce_changed_in_any_digit_is_not_ours() {
        let mint = NonceMint::new([7; 32]);
        let text = mint.issue("channel", "one", Timestamp::UNIX_EPOCH);
        for at in 0..text.len() {
            let mut digits = text.clone().into_bytes();
            digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(mint.read(std::str::from_utf8(&digits).unwrap(), "channel", "one"), None, "digit {at}");
        }
        for other in ["", "00", &text[2..], &format!("{text}00"), "not hexadecimal"] {
            assert_eq!(mint.read(other, "channel", "one"), None, "{other}");
        }
    }
}
