// Runs Python code as a program does that is none:
//
//   embed LIBPYTHON MODE CODE    LIBPYTHON is loaded by dlopen; "-": the program is linked to it
//
// MODE: string (PyRun_SimpleString), print and printex (PyRun_String, then PyErr_Print or PyErr_PrintEx(0)), stay (as
// string, and without an interpreter until there is something to read). Ends with 7.
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void* find(const char* name) {
  void* found = dlsym(RTLD_DEFAULT, name);
  if (found == NULL) fprintf(stderr, "no %s\n", name);
  return found;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  if (strcmp(argv[1], "-") != 0 && dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 3;
  }
  void (*initialize)(void) = (void (*)(void))find("Py_Initialize");
  int (*finalize)(void) = (int (*)(void))find("Py_FinalizeEx");
  initialize();
  const int stay = strcmp(argv[2], "stay") == 0;
  if (stay || strcmp(argv[2], "string") == 0) {
    int (*run)(const char*) = (int (*)(const char*))find("PyRun_SimpleString");
    run(argv[3]);
  } else {
    void* (*add_module)(const char*) = (void* (*)(const char*))find("PyImport_AddModule");
    void* (*get_dict)(void*) = (void* (*)(void*))find("PyModule_GetDict");
    void* (*run)(const char*, int, void*, void*) = (void* (*)(const char*, int, void*, void*))find("PyRun_String");
    void* names = get_dict(add_module("__main__"));
    const int file_input = 257;  // Py_file_input, Include/compile.h
    if (run(argv[3], file_input, names, names) == NULL) {
      if (strcmp(argv[2], "print") == 0) {
        ((void (*)(void))find("PyErr_Print"))();
      } else {
        ((void (*)(int))find("PyErr_PrintEx"))(0);
      }
    }
  }
  finalize();
  if (stay) {
    puts("without an interpreter");
    fflush(stdout);
    getchar();
  }
  return 7;
}
