//! What one rendering knows, and which names a template finds: macros first where dbt puts them first, then what dbt defines, then dbt's own macros.
//!
//! Not for what the names do (see `context`), nor for how a macro is called (see `call`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};

use minijinja::Value;
use minijinja::value::Object;

use super::call::MacroCall;
use super::context;
use super::relation::Relation;
use crate::dbt::Variables;

/// Macros by package and name.
pub(super) type Macros = BTreeMap<String, BTreeMap<String, Arc<str>>>;

/// What all renderings of a project share.
#[derive(Debug)]
pub(super) struct World {
    pub(super) macros: Macros,
    /// The root project.
    pub(super) root: String,
    pub(super) adapter: String,
    /// Prefixes of `adapter.dispatch`, the adapter's own first, `default` last.
    pub(super) prefixes: Vec<String>,
    pub(super) variables: Variables,
    pub(super) dbt_version: String,
}

/// What one rendering knows. Made anew for each.
#[derive(Debug)]
pub(super) struct Rendering {
    pub(super) world: Arc<World>,
    pub(super) node: NodeFacts,
    pub(super) parents: Vec<Parent>,
    /// What `is_incremental()` says.
    pub(super) incremental: bool,
    /// Which of two moments `run_started_at` is.
    pub(super) later: bool,
    /// Whether `is_incremental()` was asked.
    pub(super) asked: AtomicBool,
    /// Whether something was asked that changes from run to run.
    pub(super) changes: AtomicBool,
    /// What `return` gives, on its way to the macro that was called.
    pub(super) returned: Mutex<Option<Value>>,
    /// Macros inside each other.
    pub(super) depth: AtomicUsize,
}

/// The node that is rendered.
#[derive(Debug)]
pub(super) struct NodeFacts {
    pub(super) this: Arc<Relation>,
    pub(super) unique_id: String,
    pub(super) name: String,
    pub(super) package: String,
    pub(super) path: String,
    pub(super) fqn: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) version: Option<String>,
    pub(super) snapshot: bool,
    pub(super) materialized: String,
    pub(super) config: serde_json::Map<String, serde_json::Value>,
}

/// A node that it depends on.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) relation: Arc<Relation>,
    /// The source's name, for sources.
    pub(super) source: Option<String>,
    pub(super) name: String,
    pub(super) package: String,
    pub(super) version: Option<String>,
    pub(super) latest: bool,
}

impl World {
    /// Whether a package is part of dbt: `dbt`, `dbt_postgres`.
    pub(super) fn is_internal(&self, package: &str) -> bool {
        package == "dbt" || package.strip_prefix("dbt_").is_some_and(|adapter| self.prefixes.iter().any(|prefix| prefix == adapter))
    }

    /// Packages of dbt itself, in the order in which a name is looked for.
    fn internal(&self) -> impl Iterator<Item = String> + '_ {
        self.prefixes.iter().filter(|prefix| *prefix != "default").map(|prefix| format!("dbt_{prefix}")).chain(["dbt".to_owned()])
    }

    /// The package that has a macro, looked for where a package name of a dispatch says.
    pub(super) fn find_in(&self, package: &str, name: &str) -> Option<String> {
        let has = |package: &str| self.macros.get(package).is_some_and(|macros| macros.contains_key(name));
        if package == "dbt" { self.internal().find(|package| has(package)) } else { has(package).then(|| package.to_owned()) }
    }

    /// The package whose macro a bare name means: the node's own, the root project's. dbt's are found by [`World::find_in`].
    pub(super) fn find_own(&self, of: &str, name: &str) -> Option<String> {
        [of, &self.root].into_iter().find_map(|package| self.find_in(package, name).filter(|package| !self.is_internal(package)))
    }
}

/// The names that a template finds.
pub(super) struct Scope(pub(super) Arc<Rendering>);

impl Scope {
    pub(super) fn value(rendering: &Arc<Rendering>) -> Value {
        Value::from_object(Scope(Arc::clone(rendering)))
    }
}

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }
    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        let (rendering, world) = (&self.0, &self.0.world);
        if let Some(package) = world.find_own(&rendering.node.package, name) {
            return Some(MacroCall::value(rendering, &package, name));
        }
        if name == "dbt" || (world.macros.contains_key(name) && !world.is_internal(name)) {
            return Some(Value::from_object(Package { rendering: Arc::clone(rendering), name: name.to_owned() }));
        }
        context::named(rendering, name).or_else(|| world.find_in("dbt", name).map(|package| MacroCall::value(rendering, &package, name)))
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{...}")
    }
}

/// A package's macros, by name.
#[derive(Debug)]
struct Package {
    rendering: Arc<Rendering>,
    name: String,
}

impl Object for Package {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if self.name == "dbt"
            && let Some(own) = context::instead_of_macro(&self.rendering, name)
        {
            return Some(own);
        }
        let package = self.rendering.world.find_in(&self.name, name)?;
        Some(MacroCall::value(&self.rendering, &package, name))
    }
    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("")
    }
}
