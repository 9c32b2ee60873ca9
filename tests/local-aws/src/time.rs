use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{
    OffsetDateTime, format_description::StaticFormatDescription, macros::format_description,
};

const ISO_8601: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const COMMON_LOG: StaticFormatDescription =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// Milliseconds since the epoch.
pub(crate) fn epoch_millis(time: SystemTime) -> u64 {
    let elapsed = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// `2026-03-09T08:07:06Z`, as EventBridge writes times.
pub(crate) fn iso8601(time: SystemTime) -> String {
    written(time, ISO_8601)
}

/// `09/Mar/2026:08:07:06 +0000`, as API Gateway writes times.
pub(crate) fn common_log(time: SystemTime) -> String {
    written(time, COMMON_LOG)
}

fn written(time: SystemTime, format: StaticFormatDescription) -> String {
    // A date always has what these formats ask for.
    OffsetDateTime::from(time)
        .format(format)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_services_write_them() {
        let time = UNIX_EPOCH + Duration::from_millis(1_583_348_638_390);
        assert_eq!(epoch_millis(time), 1_583_348_638_390);
        assert_eq!(iso8601(time), "2020-03-04T19:03:58Z");
        assert_eq!(common_log(time), "04/Mar/2020:19:03:58 +0000");
    }
}
