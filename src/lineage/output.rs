//! The columns that a SELECT puts out -> its shape: fields, rows, and which sets of fields tell the rows apart.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::group;
use super::influence::Influences;
use super::relation::ColumnName;
use super::scope::{Scope, Spot};
use super::shape::{DECLARED, Field, Numbering, Open, Shape, add_key};

/// One column of the select list.
pub(super) struct Output {
    pub(super) field: Field,
    /// The field that it is, if it is nothing more.
    pub(super) spot: Option<Spot>,
    /// The expression, if it is not from a star: the group key that it may be.
    pub(super) key: Option<usize>,
    /// For `row_number()`: the fields that it is partitioned by.
    pub(super) partition: Option<BTreeSet<Spot>>,
}

/// The shape of the select list: fields, rows, and which sets of fields tell the rows apart. `thinned`: rows were taken out before anything of the
/// list was computed.
pub(super) fn assemble(
    scope: &Scope<'_>,
    outputs: Vec<Output>,
    open: Vec<Open>,
    grouped: &group::Grouped,
    multiplied: Influences,
    thinned: bool,
) -> Shape {
    let at = |spot: &Spot| match *spot {
        (DECLARED, _) => Some(DECLARED),
        spot => outputs.iter().position(|output| output.spot == Some(spot)),
    };
    let mapped = |spots: &BTreeSet<Spot>| spots.iter().map(at).collect::<Option<BTreeSet<usize>>>();
    let mut keys: Vec<BTreeSet<usize>> = scope.keys.iter().filter_map(mapped).collect();
    let by_key =
        (0..grouped.keys).map(|key| outputs.iter().position(|output| output.key == Some(key))).collect::<Option<BTreeSet<usize>>>();
    if let Some(key) = by_key.filter(|_| grouped.tells_rows_apart) {
        add_key(&mut keys, key);
    }
    let mut numbers: Vec<Option<Numbering>> = Vec::with_capacity(outputs.len());
    for output in &outputs {
        let passed = || {
            let (spot, [table]) = (output.spot?, scope.tables.as_slice()) else { return None };
            let inner = table.fields.get(spot.1)?.numbers.as_ref()?;
            let by = inner.by.iter().map(|&field| (spot.0, field)).collect::<BTreeSet<Spot>>();
            scope.groups.is_none().then_some((by, inner.whole && !thinned))
        };
        let counted = output.partition.clone().map(|by| (by, true)).or_else(passed);
        numbers.push(counted.and_then(|(by, whole)| Some(Numbering { by: mapped(&by)?, whole })));
    }
    let mut shape = Shape {
        rows: scope.rows.clone(),
        open,
        keys,
        order: Influences::default(),
        fields: outputs.into_iter().map(|output| output.field).collect(),
    };
    if !multiplied.is_empty() {
        shape.rows.decided_by(&multiplied);
        shape.keys.clear();
        numbers.iter_mut().for_each(|numbers| *numbers = None);
    }
    for (field, numbers) in shape.fields.iter_mut().zip(numbers) {
        field.numbers = numbers;
    }
    shape
}

/// DuckDB: of several columns of one name all but the first get a number, `a_1`, that no column before it has.
pub(super) fn number_duplicates(fields: &mut [Field]) {
    let mut taken: HashSet<Arc<str>> = HashSet::with_capacity(fields.len());
    for field in fields {
        if taken.insert(Arc::clone(&field.name)) {
            continue;
        }
        let mut numbered = (1..).map(|number| format!("{}_{number}", field.written));
        let free = numbered.find(|name| !taken.contains(&*name.to_lowercase()));
        if let Some(free) = free {
            let name = ColumnName::new(&free);
            (field.written, field.name) = (name.written, Arc::clone(&name.lower));
            taken.insert(name.lower);
        }
    }
}
