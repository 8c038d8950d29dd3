"""Projects and deployments from outside: updates that change nothing, renames, deletions, plans, builds, artifacts, apply."""

import json

import pytest
from harness import Repository, wait_until
from projects import MELTANO_YML, numbers
from receivers import Sink

QUIET = """version: 1
environments: [{name: dev}, {name: prod}]
"""


@pytest.fixture(scope="module")
def server(on_each_database, warm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("projects")
    own = on_each_database(warm(folder / "home"))
    own.args += ["--allow-inner-receivers", "127.0.0.0/8"]
    own.start()
    yield own
    own.stop()


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "repository")
    made.commit(numbers())
    return made


def update(server, project, *args, check=True):
    return server.cupola("deployment", "update", "prod", "--project", project, "--wait", *args, check=check, timeout=600)


def deployment(server, project, name="prod"):
    return server.request("GET", f"/api/v1/projects/{project}/deployments/{name}")[1]


def releases(server, project, name="prod"):
    listed = server.cupola("deployment", "releases", name, "--project", project, "--format", "json").json["releases"]
    return [(r["number"], r["status"]) for r in listed]


def with_notes(notes, yml=MELTANO_YML):
    return yml.replace("    persist: [output]\n", "    persist: [output]\n" + "".join(f"    {note}\n" for note in notes))


def test_an_update_that_changes_nothing_says_so_unless_it_is_forced(server, repository):
    first = repository.commit({f"elt/{name}": text for name, text in numbers({"meltano.yml": with_notes(["watch: [../shared]"])}).items()})
    server.deploy("same", repository, directory="elt")

    moved = repository.commit({"elsewhere.txt": "not of the project"})
    quiet = update(server, "same")
    assert "prod is unchanged: release 1 stays live." in quiet.out and "--force" in quiet.err
    assert deployment(server, "same")["release"]["commit"] == first and deployment(server, "same")["status"] == "live"
    assert "unchanged: commit " + moved in server.cupola("deployment", "logs", "prod", "--project", "same").out
    assert ", which changes nothing" in server.cupola("deployment", "plan", "prod", "--project", "same").out

    assert "prod is live: release 3" in update(server, "same", "--force").out
    assert deployment(server, "same")["release"]["commit"] == moved
    watched = repository.commit({"shared/word": "watched"})
    assert "prod is live: release 4" in update(server, "same").out
    repository.commit({"elt/more": "of the project"})
    assert "prod is live: release 5" in update(server, "same", "--preserve-git-hash").out
    assert deployment(server, "same")["release"]["commit"] == watched
    assert releases(server, "same") == [(5, "live"), (4, "retired"), (3, "retired"), (2, "unchanged"), (1, "retired")]
    dev = update(server, "same", "--preserve-git-hash", "--environment", "dev")
    assert "prod is live: release 6" in dev.out and deployment(server, "same")["environment"] == "dev"
    both = update(server, "same", "--preserve-git-hash", "--branch", "main", check=False)
    assert both.code == 1 and "exclude each other" in both.err


def test_a_revision_is_a_branch_a_tag_or_a_commit_and_environments_may_be_deployed_twice(server, tmp_path):
    repository = Repository(tmp_path / "quiet")
    tagged = repository.commit({"meltano.yml": QUIET})
    repository.git("tag", "v1")
    newest = repository.commit({"meltano.yml": QUIET + "# more\n"})
    server.cupola("project", "create", "--name", "revisions", "--repository", repository.url)

    for name, revision, commit in (("branch", "main", newest), ("tag", "v1", tagged), ("commit", tagged, tagged)):
        made = server.cupola("deployment", "create", "--project", "revisions", "--name", name, "--environment", "prod", "--branch", revision, "--wait")
        assert commit[:12] in made.out
        assert "There is no schedule: nothing runs by the clock." in made.err
    assert "is deployed as branch, tag too: they share its states" in made.err
    assert "tag is live: release 2" in server.cupola("deployment", "update", "tag", "--project", "revisions", "--branch", newest, "--wait").out
    wrong = server.cupola("deployment", "update", "tag", "--project", "revisions", "--branch", "v9", "--wait", check=False)
    assert wrong.code == 1 and "no branch or tag 'v9'" in wrong.err


