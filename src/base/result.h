// Errors as values. Everything the world can cause (a file, a JSON text, a full disk, a missing
// instruction set) is a Result; programmer errors are GLIMMER_CHECK (base/check.h).
// Nothing here throws, and no exception crosses a folder boundary.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace glimmer::base {

// What went wrong, coarsely: decides the exit code (see ExitCode) and later the HTTP status.
enum class ErrorKind {
  kInvalid,      // the request contradicts itself or its input's meaning
  kNotFound,     // a file, folder, recipe or tensor does not exist
  kCorrupt,      // bytes that do not mean what their format says
  kIo,           // the operating system refused to read or write
  kUnsupported,  // sound, but nothing that glimmer handles
  kExhausted,    // memory, disk space or another budget ran out
  kCancelled,    // the user stopped it
};

// The process exit code of a failure of this kind; the table stands in docs/exit-codes.md.
constexpr int ExitCode(ErrorKind kind) { return 2 + static_cast<int>(kind); }

struct Error {
  ErrorKind kind;
  std::string message;  // one sentence: file, field, expected, found

  // The same error with `context: ` before its message.
  Error In(const std::string& context) && {
    return Error{kind, context + ": " + std::move(message)};
  }
};

inline Error Invalid(std::string m) { return {ErrorKind::kInvalid, std::move(m)}; }
inline Error NotFound(std::string m) { return {ErrorKind::kNotFound, std::move(m)}; }
inline Error Corrupt(std::string m) { return {ErrorKind::kCorrupt, std::move(m)}; }
inline Error IoError(std::string m) { return {ErrorKind::kIo, std::move(m)}; }
inline Error Unsupported(std::string m) { return {ErrorKind::kUnsupported, std::move(m)}; }
inline Error Exhausted(std::string m) { return {ErrorKind::kExhausted, std::move(m)}; }
inline Error Cancelled(std::string m) { return {ErrorKind::kCancelled, std::move(m)}; }

// A value or an Error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return state_.index() == 0; }
  // REQUIRES: ok().
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T value() && { return std::get<0>(std::move(state_)); }
  // REQUIRES: !ok().
  const Error& error() const& { return std::get<1>(state_); }
  Error error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return state_.index() == 0; }
  // REQUIRES: !ok().
  const Error& error() const& { return std::get<1>(state_); }
  Error error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<std::monostate, Error> state_;
};

using Status = Result<void>;

}  // namespace glimmer::base

#define GLIMMER_CONCAT_INNER(a, b) a##b
#define GLIMMER_CONCAT(a, b) GLIMMER_CONCAT_INNER(a, b)

// Leaves the function with the error of `expression`, a Status, if it has one.
#define GLIMMER_TRY(expression) \
  GLIMMER_TRY_INNER(expression, GLIMMER_CONCAT(try_status_, __COUNTER__))
#define GLIMMER_TRY_INNER(expression, temporary)                                             \
  do {                                                                                       \
    if (auto temporary = (expression); !temporary.ok()) return std::move(temporary).error(); \
  } while (false)

// `target` = the value of `expression`, a Result; leaves the function with its error otherwise.
#define GLIMMER_ASSIGN(target, expression) \
  GLIMMER_ASSIGN_INNER(target, expression, GLIMMER_CONCAT(assign_result_, __COUNTER__))
#define GLIMMER_ASSIGN_INNER(target, expression, temporary) \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return std::move(temporary).error(); \
  target = std::move(temporary).value()
