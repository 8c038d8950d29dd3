"""What is wrong is refused with a problem that says why, changes nothing, and is no fault of the server's."""

import http.client
import json
import urllib.parse
import urllib.request

import pytest
from harness import Repository
from projects import numbers

AT = "/api/v1/projects/shop/deployments/prod"
HOURLY = f"{AT}/schedules/minutely"
LONG = "x" * 5000
BREAKS = ("a\r\nb", "a\nb", "a\x1b[1mb", "a\x7fb")
FEW = 3  # of everything that comes in pages, so that each list has a next page


@pytest.fixture(scope="module")
def server(on_each_database, warm, tmp_path_factory):
    own = on_each_database(warm(tmp_path_factory.mktemp("refusals") / "home"))
    own.start()
    repository = Repository(tmp_path_factory.mktemp("refusals") / "shop")
    repository.commit(numbers())
    own.repository = repository.url
    own.deploy("Web Shop", repository)
    own.request("PATCH", "/api/v1/projects/web-shop", {"name": "Shop"})
    yield own
    own.stop()


def audit(server):
    return server.request("GET", "/api/v1/audit?limit=1")[1]["audit"][0]["id"]


@pytest.fixture
def refused(server):
    """Sends one request; it is refused by a problem with a reason, and nothing is changed."""
    before = audit(server)

    def send(method, path, body=None, statuses=(422,), **more):
        status, problem = server.request(method, path, body, **more)
        assert status in statuses, (method, path, body, status, problem)
        assert problem["status"] == status and problem["detail"] and problem["request_id"], (method, path, problem)
        return problem

    yield send
    assert audit(server) == before


@pytest.fixture
def told(server):
    """Runs one command; it fails with the code, says nothing on its output, and says why."""
    before = audit(server)

    def run(*words, code=1, part="", **more):
        done = server.cupola(*words, check=False, **more)
        assert done.code == code and done.out == "" and done.err, (words, done)
        assert part in done.err, (words, part, done)

    yield run
    assert audit(server) == before


def with_member(body, member, value):
    return {**body, member: value}


NAMED = [
    ("POST", "/api/v1/projects", {"name": "n", "repository": "/tmp"}, ("name", "repository", "directory")),
    ("PATCH", "/api/v1/projects/shop", {}, ("name", "repository", "directory")),
    ("POST", "/api/v1/projects/shop/deployments", {"name": "n", "environment": "prod", "revision": "main"}, ("name", "environment", "revision")),
    ("PATCH", AT, {}, ("name",)),
    ("POST", f"{AT}/update", {}, ("environment", "revision")),
    ("POST", f"{AT}/runs", {}, ("name", "schedule", "state_id_suffix")),
    ("PATCH", HOURLY, {}, ("timezone", "overlap", "missed", "retry_wait", "run_timeout", "offset")),
    ("PATCH", "/api/v1/organization", {}, ("name", "billing_name", "billing_email")),
    ("PATCH", "/api/v1/retention", {}, ("logs", "runs", "deliveries", "audit")),
    ("PATCH", "/api/v1/members/ada", {}, ("role",)),
    ("POST", "/api/v1/invitations", {"role": "viewer"}, ("role", "email", "expires_in")),
    ("POST", "/api/v1/invitations/accept", {"token": "t", "login": "l", "password": "p" * 12}, ("login",)),
    ("POST", "/api/v1/service-accounts", {"name": "n", "role": "viewer"}, ("name", "role")),
    ("POST", "/api/v1/tokens", {"name": "n"}, ("name", "role", "project", "deployment", "service_account", "expires_in")),
    ("POST", "/api/v1/credits/entries", {"credits": 5}, ("note",)),
    ("POST", "/api/v1/notifications", {"type": "email", "recipient": "a@example.com"}, ("type", "recipient", "project", "deployment", "format")),
    ("PUT", "/api/v1/heartbeat", {}, ("url",)),
]


@pytest.mark.parametrize("method, path, body, members", NAMED, ids=[f"{method} {path}" for method, path, *_ in NAMED])
def test_a_text_is_no_line_break_not_endless_and_of_its_kind(refused, method, path, body, members):
    for member in members:
        for value in (*BREAKS, "a\x00b", LONG, 7, ["a"], {"a": 1}):
            refused(method, path, with_member(body, member, value), statuses=(404, 409, 413, 422))
    refused(method, path, with_member(body, "no_such_member", 1))
    refused(method, path, ["a", "list"])


