//! The one test binary: a file for each room, tables and snapshots beside them.

mod architecture;
mod warehouse;
