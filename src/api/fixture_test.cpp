#include <cstdlib>
#include <thread>

#include "api/api_test.h"
#include "auth/token.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/text.h"
#include "logs/writer.h"
#include "store/artifacts.h"
#include "store/backfills.h"
#include "store/invitations.h"
#include "store/release_content.h"
#include "store/secrets.h"
#include "store/service_accounts.h"
#include "store/states.h"

namespace cupola::api {
namespace {

http::Method method_named(const std::string& name) {
  if (name == "POST") return http::Method::post;
  if (name == "PUT") return http::Method::put;
  if (name == "DELETE") return http::Method::delete_;
  if (name == "HEAD") return http::Method::head;
  if (name == "PATCH") return http::Method::patch;
  return http::Method::get;
}

store::ReleasedSchedule schedule(const std::string& name, const std::string& interval) {
  return {.name = name,
          .interval = interval,
          .given = {.overlap = store::Overlap::skip, .run_timeout = 2h},
          .state_ids = {"prod:tap-shop-to-target-csv"}};
}

const store::BackfillTemplate shop_backfill = {.start_variable = "TAP_SHOP_START",
                                               .end_variable = "TAP_SHOP_END",
                                               .state_id_suffix = "backfill"};

store::ReleaseContent make_content() {
  store::ReleaseContent content;
  content.commit = std::string(40, 'a');
  content.directory = ".";
  content.environment = "prod";
  content.schedules = {
      {.settings = schedule("hourly", "0 * * * *"),
       .command = {"run", "load"},
       .job = "load",
       .backfill = shop_backfill},
      {.settings = schedule("nightly", "30 2 * * *"),
       .command = {"run", "nightly"},
       .job = "nightly"},
      {.settings = schedule("twice", "@daily"), .command = {"run", "load"}, .job = "load"},
      {.settings = schedule("legacy", "@once"),
       .command = {"el", "tap-shop", "target-csv"},
       .backfill = shop_backfill},
  };
  content.jobs = {
      {.name = "load",
       .tasks = {"tap-shop target-csv"},
       .state_ids = {"prod:tap-shop-to-target-csv"}},
      {.name = "nightly", .tasks = {"dbt:run"}, .state_ids = {}},
      {.name = "twice", .tasks = {"dbt:test"}, .state_ids = {}},
  };
  return content;
}

std::string new_token(db::Session& db, store::NewToken made, Instant now) {
  const Secret token = auth::new_token();
  made.hash = auth::token_hash(token.reveal());
  const auto key = store::create_token(db, made, now);
  if (!key) throw Failure(to_text(key.error()));
  return std::string(token.reveal());
}

store::Release make_live(db::Session& db, const testing::Tenant& tenant, Instant now) {
  const store::ReleaseContent content = make_content();
  const ReleaseKey release = testing::switch_to(db, tenant, content, now, R"({"schedules":[]})");
  std::vector<store::ReleasedSchedule> schedules;
  for (const auto& each : content.schedules) schedules.push_back(each.settings);
  store::replace_schedules(
      db, tenant.deployment.key, schedules, [] { return std::chrono::minutes{3}; }, now);
  return *store::find_release(db, release);
}

/// One that is running and has no intervals, so that it queues no runs among those of the tests.
void add_idle_backfill(db::Session& db, const testing::Tenant& tenant, Instant now) {
  const auto schedule =
      store::find_schedule(db, tenant.organization.key, tenant.deployment.key, "twice");
  db.execute(R"sql(
      INSERT INTO backfills (key, organization_key, project_key, deployment_key, schedule_key, number,
        schedule_name, status, since, until, newest_first, parallel, start_variable, end_variable,
        state_id_suffix, created_by, created_at)
      VALUES (:key, :organization, :project, :deployment, :schedule, 1, 'twice', 'running', :now,
        :now, 0, 1, 'FROM', 'TO', 'backfill', :by, :now))sql",
             {{"key", new_id<store::BackfillKey>()},
              {"organization", tenant.organization.key},
              {"project", tenant.project.key},
              {"deployment", tenant.deployment.key},
              {"schedule", schedule->key},
              {"by", tenant.project.name + "-owner"},
              {"now", now}});
}

}  // namespace

