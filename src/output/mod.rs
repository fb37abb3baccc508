//! One format, one file: record in, text out.
