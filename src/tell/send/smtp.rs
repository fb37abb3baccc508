//! Sends a letter through the mail server. Of what the server answers only its code is said.

use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};

use super::super::email::Letter;
use super::super::{Mail, MailTls};
use super::Try;

pub(super) fn post(mail: &Mail, password: Option<String>, to: &str, letter: &Letter, key: &str, limit: Duration) -> Try {
    let from: Mailbox = match mail.from.parse() {
        Ok(from) => from,
        Err(_) => return Try::Refused("`mail.from` is no e-mail address".to_owned()),
    };
    let to: Mailbox = match to.parse() {
        Ok(to) => to,
        Err(_) => return Try::Refused("it is no e-mail address".to_owned()),
    };
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let message = lettre::Message::builder()
        .from(from)
        .to(to)
        .subject(&letter.subject)
        .message_id(Some(format!("<{key}@presscheck.invalid>")))
        .raw_header(automatic)
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()));
    let message = match message {
        Ok(message) => message,
        Err(_) => return Try::Refused("the letter could not be written".to_owned()),
    };
    let transport = match transport(mail, password, limit) {
        Ok(transport) => transport,
        Err(why) => return Try::Refused(why),
    };
    match transport.send(&message) {
        Ok(_) => Try::Taken,
        Err(error) => fault(&error),
    }
}

fn transport(mail: &Mail, password: Option<String>, limit: Duration) -> Result<SmtpTransport, String> {
    let host = mail.host.value.clone();
    let way = mail.tls.as_ref().map_or(MailTls::Starttls, |tls| tls.value);
    let secure = || TlsParameters::new(host.clone()).map_err(|_| "the certificates of this machine cannot be used".to_owned());
    let (tls, usual) = match way {
        MailTls::Starttls => (Tls::Required(secure()?), 587),
        MailTls::Wrapper => (Tls::Wrapper(secure()?), 465),
        MailTls::None if ["localhost", "127.0.0.1", "::1"].contains(&host.as_str()) => (Tls::None, 25),
        MailTls::None => return Err("`mail.tls: none` is only for a server on this machine".to_owned()),
    };
    let mut builder =
        SmtpTransport::builder_dangerous(host).port(mail.port.as_ref().map_or(usual, |port| port.value)).tls(tls).timeout(Some(limit));
    match (&mail.user, password) {
        (Some(user), Some(password)) => builder = builder.credentials(Credentials::new(user.value.clone(), password)),
        (None, None) => {}
        (Some(_), None) => return Err("`mail.user` needs `mail.password`, the environment variable that holds the password".to_owned()),
        (None, Some(_)) => return Err("`mail.password` needs `mail.user`".to_owned()),
    }
    Ok(builder.build())
}

fn fault(error: &lettre::transport::smtp::Error) -> Try {
    let code = error.status().map(|code| format!(" ({code})")).unwrap_or_default();
    match () {
        () if error.is_permanent() => Try::Refused(format!("the mail server refused it{code}")),
        () if error.is_transient() => Try::Again(format!("the mail server could not take it now{code}"), None),
        () if error.is_timeout() => Try::Again("the mail server did not answer in time".to_owned(), None),
        () if error.is_tls() => Try::Refused("the connection to the mail server could not be secured".to_owned()),
        () if error.is_client() => Try::Refused("the mail server does not offer what is needed (TLS, or the way to log in)".to_owned()),
        () => Try::Again("the connection to the mail server failed".to_owned(), None),
    }
}
