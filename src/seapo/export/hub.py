"""Pushing an export to a hub: only when it is told to, private by default, the token never written anywhere."""

import os
from pathlib import Path
from typing import Any

from seapo.errors import HubError

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Environment variables that may hold the token; no file is read for it."""


def find_token() -> str:
    """The token of the environment; raises HubError where there is none."""
    for name in TOKENS:
        if token := os.environ.get(name, "").strip():
            return token
    raise HubError(f"a push to the hub needs a token in the environment variable {TOKENS[0]}, and it is not set")


def push(folder: Path, repo: str, *, token: str, public: bool = False) -> str:
    """Upload a folder as a data set, and give its address.

    Raises HubError, in a sentence and without the token, where the hub cannot be reached or refuses, or where `repo`
    is there and open to all although `public` was not asked for.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    # Whatever the client raises may show the request with its headers. So the text is searched for the token, and the
    # original is left out of the traceback.
    try:
        return _upload(api, folder, repo, public)
    except HubError:
        raise
    except Exception as problem:
        reason = _without(token, f"{type(problem).__name__}: {problem}")
        where = _without(token, api.endpoint)
    raise HubError(f"{repo} could not be pushed to {where}: {reason}")


def _upload(api: Any, folder: Path, repo: str, public: bool) -> str:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        is_open = not api.repo_info(repo, repo_type="dataset").private
    except RepositoryNotFoundError:
        api.create_repo(repo, repo_type="dataset", private=not public)
    else:
        if is_open and not public:
            raise HubError(f"{repo} is there already and open to all; say --public, or choose another --repo")
    commit = api.upload_folder(
        repo_id=repo, repo_type="dataset", folder_path=folder, commit_message="Upload preference pairs"
    )
    return str(commit.repo_url)


def _without(token: str, text: str) -> str:
    """One line, at most 300 characters, with the token blotted out."""
    return " ".join(text.replace(token, "***").split())[:300]
