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
                             ValuesIn(std::
                                          vector<Case>{
                                              {"Meltano",
                                               R"({"event": "Environment 'dev' is active", "level": "info", "timestamp": "2026-11-23T01:37:28.965337Z", "_logger": "<_FixedFindCallerLogger meltano.core.project (INFO)>", "_name": "info"})",
                                               {.level = "info",
                                                .text = "Environment 'dev' is active"}},
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
                                                .text = "    raise SystemError(\"boom\")",
                                                .job = "dev:tap-fast-to-target-null",
                                                .consumer = true}},
                                              {"StructuredPluginLine",
                                               R"({"stdio": "stderr", "consumer": false, "producer": true, "string_id": "tap-events", "cmd_type": "elb", "job_name": "dev:tap-events-to-target-jsonl", "pid": 21087, "thread_name": "MainThread", "app_name": "singer-sdk", "name": "tap-events", "plugin_logger": "tap-jsonl.events", "event": "No files found for /nope", "level": "warning", "_logger": "<_FixedFindCallerLogger meltano.plugin.stderr.extractors.tap-events (INFO)>", "_name": "warning"})",
                                               {.plugin = "tap-events",
                                                .level = "warning",
                                                .stdio = "stderr",
                                                .text = "No files found for /nope",
                                                .job = "dev:tap-events-to-target-jsonl",
                                                .producer = true}},
                                              // `name` is the plugin that tap-events inherits from.
                                              {"Discovery",
                                               R"({"stdio": "stderr", "type": "discovery", "pid": 20891, "thread_name": "MainThread", "app_name": "singer-sdk", "name": "tap-jsonl", "plugin_logger": "tap-jsonl.events", "event": "sampled_records=100 observed_fields=9", "level": "info", "_logger": "<_FixedFindCallerLogger meltano.plugin.stderr.extractors.tap-events (INFO)>", "_name": "info"})",
                                               {.plugin = "tap-events",
                                                .level = "info",
                                                .stdio = "stderr",
                                                .text = "sampled_records=100 observed_fields=9"}},
                                              {"StructuredCounter", R"({"stdio": "stderr", "consumer": false, "producer": true, "string_id": "tap-events", "cmd_type": "elb", "pid": 20893, "app_name": "singer-sdk", "metric_info": {"type": "counter", "metric": "record_count", "value": 100, "tags": {"stream": "events", "pid": 20893, "context": {}}}, "name": "tap-events", "plugin_logger": "singer_sdk.metrics", "event": "METRIC", "level": "info", "_name": "info"})", {.plugin = "tap-events", .level = "info", .stream = "events", .stdio = "stderr", .text = R"(METRIC: {"type":"counter","metric":"record_count","value":100,"tags":{"stream":"events","pid":20893,"context":{}}})", .producer = true, .records = 100}},
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
                                                .text =
                                                    "INFO METRIC: {'type': 'counter', 'metric': "
                                                    "'record_count', 'value': 7, 'tags': "
                                                    "{'stream': 'a', 'context': None}}",
                                                .records = 7}},
                                              {"StreamAndException",
                                               R"({"event": "failed", "level": "error", "string_id": "tap-x", "stream_name": "users", "plugin_exception": {"type": "ValueError", "module": "builtins", "message": "no such column"}})",
                                               {.plugin = "tap-x",
                                                .level = "error",
                                                .stream = "users",
                                                .text = "failed\nValueError: no such column"}},
                                              {"FailedRun",
                                               R"({"duration_seconds": 0.291, "status": "failure", "event": "Run completed", "level": "info"})",
                                               {.level = "info", .text = "Run completed: failure"}},
                                              {"OwnLineOfElt",
                                               R"({"name": "meltano", "run_id": "01a20624-fb2f-792a-9ee4-13e81e5f6fa2", "state_id": "x", "event": "Extract & load complete!", "level": "info", "_logger": "<_FixedFindCallerLogger meltano.cli.elt (INFO)>", "_name": "info"})",
                                               {.level = "info",
                                                .text = "Extract & load complete!",
                                                .job = "x"}},
                                              {"PluginOfElt",
                                               R"({"stdio": "stderr", "cmd_type": "extractor", "state_id": "x", "name": "tap-customers", "event": "hello", "level": "info"})",
                                               {.plugin = "tap-customers",
                                                .level = "info",
                                                .stdio = "stderr",
                                                .text = "hello",
                                                .job = "x",
                                                .producer = true}},
                                              {"Command",
                                               R"({"stdio": "stdout", "cmd_type": "command", "name": "dbt-duckdb", "event": "1 of 1 OK", "level": "info"})",
                                               {.plugin = "dbt-duckdb",
                                                .level = "info",
                                                .stdio = "stdout",
                                                .text = "1 of 1 OK"}},
                                              {"PluginTraceback",
                                               R"line({"stdio": "stderr", "string_id": "tap-events", "plugin_exception": {"type": "ValueError", "module": "builtins", "message": "no such column", "traceback": [{"filename": "tap.py", "function": "<module>", "lineno": 10, "line": "    sys.exit(TapJsonl.cli())\n"}, {"filename": "streams.py", "function": "get_records", "lineno": 226, "line": ""}], "cause": {"type": "KeyError", "module": "builtins", "message": "'deep'"}}, "event": "no such column", "level": "error"})line",
                                               {.plugin = "tap-events",
                                                .level = "error",
                                                .stdio = "stderr",
                                                .text = "no such column\n"
                                                        "Traceback (most recent call last):\n"
                                                        "  File \"tap.py\", line 10, in <module>\n"
                                                        "    sys.exit(TapJsonl.cli())\n"
                                                        "  File \"streams.py\", line 226, in "
                                                        "get_records\n"
                                                        "ValueError: no such column\n"
                                                        "caused by KeyError: 'deep'"}},
                                              {"MeltanoTraceback",
                                               R"({"event": "failed", "level": "error", "exception": [{"exc_type": "RuntimeError", "exc_value": "b", "is_cause": false, "frames": [{"filename": "x.py", "lineno": 3, "name": "main"}]}, {"exc_type": "KeyError", "exc_value": "a", "is_cause": true, "frames": []}]})",
                                               {.level = "error",
                                                .text = "failed\n"
                                                        "Traceback (most recent call last):\n"
                                                        "  File \"x.py\", line 3, in main\n"
                                                        "RuntimeError: b\n"
                                                        "caused by KeyError: a"}},
                                              {"Version3Counter",
                                               R"({"stdio": "stderr", "cmd_type": "elb", "name": "tap-prices", "event": "METRIC: {\"type\":\"counter\",\"metric\":\"record_count\",\"value\":8,\"tags\":{\"stream\":\"prices\",\"pid\":6,\"context\":{}}}", "level": "info"})",
                                               {.plugin = "tap-prices",
                                                .level = "info",
                                                .stream = "prices",
                                                .stdio = "stderr",
                                                .text =
                                                    R"(METRIC: {"type":"counter","metric":"record_count","value":8,"tags":{"stream":"prices","pid":6,"context":{}}})",
                                                .records = 8}},
                                              {"MaskedLiteral",  // the secrets "true" and "2108"
                                               R"({"stdio": "stderr", "producer": ****, "pid": ****7, "string_id": "tap-x", "event": "a \": ****, b", "level": "info"})",
                                               {.plugin = "tap-x",
                                                .level = "info",
                                                .stdio = "stderr",
                                                .text = "a \": ****, b"}},
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
                                               "2026-11-23T01:37:28.926134Z [info     ] meltano    "
                                               "  "
                                               "Meltano 4.4.1, Python 3.11.7",
                                               {.text =
                                                    "2026-11-23T01:37:28.926134Z [info     ] "
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
  EXPECT_EQ(line.job, expected.job);
  EXPECT_EQ(line.producer, expected.producer);
  EXPECT_EQ(line.consumer, expected.consumer);
  EXPECT_EQ(line.records, expected.records);
}

}  // namespace
}  // namespace cupola::logs
