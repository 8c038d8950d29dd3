"""People of an organization from outside: invitations, roles, service accounts, tokens, the audit log."""

import concurrent.futures
import contextlib
import csv
import io
import re
import sqlite3
import time
import urllib.request

import pytest
from harness import Repository, Server, wait_until
from postgres import PostgresServer

PASSWORD = "correct horse battery"
VALUE = "open-sesame-4711"


@pytest.fixture(scope="module")
def server(on_each_database, tmp_path_factory):
    home = tmp_path_factory.mktemp("people") / "home"
    own = on_each_database(home)
    if not isinstance(own, PostgresServer):
        own.args += ["--public-url", "https://cupola.example/"]
    own.start()
    yield own
    own.stop()


@pytest.fixture(scope="module")
def projects(server, tmp_path_factory):
    """Two projects with a deployment `prod` each, which nobody waits for."""
    repository = Repository(tmp_path_factory.mktemp("repository"))
    repository.commit({"meltano.yml": "version: 1\nenvironments:\n- name: prod\n"})
    for name in ("shop", "bank"):
        server.cupola("project", "create", "--name", name, "--repository", repository.url)
        server.cupola("deployment", "create", "--project", name, "--name", "prod", "--environment", "prod", "--branch", "main")
    return "shop", "bank"


def invite(server, *more, role="viewer"):
    return server.cupola("invitation", "create", "--role", role, "--format", "json", *more).json


def accept(server, token, login, password=PASSWORD):
    return server.request("POST", "/api/v1/invitations/accept", {"token": token, "login": login, "password": password})


def whoami(server, token):
    return server.request("GET", "/api/v1/whoami", token=token)


def audit(server, *filters):
    return server.cupola("audit", *filters, "--format", "json").json["audit"]


def join(server, login, role="viewer"):
    status, joined = accept(server, invite(server, role=role)["token"], login)
    assert status == 201, joined
    return joined["token"]


def test_somebody_is_invited_joins_rises_and_is_removed(server):
    made = server.cupola("invitation", "create", "--role", "viewer", "--email", "eve@example.com")
    link = made.out.strip()
    assert "/invitations/inv_" in link and "not shown again" in made.err
    if server.args[0] == "--public-url":
        assert link.startswith("https://cupola.example/invitations/inv_")
    local = server.url + link[link.index("/invitations/"):]
    with urllib.request.urlopen(local, timeout=30) as reply:
        assert b'"organization":"acme"' in reply.read()

    token = server.token
    server.token = ""
    try:
        joined = server.cupola("invitation", "accept", local, "--login", "eve", input=PASSWORD)
        again = server.cupola("invitation", "accept", local, "--login", "mallory", input=PASSWORD, check=False)
    finally:
        server.token = token
    eve = joined.out.strip()
    assert re.fullmatch(r"cup_[\w-]{43}", eve) and "viewer of acme" in joined.err
    assert again.code == 1 and "used already" in again.err, again
    assert whoami(server, eve)[1]["login"] == "eve"

    assert server.request("GET", "/api/v1/organization", token=eve)[0] == 403
    server.cupola("member", "set-role", "eve", "owner")
    assert server.request("GET", "/api/v1/organization", token=eve)[0] == 200
    members = server.cupola("member", "list", "--format", "json").json["members"]
    assert [(m["login"], m["role"]) for m in members if m["login"] in ("ada", "eve")] == [("ada", "owner"), ("eve", "owner")]
    server.cupola("member", "remove", "eve", "--yes")
    assert whoami(server, eve)[0] == 401

    last = server.cupola("member", "remove", "ada", "--yes", check=False)
    assert last.code == 1 and "last owner" in last.err, last
    told = [(e["actor"], e["action"], e["name"]) for e in audit(server, "--limit", "5")]
    assert told == [("ada", "member.remove", "eve"), ("ada", "member.change", "eve"), ("eve", "invitation.accept", "eve"),
                    ("ada", "invitation.create", "eve@example.com")] + told[4:]


def test_of_many_who_open_one_link_at_once_one_joins(server):
    token = invite(server)["token"]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: accept(server, token, f"crowd-{n}"), range(6)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409, 409, 409], answers
    members = server.cupola("member", "list", "--format", "json").json["members"]
    assert len([m for m in members if m["login"].startswith("crowd-")]) == 1


def test_links_that_are_revoked_expired_or_foreign_say_so(server):
    revoked = invite(server)
    server.cupola("invitation", "revoke", revoked["id"])
    status, problem = accept(server, revoked["token"], "late")
    assert status == 409 and "revoked" in problem["detail"]
    status, problem = accept(server, "inv_" + 43 * "x", "late")
    assert status == 404
    listed = server.cupola("invitation", "list", "--format", "json").json["invitations"]
    assert [i["status"] for i in listed if i["id"] == revoked["id"]] == ["revoked"]
    assert "inv_" not in str(listed)


