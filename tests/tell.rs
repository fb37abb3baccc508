//! Telling: what is sent to whom and when (a table, with a clock of its own), and the real thing through the program, to receivers on this machine.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use presscheck::history::Line;
use presscheck::project::Settings;
use presscheck::record::{Document, OwnerRecord, OwnersRecord};
use presscheck::tell::{self, Occasion, Routes, Setup, Step, Tier};
use serde::Deserialize;

use crate::situations::situations;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    name: String,
    #[serde(default)]
    tier: Option<String>,
    #[serde(default)]
    quiet: Option<yaml_serde::Value>,
    #[serde(default)]
    closed: Vec<String>,
    #[serde(default)]
    undelivered: Option<String>,
    steps: Vec<(String, String, Vec<String>)>,
}

fn settings(quiet: Option<&yaml_serde::Value>) -> Settings {
    let quiet = quiet.map(|quiet| format!(", quiet: {}", serde_json::to_string(quiet).unwrap())).unwrap_or_default();
    let text = format!(
        "routes:\n  alerts: {{slack: SLACK_ADDRESS{quiet}}}\n  status: {{webhook: STATUS_ADDRESS}}\nmail: {{host: localhost, tls: none, from: presscheck@brightside.example}}\n"
    );
    let read = presscheck::yaml::read::<Settings>(&text, Path::new("presscheck.yml"));
    assert!(read.findings.is_empty(), "{:?}", read.findings);
    read.value.unwrap()
}

fn setup(story: &Story) -> Setup {
    let settings = settings(story.quiet.as_ref());
    let person = |team: &str, contact: &str| Some(OwnerRecord { team: team.to_owned(), contact: Some(contact.to_owned()) });
    let step = |on, after, to: &[&str]| Step { on, after, to: to.iter().map(|route| (*route).to_owned()).collect() };
    let days: Vec<String> = story.closed.iter().map(|day| format!("{{day: {day}}}")).collect();
    let closures: presscheck::calendar::Closures =
        presscheck::yaml::read(&format!("closed: [{}]", days.join(", ")), Path::new("gb.yml")).value.unwrap();
    Setup {
        contract: "weekly".into(),
        report: "Weekly Operating Performance Report".into(),
        tier: match story.tier.as_deref() {
            Some("critical") => Tier::Critical,
            Some("experiment") => Tier::Experiment,
            _ => Tier::Standard,
        },
        owners: OwnersRecord {
            business: person("Operations", "ops@brightside.example"),
            technical: person("Analytics", "data@brightside.example"),
        },
        steps: vec![
            step(Occasion::Hold, 0, &["slack:alerts"]),
            step(Occasion::Hold, 3600, &["email:owners.business"]),
            step(Occasion::Warn, 0, &["slack:alerts"]),
            step(Occasion::Recovered, 0, &["webhook:status"]),
        ],
        recovery: None,
        closed: closures.into(),
        zone: jiff::tz::TimeZone::get("Europe/London").unwrap(),
        routes: Routes { named: settings.routes, mail: settings.mail },
        exposure: tell::Known::default(),
        relations: Default::default(),
    }
}

/// The situation as it was decided at a moment.
fn decided(when: &str, at: Timestamp) -> Document {
    let mut document =
        situations().into_iter().find(|situation| situation.when == when).unwrap_or_else(|| panic!("no situation {when}")).document();
    (document.decided_at, document.rehearsal) = (at, false);
    document
}

