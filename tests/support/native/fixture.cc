// A library whose calls a test follows. The order of its lines matters: each function stands above those that call it.
namespace fixture {

using Callback = void (*)(void*);

volatile int sink = 0;

[[gnu::always_inline]] inline void InlinedInner(Callback callback, void* argument) {
  callback(argument);
  sink = sink + 1;
}

[[gnu::always_inline]] inline void InlinedOuter(Callback callback, void* argument) {
  InlinedInner(callback, argument);
  sink = sink + 2;
}

template <typename T>
class Shape {
 public:
  [[gnu::noinline]] int Visit(Callback callback, void* argument) {
    volatile T local[16] = {};
    InlinedOuter(callback, argument);
    return local[3] + sink;
  }
};

}  // namespace fixture

extern "C" [[gnu::visibility("default")]] int native_fixture_enter(fixture::Callback callback, void* argument) {
  fixture::Shape<int> shape;
  const int result = shape.Visit(callback, argument);
  return result + fixture::sink;
}

// Structs that a test looks for by their names.
namespace fixture {

struct First {
  void* at_begin;
  int number;
};

struct Second {
  char letter;
  void* hidden;
};

class Derived : public First, public Second {
 public:
  struct Inside {
    short small;
    double large;
  } inside;
  void* hidden;
  static int shared;
  unsigned bits : 3;
};

int Derived::shared = 3;

}  // namespace fixture

extern "C" [[gnu::visibility("default")]] int native_fixture_look_at(fixture::Derived* derived) {
  return derived->number + fixture::Derived::shared;
}
