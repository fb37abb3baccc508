//! Sends what is to be told and keeps what was: the intent is on disk before the act, and the outcome after it, so that nothing is said twice and nothing is
//! forgotten. Not for deciding what is to be told.

use super::{Message, Telling, Undelivered, Wire, send};
use crate::history::{History, What};

/// A message, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// The message.
    pub message: Message,
    /// Why it was not taken; it is tried again in the next run.
    pub fault: Option<String>,
}

/// Keeps what was seen, and sends each message between its two lines.
///
/// # Errors
/// The history cannot be written: then nothing more is sent, because it could not be known afterwards.
pub fn deliver(telling: &Telling, history: &mut History, wire: &Wire<'_>) -> Result<Vec<Delivered>, String> {
    history.add_told(&telling.seen)?;
    let mut delivered = Vec::new();
    for message in &telling.messages {
        history.add_told(&[message.line(What::Intent, wire.at)])?;
        let sent = send(message, wire);
        let what = if sent.is_ok() { What::Done } else { What::Failed };
        history.add_told(&[message.line(what, wire.at)])?;
        let fault = sent.err().map(|Undelivered { why }| why);
        delivered.push(Delivered { message: message.clone(), fault });
    }
    Ok(delivered)
}
