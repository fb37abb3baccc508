//! A decision -> its rows of the table of certified values. Numbers are copied inside of the warehouse and stay what they were when they were checked, or nothing is
//! published.

use std::collections::BTreeMap;

use super::statement::{about, caveat, interval, maybe, moment, of_run, text, verdict};
use super::{Engine, VALUES};
use crate::plan::Values;
use crate::record::{Document, MetricRecord, Verdict};
use crate::warehouse::writer::Step;

/// Replaces the values of this contract and interval. `sources` has every metric that is not held.
///
/// # Errors
/// Why the decision cannot be published, for people.
pub(super) fn values(
    engine: Engine,
    relation: &str,
    document: &Document,
    sources: &BTreeMap<String, Result<Values, String>>,
) -> Result<Vec<Step>, String> {
    let [start, _] = interval(document)?;
    let mut steps = Vec::new();
    for metric in &document.metrics {
        match metric.verdict {
            Verdict::Publish | Verdict::Warn => {
                let missing = || format!("nothing says where the values of {} stand", metric.title);
                let source = sources.get(&metric.id).ok_or_else(missing)?;
                let source = source.as_ref().map_err(|why| format!("{} cannot be published: {why}", metric.title))?;
                steps.extend(certified(engine, relation, document, metric, source)?);
            }
            Verdict::Hold => steps.extend(held(relation, document, metric)?),
        }
    }
    // What earlier decisions left of the interval goes last: a value that is kept may be among it.
    steps.push(Step::Do(format!("delete from {relation} where {} and run <> {}", about(document, start), text(&document.run))));
    Ok(steps)
}

/// What is shown of each metric now: metric, what, rows, first instant of the interval that it is of.
pub(super) fn told(relation: &str, document: &Document) -> Step {
    let rows = format!("from {relation} where {} group by metric, shown order by metric, shown", of_run(document));
    Step::Tell(format!("select metric, shown, count(*), max(as_of_start) {rows}"))
}

fn certified(engine: Engine, relation: &str, document: &Document, metric: &MetricRecord, source: &Values) -> Result<Vec<Step>, String> {
    let title = &metric.title;
    let noted = metric.values.as_ref().ok_or_else(|| format!("the decision did not note the values of {title}: decide again"))?;
    let (Some(seen), Some(fingerprint)) = (&noted.rows, &noted.fingerprint) else {
        let why = noted.missing.map_or("the decision says nothing of them", crate::sentence::reason_words);
        return Err(format!("the values of {title} could not be noted while its checks were asked: {why}"));
    };
    if noted.sql_hash.as_deref() != Some(blake3::hash(source.fingerprint.as_bytes()).to_hex().as_str()) {
        return Err(format!("the values of {title} stand elsewhere now than when it was decided: decide again"));
    }
    let seen: u64 = seen.parse().map_err(|_| format!("`{seen}` is no number of rows"))?;
    if seen == 0 {
        return Err(format!("{title} has no row for the interval, so there is nothing to certify"));
    }
    let [start, end] = interval(document)?;
    let rows = &source.rows;
    let zero = |sql: String, otherwise: String| Step::MustBeZero { sql, otherwise };
    let shown = [
        "now.grain".to_owned(),
        number(engine, "now.value"),
        text("certified"),
        text(verdict(metric.verdict)),
        maybe(caveat(metric).as_deref()),
        text(&metric.sentence),
        moment(start),
        moment(end),
        moment(Some(document.decided_at)),
        text(&document.run),
    ];
    Ok(vec![
        zero(
            format!(
                "select count(*) from ({}) as noted where noted.seen <> {seen} or noted.fingerprint <> {}",
                source.fingerprint,
                text(fingerprint)
            ),
            format!("{title} is no longer what was checked: its values were changed since"),
        ),
        zero(
            format!("select count(*) - count(distinct now.grain) from ({rows}) as now"),
            format!(
                "{title} has several rows that nothing tells apart: write `grain:`, the columns of the model's key, beside `relation:`"
            ),
        ),
        zero(
            format!("select count(*) from ({rows}) as now where now.value is not null and ({})", inexact(engine)),
            format!("{title} has values that are no finite numbers, or have more digits than the table keeps"),
        ),
        zero(
            format!("select case when count(now.value) = 0 then 1 else 0 end from ({rows}) as now"),
            format!("{title} has no number for the interval, so there is nothing to certify"),
        ),
        Step::Do(insert(relation, document, metric, &shown, &format!("from ({rows}) as now"))?),
    ])
}

