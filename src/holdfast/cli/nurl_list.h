// The lists of a node directory: one NURL a line, lines with # are comments.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/core/base/result.h"

namespace holdfast::cli {

/// Errors: those of the NURLs.
Result<std::string> make_nurl_list(std::string_view comment, const std::vector<std::string>& nurls);
std::vector<std::string> nurls_of_list(std::string_view list);
/// The first of `nurls` that is not among `others`.
std::optional<std::string> first_missing(const std::vector<std::string>& nurls, const std::vector<std::string>& others);

}  // namespace holdfast::cli
