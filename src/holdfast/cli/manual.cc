// The manual page and the completion scripts, made from the definition of the command line.
#include <fmt/format.h>

#include "holdfast/cli/command_line.h"
#include "holdfast/cli/version.h"

namespace holdfast::cli {
namespace {

/// Text for man(7): a backslash, and a dot or quote at the begin of a line, mean something there.
std::string roff(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool line_begin = out.empty() || out.back() == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      if (line_begin && (c == '.' || c == '\'')) out += "\\&";
      out += c;
    }
  }
  return out;
}

std::string flags_of(const CLI::Option& option) {
  std::string out;
  for (const std::string& name : option.get_snames()) out += (out.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) out += (out.empty() ? "--" : ", --") + name;
  if (out.empty()) out = option.get_single_name();
  return out;
}

std::string usage_of(const CLI::App& app) {
  std::string out = "holdfast";
  std::string path;
  for (const CLI::App* each = &app; each->get_parent() != nullptr; each = each->get_parent())
    path.insert(0, " " + each->get_name());
  out += path;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    out += option->get_required() ? " " + option->get_single_name() : " [" + option->get_single_name() + "]";
  }
  return out;
}

void append_options(const CLI::App& app, std::string& out) {
  for (const CLI::Option* option : app.get_options()) {
    out += ".TP\n\\fB" + roff(flags_of(*option)) + "\\fR";
    if (!option->get_positional() && option->get_items_expected_max() > 0 && !option->get_type_name().empty()) {
      out += " \\fI" + roff(option->get_type_name()) + "\\fR";
    }
    out += "\n" + roff(option->get_description()) + ".\n";
  }
}

std::vector<const CLI::App*> commands_below(const CLI::App& app) {
  std::vector<const CLI::App*> out;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::vector<const CLI::App*> inner = commands_below(*each);
    if (inner.empty()) {
      out.push_back(each);
    } else {
      out.insert(out.end(), inner.begin(), inner.end());
    }
  }
  return out;
}

std::string words_of(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) out += (out.empty() ? "--" : " --") + name;
  }
  return out;
}

std::string names_below(const CLI::App& app) {
  std::string out;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    out += (out.empty() ? "" : " ") + each->get_name();
  }
  return out;
}

std::string bash_script(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string inner = names_below(*each);
    cases += fmt::format("    {}) words=\"{}{}{}\" ;;\n", each->get_name(), inner, inner.empty() ? "" : " ",
                         words_of(*each));
  }
  return fmt::format(
      "_holdfast() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" command=\"\" previous=\"\" word words\n"
      "  for word in \"${{COMP_WORDS[@]:1:COMP_CWORD-1}}\"; do\n"
      "    case \"$previous\" in -d|--node) previous=\"\"; continue ;; esac\n"
      "    case \"$word\" in -*) previous=\"$word\" ;; *) command=\"$word\"; break ;; esac\n"
      "  done\n"
      "  case \"$command\" in\n{}    *) words=\"{} {}\" ;;\n  esac\n"
      "  case \"$current\" in -*) words=\"$words {}\" ;; esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}}\n"
      "complete -o default -F _holdfast holdfast\n",
      cases, names_below(app), words_of(app), words_of(app));
}

/// In single quotes, for fish.
std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_script(const CLI::App& app) {
  std::string out;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    out += fmt::format("complete -c holdfast -n __fish_use_subcommand -a {} -d {}\n", each->get_name(),
                       fish_quoted(each->get_description()));
    for (const CLI::Option* option : each->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        out += fmt::format("complete -c holdfast -n '__fish_seen_subcommand_from {}' -l {} -d {}\n", each->get_name(),
                           name, fish_quoted(option->get_description()));
      }
    }
  }
  return out;
}

}  // namespace

std::string manual_page(const CLI::App& app) {
  std::string out = fmt::format(".TH HOLDFAST 1 \"\" \"holdfast {}\" \"User Commands\"\n", kVersion);
  out += ".SH NAME\nholdfast \\- " + roff("files on servers nobody has to trust, over links that drop") + "\n";
  out += ".SH SYNOPSIS\n.B holdfast\n[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]\n";
  out += ".SH DESCRIPTION\n" + roff(app.get_description()) + "\n.SH OPTIONS\n";
  append_options(app, out);
  out += ".SH COMMANDS\n";
  for (const CLI::App* command : commands_below(app)) {
    out += ".SS " + roff(usage_of(*command)) + "\n" + roff(command->get_description()) + ".\n";
    append_options(*command, out);
  }
  out += ".SH NOTES\n.nf\n" + roff(app.get_footer()) + "\n.fi\n";
  return out;
}

Result<std::string> completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash_script(app);
  if (shell == "zsh") return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script(app);
  if (shell == "fish") return fish_script(app);
  return fail(Errc::malformed, "completion is there for bash, zsh and fish");
}

}  // namespace holdfast::cli
