"""People are told how runs end: signed webhooks, mails, and receivers that behave badly."""

import json
import time

import pytest
from harness import Repository, Server, wait_until
from projects import numbers
from receivers import Flood, Mailbox, Sink, answer, drip, free_port, reset
from standardwebhooks import Webhook, WebhookVerificationError

INNER = ["--allow-inner-receivers", "127.0.0.0/8", "--public-url", "https://cupola.example"]
# Without the runner what is queued stays so, and is told as soon as it is stopped.
NO_RUNS = ["--components", "api,scheduler,notifier"]


@pytest.fixture
def sink():
    made = Sink()
    yield made
    made.close()


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory):
    made = Mailbox(tmp_path_factory.mktemp("mail"))
    yield made
    made.close()


def serve(make, tmp_path_factory, mailbox):
    """A server with the project `data` deployed, that sends mails."""
    server = make()
    server.args += [*INNER, "--smtp-url", mailbox.url, "--smtp-from", "Cupola, Inc <cupola@example.com>", "--smtp-user", mailbox.user]
    server.env.update(CUPOLA_SMTP_PASSWORD=mailbox.password, CURL_CA_BUNDLE=str(mailbox.certificate))
    server.start()
    repository = Repository(tmp_path_factory.mktemp("repository") / "data")
    repository.commit(numbers())
    server.deploy("data", repository)
    return server


@pytest.fixture(scope="module")
def server(on_each_database, tmp_path_factory, warm, mailbox):
    home = warm(tmp_path_factory.mktemp("home") / "home")
    own = serve(lambda: on_each_database(home), tmp_path_factory, mailbox)
    yield own
    own.stop()


@pytest.fixture(scope="module")
def quick(build, tmp_path_factory, warm, mailbox):
    """A server on which runs end at once, by being stopped while they wait."""
    own = serve(lambda: Server(build, warm(tmp_path_factory.mktemp("quick") / "home")), tmp_path_factory, mailbox)
    own.stop()
    own.args += NO_RUNS
    own.start()
    yield own
    own.stop()


def set_webhook(server, url, *args):
    return server.cupola("notification", "set", "webhook", url, *args, "--format", "json").json


def cancel_a_run(server):
    """Something to be told: the id of a run that was stopped before it started."""
    status, run = server.request("POST", "/api/v1/projects/data/deployments/prod/runs", {"name": "load"})
    assert status == 201, run
    assert server.request("POST", f"/api/v1/runs/{run['id']}/stop", {})[0] < 300
    return run["id"]


def deliveries(server, notification):
    return server.request("GET", f"/api/v1/notifications/{notification['id']}/deliveries")[1]["deliveries"]


def wait_for(what, server, notification, check, timeout=30):
    def found():
        log = deliveries(server, notification)
        return log and check(log[0]) and log[0]
    return wait_until(what, found, timeout)


def run_to_the_end(server, **env):
    extra = [word for name, value in env.items() for word in ("--env", f"{name}={value}")]
    run = server.cupola("run", "load", "--project", "data", "--deployment", "prod", *extra, "--format", "json").json
    return server.wait_for_run(run["id"])


def test_ends_of_runs_are_told_and_the_reference_library_takes_the_signatures(server, sink):
    made = set_webhook(server, sink.url, "--project", "data")
    assert made["secret"].startswith("whsec_") and made["status"] == "active"

    failed = run_to_the_end(server, FAIL=1)
    succeeded = run_to_the_end(server, TOP=1)
    wait_until("both are told", lambda: len(sink.requests) == 2)

    bodies = [Webhook(made["secret"]).verify(request.body, request.headers) for request in sink.requests]
    assert [set(body) for body in bodies] == [{"id", "event_type", "idempotency_key", "data"}] * 2
    first, second = bodies
    assert first["event_type"] == "job_run" and first["idempotency_key"] == sink.requests[0].headers["webhook-id"]
    assert first["data"] == {"id": failed["id"], "status": "failed", "cancellation_reason": None,
                             "description": f"load on prod (data) failed: {failed['cause']}"}
    assert second["data"] == {"id": succeeded["id"], "status": "succeeded", "cancellation_reason": None,
                              "description": "load on prod (data) succeeded"}
    request = sink.requests[0]
    for secret, body in ((made["secret"], request.body.replace(b"failed", b"passed")), ("whsec_" + "A" * 44, request.body)):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, request.headers)
    server.cupola("notification", "delete", made["id"])


