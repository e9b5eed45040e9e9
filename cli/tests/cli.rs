//! Runs the program against altegio-mock, or against a server with fixed responses that
//! the mock does not send.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use altegio_mock::{Builder, MockServer};
use altegio_openapi::api::Api;
use altegio_openapi::documents::B2B_V1;
use serde_json::Value;

struct Shell {
    server: MockServer,
    // Runs the mock server.
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
    assert!(table.contains("salon_id"), "{table}");
    // The header and three rows, with a line above, between, and below each.
    assert_eq!(table.lines().count(), 4 + 5, "{table}");
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

    // Each error names the location, and nothing is sent.
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
fn a_flag_takes_only_its_kind() {
    let shell = Shell::new(MockServer::builder());
    let schedule = "schedule-resources list-team-member --location-id 1";
    for (arguments, flag) in [
        ("locations list --count 1.5", "--count"),
        ("locations list --count 9223372036854775808", "--count"),
        ("locations list --my yes", "--my"),
        ("locations list --include staff,nobody", "--include"),
        (
            "appointments list --location-id 1 --with-deleted 1",
            "--with-deleted",
        ),
        (
            &format!("{schedule} --start-date 2026-02-30"),
            "--start-date",
        ),
        (&format!("{schedule} --staff-ids 1,x"), "--staff-ids"),
        (
            "appointments create --location-id 1 --datetime soon",
            "--datetime",
        ),
    ] {
        let output = shell.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        let said = stderr(&output);
        assert!(
            said.contains("invalid value") && said.contains(flag),
            "{said}"
        );
    }
    let upload = "utilities upload-image --entity master --image /no/such/file";
    let output = shell.run(upload);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`image`: /no/such/file"));
    assert!(shell.server.take_requests().is_empty());

    // A list is repeated, or joined with commas.
    let list = "locations list --my -1 --include staff --include positions,accounts";
    json(&shell.run(list));
    let query = shell.server.take_requests().remove(0).query;
    for value in ["my=-1", "staff", "positions", "accounts"] {
        assert!(query.contains(value), "{query}");
    }
}

/// Starts a server that sends each of these responses once, and returns its address.
fn server_of(responses: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (status, body) in responses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            let head = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    url
}

/// Runs a command against a server that sends these responses.
fn run_against(responses: &[(&'static str, &str)], arguments: &[&str]) -> Output {
    let shell = Shell::new(MockServer::builder());
    let responses = responses
        .iter()
        .map(|(status, body)| (*status, (*body).to_owned()));
    let url = server_of(responses.collect());
    let mut command = shell.command();
    command.env("ALTEGIO_SERVER", url).args(arguments);
    command.output().unwrap()
}

#[test]
fn what_differs_from_the_document_is_warned_of_once() {
    let item = r#"{"id": 7, "salon_id": {}, "new\u001b[31m": [1]}"#;
    let body = format!(r#"{{"success": true, "data": [{item}, {item}, {item}]}}"#);
    let output = run_against(&[("200 OK", &body)], &LIST);
    assert_eq!(json(&output)["data"][2]["id"], 7);
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 2, "{said}");
    let unknown = r#"$.data[0]["new\u{1b}[31m"]: not in"#;
    assert!(said.contains(unknown), "{said}");
    assert!(said.contains("$.data[0].salon_id: expected"), "{said}");
    assert_eq!(said.matches("2 more like it").count(), 2, "{said}");
}

#[test]
fn the_servers_json_is_printed_whole() {
    // The typed response would change all of this: an empty object instead of a
    // list, a number as a string, nulls, unknown fields, digits, order.
    let whole = r#"{"meta":{},"success":true,"data":[{"title":null,"sort_order":"12.50",
        "new":{"z":1,"a":123456789012345678901234567890},"id":1.0}]}"#;
    // `data` with another structure, and a response without an envelope.
    let other = r#"{"success":true,"data":{"7":{"id":7}},"meta":[]}"#;
    let bare = r#"[{"id":7}]"#;
    for body in [whole, other, bare] {
        let output = run_against(&[("200 OK", body)], &LIST);
        let printed = String::from_utf8(output.stdout.clone()).unwrap();
        let tokens = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(tokens(&printed), tokens(body), "{}", stderr(&output));
        assert!(!output.stderr.is_empty(), "{body} is not as documented");
        // A response that cannot be decoded is printed and is an error.
        assert_eq!(output.status.success(), body != bare, "{}", stderr(&output));

        let with = |format| [&LIST[..], &["--output", format]].concat();
        let output = run_against(&[("200 OK", body)], &with("yaml"));
        let yaml: Value = serde_yaml_ng::from_slice(&output.stdout).unwrap();
        let value: Value = serde_json::from_str(body).unwrap();
        assert_eq!(yaml, value);
    }
}

