//! Jinja -> SQL: the text of a model that dbt has not compiled, rendered without dbt.
//!
//! Macros come out of the manifest, variables out of `dbt_project.yml`; `is_incremental()` is answered both ways. What depends on the warehouse, the
//! environment, the target or the command line is not rendered, and [`Unrendered`] says why: nothing is made up. What depends on the time of the
//! run is rendered at two moments, which must give the same text but for digits.
//!
//! Templates are hostile: a budget of steps and bytes, a bound on depth, a thread with a stack that bears both, no file, no environment, no network.
//! Not for reading SQL (see [`crate::lineage`]), nor for presscheck's own templates (see [`crate::macros`]).

mod call;
mod context;
mod functions;
mod json;
mod methods;
mod moment;
mod relation;
mod rewrite;
mod scope;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use crate::dbt::{Node, NodeKind, Project};
use relation::Relation;
use scope::{NodeFacts, Parent, Rendering, Scope, World};

/// Steps of one model: some hundred times what the largest that we know needs. 64 bytes of text count as one.
const FUEL: u64 = 1_000_000;
/// Loops and blocks inside each other, in one template.
const DEEPEST: usize = 100;
/// Bytes of a template, and of the text that it gives.
const LONGEST: usize = 2 << 20;
/// Stack of the thread that renders, in bytes: reserved, not used.
const STACK: usize = 512 << 20;

/// Renders the models of one project.
#[derive(Debug)]
pub struct Renderer {
    environment: Environment<'static>,
    world: Arc<World>,
}

/// A model's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered<'n> {
    /// One text; or two that differ where `is_incremental()` is asked: of a first run, then of a later one.
    pub variants: Vec<Cow<'n, str>>,
}

/// Why a model has no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrendered {
    /// One clause, no full stop.
    pub message: String,
    /// Line and column in the file, from 1, where known.
    pub place: Option<(u32, u32)>,
}

impl Unrendered {
    fn new(message: impl Into<String>) -> Self {
        Unrendered { message: message.into(), place: None }
    }
}

