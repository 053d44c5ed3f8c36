// What stands between something suspended and what it waits for: asyncio's futures and tasks, and the awaitables that
// coroutines, asynchronous generators and futures are iterated by.
#include "snapshotter/objects/decoders/decoders.h"

namespace pysnap {

absl::Status DecodeFuture(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().FutureObj;
  return DecodeParts(crawl, object,
                     {{"_loop", layout.fut_loop}, {"_result", layout.fut_result}, {"_exception", layout.fut_exception}},
                     out);
}

absl::Status DecodeTask(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().TaskObj;
  return DecodeParts(crawl, object,
                     {{"_coro", layout.task_coro},
                      {"_name", layout.task_name},
                      {"_fut_waiter", layout.task_fut_waiter},
                      {"_loop", layout.task_loop},
                      {"_result", layout.task_result},
                      {"_exception", layout.task_exception}},
                     out);
}

// coroutine.__await__().
absl::Status DecodeCoroutineWrapper(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"coroutine", crawl.layout().PyCoroWrapper.cw_coroutine}}, out);
}

// __anext__() and asend() of an asynchronous generator.
absl::Status DecodeAsyncGeneratorSend(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().PyAsyncGenASend;
  // enum AwaitableState (Objects/genobject.c): 0 has yet to send its value, 1 has sent it, 2 has ended.
  ASSIGN_OR_RETURN(const int32_t state, crawl.memory().ReadValue<int32_t>(object + layout.ags_state));
  RETURN_IF_ERROR(DecodeParts(crawl, object, {{"generator", layout.ags_gen}, {"value", layout.ags_sendval}}, out));
  AddIntPart(crawl, "state", state, out);
  return absl::OkStatus();
}

// athrow() and aclose().
absl::Status DecodeAsyncGeneratorThrow(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"generator", crawl.layout().PyAsyncGenAThrow.agt_gen}}, out);
}

absl::Status DecodeAnextAwaitable(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  const auto& layout = crawl.layout().anextawaitableobject;
  return DecodeParts(crawl, object, {{"awaitable", layout.wrapped}, {"default", layout.default_value}}, out);
}

absl::Status DecodeFutureIterator(Crawl& crawl, Address object, const TypeInfo&, proto::Object& out) {
  return DecodeParts(crawl, object, {{"future", crawl.layout().futureiterobject.future}}, out);
}

}  // namespace pysnap
