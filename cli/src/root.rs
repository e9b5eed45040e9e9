//! The definition of the whole command line: the program's own commands, and for
//! each tag a group with the commands of its operations.

use std::collections::BTreeMap;

use altegio_cli::{COMMANDS, Command, TAGS};

use crate::commands::{api, completion, login, spec};
use crate::{options, run};

/// Returns the clap definition of the command line.
pub fn root() -> clap::Command {
    let mut groups: BTreeMap<&str, Vec<&Command>> = BTreeMap::new();
    for command in COMMANDS {
        groups.entry(command.group).or_default().push(command);
    }
    let groups = groups.into_iter().map(|(group, members)| {
        clap::Command::new(group)
            .about(about(&members))
            .long_about(long_about(&members))
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands(members.into_iter().map(run::command))
    });
    clap::Command::new("altegio")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Altegio's API on the command line: a command for each operation")
        .after_help(
            "Tokens come from ALTEGIO_PARTNER_TOKEN and ALTEGIO_USER_TOKEN, or from the profile \
             that `altegio login` writes.\n\
             Exit codes: 0 success, 1 other error, 2 usage, 3 tokens, 4 not found, 5 rate limited, \
             6 server error.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(options::arguments())
        .subcommands(groups)
        .subcommands([
            login::command(),
            completion::command(),
            api::command(),
            spec::command(),
        ])
}

/// Returns the help line of a group: the tag and the number of its commands.
fn about(members: &[&Command]) -> String {
    let tag = members.first().map_or("", |command| command.tag);
    match members.len() {
        1 => format!("{tag}: 1 command"),
        count => format!("{tag}: {count} commands"),
    }
}

/// Returns the long help of a group: its help line and the tag's description.
fn long_about(members: &[&Command]) -> String {
    let tag = members.first().map_or("", |command| command.tag);
    let described = TAGS.iter().find(|(name, _)| *name == tag);
    match described {
        Some((_, text)) => format!("{}\n\n{text}", about(members)),
        None => about(members),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn clap_accepts_the_whole_command_line() {
        root().debug_assert();
    }

    #[test]
    fn every_operation_has_a_command() {
        let operations = altegio::b2b_v1::operations::ALL.iter();
        let operations: Vec<&str> = operations.map(|operation| operation.route.id).collect();
        let commands: Vec<&str> = COMMANDS.iter().map(|command| command.id).collect();
        assert_eq!(commands, operations);
        let of = |id: &str| {
            let command = COMMANDS.iter().find(|command| command.id == id);
            command.map(|command| (command.group, command.name))
        };
        assert_eq!(of("get_custom_field_list"), Some(("custom-fields", "list")));
        assert_eq!(of("create_client"), Some(("clients", "create")));
    }

    #[test]
    fn a_groups_help_has_the_tag_and_the_number_of_commands() {
        let root = root();
        let group = root.find_subcommand("custom-fields").unwrap();
        let count = group.get_subcommands().count();
        let about = group.get_about().unwrap().to_string();
        assert_eq!(about, format!("Custom Fields: {count} commands"));
        let tags = root.get_subcommands().filter(|own| own.has_subcommands());
        let abouts: Vec<String> = tags
            .map(|group| group.get_about().unwrap().to_string())
            .collect();
        let different: BTreeSet<&String> = abouts.iter().collect();
        assert_eq!(different.len(), abouts.len());
    }
}
