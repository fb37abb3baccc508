//! What `run --plan` prints.

use serde::Serialize;

use super::super::arguments::Report;
use crate::calendar::Interval;
use crate::runner::Stage;

#[derive(Serialize)]
struct Printed<'a> {
    contract: &'a str,
    interval: Option<[String; 2]>,
    stages: &'a [Stage],
}

/// Each contract and interval with its stages.
pub(super) fn printed(paths: &[(String, Option<Interval>, Vec<Stage>)], format: Report) -> String {
    match format {
        Report::Json => {
            let all: Vec<Printed<'_>> = paths
                .iter()
                .map(|(contract, interval, stages)| Printed {
                    contract,
                    interval: interval.as_ref().map(|interval| [interval.start.to_string(), interval.end.to_string()]),
                    stages,
                })
                .collect();
            serde_json::to_string_pretty(&all).unwrap_or_else(|_| "[]".to_owned()) + "\n"
        }
        Report::Text | Report::Sarif | Report::Github | Report::Gitlab | Report::Junit | Report::Markdown => {
            paths.iter().map(|(contract, interval, stages)| text(contract, interval.as_ref(), stages)).collect::<Vec<_>>().join("\n")
        }
    }
}

fn text(contract: &str, interval: Option<&Interval>, stages: &[Stage]) -> String {
    let span = interval.map_or_else(String::new, |interval| format!(", {} up to {}", interval.start.date(), interval.end.date()));
    let mut text = format!("{contract}{span}\n");
    for (number, stage) in (1..).zip(stages) {
        let name = format!("{:?}", stage.stage).to_lowercase();
        text += &format!("  {number}. {name:<9} {}\n", stage.does);
        for (label, said) in [("waits for", &stage.waits_for), ("stopped by", &stage.stopped_by), ("goes on with", &stage.goes_on)] {
            if !said.is_empty() {
                text += &format!("               {label}: {said}\n");
            }
        }
    }
    text
}
