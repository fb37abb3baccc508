//! `presscheck publish`, through the program, on real engines: what stands in the tables is what an independent query of the model gives, each thing is done once, and what
//! is not what was checked is not written.

mod hooks;
pub mod world;

use std::fmt::Write;

use presscheck::history::{ActKind, History};

use self::world::{World, worlds};

/// Certified values, status, and how often each was written.
const VALUES: &str = "select metric, grain, cast(cast(value as decimal(18,3)) as varchar(40)), shown, verdict from reporting.certified order by metric, grain";
const STATUS: &str =
    "select metric, verdict, shown, published, case when as_of is null then 'never' else 'dated' end from reporting.status order by metric";

/// The metric's values as the model has them, by another way than the program's.
fn independent(world: &World, metric: &str) -> String {
    let day = world.monday();
    let rows = world.rows(&format!(
        "select cast(cast({metric} as decimal(18,3)) as varchar(40)), 'week_start=' || cast(week_start as varchar(10)) || ', shop=' || shop from marts.report where week_start = date '{day}' order by shop"
    ));
    rows.into_iter().map(|row| format!("{metric} | {} | {}\n", row[1], row[0])).collect()
}

fn certified(world: &World) -> String {
    let rows = world.rows(VALUES);
    rows.into_iter().filter(|row| row[3] == "certified").map(|row| format!("{} | {} | {}\n", row[0], row[1], row[2])).collect()
}

pub fn table(world: &World, sql: &str) -> String {
    world.rows(sql).into_iter().fold(String::new(), |mut text, row| {
        writeln!(text, "{}", row.join(" | ").replace(&world.monday(), "MONDAY")).unwrap();
        text
    })
}

/// How often the tables were written, and how often that was meant.
pub fn acts(world: &World) -> (usize, usize) {
    let history = History::read(&world.folder().join(".presscheck")).unwrap().unwrap();
    history.verify().unwrap();
    let acts = history.acts("report", ActKind::Publish, jiff::Timestamp::MIN).unwrap();
    (acts.iter().filter(|act| act.done.is_some()).count(), acts.len())
}

#[test]
fn what_is_certified_is_what_the_model_has() {
    let mut said = String::new();
    for world in worlds() {
        let mut told = String::new();
        let mut step = |what: &str, commands: &[&[&str]]| {
            for command in commands {
                let (code, said) = world.run(command);
                let said = if command[0] == "check" { world.summary() } else { said };
                writeln!(told, "== {what}: {} -> {code}\n{}", command.join(" "), world.plain(&said)).unwrap();
            }
        };
        step("nothing was decided", &[&["publish"]]);
        step("all is well", &[&["check", "--quiet"], &["publish"]]);
        assert_eq!(certified(&world), independent(&world, "margin") + &independent(&world, "revenue") + &independent(&world, "share"));
        let first = table(&world, VALUES);
        step("again", &[&["publish"]]);
        assert_eq!(table(&world, VALUES), first);
        world.sql(
            "update marts.report set margin = null where shop = 'south'; update marts.report set revenue = 90.10 where shop = 'south'",
        );
        step("a cost is missing", &[&["check", "--quiet"], &["publish"]]);
        assert_eq!(certified(&world), independent(&world, "revenue") + &independent(&world, "share"));
        step("it is held again", &[&["check", "--quiet"], &["publish"]]);
        writeln!(told, "{}\n{}", table(&world, VALUES), table(&world, STATUS)).unwrap();
        assert_eq!(acts(&world), (3, 3));
        if said.is_empty() {
            said = told;
        } else {
            assert_eq!(said, told, "{}", world.name());
        }
    }
    insta::assert_snapshot!("certified", said);
}

