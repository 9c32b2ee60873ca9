//! "Since when" on a command line: a time, or how long ago.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use handoff::time::Millis;

/// A time as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// At that time, in milliseconds since 1970.
    At(Millis),
    /// That long ago, in milliseconds.
    Ago(Millis),
}

impl Since {
    /// The time it means at `now`.
    pub(crate) fn at(self, now: Millis) -> Millis {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => (now - ago).max(0),
        }
    }
}

/// Reads `2026-03-01T08:00:00Z`, with any offset, or `90s`, `30m`, `2h`, `3d`.
pub(crate) fn parse(text: &str) -> Result<Since, String> {
    const WRONG: &str =
        "must be a time like 2026-03-01T08:00:00Z or a while like 90s, 30m, 2h or 3d";
    let unit = match text.chars().last() {
        Some('s') => 1_000,
        Some('m') => 60_000,
        Some('h') => 3_600_000,
        Some('d') => 86_400_000,
        _ => 0,
    };
    if let Some(number) = text.get(..text.len().saturating_sub(1))
        && unit > 0
    {
        let number: Millis = number.parse().map_err(|_| WRONG.to_owned())?;
        return match number.checked_mul(unit) {
            Some(ago) if ago >= 0 => Ok(Since::Ago(ago)),
            _ => Err(WRONG.to_owned()),
        };
    }
    DateTime::from_str(text, Format::DateTimeWithOffset)
        .ok()
        .and_then(|time| time.to_millis().ok())
        .map(Since::At)
        .ok_or_else(|| WRONG.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_while_and_a_time_are_read() {
        assert_eq!(parse("2h"), Ok(Since::Ago(7_200_000)));
        assert_eq!(parse("90s").unwrap().at(100_000), 10_000);
        assert_eq!(parse("1d").unwrap().at(0), 0, "not before 1970");
        let noon = Since::At(1_772_366_400_000);
        assert_eq!(parse("2026-03-01T12:00:00Z"), Ok(noon));
        assert_eq!(parse("2026-03-01T13:00:00+01:00"), Ok(noon));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in [
            "",
            "h",
            "-2h",
            "2",
            "2 h",
            "yesterday",
            "2026-03-01",
            "9999999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
