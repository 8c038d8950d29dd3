#include "supervisor/spec.h"

#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace cupola::supervisor {
namespace {

using std::chrono::milliseconds;

/// A text whatever its bytes: JSON has only UTF-8, a variable may hold anything.
json::value exact(std::string_view text) {
  if (is_utf8(text)) return json::value(text);
  std::string hex;
  for (const char byte : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return json::object{{"hex", hex}};
}

std::optional<unsigned> digit(char character) {
  if (character >= '0' && character <= '9') return static_cast<unsigned>(character - '0');
  if (character >= 'a' && character <= 'f') return static_cast<unsigned>(character - 'a' + 10);
  return std::nullopt;
}

std::optional<std::string> read_exact(const json::value& value) {
  if (const json::string* text = value.if_string()) return std::string(*text);
  const json::object* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  const std::string hex = text_at(*object, "hex");
  std::string text;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    const auto high = digit(hex[at]);
    const auto low = digit(hex[at + 1]);
    if (!high || !low) return std::nullopt;
    text += static_cast<char>(*high << 4 | *low);
  }
  return text;
}

Error malformed(std::string_view what) {
  return {Error::Kind::malformed, fmt::format("It has no valid \"{}\".", what)};
}

/// Calls `take` with each text of the list under `key`, which may be absent.
template <typename Take>
Result<void> each_text(const json::object& object, std::string_view key, Take take) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return {};
  const json::array* list = value->if_array();
  if (list == nullptr) return malformed(key);
  for (const json::value& item : *list) {
    auto text = read_exact(item);
    if (!text) return malformed(key);
    take(*std::move(text));
  }
  return {};
}

/// The same for the members of an object.
template <typename Take>
Result<void> each_member(const json::object& object, std::string_view key, Take take) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return {};
  const json::object* members = value->if_object();
  if (members == nullptr) return malformed(key);
  for (const auto& [name, item] : *members) {
    auto text = read_exact(item);
    if (!text) return malformed(key);
    take(std::string(name), *std::move(text));
  }
  return {};
}

Result<json::object> parse_object(std::string_view text) {
  auto value = parse_json(text);
  if (!value) return value.error();
  if (!value->is_object()) return Error{Error::Kind::malformed, "It is no JSON object."};
  return std::move(value->get_object());
}

Result<void> read_sandbox(const json::object& object, RunSpec& spec) {
  if (const json::value* value = object.if_contains("sandbox")) {
    if (!value->is_object()) return malformed("sandbox");
    auto sandbox = process::parse_sandbox(value->get_object());
    if (!sandbox) return sandbox.error();
    spec.sandbox = *std::move(sandbox);
  }
  if (const json::value* value = object.if_contains("support")) {
    if (!value->is_object()) return malformed("support");
    auto support = process::parse_support(value->get_object());
    if (!support) return support.error();
    spec.support = *std::move(support);
  }
  return {};
}

Result<void> read_texts(const json::object& object, RunSpec& spec) {
  auto read = each_text(object, "command",
                        [&](std::string word) { spec.command.push_back(std::move(word)); });
  if (read) {
    read = each_member(object, "env", [&](std::string name, std::string value) {
      spec.env.emplace(std::move(name), std::move(value));
    });
  }
  if (read) {
    read = each_member(object, "secrets", [&](std::string name, std::string value) {
      spec.secrets.emplace(std::move(name), Secret(std::move(value)));
    });
  }
  if (read) {
    read = each_member(object, "files", [&](std::string path, std::string content) {
      spec.files.emplace(std::move(path), Secret(std::move(content)));
    });
  }
  if (read) {
    read = each_text(object, "masked",
                     [&](std::string text) { spec.masked.emplace_back(std::move(text)); });
  }
  if (read) {
    read = each_text(object, "notes",
                     [&](std::string text) { spec.notes.push_back(std::move(text)); });
  }
  return read;
}

