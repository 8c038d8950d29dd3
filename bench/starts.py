"""From the due time of a fire to a program that is alive, and runs through the whole server."""

import concurrent.futures
import http.client
import json
import re
import shutil
import statistics
import time
import urllib.parse
from datetime import datetime

from measure import (BUILD, PROGRAMS, cpu_seconds_with_children, folder, number_in, output_of, percentile, postgres, report, seed,
                     serving)


def seconds_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def stamped_build(path):
    """The server with a supervisor that notes when it starts."""
    path.mkdir()
    shutil.copy(BUILD / "cupola", path / "cupola")
    shutil.copy(BUILD / "cupola-supervisor", path / "supervisor")
    shutil.copy(BUILD / "cupola-launch", path / "cupola-launch")
    shutil.copy(PROGRAMS / "stamp_supervisor", path / "cupola-supervisor")
    return path


def all_runs(server, count):
    """Waits until `count` runs have ended; gives them."""
    deadline = time.monotonic() + 180
    while True:
        runs, cursor = [], ""
        while True:
            status, page = server.request("GET", f"/api/v1/runs?limit=200{cursor}")
            assert status == 200, page
            runs += page["runs"]
            if not page.get("next"):
                break
            cursor = f"&cursor={urllib.parse.quote(page['next'])}"
        if len(runs) >= count and all(run["ended_at"] for run in runs):
            bad = [run for run in runs if run["status"] != "succeeded"]
            assert not bad, bad[0]
            return runs
        if time.monotonic() > deadline:
            raise SystemExit(f"only {len(runs)} of {count} runs after 180 s")
        time.sleep(1)


def alive_at(server, run):
    status, log = server.request("GET", f"/api/v1/runs/{run['id']}/log")
    assert status == 200, log
    return int(re.search(r"alive (\d+)", log if isinstance(log, str) else json.dumps(log)).group(1)) / 1e9


def due_runs(schedules, count, every, args=()):
    """Seconds from due to the supervisor's start, and to the program's first line, of `count` fires."""
    with folder() as path:
        token = seed(path / "home", "--deployments", schedules // 50, "--schedules", 50, "--enable", "--due", count, "--in", 6000,
                     "--every", every)
        with serving(path / "home", token, stamped_build(path / "build"), args) as server:
            time.sleep(6 + count * every / 1000 + 1)
            runs = all_runs(server, count)
            dues = sorted(seconds_of(run["due_at"]) for run in runs)
            started = sorted(int(line) / 1e9 for line in (path / "build" / "started").read_text().split())
            alive = [alive_at(server, run) - seconds_of(run["due_at"]) for run in runs]
            return [start - due for start, due in zip(started, dues, strict=True)], alive


def due():
    started, alive = due_runs(100_000, 200, 250)
    name = "due to {}, 100,000 schedules, one at a time, {}"
    report(name.format("supervisor", "p50"), percentile(started, 0.5) * 1000, "ms", 5)
    report(name.format("supervisor", "p99"), percentile(started, 0.99) * 1000, "ms")
    report(name.format("program", "p50"), percentile(alive, 0.5) * 1000, "ms", 20)
    report(name.format("program", "p99"), percentile(alive, 0.99) * 1000, "ms", 50)


def burst():
    for at_once in (2, 32):
        _, alive = due_runs(100_000, 100, 0, ["--max-runs", str(at_once)])
        name = f"due to program, 100 due at one instant, {at_once} runs at once, "
        report(name + "p50", percentile(alive, 0.5) * 1000, "ms")
        report(name + "p99", percentile(alive, 0.99) * 1000, "ms")


def cost():
    """The median of three, taken in turns: what else the machine does shows in both alike."""
    measured = {4: [], 4096: []}
    for _ in range(3):
        for resident, outs in measured.items():
            with folder() as path:
                outs.append(output_of(PROGRAMS / "run_cost", path / "home", "--rounds", 100, "--resident", resident))
    for resident, outs in measured.items():
        name = f"a run beyond its program, sandboxed, server of {resident} MiB: "

        def median(pattern):
            return statistics.median(number_in(out, pattern) for out in outs)

        report(name + "wall", median(r"wall_ms ([\d.]+)"), "ms", 15)
        report(name + "CPU", median(r" cpu_ms ([\d.]+)"), "ms", 8)
        report("  of that in the server", median(r"\(server ([\d.]+)"), "ms")
        report("  of that in supervisor and sandbox", median(r"sandbox ([\d.]+)"), "ms")


def post_runs(server, count):
    host = server.url.removeprefix("http://")
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(host)
    for _ in range(count):
        connection.request("POST", "/api/v1/projects/Shop/deployments/deployment-0/runs", '{"tasks": ["load"]}', headers)
        reply = connection.getresponse()
        text = reply.read()
        assert reply.status == 201, text


def throughput_on(name, seeding, args):
    count, clients = 1000, 4
    with folder() as path:
        token = seed(path / "home", *seeding)
        with serving(path / "home", token, args=args) as server:
            post_runs(server, 5)
            all_runs(server, 5)
            cpu = cpu_seconds_with_children(server.process.pid)
            began = time.time()
            with concurrent.futures.ThreadPoolExecutor(clients) as pool:
                list(pool.map(lambda _: post_runs(server, count // clients), range(clients)))
            runs = all_runs(server, count + 5)
            cpu = cpu_seconds_with_children(server.process.pid) - cpu
            last = max(seconds_of(run["ended_at"]) for run in runs)
            report(f"runs of a program that ends at once, asked by the API, {name}", count / (last - began), "runs/s")
            report("  CPU a run, all processes, asking included", cpu / count * 1000, "ms")


def throughput():
    throughput_on("SQLite", (), ())
    throughput_on("SQLite, 8 at once", (), ("--max-runs", "8"))
    with postgres() as url:
        throughput_on("PostgreSQL", ("--database", url), ("--database", url))
