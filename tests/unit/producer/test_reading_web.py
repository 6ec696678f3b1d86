"""The text of web pages: what is within a line joins, blocks break it, cells stand behind tabs, as in browsers."""

import random
import re
import string
import time
from contextlib import suppress

import pytest

from qwenq.producer.reading.documents.web.page import text_of_html
from qwenq.schemas.errors import UnreadableDocument

_XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><body>'
_TAGS = [
    "p",
    "div",
    "span",
    "b",
    "sub",
    "table",
    "tr",
    "td",
    "th",
    "ul",
    "ol",
    "li",
    "pre",
    "h1",
    "br",
    "wbr",
    "a",
    "center",
    "dt",
    "blockquote",
    "caption",
    "tbody",
    "form",
    "x-y",
    "ruby",
    "s",
    "sup",
    "q",
]
_SHADOW = "<template shadowrootmode=open>"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("5<span>00</span> EUR, H<sub>2</sub>O, 1<sup>st</sup>", "500 EUR, H₂O, 1st"),
        ("10<sup>6</sup> m<sup>2</sup> 10<sup>&minus;3</sup>, 106<sup>1</sup> a<sup><a>2</a></sup><sup><a>3</a></sup>",
         "10⁶ m² 10⁻³, 106¹ a² ³"),
        ("x<sup>n</sup> a<sup>n+1</sup> T<sub>max</sub> 10<sup>0.5</sup>", "x^n a^(n+1) T_max 10^0.5"),
        ("2<sup>e</sup> M<sup>me</sup> z<sup>*</sup>[<sup>[3]</sup>", "2e Mme z*[[3]"),
        ("<sub>small print below</sub> 5<span style='vertical-align: super'>2</span> <sup hidden>x</sup>",
         "small print below 5²"),
        ("<table><tr><td>10<sup>6</sup><td><sup>1</sup>H</table>", "10⁶\t¹H"),
        ("now <del>100</del> <ins>120</ins> <i style='text-decoration:line-through'>90 <s>x</s></i> <s></s>",
         "now ~~100~~ 120 ~~90 x~~"),
        ("<del><p>a<p>b</del> He said <q>no, <q>x</q></q><span hidden><q>y</q></span>",
         "~~a\n\nb~~\n\nHe said “no, “x””"),
        ("<progress>50%</progress>3 <span class=katex><math><mi>x</mi></math><i class=katex-html>x</i></span>",
         "50% 3 x"),
        ("a <img class=emoji alt=👍> <img class=mwe-math-fallback-image-inline alt='x^{2}'> <img alt=photo>b",
         "a 👍 x^{2} b"),
        ("<b>D</b>rop in<wbr>come hy&shy;phen <u>a</u><custom-tag>b</custom-tag>", "Drop income hyphen ab"),
        ("<a>Terms</a><a>Contact</a> <b><a>Ada</a></b><time>1 May</time>", "Terms Contact Ada 1 May"),
        ("<a>in</a>come, con<a id=x></a><a id=y></a>tract", "income, contract"),
        ("<a>one</a>\n <a>two</a><i> three</i> <!-- c --> four ,<b> five </b> .", "one two three four , five ."),
        ("x<img src=a>y<button>Send</button>z", "x y Send z"),
        ("<p>one</p>" + "<b" * 10_000, "one"),
        ("10&nbsp;000&nbsp;EUR", "10\xa0000\xa0EUR"),
        ("合同\n从 five\n二 <b>合</b>\n从", "合同从 five 二 合从"),
        ("<ruby>漢<rt>kan</rt></ruby> <ruby>字<rp>(</rp><rt>ji</rt><rp>)</rp></ruby>", "漢(kan) 字(ji)"),
        ("<div>a</div><section>b<address>c</address></section><center>d</center>e", "a\nb\nc\nd\ne"),
        ("<h1>T</h1><p>a<br>b<br/><br>c</p><div>d<br></div>e", "T\n\na\nb\n\nc\n\nd\ne"),
        ("<div>a</div><div><br></div><div>b</div><hr>c", "a\n\nb\nc"),
        ("<span style='display:block'>a</span>b<div style='display:inline'>c</div>d", "a\nbcd"),
        ("<style>.row{display:flex}</style><div class=row><a>a</a><a>b</a></div>", "a\nb"),
        ("<span style='position:absolute'>Name</span><span style='position: absolute'>Ada</span>", "Name\nAda"),
        ("<span style='float:left'>D</span>rop", "Drop"),
        ("<div style='display:table-row'><i style='display:table-cell'>a</i><i style='display:table-cell'>b</i></div>",
         "a\tb"),
        ("<html><body>a</body></html>footer <b>x</b><html><body><p>b</body></html>", "a\nfooter x\n\nb"),
        ("a</br>b<p>c<table><tr><td>d</table>e</p>f", "a\nb\n\nc\n\nd\ne\n\nf"),
        ("<svg><title>Icon</title><text>10</text><text>2<tspan>0</tspan></text></svg> Save", "10\n20\nSave"),
    ],
)  # fmt: skip
def test_text_joins_within_a_line_and_breaks_between_blocks(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<table><caption>Sums</caption><tr><th>a<th>b<tr><td>1<td>2</table>", "Sums\na\tb\n1\t2"),
        ("<table><tr><td><p>a</p></td> <td><p>b</p><p>c</p></td></tr><tr><td>d</table>", "a\tb\n\nc\nd"),
        ("<table><tr><td></td><td>Q1<td>Q2<td></tr><tr><td>Sum<td><td>5</table>", "\tQ1\tQ2\nSum\t\t5"),
        ("<table><tr><td>a<td><table><tr><td>b<td>c<tr><td>d</table><td>e</table>", "a\tb\tc\nd\te"),
        ("<table><tr><td>a<td><table><tr><td><tr><td>b</table></table>", "a\tb"),
        ("<table><td>a<td>b</table>", "a\tb"),
        (
            "<table><tr><th rowspan=2>A<th colspan=2>B<th>C<tr><th>B1<th>B2<tr><td>1<td>2<td>3<td>4</table>",
            "A\tB\t\tC\n\tB1\tB2\n1\t2\t3\t4",
        ),
        (
            "<table><tr><td rowspan=9 colspan=2>a<td>b<tr><td>c</table><table><tr><td>d<td colspan=x>e</table>",
            "a\t\tb\n\t\tc\nd\te",
        ),
        ("<table><tr>a<td>b</td>c<td>d</table>", "a\tb c\td"),
        ("<table><tr><td style='display:block'>a<td style='display:block'>b</table>", "a\nb"),
    ],
)
def test_cells_of_a_table_stand_behind_tabs(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<pre>\n a\n  <b>b</b>\n</pre>c", " a\n  b\n\nc"),
        ("a<span style='white-space:pre'>  b\n c</span>  d", "a  b\n c d"),
        ("<style>.poem{white-space:pre-line}</style><p class=poem>a  b\n\n c", "a b\n\nc"),
        ("<pre style='white-space:normal'>a\n  b", "a b"),
        ("x <textarea>\n a\n  b</textarea> y", "x  a\n  b y"),
    ],
)
def test_preformatted_text_keeps_its_white_space(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div style='visibility:hidden'>x<b style='visibility:visible'>y</b>z</div>w", "y\nw"),
        ("<style>.off{visibility:hidden}.on{visibility:visible}</style><p class=off>x<b class=on>y</b>", "y"),
        ("<p hidden>x<p hidden style='display:block'>y<p hidden=until-found>z", "y\n\nz"),
        ("<p style='display:block; display:none'>x<p style='display:none;display:block'>y", "y"),
        ("<p style='display:none !important; display:block'>x</p><div popover>x</div>y", "y"),
        ("<style>promo-box{display:none}</style><promo-box>x</promo-box>y", "y"),
        ("<ol><li>a<li style='display:none'>x<li>b</ol>", "1. a\n2. b"),
        (
            "<ol style='list-style: upper-roman inside'><li>a<ol style='list-style-type:none'><li>b</ol></ol>",
            "I. a\n\nb",
        ),
        ("<ol><li style='visibility:hidden'>x<li><div><p>b</div><li></ol>", "2. b\n\n3."),
    ],
)  # fmt: skip
def test_what_styles_hide_is_left_out_and_what_they_show_is_read(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (f"<x-a>{_SHADOW}<p>in shadow</p></template>not slotted</x-a>after", "in shadow\n\nafter"),
        (f"<x-a>{_SHADOW}<slot name=n>X</slot>: <slot></slot> <slot name=m>y</slot></template>a<i slot=n>Ada</i></x-a>",
         "Ada: a y"),
        (f"<x-a>{_SHADOW}<x-b>{_SHADOW}[<slot></slot>]</template><slot></slot></x-b></template>deep</x-a>", "[deep]"),
        ("<template><p>x</template>y", "y"),
        (f"{_XHTML}<p><![CDATA[a < b & c]]></p><script>//<![CDATA[\nx();//]]></script>d", "a < b & c\n\nd"),
        ('<?xml version="1.0"?><html><script src="a"/><body><p><![CDATA[a]]></p></body></html>', "a"),
        ("<p>a<![CDATA[x]]>b", "ab"),
        ("<math><mn>2</mn><mfrac><mn>1</mn><mn>2</mn></mfrac><mo>+</mo><msup><mi>x</mi><mn>2</mn></msup></math>",
         "2 1/2+x^2"),
        ("<math><semantics><msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt><annotation>\\sqrt</annotation></semantics></math>",
         "√(x+1)"),
        ("<math><munder><mo>∑</mo><mi>i</mi></munder><mi>i</mi></math>", "∑_i i"),
        (f"<math>{'<mrow>' * 1_500}<mi>x</mi>", "x"),
    ],
)  # fmt: skip
def test_shadow_trees_marked_text_and_equations_are_read(html: str, text: str) -> None:
    assert text_of_html(html) == text


