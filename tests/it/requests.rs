//! Tests the rules that every request follows, as seen by the server.

use crate::loopback::log::Log;
use crate::loopback::server::{Server as Loopback, answer, json};
use altegio::b2b_v1::{operations, types};
use altegio::ids::{
    CertificateTypeId, ChainId, ClientId, CountryId, CustomFieldId, ImageGroupId, LocationId,
    MembershipId, ProductId, ResourceId, ServiceId, TeamMemberId, VisitId,
};
use altegio::{Client, ClientBuilder, Error, ErrorKind, File, Security, Server};
use altegio_openapi::api::Api;

const OK: &str = r#"{"success":true,"data":[],"meta":[]}"#;
const PARTNER: &str = "partner-secret";
const USER: &str = "user-secret";

fn builder(server: &Loopback) -> ClientBuilder {
    Client::builder()
        .partner_token(PARTNER)
        .user_token(USER)
        .server(server.url.parse().unwrap())
}

async fn started(body: &str) -> (Loopback, Client) {
    let server = Loopback::start(vec![json("200 OK", body)]).await;
    let client = builder(&server).build().unwrap();
    (server, client)
}

async fn list(client: &Client, category: &str) -> Result<(), Error> {
    let call = client
        .b2b_v1()
        .get_custom_field_list(category, LocationId(1));
    call.send().await.map(drop)
}

// ---- custom requests ------------------------------------------------------------

#[tokio::test]
async fn a_request_of_ones_own_follows_the_same_rules() {
    let refused = r#"{"success":false,"data":null,"meta":{"message":"No such page"}}"#;
    let server = Loopback::start(vec![
        json("503 Service Unavailable", refused),
        json("200 OK", OK),
        json("200 OK", OK),
        json("404 Not Found", refused),
    ])
    .await;
    let under =
        |base: &str| builder(&server).server(format!("{}{base}", server.url).parse().unwrap());
    let client = under("/api/v1").build().unwrap();
    let get = client.request("GET".parse().unwrap(), "/new%20thing/1?fields[]=a%26b&x");
    let answer = get.send().await.unwrap();
    assert_eq!((answer.attempts(), &answer.body()[..]), (2, OK.as_bytes()));

    let partner = Client::builder().partner_token(PARTNER);
    let partner = partner.server(server.url.parse().unwrap()).build().unwrap();
    let body = serde_json::json!({"title": "One"});
    let post = partner.request("POST".parse().unwrap(), "/new").json(&body);
    assert!(!format!("{post:?}").contains("One"));
    post.send().await.unwrap();
    let gone = client.request("DELETE".parse().unwrap(), "/new/1");
    let error = gone.send().await.unwrap_err();
    assert!(error.is_not_found() && error.message() == Some("No such page"));
    assert_eq!(error.body().unwrap(), refused);

    for (method, path) in [
        ("GET", "company/1"),
        ("GET", "//example.com/"),
        ("GET", "https://example.com/"),
        ("GET", ""),
        ("TRACE", "/company/1"),
        ("GET", "/../../x"),
        ("GET", "/company/%2e%2E/x"),
        ("GET", "/company/.%2e"),
        ("GET", "/./x"),
        ("GET", "/a\\..\\..\\x"),
        ("GET", "/.\t./x"),
    ] {
        let request = client.request(method.parse().unwrap(), path);
        let error = request.send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{method} {path}");
    }
    let by_phone = client.request("GET".parse().unwrap(), "/../phone/13155550175");
    let error = by_phone.send().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("13155550175"));

    let requests = server.requests();
    let lines: Vec<&str> = requests
        .iter()
        .map(|request| request.line.as_str())
        .collect();
    let read = "GET /api/v1/new%20thing/1?fields[]=a%26b&x";
    assert_eq!(lines, [read, read, "POST /new", "DELETE /api/v1/new/1"]);
    let both = format!("Bearer {PARTNER}, User {USER}");
    assert_eq!(requests[0].header("authorization"), Some(&*both));
    let accept = Some("application/vnd.api.v2+json");
    assert_eq!(requests[0].header("accept"), accept);
    let alone = format!("Bearer {PARTNER}");
    assert_eq!(requests[2].header("authorization"), Some(&*alone));
    assert_eq!(requests[2].header("content-type"), Some("application/json"));
    assert_eq!(requests[2].body, br#"{"title":"One"}"#);
}

// ---- tokens ---------------------------------------------------------------------