def test_a_plan_tells_before_what_a_deploy_would_change(server, repository):
    server.cupola("project", "create", "--name", "plans", "--repository", repository.url)
    dry = server.cupola("deployment", "create", "--project", "plans", "--name", "prod", "--environment", "prod", "--branch", "main", "--dry-run")
    assert "A deployment prod would bring commit" in dry.out and "minutely" in dry.out and "appears" in dry.out
    assert server.request("GET", "/api/v1/projects/plans/deployments")[1]["deployments"] == []
    none = server.cupola("deployment", "create", "--project", "plans", "--name", "x", "--environment", "none", "--branch", "main", "--dry-run", check=False)
    assert none.code == 1 and "There is no environment 'none'" in none.err

    server.cupola("deployment", "create", "--project", "plans", "--name", "prod", "--environment", "prod", "--branch", "main", "--wait", timeout=600)
    changed = MELTANO_YML.replace("'* * * * *'", "'5 * * * *'").replace("- name: quarterly", "- name: hourly")
    changed = changed.replace("tasks: [tap-others target-lines]", "tasks: [tap-numbers target-lines]")
    repository.git("checkout", "--quiet", "-b", "next")
    repository.commit({"meltano.yml": changed})
    plan = server.cupola("deployment", "plan", "prod", "--project", "plans", "--branch", "next", "--format", "json").json
    assert {(s["name"], s["change"]) for s in plan["schedules"]} == {("minutely", "changes"), ("quarterly", "vanishes"), ("hourly", "appears")}
    assert not plan["unchanged"] and plan["faults"] == []
    assert {p["change"] for p in plan["plugins"]} == {"reuse"}
    assert releases(server, "plans") == [(1, "live")] and deployment(server, "plans")["revision"] == "main"
    assert server.cupola("deployment", "plan", "prod", "--project", "plans", "--format", "json").json["unchanged"]


def test_a_project_and_a_deployment_are_renamed_and_go_on(server, repository):
    server.deploy("old name", repository)
    server.cupola("schedule", "enable", "quarterly", "--project", "old name", "--deployment", "prod")
    server.cupola("secret", "set", "SPEAK", "--project", "old name", input="open sesame")

    assert "new-name" in server.cupola("project", "rename", "old name", "New Name", "--format", "json").out
    assert "is called Production now" in server.cupola("deployment", "rename", "prod", "Production", "--project", "new-name").out

    run = server.cupola("run", "load", "--project", "new-name", "--deployment", "production", "--follow")
    assert "the word is" in run.out and "open sesame" not in run.out
    assert server.request("GET", "/api/v1/projects/new-name/deployments/production/schedules/quarterly")[1]["enabled"]
    gone = server.cupola("deployment", "list", "--project", "old name", check=False)
    assert gone.code == 1 and "There is no project" in gone.err
    repository.commit({"tap.py": numbers()["tap.py"] + "# more\n"})
    assert "Production is live" in server.cupola("deployment", "update", "Production", "--project", "New Name", "--wait").out

    moved = Repository(repository.folder.parent / "moved")
    elsewhere = moved.commit({f"elt/{name}": text for name, text in numbers().items()})
    server.cupola("project", "change", "new-name", "--repository", moved.url, "--directory", "elt")
    server.cupola("deployment", "update", "production", "--project", "new-name", "--wait")
    assert deployment(server, "new-name", "production")["release"]["commit"] == elsewhere
    server.cupola("schedule", "disable", "quarterly", "--project", "new-name", "--deployment", "production")
    for words in (["project", "rename", "new-name", "a\nb"], ["project", "rename", "new-name", 101 * "x"], ["deployment", "rename", "production", "!", "--project", "new-name"],
                  ["project", "change", "new-name"], ["project", "change", "new-name", "--directory", "../.."]):
        wrong = server.cupola(*words, check=False)
        assert wrong.code == 1 and wrong.err.startswith("cupola: ") and wrong.out == "", (words, wrong)


