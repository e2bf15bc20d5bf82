//! A copy of the repository, in which one file is changed at a time.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of the repository.
pub struct Tree {
    root: PathBuf,
    work: PathBuf,
    files: BTreeSet<String>,
}

impl Tree {
    /// Copies what git knows of, or would, below `work`. What is there already and the same keeps its time, so that
    /// builds stay warm.
    pub fn copy(from: &Path, work: &Path) -> Result<Self, String> {
        let listed = Command::new("git")
            .current_dir(from)
            .args(["ls-files", "-co", "--exclude-standard", "-z"])
            .output()
            .map_err(|error| format!("git ls-files: {error}"))?;
        let listed = String::from_utf8(listed.stdout).map_err(|error| error.to_string())?;
        let files: BTreeSet<_> = listed
            .split_terminator('\0')
            .filter(|file| from.join(file).is_file())
            .map(String::from)
            .collect();
        let root = work.join("tree");
        for file in &files {
            let bytes = fs::read(from.join(file)).map_err(|error| format!("{file}: {error}"))?;
            write_if_other(&root.join(file), &bytes)?;
        }
        let tree = Self { root, work: work.to_owned(), files };
        tree.remove_others(&tree.root)?;
        Ok(tree)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// For builds and results.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The text of a file.
    pub fn read(&self, file: &str) -> Result<String, String> {
        fs::read_to_string(self.root.join(file)).map_err(|error| format!("{file}: {error}"))
    }

    /// Writes a file, unless it says that already.
    pub fn write(&self, file: &str, text: &str) -> Result<(), String> {
        write_if_other(&self.root.join(file), text.as_bytes())
    }

    pub fn remove(&self, file: &str) -> Result<(), String> {
        fs::remove_file(self.root.join(file)).map_err(|error| format!("{file}: {error}"))
    }

    /// Does `act` while `file` says `text`.
    pub fn with<R>(
        &self,
        file: &str,
        text: &str,
        act: impl FnOnce() -> Result<R, String>,
    ) -> Result<R, String> {
        let original = self.read(file)?;
        self.write(file, text)?;
        let result = act();
        self.write(file, &original)?;
        result
    }

    /// The files below a folder, by their paths from the root.
    pub fn files<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.files.iter().map(String::as_str).filter(move |file| file.starts_with(folder))
    }

    fn remove_others(&self, folder: &Path) -> Result<(), String> {
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.remove_others(&path)?;
            } else if path
                .strip_prefix(&self.root)
                .is_ok_and(|file| !self.files.contains(&*file.to_string_lossy()))
            {
                fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        Ok(())
    }
}

fn write_if_other(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes));
    written.map_err(|error| format!("{}: {error}", path.display()))
}
