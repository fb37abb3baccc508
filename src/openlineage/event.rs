//! Decision -> its run events. Pure. What was not measured is an assertion without success, never one that is left out.

use std::collections::BTreeMap;

use jiff::{Timestamp, Zoned};
use serde_json::{Map, Value, json};

use super::{Event, Names};
use crate::record::{CheckRecord, Document, Ended, Severity, Verdict};

/// Who says so; a name, not an address.
const PRODUCER: &str = "urn:presscheck";
const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// The two events of a decision: it began; it ended, and what was found. A held metric fails the run, as an error does; a caveat does not.
pub fn events(document: &Document, names: &Names) -> [Event; 2] {
    let ended = if holds(document) { "FAIL" } else { "COMPLETE" };
    let began = names.began.filter(|began| *began <= document.decided_at).unwrap_or(document.decided_at);
    [event("START", began, document, names), event(ended, document.decided_at, document, names)]
}

fn holds(document: &Document) -> bool {
    document.nothing_to_check || document.metrics.iter().any(|metric| metric.verdict == Verdict::Hold)
}

fn event(state: &'static str, at: Timestamp, document: &Document, names: &Names) -> Event {
    let hash = hash(document, names);
    let mut run = Map::new();
    if let Some(interval) = &document.interval {
        let instant = |text: &str| text.parse::<Zoned>().ok().map(|zoned| zoned.timestamp().to_string());
        if let Some((start, end)) = instant(&interval.start).zip(instant(&interval.end)) {
            run.insert(
                "nominalTime".into(),
                facet("NominalTimeRunFacet", "1-0-1", json!({"nominalStartTime": start, "nominalEndTime": end})),
            );
        }
    }
    let mut body = json!({
        "eventType": state,
        "eventTime": at.to_string(),
        "producer": PRODUCER,
        "schemaURL": EVENT,
        "job": {"namespace": names.namespace, "name": format!("presscheck.{}", document.contract)},
    });
    if state == "START" {
        body["inputs"] = relations(document).keys().map(|about| dataset(about, names)).collect();
        body["outputs"] = json!([]);
    } else {
        run.insert("test".into(), facet("TestRunFacet", "1-0-1", json!({"tests": tests(document)})));
        if state == "FAIL" {
            let said = json!({"message": document.summary, "programmingLanguage": "SQL"});
            run.insert("errorMessage".into(), facet("ErrorMessageRunFacet", "1-0-1", said));
        }
        body["inputs"] = relations(document).iter().map(|(about, checks)| input(about, checks, document, names)).collect();
        body["outputs"] = json!([report(document, names)]);
    }
    body["run"] = json!({"runId": uuid(&hash), "facets": run});
    Event { state, key: format!("openlineage {state} {}", hash.to_hex()), body }
}

/// Of the decision, not of the moment: told twice, it is one run.
fn hash(document: &Document, names: &Names) -> blake3::Hash {
    let interval = document.interval.as_ref().map(|interval| interval.start.as_str()).unwrap_or_default();
    let texts = [names.namespace.as_str(), &document.contract, interval, &document.run];
    blake3::hash(texts.map(|text| format!("{}:{text}", text.len())).concat().as_bytes())
}

