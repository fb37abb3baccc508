//! Reads the files of a user's project: where it is, its artifacts, its settings, its contracts and macro templates.
//!
//! Texts and bytes come out; the rooms above make sense of them. Reads nothing outside the project but what an option names, and writes only a text that
//! replaces the one that was read ([`replace_text`]).
#![expect(clippy::disallowed_methods, reason = "this room reads the user's files")]

mod files;
mod same;
pub mod settings;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::diagnostic::{At, Finding, nearest};
pub use same::{Glance, Hashes};
pub use settings::{Settings, settings_schema};

/// Contracts are small; a larger file is a mistake or an attack.
pub(crate) const LARGEST_CONTRACT: u64 = 1 << 20;

/// Why a workspace cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// What is wrong and what to do.
    pub finding: Finding,
    /// Whether what is missing is an artifact of dbt (exit code 3) rather than the user's own input (2).
    pub artifact: bool,
}

/// A file that people write.
#[derive(Debug, Clone)]
pub struct TextFile {
    /// As the user would name it: relative to where they stand, if it lies below.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// Where things are, as typed or found.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--project-dir`.
    pub project_dir: Option<PathBuf>,
    /// `--manifest`.
    pub manifest: Option<PathBuf>,
    /// `--target-path`.
    pub target_path: Option<PathBuf>,
}

/// A dbt project on disk.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder with dbt_project.yml.
    pub root: PathBuf,
    /// dbt_project.yml; `None` when only `--manifest` was given and there is no project around it.
    pub dbt_project: Option<TextFile>,
    /// Where the manifest is.
    pub manifest: PathBuf,
    /// dbt's target folder: the manifest's own.
    pub target: PathBuf,
    /// presscheck.yml; defaults when absent.
    pub settings: Settings,
}

impl Workspace {
    /// Finds the project: `--project-dir`, else the nearest folder from `here` upwards that has a dbt_project.yml. `target_path` is what
    /// dbt_project.yml says (`target-path`), asked for once the file is found.
    ///
    /// # Errors
    /// No project, a broken presscheck.yml (all its findings).
    pub fn find(
        here: &Path,
        options: &Options,
        target_path: &dyn Fn(&TextFile) -> Option<String>,
    ) -> Result<(Workspace, Vec<Finding>), Unreadable> {
        let root = match &options.project_dir {
            Some(dir) if dir.join("dbt_project.yml").is_file() => Some(dir.clone()),
            Some(dir) => {
                let finding = Finding::error("PC020", "there is no dbt_project.yml in the project folder").in_file(dir);
                return Err(input(finding.help("--project-dir names the folder that holds dbt_project.yml")));
            }
            None => upwards(here),
        };
        let (root, dbt_project) = match (root, &options.manifest) {
            (Some(root), _) => {
                let file = read_text(&root.join("dbt_project.yml"), LARGEST_CONTRACT)?;
                (root, Some(file))
            }
            (None, Some(_)) => (here.to_path_buf(), None),
            (None, None) => {
                let finding = Finding::error("PC020", "this is not a dbt project: no dbt_project.yml here or in any folder above");
                return Err(input(
                    finding.help("change into the dbt project, or name it with --project-dir; `presscheck demo` writes one to try"),
                ));
            }
        };
        let written = dbt_project.as_ref().and_then(target_path).map_or_else(|| root.join("target"), |path| root.join(path));
        let target = options.target_path.clone().unwrap_or(written);
        let manifest = options.manifest.clone().unwrap_or_else(|| target.join("manifest.json"));
        let target = options.manifest.as_ref().and_then(|path| path.parent()).map_or(target, Path::to_path_buf);
        let (settings, findings) = read_settings(&root)?;
        Ok((
            Workspace {
                root: shorten(here, &root),
                dbt_project,
                manifest: shorten(here, &manifest),
                target: shorten(here, &target),
                settings,
            },
            findings,
        ))
    }

    /// The manifest's bytes.
    ///
    /// # Errors
    /// It is not there, or cannot be read: with the dbt command that makes it.
    pub fn manifest_bytes(&self) -> Result<Vec<u8>, Unreadable> {
        std::fs::read(&self.manifest).map_err(|error| {
            let what = match error.kind() {
                ErrorKind::NotFound => "dbt's manifest is not there".to_owned(),
                _ => format!("dbt's manifest cannot be read: {error}"),
            };
            let help = "run `dbt compile` (or `dbt build`) in the project, or name a manifest with --manifest";
            Unreadable { finding: Finding::error("PC021", what).in_file(&self.manifest).help(help), artifact: true }
        })
    }

