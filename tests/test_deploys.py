"""Deploys from outside: what stays over redeploys, what a failed one leaves, shared environments."""

import os

from harness import Repository, wait_until
from projects import MELTANO_YML, numbers


def schedules(server, project, deployment="prod"):
    answer = server.cupola("schedule", "list", "--project", project, "--deployment", deployment, "--format", "json").json
    return {s["name"]: s for s in answer["schedules"]}


def update(server, project, *args, check=True):
    return server.cupola("deployment", "update", "prod", "--project", project, "--wait", *args, check=check, timeout=600)


def test_a_redeploy_keeps_offsets_and_switches_also_when_a_schedule_comes_back(shared_server, tmp_path):
    server = shared_server
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("redeploy", repository)
    server.cupola("schedule", "enable", "--project", "redeploy", "--deployment", "prod", "quarterly")
    before = schedules(server, "redeploy")

    without = MELTANO_YML[: MELTANO_YML.index("- name: quarterly")]
    repository.commit({"meltano.yml": without})
    update(server, "redeploy")
    assert set(schedules(server, "redeploy")) == {"minutely"}

    repository.commit({"meltano.yml": MELTANO_YML})
    update(server, "redeploy")
    after = schedules(server, "redeploy")
    assert after["quarterly"]["enabled"] and after["quarterly"]["offset_minutes"] == before["quarterly"]["offset_minutes"]
    assert after["minutely"]["offset_minutes"] == before["minutely"]["offset_minutes"]
    assert not after["minutely"]["enabled"]
    server.cupola("schedule", "disable", "--project", "redeploy", "--deployment", "prod", "quarterly")


def test_a_failed_deploy_leaves_the_old_release_live(shared_server, tmp_path):
    server = shared_server
    repository = Repository(tmp_path / "repository")
    good = repository.commit(numbers())
    server.deploy("broken", repository)

    repository.commit({"meltano.yml": "version: 1\nschedules:\n- name: nightly\n"})
    failed = update(server, "broken", check=False)

    assert failed.code == 1
    assert "meltano.yml" in failed.err + failed.out
    deployment = server.cupola("deployment", "list", "--project", "broken", "--format", "json").json["deployments"][0]
    assert deployment["release"]["commit"] == good
    assert "sent 5" in server.cupola("run", "load", "--project", "broken", "--deployment", "prod", "--follow").out


def test_a_plugin_from_a_git_repository_is_built_once_and_shared(shared_server, tmp_path):
    server = shared_server
    plugin = Repository(tmp_path / "plugin")
    plugin.commit(
        {
            "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
            '[project]\nname = "tap-from-git"\nversion = "1.0"\n[project.scripts]\ntap-from-git = "tap_from_git:main"\n',
            "tap_from_git.py": "import sys\n\ndef main():\n    print('spoken from git', file=sys.stderr)\n",
        }
    )
    yml = MELTANO_YML.replace(
        "  loaders:\n",
        f"  - name: tap-git\n    namespace: tap_git\n    executable: tap-from-git\n    pip_url: git+file://{plugin.url}@main\n  loaders:\n",
    )
    yml += "- name: gitly\n  interval: '@daily'\n  job: speak\n"
    yml = yml.replace("jobs:\n", "jobs:\n- name: speak\n  tasks: [tap-git target-lines]\n")
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers({"meltano.yml": yml}))
    server.deploy("git-plugin", repository)
    server.cupola("deployment", "create", "--project", "git-plugin", "--name", "dev", "--environment", "dev", "--branch", "main", "--wait", timeout=600)

    assert "spoken from git" in server.cupola("run", "speak", "--project", "git-plugin", "--deployment", "dev", "--follow", check=False).out

    # A later commit of the plugin moves nothing until somebody asks for it.
    plugin.commit({"tap_from_git.py": "import sys\n\ndef main():\n    print('spoken anew', file=sys.stderr)\n"})
    repository.commit(message="nothing about plugins")
    update(server, "git-plugin")
    assert "spoken from git" in server.cupola("run", "speak", "--project", "git-plugin", "--deployment", "prod", "--follow", check=False).out
    update(server, "git-plugin", "--refresh-plugins")
    assert "spoken anew" in server.cupola("run", "speak", "--project", "git-plugin", "--deployment", "prod", "--follow", check=False).out


def test_what_persist_names_is_there_after_a_redeploy_and_nothing_else(shared_server, tmp_path):
    # The target makes its file as soon as it starts, perhaps before the tap looks; it writes after that.
    server = shared_server
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers({"tap.py": numbers()["tap.py"].replace("last = 0\n", "last = 0\nprint('traces:', os.path.exists('trace'), os.path.exists('output/numbers.txt') and os.path.getsize('output/numbers.txt') > 0, file=sys.stderr)\nopen('trace', 'w').close()\n", 1)}))
    server.deploy("persist", repository)

    first = server.cupola("run", "load", "--project", "persist", "--deployment", "prod", "--follow").out
    assert "traces: False False" in first
    repository.commit(message="again")
    update(server, "persist")
    second = server.cupola("run", "load", "--project", "persist", "--deployment", "prod", "--follow").out
    assert "traces: False True" in second


def test_a_project_in_a_sub_directory_reaches_its_siblings(shared_server, tmp_path):
    server = shared_server
    repository = Repository(tmp_path / "repository")
    files = {f"teams/data/{name}": text for name, text in numbers().items()}
    files["shared/words.txt"] = "from the sibling"
    files["teams/data/tap.py"] = files["teams/data/tap.py"].replace("last = 0\n", "last = 0\nprint(open('../../shared/words.txt').read(), file=sys.stderr)\n", 1)
    repository.commit(files)
    server.deploy("sub", repository, directory="teams/data")

    assert "from the sibling" in server.cupola("run", "load", "--project", "sub", "--deployment", "prod", "--follow").out


def test_two_deployments_share_the_files_of_their_environments(shared_server, tmp_path):
    server = shared_server
    repository = Repository(tmp_path / "repository")
    repository.commit(numbers())
    server.deploy("twice", repository)
    before = {entry.name: entry.stat().st_ino for entry in os.scandir(server.home / "environments") if entry.is_dir()}
    server.cupola("deployment", "create", "--project", "twice", "--name", "dev", "--environment", "dev", "--branch", "main", "--wait")
    after = {entry.name: entry.stat().st_ino for entry in os.scandir(server.home / "environments") if entry.is_dir()}

    assert before == after and before
