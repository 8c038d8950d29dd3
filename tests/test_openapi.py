"""The server and docs/openapi.yaml say the same: schemathesis asks each operation, with right values and wrong ones."""

import copy
import datetime
import json
import pathlib
import re
import subprocess
import sys
import time

import pytest
import yaml
from harness import ROOT, Repository, Server, wait_until
from projects import MELTANO_YML, numbers
from receivers import Sink

CONTRACT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
OPERATIONS = [(path, method, operation) for path, item in CONTRACT["paths"].items() for method, operation in item.items()
              if method in ("get", "post", "put", "patch", "delete")]
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "unsupported_method")
ARTIFACTS = "    artifacts: [output/*.txt]\n"
BACKFILL = "  annotations: {cupola: {backfill: {start: SINCE, end: UNTIL, state_id_suffix: backfill}}}\n"
AT = "/api/v1/projects/shop/deployments/prod"


@pytest.fixture(scope="module")
def server(build, warm, tmp_path_factory):
    own = Server(build, warm(tmp_path_factory.mktemp("openapi") / "home"),
                 args=["--allow-inner-receivers", "127.0.0.0/8", "--public-url", "https://cupola.example"])
    own.start()
    yield own
    own.stop()


@pytest.fixture(scope="module")
def values(server, tmp_path_factory):
    """What there is: values of parameters and of members of bodies, for all operations and for some of them.

    What an operation deletes, renames, revokes or robs of its role is there for it alone, so that the order
    does not matter: the last owner, the test's own token and what the others ask for stay as they are.
    """
    def ask(method, path, body=None):
        status, answer = server.request(method, path, body)
        assert status in (200, 201, 202), answer
        return answer

    def start(**env):
        return ask("POST", f"{AT}/runs", {"name": "load", "env": env})["id"]

    repository = Repository(tmp_path_factory.mktemp("openapi") / "shop")
    yml = MELTANO_YML.replace("    persist: [output]\n", "    persist: [output]\n" + ARTIFACTS).replace("  job: load\n", "  job: load\n" + BACKFILL)
    yml = yml.replace("  job: load-others\n", "  job: load-others\n" + BACKFILL)
    repository.commit(numbers({"meltano.yml": yml}))
    server.deploy("Shop", repository)
    server.cupola("deployment", "update", "prod", "--project", "shop", "--force", "--wait")
    for name in ("moving", "doomed"):
        ask("POST", "/api/v1/projects", {"name": name, "repository": repository.url})
        ask("POST", "/api/v1/projects/shop/deployments", {"name": name, "environment": "prod", "revision": "main"})
    moving = ask("GET", "/api/v1/projects/moving")["id"]

    ended = start(TOP="3")
    assert server.wait_for_run(ended)["status"] == "succeeded"
    state_id = next(iter(server.states("shop")))
    hour = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    backfill = ask("POST", f"{AT}/schedules/minutely/backfills", {"since": hour, "limit": 2})["number"]
    wait_until("the backfill ends", lambda: ask("GET", f"{AT}/backfills/{backfill}")["status"] == "ended")
    for other in ("held", "doomed"):
        ask("PUT", f"/api/v1/projects/shop/states/{other}", {"bookmarks": {"orders": 1}})
        ask("PUT", f"/api/v1/projects/shop/secrets/{other.upper()}_WORD", {"value": "word-4711"})
    for login in ("grace", "doomed"):
        server.admin("create-user", login, "--organization", "acme", "--role", "viewer")
        ask("POST", "/api/v1/service-accounts", {"name": f"{login}-robot", "role": "operator"})
    invitations = [ask("POST", "/api/v1/invitations", {"role": "viewer"}) for _ in range(3)]
    ask("POST", "/api/v1/credits/entries", {"credits": 500})

    sink = Sink()
    notifications = [ask("POST", "/api/v1/notifications", {"type": "webhook", "recipient": f"{sink.url}/{n}"})["id"] for n in range(3)]
    told = f"/api/v1/notifications/{notifications[0]}"
    delivery = ask("POST", f"{told}/test")["id"]
    wait_until("the test message is delivered", lambda: ask("GET", f"{told}/deliveries/{delivery}")["status"] == "delivered")
    asked_at = time.monotonic()
    endless = start(TOP="1000", PAUSE="1")
    wait_until("a run goes", lambda: server.run(endless)["status"] == "running")
    long_ago = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    going = ask("POST", f"{AT}/schedules/quarterly/backfills", {"since": long_ago, "limit": 200})["number"]

    there = {
        "project": "shop", "deployment": "prod", "schedule": "minutely", "environment": "prod", "revision": "main", "month": hour[:7],
        "number": 1, "release": 1, "backfill": backfill, "run": ended, "path": "output/numbers.txt", "state_id": state_id, "version": 1,
        "name": "HELD_WORD", "login": "grace", "notification": notifications[0], "delivery": delivery,
        "service_account": "grace-robot", "invitation": invitations[0]["id"], "link": invitations[0]["token"], "If-Match": "*",
    }
    for_some = {
        "change_project": {"project": moving, "repository": repository.url},
        "create_project": {"repository": repository.url},
        "rename_deployment": {"deployment": "moving"},
        "create_deployment": {"name": "another"},
        "delete_project": {"project": "doomed"},
        "delete_deployment": {"deployment": "doomed"},
        "forget_streams": {"state_id": "held", "streams": ["orders"]},
        "set_state": {"state_id": "held"},
        "restore_state": {"state_id": "held"},
        "delete_state": {"state_id": "doomed"},
        "delete_secret": {"name": "DOOMED_WORD"},
        "start_run": {"name": "load"},
        "stop_run": {"run": endless},
        "stop_backfill": {"backfill": going},
        "start_backfill": {"since": hour},
        "remove_member": {"login": "doomed"},
        "accept_invitation": {"token": invitations[1]["token"], "login": "alan", "password": "correct horse battery"},
        "revoke_invitation": {"invitation": invitations[2]["id"]},
        "delete_service_account": {"service_account": "doomed-robot"},
        "revoke_token": {"token": ask("POST", "/api/v1/tokens", {"name": "doomed"})["id"]},
        "change_notification": {"notification": notifications[1]},
        "delete_notification": {"notification": notifications[2]},
    }
    time.sleep(max(0, 10 - (time.monotonic() - asked_at)))  # Test messages come at most once in 10 s.
    yield there, for_some
    server.request("POST", f"{AT}/backfills/{going}/stop")
    for run in server.runs("shop"):
        server.request("POST", f"/api/v1/runs/{run['id']}/stop")
        server.wait_for_run(run["id"])
    sink.close()