ApiTest::ApiTest(const std::string& database)
    : clock_(*parse_rfc3339("2026-11-23T03:10:00Z")),
      home_(folder_.path()),
      db_(db::Database::open({.url = database})),
      vault_(store::Vault::open(home_.key(), *db_)),
      authenticator_(*db_),
      context_{*db_,
               vault_,
               home_,
               clock_,
               authenticator_,
               {.wake_runner = [this] { ++runner_woken_; },
                .wake_deployer = [this] { ++deployer_woken_; },
                .wake_scheduler = [this] { ++scheduler_woken_; },
                .wake_notifier = [this] { ++notifier_woken_; },
                .check_receiver = [](std::string_view url) -> Result<std::string> {
                  if (url.starts_with("https://")) return std::string(url);
                  return Error{Error::Kind::invalid, "The URL is not of https."};
                },
                .check_source = [](std::string_view repository,
                                   std::string_view directory) -> Result<Hooks::Source> {
                  if (repository.starts_with("ext::")) {
                    return Error{Error::Kind::invalid, "This is no address of a repository."};
                  }
                  return Hooks::Source{std::string(repository), std::string(directory)};
                },
                .check_secret_source = [](std::string_view source) -> Result<void> {
                  if (source.starts_with("file:/run/")) return {};
                  return Error{Error::Kind::forbidden, "This is not allowed on this server."};
                },
                .check_revision = [](std::string_view revision) -> Result<std::string> {
                  if (revision.starts_with('-')) {
                    return Error{Error::Kind::invalid, "This is no branch, tag or commit."};
                  }
                  return std::string(revision);
                },
                .plan = [](const store::Deployment& deployment,
                           bool refresh_plugins) -> Result<json::object> {
                  return json::object{{"commit", deployment.revision},
                                      {"environment", deployment.environment},
                                      {"is_new", deployment.key.empty()},
                                      {"schedules", json::array{"hourly"}},
                                      {"refreshed", refresh_plugins}};
                },
                .state_ids_of = [](const store::Release&, const std::vector<std::string>& words,
                                   std::string_view suffix) -> Result<std::vector<std::string>> {
                  if (words.front() == "nonsense") {
                    return Error{Error::Kind::invalid, "There is no plugin 'nonsense'."};
                  }
                  std::vector<std::string> ids = {join(words, "+")};
                  if (!suffix.empty()) ids[0] += ":" + std::string(suffix);
                  return ids;
                },
                .public_url = [] { return "https://cupola.example"; }},
               "0.1.0"},
      api_(std::make_unique<Api>(context_)),
      acme_(make_side("acme")),
      other_(make_side("other")) {}

ApiTest::~ApiTest() {
  api_.reset();
}

