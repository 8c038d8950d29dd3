"""States from outside: compared, edited, brought along from another Meltano, and held by one run at a time."""

import json
import os
import socket
import sqlite3
import subprocess

import pytest
from harness import Repository, wait_until
from projects import MELTANO_YML, TAP, numbers
from receivers import free_port

STATE_ID = "prod:tap-numbers-to-target-lines"
SLOW = '''#!/usr/bin/env python3
"""Stands in for dbt: the second task of a job."""
import os, time
print("transforming", flush=True)
time.sleep(float(os.environ.get("TRANSFORM", "0")))
'''
# With bookmarks as large as PAD says.
PADDED_TAP = TAP.replace('{"numbers": {"n": n}}', '{"numbers": {"n": n}, **({"pad": "x" * int(os.environ["PAD"])} if "PAD" in os.environ else {})}', 1)
WITH_SLOW = MELTANO_YML.replace("jobs:\n", """  utilities:
  - name: slow
    namespace: slow
    executable: ./slow.py
    commands: {go: {args: ''}}
jobs:
- name: whole
  tasks: [tap-numbers target-lines, 'slow:go']
""", 1)


@pytest.fixture(scope="module")
def server(on_each_database, tmp_path_factory, warm):
    home = warm(tmp_path_factory.mktemp("states") / "home")
    own = on_each_database(home)
    own.args += ["--max-runs", "2"]
    own.start()
    repository = Repository(tmp_path_factory.mktemp("repository"))
    repository.commit(numbers({"meltano.yml": WITH_SLOW, "slow.py": SLOW, "tap.py": PADDED_TAP}))
    own.deploy("p", repository)
    own.repository = repository
    yield own
    own.stop()


def state(server, command, *args, **more):
    return server.cupola("state", command, *args, "--project", "p", **more)


def start(server, job="load", **env):
    words = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    return server.cupola("run", job, "--project", "p", "--deployment", "prod", *words, "--format", "json").json["id"]


def bookmarks(**streams):
    return json.dumps({"singer_state": {"bookmarks": streams}})


def test_versions_are_compared_and_streams_forgotten(server):
    state(server, "set", "s", input=bookmarks(orders={"at": 1}, users={"at": 5}))
    state(server, "set", "s", input=bookmarks(orders={"at": 2}, users={"at": 5}, more={}))

    diff = state(server, "diff", "s", "--format", "json").json
    assert (diff["from"], diff["to"]) == (1, 2)
    at = "/completed/singer_state/bookmarks/"
    assert diff["changes"] == [{"path": at + "orders/at", "from": 1, "to": 2, "change": "changed"},
                               {"path": at + "more", "from": None, "to": {}, "change": "added"}]
    shown = state(server, "diff", "s", "--from", "2", "--to", "1")
    assert at + "more" in shown.out and "from version 2 to version 1" in shown.err

    done = state(server, "forget", "s", "orders", "more")
    assert "version 3" in done.out and "orders, more anew" in done.out
    assert json.loads(state(server, "get", "s").out) == {"completed": {"singer_state": {"bookmarks": {"users": {"at": 5}}}}}
    refused = state(server, "forget", "s", "nothing", check=False)
    assert refused.code == 1 and "no bookmark of the stream 'nothing'" in refused.err and "'users'" in refused.err, refused
    missing = state(server, "diff", "s", "--to", "9", check=False)
    assert missing.code == 1 and "no such version" in missing.err
    state(server, "delete", "s", "--yes")


