#include "replay_ext/core/messages.h"

#include "replay_ext/core/wire.h"

namespace pysnap::replay {

using namespace wire;  // NOLINT: the same few names everywhere

void Object::Decode(Bytes bytes) {
  address = 0;
  type = 0;
  absent = {};
  kind = ValueKind::kNone;
  number = 0;
  real = 0;
  data = {};
  dict = 0;
  attributes.clear();
  has_length = false;
  length = 0;
  tail = {};
  Reader reader = Read(bytes);
  while (reader.next()) {
    const uint32_t tag = reader.tag();
    switch (tag) {
      case 1:
        address = GetU64(reader);
        break;
      case 2:
        type = GetU32(reader);
        break;
      case 3:
        absent = ReadAbsent(GetBytes(reader));
        break;
      case 4:
      case 5:
        kind = static_cast<ValueKind>(tag);
        number = static_cast<int64_t>(GetU64(reader));
        break;
      case 6:
        kind = ValueKind::kInt;
        number = GetS64(reader);
        break;
      case 8:
        kind = ValueKind::kFloat;
        real = GetDouble(reader);
        break;
      case 40:
        dict = GetU32(reader);
        break;
      case 41:
        attributes.push_back(ReadAttribute(GetBytes(reader)));
        break;
      case 42:
        has_length = true;
        length = GetU64(reader);
        break;
      case 43:
        tail = GetBytes(reader);
        break;
      default:
        if (tag >= 7 && tag <= 26) {
          kind = static_cast<ValueKind>(tag);
          data = GetBytes(reader);
        } else {
          reader.skip();
        }
    }
  }
}

ValueKind PeekKind(Bytes object) {
  ValueKind kind = ValueKind::kNone;
  Reader reader = Read(object);
  while (reader.next()) {
    if (reader.tag() >= 4 && reader.tag() <= 26) kind = static_cast<ValueKind>(reader.tag());
    reader.skip();
  }
  return kind;
}

Sequence::Sequence(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        kind = GetU32(reader);
        break;
      case 2:
        GetNumbers(reader, items);
        break;
      default:
        reader.skip();
    }
  }
}