def test_a_deployment_is_deleted_its_runs_are_told_why_and_its_history_stays(server, repository):
    sink = Sink()
    server.deploy("ends", repository)
    server.cupola("notification", "set", "webhook", sink.url, "--status", "cancelled", "--project", "ends", "--deployment", "prod")
    done = server.cupola("run", "load", "--project", "ends", "--deployment", "prod", "--format", "json").json
    server.wait_for_run(done["id"])
    running = server.cupola("run", "load-others", "--project", "ends", "--deployment", "prod", "--env", "PAUSE=1", "--env", "TOP=100", "--format", "json").json
    wait_until("it sends", lambda: "sent 1" in server.cupola("logs", running["id"], check=False).out)
    server.cupola("schedule", "enable", "quarterly", "--project", "ends", "--deployment", "prod")
    before = server.request("GET", "/api/v1/projects/ends/deployments/prod/schedules/quarterly")[1]

    dry = server.cupola("deployment", "delete", "prod", "--project", "ends", "--dry-run")
    assert "1 run that waits or goes on is cancelled." in dry.out and "2 schedules fire no more; 1 is switched on now." in dry.out
    assert deployment(server, "ends")["status"] == "live"
    deleted = server.cupola("deployment", "delete", "prod", "--project", "ends")
    assert "cancelled" in deleted.err and "Deleted deployment prod." in deleted.out

    ended = server.wait_for_run(running["id"], timeout=60)
    assert (ended["status"], ended["cancel_code"]) == ("cancelled", "deployment_deleted"), ended
    wait_until("it is told", lambda: sink.requests)
    told = json.loads(sink.requests[0].body)
    assert told["data"]["id"] == running["id"] and told["data"]["cancellation_reason"]["code"] == "deployment_deleted"
    assert server.cupola("deployment", "list", "--project", "ends", "--format", "json").json["deployments"] == []
    listed = server.cupola("deployment", "list", "--project", "ends", "--deleted", "--format", "json").json["deployments"]
    assert [(d["name"], d["slug"], d["status"]) for d in listed] == [("prod", "prod~1", "deleted")]
    assert {r["id"] for r in server.runs("ends", deployment="prod~1")} == {done["id"], running["id"]}
    assert "sent 5" in server.cupola("logs", done["id"]).out
    assert "live: 2 schedules" in server.cupola("deployment", "logs", "prod~1", "--project", "ends").out
    assert server.request("GET", "/api/v1/projects/ends/deployments/prod~1/schedules/quarterly/fires")[0] == 200
    late = server.cupola("run", "load", "--project", "ends", "--deployment", "prod~1", check=False)
    assert late.code == 1 and "There is no deployment" in late.err

    server.cupola("deployment", "create", "--project", "ends", "--name", "prod", "--environment", "prod", "--branch", "main", "--wait", timeout=600)
    again = server.request("GET", "/api/v1/projects/ends/deployments/prod/schedules/quarterly")[1]
    assert before["enabled"] and not again["enabled"]
    assert server.runs("ends", deployment="prod") == []
    # States are the project's: the new one goes on from them.
    assert "starting after 5" in server.cupola("run", "load", "--project", "ends", "--deployment", "prod", "--follow").out

    assert "2 states are removed." in server.cupola("project", "delete", "ends", "--dry-run").out
    server.cupola("project", "delete", "ends", "--yes")
    assert server.request("GET", "/api/v1/projects/ends")[0] == 404
    assert len(server.runs("ends~1")) == 3 and server.request("GET", "/api/v1/projects/ends~1/states")[0] == 404
    sink.close()


