// A bug is a failed check: always on, prints, aborts. Foreign bytes never reach one.
#pragma once

namespace holdfast {

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace holdfast

#define HF_CHECK(expression) \
  (static_cast<bool>(expression) ? void(0) : ::holdfast::check_failed(#expression, __FILE__, __LINE__))
#define HF_UNREACHABLE() ::holdfast::check_failed("unreachable", __FILE__, __LINE__)
