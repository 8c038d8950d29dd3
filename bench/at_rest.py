"""A server that has nothing to do, and how fast it is there; lists of a long history."""

import atexit
import contextlib
import shutil
import statistics
import subprocess
import time

from measure import ROOT, Server, BUILD, cpu_seconds, folder, output_of, pss_mib, report, seed, serving

ANEW = """
-- Another query each time, so that no page is given from memory.
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", string.format("/api/v1/runs?until=2100-01-01T00:%02d:%02d.%03dZ",
                                         n / 60000 % 60, n / 1000 % 60, n % 1000))
end
"""
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}


@contextlib.contextmanager
def history(cache={}):
    """(home, token) with a million ended runs, made once."""
    if not cache:
        home = ROOT / "build" / "bench-history"
        shutil.rmtree(home, ignore_errors=True)
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        cache["home"] = home
        cache["token"] = seed(home, "--deployments", 3, "--history", 1_000_000)
    yield cache["home"], cache["token"]


def idle():
    with folder() as path:
        token = seed(path / "home", "--deployments", 20, "--schedules", 50, "--enable")
        with serving(path / "home", token) as server:
            server.request("GET", "/api/v1/runs")
            time.sleep(5)
            pid = server.process.pid
            before = cpu_seconds(pid)
            time.sleep(60)
            report("idle, 1,000 schedules: CPU over 60 s", (cpu_seconds(pid) - before) / 60 * 100, "% of a core", 0.1)
            report("idle, 1,000 schedules: memory (PSS)", pss_mib(pid), "MiB", 30)


def start_time(home):
    server = Server(BUILD, home)
    server.token = "not used"
    began = time.monotonic()
    server.start()
    took = time.monotonic() - began
    server.stop()
    return took


def start():
    rounds = 7
    with folder() as path:
        first = statistics.median(start_time(path / f"home-{i}") for i in range(rounds))
        again = statistics.median(start_time(path / "home-0") for _ in range(rounds))
    report("start to ready, new folder", first * 1000, "ms", 100)
    report("start to ready, folder that is there", again * 1000, "ms", 100)
    with history() as (home, _):
        report("start to ready, a million runs", statistics.median(start_time(home) for _ in range(rounds)), "s", 2)


def wrk(server, path, script=None):
    """(requests/s, p50 and p99 in ms)"""
    words = ["wrk", "-t1", "-c32", "-d10", "--latency", "-H", f"Authorization: Bearer {server.token}"]
    out = subprocess.run([*words, *(["-s", str(script)] if script else []), server.url + path], check=True, text=True,
                         capture_output=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(out)

    def latency(mark):
        text = out.split(mark)[1].split()[0]
        digits = text.rstrip("mus")
        return float(digits) * SECONDS[text[len(digits):]] * 1000

    return float(out.split("Requests/sec:")[1].split()[0]), latency("50%"), latency("99%")


def lists():
    with history() as (home, token), folder() as path, serving(home, token) as server:
        script = path / "anew.lua"
        script.write_text(ANEW)
        cases = [("list of runs, 50 a page", "/api/v1/runs", None), ("list of runs, 50 a page, each read anew", "/api/v1/runs", script),
                 ("list of runs, 20 a page", "/api/v1/runs?limit=20", None)]
        for name, where, lua in cases:
            rate, middle, worst = wrk(server, where, lua)
            report(f"{name}, a million stored", rate, "requests/s", 10_000, least=True)
            report("  p50", middle, "ms")
            report("  p99", worst, "ms", 10)


def followers():
    with folder() as path:
        token = seed(path / "home")
        with serving(path / "home", token) as server:
            _, run = server.request("POST", "/api/v1/projects/Shop/deployments/deployment-0/runs", {"tasks": ["wait"]})
            while server.run(run["id"])["status"] != "running":
                time.sleep(0.1)
            out = output_of("python3", ROOT / "bench" / "idle_followers.py", server.url, token, run["id"], 10_000, server.process.pid)
            more, spent = out.split()
            server.cupola("stop", run["id"])
            server.wait_for_run(run["id"])
    report("10,000 idle log followers: memory beyond that without", float(more), "MiB", 200)
    report("  CPU", float(spent), "% of a core")
