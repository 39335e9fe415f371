// What check and repair found, in the structure of t=check of the web API (web-api.md 8).
#pragma once

#include <boost/json/object.hpp>

#include "holdfast/node/transfer/progress.h"

namespace holdfast::transfer {

/// "Healthy", or how many shares there are.
std::string summary(const CheckReport& report);
boost::json::object check_json(const CheckReport& report, const std::string& storage_index);
boost::json::object repair_json(const RepairReport& report, const std::string& storage_index);
/// Of a literal, which has no shares.
boost::json::object literal_check_json();
boost::json::object literal_repair_json();

}  // namespace holdfast::transfer
