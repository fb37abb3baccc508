//! Makes a sequence of draws simpler as long as it still fails: shorter, with zeros, with smaller numbers. Not for what the draws mean.

/// The simplest sequence found within so many attempts. `fails` gives the draws that were really used, if the sequence still fails.
pub fn simplest(draws: Vec<u32>, mut attempts: usize, mut fails: impl FnMut(&[u32]) -> Option<Vec<u32>>) -> Vec<u32> {
    let mut best = draws;
    loop {
        let before = best.clone();
        let mut attempt = |best: &mut Vec<u32>, candidate: Vec<u32>| {
            if attempts == 0 || !simpler(&candidate, best) {
                return false;
            }
            attempts -= 1;
            let used = fails(&candidate).filter(|used| simpler(used, best));
            let better = used.is_some();
            *best = used.unwrap_or_else(|| std::mem::take(best));
            better
        };
        for size in [64, 32, 16, 8, 4, 3, 2, 1] {
            let mut at = 0;
            while at < best.len() {
                let end = (at + size).min(best.len());
                let without: Vec<u32> = best[..at].iter().chain(&best[end..]).copied().collect();
                let mut zeros = best.clone();
                zeros[at..end].fill(0);
                if !attempt(&mut best, without) && !attempt(&mut best, zeros) {
                    at += size;
                }
            }
        }
        for at in 0..best.len() {
            for less in [|_| 0, |now| now / 2, |now: u32| now.saturating_sub(1)] {
                let Some(&now) = best.get(at) else { break };
                let mut lower = best.clone();
                lower[at] = less(now);
                if attempt(&mut best, lower) {
                    break;
                }
            }
        }
        // What a simpler choice no longer draws goes with it.
        let mut at = 0;
        while at < best.len() {
            let dropped = (1..=32.min(best.len() - at - 1)).any(|length| {
                let without = best[..at].iter().chain(&[0]).chain(&best[at + 1 + length..]).copied().collect();
                best[at] != 0 && attempt(&mut best, without)
            });
            at += usize::from(!dropped);
        }
        if best == before || attempts == 0 {
            return best;
        }
    }
}

/// Shorter, or as long and smaller from left to right.
fn simpler(one: &[u32], other: &[u32]) -> bool {
    (one.len(), one) < (other.len(), other)
}

#[test]
fn what_does_not_matter_goes() {
    let used = simplest(vec![7, 3, 9, 4, 4, 8, 200, 1, 1, 6], 5_000, |draws| {
        draws.iter().position(|&draw| draw > 5).filter(|_| draws.iter().sum::<u32>() > 10).map(|_| draws.to_vec())
    });
    assert_eq!(used, [11]);
}
