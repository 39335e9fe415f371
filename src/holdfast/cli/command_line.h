// What can be said on the command line: one definition, from which --help, the man page and completion are made.
#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

#include "holdfast/cli/cmd_doctor.h"
#include "holdfast/cli/commands.h"
#include "holdfast/cli/gateway_node.h"
#include "holdfast/cli/grid_node.h"
#include "holdfast/cli/helper_node.h"

namespace holdfast::cli {

struct CommandLine {
  CommandLine();
  CommandLine(const CommandLine&) = delete;

  CLI::App app;
  GlobalOptions options;
  PutWishes put;
  GetWishes get;
  CheckWishes check;
  TransfersWishes transfers;
  GridWishes grid;
  StorageNodeWishes storage_node;
  GatewayNodeWishes gateway_node;
  bool storage_role = false, helper_role = false, gateway_role = false;  // of create-node; none said: storage
  UploadsWishes uploads;
  DoctorWishes doctor;
  std::string directory;                         // of run, create-node, create-client
  std::vector<std::string> nurls, helper_nurls;  // of create-client and create-node
  bool replace = false;                          // of create-client
  std::string argument;                          // of debug and completion

  CLI::App *put_app, *get_app, *check_app, *verify_app, *repair_app, *transfers_app, *status_app, *grid_app, *run_app,
      *create_node_app, *create_client_app, *helper_uploads_app, *doctor_upload_app, *debug_share_app, *debug_cap_app,
      *completion_app, *man_app, *version_app;

 private:
  void define_put();
  void define_get();
  void define_check();
  void define_transfers();
  void define_nodes();
  void define_helper();
  void define_tools();
};

/// The first word where a command belongs, if it is none: --help beside it must not hide that.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, const char* const* argv);

/// The manual page holdfast(1) in man(7) markup.
std::string manual_page(const CLI::App& app);
/// A completion script. Errors: malformed for another shell than bash, zsh and fish.
Result<std::string> completion_script(const CLI::App& app, const std::string& shell);

}  // namespace holdfast::cli
