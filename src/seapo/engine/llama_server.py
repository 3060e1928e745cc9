"""Serves a GGUF file through llama.cpp on a loopback port. A script of its own, so that it loads nothing else of seapo:

    python llama_server.py MODEL.gguf PORT SLOTS CONTEXT_TOKENS

The key that requests must carry comes in the environment variable SEAPO_ENGINE_KEY. It runs until it is ended.
"""

import os
import signal
import sys

SPARE_THREADS = 4
"""Of the HTTP server, beside one for each slot: health checks get an answer while all slots are at work."""


def serve(model: str, port: int, slots: int, context_tokens: int) -> None:
    """Load the model and serve it until this process is ended."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.api_keys = [os.environ["SEAPO_ENGINE_KEY"]]
    params.n_parallel = slots
    params.n_ctx = context_tokens * slots
    params.kv_unified = False  # so that every slot has its whole context
    params.cont_batching = True
    params.n_threads_http = slots + SPARE_THREADS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads()
    params.warmup = False
    params.cache_ram_mib = 0  # prompts that are no longer in a slot are not worth gigabytes
    params.ui = params.endpoint_slots = False
    # Replies follow from temperature and top_p alone, as with other servers.
    params.sampling.top_k, params.sampling.min_p = 0, 0.0
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    while True:
        signal.pause()


def threads() -> int:
    """Threads to compute with: OMP_NUM_THREADS where it is set, else as many as there are cores for this process."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) > 0 else len(os.sched_getaffinity(0))


if __name__ == "__main__":
    serve(sys.argv[1], *map(int, sys.argv[2:]))
