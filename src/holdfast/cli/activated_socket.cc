#include "holdfast/cli/activated_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace holdfast::cli {
namespace {

constexpr int kFirstListenFd = 3;

}  // namespace

int activated_socket() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  const bool ours =
      pid != nullptr && count != nullptr && std::to_string(::getpid()) == pid && std::string(count) == "1";
  return ours ? kFirstListenFd : -1;
}

Result<std::string> address_of_socket(int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  const bool known = ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (known && address.ss_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (known && address.ss_family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (bytes == nullptr || ::inet_ntop(address.ss_family, bytes, text.data(), text.size()) == nullptr)
    return fail(Errc::malformed, "the socket that was passed (LISTEN_FDS) is none of TCP");
  return std::string(text.data());
}

}  // namespace holdfast::cli
