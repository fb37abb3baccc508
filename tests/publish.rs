//! `presscheck publish`, through the program, on real engines: what stands in the tables is what an independent query of the model gives, each thing is done once, and what
//! is not what was checked is not written.

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

fn table(world: &World, sql: &str) -> String {
    world.rows(sql).into_iter().fold(String::new(), |mut text, row| {
        writeln!(text, "{}", row.join(" | ").replace(&world.monday(), "MONDAY")).unwrap();
        text
    })
}

/// How often the tables were written, and how often that was meant.
fn acts(world: &World) -> (usize, usize) {
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
        for wait in [5, 20, 40, 60, 80, 100, 140, 200] {
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
        assert_eq!(acts(&world), (8, 8), "{}", world.name());
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