Result<void> check(const RunSpec& spec) {
  if (!spec.folder.is_absolute()) return malformed("folder");
  if (!spec.log.is_absolute()) return malformed("log");
  if (spec.command.empty() || spec.command.front().empty()) return malformed("command");
  if (spec.timeout <= milliseconds(0)) return malformed("timeout_ms");
  if (spec.grace < milliseconds(0)) return malformed("grace_ms");
  if (spec.memory_limit < 0) return malformed("memory_limit");
  if (spec.cpu_limit < 0) return malformed("cpu_limit_millis");
  if (spec.process_limit < 0) return malformed("process_limit");
  if (spec.disk_limit < 0) return malformed("disk_limit");
  return {};
}

}  // namespace

std::string to_json_text(const RunSpec& spec) {
  json::object object;
  object["run"] = spec.run.text();
  object["folder"] = spec.folder.string();
  object["start"] = spec.start;
  object["log"] = spec.log.string();
  json::array command;
  for (const auto& word : spec.command) command.push_back(exact(word));
  object["command"] = std::move(command);
  json::object env;
  for (const auto& [name, value] : spec.env) env[name] = exact(value);
  object["env"] = std::move(env);
  json::object secrets;
  for (const auto& [name, value] : spec.secrets) secrets[name] = exact(value.reveal());
  object["secrets"] = std::move(secrets);
  json::object files;
  for (const auto& [path, content] : spec.files) files[path] = exact(content.reveal());
  object["files"] = std::move(files);
  json::array masked;
  for (const auto& secret : spec.masked) masked.push_back(exact(secret.reveal()));
  object["masked"] = std::move(masked);
  object["sandbox"] = process::to_json(spec.sandbox);
  if (spec.support) object["support"] = process::to_json(*spec.support);
  object["timeout_ms"] = spec.timeout.count();
  object["grace_ms"] = spec.grace.count();
  object["memory_limit"] = spec.memory_limit;
  object["cpu_limit_millis"] = std::llround(spec.cpu_limit * 1000);
  object["process_limit"] = spec.process_limit;
  object["disk_limit"] = spec.disk_limit;
  if (spec.network) object["network"] = process::to_json(*spec.network);
  object["log_limit"] = spec.log_limit;
  object["server_sign"] = spec.server_sign.string();
  object["longest_silence_ms"] = spec.longest_silence.count();
  object["booted_at"] = to_milliseconds(spec.booted_at);
  object["start_before_ms"] = spec.start_before.count();
  json::array notes;
  for (const auto& note : spec.notes) notes.push_back(exact(note));
  object["notes"] = std::move(notes);
  return json::serialize(object);
}

Result<RunSpec> parse_spec(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return object.error();
  RunSpec spec;
  spec.run = RunId(text_at(*object, "run"));
  spec.folder = text_at(*object, "folder");
  spec.start = text_at(*object, "start");
  spec.log = text_at(*object, "log");
  spec.timeout = milliseconds(number_at(*object, "timeout_ms", spec.timeout.count()));
  spec.grace = milliseconds(number_at(*object, "grace_ms", spec.grace.count()));
  spec.memory_limit = number_at(*object, "memory_limit");
  spec.cpu_limit = static_cast<double>(number_at(*object, "cpu_limit_millis")) / 1000;
  spec.process_limit = number_at(*object, "process_limit", spec.process_limit);
  spec.disk_limit = number_at(*object, "disk_limit");
  if (const json::value* network = object->if_contains("network")) {
    if (!network->is_object()) return malformed("network");
    spec.network = process::parse_run_network_plan(network->get_object());
  }
  spec.log_limit = static_cast<std::uint64_t>(
      number_at(*object, "log_limit", static_cast<std::int64_t>(spec.log_limit)));
  spec.server_sign = text_at(*object, "server_sign");
  spec.longest_silence = milliseconds(number_at(*object, "longest_silence_ms"));
  spec.booted_at =
      from_milliseconds(number_at(*object, "booted_at", to_milliseconds(spec.booted_at)));
  spec.start_before = milliseconds(number_at(*object, "start_before_ms"));
  if (auto read = read_texts(*object, spec); !read) return read.error();
  if (auto read = read_sandbox(*object, spec); !read) return read.error();
  if (auto checked = check(spec); !checked) return checked.error();
  return spec;
}

