//! `presscheck lsp` as an editor meets it: the program is started, and both speak JSON-RPC through its pipes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::commands::{AS_OF, run};

const CONTRACT: &str = "contracts/weekly_operating_report.yml";

/// An editor with a project open.
struct Editor {
    child: Child,
    input: ChildStdin,
    told: Receiver<Value>,
    asked: i64,
    root: PathBuf,
}

impl Editor {
    fn of(root: &Path) -> Editor {
        let root = root.canonicalize().unwrap();
        // Not in the project's folder: editors start servers wherever they like.
        let mut child = Command::new(env!("CARGO_BIN_EXE_presscheck"))
            .args(["lsp", "--stdio"])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (send, told) = channel();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            loop {
                let (mut length, mut line) = (0, String::new());
                while output.read_line(&mut line).is_ok_and(|read| read > 2) {
                    if let Some(bytes) = line.strip_prefix("Content-Length: ") {
                        length = bytes.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if length == 0 || output.read_exact(&mut body).is_err() || send.send(serde_json::from_slice(&body).unwrap()).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take().unwrap();
        let mut editor = Editor { child, input, told, asked: 0, root };
        let about = editor.ask("initialize", json!({"processId": null, "rootUri": editor.uri(""), "capabilities": {}}));
        assert_eq!(about["serverInfo"]["name"], "presscheck");
        editor.say("initialized", json!({}));
        editor
    }
    fn uri(&self, file: &str) -> String {
        format!("file://{}/{file}", self.root.display())
    }
    fn write(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.input.flush().unwrap();
    }
    fn say(&mut self, method: &str, params: Value) {
        self.write(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }
    fn next(&mut self) -> Value {
        self.told.recv_timeout(Duration::from_secs(60)).expect("an answer")
    }
    /// The answer to a request; what is published meanwhile is passed over.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        self.write(&json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}));
        loop {
            let message = self.next();
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{message}");
                return message["result"].clone();
            }
        }
    }
    /// The diagnostics of a file whose text is this from now on: code, first line from 1, message.
    fn show(&mut self, file: &str, version: i64, text: &str) -> Vec<(String, i64, String)> {
        let uri = self.uri(file);
        if version == 1 {
            self.say("textDocument/didOpen", json!({"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}));
        } else {
            let change = json!({"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]});
            self.say("textDocument/didChange", change);
        }
        loop {
            let message = self.next();
            let told = &message["params"];
            if message["method"] == "textDocument/publishDiagnostics" && told["uri"] == uri.as_str() && told["version"] == version {
                let one = |found: &Value| {
                    let line = found["range"]["start"]["line"].as_i64().unwrap() + 1;
                    (found["code"].as_str().unwrap().to_owned(), line, found["message"].as_str().unwrap().to_owned())
                };
                return told["diagnostics"].as_array().unwrap().iter().map(one).collect();
            }
        }
    }
    /// A request at `¦` of the text, which is shown without it.
    fn at(&mut self, method: &str, file: &str, version: i64, marked: &str) -> Value {
        let at = marked.find('¦').expect("a mark");
        let (line, start) = (marked[..at].matches('\n').count(), marked[..at].rfind('\n').map_or(0, |at| at + 1));
        let character = marked[start..at].encode_utf16().count();
        self.show(file, version, &marked.replacen('¦', "", 1));
        self.ask(method, json!({"textDocument": {"uri": self.uri(file)}, "position": {"line": line, "character": character}}))
    }
    fn labels(&mut self, file: &str, version: i64, marked: &str) -> Vec<String> {
        let answer = self.at("textDocument/completion", file, version, marked);
        answer["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
    }
    /// Says farewell; the exit code.
    fn leave(mut self) -> Option<i32> {
        self.ask("shutdown", Value::Null);
        self.say("exit", Value::Null);
        self.child.wait().unwrap().code()
    }
}

fn bikes(folder: &Path) -> PathBuf {
    run(&["demo", "--into", "bikes"], folder);
    // A server's clock is the machine's, and the sample's waiver has ended since.
    let contract = folder.join("bikes").join(CONTRACT);
    let text = fs::read_to_string(&contract).unwrap();
    fs::write(&contract, text.replace("until: 2026-11-25", "until: 2126-11-25")).unwrap();
    folder.join("bikes")
}

/// The text with a line after the one that begins with this key.
fn under(text: &str, key: &str, line: &str) -> String {
    let at = text.lines().position(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key}"));
    text.lines().enumerate().map(|(number, old)| if number == at { format!("{old}\n{line}\n") } else { format!("{old}\n") }).collect()
}

#[test]
fn a_contract_is_written_in_an_editor() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = bikes(folder.path());
    let text = fs::read_to_string(bikes.join(CONTRACT)).unwrap();
    let mut editor = Editor::of(&bikes);

    // What lint says, at the same lines, and of the text in the editor, not of the file.
    assert_eq!(editor.show(CONTRACT, 1, &text), [], "the sample is clean");
    let slip = text.replace("int_order_margin.unit_cost", "int_order_margin.unit_csot");
    let line = slip.lines().position(|line| line.contains("unit_csot")).unwrap() as i64 + 1;
    let said = editor.show(CONTRACT, 2, &slip);
    assert!(said.len() == 1 && said[0].0 == "PC103" && said[0].1 == line && said[0].2.contains("unit_cost"), "{said:?}");

    // The edit of `lint --fix`, one and all.
    let place = json!({"line": line - 1, "character": 0});
    let range = json!({"start": place, "end": {"line": line, "character": 0}});
    let uri = editor.uri(CONTRACT);
    let actions =
        editor.ask("textDocument/codeAction", json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": []}}));
    let titles: Vec<&str> = actions.as_array().unwrap().iter().map(|action| action["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Write `unit_cost`", "Make every edit that can only be meant one way"], "{actions}");
    let edit = &actions[0]["edit"]["documentChanges"][0];
    assert_eq!((&edit["textDocument"]["version"], &edit["edits"][0]["newText"]), (&json!(2), &json!("unit_cost")));
    assert_eq!(actions[1]["edit"]["documentChanges"][0]["edits"][0]["newText"], json!(text), "all edits give the sample back");

    // Advice is set aside with a comment that wants a reason.
    let idle = under(&text, "sources:", "  - source: ga4.sessions");
    assert_ne!(idle, text);
    let said = editor.show(CONTRACT, 3, &idle);
    let advice = said.iter().find(|(code, ..)| code == "PC243").unwrap_or_else(|| panic!("{said:?}"));
    let range = json!({"start": {"line": advice.1 - 1, "character": 0}, "end": {"line": advice.1 - 1, "character": 40}});
    let actions =
        editor.ask("textDocument/codeAction", json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": []}}));
    let comment = actions[0]["edit"]["documentChanges"][0]["edits"][0]["newText"].as_str().unwrap();
    let without = idle.replacen("ga4.sessions", &format!("ga4.sessions{comment}"), 1);
    assert!(editor.show(CONTRACT, 4, &without).iter().any(|(code, ..)| code == "PC256"), "no reason is given yet");
    let with = idle.replacen("ga4.sessions", &format!("ga4.sessions{comment}they come next week"), 1);
    assert_eq!(editor.show(CONTRACT, 5, &with), []);

    // Completion, while the line is no YAML yet.
    let at = |typed: &str| under(&text, "metrics:", &format!("  new_one:\n    {typed}"));
    assert!(editor.labels(CONTRACT, 6, &at("column: mart_weekly_op¦")).contains(&"mart_weekly_operating_report".to_owned()));
    let columns = editor.labels(CONTRACT, 7, &at("column: mart_weekly_operating_report.re¦"));
    assert!(columns.contains(&"mart_weekly_operating_report.refunds".to_owned()), "{columns:?}");
    let keys = editor.labels(CONTRACT, 8, &at("when¦"));
    assert_eq!(keys, ["when_held"]);
    let words = editor.labels(CONTRACT, 9, &at("when_held: ¦"));
    assert!(words.contains(&"last_safe".to_owned()) && words.contains(&"blank".to_owned()), "{words:?}");
    let end = |typed: &str| format!("{}\n{typed}\n", text.trim_end());
    let kinds = editor.labels(CONTRACT, 10, &under(&text, "checks:", "  - not¦"));
    assert!(kinds.contains(&"not_null".to_owned()), "{kinds:?}");
    let metrics = editor.labels(CONTRACT, 11, &under(&text, "checks:", "  - not_null: {affects: [gross¦]}"));
    assert!(metrics.contains(&"gross_revenue".to_owned()), "{metrics:?}");
    let sources = editor.labels(CONTRACT, 12, &under(&text, "sources:", "  - source: shopify.¦"));
    assert!(!sources.is_empty() && sources.iter().all(|name| name.starts_with("shopify.")), "{sources:?}");
    let comment = editor.at("textDocument/completion", CONTRACT, 13, &end("x: 1 # column: ¦"));
    assert_eq!(comment, json!([]), "nothing in a comment");

    // Hover: meaning, last verdict, lineage. Definition: the model's SQL.
    let hover = |answer: &Value| answer["contents"]["value"].as_str().unwrap_or_default().to_owned();
    let metric =
        hover(&editor.at("textDocument/hover", CONTRACT, 14, &text.replacen("  contribution_margin:", "  contri¦bution_margin:", 1)));
    assert!(metric.contains("Last verdict: **hold**") && metric.contains("int_order_margin"), "{metric}");
    let marked = text.replacen("int_order_margin.unit_cost", "int_order_margin.unit¦_cost", 1);
    let column = hover(&editor.at("textDocument/hover", CONTRACT, 15, &marked));
    assert!(column.contains("int\\_order\\_margin.unit\\_cost") && column.contains("erp.sku_costs"), "{column}");
    let place = editor.at("textDocument/definition", CONTRACT, 16, &marked);
    assert!(place["uri"].as_str().unwrap().ends_with("int_order_margin.sql"), "{place}");
    let sql = fs::read_to_string(place["uri"].as_str().unwrap().trim_start_matches("file://")).unwrap();
    let line = sql.lines().nth(usize::try_from(place["range"]["start"]["line"].as_u64().unwrap()).unwrap()).unwrap();
    assert!(line.contains("unit_cost"), "{line}");
    let rule = hover(&editor.at("textDocument/hover", CONTRACT, 17, &end("# PC2¦43")));
    assert!(rule.contains("idle-source"), "{rule}");

    // The manifest goes and comes back: said, and no longer said.
    let manifest = bikes.join("target/manifest.json");
    let bytes = fs::read(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    let said = editor.show(CONTRACT, 18, &slip);
    let absent = |said: &[(String, i64, String)]| {
        said.iter().any(|(code, _, message)| code == "PC021" && message.contains("names were checked against the project's files"))
    };
    assert!(absent(&said) && said.iter().all(|(code, ..)| ["PC021", "PC112"].contains(&code.as_str())), "{said:?}");
    let said = editor.show(
        CONTRACT,
        19,
        &text.replacen("model: int_order_margin", "model: int_order_margn", 1).replacen("int_order_margin.unit", "int_order_margn.unit", 1),
    );
    assert!(absent(&said) && said.iter().any(|(code, _, message)| code == "PC102" && message.contains("did you mean")), "{said:?}");
    fs::write(&manifest, bytes).unwrap();
    assert_eq!(editor.show(CONTRACT, 20, &slip).iter().map(|(code, ..)| code.as_str()).collect::<Vec<_>>(), ["PC103"]);
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn two_contracts_of_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = bikes(folder.path());
    let text = fs::read_to_string(bikes.join(CONTRACT)).unwrap();
    let (twin, first) = ("contracts/z_twin.yml", "contracts/a_twin.yml");
    fs::write(bikes.join(twin), &text).unwrap();
    let (code, told) = run(&["lint"], &bikes);
    assert!(code == Some(2) && told.contains("PC"), "{told}");
    let mut editor = Editor::of(&bikes);
    let taken = |said: &[(String, i64, String)]| -> Vec<(i64, String)> {
        said.iter()
            .filter(|(.., message)| message.contains("has a contract `weekly_operating_report`, too"))
            .map(|(_, line, message)| (*line, message.clone()))
            .collect()
    };
    // As lint says it: the later file is the one that is wrong, at the name.
    let line = i64::try_from(text.lines().position(|line| line.starts_with("contract:")).unwrap()).unwrap() + 1;
    let said = taken(&editor.show(twin, 1, &text));
    assert!(said.len() == 1 && said[0].0 == line && said[0].1.contains(CONTRACT), "{said:?}");
    assert!(told.contains(&format!("{twin}:{line}")), "{told}");
    assert_eq!(taken(&editor.show(CONTRACT, 1, &text)), []);
    // What counts is the text in the editor: renamed there, and nothing on disk.
    editor.show(CONTRACT, 2, &text.replacen("contract: weekly", "contract: other_weekly", 1));
    assert_eq!(taken(&editor.show(twin, 2, &text)), []);
    editor.show(CONTRACT, 3, &text);
    assert_eq!(taken(&editor.show(twin, 3, &text)).len(), 1);
    fs::write(bikes.join(first), &text).unwrap();
    assert_eq!(taken(&editor.show(CONTRACT, 4, &text)).len(), 1);
    assert_eq!(editor.leave(), Some(0));
}

/// Whatever is typed, at every place of the sample: an answer, and no end of the server.
#[test]
fn half_a_contract_at_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = bikes(folder.path());
    let text = fs::read_to_string(bikes.join(CONTRACT)).unwrap().replacen("title: ", "title: \u{1f6b2}\u{e9} ", 1);
    let mut editor = Editor::of(&bikes);
    let every: usize = std::env::var("PRESSCHECK_CURSORS").map_or(149, |every| every.parse().unwrap());
    for (version, (at, _)) in (1..).zip(text.char_indices().step_by(every)) {
        editor.show(CONTRACT, version, &text[..at]);
        let last = text[..at].matches('\n').count();
        for place in [json!({"line": last, "character": 9999}), json!({"line": 99_999, "character": 0}), json!({"line": 0, "character": 0})]
        {
            for method in ["completion", "hover", "definition"] {
                editor.ask(&format!("textDocument/{method}"), json!({"textDocument": {"uri": editor.uri(CONTRACT)}, "position": place}));
            }
        }
    }
    assert_eq!(editor.leave(), Some(0));
}

#[test]
fn an_editor_that_is_rude_or_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = bikes(folder.path());
    run(&["check", "--as-of", AS_OF], &bikes);
    let mut editor = Editor::of(&bikes);
    // Files that are no contracts are none of its business; presscheck.yml is.
    assert_eq!(editor.show("models/staging/_sources.yml", 1, "metrics: [nothing"), []);
    assert_eq!(editor.show("presscheck.yml", 1, "contrcts: [contracts]\n")[0].0, "PC010");
    let uri = editor.uri("not/open.yml");
    let nothing = editor.ask("textDocument/hover", json!({"textDocument": {"uri": uri}, "position": {"line": 0, "character": 0}}));
    assert_eq!(nothing, Value::Null);
    editor.say("textDocument/didOpen", json!({"nonsense": true}));
    editor.write(&json!({"jsonrpc": "2.0", "id": 900, "method": "textDocument/rename", "params": {}}));
    assert_eq!(editor.next()["error"]["code"], -32601);
    assert_eq!(editor.leave(), Some(0));
    // Gone without a farewell: the server ends too, and says so.
    let editor = Editor::of(&bikes);
    let Editor { mut child, input, .. } = editor;
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
