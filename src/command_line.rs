//! How the program reads its arguments: the settings come from a file too, and the help of a subcommand shows only its own
//! flags. And what its commands answer.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use clap::{Arg, ArgMatches, Command};
use clap_complete::Shell;

use crate::doctor::UnknownVariable;
use crate::platform::{environment_file, text_input};

const DEFAULT_FILE: &str = "/etc/dockpass/dockpass.conf";
const HINT: &str = "The settings of the server apply here too: see dockpass serve --help";

/// The output of a command that may have done a part of its work.
#[derive(Debug)]
pub struct CommandOutput {
    pub text: String,
    /// What could not be done. It makes the command fail.
    pub complaint: Option<String>,
}

impl From<String> for CommandOutput {
    fn from(text: String) -> Self {
        Self { text, complaint: None }
    }
}

/// Reads the arguments of the program. What the settings file says takes the place of the defaults, so flags and variables
/// win. The sentences name the mistakes in the file.
pub fn parse(command: Command) -> (ArgMatches, Vec<String>) {
    let matches = with_short_help(command.clone()).get_matches();
    let named = matches.get_one::<PathBuf>("config");
    let is_named = named.is_some();
    let path = named.map_or_else(|| DEFAULT_FILE.into(), PathBuf::clone);
    let text = match text_input::read_file(&path) {
        Err(error) if !is_named && error.kind() == io::ErrorKind::NotFound => return (matches, Vec::new()),
        Err(error) => return (matches, vec![unreadable(&path, &error)]),
        Ok(text) => text,
    };
    let values = match environment_file::parse(&text) {
        Ok(values) => values,
        Err(lines) => {
            let mistake = |line| format!("{} line {line} is not NAME=value", path.display());
            return (matches, lines.into_iter().map(mistake).collect());
        }
    };
    let is_of = |arg: &Arg, name: &str| arg.get_env() == Some(OsStr::new(name));
    let is_unknown = |name: &str| name.starts_with("DOCKPASS_") && !command.get_arguments().any(|arg| is_of(arg, name));
    let unknown = values.iter().filter(|(name, _)| is_unknown(name));
    let mistakes = unknown.map(|(name, _)| format!("{}: there is no setting {name}", path.display())).collect();
    let command = command.mut_args(|arg| match values.iter().rfind(|(name, _)| is_of(&arg, name)) {
        Some((_, value)) if !value.is_empty() => {
            // clap keeps defaults for ever, and so does this program.
            let value: &'static str = value.clone().leak();
            arg.default_value(value)
        }
        _ => arg,
    });
    (with_short_help(command).get_matches(), mistakes)
}

/// The file that settings come from: the named one, or the default one if it exists.
pub fn settings_file(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| Some(DEFAULT_FILE.into())).filter(|path| path.is_file())
}

/// The variables of the environment that look like settings and are none.
pub fn unknown_variables(command: &Command) -> Vec<UnknownVariable> {
    let known: Vec<&str> = command.get_arguments().filter_map(|arg| arg.get_env()?.to_str()).collect();
    UnknownVariable::find(&known, env::vars_os())
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let sentence = format!("{} cannot be read: {error}", path.display());
    match error.kind() {
        // It may hold the password of the database, so the package lets only the server's user read it.
        io::ErrorKind::PermissionDenied => {
            format!("{sentence}: run the command as the server's user, such as sudo -u dockpass dockpass …")
        }
        _ => sentence,
    }
}

/// Writes the man pages and the completions of three shells into a folder. An error is a sentence.
pub fn write_man_pages(mut command: Command, folder: &Path) -> Result<(), String> {
    let write = || {
        fs::create_dir_all(folder)?;
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            clap_complete::generate_to(shell, &mut command, "dockpass", folder)?;
        }
        clap_mangen::generate_to(with_short_help(command), folder)
    };
    write().map_err(|error: io::Error| format!("{} cannot be written: {error}", folder.display()))
}

/// Hides the settings in the help of all subcommands but `serve`.
fn with_short_help(mut command: Command) -> Command {
    fn hidden(command: Command) -> Command {
        let is_server = command.get_name() == "serve";
        let command = command.mut_args(|arg| if arg.is_global_set() && !is_server { arg.hide(true) } else { arg });
        let command = if is_server { command } else { command.after_help(HINT) };
        command.mut_subcommands(hidden)
    }
    // Building copies the settings into the subcommands.
    command.build();
    command.mut_subcommands(hidden)
}