/// Returns the document that the client is generated from.
fn document() -> Api {
    let document = altegio_openapi::documents::B2B_V1.client;
    Api::read(serde_json::from_str(document).unwrap()).unwrap()
}

#[test]
fn the_table_says_of_every_operation_what_the_document_says() {
    let mut documented: Vec<(String, String, bool)> = document()
        .operations
        .iter()
        .map(|o| (o.id.clone(), format!("{:?}", o.security), o.deprecated))
        .collect();
    let mut known: Vec<(String, String, bool)> = operations::ALL
        .iter()
        .map(|o| {
            let security = format!("{:?}", o.route.security);
            (o.route.id.to_owned(), security, o.deprecated)
        })
        .collect();
    documented.sort();
    known.sort();
    assert_eq!(known, documented);
    assert_eq!(operations::AUTHORIZE_USER.route.security, Security::None);
}

#[test]
fn every_operation_of_the_document_is_a_call_with_the_paths_arguments() {
    let client = Client::builder().build().unwrap();
    let mut calls = Vec::new();
    macro_rules! row {
        (
            $id:literal $method:ident $kind:ident [$answer:ty] [$($body:tt)*]
            [$($path:ident $type:ty,)*] $($query:tt)*
        ) => {
            let _ = client.b2b_v1().$method($(None::<$type>),*);
            let path: &[&str] = &[$(stringify!($path)),*];
            calls.push(($id, path.len()));
        };
    }
    #[allow(deprecated)]
    {
        altegio::__b2b_v1_operations!(row);
    }
    let documented = operations::ALL.iter().map(|operation| &operation.route);
    let documented = documented.map(|route| (route.id, route.path.matches('{').count()));
    assert_eq!(calls, documented.collect::<Vec<_>>());
}

#[tokio::test]
async fn each_operation_gets_the_tokens_that_its_security_asks_for() {
    let (server, client) = started(OK).await;
    list(&client, "record").await.unwrap();
    let partner_only = client.b2b_v1().get_location(LocationId(1)); // BearerPartner
    assert_eq!(operations::GET_LOCATION.route.security, Security::Partner);
    let _ = partner_only.send().await;
    let seen = server.requests();
    assert_eq!(
        seen[0].header("authorization"),
        Some("Bearer partner-secret, User user-secret")
    );
    assert_eq!(
        seen[1].header("authorization"),
        Some("Bearer partner-secret")
    );
    for request in seen {
        assert_eq!(
            request.header("accept"),
            Some("application/vnd.api.v2+json")
        );
        assert!(
            request
                .header("user-agent")
                .unwrap()
                .starts_with("altegio-rust/")
        );
        assert_eq!(request.header("content-type"), None);
    }
}

#[tokio::test]
async fn a_missing_token_is_said_before_anything_is_sent() {
    let (server, _) = started(OK).await;
    let address = || server.url.parse().unwrap();
    let client = Client::builder()
        .partner_token(PARTNER)
        .server(address())
        .build()
        .unwrap();
    let error = list(&client, "record").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingToken);
    assert!(error.is_auth());
    assert_eq!(
        error.to_string(),
        "get_custom_field_list: needs a user token; call `client.login(…)`, set \
         `ALTEGIO_USER_TOKEN` or call `Client::builder().user_token(…)`"
    );
    let client = Client::builder().server(address()).build().unwrap();
    let error = list(&client, "record").await.unwrap_err();
    assert!(
        error.to_string().contains("ALTEGIO_PARTNER_TOKEN"),
        "{error}"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn login_returns_a_client_that_holds_the_users_token() {
    let answers = vec![
        json(
            "201 Created",
            r#"{"success":true,"data":{"id":5,"user_token":"fresh"},"meta":[]}"#,
        ),
        json("200 OK", OK),
    ];
    let server = Loopback::start(answers).await;
    let address = server.url.parse().unwrap();
    let partner = Client::builder()
        .partner_token(PARTNER)
        .server(address)
        .build()
        .unwrap();
    let client = partner.login("+1 315", "pass").await.unwrap();
    list(&client, "record").await.unwrap();
    let seen = server.requests();
    assert_eq!(seen[0].line, "POST /auth");
    assert_eq!(seen[0].text(), r#"{"login":"+1 315","password":"pass"}"#);
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(
        seen[1].header("authorization"),
        Some("Bearer partner-secret, User fresh")
    );
}

#[tokio::test]
async fn a_login_without_a_token_is_an_error_with_the_response() {
    let body = r#"{"success":true,"data":{"id":5},"meta":[]}"#;
    let server = Loopback::start(vec![json("201 Created", body)]).await;
    let error = builder(&server)
        .build()
        .unwrap()
        .login("+1 315", "pass")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts(), error.path()),
        (ErrorKind::Decode, 1, Some("$.data.user_token"))
    );
    assert_eq!(error.status().unwrap().as_u16(), 201);
    assert_eq!(error.body().unwrap(), body);
}

