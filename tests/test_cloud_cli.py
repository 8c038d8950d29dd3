"""The hosted product's command line works unchanged: every call of its contract, from sign-in to sign-out."""

import datetime
import http.client
import json
import sqlite3
import time
import urllib.parse

import pytest
from cloud_client import Browser, CloudClient, FormReader, Refused, send
from harness import Repository, Server, wait_until
from postgres import PostgresServer
from projects import MELTANO_YML, numbers
from receivers import Sink

PASSWORD = "correct horse battery"
LOCAL = ["--allow-inner-receivers", "127.0.0.0/8"]
NUMBERS, OTHERS = "prod:tap-numbers-to-target-lines", "prod:tap-others-to-target-lines"
NO_SCHEDULES = MELTANO_YML.partition("schedules:")[0]


def add_user(server, login, role="maintainer"):
    server.admin("create-user", login, "--organization", "acme", "--role", role, "--password-stdin", input=PASSWORD + "\n")


def client_of(server, login, **more):
    """A client that is signed in, and its browser."""
    browser = Browser(server.url)
    client = CloudClient(server.url, sign_in=lambda: browser.sign_in(login, PASSWORD), **more)
    client.browser = browser
    assert client.login() == login
    return client


@pytest.fixture(scope="module")
def server(on_each_database, tmp_path_factory, warm):
    own = on_each_database(warm(tmp_path_factory.mktemp("cloud") / "home"))
    own.args += LOCAL
    own.start()
    for login, role in (("ada", "owner"), ("bea", "maintainer"), ("vic", "viewer"), ("oli", "operator")):
        add_user(own, login, role)
    yield own
    own.stop()


@pytest.fixture(scope="module")
def shop(server, tmp_path_factory):
    """A deployed project for those who only look, and the client of its maintainer."""
    repository = Repository(tmp_path_factory.mktemp("shop") / "repository")
    repository.commit(numbers())
    server.deploy("shop", repository)
    client = client_of(server, "bea")
    client.use_project("shop")
    client.repository = repository
    return client


def ended(client, schedule, count=1):
    """The newest run of the schedule, once so many are over."""

    def look():
        runs = client.history(schedule=schedule)
        return len(runs) >= count and all(run["status"] == "STOPPED" for run in runs) and runs[0]

    return wait_until(f"{schedule} ends", look, 120)


