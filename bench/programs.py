"""The benchmarks that are programs of their own: cron, logs, the store, starting of programs."""

import os
import re

from measure import PROGRAMS, ROOT, folder, number_in, output_of, postgres, report


def cron():
    out = output_of(PROGRAMS / "cron_bench")
    for name, zone, figure, budget in re.findall(r"^next, (.{16}) .{13} (\S+) +([\d.]+) ns \(budget (\d+) ns\)", out, re.M):
        report(f"next fire, {name.strip()}, {zone}", float(figure), "ns", int(budget))
    report("a million schedules recomputed", number_in(out, r"recomputed: ([\d.]+)"), "s", 0.5)


def logs():
    with folder() as path:
        out = output_of(PROGRAMS / "logs_bench", path)
    for line in out.splitlines():
        name, rest = line[:44].strip(), line[44:]
        if "MiB/s" in rest:
            budget = None if "file" in name or "compress" in name else 100 if "100" in name else 200
            report(f"logs, {name}, of CPU", number_in(rest, r"(\d+) MiB/s CPU"), "MiB/s", budget, least=True)
            report(f"logs, {name}, of wall time", number_in(rest, r"(\d+) MiB/s wall"), "MiB/s")
        elif " ms" in rest:
            report(f"logs, {name}, p99", number_in(rest, r"([\d.]+) ms p99"), "ms")
        elif "memory" in rest:
            report(f"logs, {name}: more memory", number_in(rest, r"([\d.]+) MiB"), "MiB", 16)


def store():
    with postgres() as url:
        out = output_of(PROGRAMS / "store_bench", "--stored", 0, env=dict(os.environ, CUPOLA_TEST_POSTGRES=url))
    for name, what, figure in re.findall(r"^(\S+) +(.*?): (\d+)/s", out, re.M):
        budget = 2000 if what.startswith("no-op") else None
        report(f"{name}, {what}", float(figure), "/s", budget, least=True)


def downtime():
    """Prints nothing and ends with 1 unless each fire is on record, once."""
    with postgres() as url:
        out = output_of(PROGRAMS / "downtime_bench", env=dict(os.environ, CUPOLA_TEST_POSTGRES=url))
    for name, what, took, longest in re.findall(r"^(\S+) +(.*?); ([\d.]+) s in .* longest (\d+) ms", out, re.M):
        report(f"{name}, {what}", float(took), "s")
        report(f"{name}, the longest step of that", float(longest), "ms")


def deliveries():
    """Prints nothing and ends with 1 unless each message came, once."""
    with postgres() as url:
        out = output_of(PROGRAMS / "deliveries_bench", env=dict(os.environ, CUPOLA_TEST_POSTGRES=url))
    for name, what, figure in re.findall(r"^(\S+) +(.*?), \d+ messages: (\d+)/s", out, re.M):
        report(f"{name}, signed webhooks to {what}", float(figure), "/s")


def spawn():
    out = output_of(PROGRAMS / "spawn_bench", 200)
    for line in out.splitlines():
        print(f"  {line}")


