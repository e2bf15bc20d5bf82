//! Notes at the head of every function of `src`: a process that comes to one writes its number, once, into a file.
//!
//! (`const` functions have none: they also run while compiling.)

use std::path::Path;

use crate::source::Source;
use crate::tree::Tree;

/// Where the numbers go: a variable with the path of a file.
pub const VARIABLE: &str = "BLOCKGATE_REACHED";

/// What a function is called in what is found out.
pub fn id(file: &str, function: usize) -> String {
    format!("{file}#{function}")
}

/// Does `act` while every function of the copy's `src` has a note, and hands it the functions by the numbers in the notes.
pub fn with_notes<R>(tree: &Tree, act: impl FnOnce(&[String]) -> Result<R, String>) -> Result<R, String> {
    let files: Vec<_> = tree.files("src/").filter(|file| is_rust(file)).map(String::from).collect();
    let mut ids = Vec::new();
    let mut originals = Vec::new();
    for file in &files {
        let text = tree.read(file)?;
        let noted = add_notes(file, &text, &mut ids)?;
        let noted = if file == "src/lib.rs" { noted + "\n#[doc(hidden)]\npub mod reached;\n" } else { noted };
        tree.write(file, &noted)?;
        originals.push((file, text));
    }
    tree.write("src/reached.rs", &notes(ids.len()))?;
    let result = act(&ids);
    tree.remove("src/reached.rs")?;
    for (file, text) in originals {
        tree.write(file, &text)?;
    }
    result
}

fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

fn add_notes(file: &str, text: &str, ids: &mut Vec<String>) -> Result<String, String> {
    let source = Source::parse(text).map_err(|error| format!("{file}: {error}"))?;
    let functions = source.functions().iter().enumerate().filter(|(_, function)| !function.is_const);
    let mut notes: Vec<_> = functions.map(|(index, function)| (function.body, id(file, index))).collect();
    notes.sort();
    let mut with_notes = text.to_owned();
    for (at, id) in notes.into_iter().rev() {
        with_notes.insert_str(at, &format!(" crate::reached::at({});", ids.len()));
        ids.push(id);
    }
    Ok(with_notes)
}

/// The module that takes the notes: each function once a process.
fn notes(count: usize) -> String {
    format!(
        "#![allow(warnings, clippy::all, clippy::pedantic)]
         use std::io::Write;
         use std::sync::atomic::{{AtomicBool, Ordering}};
         static SEEN: [AtomicBool; {count}] = [const {{ AtomicBool::new(false) }}; {count}];
         pub fn at(function: usize) {{
             if SEEN[function].load(Ordering::Relaxed) || SEEN[function].swap(true, Ordering::Relaxed) {{
                 return;
             }}
             let Some(path) = std::env::var_os({VARIABLE:?}) else {{ return }};
             let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
             file.write_all(format!(\"{{function}}\\n\").as_bytes()).unwrap();
         }}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_but_a_const_one_has_a_note() {
        let text = "fn a() { fn b() {} }\nconst fn c() {}\nimpl D { fn e(&self) -> u8 { 0 } }";
        let mut ids = Vec::new();
        let noted = add_notes("src/a.rs", text, &mut ids).unwrap();
        assert_eq!(
            noted,
            "fn a() { crate::reached::at(2); fn b() { crate::reached::at(1);} }\nconst fn c() {}\nimpl D { fn e(&self) -> u8 { crate::reached::at(0); 0 } }"
        );
        assert_eq!(ids, ["src/a.rs#3", "src/a.rs#1", "src/a.rs#0"]);
    }
}