def test_what_build_names_is_run_once_and_its_result_is_in_each_run(server, repository):
    utility = "  utilities:\n  - name: maker\n    namespace: maker\n    executable: ./maker.py\n    commands: {deps: deps, fail: fail}\n  loaders:\n"
    maker = ("#!/usr/bin/env python3\nimport os, sys\nprint('making with', os.environ.get('SPEAK'), flush=True)\n"
             "if sys.argv[1:] == ['fail']: sys.exit(4)\nopen('made.txt', 'a').write('made\\n')\nos.symlink('/etc/passwd', 'link')\nos.mkfifo('pipe')\n")
    yml = with_notes(["build: [maker:deps]"]).replace("  loaders:\n", utility)
    tap = numbers()["tap.py"].replace("last = 0\n", "last = 0\nprint('found:', open('made.txt').read().split(), sorted(os.listdir('.')), file=sys.stderr)\n", 1)
    repository.commit({"meltano.yml": yml, "maker.py": maker, "tap.py": tap})
    server.cupola("project", "create", "--name", "builds", "--repository", repository.url)
    server.cupola("secret", "set", "SPEAK", "--project", "builds", input="open sesame")

    made = server.cupola("deployment", "create", "--project", "builds", "--name", "prod", "--environment", "prod", "--branch", "main", "--wait", timeout=600)
    assert "build: maker:deps" in made.err and "making with ${SPEAK}" in made.err and "open sesame" not in made.err
    for _ in range(2):
        run = server.cupola("run", "load", "--project", "builds", "--deployment", "prod", "--follow").out
        assert "found: ['made'] ['.meltano', 'link', 'made.txt', 'maker.py'" in run and "'pipe'" not in run, run

    repository.commit({"meltano.yml": yml.replace("maker:deps", "maker:fail")})
    failed = update(server, "builds", check=False)
    assert failed.code == 1 and "The build step 'maker:fail'" in failed.err, failed
    assert releases(server, "builds") == [(2, "failed"), (1, "live")]
    repository.commit({"meltano.yml": yml.replace("maker:deps", "load")})
    assert "which moves data" in update(server, "builds", check=False).err


def test_files_of_a_run_are_kept_listed_and_downloaded(server, repository, tmp_path):
    report = "import os\nos.makedirs('target', exist_ok=True)\nopen('target/manifest.json', 'w').write('{}')\nopen('target/notes.txt', 'w').write('n')\nos.symlink('/etc/passwd', 'target/link.json')\n"
    repository.commit({"meltano.yml": with_notes(["artifacts: ['target/*.json', output]"]), "tap.py": numbers()["tap.py"].replace("last = 0\n", report + "last = 0\n", 1)})
    server.deploy("keeps", repository)
    run = server.cupola("run", "load", "--project", "keeps", "--deployment", "prod", "--format", "json").json["id"]
    server.wait_for_run(run)

    kept = server.cupola("artifacts", run, "--format", "json").json["artifacts"]
    assert [(a["path"], a["bytes"], a["kept"]) for a in kept] == [("output/numbers.txt", 10, True), ("target/manifest.json", 2, True)]
    assert server.cupola("artifacts", run, "output/numbers.txt").out == "1\n2\n3\n4\n5\n"
    server.cupola("artifacts", run, "target/manifest.json", "--output", str(tmp_path / "m.json"))
    assert (tmp_path / "m.json").read_text() == "{}"
    again = server.cupola("artifacts", run, "target/manifest.json", "--output", str(tmp_path / "m.json"), check=False)
    assert again.code == 1 and "File exists" in again.err
    for path in ("target/link.json", "../../../etc/passwd", "..%2f..%2fkey", "", "1"):
        wrong = server.request("GET", f"/api/v1/runs/{run}/artifacts/" + path.replace("/", "%2F"))
        assert wrong[0] in (400, 404), (path, wrong)
    none = server.cupola("artifacts", run, "target/notes.txt", check=False)
    assert none.code == 1 and "kept no file" in none.err and none.out == ""


