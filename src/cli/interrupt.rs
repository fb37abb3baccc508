//! Ctrl-C and SIGTERM stop the run: running statements are cancelled, the rest is not started, and the decision says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// The flag that a signal sets; the first call begins to listen.
pub(super) fn flag() -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let heard = flag.clone();
        // Where no handler can be set, the signal ends the process as ever: nothing was published.
        drop(ctrlc::set_handler(move || heard.store(true, Ordering::SeqCst)));
        flag
    })
    .clone()
}