#[test]
fn what_is_told_is_what_the_table_says() {
    let stories: Vec<Story> = yaml_serde::from_str(include_str!("tell/flow.yml")).unwrap();
    let mut wrong = String::new();
    for story in &stories {
        let setup = setup(story);
        let mut told: Vec<Line> = Vec::new();
        let mut keys: Vec<String> = Vec::new();
        for (at, when, expected) in &story.steps {
            let now: Timestamp = at.parse().unwrap();
            let document = decided(when, now);
            let situation = tell::Situation { document: Some(&document), overdue: None, now };
            let telling = tell::messages(&situation, &setup, &told);
            assert_eq!(telling, tell::messages(&situation, &setup, &told), "the same input gives the same messages");
            assert!(telling.unreachable.is_empty(), "{:?}", telling.unreachable);
            let mut sent: Vec<String> = telling
                .messages
                .iter()
                .map(|message| format!("{} {}", message.to.name.split('@').next().unwrap(), message.alert.occasion.word()))
                .collect();
            sent.sort();
            if sent != *expected {
                let _ =
                    writeln!(wrong, "{}: at {at}, {when}: sent {sent:?}, expected {expected:?}; waiting {:?}", story.name, telling.put_off);
            }
            told.extend(telling.seen.clone());
            for message in &telling.messages {
                let taken = story.undelivered.as_ref() != Some(&message.to.name);
                assert!(!taken || !keys.contains(&message.key), "{}: a key is used once", story.name);
                assert!(taken || story.steps[0].0 == *at || keys.contains(&message.key), "{}: tried again with its key", story.name);
                keys.push(message.key.clone());
                told.extend(taken.then(|| message.line(now)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Everything that was posted, and what is answered: each status once, then 200.
#[derive(Clone, Default)]
pub struct Received {
    /// Head and body of each.
    pub requests: Arc<Mutex<Vec<(String, String)>>>,
    /// A status, or `hang`.
    pub answers: Arc<Mutex<Vec<String>>>,
}

pub fn http() -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook/s3cret", listener.local_addr().unwrap());
    let received = Received::default();
    let shared = received.clone();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(answer(stream, &shared))));
    (address, received)
}

fn answer(mut stream: TcpStream, received: &Received) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        // Whoever was killed before it had asked has asked nothing.
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    received.requests.lock().unwrap().push((head, String::from_utf8(body).unwrap()));
    let mut answers = received.answers.lock().unwrap();
    let status = if answers.is_empty() { "200 OK".to_owned() } else { answers.remove(0) };
    drop(answers);
    if status == "hang" {
        // Until whoever asked is gone.
        return reader.read_to_end(&mut Vec::new()).map(drop);
    }
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// A mail server that takes everything; the letters it got.
pub fn smtp() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let letters = Arc::new(Mutex::new(Vec::new()));
    let shared = letters.clone();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(take_letter(stream, &shared))));
    (port, letters)
}

fn take_letter(mut stream: TcpStream, letters: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    write!(stream, "220 here\r\n")?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let command = line.to_uppercase();
        if command.starts_with("DATA") {
            write!(stream, "354 go on\r\n")?;
            let mut letter = String::new();
            loop {
                let mut part = String::new();
                if reader.read_line(&mut part)? == 0 {
                    return Ok(());
                }
                if part == ".\r\n" {
                    break;
                }
                letter += &part;
            }
            letters.lock().unwrap().push(letter);
        }
        write!(stream, "{}\r\n", if command.starts_with("QUIT") { "221 bye" } else { "250 ok" })?;
        line.clear();
    }
    Ok(())
}

