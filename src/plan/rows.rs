//! What two relations are asked whose rows are compared: their rows, and how each engine sums them up. Not for what a difference means.

use serde_json::{Map, Value, json};

use super::compare::{Checksums, Comparison, How, Side};
use super::ground::{Ground, Placed};
use super::measure::Ready;
use crate::check::alike::Class;
use crate::check::field::Sort;
use crate::check::reconcile_rows::{ReconcileRows, Strategy};
use crate::diagnostic::{At, Finding, codes};
use crate::macros::{self, Call};

/// What each side is asked, and why in that way.
pub(super) fn comparison(spec: &ReconcileRows, ready: &Ready<'_>, ground: &Ground<'_>) -> Result<Comparison, Finding> {
    let strategy = spec.strategy.as_ref().map(|strategy| strategy.value).unwrap_or_default();
    let near = ready.places.iter().all(|place| is_near(place, ground));
    let (left, right) = (side(spec, ready, ground, 0)?, side(spec, ready, ground, 1)?);
    let without: Vec<&str> = [&left, &right]
        .into_iter()
        .zip(&ready.sides)
        .filter(|(side, _)| side.checksums.is_none())
        .map(|(_, macros)| macros.dialect())
        .collect();
    let streamed = "rows stream by and are hashed here; those of segments that differ are fetched again";
    let summed = "both engines sum up segments of rows; only rows of segments that differ are fetched";
    let why = match (strategy, without.first()) {
        (Strategy::Stream, _) => format!("strategy stream, as the contract says: {streamed}"),
        (Strategy::Checksums, Some(dialect)) => {
            let finding = Finding::error(codes::BAD_CHECK, format!("no checksums of {dialect} are known to be those of another engine"));
            let place = spec.strategy.as_ref().map(|strategy| strategy.span).unwrap_or_default();
            return Err(finding.at(place).help("write strategy: stream"));
        }
        (Strategy::Checksums, None) => format!("strategy checksums, as the contract says: {summed}"),
        (Strategy::Auto, Some(dialect)) => {
            format!("strategy stream, because {dialect} has no checksums that are those of another engine: {streamed}")
        }
        (Strategy::Auto, None) if near => {
            format!(
                "strategy stream, because both sides are on this machine (checksums if their statistics say that rows are wide): {streamed}"
            )
        }
        (Strategy::Auto, None) => {
            format!(
                "strategy checksums, because a side is over the network (stream if there are few rows, or a type has no common text): {summed}"
            )
        }
    };
    Ok(Comparison { left, right, how: How::Rows { strategy, near, why } })
}

fn is_near(place: &Placed<'_>, ground: &Ground<'_>) -> bool {
    match &place.connection {
        None => ground.options.given.near,
        Some(name) => ground.options.given.connections.get(name).is_some_and(|one| one.as_ref().is_ok_and(|one| one.near)),
    }
}

/// One side: the key and the columns, or all of them where the contract names none.
fn side(spec: &ReconcileRows, ready: &Ready<'_>, ground: &Ground<'_>, at: usize) -> Result<Side, Finding> {
    let dialect = ready.sides[at].dialect();
    let quoted = |name: &At<String>| {
        let wrong = || Finding::error(codes::BAD_CHECK, format!("`{name}` cannot be the name of a column")).at(name.span);
        macros::identifier(name, dialect).ok_or_else(wrong)
    };
    let keys = spec.key.iter().map(quoted).collect::<Result<Vec<_>, _>>()?;
    let key = keys.first().cloned();
    let listed = match &spec.columns {
        Some(columns) => keys.into_iter().map(Ok).chain(columns.iter().map(quoted)).collect::<Result<Vec<_>, _>>()?.join(", "),
        None => "*".to_owned(),
    };
    let sql = format!("select {listed} from {} as rows_of", ready.limited[at]);
    let checksums = checksums(spec, ready, ground, at)?;
    Ok(Side { connection: ready.places[at].connection.clone(), relation: ready.relations[at].clone(), sql, key, checksums })
}

/// How the side's engine sums up rows; `None` where it has no text for any value.
fn checksums(spec: &ReconcileRows, ready: &Ready<'_>, ground: &Ground<'_>, at: usize) -> Result<Option<Checksums>, Finding> {
    let macros = ready.sides[at];
    let relations = ["@relation@".to_owned()];
    let piece = |name: &str, arguments: Value| {
        let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
        let interval = ground.options.interval.as_ref();
        macros.piece(
            &Call { kind: "reconcile_rows", columns: &[], lists: false, arguments: &arguments, relations: &relations, interval },
            name,
        )
    };
    let digits = spec.float_digits.as_ref().map(|digits| digits.value);
    let mut pairs = vec![
        (Sort::Whole, Class::Number),
        (Sort::Exact, Class::Number),
        (Sort::Text, Class::Text),
        (Sort::Bool, Class::Bool),
        (Sort::Day, Class::Day),
        (Sort::Day, Class::Local),
        (Sort::Local, Class::Local),
        (Sort::Instant, Class::Instant),
        (Sort::Float, Class::Float),
    ];
    if let Some(digits) = digits {
        pairs.extend([Sort::Whole, Sort::Exact, Sort::Float].map(|sort| (sort, Class::Digits(digits))));
    }
    let mut cells = std::collections::BTreeMap::new();
    for (sort, class) in pairs {
        let arguments = json!({ "column": "@column@", "sort": sort.name(), "class": class.name(), "digits": digits });
        let cell = piece("cell", arguments)?;
        if !cell.is_empty() {
            cells.insert(Checksums::entry(&sort, class), cell);
        }
    }
    let mut sums = std::collections::BTreeMap::new();
    for sort in [Sort::Whole, Sort::Exact] {
        sums.insert(sort.name().to_owned(), piece("sum", json!({ "column": "@column@", "sort": sort.name() }))?);
    }
    let by = |by: &str| json!({ "by": by });
    let (by_range, by_hash) = (piece("segments", by("range"))?, piece("segments", by("hash"))?);
    let rows = piece("rows", json!({}))?;
    let missing = cells.is_empty() || by_range.is_empty() || by_hash.is_empty() || rows.is_empty() || sums.values().any(String::is_empty);
    Ok((!missing).then(|| Checksums { dialect: macros.dialect().to_owned(), cells, sums, by_range, by_hash, rows }))
}
