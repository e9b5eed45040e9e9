//! Altegio's API on the command line.

mod output;
mod profile;
mod raw;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use altegio::b2b_v1::prelude::*;
use altegio::{ClientBuilder, Server};
use altegio_cli::{Answer, COMMANDS, Command, Failure};
use clap::{Arg, ArgAction, ArgMatches, value_parser};
use clap_complete::Shell;
use futures_util::TryStreamExt;
use output::Format;
use serde_json::{Value, json};

/// What the commands were made of.
const SOURCE: &str = altegio_openapi::documents::B2B_V1.source;

#[tokio::main]
async fn main() -> ExitCode {
    // clap's own errors exit with 2 and go to stderr.
    let matches = root().get_matches();
    match start(&matches).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.code().into()
        }
    }
}

/// The whole command line.
fn root() -> clap::Command {
    let server = Arg::new("server")
        .long("server")
        .env("ALTEGIO_SERVER")
        .global(true)
        .value_parser(|text: &str| text.parse::<Server>().map_err(|error| error.to_string()))
        .help("production, mock, or an address [default: production]");
    let output = Arg::new("output")
        .long("output")
        .global(true)
        .value_parser(value_parser!(Format))
        .default_value("json")
        // Help of a line each.
        .hide_possible_values(true)
        .help("How answers are printed: json, yaml, or table (of `data`, without nested values)");
    let mut groups: BTreeMap<&str, Vec<&Command>> = BTreeMap::new();
    for command in COMMANDS {
        groups.entry(command.group).or_default().push(command);
    }
    let groups = groups.into_iter().map(|(group, members)| {
        let members = members.into_iter().map(|member| {
            let all = Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Every page, as one list");
            let command = (member.arguments)().name(member.name);
            command.args(member.pages.map(|_| all))
        });
        clap::Command::new(group)
            .about("The operations of this tag")
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands(members)
    });
    clap::Command::new("altegio")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Altegio's API on the command line: a command for each operation")
        .after_help(
            "Tokens come from ALTEGIO_PARTNER_TOKEN and ALTEGIO_USER_TOKEN, or from the profile \
             that `altegio login` writes.\n\
             Exit codes: 0 done, 1 another error, 2 usage, 3 tokens, 4 not found, 5 rate limited, \
             6 the server's error.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args([server, output].map(|arg| arg.help_heading("Of every command")))
        .subcommands(groups)
        .subcommands([
            login_command(),
            completion_command(),
            raw::command(),
            spec_command(),
        ])
}

async fn start(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((group, inner)) = matches.subcommand() else {
        return Err(Failure::usage("no command"));
    };
    match group {
        "login" => login(inner).await,
        "completion" => completion(inner),
        "spec" => spec(inner),
        "api" => raw::run(inner, &builder(inner)?.build()?).await,
        group => {
            let Some((name, arguments)) = inner.subcommand() else {
                return Err(Failure::usage("no command"));
            };
            let command = COMMANDS
                .iter()
                .find(|command| command.group == group && command.name == name)
                .ok_or_else(|| Failure::usage(format!("no command `{group} {name}`")))?;
            run(command, arguments).await
        }
    }
}

async fn run(command: &Command, matches: &ArgMatches) -> Result<(), Failure> {
    if let Some(template) = command.template
        && matches.get_flag("json-body-template")
    {
        return output::say(format!("{template}\n").as_bytes());
    }
    let client = builder(matches)?.build()?;
    let format = format(matches);
    if let Some(pages) = command.pages
        && matches.get_flag("all")
    {
        let mut items = Vec::new();
        let mut pages = pages(client.b2b_v1(), matches)?;
        while let Some(page) = pages.try_next().await? {
            warn(&page);
            items.extend(items_of(page.value.unwrap_or_default(), command.items));
        }
        return print(&items.into(), format);
    }
    let answer = (command.call)(client.b2b_v1(), matches).await?;
    warn(&answer);
    if let Some(value) = &answer.value {
        return print(value, format);
    }
    output::say(&answer.body)
}

/// The items of a page, which stand at `pointer`, or are all of it.
fn items_of(mut page: Value, pointer: &str) -> Vec<Value> {
    let items = match page {
        Value::Array(_) => page,
        _ => page.pointer_mut(pointer).map_or(Value::Null, Value::take),
    };
    match items {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        // What is no list is one item a page.
        item => vec![item],
    }
}

/// Says what the server sent and is not printed: of a list's items the first,
/// and how many more there are.
fn warn(answer: &Answer) {
    let mismatches = answer.mismatches.iter().map(|mismatch| {
        let why = format!("expected {}", mismatch.expected);
        (&mismatch.path, why)
    });
    let unlisted = answer.unlisted.iter();
    let unlisted = unlisted.map(|path| (path, "not in Altegio's document".to_owned()));
    let mut places: BTreeMap<(String, String), (&str, usize)> = BTreeMap::new();
    for (path, why) in mismatches.chain(unlisted) {
        // `$.data[3].x` → `$.data[.x`
        let parts = path.split('[').map(|part| {
            let digits = part.trim_start_matches(|c: char| c.is_ascii_digit());
            digits.strip_prefix(']').unwrap_or(part)
        });
        let alike = parts.collect::<Vec<_>>().join("[");
        places.entry((alike, why)).or_insert((path, 0)).1 += 1;
    }
    for ((_, why), (path, count)) in places {
        let more = match count {
            1 => String::new(),
            count => format!(", and so are {} more like it", count - 1),
        };
        eprintln!("warning: {path}: {why}; left out{more}");
    }
}

fn print(value: &Value, format: Format) -> Result<(), Failure> {
    let text = output::text(value, format).map_err(Failure::other)?;
    output::say(format!("{}\n", text.trim_end()).as_bytes())
}

fn server(matches: &ArgMatches) -> Server {
    let server = matches.get_one::<Server>("server");
    server.cloned().unwrap_or_default()
}

fn format(matches: &ArgMatches) -> Format {
    let format = matches.get_one::<Format>("output");
    format.copied().unwrap_or_default()
}

fn builder(matches: &ArgMatches) -> Result<ClientBuilder, Failure> {
    let server = server(matches);
    let tokens = profile::tokens(&server)?;
    let mut builder = ClientBuilder::default().server(server);
    if let Some(token) = tokens.partner_token {
        builder = builder.partner_token(token);
    }
    if let Some(token) = tokens.user_token {
        builder = builder.user_token(token);
    }
    Ok(builder)
}

// ---- the commands of no operation ---------------------------------------------

fn login_command() -> clap::Command {
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

async fn login(matches: &ArgMatches) -> Result<(), Failure> {
    let server = server(matches);
    let mut tokens = profile::tokens(&server)?;
    let partner = match tokens.partner_token.take() {
        Some(token) => token,
        None if io::stdin().is_terminal() => rpassword::prompt_password("Partner token: ")?,
        None => {
            let message = "no partner token; set ALTEGIO_PARTNER_TOKEN".to_owned();
            return Err(Failure::Other { code: 3, message });
        }
    };
    let login = match matches.get_one::<String>("login") {
        Some(login) => login.clone(),
        None => {
            eprint!("Login: ");
            io::stderr().flush()?;
            line()?
        }
    };
    let password = match matches.get_flag("password-stdin") {
        true => line()?,
        false => rpassword::prompt_password("Password: ")?,
    };
    let client = ClientBuilder::default()
        .server(server.clone())
        .partner_token(partner.as_str())
        .build()?;
    let call = client.b2b_v1().authorize_user();
    let call = call.body_map(|body| body.login(login).password(password));
    let user = call.send().await?.into_data()?;
    let Some(token) = user.user_token else {
        return Err(Failure::other("the server's answer has no user_token"));
    };
    let tokens = profile::Tokens {
        partner_token: Some(partner),
        user_token: Some(token),
    };
    let path = profile::write(&server, tokens)?;
    eprintln!("the tokens are in {}", path.display());
    Ok(())
}

fn line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn completion_command() -> clap::Command {
    clap::Command::new("completion")
        .about("Print a shell's completion script")
        .arg(
            Arg::new("shell")
                .required(true)
                .value_parser(value_parser!(Shell)),
        )
}

fn completion(matches: &ArgMatches) -> Result<(), Failure> {
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut root(), "altegio", &mut script);
        output::say(&script)?;
    }
    Ok(())
}

