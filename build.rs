//! Two things that are known when the program is built: a hash of the code that reads lineage, so that no cache outlives it, and where the program
//! finds `libduckdb` when it is started directly. (`cargo run` and `cargo test` need none of that.)
//!
//! With `duckdb-bundled` the engine is inside the binary; in linked mode the loader looks, in this order, in `DUCKDB_LIB_DIR` as it was at build
//! time, beside the program, in `lib/presscheck` of the environment that a wheel was installed into, and where the `duckdb` crate puts the official
//! library that it downloads. With `PRESSCHECK_PACKAGED` no folder of the machine that builds is in the program: a program that is given to others
//! must not load what somebody puts there.
#![expect(clippy::disallowed_methods, reason = "a build script is told everything through the environment")]

fn main() {
    println!("cargo::rustc-env=PRESSCHECK_LINEAGE_CODE={:016x}", lineage_code());
    println!("cargo::rerun-if-env-changed=DUCKDB_LIB_DIR");
    println!("cargo::rerun-if-env-changed=PRESSCHECK_PACKAGED");
    let set = |name: &str| std::env::var_os(name).is_some();
    let linked = set("CARGO_FEATURE_DUCKDB") && !set("CARGO_FEATURE_DUCKDB_BUNDLED");
    if !linked || !set("CARGO_CFG_UNIX") {
        return;
    }
    let program = if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("macos") { "@executable_path" } else { "$ORIGIN" };
    let here = std::env::var("DUCKDB_LIB_DIR").ok();
    let downloaded = std::env::var("TARGET").map(|target| format!("{program}/../duckdb-download/{target}/v2.0.0")).ok();
    let (here, downloaded) = if set("PRESSCHECK_PACKAGED") { (None, None) } else { (here, downloaded) };
    for folder in here.into_iter().chain([program.to_owned(), format!("{program}/../lib/presscheck")]).chain(downloaded) {
        println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{folder}");
    }
}

/// FNV-1a over everything that lineage is read with: this crate's rooms for it, and the versions of what it stands on.
fn lineage_code() -> u64 {
    let mut files = vec![std::path::PathBuf::from("Cargo.lock")];
    let mut folders = vec!["src/lineage".into(), "src/dbt".into(), "src/jinja".into()];
    while let Some(folder) = folders.pop() {
        println!("cargo::rerun-if-changed={}", std::path::Path::new(&folder).display());
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path: std::path::PathBuf = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    println!("cargo::rerun-if-changed=Cargo.lock");
    let bytes = files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
