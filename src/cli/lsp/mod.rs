//! `presscheck lsp`: what `lint`, `lineage` and `explain` know, in an editor, while a contract is written. Speaks the Language Server Protocol on
//! standard input and output; opens no socket, starts no process, writes nothing but the cache that `lint` writes.
//!
//! One message is answered after another: a contract is small, and the project is read once and again only when its files change.

mod answers;
mod complete;
mod cursor;
mod hover;
mod place;
mod session;

use clap::Args;
use lsp_server::{Connection, Message};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CompletionOptions, HoverProviderCapability, OneOf, SaveOptions,
    ServerCapabilities, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
};

use super::arguments::Place;
use super::{Ended, Stopped};
use crate::diagnostic::{Finding, codes};
use session::Session;

#[derive(Debug, Args)]
pub(super) struct Lsp {
    #[command(flatten)]
    place: Place,
    /// What many editors say; standard input and output are used all the same
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    pub(super) fn run(&self) -> Ended {
        let (connection, threads) = Connection::stdio();
        let served = serve(&connection, Session::new(self.place.clone()));
        // The writing thread ends when nobody can send to it any more.
        drop(connection);
        let ended = served.and_then(|polite| threads.join().map_err(|error| error.to_string()).map(|()| polite));
        match ended {
            Ok(polite) => Ok(u8::from(!polite)),
            Err(message) => {
                Err(Stopped::unreadable(Finding::error(codes::INTERNAL, format!("the editor cannot be understood: {message}"))))
            }
        }
    }
}

/// Talks until the editor says farewell (`true`) or goes away (`false`).
fn serve(connection: &Connection, mut session: Session) -> Result<bool, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let (id, _) = connection.initialize_start().map_err(|error| said(&error))?;
    let about = serde_json::json!({
        "capabilities": capabilities(),
        "serverInfo": {"name": "presscheck", "version": env!("CARGO_PKG_VERSION")},
    });
    connection.initialize_finish(id, about).map_err(|error| said(&error))?;
    for message in &connection.receiver {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request).map_err(|error| said(&error))? {
                    return Ok(true);
                }
                let response = session.answer(request);
                connection.sender.send(Message::Response(response)).map_err(|error| said(&error))?;
            }
            Message::Notification(notification) => session.notice(notification),
            Message::Response(_) => {}
        }
        // While more is on its way, what would be said now is old before it is read.
        if connection.receiver.is_empty() {
            for told in session.diagnostics() {
                connection.sender.send(Message::Notification(told)).map_err(|error| said(&error))?;
            }
        }
    }
    Ok(false)
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::FULL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
            ..TextDocumentSyncOptions::default()
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([".", ":", " ", "[", "{", ","].map(str::to_owned).to_vec()),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        definition_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::SOURCE_FIX_ALL]),
            ..CodeActionOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}
