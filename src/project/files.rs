//! Walks the folders of a dbt project and of its installed packages, for names where there is no manifest.
//!
//! Follows no link and leaves the project nowhere; what is not read becomes a doubt. Not for what the files mean: that is [`crate::dbt::files`].

use std::path::{Path, PathBuf};

use super::{LARGEST_CONTRACT, Workspace, read_text};
use crate::dbt::files::{self, File, Folder, Layout, Names};

/// Files of one project or package; what has more is not walked to its end.
const MOST_FILES: usize = 200_000;
/// Nesting of folders.
const DEEPEST: usize = 48;

impl Workspace {
    /// The names that the project's own files give. Doubts say what was not read.
    pub fn names(&self) -> Names {
        let mut doubts = Vec::new();
        let mut packages = Vec::new();
        let Some(file) = &self.dbt_project else {
            return Names { doubts: vec!["there is no dbt_project.yml".to_owned()], ..Names::default() };
        };
        match Layout::read(&file.text, &file.path) {
            Ok(layout) => {
                let installed = self.root.join(&layout.packages);
                packages.push((layout.clone(), walk(&self.root, &layout, &mut doubts)));
                self.installed(&installed, &mut packages, &mut doubts);
            }
            Err(finding) => doubts.push(format!("{}: {}", file.path.display(), finding.message)),
        }
        // Names of other projects come from their manifests, which are not here.
        for (name, other) in [("dependencies.yml", "projects:"), ("dbt_loom.config.yml", "")] {
            let text = read_text(&self.root.join(name), LARGEST_CONTRACT).map(|file| file.text);
            if text.is_ok_and(|text| text.lines().any(|line| line.starts_with(other))) {
                doubts.push(format!("{name} names other projects, whose models are not read"));
            }
        }
        let mut names = files::names(&packages);
        doubts.append(&mut names.doubts);
        Names { doubts, ..names }
    }

    /// The packages that are installed, and a doubt where some are asked for and none is.
    fn installed(&self, folder: &Path, packages: &mut Vec<(Layout, Vec<File>)>, doubts: &mut Vec<String>) {
        let mut folders: Vec<PathBuf> = folder.read_dir().map(|all| all.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
        folders.sort();
        folders.retain(|package| package.join("dbt_project.yml").exists());
        for package in &folders {
            // dbt links a local package to where it stands, which may be beside the project.
            if self.inside(package).is_err() || self.inside(&package.join("dbt_project.yml")).is_err() {
                doubts.push(format!("{} is a link that leads out of the project", package.display()));
                continue;
            }
            let layout = read_text(&package.join("dbt_project.yml"), LARGEST_CONTRACT)
                .and_then(|file| Layout::read(&file.text, &file.path).map_err(super::input));
            match layout {
                Ok(layout) => {
                    let files = walk(package, &layout, doubts);
                    packages.push((layout, files));
                }
                Err(unreadable) => doubts.push(format!("{}: {}", package.display(), unreadable.finding.message)),
            }
        }
        let asks = |name: &str| read_text(&self.root.join(name), LARGEST_CONTRACT).is_ok_and(|file| file.text.contains("packages:"));
        if folders.is_empty() && ["packages.yml", "dependencies.yml"].iter().any(|name| asks(name)) {
            doubts.push("the packages of the project are not installed (`dbt deps`)".to_owned());
        }
    }
}

/// The files of one project or package that names come from.
fn walk(root: &Path, layout: &Layout, doubts: &mut Vec<String>) -> Vec<File> {
    let mut files = Vec::new();
    for (folder, path) in layout.folders() {
        let path = Path::new(path);
        if path.is_absolute() || path.components().any(|part| part == std::path::Component::ParentDir) {
            doubts.push(format!("`{}` leads out of the project", path.display()));
        } else if root.join(path).is_dir() {
            let start = root.join(path);
            if start.symlink_metadata().is_ok_and(|about| about.is_symlink()) {
                doubts.push(format!("{} is a link, and is not followed", start.display()));
            } else {
                below(&start, folder, 0, &mut files, doubts);
            }
        }
    }
    files
}

fn below(at: &Path, folder: Folder, depth: usize, files: &mut Vec<File>, doubts: &mut Vec<String>) {
    let entries = match at.read_dir() {
        Ok(entries) if depth < DEEPEST && files.len() < MOST_FILES => entries,
        Ok(_) => return doubts.push(format!("{} is too deep, or has too many files", at.display())),
        Err(error) => return doubts.push(format!("{} cannot be read: {error}", at.display())),
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let Ok(about) = path.symlink_metadata() else { continue };
        if about.is_dir() {
            below(&path, folder, depth + 1, files, doubts);
        } else if about.is_symlink() && (path.is_dir() || files::is_wanted(folder, &path)) {
            doubts.push(format!("{} is a link, and is not followed", path.display()));
        } else if about.is_file() && files::is_wanted(folder, &path) {
            let text = match files::needs_text(folder, &path) {
                true => read_text(&path, LARGEST_CONTRACT).map(|file| file.text),
                false => Ok(String::new()),
            };
            match text {
                Ok(text) => files.push(File { folder, path, text }),
                Err(unreadable) => doubts.push(format!("{}: {}", path.display(), unreadable.finding.message)),
            }
        }
    }
}
