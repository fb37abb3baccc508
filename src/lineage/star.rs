//! `*`, `t.*` and what may follow them: EXCLUDE, EXCEPT, REPLACE, RENAME.
//!
//! A star over a table whose columns are not completely known stays open: its other columns are found by name, when somebody asks for one.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, IdentWithAlias, RenameSelectItem, SelectItemQualifiedWildcardKind, Spanned, WildcardAdditionalOptions,
};

use super::graph::EdgeKind;
use super::kind::Kind;
use super::output::Output;
use super::parse::{Read, Unclear};
use super::resolve::{Place, Reader, object_parts};
use super::scope::{Scope, Sight, Spot};
use super::shape::{Field, Open};

/// What follows the star.
struct Options<'a> {
    without: BTreeSet<String>,
    renamed: BTreeMap<String, &'a str>,
    replaced: BTreeMap<String, &'a Expr>,
    /// Only columns whose lower-cased names are like this.
    like: Option<regex::Regex>,
}

/// ILIKE as a pattern for lower-cased names.
fn like(pattern: &str) -> Read<regex::Regex> {
    let text: String = regex::escape(&pattern.to_lowercase()).replace('%', ".*").replace('_', ".");
    regex::Regex::new(&format!("^{text}$")).map_err(|_| Unclear::new(format!("a star with ILIKE '{pattern}'")))
}

impl Reader<'_> {
    /// Writes the columns that a star stands for.
    pub(super) fn star(
        &mut self,
        of: Option<&SelectItemQualifiedWildcardKind>,
        options: &WildcardAdditionalOptions,
        scope: &Scope<'_>,
        outputs: &mut Vec<Output>,
        open: &mut Vec<Open>,
    ) -> Read<()> {
        let options = read(options)?;
        let only = match of {
            None => None,
            Some(SelectItemQualifiedWildcardKind::ObjectName(name)) => match scope.table(&object_parts(name)) {
                Some(table) => Some(table),
                None => {
                    let names: Option<Vec<Ident>> = name.0.iter().map(|part| part.as_ident().cloned()).collect();
                    let unclear = || Unclear::at(format!("no table is called {name}"), name.span());
                    let value = match names.ok_or_else(unclear)?.as_slice() {
                        [only] => Expr::Identifier(only.clone()),
                        several => Expr::CompoundIdentifier(several.to_vec()),
                    };
                    open.push(self.fields_of(&value, options, scope)?);
                    return Ok(());
                }
            },
            Some(SelectItemQualifiedWildcardKind::Expr(value)) => {
                open.push(self.fields_of(value, options, scope)?);
                return Ok(());
            }
        };
        let mut left: BTreeSet<&String> = options.replaced.keys().collect();
        for sight in spots(scope, only, self.manners.using_first) {
            let name = match &sight {
                Sight::At(spot) => scope.field(*spot).name.to_string(),
                Sight::Merged(at) => scope.merged[*at].name.to_string(),
                Sight::Several(_) | Sight::Maybe(_) | Sight::Ambiguous | Sight::Nowhere => continue,
            };
            if options.without.contains(&name) || options.like.as_ref().is_some_and(|like| !like.is_match(&name)) {
                continue;
            }
            left.remove(&name);
            outputs.push(self.starred(&name, &sight, &options, scope)?);
        }
        let tables = scope.tables.iter().enumerate().filter(|(at, table)| table.visible && only.is_none_or(|only| only == *at));
        let before = open.len();
        for (_, table) in tables {
            for from in &table.open {
                let mut from = from.clone();
                from.without.extend(options.without.iter().chain(options.replaced.keys()).chain(options.renamed.keys()).cloned());
                from.without.extend(table.fields.iter().map(|field| field.name.to_string()));
                if let Some(groups) = &scope.groups {
                    from.with.add(&groups.rows.any());
                }
                open.push(from);
            }
        }
        if open.len() > before && options.like.is_some() {
            return Err(Unclear::new("a star with ILIKE over columns that are not completely known"));
        }
        if open.len() > before {
            self.unlisted(&options, &left, only, scope, outputs)?;
        } else if let Some(name) = left.first() {
            return Err(Unclear::new(format!("REPLACE of {name}, which the star does not have")));
        }
        Ok(())
    }

    /// `s.*` of a struct: fields that nobody lists, each of which may depend on all of the value.
    fn fields_of(&mut self, value: &Expr, options: Options<'_>, scope: &Scope<'_>) -> Read<Open> {
        if options.like.is_some() || !options.renamed.is_empty() || !options.replaced.is_empty() {
            return Err(Unclear::at("a star of a value with names in it", value.span()));
        }
        let with = self.value(value, scope, Place::Group)?.from.through(EdgeKind::Transformation);
        Ok(Open { relation: None, with, without: options.without, outside: false })
    }

    fn starred(&mut self, name: &str, sight: &Sight, options: &Options<'_>, scope: &Scope<'_>) -> Read<Output> {
        if let Some(expression) = options.replaced.get(name) {
            let value = self.value(expression, scope, Place::Group)?;
            return Ok(plain(Field::new(name, value.from).of(self.kind(expression, scope)), value.spot));
        }
        let value = self.sighted(sight, name, scope, Place::Group);
        let kind = match sight {
            Sight::At(spot) => scope.field(*spot).kind,
            Sight::Merged(at) => super::kind_of::merged(&scope.merged[*at], scope),
            Sight::Several(_) | Sight::Maybe(_) | Sight::Ambiguous | Sight::Nowhere => Kind::UNKNOWN,
        };
        let written = match sight {
            Sight::At(spot) => scope.field(*spot).written.to_string(),
            Sight::Merged(_) | Sight::Several(_) | Sight::Maybe(_) | Sight::Ambiguous | Sight::Nowhere => name.to_owned(),
        };
        let written = options.renamed.get(name).map_or(written, |&renamed| renamed.to_owned());
        Ok(plain(Field::new(&written, value.from).of(kind), value.spot))
    }

    /// REPLACE and RENAME of columns that no list names, but an open table may have.
    fn unlisted(
        &mut self,
        options: &Options<'_>,
        left: &BTreeSet<&String>,
        only: Option<usize>,
        scope: &Scope<'_>,
        outputs: &mut Vec<Output>,
    ) -> Read<()> {
        for &name in left {
            if let Some(expression) = options.replaced.get(name) {
                let value = self.value(expression, scope, Place::Group)?;
                outputs.push(plain(Field::new(name, value.from), None));
            }
        }
        for (name, renamed) in &options.renamed {
            let sight = only.map_or_else(|| scope.bare(name), |table| scope.within(table, name));
            if let Sight::Maybe(_) = sight {
                let value = self.sighted(&sight, name, scope, Place::Group);
                outputs.push(plain(Field::new(renamed, value.from), None));
            }
        }
        Ok(())
    }
}

