#include <fmt/format.h>

#include "process/sandbox.h"

namespace cupola::process {
namespace {

Error malformed(std::string_view what) {
  return {Error::Kind::malformed, fmt::format("The sandbox's description has no valid {}.", what)};
}

std::string_view to_text(SandboxKind kind) {
  switch (kind) {
    case SandboxKind::root:
      return "root";
    case SandboxKind::user_namespace:
      return "user_namespace";
    case SandboxKind::none:
      break;
  }
  return "none";
}

}  // namespace

json::object to_json(const Sandbox& sandbox) {
  json::object object;
  object["wanted"] = sandbox.wanted;
  if (sandbox.uid) object["uid"] = *sandbox.uid;
  if (const auto& overlay = sandbox.overlay) {
    object["overlay"] = {{"lower", overlay->lower.string()},
                         {"upper", overlay->upper.string()},
                         {"work", overlay->work.string()},
                         {"to", overlay->to.string()}};
  }
  json::array binds;
  for (const auto& bind : sandbox.binds) {
    binds.push_back({{"from", bind.from.string()},
                     {"to", bind.to.string()},
                     {"writable", bind.writable},
                     {"as_own", bind.as_own}});
  }
  object["binds"] = std::move(binds);
  json::array links;
  for (const auto& link : sandbox.links) {
    links.push_back({{"target", link.target.string()}, {"at", link.at.string()}});
  }
  object["links"] = std::move(links);
  object["folder"] = sandbox.folder.string();
  object["network"] = sandbox.network;
  if (!sandbox.resolv_conf.empty()) object["resolv_conf"] = json_text(sandbox.resolv_conf);
  return object;
}

Result<Sandbox> parse_sandbox(const json::object& object) {
  Sandbox sandbox;
  sandbox.wanted = flag_at(object, "wanted", true);
  sandbox.network = flag_at(object, "network", true);
  sandbox.folder = text_at(object, "folder");
  sandbox.resolv_conf = text_at(object, "resolv_conf");
  if (object.contains("uid")) {
    const std::int64_t uid = number_at(object, "uid", -1);
    if (uid <= 0 || uid > 0xfffffffe) return malformed("uid (above 0)");
    sandbox.uid = static_cast<unsigned>(uid);
  }
  if (const json::value* value = object.if_contains("overlay")) {
    const json::object* overlay = value->if_object();
    if (overlay == nullptr) return malformed("overlay");
    sandbox.overlay = Overlay{.lower = text_at(*overlay, "lower"),
                              .upper = text_at(*overlay, "upper"),
                              .work = text_at(*overlay, "work"),
                              .to = text_at(*overlay, "to")};
    for (const auto& path : {sandbox.overlay->lower, sandbox.overlay->upper, sandbox.overlay->work,
                             sandbox.overlay->to}) {
      if (!path.is_absolute()) return malformed("overlay (absolute paths)");
    }
  }
  if (const json::value* value = object.if_contains("links")) {
    const json::array* links = value->if_array();
    if (links == nullptr) return malformed("list of links");
    for (const json::value& item : *links) {
      const json::object* link = item.if_object();
      if (link == nullptr) return malformed("link");
      sandbox.links.push_back({.target = text_at(*link, "target"), .at = text_at(*link, "at")});
      if (sandbox.links.back().target.empty() || !sandbox.links.back().at.is_absolute()) {
        return malformed("link");
      }
    }
  }
  if (const json::value* value = object.if_contains("binds")) {
    const json::array* binds = value->if_array();
    if (binds == nullptr) return malformed("list of binds");
    for (const json::value& item : *binds) {
      const json::object* bind = item.if_object();
      if (bind == nullptr) return malformed("bind");
      sandbox.binds.push_back({.from = text_at(*bind, "from"),
                               .to = text_at(*bind, "to"),
                               .writable = flag_at(*bind, "writable"),
                               .as_own = flag_at(*bind, "as_own")});
      if (!sandbox.binds.back().from.is_absolute() || !sandbox.binds.back().to.is_absolute()) {
        return malformed("bind (absolute paths)");
      }
    }
  }
  return sandbox;
}

json::object to_json(const Support& support) {
  return {{"kind", to_text(support.kind)},
          {"overlay", support.overlay},
          {"text", json_text(support.text)}};
}

Result<Support> parse_support(const json::object& object) {
  Support support{.overlay = flag_at(object, "overlay"), .text = text_at(object, "text")};
  const std::string kind = text_at(object, "kind");
  for (const auto known : {SandboxKind::root, SandboxKind::user_namespace, SandboxKind::none}) {
    if (kind == to_text(known)) {
      support.kind = known;
      return support;
    }
  }
  return malformed("kind of support");
}

}  // namespace cupola::process
