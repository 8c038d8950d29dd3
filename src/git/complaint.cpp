#include "git/complaint.h"

#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "git/address.h"
#include "git/ssh_key.h"

namespace cupola::git {
namespace {

struct Sign {
  std::string_view words;  // in lower case
  Complaint complaint;
};

// In this order: the first that stands in git's words decides.
constexpr Sign signs[] = {
    {"no space left on device", Complaint::disk_full},
    {"disk quota exceeded", Complaint::disk_full},
    {"file too large", Complaint::too_large},
    {"file size limit exceeded", Complaint::too_large},
    {"died of signal 25", Complaint::too_large},
    {"dubious ownership", Complaint::ownership},
    {"couldn't find remote ref", Complaint::missing_revision},
    {"not our ref", Complaint::missing_revision},
    {"no such remote ref", Complaint::missing_revision},
    {"does not allow request for unadvertised object", Complaint::missing_revision},
    {"host key verification failed", Complaint::host_key},
    {"remote host identification has changed", Complaint::host_key},
    {"ssl certificate problem", Complaint::certificate},
    {"server certificate verification failed", Complaint::certificate},
    {"certificate subject name", Complaint::certificate},
    {"no alternative certificate subject name", Complaint::certificate},
    {"error setting certificate", Complaint::certificate},
    {"could not resolve host", Complaint::network},
    {"could not resolve proxy", Complaint::network},
    {"could not resolve hostname", Complaint::network},
    {"name or service not known", Complaint::network},
    {"temporary failure in name resolution", Complaint::network},
    {"failed to connect", Complaint::network},
    {"couldn't connect to server", Complaint::network},
    {"connection refused", Complaint::network},
    {"connection timed out", Complaint::network},
    {"operation timed out", Complaint::network},
    {"network is unreachable", Complaint::network},
    {"no route to host", Complaint::network},
    {"connection reset", Complaint::network},
    {"connect aborted", Complaint::network},
    {"proxy connect", Complaint::network},
    {"operation too slow", Complaint::network},
    {"connect tunnel failed", Complaint::network},
    {"returned error: 30", Complaint::redirect},
    {"unable to update url base from redirection", Complaint::redirect},
    {"returned error: 404", Complaint::missing_repository},
    {"repository not found", Complaint::missing_repository},
    {"does not appear to be a git repository", Complaint::missing_repository},
    {"' not found", Complaint::missing_repository},
    {"project you were looking for could not be found", Complaint::missing_repository},
    {"does not exist", Complaint::missing_repository},
    {"not valid: is this a git repository", Complaint::missing_repository},
    {"authentication failed", Complaint::no_rights},
    {"could not read username", Complaint::no_rights},
    {"could not read password", Complaint::no_rights},
    {"terminal prompts disabled", Complaint::no_rights},
    {"returned error: 401", Complaint::no_rights},
    {"returned error: 403", Complaint::no_rights},
    {"permission denied", Complaint::no_rights},
    {"access denied", Complaint::no_rights},
    {"returned error: 5", Complaint::network},
    {"connection closed", Complaint::network},
    {"unexpected disconnect", Complaint::network},
    {"hung up unexpectedly", Complaint::network},
};

std::string_view without_prefix(std::string_view line) {
  for (const std::string_view prefix : {"fatal: ", "error: ", "remote: ", "ERROR: "}) {
    if (line.starts_with(prefix)) return without_prefix(line.substr(prefix.size()));
  }
  return trim(line);
}

bool is_advice(std::string_view line) {
  return line.empty() || line.starts_with('@') || line.starts_with("warning:") ||
         line.starts_with("hint:") || line.starts_with("Please make sure") ||
         line.starts_with("and the repository exists") ||
         line.starts_with("Could not read from remote repository") ||
         line.starts_with("Warning: Permanently added");
}

constexpr const char* name_of_key = "GIT_SSH_PRIVATE_KEY";

/// Why a host that is asked over ssh lets nobody in.
Error no_rights_over_ssh(const std::string& shown, const std::string& said, const Access& access) {
  const auto error = [](std::string message, std::string hint) {
    return Error{Error::Kind::forbidden, std::move(message), std::move(hint)};
  };
  if (access.ssh_key.empty()) {
    return error(
        fmt::format("The repository {} does not let this server read it, and the project has no "
                    "key of its own.{}",
                    shown, said),
        fmt::format("Store a private key as the secret {} of the project, and give its public half "
                    "to the repository, as a deploy key. The operator may put one for all projects "
                    "into the server's home folder: ssh/id_*.",
                    name_of_key));
  }
  switch (fault_of(access.ssh_key)) {
    case KeyFault::passphrase:
      return error(fmt::format("The key in {} has a passphrase, so the repository {} cannot be "
                               "read with it.{}",
                               name_of_key, shown, said),
                   "Store one without: `ssh-keygen -p -N '' -f COPY` takes it off a copy of the "
                   "key.");
    case KeyFault::public_half:
      return error(fmt::format("{} holds a public key, so the repository {} cannot be read with "
                               "it.{}",
                               name_of_key, shown, said),
                   "Store the private one, whose file has the same name without .pub.");
    case KeyFault::no_key:
      return error(fmt::format("{} holds no private key, so the repository {} cannot be read with "
                               "it.{}",
                               name_of_key, shown, said),
                   "Store the whole file as ssh-keygen wrote it, with its first and last line and "
                   "all line breaks.");
    case KeyFault::none:
      break;
  }
  return error(
      fmt::format("The repository {} does not accept the key in {}.{}", shown, name_of_key, said),
      "Give the repository the public half of this key, as a deploy key (`ssh-keygen -y "
      "-f KEY` shows it), or store one that it accepts.");
}

/// The first line that begins so, or nothing.
std::string line_of(std::string_view words, std::string_view beginning) {
  for (const std::string_view raw : split(words, '\n')) {
    const std::string_view line = trim(raw);
    if (line.starts_with(beginning)) return printable(line.substr(0, 300));
  }
  return "";
}

Error another_host_key(const std::string& shown, const std::string& said, std::string_view words) {
  std::string now = line_of(words, "SHA256:");
  if (now.ends_with('.')) now.pop_back();
  const std::string command = line_of(words, "ssh-keygen -f");
  return {Error::Kind::unavailable,
          fmt::format("The host of {} shows another key{} than the one that was remembered.{}",
                      shown, now.empty() ? "" : fmt::format(" ({})", now), said),
          fmt::format("If its owner says that this key is right, take the old one from "
                      "ssh/known_hosts in the server's home folder{}; else someone may stand in "
                      "between.",
                      command.empty() ? "" : fmt::format(" with `{}`", command))};
}

}  // namespace

Complaint classify(std::string_view words) {
  const std::string text = to_lower(words);
  for (const Sign& sign : signs) {
    if (text.find(sign.words) != std::string::npos) return sign.complaint;
  }
  return Complaint::other;
}

std::string main_line(std::string_view words) {
  std::string last;
  for (const std::string_view raw : split(words, '\n')) {
    const std::string_view line = without_prefix(trim(raw));
    if (!is_advice(line)) last = std::string(line);
    // Where a complaint stands in several lines, the one that is known tells most.
    if (!is_advice(line) && classify(line) != Complaint::other) break;
  }
  if (last.size() > 300) last.resize(300);
  return printable(without_credentials(last));
}

Error to_error(Complaint complaint, std::string_view url, std::string_view words,
               const Access& access) {
  const std::string shown = cupola::quoted(without_credentials(url));
  const std::string line = main_line(words);
  const std::string said = line.empty() ? "" : fmt::format(" (git: {})", line);
  switch (complaint) {
    case Complaint::missing_repository:
      return {Error::Kind::not_found,
              fmt::format("There is no git repository at {}.{}", shown, said),
              fmt::format("Check the address for spelling. Where the repository is private, hosts "
                          "answer the same: then store a {} that may read it as the secret {} of "
                          "the project.",
                          is_ssh(url) ? "private key" : "token",
                          is_ssh(url) ? name_of_key : "GIT_TOKEN")};
    case Complaint::no_rights:
      if (is_ssh(url)) return no_rights_over_ssh(shown, said, access);
      return {Error::Kind::forbidden,
              fmt::format("The repository {} does not let this server read it.{}", shown, said),
              "Store a token that may read it as the secret GIT_TOKEN of the project (and its user "
              "as GIT_USERNAME, where the host wants one)."};
    case Complaint::host_key:
      return another_host_key(shown, said, words);
    case Complaint::certificate:
      return {Error::Kind::unavailable,
              fmt::format("The certificate of the host of {} is not trusted.{}", shown, said),
              "Where the host has a certificate of your own authority, start the server with "
              "SSL_CERT_FILE or GIT_SSL_CAINFO naming its file."};
    case Complaint::redirect:
      return {Error::Kind::invalid,
              fmt::format("The host of {} sends on to another address, and redirects are not "
                          "followed.{}",
                          shown, said),
              "Use the address that it sends on to; often that is the same with .git at its end."};
    case Complaint::network:
      return {Error::Kind::unavailable,
              fmt::format("The host of {} could not be reached.{}", shown, said),
              "Check the host's name and this server's network; behind a proxy, start the server "
              "with HTTPS_PROXY set. It is safe to try again."};
    case Complaint::missing_revision:
      return {Error::Kind::not_found, fmt::format("{} has no such revision.{}", shown, said),
              "Give the name of a branch or tag, or the 40 digits of a commit."};
    case Complaint::ownership:
      return {Error::Kind::forbidden,
              fmt::format("The folder of {} belongs to another user, so git does not read it.{}",
                          shown, said),
              "Give the folder to the user that the server runs as, or use a copy that it owns."};
    case Complaint::disk_full:
      return {Error::Kind::unavailable,
              fmt::format("The disk was full while {} was fetched or checked out.{}", shown, said),
              "Make room on the disk that holds the server's home folder, then try again."};
    case Complaint::too_large:
      return {Error::Kind::too_large,
              fmt::format("The repository {} is larger than this server accepts.{}", shown, said),
              "Remove large files from the repository's newest commit."};
    case Complaint::other:
      break;
  }
  return {Error::Kind::unavailable, fmt::format("git could not read {}.{}", shown, said),
          "Try the same address with `git ls-remote` on the server's machine."};
}

}  // namespace cupola::git