Mapping::Mapping(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        GetNumbers(reader, keys);
        break;
      case 2:
        GetNumbers(reader, values);
        break;
      case 3:
        omitted = GetU64(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Complex::Complex(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        real = GetDouble(reader);
        break;
      case 2:
        imag = GetDouble(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Slice::Slice(Bytes bytes) {
  uint32_t range = 0;
  ReadIdFields(bytes, {&range, &start, &stop, &step});
  is_range = range != 0;
}

Type::Type(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        name = GetU32(reader);
        break;
      case 2:
        qualname = GetU32(reader);
        break;
      case 3:
        module = GetU32(reader);
        break;
      case 4:
        GetNumbers(reader, bases);
        break;
      case 6:
        flags = GetU64(reader);
        break;
      case 9:
        dict_offset = GetI64(reader);
        break;
      case 10:
        heap = GetBool(reader);
        break;
      case 11:
        dict = GetU32(reader);
        break;
      case 12:
        GetNumbers(reader, slots);
        break;
      case 14:
        iterator = GetBool(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Function::Function(Bytes bytes) {
  ReadIdFields(bytes, {&code, &globals, &name, &qualname, &defaults, &kwdefaults, &closure, &doc, &module, &annotations,
                       &annotate});
}

Method::Method(Bytes bytes) { ReadIdFields(bytes, {&function, &self}); }

BuiltinFunction::BuiltinFunction(Bytes bytes) { ReadIdFields(bytes, {&name, &self, &module, &objclass}); }

Cell::Cell(Bytes bytes) { ReadIdFields(bytes, {&contents}); }

Module::Module(Bytes bytes) { ReadIdFields(bytes, {&name, &dict, &file}); }

Code::Code(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        name = GetU32(reader);
        break;
      case 2:
        qualname = GetU32(reader);
        break;
      case 3:
        filename = GetU32(reader);
        break;
      case 4:
        first_line = GetI32(reader);
        break;
      case 5:
        arg_count = GetU32(reader);
        break;
      case 6:
        posonly_arg_count = GetU32(reader);
        break;
      case 7:
        kwonly_arg_count = GetU32(reader);
        break;
      case 8:
        stack_size = GetU32(reader);
        break;
      case 9:
        flags = GetU32(reader);
        break;
      case 10:
        bytecode = GetBytes(reader);
        break;
      case 11:
        GetNumbers(reader, constants);
        break;
      case 12:
        GetNumbers(reader, names);
        break;
      case 13:
        GetNumbers(reader, variables);
        break;
      case 14:
        variable_kinds = GetBytes(reader);
        break;
      case 15:
        line_table = GetBytes(reader);
        break;
      case 16:
        exception_table = GetBytes(reader);
        break;
      case 17:
        local_count = GetU32(reader);
        break;
      case 18:
        bytecode_absent = ReadAbsent(GetBytes(reader));
        break;
      case 19:
        cell_count = GetU32(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Exception::Exception(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        args = GetU32(reader);
        break;
      case 2:
        traceback = GetU32(reader);
        break;
      case 3:
        context = GetU32(reader);
        break;
      case 4:
        cause = GetU32(reader);
        break;
      case 5:
        suppress_context = GetBool(reader);
        break;
      case 6:
        notes = GetU32(reader);
        break;
      case 7:
        message = GetU32(reader);
        break;
      case 8:
        exceptions = GetU32(reader);
        break;
      case 9:
        fields.push_back(ReadAttribute(GetBytes(reader)));
        break;
      default:
        reader.skip();
    }
  }
}

Traceback::Traceback(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        next = GetU32(reader);
        break;
      case 2:
        frame = GetU32(reader);
        break;
      case 3:
        lasti = GetS32(reader);
        break;
      case 4:
        line = GetU32(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Context::Context(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        manager = GetU32(reader);
        break;
      case 2:
        target = GetU32(reader);
        break;
      case 3:
        line = GetU32(reader);
        break;
      case 4:
        is_async = GetBool(reader);
        break;
      case 5:
        is_exiting = GetBool(reader);
        break;
      case 6:
        is_entering = GetBool(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Block::Block(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        type = GetI32(reader);
        break;
      case 2:
        handler = GetI32(reader);
        break;
      case 3:
        level = GetI32(reader);
        break;
      default:
        reader.skip();
    }
  }
}

StackNumber::StackNumber(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        index = GetU32(reader);
        break;
      case 2:
        value = GetS64(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Frame::Frame(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        address = GetU64(reader);
        break;
      case 2:
        code = GetU32(reader);
        break;
      case 3:
        function = GetU32(reader);
        break;
      case 4:
        globals = GetU32(reader);
        break;
      case 5:
        builtins = GetU32(reader);
        break;
      case 6:
        name_space = GetU32(reader);
        break;
      case 7:
        lasti = GetS32(reader);
        break;
      case 8:
        line = GetU32(reader);
        break;
      case 12: {
        Local local;
        ReadIdFields(GetBytes(reader), {&local.name, &local.value, &local.slot, &local.kind, &local.cell});
        locals.push_back(local);
        break;
      }
      case 13:
        GetNumbers(reader, stack);
        break;
      case 14:
        absent = ReadAbsent(GetBytes(reader));
        break;
      case 15:
        is_entry = GetBool(reader);
        break;
      case 16:
        frame_object = GetU32(reader);
        break;
      case 17:
        back = GetU32(reader);
        break;
      case 19:
        contexts.emplace_back(GetBytes(reader));
        break;
      case 20:
        stack_complete = GetBool(reader);
        break;
      case 21:
        blocks.emplace_back(GetBytes(reader));
        break;
      case 23:
        stack_numbers.emplace_back(GetBytes(reader));
        break;
      case 24:
        stack_below_call = GetBool(reader);
        break;
      case 25:
        stack_absent = ReadAbsent(GetBytes(reader));
        break;
      case 26:
        called = GetU32(reader);
        break;
      case 27:
        has_hidden_caller = GetBool(reader);
        break;
      case 28:
        has_ended = GetBool(reader);
        break;
      case 29:
        GetNumbers(reader, call_operands);
        break;
      default:
        reader.skip();
    }
  }
}

Generator::Generator(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        kind = GetU32(reader);
        break;
      case 2:
        state = GetU32(reader);
        break;
      case 3:
        has_frame = true;
        frame = GetBytes(reader);
        break;
      case 4:
        name = GetU32(reader);
        break;
      case 5:
        qualname = GetU32(reader);
        break;
      case 6:
        code = GetU32(reader);
        break;
      case 7:
        awaiting = GetU32(reader);
        break;
      case 8:
        handling = GetU32(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Parts::Parts(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        parts.push_back(ReadAttribute(GetBytes(reader)));
        break;
      case 2: {
        IntPart part;
        Reader inner = Read(GetBytes(reader));
        while (inner.next()) {
          if (inner.tag() == 1) {
            part.name = GetU32(inner);
          } else if (inner.tag() == 2) {
            part.value = GetS64(inner);
          } else {
            inner.skip();
          }
        }
        ints.push_back(part);
        break;
      }
      case 3: {
        BytesPart part;
        Reader inner = Read(GetBytes(reader));
        while (inner.next()) {
          if (inner.tag() == 1) {
            part.name = GetU32(inner);
          } else if (inner.tag() == 2) {
            part.value = GetBytes(inner);
          } else {
            inner.skip();
          }
        }
        byte_strings.push_back(part);
        break;
      }
      case 4:
        GetNumbers(reader, items);
        break;
      default:
        reader.skip();
    }
  }
}

}  // namespace pysnap::replay
