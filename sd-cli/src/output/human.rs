//! Quantities as text: durations, amounts of data, counts.

use std::time::Duration;

use sd_client::quantity::HumanDuration;

/// Formats a duration with its two largest units: `1h 52m`.
pub(crate) fn duration(duration: Duration) -> String {
    HumanDuration(duration).to_string()
}

/// Formats a number of bytes with two significant digits: `900 B`, `1.8 kB`, `18 kB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    let Some((size, unit)) = UNITS.iter().find(|(size, _)| bytes >= *size) else {
        return format!("{bytes} B");
    };
    let tenths = bytes / (size / 10);
    match tenths {
        0..100 if !tenths.is_multiple_of(10) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
        _ => format!("{} {unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_two_digits_and_a_unit() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (1_899, "1.8 kB"),
            (18_204, "18 kB"),
            (999_999, "999 kB"),
            (4_200_000, "4.2 MB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }
}
