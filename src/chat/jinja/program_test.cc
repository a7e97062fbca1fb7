// Errors, limits and hostile templates; what templates mean is in program_golden_test.cc.
#include "chat/jinja/program.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "chat/chat_testing.h"

namespace glimmer::chat::jinja {
namespace {

base::Result<std::string> Rendered(const std::string& source, const Limits& limits = {},
                                   const base::JsonObject& variables = {}) {
  auto program = Program::Parse(source, "t", limits);
  if (!program.ok()) return std::move(program).error();
  return program.value().Render(variables);
}

std::string Shown(const base::Result<std::string>& result) {
  return result.ok() ? result.value() : result.error().message;
}

std::string Repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Program, ErrorsNameTheLine) {
  EXPECT_EQ(Shown(Rendered("a\nb {{ x.y }}")), "t: line 2: \"x\" is not defined");
  EXPECT_EQ(Shown(Rendered("{{ {'a': 1}.b.c }}")), "t: line 1: dict has no \"b\"");
  EXPECT_EQ(Shown(Rendered("\n\n{% for x in 5 %}{% endfor %}")),
            "t: line 3: a int cannot be walked over");
  EXPECT_EQ(Shown(Rendered("\n{{ 1 + 'a' }}")), "t: line 2: `+` cannot combine a int and a str");
  EXPECT_EQ(Shown(Rendered("{% macro m() %}\n{{ x.y }}{% endmacro %}\n{{ m() }}")),
            "t: line 2: \"x\" is not defined");
  EXPECT_EQ(Shown(Rendered("a\n{{ 'x'|nosuch }}")), "t: line 2: there is no filter \"nosuch\"");
  EXPECT_EQ(Shown(Rendered("{{ (1 }}")), "t: line 1: unexpected \"}\", expected \")\"");
  EXPECT_EQ(Shown(Rendered("{% if x %}")),
            "t: line 1: the template ends without \"elif\" or \"else\" or \"endif\"");
  EXPECT_EQ(Shown(Rendered("{% include 'x' %}")),
            "t: line 1: the tag \"include\" is not supported");
  EXPECT_EQ(Shown(Rendered("a\n{% foo %}")), "t: line 2: unknown tag \"foo\"");
  EXPECT_EQ(Shown(Rendered("{{ raise_exception('bad ' ~ 1) }}")),
            "t: line 1: the template refuses this input: bad 1");
  EXPECT_EQ(Shown(Rendered("ab\xff")), "t: byte 2 is not valid UTF-8");
}

TEST(Program, IntegersOverflowWithAnError) {
  const std::string overflow = "t: line 1: the result does not fit into a 64-bit integer";
  EXPECT_EQ(Shown(Rendered("{{ 9223372036854775807 + 1 }}")), overflow);
  EXPECT_EQ(Shown(Rendered("{{ -9223372036854775807 - 2 }}")), overflow);
  EXPECT_EQ(Shown(Rendered("{{ 4294967296 * 4294967296 }}")), overflow);
  EXPECT_EQ(Shown(Rendered("{{ 2 ** 63 }}")), overflow);
  EXPECT_EQ(Shown(Rendered("{{ (-9223372036854775807 - 1) // -1 }}")), overflow);
  EXPECT_EQ(Shown(Rendered("{{ -(-9223372036854775807 - 1) }}")), overflow);
  EXPECT_EQ(Shown(Rendered("{{ 2 ** 62 }}")), "4611686018427387904");
  EXPECT_EQ(Shown(Rendered("{{ 9223372036854775808 }}")),
            "t: line 1: the number \"9223372036854775808\" does not fit into 64 bits");
  EXPECT_EQ(Shown(Rendered("{{ '9223372036854775808'|int }}")),
            "t: line 1: the number does not fit into a 64-bit integer");
}

TEST(Program, TellsTheTimeItIsGiven) {
  const auto program = Program::Parse("{{ strftime_now('%Y-%m') }}", "t");
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(Shown(program.value().Render({}, 1752148800)), "2025-07");
}

TEST(Program, RendersOnSeveralThreads) {
  const auto program = Program::Parse("{% for i in range(500) %}{{ 'x' ~ i }}{% endfor %}", "t");
  ASSERT_TRUE(program.ok());
  const std::string expected = Shown(program.value().Render({}));
  std::vector<std::string> outputs(4);
  {
    std::vector<std::jthread> threads;
    for (auto& output : outputs) {
      threads.emplace_back([&output, &program] { output = Shown(program.value().Render({})); });
    }
  }
  for (const auto& output : outputs) EXPECT_EQ(output, expected);
}

TEST(Program, LimitsAreNamed) {
  const auto message = [](const std::string& source, const Limits& limits) {
    const auto result = Rendered(source, limits);
    EXPECT_FALSE(result.ok()) << source;
    if (!result.ok()) {
      EXPECT_EQ(result.error().kind, base::ErrorKind::kExhausted) << source;
    }
    return Shown(result);
  };
  EXPECT_EQ(message("{% for i in range(1000) %}{% endfor %}", {.max_steps = 100}),
            "t: line 1: the template did not end within its limit of 100 steps");
  EXPECT_EQ(message("{{ 'abc' }}", {.max_output_bytes = 2}),
            "t: line 1: the output grows beyond its limit of 2 bytes");
  EXPECT_EQ(message("{{ range(11) }}", {.max_range_items = 10}),
            "t: line 1: range has more than its limit of 10 items");
  EXPECT_EQ(message("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", {.max_depth = 50}),
            "t: line 1: macros, loops and expressions run deeper than the limit of 50 levels");
  EXPECT_EQ(message("{% set n = namespace(l=[]) %}{% for i in range(9) %}{% set n.l = [n.l] %}"
                    "{% endfor %}",
                    {.max_value_depth = 5}),
            "t: line 1: values nest deeper than the limit of 5 levels");
  EXPECT_TRUE(message("{{ 'x' * 2000 }}", {.max_memory_bytes = 1500})
                  .starts_with("t: line 1: the template asks for 2,000 more bytes than its memory "
                               "limit of 1,500 bytes allows"));
  EXPECT_EQ(message("abc", {.max_template_bytes = 2}),
            "t: the template has 3 bytes, more than the limit of 2");
}

TEST(Program, DeepNestingIsRefused) {
  for (const std::string& source :
       {"{{ " + Repeated("(", 10000) + "1" + Repeated(")", 10000) + " }}",
        "{{ " + Repeated("[", 10000) + Repeated("]", 10000) + " }}",
        "{{ " + Repeated("not ", 10000) + "1 }}", "{{ " + Repeated("-", 10000) + "1 }}",
        "{{ a" + Repeated(".b", 10000) + " }}", "{{ a" + Repeated("|list", 10000) + " }}",
        "{{ a" + Repeated("[0]", 10000) + " }}", "{{ a" + Repeated("()", 10000) + " }}",
        "{{ " + Repeated("1 if 1 else ", 10000) + "1 }}", Repeated("{% if 1 %}", 10000),
        Repeated("{% for x in y %}", 10000), "{% set " + Repeated("(", 10000) + " %}",
        "{{ a" + Repeated(" is b", 10000) + " }}", "{{ " + Repeated("a(", 10000) + " }}"}) {
    const auto result = Rendered(source);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, base::ErrorKind::kCorrupt) << result.error().message;
  }
}

