// The crawl itself: ids, budgets, redaction, namespaces, holes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "snapshotter/objects/redaction.h"
#include "tests/support/collected.h"

namespace pysnap::testing {
namespace {

using ::testing::ElementsAre;

class CrawlerTest : public EveryBuild {};
INSTANTIATE_TEST_SUITE_P(Builds, CrawlerTest, ::testing::ValuesIn(AllBuilds()), BuildName);

TEST_P(CrawlerTest, BreadthFirst) {
  const Address inner = heap.List({heap.Str("deep")});
  const Collected found = CrawlRoot(heap, heap.List({inner, heap.Str("flat")}));
  EXPECT_THAT(found.At(1).sequence().item(), ElementsAre(3, 4));  // 2 is the type
  EXPECT_EQ(found.At(4).str(), "flat");
}

TEST_P(CrawlerTest, NullIsZero) {
  CrawlFrom(heap, [](GraphCrawler& crawler) {
    EXPECT_EQ(crawler.Ref(Address()), 0u);
    EXPECT_EQ(crawler.RefEssential(Address()), 0u);
    EXPECT_EQ(crawler.RefNamed("x", Address()), 0u);
    EXPECT_EQ(crawler.RefNamespace(Address(), NamespaceKind::kWhole), 0u);
  });
}

TEST_P(CrawlerTest, UnreadableObject) {
  const Collected found = CrawlRoot(heap, heap.List({Address(0x10), heap.Int(1)}));
  const proto::Sequence& items = found.At(1).sequence();
  EXPECT_EQ(found.At(items.item(0)).absent().reason(), proto::Absent::UNREADABLE);
  EXPECT_EQ(found.At(items.item(0)).address(), 0x10u);
  EXPECT_EQ(found.At(items.item(1)).int_value(), 1);
}

TEST_P(CrawlerTest, HugeListKeepsWhatIsThere) {
  const Address list = heap.List({heap.Int(1)});
  heap.Poke<uint64_t>(list + heap.layout().PyVarObject.ob_size, uint64_t{1} << 40);
  heap.Poke<uint64_t>(list + heap.layout().PyListObject.allocated, uint64_t{1} << 40);
  const Collected found = CrawlRoot(heap, list);
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::UNREADABLE);
  EXPECT_EQ(found.At(1).length(), uint64_t{1} << 40);
}

TEST_P(CrawlerTest, ListBeingSortedIsTorn) {
  const Address list = heap.List({});
  heap.Poke<int64_t>(list + heap.layout().PyListObject.allocated, -1);
  EXPECT_EQ(CrawlRoot(heap, list).At(1).absent().reason(), proto::Absent::TORN);
}

TEST_P(CrawlerTest, MaxObjects) {
  Items items;
  for (int i = 0; i < 100; ++i) items.push_back(heap.Int(i));
  CrawlOptions options;
  options.max_objects = 10;
  const Collected found = CrawlRoot(heap, heap.List(items), options);
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::LIMIT);
  EXPECT_EQ(found.At(1).length(), 100u);
  EXPECT_EQ(found.At(1).sequence().item_size(), 8);
  // Types are there all the same.
  EXPECT_EQ(found.TypeName(found.At(3)), "int");
  EXPECT_LT(found.size(), 20u);
}

TEST_P(CrawlerTest, MaxDepth) {
  CrawlOptions options;
  options.max_depth = 2;
  const Collected found = CrawlRoot(heap, heap.List({heap.List({heap.List({heap.Int(1)})})}), options);
  const uint32_t second = found.At(1).sequence().item(0);
  EXPECT_EQ(found.At(second).absent().reason(), proto::Absent::LIMIT);
  EXPECT_EQ(found.At(second).length(), 1u);
  EXPECT_EQ(found.At(second).sequence().item_size(), 0);
}

TEST_P(CrawlerTest, MaxBytes) {
  CrawlOptions options;
  options.max_bytes = 100;
  const Collected found = CrawlRoot(heap, heap.Str(std::string(1000, 'x')), options);
  EXPECT_EQ(found.At(1).str(), std::string(100, 'x'));
  EXPECT_EQ(found.At(1).length(), 1000u);
  EXPECT_EQ(found.At(1).absent().reason(), proto::Absent::LIMIT);
}

