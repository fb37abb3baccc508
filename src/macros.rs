//! Macro call + dialect -> SQL. The project's own template goes before the built-in one; minijinja's one owner.
//!
//! Templates see the documented variables and nothing else: no files, no clock, no environment. An unknown name is an error, never an empty
//! text. `macros/README.md` is the interface for its users.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};

use crate::calendar::Interval;
use crate::check::{KINDS, argument::Number, definition};
use crate::diagnostic::{At, Finding, Span, codes, nearest};

mod quoting;

pub use quoting::{exact_identifier, identifier, literal};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/macros");

/// Steps that one template may take: a thousand times what the built-in ones need for ten columns.
const FUEL: u64 = 1_000_000;

/// The templates of all kinds for one dialect.
#[derive(Debug)]
pub struct Macros {
    dialect: String,
    templates: Environment<'static>,
    /// Templates that the project overrides: kind -> file, for messages.
    files: BTreeMap<String, PathBuf>,
}

/// Whether the program has a template of this name.
pub fn is_built_in(name: &str) -> bool {
    KINDS.contains(&name) || ["dbt_test", "dbt_result", "keys", "samples"].contains(&name)
}

/// The kinds that a project's templates define: file and text.
///
/// # Errors
/// Everything that is wrong with their heads.
pub fn kinds(project: &[(PathBuf, String)]) -> Result<definition::Kinds, Vec<Finding>> {
    let (mut kinds, mut findings) = (definition::Kinds::new(), Vec::new());
    for (path, text) in project {
        let Some(name) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).filter(|name| !is_built_in(name)) else {
            continue;
        };
        // What has no head is told with the other files of no kind.
        if definition::has_head(text) {
            match definition::read(&name, text, path) {
                Ok(definition) => drop(kinds.insert(name, Arc::new(definition))),
                Err(found) => findings.extend(found),
            }
        }
    }
    if findings.is_empty() { Ok(kinds) } else { Err(findings) }
}

/// What one check asks a template for.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The kind's name.
    pub kind: &'a str,
    /// Names of the numbers after `rows_seen`.
    pub columns: &'a [&'a str],
    /// Whether things are listed, too.
    pub lists: bool,
    /// What the template sees as `check`.
    pub arguments: &'a serde_json::Map<String, serde_json::Value>,
    /// Relations, ready for `from`.
    pub relations: &'a [String],
    /// The interval, where there is one.
    pub interval: Option<&'a Interval>,
}

/// What a template made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// One aggregate expression for each number, over the rows of the first relation.
    Scan(Vec<String>),
    /// A whole statement.
    Query(String),
}

/// A cheaper question than [`Rendered`]: whether there is anything bad at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quick {
    /// An aggregate over the rows, 0 when there is nothing bad, that costs less than to count what is bad.
    Scan(String),
    /// An aggregate that is 0 when there is nothing bad, made of `count`, `min` and `max` of bare columns, which the engine need not scan for.
    Statistics(String),
    /// An aggregate over the distinct values of the check's `column`, 0 when none is bad.
    Values {
        /// The aggregate.
        count: String,
        /// Whether there are few values if none is bad.
        bounded: bool,
    },
    /// The predicate of the bad rows: their number alone is cheaper than beside others, because whole blocks can be left out.
    Rows(String),
}

/// What SQL that a contract wrote may name in `{{ }}`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Variables<'a> {
    /// `interval.start`, `interval.end`.
    pub interval: Option<&'a Interval>,
    /// `model`: the relation that the check is about.
    pub model: Option<&'a str>,
    /// `left` and `right`: the relations that are compared.
    pub sides: Option<(&'a str, &'a str)>,
}

