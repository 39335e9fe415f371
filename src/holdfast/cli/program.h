// The program: its command line, and the commands behind it.
#pragma once

namespace holdfast::cli {

/// Parses, runs, answers the exit code.
int run_program(int argc, char** argv);

}  // namespace holdfast::cli