def test_a_mail_has_the_first_cause_and_a_link_as_text_and_html(server, mailbox):
    mailbox.mails.clear()
    made = server.cupola("notification", "set", "email", "ada@example.com", "--status", "failed", "--format", "json").json
    run = run_to_the_end(server, FAIL=1)
    wait_until("the mail is there", lambda: mailbox.mails)

    sender, recipients, mail = mailbox.mails[0]
    assert (sender, recipients) == ("cupola@example.com", ["ada@example.com"])
    assert mail["From"].addresses[0].display_name == "Cupola, Inc" and mail["To"] == "ada@example.com"
    assert mail["Subject"] == "load on prod (data) failed"
    for kind in ("plain", "html"):
        text = mail.get_body((kind,)).get_content()
        assert f"https://cupola.example/runs/{run['id']}" in text, text
        assert run["cause"].split("'")[0] in text, text
    assert deliveries(server, made)[0]["status"] == "delivered"
    server.cupola("notification", "delete", made["id"])


def test_the_command_line_sets_tests_lists_replays_changes_and_deletes(quick, sink):
    args = ("notification", "set", "webhook", sink.url, "--status", "failed,cancelled", "--event", "job_run", "--project", "data")
    made = quick.cupola(*args, "--format", "json").json
    again = quick.cupola(*args, "--only-on-change", "--format", "json").json
    assert again["id"] == made["id"] and again["only_on_change"] and "secret" not in again
    assert made["filters"] == [{"events": ["job_run"], "status": ["failed", "cancelled"]}]

    tested = quick.cupola("notification", "test", sink.url, "--format", "json").json
    assert tested["status"] == "delivered" and tested["attempts"][0]["status_code"] == 204
    assert json.loads(sink.requests[0].body)["event_type"] == "test"
    listed = quick.cupola("notification", "deliveries", made["id"][:12], "--format", "json").json["deliveries"]
    assert [one["id"] for one in listed] == [tested["id"]]
    replayed = quick.cupola("notification", "replay", made["id"], tested["id"], "--format", "json").json
    assert len(replayed["attempts"]) == 2
    assert len({request.headers["webhook-id"] for request in sink.requests}) == 1 and len(sink.requests) == 2

    changed = quick.cupola("notification", "change", made["id"], "--new-secret", "--format", "json").json
    assert changed["secret"] not in ("", made["secret"])
    quick.cupola("notification", "change", made["id"], "--status", "inactive")
    assert "inactive" in quick.cupola("notification", "list").out
    assert quick.cupola("notification", "test", made["id"], check=False).code == 1
    quick.cupola("notification", "delete", sink.url)
    assert quick.cupola("notification", "list", "--format", "json").json["notifications"] == []


def test_a_cancelled_run_says_why_and_filters_are_kept_to(quick, sink):
    told = set_webhook(quick, sink.url, "--schedule", "minutely", "--status", "cancelled")
    silent = set_webhook(quick, sink.url + "?silent", "--status", "failed")
    cancel_a_run(quick)
    status, run = quick.request("POST", "/api/v1/projects/data/deployments/prod/runs", {"name": "minutely"})
    assert status == 201, run
    quick.request("POST", f"/api/v1/runs/{run['id']}/stop", {})

    wait_until("it is told", lambda: sink.requests)
    cancel_a_run(quick)
    body = json.loads(sink.requests[0].body)
    assert body["data"]["id"] == run["id"] and body["data"]["cancellation_reason"] == {"code": "user", "reason": "Stopped before it started."}
    time.sleep(2)
    assert len(sink.requests) == 1 and deliveries(quick, silent) == []
    for one in (told, silent):
        quick.cupola("notification", "delete", one["id"])


def test_forms_of_other_services(quick, sink):
    for form, check in (("slack", lambda body: "was cancelled" in body["text"]),
                        ("teams", lambda body: body["attachments"][0]["content"]["type"] == "AdaptiveCard"),
                        ("pagerduty", lambda body: body["routing_key"] == "R0UT1NG" and body["event_action"] == "trigger")):
        made = quick.cupola("notification", "set", "webhook", f"{sink.url}/{form}", "--payload", form, "--format", "json", input="R0UT1NG").json
        assert "secret" not in made and "R0UT1NG" not in json.dumps(made)
        cancel_a_run(quick)
        wait_until("it is told", lambda: sink.requests)
        assert check(json.loads(sink.requests.pop().body))
        quick.cupola("notification", "delete", made["id"])


