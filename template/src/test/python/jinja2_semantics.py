#!/usr/bin/env python3
# Rewrites ../resources/jinja2-semantics.json: run with Python 3.11 or newer and Jinja2 3.1.6 (pip install jinja2==3.1.6).
"""Small templates, one rule each, and what Jinja2 makes of them, set up as transformers does it."""

import datetime
import json
import pathlib

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    """Accepts {% generation %}, which marks what the model wrote, and renders its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    now = datetime.datetime(2024, 7, 6, 9, 5, 3)
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: now.strftime(format)
    return env


ENV = environment()

VARIABLES = {
    "n": 7,
    "f": 2.5,
    "s": "Hello, World",
    "u": "naïve ‘quotes’ 😀 ß",
    "t": True,
    "nothing": None,
    "empty": "",
    "list": [3, 1, 2],
    "words": ["pear", "Apple", "fig"],
    "dict": {"b": 1, "a": [1, 2], "items": "own"},
    "html": "<b>\"x\" & 'y'</b>",
    "lines": "one\ntwo\n\nthree",
    "users": [
        {"name": "ann", "age": 30, "tags": ["x", "y"], "home": {"city": "Bern"}},
        {"name": "Bob", "age": 25, "tags": [], "home": {"city": "Aarau"}},
        {"name": "cy", "age": 30, "tags": ["z"], "home": {"city": "bern"}},
    ],
    "tree": [
        {"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]},
        {"v": 5, "c": []},
    ],
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1, "y": "é"}}}]},
        {"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "image"}]},
    ],
}

EXPRESSIONS = """
1 + 2 * 3|7 // 2|-7 // 2|7 % -3|-7 % 3|7 / 2|6 / 3|2 ** 10|2 ** -1|2 ** 3 ** 2|-2 ** 2|7.5 // 2|-7.5 % 2|1e3|1e16|1e15|123456789012345678|1.0|0.1 + 0.2|1e-5|0.0001|1/3|100000000000000000000 + 1|9223372036854775807 + 1|-9223372036854775808 - 1|9223372036854775807 * 9223372036854775807|1_000|0x1f|0b101|0o17|1.5e-7|1_0.5|3 % 0|3 / 0|3 // 0|3.0 // 0|0 ** 0|0.0 ** -1|10 ** 20|10 ** 22 / 3|5.0 % 3|-0.0|+true|-true|true + true|true / 2|1 - 0.9|2 ** 0.5|1e308 * 10|-1e308 * 10|7 // 0.5|4 - 6 * 2.5
'a' + 'b'|'a' ~ 1 ~ none ~ true ~ 1.0|'ab' * 3|3 * 'ab'|'ab' * 0|'ab' * -1|[1] * 3|[1] + [2]|(1,) + (2, 3)|'a' + 1|1 + 'a'|[1] + (2,)|'a' - 'b'|'a' * 'b'|'a' * 1.5|none + 1|{} + {}|missing + 1|1 + missing|'x' ~ missing ~ 'y'|-'a'|-missing|'a' 'b' "c"|not 'a'|not ''|not missing
'%s and %s' % ('a', 1)|'%d%%' % 42|'%5d|%-5d|%05d' % (1, 2, 3)|'%.2f' % 3.14159|'%e' % 12345.678|'%g %g' % (0.00001, 123456789)|'%x %X %o %#x' % (255, 255, 8, 255)|'%s' % none|'%r' % 'it'|'%s' % [1, 'a']|'%s' % {'a': 1}|'%(a)s-%(b)d' % {'a': 'x', 'b': 3}|'%s' % (1, 2)|'%s %s' % 'a'|'%d' % 'a'|'%d' % 3.9|'%c%c' % (65, 'b')|'%+d % d' % (3, 3)|'%10.3s|' % 'abcdef'|'%*d' % (5, 42)|'%i' % true|'%5.1f' % 2.25|'%.0f' % 0.5|'%.0f' % 1.5|'%.3g' % 1234.5|'%#.3g' % 1.0|'%s' % missing|'x' % missing|'%q' % 1|'%' % 1|'%(a)s' % 1|'%(x)s' % {'a': 1}|'%a' % 'x'|'%-8s|' % 'ab'|'%08.3f' % -3.14159|'%.5d' % 42
1 < 2 < 3|1 < 3 < 2|1 == 1.0|1 == true|'1' == 1|none == none|none == false|[1, 2] == [1, 2]|[1] == (1,)|(1, 2) == (1, 2.0)|{'a': 1} == {'a': 1.0}|'a' < 'b'|'a' < 'B'|[1, 2] < [1, 3]|(1,) < (1, 0)|1 < 'a'|none < 1|missing < 1|missing == missing2|missing == none|missing != 1|1 != 1|'abc' >= 'abd'|[1, 'a'] < [1, 2]|1 == 1 == 1|3 > 2 > 1 >= 1|{} < {}|true < 2|1.5 >= 1|9007199254740993 == 9007199254740992.0|1e400 > 10 ** 400
'a' in 'abc'|'d' not in 'abc'|1 in [1, 2]|1.0 in [1]|true in [1]|'a' in {'a': 1}|1 in 'a1'|'a' in missing|missing in [1]|3 in (1, 2)|1 in 5|'' in ''|not 1 in [2]|'x' in none|[1] in [[1]]|[1] in {}|1 in {1.0: 2}|5 in range(10)|10 in range(10)|'b' in dict.keys()|1 in dict.values()|('b', 1) in dict.items()|none in [none]
true and 1|0 and x|0 or 'd'|'' or none|missing or 'd'|missing and 1|not true|not none|not 0 == 0|1 and 2 or 3|0 or 0.0|none or []|1 if true else 2|1 if false else 2|1 if false|(1 if false) is defined|'a' if missing else 'b'|1 if 0 else 2 if 0 else 3|'x' if false ~ 'y'|true and not false|true or missing.x.y|false and missing.x.y
[]|[1, 'a', 2.0, none, true]|()|(1,)|(1, 2)|{}|{'a': 1, 2: 'b'}|{'a': {'b': [1, (2,)]}}|['it' "'s"]|['say "x"']|['both " and ' "'"]|['\\n\\t\\\\\\x00\\x7f']|['é😀\\u200b\\u00a0']|[missing]|{1: 'a', true: 'b'}|{1: 'a', 1.0: 'b', '1': 'c'}|{none: 1, (1, 2): 3}|{[1]: 2}|{'a': 1, 'a': 2}|[1, 2,]|(1, 2,)|{'a': 1,}|1, 2|[[1, [2, [3]]]]|[1e100, 1.5, -0.0]|['\\'']|range(3)|range(1, 10, 3)|dict.keys()|dict.values()|dict.items()|{'a': 1}.items()
list[0]|list[-1]|list[5]|list[1:]|list[:-1]|list[::-1]|list[::2]|list[5:]|list[-2:]|list[2:0:-1]|list[1:1]|list[none:2]|s[0]|s[-1]|s[100]|s[1:4]|s[::-1]|s[::3]|s[-5:-1]|u[6:9]|u[16]|u[-3]|u[::-1]|(1, 2, 3)[1:]|range(10)[2:8:3]|range(10)[-1]|range(5)[::-1]|list['a']|list['0']|list.0|list.1|list[true]|list[1.0]|dict['a']|dict.a|dict['a'][0]|dict.a.1|dict['zz']|dict.zz|dict.zz.y|dict['zz']['y']|dict.items|dict['items']|dict['keys']|dict.keys is callable|nothing.x|nothing['x']|nothing.x.y|n.x|n['x']|missing.x|missing['x']|missing[0]|s.x|s['upper']()|s[missing]|list[missing]|dict[missing]|list[0:'a']|list[::0]|dict[1:2]|n[1:2]|missing[1:2]|u|length|dict[[1]]|s['0']|list[n]|list[99999999999999999999]|users[0].home.city|users[0]['home']['city']|users[-1].tags.0|'abc'[1]|'abc'.1|{'a': 1}.a|[1, 2][0]|(1, 2)[1]
s.upper()|s.lower()|s.title()|'they are'.title()|"they're bill's".title()|s.swapcase()|'éa ßx'.upper()|'ßa'.capitalize()|'HELLO wORLD'.capitalize()|'  a b '.strip()|'xxaxx'.strip('x')|'abcba'.lstrip('ab')|'abcba'.rstrip('ab')|' a '.lstrip() ~ '|'|' a '.rstrip() ~ '|'|'\\n\\t a\\x1f\\u00a0'.strip()|'a.b.c'.split('.')|'a b  c '.split()|'a b c d'.split(none, 1)|' a b c '.split(' ')|'a,b,c'.split(',', 1)|'a,b,c'.rsplit(',', 1)|' a b c '.rsplit(none, 1)|'a,b'.split(sep=',')|'a,b,c'.split(',', maxsplit=1)|'abc'.split('')|''.split()|''.split(',')|'a--b'.split('--')|'aaa'.split('aa')|'aaa'.rsplit('aa')|lines.splitlines()|'a\\r\\nb\\rc\\x0bd\\u2028e'.splitlines()|'a\\nb'.splitlines(true)|''.splitlines()|'a\\n'.splitlines()|'a\\n\\n'.splitlines()
s.startswith('He')|s.startswith(('x', 'He'))|s.endswith('ld')|s.endswith(['ld'])|s.startswith('ello', 1)|s.startswith('H', 0, 0)|s.startswith('', 3, 2)|s.endswith('Hello', 0, 5)|s.removeprefix('Hello')|s.removesuffix('World')|s.removeprefix('x')|s.replace('l', 'L')|s.replace('l', 'L', 1)|'aaa'.replace('', '-')|'aaa'.replace('', '-', 2)|''.replace('', 'x')|'abc'.replace('b', '')|s.find('o')|s.find('o', 5)|s.find('zz')|s.rfind('o')|s.find('', 3)|u.find('😀')|u.find('ß')|u.rfind('ï')|s.index('W')|s.index('zz')|s.rindex('o')|s.count('l')|s.count('')|'aaaa'.count('aa')|s.count('l', 4)|s.partition(', ')|s.partition('zz')|'a-b-c'.rpartition('-')|'abc'.rpartition('x')|'abc'.partition('')|'5'.zfill(3)|'-5'.zfill(4)|'+5'.zfill(4)|'abc'.zfill(2)|'ab'.center(5) ~ '|'|'ab'.center(6, '*')|'abc'.center(6, '*')|'ab'.ljust(4, '.')|'ab'.rjust(4, '.')|'ab'.ljust(4, '..')|', '.join(words)|','.join([1])|''.join([])|'-'.join('abc')|'-'.join({'a': 1, 'b': 2})|'a\\tb'.expandtabs()|'a\\tb\\n\\tc'.expandtabs(4)|'12'.isdigit()|'1a'.isdigit()|''.isdigit()|'²'.isdigit()|'²'.isdecimal()|'½'.isnumeric()|'٣'.isdigit()|'ab'.isalpha()|'a1'.isalnum()|'a_'.isalnum()|' \\n'.isspace()|''.isspace()|'AB1'.isupper()|'ab1'.islower()|'1'.isupper()|'Ab Cd'.istitle()|'abc'.isidentifier()|'1a'.isidentifier()|'é'.isascii()|'a\\n'.isprintable()|'Straße'.casefold()|s.nope()|s.upper(1)|s.upper
'{} {}'.format(1, 'a')|'{0} {1} {0}'.format('x', 'y')|'{a} {b}'.format(a=1, b=2)|'{a[b]} {c.d}'.format(a={'b': 1}, c={'d': 2})|'{:>5}|{:<5}|{:^5}|'.format('a', 'b', 'c')|'{:*^7}'.format('mid')|'{:05d}'.format(42)|'{:.2f}'.format(3.14159)|'{:,}'.format(1234567)|'{:_}'.format(1234567)|'{:,.2f}'.format(1234567.891)|'{:x} {:X} {:b} {:o} {:#x}'.format(255, 255, 5, 8, 255)|'{:+d} {: d}'.format(3, 3)|'{:e}'.format(12345.678)|'{:g}'.format(0.00001)|'{:%}'.format(0.25)|'{:.1%}'.format(0.256)|'{!r} {!s}'.format('a', 'b')|'{{}} {}'.format(1)|'{:{w}}|'.format('a', w=4)|'{:{}}|'.format('a', 3)|'{}'.format()|'{x}'.format()|'{'.format()|'}'.format()|'{0} {}'.format(1, 2)|'{} {0}'.format(1, 2)|'{:d}'.format('a')|'{:s}'.format(1)|'{:.3}'.format('abcdef')|'{:.3}'.format(1234.5)|'{:.3}'.format(1.0)|'{:5}|'.format(true)|'{:10}|'.format(1.5)|'{:<10}|'.format(1.5)|'{:=+6d}'.format(3)|'{}'.format(none)|'{:>4}'.format(none)|'{}'.format([1, 'a'])|'{:08.2f}'.format(-3.14159)|'{:,}'.format(-1234)|'{:010,}'.format(1234)|'{:n}'.format(5)|'{:c}'.format(65)|'{0.__class__}'.format(1)|'{a}'.format_map({'a': 1})|'{:.0f}'.format(2.5)|'{:f}'.format(5)|'{:.2}'.format(100.0)|'{:g}'.format(1e20)|'{:.15g}'.format(0.1)|'{:}'.format(1.5)
dict.get('a')|dict.get('zz')|dict.get('zz', 5)|dict.get(missing)|dict.keys()|list|dict.values()|list|dict.copy()|dict.pop('a')|dict.update({})|dict.setdefault('x', 1)|dict.clear()|list.append(4)|list.pop()|list.sort()|list.reverse()|list.index(1)|list.index(9)|list.count(3)|list.copy()|(1, 2, 1).count(1)|(1, 2).index(2)|dict.get()|dict.get(1, 2, 3)|dict.items(1)|n.bit_length()|f.is_integer()|2.0.is_integer()|n.real|n.numerator|true.real|dict.fromkeys|dict.popitem()|list.extend([1])|list.insert(0, 1)|list.remove(1)|n()|'a'()|missing()|none()|dict.get('a')[0]|users[0].get('name', '?')
s.__class__|s.__class__.__mro__|s.__class__()|(s.__class__) is defined|s._x|dict._x|dict.__len__()|list.__add__([1])|s.__nothing__|missing.__class__|{'__class__': 1}.__class__|{'__class__': 1}['__class__']|{'_x': 1}._x
range(5)|list|range(5, 0, -2)|list|range(0)|list|range(1000000)|range(2, 3, 0)|range('a')|range(1.5)|range()|range(3)[1]|range(3)|length|range(0) is sequence|dict(a=1, b=2)|dict([('a', 1)])|dict({'a': 1}, b=2)|namespace(a=1).a|namespace({'a': 1}).a|namespace().zz|namespace(a=1)['a']|cycler(1, 2).next()|cycler()|strftime_now('%Y-%m-%d')|strftime_now('%d %b %Y')|strftime_now('%A %B %j %H:%M:%S %p %I %y %U %W %w %u %V %G')|strftime_now('%-d %e %% %D %F %T %R %c %x %X %h %C')|strftime_now('%Z%z|')|raise_exception('no!')|raise_exception(1)|raise_exception('a' ~ missing)
"""

FILTERS = """
-5|abs;;-5.5|abs;;true|abs;;'a'|abs;;missing|abs;;s|attr('upper');;dict|attr('a');;dict|attr('items') is callable;;s|attr('__class__')
[1,2,3,4,5]|batch(2)|list;;[1,2,3,4,5]|batch(2, 'x')|list;;[]|batch(2)|list;;[1,2,3]|batch(0)|list;;[1,2,3,4,5]|slice(2)|list;;[1,2,3,4,5]|slice(3, 'x')|list;;[1]|slice(3)|list;;[1]|slice(0)|list;;range(10)|slice(4)|map('list')|list
'hello WORLD'|capitalize;;''|capitalize;;5|capitalize;;'x'|center(7) ~ '|';;'x'|center;;list|count;;s|length;;u|length;;dict|length;;missing|length;;n|length;;nothing|length;;range(3)|length;;list|map('abs')|length
missing|default('d');;missing|d('d');;''|default('d');;''|default('d', true);;none|default('d');;none|default('d', true);;0|default(5, boolean=true);;missing|default;;missing.x|default('d');;dict.zz|default('d');;n|default('d');;missing|default(default_value=3)
dict|dictsort;;{'b': 1, 'A': 2, 'c': 0}|dictsort;;{'b': 1, 'A': 2, 'c': 0}|dictsort(true);;{'b': 1, 'A': 2, 'c': 0}|dictsort(by='value');;{'b': 1, 'A': 2, 'c': 0}|dictsort(false, 'value', true);;{'b': 1}|dictsort(by='x');;list|dictsort;;{1: 1, 'a': 2}|dictsort
html|e;;html|escape;;html|escape|escape;;html|forceescape;;html|e|forceescape;;(html|e) + '<';;'<' + (html|e);;(html|e) ~ '<';;html|safe;;(html|safe) + '<';;('<'|e) * 2;;('<%s>'|safe) % '<';;('<'|e) is escaped;;'<' is escaped;;5|e;;none|e;;[html|e];;('<x>'|safe).upper();;('<'|e)[0];;('<'|e)|length;;('<x>'|e)|upper is escaped;;('<{}>'|safe).format('<');;('a'|e) == 'a';;{'a': 1}['a'|e];;('a'|e) in 'abc';;(html|e)|string is escaped;;(html|e)|tojson;;['<', 'b'|e]|join('<');;('<'|safe).join(['<', '>'])
list|first;;[]|first;;s|first;;dict|first;;missing|first;;n|first;;list|last;;[]|last;;s|last;;dict|last;;missing|last;;list|map('abs')|last;;(1, 2)|last;;range(5)|last;;u|last;;dict.items()|first;;list|map('abs')|first
'3.7'|float;;'abc'|float;;'abc'|float(1.5);;5|float;;'1e3'|float;;' 2 '|float;;'inf'|float;;'nan'|float;;none|float;;none|float(default=2);;[]|float;;missing|float;;'1_000.5'|float;;'0x10'|float;;'1f'|float;;true|float;;'-.5'|float;;'5.'|float
'42'|int;;'42.9'|int;;'abc'|int;;'abc'|int(7);;42.9|int;;-42.9|int;;'0x1f'|int(base=16);;'1f'|int(0, 16);;'0b11'|int(0, 2);;'0o17'|int(0, 8);;'z'|int(0, 36);;' 12 '|int;;'1_000'|int;;'1__0'|int;;none|int;;none|int(3);;missing|int;;true|int;;''|int;;'-7'|int;;'+7'|int;;'1e3'|int;;'inf'|int;;'nan'|int;;[]|int;;'12abc'|int(default=-1);;'99999999999999999999'|int;;'0x1f'|int;;'017'|int(0, 0);;'0x1f'|int(0, 0);;'٣'|int
'%s %s'|format('a', 1);;'%(a)s'|format(a=1);;'%s'|format('a', b=1);;'%.1f'|format(2.25);;'%s'|format;;'x'|format(1);;5|format;;'%s-%s'|format(*[1, 2])
users|groupby('age')|map('first')|list;;users|groupby('home.city')|map(attribute='grouper')|list;;users|groupby('home.city', case_sensitive=true)|map(attribute='grouper')|list;;users|groupby('nope')|list|length;;users|groupby('nope', default='x')|map(attribute='grouper')|list;;users|groupby('age')|map(attribute='list')|map('length')|list;;users|groupby('age')|first|first;;(users|groupby('age'))[0].list[0].name;;[[1, 'a'], [0, 'b'], [1, 'c']]|groupby(0);;users|groupby('tags')|length
lines|indent;;lines|indent(2);;lines|indent(2, true);;lines|indent(2, true, true);;lines|indent(blank=true);;lines|indent('> ');;lines|indent(width='--', first=true);;''|indent;;'a\\n'|indent;;'a\\n\\n'|indent(2);;5|indent;;missing|indent;;'a\\r\\nb'|indent(1)
dict|items|list;;missing|items|list;;list|items|list;;none|items;;users[0]|items|first
list|join;;list|join(', ');;users|join(', ', attribute='name');;'abc'|join('-');;[]|join(',');;[none, true, 1.5]|join(' ');;dict|join(',');;missing|join(',');;n|join;;[1, [2, 'a']]|join;;list|join(d='|');;list|join(5);;[missing, 1]|join('-')
'ABC'|lower;;5|lower;;none|lower;;missing|lower;;'abc'|upper;;u|upper;;missing|upper;;true|upper;;[1]|upper
words|map('upper')|list;;words|map('upper')|join(' ');;users|map(attribute='name')|list;;users|map(attribute='home.city')|list;;users|map(attribute='tags.0')|list;;users|map(attribute='tags.0', default='-')|list;;users|map(attribute='nope', default='-')|list;;words|map('replace', 'p', 'P')|list;;words|map('length')|sum;;words|map('nope')|list;;words|map|list;;words|map(attribute='x', foo=1)|list;;missing|map('upper')|list;;none|map('upper')|list;;n|map('upper')|list;;''|map('upper')|list;;words|map('default', 'x')|list;;dict|map('upper')|list;;words|map(attribute=0)|list;;words|map('truncate', length=3, killwords=true, end='', leeway=0)|list;;[1.5, 2.5]|map('round')|map('int')|list;;words|map('first')|map('upper')|join
list|max;;list|min;;words|max;;words|min;;words|max(true);;words|min(case_sensitive=true);;users|max(attribute='age');;(users|min(attribute='age')).name;;[]|max;;[]|min is defined;;[1, 'a']|max;;missing|max;;dict|max;;'hello'|max;;[1, 2.0, true]|max;;[1, true, 1.0]|min
[1, 2, 3, 4]|reject('odd')|list;;[0, 1, '', 'a', none]|reject|list;;[0, 1, '', 'a', none]|select|list;;[1, 2, 3, 4]|select('odd')|list;;[1, 2, 3]|select('>', 1)|list;;[1, 2, 3]|select('in', [1, 3])|list;;[1, 2, 3]|select('divisibleby', 2)|list;;users|selectattr('tags')|map(attribute='name')|list;;users|rejectattr('tags')|map(attribute='name')|list;;users|selectattr('age', 'equalto', 30)|map(attribute='name')|list;;users|selectattr('age', '==', 30)|list|length;;users|selectattr('home.city', 'eq', 'Bern')|map(attribute='name')|first;;users|selectattr('nope')|list;;users|selectattr('nope', 'defined')|list;;users|rejectattr('nope', 'defined')|list|length;;[1]|select('nope')|list;;[1]|selectattr|list;;missing|select|list;;missing|selectattr('x')|list;;n|select|list;;messages|selectattr('role', 'equalto', 'user')|list|last|attr('get');;(messages|selectattr('role', 'eq', 'user')|list)[-1].content[0].text;;messages|rejectattr('role', 'in', ['user', 'system'])|list|length;;words|select('string')|list;;words|select('lower')|list;;words|select('ne', 'fig')|list;;[1, none]|select('none')|list;;[3,1]|select('lt', 2)|list
s|replace('l', 'L');;s|replace('l', 'L', 1);;'aaa'|replace('a', '');;n|replace(7, 8);;'abc'|replace('', '-');;missing|replace('a', 'b');;s|replace('l', 'L', count=2);;s|replace('l', none);;'a.b'|replace('.', '\\n')
list|reverse|list;;s|reverse;;u|reverse;;dict|reverse|list;;list|map('abs')|reverse;;n|reverse;;(1, 2)|reverse|list;;missing|reverse|list;;range(3)|reverse|list;;list|reverse|first;;''|reverse
42.55|round;;42.55|round(1);;42.55|round(1, 'floor');;42.55|round(1, 'ceil');;42.55|round(0, 'floor');;42|round;;42|round(1);;2.5|round;;3.5|round;;-2.5|round;;1234|round(-2);;1250|round(-2);;1234.5|round(-2);;2.675|round(2);;1.5|round(method='x');;'a'|round;;42.7|round|int;;5|round(1, 'ceil');;5|round(0, 'floor');;true|round;;missing|round;;1e300|round(2);;0.5|round(method='ceil');;-0.5|round
list|sort;;words|sort;;words|sort(true);;words|sort(case_sensitive=true);;words|sort(reverse=true);;users|sort(attribute='age')|map(attribute='name')|list;;users|sort(attribute='age,name')|map(attribute='name')|list;;users|sort(attribute='home.city', reverse=true)|map(attribute='name')|list;;[1, 'a']|sort;;[3, 1.5, true]|sort;;'hello'|sort;;dict|sort;;missing|sort;;n|sort;;[[2, 1], [1, 2]]|sort;;[[2, 'b'], [1, 'a']]|sort(attribute=1);;[none, 1]|sort;;[none]|sort;;users|sort(attribute='nope');;['b', 'B', 'a', 'A']|sort;;['b', 'B', 'a', 'A']|sort(reverse=true);;[(1, 'b'), (1, 'a')]|sort
5|string;;none|string;;missing|string;;5|string is string;;[1, 'a']|string;;'<p>a  <b>b</b>\\n c &amp; &lt;</p><!-- x > y -->'|striptags;;'a < b'|striptags;;'&#65;&#x42;&nbsp;|'|striptags;;5|striptags
[1, 2, 3]|sum;;[1.5, 2]|sum;;[]|sum;;[]|sum(start=5);;users|sum(attribute='age');;users|sum('age', 10);;['a']|sum;;[[1], [2]]|sum(start=[]);;['a']|sum(start='');;missing|sum;;[true, true]|sum;;[0.1, 0.2, 0.3]|sum
'hello world'|title;;"they're bill's friends"|title;;'hello-world (foo) [bar] {baz} <qux>'|title;;'HELLO'|title;;'éa'|title;;5|title;;''|title;;'a_b c.d'|title;;'ßx'|title
dict|tojson;;list|tojson;;s|tojson;;html|tojson;;u|tojson;;u|tojson(ensure_ascii=true);;nothing|tojson;;t|tojson;;f|tojson;;1.0|tojson;;1e16|tojson;;1e400|tojson;;dict|tojson(indent=2);;dict|tojson(indent=0);;dict|tojson(indent='--');;{}|tojson(indent=2);;[[], {}]|tojson(indent=2);;dict|tojson(separators=(',', ':'));;dict|tojson(sort_keys=true);;dict|tojson(indent=4, separators=(', ', ' = '));;{1: 2, true: 3, none: 4, 1.5: 5}|tojson;;{(1, 2): 3}|tojson;;{'b': 1, 1: 2}|tojson(sort_keys=true);;(1, 2)|tojson;;range(3)|tojson;;missing|tojson;;[missing]|tojson;;'\\x00\\x1f\\x7f\\u2028"\\\\/'|tojson;;'\\x7f'|tojson(ensure_ascii=true);;messages[2]|tojson;;messages|tojson(indent=2);;namespace(a=1)|tojson;;dict.keys()|tojson;;list|map('abs')|tojson;;123456789012345678901234567890|tojson;;0.1|tojson;;s.upper|tojson;;dict|tojson(foo=1);;dict|tojson(true);;dict|tojson(false, 1);;[1, [2, {'a': []}]]|tojson(indent=1);;'😀'|tojson(true)
'  a '|trim ~ '|';;'xax'|trim('x');;5|trim;;missing|trim;;none|trim;;' \\n x'|trim;;'abc'|trim(chars='ac');;messages[0].content|trim
'foo bar baz qux'|truncate(9);;'foo bar baz qux'|truncate(9, true);;'foo bar baz qux'|truncate(11);;'foo bar baz qux'|truncate(11, false, '...', 0);;'foo bar baz qux'|truncate(5, leeway=0, end='');;'foobarbaz'|truncate(5, leeway=0);;'foo'|truncate(2);;'foo bar baz'|truncate(2, leeway=0);;u|truncate(8, true, '…', 0);;missing|truncate;;5|truncate
[1, 1.0, true, 2, 'a', 'A']|unique|list;;[1, 'a', 'A', 'a']|unique(true)|list;;users|unique(attribute='age')|map(attribute='name')|list;;'banana'|unique|join;;[[1], [1]]|unique|list;;[(1, 2), (1, 2)]|unique|list;;missing|unique|list;;[none, none, missing, missing2]|unique|list|length
'a b&c/d?é'|urlencode;;{'a b': 1, 'c': 'é&'}|urlencode;;[('a', 1), ('b/', 2)]|urlencode;;5|urlencode;;none|urlencode;;missing|urlencode;;'~_.-'|urlencode;;'a/b'|urlencode|replace('/', '%2F')
'foo bar, baz_1 éa'|wordcount;;''|wordcount;;5|wordcount;;"it's"|wordcount
'foo bar baz qux'|wordwrap(7);;'foobarbazqux'|wordwrap(5);;'foobarbazqux a'|wordwrap(5, false);;'foo bar\\nbaz qux quux'|wordwrap(8);;'well-known words'|wordwrap(6);;'well-known words'|wordwrap(6, break_on_hyphens=false);;'foo bar'|wordwrap(3, wrapstring='<br>');;''|wordwrap(5);;'a  b   c'|wordwrap(3);;'  lead'|wordwrap(10);;'x'|wordwrap(0);;lines|wordwrap(4);;'one two three four five six'|wordwrap(10)
{'class': 'a b', 'id': none, 'x': missing, 'y': 5}|xmlattr;;{'a': '<"'}|xmlattr(false);;{}|xmlattr;;{'a b': 1}|xmlattr;;{'a/': 1}|xmlattr;;list|xmlattr
1|filesizeformat;;500|filesizeformat;;1500|filesizeformat;;1500|filesizeformat(true);;123456789|filesizeformat;;1e30|filesizeformat;;'a'|filesizeformat;;[1]|filesizeformat
n|nope;;n is nope;;(n|nope) if false else 'ok';;'upper' is filter;;'nope' is filter;;'odd' is test;;'nope' is test;;s|upper|lower|title;;s|upper();;s|upper(1);;-n|abs;;n|string + 'x';;s|length + 1;;s.split(',')|map('trim')|list;;(s|list)[0];;s|list|length;;{'a': 1}|list;;missing|list;;n|list;;'ab'|list;;('a', 'b')|list;;missing|safe;;(1|string) + '1';;words|first|upper|e
"""

TESTS = """
true is boolean;;1 is boolean;;s.upper is callable;;n is callable;;missing is callable;;missing is defined;;n is defined;;none is defined;;dict.zz is defined;;dict.a is defined;;missing is undefined;;missing is not defined;;n is not undefined;;10 is divisibleby 5;;10 is divisibleby(3);;10 is divisibleby 0;;'a' is divisibleby 2;;1 is eq 1;;1 is equalto 1.0;;1 is ne 2;;1 is lt 2;;1 is le 1;;2 is gt 1;;2 is ge 3;;1 is lessthan 2;;2 is greaterthan 1;;1 is sameas 1;;true is sameas true;;1 is sameas true;;none is sameas none;;[] is sameas [];;2 is even;;3 is odd;;2.0 is even;;'a' is odd;;-1 is odd;;true is odd;;false is false;;0 is false;;true is true;;1 is true;;1.0 is float;;1 is float;;1 is integer;;true is integer;;1.0 is integer;;1 in [1];;1 is in [1, 2];;'a' is in 'abc';;1 is not in [1];;[] is iterable;;'' is iterable;;1 is iterable;;missing is iterable;;none is iterable;;range(2) is iterable;;dict is iterable;;list|map('abs') is iterable;;'abc' is lower;;'ABC' is lower;;'ABC' is upper;;'1' is upper;;1 is lower;;dict is mapping;;list is mapping;;missing is mapping;;none is none;;missing is none;;0 is none;;1 is number;;1.5 is number;;true is number;;'1' is number;;missing is number;;'a' is sequence;;[] is sequence;;dict is sequence;;(1,) is sequence;;1 is sequence;;missing is sequence;;range(2) is sequence;;list|map('abs') is sequence;;dict.items() is sequence;;'a' is string;;1 is string;;('a'|e) is string;;none is string;;missing is string;;n is not string and n is number;;not n is string;;n is string or n is number;;n is defined and n > 3;;dict.a is defined and dict.a is not none;;1 is eq(1);;1 is eq;;1 is eq(1, 2);;n is odd is true;;n is divisibleby 7 and true;;n is divisibleby n;;n is lt n + 1;;n is string is defined;;users is iterable and users is not mapping;;messages[3].content is string;;messages[2].content is none;;messages[2].tool_calls is defined;;messages[1].tool_calls is defined;;x.y is defined;;n is eq 7 or false;;n is in list;;n is sameas(n);;5 is lt(6);;'x' is eq 'x';;namespace() is mapping;;loop is defined;;caller is defined
"""

STATEMENTS = [
    "{% if n > 5 %}a{% elif n > 3 %}b{% else %}c{% endif %}",
    "{% if missing %}a{% endif %}|{% if not missing %}b{% endif %}",
    "{% if 0 %}a{% elif 0 %}b{% elif 1 %}c{% else %}d{% endif %}",
    "{% if 1, 2 %}t{% endif %}",
    "{% for x in list %}{{ x }}{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in missing %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in n %}{% endfor %}",
    "{% for x in none %}{% endfor %}",
    "{% for x in 'abc' %}{{ x }}.{% endfor %}",
    "{% for x in u %}{{ x }}.{% endfor %}",
    "{% for k in dict %}{{ k }},{% endfor %}",
    "{% for k, v in dict.items() %}{{ k }}={{ v }},{% endfor %}",
    "{% for k, v in dict|items %}{{ k }}={{ v }},{% endfor %}",
    "{% for k, v in [(1, 2), [3, 4], 'ab'] %}{{ k }}{{ v }},{% endfor %}",
    "{% for k, v in [(1, 2, 3)] %}{% endfor %}",
    "{% for k, v in [(1,)] %}{% endfor %}",
    "{% for k, v in [1] %}{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, in [(1,), (2,)] %}{{ a }}{% endfor %}",
    "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}",
    "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}",
    "{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
    "{% for x in list %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}",
    "{% for x in list %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in list %}{{ loop.cycle() }}{% endfor %}",
    "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x, 1) }} {% endfor %}",
    "{% for x in list if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}",
    "{% for x in list if x > 9 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in list|map('abs') %}{{ loop.index }}/{{ loop.length }}{{ loop.last }} {% endfor %}",
    "{% for x in list|map('abs') %}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in list if x is odd %}{{ loop.last }}{{ loop.nextitem }} {% endfor %}",
    "{% for k, v in dict|dictsort if v is number %}{{ k }}{% endfor %}",
    "{% for x in list %}{% for y in list %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for x in list %}{% set outer = loop %}{% for y in 'ab' %}{{ outer.index }}{{ y }}{% endfor %} {% endfor %}",
    "{% for n in tree recursive %}{{ n.v }}{% if n.c %}({{ loop(n.c) }}){% endif %}{% endfor %}",
    "{% for n in tree recursive %}{{ n.v }}@{{ loop.depth }}{{ loop.depth0 }}{{ loop(n.c) }}{% else %}.{% endfor %}",
    "{% for n in tree %}{{ loop(n.c) }}{% endfor %}",
    "{% for x in list recursive %}{{ x }}{% endfor %}",
    "{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in list %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in list %}{% break %}{% else %}E{% endfor %}",
    "{% for x in list %}{% continue %}{% else %}E{% endfor %}",
    "{% for x in list %}{{ x }}{% break %}{% else %}E{% endfor %}",
    "{% for x in list %}{% for y in list %}{% if y == 1 %}{% break %}{% endif %}{{ y }}{% endfor %};{% endfor %}",
    "{% break %}",
    "{% for x in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in list %}{% with %}{% if x == 1 %}{% continue %}{% endif %}{% endwith %}{{ x }}{% endfor %}",
    "{{ loop }}",
    "{% for x in list %}{{ loop }}{% endfor %}",
    "{% for x in list %}{{ loop.nope }}{{ loop.nope is defined }}{% endfor %}",
    "{% for loop in list %}{% endfor %}",
    "{% for x in list %}{% endfor %}{{ x }}",
    "{% set x = 5 %}{% for x in list %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 5 %}{% for y in list %}{% set x = y %}{{ x }}{% endfor %}{{ x }}",
    "{% for y in list %}{{ x }}{% set x = y %}{{ x }} {% endfor %}",
    "{% set x = 0 %}{% for y in list %}{% set x = x + y %}{{ x }} {% endfor %}{{ x }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% if false %}{% set x = 2 %}{% endif %}{{ x }}|{{ x is defined }}",
    "{% if true %}{% set n = 2 %}{% endif %}{{ n }}",
    "{% if false %}{% set n = 2 %}{% endif %}{{ n }}",
    "{% set n = n + 1 %}{{ n }}",
    "{% for y in 'ab' %}{% if y == 'a' %}{% set n = 1 %}{% endif %}{{ n }}{% endfor %}{{ n }}",
    "{% set ns = namespace(x=0) %}{% for y in list %}{% set ns.x = ns.x + y %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace() %}{% set ns.a = 1 %}{{ ns.a }}{{ ns.b }}{{ ns.b is defined }}",
    "{% set d = {} %}{% set d.x = 1 %}",
    "{% set zz.x = 1 %}",
    "{% set ns = namespace(a=1) %}{{ ns }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = 'xy' %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}",
    "{% set ns = namespace() %}{% set ns.a, b = 1, 2 %}{{ ns.a }}{{ b }}",
    "{% set x = 1, 2 %}{{ x }}",
    "{% set x %}a{{ n }}b{% endset %}{{ x }}|{{ x is string }}",
    "{% set x | upper %}abc{% endset %}{{ x }}",
    "{% set x | upper | replace('A', 'z') %}abc{% endset %}{{ x }}",
    "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}",
    "{% set ns = namespace() %}{% set ns.x %}abc{% endset %}{{ ns.x }}",
    "{% set x = 1 %}{% set x %}{{ x }}2{% endset %}{{ x }}",
    "{% set none = 1 %}",
    "{% set 1 = 1 %}",
    "{% set x %}",
    "{% set %}",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, 3) }}|{{ m(1, c=4) }}|{{ m(b=1, a=2) }}",
    "{% macro m(a) %}{{ a }}{{ a is defined }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}",
    "{% macro m() %}{{ varargs|length }}{% endmacro %}{{ m() }}{{ m(1) }}",
    "{% macro m() %}{{ kwargs }}{% endmacro %}{{ m(a=1) }}{{ m(1) }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}",
    "{% macro m(a=b, b=1) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m() %}{{ n }}{{ x }}{% endmacro %}{% set x = 1 %}{{ m() }}",
    "{% macro m() %}{% set n = 9 %}{{ n }}{% endmacro %}{{ m() }}{{ n }}",
    "{% macro m(n) %}{% if n > 0 %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}x{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}",
    "{% macro m() %}x{% endmacro %}{{ m }}",
    "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body{{ n }}{% endcall %}",
    "{% macro m() %}[{{ caller(1, 2) }}]{% endmacro %}{% call(a, b) m() %}{{ a }}{{ b }}{% endcall %}",
    "{% macro m() %}[{{ caller(1) }}]{% endmacro %}{% call(a, b=5) m() %}{{ a }}{{ b }}{% endcall %}",
    "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% macro m(x) %}{{ x }}{{ caller() }}{% endmacro %}{% call m('a') %}{{ x }}{% endcall %}",
    "{% call n %}x{% endcall %}",
    "{% macro outer() %}{% macro inner() %}i{{ n }}{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}{{ inner is defined }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m('<')|e }}{{ m('a') + 'b' }}{{ m('a') is string }}",
    "{% for x in list %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}",
    "{{ m() }}{% macro m() %}x{% endmacro %}",
    "{% macro m(a, a2) -%}  {{ a }}  {%- endmacro %}{{ m(1) }}",
    "{% macro m(*args) %}{% endmacro %}",
    "{% set f = s.upper %}{{ f() }}",
    "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}{{ m(1, *[2]) }}",
    "{{ dict.get(*['a']) }}",
    "{% filter upper %}abc{{ n }}x{% endfilter %}",
    "{% filter replace('a', 'b')|upper %}aaa{% endfilter %}",
    "{% filter indent(2) %}a\nb{% endfilter %}",
    "{% filter upper %}{% set q = 1 %}{% endfilter %}{{ q is defined }}",
    "{% filter nope %}{% endfilter %}",
    "{% with x = 1, y = n %}{{ x }}{{ y }}{% endwith %}{{ x is defined }}",
    "{% with %}{% set x = 1 %}{{ x }}{% endwith %}{{ x is defined }}",
    "{% set x = 1 %}{% with x = 2, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}",
    "{% with a, b = (1, 2) %}{{ a }}{{ b }}{% endwith %}",
    "{% raw %}{{ x }}{% if %}{# c #}{% endraw %}",
    "a {%- raw -%}  x  {%- endraw -%} b",
    "{% raw %}\n  x\n{% endraw %}\ny",
    "  {% raw %} x {% endraw %}  \ny",
    "{% raw %}",
    "{#- c -#} a {# c #}b",
    "a{# never ends",
    "a\n  {# c #}\nb",
    "a {# {{ x }} {% if %} #} b",
    "{% generation %}a{{ n }}{% endgeneration %}",
    "{% generation %}{% set zz = 1 %}{% endgeneration %}{{ zz is defined }}",
    "{% for m in messages %}{% generation %}{{ m.role }}{{ loop.index }}{% endgeneration %}{% endfor %}",
    "{% block a %}x{{ n }}{% endblock %}",
    "{% set z = 1 %}{% block a %}{{ z }}{% endblock a %}",
    "{% for i in [1] %}{% block a %}{{ i }}{% endblock %}{% endfor %}",
    "{% for i in [1] %}{% block a scoped %}{{ i }}{% endblock %}{% endfor %}",
    "{% print n %}|{% print n, s %}",
    "{% nope %}",
    "{% endif %}",
    "{% if n %}a",
    "{% if n %}a{% endfor %}",
    "{% for x in list %}",
    "{% for x list %}{% endfor %}",
    "{% for in list %}{% endfor %}",
    "{{",
    "{{ }}",
    "{{ n",
    "{% if %}{% endif %}",
    "{{ n n }}",
    "{{ n + }}",
    "{{ (n }}",
    "{{ n) }}",
    "{{ [n) }}",
    "{{ 'abc }}",
    "{{ n ! }}",
    "{{ a.b. }}",
    "{{ $x }}",
    "{{ f(a=1, 2) }}",
    "{{ f(**a, b) }}",
    "{{ range(3, **{}) }}",
    "{{ dict(a=1, a=2) }}",
    "{{ 1 is }}",
    "{{ n if }}",
    "{{ not }}",
    "{% do x %}",
    "{% set x = %}",
    "{{ '\\u00e9\\x41\\101\\q\\n' }}",
    "{{ '\\x4' }}",
    "{{ '\\u12' }}",
    "{{ 'a\\\nb' }}",
    "{{ 'multi\nline' }}",
    "}} %} #}",
    "{ { x } }",
    "a{b}c",
    "{{'{{'}}{{'}}'}}{{ '%}' }}",
    "{{ {'a': {'b': 1}}.a.b }}",
    "{{{'a': 1}.a}}",
    "{{ {'a': {'b': 1}} }}",
    "{{ n }}}",
    "{{ 5|abs|string|length }}",
    "{{ cycler('a', 'b').next() }}{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}{{ c.pos }}{{ c.items }}",
    "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}",
    "{% set j = joiner() %}{{ j() }}a{{ j() }}b",
    "{% set g = list|map('abs') %}{{ g|list }}{{ g|list }}",
    "{% set g = list|select('odd') %}{% for x in g %}{{ x }}{% endfor %}{% for x in g %}{{ x }}{% else %}done{% endfor %}",
    "{{ list|map('abs') is defined }}{{ (list|map('abs')) and true }}",
    "{% set x = [] %}{% if x %}a{% else %}b{% endif %}",
    "{% if messages[0].role == 'system' and messages|length > 1 %}y{% endif %}",
    "{% set messages = messages[1:] %}{{ messages|length }}",
    "{% set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}{{ system }}",
    "{%- for message in messages %}{{ '<|' + message['role'] + '|>' }}{% if message.content is string %}{{ message.content }}{% elif message.content is iterable and message.content is not none %}{% for part in message.content %}{{ part.text }}{% endfor %}{% endif %}{%- endfor %}",
    "{% for m in messages %}{% if loop.last %}{{ m.role }}{% endif %}{% endfor %}",
    "{% for m in messages[::-1] %}{{ m.role }} {% endfor %}",
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ loop.index }}{% endif %}{% endfor %}",
    "{% if not messages is defined %}x{% endif %}{{ messages[2].tool_calls[0].function.arguments|tojson }}",
    "{% for name, value in messages[2].tool_calls[0].function.arguments.items() %}{{ name }}: {{ value }};{% endfor %}",
    "{% for m in messages %}{{ m.content + '' }}{% endfor %}",
    "{{ messages[2].content + 'x' }}",
    "{{ 'x' + messages[2].tool_calls[0].function }}",
    "{{ messages[9].content }}",
    "{{ messages[9] }}",
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'assistant' %}{% set ns.found = true %}{% break %}{% endif %}{% endfor %}{{ ns.found }}",
    "{% if tools is defined and tools %}a{% else %}b{% endif %}{% if tools is not none %}c{% endif %}",
    "{{ raise_exception('Roles must alternate') if messages[0].role == 'system' }}",
    "{% if true %}{{ raise_exception(\"a 'b' \" ~ n) }}{% endif %}",
    "{% set x = missing %}{{ x is defined }}{{ x }}",
    "{% set x = missing %}{{ x.y }}",
    "{% set d = dict(dict, z=1) %}{{ d }}",
    "{% set d = dict %}{% set e = {'k': d} %}{{ e }}",
    "{% set l = [] %}{% set _ = l.append(1) %}{{ l }}",
    "{% for x in range(3) -%} {{ x }} {%- endfor %}",
    "{% for a in [1,2] %}{% for b in [3,4] %}{% if loop.first %}{% continue %}{% endif %}{{ a }}{{ b }}{% endfor %}{% endfor %}",
    "{% set x = 1 if false %}{{ x }}|{{ x is defined }}",
    "{{ users|sum(attribute='age') / users|length }}",
    "{{ (users|first).name }}{{ users[0]|attr('name') }}",
    "{{ 'yes' if 'a' in dict and dict['a'][0] == 1 else 'no' }}",
    "{{ [1, 2, 3][-1:] + [4] }}",
    "{{ '%s' % ('a',) }}{{ '%s' % [1] }}",
    "{{ dict.items()|list|first|last }}",
    "{{ n.__class__.__name__ }}",
    "{%if n%}tight{%endif%}{{n}}",
    "{% if n %}\n{% endif %}",
    "{% if n: %}a{% endif %}",
    "{% for x in list: %}{{ x }}{% endfor %}",
    "{% set x=n%}{{x}}",
    "{{ true }}{{ True }}{{ none }}{{ None }}{{ false }}{{ False }}",
    "{{ missing }}{{ [missing] }}{{ {'a': missing} }}",
    "{{ {'a': 1}|length }}{{ {}|length }}",
    "{{ s[:5] ~ '…' if s|length > 5 else s }}",
    "{{ ' '.join(words|sort) }}",
    "{{ 1 }}{{ 1.50 }}{{ 1e2 }}{{ 0.1e-6 }}{{ 12345678901234567890 }}",
]

WHITESPACE = [
    "a\n", "a\n\n", "\na", "", "\n", "a\r\nb\r", "a\rb",
    "{% if true %}\nx\n{% endif %}\ny\n", "  {% if true %}\n  x\n  {% endif %}\n  y",
    "a  {% if true %}  b  {% endif %}  c", "a\n  {% if true %}  b\n  {% endif %}  c",
    "a\n  {%+ if true %}x{%+ endif %}\n", "a\n  {%- if true %}x{%- endif %}\n  b", "a\n{% if true -%}\n  x\n{%- endif -%}\n  b",
    "{% if true +%}\nx{% endif +%}\ny", "  {{ n }}\n  {{ n }}\n", "  {{- n -}}\n  b", "a\n\n  {{- n }}\n\n  b", "{{ n -}}\n\n b", "a {{+ n }} b",
    "\t{% if true %}\tx\t{% endif %}\t", "x\n\t {% if true %}y{% endif %}", "x y {% if true %}y{% endif %}\n\nz",
    "{# c #}\nx", "  {# c #}\nx", "  {# c #} x", "a  {#- c -#}  b", "a {#+ c +#}\nb", "{#- -#}x", "{#-#}x", "{#+#}\nx", "{##}x",
    "{% set x = 1 %}\n{{ x }}\n{% set y = 2 %}\n\n{{ y }}", "{% for x in list %}\n  {{ x }}\n{% endfor %}\nend\n", "{% for x in list -%}\n  {{ x }}\n{%- endfor %}\nend\n",
    "{%- for x in list -%}\n  {{ x }}\n{%- endfor -%}\nend\n", "  {%- set a = 1 %}\n\n  {%- set b = 2 %}\n  {{- a ~ b }}\n",
    "{% if true %} {% if true %} x {% endif %} {% endif %}", "{% if true %}\n{% if true %}\nx\n{% endif %}\n{% endif %}\n", "   {% if true %}   \n  x{% endif %}",
    "a\u00a0 {%- if true %}x{% endif %}", "\u2003{% if true %}x{% endif %}", "a\x0b{%- if true %}x{% endif %}",
    "{{ 'a\r\nb' }}|", "line1\r\n  {% if true %}\r\nx\r\n  {% endif %}\r\n", "{% raw %}\r\nx{% endraw %}", "a{% raw -%}\n x {%- endraw %}\n b", "a\n  {%- raw %} x {% endraw +%}\nb", "a\n  {%+ raw %} x\n  {%+ endraw %}\nb", "  {% raw %}x\n  {% endraw %}y",
    "{{ n }}\n", "{{ n }}\n\n", "{% if true %}x{% endif %}\n", "{% macro m() %}\n  a\n{% endmacro %}\n[{{ m() }}]", "{% call_ %}", "a{% set x %}\n b \n{% endset %}\n[{{ x }}]",
    "{{ n }}  {% if true %}x{% endif %}", "{{ n }}\n  {% if true %}x{% endif %}", "{% if true %}x{% endif %}  {% if true %}y{% endif %}", "{% if true -%}  {% endif %}  {% if true %}y{% endif %}", "{{ n -}}\n  {% if true %}x{% endif %}",
    "{%\nif\ntrue\n%}x{%\nendif\n%}", "{{\n\nn\n}}", "{{-n-}}", "{{ -n }}", "{{- -n -}}", "{{ 1 -1 }}", "{{ n-}}  x", "{%-if true-%} x {%-endif-%}",
]


def split(block, separator):
    return [e for line in block.strip().split("\n") for e in split_line(line, separator)]


def split_line(line, separator):
    return [e for e in line.split(separator) if e.strip()]


def templates():
    # A bar separates expressions only where it is not a filter or part of a text.
    seen = dict.fromkeys(
        ["{{ %s }}" % e for e in bars(EXPRESSIONS)]
        + ["{{ %s }}" % e for e in split(FILTERS, ";;")]
        + ["{{ %s }}" % e for e in split(TESTS, ";;")]
        + STATEMENTS
        + WHITESPACE
    )
    return list(seen)


def bars(block):
    for line in block.strip().split("\n"):
        piece, quote = "", None
        parts = []
        previous = ""
        for c in line:
            if quote:
                quote = None if c == quote and previous != "\\" else quote
            elif c in "'\"":
                quote = c
            elif c == "|":
                parts.append(piece)
                piece = ""
                previous = c
                continue
            piece += c
            previous = c
        parts.append(piece)
        # A filter's name alone belongs to what stands before it.
        joined = []
        for part in parts:
            if part in ("list", "length", "first") and joined:
                joined[-1] += "|" + part
            else:
                joined.append(part)
        yield from (p for p in joined if p.strip())


def record(template):
    case = {"template": template}
    try:
        rendered = ENV.from_string(template).render(**VARIABLES)
        # Addresses and counters of this very process say nothing.
        if " at 0x" in rendered:
            return None
        case["rendered"] = rendered
    except Exception as e:  # whatever Python raises is the golden
        case["error"] = "%s: %s" % (type(e).__name__, e)
    return case


def main():
    cases = [c for c in map(record, templates()) if c]
    golden = {
        "made with": "Jinja2 %s" % jinja2.__version__,
        "variables": VARIABLES,
        "cases": cases,
    }
    out = pathlib.Path(__file__).parent.parent / "resources" / "jinja2-semantics.json"
    # One case a line, so that a difference is one line too.
    with out.open("w", encoding="utf-8") as file:
        file.write('{"made with": %s,\n' % json.dumps(golden["made with"]))
        file.write('"variables": %s,\n"cases": [\n' % json.dumps(VARIABLES))
        file.write(",\n".join(json.dumps(c) for c in cases))
        file.write("\n]}\n")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
