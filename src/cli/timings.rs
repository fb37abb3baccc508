//! What the phases of a command cost, for benchmarks: `--timings`.

use std::time::Instant;

/// Seconds of phases, in order.
pub(super) struct Timings {
    phases: Vec<(&'static str, f64, f64)>,
    wall: Instant,
    cpu: f64,
}

impl Timings {
    /// Starts the clock.
    pub(super) fn start() -> Self {
        Timings { phases: Vec::new(), wall: Instant::now(), cpu: cpu_seconds() }
    }

    /// The phase that just ended.
    pub(super) fn ended(&mut self, phase: &'static str) {
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        self.phases.push((phase, cpu - self.cpu, (wall - self.wall).as_secs_f64()));
        (self.wall, self.cpu) = (wall, cpu);
    }

    /// `lineage: 1.23 s / 0.64 s`: CPU seconds of all threads, wall seconds. CPU is known on Linux alone, to a hundredth.
    pub(super) fn lines(&self) -> Vec<String> {
        self.phases.iter().map(|(phase, cpu, wall)| format!("{phase}: {cpu:.2} s / {wall:.3} s")).collect()
    }
}

/// CPU seconds of this process so far; 0 where the system does not say.
fn cpu_seconds() -> f64 {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in brackets, may hold spaces.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks = |at: usize| after.split_ascii_whitespace().nth(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}