    /// The bytes of another artifact beside the manifest (`catalog.json`, `run_results.json`, `sources.json`); `None` when absent.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn artifact(&self, name: &str) -> Result<Option<(PathBuf, Vec<u8>)>, Unreadable> {
        self.artifact_in(&self.target, name)
    }

    /// The same of another target folder.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn artifact_in(&self, folder: &Path, name: &str) -> Result<Option<(PathBuf, Vec<u8>)>, Unreadable> {
        let path = folder.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some((path, bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Unreadable {
                finding: Finding::error("PC021", format!("this artifact of dbt cannot be read: {error}")).in_file(path),
                artifact: true,
            }),
        }
    }

    /// The project's contract files, in order of name; `wanted` picks by path, or by file name without its ending.
    ///
    /// # Errors
    /// A wanted contract is not there; there is none at all; a file cannot be read.
    pub fn contracts(&self, wanted: &[String]) -> Result<Vec<TextFile>, Unreadable> {
        let found = self.files_in(&self.settings.contracts, &["yml", "yaml"])?;
        if wanted.is_empty() {
            if found.is_empty() {
                let folders =
                    self.settings.contracts.iter().map(|folder| folder.value.display().to_string()).collect::<Vec<_>>().join(", ");
                let finding = Finding::error("PC022", format!("there is no contract in {folders} of the project: nothing to check"));
                return Err(input(
                    finding.help("write one (contracts/README.md shows five lines), or decide a dbt exposure with --exposure NAME"),
                ));
            }
            return found.iter().map(|path| read_text(path, LARGEST_CONTRACT)).collect();
        }
        let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let one = |name: &String| {
            let path = Path::new(name);
            if path.is_file() {
                return read_named(path);
            }
            match found.iter().find(|path| stem(path) == *name) {
                Some(path) => read_text(path, LARGEST_CONTRACT),
                None => {
                    let names: Vec<String> = found.iter().map(|path| stem(path)).collect();
                    let help = nearest(name, names.iter().map(String::as_str))
                        .map_or_else(|| format!("the project has: {}", names.join(", ")), |name| format!("did you mean `{name}`?"));
                    Err(input(Finding::error("PC022", format!("there is no contract `{name}`")).help(help)))
                }
            }
        };
        wanted.iter().map(one).collect()
    }

    /// The folder of the project's history.
    pub fn history(&self) -> PathBuf {
        let named = self.settings.history.as_ref().and_then(|history| history.path.as_ref());
        self.root.join(named.map_or(Path::new(".presscheck"), |path| path.value.as_path()))
    }

    /// A file that a contract names, against the project's root.
    ///
    /// # Errors
    /// It cannot be read, or is a link that leads out of the project.
    pub fn named(&self, path: &Path) -> Result<TextFile, Unreadable> {
        let path = self.root.join(path);
        self.inside(&path)?;
        read_text(&path, LARGEST_CONTRACT)
    }

    /// The project's own templates: file name without `.sql`, and text.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn macros(&self) -> Result<Vec<TextFile>, Unreadable> {
        self.files_in(&self.settings.macros, &["sql"])?.iter().map(|path| read_text(path, LARGEST_CONTRACT)).collect()
    }

    /// `vars.yml` beside dbt_project.yml, where dbt 1.12 and later look for variables.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn variables(&self) -> Result<Option<TextFile>, Unreadable> {
        let path = self.root.join("vars.yml");
        if path.is_file() { read_text(&path, LARGEST_CONTRACT).map(Some) } else { Ok(None) }
    }

    /// dbt_project.yml of each installed package.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn packages(&self) -> Result<Vec<TextFile>, Unreadable> {
        let Ok(entries) = self.root.join("dbt_packages").read_dir() else { return Ok(Vec::new()) };
        let mut files: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path().join("dbt_project.yml")).filter(|file| file.is_file()).collect();
        files.sort();
        files.iter().map(|file| read_text(file, LARGEST_CONTRACT)).collect()
    }

    /// Files with one of the endings directly in the folders, in order of path; names that begin with `_` or `.` are not meant.
    fn files_in(&self, folders: &[At<PathBuf>], endings: &[&str]) -> Result<Vec<PathBuf>, Unreadable> {
        let mut files = Vec::new();
        for folder in folders {
            let folder = self.root.join(&folder.value);
            let entries = match folder.read_dir() {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot_read(&folder, &error)),
            };
            for entry in entries {
                let path = entry.map_err(|error| cannot_read(&folder, &error))?.path();
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let ending = path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted));
                if ending && !name.starts_with(['_', '.']) && path.is_file() {
                    self.inside(&path)?;
                    files.push(path);
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// Refuses a link that leads out of the project.
    fn inside(&self, path: &Path) -> Result<(), Unreadable> {
        let (root, file) = match (self.root.canonicalize(), path.canonicalize()) {
            (Ok(root), Ok(file)) => (root, file),
            (Err(error), _) | (_, Err(error)) => return Err(cannot_read(path, &error)),
        };
        if file.starts_with(root) {
            return Ok(());
        }
        Err(led_out(path))
    }
}

