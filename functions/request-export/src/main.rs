//! The bootstrap of `request-export`.

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    request_export::main().await
}