#[test]
fn what_is_not_what_was_checked_is_not_written() {
    let mut all = String::new();
    for world in worlds() {
        let mut told = String::new();
        let decide = || assert_eq!(world.run(&["check", "--quiet"]).0, 0);
        decide();
        assert_eq!(world.run(&["publish"]).0, 0);
        let before = table(&world, VALUES);
        let mut refused = |name: &str| {
            let (code, said) = world.run(&["publish"]);
            assert_eq!(code, 3, "{name}: {said}");
            writeln!(told, "== {name}\n{}", world.plain(&said)).unwrap();
            assert_eq!(table(&world, VALUES), before, "{name}: nothing was written");
        };
        decide();
        world.sql("update marts.report set revenue = revenue + 0.01 where shop = 'south'");
        refused("a value changed");
        world.sql("update marts.report set revenue = revenue - 0.01 where shop = 'south'");
        world.sql(&format!("insert into marts.report values (date '{}', 'west', 1.00, 1.00, 0.5)", world.monday()));
        refused("a row more");
        world.sql("delete from marts.report where shop = 'west'");
        decide();
        let old = world.decision();
        decide();
        let newest = world.decision();
        world.put_decision(&old);
        refused("an older decision");
        world.put_decision(&newest);
        world.sql("update marts.report set share = 'NaN' where shop = 'south'");
        decide();
        refused("no number");
        world.sql("update marts.report set share = 0.25 where shop = 'south'");
        world.sql("update marts.report set shop = 'north' where shop = 'south'");
        decide();
        refused("rows that nothing tells apart");
        world.sql("update marts.report set shop = 'south' where revenue < 100");
        decide();
        world.edit("contracts/report.yml", "reporting.certified", "reporting.other");
        refused("the contract was changed");
        world.sql("create table reporting.other (contract varchar(10), note varchar(10))");
        decide();
        refused("another table stands there");
        if all.is_empty() {
            all = told;
        } else {
            assert_eq!(all, told, "{}", world.name());
        }
    }
    insta::assert_snapshot!("refused", all);
}

#[test]
fn killed_anywhere_it_is_done_once() {
    for world in worlds() {
        let waits = std::env::var("PRESSCHECK_KILLS").ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(5);
        for wait in (0..waits).map(|at| 10 + at * 200 / waits) {
            assert_eq!(world.run(&["check", "--quiet"]).0, 0);
            world.killed(&["publish"], wait);
            let (code, said) = world.run(&["publish"]);
            assert_eq!(code, 0, "{}: killed after {wait} ms: {said}", world.name());
            let all = independent(&world, "margin") + &independent(&world, "revenue") + &independent(&world, "share");
            assert_eq!(certified(&world), all, "{}: killed after {wait} ms", world.name());
            let rows = world.rows("select count(*), count(distinct run), count(distinct published_at) from reporting.certified");
            assert_eq!(rows, [["6", "1", "1"]], "{}: killed after {wait} ms", world.name());
            assert!(world.run(&["publish"]).1.contains("was published before"));
        }
        assert_eq!(acts(&world), (usize::try_from(waits).unwrap(), usize::try_from(waits).unwrap()), "{}", world.name());
    }
}

#[test]
fn of_two_at_once_one_publishes() {
    for world in worlds() {
        for _ in 0..4 {
            assert_eq!(world.run(&["check", "--quiet"]).0, 0);
            let (one, other) = (world.start(&["publish"]), world.start(&["publish"]));
            let said: Vec<String> = [one, other].into_iter().map(world::ended).collect();
            let before = said.iter().filter(|said| said.contains("was published before")).count();
            assert_eq!(before, 1, "{}: {said:?}", world.name());
        }
        assert_eq!(acts(&world), (4, 4), "{}", world.name());
        assert_eq!(world.rows("select count(*), count(distinct run) from reporting.certified"), [["6", "1"]]);
    }
}

