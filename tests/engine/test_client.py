"""One engine and a server that does what it is told: what is sent, kept, tried again, and said when nothing helps."""

import datetime
import threading
import time
from email.utils import format_datetime

import pytest

from seapo.engine import Reply
from seapo.engine.faults import LONGEST_PROBLEM, clean, retry_after_s
from seapo.errors import EngineError, RequestError

SCHEMA = {"title": "an answer", "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def test_a_request_becomes_a_reply_and_an_entry(kit, scripted, journal):
    server = scripted(kit.completion("Hi!", prompt_tokens=7, completion_tokens=2, finish_reason="length"))
    settings = kit.section(server.url, temperature=0.5, top_p=0.9, max_tokens=100)
    with kit.engine(settings, journal) as engine:
        reply = engine.complete(kit.asking("Hello", max_tokens=30))
        assert reply == Reply(text="Hi!", finish_reason="length", prompt_tokens=7, completion_tokens=2)
        assert journal.get(engine.key(kit.asking("Hello", max_tokens=30)))["text"] == "Hi!"
        assert engine.complete(kit.asking("Hello", max_tokens=30)) == reply
        assert engine.usage.from_journal == 1
    assert server.bodies == [
        {
            "model": "m",
            "messages": [{"role": "user", "content": "Hello"}],
            "temperature": 0.5,
            "top_p": 0.9,
            "stream": False,
            "max_tokens": 30,
        }
    ]


def test_the_sections_max_tokens_is_default_and_ceiling(kit, scripted, journal):
    server = scripted("x")
    with kit.engine(kit.section(server.url, max_tokens=50), journal) as engine:
        for most in (None, 50, 90, 49):
            engine.complete(kit.asking("q", max_tokens=most))
    assert [body["max_tokens"] for body in server.bodies] == [50, 49]  # the first three are one request


def test_the_key_of_the_journal_covers_what_makes_a_reply_and_nothing_else(kit, monkeypatch):
    def key(request=None, **settings):
        with kit.engine(kit.section("http://127.0.0.1:1/v1", **settings)) as engine:
            return engine.key(request or kit.asking("q"))

    base = key()
    same = {"concurrency": 2, "timeout_s": 5, "budget_tokens": 9, "max_retries": 1, "response_format": "none"}
    assert all(key(**{name: value}) == base for name, value in same.items())
    assert key(base_url="https://elsewhere.example/v1") == base
    other = {"model": "n", "temperature": 1.0, "top_p": 0.5, "max_tokens": 5}
    requests = [
        kit.asking("r"),
        kit.asking("q", attempt=1),
        kit.asking("q", schema=SCHEMA),
        kit.asking("q", max_tokens=9),
    ]
    keys = {key(**{name: value}) for name, value in other.items()} | {key(request) for request in requests}
    assert len(keys - {base}) == 8
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    assert key() == base


def test_threads_that_ask_the_same_at_once_share_one_request(kit, scripted, journal):
    def slow(handler, body):
        del body
        time.sleep(0.3)
        handler.send(200, kit.completion("once"))

    server = scripted(slow)
    with kit.engine(kit.section(server.url), journal) as engine:
        replies = kit.ask_all(engine, [kit.asking("q")] * 20, threads=20)
        assert {reply.text for reply in replies} == {"once"}
        assert engine.usage.requests == 1
    assert len(server.bodies) == 1
    assert journal.counts() == {"reply": 1}


def test_a_journalled_run_needs_no_server_and_no_client(kit, scripted, journal):
    server = scripted("kept")
    with kit.engine(kit.section(server.url), journal) as engine:
        engine.complete(kit.asking("q"))
    server.close()
    threads = threading.active_count()
    with kit.engine(kit.section(server.url), journal) as engine:
        assert engine.complete(kit.asking("q")).text == "kept"
        assert threading.active_count() == threads


CUT = b'{"choices": [{"message": {"content": "ha'
FAULTS = {
    "408": (408, b""),
    "409": (409, {"error": "conflict"}),
    "429": (429, {"error": {"message": "slow down"}}),
    "500": (500, b"<html>"),
    "503": (503, {"detail": "loading"}),
    "garbage": CUT,
    "not an object": b"[]",
    "no choices": {"choices": []},
    "no content": {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]},
    "content of another type": {"choices": [{"message": {"content": ["x"]}, "finish_reason": "stop"}]},
    "nothing": b"",
    "half a body": lambda handler, body: (handler.send(200, CUT, length=900), handler.cut()),
    "a lost connection": lambda handler, body: handler.cut(),
    "a hang": lambda handler, body: (time.sleep(1.2), handler.cut()),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_worth_trying_again_is_tried_again(kit, scripted, journal, fault):
    server = scripted(FAULTS[fault], FAULTS[fault], "at last")
    with kit.engine(kit.section(server.url, timeout_s=1), journal) as engine:
        assert engine.complete(kit.asking("q")).text == "at last"
        assert engine.usage.retries == 2
    assert len(server.bodies) == 3
    assert journal.counts() == {"reply": 1}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_ends_in_a_sentence(kit, scripted, journal, fault):
    server = scripted(FAULTS[fault])
    with (
        kit.engine(kit.section(server.url, timeout_s=0.5, max_retries=1), journal) as engine,
        pytest.raises(RequestError, match=r"the server at http://127.*tried 2 times; look at the server") as caught,
    ):
        engine.complete(kit.asking("q"))
    assert "\n" not in str(caught.value)
    assert journal.counts() == {}


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "the server will not answer this request as it is"),
        (401, "OPENAI_API_KEY is not set; set it to a key for this server"),
        (403, "OPENAI_API_KEY is not set"),
        (404, "look at base_url, which mostly ends in /v1, and at the model's name, 'm'"),
        (413, "the server will not answer this request as it is"),
        (307, "the server will not answer this request as it is"),
    ],
)
def test_what_is_not_worth_it_is_one_sentence_at_once(kit, scripted, journal, monkeypatch, status, advice):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = scripted((status, {"error": {"message": "No such\nthing"}}, {"Location": "http://127.0.0.1:1/"}))
    with kit.engine(kit.section(server.url), journal) as engine, pytest.raises(EngineError) as caught:
        engine.complete(kit.asking("q"))
    assert len(server.bodies) == 1
    assert str(caught.value).startswith(f"the server at {server.url}: status {status}: No such thing; ")
    assert advice in str(caught.value)


