#include "store/artifacts.h"

#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "api/handlers.h"
#include "api/lookup.h"
#include "api/to_json.h"
#include "base/files.h"
#include "base/text.h"

namespace cupola::api {
namespace {

constexpr std::size_t step_bytes = 256u << 10;

json::object to_json(const store::Artifact& artifact) {
  return {{"path", json_text(artifact.path)},
          {"bytes", artifact.bytes},
          {"kept", !artifact.fault.has_value()},
          {"fault", or_null(artifact.fault)}};
}

Result<store::Artifact> artifact_of(const Call& call, db::Session& db, const store::Run& run) {
  const std::string& path = call.in_path("path");
  auto artifact = store::find_artifact(db, call.organization(), run.id, path);
  if (!artifact) {
    return Error{Error::Kind::not_found, "The run kept no file " + cupola::quoted(path) + ".",
                 "`cupola artifacts RUN` shows those it kept; a slash in the path is written %2F."};
  }
  if (artifact->fault) {
    return Error{Error::Kind::not_found,
                 cupola::quoted(path) + " was not kept: " + *artifact->fault + "."};
  }
  return *artifact;
}

/// The name under which a browser saves it; all but plain letters escaped (RFC 8187).
std::string disposition_of(std::string_view path) {
  const auto slash = path.rfind('/');
  std::string escaped;
  for (const char letter : path.substr(slash == std::string_view::npos ? 0 : slash + 1)) {
    const bool is_plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                          (letter >= '0' && letter <= '9') || letter == '.' || letter == '-' ||
                          letter == '_';
    escaped += is_plain ? std::string(1, letter)
                        : fmt::format("%{:02X}", static_cast<unsigned char>(letter));
  }
  return "attachment; filename*=UTF-8''" + escaped;
}

http::StreamStep next_piece(const Fd& file) {
  http::StreamStep step{.again_in = std::chrono::milliseconds{0}};
  step.data.resize(step_bytes);
  const ssize_t count = ::read(file.get(), step.data.data(), step.data.size());
  if (count < 0) throw Failure("An artifact cannot be read: " + system_text(errno));
  step.data.resize(static_cast<std::size_t>(count));
  step.finished = count == 0;
  return step;
}

}  // namespace

Result<http::Reply> list_artifacts(const Call& call) {
  return call.context.database.read([&](db::Session& db) -> Result<http::Reply> {
    const Result<store::ListedRun> listed = run_of(call, db);
    if (!listed) return listed.error();
    json::array items;
    for (const auto& artifact : store::list_artifacts(db, call.organization(), listed->run.id)) {
      items.emplace_back(to_json(artifact));
    }
    return list_reply("artifacts", std::move(items));
  });
}

/// GET …/artifacts/{path} gives the file as it is.
Result<http::Reply> download_artifact(const Call& call) {
  struct Found {
    RunId run;
    store::Artifact artifact;
  };
  const Result<Found> found = call.context.database.read([&](db::Session& db) -> Result<Found> {
    const Result<store::ListedRun> listed = run_of(call, db);
    if (!listed) return listed.error();
    const Result<store::Artifact> artifact = artifact_of(call, db, listed->run);
    if (!artifact) return artifact.error();
    return Found{listed->run.id, *artifact};
  });
  if (!found) return found.error();
  const std::filesystem::path folder = call.context.home.artifacts(found->run);
  auto file =
      open_beneath(folder, std::filesystem::path(fmt::format("{}", found->artifact.lease_token)) /
                               found->artifact.path);
  if (!file) {
    return Error{Error::Kind::not_found,
                 cupola::quoted(found->artifact.path) + " is no longer on the disk.",
                 "Retention may have removed it; several servers need one --log-store."};
  }
  http::Reply reply;
  reply.content_type = "application/octet-stream";
  reply.headers.emplace_back("Content-Disposition", disposition_of(found->artifact.path));
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  // Shared by the copies that std::function makes of the closure; there is one at a time.
  reply.stream = [shared = std::make_shared<Fd>(*std::move(file))] { return next_piece(*shared); };
  return reply;
}

}  // namespace cupola::api
