"""`meltano run` under Cupola, and the same command bare in a shell, in turns."""

import re
import shutil
import statistics
import subprocess
import time

from measure import folder, report, serving, Server, BUILD
from projects import numbers
from harness import Repository

ROUNDS = 7
RECORDS = 400  # each with a log line


def bare(environment, project, state):
    """Wall seconds, and what came out."""
    env = {"PATH": f"{environment}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(state), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
           "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", "MELTANO_ENVIRONMENT": "prod",
           "MELTANO_PROJECT_READONLY": "1", "MELTANO_STATE_BACKEND_URI": f"file://{state}/states", "TOP": str(RECORDS)}
    words = ["--log-format=json", "--environment", "prod", "run", "--no-install", "--full-refresh", "tap-numbers", "target-lines"]
    python = environment / "bin" / "python"
    began = time.monotonic()
    done = subprocess.run([str(python), str(environment / "bin" / "meltano"), *words], cwd=project, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    took = time.monotonic() - began
    assert done.returncode == 0, done.stdout
    return took, done.stdout


def held(server):
    """Wall seconds from the request to the recorded end, as the server's clock has it; the log."""
    body = {"tasks": ["tap-numbers", "target-lines"], "full_refresh": True, "env": {"TOP": str(RECORDS)}}
    status, run = server.request("POST", "/api/v1/projects/numbers/deployments/prod/runs", body)
    assert status == 201, run
    run = server.wait_for_run(run["id"])
    assert run["status"] == "succeeded", run
    _, text = server.request("GET", f"/api/v1/runs/{run['id']}/log", headers={"Accept": "text/plain"})
    return run, text


def plugin_lines(text):
    return sorted(re.findall(r'"event": ?"((?:sent|starting after|wrote) [^"]*)"', text))


def meltano():
    from starts import seconds_of

    with folder() as path:
        repository = Repository(path / "repository")
        repository.commit(numbers())
        server = Server(BUILD, path / "home")
        server.start()
        try:
            server.deploy("numbers", repository)
            environments = [e for e in (path / "home" / "environments").iterdir() if (e / "bin" / "meltano").exists()]
            project = path / "bare"
            shutil.copytree(repository.folder, project)
            walls, bares, warm = [], [], []
            missing = 0
            for turn in range(ROUNDS + 1):
                # A run finds no .meltano of an earlier one, so neither does this; then once more with it.
                shutil.rmtree(project / ".meltano", ignore_errors=True)
                took, out = bare(environments[0], project, path)
                warmed, _ = bare(environments[0], project, path)
                run, log = held(server)
                if turn == 0:
                    continue
                bares.append(took)
                warm.append(warmed)
                walls.append(seconds_of(run["ended_at"]) - seconds_of(run["queued_at"]))
                wanted, got = plugin_lines(out), plugin_lines(log)
                assert len(wanted) > RECORDS, out[:2000]
                missing += len(wanted) - len(got) if wanted != got else 0
                assert wanted == got or missing, "the lines differ"
        finally:
            server.stop()
    report("meltano run bare in a shell, fresh checkout", statistics.median(bares), "s")
    report("meltano run bare in a shell, .meltano left by the run before", statistics.median(warm), "s")
    report("meltano run under Cupola, asked to ended", statistics.median(walls), "s")
    report("  wall under Cupola / bare in a fresh checkout", statistics.median(walls) / statistics.median(bares), "", 1.01)
    report("  log lines lost", missing, "lines", 0)
