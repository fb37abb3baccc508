//! Finding and loading the driver: a shared library, so where it may come from is a matter of safety.
//!
//! A project is checked that somebody else wrote: a pull request, a package. Nothing in it (not `presscheck.yml`, not a profiles.yml that lies beside
//! it) may name a file to load, so a profile gives at most a *name*, and folders come from the user's side alone: `ADBC_DRIVER_PATH`, the Python
//! environment that is active or that presscheck is installed in, the user's and the machine's ADBC folders, and the system's loader. Folders
//! that are not absolute are passed over, because the working directory is the project.
#![expect(clippy::disallowed_methods, reason = "the environment says where drivers are installed")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use adbc_core::options::AdbcVersion;
use adbc_core::{LOAD_FLAG_SEARCH_SYSTEM, LOAD_FLAG_SEARCH_USER};
use adbc_driver_manager::ManagedDriver;

use crate::check::outcome::Fault;
use crate::warehouse::unreachable;

/// The folders in which drivers are looked for, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drivers {
    /// Absolute ones that exist; others are passed over.
    pub folders: Vec<PathBuf>,
}

/// Loads the first driver of these names that is installed.
pub(super) fn load(kind: &str, names: &[String], drivers: &Drivers) -> Result<ManagedDriver, Fault> {
    let folders: Vec<&PathBuf> = drivers.folders.iter().filter(|folder| folder.is_absolute() && folder.is_dir()).collect();
    for folder in &folders {
        for file in names.iter().flat_map(|name| files(folder, name)) {
            if file.is_file() {
                return open(&file).map_err(|error| {
                    unreachable(format!(
                        "the ADBC driver {} cannot be loaded: {}",
                        file.display(),
                        super::faults::shortened(&error.message)
                    ))
                });
            }
        }
    }
    // The loader of the system knows more folders, and on Windows the registry names drivers.
    let flags = LOAD_FLAG_SEARCH_USER | LOAD_FLAG_SEARCH_SYSTEM;
    let known = names.iter().filter(|name| name.starts_with("adbc_driver_") || cfg!(windows));
    let found = known.into_iter().find_map(|name| {
        let load = |version| ManagedDriver::load_from_name(name, None, version, flags, None).ok();
        load(AdbcVersion::V110).or_else(|| load(AdbcVersion::V100))
    });
    found.ok_or_else(|| {
        let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        unreachable(format!(
            "presscheck reaches {kind} through its ADBC driver, and that is not installed: {}. Looked for {} in {}",
            advice(names),
            names.join(" or "),
            if looked.is_empty() { "the system's library folders".to_owned() } else { looked.join(", ") }
        ))
    })
}

fn open(file: &Path) -> Result<ManagedDriver, adbc_core::error::Error> {
    let load = |version| ManagedDriver::load_from_name(file, None, version, 0, None);
    // A driver that knows only the older interface says so; its statements cannot be stopped, only left.
    load(AdbcVersion::V110).or_else(|error| load(AdbcVersion::V100).map_err(|_| error))
}

/// How to install the driver.
fn advice(names: &[String]) -> String {
    let wheel = names.iter().find(|name| ON_PYPI.contains(&name.as_str())).map(|name| format!("pip install {}", name.replace('_', "-")));
    let short = names.iter().find(|name| !name.starts_with("adbc_driver_")).map(|name| format!("dbc install {name}"));
    match (wheel, short) {
        (Some(wheel), Some(short)) => format!("`{wheel}`, or `{short}`"),
        (Some(one), None) | (None, Some(one)) => format!("`{one}`"),
        (None, None) => "install it, and name its folder in ADBC_DRIVER_PATH".to_owned(),
    }
}

/// Drivers with a Python package of the same name, which holds the library.
const ON_PYPI: &[&str] = &[
    "adbc_driver_bigquery",
    "adbc_driver_flightsql",
    "adbc_driver_postgresql",
    "adbc_driver_snowflake",
    "adbc_driver_spark",
    "adbc_driver_sqlite",
];

/// What a driver of this name may be called in a folder: its manifest, its library, its Python package.
fn files(folder: &Path, name: &str) -> Vec<PathBuf> {
    // A bare `snowflake` is the name of a manifest; a library of that name could be anything.
    let mut files = vec![folder.join(format!("{name}.toml"))];
    if name.starts_with("adbc_driver_") {
        let library = format!("{}{name}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
        let packaged = format!("lib{name}.so");
        for file in [&library, &packaged] {
            files.extend([folder.join(file), folder.join(name).join(file)]);
        }
    }
    files
}

impl Drivers {
    /// Where drivers are installed on this machine.
    pub fn of_this_machine() -> Drivers {
        let mut folders: Vec<PathBuf> = env::var_os("ADBC_DRIVER_PATH").iter().flat_map(env::split_paths).collect();
        let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(env::var_os).map(PathBuf::from);
        // Installed as a Python package, presscheck lies in `bin` of an environment that may hold drivers, too.
        let own = env::current_exe().ok().and_then(|program| program.parent().and_then(Path::parent).map(Path::to_owned));
        folders.extend(active.chain(own).flat_map(|prefix| of_environment(&prefix)));
        let home = env::var_os("HOME").map(PathBuf::from);
        if cfg!(target_os = "macos") {
            folders.extend(home.map(|home| home.join("Library/Application Support/ADBC/Drivers")));
            folders.push("/Library/Application Support/ADBC/Drivers".into());
        } else {
            let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| home.map(|home| home.join(".config")));
            folders.extend(config.map(|config| config.join("adbc/drivers")));
            folders.push("/etc/adbc/drivers".into());
        }
        folders.retain(|folder| folder.is_absolute() && folder.is_dir());
        Drivers { folders }
    }
}

/// The folders of a Python or Conda environment.
fn of_environment(prefix: &Path) -> Vec<PathBuf> {
    let mut folders = vec![prefix.join("etc/adbc/drivers"), prefix.join("Lib/site-packages")];
    let below = fs::read_dir(prefix.join("lib")).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut pythons: Vec<PathBuf> =
        below.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"))).collect();
    pythons.sort();
    folders.extend(pythons.into_iter().map(|python| python.join("site-packages")));
    folders
}