def apply_file(tmp_path, repository, **more):
    text = {"projects": {"applied": {"repository": repository.url, "deployments": {
        "prod": {"branch": "main", "schedules": {"minutely": False, "quarterly": True}},
        "dev": {"environment": "dev", "branch": "main"}}}}, **more}
    path = tmp_path / "acme.yml"
    path.write_text(json.dumps(text, indent=1))  # JSON is YAML
    return path


def test_apply_brings_an_organization_to_what_a_file_says_and_then_has_nothing_to_do(server, repository, tmp_path):
    file = apply_file(tmp_path, repository, organization="acme", notifications=[{"webhook": "http://127.0.0.1:8099/x", "status": ["failed"]}])
    dry = server.cupola("apply", str(file), "--dry-run")
    assert "+ project applied" in dry.out and "+ deployment applied/prod" in dry.out and "none was made" in dry.err
    assert server.request("GET", "/api/v1/projects/applied")[0] == 404

    server.cupola("apply", str(file), timeout=600)
    assert deployment(server, "applied")["status"] == "live" and deployment(server, "applied", "dev")["environment"] == "dev"
    schedules = server.cupola("schedule", "list", "--project", "applied", "--deployment", "prod", "--format", "json").json["schedules"]
    assert {s["name"]: s["enabled"] for s in schedules} == {"minutely": False, "quarterly": True}
    assert server.cupola("apply", str(file)).out == "Nothing to do: all is as the file says.\n"

    repository.git("branch", "next")
    text = json.loads(file.read_text())
    prod = text["projects"]["applied"]["deployments"]["prod"]
    prod["branch"], prod["schedules"] = "next", {"minutely": False}
    del text["projects"]["applied"]["deployments"]["dev"]
    text["notifications"][0]["status"] = ["failed", "cancelled"]
    file.write_text(json.dumps(text, indent=1))
    assert server.cupola("apply", str(file), "--dry-run").out.splitlines() == [
        '~ notification http://127.0.0.1:8099/x: filters [{"status":["failed"]}] → [{"status":["failed","cancelled"]}]',
        "~ deployment applied/prod: revision main → next"]
    del text["notifications"]
    file.write_text(json.dumps(text, indent=1))
    pruned = server.cupola("apply", str(file), "--prune", "--dry-run").out
    assert "- deployment applied/dev" in pruned and "- schedule quarterly of applied/prod: off" in pruned and "notification" not in pruned
    others = [line for line in pruned.splitlines() if line.startswith("- project")]
    assert len(others) == len(server.request("GET", "/api/v1/projects?limit=200")[1]["projects"]) - 1
    server.cupola("apply", str(file), timeout=600)
    assert deployment(server, "applied")["revision"] == "next" and deployment(server, "applied", "dev")["status"] == "live"
    assert server.cupola("apply", str(file)).out.startswith("Nothing to do")
    server.cupola("schedule", "disable", "quarterly", "--project", "applied", "--deployment", "prod")