TEST_P(CrawlerTest, MaxItems) {
  CrawlOptions options;
  options.max_items = 1;
  const std::vector<Address> items = {heap.Int(5), heap.Int(6)};
  const Entries entries = {{heap.Interned("a"), items[0]}, {heap.Interned("b"), items[1]}};
  for (const Address container :
       {heap.List(items), heap.Tuple(items), heap.Deque(items, -1, 0), heap.Set("PySet_Type", items),
        heap.Dict(entries), heap.OrderedDict(entries, {1, 0})}) {
    const Collected found = CrawlRoot(heap, container, options);
    const proto::Object& object = found.At(1);
    EXPECT_EQ(object.length(), 2u);
    EXPECT_EQ(object.absent().reason(), proto::Absent::LIMIT);
    EXPECT_EQ(object.absent().detail(), "--max-items");
    EXPECT_EQ(object.sequence().item_size() + object.mapping().key_size(), 1);
    // As many as are allowed are no fewer than all of them.
    options.max_items = 2;
    EXPECT_FALSE(CrawlRoot(heap, container, options).At(1).has_absent());
    options.max_items = 1;
  }
}

TEST_P(CrawlerTest, SecretNames) {
  const RedactionRules rules = *RedactionRules::Create(true, {});
  CrawlOptions options;
  options.redaction = &rules;
  const Address hunter = heap.Str("hunter2");
  const Address dict = heap.Dict({{heap.Interned("password"), hunter},
                                  {heap.Interned("user"), heap.Str("root")},
                                  {heap.Interned("token"), heap.None()},
                                  {heap.Bytes("cookie"), heap.Bytes("crumbs")}},
                                 /*general=*/true);
  // The str is met under an innocent name first.
  const Collected found = CrawlRoot(
      heap,
      heap.List({hunter, dict, heap.Tuple({heap.Str("Authorization"), heap.Str("Bearer x")}), heap.Str("visible")}),
      options);
  const proto::Sequence& items = found.At(1).sequence();
  EXPECT_EQ(found.At(items.item(0)).absent().reason(), proto::Absent::REDACTED);
  EXPECT_EQ(found.At(items.item(3)).str(), "visible");
  auto entries = found.Entries(items.item(1));
  const proto::Object& stand_in = found.At(entries["password"]);
  EXPECT_EQ(stand_in.absent().reason(), proto::Absent::REDACTED);
  EXPECT_EQ(stand_in.address(), 0u);
  EXPECT_EQ(found.TypeName(stand_in), "str");
  EXPECT_EQ(found.At(entries["user"]).str(), "root");
  EXPECT_EQ(found.At(entries["token"]).singleton(), proto::NONE);
  for (const char* secret : {"hunter2", "crumbs", "Bearer x"}) EXPECT_FALSE(found.Mentions(secret)) << secret;
}

TEST_P(CrawlerTest, SecretAttributesAndLocals) {
  const RedactionRules rules = *RedactionRules::Create(true, {});
  CrawlOptions options;
  options.redaction = &rules;
  const Address type = heap.Class("Account", heap.Symbol("PyBaseObject_Type"), {.shared_keys = {"user", "api_key"}});
  const Address instance = heap.Instance(type, {{"user", heap.Str("ann")}, {"api_key", heap.Str("k-123")}});
  const Address local = heap.Str("local secret");
  const Collected found = CrawlFrom(
      heap,
      [&](GraphCrawler& crawler) {
        crawler.Ref(instance);
        crawler.RefNamed("db_passwd", local);
        crawler.RefNamed("secret", heap.Symbol("PyList_Type"));
      },
      options);
  EXPECT_FALSE(found.Mentions("k-123"));
  EXPECT_FALSE(found.Mentions("local secret"));
  EXPECT_EQ(found.At(2).absent().reason(), proto::Absent::REDACTED);
  EXPECT_EQ(found.At(3).value_case(), proto::Object::kTypeValue);  // a class is no secret
}

