//! The bootstrap of `run-export`.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    run_export::main().await
}
