//! Dates and times: PostgreSQL counts from the beginning of 2000, the interface has calendar fields.
//!
//! The conversions of dates are the usual ones of the proleptic Gregorian calendar, with years that
//! begin in March, so that a leap day is the last day of its year.

/// `(year, month, day)`
pub(super) type Date = (i32, u8, u8);
/// `(hour, minute, second, nanosecond)`
pub(super) type Time = (u8, u8, u8, u32);
/// `(year, month, day, hour, minute, second, nanosecond)`
pub(super) type DateTime = (i32, u8, u8, u8, u8, u8, u32);

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// From 1970 to 2000, in seconds.
const EPOCH_SECONDS: i64 = 946_684_800;
/// From the first of March of the year 0 to 2000, in days.
const EPOCH_DAYS: i64 = 730_425;
/// Days in 400 years.
const ERA_DAYS: i64 = 146_097;

/// The day with this number. `None` for the infinite ones.
pub(super) fn date(days: i32) -> Option<Date> {
    if days == i32::MAX || days == i32::MIN {
        return None;
    }
    Some(calendar(days.into()))
}

/// The number of a day. `None` if there is no such day.
pub(super) fn days((year, month, day): Date) -> Option<i32> {
    let valid = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let days = era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
    valid.then(|| i32::try_from(days).ok()).flatten()
}

/// The time of the day. The end of the day is its beginning, as in stock Spin.
pub(super) fn time(micros: i64) -> Option<Time> {
    let micros = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, micros) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    let field = |value: i64| u8::try_from(value).ok();
    let nanos = u32::try_from(micros * 1_000).ok()?;
    Some((field(seconds / 3_600)?, field(seconds / 60 % 60)?, field(seconds % 60)?, nanos))
}

/// The time of the day in microseconds. `None` if there is no such time.
pub(super) fn micros((hour, minute, second, nanos): Time) -> Option<i64> {
    let valid = hour < 24 && minute < 60 && second < 60 && nanos < 1_000_000_000;
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    valid.then(|| seconds * MICROS_PER_SECOND + i64::from(nanos / 1_000))
}

/// The point in time in microseconds. `None` for the infinite ones.
pub(super) fn datetime(micros: i64) -> Option<DateTime> {
    if micros == i64::MAX || micros == i64::MIN {
        return None;
    }
    let (year, month, day) = calendar(micros.div_euclid(MICROS_PER_DAY));
    let (hour, minute, second, nanos) = time(micros.rem_euclid(MICROS_PER_DAY))?;
    Some((year, month, day, hour, minute, second, nanos))
}

/// The number of microseconds. `None` if there is no such point in time.
pub(super) fn timestamp(value: DateTime) -> Option<i64> {
    let (year, month, day, hour, minute, second, nanos) = value;
    let days = i64::from(days((year, month, day))?);
    days.checked_mul(MICROS_PER_DAY)?.checked_add(micros((hour, minute, second, nanos))?)
}

/// The number of microseconds, of seconds since 1970.
pub(super) fn unix(seconds: i64) -> Option<i64> {
    seconds.checked_sub(EPOCH_SECONDS)?.checked_mul(MICROS_PER_SECOND)
}

fn calendar(days: i64) -> Date {
    let days = days + EPOCH_DAYS;
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    // All are small: the days of the database are less than 2^31.
    ((era * 400 + year + next) as i32, month as u8, day as u8)
}

fn days_in_month(year: i32, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_2000() {
        for (day, number) in [
            ((2000, 1, 1), 0),
            ((1999, 12, 31), -1),
            ((2000, 2, 29), 59),
            ((2000, 3, 1), 60),
            ((1970, 1, 1), -10_957),
            ((2100, 3, 1), 36_584),
            ((-4713, 11, 24), -2_451_545),
        ] {
            assert_eq!(days(day), Some(number), "{day:?}");
            assert_eq!(date(number), Some(day));
        }
        for number in (-3_000_000..3_000_000).step_by(379) {
            assert_eq!(days(date(number).unwrap()), Some(number));
        }
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for day in [(2001, 2, 29), (1900, 2, 29), (2000, 4, 31), (2000, 13, 1), (2000, 0, 1)] {
            assert_eq!(days(day), None, "{day:?}");
        }
        assert_eq!(days((i32::MAX, 1, 1)), None);
        assert_eq!((date(i32::MAX), datetime(i64::MIN)), (None, None));
    }

    #[test]
    fn points_in_time_keep_their_microseconds() {
        for value in [
            (1999, 12, 31, 23, 59, 59, 999_999_000),
            (2000, 1, 1, 0, 0, 0, 0),
            (1, 1, 1, 12, 34, 56, 1_000),
        ] {
            assert_eq!(datetime(timestamp(value).unwrap()), Some(value));
        }
        assert_eq!(timestamp((2000, 1, 1, 0, 0, 1, 1_999)), Some(1_000_001));
        assert_eq!(timestamp((2000, 1, 1, 24, 0, 0, 0)), None);
        assert_eq!(unix(946_684_801), Some(1_000_000));
        assert_eq!(time(MICROS_PER_DAY), Some((0, 0, 0, 0)));
    }
}