#[tokio::test]
async fn tokens_are_in_no_debug_output_and_in_no_error() {
    let server = Loopback::start(vec![json(
        "403 Forbidden",
        r#"{"success":false,"meta":{"message":"no"}}"#,
    )])
    .await;
    let builder = builder(&server);
    let mut shown = format!("{builder:?}");
    let client = builder.build().unwrap();
    let error = list(&client, "record").await.unwrap_err();
    shown.push_str(&format!(
        "{client:?} {:?} {error} {error:?}",
        client.b2b_v1()
    ));
    let gone = Client::builder()
        .partner_token(PARTNER)
        .user_token(USER)
        .server("http://127.0.0.1:1".parse().unwrap());
    let error = list(&gone.build().unwrap(), "record").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    shown.push_str(&format!(
        "{error} {error:?} {:?}",
        std::error::Error::source(&error)
    ));
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn a_redirect_is_followed_on_the_same_origin_for_reading_only() {
    let other = Loopback::start(vec![json("200 OK", OK)]).await;
    let to = |place: &str| answer("302 Found", &[("Location", place)], "");
    let server = Loopback::start(vec![to("/elsewhere"), json("200 OK", OK), to(&other.url)]).await;
    let client = builder(&server).build().unwrap();
    list(&client, "record").await.unwrap();
    assert_eq!(server.requests()[1].line, "GET /elsewhere");
    let error = list(&client, "record").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(
        other.requests().is_empty(),
        "the tokens went to another host"
    );

    let server = Loopback::start(vec![answer(
        "307 Temporary Redirect",
        &[("Location", "/x")],
        "",
    )])
    .await;
    let client = builder(&server).build().unwrap();
    let delete = client
        .b2b_v1()
        .delete_custom_field("record", LocationId(1), CustomFieldId(2));
    let error = delete.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_get_that_changes_something_is_not_redirected() {
    let redirect = answer("302 Found", &[("Location", "/x")], "");
    let server = Loopback::start(vec![redirect, json("200 OK", OK)]).await;
    assert!(!operations::GENERATE_LOYALTY_CODE.route.idempotent);
    let client = builder(&server).build().unwrap();
    let code = client
        .b2b_v1()
        .generate_loyalty_code(LocationId(1), ProductId(2));
    let error = code.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(error.may_have_acted());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn after_a_redirect_an_error_does_not_say_that_nothing_was_sent() {
    let redirect = answer("302 Found", &[("Location", "/x")], "");
    let server = Loopback::start(vec![redirect]).await;
    let hour = std::time::Duration::from_secs(3600);
    let client = builder(&server)
        .rate_limiter(altegio::RateLimiter::windows([(1, hour)]).unwrap())
        .build()
        .unwrap();
    let error = list(&client, "record").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1));
    assert!(error.may_have_acted());
    assert!(!error.to_string().contains("not sent"), "{error}");
}

#[tokio::test]
async fn a_redirect_with_user_info_carries_the_tokens_alone() {
    let server = Loopback::start_at(|url| {
        let place = url.replace("://", "://someone:hunter2@") + "/elsewhere";
        let redirect = answer("302 Found", &[("Location", &place)], "");
        vec![redirect, json("200 OK", OK)]
    })
    .await;
    let client = builder(&server).build().unwrap();
    list(&client, "record").await.unwrap();
    let request = &server.requests()[1];
    assert_eq!(request.line, "GET /elsewhere");
    let sent: Vec<&str> = request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(sent, ["Bearer partner-secret, User user-secret"]);
}

#[tokio::test]
async fn a_redirect_in_a_circle_ends() {
    let server = Loopback::start(vec![answer("302 Found", &[("Location", "/a")], "")]).await;
    let client = builder(&server).build().unwrap();
    let error = list(&client, "record").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn proxies_are_taken_from_the_environment() {
    // reqwest reads the environment once per process, so the call runs in a child process.
    const CHILD: &str = "ALTEGIO_TEST_PROXY_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let builder = Client::builder().partner_token(PARTNER).user_token(USER);
        let builder = builder.server("http://api.example.invalid".parse().unwrap());
        let client = builder.allow_plain_http(true).build().unwrap();
        return list(&client, "record").await.unwrap();
    }
    let proxy = Loopback::start(vec![json("200 OK", OK)]).await;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "requests::proxies_are_taken_from_the_environment",
    ]);
    child.env("HTTP_PROXY", &proxy.url).env(CHILD, "1");
    let status = tokio::task::spawn_blocking(move || child.status().unwrap());
    assert!(status.await.unwrap().success());
    assert_eq!(
        proxy.requests()[0].line,
        "GET http://api.example.invalid/custom_fields/record/1"
    );
}

