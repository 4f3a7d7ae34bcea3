//! Serves the canned DynamoDB, S3, SQS and Lambda until it is ended; prints where they are as one line of JSON.

#![expect(clippy::print_stdout, reason = "that line is what this program is for")]

use std::time::Duration;

use benches::dynamodb::Trouble;
use benches::world::{Options, World};
use clap::Parser;
use serde_json::json;

/// Serves canned leads, and keeps checksums of what becomes of them.
#[derive(Parser)]
struct Arguments {
    /// Leads in the table.
    #[arg(long, default_value_t = 100_000)]
    leads: u64,
    /// Milliseconds after which an invocation must pause.
    #[arg(long)]
    slice_ms: Option<u64>,
    /// The shard that is slow or throttled.
    #[arg(long, default_value_t = 0)]
    trouble_shard: u64,
    /// Milliseconds that each of its answers takes.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Of so many of its Queries one is answered.
    #[arg(long, default_value_t = 1)]
    one_in: u64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let troubled = arguments.delay_ms > 0 || arguments.one_in > 1;
    let world = World::start(Options {
        trouble: troubled.then_some(Trouble {
            shard: arguments.trouble_shard,
            delay: Duration::from_millis(arguments.delay_ms),
            one_in: arguments.one_in,
        }),
        slice: arguments.slice_ms.map(Duration::from_millis),
        ..Options::new(arguments.leads)
    })
    .await?;
    println!("{}", json!(world.variables));
    std::future::pending().await
}
