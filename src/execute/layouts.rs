//! Which columns of two relations are compared, where they stand on each side and as what. Not for their values.

use crate::check::alike::Class;
use crate::check::field::{Column, Sort};
use crate::check::judge::fault;
use crate::check::outcome::{Fault, Reason};
use crate::check::reconcile_rows::ReconcileRows;
use crate::check::rows::Layout;
use crate::macros;
use crate::plan::compare::Comparison;

/// The columns that are compared, and how each side's rows are read.
pub(super) struct Layouts {
    pub(super) names: Vec<String>,
    pub(super) excluded: Vec<String>,
    pub(super) sides: [Layout; 2],
    /// All columns of each side.
    pub(super) columns: [Vec<Column>; 2],
    /// How each side's engine quotes names.
    dialects: [Option<String>; 2],
    /// Whether the first part of the key is a whole number on both sides.
    pub(super) whole: bool,
}

impl Layouts {
    /// The name of a side's column in SQL that its engine sums up; `None` where it does not, or the name cannot be written.
    pub(super) fn quoted(&self, side: usize, column: usize) -> Option<String> {
        let dialect = self.dialects.get(side)?.as_deref()?;
        macros::exact_identifier(&self.columns.get(side)?.get(column)?.name, dialect)
    }

    /// In SQL of a side's engine: that no part of the key is NULL.
    pub(super) fn present(&self, side: usize) -> String {
        let keys = self.sides.get(side).map(|layout| layout.keys.as_slice()).unwrap_or_default();
        let present = keys.iter().filter_map(|(place, _)| self.quoted(side, *place)).map(|name| format!("{name} is not null"));
        present.collect::<Vec<_>>().join(" and ")
    }
}

/// Finds the key and the columns on both sides.
pub(super) fn layouts(spec: &ReconcileRows, comparison: &Comparison, columns: [Vec<Column>; 2]) -> Result<Layouts, Fault> {
    let [left, right] = &columns;
    let find = |columns: &[Column], name: &str, side: &str| {
        found(columns, name).ok_or_else(|| fault(Reason::MissingColumn, format!("there is no column `{name}` on the {side}")))
    };
    let digits = spec.float_digits.as_ref().map(|digits| digits.value);
    let mut wrong = Vec::new();
    let mut pair = |name: &str, l: usize, r: usize| {
        Class::of(&left[l].sort, &right[r].sort, digits).map_err(|why| wrong.push(format!("`{name}` is {why}"))).ok()
    };
    let mut sides = [Layout { keys: Vec::new(), columns: Vec::new() }, Layout { keys: Vec::new(), columns: Vec::new() }];
    let mut whole = false;
    for (at, name) in spec.key.iter().enumerate() {
        let (l, r) = (find(left, name, "left")?, find(right, name, "right")?);
        whole |= at == 0 && left[l].sort == Sort::Whole && right[r].sort == Sort::Whole;
        if let Some(class) = pair(name, l, r) {
            sides[0].keys.push((l, class));
            sides[1].keys.push((r, class));
        }
    }
    let keys: Vec<usize> = sides[0].keys.iter().map(|(at, _)| *at).collect();
    let wanted = match &spec.columns {
        Some(columns) => {
            let one =
                |name: &crate::diagnostic::At<String>| Ok((name.value.clone(), find(left, name, "left")?, find(right, name, "right")?));
            columns.iter().map(one).collect::<Result<Vec<_>, Fault>>()?
        }
        None => in_common(spec, left, right, &keys)?,
    };
    let mut names = Vec::new();
    for (name, l, r) in wanted {
        if let Some(class) = pair(&name, l, r) {
            sides[0].columns.push((l, class));
            sides[1].columns.push((r, class));
            names.push(name);
        }
    }
    if !wrong.is_empty() {
        let detail = format!("{}: not comparable; list the others under `columns`, or give both sides one type", wrong.join("; "));
        return Err(fault(Reason::WrongType, detail));
    }
    let excluded = spec.exclude.iter().flat_map(|exclude| exclude.iter()).map(|name| name.value.clone()).collect();
    let dialects = comparison.sides().map(|side| side.checksums.as_ref().map(|checksums| checksums.dialect.clone()));
    Ok(Layouts { names, excluded, sides, columns, dialects, whole })
}

/// Where a column of this name stands, case aside where that leaves one.
fn found(columns: &[Column], name: &str) -> Option<usize> {
    let bare = name.trim().trim_matches(['"', '`']);
    let exact = columns.iter().position(|column| column.name == bare);
    let alike = || {
        let mut alike = columns.iter().enumerate().filter(|(_, column)| column.name.eq_ignore_ascii_case(bare));
        alike.next().filter(|_| alike.next().is_none()).map(|(at, _)| at)
    };
    exact.or_else(alike)
}

/// Every column but the key and what is excluded, where it stands on both sides.
///
/// # Errors
/// A column that one side alone has: a column that was dropped is a difference, and nothing compares it.
fn in_common(spec: &ReconcileRows, left: &[Column], right: &[Column], keys: &[usize]) -> Result<Vec<(String, usize, usize)>, Fault> {
    let excluded = |columns: &[Column]| -> Vec<usize> {
        spec.exclude.iter().flat_map(|exclude| exclude.iter()).filter_map(|name| found(columns, name)).collect()
    };
    let mut unknown = spec.exclude.iter().flat_map(|exclude| exclude.iter());
    if let Some(name) = unknown.find(|name| found(left, name).is_none() && found(right, name).is_none()) {
        return Err(fault(Reason::MissingColumn, format!("`exclude` names `{name}`, which neither side has")));
    }
    let (without, without_right) = (excluded(left), excluded(right));
    let (mut shared, mut taken, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for (l, column) in left.iter().enumerate() {
        match found(right, &column.name) {
            Some(r) => {
                taken.push(r);
                if !keys.contains(&l) && !without.contains(&l) {
                    shared.push((column.name.clone(), l, r));
                }
            }
            None if keys.contains(&l) || without.contains(&l) => {}
            None => alone.push(format!("`{}` (left)", column.name)),
        }
    }
    let of_right = right.iter().enumerate().filter(|(r, _)| !taken.contains(r) && !without_right.contains(r));
    alone.extend(of_right.map(|(_, column)| format!("`{}` (right)", column.name)));
    if alone.is_empty() {
        return Ok(shared);
    }
    let detail = format!("one side alone has {}", alone.join(", "));
    Err(fault(
        Reason::MissingColumn,
        format!("{detail}: leave out under `exclude` what need not be there, or list what must agree under `columns`"),
    ))
}
