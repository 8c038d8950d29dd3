"""Projects that cannot be deployed: what was tried, what happened, what to do; nothing half-done."""

import functools
import http.server
import os
import ssl
import subprocess
import threading

import pytest
from harness import Repository, Server
from projects import MELTANO_YML, numbers


def refused(done, *words):
    """The command failed, said nothing on its output, and told all these words."""
    assert done.code == 1 and done.out == "", done
    for word in words:
        assert word in done.err, (word, done)


def projects(server):
    return {p["name"] for p in server.cupola("project", "list", "--format", "json").json["projects"]}


def deployments(server, project):
    answer = server.cupola("deployment", "list", "--project", project, "--format", "json").json
    return {d["name"]: d for d in answer["deployments"]}


def try_to_deploy(server, project, url, *more, branch="main", environment="prod"):
    """Registers the repository and deploys it, which is to fail."""
    server.cupola("project", "create", "--name", project, "--repository", url, *more)
    done = server.cupola("deployment", "create", "--project", project, "--name", "prod", "--environment", environment,
                         f"--branch={branch}", "--wait", check=False)
    assert done.code == 1, done
    assert deployments(server, project)["prod"]["release"] is None
    return done


# -- addresses, directories, branches ---------------------------------------------------------------


def test_an_address_that_is_no_repository_registers_nothing(shared_server):
    before = projects(shared_server)
    for url, why in [
        ("ext::/bin/sh", "helper program"),
        ("ext::sh -c true", "blanks"),
        ("--upload-pack=/bin/true", "begins with a dash"),
        ("-oProxyCommand=true", "begins with a dash"),
        ("ssh://-oProxyCommand=true/x", "cannot be read"),
        ("http://example.com/x.git", "protocol http is not allowed"),
        ("https://ada:word@example.com/x.git", "GIT_TOKEN"),
        ("relative/path", "neither an address nor an absolute path"),
    ]:
        done = shared_server.cupola("project", "create", "--name", "never", f"--repository={url}", check=False)
        refused(done, why)
        assert "ada:word" not in done.err
    assert projects(shared_server) == before


def test_a_directory_outside_the_repository_registers_nothing(shared_server, tmp_path):
    before = projects(shared_server)
    for directory in ["..", "../other", "data/../../other", "/etc", ".git", "data/.git/hooks"]:
        refused(shared_server.cupola("project", "create", "--name", "never", "--repository", str(tmp_path),
                                     f"--directory={directory}", check=False),
                directory, "does not lie inside the repository", "such as teams/data")
    assert projects(shared_server) == before


