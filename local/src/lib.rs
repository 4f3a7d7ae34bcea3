//! The whole system on one machine: functions, DynamoDB, S3, SQS and gateway in one program on loopback. Never deployed.

pub mod bulk;
pub mod connection;
pub mod depot;
pub mod event_source;
pub mod gateway;
pub mod generate;
pub mod identity;
pub mod import;
pub mod invoke;
pub mod lambda;
pub mod load;
pub mod s3;
pub mod schedule;
pub mod seed;
pub mod sqs;
pub mod stack;

/// Runs the program: the command line.
pub fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().expect("tokio");
    let result: anyhow::Result<()> = runtime.block_on(async {
        if args.get(1).map(String::as_str) == Some(stack::FUNCTION_COMMAND) {
            return stack::run_function(&args[2]).await;
        }
        let stack = stack::Stack::start(stack::StackOptions {
            port: 3000,
            ..stack::StackOptions::new(".local")
        })
        .await?;
        println!("ready {}", stack.file().url);
        tokio::signal::ctrl_c().await?;
        stack.stop().await
    });
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
