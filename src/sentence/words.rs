//! Small words: numbers with their units, lists, capitals, days, and the moment of the report.

use jiff::tz::TimeZone;

use crate::calendar::Interval;
use crate::check::unit::singular;
use crate::decide::Decision;
use crate::plan::Plan;

/// `14 products`, `1 product`, `1,204 rows`. `unit` is a plural. A number that is not whole, or is negative, is written as it is.
pub(super) fn counted(number: &str, unit: &str) -> String {
    if number == "1" { format!("1 {}", singular(unit)) } else { format!("{} {unit}", grouped(number)) }
}

/// `1204` as `1,204`.
fn grouped(number: &str) -> String {
    if !number.chars().all(|digit| digit.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut text = String::new();
    for (at, digit) in number.chars().enumerate() {
        if at > 0 && (number.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `a`, `a and b`, `a, b and c`; from the seventh on, `a, b, c, d, e and 4 more`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [.., last] if items.len() <= 6 => format!("{} and {last}", items[..items.len() - 1].join(", ")),
        [..] => format!("{} and {} more", items[..5].join(", "), items.len() - 5),
    }
}

/// Whether a title is a plural: `Refunds`, `Net sales`; not `Gross business` or `Stock status`.
pub fn is_plural(title: &str) -> bool {
    title.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| title.ends_with(ending))
}

/// With a capital at the start.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A title as it stands inside a sentence: `Gross revenue` becomes `gross revenue`; `SKU cost`, `TikTok spend` and `Gross Revenue` stay.
pub fn inside(title: &str) -> String {
    let mut letters = title.chars();
    let Some(first) = letters.next() else { return String::new() };
    let plain = first.is_uppercase() && title.chars().nth(1).is_some_and(char::is_lowercase) && !letters.any(char::is_uppercase);
    if plain { first.to_lowercase().chain(title.chars().skip(1)).collect() } else { title.to_owned() }
}

/// Without a full stop at the end.
pub(super) fn unstopped(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}

/// The zone in which the report's days are counted.
pub(super) fn zone(plan: &Plan) -> TimeZone {
    plan.interval.as_ref().map_or(TimeZone::UTC, |interval| interval.end.time_zone().clone())
}

/// `Monday 12:00`, in the report's zone.
pub(super) fn weekday_and_time(moment: jiff::Timestamp, plan: &Plan) -> String {
    moment.to_zoned(zone(plan)).strftime("%A %H:%M").to_string()
}

/// `25 November 2026`: the last day before an instant, in the report's zone.
pub(super) fn last_day_before(ends: jiff::Timestamp, plan: &Plan) -> String {
    let last = ends.to_zoned(zone(plan)).yesterday_if_midnight();
    last.strftime("%-d %B %Y").to_string()
}

trait YesterdayIfMidnight {
    fn yesterday_if_midnight(self) -> jiff::civil::Date;
}

impl YesterdayIfMidnight for jiff::Zoned {
    /// An exclusive end that is the start of a day means the day before it.
    fn yesterday_if_midnight(self) -> jiff::civil::Date {
        let starts_a_day = self.start_of_day().is_ok_and(|start| start == self);
        let before = if starts_a_day { self.date().yesterday() } else { Ok(self.date()) };
        before.unwrap_or_else(|_| self.date())
    }
}

/// `week of 9 November`, `22 November`, `October 2026`: an interval, by its first day.
pub(super) fn span((start, end): &(jiff::Zoned, jiff::Zoned)) -> String {
    let days = start.date().until(end.date()).map_or(0, |span| span.get_days());
    match days {
        0 => start.strftime("%-d %B %H:%M").to_string(),
        1 => start.strftime("%-d %B").to_string(),
        7 => start.strftime("week of %-d %B").to_string(),
        28..=31 => start.strftime("%B %Y").to_string(),
        _ => start.strftime("from %-d %B").to_string(),
    }
}

/// What the report is read for: `Monday reporting`, `today's reporting`, `October reporting`; nothing without an interval.
pub(super) fn moment(plan: &Plan, decision: &Decision) -> Option<String> {
    let Interval { start, end } = plan.interval.as_ref()?;
    let due = plan.expected.ready_by.map_or_else(|| end.clone(), |ready_by| ready_by.to_zoned(end.time_zone().clone()));
    let today = decision.decided_at.to_zoned(end.time_zone().clone()).date();
    let days = start.date().until(end.date()).map_or(0, |span| span.get_days());
    Some(match days {
        0 => format!("the {} report", end.strftime("%H:%M")),
        1 if due.date() == today => String::from("today's reporting"),
        7 => format!("{} reporting", due.strftime("%A")),
        28..=31 => format!("{} reporting", start.strftime("%B")),
        _ => format!("reporting on {}", due.strftime("%-d %B")),
    })
}
