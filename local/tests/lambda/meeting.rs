//! A place where processes of functions show up, so that a test knows, without sleeping, that they run and that they ended.

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Waits, but not for ever: a lost wake-up shall fail the test, not hang it. Less than 60 s, at which libtest writes a line and
/// so ends a process whose pipes are closed, orphans among them.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(40), future)
        .await
        .expect("it should have happened long ago")
}

pub(crate) struct Meeting(TcpListener);

/// A process that has come.
pub(crate) struct Visitor {
    pub(crate) pid: u32,
    connection: TcpStream,
}

impl Meeting {
    pub(crate) async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    pub(crate) async fn arrival(&self) -> Visitor {
        soon(async {
            let (mut connection, _) = self.0.accept().await.unwrap();
            let pid = connection.read_u32().await.unwrap();
            Visitor { pid, connection }
        })
        .await
    }
}

impl Visitor {
    /// Lets the visitor's handler go on.
    pub(crate) async fn release(&mut self) {
        self.connection.write_all(b"!").await.unwrap();
    }

    /// Waits until the process has ended: it holds the connection as long as it lives.
    pub(crate) async fn gone(&mut self) {
        // An end by a kill may be seen as a reset.
        let _ = soon(self.connection.read(&mut [0])).await;
    }
}
