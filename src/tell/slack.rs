//! An alert as Slack's Block Kit, within its limits, with a text for where blocks are not shown. What people wrote goes into plain text, where Slack reads neither
//! markup nor mentions; labels alone are markup.

use serde_json::{Value, json};

use super::Occasion;
use super::alert::Alert;

/// Characters of a header.
const HEADER: usize = 150;
/// Characters of a section's text.
const SECTION: usize = 3_000;
/// Characters of a field.
const FIELD: usize = 2_000;
/// Blocks of a message; the service takes 50.
const BLOCKS: usize = 40;
/// Characters of everything: the service refuses more than about 13,000.
const EVERYTHING: usize = 12_000;

/// The body of a request to an incoming webhook.
pub fn blocks(alert: &Alert) -> Value {
    let sign = match alert.occasion {
        Occasion::Hold => "✗",
        Occasion::Late | Occasion::Warn => "!",
        Occasion::Recovered | Occasion::Publish => "✓",
    };
    let heading = format!("{sign} {}", alert.heading);
    let mut left = EVERYTHING;
    let mut plain = |text: &str, most: usize| {
        let text = safe(text, most.min(left));
        left = left.saturating_sub(text.chars().count());
        json!({"type": "plain_text", "text": text, "emoji": false})
    };
    let mut blocks = vec![json!({"type": "header", "text": plain(&heading, HEADER)})];
    if !alert.text.is_empty() {
        blocks.push(json!({"type": "section", "text": plain(&alert.text, SECTION)}));
    }
    for fact in alert.facts.iter().take(BLOCKS - 3) {
        let label = json!({"type": "mrkdwn", "text": format!("*{}*", safe(&fact.label, 60))});
        blocks.push(json!({"type": "section", "fields": [label, plain(&fact.value, FIELD)]}));
    }
    let run = alert.run.as_ref().map_or_else(|| alert.contract.clone(), |run| format!("{}, decision {run}", alert.contract));
    blocks.push(json!({"type": "context", "elements": [plain(&run, 300)]}));
    json!({"text": safe(&format!("{}. {}", alert.heading, alert.text), SECTION), "blocks": blocks})
}

/// Text that Slack shows as it is: `&`, `<` and `>` are escaped, words that would wake a channel are broken, and it is cut to a number of characters. Never
/// empty, which Slack refuses.
fn safe(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    let broken = ["channel", "here", "everyone"]
        .iter()
        .fold(text.to_owned(), |text, word| text.replace(&format!("@{word}"), &format!("@\u{200b}{word}")));
    for character in broken.chars().filter(|character| *character == '\n' || !character.is_control()) {
        let piece = match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            other => other.to_string(),
        };
        let length = piece.chars().count();
        if count + length + 1 > most {
            out.push('…');
            break;
        }
        count += length;
        out.push_str(&piece);
    }
    if out.trim().is_empty() { "-".to_owned() } else { out }
}
