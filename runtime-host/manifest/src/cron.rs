//! Schedules of `[[trigger.cron]]`.

use crate::pattern_error::PatternError;
use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use std::fmt;
use std::time::{Duration, SystemTime};

/// When a component is called: seconds, minutes, hours, days of the month, months, days of the week,
/// and optionally years. All in UTC, as in Spin's plugin.
///
/// ```
/// # use tessera_manifest::CronSchedule;
/// # use std::time::{Duration, SystemTime};
/// let every_hour = CronSchedule::parse("0 0 * * * *").unwrap();
/// let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
/// assert_eq!(every_hour.next_after(at(3600)), Some(at(7200)));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CronSchedule(Box<Cron>);

impl CronSchedule {
    /// Parses an expression of six or seven fields.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Optional)
            .dom_and_dow(true)
            // `0/15`, which the plugin documents.
            .sloppy_ranges(true);
        let hint = "write `second minute hour day month weekday`, for example `0 */5 * * * *`";
        let parsed = parser.build().parse(text);
        let parsed = parsed.map_err(|error| PatternError::new(error.to_string(), hint))?;
        Ok(Self(Box::new(parsed)))
    }

    /// The first occurrence after a time; `None` if there is no other.
    pub fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let time: DateTime<Utc> = DateTime::from_timestamp(since.as_secs().try_into().ok()?, 0)?;
        let next = self.0.find_next_occurrence(&time, false).ok()?;
        let seconds = u64::try_from(next.timestamp()).ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// The expression as it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// As it is written.
impl fmt::Debug for CronSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Tuesday, 14 November 2023, 22:13:20 UTC.
    const NOW: u64 = 1_700_000_000;

    #[test]
    fn the_next_occurrence_is_after_the_given_time() {
        let cases = [
            ("* * * * * *", Some(NOW + 1)),
            ("20 13 22 * * *", Some(NOW + 86_400)),
            ("0 0 0 * * *", Some(NOW + 6_400)),
            // The next Sunday, which is both 0 and 7.
            ("0 0 0 * * 0", Some(NOW + 6_400 + 4 * 86_400)),
            ("0 0 0 * * 7", Some(NOW + 6_400 + 4 * 86_400)),
            ("0 0 0 1 1 * 2020", None),
        ];
        for (text, next) in cases {
            let schedule = CronSchedule::parse(text).unwrap();
            assert_eq!(schedule.next_after(at(NOW)), next.map(at), "{text}");
        }
    }

    #[test]
    fn what_the_plugin_documents_is_a_schedule() {
        for text in ["1/2 * * * * *", "0 1/2 11,12 5-10 * * *", "0/15 * * * * ?"] {
            CronSchedule::parse(text).unwrap();
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "* * * * *", "x * * * * *", "60 * * * * *", "* * * * * * * *"] {
            assert!(CronSchedule::parse(text).is_err(), "{text}");
        }
    }
}
