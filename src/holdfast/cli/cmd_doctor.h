// holdfast doctor upload: what stands between clients and a gateway, tried from where it is run.
#pragma once

#include "holdfast/cli/world.h"

namespace holdfast::cli {

struct DoctorWishes {
  std::string url, token_file;
};
int run_doctor_upload(World& world, const GlobalOptions& options, const DoctorWishes& wishes);

}  // namespace holdfast::cli
