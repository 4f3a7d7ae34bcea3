use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::cli::tests::Screen;

const ETAG_OF_FILE: &str = "\"abc\"";

/// A service with one export of this file, whose downloads break off as they are told to.
#[derive(Clone)]
struct Service {
    file: Bytes,
    /// How many bytes each call of the file's address brings before it breaks off; the further ones bring all.
    breaks: Arc<Vec<usize>>,
    calls: Arc<AtomicU32>,
    ranges: Arc<Mutex<Vec<String>>>,
    /// What the link says of the file.
    sha256: String,
}

impl Service {
    fn new(file: &str, breaks: &[usize]) -> Self {
        Self {
            file: Bytes::copy_from_slice(file.as_bytes()),
            breaks: Arc::new(breaks.to_vec()),
            calls: Arc::default(),
            ranges: Arc::default(),
            sha256: hex::encode(Sha256::digest(file)),
        }
    }

    async fn start(&self) -> Api {
        let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (api, files) = (listen().await, listen().await);
        let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let url = address(&api);
        let crc = crc_fast::checksum(CrcAlgorithm::Crc64Nvme, &self.file);
        let link = json!({
            "url": format!("{}/file", address(&files)),
            "size_bytes": self.file.len(),
            "sha256": self.sha256,
            "crc64nvme": STANDARD.encode(crc.to_be_bytes()),
        });
        let answer = get(move || async move { axum::Json(link) });
        let routes = Router::new().route("/exports/7/download", answer);
        tokio::spawn(async move { axum::serve(api, routes).await });
        let service = self.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = files.accept().await {
                service.bring(connection).await;
            }
        });
        Api::local(&url, "secret-token").unwrap()
    }

    /// Answers one call of the file's address, byte by byte as told: no HTTP server breaks off on purpose.
    async fn bring(&self, mut connection: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(
            !head.contains("authorization"),
            "the file's address is told the token"
        );
        let header = |name: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
        };
        let range = header("range").unwrap_or_default();
        let mut from = 0;
        if let Some(range) = range.strip_prefix("bytes=") {
            assert_eq!(header("if-range").as_deref(), Some(ETAG_OF_FILE));
            from = range.trim_end_matches('-').parse().unwrap();
        }
        self.ranges.lock().unwrap().push(range);
        let call = self.calls.fetch_add(1, Ordering::SeqCst) as usize;
        let rest = self.file.slice(from..);
        let brought = self.breaks.get(call).map_or(rest.len(), |bytes| *bytes);
        let status = if from == 0 {
            "200 OK"
        } else {
            "206 Partial Content"
        };
        let length = rest.len();
        let head = format!(
            "HTTP/1.1 {status}\r\netag: {ETAG_OF_FILE}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&rest[..brought]).await.unwrap();
        connection.shutdown().await.unwrap();
    }
}

fn export(file_name: &str) -> Value {
    json!({ "id": "7", "file_name": file_name })
}

/// The names in a folder.
fn names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[tokio::test]
async fn a_file_comes_whole_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let api = Service::new("a,b\r\n1,2\r\n", &[]).start().await;
    let target = Target::parse(Some(folder.path()), false).unwrap();
    let path = fetch(&api, &export("crm.csv"), &target)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(path, folder.path().join("crm.csv"));
    assert_eq!(std::fs::read(&path).unwrap(), b"a,b\r\n1,2\r\n");
    // Nothing is left beside it, and it is not replaced unasked.
    assert_eq!(names(&folder), ["crm.csv"]);
    let error = fetch(&api, &export("crm.csv"), &target).await.unwrap_err();
    assert!(error.to_string().contains("is there already"), "{error}");
    let forced = Target::parse(Some(folder.path()), true).unwrap();
    fetch(&api, &export("crm.csv"), &forced).await.unwrap();
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let api = Service::new("", &[]).start().await;
    let target = Target::parse(Some(&folder.path().join("x.csv")), false).unwrap();
    let path = fetch(&api, &export(""), &target).await.unwrap().unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"");
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new("0123456789", &[3, 4]);
    let api = service.start().await;
    let target = Target::parse(Some(&folder.path().join("x.csv")), false).unwrap();
    let path = fetch(&api, &export("crm.csv"), &target)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"0123456789");
    assert_eq!(
        *service.ranges.lock().unwrap(),
        ["", "bytes=3-", "bytes=7-"]
    );
}

