"""Stands between a server and its PostgreSQL: cuts connections at commits, or lets nothing through for a while."""

import pathlib
import select
import socket
import threading

COMMIT = b"Q\0\0\0\x0bCOMMIT\0"


class PostgresProxy:
    """Listens on the loopback, and passes on to the socket in the PostgreSQL's folder."""

    def __init__(self, folder, database="postgres"):
        self.target = str(pathlib.Path(folder) / ".s.PGSQL.5432")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://postgres@127.0.0.1:{self.listener.getsockname()[1]}/{database}?sslmode=disable&gssencmode=disable"
        self.cut_every = 0  # each so many commits loses its answer, or itself
        self.commits = 0
        self.cuts = 0
        self.flows = threading.Event()
        self.flows.set()
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def what_to_cut(self):
        """Nothing, the answer to this commit, or the commit itself: in turn."""
        with self.lock:
            self.commits += 1
            if not self.cut_every or self.commits % self.cut_every:
                return None
            self.cuts += 1
            return "answer" if self.cuts % 2 else "commit"

    def serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        with client, server:
            try:
                server.connect(self.target)
                self.pass_on(client, server)
            except OSError:
                pass

    def pass_on(self, client, server):
        swallow = False
        while True:
            readable, _, _ = select.select([client, server], [], [])
            self.flows.wait()
            for source in readable:
                data = source.recv(65536)
                if not data or (source is server and swallow):
                    return
                if source is client and data == COMMIT:
                    cut = self.what_to_cut()
                    if cut == "commit":
                        return
                    swallow = cut == "answer"
                (server if source is client else client).sendall(data)

    def close(self):
        self.flows.set()
        self.listener.close()