def test_states_of_another_meltano_are_brought_along(server, tmp_path):
    folder = tmp_path / "states"
    for name, payload in {"prod:a-to-b": {"completed": {"singer_state": {"x": 1}}, "partial": {}}, "prod:c-to-d:more": {"singer_state": {"y": 2}}}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "state.json").write_text(json.dumps(payload))

    dry = state(server, "import", "--from", str(folder), "--dry-run")
    assert "2 of 2 states would be set; nothing was" in dry.err and "prod:c-to-d:more" in dry.out
    assert state(server, "list", "--format", "json").json["states"] == []
    done = state(server, "import", "--from", f"file://{folder}")
    assert "2 of 2 states were set" in done.err
    assert json.loads(state(server, "get", "prod:c-to-d:more").out) == {"completed": {"singer_state": {"y": 2}}}
    again = state(server, "import", "--from", str(folder))
    assert "0 of 2 states were set" in again.err
    assert state(server, "history", "prod:a-to-b", "--format", "json").json["versions"][0]["origin"] == "imported"

    project = tmp_path / "project"
    (project / ".meltano").mkdir(parents=True)
    with sqlite3.connect(project / ".meltano" / "meltano.db") as db:
        db.execute("CREATE TABLE state (state_id VARCHAR, updated_at DATETIME, partial_state TEXT, completed_state TEXT)")
        db.execute("""INSERT INTO state VALUES ('prod:a-to-b', NULL, '{"singer_state": {"p": 1}}', '{"singer_state": {"x": 3}}')""")
        db.execute("INSERT INTO state VALUES ('prod:empty', NULL, NULL, 'null')")
    db.close()
    for source in (project, project / ".meltano" / "meltano.db", f"sqlite:///{project}/.meltano/meltano.db"):
        told = state(server, "import", "--from", str(source), "--dry-run", "--format", "json").json["states"]
        assert [(s["state_id"], s["change"]) for s in told] == [("prod:a-to-b", "replaces"), ("prod:empty", "new")], source
    state(server, "import", "--from", str(project))
    assert json.loads(state(server, "get", "prod:a-to-b").out) == {"completed": {"singer_state": {"x": 3}}, "partial": {"singer_state": {"p": 1}}}

    (folder / "prod:a-to-b" / "state.json").write_text("{torn")
    (tmp_path / "export.json").write_text('{"prod:a-to-b": 1}')
    (tmp_path / "notes.txt").write_text("some words")
    for source, words in [(folder, "holds no state"), (tmp_path / "none", "There is no"), (tmp_path / "export.json", "holds no state for 'prod:a-to-b'"),
                          (tmp_path / "notes.txt", "no SQLite database")]:
        refused = state(server, "import", "--from", str(source), check=False)
        assert refused.code == 1 and words in refused.err, (source, refused)
    for name in ("prod:a-to-b", "prod:c-to-d:more", "prod:empty"):
        state(server, "delete", name, "--yes")


STAND_IN = """#!/bin/sh
echo "$PWD $* $MELTANO_STATE_BACKEND_URI $(cat meltano.yml)" >> "$SAID"
case $MELTANO_STATE_BACKEND_URI in
  gs://closed) echo "2026-11-26 [error    ] The bucket is closed" >&2; echo "Need help?" >&2; exit 1 ;;
  azure://odd) echo "not json" ;;
  *) cat "$EXPORT" ;;
esac
"""


def test_states_of_a_backend_that_only_meltano_reads_are_brought_along(server, tmp_path):
    export, said, program = tmp_path / "export.json", tmp_path / "said", tmp_path / "stand-in"
    export.write_text('{"prod:x-to-y": {"completed": {"singer_state": {"x": 1}}, "partial": {}}, "dev:x-to-y": {"completed": {}, "partial": {}}}')
    program.write_text(STAND_IN)
    program.chmod(0o755)
    project = tmp_path / "project"
    project.mkdir()
    (project / "meltano.yml").write_text("version: 1 # of the project")
    server.env.update(EXPORT=str(export), SAID=str(said))

    done = state(server, "import", "--from", "s3://bucket/prefix", "--meltano", str(program))
    assert "2 of 2 states were set" in done.err and json.loads(state(server, "get", "prod:x-to-y").out)["completed"] == {"singer_state": {"x": 1}}
    folder, *words = said.read_text().split()
    assert words == ["state", "export", "s3://bucket/prefix", "version:", "1"]
    assert not os.path.exists(folder), "its empty project is gone"
    assert "0 of 2 states were set" in state(server, "import", "--from", "snowflake://x", "--meltano", str(program), cwd=project).err
    assert f"{project} state export snowflake://x version: 1 # of the project" in said.read_text()
    assert "0 of 2 states were set" in state(server, "import", "--from", str(export)).err

    for source, words in [("gs://closed", "Meltano cannot read gs://closed: 2026-11-26 [error    ] The bucket is closed"),
                          ("azure://odd", "is no JSON object")]:
        refused = state(server, "import", "--from", source, "--meltano", str(program), check=False)
        assert refused.code == 1 and words in refused.err, refused
    missing = state(server, "import", "--from", "s3://bucket", "--meltano", str(tmp_path / "none"), check=False)
    assert missing.code == 1 and "Cannot run Meltano, which reads s3://bucket" in missing.err and "--meltano" in missing.err, missing
    for name in ("prod:x-to-y", "dev:x-to-y"):
        state(server, "delete", name, "--yes")