#[test]
fn every_page_is_printed_whole() {
    let list = ["appointments", "list", "--location-id", "1", "--all"];
    let first = r#"{"success":true,"data":[{"id":1,"new":"12.50","comment":null}],"meta":{"total_count":2}}"#;
    let second =
        r#"{"success":true,"data":[{"id":2,"staff":[],"visit_id":1.50}],"meta":{"total_count":2}}"#;
    let empty = r#"{"success":true,"data":[],"meta":{"total_count":2}}"#;
    let pages = [first, second, empty].map(|body| ("200 OK", body));
    let counted = [&list[..], &["--count", "1"]].concat();
    let output = run_against(&pages, &counted);
    assert!(output.status.success(), "{}", stderr(&output));
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    let tokens = printed.split_whitespace().collect::<String>();
    assert_eq!(
        tokens,
        r#"[{"id":1,"new":"12.50","comment":null},{"id":2,"staff":[],"visit_id":1.50}]"#
    );
}

#[test]
fn a_page_that_fails_does_not_lose_the_pages_before_it() {
    let list = ["appointments", "list", "--location-id", "1", "--all"];
    let list = [&list[..], &["--count", "1"]].concat();
    let first = r#"{"success":true,"data":[{"id":1,"new":"a"}],"meta":{"total_count":3}}"#;
    let second = r#"{"success":true,"data":[{"id":2,"new":"b"}],"meta":{"total_count":3}}"#;
    let refused = r#"{"success":false,"meta":{"message":"gone"}}"#;
    let documents = |output: &Output| -> Vec<Value> {
        let documents = serde_json::Deserializer::from_slice(&output.stdout);
        documents.into_iter().map(Result::unwrap).collect()
    };
    let items = serde_json::json!([{"id": 1, "new": "a"}, {"id": 2, "new": "b"}]);

    let pages = [("200 OK", first), ("200 OK", second)];
    let output = run_against(&[&pages[..], &[("404 Not Found", refused)]].concat(), &list);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert_eq!(documents(&output), std::slice::from_ref(&items));
    // There is one warning for all pages, with the number of the others.
    let said = stderr(&output);
    assert_eq!(said.matches("warning:").count(), 1, "{said}");
    assert!(said.contains("1 more like it"), "{said}");

    // A page that cannot be decoded follows the list.
    let undecodable = r#"[{"id":3}]"#;
    let pages = [&pages[..], &[("200 OK", undecodable)]].concat();
    let output = run_against(&pages, &list);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let page: Value = serde_json::from_str(undecodable).unwrap();
    assert_eq!(documents(&output), [items, page]);

    // Nothing is printed if no page was received.
    let output = run_against(&[("404 Not Found", refused)], &list);
    assert_eq!(output.status.code(), Some(4));
    assert!(output.stdout.is_empty());
}