/// A hash as a UUID of version 8, whose bits are its maker's.
fn uuid(hash: &blake3::Hash) -> String {
    let hex = hash.to_hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-a{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

fn facet(name: &str, version: &str, mut value: Value) -> Value {
    value["_producer"] = json!(PRODUCER);
    value["_schemaURL"] = json!(format!("https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}"));
    value
}

/// Checks by the relation that they are about.
fn relations(document: &Document) -> BTreeMap<&str, Vec<&CheckRecord>> {
    let mut found: BTreeMap<&str, Vec<&CheckRecord>> = BTreeMap::new();
    for check in document.checks.iter().filter(|check| !check.about.is_empty()) {
        found.entry(&check.about).or_default().push(check);
    }
    found
}

fn dataset(about: &str, names: &Names) -> Value {
    json!({"namespace": names.namespace, "name": names.relations.get(about).map_or(about, String::as_str)})
}

fn input(about: &str, checks: &[&CheckRecord], document: &Document, names: &Names) -> Value {
    let mut facets = Map::new();
    let assertions: Vec<Value> = checks.iter().map(|check| assertion(check)).collect();
    let assertions = facet("DataQualityAssertionsDatasetFacet", "1-1-0", json!({"assertions": assertions}));
    facets.insert("dataQualityAssertions".into(), assertions);
    // A check may look at a part of the rows, so the most that any saw is the closest to how many there are.
    let rows = checks.iter().filter_map(|check| check.measured.as_ref()?.rows_seen.parse::<u64>().ok()).max();
    let newest = document.sources.iter().filter(|source| source.source == about).filter_map(|source| source.newest.as_deref());
    let newest = newest.filter_map(|text| text.parse::<Timestamp>().ok()).max();
    if rows.is_some() || newest.is_some() {
        let mut metrics = json!({"columnMetrics": {}});
        rows.into_iter().for_each(|rows| metrics["rowCount"] = json!(rows));
        newest.into_iter().for_each(|newest| metrics["lastUpdated"] = json!(newest.to_string()));
        facets.insert("dataQualityMetrics".into(), facet("DataQualityMetricsInputDatasetFacet", "1-0-3", metrics));
    }
    let mut dataset = dataset(about, names);
    dataset["inputFacets"] = Value::Object(facets);
    dataset
}

fn assertion(check: &CheckRecord) -> Value {
    let mut said = json!({
        "assertion": check.kind,
        "success": check.outcome == Ended::Pass,
        "severity": severity(check),
        "name": check.id,
        "description": description(check),
    });
    check.measured.iter().for_each(|measured| said["actual"] = json!(format!("{} {}", measured.value, measured.unit)));
    said
}

fn tests(document: &Document) -> Vec<Value> {
    let test = |check: &CheckRecord| {
        let status = match check.outcome {
            Ended::Pass => "pass",
            // What could not be evaluated found nothing out, and did not pass.
            Ended::FailWarn | Ended::FailHold | Ended::Error => "fail",
            Ended::Skipped => "skip",
        };
        let mut said = json!({
            "name": check.id, "status": status, "severity": severity(check), "type": check.kind, "description": description(check),
        });
        check.measured.iter().for_each(|measured| said["actual"] = json!(format!("{} {}", measured.value, measured.unit)));
        said
    };
    document.checks.iter().map(test).collect()
}

fn severity(check: &CheckRecord) -> &'static str {
    match check.severity {
        Severity::Hold => "error",
        Severity::Warn => "warn",
    }
}

/// Title, and of what could not be evaluated the reason; no words of a server.
fn description(check: &CheckRecord) -> String {
    let why = check.reason.map(|reason| format!(": {}", crate::sentence::reason_words(reason)));
    let ended = match check.outcome {
        Ended::Pass | Ended::FailWarn | Ended::FailHold => String::new(),
        Ended::Error => format!(" (could not be evaluated{})", why.unwrap_or_default()),
        Ended::Skipped => format!(" (was not tried{})", why.unwrap_or_default()),
    };
    format!("{}{ended}", check.title)
}

/// The report: a field for each metric, and the column that it is, where it is one.
fn report(document: &Document, names: &Names) -> Value {
    let mut lineage = Map::new();
    for (metric, (relation, column)) in &names.columns {
        if document.metrics.iter().any(|known| known.id == *metric) {
            let mut from = dataset(relation, names);
            from["field"] = json!(column);
            from["transformations"] = json!([{"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": false}]);
            lineage.insert(metric.clone(), json!({"inputFields": [from]}));
        }
    }
    let fields: Vec<Value> = document.metrics.iter().map(|metric| json!({"name": metric.id, "description": metric.title})).collect();
    json!({
        "namespace": names.namespace,
        "name": format!("report.{}", document.contract),
        "facets": {
            "schema": facet("SchemaDatasetFacet", "1-2-0", json!({"fields": fields})),
            "columnLineage": facet("ColumnLineageDatasetFacet", "1-2-0", json!({"fields": lineage})),
        },
    })
}
