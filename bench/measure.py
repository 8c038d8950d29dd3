"""What the benchmarks share: programs and servers to measure, and how a figure is told."""

import contextlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
PROGRAMS = BUILD / "bench"

sys.path.insert(0, str(ROOT / "tests"))
from harness import Server  # noqa: E402


def report(name, value, unit, budget=None, least=False):
    """One line: the figure, its budget (at most that; with `least` at least), met or missed."""
    figure = f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"
    if budget is None:
        print(f"{name:<66} {figure:>18}", flush=True)
        return
    met = value >= budget if least else value <= budget
    bound = f"{'>=' if least else '<='} {budget:,} {unit}"
    print(f"{name:<66} {figure:>18} {bound:>20}  {'met' if met else 'MISSED'}", flush=True)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[int((len(ordered) - 1) * share)]


def output_of(program, *args, env=None):
    done = subprocess.run([str(program), *map(str, args)], text=True, capture_output=True, env=env)
    if done.returncode != 0:
        raise SystemExit(f"{program} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def number_in(text, pattern):
    """The first group of the pattern in the text, as a number."""
    found = re.search(pattern, text)
    if not found:
        raise SystemExit(f"no '{pattern}' in:\n{text}")
    return float(found.group(1).replace(",", ""))


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="cupola-bench-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def postgres():
    """The URL of a PostgreSQL of its own."""
    tool = ROOT / "tools" / "test_postgres"
    with folder() as path:
        url = output_of(tool, "start", path / "postgres").strip()
        try:
            yield url
        finally:
            output_of(tool, "stop", path / "postgres")


def seed(home, *args):
    """Makes the folder with bench/seed_home; gives a token."""
    return output_of(PROGRAMS / "seed_home", home, *args).strip()


@contextlib.contextmanager
def serving(home, token=None, build=BUILD, args=()):
    """A server on the folder."""
    server = Server(build, home, args=args)
    server.token = token
    server.start()
    try:
        yield server
    finally:
        server.stop()


def pss_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return number_in(text, r"Pss:\s+(\d+)") / 1024


def cpu_seconds(pid):
    """Of the process itself, to the nanosecond, without children."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def cpu_seconds_with_children(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[i]) for i in range(11, 15)) / 100
