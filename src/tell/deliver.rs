//! The one door for whoever tells: thinks what is due, sends it, and keeps what was. Each message has its intent on disk before it goes out, and `done` after, so that
//! nothing is said twice and nothing is forgotten, whoever is killed in between. Not for deciding what is to be told.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Message, PutOff, Setup, Situation, Telling, Undelivered, Wire, messages, send};
use crate::history::{ActKind, Claim, History, Intent, Lock, Locked, RunKey};

/// How long another process that tells is waited for: longer than a service that does not answer keeps it with one message.
const PATIENCE: Duration = Duration::from_secs(90);
/// Name of the lock: two at once would both find that a message was not sent yet.
const LOCK: &str = "tell";

/// A message that was due, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// The message.
    pub message: Message,
    /// What became of it.
    pub fate: Delivery,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// It was taken now.
    Taken,
    /// It had been taken before, as the journal says; it was not sent.
    Before,
    /// It was not taken, and why; it is tried again, with its key, by whoever tells next.
    Failed(String),
}

/// Everything that was due, was not due, or leads nowhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// What was due.
    pub delivered: Vec<Delivered>,
    /// What was not due.
    pub put_off: Vec<PutOff>,
    /// Routes of the contract by which nobody can be reached, and why.
    pub unreachable: Vec<(String, String)>,
}

impl Told {
    /// What kept somebody from being told, a sentence each; empty when everybody who had to be told was.
    pub fn faults(&self) -> Vec<String> {
        let nobody = self.unreachable.iter().map(|(route, why)| format!("nobody is reached by {route}: {why}"));
        let failed = self.delivered.iter().filter_map(|one| match &one.fate {
            Delivery::Failed(why) => Some(format!("not delivered: {}: {why} ({})", one.message.to.name, one.message.alert.heading)),
            Delivery::Taken | Delivery::Before => None,
        });
        nobody.chain(failed).collect()
    }
}

/// Sends what is due of one contract, and keeps it in the history. Called twice, it sends nothing twice. `of` is the run that tells: its steps in the journal
/// are the intents and what became of them.
///
/// # Errors
/// The history cannot be read or written, or another process tells for too long: then nothing more is sent, because it could not be known afterwards.
pub fn tell(history: &mut History, of: &RunKey, situation: &Situation<'_>, setup: &Setup, wire: &Wire<'_>) -> Result<Told, String> {
    let _lock = alone(history.path().parent().unwrap_or(Path::new(".")))?;
    let told = history.told(&setup.contract)?;
    let Telling { seen, messages, put_off, unreachable } = messages(situation, setup, &told);
    history.add_told(&seen)?;
    let delivered = messages.into_iter().map(|message| deliver(history, of, message, wire)).collect::<Result<_, String>>()?;
    Ok(Told { delivered, put_off, unreachable })
}

fn deliver(history: &mut History, of: &RunKey, message: Message, wire: &Wire<'_>) -> Result<Delivered, String> {
    let intent = Intent {
        act: ActKind::Alert,
        key: message.key.clone(),
        what: format!("{}: {}", message.to.name, message.alert.heading),
        body: serde_json::json!({
            "route": message.to.name,
            "occasion": message.alert.occasion,
            "incident": message.incident,
            "interval": message.alert.interval.as_ref().map(|interval| &interval.start),
            "decision": message.alert.run,
            "metrics": message.alert.metrics.iter().map(|metric| &metric.id).collect::<Vec<_>>(),
        }),
    };
    let fate = match history.intent(of, wire.at, &intent)? {
        Claim::Done => Delivery::Before,
        Claim::New | Claim::Again => match send(&message, wire) {
            Ok(()) => {
                history.message_taken(of, wire.at, &message.line(wire.at))?;
                Delivery::Taken
            }
            Err(Undelivered { why }) => {
                history.message_failed(of, wire.at, &message.key, &why)?;
                Delivery::Failed(why)
            }
        },
    };
    Ok(Delivered { message, fate })
}

/// Waits until nobody else tells.
fn alone(folder: &Path) -> Result<Lock, String> {
    let begun = Instant::now();
    loop {
        match Lock::take(folder, LOCK, &format!("process {}", std::process::id()))? {
            Locked::Held(lock) => return Ok(lock),
            Locked::Elsewhere(holder) if begun.elapsed() > PATIENCE => {
                return Err(format!("another process is telling ({holder}), so nothing was told; it is tried again next time"));
            }
            Locked::Elsewhere(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}
