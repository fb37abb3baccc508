//! What is to be told now: causes of now against what was told before. Pure.

use jiff::{SignedDuration, Timestamp};

use super::incident::{self, Fate, Incident, Root};
use super::past::{self, Past};
use super::route::Destination;
use super::{Message, Occasion, PutOff, Setup, Situation, Step, Telling, Tier, words};
use crate::history::{Line, What};
use crate::record::IntervalRecord;

/// The same cause in a later interval is told again when this long has passed: once a day for reports that are made daily or more often.
const DAILY: SignedDuration = SignedDuration::from_hours(20);
/// How long a message that something is over is tried.
const TRIED: SignedDuration = SignedDuration::from_hours(24);

/// Hash of texts; lengths stand before them, so that no two lists read alike.
pub(super) fn hash(texts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&text.len().to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// What is to be told of one contract, given what was told before (the oldest first). The same input gives the same messages with the same keys.
pub fn messages(situation: &Situation<'_>, setup: &Setup, told: &[Line]) -> Telling {
    let mut flow = Flow { situation, setup, told, telling: Telling::default(), present: Vec::new() };
    let incidents = incident::incidents(situation);
    if setup.tier == Tier::Experiment {
        for one in incidents.iter().filter(|one| setup.steps.iter().any(|step| step.on == one.occasion)) {
            let heading = words::heading(one, situation, setup);
            let why = "an experiment never pages anyone".to_owned();
            flow.telling.put_off.push(PutOff { heading, route: String::new(), why, until: None });
        }
        return flow.telling;
    }
    for one in &incidents {
        flow.present.push(flow.id(one));
    }
    for one in &incidents {
        flow.there(one);
    }
    flow.gone(&incidents);
    flow.telling
}

struct Flow<'a> {
    situation: &'a Situation<'a>,
    setup: &'a Setup,
    told: &'a [Line],
    telling: Telling,
    /// Ids of the causes of now.
    present: Vec<String>,
}

/// One message that might be sent.
struct Draft<'a> {
    incident: &'a Incident,
    id: &'a str,
    /// `None` for the message that it is over.
    since: Option<Timestamp>,
    returns: usize,
    episode: String,
    due: Timestamp,
    /// Why it is not due before.
    waits: String,
}