def test_no_text_of_a_random_page_is_lost() -> None:
    draw = random.Random(1)
    for _ in range(500):
        letters = iter(string.ascii_letters)
        page = [
            draw.choice((f"<{draw.choice(_TAGS)}>", f"</{draw.choice(_TAGS)}>", " ", next(letters)))
            for _ in range(14)
        ]
        written = "".join(one for one in page if one.isalpha())
        assert re.sub(r"\d+\.|[^A-Za-z]", "", text_of_html("".join(page))) == written, page


@pytest.mark.parametrize(
    "part",
    [
        "<br>", "<td>", "<li>", "<ol><li>", "</p>", "<b> ", "<template shadowrootmode=open>", "<slot>", "&shy;",
        "<sup>1", "<s>a", "<q>", "<tr><td colspan=9 rowspan=9>a",
        "<![CDATA[", "<script>", "<p style='display:", "<style>.a{", "<rt>", "<mfrac>", "<i slot=x>y</i>z",
    ],
)  # fmt: skip
def test_a_page_of_one_repeated_part_is_read_in_linear_time(part: str) -> None:
    page = "<x-a><template shadowrootmode=open><slot></slot></template>" + part * (150_000 // len(part))
    began = time.process_time()
    with suppress(UnreadableDocument):
        text_of_html(_XHTML + page)
    assert time.process_time() - began < 5
