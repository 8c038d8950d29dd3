"""Runs by the clock that are tried again: one run, one log, a state that goes on, attempts on record."""

import json
import os
import re
import signal
import subprocess

from harness import Repository, wait_until
from projects import numbers

SCHEDULE = """- name: again
  interval: '* * * * *'
  job: load
  env: {{{env}}}
  annotations: {{cupola: {{retries: 2, retry_wait: {wait}}}}}
"""


def fired(server, tmp_path, project, env, wait):
    """The first run by the clock of a schedule with two retries, which fires no more."""
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers({"meltano.yml": numbers()["meltano.yml"] + SCHEDULE.format(env=env, wait=wait)}))
    server.deploy(project, repository)
    switch = lambda action: server.cupola("schedule", action, "--project", project, "--deployment", "prod", "again")
    switch("enable")
    run = wait_until("it fires", lambda: server.runs(project), timeout=100)[-1]
    switch("disable")
    assert run["trigger"] == "schedule" and (run["attempt"], run["most_attempts"]) == (1, 3), run
    return run


def sent(text):
    return [int(number) for number in re.findall(r"sent (\d+)", text)]


def test_a_failed_run_is_tried_again_on_its_state_and_in_one_log(shared_server, tmp_path):
    server = shared_server
    run = fired(server, tmp_path, "again", "FAIL_FIRST: '1', TOP: '3', PAUSE: '0.3'", "5s")
    follower = subprocess.Popen([str(server.program), "logs", run["id"], "--follow"], text=True, stdout=subprocess.PIPE,
                                env=dict(server.env, CUPOLA_URL=server.url, CUPOLA_TOKEN=server.token))

    waiting = wait_until("it waits for its next attempt", lambda: (now := server.run(run["id"]))["next_attempt_at"] and now)
    assert waiting["status"] == "queued" and waiting["attempt"] == 2 and waiting["due_at"] == run["due_at"], waiting
    assert waiting["cause"].startswith("attempt 1 of 3 failed: "), waiting
    ended = server.wait_for_run(run["id"])

    assert ended["status"] == "succeeded" and ended["attempt"] == 2 and ended["exit_code"] == 0, ended
    assert ended["due_at"] == run["due_at"] and ended["next_attempt_at"] is None
    first, = ended["attempts"]
    assert first["attempt"] == 1 and first["status"] == "failed" and first["exit_code"] == 1, first
    assert first["ended_at"] < waiting["next_attempt_at"] <= ended["started_at"]
    text = server.cupola("logs", run["id"]).out
    before, after = text.split("Attempt 2 of 3.")
    assert sent(before) == [1, 2, 3] and "the source said no" in before, text
    assert "starting after 3" in after and sent(after) == [4, 5, 6], text
    followed, _ = follower.communicate(timeout=60)
    assert follower.returncode == 0 and sent(followed) == [1, 2, 3, 4, 5, 6], followed
    assert "succeeded, attempt 2/3 in " in followed
    assert "succeeded, attempt 2/3" in server.cupola("history", "--project", "again").out
    assert len(server.runs("again")) == 1
    log = next((server.home / "logs").rglob(f"{run['id']}.log*"))
    wait_until("its log is compressed", lambda: not log.with_name(f"{run['id']}.log").exists())


def test_a_run_whose_supervisor_is_killed_is_tried_again(shared_server, tmp_path):
    server = shared_server
    run = fired(server, tmp_path, "killed", "TOP: '30', PAUSE: '0.3'", "1s")
    wait_until("it sends", lambda: "sent 3" in server.cupola("logs", run["id"], check=False).out, every=0.05)
    supervisor = json.loads((server.home / "runs" / run["id"] / "supervisor.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)

    wait_until("it is tried again", lambda: server.run(run["id"])["attempt"] == 2)
    ended = server.wait_for_run(run["id"])

    assert ended["status"] == "succeeded" and ended["attempt"] == 2, ended
    assert [attempt["status"] for attempt in ended["attempts"]] == ["lost"]
    before, after = server.cupola("logs", run["id"]).out.split("Attempt 2 of 3.")
    begins = int(re.search(r"starting after (\d+)", after).group(1))
    # What its supervisor had not yet written of the log went with it: some lines of 0.3 s each.
    assert 0 < begins <= sent(before)[-1] + 5, "from the state that the lost attempt had reached"
    assert sent(after) == list(range(begins + 1, begins + 31))
    assert server.states("killed")["prod:tap-numbers-to-target-lines"]["run"] == run["id"]