#[tokio::test]
async fn plain_http_to_this_machine_never_goes_through_a_proxy() {
    // A child process, as above, for the proxy from the environment.
    const CHILD: &str = "ALTEGIO_TEST_LOOPBACK_PROXY_CHILD";
    let proxy_of_builder = |proxy: &str| {
        let proxy = reqwest::Proxy::all(proxy).unwrap();
        move |http: reqwest::ClientBuilder| http.proxy(proxy.clone())
    };
    if let Ok(server) = std::env::var(CHILD) {
        let builder = Client::builder().partner_token(PARTNER).user_token(USER);
        let builder = builder.server(server.parse().unwrap());
        list(&builder.build().unwrap(), "record").await.unwrap();
        return;
    }
    let server = Loopback::start(vec![json("200 OK", OK)]).await;
    let proxy = Loopback::start(vec![json("200 OK", OK)]).await;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "requests::plain_http_to_this_machine_never_goes_through_a_proxy",
    ]);
    child
        .env("HTTP_PROXY", &proxy.url)
        .env("ALL_PROXY", &proxy.url);
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    child.env(CHILD, &server.url);
    let status = tokio::task::spawn_blocking(move || child.status().unwrap());
    assert!(status.await.unwrap().success());
    assert_eq!((server.requests().len(), proxy.requests().len()), (1, 0));

    let through = builder(&server).http_client_builder(proxy_of_builder(&proxy.url));
    let client = through.clone().build().unwrap();
    list(&client, "record").await.unwrap();
    assert_eq!((server.requests().len(), proxy.requests().len()), (2, 0));
    let client = through.allow_plain_http(true).build().unwrap();
    list(&client, "record").await.unwrap();
    assert_eq!((server.requests().len(), proxy.requests().len()), (2, 1));
}

#[tokio::test]
async fn redirects_are_the_transports_whatever_the_http_client_is_set_to() {
    let other = Loopback::start(vec![json("200 OK", OK)]).await;
    let redirect = answer("307 Temporary Redirect", &[("Location", &other.url)], "");
    let server = Loopback::start(vec![redirect]).await;
    let follows =
        |http: reqwest::ClientBuilder| http.redirect(reqwest::redirect::Policy::limited(10));
    let client = builder(&server)
        .http_client_builder(follows)
        .build()
        .unwrap();
    let create = client.b2b_v1().create_client(LocationId(1));
    let create = create.body_map(|body| body.name("Ada").phone("+13155550184"));
    let error = create.send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert!(other.requests().is_empty(), "a body went to another origin");
}

// ---- what build() rejects -----------------------------------------------------------

#[test]
fn unusable_tokens_and_addresses_are_refused_by_name() {
    let tokens = [
        ("", "it is empty"),
        ("a\nb", "line break"),
        ("a\rb", "line break"),
        ("a\tb", "control character"),
        ("tökén", "outside ASCII"),
        ("a,b", "comma"),
        ("a b", "space"),
    ];
    for (token, why) in tokens {
        let builder = Client::builder;
        for (name, builder) in [
            ("partner token", builder().partner_token(token)),
            ("user token", builder().user_token(token)),
        ] {
            let error = builder.build().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: ")), "{error}");
            assert!(error.contains(why), "{error}");
            assert!(token.is_empty() || !error.contains(token), "{error}");
        }
    }
    let alone = Client::builder().user_token(USER).build().unwrap_err();
    assert_eq!(alone.kind(), ErrorKind::Config);
    assert!(
        alone.to_string().contains("ALTEGIO_PARTNER_TOKEN"),
        "{alone}"
    );
    let refused = |address: &str| {
        let build = |server| Client::builder().server(server).build();
        let error = address.parse::<Server>().and_then(build).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{address}");
        error.to_string()
    };
    assert!(refused("api.alteg.io/api").contains("URL with scheme"));
    assert!(refused("ftp://api.alteg.io").contains("scheme is `ftp`"));
    assert!(refused("https://api.alteg.io/?x=1").contains("query"));
    assert!(refused("https://api.alteg.io/#x").contains("fragment"));
    assert!(refused("http://api.alteg.io/api").contains("plain http"));
    let secret = refused("https://me:hunter2@api.alteg.io");
    assert!(
        secret.contains("password") && !secret.contains("hunter2"),
        "{secret}"
    );
    let allowed = Client::builder().server("http://api.alteg.io".parse().unwrap());
    assert!(allowed.allow_plain_http(true).build().is_ok());
    for loopback in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
        assert!(
            Client::builder()
                .server(loopback.parse().unwrap())
                .build()
                .is_ok()
        );
    }
}