def test_a_branch_that_is_an_option_or_no_name_makes_no_deployment(shared_server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    shared_server.cupola("project", "create", "--name", "branches", "--repository", repository.url)
    for branch in ["-x", "--upload-pack=/bin/true", "main..other", "refs/heads/main", "a b", "ma:in"]:
        refused(shared_server.cupola("deployment", "create", "--project", "branches", "--name", "prod", "--environment", "prod",
                                     f"--branch={branch}", "--wait", check=False),
                branch, "is no branch, tag or commit", "Give the name of a branch or tag")
    assert deployments(shared_server, "branches") == {}

    done = try_to_deploy(shared_server, "no-branch", repository.url, branch="release")
    refused(done, "no branch or tag 'release'", "It has the branches main")


# -- repositories that cannot be cloned -------------------------------------------------------------


class Guarded(http.server.BaseHTTPRequestHandler):
    """A git host of one private repository; no other is there."""

    def do_GET(self):
        private = self.path.startswith("/private.git/")
        self.send_response(401 if private else 404)
        if private:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def git_host(tmp_path):
    """(address, file of its authority) of an HTTPS server with a certificate of its own."""
    key, certificate = tmp_path / "host.key", tmp_path / "host.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    host.socket = context.wrap_socket(host.socket, server_side=True)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{host.server_port}", certificate
    host.shutdown()
    host.server_close()


def test_no_repository_no_rights_and_no_network_are_three_messages(build, tmp_path, git_host):
    address, certificate = git_host
    server = Server(build, tmp_path / "home", env={"GIT_SSL_CAINFO": str(certificate), "NO_PROXY": "*", "no_proxy": "*"})
    server.start()
    try:
        attempt = functools.partial(try_to_deploy, server)
        for name, url in [("path", str(tmp_path / "nowhere")), ("url", f"{address}/nowhere.git")]:
            refused(attempt(name, url), url, "There is no git repository", "Check the address for spelling", "GIT_TOKEN")

        refused(attempt("rights", f"{address}/private.git"), "does not let this server read it", "GIT_TOKEN")
        server.cupola("secret", "set", "GIT_TOKEN", "--project", "rights", input="wrong-token-4711")
        done = server.cupola("deployment", "update", "prod", "--project", "rights", "--wait", check=False)
        refused(done, "does not let this server read it")
        assert "wrong-token" not in done.err + "\n".join(server.log)

        for name, url in [("port", "https://127.0.0.1:9/x.git"), ("host", "https://no-such-host.invalid/x.git")]:
            refused(attempt(name, url), url, "could not be reached", "Check the host's name and this server's network", "HTTPS_PROXY")

        # Each deploy left a failed release with its log, and no part of a mirror or checkout.
        left = [str(path) for path in server.home.rglob("*") if path.name.endswith((".new", ".lock")) and path.is_dir()]
        assert left == []
        assert not any(server.home.glob("releases/*/checkout"))
    finally:
        server.stop()


def test_a_certificate_that_is_not_trusted_is_said_with_the_variable_that_helps(shared_server, git_host):
    done = try_to_deploy(shared_server, "untrusted", f"{git_host[0]}/private.git")

    refused(done, "certificate", "is not trusted", "GIT_SSL_CAINFO")


# -- projects with faults ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def live(shared_server, tmp_path_factory):
    """A deployment that works; each test breaks its next release."""
    repository = Repository(tmp_path_factory.mktemp("bad") / "repository")
    repository.commit(numbers())
    shared_server.deploy("bad", repository)
    return repository


@pytest.fixture
def update(shared_server, live):
    """Deploys these files instead of the good ones; the live release, its schedules and environments stay."""
    def environments():
        return sorted(os.listdir(shared_server.home / "environments"))

    def seen():
        deployment = deployments(shared_server, "bad")["prod"]
        schedules = shared_server.cupola("schedule", "list", "--project", "bad", "--deployment", "prod", "--format", "json").json
        return deployment["release"], schedules["schedules"], environments()

    def run(files, remove=()):
        live.git("checkout", "--quiet", "-B", "main", live.git("rev-list", "--max-parents=0", "HEAD"))
        before = seen()
        for name in remove:
            (live.folder / name).unlink()
        live.commit(files)
        done = shared_server.cupola("deployment", "update", "prod", "--project", "bad", "--wait", check=False)
        assert seen() == before
        assert "What was live before is live still" in done.err
        return done

    return run


def test_all_faults_are_listed_each_with_file_line_and_remedy(shared_server, update):
    yml = MELTANO_YML.replace("job: load\n", "job: lod\n").replace("'*/15 * * * *'", "'0 */15 * * * *'")
    yml = yml.replace("version: 1\n", "version: 1\ninclude_paths: [more.yml]\n")
    more = "schedules:\n- name: weekly\n  interval: '@weekly'\n  job: gone\n- name: odd\n  interval: '61 * * * *'\n  job: load\n"
    line = next(n for n, text in enumerate(yml.splitlines(), 1) if "name: minutely" in text)

    done = update({"meltano.yml": yml, "more.yml": more})

    refused(done, "4 faults",
            f"meltano.yml:{line}:", "The schedule 'minutely' runs the job 'lod', which is not there. (Did you mean 'load'?)",
            "'0 */15 * * * *'", "it has 6 fields", "'*/15 * * * *'",
            "more.yml:2:", "runs the job 'gone'",
            "more.yml:6:", "'61 * * * *'")
    assert "sent 1" in shared_server.cupola("run", "load", "--project", "bad", "--deployment", "prod", "--follow", "--env", "TOP=1").out


def test_a_file_that_is_no_yaml_is_said_with_its_line_and_nothing_else(update):
    done = update({"meltano.yml": "version: 1\nplugins:\n  extractors: [\n"})

    refused(done, "meltano.yml:4:1: This is not YAML", "brackets")
    assert "There is no environment" not in done.err


def test_a_missing_file_is_said_with_its_folder(shared_server, live, update):
    done = update({"README": "moved"}, remove=["meltano.yml"])
    refused(done, "There is no meltano.yml in this folder", "Name the folder of the repository")
    assert "There is no environment" not in done.err

    done = try_to_deploy(shared_server, "elsewhere", live.url, "--directory", "teams/data")
    refused(done, "There is no meltano.yml in the folder 'teams/data'", "Name the folder of the repository")


def test_an_unknown_environment_is_said_with_those_there_are(shared_server, tmp_path):
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())

    done = try_to_deploy(shared_server, "unknown-environment", repository.url, environment="prood")

    refused(done, "There is no environment 'prood'", "deploy one of dev, prod")


def with_plugin(**keys):
    """The project with a tap that is installed: these keys in place of its script."""
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return {"meltano.yml": MELTANO_YML.replace("    executable: ./tap.py\n", "    executable: tap-other\n" + lines, 1)}


@pytest.mark.parametrize(
    "keys, words",
    [
        ({"pip_url": "meltano==99.0"}, ["No solution found", "no version of meltano==99.0", "Change the versions in its pip_url"]),
        ({"pip_url": "git+file:///nowhere/tap.git"}, ["'/nowhere/tap.git' does not appear to be a git repository", "git address in its pip_url"]),
        ({"pip_url": "./plugins/tap"}, ["There is no 'plugins/tap' in the repository", "Commit it, or correct the path"]),
        ({"pip_url": "tap==$VERSION"}, ["VERSION", "as a secret of the project"]),
        ({"pip_url": "meltano", "python": "python3.2"}, ["no Python 'python3.2' on this server", "Install it on the server (none is fetched)"]),
    ],
    ids=["version", "git", "path", "variable", "python"],
)
def test_a_plugin_that_cannot_be_installed_is_named_with_the_installers_words(update, keys, words):
    done = update(with_plugin(**keys))

    refused(done, "tap-numbers", *words)
