#include "snapshotter/format/byte_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "snapshotter/base/status_macros.h"

namespace pysnap {
namespace {

constexpr int kMaxAttempts = 100;

absl::Status WriteError(absl::string_view path, int error) {
  return absl::UnavailableError(absl::StrCat(path, ": ", strerror(error)));
}

// A name that nobody else can have guessed. O_EXCL makes it safe; randomness only makes a second try unlikely.
std::string TemporaryName() {
  uint64_t random = 0;
  if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    random = static_cast<uint64_t>(now.tv_nsec) ^ (static_cast<uint64_t>(getpid()) << 32);
  }
  return absl::StrCat(".pysnap-", absl::Hex(random, absl::kZeroPad16), ".tmp");
}

}  // namespace

FileSink::FileSink(std::string path, std::string name, std::string temporary_name, UniqueFd directory, UniqueFd file)
    : path_(std::move(path)),
      name_(std::move(name)),
      temporary_name_(std::move(temporary_name)),
      directory_(std::move(directory)),
      file_(std::move(file)) {}

absl::StatusOr<std::unique_ptr<FileSink>> FileSink::Create(std::string path) {
  const size_t slash = path.rfind('/');
  const std::string directory_path = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return WriteError(path, path.empty() ? ENOENT : EISDIR);

  UniqueFd directory(open(directory_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.ok()) return WriteError(path, errno);
  // Renaming over /dev/null or a FIFO would replace it: only a file can be.
  struct stat existing;
  if (fstatat(directory.get(), name.c_str(), &existing, 0) == 0 && !S_ISREG(existing.st_mode)) {
    if (S_ISDIR(existing.st_mode)) return WriteError(path, EISDIR);
    return absl::UnavailableError(absl::StrCat(path, ": not a regular file"));
  }

  // Without a name it is gone with the process, however that ends. Not every file system has such files.
  UniqueFd unnamed(openat(directory.get(), ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
  if (unnamed.ok()) {
    return std::unique_ptr<FileSink>(
        new FileSink(std::move(path), std::move(name), "", std::move(directory), std::move(unnamed)));
  }
  for (int attempt = 0;; ++attempt) {
    std::string temporary_name = TemporaryName();
    UniqueFd file(
        openat(directory.get(), temporary_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.ok()) {
      return std::unique_ptr<FileSink>(new FileSink(std::move(path), std::move(name), std::move(temporary_name),
                                                    std::move(directory), std::move(file)));
    }
    if (errno != EEXIST || attempt == kMaxAttempts) return WriteError(path, errno);
  }
}

FileSink::~FileSink() {
  if (!temporary_name_.empty()) unlinkat(directory_.get(), temporary_name_.c_str(), 0);
}

absl::Status FileSink::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file_.get(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return WriteError(path_, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status FileSink::GiveName() {
  const std::string file = absl::StrCat("/proc/self/fd/", file_.get());
  const auto link_as = [&](const std::string& name) {
    return linkat(AT_FDCWD, file.c_str(), directory_.get(), name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  };
  if (link_as(name_)) return absl::OkStatus();
  // What is there is replaced by renaming.
  for (int attempt = 0; errno == EEXIST && attempt < kMaxAttempts; ++attempt) {
    std::string temporary_name = TemporaryName();
    if (link_as(temporary_name)) {
      temporary_name_ = std::move(temporary_name);
      return absl::OkStatus();
    }
  }
  return WriteError(path_, errno);
}

absl::Status FileSink::Commit() {
  if (fsync(file_.get()) != 0) return WriteError(path_, errno);
  if (temporary_name_.empty()) RETURN_IF_ERROR(GiveName());
  // close() is where NFS reports that the space has run out.
  if (close(file_.release()) != 0 && errno != EINTR) return WriteError(path_, errno);
  if (!temporary_name_.empty() &&
      renameat(directory_.get(), temporary_name_.c_str(), directory_.get(), name_.c_str()) != 0) {
    return WriteError(path_, errno);
  }
  temporary_name_.clear();
  // Some file systems cannot sync a directory (EINVAL); the file is in place all the same.
  if (fsync(directory_.get()) != 0 && errno != EINVAL) return WriteError(path_, errno);
  return absl::OkStatus();
}

}  // namespace pysnap
