#include "holdfast/core/base/metrics_text.h"

namespace holdfast {

void MetricsText::add(std::string_view name, std::string_view help, std::string_view type, const std::string& value) {
  const std::string full = prefix_ + std::string(name);
  out_ += "# HELP ";
  out_.append(full).append(" ").append(help).append("\n# TYPE ").append(full).append(" ").append(type).append("\n");
  out_.append(full).append(" ").append(value).append("\n");
}

}  // namespace holdfast
