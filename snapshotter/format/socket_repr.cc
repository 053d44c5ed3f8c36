#include "snapshotter/format/socket_repr.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "snapshotter/format/object_facts.h"
#include "snapshotter/format/parts_of.h"
#include "snapshotter/format/python_rules.h"
#include "snapshotter/format/socket_names.h"

namespace pysnap::format {
namespace {

using proto::Object;

// str() of a member of socket.AddressFamily or SocketKind; empty for one that is not known here.
std::string Member(const char* type, const char* name, int64_t number, bool by_name) {
  if (!by_name) return absl::StrCat(number);
  return name == nullptr ? "" : absl::StrCat(type, ".", name);
}

// An address that is empty is left out.
void AppendAddress(const LoadedSnapshot& snapshot,
                   const PartsOf& parts,
                   std::string_view name,
                   std::vector<ReprPiece>& pieces) {
  const uint32_t id = parts.Id(name);
  const Object* address = snapshot.object(id);
  if (address == nullptr || (address->value_case() == Object::kStr && address->str().empty())) return;
  pieces.push_back({absl::StrCat(", ", std::string(name), "=")});
  // As str() has it, which of a path is the path; one that could act on a terminal is quoted.
  const bool plain = address->value_case() == Object::kStr &&
                     std::none_of(address->str().begin(), address->str().end(),
                                  [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
  pieces.push_back(plain ? ReprPiece{address->str()} : ReprPiece{"", id});
}

}  // namespace

ReprPieces SocketRepr(const LoadedSnapshot& snapshot, const Object& object, std::string_view module) {
  if (!object.has_parts() || object.has_absent()) return std::nullopt;
  const PartsOf parts(snapshot, object);
  const auto numbers = parts.Ints({"fd", "family", "type", "proto"});
  if (!numbers.has_value()) return std::nullopt;
  const int64_t fd = (*numbers)[0];
  const int64_t proto = (*numbers)[3];
  if (module == "_socket") {
    return OnlyText(absl::StrFormat("<socket object, fd=%d, family=%d, type=%d, proto=%d>", fd, (*numbers)[1],
                                    (*numbers)[2], proto));
  }
  const Object* closed = snapshot.object(FindAttribute(snapshot, object, "_closed"));
  if (closed == nullptr || closed->value_case() != Object::kBoolValue) return std::nullopt;
  const bool by_name = RulesFor(snapshot.header().process().python().minor()).int_enum_by_name;
  const std::string family = Member("AddressFamily", SocketFamilyName((*numbers)[1]), (*numbers)[1], by_name);
  const std::string type = Member("SocketKind", SocketTypeName((*numbers)[2]), (*numbers)[2], by_name);
  if (family.empty() || type.empty()) return std::nullopt;
  std::vector<ReprPiece> pieces = {{absl::StrFormat("<socket.socket%s fd=%d, family=%s, type=%s, proto=%d",
                                                    closed->bool_value() ? " [closed]" : "", fd, family, type, proto)}};
  if (!closed->bool_value()) {
    AppendAddress(snapshot, parts, "laddr", pieces);
    AppendAddress(snapshot, parts, "raddr", pieces);
  }
  pieces.push_back({">"});
  return pieces;
}

}  // namespace pysnap::format
