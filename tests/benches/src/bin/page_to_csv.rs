//! Decodes one page again and again, and writes its rows as CSV: for callgrind, which counts instructions to the digit.

#![expect(
    clippy::print_stdout,
    reason = "the bytes written are what this program answers"
)]

use benches::leads::PAGE;
use benches::page::PageToCsv;

fn main() -> anyhow::Result<()> {
    let turns = benches::job::leads()? / PAGE;
    let mut work = PageToCsv::new()?;
    let mut bytes = 0;
    for _ in 0..turns {
        bytes += work.turn()?;
    }
    println!("{bytes}");
    Ok(())
}
