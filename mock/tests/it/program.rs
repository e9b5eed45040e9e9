//! The program.

use std::process::Stdio;

use reqwest::Client;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::asking::{ACCEPT, TOKENS, read};

#[tokio::test]
async fn the_program_says_where_it_listens_and_what_is_wrong() {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_altegio-mock"))
        .args(["--port", "0", "--state"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let url = lines.next_line().await.unwrap().unwrap();
    let http = Client::builder().no_proxy().build().unwrap();
    let request = http.get(format!("{url}/custom_fields/record/one"));
    let request = request.header("authorization", TOKENS);
    let (status, _) = read(request.header("accept", ACCEPT).send().await.unwrap()).await;
    assert_eq!(status, 422);
    let mut lines = BufReader::new(program.stderr.take().unwrap()).lines();
    let said = lines.next_line().await.unwrap().unwrap();
    assert_eq!(
        said,
        "GET /custom_fields/record/one 422 get_custom_field_list"
    );
    let problem = lines.next_line().await.unwrap().unwrap();
    assert!(problem.contains("/path/location_id"), "{problem}");

    // The port is taken now.
    let port = url.rsplit(':').next().unwrap();
    let mut second = tokio::process::Command::new(env!("CARGO_BIN_EXE_altegio-mock"));
    let second = second.args(["--port", port]).output().await.unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("--port"));
}
