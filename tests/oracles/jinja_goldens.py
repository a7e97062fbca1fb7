#!/usr/bin/env python3
"""Writes tests/golden/jinja/*.json: small templates and what jinja2 makes of them, and
tests/golden/chat_templates.json: models' templates on the conversations of the test data.

    python tests/oracles/jinja_goldens.py     (needs PyPI jinja2)

The environment is the one transformers gives chat templates. An `expected` of null means that
jinja2 raises. Cases whose outcome glimmer does not want to share (64-bit integers, addresses in
output) do not belong here.
"""
import json
import os

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

OUT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden", "jinja")


class GenerationTag(jinja2.ext.Extension):
    """`generation`: its body in a scope of its own, as transformers' tracker runs it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_run"), [], [], body).set_lineno(line)

    def _run(self, caller):
        return caller()


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[GenerationTag, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


VARIABLES = {
    "n": 7, "f": 2.5, "s": "Hello, Wörld", "t": True, "nothing": None, "e": "", "big": 1e16,
    "small": 1e-5, "l": [3, 1, 2], "words": ["banana", "Apple", "cherry"], "none_list": [None, 1],
    "d": {"b": 1, "a": [1, 2], "items": "hidden", "ü": "ß"}, "empty": [], "ed": {},
    "users": [{"name": "Zoe", "age": 30, "tags": ["x"]}, {"name": "adam", "age": 25},
              {"name": "Bob", "age": 30, "tags": ["y", "z"]}],
    "emoji": "a🙂b🙂c", "multi": "one\ntwo\n\nthree\n", "padded": "  x y  ", "html": "<a & 'b'>",
    "tree": [{"v": 1, "c": [{"v": 2, "c": [{"v": 3, "c": []}]}]}, {"v": 4, "c": []}],
    "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
    "quote": "it's \"q\" \\ \t \x01 é \u202e", "nested": [[1, [2, "x"]], {"k": (None)}],
}

EXPRESSIONS = {
    "literals": r"""
1 | 1.0 | 1.50 | 1e3 | 1e16 | 1e15 | 123456789.123 | 0.1+0.2 | 1e-4 | 1e-5 | 1_000 | 0x1f | 0b101 | 0o17 | 00 | 1e400 | -1e400
'a' 'b' | "x\ny" | 'it\'s' | "\u00e9\x41\101" | '\q' | "tab\tq" | true | True | false | none | None | [1, 'a', none, 1.5] | (1,) | () | (1, 2)
{'a': 1, "b": [true]} | {} | [] | {1: 2, 1.0: 3} | {true: 'x', 1: 'y'} | {none: 1} | {(1,2): 3} | {[1]: 2} | [1,2,] | {'a': 1,} | ["it's", 'q"'] | ['\n\\'] | "é" | ["é\u202e\xa0"] | quote | [quote]
1.5e | 1. | 07 | 'open | "\x4" | 9223372036854775807 | -9223372036854775807 | 1__0 | 0x | a.b.c
""",
    "arithmetic": r"""
1 + 2 * 3 | (1 + 2) * 3 | 7 // 2 | -7 // 2 | 7 % 3 | -7 % 3 | 7 % -3 | 7 / 2 | 6 / 2 | 2 ** 10 | 2 ** -1 | 2 ** 0.5 | -2 ** 2 | 2 ** 3 ** 2 | 7.5 // 2 | -7.5 % 2 | 7.5 % -2
1 / 0 | 1 // 0 | 1 % 0 | 1.0 / 0 | 0 ** -1 | 'a' + 'b' | 'a' + 1 | 1 + 'a' | 'ab' * 3 | 3 * 'ab' | 'a' * -1 | [1] + [2] | [1] * 2 | (1,) + (2,) | [1] + (2,) | 'a' - 'b'
1 ~ 'a' ~ none ~ 2.0 ~ [1] | 1 ~ 2 + 3 | 1 + 2 ~ 3 | 'a' ~ undefinedthing ~ 'b' | - n | + n | -f | -'a' | +'a' | not n | not e | true + true | true * 3 | f + n | n - f | 10 - 2 - 3 | 100 / 10 / 2 | 2 * 3 % 4 | -n|abs | (-n)|abs | 5 * -3 | 5 - -3 | 1e308 * 10 | none + 1 | l + 1 | 1.0 // 0.3 | 3.0 * 2 | 1 - 0.9 | big + 1 | big | small | 3 * 1.1
""",
    "comparison": r"""
