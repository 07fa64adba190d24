//! Tables of accepted, refused and printed values of each quantity.

use std::str::FromStr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// The error of a text that has to be refused.
fn refusal<T: FromStr<Err = InvalidQuantity> + std::fmt::Debug>(text: &str) -> String {
    match text.parse::<T>() {
        Ok(read) => panic!("{text:?} was read as {read:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn time_limit_reads_seconds_durations_and_never() {
    let after = |seconds| Ok(TimeLimit::After(Duration::from_secs(seconds)));
    for (text, seconds) in [
        ("90", 90),
        ("90s", 90),
        ("6h", 21_600),
        ("2h30m", 9_000),
        ("1d 12h", 129_600),
        (" 90m 30s ", 5_430),
        ("3650d", 315_360_000),
    ] {
        assert_eq!(text.parse(), after(seconds), "{text}");
    }
    for text in ["0", "0s", "never"] {
        assert_eq!(text.parse(), Ok(TimeLimit::Never), "{text}");
    }
}

#[test]
fn time_limit_refuses_other_units_orders_and_cases() {
    for text in [
        "", "-1", "soon", "1.5", "500ms", "1w", "2months", "30M", "6H", "30m2h", "1h1h", "2h30", "h", "2 h",
        "NEVER", "+1s", "1h,2m", "２h",
    ] {
        let error = refusal::<TimeLimit>(text);
        assert!(error.contains("2h30m"), "{error}");
    }
    for text in [
        "3651d",
        "99999999999999999999",
        "99999999999999999999d",
        "213503982334602d",
    ] {
        let error = refusal::<TimeLimit>(text);
        assert!(error.contains("out of range: expected at most 3650d"), "{error}");
    }
}

#[test]
fn span_reads_time_limits_that_end() {
    assert_eq!(
        "40m".parse::<Span>().unwrap().duration(),
        Duration::from_secs(2_400)
    );
    for text in ["0", "0s", "3651d"] {
        let error = refusal::<Span>(text);
        assert!(
            error.ends_with("is out of range: expected 1s to 3650d"),
            "{error}"
        );
    }
    for text in ["", "never", "-1", "500ms", "30M"] {
        let error = refusal::<Span>(text);
        assert!(error.contains("is not a duration: expected"), "{error}");
    }
    assert!(Span::try_from(Duration::from_millis(1_500)).is_err());
}

#[test]
fn span_with_required_unit_refuses_a_number_with_a_hint() {
    let span = Span::parse_with_unit("2h").unwrap();
    assert_eq!(span.duration(), Duration::from_secs(7_200));
    let error = Span::parse_with_unit("2").unwrap_err();
    assert_eq!(error.to_string(), "\"2\" has no unit: write 2s, 2m or 2h");
}

#[test]
fn memory_reads_bytes_and_units_in_either_case() {
    for (text, bytes, printed) in [
        ("2g", 2 << 30, "2g"),
        ("2048m", 2 << 30, "2g"),
        ("2G", 2 << 30, "2g"),
        ("2GB", 2 << 30, "2g"),
        ("2gib", 2 << 30, "2g"),
        ("512MiB", 512 << 20, "512m"),
        ("8192kb", 8 << 20, "8m"),
        ("6291456", 6 << 20, "6m"),
        ("6291457b", 6_291_457, "6291457"),
    ] {
        let memory: Memory = text.parse().unwrap();
        assert_eq!(
            (memory.bytes(), memory.to_string()),
            (bytes, printed.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn memory_refuses_fractions_signs_and_other_units() {
    for text in [
        "",
        "m",
        "-5m",
        "+2g",
        "1.5g",
        "12 parsecs",
        "2t",
        "2mbb",
        "2ib",
        "unlimited",
    ] {
        let error = refusal::<Memory>(text);
        assert!(error.contains("512m"), "{error}");
    }
    for text in [
        "0",
        "5m",
        "1025g",
        "18446744073709551615g",
        "99999999999999999999",
    ] {
        let error = refusal::<Memory>(text);
        assert!(
            error.ends_with("is out of range: expected 6m to 1024g"),
            "{error}"
        );
    }
}

#[test]
fn memory_limit_can_be_unlimited() {
    assert_eq!("unlimited".parse::<MemoryLimit>().unwrap().bytes(), None);
    assert_eq!("2GB".parse::<MemoryLimit>().unwrap().bytes(), Some(2 << 30));
    assert!(refusal::<MemoryLimit>("lots").contains("unlimited"));
    assert!(refusal::<MemoryLimit>("5m").contains("6m to 1024g"));
}

#[test]
fn cpus_read_cores_with_fractions() {
    assert_eq!("0.5".parse::<Cpus>().unwrap().nano_cpus(), 500_000_000);
    assert_eq!(".25".parse::<CpuThreshold>().unwrap().millicores(), 250);
    for text in ["", "-1", "+1", "NaN", "inf", "1e2", "1.", ".", "many"] {
        assert!(refusal::<Cpus>(text).contains("0.5"), "{text}");
        assert!(refusal::<CpuThreshold>(text).contains("0.1"), "{text}");
    }
    assert!(refusal::<Cpus>("0.001").contains("0.01 to 1024 cores"));
    assert!(refusal::<CpuThreshold>("1025").contains("0.001 to 1024 cores"));
}

#[test]
fn human_duration_prints_its_two_largest_units() {
    for (seconds, text) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (61, "1m 1s"),
        (3_599, "59m 59s"),
        (3_600, "1h"),
        (3_659, "1h"),
        (6_779, "1h 52m"),
        (86_400 + 59 * 60, "1d"),
        (86_400 * 2 + 3_600 * 3 + 1_800, "2d 3h"),
        (86_400 * 3_650, "3650d"),
    ] {
        assert_eq!(HumanDuration(Duration::from_secs(seconds)).to_string(), text);
    }
}

#[test]
fn numbers_and_texts_mean_the_same_in_json() {
    assert_eq!(serde_json::from_str::<TimeLimit>("90").ok(), "90s".parse().ok());
    assert_eq!(serde_json::from_str::<Span>("\"40m\"").ok(), "2400".parse().ok());
    assert_eq!(serde_json::from_str::<Memory>("6291456").ok(), "6m".parse().ok());
    assert_eq!(serde_json::from_str::<Cpus>("0.5").ok(), "0.5".parse().ok());
    for number in ["-1", "1.5", "1e300", "true", "null"] {
        assert!(serde_json::from_str::<Span>(number).is_err(), "{number}");
    }
}

/// Texts that resemble quantities.
const RESEMBLING: &str = "[-+]?[0-9]{0,20}[.]?[0-9]{0,3} ?[smhdkgbMGKi]{0,3}( ?[0-9]{1,3}[smhd])?";

proptest! {
    #[test]
    fn printed_durations_parse_to_themselves(seconds in 0..=315_360_000_u64) {
        let limit: TimeLimit = seconds.to_string().parse().unwrap();
        prop_assert_eq!(limit.to_string().parse(), Ok(limit));
        prop_assert_eq!(limit.as_secs(), seconds);
        if let Ok(span) = Span::try_from(Duration::from_secs(seconds)) {
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }

    #[test]
    fn printed_memory_parses_to_itself(number in 6..=1024_u64, shift in 20..=30_u32, more in 0..2_u64) {
        if let Some(memory) = Memory::from_bytes((number << shift) + more) {
            prop_assert_eq!(memory.to_string().parse(), Ok(memory));
            let limit = MemoryLimit::AtMost(memory);
            prop_assert_eq!(limit.to_string().parse(), Ok(limit));
        }
    }

    #[test]
    fn printed_cores_parse_to_themselves(millicores in 1..=1_024_000_u32) {
        let threshold = CpuThreshold::from_millicores(millicores).unwrap();
        prop_assert_eq!(threshold.to_string().parse(), Ok(threshold));
        prop_assert_eq!(threshold.millicores(), millicores);
        if let Ok(cpus) = threshold.to_string().parse::<Cpus>() {
            prop_assert_eq!(cpus.to_string().parse(), Ok(cpus));
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in prop_oneof![RESEMBLING, "\\PC*"]) {
        let _ = text.parse::<TimeLimit>().map_err(|error| error.to_string());
        let _ = text.parse::<Span>().map_err(|error| error.to_string());
        let _ = Span::parse_with_unit(&text).map_err(|error| error.to_string());
        let _ = text.parse::<MemoryLimit>().map_err(|error| error.to_string());
        let _ = text.parse::<Cpus>().map_err(|error| error.to_string());
        let _ = text.parse::<CpuThreshold>().map_err(|error| error.to_string());
    }
}
