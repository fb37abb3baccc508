//! What `dbt_project.yml` says that templates read: `vars`, and the order in which `adapter.dispatch` searches packages.
//!
//! Not for profiles or paths (see `profiles`). `--vars` of a command line is nowhere on disk: who used it compiles the project.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::diagnostic::Finding;

/// Variables and search orders of a project and its packages.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variables {
    /// `vars` of the root project; a mapping under a package's name is for that package.
    pub root: Map<String, Value>,
    /// `vars` of packages, by package.
    pub packages: BTreeMap<String, Map<String, Value>>,
    /// `dispatch`: namespace and the packages that are searched for its macros, in order.
    pub dispatch: BTreeMap<String, Vec<String>>,
    /// Name of the project whose file was read: without it, no variable is known not to be set.
    pub of: Option<String>,
}

impl Variables {
    /// Reads the root project's file, and `vars.yml`, which since dbt 1.12 may stand beside it.
    ///
    /// # Errors
    /// YAML that cannot be read.
    #[allow(clippy::result_large_err, reason = "read once per run")]
    pub fn of_root(dbt_project_yml: &str, file: &Path, vars_yml: Option<(&str, &Path)>) -> Result<Variables, Finding> {
        let read = crate::yaml::value(dbt_project_yml, file)?;
        let mut variables =
            Variables { root: vars(&read), of: read.get("name").and_then(Value::as_str).map(str::to_owned), ..Variables::default() };
        if let Some((text, file)) = vars_yml {
            variables.root.extend(vars(&crate::yaml::value(text, file)?));
        }
        for entry in read.get("dispatch").and_then(Value::as_array).into_iter().flatten() {
            let order = entry.get("search_order").and_then(Value::as_array).into_iter().flatten();
            let order = order.filter_map(Value::as_str).map(str::to_owned).collect();
            if let Some(namespace) = entry.get("macro_namespace").and_then(Value::as_str) {
                variables.dispatch.insert(namespace.to_owned(), order);
            }
        }
        Ok(variables)
    }

    /// Adds an installed package's own variables.
    ///
    /// # Errors
    /// YAML that cannot be read.
    #[allow(clippy::result_large_err, reason = "read once per run")]
    pub fn add_package(&mut self, dbt_project_yml: &str, file: &Path) -> Result<(), Finding> {
        let read = crate::yaml::value(dbt_project_yml, file)?;
        if let Some(name) = read.get("name").and_then(Value::as_str) {
            self.packages.insert(name.to_owned(), vars(&read));
        }
        Ok(())
    }

    /// A variable as a node of `package` sees it: what the root project says for the package, what it says for all, what the package says itself.
    pub fn get(&self, package: &str, name: &str) -> Option<&Value> {
        let in_scope = |vars| Map::get(vars, package).and_then(|scope| scope.get(name)).or_else(|| Map::get(vars, name));
        in_scope(&self.root).or_else(|| in_scope(self.packages.get(package)?))
    }
}

fn vars(file: &Value) -> Map<String, Value> {
    file.get("vars").and_then(Value::as_object).cloned().unwrap_or_default()
}