TEST_P(CrawlerTest, RedactedTexts) {
  const std::vector<std::string> patterns = {"AKIA[0-9A-Z]+"};
  const RedactionRules rules = *RedactionRules::Create(false, patterns);
  CrawlOptions options;
  options.redaction = &rules;
  const Collected found =
      CrawlRoot(heap, heap.List({heap.Str("key AKIA0123"), heap.Bytes("AKIA9"), heap.Str("x")}), options);
  const proto::Sequence& items = found.At(1).sequence();
  EXPECT_EQ(found.At(items.item(0)).absent().reason(), proto::Absent::REDACTED);
  EXPECT_EQ(found.At(items.item(1)).absent().reason(), proto::Absent::REDACTED);
  EXPECT_EQ(found.At(items.item(2)).str(), "x");
}

TEST_P(CrawlerTest, NamespaceOfWhatCodeNames) {
  // lib.used() names LIMIT, which is next to it.
  const Address used_code = heap.Code({heap.Interned("LIMIT")}, {});
  const Address used = heap.Function(used_code, Address(), "used");
  const Address module = heap.Module({{heap.Interned("__name__"), heap.Str("lib")},
                                      {heap.Interned("__spec__"), heap.None()},
                                      {heap.Interned("used"), used},
                                      {heap.Interned("LIMIT"), heap.Str("limit value")},
                                      {heap.Interned("unused"), heap.Str("unused value")}});
  const Address module_dict = *heap.memory().ReadPointer(module + heap.layout().PyModuleObject.md_dict);
  heap.PokePointer(used + heap.layout().PyFunctionObject.func_globals, module_dict);
  const Address globals = heap.Dict({{heap.Interned("__name__"), heap.Str("__main__")},
                                     {heap.Interned("lib"), module},
                                     {heap.Interned("OTHER"), heap.Str("other value")}});
  const Address nested = heap.Code({heap.Interned("used")}, {});
  const Address code = heap.Code({heap.Interned("lib")}, {nested});
  const Collected found = CrawlFrom(heap, [&](GraphCrawler& crawler) {
    EXPECT_EQ(crawler.RefNamespace(globals, NamespaceKind::kGlobals, code), 1u);
  });
  EXPECT_EQ(found.Entries(1).size(), 3u);  // a frame's globals are whole
  const proto::Mapping& lib = found.At(found.At(found.Entries(1)["lib"]).module().dict()).mapping();
  EXPECT_EQ(lib.key_size(), 4);  // __name__, __spec__, used, LIMIT
  EXPECT_EQ(lib.omitted(), 1u);
  EXPECT_TRUE(found.Mentions("limit value"));
  EXPECT_FALSE(found.Mentions("unused value"));
}

TEST_P(CrawlerTest, WholeNamespaceOfAFrame) {
  const Address dict = heap.Dict({{heap.Interned("__name__"), heap.Str("__main__")},
                                  {heap.Interned("__spec__"), heap.None()},
                                  {heap.Interned("anything"), heap.Int(1)}});
  const Collected found =
      CrawlFrom(heap, [&](GraphCrawler& crawler) { crawler.RefNamespace(dict, NamespaceKind::kWhole, Address()); });
  EXPECT_EQ(found.At(1).mapping().key_size(), 3);
}

TEST_P(CrawlerTest, ClassesOfCapturedModulesAreWhole) {
  const auto make = [&](const std::string& module) {
    return heap.Class("C", heap.Symbol("PyBaseObject_Type"),
                      {.module = module,
                       .namespace_entries = {
                           {heap.Interned("method"), heap.Function(heap.Code({}, {}), heap.Dict({}), "in " + module)},
                           {heap.Interned("TABLE"), heap.Dict({{heap.Str("row"), heap.Str("row of " + module)}})}}});
  };
  const Address mine = make("__main__");
  const Address theirs = make("library");
  const Address globals = heap.Dict({{heap.Interned("__name__"), heap.Str("__main__")}});
  const Address code = heap.Code({}, {});
  const Collected found = CrawlFrom(heap, [&](GraphCrawler& crawler) {
    crawler.RefNamespace(globals, NamespaceKind::kGlobals, code);
    crawler.Ref(heap.Object(mine, 64));
    crawler.Ref(heap.Object(theirs, 64));
  });
  EXPECT_TRUE(found.Mentions("in __main__"));
  EXPECT_FALSE(found.Mentions("in library"));
  // What methods read of their class is there in any case.
  EXPECT_TRUE(found.Mentions("row of __main__"));
  EXPECT_TRUE(found.Mentions("row of library"));
}