def test_the_scheduler_beats_and_a_server_without_one_does_not(build, tmp_path, warm, sink):
    server = Server(build, warm(tmp_path / "home"), args=["--heartbeat-url", sink.url])
    server.start()
    wait_until("it beats", lambda: sink.requests, timeout=20)
    assert sink.requests[0].line == "GET /hook HTTP/1.1"
    server.stop()
    sink.requests.clear()
    server.args += ["--components", "api,notifier"]
    server.start()
    time.sleep(3)
    assert sink.requests == []
    server.stop()


def test_an_organization_has_a_heartbeat_of_its_own(build, tmp_path, warm, sink):
    server = Server(build, warm(tmp_path / "home"), args=INNER)
    server.start()
    try:
        assert "Nothing is pinged" in server.cupola("notification", "heartbeat", "show").err
        assert "once a minute" in server.cupola("notification", "heartbeat", "set", sink.url).out
        assert sink.url in server.cupola("notification", "heartbeat", "show").out
        server.stop()
        server.start()  # it beats soon after each start
        wait_until("it beats", lambda: sink.requests, timeout=20)
        assert sink.requests[0].line == "GET /hook HTTP/1.1"
        told = server.cupola("audit", "--kind", "heartbeat", "--format", "json").json["audit"]
        assert [entry["action"] for entry in told] == ["heartbeat.set"] and "/hook" not in str(told) and "127.0.0.1" in str(told)

        server.cupola("notification", "heartbeat", "clear")
        refused = server.cupola("notification", "heartbeat", "clear", check=False)
        assert refused.code == 1 and "no heartbeat" in refused.err
        server.stop()
        sink.requests.clear()
        server.start()
        time.sleep(3)
        assert sink.requests == []
        # An address that was allowed once is judged anew when it is dialled.
        server.cupola("notification", "heartbeat", "set", sink.url)
        server.stop()
        server.args = []
        server.start()
        wait_until("it is refused", lambda: any("heartbeat of organization" in line for line in server.log), timeout=20)
        assert sink.requests == []
    finally:
        server.stop()


def test_an_invitation_is_mailed_until_it_is_taken_and_says_how_that_went(server, mailbox):
    def listed(email):
        return next(one for one in server.request("GET", "/api/v1/invitations")[1]["invitations"] if one["email"] == email)

    mailbox.mails.clear()
    mailbox.busy = 1
    done = server.cupola("invitation", "create", "--role", "operator", "--email", "grace@example.com")
    link = done.out.strip()
    assert "being mailed to grace@example.com" in done.err and link.startswith("https://cupola.example/invitations/inv_")
    put_off = wait_until("it is put off", lambda: (one := listed("grace@example.com"))["mail"]["error"] and one)
    assert put_off["mail"]["status"] == "waiting" and "451" in put_off["mail"]["error"] and put_off["mailed_at"] is None
    assert "waiting, 1 try: " in server.cupola("invitation", "list").out
    mailed = wait_until("it is taken", lambda: (one := listed("grace@example.com"))["mailed_at"] and one, timeout=30)
    assert mailed["mail"] == {"status": "delivered", "tries": 2, "error": None, "next_at": None}
    (sender, recipients, mail), = mailbox.mails
    assert (sender, recipients) == ("cupola@example.com", ["grace@example.com"])
    assert mail["Subject"] == "Invitation to acme" and mail["To"] == "grace@example.com"
    for kind in ("plain", "html"):
        text = mail.get_body((kind,)).get_content()
        assert link in text and "ada invites you to acme as operator" in text

    refused = server.cupola("invitation", "create", "--role", "viewer", "--email", "nobody@example.com", "--format", "json").json
    assert refused["mailed_at"] is None and refused["link"], "the link is there to be given otherwise"
    failed = wait_until("it is refused for good", lambda: (one := listed("nobody@example.com"))["mail"]["status"] == "failed" and one)
    assert failed["mail"]["tries"] == 1 and "550" in failed["mail"]["error"] and failed["mailed_at"] is failed["mail"]["next_at"] is None
    plain = server.cupola("invitation", "create", "--role", "viewer", "--format", "json").json
    assert plain["mail"] is plain["mailed_at"] is None and len(mailbox.mails) == 1
    assert link.rpartition("/")[2] not in "\n".join(server.log)


def test_an_invitation_that_no_longer_stands_is_not_mailed(server, mailbox):
    mailbox.mails.clear()
    mailbox.busy = 1
    made = server.cupola("invitation", "create", "--role", "viewer", "--email", "late@example.com", "--format", "json").json
    wait_until("it is put off", lambda: mailbox.busy == 0)
    server.cupola("invitation", "revoke", made["id"])
    listed = server.request("GET", "/api/v1/invitations")[1]["invitations"]
    assert [one["mail"]["status"] for one in listed if one["id"] == made["id"]] == ["dropped"]
    time.sleep(8)  # the next try would have come after 5 s
    assert mailbox.mails == []