def test_what_a_run_may_leave_may_be_set_and_imported_and_no_more(server, tmp_path):
    run = start(server, PAD=12 << 20, TOP=1, MELTANO_ELT_BUFFER_SIZE=64 << 20)
    assert server.wait_for_run(run)["status"] == "succeeded"
    left = state(server, "get", STATE_ID).out
    assert len(left) > 12 << 20
    (tmp_path / "prod:copy").mkdir()
    (tmp_path / "prod:copy" / "state.json").write_text(left)
    assert "1 of 1 states were set" in state(server, "import", "--from", str(tmp_path)).err
    state(server, "set", "prod:copy", input=left.replace("xx", "yy"))
    assert [one["version"] for one in state(server, "history", "prod:copy", "--format", "json").json["versions"]] == [2, 1]

    (tmp_path / "prod:huge").mkdir()
    huge = json.dumps({"completed": {"singer_state": {"bookmarks": {"orders": "x" * (33 << 20)}}}})
    (tmp_path / "prod:huge" / "state.json").write_text(huge)
    (tmp_path / "prod:small").mkdir()
    (tmp_path / "prod:small" / "state.json").write_text(left.replace("xxxx", ""))
    told = "The state 'prod:huge' has 33.0 MiB as JSON; the limit is 32 MiB"
    refused = [state(server, "import", "--from", str(tmp_path), check=False), state(server, "set", "prod:huge", input=huge, check=False)]
    assert all(one.code == 1 and told in one.err and "Take bookmarks out of it" in one.err for one in refused), refused
    assert server.request("GET", "/api/v1/projects/p/states/prod%3Asmall")[0] == 404, "nothing was set"
    status, problem = server.request("POST", "/api/v1/projects/p/states/import", {"states": [{"state_id": "prod:huge", "payload": json.loads(huge)}]})
    assert status == 413 and told in problem["detail"], problem
    for name in ("prod:copy", STATE_ID):
        state(server, "delete", name, "--yes")