pub fn presscheck(arguments: &[&str], folder: &Path, env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
    for name in ["DBT_PROFILES_DIR", "DBT_PROJECT_DIR", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"]
    {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).envs(env.iter().copied()).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The sample on one of its Mondays, decided for real as far as telling can see.
pub fn bikes(folder: &Path, monday: &str) -> std::path::PathBuf {
    presscheck(&["demo", "--into", "bikes", "--monday", monday, "--quiet"], folder, &[]);
    folder.join("bikes")
}

pub fn as_real(bikes: &Path) {
    let stored = bikes.join("target/presscheck/weekly_operating_report.json");
    let written = fs::read_to_string(&stored).unwrap();
    assert!(written.contains("\"rehearsal\": true"));
    fs::write(stored, written.replace("\"rehearsal\": true", "\"rehearsal\": false")).unwrap();
}

pub fn configure(bikes: &Path, port: u16) {
    let text = format!(
        "routes:\n  data-alerts: {{slack: SLACK_ADDRESS}}\n  bi_refresh: {{webhook: BI_ADDRESS, secret: BI_SECRET}}\n  bi_banner: {{webhook: BI_ADDRESS, secret: BI_SECRET}}\n  pager: {{command: [/bin/sh, -c, \"cat > paged.json; env > paged.env\"]}}\nmail: {{host: 127.0.0.1, port: {port}, tls: none, from: presscheck <presscheck@brightside.example>}}\n"
    );
    fs::write(bikes.join("presscheck.yml"), text).unwrap();
    let contract = bikes.join("contracts/weekly_operating_report.yml");
    let text = fs::read_to_string(&contract).unwrap();
    let more = "escalation:\n  - {on: hold, to: [webhook:bi_banner, command:pager]}\n";
    fs::write(contract, text.replace("escalation:\n", &format!("recovery: The runbook is at wiki/weekly.\n{more}"))).unwrap();
}

#[test]
fn mondays_are_told_as_their_owners_read_them() {
    let mut said = String::new();
    for (monday, at) in [
        ("unmapped_skus", "2026-11-23T11:41:00Z"),
        ("ad_platform_missing", "2026-11-23T13:00:00Z"),
        ("all_landed", "2026-11-23T11:41:00Z"),
        ("duplicate_sku_cost", "2026-11-23T11:41:00Z"),
        ("unmapped_skus", "2026-11-30T13:00:00Z"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let bikes = bikes(folder.path(), monday);
        configure(&bikes, 25);
        let output = presscheck(&["tell", "--preview", "--quiet", "--as-of", at], &bikes, &[]);
        let (out, errors) = (text(&output.stdout), text(&output.stderr));
        // What several are told is written once.
        let mut letters: Vec<(&str, Vec<&str>)> = Vec::new();
        for (to, letter) in out.split("== to ").filter_map(|part| part.split_once('\n')) {
            match letters.iter_mut().find(|(known, _)| *known == letter) {
                Some((_, routes)) => routes.push(to),
                None => letters.push((letter, vec![to])),
            }
        }
        let _ = writeln!(said, "######## {monday} at {at}: {:?}\n{errors}", output.status.code());
        for (letter, routes) in letters {
            let _ = writeln!(said, "== to {}\n{}\n", routes.join(", "), letter.trim_end());
        }
        assert!(!bikes.join(".presscheck").exists(), "a preview keeps nothing");
    }
    insta::with_settings!({filters => vec![(r"decision [0-9a-f]{16}", "decision [run]")]}, { insta::assert_snapshot!("mondays_told", said) });
}

#[test]
fn alerts_arrive_once_and_are_signed() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = bikes(folder.path(), "unmapped_skus");
    let (port, letters) = smtp();
    configure(&bikes, port);
    let (slack, at_slack) = http();
    let (bi, at_bi) = http();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let env = [("SLACK_ADDRESS", slack.as_str()), ("BI_ADDRESS", bi.as_str()), ("BI_SECRET", secret)];
    let tell = |at: &str| presscheck(&["tell", "--as-of", at], &bikes, &env);

    let nothing = tell("2026-11-23T11:41:00Z");
    assert_eq!(nothing.status.code(), Some(0));
    assert!(text(&nothing.stderr).contains("a rehearsal"), "of a rehearsal nobody is told");
    assert!(at_slack.requests.lock().unwrap().is_empty() && letters.lock().unwrap().is_empty());

    as_real(&bikes);
    at_slack.answers.lock().unwrap().push("503 Busy\r\nretry-after: 0".to_owned());
    at_bi.answers.lock().unwrap().extend(vec!["302 Found\r\nlocation: http://127.0.0.1:1/".to_owned()]);
    let first = tell("2026-11-23T11:41:00Z");
    let said = text(&first.stderr);
    assert_eq!(first.status.code(), Some(3), "{said}");
    assert!(said.contains("not delivered: webhook:bi_banner") && said.contains("redirect"), "{said}");
    assert!(!said.contains("127.0.0.1") && !said.contains("s3cret") && !said.contains("whsec"), "{said}");
    let bodies: Vec<serde_json::Value> =
        at_slack.requests.lock().unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(bodies.len(), 3, "one try in vain, then the hold and the caveat");
    assert_eq!(bodies[0], bodies[1]);
    assert!(letters.lock().unwrap().iter().any(|letter| letter.contains("To: finance@brightside.example")));

    let second = tell("2026-11-23T11:51:00Z");
    assert_eq!(second.status.code(), Some(0), "{}", text(&second.stderr));
    let posted = at_bi.requests.lock().unwrap().clone();
    assert_eq!(posted.len(), 2, "tried again");
    let header = |head: &str, name: &str| {
        head.lines().find_map(|line| line.to_lowercase().starts_with(name).then(|| line[name.len()..].trim().to_owned())).unwrap()
    };
    assert_eq!(header(&posted[0].0, "webhook-id:"), header(&posted[1].0, "webhook-id:"), "with the same key");
    let (head, body) = &posted[1];
    let signed = format!("{}.{}.{body}", header(head, "webhook-id:"), header(head, "webhook-timestamp:"));
    assert_eq!(header(head, "webhook-signature:"), signature(secret, &signed));

    let before = at_slack.requests.lock().unwrap().len() + letters.lock().unwrap().len();
    assert_eq!(tell("2026-11-23T12:01:00Z").status.code(), Some(0));
    assert_eq!(before, at_slack.requests.lock().unwrap().len() + letters.lock().unwrap().len(), "nothing is said twice");
    let paged = fs::read_to_string(bikes.join("paged.json")).unwrap();
    assert!(
        serde_json::from_str::<serde_json::Value>(&paged).unwrap()["data"]["heading"].as_str().unwrap().contains("contribution margin")
    );
    assert!(!fs::read_to_string(bikes.join("paged.env")).unwrap().contains("whsec"), "a command sees no secrets");
    let kept = fs::read(bikes.join(".presscheck/history.sqlite")).unwrap();
    let holds = |what: &str| kept.windows(what.len()).any(|window| window == what.as_bytes());
    assert!(!holds("s3cret") && !holds("whsec") && !holds("127.0.0.1"), "the history knows no address");
}

#[test]
fn whoever_is_killed_while_it_sends_is_finished_by_the_next_and_two_at_once_say_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let bikes = bikes(folder.path(), "unmapped_skus");
    as_real(&bikes);
    let contract = bikes.join("contracts/weekly_operating_report.yml");
    let kept = fs::read_to_string(&contract).unwrap();
    let (start, end) = (kept.find("escalation:").unwrap(), kept.find("\nsources:").unwrap());
    fs::write(&contract, format!("{}escalation: [{{on: hold, to: [webhook:banner]}}]\n{}", &kept[..start], &kept[end..])).unwrap();
    fs::write(bikes.join("presscheck.yml"), "routes: {banner: {webhook: BANNER}}\n").unwrap();
    let (address, received) = http();
    let tell = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_presscheck"));
        command.args(["tell", "--as-of", "2026-11-23T11:41:00Z"]).current_dir(&bikes).env("BANNER", &address);
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    received.answers.lock().unwrap().push("hang".to_owned());
    let mut killed = tell();
    while received.requests.lock().unwrap().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let both = [tell(), tell()].map(|child| child.wait_with_output().unwrap());
    let codes: Vec<Option<i32>> = both.iter().map(|output| output.status.code()).collect();
    assert_eq!(codes, [Some(0), Some(0)], "{}{}", text(&both[0].stderr), text(&both[1].stderr));
    let ids: Vec<String> = received
        .requests
        .lock()
        .unwrap()
        .iter()
        .map(|(head, _)| head.lines().find(|line| line.to_lowercase().starts_with("webhook-id:")).unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2, "the one that was killed, and one more: {ids:?}");
    assert_eq!(ids[0], ids[1], "the receiver can tell that it is the same");
    let history = presscheck::history::History::read(&bikes.join(".presscheck")).unwrap().unwrap();
    history.verify().unwrap();
    let acts = history.acts("weekly_operating_report", presscheck::history::ActKind::Alert, Timestamp::MIN).unwrap();
    assert_eq!(acts.len(), 1);
    assert!(acts[0].done.is_some() && acts[0].failed.is_none());
}

/// HMAC-SHA256 by another implementation than the program's: Python's.
fn signature(secret: &str, signed: &str) -> String {
    let script = "import base64,hashlib,hmac,sys\nkey=base64.b64decode(sys.argv[1][6:])\nprint('v1,'+base64.b64encode(hmac.new(key,sys.argv[2].encode(),hashlib.sha256).digest()).decode())";
    let output = Command::new("python3").args(["-c", script, secret, signed]).output().unwrap();
    text(&output.stdout).trim().to_owned()
}

#[test]
fn slack_gets_no_more_than_it_takes_and_wakes_nobody() {
    let story = Story { name: String::new(), tier: None, quiet: None, closed: vec![], undelivered: None, steps: vec![] };
    let now: Timestamp = "2026-11-23T11:40:00Z".parse().unwrap();
    let mut document = decided("fourteen products have no cost", now);
    let nasty = "<!channel> @here & <@U1> ".repeat(900);
    document.summary = nasty.clone();
    for metric in &mut document.metrics {
        metric.sentence = nasty.clone();
        metric.title = nasty.clone();
    }
    let mut setup = setup(&story);
    setup.report = nasty;
    let telling = tell::messages(&tell::Situation { document: Some(&document), overdue: None, now }, &setup, &[]);
    let body = tell::blocks(&telling.messages[0].alert);
    let blocks = body["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50 && body.to_string().chars().count() < 20_000);
    assert!(blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= 150);
    for block in blocks {
        let texts = block["fields"].as_array().into_iter().flatten().chain([&block["text"]]).filter_map(|text| text["text"].as_str());
        for text in texts {
            assert!(!text.is_empty() && text.chars().count() <= 3000);
            assert!(!text.contains(['<', '>']) && !text.contains("@here"), "{text}");
        }
    }
}
