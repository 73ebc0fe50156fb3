//! What the payload of each message is under a seed, so that every reader can check it.

fn mix(z: u64) -> u64 {
    let z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

fn word(seed: u64, sequence: i64) -> u64 {
    mix(seed.wrapping_add((sequence as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// Length of a message between these bounds.
pub fn length(seed: u64, sequence: i64, least: u64, most: u64) -> usize {
    (least + (word(seed, sequence) >> 1) % (most - least + 1)) as usize
}

/// Fills the payload of a message.
pub fn fill(payload: &mut [u8], seed: u64, sequence: i64) {
    let bytes = word(seed, sequence).to_le_bytes();
    for chunk in payload.chunks_mut(8) {
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
}

/// Where a payload is not as it was filled.
pub fn first_difference(payload: &[u8], seed: u64, sequence: i64) -> Option<usize> {
    let bytes = word(seed, sequence).to_le_bytes();
    payload.chunks(8).position(|chunk| chunk != &bytes[..chunk.len()]).map(|chunk| 8 * chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_splitmix64() {
        // Published first outputs of that generator for the state 1234567.
        assert_eq!(word(1_234_567, 0), 6_457_827_717_110_365_317);
        assert_eq!(word(1_234_567, 1), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_changed_byte_is_found() {
        let mut payload = [0; 21];
        fill(&mut payload, 7, 3);
        assert_eq!(first_difference(&payload, 7, 3), None);
        assert_eq!(first_difference(&payload, 7, 4), Some(0));
        payload[20] ^= 1;
        assert_eq!(first_difference(&payload, 7, 3), Some(16));
    }
}
