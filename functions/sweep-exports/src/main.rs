//! The bootstrap of `sweep-exports`.

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    sweep_exports::main().await
}
