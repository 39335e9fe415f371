#include "holdfast/cli/say.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "holdfast/cli/drawn_line.h"
#include "holdfast/cli/world.h"

namespace holdfast::cli {
namespace {

/// The stream remembers every failure.
bool all_got_there() {
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

/// Of a file: some file systems tell that there is no room for it when it is synced or closed, not when it is written.
bool all_stays_there() {
  struct stat there {};
  const bool is_file = ::fstat(STDOUT_FILENO, &there) == 0 && S_ISREG(there.st_mode);
  return !is_file || ::fdatasync(STDOUT_FILENO) == 0 || errno == EINVAL || errno == EROFS;
}

}  // namespace

void write_text(std::FILE* to, std::string_view text) {
  wipe_drawn_line();
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), to));
}

bool hand_over(std::string_view line) {
  say("{}\n", line);
  return all_got_there();
}

bool hand_over_for_good(std::string_view line) {
  return hand_over(line) && all_stays_there();
}

int finish_output(int code) {
  if (code != kDone || (all_got_there() && all_stays_there())) return code;
  say(stderr, "holdfast: standard output could not be written to; what was to be told is lost, or a part of it\n");
  return kFailed;
}

void occupy_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The lowest that is free is this one. Open the wrong way round, so that using it is an error.
    if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

}  // namespace holdfast::cli
