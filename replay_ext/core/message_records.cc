// The records around the objects: threads, sources, header, trailer.
#include "replay_ext/core/messages.h"
#include "replay_ext/core/wire.h"

namespace pysnap::replay {

using namespace wire;  // NOLINT: the same few names everywhere

Thread::Thread(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        native_id = GetI64(reader);
        break;
      case 2:
        ident = GetU64(reader);
        break;
      case 3:
        name = GetU32(reader);
        break;
      case 4:
        is_main = GetBool(reader);
        break;
      case 5:
        holds_gil = GetBool(reader);
        break;
      case 6:
        interpreter = GetI64(reader);
        break;
      case 7:
        frames.push_back(GetBytes(reader));
        break;
      case 8:
        handling = GetU32(reader);
        break;
      case 9:
        raised = GetU32(reader);
        break;
      case 10:
        stopped = GetBool(reader);
        break;
      case 11:
        truncated = ReadAbsent(GetBytes(reader));
        break;
      case 15: {
        waits = true;
        Reader wait = Read(GetBytes(reader));
        while (wait.next()) {
          if (wait.tag() == 5) {
            wants_gil = GetBool(wait);
          } else {
            wait.skip();
          }
        }
        break;
      }
      default:
        reader.skip();
    }
  }
}

CancelScope::CancelScope(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        address = GetU64(reader);
        break;
      case 2:
        object = GetU32(reader);
        break;
      case 3:
        nursery = GetU32(reader);
        break;
      case 4:
        deadline = GetDouble(reader);
        break;
      case 5:
        cancelled = GetBool(reader);
        break;
      case 6:
        shield = GetBool(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Task::Task(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        address = GetU64(reader);
        break;
      case 2:
        object = GetU32(reader);
        break;
      case 3:
        name = GetU32(reader);
        break;
      case 4:
        state = GetU32(reader);
        break;
      case 5:
        coroutine = GetU32(reader);
        break;
      case 6:
        waiter = GetU32(reader);
        break;
      case 7:
        loop = GetU32(reader);
        break;
      case 8:
        native_id = GetI64(reader);
        break;
      case 9:
        interpreter = GetI64(reader);
        break;
      case 10:
        GetNumbers(reader, awaited_by);
        break;
      case 11:
        library = GetU32(reader);
        break;
      case 12:
        role = GetU32(reader);
        break;
      case 13:
        parent = GetU64(reader);
        break;
      case 14:
        parent_scope = GetU64(reader);
        break;
      case 15:
        scopes.emplace_back(GetBytes(reader));
        break;
      case 16:
        scopes_absent = ReadAbsent(GetBytes(reader));
        break;
      default:
        reader.skip();
    }
  }
}

Greenlet::Greenlet(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        address = GetU64(reader);
        break;
      case 2:
        object = GetU32(reader);
        break;
      case 3:
        state = GetU32(reader);
        break;
      case 4:
        is_main = GetBool(reader);
        break;
      case 5:
        parent = GetU64(reader);
        break;
      case 6:
        main = GetU64(reader);
        break;
      case 7:
        native_id = GetI64(reader);
        break;
      case 8:
        interpreter = GetI64(reader);
        break;
      case 9:
        frames.push_back(GetBytes(reader));
        break;
      case 10:
        run = GetU32(reader);
        break;
      case 11:
        handling = GetU32(reader);
        break;
      case 12:
        thread_ended = GetBool(reader);
        break;
      case 13:
        truncated = ReadAbsent(GetBytes(reader));
        break;
      case 14:
        absent = ReadAbsent(GetBytes(reader));
        break;
      default:
        reader.skip();
    }
  }
}

CrashException::CrashException(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        object = GetU32(reader);
        break;
      case 2:
        native_id = GetI64(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Problem::Problem(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        where = GetBytes(reader);
        break;
      case 2:
        reason = GetBytes(reader);
        break;
      default:
        reader.skip();
    }
  }
}

SourceFile::SourceFile(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        filename = GetBytes(reader);
        break;
      case 2:
        content = GetBytes(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Trailer::Trailer(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        complete = GetBool(reader);
        break;
      case 2:
        pause_ns = GetI64(reader);
        break;
      case 3:
        total_ns = GetI64(reader);
        break;
      case 4:
        objects = GetU64(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Python::Python(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        major = GetU32(reader);
        break;
      case 2:
        minor = GetU32(reader);
        break;
      case 3:
        micro = GetU32(reader);
        break;
      case 6:
        version = GetBytes(reader);
        break;
      case 7:
        debug = GetBool(reader);
        break;
      case 8:
        free_threaded = GetBool(reader);
        break;
      case 9:
        magic = GetU32(reader);
        break;
      default:
        reader.skip();
    }
  }
}

Header::Header(Bytes bytes) {
  Reader reader = Read(bytes);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        format = GetU32(reader);
        break;
      case 2:
        pysnap_version = GetBytes(reader);
        break;
      case 3: {
        Reader inner = Read(GetBytes(reader));
        while (inner.next()) {
          switch (inner.tag()) {
            case 1:
              reason = GetU32(inner);
              break;
            case 2:
              has_signal = true;
              signal = GetI32(inner);
              break;
            case 3:
              has_exit_code = true;
              exit_code = GetI32(inner);
              break;
            case 4:
              has_fault_address = true;
              fault_address = GetU64(inner);
              break;
            case 5:
              has_native_id = true;
              native_id = GetI64(inner);
              break;
            default:
              inner.skip();
          }
        }
        break;
      }
      case 4: {
        Reader inner = Read(GetBytes(reader));
        while (inner.next()) {
          switch (inner.tag()) {
            case 1:
              pid = GetI64(inner);
              break;
            case 2:
              argv.push_back(GetBytes(inner));
              break;
            case 3:
              executable = GetBytes(inner);
              break;
            case 4:
              cwd = GetBytes(inner);
              break;
            case 5:
              hostname = GetBytes(inner);
              break;
            case 6:
              python = Python(GetBytes(inner));
              break;
            default:
              inner.skip();
          }
        }
        break;
      }
      case 5:
        time_ns = GetI64(reader);
        break;
      default:
        reader.skip();
    }
  }
}

}  // namespace pysnap::replay
