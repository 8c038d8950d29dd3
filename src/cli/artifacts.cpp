#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/show.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

struct ArtifactsOptions {
  std::string run;
  std::string path;
  std::string output;
  std::string format = "table";
};

Result<int> list_artifacts(const Api& api, const ArtifactsOptions& options) {
  const auto answer = api.get(api_path({"runs", options.run, "artifacts"}));
  if (!answer) return answer.error();
  Table table({"path", "bytes", "kept"});
  for (const auto& item : array_at(*answer, "artifacts")) {
    const auto& artifact = item.get_object();
    const std::string fault = text_at(artifact, "fault");
    table.add({text_at(artifact, "path"), shown_number(number_at(artifact, "bytes")),
               fault.empty() ? Cell("yes") : Cell("no: " + fault, Colour::red)});
  }
  print_list(options.format, *answer, table,
             "The run kept no files. `annotations: cupola: artifacts:` in meltano.yml names them.");
  return 0;
}

Error cannot_write(const std::string& path) {
  return {Error::Kind::invalid, fmt::format("Cannot write {}: {}", path, system_text(errno)), ""};
}

/// To the file, which must not be there yet, or to standard output.
Result<int> download(const Api& api, const ArtifactsOptions& options) {
  Fd file;
  if (!options.output.empty()) {
    file = Fd(::open(options.output.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file) return cannot_write(options.output);
  }
  bool failed = false;
  const auto on_chunk = [&](std::string_view chunk) {
    if (!file) {
      print(chunk);
      return true;
    }
    for (std::string_view rest = chunk; !rest.empty();) {
      const ssize_t count = ::write(file.get(), rest.data(), rest.size());
      if (count < 0) {
        failed = true;
        return false;
      }
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  };
  const auto done = api.download(api_path({"runs", options.run, "artifacts", options.path}), {},
                                 on_chunk, "application/octet-stream");
  if (!failed && done) return 0;
  const Error error = failed ? cannot_write(options.output) : done.error();
  if (file) ::unlink(options.output.c_str());
  return error;
}

Result<int> show_artifacts(const Context& context, const ArtifactsOptions& options) {
  const auto api = Api::open(context);
  if (!api) return api.error();
  return options.path.empty() ? list_artifacts(*api, options) : download(*api, options);
}

}  // namespace

void add_artifacts_command(CLI::App& root, Context& context) {
  auto* artifacts = root.add_subcommand("artifacts", "Files that a run kept, or one of them");
  auto options = std::make_shared<ArtifactsOptions>();
  artifacts->add_option("run", options->run, "The run")->required()->type_name("RUN");
  artifacts->add_option("path", options->path, "Print this file")->type_name("PATH");
  artifacts->add_option("--output,-o", options->output, "Write it there instead")
      ->needs("path")
      ->type_name("FILE");
  add_format(artifacts, options->format);
  set_work(artifacts, context, options, show_artifacts);
}

}  // namespace cupola::cli
