#include "snapshotter/format/idle_loops.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <map>

#include "snapshotter/format/task_view.h"
#include "tests/unit/format/test_snapshot.h"

namespace pysnap::format {
namespace {

constexpr int64_t kMain = 11;
constexpr int64_t kWorker = 12;
constexpr int kEpoll = 3;
constexpr int kWaker = 4;

// A process in which nothing will ever run: its main thread runs a loop with one task, another is parked. Tests change
// one thing of it each.
struct Process {
  Process() {
    snapshot.Add(&empty_list)->mutable_sequence()->set_kind(proto::Sequence::LIST);
    snapshot.Add(&empty_deque)->mutable_sequence()->set_kind(proto::Sequence::DEQUE);
    snapshot.Add(&empty_dict)->mutable_mapping();
    snapshot.Add(&one_item)->mutable_sequence()->add_item(empty_list);
    const uint32_t socket_type = snapshot.Type("socket", "_socket", false);
    proto::Object* socket = snapshot.Add(&waker);
    socket->set_type(socket_type);
    proto::IntPart* part = socket->mutable_parts()->add_int_part();
    part->set_name(snapshot.String("fd"));
    part->set_value(kWaker);

    const uint32_t loop_type = snapshot.Type("_UnixSelectorEventLoop", "asyncio.unix_events", true);
    snapshot.Add(&loop)->set_type(loop_type);
    SetAttribute(loop, "_ready", empty_deque);
    SetAttribute(loop, "_scheduled", empty_list);
    SetAttribute(loop, "_signal_handlers", empty_dict);
    SetAttribute(loop, "_ssock", waker);

    main.set_native_id(kMain);
    main.set_stopped(true);
    AddFrame("select", "selectors");
    AddFrame("_run_once", "asyncio.base_events");
    proto::Local* self = AddFrame("run_forever", "asyncio.base_events").add_local();
    self->set_name(snapshot.String("self"));
    self->set_value(loop);
    proto::Wait& wait = *main.mutable_wait();
    wait.set_system_call(snapshot.String("epoll_wait"));
    wait.add_fd(kEpoll);
    proto::WaitedFile& epoll = *wait.add_file();
    epoll.set_fd(kEpoll);
    epoll.set_kind(proto::WaitedFile::EPOLL);
    AddRegistered(kWaker);

    worker.set_native_id(kWorker);
    worker.set_stopped(true);
    state.set_threads(2);
    state.add_parked(kWorker);
    proto::SignalHandler& interrupt = *state.add_signal_handler();
    interrupt.set_signal(SIGINT);
    interrupt.set_handler(Builtin("default_int_handler", "_signal"));
    state.add_signal_handler()->set_signal(SIGSEGV);

    task.set_address(0x100);
    task.set_loop(loop);
    task.set_waiter(empty_list);
    task.set_state(proto::Task::PENDING);
  }

  void SetAttribute(uint32_t object, std::string_view name, uint32_t value) {
    const uint32_t id = snapshot.String(name);
    for (proto::Attribute& attribute : *snapshot.object(object)->mutable_attribute()) {
      if (names[attribute.name()] == name) return attribute.set_value(value);
    }
    names[id] = name;
    proto::Attribute* attribute = snapshot.object(object)->add_attribute();
    attribute->set_name(id);
    attribute->set_value(value);
  }

  proto::Frame& AddFrame(std::string_view function, std::string_view module) {
    proto::Frame& frame = *main.add_frame();
    frame.set_code(snapshot.Code(function, "file.py"));
    frame.set_module(snapshot.String(module));
    return frame;
  }

  void AddRegistered(int fd) {
    proto::WaitedFile& registered = *main.mutable_wait()->add_file();
    registered.set_fd(fd);
    registered.set_epoll(kEpoll);
    registered.set_kind(proto::WaitedFile::SOCKET);
  }

  uint32_t Builtin(std::string_view name, std::string_view module) {
    uint32_t id;
    const uint32_t module_name = snapshot.Str(module);
    proto::BuiltinFunction& function = *snapshot.Add(&id)->mutable_builtin_function();
    function.set_name(snapshot.String(name));
    function.set_module(module_name);
    return id;
  }

  size_t CountIdle() {
    *snapshot.Record().mutable_thread() = main;
    *snapshot.Record().mutable_thread() = worker;
    *snapshot.Record().mutable_task() = task;
    if (has_state) *snapshot.Record().mutable_process_state() = state;
    const std::unique_ptr<LoadedSnapshot> loaded = snapshot.Load();
    return FindIdleLoops(*loaded, ViewTasks(*loaded)).size();
  }

