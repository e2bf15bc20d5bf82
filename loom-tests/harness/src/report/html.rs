//! The same diagram as one HTML page: no network, no script, and every step links to its file.

use super::timeline::Diagram;
use crate::search::Row;
use std::fmt::Write as _;
use std::path::Path;

const STYLE: &str = "\
:root { color-scheme: light dark; --line: light-dark(#d8dee4, #373e47); --mark: light-dark(#fff1a8, #5c4a00);
  --bad: light-dark(#b3261e, #ff8a80); --dim: light-dark(#59636e, #9198a1); }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin-bottom: 0; }
p { margin: .3rem 0; color: var(--dim); }
table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; table-layout: fixed; }
th { border-bottom: 2px solid var(--line); padding: .4rem .8rem; }
td { border-left: 1px solid var(--line); padding: .1rem .8rem; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { border-left: 0; }
tr.turn td { padding-top: .9rem; }
td a { color: inherit; text-decoration: none; }
td a:hover { text-decoration: underline; }
tr.marked td:not(:empty) { box-shadow: inset .2rem 0 var(--bad); }
mark { background: var(--mark); color: inherit; border-radius: .2rem; }
.bad { color: var(--bad); font-weight: 600; font-size: 1.05rem; }
code { font-size: .9em; }";

/// Renders `diagram`; source paths are linked relative to `links`.
pub(crate) fn page(diagram: &Diagram, links: &str) -> String {
    let title = escape(&diagram.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}\n</style>\n<h1>{title}</h1>\n"
    );
    if !diagram.about.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", escape(&diagram.about));
    }
    table(&mut out, diagram, links);
    let said = match &diagram.failure {
        Some(failure) => format!("<p class=\"bad\">{}</p>", marked(&failure.to_string(), diagram)),
        None => "<p>this execution holds</p>".into(),
    };
    let preemptions = diagram.preemptions().map(|number| format!("{number}; ")).unwrap_or_default();
    let _ = writeln!(
        out,
        "{said}\n<p>{preemptions}replay: <code>{}</code></p>\n</html>",
        escape(&diagram.replay)
    );
    out
}

fn table(out: &mut String, diagram: &Diagram, links: &str) {
    let columns = diagram.columns();
    out.push_str("<table>\n<thead><tr>");
    for role in &columns {
        let _ = write!(out, "<th>{}</th>", escape(&diagram.role(*role)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    let mut before = None;
    for row in &diagram.rows {
        let turn = before.replace(row.role) != Some(row.role);
        let classes = [("turn", turn), ("marked", diagram.is_marked(row))];
        let classes: Vec<_> = classes.iter().filter(|(_, on)| *on).map(|(class, _)| *class).collect();
        let cell = |role: &usize| {
            if *role == row.role { cell(row, diagram, links) } else { "<td></td>".into() }
        };
        let cells: String = columns.iter().map(cell).collect();
        let _ = writeln!(out, "<tr class=\"{}\">{cells}</tr>", classes.join(" "));
    }
    out.push_str("</tbody>\n</table>\n");
}

fn cell(row: &Row, diagram: &Diagram, links: &str) -> String {
    let text = row.text.trim_start();
    let indent = row.text.len() - text.len();
    let style =
        if indent == 0 { String::new() } else { format!(" style=\"padding-left:{}em\"", 1 + indent / 2) };
    let shown = marked(text, diagram);
    // An absolute path is a dependency's: it says where this machine keeps it.
    if Path::new(&row.file).is_absolute() {
        return format!("<td{style}>{shown}</td>");
    }
    let place = format!("{}{}", escape(links), escape(&row.file.replace('\\', "/")));
    format!("<td{style}><a href=\"{place}\">{shown}</a></td>")
}

/// `text`, escaped, with what the failure is about marked.
fn marked(text: &str, diagram: &Diagram) -> String {
    let mark = diagram
        .failure
        .as_ref()
        .and_then(|failure| failure.highlight.as_deref())
        .filter(|mark| !mark.is_empty());
    match mark {
        Some(mark) => {
            let parts: Vec<_> = text.split(mark).map(escape).collect();
            parts.join(&format!("<mark>{}</mark>", escape(mark)))
        }
        None => escape(text),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Failure;

    #[test]
    fn steps_are_escaped_linked_and_marked() {
        let row =
            |role, text: &str, file: &str| Row { role, text: text.into(), file: file.into(), located: None };
        let diagram = Diagram {
            title: "a<b".into(),
            about: String::new(),
            roles: vec!["r & w".into()],
            rows: vec![row(0, "allocate [64K, 68K)", "src/a.rs"), row(1, "  --> x", "/elsewhere/b.rs")],
            failure: Some(Failure {
                highlight: Some("[64K, 68K)".into()),
                ..Failure::new("lost", "[64K, 68K) is gone")
            }),
            preemptions: Some(0),
            replay: "cargo test".into(),
        };
        let page = page(&diagram, "../../");
        assert!(page.contains("<td><a href=\"../../src/a.rs\">allocate <mark>[64K, 68K)</mark></a></td>"));
        assert!(page.contains("<td style=\"padding-left:2em\">--&gt; x</td>"));
        assert!(page.contains("<h1>a&lt;b</h1>") && page.contains("<th>r &amp; w</th>"));
        assert!(!page.contains("/elsewhere") && !page.contains("http"));
    }
}
