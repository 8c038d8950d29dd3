"""The cloud CLI as a server sees it: its headers, the order of its calls, how it reads pages, and what it does at a 403."""

import base64
import contextlib
import dataclasses
import hashlib
import html.parser
import http.client
import json
import urllib.parse

PAGE = 250
PLACEHOLDER = "0" * 26


@dataclasses.dataclass
class Answer:
    status: int
    reason: str
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def type(self):
        return self.headers.get_content_type()

    @property
    def ok(self):
        return self.status < 400


class Refused(Exception):
    """What the CLI prints when it gives up: the reason phrase, and nothing of the body."""

    def __init__(self, answer):
        super().__init__(answer.reason)
        self.status, self.reason, self.type, self.text = answer.status, answer.reason, answer.type, answer.text


def send(method, url, body=None, headers=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=300)
    try:
        # Only spaces and what is not ASCII are escaped: a / ? or # in a name goes as it is.
        target = urllib.parse.quote(parts.path, safe="/?%:@&=+$,;!'()*~") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, headers or {})
        reply = connection.getresponse()
        return Answer(reply.status, reply.reason, reply.headers, reply.read().decode())
    finally:
        connection.close()


class FormReader(html.parser.HTMLParser):
    """The form of a page: where it goes, and its fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.tags = None, {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        attributes = dict(attributes)
        if tag == "form":
            self.action = attributes["action"]
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes["value"]


class Browser:
    """Keeps cookies, fills in forms; follows a redirect only as far as the CLI's own server would see it."""

    def __init__(self, origin):
        self.origin, self.cookies = origin, {}

    def ask(self, method, target, form=None):
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(form)
        answer = send(method, self.origin + target, body, headers)
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            if "Max-Age=0" in cookie:
                del self.cookies[name]
        return answer

    def authorize_target(self, redirect="http://localhost:9999", response_type="token"):
        return "/oauth2/authorize?" + urllib.parse.urlencode(
            {"client_id": "cupola", "response_type": response_type, "scope": "email openid profile", "redirect_uri": redirect}
        )

    def open_sign_in(self, redirect="http://localhost:9999"):
        page = self.ask("GET", self.authorize_target(redirect))
        assert page.status == 200, page
        return FormReader(page.text)

    def give_password(self, login, password):
        form = self.open_sign_in()
        return self.ask("POST", form.action, {**form.fields, "login": login, "password": password})

    def sign_in(self, login, password, redirect="http://localhost:9999"):
        """The tokens that come back behind the #, as the page of the CLI's server finds them."""
        page = self.give_password(login, password)
        assert page.status == 200, page
        form = FormReader(page.text)
        done = self.ask("POST", form.action, {**form.fields, "answer": "allow"})
        assert done.status == 303, done
        where, _, fragment = done.headers["Location"].partition("#")
        assert where == redirect + "/"
        tokens = dict(urllib.parse.parse_qsl(fragment))
        # The CLI's server reads no line over 8,190 bytes.
        assert set(tokens) == {"id_token", "access_token"} and len(fragment) < 8000
        return tokens

    def sign_out(self):
        answer = self.ask("GET", "/logout?" + urllib.parse.urlencode({"client_id": "cupola", "logout_uri": "http://localhost:9999/logout"}))
        assert answer.status == 303 and answer.headers["Location"] == "http://localhost:9999/logout", answer


