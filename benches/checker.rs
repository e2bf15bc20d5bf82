//! What the exhaustive check cost, from the certificate that the models wrote.
//!
//! Nothing is measured here: executions are deterministic, and the certificate says how many there were.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use comfy_table::{Table, presets};
use serde::Deserialize;

#[derive(Deserialize)]
struct Certificate {
    loom: String,
    models: BTreeMap<String, Model>,
}

#[derive(Deserialize)]
struct Model {
    threads: u64,
    executions: u64,
    exhaustive: bool,
    seconds: f64,
}

/// A table of the models, or why there is none.
pub(crate) fn table(workspace: &Path) -> String {
    match read(&workspace.join("docs/certificate.json")) {
        Ok(certificate) => render(&certificate),
        Err(error) => format!("docs/certificate.json is not there, or not a certificate: {error}\n"),
    }
}

fn read(path: &Path) -> Result<Certificate, Box<dyn std::error::Error>> {
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

fn render(certificate: &Certificate) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["model", "threads", "executions", "explored", "seconds"]);
    for (name, model) in &certificate.models {
        let explored = if model.exhaustive { "exhaustive" } else { "not exhaustive" };
        let (threads, executions) = (model.threads.to_string(), model.executions.to_string());
        table.add_row([name, &threads, &executions, explored, &format!("{:.1}", model.seconds)]);
    }
    let models = || certificate.models.values();
    let executions: u64 = models().map(|model| model.executions).sum();
    let seconds: f64 = models().map(|model| model.seconds).sum();
    let mut text = format!("{table}\n");
    let _ = writeln!(
        text,
        "\nloom {}: {} models, {executions} executions, {seconds:.1} s.",
        certificate.loom,
        certificate.models.len()
    );
    text
}