  TestSnapshot snapshot;
  std::map<uint32_t, std::string> names;
  uint32_t empty_list = 0;
  uint32_t empty_deque = 0;
  uint32_t empty_dict = 0;
  uint32_t one_item = 0;
  uint32_t waker = 0;
  uint32_t loop = 0;
  proto::Thread main;
  proto::Thread worker;
  proto::Task task;
  proto::ProcessState state;
  bool has_state = true;
};

size_t CountIdleAfter(const std::function<void(Process&)>& change) {
  Process process;
  change(process);
  return process.CountIdle();
}

TEST(IdleLoops, IsProven) {
  Process process;
  EXPECT_EQ(process.CountIdle(), 1);
}

TEST(IdleLoops, NotWithoutThatOfAllThreads) {
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.has_state = false; }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.state.set_threads(3); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.state.clear_parked(); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.set_stopped(false); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.clear_wait(); }), 0);
  // One record for each interpreter that a thread is in.
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.worker.set_native_id(kMain); }), 1);
}

TEST(IdleLoops, NotWhenSignalsMayWakeIt) {
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.state.add_signal_handler()->set_signal(SIGUSR1); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) {
              p.state.mutable_signal_handler(0)->set_handler(p.Builtin("default_int_handler", "other"));
            }),
            0);
  EXPECT_EQ(
      CountIdleAfter([](Process& p) { p.state.mutable_signal_handler(0)->set_handler(p.Builtin("wakes", "_signal")); }),
      0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.state.mutable_signal_handler(0)->set_handler(9999); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.state.mutable_signal_handler(0)->set_handler(p.empty_list); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.state.mutable_signals_absent()->set_detail("unknown"); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.SetAttribute(p.loop, "_signal_handlers", p.one_item); }), 0);
}

TEST(IdleLoops, NotWhenTheLoopHasSomethingToDo) {
  for (const char* name : {"_ready", "_scheduled"}) {
    EXPECT_EQ(CountIdleAfter([&](Process& p) { p.SetAttribute(p.loop, name, p.one_item); }), 0) << name;
    EXPECT_EQ(CountIdleAfter([&](Process& p) { p.SetAttribute(p.loop, name, 0); }), 0) << name;
    EXPECT_EQ(CountIdleAfter([&](Process& p) {
                p.snapshot.Add(&p.one_item)->mutable_absent()->set_reason(proto::Absent::LIMIT);
                p.SetAttribute(p.loop, name, p.one_item);
              }),
              0)
        << name;
  }
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.mutable_wait()->set_has_timeout(true); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.mutable_wait()->set_system_call(p.snapshot.String("read")); }), 0);
}

TEST(IdleLoops, NotWhenAnythingElseIsRegistered) {
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.AddRegistered(7); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.mutable_wait()->mutable_file()->RemoveLast(); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.mutable_wait()->mutable_file(1)->set_fd(7); }), 0);
  EXPECT_EQ(
      CountIdleAfter([](Process& p) { p.main.mutable_wait()->mutable_file(1)->set_kind(proto::WaitedFile::UNKNOWN); }),
      0);
  EXPECT_EQ(CountIdleAfter([](Process& p) {
              p.main.mutable_wait()->mutable_file(0)->mutable_absent()->set_reason(proto::Absent::LIMIT);
            }),
            0);
}

TEST(IdleLoops, NotOfAnotherKind) {
  EXPECT_EQ(
      CountIdleAfter([](Process& p) { p.snapshot.object(p.loop)->set_type(p.snapshot.Type("Loop", "uvloop", true)); }),
      0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.mutable_frame(1)->set_module(p.snapshot.String("nest_asyncio")); }),
            0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.mutable_frame()->RemoveLast(); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.main.mutable_frame(2)->clear_local(); }), 0);
}

TEST(IdleLoops, NotWithTasksThatMayRun) {
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.task.set_state(proto::Task::RUNNING); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.task.set_state(proto::Task::STATE_UNKNOWN); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.task.clear_waiter(); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.task.set_state(proto::Task::FINISHED); }), 0);
  EXPECT_EQ(CountIdleAfter([](Process& p) { p.task.set_loop(p.empty_list); }), 0);
}

}  // namespace
}  // namespace pysnap::format
