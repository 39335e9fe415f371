// Failures that a caller can act on are values. Each code names the caller's next move.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace holdfast {

enum class Errc {
  malformed,          // fix the input
  corrupt,            // use another share, report it
  not_found,          // it is not there
  conflict,           // re-read, then retry
  unauthorized,       // the peer wants another secret, or is another one
  not_permitted,      // this machine does not let this user do that
  not_enough_shares,  // more servers must come back
  unhappy,            // more servers are needed
  no_space,           // another server, or make room
  unavailable,        // back off, try again
  timeout,            // the peer is silent: go around it
  unsupported,        // the peer or this program cannot do that
  cancelled,          // somebody asked to stop
  io,                 // the local disk or system failed
  changed,            // the source file changed: start again
};

/// "corrupt", "not_found", ...: stable names for JSON and logs.
std::string_view to_string(Errc code);

struct Error {
  Errc code;
  std::string what;  // a sentence for people, without a final full stop
};

template <class T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Errc code, std::string what) {
  return tl::make_unexpected(Error{code, std::move(what)});
}

/// Adds where it happened: "reading share 3 from v0-abc: <what>".
inline tl::unexpected<Error> fail_in(std::string_view where, Error error) {
  error.what.insert(0, std::string(where) + ": ");
  return tl::make_unexpected(std::move(error));
}

}  // namespace holdfast

#define HF_CONCAT_INNER(a, b) a##b
#define HF_CONCAT(a, b) HF_CONCAT_INNER(a, b)

// HF_TRY(auto x, f());  passes an error up, else binds x to the value.
#define HF_TRY(declaration, expression) HF_TRY_AS(return, HF_CONCAT(hf_try_, __COUNTER__), declaration, expression)
#define HF_CO_TRY(declaration, expression) \
  HF_TRY_AS(co_return, HF_CONCAT(hf_try_, __COUNTER__), declaration, expression)
#define HF_TRY_AS(leave, name, declaration, expression)          \
  auto name = (expression);                                      \
  if (!name) leave tl::make_unexpected(std::move(name).error()); \
  declaration = std::move(*name)

// The same for Result<void>.
#define HF_TRY_VOID(expression) HF_TRY_VOID_AS(return, expression)
#define HF_CO_TRY_VOID(expression) HF_TRY_VOID_AS(co_return, expression)
#define HF_TRY_VOID_AS(leave, expression)                                                                   \
  do {                                                                                                      \
    if (auto hf_result = (expression); !hf_result) leave tl::make_unexpected(std::move(hf_result).error()); \
  } while (false)
