//! Reads secrets, which cannot be given on the command line: from the terminal without
//! echo, or from standard input.

use std::io::{self, IsTerminal};

use altegio_cli::Failure;

/// Reads a secret from a line of standard input or from the terminal.
///
/// # Errors
///
/// Returns an error if standard input has ended, or if there is no terminal to prompt
/// on. `remedy` is what the message of the latter tells the user to do instead.
pub fn read(prompt: &str, from_stdin: bool, remedy: &str) -> Result<String, Failure> {
    if from_stdin {
        return line(prompt);
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "{prompt}: there is no terminal to prompt on; {remedy}"
        )));
    }
    Ok(rpassword::prompt_password(format!("{prompt}: "))?)
}

/// Reads a line of standard input. `name` is what the error calls the value.
///
/// # Errors
///
/// Returns an error if standard input has ended.
pub fn line(name: &str) -> Result<String, Failure> {
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Err(Failure::usage(format!(
            "{name}: standard input is empty; give the value on a line of its own"
        )));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