/// A body that cannot be printed must not hide the call's error. Writing to `/dev/full`
/// fails.
#[cfg(target_os = "linux")]
#[test]
fn a_calls_error_goes_before_an_error_of_the_output() {
    let full = || std::fs::File::options().write(true).open("/dev/full");
    let shell = Shell::new(MockServer::builder());
    let mut command = shell.command();
    command.args(["api", "GET", "/no/such/path"]);
    let output = command.stdout(full().unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));

    let url = server_of(vec![("200 OK", r#"[{"id":7}]"#.to_owned())]);
    let mut command = shell.command();
    command.env("ALTEGIO_SERVER", url).args(LIST);
    let output = command.stdout(full().unwrap()).output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("get_custom_field_list"), "{said}");
}

#[test]
fn a_terminal_is_not_told_what_to_do() {
    // ESC starts a sequence that sets a terminal's title; U+009B is CSI.
    let body = "{\"success\": true, \"data\": [{\"id\": 7, \"title\": \"a\\u001b]0;b\\u0007\u{9b}31m\\n\"}]}";
    for format in ["json", "yaml", "table"] {
        let list = ["locations", "list", "--output", format];
        let output = run_against(&[("200 OK", body)], &list);
        assert!(output.status.success(), "{}", stderr(&output));
        let printed = String::from_utf8(output.stdout).unwrap();
        let is_safe = printed.chars().all(|c| c == '\n' || !c.is_control());
        assert!(is_safe && printed.contains("]0;b"), "{printed:?}");
    }
    let refused = r#"{"success": false, "meta": {"message": "no\u001b[2J\nerror: done"}}"#;
    let output = run_against(&[("404 Not Found", refused)], &LIST);
    assert_eq!(output.status.code(), Some(4));
    let said = stderr(&output);
    let is_safe = said.trim_end().chars().all(|c| !c.is_control());
    assert!(is_safe && said.contains("[2J"), "{said:?}");
}

#[test]
fn no_help_and_no_error_shows_a_servers_password() {
    let shell = Shell::new(MockServer::builder());
    let server = "http://me:secret-of-server@127.0.0.1:1";
    for arguments in ["--help", "clients list --help", "clients create --help"] {
        let mut command = shell.command();
        command.env("ALTEGIO_SERVER", server);
        let output = command.args(arguments.split(' ')).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && help.contains("ALTEGIO_SERVER"));
        assert!(!help.contains("secret-"), "{help}");
    }
    for server in [
        server,
        "me:secret-of-server@[",
        "http://me:secret-of-server@:x",
    ] {
        let mut command = shell.command();
        let output = command.env("ALTEGIO_SERVER", server).args(LIST).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2), "{server}");
        let said = stderr(&output);
        assert!(
            said.contains("server") && !said.contains("secret-"),
            "{said}"
        );
    }
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
    // The script is larger than the pipe's buffer.
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

    // The stored tokens are used.
    let mut call = shell.without_tokens();
    let output = call.args(LIST).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let requests = shell.server.take_requests();
    let authorization = &requests.last().unwrap().headers["authorization"];
    assert!(authorization.starts_with("Bearer secret-partner, User "));

    // They are not sent to another server, and a login there keeps those of both.
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
fn no_password_is_taken_from_the_command_line() {
    let shell = Shell::new(MockServer::builder());
    let user = ["authentication-b2b", "authorize-user", "--login", "me"];
    let mut command = shell.command();
    let output = command
        .args(user)
        .arg("--password=hidden")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    // Without a terminal, the program cannot prompt.
    let mut command = shell.command();
    let output = command.args(user).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--password-stdin"));
    assert!(shell.server.take_requests().is_empty());

    let sent = |output: Output| {
        assert!(output.status.success(), "{}", stderr(&output));
        let request = shell.server.take_requests().remove(0);
        serde_json::from_slice::<Value>(&request.body).unwrap()
    };
    let meant = serde_json::json!({"login": "me", "password": "hidden"});
    let line = format!("{} --password-stdin", user.join(" "));
    assert_eq!(
        sent(run_with_input(shell.command(), &line, "hidden\n")),
        meant
    );
    // Standard input that has ended is not an empty password.
    let login = "login --login me --password-stdin";
    for arguments in [line.as_str(), login] {
        let output = run_with_input(shell.command(), arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(stderr(&output).contains("standard input is empty"));
    }
    assert!(shell.server.take_requests().is_empty());
    let line = "authentication-b2b authorize-user --json-body -";
    let output = run_with_input(shell.command(), line, &meant.to_string());
    assert_eq!(sent(output), meant);
    let line = format!("{line} --password-stdin");
    let output = run_with_input(shell.command(), &line, &meant.to_string());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("standard input is the body"));
}