1 < 2 | 1 < 2 < 3 | 1 < 3 < 2 | 1 == 1.0 | 1 == true | '1' == 1 | 'a' < 'b' | 'a' < 'B' | [1,2] < [1,3] | [1] < [1,0] | (1,2) == (1,2) | [1,2] == (1,2) | none == none | none < 1 | 'a' < 1 | 1 != 2
1 in [1,2] | 3 in [1,2] | 3 not in [1,2] | 'a' in 'cat' | '' in 'x' | 1 in 'a1' | 'a' in d | 'zz' in d | 'b' in {'b': 1} | 1 in 5 | 1 in nothing | 'x' in undefinedthing | undefinedthing in [1] | undefinedthing == undefinedthing2 | undefinedthing == '' | undefinedthing < 1
1 and 2 | 0 and 2 | 0 or 'x' | '' or 0 | none or false or 3 | not 1 == 2 | not (1 == 2) | not not 1 | 1 in [1] and 2 in [2] | 1 == 1 == 1 | 2 > 1 > 0 | 1 <= 1 >= 1 | {'a': 1} == {'a': 1.0} | {'a': 1} == {'a': 2} | d.a == [1,2] | 'ä' > 'z' | true < 2 | 1.5 > 1 | n is not none and n > 3 | [none] == [none] | 'b' not in 'abc' | not 'b' in 'abc'
""",
    "conditional": r"""
1 if true else 2 | 1 if false else 2 | 1 if false | 'a' if n > 3 else 'b' if n > 2 else 'c' | (1 if false) is defined | (1 if t else 2) + 1 | 1 if t else undefinedthing.x | [1 if t, 2] | (1 if false) ~ 'x' | (1 if false) + 1
n if n is defined else 0 | 'x' if not undefinedthing | l[0] if l else 'none' | 1, 2 | 1 if t, 2
""",
    "access": r"""
d.a | d['a'] | d.a[1] | d['a'].0 | d.zz | d.zz is defined | d.zz.y | d['zz'] | d['zz']['y'] | d.items is string | d['items'] | d.items() | d.keys() | d.values() | d.get('b') | d.get('zz') | d.get('zz', 5) | d.get('zz') is none
l[0] | l[-1] | l[5] | l[5].x | l.0 | l[1:] | l[:-1] | l[::-1] | l[::2] | l[5:] | l[-2:] | l[:] | l['a'] | l.foo | l[none:2] | l['a':] | l[::0] | (1,2,3)[1:] | [1,2,3,4,5][1:4:2] | [1,2,3,4,5][4:0:-2] | [1,2,3,4,5][-100:100] | [1,2,3][100:-100:-1]
s[0] | s[-1] | s[8] | s[7:10] | s[::-1] | emoji[1] | emoji[1:4] | emoji[::-1] | emoji[::2] | emoji|length | s[99] | s[99] is defined | s.foo | s['foo'] | s[1.5] | l[true] | n.foo | n[0] | n.foo.bar | nothing.x | nothing.x.y | nothing['x'] | undefinedthing | undefinedthing.x | undefinedthing['x'] | undefinedthing() | undefinedthing[0:1] | n() | 'a'() | d.a.b.c
users[0].name | users[0]['name'] | users[0].tags[0] | users[1].tags | users[1].tags is defined | users[-1].name | messages[0].role | messages[-1]['content'] | d.pop | d.pop is defined | d.pop('a') | d.update({'x': 1}) | l.append(1) | l.append is defined | s.__class__ | s.__class__ is defined | d.clear() | l.sort() | l.reverse() | {'pop': 1}.pop is defined | {'pop': 1}['pop'] | n[1:] | d[1:2] | nothing[1:] | range(5)[1:3] | range(5)[-1] | range(5)[9] is defined
""",
    "string_methods": r"""