def test_the_whole_day_of_a_user(server, tmp_path):
    repository = Repository(tmp_path / "repository")
    first_commit = repository.commit(numbers())
    add_user(server, "dora", "owner")
    server.admin("create-organization", "dora")
    server.admin("create-user", "dora", "--organization", "dora", "--role", "owner")
    sink = Sink()

    # Sign in. Two organizations: the CLI refuses until it is told which.
    client = client_of(server, "dora")
    assert client.organization is None
    token = server.admin("create-token", "dora", "--organization", "dora").out.strip()
    client.organization = server.request("GET", "/api/v1/whoami", token=token)[1]["organization"]["id"]
    assert client.projects() == []

    # A project; the token need not be renewed for it.
    assert client.create_project("Day Shop", repository.url) == ("created", 0)
    assert client.create_project("day shop", repository.url) == ("A project named day shop already exists.", 0)
    project = client.use_project("Day Shop")
    assert project["git_repository"] == repository.url and project["project_root_path"] == "."
    assert len(project["project_id"]) == 26 and project["tenant_resource_key"] == client.organization
    said, code = client.create_project("other", "ftp://nowhere/x")
    assert code == 1 and "422" in said

    # A deployment. The answer comes when it is live.
    assert client.deployments() == [] and client.deployment("prod") is None
    made = client.create_deployment("prod", "prod", "main")
    assert made == {
        "deployment_name": "prod", "environment_name": "prod", "git_rev": "main", "git_rev_hash": first_commit,
        "last_deployed_timestamp": made["last_deployed_timestamp"],
    }
    assert datetime.datetime.fromisoformat(made["last_deployed_timestamp"]).tzinfo and len(made["last_deployed_timestamp"]) == 32
    assert client.create_deployment("prod", "prod", "main") == "already exists"
    assert client.update_deployment("prod") is None
    assert client.update_deployment("prod", force=True)["git_rev_hash"] == first_commit
    second_commit = repository.commit({"README.md": "more", "meltano.yml": MELTANO_YML.replace("*/15", "*/20")})
    kept = client.update_deployment("prod", keep=True)
    assert kept is None or kept["git_rev_hash"] == first_commit, kept
    assert client.update_deployment("prod")["git_rev_hash"] == second_commit
    assert [d["git_rev_hash"] for d in client.deployments()] == [second_commit]
    assert "nowhere" in client.create_deployment("dev", "nowhere", "main") and client.deployment("dev") is None
    assert isinstance(client.create_deployment("dev", "dev", "main"), dict), "what never went live can be created again"

    # Schedules: off at first.
    listed, more = client.schedules(limit=1)
    assert more and listed == [{"deployment_name": "dev", "schedule_name": "minutely", "interval": "* * * * *", "enabled": False}]
    assert [s["schedule_name"] for s in client.schedules("prod")[0]] == ["minutely", "quarterly"]
    client.switch("prod", "quarterly", True)
    assert client.schedule("prod", "quarterly")["enabled"] is True
    client.switch("prod", "quarterly", False)
    assert client.schedule("prod", "quarterly")["enabled"] is False

    # Variables, and a run that reads them.
    client.set_variable("TOP", "1300")
    client.set_variable("SPEAK", "open-sesame-4711")
    client.set_variable("SPEAK", "open-sesame-4712")
    assert client.variables() == ["SPEAK", "TOP"]
    client.set_notification(sink.url, [{"events": ["job_run"], "status": ["succeeded", "cancelled"]}])
    client.set_notification("ada@example.com", of_project=False)
    client.run("prod", "minutely")
    run = ended(client, "minutely")
    assert run["exit_code"] == 0 and run["deployment_name"] == "prod" and run["job_name"] == "N/A", run
    assert run["start_time"] <= run["end_time"]
    log = client.log(run["execution_id"])
    assert len(log) > 2000 and sum("sent 1300" in line for line in log) == 1
    assert sum("starting after 0" in line for line in log) == 1, "no page came twice"
    assert not any("open-sesame" in line for line in log)

    # A run that is stopped shows as failed; stopped twice, it says so and ends well.
    client.set_variable("PAUSE", "0.5")
    client.run("prod", "minutely")
    running = wait_until("a run", lambda: (r := client.history(result="running")) and client.log(r[0]["execution_id"]) and r[0], 60)
    assert running["exit_code"] is None and running["end_time"] is None
    wait_until("the state is held", lambda: any("sent" in line for line in client.log(running["execution_id"])), 60)
    with pytest.raises(Refused) as held:
        client.set_state(NUMBERS, {"singer_state": {"bookmarks": {}}})
    assert held.value.status == 409 and running["execution_id"] in held.value.reason
    assert client.stop(running["execution_id"]) == f"Stopping execution {running['execution_id']}..."
    stopped = ended(client, "minutely", 2)
    assert stopped["execution_id"] == running["execution_id"] and stopped["exit_code"] == 143
    assert client.stop(running["execution_id"]).startswith("The run")

    # It was told.
    wait_until("two messages", lambda: len(sink.requests) >= 2, 60)
    told = [json.loads(request.body) for request in sink.requests]
    assert [message["data"]["status"] for message in told] == ["succeeded", "cancelled"], told
    assert told[1]["data"]["cancellation_reason"]["code"] == "user"
    assert client.notifications()[0]["filters"] == [{"events": ["job_run"], "status": ["succeeded", "cancelled"]}]
    client.change_notification(sink.url, new_key=sink.url + "/2", status="inactive")
    assert [(n["recipient"], n["status"]) for n in client.notifications()] == [(sink.url + "/2", "inactive")]
    client.delete_notification(sink.url + "/2")
    assert client.notifications() == []
    assert [n["type"] for n in client.notifications(of_project=False)] == ["email"]

    # State.
    assert client.states() == [NUMBERS]
    assert json.loads(client.state(NUMBERS))["completed"]["singer_state"]["bookmarks"]["numbers"]["n"] >= 1300
    client.set_state(NUMBERS, {"singer_state": {"bookmarks": {"numbers": {"n": 7}}}})
    assert json.loads(client.state(NUMBERS)) == {"completed": {"singer_state": {"bookmarks": {"numbers": {"n": 7}}}}}
    client.set_state(OTHERS, {"completed": {"singer_state": {"bookmarks": {"numbers": {"n": 8}}}}})
    assert client.states() == [NUMBERS, OTHERS]
    client.delete_state(OTHERS)
    assert client.states() == [NUMBERS] and client.state(OTHERS) is None

    # The end of it.
    client.delete_variable("SPEAK")
    assert client.variables() == ["PAUSE", "TOP"]
    assert client.delete_deployment("prod").status == 204
    assert client.deployment("prod") is None
    client.browser.sign_out()
    assert client.user_info().status == 401
    assert client.once("GET", f"/projects/v1/{client.organization}").status == 403
    sink.close()

    # All of it stands in the audit log.
    actions = {entry["action"] for entry in server.request("GET", "/api/v1/audit?limit=200", token=token)[1]["audit"]}
    assert actions >= {
        "token.create", "project.create", "deployment.create", "deployment.update", "deployment.delete", "schedule.enable", "schedule.disable",
        "run.start", "run.stop", "secret.set", "secret.delete", "notification.create", "notification.change", "notification.delete", "state.set",
        "state.delete", "token.revoke",
    }


