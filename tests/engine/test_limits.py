"""How many requests are under way, when the engine gives up, and how a budget ends a run."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seapo.engine import estimate
from seapo.engine.gate import Gate
from seapo.engine.limiter import Limiter
from seapo.errors import EngineError, RequestError, StoppedError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PRICES = {"price_per_million_input_tokens": 1000.0, "price_per_million_output_tokens": 2000.0}


def test_eight_slots_are_kept_busy():
    command = [sys.executable, BENCHMARKS / "engine_load.py", "--requests", "64", "--median-seconds", "1.0", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    measured = json.loads(done.stdout)
    assert measured["journalled"] == 64
    assert measured["slots"] == 8
    assert measured["busy_share"] >= 0.9


def test_the_engine_tells_how_busy_it_kept_the_server(kit, journal):
    with kit.closing(kit.Slots(2, lambda text: 1.0)) as server:
        with kit.engine(kit.section(server.url, concurrency=2), journal) as engine:
            kit.ask_all(engine, [kit.asking(str(n)) for n in range(2)])
            assert engine.usage.busy_share > 0.7
        with kit.engine(kit.section(server.url, concurrency=4), journal) as engine:
            kit.ask_all(engine, [kit.asking(str(n)) for n in range(2, 4)])
            assert 0.3 < engine.usage.busy_share <= 0.5


def test_there_are_never_more_under_way_than_allowed(kit, journal):
    with kit.closing(kit.Slots(64, lambda text: 0.02)) as server:
        with kit.engine(kit.section(server.url, concurrency=5), journal) as engine:
            kit.ask_all(engine, [kit.asking(str(n)) for n in range(100)])
        moments = sorted([(start, 1) for start, _ in server.spans] + [(end, -1) for _, end in server.spans])
    under_way = most = 0
    for _, change in moments:
        under_way += change
        most = max(most, under_way)
    assert most == 5


def test_a_server_that_takes_two_at_once_gets_no_more_than_it_refuses_seldom(kit, journal):
    """It answers 429 to a third; the limiter finds its way, every reply comes, and refusals stay rare."""
    lock = threading.Lock()
    state = {"now": 0, "refused": 0}

    def step(handler, body):
        del body
        with lock:
            is_free = state["now"] < 2
            state["now" if is_free else "refused"] += 1
        if not is_free:
            return handler.send(429, {"error": "busy"})
        time.sleep(0.01)
        with lock:
            state["now"] -= 1
        return handler.send(200, kit.completion("ok"))

    with (
        kit.closing(kit.Scripted(step)) as server,
        kit.engine(kit.section(server.url, concurrency=16, max_retries=20), journal) as engine,
    ):
        replies = kit.ask_all(engine, [kit.asking(str(n)) for n in range(200)])
    assert {getattr(reply, "text", reply) for reply in replies} == {"ok"}
    assert state["refused"] < 150


async def hold(limiter, seconds, tokens=10.0):
    async with limiter.place() as taken:
        await asyncio.sleep(seconds)
        limiter.replied(taken, tokens)


def test_refusals_halve_once_for_what_was_under_way_together_and_replies_add_one_again():
    async def journey():
        limiter = Limiter(8, Gate())
        async with limiter.place() as first:
            pass
        await asyncio.sleep(0.01)
        for _ in range(8):
            limiter.refused(first, None)
        seen = [limiter.limit]
        async with limiter.place() as later:
            limiter.refused(later, None)
        seen.append(limiter.limit)
        for _ in range(30):
            await hold(limiter, 0)
            seen.append(limiter.limit)
        return seen

    seen = asyncio.run(journey())
    assert seen[:2] == [4, 2]
    assert seen[3:6] == [3, 3, 3]  # after two replies at two places
    assert max(seen) == 8


def test_latency_that_climbs_without_throughput_lowers_the_limit_and_with_it_does_not():
    async def pace(limiter, seconds, tokens):
        await asyncio.gather(*(hold(limiter, seconds, tokens) for _ in range(16)))

    async def journey(slow_tokens):
        limiter = Limiter(8, Gate())
        await pace(limiter, 0.02, 10)
        assert limiter.limit == 8
        await pace(limiter, 0.08, slow_tokens)
        return limiter.limit

    assert asyncio.run(journey(10)) == 6
    assert asyncio.run(journey(45)) == 8  # four times as long, for more than four times the tokens


def test_waiting_requests_end_when_the_gate_closes():
    async def journey():
        gate = Gate()
        limiter = Limiter(1, gate)
        tasks = [asyncio.create_task(hold(limiter, 0.05)) for _ in range(5)]
        await asyncio.sleep(0.01)
        gate.close(EngineError("over"))
        gate.close(EngineError("not this one"))
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(journey())
    assert results[0] is None
    assert [str(result) for result in results[1:]] == ["over"] * 4


def test_a_place_that_is_given_up_goes_to_the_next(kit):
    async def journey():
        limiter = Limiter(1, Gate())
        holder = asyncio.create_task(hold(limiter, 0.02))
        await asyncio.sleep(0)
        dropped, next_one = (asyncio.create_task(hold(limiter, 0)) for _ in range(2))
        await asyncio.sleep(0.01)
        dropped.cancel()
        await asyncio.wait_for(asyncio.gather(holder, next_one), 2)
        assert limiter.in_use == 0

    asyncio.run(journey())


def test_a_server_that_fails_everybody_stops_everybody_with_one_sentence(kit, scripted, journal):
    server = scripted("first", (500, {"error": "out of order"}))
    with kit.engine(kit.section(server.url, max_retries=2, concurrency=4), journal) as engine:
        assert engine.complete(kit.asking("before")).text == "first"
        problems = kit.ask_all(engine, [kit.asking(str(n)) for n in range(100)])
        assert all(isinstance(problem, EngineError) for problem in problems)
        sentences = {str(problem) for problem in problems}
        assert len(sentences) == 1
        assert "status 500: out of order; tried 3 times" in sentences.pop()
        assert len(server.bodies) <= 1 + 32 * 3  # those of 32 threads, and not a hundred times three
        assert engine.complete(kit.asking("before")).text == "first"  # the journal still answers


def test_one_request_that_fails_does_not_stop_the_others(kit, scripted, journal):
    def step(handler, body):
        if body["messages"][0]["content"] == "poison":
            handler.send(500, {"error": "crash"})
        else:
            handler.send(200, kit.completion("ok"))

    server = scripted(step)
    requests = [kit.asking("poison" if n % 10 == 9 else str(n), attempt=n) for n in range(60)]
    with kit.engine(kit.section(server.url, max_retries=1, concurrency=2), journal) as engine:
        results = kit.ask_all(engine, requests)
    assert sum(isinstance(result, RequestError) for result in results) == 6
    assert sum(getattr(result, "text", "") == "ok" for result in results) == 54


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_that_holds_for_all_is_met_once(kit, scripted, journal, status):
    server = scripted((status, {"error": "no"}))
    with kit.engine(kit.section(server.url, concurrency=1), journal) as engine:
        problems = kit.ask_all(engine, [kit.asking(str(n)) for n in range(50)])
    assert len({str(problem) for problem in problems}) == 1
    assert len(server.bodies) == 1


def test_nobody_there_is_said_soon(kit, scripted, journal):
    server = scripted("x")
    server.close()
    with kit.engine(kit.section(server.url, max_retries=50), journal) as engine:
        start = time.monotonic()
        problems = kit.ask_all(engine, [kit.asking(str(n)) for n in range(20)])
    assert time.monotonic() - start < 10
    assert len({str(problem) for problem in problems}) == 1
    assert "no connection" in str(problems[0])
    assert "is it running, and is base_url right?" in str(problems[0])


def test_a_server_that_comes_back_is_waited_for(kit, journal):
    server = kit.Scripted("one")
    with kit.engine(kit.section(server.url, concurrency=2, max_retries=50), journal) as engine:
        assert engine.complete(kit.asking("a")).text == "one"
        server.close()
        threading.Timer(1.0, lambda: revived.append(kit.Scripted("two", port=server.port))).start()
        revived = []
        replies = kit.ask_all(engine, [kit.asking(str(n)) for n in range(20)])
    assert {getattr(reply, "text", reply) for reply in replies} == {"two"}
    revived[0].close()


def test_a_budget_of_tokens_ends_the_run_in_order_and_the_next_goes_on(kit, scripted, journal):
    def step(handler, body):
        del body
        time.sleep(0.01)
        handler.send(200, kit.completion("ok", prompt_tokens=60, completion_tokens=40))

    server = scripted(step)
    requests = [kit.asking(str(n)) for n in range(100)]
    with kit.engine(kit.section(server.url, concurrency=4, budget_tokens=2000), journal) as engine:
        results = kit.ask_all(engine, requests)
        usage = engine.usage
    stops = [result for result in results if isinstance(result, StoppedError)]
    assert 20 <= 100 - len(stops) <= 23  # what was under way came to its end
    assert usage.prompt_tokens + usage.completion_tokens == 100 * (100 - len(stops))
    assert journal.counts() == {"reply": 100 - len(stops)} == {"reply": len(server.bodies)}
    assert len({str(stop) for stop in stops}) == 1
    assert str(stops[0]).startswith("stopped in order: budget_tokens of 2,000 tokens is used up, after 2")
    assert "the same command goes on from here, further with a larger budget_tokens" in str(stops[0])
    with kit.engine(kit.section(server.url, concurrency=4, budget_tokens=20_000), journal) as engine:
        assert all(result.text == "ok" for result in kit.ask_all(engine, requests))
        assert engine.usage.from_journal == 100 - len(stops)
    assert len(server.bodies) == 100


def test_a_budget_of_money(kit, scripted, journal):
    server = scripted(kit.completion("ok", prompt_tokens=100, completion_tokens=200))
    settings = kit.section(server.url, concurrency=1, budget_usd=1.0, **PRICES)
    with kit.engine(settings, journal) as engine:
        results = kit.ask_all(engine, [kit.asking(str(n)) for n in range(5)])
        assert engine.usage.usd == pytest.approx(1.0)  # two requests of 0.1 + 0.4
    stops = [str(result) for result in results if isinstance(result, StoppedError)]
    assert len(stops) == 3
    assert "budget_usd of 1 US dollars is used up, after 2 requests, 600 tokens, 1 US dollars" in stops[0]


def test_a_deadline_lets_what_is_under_way_end_and_sends_no_more(kit, scripted, journal):
    def step(handler, body):
        del body
        time.sleep(0.4)
        handler.send(200, kit.completion("ok"))

    server = scripted(step)
    with kit.engine(kit.section(server.url, concurrency=2, deadline_s=2.5), journal) as engine:
        results = kit.ask_all(engine, [kit.asking(str(n)) for n in range(20)])
    replies = [result for result in results if getattr(result, "text", None) == "ok"]
    assert 0 < len(replies) <= 14
    assert {str(result)[:45] for result in results if isinstance(result, StoppedError)} == {
        "stopped in order: deadline_s of 2.5 s is used"
    }
    assert journal.counts() == {"reply": len(replies)} == {"reply": len(server.bodies)}


def test_a_deadline_is_not_slept_through(kit, scripted):
    server = scripted((429, {}, {"Retry-After": "60"}))
    start = time.monotonic()
    with kit.engine(kit.section(server.url, deadline_s=0.5)) as engine, pytest.raises(StoppedError):
        engine.complete(kit.asking("q"))
    assert time.monotonic() - start < 5


def test_an_error_in_the_block_lets_what_is_under_way_reach_the_journal(kit, scripted, journal):
    def step(handler, body):
        del body
        time.sleep(0.3)
        handler.send(200, kit.completion("late"))

    server = scripted(step)

    def fail():
        with kit.engine(kit.section(server.url), journal) as engine:
            threading.Thread(target=engine.complete, args=(kit.asking("q"),)).start()
            while not server.bodies:
                time.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert journal.counts() == {"reply": 1}


def test_the_keyboard_does_not_wait_for_a_slow_server(kit, scripted, journal):
    server = scripted(lambda handler, body: time.sleep(8))
    start = time.monotonic()
    pool = ThreadPoolExecutor(1)

    def interrupt():
        with kit.engine(kit.section(server.url), journal) as engine:
            asked.append(pool.submit(engine.complete, kit.asking("q")))
            while not server.bodies:
                time.sleep(0.01)
            raise KeyboardInterrupt

    asked = []
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    with pytest.raises(EngineError, match="the text engine was closed before the reply came"):
        asked[0].result(5)
    assert time.monotonic() - start < 5


def test_an_estimate_scales_its_probes_and_asks_nothing_twice(kit, journal):
    with (
        kit.closing(kit.Slots(4, lambda text: 0.1)) as server,
        kit.engine(kit.section(server.url, concurrency=4, **PRICES), journal) as engine,
    ):
        requests = [kit.asking(str(n)) for n in range(60)]
        estimated = estimate(engine, requests[:8], 60)
        again = estimate(engine, requests[:8], 60, requests=requests)
        assert len(server.spans) == 8
        start = time.monotonic()
        kit.ask_all(engine, requests)
        took_s = time.monotonic() - start
        assert len(server.spans) == 60
        assert estimate(engine, requests[:8], 60, requests=requests).requests == 0
    assert (estimated.requests, estimated.known) == (again.requests, again.known) == (52, 8)
    assert (estimated.prompt_tokens, estimated.completion_tokens) == (520, 260)
    assert estimated.usd == pytest.approx(0.52 + 0.52)
    assert estimated.seconds == pytest.approx(took_s, rel=0.5)
    assert str(estimated).startswith("about 52 requests (8 more are known), 520 tokens in prompts and 260 in replies, ")
    assert str(estimated).endswith(" s, 1.04 US dollars")
