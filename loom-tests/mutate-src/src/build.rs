//! Building the copy: the models for the second engine, and each test by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::tree::Tree;

/// Something to build, which runs cases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The models, on the second engine.
    Models,
    /// The unit tests of `src`.
    Unit,
    /// A file of `tests/`, or of `loom-tests/tests/`.
    Test { package: &'static str, name: String },
    /// The examples in the documentation.
    Doc,
}

/// What came of a build.
pub enum Built {
    Executable(PathBuf),
    /// The compiler refuses the code.
    Refused,
}

/// Settings of the profile that make one change quick to build and quick enough to run.
const PROFILE: [(&str, &str); 5] = [
    ("OPT_LEVEL", "1"),
    ("DEBUG", "none"),
    ("INCREMENTAL", "true"),
    ("CODEGEN_UNITS", "64"),
    ("DEBUG_ASSERTIONS", "true"),
];

impl Target {
    /// All but the tests that read the source, or compile programs against it: a change is none of their business.
    pub fn all(tree: &Tree) -> Vec<Self> {
        const OF_THE_TEXT: [&str; 4] = ["docs", "facade", "house", "order_by_types"];
        let of = |folder: &'static str, package: &'static str| {
            let names = tree.files(folder).filter_map(move |file| {
                let name = file.strip_prefix(folder)?.strip_prefix('/')?;
                let name = name.strip_suffix("/main.rs").or_else(|| name.strip_suffix(".rs"))?;
                (!name.contains('/')).then(|| name.to_owned())
            });
            names
                .filter(|name| !OF_THE_TEXT.contains(&name.as_str()))
                .map(move |name| Self::Test { package, name })
        };
        let own = of("tests", "blockgate");
        let threads = Self::Test { package: "blockgate-models", name: "threads".into() };
        [Self::Models, Self::Unit].into_iter().chain(own).chain([threads, Self::Doc]).collect()
    }

    /// The target of this name.
    pub fn named(name: &str) -> Self {
        match name {
            "models" => Self::Models,
            "src" => Self::Unit,
            "documentation" => Self::Doc,
            _ => {
                let (folder, file) = name.rsplit_once('/').unwrap_or(("tests", name));
                let package = if folder == "tests" { "blockgate" } else { "blockgate-models" };
                Self::Test { package, name: file.trim_end_matches(".rs").to_owned() }
            }
        }
    }

    /// `cargo test` of it in the copy.
    pub fn cargo(&self, tree: &Tree) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(tree.root()).args(["test", "--quiet", "--target-dir"]);
        command.arg(tree.work().join(if *self == Self::Models { "models" } else { "tests" }));
        let flags = if *self == Self::Models { "--cfg traceset -Awarnings" } else { "-Awarnings" };
        command.env("RUSTFLAGS", flags).env_remove("CARGO_TARGET_DIR");
        command.envs(PROFILE.map(|(key, value)| (format!("CARGO_PROFILE_TEST_{key}"), value)));
        match self {
            Self::Models => command.args(["--package", "blockgate-models", "--test", "models"]),
            Self::Unit => command.args(["--package", "blockgate", "--features", "tracing", "--lib"]),
            Self::Doc => command.args(["--package", "blockgate", "--features", "tracing", "--doc"]),
            Self::Test { package: "blockgate", name } => {
                command.args(["--package", "blockgate", "--features", "tracing", "--test", name])
            }
            Self::Test { package, name } => command.args(["--package", package, "--test", name]),
        };
        command
    }

    /// Builds it.
    ///
    /// # Errors
    /// When something else than the code is wrong.
    pub fn build(&self, tree: &Tree) -> Result<Built, String> {
        let built = self
            .cargo(tree)
            .args(["--no-run", "--message-format=json"])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        let messages: Vec<Message> =
            serde_json::Deserializer::from_slice(&built.stdout).into_iter().flatten().collect();
        if built.status.success() {
            let executable = messages.into_iter().filter_map(|message| message.executable).next_back();
            return executable.map(Built::Executable).ok_or_else(|| format!("cargo built no {self}"));
        }
        let is_error =
            |message: &Message| message.message.as_ref().is_some_and(|said| said.level.starts_with("error"));
        if messages.iter().any(is_error) {
            return Ok(Built::Refused);
        }
        Err(format!("cargo could not build {self}: {}", String::from_utf8_lossy(&built.stderr)))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Models => write!(f, "models"),
            Self::Unit => write!(f, "src"),
            Self::Doc => write!(f, "documentation"),
            Self::Test { package: "blockgate", name } => write!(f, "tests/{name}.rs"),
            Self::Test { name, .. } => write!(f, "loom-tests/tests/{name}.rs"),
        }
    }
}

/// What cargo prints, as far as it is used.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    message: Option<Said>,
}

#[derive(Deserialize)]
struct Said {
    level: String,
}

/// What was built of one state of the copy.
#[derive(Default)]
pub struct Builds(BTreeMap<Target, Option<PathBuf>>);

impl Builds {
    /// The executable of `target`, or none where the compiler refuses it.
    pub fn of(&mut self, target: &Target, tree: &Tree) -> Result<Option<PathBuf>, String> {
        if let Some(built) = self.0.get(target) {
            return Ok(built.clone());
        }
        let built = match target.build(tree)? {
            Built::Executable(path) => Some(path),
            Built::Refused => None,
        };
        self.0.insert(target.clone(), built.clone());
        Ok(built)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_name_by_which_it_is_found() {
        let tests = [("blockgate", "volume"), ("blockgate-models", "threads")];
        let tests = tests.map(|(package, name)| Target::Test { package, name: name.into() });
        for target in [Target::Models, Target::Unit, Target::Doc].into_iter().chain(tests) {
            assert_eq!(Target::named(&target.to_string()), target);
        }
    }
}