def test_a_project_without_schedules_is_an_error(shop, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers({"meltano.yml": NO_SCHEDULES}))
    client = client_of_same(shop)
    client.create_project("quiet", repository.url)
    client.use_project("quiet")
    said = client.create_deployment("prod", "prod", "main")
    assert "no schedule in the environment 'prod'" in said and repository.url in said
    assert client.deployment("prod") is None
    assert "no-such-branch" in client.create_deployment("prod", "prod", "no-such-branch")


def test_words_that_are_not_ascii(shop):
    client = client_of_same(shop)
    assert client.create_project("Größe 日本", shop.repository.url) == ("created", 0)
    client.use_project("Größe 日本")
    for environment in ("prodä", "本番"):
        said = client.create_deployment("prod", environment, "main")
        assert f"no environment '{environment}'" in said, said
    assert "zweig-ß" in client.create_deployment("prod", "prod", "zweig-ß")
    assert isinstance(client.create_deployment("prod", "prod", "main"), dict)


def test_a_log_is_streamed_while_it_is_written(server, shop):
    shop.set_variable("PAUSE", "0.3")
    shop.set_variable("TOP", "1000")
    shop.run("prod", "load-others")
    [run] = wait_until("it runs", lambda: shop.history(result="running"), 60)
    stranger = client_of(server, "ada")
    stranger.project = shop.project[::-1]

    with shop.stream(run["execution_id"]) as reply, stranger.stream(run["execution_id"]) as refused:
        assert reply.status == 200 and reply.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert refused.status == 404
        lines = []
        while "sent 12" not in (lines[-1] if lines else ""):  # so long that it was asked anew whether we may
            lines.append(reply.readline().decode())
            assert lines[-1], lines
        assert shop.history(result="running"), "it comes while the run goes on"
        shop.stop(run["execution_id"])
        lines += reply.read().decode().splitlines(keepends=True)
    shop.delete_variable("PAUSE")
    shop.delete_variable("TOP")

    assert [line.rstrip("\n") for line in lines] == "\n".join(shop.log(run["execution_id"])).split("\n")
    assert any("tap-others: sent 3" in line for line in lines)
    with shop.stream("f" * 32) as reply:
        assert reply.status == 404