def test_an_account_without_money_is_not_asked_again(kit, scripted):
    server = scripted((429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}))
    with kit.engine(kit.section(server.url)) as engine, pytest.raises(EngineError, match="exceeded your quota"):
        engine.complete(kit.asking("q"))
    assert len(server.bodies) == 1


@pytest.mark.parametrize("form", ["seconds", "date", "milliseconds"])
def test_retry_after_is_honoured_by_all(kit, scripted, journal, form):
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    headers = {
        "seconds": {"Retry-After": "1"},
        "date": {"Retry-After": format_datetime(later, usegmt=True)},
        "milliseconds": {"retry-after-ms": "1000"},
    }[form]
    server = scripted((429, {}, headers), "fine")
    with kit.engine(kit.section(server.url, concurrency=1), journal) as engine:
        start = time.monotonic()
        replies = kit.ask_all(engine, [kit.asking("a"), kit.asking("b")])
        waited_s = time.monotonic() - start
    assert [reply.text for reply in replies] == ["fine", "fine"]
    assert 0.9 < waited_s < 4


def test_a_server_that_asks_for_hours_is_not_waited_for(kit, scripted):
    server = scripted((429, {"error": "come back tomorrow"}, {"Retry-After": "7200"}))
    with (
        kit.engine(kit.section(server.url)) as engine,
        pytest.raises(EngineError, match=r"come back tomorrow \(it asks to wait 7200 s\)"),
    ):
        engine.complete(kit.asking("q"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "1.5"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "9", "Retry-After-Ms": "20"}, 0.02),
    ],
)
def test_forms_of_retry_after(headers, seconds):
    assert retry_after_s(headers) == seconds


def test_what_a_server_says_is_one_short_printable_line():
    said = clean("a\n\x1b[31mred\x07 " + "b" * 1000, secret=None)
    assert said.isprintable()
    assert len(said) == LONGEST_PROBLEM


KEY = "sk-very-secret-0123456789"


def test_the_key_reaches_the_server_and_nothing_else(kit, scripted, journal, monkeypatch, tmp_path, caplog, capfd):
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level("DEBUG")
    told = []
    server = scripted(
        kit.completion(f"you sent {KEY}"),
        (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}),
        (500, f"trace: Authorization: Bearer {KEY}".encode()),
    )
    settings = kit.section(server.url, api_key_env="MY_KEY", max_retries=0)
    with kit.engine(settings, journal, say=told.append, warn=told.append) as engine:
        assert engine.complete(kit.asking("a")).text == "you sent [key]"
        with pytest.raises(
            EngineError, match=r"Incorrect API key provided: \[key\]; the key in the environment"
        ) as error:
            engine.complete(kit.asking("b"))
        told += [repr(engine), str(engine.__dict__), str(error.value), repr(error.value), str(error.getrepr())]
    with kit.engine(settings, journal) as engine, pytest.raises(EngineError, match=r"Bearer \[key\]"):
        engine.complete(kit.asking("c"))
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert journal.counts() == {"reply": 1}
    journal.close()
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY not in "".join(told) + caplog.text + "".join(capfd.readouterr())


