#include "apps/memory_exhausted.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include "base/free_memory.h"
#include "base/result.h"

namespace glimmer::apps {
namespace {

thread_local uint64_t t_wanted_bytes = 0;
std::terminate_handler g_terminate_before = nullptr;

// Once, however many threads come here.
[[noreturn]] void SayAndExit() {
  static std::atomic_flag said;
  while (said.test_and_set()) ::pause();
  const base::MemorySentence sentence = base::OutOfMemory(t_wanted_bytes);
  for (const char* text : {"glimmer: ", sentence.data(), "\n"}) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
  }
  ::_exit(base::ExitCode(base::ErrorKind::kExhausted));
}

void OnMemoryExhausted() {
  static const auto main_thread = ::getpid();
  if (::gettid() == main_thread) throw std::bad_alloc();
  SayAndExit();
}

// Of an exception that nobody can catch.
void OnTerminate() {
  try {
    if (std::current_exception()) throw;
  } catch (const std::bad_alloc&) {
    SayAndExit();
  } catch (...) {
  }
  g_terminate_before();
}

// As the standard demands of operator new; remembers what a handler cannot know.
template <typename Allocate>
void* AllocateOrHandle(std::size_t bytes, Allocate allocate) {
  for (;;) {
    if (void* memory = allocate()) return memory;
    t_wanted_bytes = bytes;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

void HandleExhaustedMemory() {
  std::set_new_handler(OnMemoryExhausted);
  g_terminate_before = std::set_terminate(OnTerminate);
}

uint64_t WantedBytes() { return t_wanted_bytes; }

}  // namespace glimmer::apps

// Every other form of operator new calls one of these two, and the library's own operator delete
// frees what they give with free().
void* operator new(std::size_t bytes) {
  return glimmer::apps::AllocateOrHandle(
      bytes, [bytes] { return std::malloc(std::max<std::size_t>(bytes, 1)); });
}

void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + align - 1) / align * align;
  return glimmer::apps::AllocateOrHandle(
      bytes, [align, rounded] { return std::aligned_alloc(align, rounded); });
}
