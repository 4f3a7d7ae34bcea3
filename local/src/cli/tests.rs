use super::*;
use std::sync::{Arc, Mutex};

use crate::connection::StackFile;
use indicatif::{ProgressDrawTarget, TermLike};
use lead_export_aws::tables::TableNames;

/// A terminal of one line, as bars draw on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Screen(Arc<Mutex<(String, String)>>);

impl Screen {
    /// Draws on it.
    pub(super) fn target(&self) -> ProgressDrawTarget {
        ProgressDrawTarget::term_like(Box::new(self.clone()))
    }

    /// Everything that was ever drawn.
    pub(super) fn drawn(&self) -> String {
        self.0.lock().unwrap().0.clone()
    }

    /// What stands there now.
    pub(super) fn now(&self) -> String {
        self.0.lock().unwrap().1.trim_end().to_owned()
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        120
    }

    fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> std::io::Result<()> {
        let mut screen = self.0.lock().unwrap();
        screen.0.push_str(text);
        screen.1.push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> std::io::Result<()> {
        self.0.lock().unwrap().1.clear();
        Ok(())
    }

    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The file of a stack with this gateway.
pub(super) fn stack_file(url: &str) -> StackFile {
    let name = |name: &str| name.to_owned();
    StackFile {
        pid: 1,
        url: url.to_owned(),
        dynamodb: name("http://dynamodb"),
        s3: name("http://s3"),
        sqs: name("http://sqs"),
        events: name("http://events"),
        access_key: name("local"),
        secret_key: name("k3y"),
        region: name("us-east-1"),
        issuer: url.to_owned(),
        audience: name("lead-export"),
        tables: TableNames {
            leads: name("leads"),
            sources: name("sources"),
            exports: name("exports"),
            audit: name("audit"),
        },
        bucket: name("files"),
        queue_url: String::new(),
    }
}

fn read(line: &str) -> Result<Cli, clap::Error> {
    Cli::read(std::iter::once("lead-export").chain(line.split_whitespace()))
}

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
}

/// The words of a line as a shell takes them apart: blanks part them, `'…'` holds them together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (at, part) in line.split('\'').enumerate() {
        let mut rest = part;
        if at % 2 == 0 {
            while let Some((word, more)) = rest.split_once(' ') {
                words.last_mut().unwrap().push_str(word);
                words.push(String::new());
                rest = more.trim_start();
            }
        }
        words.last_mut().unwrap().push_str(rest);
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Every command that does something, with those above it.
fn commands(command: &clap::Command, above: &str, all: &mut Vec<(String, clap::Command)>) {
    for below in command.get_subcommands() {
        if below.get_name() == "help" {
            continue;
        }
        let name = format!("{above} {}", below.get_name());
        commands(below, &name, all);
        if below.get_subcommands().next().is_none() {
            all.push((name, below.clone()));
        }
    }
}

#[test]
fn help_of_every_command_has_an_example_that_can_be_read() {
    let mut all = Vec::new();
    commands(&Cli::command(), "lead-export", &mut all);
    assert!(all.len() > 18, "{}", all.len());
    all.push(("lead-export".to_owned(), Cli::command()));
    for (name, command) in all {
        let help = command.clone().render_help().to_string();
        let (_, examples) = help
            .split_once("Example")
            .unwrap_or_else(|| panic!("{name}: {help}"));
        let lines: Vec<&str> = examples
            .lines()
            .map(|line| match line.split_once("$(") {
                Some((_, inner)) => inner.split(')').next().unwrap(),
                None => line.trim(),
            })
            .filter(|line| line.starts_with("lead-export"))
            .collect();
        assert!(lines.iter().any(|line| line.starts_with(&name)), "{help}");
        for line in lines {
            // What it does, and what a shell does with what it prints, is not the command's.
            let line = line.split("   ").next().unwrap();
            let line = line.split(['>', '|']).next().unwrap();
            let read = Cli::read(words(line));
            assert!(read.is_ok(), "{line}: {:?}", read.err());
        }
    }
}

#[test]
fn nothing_at_all_is_up_and_global_options_stand_anywhere() {
    let cli = read("--port 0 --data x").unwrap();
    assert!(cli.command.is_none());
    assert_eq!(cli.who.data, PathBuf::from("x"));
    for line in [
        "--data x --user u list --org o",
        "list --data x --org o --user u",
    ] {
        let who = read(line).unwrap().who;
        assert_eq!(
            (who.data.to_str(), who.org.as_str(), who.user.as_str()),
            (Some("x"), "o", "u"),
            "{line}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_usage() {
    for line in [
        "nonsense",
        "--port 70000",
        "--port 1 list",
        "import",
        "import f.csv --source Bad_Source",
        "import f.csv --source s --map x",
        "import f.csv --source s --type a=colour",
        "generate --source s --leads many",
        "grant --source s --role boss",
        "export",
        "export --source s --profile word",
        "export --source s --order up",
        "show not-an-id",
        "list --org a#b",
        "token --ttl soon",
        "list --url https://x.example",
    ] {
        let error = read(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn orders_with_a_sign_are_read() {
    assert!(read("export --source s --order -created_at -o -").is_ok());
    assert!(read("grant --source * --user u --role none").is_ok());
}

#[test]
fn every_command_takes_a_folder_an_organization_and_a_user() {
    let who = |line: &str| {
        let who = read(line).unwrap().who;
        (who.data, who.org.as_str().to_owned(), who.user)
    };
    let of =
        |data: &str, org: &str, user: &str| (PathBuf::from(data), org.to_owned(), user.to_owned());
    for command in [
        "up",
        "token",
        "import f.csv --source s",
        "generate --source s --leads 1",
        "grant --source s --role viewer",
        "grants",
        "fields --source s",
        "source set s",
        "field add --source s --label x",
        "export --source s",
        "list",
        "show 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b",
        "download 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b",
        "cancel 6f1c2e5a-0d6b-4b0e-9a53-0c1d2e3f4a5b",
        "usage --source s",
    ] {
        assert_eq!(who(command), of(".local", "acme", "alice"), "{command}");
        let said = format!("{command} --data d --org o --user u");
        assert_eq!(who(&said), of("d", "o", "u"), "{command}");
    }
}

#[test]
fn what_is_not_said_is_as_in_the_contract() {
    let whole = Cli::command();
    for (command, argument, default) in [
        ("lead-export", "port", "3000"),
        ("lead-export", "leads", "1000"),
        ("up", "port", "3000"),
        ("up", "leads", "1000"),
        ("token", "ttl", "12h"),
        ("generate", "seed", "7"),
    ] {
        // With no command it is `up`.
        let of = whole.find_subcommand(command).unwrap_or(&whole);
        let found = of
            .get_arguments()
            .find(|known| known.get_id().as_str() == argument)
            .unwrap();
        let values: Vec<&str> = found
            .get_default_values()
            .iter()
            .filter_map(|value| value.to_str())
            .collect();
        assert_eq!(values, [default], "{command} --{argument}");
    }
}