#[tokio::test]
async fn a_download_that_brings_nothing_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new("0123456789", &[4, 0, 0, 0, 0, 0, 0, 0]);
    let api = service.start().await;
    let target = Target::parse(Some(&folder.path().join("x.csv")), false).unwrap();
    let error = fetch(&api, &export("crm.csv"), &target).await.unwrap_err();
    assert_eq!(error.to_string(), "the download broke off");
    assert_eq!(service.calls.load(Ordering::SeqCst), 1 + TRIES);
    assert_eq!(names(&folder), [""; 0]);
}

#[tokio::test]
async fn a_damaged_file_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new("0123456789", &[]);
    service.sha256 = hex::encode(Sha256::digest("0123456780"));
    let api = service.start().await;
    let target = Target::parse(Some(&folder.path().join("x.csv")), false).unwrap();
    let error = fetch(&api, &export("crm.csv"), &target).await.unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn each_check_finds_what_it_is_for() {
    let came = |expected: &Expected| {
        let mut to = Vec::new();
        let mut came = Came::new(&mut to, ProgressDrawTarget::hidden());
        came.take(b"123456789").unwrap();
        came.check(expected)
    };
    // The check value of CRC-64/NVME for these nine digits (reveng.sourceforge.io).
    let crc = STANDARD.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes());
    let right = || Expected {
        size_bytes: 9,
        sha256: Some("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225".into()),
        crc64nvme: Some(crc.clone()),
    };
    assert!(came(&right()).is_ok());
    assert!(
        came(&Expected {
            sha256: None,
            ..right()
        })
        .is_ok()
    );
    let wrong = Expected {
        size_bytes: 10,
        ..right()
    };
    assert!(
        came(&wrong)
            .unwrap_err()
            .to_string()
            .contains("9 bytes instead of 10")
    );
    let wrong = Expected {
        crc64nvme: Some("AAAAAAAAAAA=".into()),
        ..right()
    };
    assert!(came(&wrong).unwrap_err().to_string().contains("CRC-64"));
}

#[test]
fn who_waits_before_a_terminal_sees_what_has_come() {
    let screen = Screen::default();
    let mut to = Vec::new();
    let mut came = Came::new(&mut to, screen.target());
    came.bar.set_length(18);
    came.take(b"123456789").unwrap();
    let half = format!("{}{} 9 B of 18 B", "█".repeat(20), "░".repeat(20));
    assert!(screen.now().starts_with(&half), "{}", screen.now());
    came.bar.finish_and_clear();
    assert_eq!(screen.now(), "");
}

#[test]
fn places_that_cannot_be_are_found_out_early() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.csv");
    assert_eq!(
        Target::parse(Some(&file), false).unwrap(),
        Target::File(file.clone(), false)
    );
    std::fs::write(&file, "mine").unwrap();
    assert!(
        Target::parse(Some(&file), false)
            .unwrap_err()
            .to_string()
            .contains("--force")
    );
    assert!(Target::parse(Some(&file), true).is_ok());
    let nowhere = folder.path().join("no/x.csv");
    assert!(
        Target::parse(Some(&nowhere), false)
            .unwrap_err()
            .to_string()
            .contains("no folder")
    );
    assert_eq!(
        Target::parse(Some(Path::new("-")), false).unwrap(),
        Target::Out
    );
}

#[test]
fn a_name_from_the_service_stays_in_its_folder() {
    let target = Target::Folder(PathBuf::from("."), false);
    assert_eq!(
        target.path("no-such-crm.csv").unwrap(),
        PathBuf::from("no-such-crm.csv")
    );
    for bad in [
        "", ".", "..", "../x.csv", "/etc/x", "a\\b", "c:x", ".bashrc", "a\nb",
    ] {
        assert!(target.path(bad).is_err(), "{bad}");
    }
}
