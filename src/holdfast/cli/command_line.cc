#include "holdfast/cli/command_line.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "holdfast/cli/version.h"

namespace holdfast::cli {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done and proven; 1 failed for good, or checked and not healthy; 2 usage; 3 interrupted, the same\n"
    "command goes on; 4 too few servers or shares for now, the same command may succeed later.\n"
    "Starting the same put or get again is resuming it.";

/// What is set to nothing is not set: a node at "" would be the root of the file system.
std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// Nothing: this user has no home. Never the working directory, where a node with its secrets would be left behind.
std::string default_node() {
  if (std::string named = from_environment("HOLDFAST_NODE"); !named.empty()) return named;
  std::string home = from_environment("HOME");
  if (home.empty()) {
    const passwd* user = ::getpwuid(::getuid());
    if (user != nullptr && user->pw_dir != nullptr) home = user->pw_dir;
  }
  return home.empty() ? home : home + "/.holdfast";
}

CLI::Validator not_empty() {
  return CLI::Validator(
      [](const std::string& text) { return text.empty() ? std::string("an empty name") : std::string(); }, "");
}

/// A number with a unit, checked while parsing.
template <class Out>  // a std::uint64_t, or one that may be missing
void add_byte_count(CLI::App* app, const std::string& name, Out& out, const std::string& help) {
  app->add_option_function<std::string>(
         name,
         [&out, name](const std::string& text) {
           auto value = config::parse_byte_count(text);
           if (!value || *value == 0)
             throw CLI::ValidationError(name, value ? "a number above 0 is needed" : value.error().what);
           out = *value;
         },
         help)
      ->type_name("SIZE");
}

void add_progress(CLI::App* app, std::string& progress) {
  app->add_option("--progress", progress, "How progress is shown")
      ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
      ->capture_default_str();
}

void add_patience(CLI::App* app, std::optional<std::uint64_t>& timeout) {
  app->add_option_function<std::string>(
         "--timeout",
         [&timeout](const std::string& text) {
           auto value = config::parse_duration_seconds(text);
           if (!value) throw CLI::ValidationError("--timeout", value.error().what);
           timeout = *value;
         },
         "Give up when no server answered for so long, e.g. 10min (default: keep trying)")
      ->type_name("TIME");
  app->add_flag_callback(
      "--no-wait", [&timeout] { timeout = 0; }, "Do not wait for servers that are down");
}

void add_line(CLI::App* app, LineWishes& line) {
  add_progress(app, line.progress);
  add_byte_count(app, "--limit-rate", line.limit_rate, "At most so many bytes per second, e.g. 256k");
  app->add_option_function<std::string>(
         "--window",
         [&line](const std::string& text) {
           auto value = transfer::parse_daily_window(text);
           if (!value) throw CLI::ValidationError("--window", value.error().what);
           line.window = *value;
         },
         "Only at this time of each day, e.g. 01:00-05:00 (local time): waits for it, "
         "stops at its end, goes on the next day")
      ->type_name("FROM-TO");
  add_patience(app, line.timeout_seconds);
}

}  // namespace

CommandLine::CommandLine()
    : app("Moves and keeps large files over links that drop: end-to-end encrypted, erasure-coded, resumable.",
          "holdfast") {
  options.node_directory = default_node();
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-d,--node", options.node_directory, "The node directory (HOLDFAST_NODE, ~/.holdfast)")
      ->check(not_empty())
      ->type_name("DIR");
  app.add_flag("--json", options.json, "Reports as JSON on stdout");
  app.add_flag("-v,--verbose", options.verbose, "Log more to stderr");
  app.set_version_flag("--version", std::string("holdfast ") + kVersion, "The version");
  define_put();
  define_get();
  define_transfers();
  define_check();
  define_nodes();
  define_helper();
  define_tools();
}

