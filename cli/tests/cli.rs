//! The program as it is run, against altegio-mock.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use altegio_mock::{Builder, MockServer};
use serde_json::Value;

struct Shell {
    server: MockServer,
    // The mock's threads.
    _runtime: tokio::runtime::Runtime,
    home: tempfile::TempDir,
}

impl Shell {
    fn new(builder: Builder) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self {
            server: runtime.block_on(builder.start()).unwrap(),
            _runtime: runtime,
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn profile(&self) -> PathBuf {
        self.home.path().join("profile.toml")
    }

    fn without_tokens(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_altegio"));
        command
            .env_remove("ALTEGIO_PARTNER_TOKEN")
            .env_remove("ALTEGIO_USER_TOKEN")
            .env("ALTEGIO_PROFILE", self.profile())
            .env("ALTEGIO_SERVER", self.server.url());
        command
    }

    fn command(&self) -> Command {
        let mut command = self.without_tokens();
        command
            .env("ALTEGIO_PARTNER_TOKEN", "secret-partner")
            .env("ALTEGIO_USER_TOKEN", "secret-user");
        command
    }

    fn run(&self, arguments: &str) -> Output {
        let output = self.command().args(arguments.split(' ')).output().unwrap();
        let said = [output.stdout.clone(), output.stderr.clone()].concat();
        assert!(!String::from_utf8_lossy(&said).contains("secret-"));
        output
    }
}

fn run_with_input(mut command: Command, arguments: &str, input: &str) -> Output {
    let mut child = command
        .args(arguments.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const FIELD: &str = "custom-fields create --field-category record --location-id 123";

const LIST: [&str; 6] = [
    "custom-fields",
    "list",
    "--field-category",
    "record",
    "--location-id",
    "1",
];

#[test]
fn a_field_is_created_from_flags_from_a_file_and_from_standard_input() {
    let shell = Shell::new(MockServer::builder().state(true));
    let flags = "--type text --code a --title One --show-in-ui true --user-can-edit true";
    let created = json(&shell.run(&format!("{FIELD} {flags}")));
    assert_eq!(created["data"]["custom_field"]["title"], "One");

    let template = shell.run("custom-fields create --json-body-template");
    let mut body = json(&template);
    assert_eq!(body["show_in_ui"], false);
    body["title"] = "Two".into();
    body["type"] = "text".into();
    let file = shell.home.path().join("body.json");
    std::fs::write(&file, body.to_string()).unwrap();
    let created = json(&shell.run(&format!("{FIELD} --json-body {}", file.display())));
    assert_eq!(created["data"]["custom_field"]["title"], "Two");

    body["title"] = "Three".into();
    let output = run_with_input(
        shell.command(),
        &format!("{FIELD} --json-body -"),
        &body.to_string(),
    );
    assert_eq!(json(&output)["data"]["custom_field"]["title"], "Three");

    let list = "custom-fields list --field-category record --location-id 123";
    assert_eq!(json(&shell.run(list))["data"].as_array().unwrap().len(), 3);
    let yaml = shell.run(&format!("{list} --output yaml"));
    assert!(String::from_utf8_lossy(&yaml.stdout).contains("title: Two"));
    let table = shell.run(&format!("{list} --output table"));
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        table.contains("salon_id") && table.contains("123"),
        "{table}"
    );
}

#[test]
fn flags_go_over_the_file_and_what_would_be_lost_is_refused() {
    let shell = Shell::new(MockServer::builder());
    let file = shell.home.path().join("body.json");
    let client = |body: &str, flags: &[&str]| {
        std::fs::write(&file, body).unwrap();
        let mut command = shell.command();
        command.args(["clients", "create", "--location-id", "1", "--json-body"]);
        command.arg(&file).args(flags).output().unwrap()
    };
    let body = r#"{"name": "Ann", "phone": "+15550100", "comment": "kept"}"#;
    let flags = ["--name=Bea", "--discount", "-5", "--categories", "[1, 2]"];
    json(&client(body, &flags));
    let sent = shell.server.take_requests().remove(0);
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    let meant = serde_json::json!({
        "name": "Bea", "phone": "+15550100", "comment": "kept", "discount": -5,
        "categories": [1, 2],
    });
    assert_eq!(sent, meant);

    // Each names the place, and none is sent.
    let misspelt = r#"{"name": "Ann", "phone": "1", "comemnt": "lost"}"#;
    for (body, flags, place) in [
        (misspelt, vec![], "`comemnt`"),
        (r#"{"name": 5, "phone": "1"}"#, vec![], "`name`"),
        (
            r#"{"name": "Ann", "phone": "1", "email": null}"#,
            vec![],
            "`email`",
        ),
        (r#"{"name": "Ann"}"#, vec![], "phone"),
        (r#"["Ann"]"#, vec!["--phone=1"], "an object"),
        (r#"{"name": "Ann""#, vec![], "line 1"),
        (body, vec!["--categories=[1, 2"], "--categories"),
        (body, vec!["--categories=3"], "`categories`"),
        (body, vec!["--discount=NaN"], "--discount"),
    ] {
        let output = client(body, &flags);
        assert_eq!(output.status.code(), Some(2), "{body} {flags:?}");
        assert!(stderr(&output).contains(place), "{}", stderr(&output));
    }
    assert!(shell.server.take_requests().is_empty());
}

#[test]
fn what_is_left_out_of_an_answer_is_said_once() {
    let shell = Shell::new(MockServer::builder());
    // The mock says nothing that the document does not have.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        let item = r#"{"id": 7, "salon_id": {}, "new": [1]}"#;
        let body = format!(r#"{{"success": true, "data": [{item}, {item}, {item}]}}"#);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).unwrap();
    });
    let mut command = shell.command();
    let output = command
        .env("ALTEGIO_SERVER", url)
        .args(LIST)
        .output()
        .unwrap();
    server.join().unwrap();
    assert_eq!(json(&output)["data"][2]["id"], 7);
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("$.data[0].new: not in"), "{said}");
    assert!(said.contains("$.data[0].salon_id: expected"), "{said}");
    assert_eq!(said.matches("2 more like it").count(), 2, "{said}");
}

#[test]
fn who_reads_may_leave_early() {
    let shell = Shell::new(MockServer::builder());
    let mut command = shell.command();
    command.args(["completion", "bash"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds is to be written.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
}

#[test]
fn colours_are_for_who_wants_them() {
    let shell = Shell::new(MockServer::builder());
    let help = |no_color: &str| {
        let mut command = shell.command();
        command
            .args(["clients", "create"])
            .env("CLICOLOR_FORCE", "1");
        command.env("NO_COLOR", no_color).output().unwrap()
    };
    assert!(stderr(&help("")).contains('\x1b'));
    assert!(!stderr(&help("1")).contains('\x1b'));
}

#[test]
fn all_pages_come_as_one_list() {
    let shell = Shell::new(MockServer::builder());
    let page = json(&shell.run("appointments list --location-id 1"));
    assert_eq!(shell.server.take_requests().len(), 1);
    let first = page["data"].as_array().unwrap().len();
    let all = json(&shell.run("appointments list --location-id 1 --all"));
    assert!(all.as_array().unwrap().len() > first);
    assert!(shell.server.take_requests().len() > 1);
    let refused = shell.run("locations get --location-id 1 --all");
    assert_eq!(refused.status.code(), Some(2));
    assert!(shell.server.take_requests().is_empty());
}

#[test]
fn exit_codes_tell_what_went_wrong() {
    let shell = Shell::new(MockServer::builder().state(true));
    let code = |output: &Output| output.status.code().unwrap();
    let usage = shell.run("custom-fields list --field-category record");
    assert_eq!(code(&usage), 2);
    assert!(usage.stdout.is_empty() && stderr(&usage).contains("--location-id"));
    assert_eq!(code(&shell.run("custom-fields list --location-id x")), 2);
    assert_eq!(code(&shell.run("no-such-tag list")), 2);
    let missing = shell.run(&format!("{FIELD} --json-body /no/such/file"));
    assert_eq!(code(&missing), 2);
    assert!(stderr(&missing).contains("/no/such/file"));
    let mut bare = shell.without_tokens();
    let output = bare.args(LIST).output().unwrap();
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("altegio login"));
    assert!(shell.server.take_requests().is_empty());

    let gone = "custom-fields delete --field-category record --location-id 1 --field-id 9";
    assert_eq!(code(&shell.run(gone)), 4);
    let limited = Shell::new(MockServer::builder().faults("429=1".parse().unwrap()));
    assert_eq!(code(&limited.run("locations get --location-id 1")), 5);
    let broken = Shell::new(MockServer::builder().faults("500=1".parse().unwrap()));
    assert_eq!(code(&broken.run("locations get --location-id 1")), 6);
}

#[test]
fn login_keeps_the_tokens_where_nobody_else_reads_them() {
    let shell = Shell::new(MockServer::builder());
    let mut command = shell.without_tokens();
    command.env("ALTEGIO_PARTNER_TOKEN", "secret-partner");
    let output = run_with_input(
        command,
        "login --login me@example.com --password-stdin",
        "hidden\n",
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        stderr(&output)
    );
    assert!(!said.contains("hidden") && !said.contains("secret-partner"));
    let profile = std::fs::read_to_string(shell.profile()).unwrap();
    let user_token = profile
        .lines()
        .find(|line| line.starts_with("user_token"))
        .unwrap();
    assert!(user_token.len() > "user_token = \"\"".len() && !said.contains(user_token));

    // What was kept is used.
    let mut call = shell.without_tokens();
    let output = call.args(LIST).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let requests = shell.server.take_requests();
    let authorization = &requests.last().unwrap().headers["authorization"];
    assert!(authorization.starts_with("Bearer secret-partner, User "));

    // Another server does not get it; a login there keeps both.
    let other = Shell::new(MockServer::builder());
    let mut elsewhere = shell.without_tokens();
    elsewhere.env("ALTEGIO_SERVER", other.server.url());
    let output = elsewhere.args(LIST).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(other.server.requests().is_empty());
    let mut command = shell.without_tokens();
    command
        .env("ALTEGIO_SERVER", other.server.url())
        .env("ALTEGIO_PARTNER_TOKEN", "secret-other");
    let output = run_with_input(
        command,
        "login --login me@example.com --password-stdin",
        "hidden\n",
    );
    assert!(output.status.success(), "{}", stderr(&output));
    let kept = std::fs::read_to_string(shell.profile()).unwrap();
    assert!(kept.contains(&profile) && kept.contains("secret-other"));
    let output = shell.without_tokens().args(LIST).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&shell.profile()), 0o600);
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(shell.profile(), open).unwrap();
        let mut call = shell.without_tokens();
        let output = call.args(LIST).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("chmod 600"));
    }
}

#[test]
fn a_request_of_ones_own_has_the_tokens_and_goes_nowhere_else() {
    let shell = Shell::new(MockServer::builder());
    let answer = json(&shell.run("api GET /custom_fields/record/123"));
    assert_eq!(answer["success"], true);
    let missing = shell.run("api get /no/such/path");
    assert_eq!(missing.status.code(), Some(4));
    for elsewhere in ["https://example.com/", "//example.com/", "company/1"] {
        let refused = shell.run(&format!("api GET {elsewhere}"));
        assert_eq!(refused.status.code(), Some(2), "{elsewhere}");
    }
    let before = shell.server.take_requests().len();
    assert_eq!(before, 2);
    let plain = shell.run("api GET /company/1 --server http://example.com");
    assert_eq!(plain.status.code(), Some(2));
}

#[test]
fn completion_and_spec_need_no_token() {
    let shell = Shell::new(MockServer::builder());
    for name in ["bash", "zsh", "fish"] {
        let output = shell
            .without_tokens()
            .args(["completion", name])
            .output()
            .unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("custom-fields"));
    }
    let spec = json(&shell.without_tokens().args(["spec"]).output().unwrap());
    assert_eq!(spec["operations"], 260);
    assert!(spec["date"].is_string());
}
