//! The program as `cargo xtask conformance` starts it.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_altegio-conformance"));
    program.args(arguments).output().unwrap()
}

#[test]
fn one_operation_can_be_run_alone() {
    // Its body is a form with a file.
    let output = run(&["--operation", "upload_image"]);
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    assert!(
        printed.contains("1 of 1 operations, 0 failures"),
        "{printed}"
    );
}

#[test]
fn an_unknown_operation_is_an_error_that_names_it() {
    let output = run(&["--operation", "get_nothing"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("`get_nothing`"), "{errors}");
}