TEST_P(CrawlerTest, ClassesOfTheProgramsOwnModulesAreWhole) {
  const auto module = [&](const char* file) {
    const bool in_package = std::string(file) == "/app/pkg/run.py";
    return heap.Module({{heap.Interned("__package__"), heap.Str(in_package ? "pkg" : "")},
                        {heap.Interned("__file__"), heap.Str(file)}});
  };
  std::vector<std::pair<Address, Address>> modules;
  for (const auto& [name, file] : std::initializer_list<std::pair<const char*, const char*>>{
           {"os", "/usr/lib/python3/os.py"},
           {"json", "/usr/lib/python3/json.py"},
           {"__main__", "/app/pkg/run.py"},
           {"models", "/app/models.py"},
           {"installed", "/app/venv/lib/site-packages/installed.py"},
           {"packaged", "/usr/lib/dist-packages/packaged.py"},
           {"beside", "/work/here/beside.py"},
           {"elsewhere", "/deps/elsewhere.py"},
       }) {
    modules.emplace_back(heap.Interned(name), module(file));
  }
  const Address loaded = heap.Dict(modules);
  CrawlOptions options;
  options.working_folder = "/work/here";
  const auto make = [&](const std::string& name) {
    const std::vector<std::pair<Address, Address>> entries = {
        {heap.Interned("method"), heap.Function(heap.Code({}, {}), heap.Dict({}), "in " + name)},
        {heap.Interned("__len__"), heap.Str("length of " + name)}};
    return heap.Object(
        heap.Class("C", heap.Symbol("PyBaseObject_Type"), {.module = name, .namespace_entries = entries}), 64);
  };
  std::vector<Address> objects;
  const std::vector<std::string> own = {"models", "__main__", "beside"};
  const std::vector<std::string> others = {"json", "installed", "packaged", "elsewhere", "unknown"};
  for (const std::string& name : own) objects.push_back(make(name));
  for (const std::string& name : others) objects.push_back(make(name));
  const Collected found = CrawlFrom(
      heap,
      [&](GraphCrawler& crawler) {
        crawler.AddModules(Address());
        crawler.AddModules(loaded);
        for (const Address object : objects) crawler.Ref(object);
      },
      options);
  for (const std::string& name : own) EXPECT_TRUE(found.Mentions("in " + name)) << name;
  for (const std::string& name : others) EXPECT_FALSE(found.Mentions("in " + name)) << name;
  // What syntax calls is there in any case.
  for (const std::string& name : own) EXPECT_TRUE(found.Mentions("length of " + name)) << name;
  for (const std::string& name : others) EXPECT_TRUE(found.Mentions("length of " + name)) << name;
}

TEST(RedactionTest, Names) {
  const RedactionRules rules = *RedactionRules::Create(true, {});
  for (const char* name : {"password",    "DB_PASSWORD",   "userPassword",
                           "passwd",      "pwd",           "dbpassword",
                           "token",       "access_token",  "tokens",
                           "secret",      "clientSecret",  "api_key",
                           "apikey",      "APIKey",        "x-api-key",
                           "X-Api-Key",   "Authorization", "HTTP_AUTHORIZATION",
                           "auth_header", "cookie",        "Set-Cookie",
                           "cookies",     "credentials",   "private_key",
                           "session_id",  "sessionid",     "AWS_SECRET_ACCESS_KEY",
                           "csrf_token"}) {
    EXPECT_TRUE(rules.SecretName(name)) << name;
  }
  for (const char* name : {"", "x", "key", "user", "author", "tokenize", "tokenizer", "secretary", "compass",
                           "keyboard", "session", "passed", "bypass", "private", "api", "cook", "pass"}) {
    EXPECT_FALSE(rules.SecretName(name)) << name;
  }
  EXPECT_FALSE(RedactionRules().SecretName("password"));
}