void CommandLine::define_put() {
  put_app = app.add_subcommand("put", "Upload files; prints a cap for each");
  put_app->add_option("FILE", put.files, "Files to upload; - is the standard input")->required()->type_name("");
  const CLI::Range shares(1, 256);
  put_app->add_option("--k", put.k, "Shares needed to get the file back")->check(shares)->type_name("NUMBER");
  put_app->add_option("--happy", put.happy, "Servers of happiness to reach")->check(shares)->type_name("NUMBER");
  put_app->add_option("--n", put.n, "Shares made")->check(shares)->type_name("NUMBER");
  add_byte_count(put_app, "--segment-size", put.segment_bytes, "Largest segment, e.g. 1MiB (changes the cap)");
  put_app
      ->add_option("--helper", put.helper,
                   "Through an upload helper: auto (one of the node directory, if it will do), a NURL, or none")
      ->capture_default_str()
      ->type_name("WHICH");
  put_app
      ->add_option(
          "--prove", put.prove,
          "What a helper made of the file: full (encode it here too and compare), or sample (for a weak machine: the "
          "hashes of the ciphertext, and one segment in every share)")
      ->check(CLI::IsMember({"full", "sample"}));
  put_app->add_flag("--random-key", put.random_key, "A new key: the same file gets another cap each time");
  put_app->add_flag("--plan", put.plan, "Only say what would be sent and what is there already");
  add_line(put_app, put.line);
}

void CommandLine::define_get() {
  get_app = app.add_subcommand("get", "Download a file; every byte is verified");
  get_app->add_option("CAP", get.cap, "What put printed")->required()->type_name("");
  get_app->add_option("-o,--output", get.output, "Where to (default: stdout); collects in FILE.part")
      ->check(not_empty())
      ->type_name("FILE");
  get_app->add_option("--range", get.range, "Only bytes A-B, both inclusive; A- from A on, -N the last N")
      ->type_name("A-B");
  add_line(get_app, get.line);
}

void CommandLine::define_transfers() {
  transfers_app = app.add_subcommand("transfers", "Uploads that are not finished: list, resume, cancel, clean");
  transfers_app
      ->add_option("ACTION", transfers.action, "list, resume, cancel, or clean (forget those whose file is gone)")
      ->check(CLI::IsMember({"list", "resume", "cancel", "clean"}))
      ->capture_default_str()
      ->type_name("");
  transfers_app->add_option("ID", transfers.ids, "Which ones, as list shows them (resume: default all)")->type_name("");
  transfers_app->add_option("--prove", transfers.prove, "resume: full or sample, instead of what the upload began with")
      ->check(CLI::IsMember({"full", "sample"}));
  add_line(transfers_app, transfers.line);
}

void CommandLine::define_check() {
  check_app = app.add_subcommand("check", "Ask all servers which shares of a file they have");
  verify_app = app.add_subcommand("verify", "Download all shares and prove every byte of them");
  repair_app = app.add_subcommand("repair", "Make missing shares again from those that are left");
  for (CLI::App* each : {check_app, verify_app, repair_app}) {
    each->add_option("CAP", check.cap, "A read cap or a verify cap")->required()->type_name("");
    each->add_flag("--add-lease", check.add_lease, "Renew our lease on every share found");
    add_progress(each, check.progress);
    add_patience(each, check.timeout_seconds);
  }
  repair_app->add_flag("--verify", check.verify, "Prove every share first, and replace corrupt ones too");
}