# -- receivers that behave badly --


def test_case_15_a_receiver_that_was_down_is_told_later_also_after_a_kill(quick):
    port = free_port()
    made = set_webhook(quick, f"http://127.0.0.1:{port}/hook")
    cancel_a_run(quick)
    tried = wait_for("it is tried", quick, made, lambda one: one["attempt_count"] == 1)
    assert tried["status"] == "waiting" and "connect" in tried["attempts"][0]["error"], tried
    quick.kill()
    sink = Sink(port)
    sink.answers = [answer(500)]
    quick.start()

    wait_until("it is told after the kill", lambda: sink.requests, timeout=20)
    again = wait_for("that is written", quick, made, lambda one: one["attempt_count"] == 2)
    assert again["id"] == tried["id"] == sink.requests[0].headers["webhook-id"]
    quick.cupola("notification", "replay", made["id"], again["id"])
    assert [request.headers["webhook-id"] for request in sink.requests] == [tried["id"]] * 2
    assert sink.requests[0].body == sink.requests[1].body
    quick.cupola("notification", "delete", made["id"])
    sink.close()


def test_case_15_the_second_attempt_comes_after_five_seconds(quick, sink):
    made = set_webhook(quick, sink.url)
    sink.answers = [answer(503)]
    cancel_a_run(quick)
    wait_until("it is told twice", lambda: len(sink.requests) == 2, timeout=20)

    waited = sink.requests[1].at - sink.requests[0].at
    assert 4.5 <= waited <= 7.5, waited
    assert sink.requests[0].headers["webhook-id"] == sink.requests[1].headers["webhook-id"]
    quick.cupola("notification", "delete", made["id"])


def test_case_15_a_redirect_is_not_followed(quick, sink):
    other = Sink()
    made = set_webhook(quick, sink.url)
    sink.answers = [answer(302, f"Location: {other.url}")]
    cancel_a_run(quick)
    tried = wait_for("it is tried", quick, made, lambda one: one["attempt_count"] == 1)

    assert tried["status"] == "waiting" and tried["attempts"][0]["status_code"] == 302
    assert other.requests == []
    quick.cupola("notification", "delete", made["id"])
    other.close()


def test_case_15_a_receiver_that_is_gone_switches_its_notification_off(quick, sink):
    made = set_webhook(quick, sink.url)
    sink.answers = [answer(410)]
    cancel_a_run(quick)
    wait_for("it is tried", quick, made, lambda one: one["status"] == "failed")

    shown = quick.request("GET", f"/api/v1/notifications/{made['id']}")[1]
    assert shown["status"] == "inactive" and "410" in shown["inactive_reason"]
    cancel_a_run(quick)
    time.sleep(2)
    assert len(sink.requests) == 1
    quick.cupola("notification", "delete", made["id"])


def test_case_15_one_that_has_enough_is_left_alone_for_as_long_as_it_says(quick, sink):
    made = set_webhook(quick, sink.url)
    sink.answers = [answer(429, "Retry-After: 9")]
    cancel_a_run(quick)
    wait_for("it is tried", quick, made, lambda one: one["attempt_count"] == 1)
    cancel_a_run(quick)
    wait_until("both are told", lambda: len(sink.requests) == 3, timeout=30)

    assert sink.requests[1].at - sink.requests[0].at >= 9
    quick.cupola("notification", "delete", made["id"])


def test_case_15_one_that_breaks_off_is_told_again(quick, sink):
    made = set_webhook(quick, sink.url)
    sink.answers = [reset]
    cancel_a_run(quick)
    delivered = wait_for("it is told", quick, made, lambda one: one["status"] == "delivered")

    assert delivered["attempts"][0]["error"] and delivered["attempts"][0]["status_code"] is None
    quick.cupola("notification", "delete", made["id"])


def test_case_15_an_answer_of_ten_gigabytes_is_not_read(quick, sink):
    flood = Flood()
    made = set_webhook(quick, sink.url)
    sink.answers = [flood]
    cancel_a_run(quick)
    delivered = wait_for("it is told", quick, made, lambda one: one["attempt_count"] == 1)

    assert delivered["status"] == "delivered" and delivered["attempts"][0]["took_ms"] < 10_000
    assert flood.sent < 32 << 20, "only what fits into the buffers of the system"
    quick.cupola("notification", "delete", made["id"])


