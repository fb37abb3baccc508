//! Who is told and what is called, while runs are killed: at every step of their journal, and at random moments. A receiver that knows a message by its key must have got what
//! it gets from runs that nobody disturbs, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::sync::{Arc, Mutex};

use super::*;
use crate::tell::Received;

/// A world whose margin is there or not, with somebody to tell and somebody to call.
struct Told {
    world: World,
    hooks: (String, Received),
    letters: Arc<Mutex<Vec<String>>>,
}

impl Told {
    fn new(world: World) -> Told {
        let (port, letters) = crate::tell::smtp();
        let mail = format!("mail: {{host: 127.0.0.1, port: {port}, tls: none, from: presscheck@shop.example}}");
        let routes = "routes: {alerts: {webhook: ADDRESS, secret: SECRET}, refresh: {webhook: ADDRESS, secret: SECRET}}";
        std::fs::write(world.folder().join("presscheck.yml"), format!("{routes}\n{mail}\n")).unwrap();
        let to = "to: [webhook:alerts, 'email:data@shop.example']";
        let escalation = format!("escalation: [{{on: hold, {to}}}, {{on: recovered, {to}}}]\n");
        world.edit("contracts/report.yml", "publish:\n", &format!("{escalation}publish:\n  on_publish: [{{webhook: refresh}}]\n"));
        Told { world, hooks: crate::tell::http(), letters }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.world.command(arguments);
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        command.env("ADDRESS", &self.hooks.0).env("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").spawn().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.start(arguments).wait_with_output().unwrap();
        (output.status.code(), crate::tell::text(&output.stderr))
    }

    /// Margins are lost on even rounds and back on odd ones. Each loss is a new cause: of an old one nobody is told again so soon.
    fn turn(&self, round: usize) {
        let named = |pair: usize| format!("not_null: {{name: margin_there_{pair}, title: Margins");
        let contract = self.world.folder().join("contracts/report.yml");
        let text = std::fs::read_to_string(&contract).unwrap();
        let first = text.replace("not_null: {name: margin_there, title: Margins", &named(0));
        std::fs::write(contract, first.replace(&named((round / 2).saturating_sub(1)), &named(round / 2))).unwrap();
        let margin = if round.is_multiple_of(2) { "null" } else { "20.05" };
        let sql = format!("update marts.report set margin = {margin} where shop = 'south'");
        self.world.sql(&sql);
    }

    /// What came since the last look, each key once; the keys must not have come before.
    fn took(&self, before: &mut BTreeSet<String>) -> Vec<String> {
        let mut came: BTreeMap<String, String> = BTreeMap::new();
        for (head, body) in std::mem::take(&mut *self.hooks.1.requests.lock().unwrap()) {
            let key = head.lines().find(|line| line.to_lowercase().starts_with("webhook-id:")).unwrap().to_owned();
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            let words = ["occasion", "status"].map(|name| body["data"][name].as_str().unwrap_or_default());
            let said = format!("{} {}", body["type"].as_str().unwrap(), words.concat());
            assert_eq!(came.entry(key).or_insert_with(|| said.clone()), &said, "one key, one message");
        }
        for letter in std::mem::take(&mut *self.letters.lock().unwrap()) {
            let header = |name: &str| letter.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
            came.insert(header("Message-ID:"), header("To:"));
        }
        for key in came.keys() {
            assert!(before.insert(key.clone()), "{key} came again after its run had ended");
        }
        let mut said: Vec<String> = came.into_values().collect();
        said.sort();
        said
    }

    /// Kills a run once its journal has so many steps; `false` when it has fewer.
    fn killed_at(&self, step: usize) -> bool {
        let newest = || -> Option<(String, usize)> {
            let history = History::read(&self.world.folder().join(".presscheck")).ok()??;
            history.runs(Some("report"), None, 1).ok()?.first().map(|run| (run.key.run.clone(), run.steps.len()))
        };
        let last = newest().map(|(run, _)| run);
        let mut child = self.start(RUN);
        loop {
            if newest().is_some_and(|(run, steps)| Some(&run) != last.as_ref() && steps >= step) {
                child.kill().unwrap();
                child.wait().unwrap();
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
        }
    }
}

#[test]
fn nobody_is_told_twice_and_nothing_is_called_twice_by_runs_that_are_killed() {
    for world in worlds() {
        let told = Told::new(world);
        let mut keys = BTreeSet::new();
        let mut right: Vec<(i32, Vec<String>, (String, String))> = Vec::new();
        let mut whole = Duration::ZERO;
        for round in 0..4 {
            told.turn(round);
            let begun = Instant::now();
            let (code, said) = told.run(RUN);
            whole = begun.elapsed();
            // The first time there is no last safe value and nothing to recover from.
            if round >= 2 {
                right.push((code.unwrap(), told.took(&mut keys), tables(&told.world)));
            } else {
                assert!(code.is_some_and(|code| code < 2), "{said}");
                told.took(&mut keys);
            }
        }
        let name = told.world.name();
        assert_eq!(right.iter().map(|(code, ..)| *code).collect::<Vec<_>>(), [1, 0], "{name}: {right:#?}");
        assert!(right.iter().all(|(_, messages, _)| messages.len() == 3), "a hook, an alert and a letter each: {right:#?}");
        let all = runs(&told.world)[0].steps.len();
        let mut dice = Dice::of("receivers");
        let random = usize::try_from(times("PRESSCHECK_KILLS", 4)).unwrap();
        let mut killed = 0;
        for round in 0..all + random {
            told.turn(round + 4);
            let before = runs(&told.world)[0].key.run.clone();
            let how = if round < all {
                killed += usize::from(told.killed_at(round + 1));
                format!("at step {} of {all}", round + 1)
            } else {
                let after = whole.mul_f64(f64::from(u32::try_from(dice.below(120)).unwrap()) / 100.0);
                let mut child = told.start(RUN);
                std::thread::sleep(after);
                child.kill().unwrap();
                child.wait().unwrap();
                format!("after {after:?}")
            };
            let (expected, messages, after) = &right[round % 2];
            let newest = runs(&told.world).remove(0);
            let (code, said) = match newest.state() {
                // Killed before it began.
                _ if newest.key.run == before => told.run(RUN),
                // Killed when it had ended: one that holds something would ask again, which is what its resume is for.
                State::Sealed { exit_code: 1 } => (Some(1), String::new()),
                _ => told.run(RESUME),
            };
            let about = format!("{name}, round {round}, killed {how}: {said}");
            assert_eq!(code, Some(*expected), "{about}");
            assert_eq!(&tables(&told.world), after, "{about}");
            assert_eq!(&told.took(&mut keys), messages, "{about}");
            if *expected == 0 {
                assert_eq!(told.run(RESUME).0, Some(0), "{about}");
                assert!(told.took(&mut keys).is_empty(), "{about}: a second resume tells nobody");
            }
        }
        assert!(killed + 2 >= all, "{name}: {killed} of {all} steps were seen in time");
    }
}