def test_names_that_are_none_or_collide_after_slugging_are_refused(server, refused, told):
    new = {"repository": server.repository}
    for name in ("", " ", "..", "../etc", "/", "---", "ü", " padded ", "x" * 101):
        refused("POST", "/api/v1/projects", {"name": name, **new})
        refused("PATCH", AT, {"name": name})
        refused("POST", "/api/v1/projects/shop/deployments", {"name": name, "environment": "prod", "revision": "main"})
        word = [f"--name={name}"] if name else ["--name", ""]
        told("project", "create", *word, "--repository", server.repository)
        told("deployment", "create", "--project", "shop", *word, "--environment", "prod", "--branch", "main")
    for name in ("SHOP", "shop", " shop ".strip(), "Shop!", "shop-"):
        refused("POST", "/api/v1/projects", {"name": name, **new}, statuses=(409,))
        told("project", "create", "--name", name, "--repository", server.repository, part="already")
    for name in ("Prod", "PROD!", "prod_"):
        refused("POST", "/api/v1/projects/shop/deployments", {"name": name, "environment": "prod", "revision": "main"}, statuses=(409,))
        told("deployment", "create", "--project", "shop", "--name", name, "--environment", "prod", "--branch", "main", part="already")


def test_what_is_not_there_is_named(refused, told):
    for path in ("/api/v1/projects/none", f"{AT}x", f"{AT}/schedules/none", f"{AT}/releases/99", f"{AT}/backfills/9",
                 "/api/v1/projects/shop/states/none", "/api/v1/projects/shop/secrets/NONE", "/api/v1/members/nobody",
                 "/api/v1/runs/" + "0" * 32, "/api/v1/notifications/none", "/api/v1/projects/a%0d%0ab", "/invitations/inv_none",
                 "/api/v1/runs?project=none", "/api/v1/usage?deployment=none"):
        refused("GET", path, statuses=(404,))
    for path in ("/api/v1/projects/../projects/shop", "/api/v1/projects/%2e%2e", "/api/v1/projects/%zz", "/api/v1/projects/a%00b"):
        refused("GET", path, statuses=(400,))
    refused("POST", f"{AT}/runs", {"name": "none"}, statuses=(404, 422))
    refused("POST", f"{AT}/runs", {"schedule": "none"}, statuses=(404, 422))
    refused("POST", f"{AT}/rollback", {"release": 99}, statuses=(404, 409))
    told("schedule", "enable", "none", "--project", "shop", "--deployment", "prod", part="'none'")
    told("run", "none", "--project", "shop", "--deployment", "prod", part="none")
    told("deployment", "plan", "prod", "--project", "shop", "--branch", "a b", part="'a b'")
    told("deployment", "plan", "prod", "--project", "shop", "--branch", "none", part="'none'")
    told("logs", "0" * 32, part="no such run")
    told("logs", "..")
    told("stop", "x\r\ny")


def test_an_unknown_word_of_a_filter_is_told_with_those_there_are(refused, told):
    for query in ("runs?status=done", "runs?stauts=failed", "runs?since=yesterday", "runs?limit=0", "runs?limit=1&limit=2", "audit?kind=thing",
                  "usage?by=week", "usage?month=13", "uptime?month=2026-13", "deployments?deleted=perhaps"):
        refused("GET", f"/api/v1/{query}")
    for filters in ([{"status": []}], [{"status": ["done"]}], [{"events": ["job"]}], [{"state": ["failed"]}], [{"schedules": ["a\r\nb"]}], {}, [[]]):
        refused("POST", "/api/v1/notifications", {"type": "email", "recipient": "a@example.com", "filters": filters})
    told("history", "--status", "done", code=2)
    told("history", "--since", "yesterday", part="yesterday")
    told("notification", "set", "email", "a@example.com", "--status", "done")
    told("usage", "--by", "week", code=2)


def test_a_recipient_that_is_none_is_refused(refused, told):
    for recipient in ("", "ada", "ada@", "@example.com", "a@b@c.example", "a@example.com\r\nBcc: b@example.com", "Ada <ada@example.com>", "a@exa mple.com"):
        refused("POST", "/api/v1/notifications", {"type": "email", "recipient": recipient})
        if recipient:
            told("notification", "set", "email", recipient)
    for recipient in ("ftp://example.com/x", "http://", "http://127.0.0.1/x", "http://169.254.169.254/", "https://u:p@example.com/", "x", "http://a\r\nb/"):
        refused("POST", "/api/v1/notifications", {"type": "webhook", "recipient": recipient})
        refused("PUT", "/api/v1/heartbeat", {"url": recipient})
        told("notification", "set", "webhook", recipient)
        told("notification", "heartbeat", "set", recipient)