def test_a_person_in_two_organizations_needs_the_password(server):
    join(server, "twin")
    server.admin("create-organization", "second")
    server.admin("create-user", "boss", "--organization", "second", "--role", "owner")
    boss = server.admin("create-token", "boss", "--organization", "second").out.strip()
    status, made = server.request("POST", "/api/v1/invitations", {"role": "operator"}, token=boss)
    assert status == 201

    assert accept(server, made["token"], "twin", "another password")[0] == 401
    status, joined = accept(server, made["token"], "twin")
    assert status == 201 and joined["organization"]["name"] == "second"
    _, who = whoami(server, joined["token"])
    assert [(o["name"], o["role"], o["current"]) for o in who["organizations"]] == [("acme", "viewer", False), ("second", "operator", True)]


def test_passwords_are_not_guessed_at(server):
    join(server, "victim")
    token = invite(server)["token"]
    statuses = [accept(server, token, "victim", f"guess number {n}")[0] for n in range(12)]
    assert statuses[:9] == 9 * [401] and statuses[-1] == 429, statuses


def test_a_service_accounts_token_reaches_its_project_alone(server, projects):
    server.cupola("service-account", "create", "ci robot", "--role", "maintainer")
    made = server.cupola("token", "create", "--service-account", "ci robot", "--name", "ci", "--role", "operator", "--project", "shop",
                         "--expires-in", "30d")
    token = made.out.strip()

    assert whoami(server, token)[1]["role"] == "operator"
    for path, expected in [("/api/v1/projects/shop", 200), ("/api/v1/projects/shop/deployments/prod", 200), ("/api/v1/projects/bank", 404),
                           ("/api/v1/projects/bank/deployments/prod", 404), ("/api/v1/members", 403), ("/api/v1/tokens", 403),
                           ("/api/v1/projects/shop/secrets", 403), ("/api/v1/runs?project=bank", 404)]:
        status, answer = server.request("GET", path, token=token)
        assert status == expected, (path, answer)
    assert [p["name"] for p in server.request("GET", "/api/v1/projects", token=token)[1]["projects"]] == ["shop"]
    assert [d["project"] for d in server.request("GET", "/api/v1/deployments", token=token)[1]["deployments"]] == ["shop"]
    listed = server.cupola("token", "list", "--service-account", "ci robot", "--format", "json").json["tokens"]
    assert [(t["project"], t["role"], t["holder_kind"]) for t in listed] == [("shop", "operator", "service_account")]
    assert listed[0]["last_used_at"] and listed[0]["expires_at"] and token not in str(listed)

    server.cupola("token", "revoke", listed[0]["id"])
    assert whoami(server, token)[0] == 401
    other = server.cupola("token", "create", "--service-account", "ci robot").out.strip()
    assert whoami(server, other)[0] == 200
    server.cupola("service-account", "delete", "ci robot", "--yes")
    assert whoami(server, other)[0] == 401


def test_who_is_removed_reads_no_log_any_more(server, projects):
    reader = join(server, "reader")
    release = wait_until("the release ends", lambda: (r := server.request("GET", "/api/v1/projects/shop/deployments/prod/releases")[1]["releases"][0])
                         ["status"] in ("live", "failed") and r)
    path = f"/api/v1/projects/shop/deployments/prod/releases/{release['number']}/log"
    request = urllib.request.Request(server.url + path, headers={"Authorization": f"Bearer {reader}"})
    assert urllib.request.urlopen(request, timeout=30).status == 200
    server.cupola("member", "remove", "reader", "--yes")
    assert server.request("GET", path, token=reader)[0] == 401


def test_internal_ids_are_rotated_and_all_goes_on(server, projects):
    before = server.cupola("whoami", "--format", "json").json["organization"]["id"]
    project = server.request("GET", "/api/v1/projects/bank")[1]["id"]
    server.cupola("secret", "set", "KEPT", "--project", project, input=VALUE)

    organization = server.admin("rotate-organization-id", "acme").out.strip()
    rotated = server.admin("rotate-project-id", "bank", "--organization", "acme").out.strip()

    wait_until("the new id is shown", lambda: server.cupola("whoami", "--format", "json").json["organization"]["id"] == organization != before,
               timeout=10)
    status, problem = server.request("GET", f"/api/v1/projects/{project}")
    assert status == 404 and problem["organization_id"] == organization
    assert server.request("GET", f"/api/v1/projects/{rotated}/deployments/prod")[0] == 200
    assert "KEPT" in server.cupola("secret", "list", "--project", rotated).out
    told = audit(server, "--actor", "admin", "--kind", "project")[0]
    assert (told["action"], told["before"], told["after"]) == ("project.rotate_id", {"id": project}, {"id": rotated})
    assert told["actor_kind"] == "admin" and told["peer"] is None