#[test]
fn clients_are_cheap_to_share() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Client>();
    fn sendable<T: Send>(_: T) {}
    let client = Client::builder().build().unwrap();
    let call = client
        .b2b_v1()
        .get_custom_field_list("record", LocationId(1));
    sendable(call.send());
}

// ---- paths and queries ----------------------------------------------------------------

#[tokio::test]
async fn a_path_argument_is_one_encoded_segment() {
    let (server, client) = started(OK).await;
    for (argument, sent) in [
        ("a/b", "a%2Fb"),
        ("a?b", "a%3Fb"),
        ("a#b", "a%23b"),
        ("100%", "100%25"),
        ("../x", "..%2Fx"),
        ("a\\b", "a%5Cb"),
        ("café", "caf%C3%A9"),
        ("a b+c", "a%20b%2Bc"),
    ] {
        list(&client, argument).await.unwrap();
        let last = server.requests().pop().unwrap();
        assert_eq!(last.line, format!("GET /custom_fields/{sent}/1"));
    }
    let before = server.requests().len();
    for argument in ["", ".", ".."] {
        let error = list(&client, argument).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains("field_category"), "{error}");
    }
    assert_eq!(server.requests().len(), before);
}

#[tokio::test]
async fn the_servers_path_is_kept() {
    let server = Loopback::start(vec![json("200 OK", OK)]).await;
    let address = format!("{}/api/v1/", server.url);
    let client = builder(&server)
        .server(address.parse().unwrap())
        .build()
        .unwrap();
    list(&client, "record").await.unwrap();
    assert_eq!(
        server.requests()[0].line,
        "GET /api/v1/custom_fields/record/1"
    );
}

#[tokio::test]
async fn lists_are_joined_or_repeated_as_the_document_says() {
    let (server, client) = started("[]").await;
    let joined = client.b2b_v1().get_membership_list(ChainId(1)); // explode: false
    let _ = joined
        .abonements_ids([1, 2, 3].map(MembershipId))
        .send()
        .await;
    let repeated = client.b2b_v1().search_events(LocationId(1));
    let _ = repeated
        .from("2026-03-01")
        .till("2026-03-02")
        .staff_ids(vec![TeamMemberId(4), TeamMemberId(5)])
        .send()
        .await;
    let bracketed = client
        .b2b_v1()
        .get_membership_type_list_by_id(LocationId(1));
    let _ = bracketed.ids(9).send().await;
    let lines: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.line)
        .collect();
    assert!(
        lines[0].ends_with("/loyalty/abonements?abonements_ids=1,2,3"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains("staff_ids=4&staff_ids=5"), "{}", lines[1]);
    assert!(lines[2].ends_with("?ids%5B%5D=9"), "{}", lines[2]);
}

#[tokio::test]
async fn absent_query_parameters_are_not_sent_and_odd_ones_are_encoded() {
    let (server, client) = started(OK).await;
    let call = client.b2b_v1().get_location_users(LocationId(1));
    let _ = call.send().await;
    let call = client
        .b2b_v1()
        .send_sms_campaign_to_filtered_clients(LocationId(1));
    let _ = call.fullname("a&b=c d").email("é").send().await;
    let lines: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.line)
        .collect();
    assert!(!lines[0].contains('?'), "{}", lines[0]);
    assert!(
        lines[1].contains("fullname=a%26b%3Dc%20d&email=%C3%A9"),
        "{}",
        lines[1]
    );
}

// ---- bodies -------------------------------------------------------------------------------

