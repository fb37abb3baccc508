//! Requests of an editor and their answers: completion, hover, definition, code actions.

use lsp_server::{ErrorCode, Request, Response};
use lsp_types::request::{CodeActionRequest, Completion, GotoDefinition, HoverRequest, Request as _};
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CompletionList, CompletionParams, CompletionResponse,
    DocumentChanges, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverContents, HoverParams, Location, MarkupContent, MarkupKind,
    OneOf, OptionalVersionedTextDocumentIdentifier, Position, Range, TextDocumentEdit, TextEdit, WorkspaceEdit,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::session::{Open, Session};
use super::{complete, cursor, hover, place};
use crate::diagnostic::{Finding, codes};
use crate::lint::fix;

impl Session {
    /// The answer to a request; an error for one that this server does not have.
    pub(super) fn answer(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        let answer = match method.as_str() {
            Completion::METHOD => read(params).map(|params| self.complete(&params)),
            HoverRequest::METHOD => read(params).map(|params| self.hover(&params)),
            GotoDefinition::METHOD => read(params).map(|params| self.definition(&params)),
            CodeActionRequest::METHOD => read(params).map(|params| self.actions(&params)),
            _ => return Response::new_err(id, ErrorCode::MethodNotFound as i32, format!("presscheck does not answer {method}")),
        };
        match answer {
            Ok(value) => Response::new_ok(id, value),
            Err(message) => Response::new_err(id, ErrorCode::InvalidParams as i32, message),
        }
    }

    fn complete(&mut self, params: &CompletionParams) -> Value {
        let asked = &params.text_document_position;
        let Some((open, known)) = self.find(&asked.text_document.uri) else { return Value::Null };
        let offset = place::offset(&open.text, asked.position);
        let Some(cursor) = cursor::at(&open.text, offset) else { return json(&CompletionResponse::Array(Vec::new())) };
        let range = place::range(&open.text, offset.saturating_sub(cursor.typed.len()), offset);
        let (items, is_incomplete) = complete::items(&cursor, known.map(|(loaded, _)| loaded), open.contract.as_ref(), range);
        json(&CompletionResponse::List(CompletionList { is_incomplete, items }))
    }

    fn hover(&mut self, params: &HoverParams) -> Value {
        let asked = &params.text_document_position_params;
        let Some((open, known)) = self.find(&asked.text_document.uri) else { return Value::Null };
        let Some((from, to)) = hover::word(&open.text, place::offset(&open.text, asked.position)) else { return Value::Null };
        let known = known.map(|(loaded, macros)| (loaded, macros));
        let Some(value) = hover::about(&open.text[from..to], known, open.contract.as_ref()) else { return Value::Null };
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        json(&Hover { contents, range: Some(place::range(&open.text, from, to)) })
    }

    /// A model's SQL, at the column's first mention; a metric or check of the contract itself.
    fn definition(&mut self, params: &GotoDefinitionParams) -> Value {
        let asked = &params.text_document_position_params;
        let Some((open, known)) = self.find(&asked.text_document.uri) else { return Value::Null };
        let Some((from, to)) = hover::word(&open.text, place::offset(&open.text, asked.position)) else { return Value::Null };
        let word = &open.text[from..to];
        let own = open.contract.as_ref().and_then(|contract| {
            let metric = contract.metrics.keys().find(|id| id.value == word).map(|id| id.span);
            let named = || contract.checks.iter().filter_map(|check| check.kind().common().name).find(|name| name.value == word);
            metric.or_else(|| named().map(|name| name.span))
        });
        let location = match own {
            // The contract may be of an earlier text; a place behind its end is none.
            Some(span) if open.text.get(span.offset..).is_some_and(|rest| rest.contains(word)) => {
                Some(Location { uri: open.uri.clone(), range: place::of_span(&open.text, Some(span)) })
            }
            _ => known.and_then(|(loaded, _)| hover::written(word, loaded)).and_then(|(file, line)| {
                let start = Position { line, character: 0 };
                Some(Location { uri: place::uri(&file)?, range: Range { start, end: start } })
            }),
        };
        location.map_or(Value::Null, |location| json(&GotoDefinitionResponse::Scalar(location)))
    }

    /// The edits that `lint --fix` makes, one by one and together; and for advice the comment that sets it aside, which wants a reason.
    fn actions(&mut self, params: &CodeActionParams) -> Value {
        let Some((open, _)) = self.find(&params.text_document.uri) else { return Value::Null };
        let mut actions = Vec::new();
        for finding in &open.findings {
            let range = place::of_span(&open.text, finding.span);
            if range.end < params.range.start || params.range.end < range.start {
                continue;
            }
            if let Some(edit) = fix::edit(&open.text, finding) {
                let was = open.text.get(edit.from..edit.to).unwrap_or_default().trim();
                let title = if edit.with.is_empty() { format!("Remove `{was}`") } else { format!("Write `{}`", edit.with) };
                let edit = TextEdit { range: place::range(&open.text, edit.from, edit.to), new_text: edit.with };
                actions.push(action(title, CodeActionKind::QUICKFIX, vec![edit], open, true));
            }
            actions.extend(aside(finding, open));
        }
        let (text, made) = fix::apply(&open.text, &open.findings);
        if !made.is_empty() {
            let whole = TextEdit { range: place::range(&open.text, 0, open.text.len()), new_text: text };
            actions.push(action(
                "Make every edit that can only be meant one way".to_owned(),
                CodeActionKind::SOURCE_FIX_ALL,
                vec![whole],
                open,
                false,
            ));
        }
        json(&actions)
    }
}

/// The comment that ignores a finding of advice. It has no reason yet, and is itself a fault until somebody writes one.
fn aside(finding: &Finding, open: &Open) -> Option<CodeActionOrCommand> {
    let span = finding.span.filter(|_| codes::ADVICE.contains(&finding.code))?;
    let rest = open.text.get(span.offset..)?;
    let line = rest.lines().next().unwrap_or_default();
    if line.contains('#') {
        return None;
    }
    let end = span.offset + line.trim_end().len();
    let new_text = format!("  # presscheck: ignore {} because ", finding.code);
    let edit = TextEdit { range: place::range(&open.text, end, end), new_text };
    Some(action(format!("Set {} aside, with a reason", finding.code), CodeActionKind::QUICKFIX, vec![edit], open, false))
}

fn action(title: String, kind: CodeActionKind, edits: Vec<TextEdit>, open: &Open, preferred: bool) -> CodeActionOrCommand {
    let text_document = OptionalVersionedTextDocumentIdentifier { uri: open.uri.clone(), version: Some(open.version) };
    let edits = edits.into_iter().map(OneOf::Left).collect();
    let changes = DocumentChanges::Edits(vec![TextDocumentEdit { text_document, edits }]);
    let edit = WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() };
    CodeActionOrCommand::CodeAction(CodeAction {
        title,
        kind: Some(kind),
        edit: Some(edit),
        is_preferred: Some(preferred),
        ..CodeAction::default()
    })
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, String> {
    serde_json::from_value(params).map_err(|error| error.to_string())
}

/// What is written here can always be written as JSON; if not, there is no answer.
fn json<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