Side ApiTest::make_side(const std::string& name) {
  const Instant now = clock_.now();
  Side side;
  db_->write([&](db::Session& db) {
    side.tenant = testing::add_tenant(db, name, now);
    const OrganizationKey& organization = side.tenant.organization.key;
    for (const store::Role role : {store::Role::viewer, store::Role::operator_,
                                   store::Role::maintainer, store::Role::owner}) {
      const auto user = store::create_user(db, name + "-" + std::string(to_text(role)),
                                           organization, role, std::nullopt, now);
      side.tokens[role] =
          "Bearer " +
          new_token(db, {.organization = organization, .user = user->key, .name = "test"}, now);
      if (role != store::Role::viewer) continue;
      side.spare_token = store::token_id(auth::token_hash(new_token(
          db, {.organization = organization, .user = user->key, .name = name + " spare"}, now)));
    }
    const auto guest = store::create_user(db, name + "-guest", organization, store::Role::viewer,
                                          std::nullopt, now);
    const auto robot = store::create_service_account(db, organization, name + " robot",
                                                     store::Role::operator_, now);
    side.link = "inv_" + std::string(43, name.front());
    for (const std::string& token : {side.link, side.link + " (revoked in tests)"}) {
      const auto made = store::create_invitation(db,
                                                 {.organization = organization,
                                                  .hash = auth::token_hash(token),
                                                  .role = store::Role::viewer,
                                                  .email = name + "@example.com",
                                                  .invited_by = name + "-owner",
                                                  .expires_at = now + 24h},
                                                 now);
      side.invitation = made->id;
    }
    if (!guest || !robot) throw Failure("cannot make people");
    side.release = make_live(db, side.tenant, now);
    add_idle_backfill(db, side.tenant, now);
    const store::NewRun run = testing::new_run(side.tenant, now);
    side.run = run.id;
    store::add_run(db, run, now);
    const auto state =
        store::set_state(db, side.tenant.organization.key, side.tenant.project.key, "prod:" + name,
                         R"({"completed":{"singer_state":{"bookmarks":{"orders":{"at":1}}}}})",
                         store::StateOrigin::set, now);
    const auto secret =
        store::set_secret(db, vault_, side.tenant.organization.key, side.tenant.project.key,
                          std::nullopt, "API_KEY", Secret("value of " + name), now);
    const auto notification =
        store::set_notification(db,
                                {.organization = side.tenant.organization.key,
                                 .scope = {},
                                 .recipient = "https://hooks.example/" + name + "-inner",
                                 .filters = {}},
                                now);
    if (!state || !secret || !notification) throw Failure("cannot make state and secret");
    side.notification = notification->notification.id;
    store::set_secret_of(db, vault_, notification->notification, Secret("whsec_" + name));
    const auto delivery = store::add_test(db, notification->notification, name, now - 1min);
    if (!delivery) throw Failure(to_text(delivery.error()));
    side.delivery = *delivery;
  });
  logs::Writer writer = logs::Writer::open(home_.log(side.run), {});
  writer.append(logs::Stream::output, name + " line 0\n" + name + " line 1\n", now);
  writer.close(now);
  make_folder(home_.artifacts(side.run) / "1");
  write_file(home_.artifacts(side.run) / "1" / "report.txt", name + " reports\n");
  db_->write([&](db::Session& db) {
    store::keep_artifacts(db, {side.run, 1},
                          {{.path = "report.txt", .bytes = 13, .lease_token = 1}});
  });
  make_folder(home_.deploy_log(side.release.key).parent_path());
  write_file(home_.deploy_log(side.release.key), name + " deploys\n");
  return side;
}

Answer ApiTest::ask_as(const std::string& authorization, const std::string& method,
                       const std::string& target, const std::string& body,
                       std::vector<std::pair<std::string, std::string>> headers) {
  http::Request request{.method = method_named(method),
                        .headers = std::move(headers),
                        .body = body,
                        .peer = "192.0.2.7",
                        .request_id = "test-1"};
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  for (const auto part : split(std::string_view(request.path).substr(1), '/')) {
    request.segments.emplace_back(part);
  }
  if (mark != std::string::npos) {
    for (const auto pair : split(std::string_view(target).substr(mark + 1), '&')) {
      const std::size_t equals = pair.find('=');
      request.query.emplace_back(pair.substr(0, equals),
                                 equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    }
  }
  if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);

  http::Reply reply = api_->handle(request);
  if (reply.slow) reply = reply.slow();
  Answer answer{.status = reply.status,
                .text = reply.body,
                .body = nullptr,
                .headers = reply.headers,
                .stream = reply.stream,
                .later = reply.later};
  if (Result<json::value> value = parse_json(reply.body)) answer.body = std::move(*value);
  return answer;
}

Answer ApiTest::ask(const std::string& method, const std::string& target, store::Role role,
                    const std::string& body,
                    std::vector<std::pair<std::string, std::string>> headers) {
  return ask_as(acme_.tokens.at(role), method, target, body, std::move(headers));
}