const NO_RESOURCES: [ResourceId; 0] = [];

fn no_translations() -> Vec<types::UpdateServiceLinksTranslation> {
    Vec::new()
}

#[tokio::test]
async fn whole_numbers_are_sent_without_a_point_and_null_clears() {
    let (server, client) = started(OK).await;
    let price = types::UpdateServiceLinksTeamMemberSettingPrice::builder().min(999.0);
    let price = price.max(altegio::Nullable::Null);
    let settings = types::UpdateServiceLinksTeamMemberSetting::builder().price(price);
    let settings = settings.team_member_id(TeamMemberId(5));
    let call = client.b2b_v1().update_service_links(LocationId(1));
    let call = call.body_map(|body| {
        let body = body
            .service_id(ServiceId(1))
            .team_member_settings([settings]);
        body.resource_ids(NO_RESOURCES)
            .translations(no_translations())
    });
    // Only the request matters here.
    let _ = call.send().await;
    let sent = server.requests().pop().expect("a request").text();
    assert_eq!(
        sent,
        r#"{"resource_ids":[],"service_id":1,"team_member_settings":[{"price":{"max":null,"min":999},"team_member_id":5}],"translations":[]}"#
    );
}

#[tokio::test]
async fn numbers_that_json_does_not_have_are_not_sent() {
    let (server, client) = started(OK).await;
    for number in [f64::NAN, f64::INFINITY] {
        let price = types::UpdateServiceLinksTeamMemberSettingPrice::builder().min(number);
        let price = price.max(1.0);
        let settings = types::UpdateServiceLinksTeamMemberSetting::builder().price(price);
        let settings = settings.team_member_id(TeamMemberId(5));
        let call = client.b2b_v1().update_service_links(LocationId(1));
        let call = call.body_map(|body| {
            let body = body
                .service_id(ServiceId(1))
                .team_member_settings([settings]);
            body.resource_ids(NO_RESOURCES)
                .translations(no_translations())
        });
        let error = call.send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        let place = format!("team_member_settings[0].price.min: {number} is not a JSON number");
        assert!(error.to_string().contains(&place), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_image_goes_up_as_a_form() {
    let (server, client) =
        started(r#"{"success":true,"data":{"image_binded":true},"meta":[]}"#).await;
    let photo = File::new("chair.png", &b"\x89PNG"[..]).with_media_type("image/png");
    let answer = client
        .b2b_v1()
        .upload_image("service")
        .body_map(|body| body.company_id(LocationId(4)).image(photo))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.into_data().unwrap().image_binded, Some(true));
    let request = server.requests().pop().unwrap();
    assert_eq!(request.line, "POST /images/service");
    let media_type = request.header("content-type").unwrap();
    assert!(
        media_type.starts_with("multipart/form-data; boundary="),
        "{media_type}"
    );
    let body = request.text();
    assert!(body.contains("name=\"company_id\"\r\n\r\n4\r\n"), "{body}");
    assert!(
        body.contains("name=\"image\"; filename=\"chair.png\"\r\nContent-Type: image/png\r\n"),
        "{body}"
    );
    assert!(request.body.windows(4).any(|window| window == b"\x89PNG"));
    assert!(!body.contains("service_id"), "{body}");
}

#[tokio::test]
async fn a_file_name_that_would_inject_headers_is_refused() {
    let (server, client) = started(OK).await;
    for name in ["a\r\nX-Injected: 1", "a\nb.png", "a\0.png"] {
        let call = client.b2b_v1().upload_image("service");
        let file = File::new(name, &b"x"[..]);
        let error = call
            .body_map(|body| body.image(file))
            .send()
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Argument, 0));
        assert!(error.to_string().contains("`image`"), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_image_is_deleted_with_a_form() {
    let (server, client) = started(r#"{"success":true}"#).await;
    let call = client.b2b_v1().delete_image("service");
    let _ = call
        .body_map(|body| body.image_group_id(ImageGroupId(72)))
        .send()
        .await;
    let request = server.requests().pop().unwrap();
    assert_eq!(request.line, "DELETE /images/service");
    assert!(
        request
            .text()
            .contains("name=\"image_group_id\"\r\n\r\n72\r\n")
    );
}

#[tokio::test]
async fn the_receipt_comes_as_bytes() {
    let pdf = answer(
        "200 OK",
        &[("Content-Type", "application/pdf")],
        "%PDF-1.7 …",
    );
    let server = Loopback::start(vec![pdf]).await;
    let client = builder(&server).build().unwrap();
    let receipt = client
        .b2b_v1()
        .get_visit_receipt_pdf(VisitId(8))
        .send()
        .await
        .unwrap();
    assert!(receipt.into_inner().starts_with(b"%PDF"));
    assert_eq!(server.requests()[0].line, "GET /attendance/receipt_print/8");
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_not_read() {
    let server = Loopback::start(vec![json("200 OK", &" ".repeat(2000))]).await;
    let client = builder(&server).max_body(1000).build().unwrap();
    assert_eq!(
        list(&client, "record").await.unwrap_err().kind(),
        ErrorKind::TooLarge
    );
}

// ---- responses -------------------------------------------------------------------------------

async fn answered(answer: Vec<u8>) -> Result<(), Error> {
    let server = Loopback::start(vec![answer]).await;
    list(&builder(&server).build().unwrap(), "record").await
}

#[tokio::test]
async fn success_false_in_a_2xx_answer_is_an_error_with_the_servers_words() {
    let body = r#"{"success":false,"data":null,"meta":{"message":"Not today","errors":{"title":["too long"]}}}"#;
    let error = answered(json("200 OK", body)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status().unwrap().as_u16()),
        (ErrorKind::Api, 200)
    );
    assert_eq!(error.message(), Some("Not today"));
    let fields: Vec<_> = error.field_errors().collect();
    assert_eq!(fields, [("title", &["too long".to_owned()][..])]);
    assert_eq!(
        error.to_string(),
        "get_custom_field_list: the server responded `success: false` (200 OK): Not today; title: too long"
    );
}

#[tokio::test]
async fn success_false_is_an_error_for_lists_of_several_response_types() {
    let (_server, client) = started(r#"{"success":false,"meta":{"message":"no"}}"#).await;
    let api = client.b2b_v1();
    let results = [
        api.get_location_list().send().await.map(drop),
        api.get_tax_system_list(CountryId(1)).send().await.map(drop),
        api.list_client_comments(LocationId(1), ClientId(2))
            .send()
            .await
            .map(drop),
        api.get_membership_list(ChainId(1)).send().await.map(drop),
    ];
    for result in results {
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Api, Some("no")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn success_false_is_an_error_where_the_response_has_no_type() {
    let (server, client) = started(r#" {"meta":{"message":"no"},"success":false}"#).await;
    let api = client.b2b_v1();
    let delete = api
        .delete_client(LocationId(1), ClientId(2))
        .send()
        .await
        .map(drop);
    let receipt = api.get_visit_receipt_pdf(VisitId(8)).send().await.map(drop);
    let own = client
        .request("POST".parse().unwrap(), "/x")
        .send()
        .await
        .map(drop);
    // The type of this response does not declare `success`.
    let cards = api.get_user_loyalty_cards(ChainId(1));
    let cards = cards.send().await.map(drop);
    for result in [delete, receipt, own, cards] {
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::Api, Some("no")),
            "{error}"
        );
        assert_eq!(error.status().unwrap().as_u16(), 200);
        assert!(error.body().is_some());
    }
    assert_eq!(server.requests().len(), 4);

    // Only a `success` at the top level counts.
    for body in [
        r#"{"data":{"success":false}}"#,
        r#"[{"success":false}]"#,
        "false",
    ] {
        let (_server, client) = started(body).await;
        let own = client.request("GET".parse().unwrap(), "/x");
        assert_eq!(own.send().await.unwrap().body(), body);
    }
}

#[tokio::test]
async fn error_statuses_are_told_apart_and_their_body_is_at_hand() {
    let body = r#"{"success":false,"data":null,"meta":{"message":"No such field"}}"#;
    let error = answered(json("404 Not Found", body)).await.unwrap_err();
    assert!(error.is_not_found() && !error.is_auth() && !error.is_rate_limited());
    assert_eq!(error.route().unwrap().id, "get_custom_field_list");
    assert_eq!(error.body().unwrap(), body);
    assert!(error.body_as::<types::ErrorBody>().is_some());
    let invalid = answered(json("422 Unprocessable Entity", body)).await;
    assert!(invalid.unwrap_err().is_validation() && !error.is_validation());
    assert!(
        answered(json("401 Unauthorized", "{}"))
            .await
            .unwrap_err()
            .is_auth()
    );
    assert!(
        answered(json("403 Forbidden", "{}"))
            .await
            .unwrap_err()
            .is_auth()
    );
    assert!(
        answered(json("429 Too Many Requests", "{}"))
            .await
            .unwrap_err()
            .is_rate_limited()
    );
}

#[tokio::test]
async fn pages_that_are_no_json_are_errors_with_their_status() {
    let html = answer(
        "502 Bad Gateway",
        &[("Content-Type", "text/html")],
        "<html>down</html>",
    );
    let error = answered(html).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "get_custom_field_list: the server refused (502 Bad Gateway) with an HTML page instead of JSON"
    );
    let empty = answered(json("500 Internal Server Error", ""))
        .await
        .unwrap_err();
    assert_eq!(empty.status().unwrap().as_u16(), 500);
    let html = answer(
        "200 OK",
        &[("Content-Type", "text/html")],
        "<html>login</html>",
    );
    let error = answered(html).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Decode, Some("$")));
    assert_eq!(
        error.to_string(),
        "get_custom_field_list: cannot read the response: it is an HTML page instead of JSON"
    );
}

#[tokio::test]
async fn one_wrong_field_is_set_aside_and_strict_makes_it_an_error() {
    let body = r#"{"success":true,"meta":[],"data":[
        {"id":1,"salon_id":"2","custom_field":{"title":"kept","code":{"odd":1},"new":true}},
        "odd item", {"id":3}]}"#;
    let (_server, client) = started(body).await;
    let call = client
        .b2b_v1()
        .get_custom_field_list("record", LocationId(1));
    let answer = call.send().await.unwrap();
    let seen: Vec<_> = answer
        .mismatches()
        .iter()
        .map(|m| (m.path.as_str(), m.raw.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("$.data[0].custom_field.code", r#"{"odd":1}"#),
            ("$.data[1]", r#""odd item""#)
        ]
    );
    let unlisted = answer.unknown_fields();
    assert_eq!(unlisted.len(), 1);
    assert_eq!(
        (unlisted[0].path.as_str(), unlisted[0].raw.as_str()),
        ("$.data[0].custom_field.new", "true")
    );
    let data = answer.into_data().unwrap();
    assert_eq!(
        (data.len(), data[0].salon_id, data[1].id),
        (2, Some(LocationId(2)), Some(3))
    );
    assert_eq!(
        data[0].custom_field.as_ref().unwrap().title.as_deref(),
        Some("kept")
    );

    let strict = client.b2b_v1().strict();
    let call = strict.get_custom_field_list("record", LocationId(1));
    let error = call.send().await.unwrap_err();
    assert_eq!(error.path(), Some("$.data[0].custom_field.code"));
    assert_eq!(
        error.expected_and_found(),
        Some(("a string", altegio::wire::Kind::Object))
    );
    assert_eq!(
        error.to_string(),
        "get_custom_field_list: cannot read the response at $.data[0].custom_field.code: \
         expected a string, found an object"
    );
    assert_eq!(error.body().unwrap(), body);
}

#[tokio::test]
async fn what_was_set_aside_is_warned_of_without_the_value() {
    let (log, _guard) = Log::start(tracing::Level::TRACE);
    let (_server, client) = started(r#"{"data":[{"id":"+1 315 secret"}]}"#).await;
    list(&client, "record").await.unwrap();
    let text = log.text();
    assert!(
        text.contains("WARN")
            && text.contains("$.data[0].id")
            && text.contains("get_custom_field_list"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn an_empty_answer_where_the_document_allows_none_reads_as_absent() {
    let server = Loopback::start(vec![b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()]).await;
    let client = builder(&server).build().unwrap();
    let call = client
        .b2b_v1()
        .chain_loyalty_certificate_types_delete(ChainId(1), CertificateTypeId(2));
    let answer = call.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.success), (204, None));
}

#[tokio::test]
async fn unlisted_enum_values_are_kept_and_cannot_be_made_up() {
    use altegio::b2b_v1::types::PaymentStatus as Status;
    let read = |text: &str| {
        altegio::wire::decode::<Status>(text.as_bytes(), Default::default())
            .unwrap()
            .value
    };
    let value = read(r#""paid_in_gold""#);
    assert!(matches!(&value, Status::Unlisted(value) if value.as_str() == "paid_in_gold"));
    assert_eq!(altegio::wire::encode(&value).unwrap(), br#""paid_in_gold""#);
    assert!(matches!(read(r#""not_paid""#), Status::NotPaid));
    assert!("paid_in_gold".parse::<Status>().is_err());
}
