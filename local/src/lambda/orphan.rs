//! How a function's process learns that whoever started it is gone.

use std::io::{ErrorKind, Read};

/// Ends this process, with status 0, as soon as its standard input closes. Returns at once; call it first in the process of
/// a function.
///
/// [`Lambdas`](super::Lambdas) holds the other end of that pipe and never writes to it, so it closes when, and however, the
/// parent ends, SIGKILL included. `lambda_runtime` 1.5 alone is not enough: an idle one notices, because its long poll of
/// `/next` breaks and `run` returns the error, but one inside a handler goes on until it posts its answer.
///
/// # Panics
/// If the system can start no thread.
pub fn exit_when_parent_dies() {
    std::thread::spawn(|| {
        let mut stdin = std::io::stdin().lock();
        let mut ignored = [0; 64];
        loop {
            match stdin.read(&mut ignored) {
                Ok(0) => std::process::exit(0),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => std::process::exit(0),
            }
        }
    });
}
