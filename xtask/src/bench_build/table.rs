//! The rows of the table, and the line above it that describes the machine.

use std::process::Command;
use std::{env, fs};

pub(super) const TITLES: [&str; 3] = ["plain output", "all tags", "`custom-fields`"];

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(super) fn row(what: &str, [plain, all, custom]: [f64; 3], text: impl Fn(f64) -> String) {
    println!(
        "| {what} | {} | {} | {} | {:.2}× | {:.2}× |",
        text(plain),
        text(all),
        text(custom),
        all / plain,
        custom / plain
    );
}

pub(super) fn machine() -> String {
    let first = |text: String, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cpu = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| first(text, "model name"))
        .unwrap_or_else(|| env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(
        |_| "rustc".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    format!("{cpu}, {cores} cores; {rustc}")
}
