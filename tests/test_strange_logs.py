"""Bytes that are no text, in logs and names: kept as they came, shown without harm."""

import json
import os
import pty
import subprocess

import pytest
from harness import Repository, Server
from projects import numbers

NASTY = [
    b"\xff\xfe\xc3( \xed\xa0\x80 \xf0\x9f\x98",  # invalid UTF-8, a surrogate, a character cut off
    b"a\x00b",
    b"\x1b[2J\x1b]0;owned\x07\x1b[31mred",  # clears a terminal, names its window
    b"10%\r20%\r100%",
    "\u202egnp.exe\u2066 \u009b31m \u200f".encode(),  # turns the direction of writing; C1's CSI
    b"<script>alert(1)</script>",
    "é–\U0001f600".encode(),
]

SPEAKER = """#!/usr/bin/env python3
import json, os, sys, time
if "--discover" in sys.argv:
    print(json.dumps({"streams": []}))
    sys.exit(0)
out = os.fdopen(2, "wb", 0)
MODE = os.environ.get("MODE", "")
if MODE == "nasty":
    for line in NASTY:
        out.write(line + b"\\n")
    for piece in (b"split \\xf0", b"\\x9f\\x98", b"\\x80 over writes\\n"):
        out.write(piece)
        time.sleep(0.05)
out.write(b"the end\\n")
"""

# Meltano wraps what plugins say in JSON; a utility's output comes as it is.
MELTANO_YML = """version: 1
default_environment: prod
project_id: 6f1c0f3a-0000-4000-8000-00000000000b
send_anonymous_usage_stats: false
environments:
- name: prod
plugins:
  extractors:
  - name: tap-speaker
    namespace: tap_speaker
    executable: ./speaker.py
    capabilities: [catalog, discover, state]
  loaders:
  - name: target-lines
    namespace: target_lines
    executable: ./target.py
jobs:
- name: speak
  tasks: [tap-speaker target-lines]
schedules:
- name: "<b>bold</b> \\e[31m \\u202e"
  interval: '@daily'
  job: speak
"""


def speak(server, **env):
    extra = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    run = server.cupola("run", "speak", "--project", "strange", "--deployment", "prod", *extra, "--format", "json").json
    return run["id"]


def raw_log(server, run):
    done = subprocess.run([str(server.program), "logs", run, "--raw"], capture_output=True, timeout=300,
                          env=dict(server.env, CUPOLA_URL=server.url, CUPOLA_TOKEN=server.token))
    assert done.returncode == 0, done
    return done.stdout


def on_terminal(server, *args):
    """What a command writes on a terminal, byte for byte."""
    main, side = pty.openpty()
    child = subprocess.Popen([str(server.program), *args], stdin=side, stdout=side, stderr=side,
                             env=dict(server.env, TERM="xterm", CUPOLA_URL=server.url, CUPOLA_TOKEN=server.token))
    os.close(side)
    text = b""
    try:
        while chunk := os.read(main, 65536):
            text += chunk
    except OSError:  # the other side was closed
        pass
    os.close(main)
    assert child.wait(60) == 0, text
    return text


@pytest.fixture(scope="module")
def server(build, tmp_path_factory, warm):
    own = Server(build, warm(tmp_path_factory.mktemp("strange") / "home"))
    own.start()
    repository = Repository(tmp_path_factory.mktemp("repository") / "strange")
    repository.commit({"meltano.yml": MELTANO_YML, "target.py": numbers()["target.py"],
                       "speaker.py": SPEAKER.replace("NASTY", repr(NASTY), 1)})
    own.deploy("strange", repository)
    yield own
    own.stop()


@pytest.fixture(scope="module")
def nasty(server):
    run = speak(server, MODE="nasty")
    assert server.wait_for_run(run)["status"] in ("succeeded", "failed")
    return run


def test_case_19_json_of_the_api_is_valid_and_keeps_what_can_be_kept(server, nasty):
    status, page = server.request("GET", f"/api/v1/runs/{nasty}/log?raw=true")

    assert status == 200
    texts = [line["text"] for line in page["lines"]]
    for expected in ("\x1b[2J\x1b]0;owned\x07\x1b[31mred", "10%\r20%\r100%", "<script>alert(1)</script>", "é–\U0001f600",
                     "split \U0001f600 over writes", "a\x00b"):
        assert any(expected in text for text in texts), (expected, texts)
    assert any("\ufffd" in text for text in texts)
    assert texts[-1] and server.request("GET", "/api/v1/runs")[0] == 200


def test_case_19_a_terminal_is_never_steered_by_a_log(server, nasty):
    for args in (["logs", nasty], ["logs", nasty, "--format", "json"], ["history"], ["schedule", "list"],
                 ["schedule", "list", "--format", "json"]):
        text = on_terminal(server, *args)

        for harm in (b"\x1b[2J", b"\x1b]0", b"\x07", b"\x00", b"\r1", "\u202e".encode(), "\u2066".encode(), "\u009b".encode()):
            assert harm not in text, (args, harm, text)
        text.decode()  # is UTF-8


def test_case_19_the_bytes_are_kept_as_the_run_wrote_them(server, nasty):
    raw = raw_log(server, nasty)

    # What meltano passes on as it came is there as it came; what it wraps in JSON, unwraps to it.
    unwrapped = b"".join(
        json.loads(line).get("event", "").encode() + b"\n" if line.startswith(b"{") else line + b"\n" for line in raw.split(b"\n"))
    for line in NASTY[2:]:
        assert line in unwrapped, (line, unwrapped)


def test_case_19_names_of_a_project_are_shown_not_obeyed(server):
    status, answer = server.request("GET", "/api/v1/schedules")

    assert status == 200 and [s["name"] for s in answer["schedules"]] == ["<b>bold</b> \x1b[31m \u202e"]
    assert b"\\x1b[31m \\u202e" in on_terminal(server, "schedule", "list")
