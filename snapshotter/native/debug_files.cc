#include "snapshotter/native/debug_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "snapshotter/process/elf_image.h"

namespace pysnap {
namespace {

constexpr char kDebugRoot[] = "/usr/lib/debug";

// CRC-32 as in IEEE 802.3, which is what .gnu_debuglink holds.
constexpr std::array<uint32_t, 256> MakeChecksumTable() {
  std::array<uint32_t, 256> table = {};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kChecksumTable = MakeChecksumTable();

uint32_t ChecksumOf(int file) {
  uint32_t value = ~uint32_t{0};
  std::vector<unsigned char> buffer(size_t{1} << 16);
  off_t at = 0;
  ssize_t size;
  while ((size = pread(file, buffer.data(), buffer.size(), at)) > 0) {
    for (ssize_t i = 0; i < size; ++i) {
      value = (value >> 8) ^ kChecksumTable[(value ^ buffer[static_cast<size_t>(i)]) & 0xff];
    }
    at += size;
  }
  return ~value;
}

// The module itself may carry its debug information, and be named as the file that does.
bool IsSameFile(int a, int b) {
  struct stat first, second;
  return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

bool Belongs(int file, const Module& module, uint32_t link_checksum) {
  if (IsSameFile(file, module.file.get())) return false;
  if (module.build_id.empty()) return ChecksumOf(file) == link_checksum;
  absl::StatusOr<ElfImage> image = ElfImage::FromFile(UniqueFd(fcntl(file, F_DUPFD_CLOEXEC, 0)));
  return image.ok() && image->BuildId() == module.build_id;
}

UniqueFd OpenOurs(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info;
  if (file.ok() && (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))) file.reset();
  return file;
}

}  // namespace

UniqueFd FindDebugFile(Target& target, const Module& module, const std::string& link, uint32_t link_checksum) {
  std::vector<std::string> paths;
  if (module.build_id.size() > 2) {
    paths.push_back(absl::StrCat(kDebugRoot, "/.build-id/", module.build_id.substr(0, 2), "/",
                                 module.build_id.substr(2), ".debug"));
  }
  if (!link.empty() && link.find('/') == std::string::npos && !module.path.empty() && module.path[0] == '/') {
    const std::string folder = module.path.substr(0, module.path.rfind('/') + 1);
    paths.push_back(folder + link);
    paths.push_back(folder + ".debug/" + link);
    paths.push_back(kDebugRoot + folder + link);
  }
  for (const std::string& path : paths) {
    absl::StatusOr<UniqueFd> theirs = target.OpenPath(path);
    if (theirs.ok() && Belongs(theirs->get(), module, link_checksum)) return *std::move(theirs);
    UniqueFd ours = OpenOurs(path);
    if (ours.ok() && Belongs(ours.get(), module, link_checksum)) return ours;
  }
  return UniqueFd();
}

}  // namespace pysnap