def test_case_15_an_answer_of_one_byte_a_second_has_15_s_and_delays_nobody(quick, sink):
    slow = Sink()
    dripping = set_webhook(quick, slow.url)
    made = set_webhook(quick, sink.url)
    slow.answers = [drip] * 3
    begun = time.monotonic()
    for _ in range(5):
        cancel_a_run(quick)
    wait_until("the quick one is told all", lambda: len(sink.requests) == 5, timeout=12)

    first = deliveries(quick, dripping)[-1]
    assert first["attempt_count"] == 0 and len(slow.requests) == 1, "it is still at its first"
    wait_until("the slow one had its time", lambda: deliveries(quick, dripping)[-1]["attempt_count"] == 1, timeout=30)
    assert 14 <= time.monotonic() - begun <= 25
    assert 14_000 <= deliveries(quick, dripping)[-1]["attempts"][0]["took_ms"] <= 16_500
    for one in (dripping, made):
        quick.cupola("notification", "delete", one["id"])
    slow.close()


# -- targets and texts that would do harm --


TARGETS = ["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
           "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://[2002:7f00:1::]/", "http://[64:ff9b::a9fe:a9fe]/",
           "http://10.0.0.1/", "http://100.64.0.1/", "http://0/", "https://ada@example.com/", "https://ada:word@example.com/",
           "gopher://example.com/", "file:///etc/passwd", "unix:///run/docker.sock", "https://example.com:22/", "https://example.com:25/",
           "https://example.com:5432/", "https://example.com/#x", "example.com/hook", "https://", "https://example.com/\r\nHost: x", "https://a b/"]
MAILS = ["ada", "ada@", "@example.com", "ada@example.com\r\nBcc: eve@example.com", "ada@example.com\nDATA", "ada@example.com,eve@example.com",
         "<ada@example.com>", "ada@[127.0.0.1]", "ada@example.com\0"]


@pytest.fixture(scope="module")
def guarded(build, tmp_path_factory, warm):
    own = Server(build, warm(tmp_path_factory.mktemp("guarded") / "home"), args=NO_RUNS)
    own.start()
    yield own
    own.stop()


@pytest.mark.parametrize("kind,targets", [("webhook", TARGETS), ("email", MAILS)])
def test_case_32_and_33_targets_that_are_none_are_refused_by_name(guarded, kind, targets):
    for target in targets:
        status, problem = guarded.request("POST", "/api/v1/notifications", {"type": kind, "recipient": target})
        assert status == 422 and "recipient" in problem["detail"], (target, problem)
    assert guarded.request("GET", "/api/v1/notifications")[1]["notifications"] == []
    refused = guarded.cupola("notification", "set", kind, targets[0], check=False)
    assert refused.code == 1 and "recipient" in refused.err


def test_case_32_a_name_is_judged_when_it_is_dialled(guarded, sink):
    made = set_webhook(guarded, sink.url.replace("127.0.0.1", "localhost"))
    tested = guarded.cupola("notification", "test", made["id"], "--format", "json", check=False)

    assert tested.code == 1 and tested.json["status"] == "failed", tested
    assert "inner address" in tested.json["attempts"][0]["error"]
    assert sink.requests == []


def test_a_mail_that_is_refused_for_good_is_not_tried_again(quick):
    made = quick.cupola("notification", "set", "email", "nobody@example.com", "--format", "json").json
    tested = quick.cupola("notification", "test", made["id"], "--format", "json", check=False)

    assert tested.code == 1 and tested.json["attempts"][0]["status_code"] == 550, tested
    cancel_a_run(quick)
    failed = wait_for("it is tried", quick, made, lambda one: one["event_type"] == "job_run" and one["attempt_count"])
    assert failed["status"] == "failed"
    quick.cupola("notification", "delete", made["id"])


def test_faulty_filters_are_refused_by_name_here_and_in_the_command_line(guarded):
    for filters, named in (([{"status": []}], "filters[0].status"), ([{"events": []}], "filters[0].events"), ([{"status": ["Failed"]}], "Failed"),
                           ("failed", "filters"), ([1], "filters[0]")):
        body = {"type": "webhook", "recipient": "https://example.com/", "filters": filters}
        status, problem = guarded.request("POST", "/api/v1/notifications", body)
        assert status == 422 and named in problem["detail"], (filters, problem)
    done = guarded.cupola("notification", "set", "webhook", "https://example.com/", "--status", "broken", check=False)
    assert done.code == 1 and "broken" in done.err
    assert guarded.cupola("notification", "set", "pigeon", "x", check=False).code == 2
