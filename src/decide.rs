//! When may a number be published? Expected set x outcomes x context -> verdicts.
