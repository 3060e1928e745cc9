"""The judge, asked over HTTP: a server in this process answers as it is told to, after reading what it is shown."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seapo.engine import open_engine
from seapo.journal import Journal
from seapo.recipe import EngineSection, ErrorTypeSection, VerifySection
from seapo.records import NumberTruth
from seapo.verify import examiner, verify_candidates
from seapo.verify.examination import panel
from seapo.verify.judge import judge_request, names_place, read_opinion

CHOSEN = "Whales are mammals. They breathe air, and the largest of them is the blue whale, which eats krill."
NEGATIVE = CHOSEN.replace("eats krill", "never eats krill")


class Reader(BaseHTTPRequestHandler):
    """Shows the question to the server's `answer`, and sends what that gives as a chat completion."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shown = body["messages"][-1]["content"]
        answers = re.search(r"ANSWER A\n(.*)\n\nANSWER B\n(.*)\n\nWhich", shown, re.DOTALL).groups()
        self.server.bodies.append(body)
        answer = self.server.answer(*answers)
        text, reason = answer if isinstance(answer, tuple) else (answer, "stop")
        usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
        content = json.dumps({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
        self.send_response(400 if text == "refused" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@contextmanager
def judged_by(answer, journal=None):
    """An engine whose model answers by a function of the two answers that it is shown."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Reader)
    server.answer, server.bodies = answer, []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    section = EngineSection(kind="openai", base_url=f"http://127.0.0.1:{server.server_address[1]}/v1", model="reader")
    try:
        with open_engine(section, journal=journal, say=lambda text: None, warn=lambda text: None) as engine:
            yield engine, server
    finally:
        server.shutdown()
        server.server_close()


def opinion(better, error_type="correctness", quote="which never eats krill"):
    return json.dumps({"better": better, "error_type": error_type, "quote": quote})


def prefers(wanted, **fields):
    """A reader who finds the wanted answer, wherever it stands."""
    return lambda first, second: opinion("A" if first == wanted else "B", **fields)


def ask(make_sample, make_candidate, answer, *, error_type="correctness", text=NEGATIVE):
    sample = make_sample(CHOSEN)
    with judged_by(answer) as (engine, server):
        checks = panel(VerifySection(), judge=engine)
        result = checks.checks["judge"](sample, make_candidate(sample, text, error_type), VerifySection())
    return result, server.bodies


def test_who_finds_error_type_and_place_in_both_orders_confirms_it(make_sample, make_candidate):
    result, bodies = ask(make_sample, make_candidate, prefers(CHOSEN))
    assert (result.outcome, result.check) == ("pass", "judge")
    assert "correctness" in result.evidence
    assert "never eats krill" in result.evidence
    shown = [body["messages"][-1]["content"] for body in bodies]
    assert [text.index(CHOSEN) < text.index(NEGATIVE) for text in shown] in ([True, False], [False, True])


def test_who_prefers_the_negative_twice_rejects_it(make_sample, make_candidate):
    result, bodies = ask(make_sample, make_candidate, prefers(NEGATIVE))
    assert (result.outcome, len(bodies)) == ("fail", 2)


@pytest.mark.parametrize(
    ("answer", "why", "asked"),
    [
        (lambda first, second: opinion("A"), "with the order swapped the other way round", 2),
        (lambda first, second: "I like both.", "no reply of reader could be read", 1),
        (lambda first, second: (opinion("A"), "length"), "no reply of reader could be read", 1),
        (lambda first, second: "refused", "no reply of reader could be read", 3),
        (prefers(CHOSEN, error_type="logic"), "took the error for one of logic", 1),
        (prefers(CHOSEN, quote="Whales are mammals"), "quoted another place", 1),
        (prefers(CHOSEN, quote=NEGATIVE * 3), "quoted another place", 1),
    ],
)
def test_what_decides_nothing_is_not_judged(make_sample, make_candidate, answer, why, asked):
    result, bodies = ask(make_sample, make_candidate, answer)
    assert why in result.evidence
    assert (result.outcome, len(bodies)) == ("not_judged", asked)


def test_which_answer_comes_first_is_drawn_by_the_sample(make_sample, make_candidate):
    first = []
    for number in range(12):
        sample = make_sample(CHOSEN, id=f"s{number}")
        with judged_by(prefers(CHOSEN)) as (engine, server):
            panel(VerifySection(), judge=engine).checks["judge"](
                sample, make_candidate(sample, NEGATIVE), VerifySection()
            )
        shown = server.bodies[0]["messages"][-1]["content"]
        first.append(shown.index(CHOSEN) < shown.index(NEGATIVE))
    assert {True, False} == set(first)


def test_a_users_own_type_is_told_and_can_be_judged(make_sample, make_candidate, tmp_path):
    style = ErrorTypeSection(name="style", definition="The tone breaks with what was asked for.")
    sample, text = make_sample(CHOSEN), CHOSEN.replace("Whales are mammals.", "Whales are, like, totally mammals.")
    candidate = make_candidate(sample, text, "style")
    reader = prefers(CHOSEN, error_type="style", quote="are, like, totally")
    for answer, statuses in ((reader, ["judged"]), (prefers(text), [])):
        with judged_by(answer) as (engine, server):
            result = verify_candidates(
                [sample], [candidate], [], VerifySection(use_judge=True), error_types=["style"], types=[style],
                judge=engine,
            )  # fmt: skip
        assert [each.verdict.status for each in result.negatives] == statuses
    assert "style: The tone breaks with what was asked for." in server.bodies[0]["messages"][0]["content"]
    assert result.summary.dropped_candidates == {"style": {"judge": 1}}


def test_a_proof_is_stronger_than_the_judge_and_only_what_passed_is_shown_to_it(make_sample, make_candidate):
    chosen = "There are 4 * 6 = 24 eggs, which Anna counts.\n#### 24"
    sample = make_sample(chosen, truth=NumberTruth(value="24"))
    candidates = [
        make_candidate(sample, chosen, rank=0),
        make_candidate(sample, chosen.replace("= 24", "= 26"), rank=1),
        make_candidate(sample, chosen.replace("Anna", "Julia"), rank=2),
    ]
    quotes = {"26": "4 * 6 = 26 eggs", "Julia": "which Julia counts"}

    def answer(first, second):
        wrong = second if first == chosen else first
        quote = next(quote for word, quote in quotes.items() if word in wrong)
        return opinion("A" if first == chosen else "B", quote=quote)

    with judged_by(answer) as (engine, server):
        result = verify_candidates(
            [sample], candidates, [], VerifySection(use_judge=True), error_types=["correctness"], judge=engine
        )
    assert [(each.rank, each.verdict.status) for each in result.negatives] == [(1, "proved")]
    assert [each.candidate.rank for each in result.dropped] == [0]
    assert len(server.bodies) == 4


def test_the_examiner_tells_what_a_judge_misses(make_sample, make_candidate):
    sample = make_sample(CHOSEN)
    with judged_by(prefers(NEGATIVE)) as (engine, _):
        (told,) = examiner(VerifySection(use_judge=True), judge=engine)(sample, make_candidate(sample, NEGATIVE))
        assert examiner(VerifySection(), judge=engine)(sample, make_candidate(sample, NEGATIVE)) == ()
    assert told == (
        "A reader who compared both answers did not find the error: in both orders reader prefers the text with the "
        "change."
    )


def test_what_the_journal_knows_is_not_asked_again(make_sample, make_candidate, tmp_path):
    samples = [make_sample(CHOSEN, id=f"s{n}") for n in range(8)]
    candidates = [make_candidate(sample, NEGATIVE) for sample in samples]
    results, asked = [], []
    for threads in (8, 1):
        with Journal(tmp_path / "j.sqlite") as journal, judged_by(prefers(CHOSEN), journal) as (engine, server):
            results.append(
                verify_candidates(
                    samples,
                    candidates,
                    [],
                    VerifySection(use_judge=True),
                    error_types=["correctness"],
                    judge=engine,
                    judge_threads=threads,
                    journal=journal,
                )
            )
        asked.append(len(server.bodies))
    assert results[0] == results[1]
    assert asked[1] == 0
    assert [each.sample_id for each in results[0].negatives] == [sample.id for sample in samples]
    assert {each.verdict.status for each in results[0].negatives} == {"judged"}


@pytest.mark.parametrize(
    "text",
    [
        opinion("A"),
        f"Sure! Here is my verdict:\n```json\n{opinion('A')}\n```\nI hope this helps.",
        opinion("answer a."),
        '{"thought": "A is {fine}"} ' + opinion("A"),
        opinion("A").replace("never", "never\\n"),
    ],
)
def test_replies_are_read_whatever_stands_around_them(text):
    found = read_opinion(text, chosen_first=True)
    assert (found.better, found.error_type) == ("chosen", "correctness")
    assert read_opinion(text, chosen_first=False).better == "negative"


@pytest.mark.parametrize("text", ["", "A", "{", '{"better": "C"}', '["A"]', '{"better": null}', opinion("A")[:-4]])
def test_replies_without_an_opinion_are_none(text):
    assert read_opinion(text, chosen_first=True) is None


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='{}[]":,ABbeter \\\n', max_size=60))
def test_no_reply_makes_reading_raise(text):
    read_opinion(text, chosen_first=True)


@pytest.mark.parametrize(
    ("quote", "text", "is_there"),
    [
        ("never eats krill", NEGATIVE, True),
        ("NEVER EATS", NEGATIVE, True),
        ('"which never eats krill."', NEGATIVE, True),
        ("the blue whale, which never consumes krill", NEGATIVE, True),
        ("Whales are mammals", NEGATIVE, False),
        ("sharks never sleep", NEGATIVE, False),
        ("", NEGATIVE, False),
        ("They breathe air", CHOSEN.replace("They breathe air, and the", "The"), True),
        ("The largest of them", CHOSEN.replace("They breathe air, and the", "The"), True),
        ("which eats krill", CHOSEN.replace("They breathe air, and the", "The"), False),
    ],
)
def test_a_quotation_names_the_place(quote, text, is_there):
    assert names_place(quote, CHOSEN, text) is is_there


def test_the_question_fits_its_schema(make_sample, make_candidate):
    sample = make_sample(CHOSEN)
    request = judge_request(sample, make_candidate(sample, NEGATIVE, "logic"), chosen_first=True)
    assert request.schema["properties"]["error_type"]["enum"] == ["correctness", "logic", "hallucination"]
    assert set(request.schema["required"]) == set(request.schema["properties"])


def test_the_embedded_model_gives_a_valid_outcome(make_sample, make_candidate):
    sample = make_sample(CHOSEN)
    section = EngineSection(kind="embedded", max_tokens=16)
    with open_engine(section, journal=None, say=lambda text: None, warn=lambda text: None) as engine:
        checks = panel(VerifySection(use_judge=True), judge=engine)
        result = checks.checks["judge"](sample, make_candidate(sample, NEGATIVE), VerifySection())
    assert result.outcome in ("pass", "fail", "not_judged")
    assert result.evidence
