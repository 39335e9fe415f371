// Prometheus text exposition, version 0.0.4.
#pragma once

#include <string>
#include <string_view>

namespace holdfast {

/// Names get the prefix in front ("holdfast_gateway_").
class MetricsText {
 public:
  explicit MetricsText(std::string prefix) : prefix_(std::move(prefix)) {}
  template <class Number>
  void counter(std::string_view name, std::string_view help, Number value) {
    add(name, help, "counter", std::to_string(value));
  }
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    add(name, help, "gauge", std::to_string(value));
  }
  std::string take() { return std::move(out_); }

 private:
  void add(std::string_view name, std::string_view help, std::string_view type, const std::string& value);

  const std::string prefix_;
  std::string out_;
};

}  // namespace holdfast
