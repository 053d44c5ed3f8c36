#include "tests/support/library_objects.h"

namespace pysnap::testing {
namespace {

Address New(TargetHeap& heap, const char* type, Offset size) {
  return heap.Object(heap.StaticType(type), static_cast<uint64_t>(size));
}

}  // namespace

Address TimeDelta(TargetHeap& heap, int32_t days, int32_t seconds, int32_t microseconds) {
  const auto& layout = heap.layout().PyDateTime_Delta;
  const Address object = New(heap, "datetime.timedelta", layout.size_);
  heap.Poke(object + layout.days, days);
  heap.Poke(object + layout.seconds, seconds);
  heap.Poke(object + layout.microseconds, microseconds);
  return object;
}

Address DateTime(TargetHeap& heap, const std::vector<uint8_t>& data, Address zone) {
  const auto& layout = heap.layout().PyDateTime_DateTime;
  const Address object = New(heap, "datetime.datetime", layout.size_);
  heap.memory().Write(object + layout.data, data.data(), data.size());
  heap.Poke<uint8_t>(object + layout.hastzinfo, zone.is_null() ? 0 : 1);
  if (!zone.is_null()) heap.PokePointer(object + layout.tzinfo, zone);
  return object;
}

Address Decimal(TargetHeap& heap, uint8_t flags, int64_t exponent, int64_t digits, const std::vector<uint64_t>& words) {
  const auto& layout = heap.layout().PyDecObject;
  const Address object = New(heap, "decimal.Decimal", layout.size_);
  const Address data = heap.Allocate(words.size() * sizeof(uint64_t));
  heap.memory().Write(data, words.data(), words.size() * sizeof(uint64_t));
  heap.Poke(object + layout.dec_flags, flags);
  heap.Poke(object + layout.dec_exp, exponent);
  heap.Poke(object + layout.dec_digits, digits);
  heap.Poke(object + layout.dec_len, static_cast<int64_t>(words.size()));
  heap.PokePointer(object + layout.dec_data, data);
  return object;
}

Address Array(TargetHeap& heap, char code, int32_t item_size, const std::string& items) {
  const auto& layout = heap.layout().arrayobject;
  const Address object = New(heap, "array.array", layout.size_);
  const Address description = heap.Allocate(16);
  heap.Poke(description, code);
  heap.Poke(description + 4, item_size);
  const Address data = heap.CString(items);
  heap.Poke(object + heap.layout().PyVarObject.ob_size, static_cast<int64_t>(items.size()) / item_size);
  heap.PokePointer(object + layout.ob_item, data);
  heap.PokePointer(object + layout.ob_descr, description);
  return object;
}

Address RangeIterator(TargetHeap& heap, int64_t start, int64_t step, int64_t length, int64_t index) {
  const auto& layout = heap.layout().rangeiterobject;
  const Address object = New(heap, "range_iterator", layout.size_);
  const bool counts = layout.index != kNoOffset;
  if (counts) heap.Poke(object + layout.index, index);
  heap.Poke(object + layout.start, counts ? start : start + index * step);
  heap.Poke(object + layout.step, step);
  heap.Poke(object + layout.len, counts ? length : length - index);
  return object;
}

Address MemoryView(TargetHeap& heap,
                   Address buffer,
                   int64_t item_size,
                   const std::vector<int64_t>& shape,
                   const std::vector<int64_t>& strides,
                   const char* format) {
  const auto& layout = heap.layout().PyMemoryViewObject;
  const Address object = New(heap, "memoryview", layout.size_);
  int64_t length = item_size;
  for (const int64_t each : shape)
    length = static_cast<int64_t>(static_cast<uint64_t>(length) * static_cast<uint64_t>(each));
  const auto array = [&heap](const std::vector<int64_t>& values) {
    const Address address = heap.Allocate(values.size() * sizeof(int64_t) + 1);
    heap.memory().Write(address, values.data(), values.size() * sizeof(int64_t));
    return address;
  };
  heap.PokePointer(object + layout.view_buf, buffer);
  heap.Poke(object + layout.view_len, length);
  heap.Poke(object + layout.view_itemsize, item_size);
  heap.Poke(object + layout.view_ndim, static_cast<int32_t>(shape.size()));
  heap.PokePointer(object + layout.view_shape, array(shape));
  heap.PokePointer(object + layout.view_strides, array(strides));
  if (format != nullptr) heap.PokePointer(object + layout.view_format, heap.CString(format));
  return object;
}

Address BytesIo(TargetHeap& heap, Address bytes, int64_t size, int64_t position) {
  const auto& layout = heap.layout().bytesio;
  const Address object = New(heap, "_io.BytesIO", layout.size_);
  heap.PokePointer(object + layout.buf, bytes);
  heap.Poke(object + layout.string_size, size);
  heap.Poke(object + layout.pos, position);
  return object;
}

Address Match(TargetHeap& heap, Address pattern, Address string, int64_t groups, const std::vector<int64_t>& marks) {
  const auto& layout = heap.layout().MatchObject;
  const Address object = New(heap, "re.Match", layout.size_ + static_cast<Offset>(marks.size() * sizeof(int64_t)));
  heap.PokePointer(object + layout.pattern, pattern);
  heap.PokePointer(object + layout.string, string);
  heap.Poke(object + layout.groups, groups);
  heap.memory().Write(object + layout.mark, marks.data(), marks.size() * sizeof(int64_t));
  return object;
}

Address RLock(TargetHeap& heap, uint64_t owner, uint64_t count) {
  const auto& layout = heap.layout().rlockobject;
  const Address object = New(heap, "_thread.RLock", layout.size_);
  if (layout.rlock_count != kNoOffset) {
    heap.Poke(object + layout.rlock_owner, owner);
    heap.Poke(object + layout.rlock_count, count);
  } else {
    heap.Poke<uint8_t>(object + layout.lock_mutex, count != 0 ? 1 : 0);
    heap.Poke(object + layout.lock_thread, owner);
    heap.Poke(object + layout.lock_level, count == 0 ? 0 : count - 1);
  }
  return object;
}

Address StringIo(TargetHeap& heap, const std::u32string& text, int64_t size, int64_t position) {
  const auto& layout = heap.layout().stringio;
  const Address object = New(heap, "_io.StringIO", layout.size_);
  const Address buffer = heap.Allocate(text.size() * sizeof(char32_t) + 1);
  heap.memory().Write(buffer, text.data(), text.size() * sizeof(char32_t));
  heap.PokePointer(object + layout.buf, buffer);
  heap.Poke(object + layout.string_size, size);
  heap.Poke(object + layout.pos, position);
  heap.Poke(object + layout.state, int32_t{1});
  heap.Poke<uint8_t>(object + layout.ok, 1);
  return object;
}

Address WrittenStringIo(TargetHeap& heap, const std::string& characters, int32_t width, int64_t length) {
  const auto& layout = heap.layout().stringio;
  const auto& writer_layout = heap.layout()._PyUnicodeWriter;
  const Address object = StringIo(heap, U"", 0, length);
  heap.Poke(object + layout.state, int32_t{2});
  Address writer = object + layout.writer;
  if (layout.ok - layout.writer < writer_layout.size_) {
    const Address own = heap.Allocate(static_cast<uint64_t>(writer_layout.size_));
    heap.PokePointer(writer, own);
    writer = own;
  }
  heap.PokePointer(writer + writer_layout.data, heap.CString(characters));
  heap.Poke(writer + writer_layout.kind, width);
  heap.Poke(writer + writer_layout.pos, length);
  return object;
}

Address SimpleQueue(TargetHeap& heap, const std::vector<Address>& items, int64_t gone) {
  const auto& layout = heap.layout().simplequeueobject;
  const Address object = New(heap, "_queue.SimpleQueue", layout.size_);
  const auto count = static_cast<int64_t>(items.size());
  if (layout.buf == kNoOffset) {
    heap.PokePointer(object + layout.lst, heap.List(items));
    heap.Poke(object + layout.lst_pos, gone);
    return object;
  }
  // A ring that is full but for those that are gone, and begins in its middle.
  const auto& ring = heap.layout().RingBuf;
  const Address array = heap.Allocate(items.size() * sizeof(uint64_t) + 1);
  const int64_t first = count / 2;
  for (int64_t i = 0; i < count; ++i) {
    heap.PokePointer(array + ((first + i) % count) * static_cast<int64_t>(sizeof(uint64_t)),
                     items[static_cast<size_t>(i)]);
  }
  heap.PokePointer(object + layout.buf + ring.items, array);
  heap.Poke(object + layout.buf + ring.items_cap, count);
  heap.Poke(object + layout.buf + ring.get_idx, count == 0 ? 0 : (first + gone) % count);
  heap.Poke(object + layout.buf + ring.num_items, count - gone);
  return object;
}

Address Element(TargetHeap& heap, Address tag, Address text, Address attributes, const std::vector<Address>& children) {
  const auto& layout = heap.layout().ElementObject;
  const auto& more = heap.layout().ElementObjectExtra;
  const Address object = New(heap, "xml.etree.ElementTree.Element", layout.size_);
  heap.PokePointer(object + layout.tag, tag);
  heap.PokePointer(object + layout.text, text);
  const Address extra = heap.Allocate(static_cast<uint64_t>(more.size_));
  const Address array = heap.Allocate(children.size() * sizeof(uint64_t) + 1);
  for (size_t i = 0; i < children.size(); ++i) {
    heap.PokePointer(array + static_cast<Offset>(i * sizeof(uint64_t)), children[i]);
  }
  heap.PokePointer(object + layout.extra, extra);
  if (!attributes.is_null()) heap.PokePointer(extra + more.attrib, attributes);
  heap.PokePointer(extra + more.children, array);
  heap.Poke(extra + more.length, static_cast<int64_t>(children.size()));
  return object;
}

Address FileIo(TargetHeap& heap, int32_t fd, uint8_t flags) {
  const auto& layout = heap.layout().fileio;
  const Address object = New(heap, "_io.FileIO", layout.size_);
  heap.Poke(object + layout.fd, fd);
  heap.Poke(object + layout.readable, flags);
  return object;
}

Address BufferedWriter(TargetHeap& heap, Address raw, const std::string& buffer, int64_t begin, int64_t end) {
  const auto& layout = heap.layout().buffered;
  const Address object = New(heap, "_io.BufferedWriter", layout.size_);
  const Address bytes = heap.Allocate(buffer.size() + 1);
  heap.memory().Write(bytes, buffer.data(), buffer.size());
  heap.PokePointer(object + layout.raw, raw);
  heap.PokePointer(object + layout.buffer, bytes);
  heap.Poke(object + layout.buffer_size, static_cast<int64_t>(buffer.size()));
  heap.Poke(object + layout.ok, int32_t{1});
  heap.Poke(object + layout.writable, int32_t{1});
  heap.Poke(object + layout.abs_pos, int64_t{100});
  heap.Poke(object + layout.pos, end);
  heap.Poke(object + layout.raw_pos, int64_t{0});
  heap.Poke(object + layout.read_end, int64_t{-1});
  heap.Poke(object + layout.write_pos, begin);
  heap.Poke(object + layout.write_end, end);
  return object;
}

Address TextFile(TargetHeap& heap, Address buffer, Address encoding) {
  const auto& layout = heap.layout().textio;
  const Address object = New(heap, "_io.TextIOWrapper", layout.size_);
  heap.PokePointer(object + layout.buffer, buffer);
  heap.PokePointer(object + layout.encoding, encoding);
  heap.Poke(object + layout.ok, int32_t{1});
  heap.Poke<uint8_t>(object + layout.line_buffering, 1);
  return object;
}

Address Socket(TargetHeap& heap, int32_t fd, int64_t timeout) {
  const auto& layout = heap.layout().PySocketSockObject;
  const Address object = New(heap, "_socket.socket", layout.size_);
  heap.Poke(object + layout.sock_fd, fd);
  heap.Poke(object + layout.sock_family, int32_t{2});
  heap.Poke(object + layout.sock_type, int32_t{1});
  heap.Poke(object + layout.sock_timeout, timeout);
  return object;
}

Address Combinations(TargetHeap& heap, Address pool, int64_t r, const std::vector<int64_t>& indices, Address result) {
  const auto& layout = heap.layout().combinationsobject;
  const Address object = New(heap, "itertools.combinations", layout.size_);
  const Address array = heap.Allocate(indices.size() * sizeof(int64_t) + 1);
  heap.memory().Write(array, indices.data(), indices.size() * sizeof(int64_t));
  heap.PokePointer(object + layout.pool, pool);
  heap.PokePointer(object + layout.indices, array);
  heap.Poke(object + layout.r, r);
  if (!result.is_null()) heap.PokePointer(object + layout.result, result);
  return object;
}

Address ListIterator(TargetHeap& heap, Address list, int64_t index) {
  const auto& layout = heap.layout()._PyListIterObject;
  const Address object = New(heap, "list_iterator", layout.size_);
  heap.PokePointer(object + layout.it_seq, list);
  heap.Poke(object + layout.it_index, index);
  return object;
}

Address SetIterator(TargetHeap& heap, Address set, int64_t size, int64_t slot, int64_t remaining) {
  const auto& layout = heap.layout().setiterobject;
  const Address object = New(heap, "set_iterator", layout.size_);
  heap.PokePointer(object + layout.si_set, set);
  heap.Poke(object + layout.si_used, size);
  heap.Poke(object + layout.si_pos, slot);
  heap.Poke(object + layout.len, remaining);
  return object;
}

Address Tee(TargetHeap& heap, Address link, int32_t index) {
  const auto& layout = heap.layout().teeobject;
  const Address object = New(heap, "itertools._tee", layout.size_);
  heap.PokePointer(object + layout.dataobj, link);
  heap.Poke(object + layout.index, index);
  return object;
}

Address TeeLink(TargetHeap& heap, Address iterator, const std::vector<Address>& values, int32_t count, Address next) {
  const auto& layout = heap.layout().teedataobject;
  const Address object = New(heap, "itertools._tee_dataobject", layout.size_);
  heap.PokePointer(object + layout.it, iterator);
  heap.Poke(object + layout.numread, count);
  heap.PokePointer(object + layout.nextlink, next);
  Address slot = object + layout.values;
  for (const Address value : values) {
    heap.PokePointer(slot, value);
    slot = slot + int64_t{sizeof(uint64_t)};
  }
  return object;
}

Address Grouper(TargetHeap& heap, Address iterator, Address key, bool in_turn) {
  const auto& layout = heap.layout()._grouperobject;
  const auto& parent_layout = heap.layout().groupbyobject;
  const Address parent = New(heap, "itertools.groupby", parent_layout.size_);
  const Address object = New(heap, "itertools._grouper", layout.size_);
  heap.PokePointer(parent + parent_layout.it, iterator);
  heap.PokePointer(parent + parent_layout.keyfunc, heap.None());
  if (in_turn) heap.PokePointer(parent + parent_layout.currgrouper, object);
  heap.PokePointer(object + layout.parent, parent);
  heap.PokePointer(object + layout.tgtkey, key);
  return object;
}

Address ContextVariable(TargetHeap& heap, const std::string& name) {
  const auto& layout = heap.layout().PyContextVar;
  const Address object = heap.Object(heap.Symbol("PyContextVar_Type"), static_cast<uint64_t>(layout.size_));
  heap.PokePointer(object + layout.var_name, heap.Str(name));
  return object;
}

Address Context(TargetHeap& heap, const std::vector<Address>& pairs, int64_t length) {
  const auto& layout = heap.layout();
  const auto node = [&](const char* type, Offset words_at, const std::vector<Address>& words) {
    const Address type_address = heap.NewStaticType(type, heap.Symbol("PyBaseObject_Type"), words_at);
    const Address object = heap.Object(type_address, static_cast<uint64_t>(words_at) + words.size() * sizeof(uint64_t));
    heap.Poke<uint64_t>(object + layout.PyVarObject.ob_size, words.size());
    for (size_t i = 0; i < words.size(); ++i) {
      heap.PokePointer(object + words_at + static_cast<int64_t>(i * sizeof(uint64_t)), words[i]);
    }
    return object;
  };
  std::vector<Address> words = pairs;
  if (pairs.size() >= 2) {
    const Address collision = node("hamt_collision_node", layout.PyHamtNode_Collision.c_array, {pairs[0], pairs[1]});
    std::vector<Address> children(32);
    children[7] = collision;
    words[0] = Address();
    words[1] = node("hamt_array_node", layout.PyHamtNode_Array.a_array, children);
  }
  const Address tree = heap.Allocate(static_cast<uint64_t>(layout.PyHamtObject.size_));
  heap.PokePointer(tree + layout.PyHamtObject.h_root,
                   node("hamt_bitmap_node", layout.PyHamtNode_Bitmap.b_array, words));
  heap.Poke(tree + layout.PyHamtObject.h_count, length);
  const Address object = heap.Object(heap.Symbol("PyContext_Type"), static_cast<uint64_t>(layout.PyContext.size_));
  heap.PokePointer(object + layout.PyContext.ctx_vars, tree);
  return object;
}

}  // namespace pysnap::testing