@pytest.mark.nightly
def test_states_in_s3_are_brought_along_by_the_real_meltano(server, tmp_path):
    """An object store on this machine (moto) and Meltano with its extra: some 300 MB of packages."""
    subprocess.run(["uv", "venv", "--quiet", tmp_path / "venv"], check=True)
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", tmp_path / "venv/bin/python", "meltano[s3]==4.4.1", "moto[server,s3]==5.2.5"], check=True)
    port = free_port()
    keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}
    server.env.update(keys, MELTANO_SEND_ANONYMOUS_USAGE_STATS="false")
    fill = """import boto3, sys
store = boto3.client("s3")
store.create_bucket(Bucket="states")
store.put_object(Bucket="states", Key="team/prod:a-to-b/state.json", Body=sys.argv[1])"""
    payload = {"completed": {"singer_state": {"x": 1}}, "partial": {"singer_state": {"y": 2}}}
    store = subprocess.Popen([tmp_path / "venv/bin/moto_server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until("the store answers", lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        subprocess.run([tmp_path / "venv/bin/python", "-c", fill, json.dumps(payload)], env={**os.environ, **keys}, check=True)
        done = state(server, "import", "--from", "s3://states/team", "--meltano", str(tmp_path / "venv/bin/meltano"))
    finally:
        store.kill()
        store.wait()
    assert "1 of 1 states were set" in done.err, done
    assert json.loads(state(server, "get", "prod:a-to-b").out) == payload
    state(server, "delete", "prod:a-to-b", "--yes")


def test_states_of_a_system_database_on_postgresql_are_brought_along(server, postgres):
    postgres.query("CREATE DATABASE systemdb") if ["systemdb"] not in postgres.query("SELECT datname FROM pg_database") else None
    url = postgres.url_of("systemdb")
    postgres.run("""CREATE TABLE IF NOT EXISTS state (state_id varchar, updated_at timestamp, partial_state varchar, completed_state varchar);
                    DELETE FROM state;
                    INSERT INTO state VALUES ('prod:from-pg', now(), NULL, '{"singer_state": {"x": 1}}');""", url)
    done = state(server, "import", "--from", url)
    assert "1 of 1 states were set" in done.err
    assert postgres.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "systemdb") == [["1"]], "nothing was made there"
    state(server, "delete", "prod:from-pg", "--yes")


def test_a_state_is_held_over_the_whole_job_and_nobody_else_sets_it(server):
    first = start(server, "whole", TOP=1, TRANSFORM=8)
    wait_until("it transforms", lambda: "transforming" in server.cupola("logs", first, check=False).out)
    second = start(server, "whole", TOP=1)

    for refused in (state(server, "set", STATE_ID, check=False, input=bookmarks(numbers={"n": 99})), state(server, "delete", STATE_ID, "--yes", check=False),
                    state(server, "forget", STATE_ID, "numbers", check=False)):
        assert refused.code == 1 and first in refused.err and "in use" in refused.err, refused
    status, problem = server.request("POST", "/api/v1/projects/p/states/import", {"states": [
        {"state_id": "prod:other", "payload": {}}, {"state_id": STATE_ID, "payload": {}}]})
    assert status == 409 and first in problem["detail"]
    assert "prod:other" not in server.states("p"), "all of them or none"
    assert server.run(second)["status"] == "queued"

    one, two = server.wait_for_run(first), server.wait_for_run(second)
    assert one["status"] == two["status"] == "succeeded" and two["started_at"] >= one["ended_at"], (one, two)
    assert "starting after 1" in server.cupola("logs", second).out
    state(server, "forget", STATE_ID, "numbers")
    assert "starting after 0" in server.cupola("logs", finished(server, start(server, TOP=1))).out


def finished(server, run):
    assert server.wait_for_run(run)["status"] == "succeeded", server.cupola("logs", run, check=False).out
    return run


def test_a_project_keeps_its_own_state_only_when_it_says_so(server):
    backend = "state_backend:\n  uri: file:///project/output/state\n"
    server.repository.commit({"meltano.yml": WITH_SLOW + backend})
    plan = server.cupola("deployment", "plan", "prod", "--project", "p")
    assert "Cupola keeps the state." in plan.out and "`state_backend` is not used" in plan.err, plan

    own = WITH_SLOW.replace("    persist: [output]", "    persist: [output]\n    state: project", 1)
    server.repository.commit({"meltano.yml": own})
    plan = server.cupola("deployment", "plan", "prod", "--project", "p", check=False)
    assert plan.code == 1 and "needs a `state_backend`" in plan.err, plan

    server.repository.commit({"meltano.yml": own + backend})
    plan = server.cupola("deployment", "plan", "prod", "--project", "p")
    assert "The project keeps its state itself, in file:///project/output/state" in plan.out, plan
    server.cupola("deployment", "update", "prod", "--project", "p", "--wait")
    before = server.states("p")
    finished(server, start(server, TOP=3))
    log = server.cupola("logs", finished(server, start(server, TOP=1))).out
    assert "starting after 3" in log, log
    assert server.states("p") == before