'a,b,c'.split(',') | 'a,b,c'.split(',', 1) | ' a  b '.split() | ' a  b c '.split(none, 1) | 'abc'.split('') | ''.split() | ''.split(',') | 'aXbX'.split('X') | 'a,b,c'.rsplit(',', 1) | ' a b c '.rsplit(none, 1) | 'a,b,c'.rsplit(',') | 'abc'.split(sep='b') | 'a-b-c'.split('-', maxsplit=1) | 'aaa'.rsplit('aa') | 'a\u2003b'.split()
padded.strip() | padded.lstrip() ~ '|' | padded.rstrip() ~ '|' | 'xxaxx'.strip('x') | 'abcba'.lstrip('ab') | 'abcba'.rstrip('ab') | 'éaé'.strip('é') | '\n\t x\x0b'.strip() | 'x'.strip(none) | 'x'.strip(1)
'hello'.startswith('he') | 'hello'.startswith(('x', 'he')) | 'hello'.endswith('lo') | 'hello'.endswith(('x',)) | 'hello'.startswith('l', 2) | 'hello'.startswith('l', 2, 3) | 'hello'.startswith(1) | 'hello'.startswith('') | 'hello'.startswith(['he']) | 'hello'.startswith('', 9)
'aaa'.replace('a', 'b') | 'aaa'.replace('a', 'b', 2) | 'abc'.replace('', '-') | 'abc'.replace('', '-', 2) | 'abc'.replace('x', 'y') | 'abc'.replace('b', '') | 'aaa'.replace('aa', 'b') | 'abc'.replace('b')
s.upper() | s.lower() | 'straße'.upper() | 'ÀÉ'.lower() | 'hello world'.title() | "they're bill's".title() | 'ǆ x'.title() | 'hELLO wORLD'.capitalize() | 'ß'.capitalize() | 'aBc'.swapcase() | 'ŉ'.upper() | 'ﬁ'.title() | 'İ'.lower() | 'ა'.title() | 'ა'.upper()
','.join(['a', 'b']) | ''.join([]) | ','.join('abc') | ','.join([1]) | ','.join(d) | 'abc'.find('c') | 'abc'.find('x') | 'abcabc'.find('a', 1) | 'abcabc'.find('a', 1, 3) | 'abcabc'.rfind('a') | 'a🙂b'.find('b') | 'a🙂ba🙂b'.rfind('b') | 'abc'.index('c') | 'abc'.index('x') | 'abc'.rindex('a') | 'aXbXc'.count('X') | 'aaa'.count('aa') | 'abc'.count('') | 'aaa'.count('a', 1) | 'abc'.find('', 9) | 'abc'.find('', 3) | 'abc'.find('b', -2)
multi.splitlines() | multi.splitlines(true) | 'a\r\nb\rc'.splitlines() | ''.splitlines() | 'a\u2028b'.splitlines() | 'abc'.partition('b') | 'abc'.partition('x') | 'abcbd'.rpartition('b') | 'abc'.rpartition('x') | 'x'.center(5, '-') | 'xy'.center(5) ~ '|' | 'x'.ljust(3) ~ '|' | 'x'.rjust(3) | '5'.zfill(3) | '-5'.zfill(4) | 'foobar'.removeprefix('foo') | 'foobar'.removesuffix('bar') | 'abc'.removeprefix('x')
'123'.isdigit() | ''.isdigit() | '²'.isdigit() | 'abc'.isalpha() | 'aß1'.isalnum() | ' \n'.isspace() | 'abC'.islower() | 'ABC1'.isupper() | '½'.isnumeric() | '1'.isupper() | 'abc'.nosuch() | 'x'.upper(1)
'{} {}'.format(1, 'a') | '{1} {0}'.format('a', 'b') | '{x}'.format(x=5) | '{:>5}|'.format('a') | '{:05d}'.format(42) | '{:.2f}'.format(3.14159) | '{:,}'.format(1234567) | '{{}}'.format() | '{}'.format() | '{:x}'.format(255) | '{:#x}'.format(255) | '{:%}'.format(0.25) | '{:e}'.format(12345.678) | '{:^7}|'.format('ab') | '{:*<5}'.format(1) | '{0[a]}'.format({'a': 1}) | '{!r}'.format('a') | '{:+d}'.format(5) | '{:d}'.format('x') | '{:.1}'.format('abc') | '{:g}'.format(1e10) | '{:.3}'.format(3.14159) | '{:s}'.format(1) | '{'.format(1) | '{} {0}'.format(1)
'%s' % 5 | '%s %s' % (1, 2) | '%d' % 3.7 | '%05.1f' % 3.14159 | '%(a)s' % {'a': 1} | '%s' % [1] | '%%' % () | '%x' % 255 | '%5s|' % 'a' | '%-5s|' % 'a' | '%s' % (1, 2) | '%s %s' % 1 | '%d' % 'a' | '%r' % 'a' | '%c' % 'a' | '%c' % 233 | 'abc' % 1 | 'abc' % [1] | '%.2s' % 'abc' | '%+d' % 5 | '%e' % 1.5 | '%q' % 1 | '%' % 1 | '%s' % undefinedthing | '%o' % 8 | '%08.3f' % -3.5 | '%i' % true
""",
    "container_methods": r"""
l.index(1) | l.index(9) | l.count(1) | l.copy() | (1,2,1).count(1) | (1,2).index(2) | d.copy().b | d.keys()|list | d.values()|list | d.items()|list | d.items()|length | d.keys()|first | 'a' in d.keys() | 1 in d.values() | d.items()[0] is defined | d.keys() is sequence | d.keys() is iterable | dict(a=1, b=2) | dict({'a': 1}, b=2) | dict([('a', 1)]) | dict() | dict(1) | namespace(a=1).a | namespace({'a': 1}).a | namespace(a=1).b is defined | namespace(a=1)['a']
range(3)|list | range(1, 4)|list | range(0, 10, 3)|list | range(3, 0, -1)|list | range(0)|list | range(3) | range(1, 7, 2)|length | range('a') | range(1, 2, 0) | range(200000) | 2 in range(3) | range(3) is iterable | range(3) is sequence | range() | range(5)|sum | range(3)|join('-') | cycler('a', 'b').next() | cycler() | range(-3)|list | range(3)|last
""",
    "text_filters": r"""