std::string to_json_text(const Outcome& outcome) {
  json::object object;
  if (outcome.exit_code) object["exit_code"] = *outcome.exit_code;
  if (outcome.exit_signal) object["exit_signal"] = *outcome.exit_signal;
  object["timed_out"] = outcome.timed_out;
  object["stopped"] = outcome.stopped;
  object["server_silent"] = outcome.server_silent;
  object["out_of_memory"] = outcome.out_of_memory;
  object["out_of_processes"] = outcome.out_of_processes;
  object["out_of_disk"] = outcome.out_of_disk;
  object["disk_used"] = outcome.disk_used;
  if (outcome.egress_bytes) object["egress_bytes"] = *outcome.egress_bytes;
  object["log_failed"] = outcome.log_failed;
  object["start_error"] = json_text(outcome.start_error);
  object["peak_memory"] = outcome.peak_memory;
  object["cpu_ms"] = outcome.cpu_time.count();
  object["log_lines"] = outcome.log_lines;
  object["started_at_ms"] = to_milliseconds(outcome.started_at);
  object["ended_at_ms"] = to_milliseconds(outcome.ended_at);
  if (outcome.run_time) object["run_time_ms"] = outcome.run_time->count();
  return json::serialize(object);
}

Result<Outcome> parse_outcome(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return object.error();
  if (!object->contains("ended_at_ms")) return malformed("ended_at_ms");
  Outcome outcome;
  if (object->contains("exit_code")) {
    outcome.exit_code = static_cast<int>(number_at(*object, "exit_code"));
  }
  if (object->contains("exit_signal")) {
    outcome.exit_signal = static_cast<int>(number_at(*object, "exit_signal"));
  }
  outcome.timed_out = flag_at(*object, "timed_out");
  outcome.stopped = flag_at(*object, "stopped");
  outcome.server_silent = flag_at(*object, "server_silent");
  outcome.out_of_memory = flag_at(*object, "out_of_memory");
  outcome.out_of_processes = flag_at(*object, "out_of_processes");
  outcome.out_of_disk = flag_at(*object, "out_of_disk");
  outcome.disk_used = number_at(*object, "disk_used");
  if (object->contains("egress_bytes")) outcome.egress_bytes = number_at(*object, "egress_bytes");
  outcome.log_failed = flag_at(*object, "log_failed");
  outcome.start_error = text_at(*object, "start_error");
  outcome.peak_memory = number_at(*object, "peak_memory");
  outcome.cpu_time = milliseconds(number_at(*object, "cpu_ms"));
  outcome.log_lines = static_cast<std::uint64_t>(number_at(*object, "log_lines"));
  outcome.started_at = from_milliseconds(number_at(*object, "started_at_ms"));
  outcome.ended_at = from_milliseconds(number_at(*object, "ended_at_ms"));
  if (object->contains("run_time_ms")) {
    outcome.run_time = milliseconds(number_at(*object, "run_time_ms"));
  }
  return outcome;
}

std::string to_json_text(const Started& started) {
  return json::serialize(json::object{{"pid", started.pid},
                                      {"at_ms", to_milliseconds(started.at)},
                                      {"sandbox", json_text(started.sandbox)}});
}

Result<Started> parse_started(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return object.error();
  if (!object->contains("at_ms")) return malformed("at_ms");
  return Started{.pid = static_cast<int>(number_at(*object, "pid")),
                 .at = from_milliseconds(number_at(*object, "at_ms")),
                 .sandbox = text_at(*object, "sandbox")};
}

std::string to_json_text(const SupervisorProcess& process) {
  return json::serialize(json::object{{"pid", process.pid}, {"start_time", process.start_time}});
}

Result<SupervisorProcess> parse_supervisor_process(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return object.error();
  const std::int64_t pid = number_at(*object, "pid");
  const std::int64_t start_time = number_at(*object, "start_time", -1);
  if (pid <= 0 || start_time < 0) return malformed("pid");
  return SupervisorProcess{.pid = static_cast<int>(pid),
                           .start_time = static_cast<std::uint64_t>(start_time)};
}

}  // namespace cupola::supervisor
