//! What must not stand on a command line: read from the terminal, which does not
//! show it, or from standard input.

use std::io::{self, IsTerminal};

use altegio_cli::Failure;

/// Reads a secret: a line of standard input, or what the user types.
///
/// # Errors
///
/// There is no terminal to ask at; `remedy` says what to do instead.
pub fn read(prompt: &str, from_stdin: bool, remedy: &str) -> Result<String, Failure> {
    if from_stdin {
        return line();
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(format!(
            "{prompt}: there is no terminal to ask at; {remedy}"
        )));
    }
    Ok(rpassword::prompt_password(format!("{prompt}: "))?)
}

/// A line of standard input.
pub fn line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
