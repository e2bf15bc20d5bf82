//! Where an operation stands, in words that survive an edit of the lines above it.

use std::fs;
use std::path::Path;

use blockgate::sync::mutation::Site;

/// `Type::function` around a line of a file of this package.
pub fn function_at(file: &str, line: u32) -> String {
    let text = read(file);
    let mut above = text.lines().take(line as usize).collect::<Vec<_>>();
    let from = above.pop().map_or(0, indentation);
    let mut above = above.into_iter().rev();
    let named =
        |line| (indentation(line) < from).then(|| name_of(line))?.map(|name| (name, indentation(line)));
    let (function, depth) = above.by_ref().find_map(named).unwrap_or(("?", 0));
    // At the margin it belongs to no type.
    let implemented = above.find_map(type_of).filter(|_| depth > 0);
    implemented.map_or(function.to_string(), |name| format!("{name}::{function}"))
}

/// Every line of `src` that says an ordering, a wake-up or a wait which could be mutated, and which no
/// site accounts for: no model has come there. (`src/sync` is where they are defined.)
pub fn unreached(sites: &[Site]) -> Vec<String> {
    let mut files = Vec::new();
    collect("src", &mut files);
    files.sort();
    files.iter().flat_map(|file| unreached_in(file, sites)).collect()
}

fn unreached_in(file: &str, sites: &[Site]) -> Vec<String> {
    /// A call may be spread over so many lines; or have its orderings from the line before.
    const LINES: u32 = 3;
    let is_relaxed = |line: &str| line.replace("Ordering::Relaxed", "");
    let text = read(file);
    let mut says =
        vec!["Ordering::Acq", "Ordering::Rel", "Ordering::Seq", ".notify_all(", ".wake(", ".wait_until("];
    // These two have their ordering in `src/sync`, and names that other types use too.
    says.extend(text.contains("Publisher").then_some(".publish("));
    says.extend(text.contains("Published").then_some(".get()"));
    let code = text.lines().take_while(|line| !line.starts_with("#[cfg(all(test")).zip(1..);
    let lines = code.filter(|(line, _)| {
        !line.trim_start().starts_with("//") && says.iter().any(|word| is_relaxed(line).contains(word))
    });
    // Of a function that is as its callers' own code, they are the sites.
    let is_for_callers = |at: u32| {
        let above = text.lines().take(at as usize).skip((at.saturating_sub(LINES + 1)) as usize);
        above.into_iter().any(|line| line.contains("#[track_caller]"))
    };
    let is_known = |at: u32| {
        is_for_callers(at)
            || sites.iter().any(|site| {
                site.place.file() == file && (at.saturating_sub(LINES)..=at + 1).contains(&site.place.line())
            })
    };
    lines.filter(|(_, at)| !is_known(*at)).map(|(line, at)| format!("{file}:{at}: {}", line.trim())).collect()
}

fn collect(folder: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(folder)).expect("the package has its sources").flatten() {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&path, files);
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs")
            && !path.starts_with("src/sync")
        {
            files.push(path);
        }
    }
}

pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn indentation(line: &str) -> usize {
    if line.trim().is_empty() { usize::MAX } else { line.len() - line.trim_start().len() }
}

fn name_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let name = if line.starts_with("fn ") { line.strip_prefix("fn ") } else { after(line, " fn ") }?;
    identifier(name).filter(|_| !line.starts_with("//"))
}

/// Of `impl<T> Trait<U> for Type<T> {` and of `impl Type {`: `Type`.
fn type_of(line: &str) -> Option<&str> {
    let header = line.strip_prefix("impl")?;
    let mut depth = 0_usize;
    let end_of_generics = header.find(|c| {
        depth = match c {
            '<' => depth + 1,
            '>' => depth - 1,
            _ => depth,
        };
        depth == 0 && c != '>'
    });
    identifier(after(header, " for ").unwrap_or(header[end_of_generics?..].trim_start()))
}

fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.split_once(word).map(|(_, rest)| rest)
}

fn identifier(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}
