#include "cli/interrupt.h"

#include <csignal>

#include <unistd.h>

namespace cupola::cli {
namespace {

// A signal handler reaches nothing but globals.
std::string note_text;

void on_interrupt(int number) {
  if (write(STDERR_FILENO, note_text.data(), note_text.size()) < 0) _exit(1);
  std::signal(number, SIG_DFL);
  std::raise(number);
}

}  // namespace

InterruptNote::InterruptNote(std::string text) {
  note_text = std::move(text);
  std::signal(SIGINT, on_interrupt);
}

InterruptNote::~InterruptNote() {
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace cupola::cli
