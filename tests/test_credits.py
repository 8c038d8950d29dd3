"""What runs cost from outside: the balance, the warning, the stop at zero, usage and its export, uptime."""

import csv
import io
import json
import os
import signal
import time

import pytest
from harness import Repository, wait_until
from projects import numbers
from receivers import Sink

EVERY_MINUTE = """- name: often
  interval: '* * * * *'
  job: load
  env: {TOP: '2'}
"""


@pytest.fixture(scope="module")
def server(on_each_database, tmp_path_factory, warm):
    home = warm(tmp_path_factory.mktemp("home") / "home")
    own = on_each_database(home)
    own.args += ["--allow-inner-receivers", "127.0.0.0/8"]
    own.start()
    repository = Repository(tmp_path_factory.mktemp("repository") / "data")
    repository.commit(numbers({"meltano.yml": numbers()["meltano.yml"] + EVERY_MINUTE}))
    own.deploy("data", repository)
    own.repository = repository
    yield own
    own.stop()


def run(server, *words, code=0):
    """One run of the project, which has ended."""
    done = server.cupola("run", *words, "--project", "data", "--deployment", "prod", "--follow", check=False)
    assert done.code == code, done
    return server.runs("data")[0]


def credits(server):
    return server.cupola("credits", "show", "--format", "json").json


def usage(server, *words):
    return server.cupola("usage", *words, "--format", "json").json["usage"]


def total(server):
    return usage(server, "--by", "total")[0]["credits"]


def test_runs_by_hand_cost_one_credit_also_when_they_fail(server):
    before = total(server)
    well = run(server, "load")
    failed = run(server, "load", "--env", "FAIL=1", code=1)

    assert well["credits"] == failed["credits"] == 1 and failed["status"] == "failed"
    assert well["credits_base"] == 1 and well["credits_run_time"] == 0
    assert well["credits_egress"] is None and well["egress_bytes"] is None, "with one organization runs have the host's network"
    assert total(server) - before == 2
    assert credits(server)["used_this_month"] == total(server)


def test_a_run_that_was_lost_or_never_started_costs_nothing(server):
    before = total(server)
    started = server.request("POST", "/api/v1/projects/data/deployments/prod/runs", {"name": "load", "env": {"TOP": "300", "PAUSE": "0.2"}})[1]
    wait_until("it runs", lambda: server.run(started["id"])["status"] == "running")
    supervisor = server.home / "runs" / started["id"] / "supervisor.json"
    os.kill(json.loads(supervisor.read_text())["pid"], signal.SIGKILL)
    lost = server.wait_for_run(started["id"])

    assert lost["status"] == "lost" and lost["credits"] == 0, lost
    assert total(server) == before


def test_purchases_and_corrections_make_the_balance(server):
    used = credits(server)["used"]
    added = server.cupola("credits", "add", "520", "--note", "invoice 17")
    assert f"the balance is {520 - used:g}." in added.out, added
    nameless = server.cupola("credits", "take", "500", check=False)
    assert nameless.code == 2 and "--reason" in nameless.err, nameless
    server.cupola("credits", "take", "500", "--reason", "typed 520 for 20")

    assert credits(server)["balance"] == 20 - used
    entries = server.cupola("credits", "entries", "--format", "json").json["entries"]
    assert [(e["credits"], e["kind"], e["note"], e["entered_by"]) for e in entries[:2]] == [
        (-500, "correction", "typed 520 for 20", "ada"), (520, "purchase", "invoice 17", "ada")]
    audit = server.cupola("audit", "--kind", "credits", "--format", "json").json["audit"]
    assert [entry["action"] for entry in audit[:2]] == ["credits.add", "credits.add"]
    for bad in ("twelve", "1.005", "1e3", "-5", "1000000000.01"):
        refused = server.cupola("credits", "add", "--", bad, check=False)
        assert refused.code == 1, refused
    assert credits(server)["balance"] == 20 - used


def test_purchases_are_the_owners_and_usage_is_for_all_to_see(server):
    server.admin("create-user", "vera", "--organization", "acme", "--role", "viewer")
    vera = server.admin("create-token", "vera", "--organization", "acme").out.strip()

    assert server.request("GET", "/api/v1/credits", token=vera)[0] == 200
    assert server.request("GET", "/api/v1/usage", token=vera)[0] == 200
    assert server.request("GET", "/api/v1/uptime", token=vera)[0] == 200
    for method, path, body in (("GET", "/entries", None), ("POST", "/entries", {"credits": 5}), ("PATCH", "", {"stop_at_zero": True})):
        status, problem = server.request(method, "/api/v1/credits" + path, body, token=vera)
        assert status == 403 and "owner" in problem["detail"], problem


