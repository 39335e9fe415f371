// A misspelt command is named; the parser itself would say that one is required.
#include <algorithm>
#include <string_view>

#include "holdfast/cli/command_line.h"

namespace holdfast::cli {
namespace {

/// Of options before a command only -d has its value in the next word.
bool takes_next_word(std::string_view option) {
  if (option.starts_with("--")) return option == "--node";
  return option.find('d') == option.size() - 1;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

}  // namespace

std::optional<std::string> unknown_command(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<const CLI::App*> commands = commands_of(app);
  for (int i = 1; i < argc && !commands.empty(); ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return std::nullopt;
    if (word.starts_with('-')) {
      if (takes_next_word(word)) ++i;
      continue;
    }
    const auto named = [&](const CLI::App* each) { return each->get_name() == word; };
    const auto found = std::ranges::find_if(commands, named);
    if (found == commands.end()) return std::string(word);
    commands = commands_of(**found);
  }
  return std::nullopt;
}

}  // namespace holdfast::cli
