//! Intervals and deadlines as tables: days of 23 and 25 hours, days without midnight, month ends, years.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use presscheck::calendar::{Day, IntervalUnit, ReadyBy, Weekday, deadline, end_of, interval_containing, latest_interval};

/// `unit [starts] zone now [| ready_by] => start end [deadline]`.
const CASES: &str = include_str!("calendar/cases.txt");

fn unit(text: &str) -> IntervalUnit {
    match text {
        "hour" => IntervalUnit::Hour,
        "day" => IntervalUnit::Day,
        "week" => IntervalUnit::Week,
        "month" => IntervalUnit::Month,
        other => panic!("no unit: {other}"),
    }
}

fn told(question: &str) -> String {
    let (what, ready_by) = question.split_once('|').map_or((question, None), |(what, ready_by)| (what, Some(ready_by.trim())));
    let words: Vec<&str> = what.split_whitespace().collect();
    let starts = if words[0] == "sunday-week" { Weekday::Sunday } else { Weekday::Monday };
    let unit = unit(words[0].trim_start_matches("sunday-"));
    let zone = TimeZone::get(words[1]).expect("a zone");
    let now: Timestamp = words[2].parse().expect("a time");
    let interval = latest_interval(unit, starts, &zone, now).expect("an interval");
    assert!(interval.start < interval.end && interval.end.timestamp() <= now, "{question}: has ended");
    let next = interval_containing(unit, starts, &zone, interval.end.timestamp()).expect("an interval");
    assert!(next.start == interval.end && next.end.timestamp() > now, "{question}: is the newest, and none is left out");
    let print = |at: &jiff::Zoned| at.strftime("%F %H:%M%:z").to_string();
    let mut told = format!("{}  {}", print(&interval.start), print(&interval.end));
    if let Some(text) = ready_by {
        let instant = ReadyBy::parse(text, unit).and_then(|moment| deadline(&interval, moment));
        told += "  ";
        told += &instant.map_or_else(|error| error, |instant| print(&instant.to_zoned(zone)));
    }
    told
}

#[test]
fn intervals_and_deadlines() {
    let cases: Vec<&str> = CASES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let found: Vec<String> = cases
        .iter()
        .map(|case| {
            let question = case.split(" => ").next().unwrap_or(case);
            format!("{question} => {}", told(question))
        })
        .collect();
    assert_eq!(found.join("\n"), cases.join("\n"));
}

#[test]
fn a_day_ends_at_the_first_instant_of_the_next() {
    let ends: Vec<String> = [
        ("2026-11-25", "Europe/London"),
        ("2026-10-25", "Europe/London"),
        ("2026-03-29", "Europe/London"),
        ("2018-11-03", "America/Sao_Paulo"),
        ("2026-12-31", "Asia/Kolkata"),
    ]
    .map(|(day, zone)| {
        let day: Day = day.parse().expect("a day");
        format!("{} {zone}: {}", day.0, end_of(day, &TimeZone::get(zone).expect("a zone")).expect("an instant"))
    })
    .into();
    insta::assert_snapshot!(ends.join("\n"));
}

#[test]
fn ready_by_is_read_in_four_forms_and_no_other() {
    for (text, unit) in
        [("12:00", "day"), ("9:05", "month"), ("Monday 12:00", "week"), ("day 3 12:00", "month"), ("30m", "hour"), ("2d", "week")]
    {
        ReadyBy::parse(text, self::unit(unit)).unwrap_or_else(|error| panic!("{error}"));
    }
    let wrong = [
        "",
        "noon",
        "24:00",
        "12:60",
        "12:0",
        "12.00",
        "mon 12:00",
        "monday",
        "day 0 12:00",
        "day 32 12:00",
        "day 3",
        "3 12:00",
        "-1d",
        "1:2:3",
    ];
    for text in wrong {
        assert!(text.parse::<ReadyBy>().is_err(), "{text}");
    }
    for (text, unit) in [("monday 12:00", "day"), ("day 3 12:00", "week"), ("12:00", "hour"), ("monday 12:00", "month")] {
        let error = ReadyBy::parse(text, self::unit(unit)).expect_err(text);
        assert!(error.contains("write a "), "{error}");
    }
}

/// What would be due on a closed day moves, and never backwards.
#[test]
fn a_calendar_moves_what_is_due() {
    let text = "closed:\n  - {day: 2026-12-25, name: Christmas Day, moves_to: 2026-12-28}\n  - {day: 2026-12-28}\n  - {day: 2027-01-01, moves_to: 2026-12-31}\n";
    let closures = presscheck::yaml::read::<presscheck::calendar::Closures>(text, std::path::Path::new("gb.yml")).value.unwrap();
    let closed = presscheck::calendar::Closed::from(closures);
    for (day, due) in
        [("2026-12-24", "2026-12-24"), ("2026-12-25", "2026-12-29"), ("2026-12-28", "2026-12-29"), ("2027-01-01", "2027-01-02")]
    {
        assert_eq!(closed.due(day.parse().unwrap()).to_string(), due, "{day}");
    }
}
