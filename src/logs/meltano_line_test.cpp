#include "logs/meltano_line.h"

#include <gmock/gmock.h>

namespace cupola::logs {
namespace {

struct Case {
  std::string name, line;
  MeltanoLine expected;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class MeltanoLineTable : public testing::TestWithParam<Case> {};

// Lines as meltano 4.4.1 wrote them (with `cli.log_format: json`), shortened only in their paths.
INSTANTIATE_TEST_SUITE_P(, MeltanoLineTable,
                         testing::
                             ValuesIn(
                                 std::
                                     vector<Case>{
                                         {"Meltano",
                                          R"({"event": "Environment 'dev' is active", "level": "info", "timestamp": "2026-11-23T01:37:28.965337Z", "_logger": "<_FixedFindCallerLogger meltano.core.project (INFO)>", "_name": "info"})",
                                          {.level = "info", .text = "Environment 'dev' is active"}},
                                         {"MeltanoWithoutLogger",
                                          R"({"event": "Loader failed", "level": "error", "timestamp": "2026-11-23T01:42:40.093403Z"})",
                                          {.level = "error", .text = "Loader failed"}},
                                         {"FailedBlock",
                                          R"({"set_number": 0, "block_type": "ExtractLoadBlocks", "success": false, "err": "Loader failed", "exit_codes": {"loaders": 1}, "duration_seconds": 0.29, "event": "Block run completed", "run_id": "01a20611-cd71-7f23-aefa-a9445058304c", "level": "error", "timestamp": "2026-11-23T01:42:40.093804Z", "_logger": "<_FixedFindCallerLogger meltano.cli.run (INFO)>", "_name": "error"})",
                                          {.level = "error",
                                           .text = "Block run completed: Loader failed"}},
                                         {"FinishedBlock",
                                          R"({"set_number": 0, "block_type": "ExtractLoadBlocks", "success": true, "err": null, "duration_seconds": 1.543, "event": "Block run completed", "level": "info"})",
                                          {.level = "info", .text = "Block run completed"}},
                                         {"PlainPluginLine",
                                          R"line({"stdio": "stderr", "consumer": true, "producer": false, "string_id": "target-null", "cmd_type": "elb", "job_name": "dev:tap-fast-to-target-null", "name": "target-null", "event": "    raise SystemError(\"boom\")", "run_id": "01a20611-cd71-7f23-aefa-a9445058304c", "level": "info", "timestamp": "2026-11-23T01:42:40.059453Z", "_logger": "<_FixedFindCallerLogger meltano.plugin.stderr.loaders.target-null (INFO)>", "_name": "info"})line",
                                          {.plugin = "target-null",
                                           .level = "info",
                                           .stdio = "stderr",
                                           .text = "    raise SystemError(\"boom\")"}},
                                         {"StructuredPluginLine",
                                          R"({"stdio": "stderr", "consumer": false, "producer": true, "string_id": "tap-events", "cmd_type": "elb", "job_name": "dev:tap-events-to-target-jsonl", "pid": 21087, "thread_name": "MainThread", "app_name": "singer-sdk", "name": "tap-events", "plugin_logger": "tap-jsonl.events", "event": "No files found for /nope", "level": "warning", "_logger": "<_FixedFindCallerLogger meltano.plugin.stderr.extractors.tap-events (INFO)>", "_name": "warning"})",
                                          {.plugin = "tap-events",
                                           .level = "warning",
                                           .stdio = "stderr",
                                           .text = "No files found for /nope"}},
                                         // `name` is the plugin that tap-events inherits from.
                                         {"Discovery",
                                          R"({"stdio": "stderr", "type": "discovery", "pid": 20891, "thread_name": "MainThread", "app_name": "singer-sdk", "name": "tap-jsonl", "plugin_logger": "tap-jsonl.events", "event": "sampled_records=100 observed_fields=9", "level": "info", "_logger": "<_FixedFindCallerLogger meltano.plugin.stderr.extractors.tap-events (INFO)>", "_name": "info"})",
                                          {.plugin = "tap-events",
                                           .level = "info",
                                           .stdio = "stderr",
                                           .text = "sampled_records=100 observed_fields=9"}},
                                         {"StructuredCounter", R"({"stdio": "stderr", "consumer": false, "producer": true, "string_id": "tap-events", "cmd_type": "elb", "pid": 20893, "app_name": "singer-sdk", "metric_info": {"type": "counter", "metric": "record_count", "value": 100, "tags": {"stream": "events", "pid": 20893, "context": {}}}, "name": "tap-events", "plugin_logger": "singer_sdk.metrics", "event": "METRIC", "level": "info", "_name": "info"})", {.plugin = "tap-events", .level = "info", .stream = "events", .stdio = "stderr", .text = R"(METRIC: {"type":"counter","metric":"record_count","value":100,"tags":{"stream":"events","pid":20893,"context":{}}})", .records = 100}},
                                         {"StructuredTimer",
                                          R"({"stdio": "stderr", "string_id": "tap-events", "metric_info": {"type": "timer", "metric": "sync_duration", "value": 0.5, "tags": {"stream": "events"}}, "event": "METRIC", "level": "info"})",
                                          {.plugin = "tap-events",
                                           .level = "info",
                                           .stream = "events",
                                           .stdio = "stderr",
                                           .text =
                                               R"(METRIC: {"type":"timer","metric":"sync_duration","value":5E-1,"tags":{"stream":"events"}})"}},
                                         {"SingerPythonCounter",
                                          R"({"stdio": "stderr", "string_id": "tap-old", "event": "INFO METRIC: {\"type\": \"counter\", \"metric\": \"record_count\", \"value\": 42, \"tags\": {\"endpoint\": \"users\"}}", "level": "info"})",
                                          {.plugin = "tap-old",
                                           .level = "info",
                                           .stream = "users",
                                           .stdio = "stderr",
                                           .text =
                                               R"(INFO METRIC: {"type": "counter", "metric": "record_count", "value": 42, "tags": {"endpoint": "users"}})",
                                           .records = 42}},
                                         {"PythonDictionary",
                                          "INFO METRIC: {'type': 'counter', 'metric': "
                                          "'record_count', 'value': 7, 'tags': {'stream': "
                                          "'a', 'context': None}}",
                                          {.stream = "a",
                                           .text = "INFO METRIC: {'type': 'counter', 'metric': "
                                                   "'record_count', 'value': 7, 'tags': "
                                                   "{'stream': 'a', 'context': None}}",
                                           .records = 7}},
                                         {"StreamAndException",
                                          R"({"event": "failed", "level": "error", "string_id": "tap-x", "stream_name": "users", "plugin_exception": {"type": "ValueError", "module": "builtins", "message": "no such column"}})",
                                          {.plugin = "tap-x",
                                           .level = "error",
                                           .stream = "users",
                                           .text = "failed\nValueError: no such column"}},
                                         {"Critical",
                                          R"({"event": "x", "level": "CRITICAL"})",
                                          {.level = "error", .text = "x"}},
                                         {"UnknownLevel",
                                          R"({"event": "x", "level": "loud"})",
                                          {.text = "x"}},
                                         {"MaskedLevel",
                                          R"({"event": "x", "level": 3, "string_id": 4})",
                                          {.text = "x"}},
                                         {"Console",
                                          "2026-11-23T01:37:28.926134Z [info     ] meltano      "
                                          "Meltano 4.4.1, Python 3.11.7",
                                          {.text = "2026-11-23T01:37:28.926134Z [info     ] "
                                                   "meltano      Meltano 4.4.1, Python 3.11.7"}},
                                         {"OtherJson",
                                          R"({"type": "RECORD", "record": {}})",
                                          {.text = R"({"type": "RECORD", "record": {}})"}},
                                         {"TornJson",
                                          R"({"event": "x", "lev)",
                                          {.text = R"({"event": "x", "lev)"}},
                                         {"NegativeCount",
                                          R"(METRIC: {"metric": "record_count", "value": -1, "tags": {"stream": "a"}})",
                                          {.stream = "a",
                                           .text =
                                               R"(METRIC: {"metric": "record_count", "value": -1, "tags": {"stream": "a"}})"}},
                                         {"HugeCount",
                                          R"(METRIC: {"metric": "record_count", "value": 1e300, "tags": []})",
                                          {.text =
                                               R"(METRIC: {"metric": "record_count", "value": 1e300, "tags": []})"}},
                                         {"Empty", "", {}},
                                     }),
                         [](const auto& test) { return test.param.name; });

TEST_P(MeltanoLineTable, IsUnderstood) {
  const MeltanoLine line = parse_meltano_line(GetParam().line);

  const MeltanoLine& expected = GetParam().expected;
  EXPECT_EQ(line.plugin, expected.plugin);
  EXPECT_EQ(line.level, expected.level);
  EXPECT_EQ(line.stream, expected.stream);
  EXPECT_EQ(line.stdio, expected.stdio);
  EXPECT_EQ(line.text, expected.text);
  EXPECT_EQ(line.records, expected.records);
}

}  // namespace
}  // namespace cupola::logs
