"""The main job on PostgreSQL, and a PostgreSQL that goes away while runs are on."""

import concurrent.futures
import re

import pytest
from harness import Repository, wait_until
from postgres import PROGRAMS, PostgresServer
from projects import numbers

STATE_ID = "prod:tap-numbers-to-target-lines"

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")


@pytest.fixture(scope="module")
def server(build, tmp_path_factory, warm, postgres):
    own = PostgresServer(build, warm(tmp_path_factory.mktemp("postgres") / "home"), postgres.url)
    own.start()
    yield own
    own.stop()


def start(server, project, **env):
    extra = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    return server.cupola("run", "load", "--project", project, "--deployment", "prod", *extra, "--format", "json").json


def sent(server, run):
    text = server.cupola("logs", run["id"], check=False).out
    return [int(line.rsplit("sent ", 1)[1].split()[0]) for line in text.splitlines() if "sent " in line]


def test_register_deploy_run_and_restart(server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("slice", repository)
    server.cupola("schedule", "enable", "--project", "slice", "--deployment", "prod", "quarterly")
    server.cupola("secret", "set", "SPEAK", "--project", "slice", input="open-sesame-4711")

    assert "the word is ****" in server.cupola("run", "load", "--project", "slice", "--deployment", "prod", "--follow").out
    run = start(server, "slice", TOP=40, PAUSE=0.1)
    wait_until("it sends", lambda: len(sent(server, run)) > 3)
    server.kill()
    server.start()

    ended = server.wait_for_run(run["id"])
    assert ended["status"] == "succeeded", ended
    assert sent(server, run) == list(range(6, 46))
    state = server.states("slice")[STATE_ID]
    assert state["run"] == run["id"] and state["final"]
    schedules = server.cupola("schedule", "list", "--project", "slice", "--deployment", "prod", "--format", "json").json["schedules"]
    assert [s["name"] for s in schedules if s["enabled"]] == ["quarterly"]
    server.cupola("schedule", "disable", "--project", "slice", "--deployment", "prod", "quarterly")


def test_a_database_that_goes_away_and_comes_back_loses_nothing(server, postgres, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("outage", repository)
    short = start(server, "outage", TOP=20, PAUSE=0.1)
    wait_until("it sends", lambda: len(sent(server, short)) > 3)

    postgres.stop()
    try:
        for method, path, body in [("GET", "/api/v1/runs", None), ("POST", "/api/v1/projects", {"name": "never", "repository": repository.url}),
                                   ("GET", "/readyz", None)]:
            status, problem = server.request(method, path, body)
            assert status == 503 and problem["status"] == 503 and "log" in problem["hint"], problem
            assert problem["request_id"] in problem["hint"] and "postgresql" not in str(problem)
            # A connection that was open already breaks; a new one is refused.
            told = re.compile(problem["request_id"] + ".*(Cannot reach the database|connection to the database .* was lost)")
            wait_until("the server's log tells it", lambda: any(told.search(line) for line in server.log))
        assert server.request("GET", "/healthz")[0] == 200
        done = server.cupola("project", "list", check=False)
        assert done.code == 1 and done.out == "" and "cannot answer this now" in done.err

        # The run ends without a database; to write that down is tried, and will be again.
        result = server.home / "runs" / short["id"] / "result.json"
        wait_until("the run ends by itself", result.exists)
        tries = lambda: sum("error runner:" in line for line in server.log)
        seen = tries()
        wait_until("its end cannot be written", lambda: tries() >= seen + 2 and any(f"error run {short['id']}:" in line for line in server.log))
    finally:
        postgres.start()

    ended = server.wait_for_run(short["id"], timeout=20)
    assert ended["status"] == "succeeded" and ended["exit_code"] == 0, ended
    assert sent(server, short) == list(range(1, 21))
    assert server.states("outage")[STATE_ID]["run"] == short["id"]
    assert "never" not in [p["name"] for p in server.cupola("project", "list", "--format", "json").json["projects"]]
    again = start(server, "outage", TOP=1)
    assert server.wait_for_run(again["id"])["status"] == "succeeded"
    assert sent(server, again) == [21]


def test_a_database_that_crashed_and_is_back_refuses_nobody(server, postgres):
    """Each of the connections that broke meanwhile is found out by somebody, who must not notice."""
    ask = lambda i: server.request("GET", "/api/v1/runs") if i % 2 else server.request("POST", "/api/v1/projects", {"name": "slice", "repository": "/nowhere"})
    with concurrent.futures.ThreadPoolExecutor(16) as people:
        for _ in range(3):
            list(people.map(ask, range(64)))  # as many connections as it ever opens
            postgres.crash()
            postgres.start_after_crash()
            answers = list(people.map(ask, range(64)))
            assert {status for status, _ in answers} == {200, 409}, [answer for answer in answers if answer[0] > 500]

