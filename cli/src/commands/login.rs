//! `altegio login`: gets a user token and stores it in the profile.

use std::io::{self, IsTerminal, Write};

use altegio::ClientBuilder;
use altegio_cli::Failure;
use clap::{Arg, ArgAction, ArgMatches};

use crate::options;
use crate::profile::{self, Tokens};
use crate::secret;

pub fn command() -> clap::Command {
    clap::Command::new("login")
        .about("Get a user token and store it in the profile")
        .arg(
            Arg::new("login")
                .long("login")
                .help("Email or phone number; the program prompts for it by default"),
        )
        .arg(
            Arg::new("password-stdin")
                .long("password-stdin")
                .action(ArgAction::SetTrue)
                .help("Read the password from standard input instead of the terminal"),
        )
}

pub async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let server = options::server(matches)?;
    // Read the profile and create its replacement before sending anything: a token
    // that cannot be stored would be lost.
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
            secret::line("Login")?
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
        return Err(Failure::other("the response has no user_token"));
    };
    let tokens = Tokens {
        partner_token: Some(partner),
        user_token: Some(token),
    };
    let path = update.commit(&server, tokens)?;
    eprintln!("the tokens are stored in {}", path.display());
    Ok(())
}
