//! Every code that a finding can carry, once: what it is called and what it means. `PC0xx` is syntax and structure, `PC1xx` names that must
//! exist elsewhere, `PC2xx` meaning, `PC3xx` what was read besides the contract, `PC4xx` commands, `PC5xx` what was decided.

/// A code with its name and one sentence for the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `PC` and three digits; never reused.
    pub code: &'static str,
    /// Short name, as in documentation and SARIF.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($constant:ident = $code:literal, $name:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $constant: &str = $code;)*

        /// All codes, in order.
        pub const ALL: &[Code] = &[$(Code { code: $code, name: $name, meaning: $meaning }),*];
    };
}

codes! {
    SYNTAX = "PC001", "yaml-syntax", "The file is not YAML: bad indentation, a tab, an unclosed quote or bracket.";
    EMPTY_FILE = "PC002", "empty-file", "The file holds nothing but blank lines and comments.";
    SEVERAL_DOCUMENTS = "PC003", "several-documents", "The file holds several YAML documents; one file is one document.";
    TOO_LARGE = "PC004", "too-large", "The file is too large, nests too deeply or expands its anchors too far.";
    ODD_YAML = "PC005", "odd-yaml", "A corner of YAML that is not read here: tags, keys that are lists or mappings, merge keys.";
    DUPLICATE_KEY = "PC006", "duplicate-key", "A key stands twice in one mapping.";
    UNKNOWN_KEY = "PC010", "unknown-key", "A key that the language does not have.";
    MISSING_KEY = "PC011", "missing-key", "A key that must be there is not.";
    WRONG_TYPE = "PC012", "wrong-type", "A value of another type than the key takes.";
    UNKNOWN_VALUE = "PC013", "unknown-value", "A value that is not one of those the key takes.";
    NO_VALUE = "PC014", "no-value", "A key without a value.";
    NOT_FINITE = "PC015", "not-finite", "A number that is not finite: .nan or .inf.";
    BAD_VALUE = "PC016", "bad-value", "A value of the right type in the wrong form.";
    NOT_A_PROJECT = "PC020", "not-a-project", "No dbt project here: there is no dbt_project.yml.";
    NO_ARTIFACT = "PC021", "no-artifact", "An artifact of dbt is not there or cannot be read.";
    NO_CONTRACT = "PC022", "no-contract", "No contract, or none of the name that was asked for.";
    LINK_OUTSIDE = "PC023", "link-outside", "A file that is a link leading out of the project.";
    UNREADABLE_FILE = "PC024", "unreadable-file", "A file that cannot be read, is too large or is not UTF-8 text.";
    NO_FOLDER = "PC025", "no-folder", "A folder that presscheck.yml names is not there.";
    UNKNOWN_EXPOSURE = "PC101", "unknown-exposure", "The dbt project has no such exposure.";
    UNKNOWN_RELATION = "PC102", "unknown-relation", "The dbt project has no such model, seed, snapshot or source.";
    UNKNOWN_COLUMN = "PC103", "unknown-column", "The relation has no such column.";
    UNKNOWN_SEMANTIC_METRIC = "PC104", "unknown-semantic-metric", "dbt's semantic layer has no such metric.";
    UNKNOWN_METRIC = "PC105", "unknown-metric", "The contract has no such metric.";
    UNKNOWN_CHECK = "PC106", "unknown-check", "The contract has no such check.";
    DISABLED = "PC107", "disabled", "The dbt node exists but is disabled.";
    EPHEMERAL = "PC108", "ephemeral", "An ephemeral model has no relation in the warehouse, so it cannot be checked.";
    UNKNOWN_CONNECTION = "PC109", "unknown-connection", "presscheck.yml names no such connection.";
    BAD_EXPRESSION = "PC110", "bad-expression", "The SQL is not one expression.";
    BAD_QUERY = "PC111", "bad-query", "The SQL is not one read-only query.";
    DOUBTFUL_COLUMN = "PC112", "doubtful-column", "The relation documents no such column, but its list of columns is not complete.";
    UNKNOWN_ROUTE = "PC113", "unknown-route", "A route, webhook or command that presscheck.yml does not name.";
    NO_FRESHNESS = "PC114", "no-freshness", "A source with freshness neither in the contract nor in dbt.";
    LANGUAGE_VERSION = "PC201", "language-version", "A version of the contract language that this program does not speak.";
    BAD_IDENTIFIER = "PC202", "bad-identifier", "A name with other characters than letters, digits and _.";
    METRIC_ORIGIN = "PC203", "metric-origin", "A metric needs exactly one of column, metric and expression.";
    DUPLICATE_NAME = "PC205", "duplicate-name", "Two checks of one name.";
    TWO_SEVERITIES = "PC206", "two-severities", "severity together with warn_if or hold_if, which say the same.";
    UNEXPLAINED_NARROWING = "PC207", "unexplained-narrowing", "affects_only without because, or together with affects.";
    BAD_DEADLINE = "PC208", "bad-deadline", "A ready_by that is not a moment after the interval.";
    BAD_ZONE = "PC209", "bad-zone", "Not the name of a time zone.";
    BAD_ROUTE = "PC210", "bad-route", "Not a route: slack:channel, email:address, webhook:name, command:name.";
    BAD_COVERAGE = "PC211", "bad-coverage", "complete_through can only be interval.end.";
    BAD_TEMPLATE = "PC212", "bad-template", "A template that uses something else than its documented variables.";
    NO_SCHEDULE = "PC213", "no-schedule", "A key that needs a schedule, in a contract without one.";
    CONTRADICTION = "PC214", "contradiction", "Keys that contradict or need each other.";
    BAD_CHECK = "PC215", "bad-check", "Arguments of a check that are missing, contradict each other or cannot work.";
    DEAD_EXCEPTION = "PC216", "dead-exception", "Several waivers for one check, or text that says nothing.";
    DUPLICATE_CONTRACT = "PC219", "duplicate-contract", "Two files with a contract of one name.";
    NO_OWNER = "PC220", "no-owner", "A metric that nobody answers for.";
    NARROWED = "PC221", "narrowed", "affects_only takes metrics away from a check that may reach them.";
    MACRO_FILE = "PC230", "macro-file", "A file in a macro folder that belongs to no kind of check.";
    BAD_MACRO = "PC231", "bad-macro", "A macro that is no template, or that cannot be rendered.";
    NOTHING_TO_CHECK = "PC232", "nothing-to-check", "Nothing is selected, or nothing could be decided.";
    UNCHECKED_METRIC = "PC240", "unchecked-metric", "A metric that no check is sure to look at, so that it never publishes.";
    UNKNOWN_LINEAGE = "PC241", "unknown-lineage", "A metric whose lineage is not wholly read from SQL: it warns at best, or is always held.";
    UNLISTED_SOURCE = "PC242", "unlisted-source", "A source that a metric stands on and that the contract does not list.";
    IDLE_SOURCE = "PC243", "idle-source", "A source of the contract that feeds none of its metrics.";
    IDLE_CHECK = "PC244", "idle-check", "A check that reaches no metric of the contract.";
    ONLY_WARNS = "PC245", "only-warns", "A metric whose every check only warns.";
    EARLY_DEADLINE = "PC246", "early-deadline", "A ready_by at the very end of the interval, before anything can refresh.";
    SHIFTED_DEADLINE = "PC247", "shifted-deadline", "A ready_by at a time that the clock skips, or shows twice, on some day.";
    EXPIRED_WAIVER = "PC248", "expired-waiver", "A waiver whose last day has passed.";
    UNOWNED_WAIVER = "PC249", "unowned-waiver", "A waiver approved by somebody whom nobody can reach.";
    IDLE_THRESHOLD = "PC250", "idle-threshold", "A threshold, bound or tolerance that nothing can cross, or that nothing can satisfy.";
    DUPLICATED_CHECK = "PC251", "duplicated-check", "A check that a dbt test of the same contract asks, too.";
    HARD_CODED = "PC252", "hard-coded", "SQL of a contract that names a table in place of a dbt model or source.";
    NO_EXPOSURE = "PC253", "no-exposure", "A contract that names no exposure.";
    UNGUARDED_EXPOSURE = "PC254", "unguarded-exposure", "A dbt exposure that no contract guards.";
    SECRET = "PC255", "secret", "Text in a contract that looks like a password, key or token.";
    BAD_IGNORE = "PC256", "bad-ignore", "A comment that is to ignore findings and cannot: no reason, no such rule, or a rule that cannot be ignored.";
    IDLE_IGNORE = "PC257", "idle-ignore", "A comment that ignores a finding which is not there.";
    OLD_BASELINE = "PC258", "old-baseline", "A baseline with findings that are not there any more.";
    MISSED_DAY = "PC259", "missed-day", "A ready_by on a day that some months lack, or that the contract's calendar closes.";
    NOT_THIS_ARTIFACT = "PC301", "not-this-artifact", "A JSON file that is another artifact than the one asked for.";
    UNREADABLE_ARTIFACT = "PC302", "unreadable-artifact", "An artifact of dbt that is not JSON or lacks what must be in it.";
    ARTIFACT_VERSION = "PC303", "artifact-version", "An artifact whose schema version is not read.";
    DUPLICATE_JSON_KEY = "PC304", "duplicate-json-key", "A key that stands twice in an object of an artifact.";
    BAD_SELECTOR = "PC310", "bad-selector", "Not a selector as dbt writes them.";
    UNSUPPORTED_SELECTOR = "PC311", "unsupported-selector", "A selector of dbt that is not supported.";
    SELECTS_NOTHING = "PC312", "selects-nothing", "A selector that matches nothing.";
    UNKNOWN_PROFILE = "PC320", "unknown-profile", "profiles.yml has no such profile or target.";
    BAD_PROFILE = "PC321", "bad-profile", "profiles.yml or dbt_project.yml is not as dbt reads it.";
    MISSING_VARIABLE = "PC322", "missing-variable", "An environment variable or dbt variable that is not set.";
    BAD_JINJA = "PC323", "bad-jinja", "A template in profiles.yml or dbt_project.yml that cannot be rendered.";
    INTERNAL = "PC400", "internal", "presscheck itself failed: a bug.";
    UNKNOWN_NAME = "PC401", "unknown-name", "No metric, model or column of this name.";
    AMBIGUOUS_NAME = "PC402", "ambiguous-name", "A name that several contracts have.";
    UNRESOLVED_METRIC = "PC403", "unresolved-metric", "A metric that is not resolved to columns.";
    WRONG_FORM = "PC404", "wrong-form", "An output form that this question does not have.";
    BAD_INTERVAL = "PC405", "bad-interval", "An interval that cannot be computed.";
    BAD_VARIABLES = "PC406", "bad-variables", "--vars that is not a mapping.";
    NO_PROFILE = "PC407", "no-profile", "No profiles.yml, or no profile named.";
    BAD_BASELINE = "PC408", "bad-baseline", "A baseline file that cannot be read or written.";
    NO_DECISION = "PC410", "no-decision", "No decision is stored.";
    UNREADABLE_DECISION = "PC411", "unreadable-decision", "A stored decision that cannot be read.";
    NOT_VERIFIED = "PC412", "not-verified", "A stored decision that does not count any more.";
    NOT_PUBLISHED = "PC413", "not-published", "A decision that is not published, or not all of it.";
    NOTHING_TO_PUBLISH = "PC414", "nothing-to-publish", "A contract that does not say what is published.";
    UNKNOWN_MONDAY = "PC420", "unknown-monday", "The sample has no such Monday.";
    SAMPLE_NOT_WRITTEN = "PC421", "sample-not-written", "The sample cannot be written or built.";
    BROKEN_SAMPLE = "PC422", "broken-sample", "The sample inside the program is broken: a bug.";
    STALE_ARTIFACT = "PC430", "stale-artifact", "An artifact of dbt that is older than what it describes, or doubtful.";
    NO_WAREHOUSE = "PC431", "no-warehouse", "The warehouse cannot be reached, or does not say what was asked.";
    CLOCKS_DIFFER = "PC432", "clocks-differ", "The warehouse's clock and the local one differ too much.";
    NO_RELATION = "PC433", "no-relation", "A relation that a contract names is not in the warehouse.";
    NO_PRIVILEGE = "PC434", "no-privilege", "The role lacks a privilege that checks need.";
    MAY_WRITE = "PC435", "may-write", "The role could write what it only has to read.";
    TOO_FEW_CONNECTIONS = "PC436", "too-few-connections", "More threads than the server gives connections.";
    OTHER_ENGINE = "PC437", "other-engine", "The artifacts were made for another engine than the target's.";
    BAD_ROLE = "PC438", "bad-role", "Not a role that can be granted something.";
    UNKNOWN_RULE = "PC440", "unknown-rule", "No rule of this code or name.";
    BAD_VERSION = "PC441", "bad-version", "Neither a folder nor something that git knows, or git cannot read it.";
    NOT_WRITTEN = "PC442", "not-written", "A file that is not written: it is there already, or the folder refuses it.";
    NOT_ODCS = "PC443", "not-odcs", "A file that is no data contract of ODCS 3, or of which nothing can be a contract here.";
    UNTOLD = "PC450", "untold", "Somebody could not be told, because what was told before cannot be read or kept.";
    RUN_GOES_ON = "PC460", "run-goes-on", "Another run of this contract and interval is going on.";
    ATTEMPTS_USED = "PC461", "attempts-used", "A run was resumed as often as it may be.";
    RUN_BROKEN = "PC462", "run-broken", "A run could not go on: nothing can be remembered, or nothing can be built.";
    NO_COMMAND = "PC463", "no-command", "presscheck.yml builds with a command and names none.";
    UNKNOWN_RUN = "PC464", "unknown-run", "The history has no such run, or several that begin so.";
    HELD = "PC501", "held", "A metric that must not be shown.";
    WARNED = "PC502", "warned", "A metric that is shown with a caveat.";
}

/// Rules that advise: what they find changes no decision, so that a comment in the contract or a baseline may set a finding aside. Every
/// other finding says that a contract cannot be decided, or that a comment is wrong; those are mended, not ignored.
pub const ADVICE: &[&str] = &[
    DOUBTFUL_COLUMN,
    NO_FRESHNESS,
    CONTRADICTION,
    NO_OWNER,
    NARROWED,
    UNCHECKED_METRIC,
    UNKNOWN_LINEAGE,
    UNLISTED_SOURCE,
    IDLE_SOURCE,
    IDLE_CHECK,
    ONLY_WARNS,
    EARLY_DEADLINE,
    SHIFTED_DEADLINE,
    MISSED_DAY,
    EXPIRED_WAIVER,
    UNOWNED_WAIVER,
    IDLE_THRESHOLD,
    DUPLICATED_CHECK,
    HARD_CODED,
    NO_EXPOSURE,
    UNGUARDED_EXPOSURE,
    SECRET,
];
