//! The command line (contract §7).
//!
//! Results go to standard output, everything else to standard error; bars and colours only where a person looks. Exit 0, 1 for a
//! failure in one sentence, 2 for a command that cannot be read or makes no sense.

mod api;
mod body;
mod cancel;
mod download;
mod export;
mod fields;
mod generate;
mod grant;
mod history;
mod import;
pub(crate) mod output;
mod reach;
mod session;
mod source;
mod stores;
mod stuck;
mod timeline;
mod token;
mod up;
mod usage;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use lead_export_core::lead::{OrgId, SourceId};

use crate::stack::{FUNCTION_COMMAND, run_function};

/// Exports of leads as CSV files: the whole system on one machine, and the commands to use it.
#[derive(Debug, Parser)]
#[command(
    name = "lead-export",
    version,
    after_help = "Example:\n  lead-export                  starts everything, as `lead-export up` does\n  lead-export export --source home-insurance -o leads.csv"
)]
struct Cli {
    #[command(flatten)]
    up: up::Up,
    #[command(flatten)]
    who: Who,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// Reads the arguments. Those of `up` go with no other command.
    fn read<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        let matches = Self::command().try_get_matches_from(arguments)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        let named = |name: &str| named(&matches, name);
        cli.who.named = Named {
            org: named("org"),
            user: named("user"),
        };
        if let Some(command) = matches.subcommand_name() {
            for name in ["port", "fresh", "leads"] {
                if matches.value_source(name) == Some(ValueSource::CommandLine) {
                    let message = format!(
                        "--{name} stands behind the command: lead-export {command} --{name} …"
                    );
                    return Err(Self::command().error(ErrorKind::ArgumentConflict, message));
                }
            }
        }
        Ok(cli)
    }
}

/// Whether the command line itself gives a global argument, wherever it stands.
fn named(matches: &ArgMatches, name: &str) -> bool {
    let here = matches.value_source(name) == Some(ValueSource::CommandLine);
    here || matches
        .subcommand()
        .is_some_and(|(_, further)| named(further, name))
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
struct Who {
    /// The folder of all data.
    #[arg(long, global = true, default_value = ".local", value_name = "FOLDER")]
    data: PathBuf,
    /// The organization.
    #[arg(long, global = true, default_value = "acme", value_parser = org)]
    org: OrgId,
    /// The user.
    #[arg(long, global = true, default_value = "alice", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    user: String,
    /// Colours: on a terminal, always or never. `NO_COLOR` switches them off as well.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    color: output::Colour,
    /// What of it was said, and is no default.
    #[arg(skip)]
    named: Named,
}

/// Which of the global arguments the command line gives.
#[derive(Debug, Clone, Copy, Default)]
struct Named {
    org: bool,
    user: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts everything on this machine, until Ctrl-C.
    Up(up::Up),
    /// Prints a bearer token for the API.
    Token(token::Token),
    /// Loads leads into a source: a CSV file, or items of a DynamoDB table.
    Import(import::Import),
    /// Makes leads: the same ones for the same seed.
    Generate(generate::Generate),
    /// Makes and changes sources, and lists them.
    Source(source::SourceCommand),
    /// Adds a field to a source.
    Field(source::FieldCommand),
    /// Gives a user a role on a source, or takes it away.
    Grant(grant::Grant),
    /// Lists who may do what in the organization.
    Grants(grant::Grants),
    /// Lists the fields of a source's leads.
    Fields(fields::Fields),
    /// Asks for a file of a source's leads, and downloads it.
    Export(Box<export::Export>),
    /// Lists the exports of a source.
    List(history::List),
    /// Shows an export.
    Show(history::Show),
    /// Downloads the file of an export.
    Download(download::Download),
    /// Cancels an export, or deletes its file.
    Cancel(cancel::Cancel),
    /// Says what a source's exports came to, by day or by user.
    Usage(usage::Usage),
    /// Lists exports that do not get on, for the operator.
    Stuck(stuck::Stuck),
    /// Takes up an export that hangs, or asks again for one that has ended.
    Retry(stuck::Retry),
    /// Prints what a shell needs to complete commands.
    Completions(Completions),
}

/// `completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lead-export completions bash > ~/.local/share/bash-completion/completions/lead-export"
)]
struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

impl Completions {
    fn run(&self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "lead-export", &mut script);
        output::print(String::from_utf8(script)?.trim_end())
    }
}

fn org(text: &str) -> Result<OrgId, String> {
    OrgId::parse(text).map_err(|error| error.to_string())
}

fn source(text: &str) -> Result<SourceId, String> {
    SourceId::parse(text).map_err(|error| error.to_string())
}

/// Runs the program with the arguments it was called with.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let function =
        (arguments.next().as_deref() == Some(FUNCTION_COMMAND)).then(|| arguments.next());
    let cli = match &function {
        // The stack calls this program for each of its functions.
        Some(_) => None,
        None => Some(Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit())),
    };
    let ended = runtime().and_then(|runtime| {
        runtime.block_on(async {
            match cli {
                Some(cli) => run(cli).await,
                None => run_function(&function.flatten().unwrap_or_default()).await,
            }
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads no further, such as `head`, has what they want.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&format!("lead-export: {error:#}"));
            if error.is::<output::Usage>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Runtime::new()?)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let who = &cli.who;
    output::decide(who.color);
    match cli.command {
        None => up::run(who, &cli.up).await,
        Some(Command::Up(up)) => up::run(who, &up).await,
        Some(Command::Token(token)) => token::run(who, &token),
        Some(Command::Import(import)) => import::run(who, &import).await,
        Some(Command::Generate(generate)) => generate::run(who, &generate).await,
        Some(Command::Source(source)) => source::run(who, &source).await,
        Some(Command::Field(field)) => source::field(who, &field).await,
        Some(Command::Grant(grant)) => grant::run(who, &grant).await,
        Some(Command::Grants(grants)) => grant::list(who, &grants).await,
        Some(Command::Fields(fields)) => fields::run(who, &fields).await,
        Some(Command::Export(export)) => export::run(who, &export).await,
        Some(Command::List(list)) => history::list(who, &list).await,
        Some(Command::Show(show)) => history::show(who, &show).await,
        Some(Command::Download(download)) => download::run(who, &download).await,
        Some(Command::Cancel(cancel)) => cancel::run(who, &cancel).await,
        Some(Command::Usage(usage)) => usage::run(who, &usage).await,
        Some(Command::Stuck(stuck)) => stuck::run(who, &stuck).await,
        Some(Command::Retry(retry)) => stuck::retry(who, &retry).await,
        Some(Command::Completions(completions)) => completions.run(),
    }
}

#[cfg(test)]
mod tests;
