"""What is taken out of texts, and that everything else stays byte for byte."""

from collections import Counter

import pytest

from qwenq.producer.terms.sanitizing import MOST_IDS, Sanitized, sanitized, sanitized_rows
from qwenq.schemas.documents import BadRow, Document

UNCHANGED = (
    "a < b && c > d &amp; e",
    'see <me@example.com> and <Invoice Id="1"/> 5<6',
    "&lt;script&gt;shown&lt;/script&gt;",
    "data: 5, javascript: the good parts",
    '[a](https://x.y/z_(1)) <b title="Data: 5">q</b>\r\n<br/>',
    "<html><head><title>t</title></head><body class=x>q</body></html>",
    "if x<y then print('<b>')",
    "<table><tr><td>1<td>2</table>",
)
CHANGED = (
    ("x <script>alert(1)</script> y & 5 < 6", "x  y & 5 < 6", {"script": 1}),
    ("<SCRIPT\n>a</SCRIPT >b<script src=//e.x></script>", "b", {"script": 2}),
    ("a<script>never closed", "a", {"script": 1}),
    ("text\r\n<b>ok</b>\n<script>1</script>\r\nend", "text\r\n<b>ok</b>\n\r\nend", {"script": 1}),
    ("<svg><script>1</script></svg>k", "<svg></svg>k", {"script": 1}),
    ('<iframe src="https://e.x">f</iframe>rest', "rest", {"frame": 1}),
    ("<object data='x'>a<object>b</object>c</object>d", "d", {"frame": 1}),
    ("<frameset onload=1><frame src=javascript:1></frameset>z", "z", {"frame": 1}),
    ("<p onclick='x()'>hi & bye</p>", "<p>hi & bye</p>", {"handler": 1}),
    ("<Body OnLoad=x class='a \"b\"'>t", '<Body class="a &quot;b&quot;">t', {"handler": 1}),
    ("<td onclick=1>t</td>", "<td>t</td>", {"handler": 1}),
    ("<svg/onload=alert(1)>k", "<svg>k", {"handler": 1}),
    ('<a href="javascript:alert(1)" title="t">x</a>', '<a title="t">x</a>', {"link": 1}),
    ('<a href="java&#115;cript:alert(1)">x</a>', "<a>x</a>", {"link": 1}),
    ('<a href=" java\tscript:alert(1)">x</a>', "<a>x</a>", {"link": 1}),
    ('<img src="data:image/png;base64,AAA"> z', "<img> z", {"link": 1}),
    ("<form action='vbscript:1'>b</form>", "<form>b</form>", {"link": 1}),
    ("<meta http-equiv=refresh content='0;url=javascript:1'>m", '<meta http-equiv="refresh">m', {"link": 1}),
    ("[x](javascript:alert(1)) ok", "[x](#) ok", {"link": 1}),
    ("![i](data:image/png;base64,aa) [y](javascript&colon;1)", "![i](#) [y](#)", {"link": 2}),
    ("<javascript:alert(1)> and\n[r]: data:text/html,x", " and\n[r]: #", {"link": 2}),
)  # fmt: skip


@pytest.mark.parametrize("text", UNCHANGED)
def test_harmless_text_stays_byte_for_byte(text: str) -> None:
    removed: Counter[str] = Counter()
    assert (sanitized(text, removed), removed) == (text, {})


@pytest.mark.parametrize(("text", "left", "kinds"), CHANGED)
def test_markup_that_could_run_is_taken_out_and_counted(text: str, left: str, kinds: dict[str, int]) -> None:
    removed: Counter[str] = Counter()
    assert (sanitized(text, removed), removed) == (left, kinds)
    assert sanitized(left, Counter()) == left


@pytest.mark.parametrize(
    "text",
    [
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<p\x00 onclick=1>q</p>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
        "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
        "<a href='javascript:1'\x0bonclick=1/onfocus=2>x<script/x>y</script\n>",
        "<!--><script>1</script>-->",
        "<img src=x:x onerror\n=\nalert(1)//",
    ],
)
def test_what_parsers_disagree_about_is_taken_out_too(text: str) -> None:
    removed: Counter[str] = Counter()
    left = sanitized(text, removed)
    assert sanitized(left, Counter()) == left
    assert "<script" not in left.lower() or "script" not in removed


def test_only_texts_of_documents_are_changed_and_their_ids_are_told() -> None:
    line = '{"custom_id":"<script>","body":{"model":"m","messages":[{"role":"user","content":"%s"}],"stop":"<script>"}}'
    rows = [
        Document(f"r{place}", 0, place + 1, line % "a<script>b</script>c") for place in range(MOST_IDS + 1)
    ]
    harmless = Document("good", 0, 200, '{ "text": "1 < 2" }')
    bad = BadRow(0, 201, "<script>", "broken")
    tally = Sanitized()
    left = list(sanitized_rows([*rows, harmless, bad], tally))
    assert isinstance(left[0], Document)
    assert left[0].content == line % "ac"
    assert left[-2:] == [harmless, bad]
    assert tally.as_json() == {
        "documents": MOST_IDS + 1,
        "removed": {"script": MOST_IDS + 1},
        "custom_ids": [row.custom_id for row in rows[:MOST_IDS]],
    }
