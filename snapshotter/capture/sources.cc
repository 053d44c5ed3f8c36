#include "snapshotter/capture/sources.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pysnap {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{4} << 20;
constexpr uint64_t kMaxTotalBytes = uint64_t{64} << 20;

// Reads at most `limit` bytes; shorter when the file shrinks meanwhile.
bool ReadAll(int fd, uint64_t limit, std::string& out) {
  out.resize(limit);
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = read(fd, out.data() + done, out.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  out.resize(done);
  return true;
}

}  // namespace

std::string MaskSecrets(const SecretContents& secrets, std::string& content) {
  const size_t masked = secrets.Mask(content);
  return masked == 0 ? "" : absl::StrFormat("secrets in it are masked: %d", masked);
}

void AddSources(Target& target, const SecretContents& secrets, SnapshotBuilder& builder) {
  uint64_t total = 0;
  std::string content;
  for (const std::string& filename : builder.FrameFilenames()) {
    // "<string>", "<frozen importlib._bootstrap>" and the like are no files.
    if (filename.empty() || filename[0] == '<' || filename.find('\0') != std::string::npos) continue;
    const std::string path = filename[0] == '/' ? filename : absl::StrCat(target.info().cwd, "/", filename);
    const absl::StatusOr<UniqueFd> fd = target.OpenPath(path);
    if (!fd.ok()) continue;
    struct stat status;
    if (fstat(fd->get(), &status) != 0 || status.st_size < 0) continue;
    const auto size = static_cast<uint64_t>(status.st_size);
    if (size > kMaxFileBytes || total + size > kMaxTotalBytes) {
      builder.AddProblem(absl::StrCat("source ", filename), absl::StrFormat("not recorded: %d bytes long", size));
      continue;
    }
    if (!ReadAll(fd->get(), size, content)) continue;
    total += content.size();
    const std::string masked = MaskSecrets(secrets, content);
    if (!masked.empty()) builder.AddProblem(absl::StrCat("source ", filename), masked);
    builder.AddSource(filename, content);
  }
}

}  // namespace pysnap