#[test]
fn the_value_of_an_earlier_week_is_shown_while_one_is_held() {
    for world in worlds() {
        assert_eq!(world.run(&["check", "--quiet"]).0, 0);
        assert_eq!(world.run(&["publish"]).0, 0);
        // As if that had been the week before.
        let day = "interval '7 day'";
        world.sql(&format!(
            "update reporting.certified set interval_start = interval_start - {day}, interval_end = interval_end - {day}, as_of_start = as_of_start - {day}, \
             as_of_end = as_of_end - {day}"
        ));
        world
            .sql("update marts.report set margin = null where shop = 'south'; update marts.report set margin = 99.99 where shop = 'north'");
        assert_eq!(world.run(&["check", "--quiet"]).0, 1);
        let (code, said) = world.run(&["publish"]);
        assert_eq!((code, said.contains("held at the last safe value: Margin")), (0, true), "{said}");
        let margin = "select cast(value as decimal(9,2)), shown, case when as_of_end = interval_start then 'the week before' when as_of_end = interval_end then 'this week' end \
                      from reporting.certified where metric = 'margin' order by interval_start, value";
        let (before, kept) = ("the week before", "last_safe");
        let shown = world.rows(margin);
        assert_eq!(shown[..2], [["20.05", "certified", "this week"], ["40.25", "certified", "this week"]]);
        assert_eq!(shown[2..], [["20.05", kept, before], ["40.25", kept, before]], "{}", world.name());
        // Blank where the contract wants no earlier value.
        world.edit("contracts/report.yml", ", when_held: last_safe", "");
        assert_eq!(world.run(&["check", "--quiet"]).0, 1);
        assert!(world.summary().ends_with("margin is held."), "{}", world.summary());
        assert_eq!(world.run(&["publish"]).0, 0);
        assert_eq!(world.rows(margin)[2..], [["-", "blank", "-"]]);
        assert_eq!(
            world.rows("select shown, case when as_of is null then 'never' end from reporting.status where metric = 'margin'"),
            [["blank", "never"]]
        );
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_commit_of_which_nobody_heard_is_not_repeated() {
    let world = World::postgres();
    let decide = || assert_eq!(world.run(&["check", "--quiet"]).0, 0);
    decide();
    assert_eq!(world.run(&["publish"]).0, 0);
    world.sql(
        "create function reporting.slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.7); return null; end'; \
         create constraint trigger slow after insert on reporting.status deferrable initially deferred for each row execute function reporting.slow()",
    );
    decide();
    let decision: serde_json::Value = serde_json::from_slice(&world.decision()).unwrap();
    let run = decision["run"].as_str().unwrap();
    // The server is at its COMMIT then, and goes on alone.
    world.killed(&["publish"], 1300);
    let there = format!("select distinct published_at from reporting.certified where run = '{run}'");
    assert!(world.rows(&there).is_empty(), "it was killed before the end");
    let begun = std::time::Instant::now();
    while world.rows(&there).is_empty() && begun.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let written = world.rows(&there);
    assert_eq!(written.len(), 1, "the server committed");
    assert_eq!(acts(&world), (1, 2));
    world.sql("drop trigger slow on reporting.status");
    assert_eq!(world.run(&["publish"]).0, 0);
    assert_eq!(world.rows(&there), written, "nothing was written again");
    assert_eq!(acts(&world), (2, 2));
}

#[cfg(feature = "postgres")]
#[test]
fn roles_with_the_printed_grants_suffice() {
    let world = World::postgres();
    let database = world.database();
    let (reader, publisher) = (format!("reader_{database}"), format!("publisher_{database}"));
    world.sql(&format!("create role {reader} login; create role {publisher} login"));
    let grants = |arguments: &[&str]| {
        let (code, sql) = world.out(&[&["grants", "--quiet", "--for", "postgres"], arguments].concat());
        assert_eq!(code, 0, "{sql}");
        world.sql(&sql);
    };
    grants(&["--role", &reader]);
    grants(&["--role", &publisher, "--publish"]);
    world.edit("profiles.yml", "user: presscheck", &format!("user: {reader}"));
    let profiles = std::fs::read_to_string(world.folder().join("profiles.yml")).unwrap();
    let target = profiles.split_once("dev: ").unwrap().1.trim_end().trim_end_matches('}').to_owned() + "}";
    let with = format!("shop: {{target: dev, outputs: {{dev: {target}, publisher: {}}}}}\n", target.replace(&reader, &publisher));
    std::fs::write(world.folder().join("profiles.yml"), with).unwrap();
    assert_eq!(world.run(&["check", "--quiet"]).0, 0);
    let (code, said) = world.run(&["publish"]);
    assert!(code == 3 && said.contains("permission denied"), "the reader writes nothing: {said}");
    std::fs::write(world.folder().join("presscheck.yml"), "publish: {target: publisher}\n").unwrap();
    assert_eq!(world.run(&["check", "--quiet"]).0, 0);
    let (code, said) = world.run(&["publish"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(world.rows("select count(*) from reporting.certified"), [["6"]]);
}