s|upper | s|lower | 'hello wORLD-foo (bar'|title | 'hELLO'|capitalize | padded|trim | 'xxaxx'|trim('x') | s|length | s|count | s|replace('l', 'L') | s|replace('l', 'L', 1) | 5|replace(5, 6) | undefinedthing|upper | nothing|upper | n|string | n|string|length | 5|upper | l|upper | s|reverse | emoji|reverse | 'a'|nosuchfilter | s|upper|lower|title | -1|abs | 'x'|upper ~ 'y' | ('x' ~ 'y')|upper
multi|indent | multi|indent(2) | multi|indent(2, true) | multi|indent(2, first=true, blank=true) | multi|indent('> ', true) | 'x'|indent | ''|indent(2, true) | 'a\n'|indent(2) | 5|indent | 'a\n\nb'|indent(2) | 'a\r\nb'|indent(1) | 'a\r'|indent(1) | 'a\rb\n'|indent(1)
'42'|int | '42.7'|int | 'x'|int | 'x'|int(9) | 42.9|int | -42.9|int | '0x1f'|int(0, 16) | 'ff'|int(base=16) | none|int | true|int | ' 5 '|int | '1_000'|int | ''|int | [1]|int | undefinedthing|int | '1e3'|int | '0b11'|int(base=2) | 'inf'|int | '-7'|int | 'zz'|int(base=36)
'1.5'|float | 'x'|float | 'x'|float(2.5) | 3|float | 'inf'|float | '-inf'|float | 'nan'|float | '1e3'|float | ' 1.5 '|float | none|float | true|float | '1_0.5'|float | undefinedthing|float | '.5'|float | '5.'|float | '1e'|float
2.5|round | 3.5|round | 2.567|round(2) | 42|round | 42.1|round|int | 2.1|round(method='ceil') | 2.9|round(0, 'floor') | 2.567|round(1, 'floor') | 1234|round(-2) | 1250.0|round(-2) | 0.5|round | 1.005|round(2) | 'a'|round | 2.5|round(0, 'x') | -2.5|round | 42|round(1, 'ceil') | -3|abs | -2.5|abs | 'a'|abs
nothing|default('x') | undefinedthing|default('x') | undefinedthing|default | e|default('x', true) | e|default('x') | nothing|d('x', boolean=true) | 0|default(5, true) | undefinedthing.x|default('y') | d.zz|default('y') | d.zz.y|default('z') | undefinedthing|d(1)|string
html|escape | html|e | html|safe | html|escape|escape | html|forceescape | (html|escape) + '<' | '<' + (html|escape) | html|safe|escape | (html|escape) is escaped | html is escaped | '<a>'|escape ~ '<b>' | [html|safe] | 5|escape
'%s-%s'|format(1, 2) | '%(a)s'|format(a=1) | '%s'|format | 'a b c'|wordcount | 'foo bar baz qux'|truncate(9) | 'foo bar baz qux'|truncate(9, true) | 'foo bar baz qux'|truncate(11) | 'foo bar baz qux'|truncate(11, false, '...', 0) | 'foo'|truncate(2, true, '...', 0) | 'x'|center(5) ~ '|' | "it's-ok x_y"|wordcount | 'foobarbaz'|truncate(5, leeway=0)
""",
    "json": r"""
d|tojson | l|tojson | s|tojson | s|tojson(ensure_ascii=true) | emoji|tojson(ensure_ascii=true) | html|tojson | quote|tojson | none|tojson | true|tojson | 1.0|tojson | 1e16|tojson | 'nan'|float|tojson | 'inf'|float|tojson | undefinedthing|tojson | d|tojson(indent=2) | l|tojson(indent=0) | ed|tojson(indent=2) | empty|tojson(indent=2) | d|tojson(sort_keys=true) | d|tojson(separators=(',', ':')) | d|tojson(indent='\t') | nested|tojson(indent=1) | {1: 2, none: 3, true: 4, 1.5: 5}|tojson | {(1,2): 3}|tojson | (1,2)|tojson | range(2)|tojson | d.items()|tojson | [d.items()|list]|tojson | {'b': 1, 'a': 2}|tojson(sort_keys=true, indent=1) | {'a': 1, 2: 3}|tojson(sort_keys=true) | '\x7f\x1f\b\f/'|tojson | namespace()|tojson | d|tojson(true) | [1, [2, {}]]|tojson(indent=2, separators=(' ,', ' : ')) | -0.0|tojson | 1e-7|tojson | 123456789012345680.0|tojson
""",
    "sequence_filters": r"""
