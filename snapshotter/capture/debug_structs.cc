#include "snapshotter/capture/debug_structs.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "snapshotter/capture/isolated.h"
#include "snapshotter/capture/transport.h"
#include "snapshotter/native/module_map.h"
#include "snapshotter/native/struct_reader.h"

namespace pysnap {
namespace {

// Of all types together. The debug information of the largest extensions takes seconds to read.
constexpr std::chrono::seconds kTimeout(20);

int32_t CodeOf(const CField& field) {
  switch (field.kind) {
    case CField::kSigned:
      return field.size == 1   ? kMemberByte
             : field.size == 2 ? kMemberShort
             : field.size == 4 ? kMemberInt
                               : kMemberLongLong;
    case CField::kUnsigned:
      return field.size == 1   ? kMemberUByte
             : field.size == 2 ? kMemberUShort
             : field.size == 4 ? kMemberUInt
                               : kMemberULongLong;
    case CField::kBool:
      return kMemberBool;
    case CField::kFloat:
      return field.size == 4 ? kMemberFloat : kMemberDouble;
    case CField::kObject:
      return kMemberObjectEx;
    case CField::kBytes:
      break;
  }
  return kMemberBytes;
}

void PutStruct(std::string& out, const std::vector<CField>& fields) {
  for (const CField& field : fields) {
    PutText(out, field.name);
    Put(out, CodeOf(field));
    Put(out, field.offset);
    Put(out, field.size);
  }
}

// What another process has found: it is believed no further than it fits.
std::vector<TypeMember> TakeStruct(absl::string_view in, int64_t basic_size) {
  std::vector<TypeMember> known;
  while (!in.empty()) {
    TypeMember member;
    member.name = TakeText(in);
    member.code = Take<int32_t>(in);
    member.offset = Take<int64_t>(in);
    member.count = Take<int64_t>(in);
    const int64_t size = member.code == kMemberBytes ? member.count : MemberSize(member.code);
    if (size < 0 || size > basic_size || member.offset < 0 || member.offset > basic_size - size) return {};
    known.push_back(std::move(member));
  }
  return known;
}

}  // namespace

void DebugStructs::Note(Address type, int64_t basic_size, std::vector<Address> functions) {
  if (known_.contains(type)) return;
  known_.try_emplace(type);
  wanted_.push_back({type, basic_size, std::move(functions)});
}

const std::vector<TypeMember>* DebugStructs::Find(Address type) const {
  const auto found = known_.find(type);
  return found == known_.end() || found->second.empty() ? nullptr : &found->second;
}

void DebugStructs::Resolve(Target& target, Address interpreter) {
  std::vector<Wanted> wanted = std::exchange(wanted_, {});
  if (wanted.empty() || !target.RefreshMappings().ok()) return;
  const std::unique_ptr<ModuleMap> modules = ModuleMap::Read(target);
  const Module* const own = modules->Find(interpreter);
  for (Wanted& each : wanted) {
    std::erase_if(each.functions, [&](Address function) {
      const Module* module = modules->Find(function);
      return module == nullptr || module == own;
    });
  }
  std::erase_if(wanted, [](const Wanted& each) { return each.functions.empty(); });
  StructReader reader(*modules, target);
  const auto work = [&](size_t i, std::string& out) {
    const auto found = reader.FindBySelf(wanted[i].functions, wanted[i].basic_size);
    if (found.has_value()) PutStruct(out, *found);
  };
  const auto done = [&](size_t i, absl::string_view out) {
    if (!out.empty()) known_[wanted[i].type] = TakeStruct(out, wanted[i].basic_size);
  };
  // They stay what they were: unknown.
  const auto failed = [](size_t, const absl::Status&) {};
  RunIsolated(wanted.size(), kTimeout, {work, done, failed});
}

}  // namespace pysnap
