//! Randomness for ids and credentials, passed in so that tests can fix it.

/// The source of randomness failed.
#[derive(Debug, thiserror::Error)]
#[error("no randomness: {0}")]
pub struct RandomnessError(pub String);

/// Gives unpredictable bytes.
pub trait Randomness: Send + Sync + 'static {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError>;
}

/// The generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperatingSystemRandomness;

impl Randomness for OperatingSystemRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        getrandom::fill(bytes).map_err(|error| RandomnessError(error.to_string()))
    }
}

/// A new identifier or secret: 32 lower-case hexadecimal digits, 128 bits.
pub fn hex_identifier(randomness: &dyn Randomness) -> Result<String, RandomnessError> {
    let mut bytes = [0; 16];
    randomness.fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_32_hexadecimal_digits_and_never_the_same() {
        let first = hex_identifier(&OperatingSystemRandomness).unwrap();
        let second = hex_identifier(&OperatingSystemRandomness).unwrap();
        assert_eq!(first.len(), 32);
        assert!(first.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f')), "{first}");
        assert_ne!(first, second);
    }
}
