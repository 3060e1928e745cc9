"""What is done with samples over `train.max_length`: set aside, answers cut at their end, or prompts at their start."""

from dataclasses import dataclass
from typing import Literal

Rule = Literal["set_aside", "keep_start", "keep_end"]
Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Truncation:
    """A limit, and the rule for what is longer."""

    max_length: int
    """Tokens of prompt and answer."""
    rule: Rule = "set_aside"

    def refuses(self, prompt: Tokens, answer: Tokens) -> str | None:
        """Why this prompt and answer cannot be used even when they are cut; None where they can."""
        limit = f"train.max_length, {self.max_length} tokens"
        if self.rule == "keep_start":
            return f"the prompt leaves no room for an answer in {limit}" if len(prompt) >= self.max_length else None
        if self.rule == "keep_end":
            return f"the answer leaves no room for a prompt in {limit}" if len(answer) >= self.max_length else None
        return f"longer than {limit}" if len(prompt) + len(answer) > self.max_length else None

    def cut_answer(self, prompt: Tokens, answer: Tokens) -> Tokens:
        """The answer, without its end where the rule is `keep_start` and both are too long."""
        return answer[: self.max_length - len(prompt)] if self.rule == "keep_start" else answer

    def cut_prompt(self, prompt: Tokens, longest_answer: int) -> Tokens:
        """The prompt, without its start where the rule is `keep_end` and it is too long for its longest answer.

        The template's first marks and a system message go with it; answers are never cut.
        """
        return prompt[-(self.max_length - longest_answer) :] if self.rule == "keep_end" else prompt