def test_where_there_is_no_key_none_is_sent(kit, scripted, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server = scripted("hello")
    with kit.engine(kit.section(server.url)) as engine:
        engine.complete(kit.asking("q"))
    assert "authorization" not in server.headers[0]


def test_the_key_is_not_sent_on_to_where_a_server_points(kit, scripted, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    other = scripted("stolen")
    server = scripted((307, b"", {"Location": f"{other.url}/chat/completions"}))
    with kit.engine(kit.section(server.url)) as engine, pytest.raises(EngineError, match="status 307"):
        engine.complete(kit.asking("q"))
    assert other.bodies == []


def test_no_proxy_stands_between_us_and_this_machine(kit, scripted, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with kit.engine(kit.section(scripted("direct").url)) as engine:
        assert engine.complete(kit.asking("q")).text == "direct"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8000/v1", "is no address; write it as http://"),
        ("https://user:secret@example.com/v1", "holds a user name or password"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused(kit, url, message):
    with pytest.raises(EngineError, match=message) as caught, kit.engine(kit.section(url)):
        pass
    assert "secret" not in str(caught.value)


def test_a_key_without_encryption_is_warned_of(kit, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    told = []
    for url in ("http://example.com/v1", "https://example.com/v1", "http://127.0.0.1:1/v1"):
        with kit.engine(kit.section(url), warn=told.append):
            pass
    assert told == ["the key in OPENAI_API_KEY travels unencrypted to example.com; use https"]


def refuses(*forms):
    """A step that refuses requests with these response formats."""

    def step(handler, body):
        form = body.get("response_format", {}).get("type", "none")
        if form in forms:
            handler.send(400, {"error": {"message": f"{form} is not supported"}})
        else:
            handler.send(200, {"choices": [{"message": {"content": form}}], "usage": {"prompt_tokens": 1}})

    return step


@pytest.mark.parametrize(
    ("refused", "form", "sent"),
    [
        ([], "json_schema", 3),
        (["json_schema"], "json_object", 4),
        (["json_schema", "json_object"], "none", 5),
    ],
)
def test_the_form_of_a_schema_falls_back_and_is_remembered(kit, scripted, journal, refused, form, sent):
    server = scripted(refuses(*refused))
    with kit.engine(kit.section(server.url), journal) as engine:
        for text in "abc":
            assert engine.complete(kit.asking(text, schema=SCHEMA)).text == form
    assert len(server.bodies) == sent
    asked = server.bodies[0]["response_format"]["json_schema"]
    assert asked == {"name": "an_answer", "strict": True, "schema": SCHEMA}


def test_a_request_that_is_refused_in_every_form_teaches_nothing(kit, scripted, journal):
    def step(handler, body):
        if body["messages"][0]["content"] == "too long":
            handler.send(400, {"error": {"message": "the context is too long"}})
        else:
            handler.send(200, kit.completion(body["response_format"]["type"]))

    server = scripted(step)
    with kit.engine(kit.section(server.url), journal) as engine:
        assert engine.complete(kit.asking("short", schema=SCHEMA)).text == "json_schema"
        with pytest.raises(RequestError, match="the context is too long"):
            engine.complete(kit.asking("too long", schema=SCHEMA))
        assert engine.complete(kit.asking("short again", schema=SCHEMA)).text == "json_schema"


def test_a_fixed_form_is_kept(kit, scripted):
    server = scripted(refuses("json_schema"))
    with kit.engine(kit.section(server.url, response_format="none")) as engine:
        assert engine.complete(kit.asking("q", schema=SCHEMA)).text == "none"
    with (
        kit.engine(kit.section(server.url, response_format="json_schema")) as engine,
        pytest.raises(EngineError, match="json_schema is not supported"),
    ):
        engine.complete(kit.asking("q", schema=SCHEMA))


def test_a_model_that_wants_another_name_for_the_length_gets_it(kit, scripted):
    def step(handler, body):
        if "max_tokens" in body:
            handler.send(400, {"error": {"message": "Unsupported: 'max_tokens'. Use 'max_completion_tokens' instead."}})
        else:
            handler.send(200, kit.completion(str(body["max_completion_tokens"])))

    server = scripted(step)
    with kit.engine(kit.section(server.url)) as engine:
        assert [engine.complete(kit.asking(text, max_tokens=9)).text for text in "ab"] == ["9", "9"]
    assert len(server.bodies) == 3


def test_a_server_that_counts_no_tokens_is_counted_for_and_told_of(kit, scripted):
    told = []
    server = scripted({"choices": [{"message": {"content": "12345678"}, "finish_reason": None}]})
    with kit.engine(kit.section(server.url), warn=told.append) as engine:
        reply = engine.complete(kit.asking("1234"))
        engine.complete(kit.asking("5678"))
    assert (reply.prompt_tokens, reply.completion_tokens, reply.finish_reason) == (1, 2, "stop")
    assert len(told) == 1
    assert "does not tell the number of tokens" in told[0]


def test_an_empty_answer_is_an_answer(kit, scripted, journal):
    with kit.engine(kit.section(scripted("").url), journal) as engine:
        assert engine.complete(kit.asking("q")).text == ""
        assert engine.complete(kit.asking("q")).text == ""
        assert engine.usage.requests == 1


def test_no_engine_is_said_to_be_none(kit):
    with pytest.raises(EngineError, match=r"engine\.kind is none"), kit.engine(kit.section(kind="none")):
        pass


def test_a_closed_engine_answers_from_the_journal_alone(kit, scripted, journal):
    with kit.engine(kit.section(scripted("x").url), journal) as engine:
        engine.complete(kit.asking("q"))
    assert engine.complete(kit.asking("q")).text == "x"
    with pytest.raises(EngineError, match="engine is closed"):
        engine.complete(kit.asking("r"))
