// A node directory: the files of a Tahoe node, and few of our own (storage-server.md 9).
#pragma once

#include <string>
#include <vector>

#include "holdfast/core/base/random.h"
#include "holdfast/core/base/secret.h"
#include "holdfast/edge/io/file_system.h"
#include "holdfast/node/config/servers_yaml.h"
#include "holdfast/node/config/tahoe_cfg.h"

namespace holdfast::config {

class NodeDirectory {
 public:
  NodeDirectory(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  bool exists() const;

  /// Makes the directory with its secrets (private/ 0700, files 0600) and tahoe.cfg, as far as they are missing. An
  /// existing file is never replaced, nor one of which the disk cannot tell.
  Result<void> create(Random& random, const std::string& tahoe_cfg);

  Result<TahoeCfg> tahoe_cfg() const;
  Result<HoldfastCfg> holdfast_cfg() const;
  Result<Secret> lease_secret() const;  // private/secret; 32 bytes
  Result<Secret> convergence() const;   // private/convergence; an empty file is the empty secret
  /// private/servers.yaml and private/servers.nurl together, each server once. What cannot be used is named in
  /// `problems`.
  Result<std::vector<protocol::Announcement>> servers(std::vector<std::string>& problems) const;

  /// The upload helpers: private/helpers.nurl and private/helper.nurl together, each once.
  Result<std::vector<protocol::Nurl>> helpers(std::vector<std::string>& problems) const;

  /// Text files below private/, one line. Errors: not_found.
  Result<std::string> read_private(const std::string& name) const;
  Result<void> write_private(const std::string& name, std::string_view content) const;
  Result<void> write_public(const std::string& name, std::string_view content) const;

  std::string private_path(const std::string& name) const { return path_ + "/private/" + name; }
  std::string transfers() const { return path_ + "/transfers"; }

 private:
  Result<void> make_secret(Random& random, const std::string& name) const;

  io::FileSystem& files_;
  const std::string path_;
};

/// A swissnum: 160 random bits, base32.
std::string make_swissnum(Random& random);

}  // namespace holdfast::config
