//! The bootstrap of `download-export`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    download_export::main().await
}
