"""Clients that are slow, many, or speak no HTTP: they are closed, and others hardly notice.

CUPOLA_TEST_LONG=1 (make nightly) takes 10,000 connections and waits for every deadline.
"""

import contextlib
import os
import pathlib
import re
import resource
import socket
import statistics
import struct
import threading
import time

import pytest
from harness import Repository, Server, wait_until
from projects import numbers

LONG = os.environ.get("CUPOLA_TEST_LONG") == "1"
IDLE = 10_000 if LONG else 1_500
HEADER_TIME, BODY_TIME, IDLE_TIME = 15, 60, 75  # http::Options


@pytest.fixture(scope="module")
def server(build, tmp_path_factory, warm):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # The sanitizer keeps freed memory for a while: that is no memory of the program.
    own = Server(build, warm(tmp_path_factory.mktemp("hostile") / "home"), env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
    own.start()
    yield own
    own.stop()


def connect(server, receive_buffer=None):
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(60)
    client.connect(("127.0.0.1", server.port))
    return client


def read_to_end(client):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            data += chunk
    return data


def memory(server):
    return int(pathlib.Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Healthy:
    """One client that behaves: how long its requests take."""

    def __init__(self, server):
        self.server = server

    def times(self, count=150):
        taken = []
        with connect(self.server) as client:
            for _ in range(count):
                began = time.monotonic()
                client.sendall(b"GET /api/v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                               + self.server.token.encode() + b"\r\n\r\n")
                data = b""
                while b"\r\n\r\n" not in data:
                    data += client.recv(65536)
                head, _, body = data.partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200"), head
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                while len(body) < length:
                    body += client.recv(65536)
                taken.append(time.monotonic() - began)
        return sorted(taken)


def told(name, before, during):
    line = (f"{name}: median {statistics.median(before) * 1000:.2f} -> {statistics.median(during) * 1000:.2f} ms, "
            f"p99 {before[-2] * 1000:.2f} -> {during[-2] * 1000:.2f} ms")
    print(line)
    return line


def is_held_up(before, during):
    """Twice as slow, and by more than other programs on the machine may cause."""
    return statistics.median(during) > 2 * statistics.median(before) + 0.02


def test_case_16_slow_headers_are_closed_at_their_deadline(server):
    drips = [connect(server) for _ in range(20)]
    began = time.monotonic()
    for client in drips:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    ends = {}
    while len(ends) < len(drips) and time.monotonic() < began + HEADER_TIME + 20:
        for client in drips:
            if client in ends:
                continue
            try:
                client.sendall(b"A: b\r\n")  # one more line does not move the deadline
            except OSError:
                ends[client] = time.monotonic() - began
        time.sleep(0.25)  # the drip itself
    for client in drips:
        client.close()

    assert len(ends) == len(drips)
    assert min(ends.values()) > HEADER_TIME - 2


def test_case_16_many_idle_connections_leave_others_fast(server):
    healthy = Healthy(server)
    healthy.times(50)
    before, held = healthy.times(), memory(server)

    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(IDLE)]
        for client in idle[::2]:
            client.sendall(b"GET /api/v1/ru")
        during, grown = healthy.times(), memory(server) - held

        assert server.request("GET", "/healthz")[0] == 200
        line = told(f"{IDLE} idle connections, {grown >> 10} KiB", before, during)
        assert not is_held_up(before, during), line
        assert grown < IDLE * (64 << 10), line
    wait_until("they are let go", lambda: len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir())) < 200, 30)


def test_case_16_bodies_that_drip_keep_nobody_out(server):
    """33 announced bodies of 8 MiB would be all the memory that there is for bodies."""
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            client = stack.enter_context(connect(server))
            client.sendall(b"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n{")

        status, problem = server.request("POST", "/api/v1/projects", {"name": ""})
        assert status in (400, 422), problem
        if LONG:
            client.settimeout(BODY_TIME + 20)
            began = time.monotonic()
            assert read_to_end(client).startswith(b"HTTP/1.1 4")
            assert time.monotonic() - began > BODY_TIME - 5


