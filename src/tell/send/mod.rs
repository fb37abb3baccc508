//! Sends one message. Bounded: no redirects, a time limit for each try, at most two more tries where the fault may pass. What is said of a fault never holds an
//! address, a secret or words of a server. Not for what is sent, nor for whether: that was thought before.

mod command;
mod http;
mod smtp;

use std::time::Duration;

use jiff::Timestamp;

use super::{Destination, Mail, Means, Message, alert, email, slack};

/// Tries of one message.
const TRIES: u32 = 3;
/// Longest that a service may ask to wait between two tries; what asks for more is tried in the next run.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What sending needs of the world.
pub struct Wire<'a> {
    /// The environment: where addresses and secrets are.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The server for e-mail.
    pub mail: Option<&'a Mail>,
    /// The moment that messages carry.
    pub at: Timestamp,
}

impl Wire<'_> {
    /// What an environment variable holds.
    ///
    /// # Errors
    /// It is not set, for people.
    pub fn variable(&self, name: &str) -> Result<String, String> {
        let value = (self.env)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("the environment variable {name} is not set"))
    }
}

/// Why a message was not taken, for people: no address, no secret, no words of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// What happened.
    pub why: String,
}

/// How one try ended.
#[derive(Debug)]
enum Try {
    /// It was taken.
    Taken,
    /// It was not, and another try may do better; how long to wait before, where that was said.
    Again(String, Option<Duration>),
    /// It was not, and another try now would end the same.
    Refused(String),
}

/// Sends a message; returns when it was taken.
///
/// # Errors
/// Why it was not. It may be sent again with the same key.
pub fn send(message: &Message, wire: &Wire<'_>) -> Result<(), Undelivered> {
    let limit = Duration::from_secs(message.to.timeout);
    patiently(|| once(message, wire, limit))
}

/// Calls a hook with a text: posts it to a webhook, or gives it to a program; returns when it was taken.
///
/// # Errors
/// Why it was not. It may be called again with the same key.
pub fn call(to: &Destination, key: &str, text: &str, wire: &Wire<'_>) -> Result<(), Undelivered> {
    let limit = Duration::from_secs(to.timeout);
    patiently(|| match &to.means {
        Means::Webhook { address, secret } => webhook(address, secret.as_deref(), key, text, wire, limit),
        Means::Command(words) => command::run(words, text, limit),
        Means::Slack { .. } | Means::Email { .. } => Try::Refused("a hook is a webhook or a command".to_owned()),
    })
}

/// Posts JSON to an address that is a secret, with headers that may be; returns when it was taken.
///
/// # Errors
/// Why it was not.
pub fn post_json(address: &str, body: &str, headers: &[(&str, String)], limit: Duration) -> Result<(), Undelivered> {
    patiently(|| http::post(address, body, headers, limit))
}

/// Tries until it is taken, as often as may help.
fn patiently(mut once: impl FnMut() -> Try) -> Result<(), Undelivered> {
    let mut tried = 0;
    loop {
        tried += 1;
        let (why, wait) = match once() {
            Try::Taken => return Ok(()),
            Try::Refused(why) => return Err(Undelivered { why }),
            Try::Again(why, wait) => (why, wait),
        };
        let wait = wait.unwrap_or(Duration::from_millis(400) * 4_u32.pow(tried - 1));
        if tried == TRIES || wait > LONGEST_WAIT {
            return Err(Undelivered { why });
        }
        std::thread::sleep(wait);
    }
}

/// Posts to a webhook whose address and secret are in these variables.
fn webhook(address: &str, secret: Option<&str>, key: &str, text: &str, wire: &Wire<'_>, limit: Duration) -> Try {
    let secret = secret.map(|name| wire.variable(name)).transpose();
    match wire.variable(address).and_then(|address| Ok((address, secret?))) {
        Ok((address, secret)) => http::webhook(&address, secret.as_deref(), key, wire.at, text, limit),
        Err(why) => Try::Refused(why),
    }
}

fn once(message: &Message, wire: &Wire<'_>, limit: Duration) -> Try {
    let variable = |name: &str| wire.variable(name);
    let said = || alert::payload(&message.alert, &message.key, wire.at);
    match &message.to.means {
        Means::Slack { address } => match variable(address) {
            Ok(address) => http::post(&address, &slack::blocks(&message.alert).to_string(), &[], limit),
            Err(why) => Try::Refused(why),
        },
        Means::Webhook { address, secret } => webhook(address, secret.as_deref(), &message.key, &said(), wire, limit),
        Means::Email { address } => match wire.mail {
            Some(mail) => match mail.password.as_ref().map(|name| variable(name)).transpose() {
                Ok(password) => smtp::post(mail, password, address, &email::mail(&message.alert), &message.key, limit),
                Err(why) => Try::Refused(why),
            },
            None => Try::Refused("presscheck.yml names no `mail:` server".to_owned()),
        },
        Means::Command(words) => command::run(words, &said(), limit),
    }
}
