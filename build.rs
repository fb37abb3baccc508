//! Where the program finds `libduckdb` when it is started directly. (`cargo run` and `cargo test` need none of this.)
//!
//! With `duckdb-bundled` the engine is inside the binary; in linked mode the loader looks, in this order, in `DUCKDB_LIB_DIR` as it was at build
//! time, beside the program, and where the `duckdb` crate puts the official library that it downloads.
#![expect(clippy::disallowed_methods, reason = "a build script is told everything through the environment")]

fn main() {
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    let set = |name: &str| std::env::var_os(name).is_some();
    let linked = set("CARGO_FEATURE_DUCKDB") && !set("CARGO_FEATURE_DUCKDB_BUNDLED");
    if !linked || !set("CARGO_CFG_UNIX") {
        return;
    }
    let program = if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") { "@executable_path" } else { "$ORIGIN" };
    let beside = std::env::var("DUCKDB_LIB_DIR").into_iter().chain([program.to_owned()]);
    let downloaded = std::env::var("TARGET").map(|target| format!("{program}/../duckdb-download/{target}/v2.0.0"));
    for folder in beside.chain(downloaded) {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{folder}");
    }
}
