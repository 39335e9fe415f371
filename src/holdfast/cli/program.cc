#include "holdfast/cli/program.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>

#include "holdfast/cli/command_line.h"
#include "holdfast/cli/drawn_line.h"
#include "holdfast/cli/grid_node.h"
#include "holdfast/cli/say.h"
#include "holdfast/cli/version.h"

namespace holdfast::cli {
namespace {

constexpr unsigned kDiskThreads = 32;

int print(const Result<std::string>& text) {
  if (!text) {
    say(stderr, "{}\n", describe(text.error()));
    return kFailed;
  }
  write_text(stdout, *text);
  return kDone;
}

/// All roles asked for, each in its turn; none said: a storage server.
int create_node(World& world, const CommandLine& line) {
  const auto as_line = [](const std::string& text) { return text + "\n"; };
  const bool stores = line.storage_role || (!line.helper_role && !line.gateway_role);
  int code = kDone;
  if (stores) code = print(create_storage_node(world, line.directory, line.storage_node).map(as_line));
  if (line.helper_role && code == kDone) {
    const HelperNodeWishes wishes{line.storage_node.host, line.storage_node.location,
                                  stores ? std::uint16_t{0} : line.storage_node.port, line.nurls};
    code = print(create_helper_node(world, line.directory, wishes).map(as_line));
  }
  if (line.gateway_role && code == kDone) {
    GatewayNodeWishes wishes = line.gateway_node;
    wishes.nurls = line.nurls;
    code = print(create_gateway_node(world, line.directory, wishes).map(as_line));
  }
  return code;
}

/// The commands that work for the node of -d.
bool wants_node(const CommandLine& line) {
  const CLI::App* const all[] = {line.put_app,    line.get_app,       line.check_app,  line.verify_app,
                                 line.repair_app, line.transfers_app, line.status_app, line.helper_uploads_app};
  return std::ranges::any_of(all, [](const CLI::App* each) { return each->parsed(); });
}

int run(int argc, char** argv) {
  World world;
  CommandLine line;
  if (const auto unknown = unknown_command(line.app, argc, argv)) {
    say(stderr, "holdfast: there is no command \"{}\"; `holdfast --help` names them all\n", *unknown);
    return kUsage;
  }
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return line.app.exit(e) == 0 ? kDone : kUsage;
  }
  if (line.version_app->parsed()) return print(std::string("holdfast ") + kVersion + "\n");
  if (line.man_app->parsed()) return print(manual_page(line.app));
  if (line.completion_app->parsed()) return print(completion_script(line.app, line.argument));
  if (line.options.node_directory.empty() && wants_node(line)) {
    say(stderr, "holdfast: there is no home directory to have a node in; name one with -d DIR or HOLDFAST_NODE\n");
    return kUsage;
  }
  world.log =
      wiping_drawn_line(io::make_standard_log(line.options.verbose ? io::LogLevel::debug : io::LogLevel::warning));
  world.cpu = io::make_thread_pool(world.loop, std::max(2u, std::thread::hardware_concurrency()));
  world.disk = io::make_thread_pool(world.loop, kDiskThreads);
  if (line.debug_cap_app->parsed()) return print(describe_cap(line.argument, line.options.json));
  if (line.debug_share_app->parsed()) {
    const Result<ShareDump> share = describe_share(world.files, line.argument, line.options.json);
    const int code = print(share.map([](const ShareDump& dump) { return dump.text; }));
    return share && !share->sound ? kFailed : code;
  }
  if (line.doctor_upload_app->parsed()) return run_doctor_upload(world, line.options, line.doctor);
  if (line.create_node_app->parsed()) {
    return create_node(world, line);
  }
  if (line.create_client_app->parsed()) {
    const ClientNodeWishes wishes{line.nurls, line.helper_nurls, line.replace};
    return print(create_client_node(world, line.directory, wishes).map([] { return std::string(); }));
  }
  line.check.verify = line.check.verify || line.verify_app->parsed();
  line.check.repair = line.repair_app->parsed();
  if (line.put_app->parsed()) return run_task(world, run_put(world, line.options, line.put));
  if (line.get_app->parsed()) return run_task(world, run_get(world, line.options, line.get));
  if (line.check_app->parsed() || line.verify_app->parsed() || line.repair_app->parsed()) {
    return run_task(world, run_check(world, line.options, line.check));
  }
  if (line.transfers_app->parsed()) return run_task(world, run_transfers(world, line.options, line.transfers));
  if (line.grid_app->parsed()) return run_task(world, run_grid(world, line.grid));
  if (line.run_app->parsed()) return run_task(world, run_node(world, line.directory));
  if (line.helper_uploads_app->parsed()) return run_task(world, run_helper_uploads(world, line.options, line.uploads));
  if (line.status_app->parsed()) return run_task(world, run_status(world, line.options));
  return kUsage;
}

}  // namespace

int run_program(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  occupy_standard_streams();
  return finish_output(run(argc, argv));
}

}  // namespace holdfast::cli