def test_a_token_of_one_project_is_enough_for_all_in_it(server, shop, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    shop.create_project("narrow", repository.url)
    made = server.cupola("token", "create", "--name", "narrow", "--project", "narrow", "--role", "maintainer", "--format", "json").json
    client = CloudClient(server.url)  # it would open no browser, and fail where it had to
    client.id_token = client.access_token = made["token"]
    client.organization = shop.organization
    client.use_project("narrow")

    assert isinstance(client.create_deployment("prod", "prod", "main"), dict)
    client.switch("prod", "quarterly", True)
    assert [p["project_name"] for p in client.projects()] == ["narrow"]
    said, code = client.create_project("wide", repository.url)
    assert code == 1 and "limited to a project" in said
    client.project = shop.project
    with pytest.raises(Refused) as refused:
        client.schedules()
    assert refused.value.status == 404


def client_of_same(client):
    other = CloudClient(client.base_url, sign_in=client.sign_in)
    other.take({"id_token": client.id_token, "access_token": client.access_token})
    other.organization = client.organization
    return other


def test_a_second_403_is_told_with_its_reason(server, shop):
    viewer = client_of(server, "vic")
    viewer.project = shop.project
    for what in (
        lambda: viewer.run("prod", "minutely"),
        lambda: viewer.switch("prod", "minutely", True),
        lambda: viewer.set_variable("A", "b"),
        lambda: viewer.set_notification("https://example.com/hook"),
        lambda: viewer.delete_state(NUMBERS),
    ):
        viewer.asked.clear()
        with pytest.raises(Refused) as refused:
            what()
        assert refused.value.status == 403 and "needs the role" in refused.value.reason and "vic is viewer" in refused.value.reason
        assert len(viewer.asked) == 2, "the sign-in is good, so it is asked once more and no browser opened"
    assert viewer.schedules("prod")[0] and viewer.history() is not None
    # Of a project's making that program drops what the first answer says, so the second does.
    said, code = viewer.create_project("vics", "https://git.example/x")
    assert code == 1 and "To register a project needs the role maintainer; vic is viewer" in said, said
    assert "vics" not in [project["project_name"] for project in shop.projects()]


def test_a_sign_in_that_ended_is_made_anew(server, shop):
    client = client_of(server, "bea")
    client.project = shop.project
    tokens = server.request("GET", "/api/v1/tokens?login=bea&limit=200")[1]["tokens"]
    for token in tokens:
        if token["name"] == "meltano-cloud":
            server.request("DELETE", f"/api/v1/tokens/{token['id']}")
    before = client.id_token

    assert client.schedules("prod")[0]

    assert client.id_token != before
    shop.login()
    shop.use_project("shop")


def test_a_rotated_id_has_one_sign_in_anew(server, shop, tmp_path):
    client = client_of(server, "bea")
    client.create_project("turned", "https://git.example/turned")
    fresh = client_of(server, "bea")
    fresh.project = old = fresh.use_project("turned")["project_id"]
    new = server.admin("rotate-project-id", "turned", "--organization", "acme").out.strip()

    with pytest.raises(Refused) as refused:
        fresh.schedules()  # 403, user info refuses, signs in, and repeats the old path

    assert refused.value.status == 404 and old in refused.value.reason
    assert fresh.use_project("turned")["project_id"] == new
    assert fresh.schedules() == ([], False)


def test_tokens_that_are_none(server, shop):
    header, payload, signature = shop.id_token.split(".")
    tokens = ["", "x", "cup_" + "x" * 43, f"{header}.{payload}.", f"{header}.{payload}.{signature[::-1]}", shop.access_token,
              "eyJhbGciOiJub25lIn0." + payload + "."]
    for token in tokens:
        client = client_of_same(shop)
        client.project, client.id_token = shop.project, token
        for method, path, body in (
            ("GET", f"/projects/v1/{shop.organization}", None),
            ("GET", client.at("secrets", ""), None),
            ("POST", f"/run/v1/external/{shop.organization}/{shop.project}/prod/minutely", None),
            ("DELETE", client.at("state", NUMBERS), None),
            ("PUT", client.at("state", NUMBERS), None),
        ):
            answer = client.once(method, path, body=body)
            assert answer.status == 403 and "meltano-cloud login" in answer.reason, (token, answer)
    for token in (*tokens, shop.id_token):
        if token != shop.access_token:
            assert send("GET", server.url + "/oauth2/userInfo", headers={"Authorization": f"Bearer {token}"}).status == 401


def test_another_organizations_things_are_not_there(server, shop):
    server.admin("create-organization", "rival")
    server.admin("create-user", "rita", "--organization", "rival", "--role", "owner", "--password-stdin", input=PASSWORD + "\n")
    rival = client_of(server, "rita")
    stranger = client_of(server, "rita")
    stranger.organization, stranger.project = shop.organization, shop.project
    mixed = client_of(server, "rita")
    mixed.project = shop.project
    for client in (stranger, mixed):
        for method, path, body in (
            ("GET", client.at("deployments"), None),
            ("POST", client.at("deployments", "prod"), {"environment_name": "prod", "git_rev": "main"}),
            ("DELETE", client.at("deployments", "prod"), None),
            ("GET", client.at("schedules"), None),
            ("PUT", client.at("schedules", "prod", "minutely", "enabled"), True),
            ("GET", client.at("jobs"), None),
            ("GET", client.at("secrets", ""), None),
            ("PUT", client.at("secrets", ""), {"name": "A", "value": "b"}),
            ("GET", client.at("state"), None),
            ("GET", client.at("state", NUMBERS), None),
        ):
            answer = client.once(method, path, body=body)
            assert answer.status in (403, 404) and "shop" not in answer.text, (path, answer)
    assert rival.project is None and rival.projects() == []
    rival.project = "0" * 26
    with pytest.raises(Refused) as refused:
        rival.schedules()
    assert refused.value.status == 404 and "project create" in refused.value.reason
    assert "A" not in shop.variables() and shop.schedule("prod", "minutely")["enabled"] is False


def test_names_with_what_paths_do_not_escape(server, shop):
    # A slash makes another path, a ? a query; behind a # nothing is sent at all.
    for name in ("minutely/x", "minutely/enabled", "/minutely", "x/../minutely"):
        with pytest.raises(Refused) as refused:
            shop.run("prod", name)
        assert refused.value.status in (400, 404), name
        with pytest.raises(Refused) as refused:
            shop.switch("prod", name, True)
        assert refused.value.status in (400, 404), name
    shop.set_variable("KEPT", "1")
    for what in (
        lambda: shop.run("prod", "minutely?x=y"),
        lambda: shop.switch("prod", "minutely?x", True),
        lambda: shop.schedule("prod", "minutely?x"),
        lambda: shop.state(NUMBERS + "?x=y"),
        lambda: shop.delete_state(NUMBERS + "?x"),
        lambda: shop.delete_variable("KEPT/B"),
        lambda: shop.delete_variable("KEPT?B"),
    ):
        with pytest.raises(Refused) as refused:
            what()
        assert refused.value.status == 404
    assert shop.variables() == ["KEPT"]
    shop.delete_variable("KEPT")
    for name in ("ärmel <b>", "a b"):
        with pytest.raises(Refused) as refused:
            shop.schedule("prod", name)
        assert refused.value.status == 404 and all(32 <= ord(c) < 127 for c in refused.value.reason)
    assert shop.schedule("prod", "minutely")["enabled"] is False and shop.history(schedule="minutely") == []


def test_unknown_filters_and_tokens_of_other_lists(server, shop):
    listed = shop.get(shop.at("schedules"), page_size=1).json
    token = listed["pagination"]["next_page_token"]
    for path, query in (
        (shop.at("jobs"), {"result": "cancelled"}),
        (shop.at("jobs"), {"start_time": "soon"}),
        (shop.at("jobs"), {"colour": "red"}),
        (shop.at("jobs"), {"page_token": token}),
        (shop.at("jobs"), {"page_token": "zz"}),
        (shop.at("jobs"), {"page_size": "251"}),
        (shop.at("deployments"), {"page_token": token}),
        (shop.at("schedules", "prod"), {"page_token": token}),
    ):
        with pytest.raises(Refused) as refused:
            shop.get(path, **query)
        assert refused.value.status == 422, (path, query)
    assert shop.history(schedule="no*such*", deployment="*", start_time="2023-05-30T16:52:44.725476+00:00") == []


def test_a_prepared_request_is_good_once_and_as_it_is(server, shop):
    first = shop.call("POST", f"/projects/v1/{shop.organization}", body={"project_name": "once", "git_repository": "https://git.example/x"})
    wanted = first.json
    other = dict(wanted, data=wanted["data"].replace("once", "more"))
    for changed in (
        other,
        dict(wanted, method="PUT"),
        dict(wanted, url=wanted["url"] + "A"),
        dict(wanted, url=wanted["url"].replace(shop.organization, shop.organization[::-1])),
        dict(wanted, url=wanted["url"].partition("?")[0]),
    ):
        assert send(changed["method"], changed["url"], changed["data"], changed["headers"]).status in (403, 404), changed
    assert shop.prepared(first).status == 201
    again = shop.prepared(first)
    assert again.status == 403 and "sent already" in again.reason
    assert [p["project_name"] for p in shop.projects()].count("once") == 1


def test_a_prepared_request_outlives_the_server(server, shop):
    first = shop.call("POST", f"/projects/v1/{shop.organization}", body={"project_name": "later", "git_repository": "https://git.example/x"})
    used = shop.call("POST", f"/projects/v1/{shop.organization}", body={"project_name": "sooner", "git_repository": "https://git.example/x"})
    assert shop.prepared(used).ok

    server.stop()
    server.start()

    assert shop.prepared(first).status == 201
    assert shop.prepared(used).status == 403


def test_two_servers_know_the_same_tokens_and_requests(server, shop, tmp_path):
    if not isinstance(server, PostgresServer):
        pytest.skip("several servers share a PostgreSQL")
    other = PostgresServer(server.program.parent, tmp_path / "other", server.database)
    other.args += ["--key-file", str(server.home / "key"), "--log-store", str(server.home / "logs"), "--components", "api"]
    other.token = server.token
    other.start()
    try:
        first = shop.call("POST", f"/projects/v1/{shop.organization}", body={"project_name": "shared", "git_repository": "https://git.example/x"})
        there = dict(first.json, url=first.json["url"].replace(server.url, other.url))
        send_there = lambda: send(there["method"], there["url"], there["data"], there["headers"])  # noqa: E731
        assert send_there().status == 201
        assert shop.prepared(first).status == 403 and send_there().status == 403
        elsewhere = CloudClient(other.url).take({"id_token": shop.id_token, "access_token": shop.access_token})
        assert elsewhere.projects() == shop.projects()
    finally:
        other.stop()


def test_a_deploy_whose_client_goes_away_goes_on(server, shop):
    shop.repository.commit({"NOTES.md": "x"})
    first = shop.call("POST", shop.at("deployments", "gone"), {"force": False}, {"environment_name": "dev", "git_rev": "main"})
    wanted = first.json
    parts = urllib.parse.urlsplit(wanted["url"])
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    connection.request(wanted["method"], f"{parts.path}?{parts.query}", wanted["data"], wanted["headers"])
    time.sleep(0.5)
    connection.close()

    wait_until("it is live", lambda: shop.deployment("gone"), 120)


def test_without_a_browser(server, shop):
    made = server.admin("cloud-cli-config", "oli", "--organization", "acme", "--public-url", server.url + "/", "--expires-in", "1h")
    config = made.json
    assert config["base_url"] == server.url + "/" and config["base_auth_url"] == server.url
    client = CloudClient(config["base_url"], config["base_auth_url"]).take(config)
    client.use_project("shop")
    assert client.user_info().json["preferred_username"] == "oli"
    client.switch("prod", "quarterly", True)
    client.switch("prod", "quarterly", False)
    with pytest.raises(Refused) as refused:
        client.variables()
    assert refused.value.status == 403 and "maintainer" in refused.value.reason

    weak = server.admin("cloud-cli-config", "ada", "--organization", "acme", "--url", server.url, "--role", "viewer").json
    viewer = CloudClient(server.url).take(weak)
    viewer.use_project("shop")
    assert viewer.schedules()[0]
    with pytest.raises(Refused):
        viewer.run("prod", "minutely")
    [token] = [t for t in server.request("GET", "/api/v1/tokens?login=oli")[1]["tokens"] if t["name"] == "cloud-cli-config"]
    assert server.request("DELETE", f"/api/v1/tokens/{token['id']}")[0] == 204
    assert client.once("GET", client.at("schedules")).status == 403 and not client.user_info().ok

    for args, hint in (
        (["nobody", "--organization", "acme", "--url", server.url], "no user and no service account"),
        (["ada", "--organization", "acme", "--url", server.url + "/cupola"], "without a path"),
        (["ada", "--organization", "acme", "--url", "cupola.example"], "not the root of a server"),
        (["ada", "--organization", "none", "--url", server.url], "no organization"),
        (["ada", "--organization", "acme", "--url", server.url, "--expires-in", "soon"], "12h or 90d"),
    ):
        failed = server.admin("cloud-cli-config", *args, check=False)
        assert failed.code == 1 and hint in failed.err, failed


def test_the_pages_of_a_sign_in(server):
    browser = Browser(server.url)
    for redirect in ("https://evil.example", "http://localhost:9999/x", "http://localhost:9999@evil.example", "http://127.0.0.1:9999", ""):
        page = browser.ask("GET", browser.authorize_target(redirect))
        assert page.status == 400 and "Location" not in page.headers and "form" not in FormReader(page.text).tags, page
    page = browser.ask("GET", browser.authorize_target())
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and page.headers["X-Frame-Options"] == "DENY"
    assert "script" not in FormReader(page.text).tags and page.headers["Cache-Control"] == "no-store"

    # A page of somebody else has neither the form nor the cookie.
    form = FormReader(page.text)
    login = {"login": "bea", "password": PASSWORD}
    assert Browser(server.url).ask("POST", form.action, {**form.fields, **login}).status == 403
    assert browser.ask("POST", form.action, login).status == 403
    assert browser.ask("POST", "/oauth2/consent", {**form.fields, "answer": "allow"}).status == 403
    wrong = browser.give_password("bea", "wrong")
    assert wrong.status == 403 and "do not belong together" in wrong.text
    consent = browser.give_password("bea", PASSWORD)
    assert "acme" in consent.text and "maintainer" in consent.text and "http://localhost:9999" in consent.text
    denied = browser.ask("POST", "/oauth2/consent", {**FormReader(consent.text).fields, "answer": "deny"})
    assert denied.status == 200 and "Nothing was given" in denied.text
    assert browser.ask("GET", "/logout?client_id=x&logout_uri=http://evil.example/logout").status == 400


def test_guesses_have_a_limit(server):
    add_user(server, "gus")
    browser = Browser(server.url)
    answers = [browser.give_password("gus", f"guess {i}").status for i in range(11)]
    assert answers == [403] * 10 + [429]
    assert browser.give_password("gus", PASSWORD).status == 429


def test_no_secret_lies_in_the_database(server, shop):
    if isinstance(server, PostgresServer) or not isinstance(server, Server):
        pytest.skip("looked at in the file")
    with sqlite3.connect(server.home / "cupola.db") as database:
        everything = "\n".join(database.iterdump())
    for secret in (shop.id_token, shop.access_token, shop.browser.cookies["cupola_browser"], PASSWORD):
        assert secret not in everything
