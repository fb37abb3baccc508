//! The sorts of a relation's columns: by the types that the artifacts name, or by what its SQL gives.
//!
//! Not for what a name of a type means (see `kind`).

use std::collections::BTreeSet;

use super::kind::{Kind, Types};
use super::model::EXACT;
use super::traced::Traced;
use crate::dbt::{Column, Node};

/// Those of the columns that the artifacts list, in their order: the catalog's types, else those that the documentation or a seed's configuration
/// gives.
pub(super) fn listed(node: &Node, types: Types) -> Vec<Option<Kind>> {
    let columns = node.catalog_columns.as_ref().unwrap_or(&node.columns);
    let written = |column: &Column| {
        let seed = || node.column_types.get(&column.name).cloned();
        column.data_type.clone().or_else(|| documented(node, &column.name)).or_else(seed)
    };
    columns.iter().map(|column| Kind::named(&written(column)?, types)).collect()
}

/// Those of a model that was read. What its SQL gives is what it holds, unless it is kept from run to run or dbt converts it: an enforced contract
/// creates the table with the types that it names.
pub(super) fn of_model(node: &Node, traced: &Traced, types: Types) -> Vec<Option<Kind>> {
    let exact = EXACT.contains(&node.materialized.as_str());
    let kinds = traced.columns.iter().zip(&traced.kinds).enumerate();
    kinds
        .map(|(at, (name, &read))| {
            if node.enforced.is_some() {
                return Kind::named(&documented(node, name)?, types);
            }
            let read = Some(read).filter(|kind| ![Kind::UNKNOWN, Kind::NULL].contains(kind));
            if exact && read.is_some() {
                return read;
            }
            let catalog = node.catalog_columns.as_deref().map_or(&[][..], Vec::as_slice);
            let here = catalog.get(at).filter(|column| column.name.eq_ignore_ascii_case(name));
            let column = here.or_else(|| catalog.iter().find(|column| column.name.eq_ignore_ascii_case(name)));
            column.and_then(|column| Kind::named(column.data_type.as_deref()?, types)).or(read)
        })
        .collect()
}

/// Whether rows that differ in these columns of the query still differ in the table that dbt makes of it.
pub(super) fn keeps(node: &Node, traced: &Traced, kinds: &[Option<Kind>], key: &BTreeSet<usize>) -> bool {
    // A number with less places is another number.
    let same = |at: &usize| traced.kinds.get(*at).is_some_and(|&read| read != Kind::DECIMAL && kinds.get(*at) == Some(&Some(read)));
    node.enforced.is_none() || key.iter().all(same)
}

fn documented(node: &Node, name: &str) -> Option<String> {
    node.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)).and_then(|column| column.data_type.clone())
}
