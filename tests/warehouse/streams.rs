//! Rows that stream by, on every engine of the suite.

use presscheck::check::field::{Column, Field, Record, Sort};
use presscheck::check::measurement::Cell;
use presscheck::check::outcome::{Fault, Reason};

use super::LIMIT;
use super::suite::{Engine, ask, table};

/// All rows come, more than one look at an answer reads; and a reader who has enough can go on with the next statement.
pub fn rows_stream_by(engine: &dyn Engine) {
    let mut session = engine.open().session().expect("a session");
    let sql = format!("select a from {}", engine.relation(table("many")));
    let (mut rows, mut sum) = (0, 0);
    let mut add = |_: &[Column], record: &dyn Record| {
        let Field::Whole(value) = record.field(0) else { panic!("{}: {:?}", engine.name(), record.field(0)) };
        (rows, sum) = (rows + 1, sum + value);
        Ok(())
    };
    let columns = session.stream(&sql, LIMIT, &mut add).expect("rows");
    assert_eq!((rows, sum), (1500, 1499 * 750), "{}", engine.name());
    assert_eq!(columns, [Column { name: "a".into(), sort: Sort::Whole }], "{}", engine.name());
    let mut rows = 0;
    let enough = session.stream(&sql, LIMIT, &mut |_: &[Column], _: &dyn Record| {
        rows += 1;
        if rows == 10 { Err(Fault { reason: Reason::BudgetExceeded, detail: "enough".into() }) } else { Ok(()) }
    });
    assert_eq!(enough.expect_err("a reader who has enough").detail, "enough", "{}", engine.name());
    assert_eq!(ask(session.as_mut(), "select 1 as one"), [Cell::Int(1)], "{}", engine.name());
    let faulty = session.stream("select nothing from nowhere", LIMIT, &mut |_: &[Column], _: &dyn Record| Ok(()));
    let reason = faulty.expect_err("a relation that is not there").reason;
    assert!(matches!(reason, Reason::MissingRelation | Reason::QueryError), "{}: {reason:?}", engine.name());
}

/// The engine's rows and sums with DuckDB's: equal ones, and some that differ.
#[cfg(feature = "postgres")]
pub fn compared(engine: &dyn Engine) {
    use crate::plan::{across, told};
    let warehouse = engine.open();
    let relation = engine.relation(table("ledger"));
    let rows =
        |rows: &str| format!("create table t as select sku, cast(amount as decimal(12, 2)) as amount from (values {rows}) v(sku, amount)");
    let checks = format!(
        "- reconcile_rows: {{name: rows, left: {{model: t}}, right: {{connection: finance, relation: '{relation}'}}, key: [sku], float_digits: 15}}\n\
         - reconcile: {{name: sums, left: {{model: t, value: sum(amount)}}, right: {{connection: finance, relation: '{relation}', value: sum(amount)}}, by: [sku]}}"
    );
    let plan = across::planned_for(&checks, warehouse.dialect(), true).expect("a plan");
    let said = |left: &str| {
        let own = crate::warehouse::Database::of(left).open_and_keep();
        let outcomes = across::ended(&plan, &own, warehouse.as_ref(), presscheck::execute::MOVED);
        outcomes.iter().map(|(id, outcome)| format!("{id}: {}", told(outcome))).collect::<Vec<_>>().join("\n")
    };
    let equal = said(&rows("('A', 201.75), ('B', -1.25), ('C', 1.00)"));
    assert_eq!(equal, "rows: pass: 0 keys of 3\nsums: pass: 0 keys of 3", "{}", engine.name());
    let apart = said(&rows("('A', 201.76), ('B', -1.25), ('D', 1.00)"));
    let keys = "3 keys in disagreement: 1";
    let missing = "1 missing on the right, 1 missing on the left";
    let wanted = format!("rows: Hold: {keys} with other values, {missing}: A, C, D\nsums: Hold: {keys} beyond the tolerance, {missing}");
    assert_eq!(apart, wanted, "{}", engine.name());
}