fn plain(field: Field, spot: Option<Spot>) -> Output {
    Output { field, spot, key: None, partition: None }
}

/// The columns that a star stands for, in order: merged ones first or at the place of their first member, and never their members.
fn spots(scope: &Scope<'_>, only: Option<usize>, merged_first: bool) -> Vec<Sight> {
    let mut list = Vec::new();
    let merged_at = |spot: Spot| scope.merged.iter().position(|merged| merged.members.contains(&spot)).filter(|_| only.is_none());
    if merged_first && only.is_none() {
        list.extend((0..scope.merged.len()).map(Sight::Merged));
    }
    for (at, table) in scope.tables.iter().enumerate().filter(|(at, table)| table.visible && only.is_none_or(|only| only == *at)) {
        for field in 0..table.fields.len() {
            match merged_at((at, field)) {
                None => list.push(Sight::At((at, field))),
                Some(merged) if !list.contains(&Sight::Merged(merged)) => list.push(Sight::Merged(merged)),
                Some(_) => {}
            }
        }
    }
    list
}

fn read(options: &WildcardAdditionalOptions) -> Read<Options<'_>> {
    let like = options.opt_ilike.as_ref().map(|pattern| like(&pattern.pattern)).transpose()?;
    if let Some(alias) = &options.opt_alias {
        return Err(Unclear::at("a star with a name", alias.span));
    }
    let mut without = BTreeSet::new();
    match &options.opt_exclude {
        None => {}
        Some(ExcludeSelectItem::Single(name)) => without.extend(object_parts(name).pop()),
        Some(ExcludeSelectItem::Multiple(names)) => without.extend(names.iter().filter_map(|name| object_parts(name).pop())),
    }
    if let Some(except) = &options.opt_except {
        without.extend(std::iter::once(&except.first_element).chain(&except.additional_elements).map(|name| name.value.to_lowercase()));
    }
    let renames: &[IdentWithAlias] = match &options.opt_rename {
        None => &[],
        Some(RenameSelectItem::Single(one)) => std::slice::from_ref(one),
        Some(RenameSelectItem::Multiple(many)) => many,
    };
    let renamed = renames.iter().map(|rename| (rename.ident.value.to_lowercase(), rename.alias.value.as_str())).collect();
    let items = options.opt_replace.iter().flat_map(|replace| &replace.items);
    let replaced = items.map(|item| (item.column_name.value.to_lowercase(), &item.expr)).collect();
    Ok(Options { without, renamed, replaced, like })
}
