//! Where messages can go: the routes of presscheck.yml, and what a route of a contract comes down to. Addresses of services and secrets are never here: a setting
//! names the environment variable that holds one. Not for sending.

use indexmap::IndexMap;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::Age;
use crate::diagnostic::At;
use crate::record::{OwnerRecord, OwnersRecord};

/// Where alerts and hooks go: exactly one of `slack`, `webhook`, `email` and `command`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    /// A Slack channel: the environment variable that holds its webhook address.
    pub slack: Option<At<String>>,
    /// A webhook: the environment variable that holds its address.
    pub webhook: Option<At<String>>,
    /// Of a webhook: the environment variable that holds the secret by which requests are signed (Standard Webhooks: `whsec_` and base64).
    pub secret: Option<At<String>>,
    /// An e-mail address.
    pub email: Option<At<String>>,
    /// A program and its arguments; no shell, and an empty environment.
    pub command: Option<Vec<At<String>>>,
    /// When nobody is told by it: what is still so afterwards is told then.
    pub quiet: Option<Quiet>,
    /// How long one try may take; 15 seconds when absent.
    pub timeout: Option<At<Age>>,
}

/// When nobody is told: from a time of day to another, over midnight where `to` is the earlier one.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// First quiet minute: `22:00`.
    pub from: At<Clock>,
    /// First minute that is not quiet any more: `07:00`.
    pub to: At<Clock>,
    /// Zone of both; the contract's when absent.
    #[serde(default)]
    pub timezone: Option<At<Zone>>,
    /// What is told all the same.
    #[serde(default)]
    pub except: Option<At<Urgent>>,
}

/// What breaks the quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgent {
    /// Reports of the tier `critical`.
    Critical,
}

/// The server that takes e-mail.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Its name.
    pub host: At<String>,
    /// 587 when absent, 465 with `tls: wrapper`.
    #[serde(default)]
    pub port: Option<At<u16>>,
    /// How the connection is secured; `starttls` when absent.
    #[serde(default)]
    pub tls: Option<At<MailTls>>,
    /// The name to log in with.
    #[serde(default)]
    pub user: Option<At<String>>,
    /// The environment variable that holds the password.
    #[serde(default)]
    pub password: Option<At<String>>,
    /// Who it is from: an address, or `presscheck <address>`.
    pub from: At<String>,
    /// When no e-mail is sent, unless the address has a route with its own.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// How long one try may take; 15 seconds when absent.
    #[serde(default)]
    pub timeout: Option<At<Age>>,
}

/// How a connection to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// It must be raised to TLS before anything is said.
    Starttls,
    /// It is TLS from the beginning.
    Wrapper,
    /// Not at all: only on this machine (`localhost`).
    None,
}

/// A time of day: `22:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock(pub Time);

/// A zone of the time zone database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(pub TimeZone);

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("`{text}` is not a time of day; write it as 22:00"));
        let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<i8>().ok().filter(|_| text.len() == 2);
        let (hour, minute) = number(hour).zip(number(minute)).ok_or_else(wrong)?;
        Time::new(hour, minute, 0, 0).map(Clock).map_err(|_| wrong())
    }
}

impl JsonSchema for Clock {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Clock".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "description": "A time of day: 22:00" })
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |_| serde::de::Error::custom(format!("there is no time zone `{text}`; write an IANA name such as Europe/London"));
        TimeZone::get(&text).map(Zone).map_err(wrong)
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "An IANA time zone: Europe/London" })
    }
}

impl Quiet {
    /// When the quiet that `now` lies in ends; `None` outside of it. `otherwise` is the zone where none is written.
    pub fn until(&self, now: Timestamp, otherwise: &TimeZone) -> Option<Timestamp> {
        let zone = self.timezone.as_ref().map_or(otherwise, |zone| &zone.value.0);
        let at = now.to_zoned(zone.clone());
        let (from, to, time) = (self.from.value.0, self.to.value.0, at.time());
        let day: Option<Date> = match from < to {
            true => (from <= time && time < to).then(|| at.date()),
            false if from == to => at.date().tomorrow().ok(),
            false if time >= from => at.date().tomorrow().ok(),
            false => (time < to).then(|| at.date()),
        };
        let end = zone.to_ambiguous_timestamp(day?.to_datetime(to)).earlier().unwrap_or(Timestamp::MAX);
        // Where the clock is turned back, the end may seem to have passed.
        Some(end).filter(|end| *end > now)
    }

    /// Whether critical reports break it.
    pub fn spares_critical(&self) -> bool {
        self.except.is_some()
    }
}

