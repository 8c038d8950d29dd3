"""What is told of: a receiver of webhooks that behaves as badly as a test wants, and a mail server."""

import asyncio
import contextlib
import email
import email.policy
import socket
import ssl
import subprocess
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

ENDLESS = 10 << 30


def answer(status, *headers, body=b""):
    """Gives that answer to a request."""
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close", *headers]
    data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return lambda connection: connection.sendall(data)


def reset(connection):
    """Breaks off without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def drip(connection):
    """An answer of a byte each second, until the other side has had enough."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000:
        connection.sendall(bytes([byte]))
        time.sleep(1)


class Flood:
    """Ten gigabytes; counts how many of them were taken."""

    def __init__(self):
        self.sent = 0

    def __call__(self, connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {ENDLESS}\r\n\r\n".encode())
        piece = b"x" * 65536
        with contextlib.suppress(OSError):
            while self.sent < ENDLESS:
                self.sent += connection.send(piece)


def read_until(connection, data, is_enough):
    while not is_enough(data):
        piece = connection.recv(65536)
        if not piece:
            raise OSError("the other side broke off")
        data += piece
    return data


class Request:
    def __init__(self, head, body):
        lines = head.decode().split("\r\n")
        self.line = lines[0]
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.body = body
        self.at = time.monotonic()


class Sink:
    """Takes webhooks on a port of the loopback; what it answers is said before, and 204 else."""

    def __init__(self, port=0):
        self.requests = []
        self.answers = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            data = read_until(connection, b"", lambda data: b"\r\n\r\n" in data)
            head, _, body = data.partition(b"\r\n\r\n")
            request = Request(head, body)
            length = int(request.headers.get("content-length", 0))
            request.body = read_until(connection, body, lambda body: len(body) >= length)
            with self.lock:
                reply = self.answers.pop(0) if self.answers else answer(204)
                self.requests.append(request)
            reply(connection)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Mailbox:
    """An SMTP server on the loopback, with STARTTLS and a login; keeps what it is given."""

    user, password = "cupola", "open sesame"

    def __init__(self, folder):
        self.mails = []
        self.busy = 0  # so many recipients are put off
        self.certificate = folder / "certificate.pem"
        key = folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(self.certificate)],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.controller = Controller(self, hostname="127.0.0.1", port=0, tls_context=context, require_starttls=True, auth_required=True,
                                     authenticator=self.check, auth_require_tls=True)
        self.controller.port = free_port()
        self.controller.start()
        self.url = f"smtp://127.0.0.1:{self.controller.port}"

    def check(self, server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (self.user.encode(), self.password.encode())
        return AuthResult(success=good)

    async def handle_RCPT(self, server, session, envelope, address, options):
        await asyncio.sleep(0)
        if address.startswith("nobody@"):
            return "550 5.1.1 nobody of that name"
        if self.busy > 0:
            self.busy -= 1
            return "451 4.3.0 busy, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(0)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 OK"

    def close(self):
        self.controller.stop()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