l|first | empty|first | empty|first is defined | l|last | s|first | s|last | empty|last is defined | l|list | s|list | d|list | undefinedthing|list | n|list | l|join | l|join(', ') | users|join(',', attribute='name') | undefinedthing|join | s|join('-') | d|join(',') | [1, none, 'a']|join('|') | l|length | d|length | n|length | nothing|length | undefinedthing|length | e|length
l|sort | l|sort(reverse=true) | words|sort | words|sort(case_sensitive=true) | users|sort(attribute='age')|map(attribute='name')|list | users|sort(attribute='age,name')|map(attribute='name')|list | [1, 'a']|sort | users|sort | [2.5, 1]|sort | ['b', 'A', 'a', 'B']|sort | ['b', 'A', 'a', 'B']|sort(true) | d|sort | 'hello'|sort | [[2, 1], [1, 2]]|sort
[1, 1, 2]|unique|list | ['a', 'A', 'b']|unique|list | ['a', 'A']|unique(true)|list | [[1]]|unique|list | users|unique(attribute='age')|map(attribute='name')|list | l|reverse|list | (1,2)|reverse|list | d|reverse|list | n|reverse | [1,2,3,4,5]|batch(2)|list | [1,2,3,4,5]|batch(2, 'x')|list | [1,2,3,4,5]|slice(2)|list | [1,2,3,4,5]|slice(2, 'x')|list | l|sum | users|sum(attribute='age') | empty|sum | l|sum(start=10) | ['a']|sum | l|min | l|max | words|min | words|max(case_sensitive=true) | empty|min is defined | users|max(attribute='age') == users[0]
d|items|list | undefinedthing|items|list | l|items|list | d|dictsort | {'b': 1, 'A': 2}|dictsort | {'b': 1, 'A': 2}|dictsort(true) | {'b': 1, 'A': 2}|dictsort(false, 'value') | {'b': 1, 'A': 2}|dictsort(by='value', reverse=true) | {'b': 1}|dictsort(by='x') | l|dictsort | users|groupby('age')|list|length | (users|groupby('age'))[0].grouper | (users|groupby('age'))[1].list|map(attribute='name')|join | (users|groupby('age'))[0][0] | users|groupby('tags', default=[])|length
l|map('string')|list | words|map('upper')|join(' ') | users|map(attribute='name')|list | users|map(attribute='tags', default='none')|list | users|map(attribute='tags.0')|list | words|map('replace', 'a', 'o')|list | l|map('nosuch')|list | l|map|list | undefinedthing|map('upper')|list | [[1,2],[3]]|map('first')|list | [[1,2],[3]]|map(attribute=0)|list | words|map('length')|sum | [1,2]|map('round', method='ceil')|list
[0,1,2]|select|list | [1,2,3,4]|select('odd')|list | [1,2,3]|select('gt', 1)|list | [1,2,3]|reject('>', 1)|list | [0,1]|reject|list | users|selectattr('tags')|map(attribute='name')|list | users|selectattr('age', 'equalto', 30)|list|length | users|rejectattr('tags', 'defined')|map(attribute='name')|list | users|selectattr('name', 'in', ['Bob'])|list|length | l|select('nosuch')|list | users|selectattr|list | messages|selectattr('role', '==', 'user')|list | users|selectattr('tags', 'undefined')|list|length | users|selectattr('age', 'ge', 30)|map(attribute='name')|join(',') | l|select('in', [1, 2])|list
(l|map('string'))|length | (l|map('string'))[0] is defined | (l|select)|first | d|attr('a') is defined | s|attr('upper') is defined | s|attr('nosuch') is defined | l|map('string') is iterable | l|map('string') is sequence | 'b' in (words|map('first')) | 1 if l|map('string') else 2
""",
    "tests": r"""