TEST(Program, LongFlatTemplatesAreFine) {
  EXPECT_EQ(Shown(Rendered("{{ 1" + Repeated(" + 1", 10000) + " }}")), "10001");
  EXPECT_EQ(Shown(Rendered("{{ 1" + Repeated(" ~ 1", 100) + " }}")), std::string(101, '1'));
  EXPECT_EQ(
      Shown(Rendered("{% if 0 %}" + Repeated("{% elif 0 %}", 5000) + "{% else %}x{% endif %}")),
      "x");
}

struct Hostile {
  const char* name;
  std::string source;
};

std::vector<Hostile> HostileTemplates() {
  const std::string nine = "{% for a in range(99999) %}";
  return {
      {"loops in loops", Repeated(nine, 9) + Repeated("{% endfor %}", 9)},
      {"endless recursion", "{% macro m(x) %}{{ m(x ~ x) }}{% endmacro %}{{ m('a') }}"},
      {"doubling text",
       "{% set n = namespace(s='a') %}" + nine + "{% set n.s = n.s ~ n.s %}{% endfor %}"},
      {"doubling lists",
       "{% set n = namespace(s=[1]) %}" + nine + "{% set n.s = n.s + n.s %}{% endfor %}"},
      {"shared lists printed",
       "{% set n = namespace(s=[1]) %}{% for a in range(60) %}"
       "{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}"},
      {"shared lists as json",
       "{% set n = namespace(s=[1]) %}{% for a in range(60) %}"
       "{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s|tojson }}"},
      {"shared lists compared",
       "{% set n = namespace(s=[1], t=[1]) %}{% for a in range(60) %}"
       "{% set n.s = [n.s, n.s] %}{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.s == n.t }}"},
      {"huge repetition", "{{ 'x' * 9223372036854775807 }}"},
      {"huge list", "{{ [1] * 9223372036854775807 }}"},
      {"huge width", "{{ '%999999999d' % 1 }}{{ 'x'.center(9223372036854775807) }}"},
      {"huge indent", "{{ 'x'|indent(9223372036854775807, true) }}"},
      {"huge json indent", "{{ [1]|tojson(indent=9223372036854775807) }}"},
      {"replace blow-up", "{% set s = 'a' * 100000 %}{{ s|replace('a', s) }}"},
      {"join blow-up", "{% set s = 'a' * 1000000 %}{{ s.join(s) }}"},
      {"slow search", "{% set s = 'a' * 4000000 %}" + nine +
                          "{% set x = ('a' * 2000000 ~ 'b') in s %}{% endfor %}"},
      {"many namespaces", "{% set n = namespace(l=none) %}" + nine +
                              "{% for b in range(99) %}{% set n.l = namespace(l=n.l) %}"
                              "{% endfor %}{% endfor %}"},
      {"sorting", "{% set s = range(99999)|list %}" + nine + "{% set x = s|sort %}{% endfor %}"},
      {"batches", "{{ [1]|batch(9223372036854775807, 0)|list }}"},
      {"slices", "{{ [1]|slice(9223372036854775807)|list }}"},
      {"many outputs", nine + nine + "xxxxxxxxxxxxxxxx{% endfor %}{% endfor %}"},
      {"many variables",
       Repeated("{% set a = 1 %}", 1000) + nine + nine + "{% set b = a %}{% endfor %}{% endfor %}"},
      {"recursive loop", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"},
      {"splitting", "{% set s = 'a ' * 9000000 %}{{ s.split()|length }}"},
      {"points", "{% set s = 'ä' * 9000000 %}" + nine + "{% set x = s[5000000] %}{% endfor %}"},
  };
}

TEST(Program, HostileTemplatesEndSoon) {
  for (const Hostile& hostile : HostileTemplates()) {
    const auto begin = std::chrono::steady_clock::now();
    const auto result = Rendered(hostile.source);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    ASSERT_FALSE(result.ok()) << hostile.name;
    // Generous: sanitizers and a busy machine are many times slower.
    EXPECT_LT(seconds.count(), 30.0) << hostile.name;
    RecordProperty(hostile.name, std::to_string(seconds.count()));
    std::printf("    %-22s %6.3f s  %s\n", hostile.name, seconds.count(),
                result.error().message.c_str());
  }
}

TEST(Program, CirclesOfValuesAreFreed) {
  // The leak checker of the asan preset proves it.
  EXPECT_EQ(Shown(Rendered(
                "{% set n = namespace() %}{% set n.n = n %}{% set n.l = [n] %}"
                "{% macro m() %}{{ m.name }}{% endmacro %}{% set n.m = m %}"
                "{% for x in [1] %}{% set n.loop = loop %}{% set l = [loop] %}"
                "{{ loop.changed([loop]) }}{% set n.c = loop.changed %}{% endfor %}{{ m() }}")),
            "Truem");
}

TEST(Program, LongChainsAreFreedWithoutDeepRecursion) {
  EXPECT_EQ(Shown(Rendered("{% set n = namespace(l=none) %}{% for i in range(90000) %}"
                           "{% set n.l = namespace(l=n.l) %}{% endfor %}x")),
            "x");
  EXPECT_EQ(Shown(Rendered("{% set n = namespace(m=none) %}{% for i in range(20000) %}"
                           "{% set p = n.m %}{% macro m() %}{{ p }}{% endmacro %}{% set n.m = m %}"
                           "{% endfor %}x")),
            "x");
}

TEST(Program, BigInputNumbersAreRefused) {
  const auto json = base::ParseJson(R"({"n": 18446744073709551615})", "t");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(Shown(Rendered("{{ n }}", {}, json.value().as_object())),
            "t: line 1: the number 18446744073709551615 of the input is larger than 64-bit "
            "integers go");
}

}  // namespace
}  // namespace glimmer::chat::jinja