impl Flow<'_> {
    fn id(&self, one: &Incident) -> String {
        one.id(&self.setup.contract, &self.interval_of(one).map(|interval| interval.start).unwrap_or_default())
    }

    /// The interval that a cause is about.
    fn interval_of(&self, one: &Incident) -> Option<IntervalRecord> {
        match (&one.root, self.situation.overdue) {
            (Root::Undecided, Some(overdue)) => Some(overdue.interval.clone()),
            _ => self.situation.document.and_then(|document| document.interval.clone()),
        }
    }

    /// When a cause began, as far as this moment shows.
    fn begins(&self, one: &Incident) -> Timestamp {
        let decided = self.situation.document.map(|document| document.decided_at);
        match (&one.root, self.situation.overdue) {
            (Root::Undecided, Some(overdue)) => overdue.ready_by,
            _ => decided.unwrap_or(self.situation.now),
        }
    }

    fn line(&self, one: &Incident, id: &str, what: What, at: Timestamp) -> Line {
        let opened = what == What::Opened;
        Line {
            at,
            contract: self.setup.contract.clone(),
            incident: id.to_owned(),
            what,
            message: String::new(),
            route: String::new(),
            interval: self.interval_of(one).map(|interval| interval.start).unwrap_or_default(),
            content: if opened { one.content() } else { String::new() },
            details: if opened { serde_json::to_string(one).unwrap_or_default() } else { String::new() },
        }
    }

    /// A cause that is there.
    fn there(&mut self, one: &Incident) {
        let id = self.id(one);
        if one.root == Root::Late && self.was_told_undecided() {
            return;
        }
        let past = Past::of(self.told, &id);
        let begins = past.open().map_or_else(|| self.begins(one), |line| line.at);
        if past.open().is_none_or(|line| line.content != one.content()) {
            let line = self.line(one, &id, What::Opened, begins);
            self.telling.seen.push(line);
        }
        let (content, returns, episode) = (one.content(), past.returns(begins), past.episodes().to_string());
        let interval = self.interval_of(one).map(|interval| interval.start).unwrap_or_default();
        let mut steps: Vec<&Step> = self.setup.steps.iter().filter(|step| step.on == one.occasion).collect();
        steps.sort_by_key(|step| step.after);
        let mut queued: Vec<String> = Vec::new();
        for step in steps {
            for destination in self.destinations(step, one) {
                let heard = past.heard(&destination.name);
                let settling = past::settling(returns);
                let after = SignedDuration::from_secs(i64::try_from(step.after).unwrap_or(i64::MAX));
                let (since, wait) = match heard.messages.is_empty() {
                    true => (begins, after.max(settling)),
                    false => (heard.since.unwrap_or(begins), after),
                };
                let due = since.checked_add(wait).unwrap_or(Timestamp::MAX);
                let fresh = |line: &Line| line.interval == interval || one.stands() || self.situation.now.duration_since(line.at) < DAILY;
                let heard_it = |line: &&Line| line.content == content && line.at >= due && fresh(line);
                if queued.contains(&destination.name) || heard.messages.iter().any(heard_it) {
                    continue;
                }
                let waits = if wait > after { "it comes and goes" } else { "its step is not due yet" };
                let draft = Draft {
                    incident: one,
                    id: &id,
                    since: Some(since),
                    returns,
                    episode: format!("{episode} {}", step.after),
                    due,
                    waits: waits.to_owned(),
                };
                queued.push(destination.name.clone());
                self.send_or_wait(&draft, destination, content.clone());
            }
        }
    }

    /// Causes that were told and are not there any more.
    fn gone(&mut self, now: &[Incident]) {
        let mut seen: Vec<&str> = Vec::new();
        for line in self.told.iter().filter(|line| line.what == What::Opened) {
            let id = line.incident.as_str();
            if seen.contains(&id) || self.present.iter().any(|present| present == id) {
                continue;
            }
            seen.push(id);
            let past = Past::of(self.told, id);
            let Some(was) = past.opened().and_then(|line| serde_json::from_str::<Incident>(&line.details).ok()) else { continue };
            let fate = incident::fate(&was, self.situation, now);
            if fate == Fate::Unknown {
                continue;
            }
            let at = self.situation.document.map_or(self.situation.now, |document| document.decided_at);
            let closed = past.closed();
            if closed.is_none() {
                let line = self.line(&was, id, What::Closed, at);
                self.telling.seen.push(line);
            }
            if fate == Fate::Over {
                self.over(&was, id, &past, closed.unwrap_or(at));
            }
        }
    }

    /// Says once that a cause is over, to whoever heard of it.
    fn over(&mut self, was: &Incident, id: &str, past: &Past<'_>, at: Timestamp) {
        if was.occasion == Occasion::Publish || past.waiting().is_empty() || self.situation.now.duration_since(at) > TRIED {
            return;
        }
        let mut destinations: Vec<Destination> = Vec::new();
        let setup = self.setup;
        for name in past.waiting() {
            match setup.routes.destination(name) {
                Ok(destination) => destinations.push(destination),
                Err(why) => self.cannot_reach(name, why),
            }
        }
        for step in setup.steps.iter().filter(|step| step.on == Occasion::Recovered) {
            for destination in self.destinations(step, was) {
                let told = Past::of(self.told, id).heard(&destination.name);
                let knows = told.since.is_none();
                if !knows && !destinations.iter().any(|known| known.name == destination.name) {
                    destinations.push(destination);
                }
            }
        }
        let episode = past.episodes() + usize::from(past.closed().is_none());
        let due = at.checked_add(past::settling(past.returns(at))).unwrap_or(Timestamp::MAX);
        for destination in destinations {
            let draft = Draft {
                incident: was,
                id,
                since: None,
                returns: past.returns(at),
                episode: format!("{episode} over"),
                due,
                waits: "it comes and goes".to_owned(),
            };
            self.send_or_wait(&draft, destination, "over".to_owned());
        }
    }

    fn send_or_wait(&mut self, draft: &Draft<'_>, to: Destination, content: String) {
        let now = self.situation.now;
        let alert = match draft.since {
            Some(since) => words::alert(draft.incident, since, draft.returns, self.situation, self.setup),
            None => words::over(draft.incident, self.situation, self.setup),
        };
        let later = if now < draft.due { Some((draft.waits.clone(), draft.due)) } else { self.not_now(&to) };
        if let Some((why, until)) = later {
            self.telling.put_off.push(PutOff { heading: alert.heading, route: to.name, why, until: Some(until) });
            return;
        }
        let interval = alert.interval.as_ref().map(|interval| interval.start.as_str()).unwrap_or_default();
        let key = hash(&[&self.setup.contract, draft.id, interval, &content, &draft.episode, &to.name]);
        self.telling.messages.push(Message { key, incident: draft.id.to_owned(), to, alert, content });
    }

    /// Why nobody is told by this route at this moment, and until when.
    fn not_now(&self, to: &Destination) -> Option<(String, Timestamp)> {
        let now = self.situation.now;
        let critical = self.setup.tier == Tier::Critical;
        let today = now.to_zoned(self.setup.zone.clone());
        if !critical && self.setup.closed.contains(today.date()) {
            let mut day = today.date();
            // Where what is due moves to says nothing of the days between: people are back on the first day that is not closed.
            while self.setup.closed.contains(day) {
                day = day.tomorrow().ok()?;
            }
            let until = day.to_zoned(self.setup.zone.clone()).map_or(Timestamp::MAX, |start| start.timestamp());
            return Some(("nobody is at work: the calendar has a closed day".to_owned(), until));
        }
        let quiet = to.quiet.as_ref().filter(|quiet| !(critical && quiet.spares_critical()))?;
        quiet.until(now, &self.setup.zone).map(|until| ("the route is quiet at this time".to_owned(), until))
    }

    /// Where a step leads for this cause. Routes that lead nowhere are noted.
    fn destinations(&mut self, step: &Step, one: &Incident) -> Vec<Destination> {
        let owners = words::owners(one, self.situation, self.setup);
        let mut found: Vec<Destination> = Vec::new();
        let mut wanted: Vec<(String, bool)> = step.to.iter().map(|route| (route.clone(), true)).collect();
        // Whoever has to mend it is told of a hold first, named as a route or not, where mail can be sent at all.
        if one.occasion == Occasion::Hold && step.after == 0 && self.setup.routes.mail.is_some() {
            wanted.push(("email:owner".to_owned(), false));
        }
        for (route, must) in wanted {
            for (route, resolved) in self.setup.routes.resolve(&route, &self.setup.owners, &owners) {
                match resolved {
                    Ok(destination) if !found.iter().any(|known| known.name == destination.name) => found.push(destination),
                    Ok(_) => {}
                    Err(why) if must => self.cannot_reach(&route, why),
                    Err(_) => {}
                }
            }
        }
        found
    }

    fn cannot_reach(&mut self, route: &str, why: String) {
        if !self.telling.unreachable.iter().any(|(known, _)| known == route) {
            self.telling.unreachable.push((route.to_owned(), why));
        }
    }

    /// Whether somebody heard that this interval was due and not decided: then they hear of the decision as the end of that.
    fn was_told_undecided(&self) -> bool {
        let undecided = Incident { occasion: Occasion::Late, root: Root::Undecided, class: None, metrics: Vec::new(), checks: Vec::new() };
        let interval = self.situation.document.and_then(|document| document.interval.as_ref()).map(|interval| interval.start.clone());
        let id = undecided.id(&self.setup.contract, &interval.unwrap_or_default());
        self.told.iter().any(|line| line.incident == id && line.what == What::Done)
    }
}