impl Renderer {
    /// Makes what all renderings of the project share. Macros are compiled when they are first called.
    pub fn new(project: &Project) -> Self {
        let world = Arc::new(World {
            macros: project.macros.clone(),
            root: project.name.clone(),
            adapter: project.adapter.clone(),
            prefixes: prefixes(project),
            variables: project.variables.clone(),
            dbt_version: project.dbt_version.clone(),
        });
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEEPEST);
        environment.set_unknown_method_callback(methods::call);
        environment.set_formatter(|out, state, value| {
            if value.is_undefined() {
                return minijinja::escape_formatter(out, state, value);
            }
            std::fmt::Write::write_str(out, &value::written(value)).map_err(minijinja::Error::from)
        });
        for name in ["debug", "dict", "namespace"] {
            environment.remove_global(name);
        }
        environment.add_filter("list", |items: Value| Ok::<_, minijinja::Error>(value::List::value(items.try_iter()?.collect())));
        environment.add_filter("tojson", |value: Value| json::written(&value));
        for name in ["as_text", "as_bool", "as_native", "as_number"] {
            environment.add_filter(name, |value: Value| value);
        }
        let macros = Arc::clone(&world);
        environment.set_loader(move |name| {
            let found = name.split_once('.').and_then(|(package, name)| macros.macros.get(package)?.get(name));
            Ok(found.filter(|text| text.len() <= LONGEST).map(|text| rewrite::rewrite_macro(text).text))
        });
        Renderer { environment, world }
    }

    /// The SQL of a model or snapshot: what dbt compiled, where it did.
    ///
    /// # Errors
    /// What the template needs and is not known here, or what is wrong with it.
    pub fn sql<'n>(&self, project: &Project, node: &'n Node) -> Result<Rendered<'n>, Unrendered> {
        if node.language != "sql" {
            return Err(Unrendered::new(format!("a {} model", node.language)));
        }
        if let Some(compiled) = &node.compiled_code {
            return Ok(Rendered { variants: vec![Cow::Borrowed(compiled)] });
        }
        self.text(project, node, &node.raw_code)
    }

    /// Any template of a model: its own text, even where dbt compiled it, or that of a hook.
    ///
    /// # Errors
    /// What the template needs and is not known here, or what is wrong with it.
    pub fn text<'t>(&self, project: &Project, node: &Node, template: &'t str) -> Result<Rendered<'t>, Unrendered> {
        if template.len() > LONGEST {
            return Err(Unrendered::new(format!("the template is longer than {LONGEST} bytes")));
        }
        if !["{{", "{%", "{#"].iter().any(|open| template.contains(open)) {
            return Ok(Rendered { variants: vec![Cow::Borrowed(template)] });
        }
        std::thread::scope(|scope| {
            let work = || self.variants(project, node, template);
            let thread = std::thread::Builder::new().name("jinja".into()).stack_size(STACK).spawn_scoped(scope, work);
            thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| Err(Unrendered::new("the template broke the renderer")))
        })
    }

    fn variants(&self, project: &Project, node: &Node, text: &str) -> Result<Rendered<'static>, Unrendered> {
        let rewritten = (text, rewrite::rewrite(text));
        let (first, asked) = self.at_all_times(project, node, &rewritten, false)?;
        let mut variants = vec![Cow::Owned(first)];
        if asked {
            let (second, _) = self.at_all_times(project, node, &rewritten, true)?;
            if variants[0] != second {
                variants.push(Cow::Owned(second));
            }
        }
        Ok(Rendered { variants })
    }

    /// Renders at one moment and, where the template asks for the time, at another. Says whether `is_incremental()` was asked.
    fn at_all_times(
        &self,
        project: &Project,
        node: &Node,
        template: &(&str, rewrite::Rewritten),
        incremental: bool,
    ) -> Result<(String, bool), Unrendered> {
        let (text, rendering) = self.once(project, node, template, incremental, false)?;
        if rendering.changes.load(Ordering::Relaxed) {
            let (other, _) = self.once(project, node, template, incremental, true)?;
            let bare = |text: &str| text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect::<String>();
            if bare(&text) != bare(&other) {
                return Err(Unrendered::new("the text depends on when dbt runs"));
            }
        }
        Ok((text, rendering.asked.load(Ordering::Relaxed)))
    }

    fn once(
        &self,
        project: &Project,
        node: &Node,
        (written, template): &(&str, rewrite::Rewritten),
        incremental: bool,
        later: bool,
    ) -> Result<(String, Arc<Rendering>), Unrendered> {
        let rendering = Arc::new(Rendering {
            world: Arc::clone(&self.world),
            node: facts(project, node),
            parents: node.depends_on.iter().filter_map(|id| project.nodes.get(id)).map(|node| parent(project, node)).collect(),
            incremental,
            later,
            asked: AtomicBool::new(false),
            changes: AtomicBool::new(false),
            returned: Mutex::new(None),
            depth: AtomicUsize::new(0),
        });
        let rendered = self.environment.render_named_str(&node.unique_id, &template.text, Scope::value(&rendering));
        match rendered {
            Ok(text) if text.len() > LONGEST => Err(Unrendered::new(format!("the text is longer than {LONGEST} bytes"))),
            Ok(text) => Ok((text, rendering)),
            Err(error) => {
                let here = error.name() == Some(&node.unique_id);
                let exact = error.range().filter(|_| here).and_then(|range| template.place(written, range.start));
                let line = error.line().filter(|_| here).and_then(|line| u32::try_from(line).ok()).map(|line| (line, 1));
                let place = exact.or(line);
                Err(Unrendered { message: call::message(&error), place })
            }
        }
    }
}

fn facts(project: &Project, node: &Node) -> NodeFacts {
    NodeFacts {
        this: Arc::new(Relation::of(node, functions::mark(&project.adapter))),
        unique_id: node.unique_id.clone(),
        name: node.name.clone(),
        package: node.package.clone(),
        path: node.path.display().to_string(),
        fqn: node.fqn.clone(),
        tags: node.tags.clone(),
        version: node.version.clone(),
        snapshot: node.kind == NodeKind::Snapshot,
        materialized: node.materialized.clone(),
        config: node.config.clone(),
    }
}

fn parent(project: &Project, node: &Node) -> Parent {
    Parent {
        relation: Arc::new(Relation::of(node, functions::mark(&project.adapter))),
        source: node.source_name.clone(),
        name: node.name.clone(),
        package: node.package.clone(),
        version: node.version.clone(),
        latest: node.latest_version,
    }
}

/// The adapter, those that it is built upon, and `default`.
fn prefixes(project: &Project) -> Vec<String> {
    let parents: BTreeMap<&str, &[&str]> = [
        ("redshift", &["postgres"][..]),
        ("materialize", &["postgres"]),
        ("risingwave", &["postgres"]),
        ("databricks", &["spark"]),
        ("sqlserver", &["fabric"]),
        ("synapse", &["fabric"]),
    ]
    .into();
    let own = parents.get(project.adapter.as_str()).copied().unwrap_or_default();
    [project.adapter.as_str()].iter().chain(own).chain(&["default"]).map(|prefix| (*prefix).to_owned()).collect()
}
