//! Formats a list of items, or a single item, as a table.

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::Value;

use super::escape::escaped;

/// Formats a value as a table. There is a row for each item of a list, and a column
/// for each field that is not a list or an object in at least one item.
pub fn table(value: &Value) -> String {
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
        // The rows are not objects, or contain nothing but nested values.
        for row in rows {
            table.add_row([cell(row)]);
        }
        return table.to_string();
    }
    table.set_header(columns.iter().map(|name| escaped(name)));
    for row in rows {
        table.add_row(columns.iter().map(|name| cell(&row[*name])));
    }
    table.to_string()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text),
        value => escaped(&value.to_string()),
    }
}