def test_bills_go_where_the_owner_says_and_two_do_not_overwrite_each_other(server):
    server.cupola("organization", "set", "--billing-name", "Acme Ltd", "--billing-address", "1 Main St\nTown", "--billing-email", "b@acme.example")
    shown = server.cupola("organization", "show", "--format", "json").json
    assert re.fullmatch(r"CUP-\d{10}", shown["account_number"]) and shown["billing_address"] == "1 Main St\nTown"

    request = urllib.request.Request(server.url + "/api/v1/organization", headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        seen = reply.headers["ETag"]
    patch = lambda name: server.request("PATCH", "/api/v1/organization", {"billing_name": name}, headers={"If-Match": seen})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = sorted(status for status, _ in pool.map(patch, ["a", "b", "c", "d"]))
    assert statuses == [200, 412, 412, 412]


def test_an_organization_and_a_service_account_are_changed(server):
    server.admin("create-organization", "taken")
    taken = server.cupola("organization", "set", "--name", "taken", check=False)
    assert taken.code == 1 and "already" in taken.err
    server.cupola("organization", "set", "--name", "Acme Ltd")
    assert server.cupola("whoami", "--format", "json").json["organization"]["name"] == "Acme Ltd"
    server.cupola("organization", "set", "--name", "acme")
    renamed = audit(server, "--kind", "organization")[0]
    assert (renamed["before"]["name"], renamed["after"]["name"]) == ("Acme Ltd", "acme")

    server.cupola("service-account", "create", "changing", "--role", "viewer")
    token = server.cupola("token", "create", "--service-account", "changing", "--name", "t").out.strip()
    assert server.request("POST", "/api/v1/projects", {"name": "x", "repository": "/x"}, token=token)[0] == 403
    assert "is maintainer now" in server.cupola("service-account", "set-role", "changing", "maintainer").out
    assert whoami(server, token)[1]["role"] == "maintainer"
    assert audit(server, "--kind", "service_account")[0]["before"] == {"role": "viewer"}
    # Whoever is no owner gives nobody a role, and so none above the own one.
    assert server.request("PATCH", "/api/v1/service-accounts/changing", {"role": "owner"}, token=token)[0] == 403
    server.cupola("service-account", "delete", "changing", "--yes")


def test_the_audit_log_is_complete_and_exported(server, projects):
    server.cupola("secret", "set", "AUDITED", "--project", "shop", input=VALUE)
    server.cupola("state", "set", "prod:a-to-b", "--project", "shop", input='{"bookmark": "%s"}' % VALUE)
    server.cupola("secret", "delete", "AUDITED", "--project", "shop")

    entries = audit(server, "--limit", "1000")
    actions = {e["action"] for e in entries}
    assert {"organization.create", "member.create", "token.create", "project.create", "deployment.create", "secret.set", "secret.delete",
            "state.set"} <= actions
    assert all(e["peer"] == "127.0.0.1" and e["request_id"] and e["token"] for e in entries if e["actor_kind"] == "user")
    assert [e["at"] for e in entries] == sorted((e["at"] for e in entries), reverse=True)
    assert audit(server, "--kind", "secret", "--limit", "1")[0]["action"] == "secret.delete"

    exported = server.cupola("audit", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [r["id"] for r in rows] == [e["id"] for e in entries]
    assert VALUE not in exported and VALUE not in str(entries) and "cup_" not in exported and "inv_" not in exported
    assert "secret.delete" in server.cupola("audit", "--since", "1h").out
    assert server.request("GET", "/api/v1/audit", token=join(server, "curious", "maintainer"))[0] == 403
    assert server.request("DELETE", "/api/v1/audit")[0] == 405


def test_what_is_wrong_is_told_and_changes_nothing(server):
    long = 300 * "x"
    wrong = [
        ("POST", "/api/v1/invitations", {"role": "god"}),
        ("POST", "/api/v1/invitations", {"role": "viewer", "email": "a@b\r\nBcc: c@d"}),
        ("POST", "/api/v1/invitations", {"role": "viewer", "expires_in": "forever"}),
        ("POST", "/api/v1/invitations/accept", {"token": "x"}),
        ("POST", "/api/v1/service-accounts", {"name": "", "role": "viewer"}),
        ("POST", "/api/v1/service-accounts", {"name": long, "role": "viewer"}),
        ("POST", "/api/v1/service-accounts", {"name": "a\r\nb", "role": "viewer"}),
        ("POST", "/api/v1/tokens", {"name": "a\x00b"}),
        ("POST", "/api/v1/tokens", {"name": long}),
        ("POST", "/api/v1/tokens", {"name": "x", "project": "../../etc"}),
        ("PATCH", "/api/v1/members/ada", {"role": None}),
        ("PATCH", "/api/v1/members/a%0d%0ab", {"role": "viewer"}),
        ("PATCH", "/api/v1/organization", {"billing_email": "none"}),
        ("PATCH", "/api/v1/organization", ["list"]),
        ("DELETE", "/api/v1/tokens/none", None),
        ("DELETE", "/api/v1/invitations/" + long, None),
        ("GET", "/api/v1/audit?kind=thing", None),
        ("GET", "/api/v1/members?cursor=zz", None),
    ]
    before = len(audit(server, "--limit", "1000"))
    for method, path, body in wrong:
        status, problem = server.request(method, path, body)
        assert 400 <= status < 500 and problem["status"] == status and problem["detail"], (method, path, body, status, problem)
    assert len(audit(server, "--limit", "1000")) == before
    for token in ("cup_" + 43 * "x", "cup_short", "Basic", "inv_" + 43 * "x"):
        assert whoami(server, token)[0] == 401

    for words, code in [(["invitation", "create", "--role", "god"], 2), (["invitation", "create"], 2), (["member", "set-role", "nobody", "owner"], 1),
                        (["token", "revoke", "none"], 1), (["organization", "set"], 1), (["audit", "--since", "never"], 1),
                        (["service-account", "create", "x\r\ny", "--role", "viewer"], 1)]:
        done = server.cupola(*words, check=False)
        assert done.code == code and done.out == "" and done.err.startswith("cupola: "), (words, done)
    for words in (["rotate-organization-id", "nobody"], ["rotate-project-id", "nothing", "--organization", "acme"]):
        done = server.admin(*words, check=False)
        assert done.code == 1 and "There is no" in done.err, done


def test_an_expired_token_is_none(server, request):
    token = server.cupola("token", "create", "--name", "brief", "--expires-in", "1m").out.strip()
    assert whoami(server, token)[1]["expires_at"]
    sql = "UPDATE tokens SET expires_at = 1 WHERE name = 'brief'"
    if isinstance(server, PostgresServer):
        request.getfixturevalue("postgres").query(sql)
    else:
        with contextlib.closing(sqlite3.connect(server.home / "cupola.db", timeout=10)) as database:
            database.execute(sql)
            database.commit()
    # Not through the server, so that it may remember the token for a second.
    wait_until("it is none", lambda: whoami(server, token)[0] == 401, timeout=5)
    assert [t["status"] for t in server.cupola("token", "list", "--format", "json").json["tokens"] if t["name"] == "brief"] == ["expired"]


def test_a_server_hears_at_once_what_another_took(build, tmp_path, postgres):
    postgres.query("CREATE DATABASE pair")
    first = PostgresServer(build, tmp_path / "first", postgres.url_of("pair"))
    first.start()
    key = ["--key-file", str(first.home / "key")]
    second = PostgresServer(build, tmp_path / "second", postgres.url_of("pair"))
    second.args += key
    second.token = first.token
    try:
        second.start()

        def seconds_until_turned_away(name):
            token = first.cupola("token", "create", "--name", name).out.strip()
            listed = first.cupola("token", "list", "--format", "json").json["tokens"]
            token_id = next(t["id"] for t in listed if t["name"] == name)
            assert whoami(second, token)[0] == 200
            first.request("DELETE", f"/api/v1/tokens/{token_id}")
            revoked = time.monotonic()
            wait_until("the second server turns it away", lambda: whoami(second, token)[0] == 401, timeout=5, every=0.02)
            return time.monotonic() - revoked

        # A member is remembered for a second; news takes milliseconds, on a machine that is not held up itself.
        assert min(seconds_until_turned_away(f"both-{n}") for n in range(3)) < 0.9
    finally:
        second.stop()
        first.stop()


def test_the_audit_log_is_kept_unless_it_is_said_how_long(build, tmp_path):
    own = Server(build, tmp_path / "home")
    own.start()
    try:
        assert len(audit(own)) == 3
        own.stop()
        own.start()
        time.sleep(1.5)
        assert len(audit(own)) == 3
        own.stop()
        own.args += ["--keep-audit", "1s"]
        own.start()
        wait_until("old entries are gone", lambda: audit(own) == [], timeout=20)
    finally:
        own.stop()
    wrong = Server(build, tmp_path / "home", args=["--keep-audit", "long"])
    wrong.token = own.token
    with pytest.raises(AssertionError):
        wrong.start()
    assert any("--keep-audit" in line for line in wrong.log)
