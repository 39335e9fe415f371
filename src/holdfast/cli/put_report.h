// What a put tells: the cap apart, it goes to stderr, or is JSON.
#pragma once

#include <string>

#include "holdfast/cli/world.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::cli {

/// One line, as --json prints it.
std::string json_of(const transfer::UploadReport& report);
void print_summary(const transfer::UploadReport& report);

/// Each answers the exit code. A plan that cannot be carried out now is no success.
int print_plan(const transfer::UploadPlan& plan, bool as_json);
int print_failure(const ClientNode& node, const Error& error, const std::string& path);
/// Of a file that is stored. A cap is a secret: it is written where it was asked for, and nowhere else.
int print_not_handed_over(const ClientNode& node, const std::string& path);

}  // namespace holdfast::cli
