//! `altegio login`: gets a user's token and keeps it in the profile.

use std::io::{self, IsTerminal, Write};

use altegio::ClientBuilder;
use altegio::b2b_v1::prelude::*;
use altegio_cli::Failure;
use clap::{Arg, ArgAction, ArgMatches};

use crate::options;
use crate::profile::{self, Tokens};
use crate::secret;

pub fn command() -> clap::Command {
    clap::Command::new("login")
        .about("Get a user's token and keep it in the profile")
        .arg(
            Arg::new("login")
                .long("login")
                .help("E-mail or phone; asked for if left out"),
        )
        .arg(
            Arg::new("password-stdin")
                .long("password-stdin")
                .action(ArgAction::SetTrue)
                .help("Read the password from standard input, not from the terminal"),
        )
}

pub async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let server = options::server(matches)?;
    // The profile is read, and its new file made, before anything is sent: a
    // token that could not be kept would be lost.
    let update = profile::Update::begin()?;
    let partner = match profile::tokens(&server)?.partner_token {
        Some(token) => token,
        None if io::stdin().is_terminal() => {
            secret::read("Partner token", false, "set ALTEGIO_PARTNER_TOKEN")?
        }
        None => {
            return Err(Failure::no_token(
                "no partner token; set ALTEGIO_PARTNER_TOKEN",
            ));
        }
    };
    let login = match matches.get_one::<String>("login") {
        Some(login) => login.clone(),
        None => {
            eprint!("Login: ");
            io::stderr().flush()?;
            secret::line()?
        }
    };
    let from_stdin = matches.get_flag("password-stdin");
    let password = secret::read("Password", from_stdin, "give --password-stdin")?;
    let client = ClientBuilder::default()
        .server(server.clone())
        .partner_token(partner.as_str())
        .build()?;
    let call = client.b2b_v1().authorize_user();
    let call = call.body_map(|body| body.login(login).password(password));
    let user = call.send().await?.into_data()?;
    let Some(token) = user.user_token else {
        return Err(Failure::other("the server's response has no user_token"));
    };
    let tokens = Tokens {
        partner_token: Some(partner),
        user_token: Some(token),
    };
    let path = update.commit(&server, tokens)?;
    eprintln!("the tokens are in {}", path.display());
    Ok(())
}