void CommandLine::define_nodes() {
  const CLI::Range ports(0, 65'535);
  status_app = app.add_subcommand("status", "Which servers answer");
  grid_app = app.add_subcommand("grid", "A whole grid of storage servers in this process");
  grid_app->add_option("DIR", grid.directory, "Where it lives; started again it serves what is there")
      ->required()
      ->check(not_empty())
      ->type_name("");
  grid_app->add_option("--servers", grid.servers, "How many")
      ->check(CLI::Range(1, 256))
      ->type_name("NUMBER")
      ->capture_default_str();
  grid_app->add_option("--bind", grid.host, "Address to listen on")->type_name("ADDRESS")->capture_default_str();
  grid_app
      ->add_option("--gateway-port", grid.gateway_port,
                   "A web gateway too, on 127.0.0.1 (0: any free port, then fixed)")
      ->check(ports)
      ->type_name("PORT");
  run_app = app.add_subcommand("run", "Run the roles of a node directory");
  run_app->add_option("DIR", directory, "The node directory")->required()->check(not_empty())->type_name("");

  create_node_app = app.add_subcommand(
      "create-node", "Make a node directory; prints the NURL of its server or helper, the URL of its gateway");
  create_node_app->add_option("DIR", directory, "The node directory")->required()->check(not_empty())->type_name("");
  create_node_app->add_flag("--storage", storage_role, "A storage server (the role when none is named)");
  create_node_app->add_flag("--helper", helper_role, "An upload helper; it wants --server for each storage server");
  create_node_app->add_flag("--gateway", gateway_role, "A web gateway, on 127.0.0.1");
  create_node_app
      ->add_option("--gateway-port", gateway_node.port,
                   "Its port (default: web.port of tahoe.cfg, or a free one, then fixed)")
      ->check(ports)
      ->type_name("PORT");
  create_node_app
      ->add_option("--server", nurls, "A storage server's NURL, for helper and gateway; may be given many times")
      ->type_name("NURL");
  storage_node.nickname = "storage";
  create_node_app->add_option("--nickname", storage_node.nickname, "Its name")
      ->type_name("NAME")
      ->capture_default_str();
  create_node_app->add_option("--bind", storage_node.host, "Address to listen on")->type_name("ADDRESS");
  create_node_app->add_option("--location", storage_node.location, "Host name or address by which others reach it")
      ->type_name("HOST");
  create_node_app->add_option("--port", storage_node.port, "Port (default: a free one, then fixed)")
      ->check(ports)
      ->type_name("PORT");
  create_node_app->add_option("--reserve", storage_node.reserved_space, "Disk space to leave free")->type_name("SIZE");

  create_client_app = app.add_subcommand("create-client", "Make a client node directory");
  create_client_app->add_option("DIR", directory, "The node directory")->required()->check(not_empty())->type_name("");
  create_client_app->add_option("--server", nurls, "A storage server's NURL; may be given many times")
      ->required()
      ->type_name("NURL");
  create_client_app
      ->add_option("--helper", helper_nurls, "An upload helper's NURL; may be given many times, the favourite first")
      ->type_name("NURL");
  create_client_app->add_flag(
      "--replace", replace, "Forget servers that the node knew and that are not named; helpers too, when one is named");
}

void CommandLine::define_helper() {
  CLI::App* helper_app = app.add_subcommand("helper", "For operators of an upload helper; -d names its node directory");
  helper_app->require_subcommand(1);
  helper_uploads_app = helper_app->add_subcommand("uploads", "What it is doing: list; and retry or drop one");
  helper_uploads_app->add_option("ACTION", uploads.action, "list, retry (now), or drop (for good)")
      ->check(CLI::IsMember({"list", "retry", "drop"}))
      ->capture_default_str()
      ->type_name("");
  helper_uploads_app->add_option("ID", uploads.ids, "Which ones, as list shows them")->type_name("");
}

void CommandLine::define_tools() {
  CLI::App* doctor_app = app.add_subcommand("doctor", "Find out why something does not work");
  doctor_app->require_subcommand(1);
  doctor_upload_app = doctor_app->add_subcommand(
      "upload",
      "Do uploads to a gateway go on after a cut, with what stands in front of it? Sends 4 MiB and breaks off");
  doctor_upload_app->add_option("URL", doctor.url, "The gateway as its clients see it: https://files.example.org/")
      ->required()
      ->type_name("");
  doctor_upload_app->add_option("--token-file", doctor.token_file, "A file with its access token")->type_name("FILE");
  CLI::App* debug_app = app.add_subcommand("debug", "Look into shares and caps");
  debug_app->require_subcommand(1);
  debug_share_app = debug_app->add_subcommand("share", "Dump a share file of a storage server and audit it");
  debug_share_app->add_option("FILE", argument, "The file, below storage/shares")->required()->type_name("");
  debug_cap_app = debug_app->add_subcommand("cap", "Say what a cap is");
  debug_cap_app->add_option("CAP", argument, "Any cap")->required()->type_name("");
  completion_app = app.add_subcommand("completion", "Print a completion script: source <(holdfast completion bash)");
  completion_app->add_option("SHELL", argument, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("");
  man_app = app.add_subcommand("man", "Print the manual page: holdfast man | man -l -");
  version_app = app.add_subcommand("version", "The version");
}

}  // namespace holdfast::cli
