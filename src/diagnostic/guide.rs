//! What `presscheck rule` says of each code besides its meaning: why it matters, an example that triggers it, how to mend it. One table.
//!
//! An example that begins with `$ ` is a command, one that begins with `# ` a file other than a contract; every other one is a piece of
//! a contract, and a test shows that it triggers its code beside the sample project.

use super::codes;

/// What there is to say of a code, besides [`codes::Code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guide {
    /// The code.
    pub code: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What triggers it.
    pub example: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

macro_rules! guides {
    ($($code:ident: $why:literal, $example:literal, $mend:literal;)*) => {
        /// Every guide, in the order of [`codes::ALL`].
        pub const ALL: &[Guide] = &[$(Guide { code: codes::$code, why: $why, example: $example, mend: $mend }),*];
    };
}

/// The guide of a code.
pub fn of(code: &str) -> Option<&'static Guide> {
    ALL.iter().find(|guide| guide.code == code)
}

guides! {
    SYNTAX: "What cannot be read cannot be checked.", "title: \"Weekly report\npromise: so", "Close the quote or bracket; indent with spaces.";
    EMPTY_FILE: "An empty contract promises nothing.", "# contracts/report.yml with nothing but comments", "Write the contract, or remove the file.";
    SEVERAL_DOCUMENTS: "The second document would be checked by nobody.", "title: A\n---\ntitle: B", "Give each contract a file of its own.";
    TOO_LARGE: "A contract is small; a huge one is a mistake or an attack.", "# contracts/report.yml of more than 4 MiB", "Is it the right file? Write anchors out.";
    ODD_YAML: "Tags and merge keys mean different things to different readers.", "owners: !!python/object {team: A}", "Write the value plainly.";
    DUPLICATE_KEY: "YAML readers keep one of the two, and not all the same one.", "title: A\ntitle: B", "Keep one.";
    UNKNOWN_KEY: "A key that is ignored is a promise that nobody keeps.", "promis: By Monday noon", "Write the key that is offered, or look it up in contracts/README.md.";
    MISSING_KEY: "Without it the entry means nothing.", "caveats: [{metric: m}]", "Add the key.";
    WRONG_TYPE: "A text that looks like a number, or a list in place of one value, would be guessed at.", "title: [a]", "Write a value of the type that is named.";
    UNKNOWN_VALUE: "A word that is not one of the list would silently mean the default.", "tier: vital", "Write one of the values that are offered.";
    NO_VALUE: "A key without a value looks as if it said something.", "title:", "Give it a value, or remove it.";
    NOT_FINITE: "Every comparison with NaN is false, so that such a limit is never crossed.", "checks: [{range: {column: stg_orders.order_id, max: .inf}}]", "Write a number, or leave the bound out.";
    BAD_VALUE: "A value in another form would be guessed at.", "checks: [{not_null: {column: stg_orders.order_id, hold_if: ten}}]", "Write the form that the message shows.";
    NOT_A_PROJECT: "presscheck reads what dbt knows; without a project there is nothing to read.", "$ cd /tmp && presscheck lint", "Change into the dbt project, or name it: --project-dir DIR.";
    NO_ARTIFACT: "Models, columns and tests are read from dbt's artifacts.", "$ rm target/manifest.json && presscheck lint", "Run `dbt parse` (for lint and lineage) or `dbt build`.";
    NO_CONTRACT: "A check of nothing must not look like success.", "$ presscheck check no_such_report", "Write the contract (`presscheck init` begins one), or name one that is there.";
    LINK_OUTSIDE: "A link could make the program read files that the project does not own.", "$ ln -s /etc/hosts contracts/hosts.yml && presscheck lint", "Copy the file into the project.";
    UNREADABLE_FILE: "A file that cannot be read must not count as absent.", "$ chmod 0 contracts/report.yml && presscheck lint", "Make it readable UTF-8 text.";
    NO_FOLDER: "Contracts and templates in a folder of another name would be passed over in silence.", "# presscheck.yml\nmacros: [contract/macros]", "Make the folder, or write the name of one that is there.";
    UNKNOWN_EXPOSURE: "The contract would guard a report that dbt does not know.", "exposure: weekly_operating_reprt", "Write the name that is offered, or add the exposure to dbt.";
    UNKNOWN_RELATION: "A check of a relation that is not there checks nothing.", "checks: [{not_null: {column: stg_ordres.order_id}}]", "Write the name that is offered; run `dbt parse` if the model is new.";
    UNKNOWN_COLUMN: "The query would fail, and the metric would be held on the day.", "checks: [{not_null: {column: stg_orders.order_idd}}]", "Write the name that is offered.";
    UNKNOWN_SEMANTIC_METRIC: "The metric could not be resolved, so it would always be held.", "metrics: {a: {metric: add_spend}}", "Write the name that is offered, or define it in dbt.";
    UNKNOWN_METRIC: "What is said of a metric that is not there is said of nothing.", "caveats: [{metric: revenue, text: Provisional.}]", "Write the key of one of the contract's metrics.";
    UNKNOWN_CHECK: "A waiver of a check that is not there excuses nothing.", "waivers: [{check: bridge, reason: r, approved_by: a@b.example, until: 2099-01-01}]", "Write the check's name; `presscheck plan` lists all.";
    DISABLED: "dbt builds nothing for a disabled node.", "# a contract on a model with config(enabled=false)", "Enable it, or take it out of the contract.";
    EPHEMERAL: "An ephemeral model is a part of other queries and has no table of its own.", "# a check on a model with config(materialized='ephemeral')", "Check a model that reads it, or materialise it.";
    UNKNOWN_CONNECTION: "A contract may use only what presscheck.yml names.", "checks: [{not_null: {column: stg_orders.order_id, connection: finance}}]", "Add the connection to presscheck.yml.";
    BAD_EXPRESSION: "SQL goes nowhere before it is known to be one expression.", "checks: [{expression: {model: stg_orders, expression: order_id >}}]", "Write one SQL expression, without statement, subquery or `;`.";
    BAD_QUERY: "SQL goes nowhere before it is known to be one read-only query.", "checks: [{sql: {model: stg_orders, query: delete from orders}}]", "Write one `select`.";
    DOUBTFUL_COLUMN: "The query may fail on the day: the column is not among those that are known.", "# a column that neither the manifest nor the SQL of the model names", "Document the column in dbt, or run `dbt docs generate` for a full list.";
    UNKNOWN_ROUTE: "An alert to a route that is not there reaches nobody.", "# escalation to webhook:pager, which presscheck.yml does not define", "Add the route to presscheck.yml.";
    NO_FRESHNESS: "Freshness is inherited from dbt; where dbt has none, a source that stopped landing looks as good as ever.", "# a contract with a source that has no freshness in dbt", "Add `freshness:` to the source, here or in dbt.";
    LANGUAGE_VERSION: "Keys of another version may mean something else.", "version: 2", "Write `version: 1`, or use a newer presscheck.";
    BAD_IDENTIFIER: "Names become parts of file names, SQL and links.", "contract: weekly report", "Use letters, digits and `_`.";
    METRIC_ORIGIN: "Lineage has to know which column the number is.", "metrics: {a: {title: A}}", "Write one of `column`, `metric`, or `expression` with `model`.";
    DUPLICATE_NAME: "A result, a waiver or an alert could mean either.", "checks:\n  - not_null: {name: x, column: stg_orders.order_id}\n  - unique: {name: x, column: stg_orders.order_id}", "Give one of them another `name:`.";
    TWO_SEVERITIES: "The two could disagree about what a failure asks for.", "checks: [{not_null: {column: stg_orders.order_id, severity: warn, hold_if: '> 1'}}]", "Remove `severity`: the thresholds say it.";
    UNEXPLAINED_NARROWING: "Taking a metric away from a check publishes numbers that the check may be about.", "checks: [{not_null: {column: stg_orders.order_id, affects_only: [m]}}]", "Add `because:` with the reason.";
    BAD_DEADLINE: "A deadline that is no moment can be neither met nor missed.", "schedule: {interval: week, ready_by: noon}", "Write a form that fits the interval: `monday 12:00`, `12:00`, `day 3 12:00`, `30m`.";
    BAD_ZONE: "Days and deadlines are counted in the contract's zone.", "schedule: {interval: day, timezone: Europe/Londn}", "Write an IANA name such as Europe/London.";
    BAD_ROUTE: "An alert to a route that is none reaches nobody.", "escalation: [{on: hold, to: [pager]}]", "Write slack:channel, email:address, webhook:name or command:name.";
    BAD_COVERAGE: "Data can be complete only through the end of what the run covers.", "schedule: {interval: week}\nsources: [{source: shopify.orders, complete_through: today}]", "Write `interval.end`.";
    BAD_TEMPLATE: "A template that is not filled would go to the warehouse as text.", "schedule: {interval: week}\nchecks: [{row_count: {model: stg_orders, where: \"order_date >= {{ interval.strat }}\", between: {min: 1}}}]", "Use the documented variables only.";
    NO_SCHEDULE: "Without a schedule nobody knows what a run covers.", "checks: [{date_coverage: {column: stg_orders.order_date}}]", "Add `schedule:` with an `interval`.";
    CONTRADICTION: "One of the two would be ignored.", "schedule: {interval: day, starts: monday}", "Keep the one that is meant.";
    BAD_CHECK: "A check that cannot work would be held on the day, or pass for nothing.", "checks: [{row_count: {model: stg_orders}}]", "Complete the check as the message says.";
    DEAD_EXCEPTION: "An exception that says nothing, or twice, cannot be reviewed.", "caveats: [{text: ' '}]", "Write one sentence; keep one waiver for each check.";
    DUPLICATE_CONTRACT: "Decisions and history go by the contract's name.", "$ cp contracts/a.yml contracts/b.yml && presscheck lint", "Give each contract a name of its own.";
    NO_OWNER: "When the number is held, nobody is told and nobody mends it.", "metrics: {m: {column: mart_weekly_operating_report.refunds}}", "Add `owners:` to the contract, or `owner:` to the metric.";
    NARROWED: "The metrics that are taken away publish although a check that may be about them failed.", "metrics:\n  m: {column: mart_weekly_operating_report.gross_revenue}\n  n: {column: mart_weekly_operating_report.refunds}\nchecks: [{not_null: {column: stg_orders.order_id, affects_only: [n], because: Refunds only.}}]", "Take the list away, or ignore the finding with the reason.";
    MACRO_FILE: "A template that no kind uses is used by nobody.", "# contracts/macros/not_nul.sql", "Name the file after its kind.";
    BAD_MACRO: "A check whose template cannot be rendered cannot be asked.", "# contracts/macros/not_null.sql with `{% macro`", "Mend the template at the line that is named; macros/README.md has the interface.";
    NOTHING_TO_CHECK: "Checking nothing must not look like success.", "$ presscheck check --select no_such_model", "Select something, or add checks.";
    UNCHECKED_METRIC: "A number that nobody verified is not certified: without a check that is sure to look at it, the metric is held on every run.", "metrics: {m: {column: mart_weekly_operating_report.refunds}}", "Add a check, or `dbt_tests: {select: upstream}`; where lineage is only assumed, add `affects: [metric]`.";
    UNKNOWN_LINEAGE: "What cannot be read from SQL is assumed to depend on everything, so the metric warns at best; one that is not resolved at all is always held.", "# a metric on a model in Python", "`presscheck lineage METRIC` says what is not understood; rewrite that, or document the columns.";
    UNLISTED_SOURCE: "If the source stops landing, the number is wrong and nothing says so.", "sources: [{source: shopify.orders}]\nmetrics: {m: {column: mart_weekly_operating_report.refunds}}", "Add the source under `sources:`.";
    IDLE_SOURCE: "It can be late without any metric noticing; or lineage does not see how a metric uses it.", "sources: [{source: ga4.sessions}]\nmetrics: {m: {column: mart_weekly_operating_report.refunds}}", "Take it out, or add the metric that it feeds.";
    IDLE_CHECK: "A check that reaches no metric holds nothing, whatever it finds.", "metrics: {m: {column: mart_weekly_operating_report.refunds}}\nchecks: [{not_null: {column: stg_sessions.session_date}}]", "Take it out, add the metric that it is about, or say `affects: [metric]`.";
    ONLY_WARNS: "Whatever the checks find, the number is published.", "metrics: {m: {column: mart_weekly_operating_report.refunds}}\nchecks: [{not_null: {column: mart_weekly_operating_report.refunds, severity: warn}}]", "Let one check hold: `severity: hold`, or a `hold_if`.";
    EARLY_DEADLINE: "The data of the interval is complete when it ends; a deadline at the same instant leaves no time to load, build and check, so every decision is late.", "schedule: {interval: week, starts: monday, ready_by: monday 00:00}", "Put `ready_by` after the refresh of the report's sources.";
    SHIFTED_DEADLINE: "Where the clock skips or repeats the time, the earlier instant counts: that day the deadline is earlier than it reads.", "schedule: {interval: day, timezone: Europe/London, ready_by: '01:30'}", "Choose a time that no change of the clock touches, or `timezone: UTC`.";
    EXPIRED_WAIVER: "An expired waiver is no waiver; the check holds again, and the file says otherwise.", "checks: [{not_null: {name: x, column: stg_orders.order_id}}]\nwaivers: [{check: x, reason: r, approved_by: a@b.example, until: 2020-01-01}]", "Remove it, or have it renewed by its owner.";
    UNOWNED_WAIVER: "A waiver publishes a number whose check failed; somebody has to answer for that.", "checks: [{not_null: {name: x, column: stg_orders.order_id}}]\nwaivers: [{check: x, reason: r, approved_by: somebody, until: 2099-01-01}]", "Write an address, or a team that the contract or dbt names as an owner.";
    IDLE_THRESHOLD: "A check that cannot fail protects nothing; one that cannot pass holds its metrics for ever.", "checks: [{not_null: {column: stg_orders.order_id, hold_if: '< 0'}}]", "Write a threshold between the two.";
    DUPLICATED_CHECK: "The same question is asked twice; where dbt's test is stricter, the tolerance written here changes nothing.", "checks:\n  - unique: {column: mart_weekly_operating_report.week_start}\n  - dbt_tests: {select: upstream}", "Keep one of the two; give dbt's test the thresholds.";
    HARD_CODED: "Beside ref() and source() the table is another one in another target, and lineage may not see it.", "checks: [{sql: {model: stg_orders, query: select * from raw.orders where order_id is null}}]", "Write `{{ model }}`, or `model:` in a reconciliation; put other tables into a dbt model and check that.";
    NO_EXPOSURE: "dbt cannot say which report the contract guards, nor select by it.", "title: A report", "Add `exposure:`; dbt has at least one.";
    UNGUARDED_EXPOSURE: "The report is shown, and nothing decides whether its numbers may be.", "# an exposure of the project that no contract names", "Write a contract (`presscheck init EXPOSURE`), or decide it from dbt's tests: `presscheck check --exposure NAME`.";
    SECRET: "Whoever reads the repository reads the secret; contracts never need one.", "promise: Ask xoxb-123456789012-abcdefghijkl", "Remove it and revoke it; connections and routes live in presscheck.yml, secrets in the environment.";
    BAD_IGNORE: "What is set aside without a reason, or by a wrong name, is lost.", "title: A report   # presscheck: ignore PC253", "Write `# presscheck: ignore PC253 because ...`; errors cannot be ignored.";
    IDLE_IGNORE: "The finding is gone, and the comment would hide the next one.", "title: A report   # presscheck: ignore PC220 because nobody is asked", "Remove the comment.";
    OLD_BASELINE: "What is mended leaves room for new findings of the same words.", "$ presscheck lint --baseline old.json", "Write it again: `presscheck lint --write-baseline FILE`.";
    MISSED_DAY: "On a month without the day the deadline is the month's last day; on a closed day it moves to another one. Whoever reads the contract should know which.", "schedule: {interval: month, ready_by: day 31 12:00}", "Choose a day that every month has, and write `moves_to:` for a closed day.";
    NOT_THIS_ARTIFACT: "Another artifact of dbt would be misread.", "$ presscheck lint --manifest target/catalog.json", "Name the artifact that is asked for.";
    UNREADABLE_ARTIFACT: "What cannot be read is not known, and what is not known does not pass.", "$ head -c 1000 target/manifest.json > m.json && presscheck lint --manifest m.json", "Run dbt again.";
    ARTIFACT_VERSION: "Fields may mean something else.", "# a manifest of dbt 1.4", "Use dbt 1.5 or newer.";
    DUPLICATE_JSON_KEY: "Readers keep one of the two, and not all the same one.", "# a manifest in which a key stands twice", "Find out what wrote the file; run dbt again.";
    BAD_SELECTOR: "A selector that is guessed at selects the wrong checks.", "$ presscheck check --select +++orders", "Write it as dbt does: `+model`, `tag:finance`, `path:models/marts`.";
    UNSUPPORTED_SELECTOR: "Methods that need dbt's state or results are not known here.", "$ presscheck check --select state:modified", "Use another method.";
    SELECTS_NOTHING: "A selector with a typo would check nothing.", "$ presscheck check --select stg_ordres", "Write the name that is offered.";
    UNKNOWN_PROFILE: "Another target is another warehouse.", "$ presscheck check --target prod", "Write one of the targets that are listed.";
    BAD_PROFILE: "A profile that is misread reaches the wrong warehouse, or none.", "# profiles.yml without outputs", "Write it as dbt reads it: `dbt debug` says more.";
    MISSING_VARIABLE: "An empty value in place of a variable reaches the wrong warehouse.", "# profiles.yml with env_var('PASSWORD'), which is not set", "Set it, or give a default.";
    BAD_JINJA: "A template that cannot be rendered gives no value.", "# profiles.yml with `{{ env_var( }}`", "Mend the template.";
    INTERNAL: "Nothing was decided, so every metric counts as held.", "$ presscheck check", "Report it, with the output.";
    UNKNOWN_NAME: "A picture of something else would mislead.", "$ presscheck lineage gross_revenu", "Write the name that is offered.";
    AMBIGUOUS_NAME: "The explanation could be of another report.", "$ presscheck explain revenue", "Say which contract.";
    UNRESOLVED_METRIC: "Nothing is known of what the metric depends on, so it is always held.", "$ presscheck lineage METRIC", "Mend the metric's column, expression or definition in dbt.";
    WRONG_FORM: "The form has no place for the answer.", "$ presscheck lineage --blind-spots --format dot", "Use a form that the message offers.";
    BAD_INTERVAL: "Without an interval nobody knows what is decided about.", "# a schedule at the ends of the calendar", "Mend the schedule.";
    BAD_VARIABLES: "Variables that are misread render other SQL.", "$ presscheck check --vars region", "Write YAML: '{region: eu}'.";
    NO_PROFILE: "Without a profile there is no warehouse to ask.", "$ presscheck check --profiles-dir /tmp", "Name the folder with --profiles-dir, or the profile in dbt_project.yml.";
    BAD_BASELINE: "A baseline that is misread would hide findings that nobody set aside.", "$ presscheck lint --baseline README.md", "Write it again: `presscheck lint --write-baseline FILE`.";
    NO_DECISION: "There is nothing to explain yet.", "$ presscheck explain gross_revenue", "Run `presscheck check` first.";
    UNREADABLE_DECISION: "A decision that is misread explains something else.", "# a decision that another version wrote", "Run `presscheck check` again.";
    NOT_VERIFIED: "A job that acts on an old, edited or outdated decision publishes what nobody decided.", "$ presscheck verify --max-age 1s", "Run `presscheck check` again, with the contract and the artifacts that are there now.";
    NOT_PUBLISHED: "Nothing was written, or somebody was not called: readers see what was published before.", "$ presscheck publish --max-age 1s", "Do what the message says, then run `presscheck publish` again: what was done is not done twice.";
    NOTHING_TO_PUBLISH: "There is nothing to write, and nobody to call.", "$ presscheck publish", "Add `publish:` with `snapshot:` or `status:` to the contract.";
    UNKNOWN_MONDAY: "The sample has only the Mondays that are listed.", "$ presscheck demo --monday never", "presscheck demo --list";
    SAMPLE_NOT_WRITTEN: "Somebody's edits could be lost.", "$ presscheck demo --into .", "Choose an empty folder, or --force.";
    BROKEN_SAMPLE: "The program was built wrong.", "$ presscheck demo", "Report it.";
    STALE_ARTIFACT: "What is decided from an old manifest is about models that are no longer so.", "$ presscheck doctor", "Run `dbt build`, or `dbt compile`.";
    NO_WAREHOUSE: "Nothing can be asked: every metric is held.", "$ presscheck doctor --target nowhere", "Compare profiles.yml with what the message says; `dbt debug` tries the same connection.";
    CLOCKS_DIFFER: "Ages and deadlines are judged by the warehouse's clock.", "$ presscheck doctor", "Set the clock that is wrong.";
    NO_RELATION: "A check of what is not there ends as an error, and holds.", "$ presscheck doctor", "Build the model with dbt, or correct the name or the target.";
    NO_PRIVILEGE: "What may not be read is not checked.", "$ presscheck doctor", "`presscheck grants --for ENGINE --role ROLE` prints what is missing.";
    MAY_WRITE: "A role that can write can do harm by mistake, or when its password is lost.", "$ presscheck doctor", "Give presscheck a role of its own that only reads: `presscheck grants`.";
    TOO_FEW_CONNECTIONS: "Sessions that the server refuses are checks that end as errors.", "$ presscheck doctor --threads 500", "Ask for fewer threads.";
    OTHER_ENGINE: "SQL that dbt compiled for one engine may mean something else on another.", "$ presscheck doctor --target other", "Compile with the same target.";
    BAD_ROLE: "A grant to everybody, or to a name that is none, is not the least.", "$ presscheck grants --for postgres --role public", "Name one role.";
    UNKNOWN_RULE: "The explanation could be of another rule.", "$ presscheck rule PC999", "`presscheck rule` lists all.";
    BAD_VERSION: "A change is judged between two versions that can be read.", "$ presscheck diff no_such_branch", "Name a folder with a dbt project, or a commit, branch or tag.";
    NOT_WRITTEN: "What somebody wrote is not overwritten.", "$ presscheck init && presscheck init", "Move the file away, or edit it.";
    NOT_ODCS: "A contract that is made of another file would promise nothing of what it says.", "$ presscheck import odcs dbt_project.yml", "Name a document with kind: DataContract and apiVersion: v3.x, whose schema names models of the project.";
    UNTOLD: "Without its memory a timer would say everything again every few minutes.", "$ chmod 0 .presscheck && presscheck tell", "Make the history's folder writable, or let the other `presscheck tell` end.";
    RUN_GOES_ON: "Two runs of one contract and interval would decide and publish twice.", "$ presscheck run & presscheck run", "Wait for the end of the other; its decision counts.";
    ATTEMPTS_USED: "What fails again and again is not mended by trying once more, and each try costs the warehouse.", "$ presscheck run --resume", "See `presscheck explain METRIC`; mend the cause, then begin anew with `presscheck run`.";
    RUN_BROKEN: "What cannot be remembered was not done, and what cannot be built is not today's.", "$ presscheck run   # on a full disk, or without dbt", "Mend what the message says, then `presscheck run --resume`.";
    NO_COMMAND: "An empty command would build nothing and look like success.", "# presscheck.yml\nbuild: {with: command}", "Write the program and its arguments: `build: {with: command, command: [make, models]}`.";
    UNKNOWN_RUN: "Steps of another run than the one that was meant mislead.", "$ presscheck runs show 20990101", "`presscheck runs` lists the newest; write as much of a run's name as no other run begins with.";
    HELD: "A check that guards it failed or could not be asked, or nothing vouches for it.", "$ presscheck check", "`presscheck explain METRIC` says why and what to do.";
    WARNED: "The number may be used, with what is said beside it.", "$ presscheck check", "`presscheck explain METRIC` says why.";
}
