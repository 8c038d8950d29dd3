#include <fmt/format.h>

#include "cli/command.h"
#include "cli/complete.h"
#include "cli/terminal.h"

namespace cupola::cli {
namespace {

// Each script asks the program itself, so that it never lags behind it.

constexpr std::string_view bash_script =
    R"script(# cupola's completion for bash: eval "$(cupola completion bash)"
_cupola() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
    COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
  fi
}
complete -F _cupola cupola
)script";

constexpr std::string_view zsh_script = R"script(#compdef cupola
# cupola's completion for zsh: source <(cupola completion zsh)
_cupola() {
  local -a found
  found=(${(f)"$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( ${#found} )); then
    compadd -a found
  else
    _files
  fi
}
(( $+functions[compdef] )) && compdef _cupola cupola
)script";

constexpr std::string_view fish_script =
    R"script(# cupola's completion for fish: cupola completion fish | source
function __cupola_complete
  set -l words (commandline -opc) (commandline -ct)
  $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c cupola -a '(__cupola_complete)'
)script";

struct ScriptOptions {
  std::string shell;
};
struct WordOptions {
  std::vector<std::string> words;
  const CLI::App* root = nullptr;
};

Result<int> print_script(const Context&, const ScriptOptions& options) {
  print(options.shell == "bash" ? bash_script : options.shell == "zsh" ? zsh_script : fish_script);
  return 0;
}

Result<int> print_words(const Context&, const WordOptions& options) {
  std::string text;
  for (const auto& word : complete(*options.root, options.words)) text += word + "\n";
  print(text);
  return 0;
}

}  // namespace

void add_completion_commands(CLI::App& root, Context& context) {
  auto* completion =
      root.add_subcommand("completion", "A script that completes commands in your shell");
  auto options = std::make_shared<ScriptOptions>();
  completion->add_option("shell", options->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  completion->footer(
      "bash: eval \"$(cupola completion bash)\" in ~/.bashrc\n"
      "zsh:  source <(cupola completion zsh) in ~/.zshrc\n"
      "fish: cupola completion fish | source in ~/.config/fish/config.fish");
  set_work(completion, context, options, print_script);

  auto* words = root.add_subcommand("__complete", "What could stand next")->group("");
  auto word_options = std::make_shared<WordOptions>();
  word_options->root = &root;
  words->add_option("words", word_options->words, "Words after the program's name");
  set_work(words, context, word_options, print_words);
}

}  // namespace cupola::cli