impl Macros {
    /// The built-in templates, and over them the project's: file and text. A file is named after its kind: `not_null.sql`.
    ///
    /// # Errors
    /// Every file that is no template or belongs to no kind.
    pub fn new(dialect: &str, project: Vec<(PathBuf, String)>) -> Result<Macros, Vec<Finding>> {
        let mut templates = environment(dialect);
        let mut findings = Vec::new();
        let mut files = BTreeMap::new();
        let built_in = BUILT_IN.files().filter(|file| file.path().extension().is_some_and(|kind| kind == "sql"));
        let built_in = built_in.map(|file| (file.path().to_owned(), file.contents_utf8().map(str::to_owned)));
        for (path, text) in built_in.chain(project.iter().map(|(path, text)| (path.clone(), Some(text.clone())))) {
            let kind = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            let (Some(kind), Some(text)) = (kind, text) else {
                findings.push(Finding::error(codes::MACRO_FILE, "a macro file has no readable name or text").in_file(path));
                continue;
            };
            let own = !is_built_in(&kind);
            if own && !definition::has_head(&text) {
                let near = nearest(&kind, KINDS.iter().copied()).map(|near| format!("did you mean {near}.sql? "));
                let help = format!(
                    "{}A kind of your own begins with a comment that says what it asks: macros/README.md",
                    near.unwrap_or_default()
                );
                findings.push(Finding::error(codes::MACRO_FILE, format!("`{kind}` is no kind of check")).in_file(path).help(help));
                continue;
            }
            if let Err(error) = templates.add_template_owned(kind.clone(), text) {
                findings.push(template_finding(&error, &path));
            }
            files.insert(kind, path);
        }
        if findings.is_empty() { Ok(Macros { dialect: dialect.to_owned(), templates, files }) } else { Err(findings) }
    }

    /// Says what is wrong with what a kind's template rendered.
    pub fn blame(&self, kind: &str, message: String) -> Finding {
        let file = self.files.get(kind).cloned().unwrap_or_else(|| PathBuf::from(format!("{kind}.sql")));
        Finding::error(codes::BAD_MACRO, message).in_file(file)
    }

    /// The dialect that this renders for.
    pub fn dialect(&self) -> &str {
        &self.dialect
    }

    /// Renders the SQL that measures one check.
    ///
    /// # Errors
    /// What is wrong with the template, at its file and line.
    pub fn measure(&self, call: &Call<'_>) -> Result<Rendered, Finding> {
        self.with(call, |of| {
            if call.lists {
                let missing = || Error::new(ErrorKind::UnknownFunction, "there is no macro default__listing");
                return of.call(&of.find("listing").ok_or_else(missing)?).map(Rendered::Query);
            }
            if let Some(query) = of.find("query") {
                return of.call(&query).map(Rendered::Query);
            }
            let scans = call.columns.iter().map(|column| {
                let missing = || {
                    Error::new(ErrorKind::UnknownFunction, format!("there is no macro default__{column}, and none named default__query"))
                };
                of.call(&of.find(column).ok_or_else(missing)?)
            });
            scans.collect::<Result<Vec<String>, Error>>().map(Rendered::Scan)
        })
    }

    /// Renders the cheaper question of a check, where its template has one for the dialect.
    ///
    /// # Errors
    /// What is wrong with the template, at its file and line.
    pub fn quick(&self, call: &Call<'_>) -> Result<Option<Quick>, Finding> {
        self.with(call, |of| {
            let found =
                ["doubt", "statistics", "values", "values_if_few", "rows"].into_iter().find_map(|name| Some((name, of.find(name)?)));
            let Some((name, found)) = found else { return Ok(None) };
            // A macro that has nothing to say for these arguments renders nothing.
            let sql = of.call(&found)?;
            Ok((!sql.is_empty()).then(|| match name {
                "doubt" => Quick::Scan(sql),
                "statistics" => Quick::Statistics(sql),
                "rows" => Quick::Rows(sql),
                name => Quick::Values { count: sql, bounded: name == "values" },
            }))
        })
    }

    /// Renders which rows of the first relation fail a check, where its template says so: a predicate.
    ///
    /// # Errors
    /// What is wrong with the template, at its file and line.
    pub fn failing(&self, call: &Call<'_>) -> Result<Option<String>, Finding> {
        self.with(call, |of| Ok(of.find("failing").map(|failing| of.call(&failing)).transpose()?.filter(|sql| !sql.is_empty())))
    }