class CloudClient:
    """What `meltano-cloud` does, command by command."""

    def __init__(self, base_url, base_auth_url=None, sign_in=None):
        self.base_url = base_url.rstrip("/")
        self.base_auth_url = base_auth_url or self.base_url
        self.sign_in = sign_in or (lambda: (_ for _ in ()).throw(AssertionError("the CLI would open a browser now")))
        self.id_token = self.access_token = None
        self.organization = self.project = None
        self.asked = []

    def take(self, tokens):
        """Reads the tokens as the CLI does: without verifying them."""
        self.id_token, self.access_token = tokens["id_token"], tokens["access_token"]
        payload = self.id_token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        places = [place.split("::") for place in claims["custom:trk_and_pid"].split(",")]
        organizations = {organization for organization, _ in places}
        projects = {project for _, project in places if project != PLACEHOLDER}
        self.organization = organizations.pop() if len(organizations) == 1 else None
        self.project = projects.pop() if len(projects) == 1 else None
        return self

    def login(self):
        self.take(self.sign_in())
        answer = self.user_info()
        assert answer.ok and answer.type == "application/json", answer
        return answer.json["preferred_username"]

    def user_info(self):
        return send("GET", self.base_auth_url + "/oauth2/userInfo", headers={"Authorization": f"Bearer {self.access_token}"})

    # The rules that all calls have.

    def once(self, method, path, query=None, body=None):
        headers = {"Authorization": f"Bearer {self.id_token}", "Content-Type": "application/json", "User-Agent": "Meltano Cloud CLI/v3.0.0rc0"}
        url = f"{self.base_url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        self.asked.append((method, path))
        return send(method, url, None if body is None else json.dumps(body), headers)

    def call(self, method, path, query=None, body=None):
        answer = self.once(method, path, query, body)
        if answer.status == 403:
            if not self.user_info().ok:
                self.login()
            answer = self.once(method, path, query, body)
        if not answer.ok:
            raise Refused(answer)
        return answer

    def get(self, path, **query):
        return self.call("GET", path, query)

    def pages(self, path, limit=PAGE, **query):
        """All items up to `limit`, and whether there were more. A page with a null token has it begin anew."""
        items, token = [], None
        for _ in range(500):
            more = dict(query, page_size=min(limit + 1 - len(items), PAGE))
            if token is not None:
                more["page_token"] = token
            answer = self.get(path, **more).json
            items += answer["results"]
            pagination = answer["pagination"]
            if len(items) > limit or pagination is None:
                return items[:limit], len(items) > limit
            token = pagination["next_page_token"]
        raise AssertionError(f"no end of {path}")

    def prepared(self, answer):
        """Sends what was prepared as it is; no token is added, and a text is coded as Latin-1."""
        wanted = answer.json
        assert set(wanted) == {"method", "url", "params", "headers", "data"}, wanted
        query = urllib.parse.urlencode(wanted["params"])
        url = wanted["url"] + ("&" if "?" in wanted["url"] else "?") * bool(query) + query
        return send(wanted["method"], url, wanted["data"], wanted["headers"])

    def at(self, resource, *names):
        return "/".join([f"/{resource}/v1/{self.organization}/{self.project}", *names])

    # Projects.

    def projects(self, limit=125):
        return self.pages(f"/projects/v1/{self.organization}", limit)[0]

    def use_project(self, name):
        found = [project for project in self.projects() if project["project_name"] == name]
        assert len(found) == 1, found
        self.project = found[0]["project_id"]
        return found[0]

    def create_project(self, name, repository, root=None):
        """What is printed, and the exit code."""
        body = {"project_name": name, "git_repository": repository, **({"project_root_path": root} if root else {})}
        try:
            first = self.call("POST", f"/projects/v1/{self.organization}", body=body)
        except Refused as refused:
            return (f"A project named {name} already exists.", 0) if refused.status == 409 else ("", 0)
        second = self.prepared(first)
        return ("created", 0) if second.ok else (f"HTTPError: {second.status} {second.reason}", 1)

    # Deployments.

    def deployment(self, name):
        try:
            return self.get(self.at("deployments", name)).json
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def deployments(self, limit=125):
        return self.pages(self.at("deployments"), limit)[0]

    def deploy(self, name, environment, revision, force=False, keep=False):
        """The deployment, None where it is up to date, or a text that the CLI prints as an error."""
        query = {"force": force, "preserve_git_hash": keep}  # True and False, as Python writes them
        first = self.call("POST", self.at("deployments", name), query, {"environment_name": environment, "git_rev": revision})
        second = self.prepared(first)
        if not second.ok:
            return f"Error: {second.json['detail']}"
        return None if second.status == 204 else second.json

    def create_deployment(self, name, environment, revision):
        if self.deployment(name) is not None:
            return "already exists"
        made = self.deploy(name, environment, revision)
        if isinstance(made, dict):
            assert len(self.get(self.at("deployments"), page_size=2).json["results"]) >= 1
        return made

    def update_deployment(self, name, **how):
        now = self.deployment(name)
        assert now is not None, f"{name} does not exist"
        return self.deploy(name, now["environment_name"], now["git_rev"], **how)

    def delete_deployment(self, name):
        assert self.deployment(name) is not None
        return self.prepared(self.call("DELETE", self.at("deployments", name)))

    # Schedules, runs, logs.

    def schedules(self, deployment=None, limit=10):
        return self.pages(self.at("schedules", *([deployment] if deployment else [])), limit)

    def schedule(self, deployment, name):
        return self.get(self.at("schedules", deployment, name)).json

    def switch(self, deployment, name, on):
        self.call("PUT", self.at("schedules", deployment, name, "enabled"), body=on)

    def run(self, deployment, name):
        self.call("POST", f"/run/v1/external/{self.organization}/{self.project}/{deployment}/{name}")

    def history(self, limit=10, **filters):
        return self.pages(self.at("jobs"), limit, **filters)[0]

    def stop(self, execution):
        try:
            return f"Stopping execution {self.call('DELETE', self.at('jobs', execution)).json['execution_id']}..."
        except Refused as refused:
            if refused.status == 400 and refused.type == "application/json":
                return json.loads(refused.text)["detail"]
            raise

    def log(self, execution):
        """All messages; ends where the token stays the same, and begins anew after a null that follows one."""
        messages, token = [], None
        for _ in range(100):
            answer = self.get(self.at("logs", "tail", execution), **({"page_token": token} if token else {})).json
            messages += [line["message"] for line in answer["results"]]
            assert all(isinstance(line["timestamp"], int) for line in answer["results"])
            new = answer["pagination"]["next_page_token"] if answer["pagination"] else None
            if new == token:
                return messages
            token = new
        raise AssertionError("no end of the log")

    @contextlib.contextmanager
    def stream(self, execution):
        """The log as it comes; no command asks for it, though the program could."""
        parts = urllib.parse.urlsplit(self.base_url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            connection.request("GET", self.at("logs", execution), headers={"Authorization": f"Bearer {self.id_token}"})
            yield connection.getresponse()
        finally:
            connection.close()

    # Variables.

    def variables(self):
        return [item["name"] for item in self.pages(self.at("secrets", ""))[0]]

    def set_variable(self, name, value):
        self.call("PUT", self.at("secrets", ""), body={"name": name, "value": value})

    def delete_variable(self, name):
        self.call("DELETE", self.at("secrets", name))

    # Notifications: of the project, or of the organization.

    def notification_path(self, recipient):
        return f"/notifications/v1/{self.organization}/{hashlib.sha256(recipient.encode()).hexdigest()}/notification"

    def entity(self, of_project):
        return {"entity_id": self.project} if of_project else {}

    def notifications(self, of_project=True):
        return self.get(f"/notifications/v1/{self.organization}/notifications", **self.entity(of_project)).json

    def set_notification(self, recipient, filters=(), of_project=True):
        kind, key = ("email", "email") if "@" in recipient else ("webhook", "webhook_url")
        body = {"notification": {"type": kind, "filters": list(filters), key: recipient}}
        self.call("POST", self.notification_path(recipient), self.entity(of_project), body)

    def change_notification(self, recipient, of_project=True, **changes):
        self.call("PATCH", self.notification_path(recipient), self.entity(of_project), changes)

    def delete_notification(self, recipient, of_project=True):
        self.call("DELETE", self.notification_path(recipient), self.entity(of_project))

    # State.

    def states(self):
        return self.get(self.at("state")).json

    def state(self, state_id):
        url = self.get(self.at("state", state_id)).json
        answer = send("GET", url)
        return None if answer.status == 404 else answer.text

    def set_state(self, state_id, state):
        """The second answer is not looked at."""
        if "singer_state" in state:
            state = {"complete": state}
        where = self.call("PUT", self.at("state", state_id)).json
        assert set(where) == {"url", "fields"}
        boundary = "3f1c0a5e"
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in where["fields"].items()]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="state.json"\r\n\r\n{json.dumps(state)}\r\n--{boundary}--\r\n'
        )
        return send("POST", where["url"], "".join(parts), {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def delete_state(self, state_id):
        self.call("DELETE", self.at("state", state_id))