/// The number as the table keeps it: by way of its text, which has every digit that counts.
fn number(engine: Engine, value: &str) -> String {
    match engine {
        Engine::Postgres => format!("cast(cast({value} as text) as numeric)"),
        Engine::DuckDb => format!("cast(cast({value} as varchar) as decimal(38,18))"),
    }
}

/// What would not be the same number in the table, or is none. Of a binary fraction the eighteenth place is rounded; a decimal number stays exact.
fn inexact(engine: Engine) -> String {
    match engine {
        // Unbounded and exact, but for what is no number; a text that is none is refused by the cast.
        Engine::Postgres => "lower(cast(now.value as text)) in ('nan', 'infinity', '-infinity')".to_owned(),
        Engine::DuckDb => {
            let written = "cast(now.value as varchar)";
            let kept = format!("try_cast({written} as decimal(38,18))");
            let plain = |sql: &str| format!("rtrim(case when contains({sql}, '.') then {sql} else {sql} || '.' end, '0')");
            let differs = format!("{} <> {}", plain(written), plain(&format!("cast({kept} as varchar)")));
            format!("{kept} is null or (typeof(now.value) not in ('DOUBLE', 'FLOAT') and {differs})")
        }
    }
}

/// The earlier value that was certified last, where the contract wants it shown and there is one; else a blank.
fn held(relation: &str, document: &Document, metric: &MetricRecord) -> Result<Vec<Step>, String> {
    let [start, _] = interval(document)?;
    let words = [text(verdict(metric.verdict)), maybe(caveat(metric).as_deref()), text(&metric.sentence)];
    let own = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    let mut steps = Vec::new();
    if metric.last_safe {
        let not_later = match start {
            Some(start) => format!("as_of_start <= {}", moment(Some(start))),
            None => "as_of_start is null".to_owned(),
        };
        let safe = format!(
            "contract = {} and metric = {} and shown in ('certified', 'last_safe') and run <> {} and {not_later}",
            text(&document.contract),
            text(&metric.id),
            text(&document.run)
        );
        // Of the copies of one value any will do; the newest value counts.
        let home =
            format!("select run from {relation} where {safe} order by as_of_end desc nulls last, certified_at desc, decided_at limit 1");
        let last = format!("from (select * from {relation} where {safe} and run = ({home})) as safe");
        let mut shown = own(&["safe.grain", "safe.value", "'last_safe'"]);
        shown.extend(words.iter().cloned());
        shown.extend(own(&["safe.as_of_start", "safe.as_of_end", "safe.certified_at", "safe.certified_by"]));
        steps.push(Step::Do(insert(relation, document, metric, &shown, &last)?));
    }
    let mut shown = own(&["''", "null", "'blank'"]);
    shown.extend(words);
    shown.extend(own(&["null", "null", "null", "null"]));
    let none = format!("where not exists (select 1 from {relation} where {} and metric = {})", of_run(document), text(&metric.id));
    steps.push(Step::Do(insert(relation, document, metric, &shown, &none)?));
    Ok(steps)
}

fn insert(relation: &str, document: &Document, metric: &MetricRecord, shown: &[String], from: &str) -> Result<String, String> {
    let [start, end] = interval(document)?;
    let whose =
        [text(&document.contract), text(&metric.id), text(&document.report), text(&metric.title), moment(start), moment(end)].join(", ");
    let act =
        [text(&document.run), moment(Some(document.decided_at)), "current_timestamp".to_owned(), text(&super::key(document, "tables"))];
    Ok(format!("insert into {relation} ({}) select {whose}, {}, {} {from}", VALUES.names(), shown.join(", "), act.join(", ")))
}