    /// Renders a pass that several checks share, where the dialect has one.
    ///
    /// # Errors
    /// What is wrong with the template, at its file and line.
    pub fn pass(&self, call: &Call<'_>) -> Result<Option<String>, Finding> {
        self.with(call, |of| Ok(of.find("query").map(|query| of.call(&query)).transpose()?.filter(|sql| !sql.is_empty())))
    }

    /// Renders one macro of a kind by its name: a piece of what is asked where no single statement can.
    ///
    /// # Errors
    /// What is wrong with the template, at its file and line.
    pub fn piece(&self, call: &Call<'_>, name: &str) -> Result<String, Finding> {
        self.with(call, |of| {
            let missing = || Error::new(ErrorKind::UnknownFunction, format!("there is no macro default__{name}"));
            of.call(&of.find(name).ok_or_else(missing)?)
        })
    }

    /// The template of a call, ready to call its macros.
    fn with<T>(&self, call: &Call<'_>, ask: impl FnOnce(&mut Template<'_, '_>) -> Result<T, Error>) -> Result<T, Finding> {
        let file = self.files.get(call.kind).cloned().unwrap_or_else(|| PathBuf::from(format!("{}.sql", call.kind)));
        let template = self.templates.get_template(call.kind).map_err(|error| template_finding(&error, &file))?;
        let interval = call.interval.map(|interval| interval_value(interval, &self.dialect));
        let outer = interval.map_or_else(|| context! {}, |interval| context! { interval => interval });
        let mut captured = template.render_captured(outer).map_err(|error| template_finding(&error, &file))?;
        let arguments = [Value::from(Serde(call.arguments)), Value::from(Serde(call.relations))];
        let asked = captured.with_state_mut(|state| {
            let exported = state.exports().into_iter().map(str::to_owned).collect();
            ask(&mut Template { state, exported, dialect: &self.dialect, arguments })
        });
        asked.map_err(|error| template_finding(&error, &file))
    }

    /// Renders SQL that a contract wrote: `{{ interval.start }}` and the other documented variables, no statements, no filters.
    ///
    /// # Errors
    /// What is wrong with it, at the place of the text.
    pub fn text(&self, sql: &At<String>, variables: Variables<'_>) -> Result<String, Finding> {
        if !sql.contains("{{") && !sql.contains("{%") && !sql.contains("{#") {
            return Ok(sql.value.clone());
        }
        let wrong = |message: String| {
            Finding::error(codes::BAD_TEMPLATE, message).at(sql.span).help("interval.start, interval.end; model in `sql`")
        };
        if sql.contains("{%") || sql.contains("{#") {
            return Err(wrong("SQL in a contract can use {{ }}, not statements or comments of templates".to_owned()));
        }
        let mut seen = BTreeMap::new();
        seen.extend(variables.interval.map(|interval| ("interval", interval_value(interval, &self.dialect))));
        seen.extend(variables.model.map(|model| ("model", Value::from(model))));
        seen.extend(variables.sides.iter().flat_map(|(left, right)| [("left", Value::from(*left)), ("right", Value::from(*right))]));
        let mut bare = Environment::empty();
        bare.set_undefined_behavior(UndefinedBehavior::Strict);
        bare.set_fuel(Some(FUEL));
        let rendered = bare.template_from_str(sql).and_then(|template| template.render(Value::from_pairs(seen)));
        rendered.map_err(|error| {
            let schedule = variables.interval.is_none() && sql.contains("interval");
            let finding = wrong(describe(&error));
            if schedule { finding.help("{{ interval.start }} needs `schedule:` in the contract") } else { finding }
        })
    }
}

/// A template whose macros can be called.
struct Template<'s, 'e> {
    state: &'s mut minijinja::State<'e, 'e>,
    exported: Vec<String>,
    dialect: &'s str,
    arguments: [Value; 2],
}