Answer ApiTest::ask(const std::string& method, const std::string& target, const std::string& body,
                    std::vector<std::pair<std::string, std::string>> headers) {
  return ask(method, target, store::Role::owner, body, std::move(headers));
}

std::string ApiTest::path_of(const Route& route, const Side& side) {
  const std::string& name = side.tenant.project.name;
  const std::map<std::string, std::string, std::less<>> values = {
      {"{organization}", side.tenant.organization.id},
      {"{project}", side.tenant.project.id},
      {"{deployment}", side.tenant.deployment.slug},
      {"{schedule}", "hourly"},
      {"{number}", "1"},
      {"{run}", side.run.text()},
      {"{state_id}", "prod:" + name},
      {"{version}", "1"},
      {"{name}", "API_KEY"},
      {"{login}", name + "-guest"},
      {"{invitation}", side.invitation},
      {"{link}", side.link},
      {"{service_account}", name + " robot"},
      {"{token}", side.spare_token},
      {"{notification}", side.notification.text()},
      {"{recipient_hash}", sha256_hex("https://hooks.example/" + name + "-inner")},
      {"{delivery}", side.delivery.text()},
      {"{path}", "report.txt"},
      {"{backfill}", "1"}};
  std::string path;
  for (const std::string_view part : split(route.path.substr(1), '/')) {
    const auto value = values.find(part);
    if (part.starts_with('{') && value == values.end()) {
      throw Failure("ApiTest::path_of has nothing for " + std::string(part) + " of the route " +
                    std::string(route.path));
    }
    path += "/" + (part.starts_with('{') ? value->second : std::string(part));
  }
  if (route.path.ends_with("{project}/plan")) path += "?environment=prod&revision=main";
  return path;
}

std::string ApiTest::body_of(const Route& route) const {
  const std::string_view path = route.path;
  if (route.contract == Contract::cloud) return cloud_body_of(route);
  if (route.method == http::Method::patch && path.ends_with("/{project}")) {
    return R"({"repository":"https://git.example/moved"})";
  }
  if (route.method == http::Method::patch && path.ends_with("/{deployment}")) {
    return R"({"name":"ACME"})";
  }
  if (path.ends_with("/projects")) return R"({"name":"new","repository":"https://git.example/x"})";
  if (path.ends_with("/deployments")) {
    return R"({"name":"new","environment":"prod","revision":"main"})";
  }
  if (path.ends_with("/rollback")) return R"({"release":1})";
  if (path.ends_with("/runs")) return R"({"name":"hourly"})";
  if (path.ends_with("/notifications")) {
    return R"({"type":"webhook","recipient":"https://hooks.example/new"})";
  }
  if (path.ends_with("/credits")) return R"({"stop_at_zero":false,"low_threshold":5})";
  if (path.ends_with("/credits/entries")) return R"({"credits":500,"note":"invoice 17"})";
  if (path.ends_with("/backfills")) return R"({"since":"2026-11-23T02:00:00Z"})";
  if (path.ends_with("/secrets/import")) return R"({"dotenv":"A=one two three"})";
  if (path.ends_with("/restore")) return R"({"version":1})";
  if (path.ends_with("/states/import")) {
    return R"({"states":[{"state_id":"prod:new","payload":{"completed":{}}}]})";
  }
  if (path.ends_with("/forget")) return R"({"streams":["orders"]})";
  if (path.ends_with("/retention")) return R"({"logs":"7d"})";
  if (path.ends_with("/organization")) return R"({"billing_name":"Acme Ltd"})";
  if (path.ends_with("/members/{login}") || path.ends_with("/invitations") ||
      path.ends_with("/{service_account}")) {
    return R"({"role":"operator"})";
  }
  if (path.ends_with("/service-accounts")) return R"({"name":"new","role":"viewer"})";
  if (path.ends_with("/tokens")) return R"({"name":"new"})";
  if (path.ends_with("/accept")) {
    return R"({"login":"new","password":"correct horse","token":")" + acme_.link + "\"}";
  }
  if (path.ends_with("/heartbeat")) return R"({"url":"https://beat.example/ping"})";
  if (path.ends_with("/schedules/{schedule}")) return R"({"retries":2})";
  if (route.method == http::Method::put) return R"({"value":"x"})";
  return "";
}