/// All routes of a project.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// By the name that contracts use.
    pub named: IndexMap<At<String>, Route>,
    /// The server for e-mail.
    pub mail: Option<Mail>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// As a contract names it: `slack:data-alerts`, `email:ops@brightside.example`. It holds no secret.
    pub name: String,
    /// By what means.
    pub means: Means,
    /// When nobody is told by it.
    pub quiet: Option<Quiet>,
    /// How long one try may take, in seconds.
    pub timeout: u64,
}

/// By what means a message goes; addresses and secrets by the name of the environment variable that holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// A Slack channel.
    Slack {
        /// Variable with the address.
        address: String,
    },
    /// A webhook.
    Webhook {
        /// Variable with the address.
        address: String,
        /// Variable with the secret; unsigned without.
        secret: Option<String>,
    },
    /// An e-mail.
    Email {
        /// The address.
        address: String,
    },
    /// A program and its arguments.
    Command(Vec<String>),
}

/// Seconds that one try may take.
const PATIENCE: u64 = 15;

impl Routes {
    /// What a route of a contract comes down to: itself and a destination, or why it leads nowhere. `owners` mend what is told of.
    pub fn resolve(&self, route: &str, report: &OwnersRecord, owners: &[OwnerRecord]) -> Vec<(String, Result<Destination, String>)> {
        let contact = |owner: Option<&OwnerRecord>| {
            let contact = owner.and_then(|owner| owner.contact.clone()).ok_or_else(|| "nothing says how to reach them".to_owned());
            (route.to_owned(), contact.and_then(|contact| self.email(&contact)))
        };
        match route {
            "email:owners.business" => vec![contact(report.business.as_ref())],
            "email:owners.technical" => vec![contact(report.technical.as_ref())],
            "email:owner" if owners.is_empty() => vec![contact(None)],
            "email:owner" => owners.iter().map(|owner| contact(Some(owner))).collect(),
            other => vec![(other.to_owned(), self.destination(other))],
        }
    }

    /// The destination of a route that names no owner.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub fn destination(&self, route: &str) -> Result<Destination, String> {
        let (way, name) = route.split_once(':').ok_or_else(|| "it is not a route".to_owned())?;
        if way == "email" {
            return self.email(name);
        }
        let found = self
            .named
            .iter()
            .find(|(known, _)| known.value == name)
            .map(|(_, route)| route)
            .ok_or_else(|| format!("presscheck.yml names no route `{name}`"))?;
        let means = match (way, found) {
            ("slack", Route { slack: Some(address), .. }) => Means::Slack { address: address.value.clone() },
            ("webhook", Route { webhook: Some(address), secret, .. }) => {
                Means::Webhook { address: address.value.clone(), secret: secret.as_ref().map(|secret| secret.value.clone()) }
            }
            ("command", Route { command: Some(words), .. }) if !words.is_empty() => {
                Means::Command(words.iter().map(|word| word.value.clone()).collect())
            }
            _ => return Err(format!("the route `{name}` of presscheck.yml is no {way}")),
        };
        let timeout = found.timeout.as_ref().map_or(PATIENCE, |age| age.seconds.max(1));
        Ok(Destination { name: route.to_owned(), means, quiet: found.quiet.clone(), timeout })
    }

    fn email(&self, address: &str) -> Result<Destination, String> {
        let mail = self.mail.as_ref().ok_or_else(|| "presscheck.yml names no `mail:` server".to_owned())?;
        let bare = address.rsplit_once('<').map_or(address, |(_, rest)| rest.trim_end_matches('>')).trim();
        if !bare.contains('@') || bare.contains(char::is_whitespace) {
            return Err("its contact is no e-mail address".to_owned());
        }
        let own = self.named.values().find(|route| route.email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(bare)));
        let quiet = own.and_then(|route| route.quiet.clone()).or_else(|| mail.quiet.clone());
        let timeout = own.and_then(|route| route.timeout.as_ref()).or(mail.timeout.as_ref());
        let timeout = timeout.map_or(PATIENCE, |age| age.seconds.max(1));
        Ok(Destination { name: format!("email:{bare}"), means: Means::Email { address: bare.to_owned() }, quiet, timeout })
    }

    /// What is wrong with the routes themselves: each with its name.
    pub fn faults(&self) -> Vec<(At<String>, String)> {
        let wrong = |(name, route): (&At<String>, &Route)| {
            let ways = [route.slack.is_some(), route.webhook.is_some(), route.email.is_some(), route.command.is_some()];
            let many = ways.iter().filter(|way| **way).count();
            let why = match () {
                () if many != 1 => "write exactly one of slack, webhook, email and command",
                () if route.secret.is_some() && route.webhook.is_none() => "`secret` signs requests of a webhook",
                () if route.command.as_ref().is_some_and(Vec::is_empty) => "`command` names no program",
                () => return None,
            };
            Some((name.clone(), why.to_owned()))
        };
        self.named.iter().filter_map(wrong).collect()
    }
}