TEST(RedactionTest, SecretsToldByTexts) {
  const RedactionRules rules = *RedactionRules::Create(true, {});
  const std::vector<std::pair<const char*, const char*>> told = {
      {"postgres://user:pa:ss@host/db", "pa:ss"},
      {"see http://:only@host", "only"},
      {"DB_PASSWORD=x1", "x1"},
      {"A=1\nSECRET_KEY=two words", "two"},
      {"--api-key=k", "k"},
      {"/path?token=t&page=1", "t"},
      {"user=u&password=p", "p"},
      {"host=h password=p dbname=d", "p"},
      {R"({"user": 1, "password": "p w"})", "p w"},
      {R"({'pin': 1, 'token' : 123, 'x': 2})", "123"},
      {"GET /\r\nAuthorization: Bearer b\r\n", "b"},
      {"Cookie: a=b", "a=b"},
  };
  for (const auto& [text, secret] : told) {
    EXPECT_THAT(rules.SecretsTold(text), ::testing::ElementsAre(secret)) << text;
  }
  const std::vector<const char*> innocent = {
      "",
      "=",
      ":",
      "http://host:80/a@b",
      "http://user@host/",
      "http://user:@host/",
      "password",
      "password=",
      "Password: ",
      "password: str",
      "def f(password=None, token='x'):",
      "Args:\n  token: of the client\n  password=str",
      "if token == other:",
      "{\"password\": null, \"password\": \"\"}",
      "user=u page=1",
      "My-Header: password",
  };
  for (const char* text : innocent) EXPECT_THAT(rules.SecretsTold(text), ::testing::IsEmpty()) << text;
  EXPECT_THAT(RedactionRules().SecretsTold("DB_PASSWORD=x1"), ::testing::IsEmpty());
  // In a time that grows with the text, and not with its square.
  std::string long_text;
  for (int i = 0; i < 300'000; ++i) long_text += " token=x \"token\": 'y :  = //:";
  EXPECT_FALSE(rules.SecretsTold(long_text).empty());
}

TEST(RedactionTest, SecretContents) {
  SecretContents secrets;
  EXPECT_FALSE(secrets.Within(""));
  for (const char* text : {"s3cret", "pw", "bearer", "/run/secrets/key", "a.b*c(9"}) secrets.Add(text);
  EXPECT_TRUE(secrets.Within("s3cret"));
  EXPECT_TRUE(secrets.Within("a s3cret within"));
  std::string wide;
  for (const char c : std::string("in s3cret")) wide += {c, '\0', '\0', '\0'};
  EXPECT_TRUE(secrets.Within(wide));
  EXPECT_TRUE(secrets.Within("xa.b*c(9"));
  EXPECT_FALSE(secrets.Within("xaab*c(9"));
  EXPECT_FALSE(secrets.Within("pw")) << "too short";
  EXPECT_TRUE(secrets.Within("bearer"));
  EXPECT_FALSE(secrets.Within("the bearer")) << "a word";
  EXPECT_FALSE(secrets.Within("in /run/secrets/key")) << "a path";
  std::string text = "one s3cret, two s3cret\xff";
  EXPECT_EQ(secrets.Mask(text), 2u);
  EXPECT_EQ(text, "one ******, two ******\xff");
  SecretContents copy = secrets;
  EXPECT_EQ(copy, secrets);
  copy.Add("another one");
  EXPECT_TRUE(copy.Within("yet another one"));
  EXPECT_FALSE(secrets.Within("yet another one"));
}

TEST(RedactionTest, Patterns) {
  const std::vector<std::string> patterns = {"^acme_"};
  const RedactionRules rules = *RedactionRules::Create(false, patterns);
  EXPECT_TRUE(rules.SecretName("acme_thing"));
  EXPECT_FALSE(rules.SecretName("password"));
  const std::vector<std::string> bad = {"("};
  EXPECT_EQ(RedactionRules::Create(true, bad).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace pysnap::testing