def with_values(there, for_some):
    """The contract, with these values among those that are tried."""
    contract = copy.deepcopy(CONTRACT)
    for path, method, operation in OPERATIONS:
        name = operation["operationId"]
        known = {**there, **for_some.get(name, {})}
        item = contract["paths"][path]
        parameters = []
        for parameter in CONTRACT["paths"][path].get("parameters", []) + operation.get("parameters", []):
            named = parameter.get("$ref", "").rpartition("/")[2]
            parameter = copy.deepcopy(CONTRACT["components"]["parameters"][named] if named else parameter)
            if parameter["name"] in known:
                parameter["schema"] = {"anyOf": [{"const": known[parameter["name"]]}, parameter["schema"]]}
            # One key for all posts would make most of them repetitions.
            if parameter["name"] != "Idempotency-Key":
                parameters.append(parameter)
        item[method]["parameters"] = parameters
        body = item[method].get("requestBody", {}).get("content", {}).get("application/json", {})
        if "$ref" in body.get("schema", {}):
            body["schema"] = copy.deepcopy(CONTRACT["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]])
        examples = [body.get("example", {}), *(example["value"] for example in body.get("examples", {}).values())]
        for member, rule in body.get("schema", {}).get("properties", {}).items():
            if member not in known or (member == "name" and "name" not in for_some.get(name, {})):
                continue
            # Of repositories this one alone: a host that does not answer is a 503, as it must be.
            given = {"const": known[member]}
            body["schema"]["properties"][member] = given if member == "repository" else {"anyOf": [given, rule]}
            for example in examples:
                if member in example:
                    example[member] = known[member]
    for item in contract["paths"].values():
        item.pop("parameters", None)
    return contract


def ask_everything(server, values, folder, seed, *budget):
    """(what schemathesis said, operation → statuses that came)."""
    file, requests = folder / "openapi.yaml", folder / "requests.har"
    file.write_text(yaml.safe_dump(with_values(*values), sort_keys=False))
    # Nor does it ask for what it saw in answers: it would delete that too.
    (folder / "schemathesis.toml").write_text("".join(
        f"[phases.{phase}.extra-data-sources]\nresponses = false\n" for phase in ("examples", "coverage", "fuzzing")))
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).parent / "schemathesis"), "--no-color", "--config-file", str(folder / "schemathesis.toml"), "run", str(file), "--url", server.url,
         "--header", f"Authorization: Bearer {server.token}", "--checks", ",".join(CHECKS), "--seed", str(seed),
         "--generation-database", "none", "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off",
         "--phases", "examples,coverage,fuzzing", "--report", "har", "--report-har-path", str(requests), *budget],
        cwd=folder, text=True, capture_output=True, timeout=3000)
    patterns = [(method.upper(), re.compile(re.sub(r"\\{\w+\\}", "[^/?]+", re.escape(path)) + r"(\?|$)"), operation["operationId"])
                for path, method, operation in sorted(OPERATIONS, key=lambda each: each[0].count("{"))]
    came = {name: set() for _, _, name in patterns}
    for entry in json.loads(requests.read_text())["log"]["entries"]:
        asked = entry["request"]["url"].removeprefix(server.url)
        for method, pattern, name in patterns:
            if method == entry["request"]["method"] and pattern.match(asked):
                came[name].add(entry["response"]["status"])
                break
    return done, came


def check(server, values, folder, seed, *budget):
    done, came = ask_everything(server, values, folder, seed, *budget)
    assert done.returncode == 0, done.stdout + done.stderr
    # It was not refusals alone that were compared; those of the cloud CLI's contract are, whose client test_cloud_cli.py has.
    never_done = {name: statuses for name, statuses in came.items()
                  if not name.startswith("cloud_") and not any(status < 300 for status in statuses)}
    assert never_done == {}
    assert server.request("GET", "/api/v1/whoami")[1]["role"] == "owner"


def test_the_contract_names_each_status():
    assert [name for *name, operation in OPERATIONS if "default" in operation["responses"]] == []


def test_each_answer_is_as_the_contract_says(server, values, tmp_path):
    check(server, values, tmp_path, 1, "--max-examples", "15")


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_each_answer_is_as_the_contract_says_for_long(server, values, tmp_path):
    check(server, values, tmp_path, int(time.time()), "--max-examples", "300")
