"""How long what is kept: chosen by an organization, previewed, and followed by the clean-up."""

import urllib.error
import urllib.request

import pytest
from harness import Repository, wait_until


@pytest.fixture(scope="module")
def server(on_each_database, tmp_path_factory):
    home = tmp_path_factory.mktemp("retention") / "home"
    own = on_each_database(home)
    own.args += ["--keep-logs", "20d"]
    own.start()
    repository = Repository(tmp_path_factory.mktemp("repository"))
    repository.commit({"meltano.yml": "version: 1\n"})
    own.cupola("project", "create", "--name", "p", "--repository", repository.url)
    yield own
    own.stop()


def test_an_organization_chooses_over_the_server(server):
    shown = server.cupola("retention", "show", "--format", "json").json
    assert shown["kept"] == shown["defaults"] == {"logs": "20d", "runs": "400d", "state_versions": 100, "deliveries": "30d", "audit": "forever"}
    assert set(shown["own"].values()) == {None}

    server.cupola("retention", "set", "--logs", "7d", "--audit", "400d")
    kept = server.cupola("retention", "set", "--logs", "default", "--state-versions", "50", "--format", "json").json
    assert kept["kept"]["logs"] == "20d" and kept["own"]["logs"] is None
    assert kept["kept"]["audit"] == "400d" and kept["kept"]["state_versions"] == 50
    told = server.cupola("audit", "--kind", "retention", "--format", "json").json["audit"][0]
    assert told["action"] == "retention.change" and (told["before"]["logs"], told["after"]["logs"]) == ("7d", None)

    for words, part in [(("--logs", "1h"), "`logs` is 1h"), (("--audit", "30d"), "`audit`"), (("--state-versions", "0"), "`state_versions`"),
                        (("--runs", "forever"), "`runs` is no span"), ((), "Nothing is to be changed")]:
        refused = server.cupola("retention", "set", *words, check=False)
        assert refused.code == 1 and part in refused.err, (words, refused)
    server.cupola("retention", "set", "--audit", "forever")
    assert server.cupola("retention", "show", "--format", "json").json["own"]["audit"] == "forever"


def test_two_owners_do_not_overwrite_each_other(server):
    request = urllib.request.Request(server.url + "/api/v1/retention", headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        seen = reply.headers["ETag"]
    status, _ = server.request("PATCH", "/api/v1/retention", {"runs": "300d"}, headers={"If-Match": seen})
    assert status == 200
    status, _ = server.request("PATCH", "/api/v1/retention", {"runs": "200d"}, headers={"If-Match": seen})
    assert status == 412
    assert server.request("GET", "/api/v1/retention")[1]["kept"]["runs"] == "300d"


def test_only_owners_see_and_choose(server):
    server.cupola("service-account", "create", "m", "--role", "maintainer")
    token = server.cupola("token", "create", "--service-account", "m").out.strip()
    for method, path, body in [("GET", "", None), ("PATCH", "", {"logs": "1d"}), ("GET", "/preview", None)]:
        assert server.request(method, "/api/v1/retention" + path, body, token=token)[0] == 403
    server.cupola("service-account", "delete", "m", "--yes")


def test_the_preview_tells_what_goes_and_why_and_the_clean_up_follows(server):
    for n in range(6):
        server.cupola("state", "set", "s", "--project", "p", input=f'{{"bookmarks": {{"a": {n}}}}}')
    versions = lambda: [v["version"] for v in server.cupola("state", "history", "s", "--project", "p", "--format", "json").json["versions"]]

    asked = server.cupola("retention", "preview", "--state-versions", "4")
    assert "s version 1" in asked.out and "the newest 4 of each" in asked.out
    answer = server.cupola("retention", "preview", "--state-versions", "4", "--format", "json").json
    gone = {item["what"]: item["count"] for item in answer["would_go"]}
    assert gone == {"logs": 0, "runs": 0, "artifacts": 0, "fires": 0, "backfills": 0, "deleted": 0, "state_versions": 2, "deliveries": 0, "audit": 0}
    assert len(versions()) == 6, "a preview changes nothing"
    refused = server.cupola("retention", "preview", "--logs", "1s", check=False)
    assert refused.code == 1 and "`logs`" in refused.err

    server.cupola("retention", "set", "--state-versions", "4")
    server.stop()
    server.start()  # the clean-up works at each start
    wait_until("the oldest versions are gone", lambda: versions() == [6, 5, 4, 3])
    left = server.cupola("retention", "preview", "--format", "json").json["would_go"]
    assert all(item["count"] == 0 for item in left)
