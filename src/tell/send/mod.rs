//! Sends one message. Bounded: no redirects, a time limit for each try, at most two more tries where the fault may pass. What is said of a fault never holds an
//! address, a secret or words of a server. Not for what is sent, nor for whether: that was thought before.

mod command;
mod http;
mod smtp;

use std::time::Duration;

use jiff::Timestamp;

use super::{Mail, Means, Message, alert, email, slack};

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
    let mut tried = 0;
    loop {
        tried += 1;
        let (why, wait) = match once(message, wire, limit) {
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

fn once(message: &Message, wire: &Wire<'_>, limit: Duration) -> Try {
    let variable = |name: &str| {
        let value = (wire.env)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("the environment variable {name} is not set"))
    };
    let said = || alert::payload(&message.alert, &message.key, wire.at);
    match &message.to.means {
        Means::Slack { address } => match variable(address) {
            Ok(address) => http::post(&address, &slack::blocks(&message.alert).to_string(), &[], limit),
            Err(why) => Try::Refused(why),
        },
        Means::Webhook { address, secret } => {
            let secret = secret.as_ref().map(|name| variable(name)).transpose();
            match variable(address).and_then(|address| Ok((address, secret?))) {
                Ok((address, secret)) => http::webhook(&address, secret.as_deref(), &message.key, wire.at, &said(), limit),
                Err(why) => Try::Refused(why),
            }
        }
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