impl Template<'_, '_> {
    /// The macro of the dialect, else that of all.
    fn find(&self, name: &str) -> Option<String> {
        let candidates = [format!("{}__{name}", self.dialect), format!("default__{name}")];
        candidates.into_iter().find(|candidate| self.exported.contains(candidate))
    }
    fn call(&mut self, name: &str) -> Result<String, Error> {
        self.state.call_macro(name, &self.arguments).map(|sql| sql.trim().to_owned())
    }
}

/// The interval as typed literals: dates when both ends are midnights, else times of the contract's zone.
fn interval_value(interval: &Interval, dialect: &str) -> Value {
    let midnight = |end: &jiff::Zoned| end.time() == jiff::civil::Time::midnight();
    let days = midnight(&interval.start) && midnight(&interval.end);
    // SQLite keeps times as text, and compares them as such.
    let typed = |kind: &str| if dialect == "sqlite" { String::new() } else { format!("{kind} ") };
    let write = |end: &jiff::Zoned| {
        if days {
            typed("date") + &quoting::text(&end.date().to_string(), dialect)
        } else {
            typed("timestamp") + &quoting::text(&end.datetime().strftime("%Y-%m-%d %H:%M:%S").to_string(), dialect)
        }
    };
    Value::from_pairs([("start", write(&interval.start)), ("end", write(&interval.end))])
}

fn environment(dialect: &str) -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_fuel(Some(FUEL));
    templates.set_debug(true);
    templates.set_recursion_limit(50);
    let of = dialect.to_owned();
    templates.add_filter("identifier", move |name: String| {
        identifier(&name, &of).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("`{name}` cannot be the name of a column")))
    });
    let of = dialect.to_owned();
    templates.add_filter("literal", move |value: Value| literal_of(&value, &of));
    let of = dialect.to_owned();
    templates.add_filter("finite", move |sql: String| match of.as_str() {
        "duckdb" => format!("isfinite({sql})"),
        _ => format!("{sql} - {sql} = 0"),
    });
    let of = dialect.to_owned();
    templates.add_filter("text", move |sql: String| match of.as_str() {
        "bigquery" | "databricks" | "spark" => format!("cast({sql} as string)"),
        _ => format!("cast({sql} as varchar)"),
    });
    templates
}

/// Text, truth value, whole number, or the exact number that checks give as `{"number": "0.005"}`.
fn literal_of(value: &Value, dialect: &str) -> Result<String, Error> {
    let wrong = || Error::new(ErrorKind::InvalidOperation, format!("`{value}` has no literal: it is neither text, number nor truth value"));
    if let Some(text) = value.as_str() {
        return literal(text, dialect).ok_or_else(wrong);
    }
    if let Ok(truth) = bool::try_from(value.clone())
        && value.kind() == minijinja::value::ValueKind::Bool
    {
        return Ok(truth.to_string());
    }
    if value.is_integer() {
        return Ok(value.to_string());
    }
    let number = value.get_attr("number").ok().and_then(|number| number.as_str().and_then(|text| text.parse::<Number>().ok()));
    number.map(|number| number.to_string()).ok_or_else(wrong)
}

fn template_finding(error: &Error, file: &std::path::Path) -> Finding {
    let line = error.line().and_then(|line| u32::try_from(line).ok()).unwrap_or(0);
    let range = error.range();
    let place = Span {
        offset: range.as_ref().map_or(0, |range| range.start),
        length: range.as_ref().map_or(0, ExactSizeIterator::len),
        line,
        column: range.and_then(|range| column(error, range.start)).unwrap_or(1),
    };
    let finding = Finding::error(codes::BAD_MACRO, format!("the macro cannot be rendered: {}", describe(error))).in_file(file).at(place);
    match error.kind() {
        ErrorKind::UndefinedError => finding.help("macros/README.md lists what a macro sees"),
        ErrorKind::OutOfFuel => finding.help("the template takes too many steps; is there a loop that grows?"),
        _ => finding,
    }
}

fn column(error: &Error, offset: usize) -> Option<u32> {
    let before = error.template_source()?.get(..offset)?;
    u32::try_from(before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1).ok()
}

/// The engine's words without its debug listing.
fn describe(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}