#[test]
fn a_login_is_not_lost_to_a_profile_that_cannot_be_read_or_written() {
    let shell = Shell::new(MockServer::builder());
    let login = |profile: &Path| {
        let mut command = shell.without_tokens();
        command
            .env("ALTEGIO_PARTNER_TOKEN", "secret-partner")
            .env("ALTEGIO_USER_TOKEN", "secret-user")
            .env("ALTEGIO_PROFILE", profile);
        let output = run_with_input(command, "login --login me --password-stdin", "hidden\n");
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(&profile.display().to_string()));
    };
    std::fs::write(shell.profile(), "no = \"profile\"").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let own = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(shell.profile(), own).unwrap();
    }
    login(&shell.profile());
    // The profile's directory is a file.
    let directory = shell.home.path().join("file");
    std::fs::write(&directory, "").unwrap();
    let output = {
        let mut command = shell.without_tokens();
        command
            .env("ALTEGIO_PARTNER_TOKEN", "secret-partner")
            .env("ALTEGIO_PROFILE", directory.join("profile.toml"));
        run_with_input(command, "login --login me --password-stdin", "hidden\n")
    };
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(shell.server.take_requests().is_empty());
}

#[cfg(unix)]
#[test]
fn a_profile_that_others_could_have_written_is_refused() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

    let shell = Shell::new(MockServer::builder());
    let home = shell.home.path();
    let server = format!("{}/", shell.server.url());
    let text = format!("[\"{server}\"]\npartner_token = \"p\"\nuser_token = \"u\"\n");
    let write = |path: &Path| {
        fs::write(path, &text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    };
    let call = |profile: &Path| {
        let mut command = shell.without_tokens();
        let command = command.env("ALTEGIO_PROFILE", profile).args(LIST);
        command.output().unwrap()
    };
    let refused = |profile: &Path, why: &str| {
        let output = call(profile);
        assert_eq!(output.status.code(), Some(2), "{why}: {}", stderr(&output));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    };
    write(&shell.profile());
    assert!(call(&shell.profile()).status.success());
    assert_eq!(shell.server.take_requests().len(), 1);

    // Not a regular file. The program must not wait for a pipe.
    let link = home.join("link.toml");
    symlink(shell.profile(), &link).unwrap();
    refused(&link, "regular file");
    refused(home, "regular file");
    let pipe = home.join("pipe.toml");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    refused(&pipe, "regular file");

    // In a directory that others can write to.
    let open = home.join("open");
    fs::create_dir(&open).unwrap();
    let profile = open.join("profile.toml");
    write(&profile);
    for mode in [0o777, 0o770, 0o1777] {
        fs::set_permissions(&open, Permissions::from_mode(mode)).unwrap();
        refused(&profile, "others can write in it");
    }
    fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
    assert!(call(&profile).status.success());
    assert_eq!(shell.server.take_requests().len(), 1);

    // Owned by another user.
    let is_root = fs::metadata(home).unwrap().uid() == 0;
    if is_root {
        chown(&profile, Some(1), None).unwrap();
        refused(&profile, "belongs to another user");
    } else {
        refused(Path::new("/etc/passwd"), "belongs to another user");
    }
    assert!(shell.server.take_requests().is_empty());
}

#[test]
fn any_request_has_the_tokens_and_goes_nowhere_else() {
    let shell = Shell::new(MockServer::builder());
    let response = json(&shell.run("api GET /custom_fields/record/123"));
    assert_eq!(response["success"], true);
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
    let document = serde_json::from_str(B2B_V1.interface).unwrap();
    let operations = Api::read(document).unwrap().operations.len();
    assert_eq!(spec["operations"], operations);
    assert!(spec["date"].is_string());
}