n is defined | undefinedthing is defined | undefinedthing is undefined | nothing is none | n is none | n is number | f is number | t is number | s is number | n is integer | t is integer | f is integer | f is float | n is float | s is string | n is string | d is mapping | l is mapping | l is sequence | s is sequence | d is sequence | n is sequence | l is iterable | s is iterable | d is iterable | n is iterable | nothing is iterable | undefinedthing is iterable | t is boolean | n is boolean | t is true | t is false | 1 is true | false is false | n is odd | n is even | f is odd | 's' is odd | n is divisibleby(7) | n is divisibleby 3 | n is divisibleby 0
n is eq 7 | n is equalto(7) | n is == 7 | n is ne 7 | n is lt 8 | n is lessthan 8 | n is le 7 | n is gt 6 | n is greaterthan 7 | n is ge 7 | n is in [7, 8] | 'a' is in 'abc' | n is not in [7] | n is sameas n | nothing is sameas none | true is sameas true | 1 is sameas true | s is lower | 'abc' is lower | 'ABC' is upper | 'upper' is filter | 'nosuch' is filter | 'odd' is test | range is callable | s is callable | s.upper is callable | undefinedthing is callable
n is not defined | n is not none | not n is none | n is defined and n is number | n is defined == true | n is nosuchtest | n is string or n is number | users[1].tags is not defined | d.zz is none | d.zz.y is defined | n is eq n | n is odd is defined | n is number and not n is string | s is string and s | n is divisibleby(2) or n is odd | (n is odd) ~ '' | n is gt 5 and n is lt 9 | l[0] is eq 3 | undefinedthing is sequence | undefinedthing is number | undefinedthing is none | d.keys() is mapping | (1,2) is sequence | range(2) is mapping | none is defined | 1.0 is integer | 'a' is eq 'a' if true else 2
""",
}

STATEMENTS = {
    "for": [
        "{% for x in l %}{{ x }},{% endfor %}", "{% for x in l -%} {{ x }} {%- endfor %}",
        "{% for x in empty %}{{ x }}{% else %}none{% endfor %}", "{% for x in undefinedthing %}x{% else %}none{% endfor %}",
        "{% for x in nothing %}x{% endfor %}", "{% for x in n %}x{% endfor %}", "{% for c in 'añb' %}[{{ c }}]{% endfor %}",
        "{% for k in d %}{{ k }} {% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
        "{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}", "{% for a, b in [[1, 2], [3, 4]] %}{{ a + b }} {% endfor %}",
        "{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}", "{% for a, b in [1] %}{{ a }}{% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
        "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
        "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}",
        "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}",
        "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1,1,2] %}{{ loop.changed(x) }}{% endfor %}",
        "{% for x in l if x > 1 %}{{ x }}{{ loop.index }}/{{ loop.length }};{% endfor %}", "{% for x in l if x > 9 %}x{% else %}none{% endfor %}",
        "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
        "{% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ x }}{{ y }} {% endfor %}{% endfor %}",
        "{% for x in l %}{% break %}{% else %}none{% endfor %}", "{% break %}", "{% for x in l %}{% for y in empty %}{% else %}{% break %}{% endfor %}{{ x }}{% endfor %}.", "{% for x in l %}{% continue %}{% else %}none{% endfor %}", "{% for x in l %}{% if x == 2 %}{% continue %}{% endif %}{% else %}none{% endfor %}", "{% for x in l %}{% endfor %}{{ x }}", "{% for x in l %}{% endfor %}{{ loop }}",
        "{% for x in tree recursive %}{{ x.v }}{% if x.c %}[{{ loop(x.c) }}]{% endif %}{% endfor %}", "{% for x in tree recursive %}{{ loop.depth }}{{ loop.depth0 }}{{ loop(x.c) }}{% endfor %}",
        "{% for x in l %}{{ loop(l) }}{% endfor %}", "{% for x in range(3) %}{{ x }}{% endfor %}", "{% for x in l|sort|reverse %}{{ x }}{% endfor %}",
        "{% for x in l, 5 %}{{ x }}{% endfor %}", "{% for x in (1, 2) %}{{ x }}{% endfor %}", "{% for x in [1,2] if x is odd %}{{ x }}{% endfor %}",
        "{% for loop in l %}{{ loop }}{% endfor %}", "{% for x in l %}{% set outer = loop %}{% for y in [1] %}{{ outer.index }}{% endfor %}{% endfor %}", "{% for x in l %}{{ x }}", "{% for in l %}{% endfor %}",
        "{% for x in messages %}{{ x.role }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% for x.y in l %}{% endfor %}", "{% for g, us in users|groupby('age') %}{{ g }}:{{ us|length }} {% endfor %}",
        "{% for row in [1,2,3]|batch(2, 0) %}{{ row }}{% endfor %}", "{% set g = l|map('string') %}{{ g|list }}{{ g|list }}", "{% for x in l %}{% if loop.index is divisibleby 2 %}e{% else %}o{% endif %}{% endfor %}",
        "{% for i in range(2) %}{% for x in l if x > i %}{{ loop.index }}{% endfor %}|{% endfor %}", "{% for x in users|selectattr('tags', 'defined') %}{{ x.name }}{% endfor %}", "{% for x in none_list %}[{{ x }}]{% endfor %}",
    ],
    "scope": [
        "{% set x = 1 %}{% for i in l %}{% set x = i %}{% endfor %}{{ x }}", "{% set x = 1 %}{% if t %}{% set x = 2 %}{% endif %}{{ x }}",
        "{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a = 5 %}{{ ns.a }}{{ ns.b }}",
        "{% set d.x = 1 %}", "{% set undefinedthing.x = 1 %}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [1] %}", "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}",
        "{% set a = 1, 2 %}{{ a }}", "{% set x %}a{{ n }}b{% endset %}{{ x }}|{{ x|length }}", "{% set x | upper %}abc{% endset %}{{ x }}", "{% set x %}{% set y = 1 %}{% endset %}{{ y }}",
        "{% for i in l %}{{ x }}{% set x = i %}{{ x }};{% endfor %}", "{% for i in l %}{% if x is defined %}leak{% endif %}{% set x = i %}{% endfor %}", "{% set x = 5 %}{% for i in l %}{{ x }}{% set x = i %}{% endfor %}",
        "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}", "{% set n = n + 1 %}{{ n }}", "{% set true = 1 %}", "{% set none = 1 %}", "{% set x = 1 if false %}{{ x is defined }}",
        "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}", "{% generation %}a{{ n }}{% set gg = 1 %}{% endgeneration %}{{ gg }}", "{% for m in messages %}{% generation %}{{ loop.index }}{{ m.role }}{% endgeneration %}{% endfor %}",
        "{% set ns = namespace(a=[]) %}{% set ns.a = ns.a + [1] %}{{ ns.a }}", "{% if false %}{% set zz = 1 %}{% endif %}{{ zz is defined }}", "{% set x = 1 %}{% set x = x + 1 %}{{ x }}", "{% set x %}{% endset %}[{{ x }}]",
        "{% set ns = namespace(i=0) %}{% for x in l %}{% for y in l %}{% set ns.i = ns.i + 1 %}{% endfor %}{% endfor %}{{ ns.i }}", "{% set a = b = 1 %}", "{% set 1 = 2 %}", "{% set x = %}", "{% set x %}abc", "{% set ns = namespace(x=1) %}{% set ns.x %}blk{% endset %}{{ ns.x }}",
        "{% set range = 5 %}{{ range }}", "{{ dict is callable }}{% set dict = 1 %}", "{% for n in l %}{{ n }}{% endfor %}{{ n }}", "{% filter upper %}a{{ s }}b{% endfilter %}", "{% filter replace('a', 'b')|upper %}banana{% endfilter %}", "{% filter upper %}{% set q = 1 %}{% endfilter %}{{ q }}", "{% print n, s %}",
    ],
    "if": [
        "{% if t %}a{% endif %}", "{% if e %}a{% else %}b{% endif %}", "{% if e %}a{% elif n %}b{% else %}c{% endif %}", "{% if e %}a{% elif e %}b{% elif t %}c{% endif %}", "{% if undefinedthing %}a{% else %}b{% endif %}", "{% if undefinedthing.x %}a{% endif %}",
        "{% if t %}{% if e %}a{% else %}b{% endif %}{% endif %}", "{% if t and not e %}a{% endif %}", "{% if n > 5 and n < 10 %}a{% endif %}", "{% if l %}a{% endif %}{% if empty %}b{% endif %}{% if ed %}c{% endif %}{% if d %}d{% endif %}", "{% if 0.0 %}a{% else %}b{% endif %}",
        "{% if t %}", "{% if %}{% endif %}", "{% endif %}", "{% if t %}{% endfor %}", "{% else %}", "{% nosuchtag %}", "{% if t %}a{% else %}b{% else %}c{% endif %}", "{% if 'a' in s or 'H' in s %}y{% endif %}", "{% if (n, s) %}y{% endif %}", "{% if n is defined %}y{% endif %}", "{% if not undefinedthing is defined %}y{% endif %}", "{% if messages[0]['role'] == 'user' %}y{% endif %}",
    ],
    "macro": [
        "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=4, a=5) }}", "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(z=2) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
        "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(n) %}{% if n > 0 %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}x{{ n }}{% endcall %}",
        "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ a + b }}{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}", "{% macro m() %}{{ y }}{% endmacro %}{% set y = 5 %}{{ m() }}",
        "{% macro m() %}{% set q = 1 %}{% endmacro %}{{ m() }}{{ q }}", "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro m(x) -%}  {{ x }}  {%- endmacro %}[{{ m('a') }}]", "{% macro m() %}a{% endmacro %}{{ m() | upper }}{{ m() ~ 'b' }}{{ m()|length }}",
        "{{ m() }}{% macro m() %}x{% endmacro %}", "{% macro m(a, b=1, *c) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'a': 2}) }}", "{% macro m() %}{% for x in varargs %}{{ x }}{% endfor %}{% endmacro %}{{ m(*l) }}", "{% macro m(a) %}{{ m.name }}{{ m.arguments }}{% endmacro %}{{ m(1) }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "{% macro m(x) %}{{ x|default('d') }}{% endmacro %}{{ m(undefinedthing) }}{{ m(none) }}", "{% macro outer() %}{% macro inner() %}i{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}", "{% macro m(x=[]) %}{{ x }}{% endmacro %}{{ m() }}{{ m([1]) }}", "{% macro m() %}{{ loop }}{% endmacro %}{% for x in l %}{{ m() }}{% endfor %}", "{% if t %}{% macro m() %}x{% endmacro %}{% endif %}{{ m() }}", "{% macro m() %}", "{% macro m %}{% endmacro %}", "{% macro m(kwargs) %}{{ kwargs }}{% endmacro %}{{ m(1) }}", "{% macro m(x) %}{% if x %}{{ x[0] }}{{ m(x[1:]) }}{% endif %}{% endmacro %}{{ m('abc') }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(a=1, a=2) }}", "{{ 'abc'.upper(*[]) }}", "{% call 5 %}{% endcall %}", "{% set f = s.upper %}{{ f() }}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}", "{% set j = joiner('|') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
        "{{ raise_exception('no') }}", "{% if false %}{{ raise_exception('no') }}{% endif %}ok",
    ],
    "whitespace": [
        "a\n{% if t %}\nb\n{% endif %}\nc\n", "a\n  {% if t %}\n  b\n  {% endif %}\nc", "a  {%- if t -%}  b  {%- endif -%}  c", "a\n  {%+ if t %}b{% endif %}", "a {% if t +%}\nb{% endif %}", "  {{ n }}  \n", "a\n  {{ n }}\n  b", "a {{- n -}} b", "x\n\n", "x\n", "\n", "", "\n\nx",
        "{# c #}a", "a\n  {# c #}\nb", "a {#- c -#} b", "a\n  {#+ c #}\nb", "{# {{ n }} #}x", "{# unclosed", "a{# x #}\n\nb", "{% raw %}{{ x }}{% endraw %}", "a {%- raw -%}  {{ x }} {%- endraw -%} b", "{% raw %}\n {% if %}\n{% endraw %}\nx", "{% raw %}x", "a\n  {% raw %}\nx\n  {% endraw %}\nb", "{%- for x in l %}\n{{ x }}\n{%- endfor %}", "{% for x in l %}\n  {{ x }}\n{% endfor %}\nend",
        "a\r\nb\r{% if t %}\r\nc{% endif %}\r\n", "{{ 'a\r\nb' }}", "\t{% if t %}x{% endif %}", "x {% if t %}  \n y{% endif %}", "  {% set x = 1 %}  {% set y = 2 %}\nz", "{{n}}{{-n}}{{ -n }}", "{{+n}}", "{{ '}}' }}", "{{ {'a': {'b': 1}}}}", "{{ '%}' }}{% if '%}' %}x{% endif %}", "{ { n } }", "{{ n }", "{{ }}", "{{ n", "{% if t", "}} %} #}", "{", "{{", "{%", "a{%- set x = 1 %} b", "a \n\n {%- if t %} b {% endif -%} \n\n c", "\u00a0\u2003{%- if t -%}\u2003x{% endif %}", " \u00a0{% if t %}x{% endif %}", "{{ n -}}\n\n  x", "line\n    {%- if t %}\n    y\n    {%- endif %}\n", "<{% if t %}\n\n\nx\n{% endif %}>", "{{ 'x' }}\n{{ 'y' }}\n", "{%-if t-%}x{%-endif-%}", "{% if t %}{% endif %}\n{% if t %}{% endif %}\n\nx", "  {% if t %}  {% endif %}  x", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}",
    ],
    "errors": [
        "{{ 1 2 }}", "{{ (1 }}", "{{ [1 }}", "{{ 1) }}", "{{ {1} }}", "{{ a..b }}", "{{ a. }}", "{{ a| }}", "{{ a is }}", "{{ 1 + }}", "{{ * 1 }}", "{{ a[ }}", "{{ a[] }}", "{{ f(a b) }}", "{{ f(,) }}", "{{ f(a=1, 2) }}", "{{ @ }}", "{{ $ }}", "{{ a ! b }}", "{{ a && b }}", "{{ not }}", "{{ in [1] }}", "{{ 1 if }}", "{{ 'a }}", "{{ n.1a }}", "{{ a is b is c }}", "{{ l[1:2:3:4] }}", "{{ dict(a=1, a=2) }}", "{{ [1](0) }}", "{{ s.upper.foo.bar }}", "{{ l|join(1, 2, 3) }}", "{{ s|upper(1) }}", "{{ s|replace }}", "{{ n|sort }}", "{{ nothing|join }}", "{{ d|first }}", "{{ s is divisibleby }}", "{{ l is in }}", "{{ n|tojson(foo=1) }}", "{{ 1 not 2 }}", "{{ ~ }}", "{{ 1 ~ }}", "{{ a b }}", "{% for x l %}{% endfor %}", "{% if t %}{{ undefinedthing + 1 }}{% endif %}", "{{ undefinedthing + 1 }}", "{{ -undefinedthing }}", "{{ undefinedthing.a.b }}", "{{ undefinedthing ~ 1 }}", "{{ undefinedthing|length }}", "{{ [undefinedthing] }}", "{{ undefinedthing * 2 }}", "{{ 'x' * undefinedthing }}", "{{ 'a' + undefinedthing }}", "{{ undefinedthing and 1 }}", "{{ undefinedthing or 1 }}", "{{ not undefinedthing }}",
    ],
}


def write_templates(env):
    """The templates that glm_golden.json does not cover."""
    data = os.path.join(os.path.dirname(os.path.dirname(OUT)), "testdata", "chat")
    with open(os.path.join(data, "glm_conversations.json")) as file:
        conversations = json.load(file)
    goldens = []
    for name in ("GLM-4.1V-9B", "deepseek_v3", "qwen3", "minimind"):
        with open(os.path.join(data, "templates", name + ".jinja"), newline="") as file:
            template = env.from_string(file.read())
        for conversation in conversations:
            try:
                expected = template.render(**conversation["context"])
            except Exception:  # the reference refuses this one
                expected = None
            goldens.append({"template": name, "name": conversation["name"], "expected": expected})
    with open(os.path.join(os.path.dirname(OUT), "chat_templates.json"), "w") as out:
        json.dump(goldens, out, ensure_ascii=False, indent=1)
        out.write("\n")
    print(len(goldens), "renderings of models' templates")


def main():
    env = environment()
    os.makedirs(OUT, exist_ok=True)
    total = 0

    def case(source):
        try:
            expected = env.from_string(source).render(**VARIABLES)
        except Exception:  # the reference refuses this one
            expected = None
        return {"source": source, "expected": expected}

    def write(name, sources):
        nonlocal total
        cases = [case(source) for source in sources]
        unsafe = [c["source"] for c in cases if c["expected"] and " at 0x" in c["expected"]]
        assert not unsafe, unsafe
        total += len(cases)
        with open(os.path.join(OUT, name + ".json"), "w") as out:
            json.dump({"variables": VARIABLES, "cases": cases}, out, ensure_ascii=False, indent=1)
            out.write("\n")

    for name, text in EXPRESSIONS.items():
        # One expression a piece, between " | " with spaces (a filter's bar has none).
        pieces = [p.strip() for line in text.strip().split("\n") for p in line.split(" | ")]
        write(name, ["{{ " + p + " }}" for p in pieces])
    for name, sources in STATEMENTS.items():
        write(name, sources)
    write_templates(env)
    print(total, "cases with jinja2", jinja2.__version__)


if __name__ == "__main__":
    main()
