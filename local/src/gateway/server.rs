//! Connections: accepting them, and letting them end.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::event::Arrival;

/// How long a request's head may take, and an idle connection may stay.
const HEAD_ARRIVES_IN: Duration = Duration::from_mins(1);

/// More than fit into the 10 240 bytes of a head that is taken at all; beyond, hyper answers 431 by itself.
const MAX_HEADERS: usize = 4096;

/// Serves `router` until `shutdown`; then idle connections are closed at once, and requests under way have `grace` to
/// end.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
    grace: Duration,
) -> anyhow::Result<()> {
    let port = listener.local_addr()?.port();
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(
                        stream,
                        peer.ip(),
                        port,
                        router.clone(),
                        stopped.clone(),
                    ));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: trying at once would spin.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    drop(stop);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

async fn connection(
    stream: TcpStream,
    source: IpAddr,
    port: u16,
    router: Router,
    mut stopped: watch::Receiver<()>,
) {
    // Answers are written whole: waiting for more would only delay them. A failure costs just that.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let arrival = Arrival::new(source, port);
        let id = arrival.id_header();
        request.extensions_mut().insert(arrival);
        let answer = router.call(request);
        async move {
            let mut answer: Response = answer.await?;
            answer.headers_mut().insert("apigw-requestid", id);
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_ARRIVES_IN)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // How a client's connection ended is the client's affair.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}