def test_a_balance_that_becomes_low_is_told_once(server):
    sink = Sink()
    try:
        made = server.cupola("notification", "set", "webhook", sink.url, "--event", "credits_low", "--format", "json").json
        balance = credits(server)["balance"]
        server.cupola("credits", "set", "--warn-at", f"{balance - 1:g}")
        assert sink.requests == []
        run(server, "load")
        run(server, "load")

        wait_until("it is told", lambda: sink.requests)
        time.sleep(2)
        message, = [json.loads(request.body) for request in sink.requests]
        assert message["event_type"] == "credits_low" and message["data"]["status"] == "low", message
        assert message["data"]["description"].startswith(f"Credits are low: {balance - 1:g} credits are left"), message
    finally:
        server.cupola("notification", "delete", made["id"])
        server.cupola("credits", "set", "--warn-at", "never")
        sink.close()


def test_at_zero_nothing_starts_where_that_is_set_and_what_runs_goes_on(server):
    balance = credits(server)["balance"]
    server.cupola("credits", "take", f"{balance:g}", "--reason", "down to nothing")
    going = server.request("POST", "/api/v1/projects/data/deployments/prod/runs", {"name": "load", "env": {"TOP": "30", "PAUSE": "0.2"}})[1]
    wait_until("it runs", lambda: server.run(going["id"])["status"] == "running")
    server.cupola("credits", "set", "--stop-at-zero", "yes")
    try:
        refused = server.cupola("run", "load", "--project", "data", "--deployment", "prod", check=False)
        assert refused.code == 1 and "no credits left" in refused.err and "cupola credits add" in refused.err, refused
        assert "Nothing starts" in server.cupola("credits", "show").err

        server.cupola("schedule", "enable", "--project", "data", "--deployment", "prod", "often")
        fires = "/api/v1/projects/data/deployments/prod/schedules/often/fires"
        fire = wait_until("a fire is due", lambda: server.request("GET", fires)[1]["fires"], timeout=100)[-1]
        assert fire["outcome"] == "skipped_credits" and fire["run"] is None, fire
        assert server.wait_for_run(going["id"])["status"] == "succeeded"

        server.cupola("credits", "add", "10")
        ran = wait_until("the next one runs", lambda: server.runs("data", schedule="often"), timeout=100)[-1]
        server.cupola("schedule", "disable", "--project", "data", "--deployment", "prod", "often")
        ended = server.wait_for_run(ran["id"])
        assert ended["trigger"] == "schedule" and ended["credits"] == 0.5, "each minute is frequent"
    finally:
        server.cupola("schedule", "disable", "--project", "data", "--deployment", "prod", "often")
        server.cupola("credits", "set", "--stop-at-zero", "no")
    # What was to start nothing is due, and not missed.
    row, = server.cupola("uptime", "--format", "json").json["uptime"]
    assert row["schedule"] == "often" and row["due"] >= 2 and row["missed"] == 0 and row["uptime_percent"] == 100, row


def test_usage_is_summed_and_exported_with_whose_it_is(server):
    run(server, "load")
    run(server, "load")
    server.cupola("organization", "set", "--billing-name", "=Acme", "--billing-address", "1 Main St\nTown", "--billing-email", "bills@acme.example")

    by_schedule = usage(server)
    by_day = usage(server, "--by", "day")
    assert sum(row["credits"] for row in by_schedule) == sum(row["credits"] for row in by_day) == total(server)
    assert total(server) == credits(server)["used"]
    assert {row["schedule"] for row in by_schedule} >= {None}
    assert usage(server, "--month", "2020-01") == []
    table = server.cupola("usage").out
    assert "SCHEDULE" in table and f"{total(server):g} credits in all" in table, table

    rows = list(csv.DictReader(io.StringIO(server.cupola("usage", "--by", "project", "--format", "csv").out)))
    assert "data" in [row["project"] for row in rows]
    assert {(row["billing_name"], row["billing_email"]) for row in rows} == {("'=Acme", "bills@acme.example")}
    assert rows[0]["account_number"].startswith("CUP-") and rows[0]["billing_address"] == "1 Main St\nTown"
    assert sum(float(row["credits"]) for row in rows) == total(server)
    for bad in (["--month", "November"], ["--since", "2026-11-01"], ["--project", "none"]):
        refused = server.cupola("usage", *bad, check=False)
        assert refused.code == 1 and refused.err, refused


def test_usage_of_a_deleted_project_stays(server):
    server.deploy("brief", server.repository)
    server.cupola("run", "load", "--project", "brief", "--deployment", "prod", "--follow")
    wait_until("all have ended", lambda: all(run["ended_at"] for run in server.runs("data") + server.runs("brief")))
    before = total(server)
    server.cupola("deployment", "delete", "--project", "brief", "prod", "--yes")
    server.cupola("project", "delete", "brief", "--yes")

    assert total(server) == before
    row, = (row for row in usage(server, "--by", "project") if row["project"] == "brief")
    assert row["deleted"] and row["credits"] == 1, row
    assert "brief (deleted)" in server.cupola("usage", "--by", "project").out
