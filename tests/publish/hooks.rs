//! Hooks of a publication, to receivers on this machine: when they are called, with which key and signature, and that the report is not published without them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};

use super::world::{World, worlds};
use super::{acts, table};
use crate::tell::{Received, http};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const HOOKS: &str = "on_publish: [{webhook: bi_refresh}, {command: note}]\n  on_hold: [{webhook: bi_banner}]";
const PUBLISHED: &str = "select distinct published from reporting.status";

fn hooked(world: &World) {
    world.edit(
        "contracts/report.yml",
        "  status: {relation: reporting.status}",
        &format!("  status: {{relation: reporting.status}}\n  {HOOKS}"),
    );
    let script = "env | cut -d= -f1 > heard; cat >> heard";
    let routes = format!(
        "routes:\n  bi_refresh: {{webhook: BI_ADDRESS, secret: BI_SECRET}}\n  bi_banner: {{webhook: BI_ADDRESS}}\n  note: {{command: [/bin/sh, -c, '{script}']}}\n"
    );
    std::fs::write(world.folder().join("presscheck.yml"), routes).unwrap();
}

fn publish(world: &World, address: &str) -> (i32, String) {
    let output = world.command(&["publish"]).env("BI_ADDRESS", address).env("BI_SECRET", SECRET).env("OTHER_SECRET", "x").output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn header(head: &str, name: &str) -> String {
    let line = head
        .lines()
        .find_map(|line| line.to_lowercase().starts_with(&format!("{name}:")).then(|| line.split_once(':').unwrap().1.trim().to_owned()));
    line.unwrap_or_default()
}

/// The key of a request whose signature is right.
fn signed(head: &str, body: &str) -> String {
    let (key, at) = (header(head, "webhook-id"), header(head, "webhook-timestamp"));
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&STANDARD.decode(&SECRET[6..]).unwrap()).unwrap();
    mac.update(format!("{key}.{at}.{body}").as_bytes());
    assert_eq!(header(head, "webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    key
}

fn taken(received: &Received) -> Vec<(String, String)> {
    std::mem::take(&mut *received.requests.lock().unwrap())
}

#[test]
fn a_report_is_published_when_every_hook_was_taken() {
    for world in worlds() {
        hooked(&world);
        let (address, received) = http();
        assert_eq!(world.run(&["check", "--quiet"]).0, 0);
        received.answers.lock().unwrap().push("400 Bad Request".into());
        let (code, said) = publish(&world, &address);
        assert!(code == 3 && said.contains("webhook:bi_refresh failed: it answered 400"), "{said}");
        assert!(!said.contains("s3cret") && !said.contains(SECRET), "{said}");
        assert_eq!(world.rows(PUBLISHED), [["no"]], "the report does not count as published");
        let written = table(&world, "select distinct published_at from reporting.certified");
        let (head, body) = taken(&received).remove(0);
        let key = signed(&head, &body);
        let (code, said) = publish(&world, &address);
        assert_eq!(code, 0, "{said}");
        assert_eq!(world.rows(PUBLISHED), [["yes"]]);
        let (head, again) = taken(&received).remove(0);
        assert_eq!((signed(&head, &again), again), (key.clone(), body.clone()), "the same call");
        let told: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&told["type"], &told["key"]), (&"presscheck.published".into(), &key.as_str().into()));
        assert_eq!(
            (&told["data"]["metrics"][0]["verdict"], &told["data"]["metrics"][0]["shown"]),
            (&"publish".into(), &"certified".into())
        );
        let heard = std::fs::read_to_string(world.folder().join("heard")).unwrap();
        assert!(!heard.contains("SECRET") && !heard.contains("HOME") && heard.contains("presscheck.published"), "{heard}");
        assert_eq!(publish(&world, &address).0, 0);
        assert!(taken(&received).is_empty(), "nothing is called twice");
        assert_eq!(table(&world, "select distinct published_at from reporting.certified"), written, "nothing is written twice");
        // The tables, and the word that it is published.
        assert_eq!(acts(&world), (2, 2));
        world.sql("update marts.report set margin = null where shop = 'south'");
        assert_eq!(world.run(&["check", "--quiet"]).0, 1);
        assert_eq!(publish(&world, &address).0, 0);
        let calls = taken(&received);
        let signatures: Vec<bool> = calls.iter().map(|(head, _)| !header(head, "webhook-signature").is_empty()).collect();
        assert_eq!(signatures, [true, false], "both are called: some is published, some is held");
        assert!(calls.iter().all(|(head, _)| header(head, "webhook-id") != key), "another decision has other keys");
    }
}

#[test]
fn killed_while_a_hook_is_called_it_is_called_again_with_its_key() {
    for world in worlds() {
        hooked(&world);
        let (address, received) = http();
        assert_eq!(world.run(&["check", "--quiet"]).0, 0);
        received.answers.lock().unwrap().push("hang".into());
        let mut child = world.command(&["publish"]).env("BI_ADDRESS", &address).env("BI_SECRET", SECRET).spawn().unwrap();
        while received.requests.lock().unwrap().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(world.rows(PUBLISHED), [["no"]]);
        assert_eq!(publish(&world, &address).0, 0);
        let keys: Vec<String> = taken(&received).iter().map(|(head, body)| signed(head, body)).collect();
        assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
        assert_eq!(world.rows(PUBLISHED), [["yes"]]);
        // A hook that leads nowhere is said, and keeps the report from counting as published.
        world.edit("presscheck.yml", "  note:", "  nota:");
        assert_eq!(world.run(&["check", "--quiet"]).0, 0);
        let (code, said) = publish(&world, &address);
        assert!(code == 3 && said.replace("\n  | ", " ").contains("presscheck.yml names no route `note`"), "{said}");
        assert_eq!(world.rows(PUBLISHED), [["no"]]);
    }
}