fn spec_command() -> clap::Command {
    clap::Command::new("spec").about("Print what the commands were made of: counts and date")
}

fn spec(matches: &ArgMatches) -> Result<(), Failure> {
    let source: Value =
        toml::from_str(SOURCE).map_err(|error| Failure::other(error.to_string()))?;
    let deprecated = altegio::b2b_v1::operations::ALL.iter();
    let deprecated = deprecated.filter(|operation| operation.deprecated).count();
    let tags: std::collections::BTreeSet<&str> =
        COMMANDS.iter().map(|command| command.group).collect();
    let value = json!({
        "date": source["date"],
        "url": source["url"],
        "operations": COMMANDS.len(),
        "deprecated": deprecated,
        "tags": tags.len(),
    });
    print(&value, format(matches))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_command_line_is_sound() {
        root().debug_assert();
    }

    #[test]
    fn a_pages_items_are_found_wherever_they_stand() {
        let page = json!({"success": true, "data": [1, 2], "meta": {}});
        assert_eq!(items_of(page, "/data"), [1, 2]);
        assert_eq!(
            items_of(json!({"data": {"children": [3]}}), "/data/children"),
            [3]
        );
        assert_eq!(items_of(json!([4]), "/data"), [4]);
        let one = json!({"data": {"id": 5}});
        assert_eq!(items_of(one, "/data"), [json!({"id": 5})]);
        // An empty page may say nothing of its items.
        for empty in [
            json!({"success": true, "meta": []}),
            json!({"data": null}),
            Value::Null,
        ] {
            assert!(items_of(empty, "/data").is_empty());
        }
    }

    #[test]
    fn every_operation_has_a_command() {
        let ids: Vec<&str> = COMMANDS.iter().map(|command| command.id).collect();
        assert_eq!(ids.len(), altegio::b2b_v1::operations::ALL.len());
        for operation in altegio::b2b_v1::operations::ALL {
            assert!(ids.contains(&operation.route.id), "{}", operation.route.id);
        }
        let of = |id: &str| {
            let command = COMMANDS.iter().find(|command| command.id == id);
            command.map(|command| (command.group, command.name))
        };
        assert_eq!(of("get_custom_field_list"), Some(("custom-fields", "list")));
        assert_eq!(of("create_client"), Some(("clients", "create")));
    }
}
