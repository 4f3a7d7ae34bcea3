//! The bootstrap of `run-export`.

// One thread: a function of this memory has a part of one core, and others would only hand work to and fro.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    run_export::main().await
}
