#include "holdfast/cli/program.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/grid_node.h"
#include "holdfast/cli/version.h"

namespace holdfast::cli {
namespace {

constexpr unsigned kDiskThreads = 8;

constexpr const char* kFooter =
    "Exit codes: 0 done and proven; 1 failed for good; 2 usage; 3 interrupted, the same command goes on;\n"
    "4 too few servers or shares for now, the same command may succeed later.\n"
    "Starting the same put or get again is resuming it.";

std::string default_node() {
  if (const char* named = std::getenv("HOLDFAST_NODE")) return named;
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.holdfast";
}

/// A number with a unit, checked while parsing.
void add_byte_count(CLI::App* app, const std::string& name, std::optional<std::uint64_t>& out, const std::string& help) {
  app->add_option_function<std::string>(name, [&out](const std::string& text) {
    auto value = config::parse_byte_count(text);
    if (!value || *value == 0) throw CLI::ValidationError(value ? "a number above 0 is needed" : value.error().what);
    out = *value;
  }, help);
}

void add_transfer_options(CLI::App* app, std::string& progress, std::optional<std::uint64_t>& limit,
                          std::optional<std::uint64_t>& timeout) {
  app->add_option("--progress", progress, "How progress is shown: auto, bar, plain, json, none")
      ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}));
  add_byte_count(app, "--limit-rate", limit, "At most so many bytes per second, e.g. 256k");
  app->add_option_function<std::string>("--timeout", [&timeout](const std::string& text) {
    auto value = config::parse_duration_seconds(text);
    if (!value) throw CLI::ValidationError(value.error().what);
    timeout = *value;
  }, "Give up when no server answered for so long, e.g. 10min (default: keep trying)");
  app->add_flag_callback("--no-wait", [&timeout] { timeout = 0; }, "Do not wait for servers that are down");
}

}  // namespace

int run_program(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  World world;
  GlobalOptions options;
  options.node_directory = default_node();
  CLI::App app("Moves and keeps large files over links that drop: end-to-end encrypted, erasure-coded, resumable.", "holdfast");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("-d,--node", options.node_directory, "The node directory (HOLDFAST_NODE, ~/.holdfast)");
  app.add_flag("--json", options.json, "Reports as JSON on stdout");
  app.add_flag("-v,--verbose", options.verbose, "Log more to stderr");

  PutWishes put;
  CLI::App* put_app = app.add_subcommand("put", "Upload files; prints a cap for each");
  put_app->add_option("FILE", put.files, "Files to upload")->required();
  put_app->add_option("--k", put.k, "Shares needed to get the file back");
  put_app->add_option("--happy", put.happy, "Servers of happiness to reach");
  put_app->add_option("--n", put.n, "Shares made");
  put_app->add_option("--segment-size", put.segment_bytes, "Largest segment in bytes (changes the cap)");
  put_app->add_flag("--random-key", put.random_key, "A new key: the same file gets another cap each time");
  put_app->add_flag("--plan", put.plan, "Only say what would be sent and what is there already");
  add_transfer_options(put_app, put.progress, put.limit_rate, put.timeout_seconds);

  GetWishes get;
  CLI::App* get_app = app.add_subcommand("get", "Download a file; every byte is verified");
  get_app->add_option("CAP", get.cap, "What put printed")->required();
  get_app->add_option("-o,--output", get.output, "Where to (default: stdout); collects in FILE.part");
  get_app->add_option("--range", get.range, "Only bytes A-B, both inclusive");
  add_transfer_options(get_app, get.progress, get.limit_rate, get.timeout_seconds);

  GridWishes grid;
  CLI::App* grid_app = app.add_subcommand("grid", "A whole grid of storage servers in this process");
  grid_app->add_option("DIR", grid.directory, "Where it lives; started again it serves what is there")->required();
  grid_app->add_option("--servers", grid.servers, "How many")->check(CLI::Range(1, 256));
  grid_app->add_option("--bind", grid.host, "Address to listen on");

  std::string directory;
  CLI::App* run_app = app.add_subcommand("run", "Run the roles of a node directory");
  run_app->add_option("DIR", directory, "The node directory")->required();

  StorageNodeWishes storage_node;
  storage_node.nickname = "storage";
  CLI::App* node_app = app.add_subcommand("create-node", "Make a storage node directory; prints its NURL");
  node_app->add_option("DIR", directory, "The node directory")->required();
  bool storage_flag = true;
  node_app->add_flag("--storage", storage_flag, "A storage server (the only role yet)");
  node_app->add_option("--nickname", storage_node.nickname, "Its name");
  node_app->add_option("--bind", storage_node.host, "Address to listen on");
  node_app->add_option("--location", storage_node.location, "Host name or address by which others reach it");
  node_app->add_option("--port", storage_node.port, "Port (default: a free one, then fixed)");
  node_app->add_option("--reserve", storage_node.reserved_space, "Disk space to leave free");

  std::vector<std::string> nurls;
  CLI::App* client_app = app.add_subcommand("create-client", "Make a client node directory");
  client_app->add_option("DIR", directory, "The node directory")->required();
  client_app->add_option("--server", nurls, "A storage server's NURL; may be given many times")->required();

  CLI::App* status_app = app.add_subcommand("status", "Which servers answer");
  CLI::App* version_app = app.add_subcommand("version", "The version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kDone : kUsage;
  }
  if (version_app->parsed()) {
    std::printf("holdfast %s\n", kVersion);
    return kDone;
  }
  world.log = io::make_standard_log(options.verbose ? io::LogLevel::debug : io::LogLevel::warning);
  world.cpu = io::make_thread_pool(world.loop, std::max(2u, std::thread::hardware_concurrency()));
  world.disk = io::make_thread_pool(world.loop, kDiskThreads);
  const auto report = [](const auto& done) {
    if (!done) std::fprintf(stderr, "%s\n", describe(done.error()).c_str());
    return done ? kDone : kFailed;
  };
  if (node_app->parsed()) {
    const auto nurl = create_storage_node(world, directory, storage_node);
    if (nurl) std::printf("%s\n", nurl->c_str());
    return report(nurl);
  }
  if (client_app->parsed()) return report(create_client_node(world, directory, nurls));
  int code = kUsage;
  if (put_app->parsed()) code = run_task(world, run_put(world, options, std::move(put)));
  if (get_app->parsed()) code = run_task(world, run_get(world, options, std::move(get)));
  if (grid_app->parsed()) code = run_task(world, run_grid(world, std::move(grid)));
  if (run_app->parsed()) code = run_task(world, run_node(world, directory));
  if (status_app->parsed()) code = run_task(world, run_status(world, options));
  return code;
}

}  // namespace holdfast::cli