def test_case_16_followers_that_never_read_cost_bounded_memory(server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("hostile", repository)
    run = server.cupola("run", "load", "--project", "hostile", "--deployment", "prod", "--env", "TOP=300", "--format", "json").json
    assert server.wait_for_run(run["id"], timeout=300)["status"] == "succeeded"
    healthy = Healthy(server)
    healthy.times(50)
    before, held = healthy.times(), memory(server)

    with contextlib.ExitStack() as stack:
        for _ in range(100):
            client = stack.enter_context(connect(server, receive_buffer=4096))
            client.sendall(f"GET /api/v1/runs/{run['id']}/log HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                           f"Authorization: Bearer {server.token}\r\n\r\n".encode())
        during = healthy.times()
        grown = memory(server) - held
        line = told(f"100 followers that never read, {grown >> 20} MiB", before, during)
        assert not is_held_up(before, during), line
        assert grown < 200 << 20, line


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
TWO_WAYS = {
    "length and coding": b"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "length with a sign": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n",
    "length in hex": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n",
    "two codings": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded header": b"POST / HTTP/1.1\r\nHost: x\r\nA: b\r\n Content-Length: 5\r\n\tc\r\nContent-Length: 5\r\nX\r\n\r\n",
    "bare CR": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rTransfer-Encoding: chunked\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: x\n\n",
    "NUL in a name": b"GET / HTTP/1.1\r\nHost: x\r\nA\x00B: c\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "NUL in the path": b"GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "chunk size with a sign": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    "chunk size in 0x": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "chunk size too large": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na\r\n0\r\n\r\n",
    "chunk without end": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
    "no HTTP": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("name", TWO_WAYS)
def test_case_17_what_could_be_read_in_two_ways_is_refused_and_closed(server, name):
    with connect(server) as client:
        client.sendall(TWO_WAYS[name] + SMUGGLED)
        reply = read_to_end(client)

    assert reply.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")), reply
    assert len(re.findall(rb"HTTP/1\.1 \d", reply)) == 1, reply  # the second one was not answered
    assert b"Connection: close" in reply and b"smuggled" not in reply


@pytest.mark.parametrize("name, head, status", [
    ("header of 1 GiB", b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"431"),
    ("endless headers", b"GET / HTTP/1.1\r\nHost: x\r\n", b"431"),
    ("endless path", b"GET /", b"4"),
    ("body of 1 GiB", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n", b"413"),
    ("chunks of 1 GiB", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"413"),
])
def test_case_17_what_is_too_large_is_refused_before_it_is_held(server, name, head, status):
    piece = {"endless headers": b"A: b\r\n" * 10_000, "chunks of 1 GiB": b"10000\r\n" + b"x" * 0x10000 + b"\r\n"}.get(name, b"x" * 65536)
    held = memory(server)
    reply = []
    with connect(server) as client:
        reader = threading.Thread(target=lambda: reply.append(read_to_end(client)))
        reader.start()
        sent = 0
        with contextlib.suppress(OSError):
            client.sendall(head)
            while sent < 1 << 30 and reader.is_alive():
                client.sendall(piece)
                sent += len(piece)
        reader.join(30)

    assert reply and (not reply[0] or reply[0].startswith(b"HTTP/1.1 " + status)), reply
    assert sent < 64 << 20, sent
    assert memory(server) - held < 64 << 20


def test_case_17_pipelined_requests_are_answered_in_their_order(server):
    with connect(server) as client:
        client.sendall(b"".join(b"GET /none-%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(50))
                       + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        reply = read_to_end(client)

    assert len(re.findall(rb"HTTP/1\.1 \d", reply)) == 51
    assert reply.rindex(b'"status":"ok"' if b'"status":"ok"' in reply else b"HTTP/1.1 200") > reply.rindex(b"HTTP/1.1 4")


def test_case_17_clients_that_reset_in_the_middle_leave_nothing_behind(server):
    files = lambda: len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()))
    before = files()
    for n in range(200):
        client = connect(server)
        client.sendall(b"POST /api/v1/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc"[: 10 + n % 60])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    wait_until("they are gone", lambda: files() <= before + 5, 30)
    assert server.request("GET", "/healthz")[0] == 200
