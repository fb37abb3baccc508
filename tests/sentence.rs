//! What people read, for every situation of the table: judge these snapshots as a business reader would.

use std::fmt::Write;

use presscheck::check::outcome::Reason;
use presscheck::sentence::reason_words;

use crate::situations::situations;

#[test]
fn sentences_can_be_read_aloud() {
    let mut text = String::new();
    for situation in situations() {
        let document = situation.document();
        writeln!(text, "## {}\n{}", situation.when, document.summary).unwrap();
        for metric in document.metrics {
            let owner = metric.mended_by.map(|owner| owner.team).unwrap_or_default();
            let recover = metric.recover.map(|recover| format!(" {recover}")).unwrap_or_default();
            let held = metric.class.is_some();
            writeln!(text, "- {}{}{}", metric.sentence, if held { format!(" [{owner}]") } else { String::new() }, recover).unwrap();
        }
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_reason_has_words_of_its_own() {
    for reason in Reason::ALL {
        let words = reason_words(reason);
        assert!(!words.is_empty() && !words.ends_with('.'), "{reason:?}: {words}");
        let same: Vec<Reason> = Reason::ALL.into_iter().filter(|other| reason_words(*other) == words).collect();
        assert_eq!(same, [reason], "one sentence for several reasons");
    }
}