fn input(finding: Finding) -> Unreadable {
    Unreadable { finding, artifact: false }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Unreadable {
    input(Finding::error("PC024", format!("cannot be read: {error}")).in_file(path))
}

/// Reads a contract file that somebody named: who it is may be a hook, which names whatever a repository holds, so that a link is followed only
/// below the folder of the project that it lies in, or below its own folder.
///
/// # Errors
/// It cannot be read, or is a link that leads elsewhere.
pub fn read_named(path: &Path) -> Result<TextFile, Unreadable> {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink());
    if is_link {
        let (file, own) = match (path.canonicalize(), parent(path).canonicalize()) {
            (Ok(file), Ok(own)) => (file, own),
            (Err(error), _) | (_, Err(error)) => return Err(cannot_read(path, &error)),
        };
        if !file.starts_with(upwards(&own).unwrap_or(own)) {
            return Err(led_out(path));
        }
    }
    read_text(path, LARGEST_CONTRACT)
}

/// The folder of a file.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn led_out(path: &Path) -> Unreadable {
    let finding = Finding::error("PC023", "this file is a link that leads out of the project").in_file(path);
    input(finding.help("copy the file into the project"))
}

/// Reads a UTF-8 file of at most `largest` bytes.
pub(crate) fn read_text(path: &Path, largest: u64) -> Result<TextFile, Unreadable> {
    let size = std::fs::metadata(path).map_err(|error| cannot_read(path, &error))?.len();
    if size > largest {
        let finding = Finding::error("PC024", format!("this file has {size} bytes; at most {largest} are read")).in_file(path);
        return Err(input(finding.help("is it the right file?")));
    }
    let bytes = std::fs::read(path).map_err(|error| cannot_read(path, &error))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(TextFile { path: path.to_path_buf(), text }),
        Err(error) => {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            let finding = Finding::error("PC024", format!("line {line} is not UTF-8 text")).in_file(path);
            Err(input(finding.help("save the file as UTF-8")))
        }
    }
}

/// Writes `after` in place of a file that still holds `before`: whole, through a file beside it; its permissions stay, and so does a link to it.
///
/// # Errors
/// The file holds something else by now, or the folder refuses it; then the file is as it was.
pub fn replace_text(path: &Path, before: &str, after: &str) -> Result<(), String> {
    let said = |error: std::io::Error| format!("it cannot be written: {error}");
    let path = path.canonicalize().map_err(said)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let draft = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let permissions = std::fs::metadata(&path).map_err(said)?.permissions();
    let written = std::fs::OpenOptions::new().write(true).create_new(true).open(&draft).and_then(|mut file| {
        file.write_all(after.as_bytes())?;
        file.set_permissions(permissions)?;
        file.sync_all()
    });
    let unchanged = || std::fs::read(&path).map_err(said).map(|bytes| bytes == before.as_bytes());
    let moved = written.map_err(said).and_then(|()| unchanged()).and_then(|unchanged| {
        if unchanged { std::fs::rename(&draft, &path).map_err(said) } else { Err("it was changed while it was read".to_owned()) }
    });
    if moved.is_err() {
        drop(std::fs::remove_file(&draft));
    }
    moved
}

fn upwards(here: &Path) -> Option<PathBuf> {
    here.ancestors().find(|folder| folder.join("dbt_project.yml").is_file()).map(Path::to_path_buf)
}

/// A path below `here` is shown relative to it.
fn shorten(here: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(here) {
        Ok(rest) if rest.as_os_str().is_empty() => PathBuf::from("."),
        Ok(rest) => rest.to_path_buf(),
        Err(_) => path.to_path_buf(),
    }
}

fn read_settings(root: &Path) -> Result<(Settings, Vec<Finding>), Unreadable> {
    let path = root.join("presscheck.yml");
    if !path.exists() {
        return Ok((Settings::default(), Vec::new()));
    }
    let file = read_text(&path, LARGEST_CONTRACT)?;
    let mut read = crate::yaml::read::<Settings>(&file.text, &file.path);
    let settings = read.value.unwrap_or_default();
    // A folder that nobody named may be missing; one that somebody named holds what would otherwise be passed over.
    let named = settings.contracts.iter().chain(&settings.macros).filter(|folder| folder.span.line > 0);
    for folder in named.filter(|folder| !root.join(&folder.value).is_dir()) {
        let finding = Finding::error("PC025", format!("there is no folder `{}` in the project", folder.value.display()));
        read.findings.push(finding.at(folder.span).in_file(&file.path).help("make it, or write the name of one that is there"));
    }
    Ok((settings, read.findings))
}