def test_apply_invites_who_is_not_there_and_makes_service_accounts(server, tmp_path):
    file = tmp_path / "people.yml"
    wanted = {"members": {"ada": "owner", "grace@example.com": "viewer"}, "service_accounts": {"ci": "operator"}}

    def apply(*words):
        file.write_text(json.dumps(wanted, indent=1))
        return server.cupola("apply", str(file), *words).out

    assert apply("--dry-run").splitlines() == ["+ invitation of grace@example.com: viewer", "+ service account ci: operator"]
    lines = apply().splitlines()
    link = lines[0].removeprefix("The link for grace@example.com: ")
    assert "/invitations/inv_" in link and lines[1:] == ["+ invitation of grace@example.com: viewer", "+ service account ci: operator"]
    assert apply().startswith("Nothing to do"), "an invitation that is open is not made again"

    wanted["members"]["grace@example.com"], wanted["service_accounts"]["ci"] = "operator", "viewer"
    lines = apply().splitlines()
    assert lines[1:] == ["~ invitation of grace@example.com: viewer → operator", "~ service account ci: operator → viewer"]
    assert server.request("GET", link[link.index("/invitations/"):])[0] == 409, "the link of before is useless"
    token = lines[0].rpartition("/")[2]
    status, joined = server.request("POST", "/api/v1/invitations/accept", {"token": token, "login": "grace", "password": "correct horse battery"})
    assert status == 201 and joined["role"] == "operator"
    assert apply().startswith("Nothing to do"), "who accepted it is who is meant"

    # With --prune nobody can join but those that the file names, by the link that is theirs.
    def invite(**body):
        return server.request("POST", "/api/v1/invitations", body)[1]

    kept = "linus@example.com"
    wanted["members"][kept] = "viewer"
    older, stray, bare = invite(role="owner", email=kept), invite(role="owner", email="mallory@example.com"), invite(role="operator")
    revoked = invite(role="owner", email="gone@example.com")
    assert server.request("DELETE", f"/api/v1/invitations/{revoked['id']}")[0] == 204
    newer = invite(role="viewer", email=kept)
    assert apply().startswith("Nothing to do"), "without --prune they stay"
    lines = ["- invitation of mallory@example.com: owner", f"- invitation {bare['id']}: operator", "- invitation of linus@example.com: owner"]
    assert sorted(apply("--prune", "--dry-run").splitlines()) == sorted(lines)
    assert server.request("GET", "/invitations/" + stray["token"])[0] == 200, "a dry run changes nothing"
    apply("--prune", "--yes")
    assert [server.request("GET", "/invitations/" + one["token"])[0] for one in (stray, bare, older, newer)] == [409, 409, 409, 200]
    assert apply("--prune").startswith("Nothing to do")
    del wanted["members"][kept]
    assert apply("--prune", "--yes").splitlines() == ["- invitation of linus@example.com: viewer"]

    wanted["members"]["grace@example.com"], wanted["service_accounts"] = "maintainer", {}
    assert apply("--prune", "--dry-run").splitlines() == ["~ member grace: operator → maintainer", "- service account ci"]
    assert apply("--prune", "--yes").splitlines()[-1] == "- service account ci"
    assert server.request("GET", "/api/v1/members/grace")[1]["role"] == "maintainer"
    server.cupola("member", "remove", "grace", "--yes")


def test_apply_refuses_with_the_line_and_stops_where_it_cannot_go_on(server, repository, tmp_path):
    cases = [("projects:\n  x: {}\n", 1, ":2: A project needs `repository:`"), ("members: {nobody: owner}\n", 1, ":1: 'nobody' is no member yet."),
             ("organization: other\n", 1, ":1: The file is for the organization 'other'"), ("a: &x [*x]\n", 1, ":1: "), ("", 1, "empty"), ("\x00", 1, ":1: ")]
    for text, code, said in cases:
        (tmp_path / "wrong.yml").write_text(text)
        wrong = server.cupola("apply", str(tmp_path / "wrong.yml"), check=False)
        assert wrong.code == code and said in wrong.err and wrong.out == "", (text, wrong)
    assert server.cupola("apply", str(tmp_path / "none.yml"), check=False).code == 1
    assert server.cupola("apply", check=False).code == 2

    file = tmp_path / "half.yml"
    file.write_text(f"projects:\n  half:\n    repository: {repository.url}\n    deployments:\n      prod:\n        branch: none\n        schedules:\n          minutely: on\n")
    half = server.cupola("apply", str(file), check=False)
    assert half.code == 1 and "half.yml:5: deployment half/prod" in half.err and "(1 of 3 changes were made)" in half.err, half
    assert server.request("GET", "/api/v1/projects/half")[0] == 200
