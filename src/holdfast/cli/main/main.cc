#include "holdfast/cli/program.h"
#include "holdfast/core/base/allocator.h"

int main(int argc, char** argv) {
  holdfast::keep_freed_memory();
  return holdfast::cli::run_program(argc, argv);
}
