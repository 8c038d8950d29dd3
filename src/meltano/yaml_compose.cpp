#include "meltano/yaml_compose.h"

#include <map>
#include <memory>

#include <fmt/format.h>
#include <yaml.h>

#include "base/text.h"
#include "meltano/yaml_keys.h"
#include "meltano/yaml_tabs.h"

namespace cupola::meltano::yaml {
namespace {

constexpr std::size_t most_problems = 1000;

/// libyaml's event, released at the end.
struct Event {
  yaml_event_t raw{};
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&raw); }
};

struct Anchor {
  std::optional<Node> node;  // nothing while the anchored node is still being read
  std::size_t weight = 0;
  Mark mark;
};

std::string_view to_view(const yaml_char_t* text) {
  return text == nullptr ? std::string_view{} : reinterpret_cast<const char*>(text);
}

class Composer {
 public:
  Composer(std::string_view text, std::uint32_t file, const Limits& limits)
      : text_(text), file_(file), limits_(limits), tabs_(text, file) {
    // Only out of memory makes this fail; the events then say so.
    ready_ = yaml_parser_initialize(&parser_) == 1;
    if (!ready_) return;
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;
  ~Composer() {
    if (ready_) yaml_parser_delete(&parser_);
  }

  Composed run() {
    Composed result;
    result.root = document();
    result.stopped_at = over_limit_ ? 0 : stopped_at_;
    tabs_.finish();
    for (Problem& problem : tabs_.take()) problems_.push_back(std::move(problem));
    result.problems = std::move(problems_);
    return result;
  }

 private:
  Mark to_mark(const yaml_mark_t& mark) const {
    return {file_, static_cast<std::uint32_t>(mark.line + 1),
            static_cast<std::uint32_t>(mark.column + 1)};
  }

  void add(Mark mark, std::string message, std::string hint, bool form = false) {
    if (problems_.size() >= most_problems && !form) return;
    problems_.push_back({mark, std::move(message), std::move(hint), form});
  }

  /// Ends the reading: over a limit, nothing after it is looked at.
  void refuse(Mark mark, std::string message, std::string hint) {
    if (!stopped_) add(mark, std::move(message), std::move(hint));
    stopped_ = over_limit_ = true;
  }

  void stop(Mark mark, std::string message, std::string hint) {
    if (stopped_) return;
    add(mark, std::move(message), std::move(hint), true);
    stopped_ = true;
    stopped_at_ = mark.line;
  }

  bool next(Event& event) {
    if (stopped_ || !ready_) return false;
    if (yaml_parser_parse(&parser_, &event.raw) == 1) {
      tabs_.see(event.raw);
      return true;
    }
    const std::string_view what = to_view(reinterpret_cast<const yaml_char_t*>(parser_.problem));
    std::string message(what);
    if (parser_.error == YAML_READER_ERROR) {
      stop(mark_at_byte(parser_.problem_offset), "This is no text: " + message + ".",
           "Save the file as plain UTF-8 text.");
      return false;
    }
    if (parser_.context != nullptr) message += fmt::format(", {}", parser_.context);
    // A key without its ':' is noticed only on the line after it.
    const bool at_key = what.find("could not find expected ':'") != std::string_view::npos;
    const Mark mark = to_mark(at_key ? parser_.context_mark : parser_.problem_mark);
    stop(mark, "This is not YAML: " + message + ".", hint_for(message, line_at(mark.line)));
    return false;
  }

  Mark mark_at_byte(std::size_t offset) const {
    const std::string_view before = text_.substr(0, std::min(offset, text_.size()));
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    for (const char c : before) {
      ++column;
      if (c == '\n') {
        ++line;
        column = 1;
      }
    }
    return {file_, line, column};
  }

  std::string_view line_at(std::uint32_t number) const {
    std::string_view rest = text_;
    for (std::uint32_t line = 1; line < number; ++line) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos) return {};
      rest.remove_prefix(end + 1);
    }
    return rest.substr(0, rest.find('\n'));
  }

  std::optional<Node> document() {
    std::optional<Node> root;
    Event start;
    if (!next(start)) return root;
    for (bool first = true;; first = false) {
      Event event;
      if (!next(event) || event.raw.type == YAML_STREAM_END_EVENT) break;
      if (event.raw.type != YAML_DOCUMENT_START_EVENT) continue;
      if (!first) {
        stop(to_mark(event.raw.start_mark), "A second document starts here; there may be only one.",
             "Remove the line '---', or move what follows to a file of its own.");
        break;
      }
      Event content;
      if (!next(content)) break;
      root = node(content, 1);
      Event end;
      if (!next(end)) break;
    }
    if (stopped_) return std::nullopt;
    return root;
  }

  Node node(const Event& event, int depth) {
    Node result;
    result.mark = to_mark(event.raw.start_mark);
    if (event.raw.type == YAML_ALIAS_EVENT) return alias(event, result.mark);
    if (!count(1, result.mark)) return result;
    if (depth > limits_.depth) {
      refuse(result.mark, fmt::format("This nests deeper than {} levels.", limits_.depth),
             "Flatten the file.");
      return result;
    }
    const std::size_t before = nodes_;
    const std::string anchor = start_anchor(event, result.mark);
    check_tag(event, result.mark);
    if (event.raw.type == YAML_SCALAR_EVENT) {
      scalar(event, result);
    } else if (event.raw.type == YAML_SEQUENCE_START_EVENT) {
      sequence(result, depth);
    } else {
      mapping(result, depth);
    }
    if (!anchor.empty() && !stopped_ && count(nodes_ - before + 1, result.mark)) {
      Anchor& known = anchors_[anchor];
      known.weight = nodes_ - before;
      known.node = result;
    }
    return result;
  }

  bool count(std::size_t more, Mark mark) {
    nodes_ += more;
    if (nodes_ <= limits_.nodes) return true;
    refuse(mark,
           fmt::format("The file has more than {} values, counted with every alias expanded.",
                       limits_.nodes),
           "Write fewer values, or fewer aliases (*name) of large anchors (&name).");
    return false;
  }

  std::string start_anchor(const Event& event, Mark mark) {
    const yaml_char_t* name = nullptr;
    if (event.raw.type == YAML_SCALAR_EVENT) name = event.raw.data.scalar.anchor;
    if (event.raw.type == YAML_SEQUENCE_START_EVENT) name = event.raw.data.sequence_start.anchor;
    if (event.raw.type == YAML_MAPPING_START_EVENT) name = event.raw.data.mapping_start.anchor;
    if (name == nullptr) return {};
    anchors_[std::string(to_view(name))] = {.node = std::nullopt, .weight = 0, .mark = mark};
    return std::string(to_view(name));
  }

  Node alias(const Event& event, Mark mark) {
    const std::string name(to_view(event.raw.data.alias.anchor));
    Node result;
    result.mark = mark;
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      stop(mark,
           fmt::format("The alias {} stands for no anchor before it.", cupola::quoted("*" + name)),
           "Put the value in quotes if it is text (such as \"*.csv\"); else add the anchor &" +
               name + " before it.");
      return result;
    }
    if (!found->second.node) {
      refuse(mark,
             fmt::format("The alias {} stands inside its own anchor.", cupola::quoted("*" + name)),
             "A value cannot contain itself: remove the alias.");
      return result;
    }
    if (!count(found->second.weight + 1, mark)) return result;
    result = *found->second.node;
    result.mark = mark;
    return result;
  }

  void check_tag(const Event& event, Mark mark) {
    const yaml_char_t* tag = nullptr;
    if (event.raw.type == YAML_SCALAR_EVENT) tag = event.raw.data.scalar.tag;
    if (event.raw.type == YAML_SEQUENCE_START_EVENT) tag = event.raw.data.sequence_start.tag;
    if (event.raw.type == YAML_MAPPING_START_EVENT) tag = event.raw.data.mapping_start.tag;
    if (tag == nullptr || to_view(tag) == "!") return;
    add(mark, fmt::format("The tag {} is refused.", cupola::quoted(to_view(tag), 60)),
        "Remove the tag; put a value in quotes where it must be text.");
  }

  void scalar(const Event& event, Node& result) {
    const auto& raw = event.raw.data.scalar;
    const std::string_view value(reinterpret_cast<const char*>(raw.value), raw.length);
    if (raw.style != YAML_PLAIN_SCALAR_STYLE) {
      result.kind = Kind::text;
      result.text = value;
    } else if (const auto wrong = resolve_plain(result, value)) {
      add(result.mark,
          fmt::format("{} looks like a date, but no calendar has it.", cupola::quoted(*wrong)),
          "Correct the date, or put it in quotes.");
    }
  }

  void sequence(Node& result, int depth) {
    result.kind = Kind::sequence;
    for (;;) {
      Event event;
      if (!next(event) || event.raw.type == YAML_SEQUENCE_END_EVENT) return;
      result.items.push_back(node(event, depth + 1));
    }
  }

  void mapping(Node& result, int depth) {
    result.kind = Kind::mapping;
    std::map<std::string, std::uint32_t> known;  // where each key stands
    std::vector<Entry> merged;
    for (;;) {
      Event key_event;
      if (!next(key_event) || key_event.raw.type == YAML_MAPPING_END_EVENT) break;
      const bool plain = key_event.raw.type == YAML_SCALAR_EVENT &&
                         key_event.raw.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
      Entry entry;
      entry.key = node(key_event, depth + 1);
      Event value_event;
      if (!next(value_event)) break;
      entry.value = node(value_event, depth + 1);
      if (stopped_) break;
      if (plain && entry.key.is_text() && entry.key.text == "<<") {
        merge(entry, merged);
        continue;
      }
      if (entry.key.is_sequence() || entry.key.is_mapping()) {
        write_key(entry.key, entry.key.text);
      } else {
        const auto [first, added] = known.try_emplace(identity(entry.key), entry.key.mark.line);
        if (!added) {
          add(entry.key.mark,
              fmt::format("The key {} stands here twice (first on line {}).",
                          cupola::quoted(entry.key.text), first->second),
              "Remove one of the two, or put their values together.");
          continue;
        }
      }
      result.entries.push_back(std::move(entry));
    }
    // What a mapping says itself wins over what is merged into it.
    for (Entry& entry : merged) {
      const std::string id = identity(entry.key);
      if (id.empty() || known.try_emplace(id, 0).second) result.entries.push_back(std::move(entry));
    }
  }

  void merge(Entry& entry, std::vector<Entry>& merged) {
    std::vector<Node> sources;
    if (entry.value.is_sequence()) {
      sources = std::move(entry.value.items);
    } else {
      sources.push_back(std::move(entry.value));
    }
    for (Node& source : sources) {
      if (!source.is_mapping()) {
        add(source.mark, "'<<' merges mappings; this is " + in_words(source) + ".",
            "Give it an alias (*name) of a mapping.");
        continue;
      }
      for (Entry& inner : source.entries) merged.push_back(std::move(inner));
    }
  }

  std::string_view text_;
  std::uint32_t file_;
  const Limits& limits_;
  TabWatch tabs_;
  yaml_parser_t parser_{};
  bool ready_ = false;
  bool stopped_ = false;
  bool over_limit_ = false;
  std::uint32_t stopped_at_ = 0;
  std::size_t nodes_ = 0;
  std::map<std::string, Anchor> anchors_;
  std::vector<Problem> problems_;
};

}  // namespace

Composed compose(std::string_view text, std::uint32_t file, const Limits& limits) {
  return Composer(text, file, limits).run();
}

}  // namespace cupola::meltano::yaml