std::string ApiTest::cloud_body_of(const Route& route) const {
  const std::string_view path = route.path;
  const bool is_post = route.method == http::Method::post;
  if (is_post && path.starts_with("/projects")) {
    return R"({"project_name":"new","git_repository":"https://git.example/x"})";
  }
  if (is_post && path.starts_with("/deployments")) {
    return R"({"environment_name":"prod","git_rev":"main"})";
  }
  if (is_post && path.starts_with("/notifications")) {
    return R"({"notification":{"type":"webhook","filters":[],"webhook_url":)"
           R"("https://hooks.example/acme-inner"}})";
  }
  if (route.method == http::Method::patch) return R"({"status":"inactive"})";
  if (path.ends_with("/enabled")) return "true";
  if (path.starts_with("/secrets")) return R"({"name":"NEW","value":"s3cret"})";
  return "";
}

Answer ApiTest::follow(const Answer& first) {
  const std::string here = context_.hooks.public_url();
  if (first.status != 200) return first;
  if (first.body.is_string() && std::string(first.body.as_string()).starts_with(here)) {
    return ask_as("", "GET", std::string(first.body.as_string()).substr(here.size()));
  }
  if (!first.body.is_object()) return first;
  const std::string url = text_at(first.object(), "url");
  if (!url.starts_with(here)) return first;
  if (first.object().contains("fields")) {
    return ask_as("", "POST", url.substr(here.size()),
                  "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"s\"\r\n\r\n"
                  R"({"complete":{"singer_state":{}}})"
                  "\r\n--b--\r\n",
                  {{"content-type", "multipart/form-data; boundary=b"}});
  }
  return ask_as("", text_at(first.object(), "method"), url.substr(here.size()),
                text_at(first.object(), "data"));
}

std::string ApiTest::limited_token(const store::Reach& reach, std::optional<store::Role> role) {
  return "Bearer " + db_->write([&](db::Session& db) {
    return new_token(db,
                     {.organization = acme_.tenant.organization.key,
                      .user = store::find_user(db, "acme-owner")->key,
                      .name = "limited",
                      .role = role,
                      .reach = reach},
                     clock_.now());
  });
}

void ApiTest::make_another_release_live(const Side& side) {
  db_->write([&](db::Session& db) { make_live(db, side.tenant, clock_.now()); });
}

testing::Tenant ApiTest::add_neighbour() {
  return db_->write([&](db::Session& db) {
    const OrganizationKey& organization = acme_.tenant.organization.key;
    const Instant now = clock_.now();
    testing::Tenant made{.organization = acme_.tenant.organization,
                         .project = *store::create_project(db, organization, "neighbour",
                                                           "https://git.example/n", ".", now),
                         .deployment = {}};
    made.deployment = *store::create_deployment(db, organization, made.project.key, "acme",
                                                "n-environment", "main", now);
    make_live(db, made, now);
    store::add_run(db, testing::new_run(made, now), now);
    const auto state = store::set_state(db, organization, made.project.key, "prod:neighbour",
                                        R"({"completed":{}})", store::StateOrigin::set, now);
    if (!state) throw Failure("cannot make a state");
    return made;
  });
}

std::string method_name(http::Method method) {
  return std::string(name_of(method));
}

std::string ApiTest::drain(const Answer& answer) {
  std::string text;
  for (int i = 0; answer.stream && i < 1000; ++i) {
    const http::StreamStep step = answer.stream();
    text += step.data;
    if (step.finished) return text;
    std::this_thread::sleep_for(std::min(step.again_in, std::chrono::milliseconds{20}));
  }
  return text + "<no end>";
}

}  // namespace cupola::api
