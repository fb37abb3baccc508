//! Macro call + dialect -> SQL. The project's own template goes before the built-in one; minijinja's one owner.
