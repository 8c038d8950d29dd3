"""Repositories that are read over ssh: the project's own, and those that plugins come from."""

import shlex
import subprocess

import pytest
from harness import Repository, Server
from projects import MELTANO_YML, TAP, numbers
from ssh_host import SSHD, SshHost, make_key
from test_secrets import files_with, log_of

pytestmark = pytest.mark.skipif(SSHD is None, reason="sshd is not installed (Debian: openssh-server)")

SHOWING_TAP = TAP.replace("last = 0\n", '''last = 0
print("git's key is", os.environ.get("GIT_SSH_PRIVATE_KEY"), file=sys.stderr, flush=True)
''', 1)
PLUGIN = {
    "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    '[project]\nname = "tap-from-git"\nversion = "1.0"\n[project.scripts]\ntap-from-git = "tap_from_git:main"\n',
    "tap_from_git.py": "import sys\n\ndef main():\n    print('spoken from git', file=sys.stderr)\n",
}


def project_with(plugin_address):
    yml = MELTANO_YML.replace(
        "  loaders:\n",
        f"  - name: tap-git\n    namespace: tap_git\n    executable: tap-from-git\n    pip_url: git+{plugin_address}@main\n  loaders:\n")
    return numbers({"meltano.yml": yml.replace("jobs:\n", "jobs:\n- name: speak\n  tasks: [tap-git target-lines]\n"), "tap.py": SHOWING_TAP})


@pytest.fixture(scope="module")
def world(build, warm, tmp_path_factory):
    """A server, a host, a plugin there, a project there, and keys: one that the host trusts and others."""
    folder = tmp_path_factory.mktemp("ssh")

    class World:
        host = SshHost(folder / "host")
        good = make_key(folder / "good")
        other = make_key(folder / "other")
        locked = make_key(folder / "locked", passphrase="hunter2")
        public = (folder / "good.pub").read_text()
        nonsense = "open sesame"
        plugin = Repository(folder / "plugin")
        project = Repository(folder / "project")
        server = Server(build, warm(folder / "home"))

    world = World()
    world.host.trust(folder / "good")
    world.plugin.commit(PLUGIN)
    world.project.commit(project_with(world.host.url(world.plugin)))
    world.server.start()
    yield world
    world.server.stop()
    world.host.stop()


def deploy(world, project, repository, key=None, check=False):
    world.server.cupola("project", "create", "--name", project, "--repository", repository)
    if key:
        world.server.cupola("secret", "set", "GIT_SSH_PRIVATE_KEY", "--project", project, input=key)
    return world.server.cupola("deployment", "create", "--project", project, "--name", "prod", "--environment", "prod",
                               "--branch", "main", "--wait", check=check, timeout=600)


def test_the_project_and_its_plugin_are_read_with_its_key_and_nothing_else_is(world):
    deploy(world, "both", world.host.url(world.project), world.good, check=True)

    spoken = world.server.cupola("run", "speak", "--project", "both", "--deployment", "prod", "--follow", check=False).out
    assert "spoken from git" in spoken
    shown = world.server.cupola("run", "load", "--project", "both", "--deployment", "prod", "--follow").out
    assert "git's key is None" in shown
    middle = world.good.splitlines()[2].encode()
    assert files_with(world.server.home, middle) == []


@pytest.mark.parametrize("key, says", [
    ("", ["has no key", "Store a private key as the secret GIT_SSH_PRIVATE_KEY", "deploy key"]),
    ("other", ["does not accept the key in GIT_SSH_PRIVATE_KEY", "public half of this key"]),
    ("locked", ["GIT_SSH_PRIVATE_KEY has a passphrase", "ssh-keygen -p"]),
    ("public", ["GIT_SSH_PRIVATE_KEY holds a public key", "without .pub"]),
    ("nonsense", ["GIT_SSH_PRIVATE_KEY holds no private key", "whole file"]),
])
@pytest.mark.parametrize("what", ["project", "plugin"])
def test_a_key_that_does_not_open_is_the_first_cause_with_its_remedy(world, what, key, says):
    project = f"{what}-{key or 'without'}-key"
    failed = deploy(world, project, world.host.url(world.project) if what == "project" else world.project.url, getattr(world, key, None))

    first = failed.err[failed.err.index("cupola: Deployment 'prod' failed in release 1: "):]
    assert failed.code == 1 and all(words in first for words in says), failed
    assert ("The plugin tap-git (extractors) cannot be installed: " in first) == (what == "plugin")
    assert "hunter2" not in failed.err and "PRIVATE KEY-----" not in failed.err + "\n".join(world.server.log)


def test_a_host_is_remembered_at_the_first_visit_and_another_key_of_it_is_refused(world):
    """Also the host of a plugin alone, which only installers ask."""
    known = world.server.home / "ssh" / "known_hosts"
    known.write_text("")
    deploy(world, "first-visit", world.project.url, world.good, check=True)
    assert f"[127.0.0.1]:{world.host.port} " in known.read_text()

    world.host.stop()
    world.host.start()
    old = known.read_text()
    for what, repository in [("project", world.host.url(world.project)), ("plugin", world.project.url)]:
        failed = deploy(world, f"{what}-other-host-key", repository, world.good)
        first = failed.err[failed.err.index("cupola: Deployment 'prod' failed"):]
        assert f"shows another key ({world.host.fingerprint()}) than the one that was remembered" in first, failed
        command = f'ssh-keygen -f "{known}" -R "[127.0.0.1]:{world.host.port}"'
        assert f"If its owner says that this key is right, take the old one from ssh/known_hosts in the server's home folder with `{command}`" in first
    assert known.read_text() == old

    subprocess.run(shlex.split(command), check=True, capture_output=True)
    world.server.cupola("deployment", "update", "prod", "--project", "project-other-host-key", "--wait", timeout=600)