def raw(server, method, path, body, headers=None):
    """(status, problem) of a request whose body is these bytes."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=60)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json", **(headers or {})})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def test_a_body_that_is_no_json_too_deep_or_too_large_is_refused(server, refused):
    deep = 10_000
    cases = [
        (b"{", 400), (b"no", 400), (b'{"name": "x"', 400), (b'{"name": "\xff"}', 400), (b'{"name": "\xed\xa0\x80"}', 400),
        (b'{"name": 1e999, "repository": "/x"}', 400), (b'{"name": "a", "name": "b", "repository": "/x"} {}', 400), (b"\xff\xfe{}", 400),
        (b"null", 422), (b'"text"', 422), (b"[" * deep + b"]" * deep, 400), (b'{"name":' * deep + b"1" + b"}" * deep, 400),
    ]
    for path in ("/api/v1/projects", "/api/v1/service-accounts", f"{AT}/runs", "/api/v1/projects/shop/states/import"):
        for body, expected in cases:
            status, problem = raw(server, "POST", path, body)
            assert status in (expected, 422) if expected == 400 else status == expected, (path, body[:40], status, problem)
            assert problem["status"] == status and problem["detail"], (path, body[:40], problem)
    # Whoever announces too much is told before it is sent.
    status, problem = raw(server, "POST", "/api/v1/projects", b"{", {"Content-Length": str(1 << 30)})
    assert status == problem["status"] == 413 and "limit" in problem["detail"]
    for state in (b"[]", b"1", b'"x"', b"{", b'{"a":' * deep + b"1" + b"}" * deep):
        assert raw(server, "PUT", "/api/v1/projects/shop/states/s", state)[0] in (400, 422), state[:20]
    assert server.states("shop") == {}


def test_a_token_that_is_none_or_anothers_finds_nothing(server):
    server.admin("create-organization", "others")
    server.admin("create-user", "olga", "--organization", "others", "--role", "owner")
    foreign = server.admin("create-token", "olga", "--organization", "others").out.strip()
    revoked = server.cupola("token", "create", "--name", "brief").out.strip()
    listed = server.cupola("token", "list", "--format", "json").json["tokens"]
    server.cupola("token", "revoke", next(token["id"] for token in listed if token["name"] == "brief"))
    before = audit(server)

    for token in (revoked, "cup_" + "x" * 43, "cup_", "x", "é", LONG[:3000], "a b", revoked + "x", revoked[:-1]):
        status, problem = server.request("GET", "/api/v1/whoami", token=urllib.parse.quote(token))
        assert status == 401 and problem["detail"], (token, status, problem)
    for method, path, body in (("GET", "/api/v1/projects/shop", None), ("DELETE", "/api/v1/projects/shop", None), ("POST", f"{AT}/runs", {"name": "load"}),
                               ("GET", f"{AT}/schedules", None), ("DELETE", "/api/v1/members/ada", None)):
        status, problem = server.request(method, path, body, token=foreign)
        assert status == 404 and problem["detail"], (method, path, problem)
    for token, part in ((revoked, "no longer valid"), (foreign, "There is no project"), ("cup_x", "no token of Cupola")):
        own, server.token = server.token, token
        try:
            done = server.cupola("deployment", "list", "--project", "shop", check=False)
        finally:
            server.token = own
        assert done.code == 1 and done.out == "" and part in done.err, (token, done)
    assert audit(server) == before


@pytest.fixture(scope="module")
def full_lists(server):
    """path → name: each list that comes in pages, with more than one in it."""
    for n in range(FEW):
        server.request("POST", "/api/v1/projects", {"name": f"p{n}", "repository": server.repository})
        server.request("POST", "/api/v1/projects/shop/deployments", {"name": f"d{n}", "environment": "prod", "revision": "main"})
        server.request("POST", "/api/v1/service-accounts", {"name": f"s{n}", "role": "viewer"})
        server.request("POST", "/api/v1/invitations", {"role": "viewer"})
        server.request("POST", "/api/v1/tokens", {"name": f"t{n}"})
        server.request("POST", "/api/v1/credits/entries", {"credits": 5})
        server.request("POST", "/api/v1/notifications", {"type": "email", "recipient": f"n{n}@example.com"})
        server.request("PUT", f"/api/v1/projects/shop/states/s{n}", {"bookmarks": {}})
        server.request("POST", f"{AT}/runs", {"name": "load", "env": {"TOP": "1"}})
        server.admin("create-user", f"u{n}", "--organization", "acme", "--role", "viewer")
    for run in server.runs("shop"):
        server.wait_for_run(run["id"])
    return {"/api/v1/projects": "projects", "/api/v1/deployments": "deployments", "/api/v1/schedules": "schedules", "/api/v1/runs": "runs",
            "/api/v1/projects/shop/states": "states", "/api/v1/members": "members", "/api/v1/invitations": "invitations",
            "/api/v1/service-accounts": "service_accounts", "/api/v1/tokens": "tokens", "/api/v1/audit": "audit",
            "/api/v1/credits/entries": "entries", "/api/v1/notifications": "notifications"}


def test_a_page_token_is_of_one_list_alone(server, full_lists, refused):
    tokens = {}
    for path, name in full_lists.items():
        status, page = server.request("GET", f"{path}?limit=1")
        assert status == 200 and page["next"], (path, page)
        tokens[path] = page["next"]
        status, following = server.request("GET", f"{path}?limit=1&cursor={page['next']}")
        assert status == 200 and following[name] != page[name], (path, following)
    for path in full_lists:
        for other, token in tokens.items():
            if other != path:
                refused("GET", f"{path}?cursor={token}")
        for token in ("zz", "00", "x" * 5000, "%0d%0a", tokens[path][:-2], tokens[path] + "00"):
            server_says, _ = server.request("GET", f"{path}?cursor={token}")
            assert server_says in (200, 422), (path, token)
        refused("GET", f"{path}?cursor=zz")


def etag(server, path):
    request = urllib.request.Request(server.url + path, headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return reply.headers["ETag"]


def test_of_two_who_change_one_thing_the_second_is_told(server):
    server.request("POST", "/api/v1/service-accounts", {"name": "two", "role": "viewer"})
    server.admin("create-user", "grace", "--organization", "acme", "--role", "viewer")
    for path, first, second in (
        ("/api/v1/organization", {"billing_name": "A"}, {"billing_name": "B"}),
        ("/api/v1/retention", {"logs": "7d"}, {"logs": "8d"}),
        ("/api/v1/credits", {"low_threshold": 1}, {"low_threshold": 2}),
        ("/api/v1/members/grace", {"role": "operator"}, {"role": "maintainer"}),
        ("/api/v1/projects/shop", {"name": "SHOP"}, {"name": "shop"}),
        (AT, {"name": "PROD"}, {"name": "prod"}),
        (HOURLY, {"retries": 1}, {"retries": 2}),
    ):
        seen = etag(server, path)
        status, changed = server.request("PATCH", path, first, headers={"If-Match": seen})
        assert status == 200, (path, changed)
        before = audit(server)
        status, problem = server.request("PATCH", path, second, headers={"If-Match": seen})
        assert status == 412 and "meanwhile" in problem["detail"] and problem["hint"], (path, problem)
        assert audit(server) == before and etag(server, path) != seen
        assert server.request("PATCH", path, second, headers={"If-Match": etag(server, path)})[0] == 200, path


def test_wrong_usage_is_exit_code_2_and_a_broken_file_1(told, tmp_path):
    for words in ((), ("nothing",), ("project",), ("project", "create"), ("run",), ("secret", "set"), ("schedule", "enable", "--no-such-flag"),
                  ("deployment", "create", "--project", "shop"), ("credits", "take", "5"), ("apply",), ("cron",), ("usage", "--format", "xml")):
        told(*words, code=2)
    (tmp_path / "broken.yml").write_text("projects: [")
    told("apply", str(tmp_path / "broken.yml"), part="broken.yml:")
    told("apply", str(tmp_path / "none.yml"), part="none.yml")
    told("state", "set", "s", "--project", "shop", input="{")
    told("state", "set", "s", "--project", "shop", input="[" * 5000)
    told("state", "set", "a\r\nb", "--project", "shop", input="{}")
    told("secret", "set", "A-B", "--project", "shop", input="x" * 10, part="A-B")
    told("secret", "set", "TOO_LONG", "--project", "shop", input="x" * 70000)
    told("organization", "set", "--name", "a\r\nb")
    told("service-account", "set-role", "nobody", "viewer", part="nobody")
    told("member", "set-role", "ada", "viewer", part="last owner")
