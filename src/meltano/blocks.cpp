#include "meltano/blocks.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/likeness.h"
#include "base/text.h"
#include "meltano/inheritance.h"
#include "meltano/lock_files.h"
#include "meltano/variables.h"

namespace cupola::meltano {
namespace {

constexpr int most_suffix_passes = 4;

struct Word {
  std::string text;
  const Plugin* plugin = nullptr;
  std::string command;
  bool is_mapping = false;
};

Error wrong(std::string message, std::string hint) {
  return {Error::Kind::invalid, std::move(message), std::move(hint)};
}

Result<std::vector<std::string>> with_jobs_expanded(const Project& project,
                                                    const std::vector<std::string>& words) {
  std::vector<std::string> expanded;
  for (const std::string& word : words) {
    const Job* job = project.find_job(word);
    if (job == nullptr) {
      expanded.push_back(word);
      continue;
    }
    if (job->one_text) {
      return wrong(fmt::format("The tasks of the job {} are one text, which official Meltano reads "
                               "letter by letter.",
                               cupola::quoted(word)),
                   "Write the tasks as a list.");
    }
    for (const std::string& task : job->tasks) {
      for (const std::string_view part : split(task, ' ')) expanded.emplace_back(part);
    }
  }
  return expanded;
}

std::vector<std::string> known_words(const Project& project) {
  std::vector<std::string> names;
  for (const Plugin& plugin : project.plugins) {
    names.push_back(plugin.name);
    for (const std::string& mapping : plugin.mappings) names.push_back(mapping);
  }
  for (const Job& job : project.jobs) names.push_back(job.name);
  return names;
}

Error unknown_word(const Project& project, const std::string& word, const std::string& name) {
  if (word.empty()) {
    return wrong("A task holds two blanks in a row, between which official Meltano sees a name.",
                 "Separate the words with one blank.");
  }
  if (project.find_job(word) != nullptr) {
    return wrong(
        fmt::format("{} is a job, but stands in the tasks of a job.", cupola::quoted(word)),
        "Jobs cannot call jobs: write its tasks instead.");
  }
  if (word.starts_with('-')) {
    return wrong(fmt::format("{} is an option; tasks hold none.", cupola::quoted(word)),
                 "Remove it; options are given to the run.");
  }
  const std::string like = most_alike(name, known_words(project));
  return wrong(
      fmt::format("{} names no plugin, mapping or job of the project.", cupola::quoted(word)),
      like.empty() ? "Add the plugin to meltano.yml, or correct the name."
                   : fmt::format("Did you mean {}?", cupola::quoted(like)));
}

Result<void> check_command(const Project& project, const Plugin& plugin,
                           const std::string& command) {
  const auto resolved = resolve(project, plugin);
  if (!resolved) return resolved.error();
  if (resolved->commands.contains(command)) return {};
  for (const Plugin* at = &plugin; at != nullptr; at = parent_of(project, *at)) {
    if (needs_lock_file(project, *at) && !at->definition) return {};
  }
  std::vector<std::string> names;
  for (const auto& [name, ignored] : resolved->commands) names.push_back(name);
  return wrong(fmt::format("The plugin {} has no command {}.", cupola::quoted(plugin.name),
                           cupola::quoted(command)),
               names.empty() ? "Add it under 'commands:' of the plugin."
                             : "It has " + join(names, ", ") + ".");
}

Result<Word> read_word(const Project& project, const std::string& text) {
  Word word{.text = text};
  std::string name = text;
  if (const std::size_t colon = text.find(':');
      colon != std::string::npos && text.find(':', colon + 1) == std::string::npos) {
    name = text.substr(0, colon);
    word.command = text.substr(colon + 1);
  }
  word.plugin = project.find_plugin(name);
  if (word.plugin == nullptr) {
    word.plugin = project.find_mapper_of(name);
    word.is_mapping = word.plugin != nullptr;
  }
  if (word.plugin == nullptr) return unknown_word(project, text, name);
  if (project.find_job(text) != nullptr) {
    return wrong(fmt::format("{} is the name of a job and of a plugin.", cupola::quoted(text)),
                 "Rename the job.");
  }
  if (word.is_mapping) {
    const auto has_it = [&](const Plugin& plugin) {
      return std::ranges::find(plugin.mappings, name) != plugin.mappings.end();
    };
    const auto& own = word.plugin->mappings;
    if (std::ranges::count_if(project.plugins, has_it) > 1 || std::ranges::count(own, name) > 1) {
      return wrong(fmt::format("More than one mapping has the name {}.", cupola::quoted(name)),
                   "Give each mapping a name of its own.");
    }
  }
  return word;
}

/// The extract-load block that starts at words[at]; `at` moves behind it.
Result<Block> read_extract_load(const std::vector<Word>& words, std::size_t& at) {
  Block block{.kind = Block::Kind::extract_load, .extractor = words[at].plugin->name};
  const std::string& start = words[at].text;
  for (++at; at < words.size(); ++at) {
    const Word& word = words[at];
    if (word.plugin->type == "loaders") {
      block.loader = word.plugin->name;
      ++at;
      return block;
    }
    if (word.plugin->type != "mappers") {
      return wrong(fmt::format("After {} a mapping or a loader must come, not {}.",
                               cupola::quoted(start), cupola::quoted(word.text)),
                   "Write each block as 'tap mapping… target'.");
    }
    if (!word.is_mapping) {
      return wrong(
          fmt::format("{} is a mapper; a task calls one of its mappings.",
                      cupola::quoted(word.text)),
          word.plugin->mappings.empty()
              ? "Add 'mappings:' to the mapper, with a name that differs from the mapper's."
              : "Write one of " + join(word.plugin->mappings, ", ") + ".");
    }
    block.mappings.push_back(word.text);
  }
  return wrong(fmt::format("The block that starts with {} has no loader.", cupola::quoted(start)),
               "Add a loader after it: 'tap-x target-y'.");
}

}  // namespace

Result<std::vector<Block>> expand(const Project& project, const std::vector<std::string>& words) {
  const auto expanded = with_jobs_expanded(project, words);
  if (!expanded) return expanded.error();
  std::vector<Word> read;
  for (const std::string& text : *expanded) {
    auto word = read_word(project, text);
    if (!word) return word.error();
    read.push_back(std::move(*word));
  }
  std::vector<Block> blocks;
  for (std::size_t at = 0; at < read.size();) {
    const Word& word = read[at];
    const std::string& type = word.plugin->type;
    if (type == "extractors") {
      auto block = read_extract_load(read, at);
      if (!block) return block.error();
      blocks.push_back(std::move(*block));
    } else if (type == "loaders" || type == "mappers") {
      return wrong(
          fmt::format("{} stands here without an extractor before it.", cupola::quoted(word.text)),
          "Write each block as 'tap mapping… target'.");
    } else {
      if (!word.command.empty()) {
        if (const auto known = check_command(project, *word.plugin, word.command); !known) {
          return known.error();
        }
      }
      blocks.push_back(
          {.kind = Block::Kind::command, .plugin = word.plugin->name, .command = word.command});
      ++at;
    }
  }
  return blocks;
}

std::vector<std::string> state_ids(const Project& project, std::string_view environment,
                                   const std::vector<Block>& blocks,
                                   std::string_view state_id_suffix,
                                   const std::map<std::string, std::string>& env) {
  std::string suffix(state_id_suffix);
  const Environment* known = project.find_environment(environment);
  if (suffix.empty() && known != nullptr) {
    variables::Values values = env;
    values["MELTANO_ENVIRONMENT"] = environment;
    for (const auto& [name, value] : project.env) values[name] = value;
    // Official Meltano expands it anew for each plugin of the run, so that escapes do not last.
    suffix = known->state_id_suffix;
    for (int pass = 0; pass < most_suffix_passes; ++pass) {
      suffix = variables::expand(suffix, values).text;
    }
  }
  std::vector<std::string> ids;
  for (const Block& block : blocks) {
    if (block.kind != Block::Kind::extract_load) continue;
    std::string id = fmt::format("{}:{}-to-{}", environment, block.extractor, block.loader);
    if (!suffix.empty()) id += ":" + suffix;
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace cupola::meltano
