//! An answer as text.

use std::io::{self, ErrorKind, Write};

use altegio_cli::Failure;
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::Value;

/// How answers are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Indented JSON
    #[default]
    Json,
    /// YAML
    Yaml,
    /// A table of the answer's `data`; nested values are left to the others
    Table,
}

/// Writes to stdout. Who reads it may leave early, as `head` does.
pub fn say(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The text of a value.
pub fn text(value: &Value, format: Format) -> Result<String, String> {
    match format {
        Format::Json => Ok(format!("{value:#}")),
        Format::Yaml => serde_yaml_ng::to_string(value).map_err(|error| error.to_string()),
        Format::Table => Ok(table(value.get("data").unwrap_or(value))),
    }
}

fn table(value: &Value) -> String {
    let rows: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        value => vec![value],
    };
    let mut columns: Vec<&str> = Vec::new();
    for row in &rows {
        for (name, value) in row.as_object().into_iter().flatten() {
            if !value.is_object() && !value.is_array() && !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
    }
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    if columns.is_empty() {
        // Rows that are no objects, or have nothing but nested values.
        for row in rows {
            table.add_row([cell(row)]);
        }
        return table.to_string();
    }
    table.set_header(&columns);
    for row in rows {
        table.add_row(columns.iter().map(|name| cell(&row[*name])));
    }
    table.to_string()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
